"""Where a call goes, and what may take its place: credentials, bills, policies."""

import copy
import pickle
import warnings
from itertools import product
from typing import Any

import httpx
import pytest
from langchain_core.runnables import ConfigurableField
from pydantic import SecretStr

from langchain_cf_gemini import ChatCloudflareGemini, GatewayFallbackWarning
from langchain_cf_gemini.exceptions import CloudflareGeminiError
from tests.support.cloudflare import GatewayMemory
from tests.support.http import is_retried
from tests.support.models import WAYS, Cloudflare, Json, Way, answer, refusal, text

KEY, TOKEN2 = "AIza-a-key-of-mine", "a-gateway-token"
CUSTOM = {"gateway_base_url": "https://ai.example.com/google-ai-studio"}

CREDENTIALS: dict[str, Json] = {
    "API token": {},
    "the same gateway token": {"gateway_token": "token-that-must-not-be-seen"},
    "gateway token": {"gateway_token": TOKEN2},
    "own Google key": {"google_api_key": KEY},
    "stored key": {"gateway": {"byok_alias": "team-b"}},
    "stored key or none": {"gateway": {"no_wholesale": True}},
    "custom domain": CUSTOM,
    "a chosen gateway": {"endpoint": "gateway"},
    "none": {"api_token": None, "endpoint": "gateway"},
    "gateway token alone": {"api_token": None, "gateway_token": TOKEN2},
    "token in a header": {
        "default_headers": {"cf-aig-authorization": f"Bearer {TOKEN2}"}
    },
    "own Google key and token": {"google_api_key": KEY, "gateway_token": TOKEN2},
    "custom domain and Google key": {**CUSTOM, "google_api_key": KEY},
    "own Google key alone": {"api_token": None, "google_api_key": KEY},
    "Access": {"api_token": None, "account_id": None, **CUSTOM},
}
# With which credentials both endpoints ask as the same caller on the same bill.
ONE = {"API token", "the same gateway token"}
ONLY_GATEWAY = {
    "a chosen gateway",
    "own Google key",
    "stored key",
    "custom domain",
    "custom domain and Google key",
    "none",
    "gateway token alone",
    "own Google key and token",
    "own Google key alone",
    "Access",
}


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
def test_a_refused_stream_goes_where_nothing_changes_hands(who: str, said: str) -> None:
    if who in ONE and said in SET_UP:
        for way in ("stream", "astream"):
            endpoints = Endpoints(SAID[said])
            with pytest.warns(GatewayFallbackWarning):
                message = WAYS[way](endpoints.model(**CREDENTIALS[who]), "hi")
            assert message.text == "from run"
            assert endpoints.asked == ["gateway", "run"]
        return
    endpoints = Endpoints(SAID[said])
    model = endpoints.model(**CREDENTIALS[who])
    # Nothing is remembered, either.
    for way in ("stream", "astream"):
        with pytest.raises(CloudflareGeminiError):
            WAYS[way](model, "hi")
    assert endpoints.asked == ["gateway", "gateway"]


@pytest.mark.parametrize(("who", "said"), REFUSALS)
def test_a_refused_answer_goes_nowhere_else(who: str, said: str) -> None:
    first = "gateway" if who in ONLY_GATEWAY else "run"
    endpoints = Endpoints(SAID[said], at=first)
    model = endpoints.model(**CREDENTIALS[who])
    for way in ("invoke", "ainvoke"):
        with pytest.raises(CloudflareGeminiError):
            WAYS[way](model, "hi")
    assert endpoints.asked == [first, first]


