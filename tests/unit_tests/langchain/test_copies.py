"""Copies, pickles and JSON of a model: the settings travel, secrets stay."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import cloudpickle  # type: ignore[import-untyped]
import httpx
import httpx2
import pytest
from langchain_core.load import dumpd, dumps, load, loads
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.runnables import ConfigurableField
from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError

from langchain_cf_gemini import ChatCloudflareGemini, CloudflareGeminiError
from langchain_cf_gemini.gateway import GatewayOptions
from tests.support.models import ACCOUNT, TOKEN, Cloudflare, refusal

KEY = "google-key-that-must-not-be-seen"
HEADER = "header-value-that-must-not-be-seen"
SECRETS = (TOKEN, KEY, HEADER)
pytestmark = pytest.mark.filterwarnings(
    "ignore::langchain_core._api.LangChainBetaWarning"
)


def _plain(**settings: Any) -> ChatCloudflareGemini:
    chosen: dict[str, Any] = {
        "model": "gemini-3-flash",
        "account_id": ACCOUNT,
        "api_token": TOKEN,
        "google_api_key": KEY,
        "temperature": 0.5,
        "stop": ["end"],
        "thinking_level": "low",
        "timeout": httpx2.Timeout(5.0, connect=1.0),
        "gateway": GatewayOptions(id="mine"),
        "safety_settings": {"HATE_SPEECH": "OFF"},
    }
    return ChatCloudflareGemini(**{**chosen, **settings})


def _same(one: ChatCloudflareGemini, other: ChatCloudflareGemini) -> None:
    assert one._identifying_params == other._identifying_params
    assert (one.account_id, one.timeout) == (other.account_id, other.timeout)


PICKLES = {"pickle": pickle, "cloudpickle": cloudpickle}


@pytest.mark.parametrize("module", PICKLES.values(), ids=PICKLES.keys())
def test_pickles_leave_secrets_behind(
    module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "from-the-environment")
    monkeypatch.setenv("GOOGLE_API_KEY", "google-from-the-environment")
    model = _plain()
    assert model._transport
    raw: bytes = module.dumps(model)
    assert TOKEN.encode() not in raw
    assert KEY.encode() not in raw
    loaded: ChatCloudflareGemini = pickle.loads(raw)
    _same(loaded, model)
    assert loaded.api_token == SecretStr("from-the-environment")
    assert loaded.google_api_key == SecretStr("google-from-the-environment")


def test_pickles_without_an_environment_say_what_is_missing() -> None:
    loaded: ChatCloudflareGemini = pickle.loads(pickle.dumps(_plain()))
    with pytest.raises(ValueError, match="CLOUDFLARE_API_TOKEN"):
        loaded.invoke("hi")


def test_pickles_leave_clients_behind() -> None:
    model = Cloudflare().model()
    loaded = pickle.loads(pickle.dumps(model))
    assert loaded.http_client is None
    assert loaded.http_async_client is None
    assert model.http_client is not None


def _loaded(model: ChatCloudflareGemini) -> Any:
    secrets = {"CLOUDFLARE_API_TOKEN": TOKEN}
    return load(dumpd(model), allowed_objects="all", secrets_map=secrets)


def _configured(model: ChatCloudflareGemini) -> Any:
    chosen = model.configurable_fields(temperature=ConfigurableField(id="t"))
    return chosen.with_config(configurable={"t": 0.1})


Travel = Callable[[ChatCloudflareGemini], Any]
COPIES: dict[str, Travel] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "model_copy": lambda model: model.model_copy(),
    "model_copy deep": lambda model: model.model_copy(deep=True),
}
CHANGED: dict[str, Travel] = {
    "changed": lambda model: model.model_copy(update={"temperature": 0.1}),
    "changed deep": lambda model: model.model_copy(update={"max_output_tokens": 5},
                                                   deep=True),
}  # fmt: skip
TRAVELS: dict[str, Travel] = {
    **COPIES,
    **CHANGED,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "cloudpickle": lambda model: pickle.loads(cloudpickle.dumps(model)),
    "configurable_fields": _configured,
    "load": _loaded,
    "bind": lambda model: model.bind(temperature=0.1),
}


@pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES.keys())
def test_copies_answer_for_themselves(copied: Any) -> None:
    cloudflare = Cloudflare()
    limiter = InMemoryRateLimiter(requests_per_second=1000, max_bucket_size=5)
    model = cloudflare.model(temperature=0.5, rate_limiter=limiter)
    model.invoke("hi")
    other = copied(model)
    _same(other, model)
    assert other.api_token.get_secret_value() == TOKEN
    assert other._transport is not model._transport
    assert other.rate_limiter is limiter
    model.close()
    assert other.invoke("hi").content == "ok"


@pytest.mark.parametrize("module", PICKLES.values(), ids=PICKLES.keys())
def test_pickles_bring_a_rate_limiter_of_the_same_rate(module: Any) -> None:
    limiter = InMemoryRateLimiter(requests_per_second=1000, max_bucket_size=5)
    model = _plain(rate_limiter=limiter, carry_secrets=True)
    chain = pickle.loads(module.dumps(model.bind(temperature=0.1)))
    assert chain.kwargs == {"temperature": 0.1}
    loaded: Any = chain.bound.rate_limiter
    assert model.rate_limiter is limiter
    assert (loaded.requests_per_second, loaded.max_bucket_size) == (1000, 5)
    assert loaded.acquire()


def test_a_copy_with_other_settings() -> None:
    cloudflare = Cloudflare()
    model = cloudflare.model()
    model.model_copy(update={"temperature": 1.5}).invoke("hi")
    model.invoke("hi")
    assert cloudflare.bodies[0]["generationConfig"] == {"temperature": 1.5}
    assert "generationConfig" not in cloudflare.bodies[1]


class _Ours(ChatCloudflareGemini):
    """A model with the house's own settings, as applications make them."""

    team: str = "a"

    def __init__(self, team: str = "a", **settings: Any) -> None:
        super().__init__(model="gemini-3-flash", account_id=ACCOUNT, **settings)
        self.team = team


