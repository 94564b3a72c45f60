"""Which bytes are an answer, which are none, and which are an error in disguise."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from langchain_cf_gemini import (
    CloudflareGeminiError,
    CloudflareInvalidRequestError,
    CloudflareRateLimitError,
    CloudflareServerError,
    ResponseFormatError,
)
from tests.support.models import (
    Cloudflare,
    Json,
    Way,
    answer,
    call,
    endpoints,
    event,
    every_way,
    folded,
    text,
)

USAGE_OF_NOTHING = {"promptTokenCount": 3, "totalTokenCount": 3}

NOTHING: list[Json] = [
    {},
    {"candidates": []},
    {"candidates": None},
    {"candidates": [{}]},
    {"candidates": [{"content": {"role": "model"}}]},
    {"candidates": [{"finishReason": "FINISH_REASON_UNSPECIFIED"}]},
    {"promptFeedback": {}},
]


@pytest.mark.parametrize("payload", NOTHING)
@endpoints
def test_answers_of_nothing_may_be_asked_for_again(
    either_way: Way, endpoint: str, payload: Json
) -> None:
    whole = {"modelVersion": "m", "usageMetadata": USAGE_OF_NOTHING, **payload}
    nothing = [whole, whole] if endpoint == "gateway" else whole
    with pytest.raises(ResponseFormatError) as caught:
        either_way(Cloudflare(nothing).model(endpoint=endpoint), "hi")
    assert caught.value.is_retryable


@endpoints
def test_an_empty_body_may_be_asked_for_again(endpoint: str) -> None:
    empty = httpx.Response(200, content=b" ")
    with pytest.raises(ResponseFormatError, match="empty response") as caught:
        Cloudflare(empty).model(endpoint=endpoint).invoke("hi")
    assert caught.value.is_retryable


IDLE: dict[str, str] = {
    "object": "data: {}",
    "null": "data: null",
    "list": "data: []",
    "ping": "event: ping\ndata: {}",
    "typed": 'data: {"type": "ping"}',
    "heartbeat": 'data: {"heartbeat": true, "at": 17}',
    "wrapped": 'data: {"success": true, "errors": [], "result": null}',
    "gateway's": 'data: {"gatewayMetadata": {"keySource": "Unified"}}',
    "time": 'data: {"createTime": "2026-11-22T05:00:00Z"}',
    "usage": 'data: {"usageMetadata": {"trafficType": "ON_DEMAND"}}',
    "no candidates": 'data: {"candidates": [], "modelVersion": "m"}',
    "ratings": 'data: {"promptFeedback": {"safetyRatings": [{"category": "X"}]}}',
    "comment": ": keep-alive",
    "word": 'data: "ping"',
    "number": "data: 7",
    "bare word": "event: ping\ndata: ping",
    "null candidate": 'data: {"candidates": [null]}',
}


SSE = "text/event-stream"


def _stream(*events: Any, kind: str | None = SSE, before: str = "") -> Cloudflare:
    """A stream of events, which are written already or not."""
    said = (e if isinstance(e, str) else f"data: {json.dumps(e)}" for e in events)
    raw = before + "".join(f"{event}\n\n" for event in said)
    headers = {"content-type": kind} if kind else {}
    return Cloudflare(httpx.Response(200, content=raw.encode(), headers=headers))


@pytest.mark.parametrize("idle", IDLE.values(), ids=IDLE.keys())
def test_events_that_say_nothing_are_passed_over(idle: str) -> None:
    parts = [text("The "), call("look", args={"x": 1})]
    said = _stream(idle, event(parts[0]), idle, answer(parts[1]), idle)
    whole = folded(list(said.model(endpoint="gateway").stream("hi")))
    assert whole.text == "The "
    assert [c["args"] for c in whole.tool_calls] == [{"x": 1}]
    assert whole.response_metadata["finish_reason"] == "STOP"
    with pytest.raises(ResponseFormatError) as caught:
        list(_stream(idle, idle).model(endpoint="gateway").stream("hi"))
    assert caught.value.is_retryable


@pytest.mark.parametrize("at", [0, 1, 2])
def test_an_event_that_says_nothing_may_tell_of_the_gateway(at: int) -> None:
    events = [event(text("The ")), answer(text("laws"))]
    events.insert(at, {"gatewayMetadata": {"keySource": "BYOK"}})
    whole = folded(list(_stream(*events).model(endpoint="gateway").stream("hi")))
    assert whole.text == "The laws"
    assert whole.response_metadata["gateway"]["key_source"] == "BYOK"


@pytest.mark.parametrize(("events", "kept"), [
    ([{"heartbeat": 17}], '{"heartbeat": 17}'),
    ([{"heartbeat": 17}, {}], '{"heartbeat": 17}'),
    ([{"heartbeat": 17}, {"modelVersion": "m"}], '[{"modelVersion": "m"}]'),
    ([{}, []], ""),
])  # fmt: skip
def test_the_error_of_a_stream_of_nothing_keeps_what_came(
    events: list[Any], kept: str
) -> None:
    with pytest.raises(ResponseFormatError, match="an empty stream") as caught:
        list(_stream(*events).model(endpoint="gateway").stream("hi"))
    assert (caught.value.body, caught.value.origin) == (kept, "cloudflare")


@pytest.mark.parametrize("event_of_an_error", [
    'data: {"type": "error", "at": 3}',
    'data: {"message": "upstream failed"}',
    'data: {"code": 500}',
    'data: {"choices": [{"delta": {"content": "hi"}}]}',
    "data: <html>",
])  # fmt: skip
def test_what_may_be_an_error_is_not_passed_over(event_of_an_error: str) -> None:
    said = _stream(event(text("The ")), event_of_an_error, answer(text("laws")))
    with pytest.raises(CloudflareGeminiError):
        list(said.model(endpoint="gateway").stream("hi"))


@pytest.mark.parametrize(
    "kind",
    ["Text/Event-Stream; charset=UTF-8", "text/plain", "application/json", None],
)
@pytest.mark.parametrize(
    "before", ["", ": hi\n\n", "event: message\n", "\n\n", "\ufeff", "\ufeff\n\n"]
)
@every_way
def test_a_stream_is_told_by_its_form(way: Any, kind: str | None, before: str) -> None:
    said = _stream(event(text("The ")), answer(text("laws")), kind=kind, before=before)
    assert way(said.model(endpoint="gateway"), "hi").text == "The laws"


# ---- errors in disguise

RETRY_INFO = [{"@type": "RetryInfo", "retryDelay": "17s"}]
EXHAUSTED = {"message": "Resource exhausted.", "status": "RESOURCE_EXHAUSTED"}
GOOGLES: Json = {"error": {"code": 429, **EXHAUSTED, "details": RETRY_INFO}}


def _envelope(message: Any) -> Json:
    said = message if isinstance(message, str) else json.dumps(message)
    errors = [{"code": 2002, "message": said}]
    return {"success": False, "errors": errors, "messages": [], "result": None}


def _of_429(**more: Any) -> Json:
    return _envelope({"error": {"code": 429, **more}})


LIMIT, INVALID = CloudflareRateLimitError, CloudflareInvalidRequestError
DISGUISED: dict[str, tuple[Json, type[Exception], float | None]] = {
    "Google's, inside": (_envelope(GOOGLES), LIMIT, 17),
    "in a list": (_envelope([GOOGLES]), LIMIT, 17),
    "after words": (_envelope("Upstream said: " + json.dumps(GOOGLES)), LIMIT, 17),
    "wrapped twice": (_envelope(_envelope(GOOGLES)), LIMIT, 17),
    "as text": ({"error": json.dumps(GOOGLES)}, LIMIT, 17),
    "a Duration": (_of_429(details=[{"retryDelay": {"seconds": "9"}}]), LIMIT, 9),
    "said in words": (_of_429(message="Please retry in 41.5s."), LIMIT, 41.5),
    "an invalid request": (
        _envelope({"error": {"code": 400, "status": "INVALID_ARGUMENT"}}),
        INVALID, None),
    "no JSON": (_envelope("{ upstream failed"), CloudflareServerError, None),
}  # fmt: skip


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(
    ("body", "kind", "delay"), DISGUISED.values(), ids=DISGUISED.keys()
)
@endpoints
def test_errors_inside_of_errors(
    either_way: Way,
    endpoint: str,
    body: Json,
    kind: type[Exception],
    delay: float | None,
    status: int,
) -> None:
    model = Cloudflare(httpx.Response(status, json=body)).model(endpoint=endpoint)
    with pytest.raises(CloudflareGeminiError) as caught:
        either_way(model, "hi")
    assert type(caught.value) is kind
    assert caught.value.retry_after == delay


@pytest.mark.parametrize("error", [
    {"status": "RESOURCE_EXHAUSTED", "message": "Quota."},
    {"code": "429", "message": "Quota."},
    {"code": "RESOURCE_EXHAUSTED"},
    {"code": 8, "message": "Quota."},
    {"message": "429 RESOURCE_EXHAUSTED. Quota."},
    "RESOURCE_EXHAUSTED: quota",
])  # fmt: skip
@pytest.mark.parametrize("as_event", [False, True])
def test_a_limit_inside_of_a_200(either_way: Way, error: Any, as_event: bool) -> None:
    body = {"error": error}
    said = _stream(body) if as_event else Cloudflare(body)
    with pytest.raises(CloudflareRateLimitError) as caught:
        either_way(said.model(endpoint="gateway"), "hi")
    assert caught.value.status_code == 429