@pytest.mark.parametrize("who", CREDENTIALS)
@pytest.mark.parametrize("way", WAYS)
def test_each_credential_stays_in_its_place(who: str, way: str) -> None:
    cloudflare = Cloudflare()
    model = cloudflare.model(**CREDENTIALS[who])
    WAYS[way](model, "hi")
    (request,) = cloudflare.requests
    is_run = endpoint_of(request) == "run"
    assert is_run == (who not in ONLY_GATEWAY and "invoke" in way)
    settings = {"api_token": "token-that-must-not-be-seen", **CREDENTIALS[who]}
    token = settings["api_token"]
    gateway_token = settings.get("gateway_token") or token
    if who == "token in a header":
        gateway_token = TOKEN2
    bearer = {True: "authorization", False: "cf-aig-authorization"}[is_run]
    other = {False: "authorization", True: "cf-aig-authorization"}[is_run]
    expected = token if is_run else gateway_token
    assert request.headers.get(bearer) == (expected and f"Bearer {expected}")
    assert other not in request.headers
    assert request.headers.get("x-goog-api-key") == settings.get("google_api_key")
    assert request.headers["user-agent"].startswith("langchain-cf-gemini/")


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        (
            {},
            "https://gateway.ai.cloudflare.com/v1/0123456789abcdef/default/"
            "google-ai-studio/v1beta/models/gemini-3-flash-preview:generateContent",
        ),
        (
            CUSTOM,
            "https://ai.example.com/google-ai-studio/v1beta/models/"
            "gemini-3-flash-preview:generateContent",
        ),
        (
            {
                "gateway_base_url": "https://ai.example.com:8443/x/google-ai-studio/",
                "account_id": None,
                "gateway": "named",
            },
            "https://ai.example.com:8443/x/google-ai-studio/v1beta/models/"
            "gemini-3-flash-preview:generateContent",
        ),
        (
            {"default_headers": {"CF-AIG-Gateway-Id": "prod"}},
            "https://gateway.ai.cloudflare.com/v1/0123456789abcdef/prod/"
            "google-ai-studio/v1beta/models/gemini-3-flash-preview:generateContent",
        ),
    ],
)
def test_a_custom_domain_stands_for_account_and_gateway(
    settings: Json, url: str
) -> None:
    cloudflare = Cloudflare()
    message = cloudflare.model(endpoint="gateway", **settings).invoke("hi")
    assert str(cloudflare.requests[0].url) == url
    told = message.response_metadata["gateway"]
    assert ("id" in told) == ("gateway.ai.cloudflare.com" in url)


def test_two_gateways_are_one_too_many() -> None:
    named = {"default_headers": {"cf-aig-gateway-id": "a"}, "gateway": "b"}
    with pytest.raises(ValueError, match="two gateways"):
        Cloudflare().model(**named).invoke("hi")


@pytest.mark.parametrize(
    "settings",
    [
        {"google_api_key": KEY},
        {"gateway": {"byok_alias": "b"}},
        CUSTOM,
        {"account_id": None, **CUSTOM},
    ],
)
def test_run_is_refused_where_it_would_ignore_what_was_given(settings: Json) -> None:
    with pytest.raises(ValueError, match="endpoint='run' doesn't support"):
        Cloudflare().model(endpoint="run", **settings)
    cloudflare = Cloudflare()
    model = cloudflare.model(**settings)
    for call in (
        lambda: model.invoke("hi", endpoint="run"),
        lambda: list(model.stream("hi", endpoint="run")),
        lambda: model.bind(endpoint="run").invoke("hi"),
    ):
        with pytest.raises(ValueError, match="endpoint='run' doesn't support"):
            call()
    model.endpoint = "run"
    with pytest.raises(ValueError, match="endpoint='run' doesn't support"):
        model.invoke("hi")
    assert cloudflare.requests == []


def test_a_stored_keys_alias_of_a_call_goes_through_the_gateway() -> None:
    cloudflare = Cloudflare()
    cloudflare.model().invoke("hi", gateway={"byok_alias": "b"})
    assert endpoint_of(cloudflare.requests[0]) == "gateway"


# ---- what is remembered of a refusal

NO_GATEWAY = SET_UP["no gateway"]


def asked_quietly(model: Any, **arguments: Any) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return "".join(chunk.text for chunk in model.stream("hi", **arguments))


def test_a_refusal_is_remembered_for_its_gateway_and_its_model() -> None:
    endpoints = Endpoints(NO_GATEWAY)
    model = endpoints.model()
    with pytest.warns(GatewayFallbackWarning) as warned:
        list(model.stream("hi"))
    assert [told.filename for told in warned] == [__file__]
    assert asked_quietly(model) == "from run"
    assert endpoints.asked == ["gateway", "run", "run"]
    with pytest.raises(CloudflareGeminiError):
        list(model.stream("hi", endpoint="gateway"))
    others: list[Json] = [{"gateway": "b"}, {"model": "gemini-3.1-pro"}]
    for other in others:
        endpoints.requests.clear()
        with pytest.warns(GatewayFallbackWarning):
            list(model.stream("hi", **other))
        assert endpoints.asked == ["gateway", "run"]


def test_a_bad_call_changes_nothing_for_the_others() -> None:
    def said(request: httpx.Request) -> httpx.Response:
        if "/misspelt/" in request.url.path:
            return NO_GATEWAY
        return httpx.Response(200, json=answer(text("ok")))

    cloudflare = Cloudflare(said)
    model = cloudflare.model()
    with pytest.warns(GatewayFallbackWarning):
        list(model.stream("hi", gateway="misspelt"))
    cloudflare.requests.clear()
    assert asked_quietly(model) == "ok"
    assert endpoint_of(cloudflare.requests[0]) == "gateway"