@pytest.mark.parametrize("copied", [*COPIES, *CHANGED])
def test_copies_of_a_class_with_a_constructor_of_its_own(copied: str) -> None:
    cloudflare = Cloudflare()
    client = httpx.Client(transport=httpx.MockTransport(cloudflare))
    model = _Ours("b", api_token=TOKEN, http_client=client, max_retries=0)
    other = TRAVELS[copied](model)
    assert (type(other), other.team, other.model) == (_Ours, "b", "gemini-3-flash")
    other.http_client = client
    assert other.invoke("hi", temperature=0.1).text == "ok"


SET_LATER: dict[str, Any] = {
    "account_id": "other",
    "api_token": "new",
    "base_url": "https://x.test/v4",
    "gateway": GatewayOptions(id="g2"),
    "default_headers": {"x-a": "1"},
    "model_name": "gemini-2.5-flash",
    "temperature": 0.3,
    "timeout": 7.0,
}


def _sent(request: httpx.Request) -> Any:
    timeout = request.extensions["timeout"]
    return request.url, dict(request.headers), request.content, timeout


@pytest.mark.parametrize("name", SET_LATER)
def test_what_is_set_after_a_call_holds_for_the_next(name: str) -> None:
    cloudflare = Cloudflare()
    model, fresh = cloudflare.model(), cloudflare.model()
    model.invoke("hi")
    for each in (model, fresh):
        setattr(each, name, SET_LATER[name])
        each.invoke("hi")
    before, after, wanted = map(_sent, cloudflare.requests)
    assert before != after == wanted


def test_a_timeout_that_is_set_later_holds_for_every_request() -> None:
    cloudflare = Cloudflare()
    model = cloudflare.model()
    model.invoke("hi")
    model.timeout = 7.0
    model.invoke("hi")
    model.list_models()
    times = [request.extensions["timeout"]["read"] for request in cloudflare.requests]
    assert times == [600.0, 7.0, 7.0]


class _Busy(dict[str, SecretStr]):
    """Headers in whose reading somebody else sets a field, for a while."""

    def __init__(self, model: ChatCloudflareGemini, name: str, values: Any) -> None:
        super().__init__({"x-a": SecretStr("1")})
        self.model, self.name, self.next = model, name, iter(values)

    def items(self) -> Any:
        if (value := next(self.next, None)) is not None:
            setattr(self.model, self.name, value)
        return super().items()


