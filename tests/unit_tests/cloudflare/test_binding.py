"""A Worker's binding gets what HTTP would, and what it gives is read alike."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.load import dumps

from langchain_cf_gemini import (
    ChatCloudflareGemini,
    CloudflareAuthenticationError,
    CloudflareConnectionError,
    CloudflareGeminiError,
    CloudflareInvalidRequestError,
    CloudflareNotFoundError,
    CloudflareRateLimitError,
    CloudflareServerError,
    CloudflareTimeoutError,
    GatewayFallbackWarning,
    ResponseFormatError,
)
from tests.support.ai_binding import Ai, JsError, bound
from tests.support.models import (
    Cloudflare,
    answer,
    call,
    endpoints,
    event,
    folded,
    refusal,
    sse,
    text,
)
from tests.support.strategies import some

Json = dict[str, Any]
HELLO = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


class Saying:
    """A binding whose calls give, or throw, what it is told."""

    def __init__(self, *said: Any) -> None:
        self.said = list(said)
        self.calls: list[tuple[Any, ...]] = []

    async def run(self, *given: Any) -> Any:
        """Answer with what comes next."""
        self.calls.append(given)
        said = self.said.pop(0) if len(self.said) > 1 else self.said[0]
        if isinstance(said, Exception):
            raise said
        return said

    def gateway(self, gateway_id: str) -> Saying:
        """Answer there as here."""
        return self

    patchLog = getLog = run  # noqa: N815


def model_of(binding: Any, **given: Any) -> ChatCloudflareGemini:
    """A model that asks a binding once."""
    chosen = {"model": "gemini-3-flash", "binding": binding, "max_retries": 0}
    return ChatCloudflareGemini(**{**chosen, **given})


async def asked(model: ChatCloudflareGemini, *, stream: bool, **arguments: Any) -> Any:
    """What a call comes to."""
    if not stream:
        return await model.ainvoke("hi", **arguments)
    return folded([chunk async for chunk in model.astream("hi", **arguments)])


# ---- what is asked

WITH_WORDS = {
    "id": "my-gateway", "skip_cache": False, "cache_ttl": 60, "cache_key": "12",
    "collect_log": False, "metadata": {"team": "Zürich", "n": 1, "ok": True},
    "max_attempts": 2, "retry_delay": 1.5, "backoff": "linear", "request_timeout": 3,
    "event_id": "7",
}  # fmt: skip
WORDS = {
    "id": "my-gateway", "skipCache": False, "cacheTtl": 60, "cacheKey": "12",
    "collectLog": False, "metadata": {"team": "Zürich", "n": 1, "ok": True},
    "retries": {"maxAttempts": 2, "retryDelayMs": 1500, "backoff": "linear"},
    "requestTimeoutMs": 3000, "eventId": "7",
}  # fmt: skip
WORDLESS = {"custom_cost": {"total_cost": 1}, "zdr": True, "collect_log_payload": False}
HEADERS = {"cf-aig-custom-cost": '{"total_cost":1}', "cf-aig-zdr": "true",
           "cf-aig-collect-log-payload": "false"}  # fmt: skip
SAID_OF_RUN: dict[str, tuple[Json, Json, Json]] = {
    "nothing": ({}, {"id": "default"}, {}),
    "what the binding has a word for": (WITH_WORDS, WORDS, {}),
    "what it has none for": (WORDLESS, {"id": "default"}, HEADERS),
}


@pytest.mark.parametrize("options", SAID_OF_RUN)
async def test_run_is_called_as_documented(options: str) -> None:
    said, gateway, headers = SAID_OF_RUN[options]
    binding = Saying(answer(text("ok")))
    await model_of(binding, endpoint="run").ainvoke("hi", gateway=said)
    model, inputs, given_options = binding.calls[0]
    assert (model, inputs) == ("google/gemini-3-flash", HELLO)
    told = {"gateway": gateway, "extraHeaders": headers}
    assert given_options == {"returnRawResponse": True, **told}


@pytest.mark.parametrize("is_stream", [False, True])
async def test_the_gateway_is_called_as_documented(is_stream: bool) -> None:
    model = bound(
        Cloudflare([event(text("ok"), finish="STOP")]),
        endpoint="gateway",
        google_api_key="google-key",
        default_headers={"x-team": "a"},
    )
    options = {"id": "other", "cache_ttl": 60, "metadata": {"team": "Zürich"}}
    verb = "streamGenerateContent?alt=sse" if is_stream else "generateContent"
    await asked(model, stream=is_stream, gateway=options)
    headers = {"content-type": "application/json", "x-goog-api-key": "google-key"}
    told = {"cf-aig-cache-ttl": "60", "cf-aig-metadata": '{"team":"Z\\u00fcrich"}'}
    asks = {
        "provider": "google-ai-studio",
        "endpoint": f"v1beta/models/gemini-3-flash-preview:{verb}",
        "headers": {**headers, "x-team": "a"},
        "query": HELLO,
    }
    expected = ("gateway.run", "other", asks, {"extraHeaders": told})
    assert model.binding.calls == [expected]


async def test_a_long_image_comes_whole() -> None:
    binding = Saying(answer(text("ok")))
    image = {"type": "image", "base64": "QUJD" * 80_000, "mime_type": "image/png"}
    for endpoint in ("run", "gateway"):
        model = model_of(binding, endpoint=endpoint)
        await model.ainvoke([("user", [image, {"type": "text", "text": "what?"}])])
    (_, inputs, _), (entry, _) = binding.calls
    assert inputs == entry["query"]
    assert inputs["contents"][0]["parts"][0]["inlineData"]["data"] == image["base64"]


OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "id": st.sampled_from(["default", "my-gateway"]),
    "skip_cache": st.booleans(),
    "cache_ttl": st.integers(60, 2_000_000),
    "cache_key": st.text("0 aZ-:'\"{", min_size=1).filter(lambda s: s == s.strip()),
    "metadata": st.dictionaries(
        st.text("azü\n", min_size=1, max_size=4),
        st.text(max_size=5) | st.booleans() | st.integers(-(2**60), 2**60),
        max_size=3),
    "collect_log": st.booleans(),
    "collect_log_payload": st.booleans(),
    "request_timeout": st.floats(0.001, 900),
    "max_attempts": st.integers(1, 5),
    "retry_delay": st.floats(0, 60),
    "backoff": st.sampled_from(["constant", "linear", "exponential"]),
    "event_id": st.sampled_from(["7", "true", "a-b", "null"]),
    "custom_cost": st.just({"per_token_in": 1e-7, "per_token_out": 2}),
    "no_wholesale": st.booleans(),
    "zdr": st.booleans(),
}  # fmt: skip


@given(some(**OPTIONS), st.booleans(), st.sampled_from(["auto", "run", "gateway"]))
def test_cloudflare_gets_what_http_would_send(
    options: Json, is_stream: bool, endpoint: Any
) -> None:
    def sent(model: ChatCloudflareGemini, cloudflare: Cloudflare) -> Any:
        asyncio.run(asked(model, stream=is_stream, gateway=options))
        request = cloudflare.requests[0]
        headers = dict(request.headers)
        headers.setdefault("cf-aig-gateway-id", "default")
        metadata = json.loads(headers.pop("cf-aig-metadata", "null"))
        told = {n: v for n, v in headers.items() if n.startswith("cf-aig-")}
        return request.url, told, metadata, json.loads(request.content)

    said = [event(text("ok"), finish="STOP")]
    over_http, over_binding = Cloudflare(said), Cloudflare(said)
    http_model = over_http.model(endpoint=endpoint)
    bound_model = bound(over_binding, endpoint=endpoint)
    assert sent(http_model, over_http) == sent(bound_model, over_binding)


# ---- what comes


@endpoints
async def test_what_comes_is_the_same_message(endpoint: Any) -> None:
    parts = [text("Let me look.", signature="c2ln"), call("look", args={"n": 1.0})]
    for said in (answer(*parts), {"result": answer(*parts), "success": True}):
        http_model = Cloudflare(said).model(endpoint=endpoint)
        expected = await http_model.ainvoke("hi")
        messages = [
            await bound(Cloudflare(said), endpoint=endpoint).ainvoke("hi"),
            # Without its head, where another call's options replaced this one's.
            await model_of(Saying(said), endpoint=endpoint).ainvoke("hi"),
        ]
        for message in messages:
            message.id = expected.id
            assert message == expected


WHOLE = json.dumps(answer(text("ok"))).encode()


class Answered:
    """An answer with a head."""

    def __init__(self, body: Any, status: Any = 200, **headers: str) -> None:
        self.status, self.body = status, body
        self.headers = {"Cf-Ray": "ray-1", **headers}


async def pieces_of(whole: bytes, kind: Any = bytes) -> AsyncIterator[Any]:
    for start in range(0, len(whole), 7):
        yield kind(whole[start : start + 7])


@endpoints
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("is_whole", [False, True])
async def test_bodies(kind: Any, is_whole: bool, endpoint: Any) -> None:
    body = kind(WHOLE) if is_whole else pieces_of(WHOLE, kind)
    binding = Saying(Answered(body, HTTPStatus.OK))
    message = await model_of(binding, endpoint=endpoint).ainvoke("hi")
    assert message.text == "ok"
    assert message.response_metadata["gateway"]["ray_id"] == "ray-1"


async def test_a_gateway_that_is_awaited() -> None:
    class Ai(Saying):
        async def gateway(self, gateway_id: str) -> Ai:  # type: ignore[override]
            return self

    message = await model_of(Ai(answer(text("ok"))), endpoint="gateway").ainvoke("hi")
    assert message.text == "ok"


async def test_a_body_without_its_head_is_read() -> None:
    events = sse(event(text("one ")), event(text("two"), finish="STOP")).content
    headless = Answered(pieces_of(events), **{"Content-Encoding": "gzip"})
    assert (await asked(model_of(Saying(headless)), stream=True)).text == "one two"


REFUSED = {
    "401": refusal(401, 10000),
    "429": refusal(429, 3040),
    "502 in HTML": httpx.Response(502, text="<html>Bad gateway"),
    "Chat Completions": httpx.Response(200, json={"choices": [{"message": {}}]}),
    "a failure in an answer of 200": refusal(200, 2001),
    "nothing": httpx.Response(200),
}


@endpoints
@pytest.mark.parametrize("refused", REFUSED)
async def test_errors_are_those_of_http(refused: str, endpoint: Any) -> None:
    async def error_of(model: ChatCloudflareGemini) -> CloudflareGeminiError:
        with pytest.raises(CloudflareGeminiError) as caught:
            await model.ainvoke("hi", endpoint=endpoint)
        return caught.value

    said = REFUSED[refused]
    over_http = await error_of(Cloudflare(said).model())
    over_binding = await error_of(bound(Cloudflare(said)))
    assert type(over_binding) is type(over_http)
    for name in ("message", "status_code", "code", "origin", "details", "body"):
        assert getattr(over_binding, name) == getattr(over_http, name)
    assert over_binding.is_retryable == over_http.is_retryable


UPSTREAM = "InferenceUpstreamError"
THROWN: dict[str, tuple[Exception, type[CloudflareGeminiError], Any]] = {
    "a number": (JsError(UPSTREAM, "2001: Please configure AI Gateway"),
                 CloudflareInvalidRequestError, 2001),
    "another's name": (JsError("AiGatewayError", "2009: Unauthorized"),
                       CloudflareAuthenticationError, 2009),
    "a rate": (JsError(UPSTREAM, "3040: Capacity"), CloudflareRateLimitError, 3040),
    "a number that nobody knows": (JsError("InvalidInput", "1001: one\nline"),
                                   CloudflareServerError, 1001),
    "a text": (JsError(UPSTREAM, "<html>Bad gateway"), CloudflareServerError, None),
    "the gateway's own": (JsError("AiGatewayInternalError", "Internal Error"),
                          CloudflareServerError, None),
    "no such entry": (JsError("AiGatewayLogNotFound", "Log Not Found"),
                      CloudflareNotFoundError, None),
    "the network": (JsError("TypeError", "Network connection lost."),
                    CloudflareConnectionError, None),
    "an abort": (JsError("AbortError", "The operation was aborted"),
                 CloudflareConnectionError, None),
    "a reset": (ConnectionResetError("reset"), CloudflareConnectionError, None),
    "time": (TimeoutError("late"), CloudflareTimeoutError, None),
}  # fmt: skip


@endpoints
@pytest.mark.parametrize("thrown", THROWN)
async def test_what_is_thrown_becomes_our_error(thrown: str, endpoint: Any) -> None:
    error, kind, code = THROWN[thrown]
    with pytest.raises(CloudflareGeminiError) as caught:
        await model_of(Saying(error), endpoint=endpoint).ainvoke("hi")
    assert (type(caught.value), caught.value.code) == (kind, code)
    assert str(error).rpartition(": ")[2].split("\n")[0] in str(caught.value)


GONE = CloudflareNotFoundError("gone", status_code=404)


@pytest.mark.parametrize("thrown", [GONE, KeyError("a bug of the binding's")], ids=repr)
async def test_our_own_errors_and_bugs_stay_what_they_are(thrown: Exception) -> None:
    with pytest.raises(type(thrown)) as caught:
        await model_of(Saying(thrown)).ainvoke("hi")
    assert caught.value is thrown


async def test_no_body() -> None:
    with pytest.raises(CloudflareServerError):
        await model_of(Saying(Answered(None, 503))).ainvoke("hi")


async def test_a_body_that_breaks_off() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'data: {"candidates": ['
        raise JsError("Error", "Network connection lost.")

    broken = Answered(pieces(), **{"content-type": "text/event-stream"})
    with pytest.raises(CloudflareConnectionError, match="Network connection lost"):
        await asked(model_of(Saying(broken)), stream=True)


async def test_failed_attempts_are_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGCHAIN_CF_GEMINI_TESTING", "1")
    binding = Saying(
        JsError("TypeError", "Network connection lost."),
        JsError("InferenceUpstreamError", "3040: Capacity temporarily exceeded"),
        answer(text("at last")),
    )
    message = await model_of(binding, max_retries=2).ainvoke("hi")
    assert message.text == "at last"
    assert len(binding.calls) == 3


async def test_the_gateways_refusal_turns_a_stream_to_run() -> None:
    no_gateway = refusal(400, 2001, "Please configure AI Gateway")
    model = bound(Cloudflare(no_gateway, answer(text("from run"))))
    with pytest.warns(GatewayFallbackWarning):
        whole = await asked(model, stream=True)
    assert whole.text == "from run"
    assert [call[0] for call in model.binding.calls] == ["gateway.run", "run"]


# ---- beside the model


async def test_feedback_and_logs_go_through_the_binding() -> None:
    entry = {"id": "log-1", "success": False, "cost": 0.1}
    binding = Saying(entry)
    model = model_of(binding, gateway="my-gateway")
    assert await model.aread_log("log-1") == entry
    await model.asend_feedback("log-1", feedback=-1, metadata={"by": "me"})
    assert binding.calls == [
        ("log-1",),
        ("log-1", {"feedback": -1, "metadata": {"by": "me"}}),
    ]


async def test_models_are_the_packaged_ones(caplog: pytest.LogCaptureFixture) -> None:
    models = await model_of(Saying({})).alist_models()
    assert all(model.packaged for model in models)
    assert "binding doesn't support this call" in caplog.text


async def test_credentials_are_checked_but_for_a_token() -> None:
    report = await bound(Cloudflare(refusal(404, 7003))).acheck_credentials()
    assert {check.service: check.outcome for check in report.checks} == {
        "token": "not used",
        "run": "ok",
        "gateway": "ok",
        "log": "ok",
        "feedback": "ok",
    }


# ---- the model that has one


@pytest.mark.parametrize(("name", "arguments"), [
    ("invoke", ["hi"]),
    ("stream", ["hi"]),
    ("batch", [["hi", "ho"]]),
    ("batch_as_completed", [["hi", "ho"]]),
    ("read_log", ["log-1"]),
    ("list_models", []),
])  # fmt: skip
def test_blocking_calls_say_what_to_do(name: str, arguments: list[Any]) -> None:
    binding = Saying(answer(text("ok")))
    model = model_of(binding)
    for one in (model, *([model.bind_tools([])] if name == "batch" else [])):
        with pytest.raises(NotImplementedError, match="ainvoke, astream or abatch"):
            list(getattr(one, name)(*arguments))
    assert not binding.calls


def test_credentials_of_the_environment_are_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("CLOUDFLARE_API_TOKEN", "CF_AIG_TOKEN", "CLOUDFLARE_ACCOUNT_ID"):
        monkeypatch.setenv(name, "of-the-environment")
    binding = Saying(answer(text("ok")))
    for endpoint in ("run", "gateway"):
        asyncio.run(model_of(binding, endpoint=endpoint).ainvoke("hi"))
    assert "of-the-environment" not in str(binding.calls)


NO_RUN = r"has no run\(\) and gateway"


@pytest.mark.parametrize(("settings", "said"), [
    ({"binding": object()}, NO_RUN),
    ({"binding": "env.AI"}, NO_RUN),
    ({"binding": {"run": 1}}, NO_RUN),
    ({"http_async_client": httpx.AsyncClient()}, "not both"),
    ({"endpoint": "run", "google_api_key": "key"}, "support google_api_key"),
])  # fmt: skip
def test_what_goes_with_no_binding_is_refused(settings: Json, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        model_of(**{"binding": Saying({}), **settings})


def test_copies_share_the_binding_and_pickles_lose_it() -> None:
    model = model_of(Saying({}))
    for copied in (copy.copy(model), copy.deepcopy(model), model.model_copy()):
        assert copied.binding is model.binding
    travelled = pickle.loads(pickle.dumps(model))
    assert travelled.binding is None
    with pytest.raises(ValueError, match="account ID and API token not found"):
        asyncio.run(travelled.ainvoke("hi"))
    assert "binding" not in dumps(model) + repr(model)


def test_the_binding_can_be_set_later() -> None:
    model = model_of(Saying(answer(text("old"))))
    assert asyncio.run(model.ainvoke("hi")).text == "old"
    model.binding = Saying(answer(text("new")))
    assert asyncio.run(model.ainvoke("hi")).text == "new"


async def test_answers_that_are_too_long_are_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever ends a call early ends it in the binding, too."""
    ai = Ai(httpx.AsyncClient(transport=httpx.MockTransport(Cloudflare([{}] * 3))))
    with pytest.raises(ResponseFormatError):
        await asked(model_of(ai), stream=True)
    assert ai.open == 0
