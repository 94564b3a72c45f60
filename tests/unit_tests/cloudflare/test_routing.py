"""Where a call goes, and what may take its place: credentials, bills, policies."""

import copy
import pickle
from itertools import product
from typing import Any

import httpx
import pytest
from langchain_core.runnables import ConfigurableField
from pydantic import SecretStr

from langchain_cf_gemini import ChatCloudflareGemini, GatewayFallbackWarning
from langchain_cf_gemini.exceptions import CloudflareGeminiError
from tests.support.cloudflare import GatewayMemory
from tests.support.http import forget_limits, is_retried
from tests.support.models import (
    TOKEN,
    WAYS,
    Cloudflare,
    Json,
    Way,
    answer,
    endpoints,
    refusal,
    silent,
    text,
)

KEY, TOKEN2 = "AIza-a-key-of-mine", "a-gateway-token"
CUSTOM = {"gateway_base_url": "https://ai.example.com/google-ai-studio"}

# With the first two both endpoints ask as the same caller on the same bill; with the
# last ones only the gateway can be asked.
SAME: dict[str, Json] = {
    "API token": {},
    "the same gateway token": {"gateway_token": TOKEN},
}
OTHER: dict[str, Json] = {
    "gateway token": {"gateway_token": TOKEN2},
    "stored key or none": {"gateway": {"no_wholesale": True}},
    "token in a header": {
        "default_headers": {"cf-aig-authorization": f"Bearer {TOKEN2}"}
    },
}
ONLY_GATEWAY: dict[str, Json] = {
    "own Google key": {"google_api_key": KEY},
    "stored key": {"gateway": {"byok_alias": "team-b"}},
    "custom domain": CUSTOM,
    "a chosen gateway": {"endpoint": "gateway"},
    "none": {"api_token": None, "endpoint": "gateway"},
    "gateway token alone": {"api_token": None, "gateway_token": TOKEN2},
    "own Google key and token": {"google_api_key": KEY, "gateway_token": TOKEN2},
    "custom domain and Google key": {**CUSTOM, "google_api_key": KEY},
    "own Google key alone": {"api_token": None, "google_api_key": KEY},
    "Access": {"api_token": None, "account_id": None, **CUSTOM},
}
CREDENTIALS = SAME | OTHER | ONLY_GATEWAY


def at_gateway(status: int, message: str, code: int | None = None) -> httpx.Response:
    error: Any = {"message": message}
    if code is not None:
        error = [{"code": code, "message": message}]
    return httpx.Response(status, json={"success": False, "error": error})


def google(status: int, word: str, message: str) -> httpx.Response:
    error = {"code": status, "message": message, "status": word}
    return httpx.Response(status, json={"error": error})


# The gateway's own set-up: run may answer, if nothing changes hands.
SET_UP = {
    "no gateway": at_gateway(400, "Please configure AI Gateway", 2001),
    "no path": at_gateway(400, "Invalid provider", 2008),
    "no permission": at_gateway(401, "Unauthorized", 2009),
    "bad token": refusal(401, 10000, "Authentication error"),
    "other token": refusal(403, 10000, "Authentication error"),
    "token of another account": refusal(403, 9109, "Unauthorized to access requested"),
    "no permission, as a bad request": refusal(400, 2009),
    "no credit": at_gateway(402, "Insufficient credits", 2021),
    "no route": refusal(404, 7003, "Could not route"),
    "a page": httpx.Response(404, text="<html>nothing here</html>"),
}
# Somebody's will, Google's word, or a fault: never sent another way.
WILL = {
    "policy": at_gateway(403, "Access denied by policy"),
    "policy, numbered": at_gateway(403, "Blocked by policy 7", 2050),
    "policy in other words": at_gateway(403, "This team may not use the model", 2051),
    "forbidden, numbered": refusal(403, 5018, "This account is not allowed"),
    "spend limit": at_gateway(429, "Spending limit exceeded"),
    "unpriced": at_gateway(
        403, "Model or provider could not be resolved for spend-limit enforcement", 2040
    ),
    "guardrail": at_gateway(424, "Prompt blocked by guardrail", 2016),
    "stored key refused": at_gateway(401, "The provider rejected the key", 2009),
    "leaked": google(403, "PERMISSION_DENIED", "Your API key was reported as leaked."),
    "no key": google(403, "PERMISSION_DENIED", "unregistered callers"),
    "bad key": google(401, "UNAUTHENTICATED", "invalid credentials"),
    "no such model": google(404, "NOT_FOUND", "models/x is not found"),
    "forbidden": httpx.Response(403, text="Forbidden"),
    "overloaded": google(503, "UNAVAILABLE", "The model is overloaded."),
    "bad request": google(400, "INVALID_ARGUMENT", "Invalid value"),
    "what run would say too": refusal(400, 7000),
    "failed": refusal(500, 7000),
    "busy": refusal(529, 7000),
    "key alias": at_gateway(400, "unknown BYOK alias", 2040),
}