@pytest.mark.parametrize("times", range(1, 7))
@pytest.mark.parametrize("name", ["account_id", "api_token"])
def test_what_is_set_during_a_first_call_holds_for_the_next(
    name: str, times: int
) -> None:
    cloudflare = Cloudflare()
    model = cloudflare.model()
    values = [f"other-{n}" for n in range(times)]
    model.max_retries = 1  # from here on the first call is still to come
    # As it is read, not as the constructor keeps it.
    model.__dict__["default_headers"] = _Busy(model, name, values)
    model.invoke("hi")
    model.__dict__["default_headers"] = None
    model.invoke("hi")
    last: Any = getattr(model, name)
    last = last.get_secret_value() if isinstance(last, SecretStr) else last
    assert last in values
    assert last in str(_sent(cloudflare.requests[1]))


@pytest.mark.parametrize("copied", ["copy", "deepcopy"])
def test_a_call_adds_nothing_to_the_fields_that_another_thread_reads(
    copied: str,
) -> None:
    first = Cloudflare().model()
    for model in (first, COPIES[copied](first)):
        names = set(model.__dict__)
        model.invoke("hi")
        assert set(model.__dict__) == names
        model.temperature = 0.1
        list(model.stream("hi", endpoint="run"))
        assert set(model.__dict__) == names


def test_what_is_changed_inside_a_field_holds_for_the_next_call() -> None:
    cloudflare = Cloudflare()
    model: Any = cloudflare.model(generation_config={"top_k": 3}, labels={"team": "a"})
    model.invoke("hi")
    model.generation_config["max_output_tokens"] = 5
    model.labels["team"] = "b"
    model.invoke("hi")
    assert cloudflare.bodies[1]["generationConfig"] == {"topK": 3, "maxOutputTokens": 5}
    assert cloudflare.bodies[1]["labels"] == {"team": "b"}


@pytest.mark.parametrize("travels", TRAVELS.values(), ids=TRAVELS.keys())
@pytest.mark.parametrize(
    ("given", "seconds"), [({}, 1201.0), ({"timeout": 600}, 600.0)]
)
def test_copies_know_whether_a_timeout_was_chosen(
    travels: Any, given: dict[str, Any], seconds: float
) -> None:
    cloudflare = Cloudflare()
    gateway = {"max_attempts": 2, "retry_delay": 1}
    model = cloudflare.model(gateway=gateway, carry_secrets=True, **given)
    there = travels(model)
    if isinstance(there, ChatCloudflareGemini) and there.http_client is None:
        there.http_client = model.http_client
    there.invoke("hi")
    assert cloudflare.requests[0].extensions["timeout"]["read"] == seconds


def test_what_a_tracer_adds_stays_with_it() -> None:
    model = _plain()
    before = dict(model._identifying_params)
    model._identifying_params["added"] = 1
    assert model._identifying_params == before


# ---- JSON


ALLOWED: list[Any] = ["all", [ChatCloudflareGemini]]


@pytest.mark.parametrize("allowed", ALLOWED, ids=["all", "the class"])
def test_json_in_the_documented_way(allowed: Any) -> None:
    """As a class of LangChain's own partners, with no namespace to name."""
    model = _plain()
    secrets = {"CLOUDFLARE_API_TOKEN": "t", "GOOGLE_API_KEY": "k"}
    loaded = load(dumpd(model), allowed_objects=allowed, secrets_map=secrets)
    _same(loaded, model)
    assert type(loaded) is ChatCloudflareGemini
    assert dumpd(loaded) == dumpd(model)
    chain = loads(
        dumps(ChatPromptTemplate([("human", "{said}")]) | model.bind(temperature=0)),
        allowed_objects="all",
        secrets_map=secrets,
    )
    assert chain.last.bound == loaded