def test_a_refusal_is_believed_only_when_run_has_answered() -> None:
    cloudflare = Cloudflare(NO_GATEWAY, refusal(503, 2002), NO_GATEWAY)
    model = cloudflare.model()
    with pytest.raises(CloudflareGeminiError) as caught:
        list(model.stream("hi"))
    assert "Before that, the gateway refused" in caught.value.__notes__[0]
    with pytest.raises(CloudflareGeminiError):
        list(model.stream("hi"))
    asked = [endpoint_of(request) for request in cloudflare.requests]
    assert asked == ["gateway", "run", "gateway", "run"]


def test_a_refusal_is_forgotten_after_its_time() -> None:
    now = [0.0]
    endpoints = Endpoints(NO_GATEWAY)
    model = endpoints.model(
        fallback_ttl=60, gateway_memory=GatewayMemory(lambda: now[0])
    )
    with pytest.warns(GatewayFallbackWarning, match="60 seconds"):
        list(model.stream("hi"))
    now[0] = 59.0
    asked_quietly(model)
    now[0] = 61.0
    # It was told before.
    asked_quietly(model)
    assert endpoints.asked == ["gateway", "run", "run", "gateway", "run"]


def test_copies_remember_and_processes_do_not() -> None:
    endpoints = Endpoints(NO_GATEWAY)
    model = endpoints.model()
    with pytest.warns(GatewayFallbackWarning):
        list(model.stream("hi"))
    field = ConfigurableField(id="temperature")
    configurable = model.configurable_fields(temperature=field)
    copies: list[Any] = [
        model.model_copy(update={"temperature": 0.5}),
        copy.copy(model),
        copy.deepcopy(model),
        configurable.with_config(configurable={"temperature": 0.1}),
    ]
    for one in copies:
        endpoints.requests.clear()
        assert asked_quietly(one) == "from run"
        assert endpoints.asked == ["run"]
    moved = model.model_copy(update={"gateway": "b"})
    assert not model.gateway_memory.is_refused("x")
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
    assert memory.refused("key", 60)
    for n in range(3000):
        memory.refused(n, 60)
    assert memory.is_refused(2999)


# ---- a good token that is refused for a moment


@pytest.mark.parametrize(
    ("said", "again"),
    [
        (at_gateway(401, "Unauthorized", 2009), True),
        (refusal(401, 2009), True),
        (refusal(200, 2009), True),
        (httpx.Response(401, json={"code": "2009", "error": "Unauthorized"}), True),
        (httpx.Response(401, text="2009: Unauthorized"), True),
        (httpx.Response(401, text="AiGatewayError: 2009: Unauthorized"), True),
        (refusal(401, 10000), False),
        (google(401, "UNAUTHENTICATED", "no"), False),
        (at_gateway(403, "Access denied by policy"), False),
    ],
)
@pytest.mark.parametrize("endpoint", ["gateway", "run"])
def test_a_token_that_just_worked_is_tried_again(
    endpoint: str, said: httpx.Response, again: bool, either_way: Way
) -> None:
    cloudflare = Cloudflare(said, answer(text("ok")), said)
    model = cloudflare.model(endpoint=endpoint)
    with pytest.raises(CloudflareGeminiError) as first:
        either_way(model, "hi")
    assert not is_retried(first.value)
    assert model.invoke("hi").text == "ok"
    with pytest.raises(CloudflareGeminiError) as second:
        either_way(model, "hi")
    assert is_retried(second.value) is again
    # Another credential is not trusted for it.
    token = "gateway_token" if endpoint == "gateway" else "api_token"
    with pytest.raises(CloudflareGeminiError) as third:
        either_way(model.model_copy(update={token: SecretStr(TOKEN2)}), "hi")
    assert not is_retried(third.value)


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_burst_of_refusals_ends_no_streaming(
    way: str, caplog: pytest.LogCaptureFixture
) -> None:
    burst = at_gateway(401, "Unauthorized", 2009)
    streamed, whole = [answer(text("streamed"))], answer(text("from run"))
    cloudflare = Cloudflare(streamed, burst, whole, streamed)
    model = cloudflare.model()
    said = [WAYS[way](model, "hi").text for _ in range(3)]
    assert said == ["streamed", "from run", "streamed"]
    assert "refused a token that it takes at other times" in caplog.text