SAID = SET_UP | WILL
# Who asks and what is said are looked at apart: each with a few of the other.
FEW = {"API token", "the same gateway token", "stored key or none"}
FEW |= {"no gateway", "no permission", "policy", "overloaded"}
REFUSALS = [pair for pair in product(CREDENTIALS, SAID) if FEW & {*pair}]


class Endpoints(Cloudflare):
    """Two endpoints, one of which refuses."""

    def __init__(self, refused: httpx.Response, at: str = "gateway") -> None:
        def said(request: httpx.Request) -> httpx.Response:
            if endpoint_of(request) == at:
                return refused
            return httpx.Response(200, json=answer(text("from run")))

        super().__init__(said)

    @property
    def asked(self) -> list[str]:
        return [endpoint_of(request) for request in self.requests]


def endpoint_of(request: httpx.Request) -> str:
    return "run" if request.url.path.endswith("/ai/run") else "gateway"


@pytest.mark.parametrize(("who", "said"), REFUSALS)
def test_a_refused_call_goes_where_nothing_changes_hands(who: str, said: str) -> None:
    """A stream to run, and that alone; nothing else is remembered, either."""
    for way, ask in WAYS.items():
        forget_limits()
        is_run = "invoke" in way and who not in ONLY_GATEWAY
        first = "run" if is_run else "gateway"
        refusing = Endpoints(SAID[said], at=first)
        model = refusing.model(**CREDENTIALS[who])
        if "stream" in way and who in SAME and said in SET_UP:
            with pytest.warns(GatewayFallbackWarning):
                assert ask(model, "hi").text == "from run"
            assert refusing.asked == ["gateway", "run"]
            continue
        for _ in range(2):
            with pytest.raises(CloudflareGeminiError):
                ask(model, "hi")
        assert refusing.asked == [first, first]


@pytest.mark.parametrize("who", CREDENTIALS)
@pytest.mark.parametrize("way", WAYS)
def test_each_credential_stays_in_its_place(who: str, way: str) -> None:
    cloudflare = Cloudflare()
    model = cloudflare.model(**CREDENTIALS[who])
    WAYS[way](model, "hi")
    (request,) = cloudflare.requests
    is_run = endpoint_of(request) == "run"
    assert is_run == (who not in ONLY_GATEWAY and "invoke" in way)
    settings = {"api_token": TOKEN, **CREDENTIALS[who]}
    token = settings["api_token"]
    if not is_run:
        token = settings.get("gateway_token") or token
        token = TOKEN2 if who == "token in a header" else token
    names = ["authorization", "cf-aig-authorization"]
    mine, other = names if is_run else reversed(names)
    assert request.headers.get(mine) == (token and f"Bearer {token}")
    assert other not in request.headers
    assert request.headers.get("x-goog-api-key") == settings.get("google_api_key")
    assert request.headers["user-agent"].startswith("langchain-cf-gemini/")


MINE = "https://ai.example.com:8443/x/google-ai-studio/"
GATEWAYS = "https://gateway.ai.cloudflare.com/v1/0123456789abcdef"