def test_json_holds_no_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    model = _plain(google_api_key=None, default_headers={"x-access": "hush"})
    raw, secrets = dumps(model), {"CLOUDFLARE_API_TOKEN": "t"}
    assert "hush" not in raw
    with pytest.raises(ValueError, match="CLOUDFLARE_GEMINI_DEFAULT_HEADERS to load"):
        loads(raw, allowed_objects="all", secrets_map=secrets)
    secrets["CLOUDFLARE_GEMINI_DEFAULT_HEADERS"] = '{"x-access": "hush"}'
    loaded = loads(raw, allowed_objects="all", secrets_map=secrets)
    assert loaded.default_headers == model.default_headers
    del secrets["CLOUDFLARE_GEMINI_DEFAULT_HEADERS"]
    monkeypatch.setenv("CLOUDFLARE_GEMINI_HEADER_X_ACCESS", "another")
    loaded = loads(raw, allowed_objects="all", secrets_map=secrets)
    assert loaded.default_headers == {"x-access": SecretStr("another")}


FOREIGN = "https://elsewhere.example/v4"
ANOTHER: dict[str, Any] = {"secrets_map": {"CLOUDFLARE_API_TOKEN": "another"}}
FROM_ENV: dict[str, Any] = {"secrets_from_env": True}
HEADERS = {"CLOUDFLARE_GEMINI_DEFAULT_HEADERS": '{"x-access": "from-the-environment"}'}
# What the JSON says, what the environment says, what load() is given; and whether a
# model comes of it.
ADDRESSES: dict[str, tuple[dict[str, Any], dict[str, str], dict[str, Any], bool]] = {
    "own token": ({"base_url": FOREIGN}, {}, {}, False),
    "own token, gateway": ({"gateway_base_url": FOREIGN}, {}, {}, False),
    "own token by load": ({"base_url": FOREIGN}, {}, FROM_ENV, False),
    "another token": ({"base_url": FOREIGN}, {}, ANOTHER, True),
    "own key": ({"base_url": FOREIGN, "google_api_key": KEY},
                {"GOOGLE_API_KEY": "own-key"}, {**ANOTHER, **FROM_ENV}, False),
    "own headers": ({"base_url": FOREIGN, "default_headers": {"x-access": "x"}},
                    HEADERS, {**ANOTHER, **FROM_ENV}, False),
    "trusted address": ({"base_url": FOREIGN}, {"CLOUDFLARE_BASE_URL": f"{FOREIGN}/"},
                        {}, True),
    "trusted address, written with a slash": (
        {"base_url": f"{FOREIGN}/"}, {"CLOUDFLARE_BASE_URL": FOREIGN}, {}, True),
    "loopback": ({"base_url": "http://127.0.0.1:1/v4"}, {}, {}, True),
    "loopback by name": ({"gateway_base_url": "http://localhost:1"}, {}, {}, True),
    "like loopback": ({"base_url": "https://localhost.elsewhere.example"}, {}, {},
                      False),
    "public address": ({}, {}, {}, True),
}  # fmt: skip