@pytest.mark.parametrize(("settings", "root"), [
    ({}, f"{GATEWAYS}/default/google-ai-studio/"),
    (CUSTOM, "https://ai.example.com/google-ai-studio/"),
    ({"gateway_base_url": MINE, "account_id": None, "gateway": "named"}, MINE),
    ({"default_headers": {"CF-AIG-Gateway-Id": "prod"}},
     f"{GATEWAYS}/prod/google-ai-studio/"),
])  # fmt: skip
def test_a_custom_domain_stands_for_account_and_gateway(
    settings: Json, root: str
) -> None:
    cloudflare = Cloudflare()
    message = cloudflare.model(endpoint="gateway", **settings).invoke("hi")
    path = "v1beta/models/gemini-3-flash-preview:generateContent"
    assert str(cloudflare.requests[0].url) == root + path
    told = message.response_metadata["gateway"]
    assert ("id" in told) == root.startswith(GATEWAYS)


def test_two_gateways_are_one_too_many() -> None:
    named = {"default_headers": {"cf-aig-gateway-id": "a"}, "gateway": "b"}
    with pytest.raises(ValueError, match="two gateways"):
        Cloudflare().model(**named).invoke("hi")


@pytest.mark.parametrize("who", ["own Google key", "stored key", "custom domain"])
def test_run_is_refused_where_it_would_ignore_what_was_given(who: str) -> None:
    def refused() -> Any:
        return pytest.raises(ValueError, match="endpoint='run' doesn't support")

    with refused():
        Cloudflare().model(endpoint="run", **CREDENTIALS[who])
    model = silent(**CREDENTIALS[who])
    with refused():
        model.invoke("hi", endpoint="run")
    with refused():
        list(model.stream("hi", endpoint="run"))
    with refused():
        model.bind(endpoint="run").invoke("hi")
    model.endpoint = "run"
    with refused():
        model.invoke("hi")


def test_a_stored_keys_alias_of_a_call_goes_through_the_gateway() -> None:
    cloudflare = Cloudflare()
    cloudflare.model().invoke("hi", gateway={"byok_alias": "b"})
    assert endpoint_of(cloudflare.requests[0]) == "gateway"


# ---- what is remembered of a refusal

NO_GATEWAY = SET_UP["no gateway"]


def streamed(model: Any, /, **arguments: Any) -> str:
    """What a stream says; a warning fails the test."""
    return "".join(chunk.text for chunk in model.stream("hi", **arguments))


def streamed_with_a_warning(model: Any, /, **arguments: Any) -> Any:
    """The warning of a stream that goes to run."""
    with pytest.warns(GatewayFallbackWarning) as warned:
        assert streamed(model, **arguments) == "from run"
    (told,) = warned
    return told


def test_a_refusal_is_remembered_for_its_gateway_and_its_model() -> None:
    refusing = Endpoints(NO_GATEWAY)
    model = refusing.model()
    assert streamed_with_a_warning(model).filename == __file__
    assert streamed(model) == "from run"
    assert refusing.asked == ["gateway", "run", "run"]
    with pytest.raises(CloudflareGeminiError):
        streamed(model, endpoint="gateway")
    others: list[Json] = [{"gateway": "b"}, {"model": "gemini-3.1-pro"}]
    for other in others:
        refusing.requests.clear()
        streamed_with_a_warning(model, **other)
        assert refusing.asked == ["gateway", "run"]


def test_a_bad_call_changes_nothing_for_the_others() -> None:
    ok = httpx.Response(200, json=answer(text("from run")))
    misspelt = "/misspelt/"
    cloudflare = Cloudflare(lambda r: NO_GATEWAY if misspelt in r.url.path else ok)
    model = cloudflare.model()
    streamed_with_a_warning(model, gateway="misspelt")
    streamed(model)
    assert [*map(endpoint_of, cloudflare.requests)] == ["gateway", "run", "gateway"]


def test_a_refusal_is_believed_only_when_run_has_answered() -> None:
    cloudflare = Cloudflare(NO_GATEWAY, refusal(503, 2002), NO_GATEWAY)
    model = cloudflare.model()
    with pytest.raises(CloudflareGeminiError) as caught:
        streamed(model)
    assert "Before that, the gateway refused" in caught.value.__notes__[0]
    with pytest.raises(CloudflareGeminiError):
        streamed(model)
    assert [*map(endpoint_of, cloudflare.requests)] == ["gateway", "run"] * 2


def test_a_refusal_is_forgotten_after_its_time() -> None:
    now = [0.0]
    memory = GatewayMemory(lambda: now[0])
    refusing = Endpoints(NO_GATEWAY)
    model = refusing.model(fallback_ttl=60, gateway_memory=memory)
    assert "60 seconds" in str(streamed_with_a_warning(model).message)
    for now[0] in (59.0, 61.0):
        streamed(model)  # it was told before
    assert refusing.asked == ["gateway", "run", "run", "gateway", "run"]


def test_copies_remember_and_processes_do_not() -> None:
    refusing = Endpoints(NO_GATEWAY)
    model = refusing.model()
    streamed_with_a_warning(model)
    field = ConfigurableField(id="temperature")
    configurable = model.configurable_fields(temperature=field)
    copies: list[Any] = [
        model.model_copy(update={"temperature": 0.5}),
        copy.copy(model),
        copy.deepcopy(model),
        configurable.with_config(configurable={"temperature": 0.1}),
    ]
    refusing.requests.clear()
    assert [streamed(one) for one in copies] == ["from run"] * 4
    assert refusing.asked == ["run"] * 4
    moved = model.model_copy(update={"gateway": "b"})
    assert moved.gateway_memory is model.gateway_memory
    model.carry_secrets = True
    there: ChatCloudflareGemini = pickle.loads(pickle.dumps(model))
    assert there.gateway_memory is not model.gateway_memory
    assert there.gateway_memory == model.gateway_memory


def test_a_gateway_that_streams_again_is_believed_at_once() -> None:
    memory = GatewayMemory()
    assert memory.refused("key", 60)
    assert memory.is_refused("key")
    memory.opened("key")
    assert not memory.is_refused("key")
    for key in ("key", *range(3000)):
        assert memory.refused(key, 60)
    assert memory.is_refused(2999)


# ---- a good token that is refused for a moment


@pytest.mark.parametrize(("said", "again"), [
    (at_gateway(401, "Unauthorized", 2009), True),
    (refusal(401, 2009), True),
    (refusal(200, 2009), True),
    (httpx.Response(401, json={"code": "2009", "error": "Unauthorized"}), True),
    (httpx.Response(401, text="2009: Unauthorized"), True),
    (httpx.Response(401, text="AiGatewayError: 2009: Unauthorized"), True),
    (refusal(401, 10000), False),
    (google(401, "UNAUTHENTICATED", "no"), False),
    (at_gateway(403, "Access denied by policy"), False),
])  # fmt: skip
@endpoints
def test_a_token_that_just_worked_is_tried_again(
    endpoint: str, said: httpx.Response, again: bool, either_way: Way
) -> None:
    def is_tried_again(model: ChatCloudflareGemini) -> bool:
        with pytest.raises(CloudflareGeminiError) as caught:
            either_way(model, "hi")
        return is_retried(caught.value)

    model = Cloudflare(said, answer(text("ok")), said).model(endpoint=endpoint)
    assert not is_tried_again(model)
    assert model.invoke("hi").text == "ok"
    assert is_tried_again(model) is again
    # Another credential is not trusted for it.
    token = "gateway_token" if endpoint == "gateway" else "api_token"
    assert not is_tried_again(model.model_copy(update={token: SecretStr(TOKEN2)}))


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_burst_of_refusals_ends_no_streaming(
    way: str, caplog: pytest.LogCaptureFixture
) -> None:
    burst = at_gateway(401, "Unauthorized", 2009)
    events, whole = [answer(text("streamed"))], answer(text("from run"))
    model = Cloudflare(events, burst, whole, events).model()
    said = [WAYS[way](model, "hi").text for _ in range(3)]
    assert said == ["streamed", "from run", "streamed"]
    assert "refused a token that it takes at other times" in caplog.text