@pytest.mark.fault(row=64)
@pytest.mark.parametrize("case", ADDRESSES.values(), ids=ADDRESSES.keys())
def test_own_secrets_do_not_go_to_addresses_that_came_as_data(
    case: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, variables, options, loads_it = case
    raw = dumps(_plain(**{"google_api_key": None, **said}))
    for name, value in {"CLOUDFLARE_API_TOKEN": "own", **variables}.items():
        monkeypatch.setenv(name, value)
    if loads_it:
        assert loads(raw, allowed_objects="all", **options).account_id == ACCOUNT
    else:
        with pytest.raises(ValueError, match="came as data"):
            loads(raw, allowed_objects="all", **options)


# ---- secrets


def test_secrets_are_not_shown() -> None:
    model = _plain(default_headers={"x-access": HEADER})
    assert model._transport
    shown = [
        repr(model),
        str(model),
        repr(model._account),
        repr(model._transport),
        str(model.model_dump()),
        model.model_dump_json(exclude={"timeout", "custom_get_token_ids"}),
        repr(model.bind(temperature=0)),
        str(model._get_ls_params()),
        str(model.lc_attributes),
        str(model.metadata),
    ]
    assert not [said for said in shown for secret in SECRETS if secret in said]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
@pytest.mark.parametrize("endpoint", ["run", "gateway"])
@pytest.mark.parametrize("of_call", [False, True])
def test_errors_do_not_show_secrets(status: int, endpoint: str, of_call: bool) -> None:
    """Not even if the far side says them back."""
    names = ["cf-access-token", "CF-Access-Client-Secret", "cookie", "x-any", "Referer"]
    given: Any = {"default_headers": {name: f"{HEADER} {name}" for name in names}}

    def echo(request: httpx.Request) -> httpx.Response:
        values = [request.headers[name] for name in names]
        said = refusal(status, 10000, f"bad token {TOKEN}, key {KEY}, {values}")
        said.headers["x-echo"] = values[2]
        return said

    settings: Any = {"google_api_key": KEY} if endpoint == "gateway" else {}
    settings |= {} if of_call else given
    model = Cloudflare(echo).model(endpoint=endpoint, **settings)
    with pytest.raises(CloudflareGeminiError) as caught:
        model.invoke("hi", **(given if of_call else {}))
    error = caught.value
    lines = "".join(traceback.format_exception(error))
    for shown in (str(error), repr(error), lines, str(vars(error)), repr(model)):
        assert TOKEN not in shown
        assert HEADER not in shown
        assert KEY not in shown or endpoint == "run"


REFUSED: list[dict[str, Any]] = [
    {"temperature": 9},
    {"api_token": [TOKEN]},
    {"api_token": {"token": TOKEN}},
    {"api_token": f"Bearer {TOKEN}"},
    {"api_token": f"{TOKEN}\nx"},
    {"api_token": TOKEN.encode(), "temperature": 9},
    {"api_key": KEY},
    {"api_tokn": TOKEN},
    {"token": {"value": TOKEN}},
    {"account_id": ""},
    {"gateway_token": (TOKEN,)},
    {"google_api_key": {TOKEN}},
    {"google_api_key": {"keys": [{"first": TOKEN}]}},
    {"google_api_key": KEY, "endpoint": "run"},
    {"default_headers": HEADER},
    {"default_headers": [TOKEN]},
    {"default_headers": {"x-a": TOKEN, "x-b": 3}},
    {"default_headers": {"x-a": {"nested": TOKEN}}},
    {"default_headers": {"x-access": f"{HEADER}\n"}, "temperature": 9},
    {"gateway": {"id": "no/gateway"}},
    {"timeout": -1},
    {"model": "@cf/meta/llama"},
]


def _locals(error: BaseException | None) -> Iterator[str]:
    """What the frames of an error and of its causes hold, but for this file's."""
    if error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename != __file__:
                yield repr(frame.f_locals)
        yield from _locals(error.__context__)


@pytest.mark.parametrize("given", REFUSED, ids=repr)
def test_errors_of_construction_do_not_show_secrets(given: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        _plain(**given)
    error = caught.value
    # Pydantic's would keep what it was given.
    assert not isinstance(error, ValidationError)
    shown = [str(error), repr(error), *traceback.format_exception(error)]
    shown += _locals(error)
    assert not [said for said in shown for secret in SECRETS if secret in said]


class _Config(BaseModel):
    """Somebody's class with a model in it."""

    llm: ChatCloudflareGemini


@pytest.mark.parametrize(
    "given",
    [
        {"api_token": ["s3cret"]},
        {"temperature": 9},
        {"base_url": "https://me:s3cret@far.example"},
        {"account_id": "s3cret" + "a" * 34},
    ],
)
@pytest.mark.parametrize(
    "validate",
    [
        ChatCloudflareGemini.model_validate,
        lambda values: _Config(llm=values),
        lambda values: TypeAdapter(_Config).validate_json(json.dumps({"llm": values})),
    ],
    ids=["alone", "inside", "json"],
)
def test_errors_of_validation_do_not_show_secrets(
    validate: Any, given: dict[str, Any]
) -> None:
    """Pydantic's errors keep what they were given, and show it."""
    values = {"api_token": "s3cret", "model": "gemini-3-flash", **given}
    for validated in (values, ["s3cret"]):
        with pytest.raises(ValidationError) as caught:
            validate(validated)
        error = caught.value
        assert "s3cret" not in f"{error} {error.errors()} {error.json()}"
