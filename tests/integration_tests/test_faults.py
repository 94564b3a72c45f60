"""What can go wrong between us and Cloudflare, row by row, over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import gzip
import itertools
import json
import logging
import pickle
import socket
import threading
import time
import traceback
import zlib
from dataclasses import replace
from functools import cache
from typing import Any

import httpx
import pytest

from langchain_cf_gemini.exceptions import (
    CloudflareAuthenticationError,
    CloudflareConnectionError,
    CloudflareContextOverflowError,
    CloudflareGeminiError,
    CloudflareInvalidRequestError,
    CloudflareNotFoundError,
    CloudflarePermissionError,
    CloudflareRateLimitError,
    CloudflareServerError,
    CloudflareTimeoutError,
    ResponseFormatError,
)
from tests.support.cloudflare import AnswerReader
from tests.support.http import (
    Request,
    RetryPolicy,
    SharedLimits,
    Transport,
    TransportSettings,
)
from tests.support.loopback import (
    EVENTS_HEAD,
    FIRST,
    PAYLOAD,
    Act,
    Loopback,
    Wire,
    answer,
    cut,
    drip,
    drip_header,
    event,
    events,
    head,
    reset,
    stall,
)
from tests.support.process import server_tls
from tests.support.ways import (
    STREAMS,
    TOKEN,
    ask,
    callers_ways,
    every_way,
    in_turn,
    our_ways,
    request_of,
    said,
    stream_ways,
    timed_ways,
    unary_ways,
)

GOOGLE_429 = {
    "error": {
        "code": 429,
        "message": "You exceeded your current quota.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [
            {"@type": "type.googleapis.com/google.rpc.Help", "links": []},
            {
                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": "37s",
            },
        ],
    }
}


def v4(code: int, message: str) -> dict[str, Any]:
    return {
        "success": False,
        "errors": [{"code": code, "message": message}],
        "messages": [],
        "result": None,
    }


def failing(status: int, **headers: str) -> Act:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer(v4(1, "failed"), status, named)


# ------------------------------------------------------------- rows 1 to 6
@pytest.mark.fault(row=1)
@our_ways
def test_retry_after_in_seconds_is_waited_for(way: str) -> None:
    with Loopback([failing(429, retry_after="7"), answer()]) as server:
        outcome = ask(way, server)
    assert outcome.payloads == [PAYLOAD]
    assert outcome.slept == [7.0]


@pytest.mark.fault(row=2)
@pytest.mark.parametrize(("ahead", "least", "most"), [(30, 28, 31), (-3600, 0, 1)])
def test_retry_after_as_a_date(ahead: int, least: int, most: int) -> None:
    date = email.utils.formatdate(time.time() + ahead, usegmt=True)
    with Loopback([failing(429, retry_after=date), answer()]) as server:
        outcome = ask("send", server)
    assert outcome.payloads == [PAYLOAD]
    assert len(outcome.slept) == 1
    assert least <= outcome.slept[0] <= most


@pytest.mark.fault(row=3)
@our_ways
def test_retry_after_above_the_cap_is_not_waited_for(way: str) -> None:
    with Loopback([failing(429, retry_after="61"), answer()]) as server:
        outcome = ask(way, server)
    assert isinstance(outcome.error, CloudflareRateLimitError)
    assert outcome.error.retry_after == 61
    assert outcome.slept == []
    assert len(server.received) == 1


@pytest.mark.fault(row=3)
def test_the_cap_can_be_set() -> None:
    with Loopback([failing(429, retry_after="61"), answer()]) as server:
        policy = RetryPolicy(max_retry_after=100, jitter=lambda: 0.0)
        outcome = ask("send", server, retry=policy)
    assert outcome.slept == [61.0]


@pytest.mark.fault(row=4)
@our_ways
def test_google_s_retry_info_is_waited_for(way: str) -> None:
    with Loopback([answer(GOOGLE_429, 429), answer()]) as server:
        outcome = ask(way, server)
    assert outcome.slept == [37.0]


@pytest.mark.fault(row=4)
def test_without_any_delay_the_waits_grow_and_vary() -> None:
    with Loopback([failing(429)]) as server:
        steady = ask("send", server, max_retries=6)
        varied = ask(
            "send", server, max_retries=3, retry=RetryPolicy(jitter=lambda: 0.999)
        )
    assert steady.slept == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert varied.slept == pytest.approx([0.375, 0.75, 1.5], rel=0.01)


@pytest.mark.fault(row=5)
@pytest.mark.parametrize(
    "garbage", ["-5", "nan", "inf", "soon", "", "Thu, 99 Nope 2026", "1e400"]
)
def test_unintelligible_retry_after_means_backoff(garbage: str) -> None:
    with Loopback([failing(429, retry_after=garbage), answer()]) as server:
        outcome = ask("send", server)
    assert outcome.slept == [0.5]


@pytest.mark.fault(row=6)
def test_milliseconds_come_first() -> None:
    act = failing(429, retry_after="50", retry_after_ms="1500")
    with Loopback([act, answer()]) as server:
        assert ask("send", server).slept == [1.5]


# ------------------------------------------------------------ rows 7 to 13
@pytest.mark.fault(row=7)
@pytest.mark.fault(row=8)
@in_turn("status", [500, 502, 503, 504, 520, 521, 522, 523, 524, 529, 408, 409])
def test_server_failures_are_retried_to_the_limit(way: str, status: int) -> None:
    with Loopback([failing(status)]) as server:
        outcome = ask(way, server, max_retries=3)
    assert type(outcome.error) is CloudflareServerError
    assert outcome.error.status_code == status
    assert len(server.received) == 4
    assert len(outcome.slept) == 3


@pytest.mark.fault(row=9)
@in_turn(
    "status, kind",
    [
        (400, CloudflareInvalidRequestError),
        (404, CloudflareNotFoundError),
        (413, CloudflareInvalidRequestError),
        (422, CloudflareInvalidRequestError),
    ],
)
def test_refusals_are_not_retried(
    way: str, status: int, kind: type[CloudflareGeminiError]
) -> None:
    with Loopback([failing(status)]) as server:
        outcome = ask(way, server)
    assert type(outcome.error) is kind
    assert len(server.received) == 1


@pytest.mark.fault(row=10)
@in_turn(
    "status, kind, advice",
    [
        (401, CloudflareAuthenticationError, "CLOUDFLARE_API_TOKEN"),
        (402, CloudflarePermissionError, "credits"),
        (403, CloudflarePermissionError, "permission"),
    ],
)
def test_credentials_refused_say_what_to_check_without_the_token(
    way: str, status: int, kind: type[CloudflareGeminiError], advice: str
) -> None:
    echo = v4(2009, f"Unauthorized: Bearer {TOKEN}")
    with Loopback([answer(echo, status)]) as server:
        outcome = ask(way, server)
    error = outcome.failed
    assert type(error) is kind
    assert len(server.received) == 1
    assert advice in error.message
    shown = "".join(
        traceback.TracebackException.from_exception(error, capture_locals=True).format()
    )
    for text in (str(error), repr(error), shown, repr(vars(error)), error.body or ""):
        assert TOKEN not in text
    assert TOKEN.encode() not in pickle.dumps(error)
    assert error.__cause__ is None
    assert error.__context__ is None


@pytest.mark.fault(row=11)
@our_ways
def test_a_200_that_says_success_false(way: str) -> None:
    with Loopback([answer(v4(2009, "Unauthorized"))]) as server:
        outcome = ask(way, server)
    assert type(outcome.error) is CloudflareAuthenticationError
    assert outcome.error.code == 2009
    assert "Unauthorized" in outcome.error.message
    assert len(server.received) == 1


@pytest.mark.fault(row=11)
@our_ways
def test_a_200_whose_state_is_failed(way: str) -> None:
    failed = {
        "state": "Failed",
        "error": {"code": "provider_unavailable", "message": "All providers are out."},
        "model": "google/gemini-3-flash",
    }
    body = {"result": failed, "success": True, "errors": [], "messages": []}
    with Loopback([answer(failed), answer(body), answer()]) as server:
        outcome = ask(way, server)
    assert outcome.payloads == [PAYLOAD]
    assert len(server.received) == 3


@pytest.mark.fault(row=12)
def test_google_s_400_for_a_bad_key_is_about_credentials() -> None:
    reason = [{"reason": "API_KEY_INVALID", "domain": "googleapis.com"}]
    body = {
        "error": {
            "code": 400,
            "message": "API key not valid.",
            "status": "INVALID_ARGUMENT",
            "details": reason,
        }
    }
    with Loopback([answer(body, 400)]) as server:
        assert isinstance(ask("send", server).error, CloudflareAuthenticationError)


@pytest.mark.fault(row=12)
def test_too_much_input_is_a_context_overflow() -> None:
    said = "The input token count (1250074) exceeds the maximum number of tokens."
    with Loopback([answer({"error": {"code": 400, "message": said}}, 400)]) as server:
        assert isinstance(ask("send", server).error, CloudflareContextOverflowError)


@pytest.mark.fault(row=13)
@our_ways
def test_an_html_page_is_cut_short(way: str) -> None:
    page = b"<html>" + b"<p>Bad gateway</p>" * 10_000
    html = {"content-type": "text/html"}
    with Loopback([answer(page, 502, html)]) as server:
        error = ask(way, server, max_retries=0).failed
    assert type(error) is CloudflareServerError
    assert len(error.message) < 600
    assert error.body is not None
    assert len(error.body) <= 16_384
    assert error.ray_id == "ray-1"


# ----------------------------------------------------------- rows 14 to 17
@pytest.mark.fault(row=14)
@in_turn("body", [b"", b"  ", b"<html>", b"{", {"result": None, "success": True}])
def test_a_200_without_an_answer_is_retried(way: str, body: Any) -> None:
    with Loopback([answer(body), answer()]) as server:
        assert ask(way, server).payloads == [PAYLOAD]
        server.received.clear()
        server.acts = [answer(body)]
        outcome = ask(way, server, max_retries=1)
    assert type(outcome.error) is ResponseFormatError
    assert len(server.received) == 2


@pytest.mark.fault(row=15)
@in_turn(
    "payload",
    [
        {"candidates": None},
        {"candidates": []},
        {"candidates": [None]},
        {"candidates": [{"content": {"parts": None}}]},
        {"usageMetadata": [], "candidates": [{"content": []}]},
    ],
)
def test_nothing_in_another_shape_is_typed(way: str, payload: Any) -> None:
    act = events(event(payload)) if "stream" in way else answer(payload)
    with Loopback([act]) as server:
        outcome = ask(way, server, max_retries=0)
    assert type(outcome.error) is ResponseFormatError
    assert outcome.payloads == []


@pytest.mark.fault(row=15)
@in_turn(
    "payload",
    [
        {"candidates": ["x"]},
        {"candidates": {"content": 1}},
        {"candidates": [{"content": "text"}]},
    ],
)
def test_something_in_another_shape_passes_and_ends_no_stream(
    way: str, payload: Any
) -> None:
    act = events(event(payload)) if "stream" in way else answer(payload)
    with Loopback([act]) as server:
        outcome = ask(way, server, max_retries=0)
    assert outcome.payloads == [payload]
    ended = ResponseFormatError if "stream" in way else type(None)
    assert type(outcome.error) is ended


@pytest.mark.fault(row=15)
@in_turn("value", [1, "x", True, [], {}, [1], {"choices": []}])
def test_json_that_is_no_answer_is_typed(way: str, value: Any) -> None:
    with Loopback([answer(value)]) as server:
        outcome = ask(way, server, max_retries=0)
    assert type(outcome.error) is ResponseFormatError


@pytest.mark.fault(row=15)
def test_a_chat_completions_body_says_so_and_is_not_retried() -> None:
    body = {"choices": [{"message": {"content": "x"}}], "object": "chat.completion"}
    with Loopback([answer({"result": body, "success": True})]) as server:
        outcome = ask("send", server)
    assert "Chat Completions" in outcome.failed.message
    assert len(server.received) == 1


@pytest.mark.fault(row=16)
@our_ways
def test_a_blocked_prompt_is_an_answer(way: str) -> None:
    blocked = {
        "promptFeedback": {"blockReason": "SAFETY"},
        "usageMetadata": {"promptTokenCount": 4},
    }
    act = events(event(blocked)) if "stream" in way else answer(blocked)
    with Loopback([act]) as server:
        outcome = ask(way, server)
    assert outcome.payloads == [blocked]
    assert len(server.received) == 1


@pytest.mark.fault(row=17)
@our_ways
def test_what_is_unknown_passes_through(way: str) -> None:
    unknown = {
        "candidates": [
            {"content": {"parts": [{"hologram": {"x": 1}}]}, "finishReason": 77}
        ],
        "usageMetadata": {"trafficType": 1},
        "tomorrow": True,
    }
    act = events(event(unknown)) if "stream" in way else answer(unknown)
    with Loopback([act]) as server:
        assert ask(way, server).payloads == [unknown]


# ----------------------------------------------------------- rows 18 to 25
@pytest.mark.fault(row=18)
@every_way
def test_a_refused_connection_is_retried(way: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        root = f"http://127.0.0.1:{listener.getsockname()[1]}"
        outcome = ask(way, root)
    assert type(outcome.error) is CloudflareConnectionError
    assert len(outcome.slept) == 2


@pytest.mark.fault(row=18)
@our_ways
def test_a_name_that_does_not_resolve_is_retried(way: str) -> None:
    outcome = ask(way, "http://no-such-host.invalid")
    assert type(outcome.error) is CloudflareConnectionError
    assert len(outcome.slept) == 2


@pytest.mark.fault(row=18)
@every_way
def test_a_certificate_that_is_not_trusted_is_not_retried(way: str) -> None:
    with Loopback(tls=server_tls()) as server:
        outcome = ask(way, server)
    assert type(outcome.error) is CloudflareConnectionError
    assert not outcome.error.is_retryable
    assert "certificate" in outcome.error.message
    assert outcome.slept == []


@pytest.mark.fault(row=19)
@in_turn("act", [reset, cut, cut, reset])
def test_a_reset_before_the_first_byte_is_retried(way: str, act: Act) -> None:
    with Loopback([act, answer()]) as server:
        outcome = ask(way, server)
    assert outcome.payloads == [PAYLOAD]
    assert len(outcome.slept) == 1


def half(then: Act) -> Act:
    async def act(wire: Wire) -> None:
        body = json.dumps(PAYLOAD).encode()
        named = {"content-length": str(len(body)), "content-type": "application/json"}
        await wire.send(head(200, named) + body[: len(body) // 2])
        await then(wire)

    return act


@pytest.mark.fault(row=20)
@in_turn("then", [reset, cut, cut, reset])
def test_a_cut_in_the_middle_of_a_body_is_retried(way: str, then: Act) -> None:
    with Loopback([half(then), answer()]) as server:
        outcome = ask(way, server)
    assert outcome.payloads == [PAYLOAD]
    assert len(outcome.slept) == 1


@pytest.mark.fault(row=20)
def test_a_cut_body_that_is_never_whole_is_typed() -> None:
    with Loopback([half(cut)]) as server:
        error = ask("send", server).failed
    assert type(error) is CloudflareConnectionError
    assert len(server.received) == 3


@pytest.mark.fault(row=22)
@every_way
def test_a_stalled_answer_is_a_timeout_and_retried(way: str) -> None:
    with Loopback([stall, answer()]) as server:
        outcome = ask(way, server, timeout=0.3)
        assert outcome.payloads == [PAYLOAD]
        server.received.clear()
        outcome = ask(way, server, timeout=0.05, max_retries=0)
    assert type(outcome.error) is CloudflareTimeoutError


@pytest.mark.fault(row=22)
@stream_ways
def test_a_stream_that_stalls_after_a_chunk_is_not_retried(way: str) -> None:
    with Loopback([events(event(FIRST), then=stall)]) as server:
        outcome = ask(way, server, timeout=0.1)
    assert type(outcome.error) is CloudflareTimeoutError
    assert outcome.payloads == [FIRST]
    assert len(server.received) == 1


@pytest.mark.fault(row=23)
@every_way
def test_a_slow_drip_ends(way: str) -> None:
    slow = head(
        200, {"content-type": "application/json", "transfer-encoding": "chunked"}
    )
    act = drip(EVENTS_HEAD if "stream" in way else slow)
    with Loopback([act]) as server:
        outcome = ask(way, server, timeout=0.05, max_retries=0)
    assert type(outcome.error) is CloudflareTimeoutError


@pytest.mark.fault(row=23)
@timed_ways
def test_headers_that_drip_end_too(way: str) -> None:
    with Loopback([drip_header]) as server:
        outcome = ask(way, server, timeout=0.05, max_retries=0)
    assert type(outcome.error) is CloudflareTimeoutError


def long_request(way: str, server: socket.socket) -> tuple[str, Request]:
    root = f"http://127.0.0.1:{server.getsockname()[1]}"
    return root, replace(request_of(way, root), pieces=(b" " * 2**24,))


@pytest.mark.fault(row=23)
@our_ways
def test_a_request_that_is_not_read_ends(way: str) -> None:
    # The system takes connections and some bytes without anybody's help.
    with socket.create_server(("127.0.0.1", 0)) as server:
        root, request = long_request(way, server)
        outcome = ask(way, root, request=request, timeout=0.05, max_retries=0)
    assert type(outcome.error) is CloudflareTimeoutError


@pytest.mark.fault(row=23)
@our_ways
def test_the_user_s_own_time_for_writing_counts(way: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        root, request = long_request(way, server)
        limits = httpx.Timeout(60, write=0.1)
        started = time.monotonic()
        outcome = ask(way, root, request=request, timeout=limits, max_retries=0)
        assert time.monotonic() - started < 20
    assert type(outcome.error) is CloudflareTimeoutError


@pytest.mark.fault(row=23)
@our_ways
def test_a_request_that_is_read_in_sips_ends_too(way: str) -> None:
    given_up = threading.Event()

    def sip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, contextlib.suppress(ConnectionError):
            while connection.recv(2**15) and not given_up.wait(0.01):
                pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        drinker = threading.Thread(target=sip, args=(server,))
        drinker.start()
        root, request = long_request(way, server)
        started = time.monotonic()
        outcome = ask(way, root, request=request, timeout=0.05, max_retries=0)
        assert time.monotonic() - started < 3  # of the 5 seconds that it would take
        given_up.set()
        drinker.join()
    assert type(outcome.error) is CloudflareTimeoutError


@pytest.mark.fault(row=24)
@in_turn("then", [reset, cut, cut, reset], STREAMS)
def test_a_stream_cut_before_its_first_chunk_is_retried(way: str, then: Act) -> None:
    whole = events(event(FIRST), event(PAYLOAD))
    with Loopback([events(then=then), events(), whole]) as server:
        outcome = ask(way, server)
    assert outcome.payloads == [FIRST, PAYLOAD]
    assert len(outcome.slept) == 2


@pytest.mark.fault(row=25)
@in_turn("then", [reset, cut, cut, reset], STREAMS)
def test_a_stream_cut_after_a_chunk_is_never_retried(way: str, then: Act) -> None:
    async def later(wire: Wire) -> None:
        # A reset may overtake what was sent before it.
        await asyncio.sleep(0.05)
        await then(wire)

    with Loopback([events(event(FIRST), then=later)]) as server:
        outcome = ask(way, server)
    assert type(outcome.error) is CloudflareConnectionError
    assert outcome.payloads == [FIRST]
    assert len(server.received) == 1


# ----------------------------------------------------------- rows 26 to 30
@pytest.mark.fault(row=26)
@stream_ways
def test_a_stream_without_a_finish_reason_is_typed(way: str) -> None:
    with Loopback([events(event(FIRST), event(FIRST))]) as server:
        outcome = ask(way, server)
    assert type(outcome.error) is ResponseFormatError
    assert "finishReason" in outcome.error.message
    assert outcome.payloads == [FIRST, FIRST]
    assert len(server.received) == 1


@pytest.mark.fault(row=27)
@stream_ways
def test_a_malformed_event_is_typed(way: str) -> None:
    with Loopback([events(event(FIRST), b'data: {"candidates": [\r\n\r\n')]) as server:
        outcome = ask(way, server)
    assert type(outcome.error) is ResponseFormatError
    assert outcome.payloads == [FIRST]
    assert len(server.received) == 1


IN_STREAM = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}


@pytest.mark.fault(row=28)
@in_turn(
    "piece",
    [
        event(IN_STREAM),
        json.dumps(IN_STREAM).encode(),
        json.dumps(IN_STREAM, indent=2).encode() + b"\r\n",
        json.dumps([IN_STREAM]).encode() + b"\n\n",
        b"event: error\r\n" + event(IN_STREAM),
    ],
    STREAMS,
)
def test_an_error_in_a_stream_is_typed_by_its_status(way: str, piece: bytes) -> None:
    with Loopback([events(event(FIRST), piece)]) as server:
        late = ask(way, server)
        asked = len(server.received)
        server.acts = [events(piece)]
        early = ask(way, server)
    assert type(late.error) is CloudflareServerError
    assert late.error.status_code == 503
    assert late.payloads == [FIRST]
    assert asked == 1
    assert type(early.error) is CloudflareServerError
    assert len(server.received) == asked + 3


@pytest.mark.fault(row=28)
def test_google_s_code_499_is_typed_too() -> None:
    piece = b'{"error": {"code": 499, "status": "CANCELLED"}}'
    with Loopback([events(event(FIRST), piece)]) as server:
        error = ask("stream", server).failed
    assert error.status_code == 499


@pytest.mark.fault(row=29)
@stream_ways
def test_line_ends_comments_and_split_characters(way: str) -> None:
    text = "é\u2028\u0085 € 🎈"
    payload = json.loads(json.dumps(PAYLOAD))
    payload["candidates"][0]["content"]["parts"][0]["text"] = text
    raw = json.dumps(payload, ensure_ascii=False)
    folded = json.dumps(payload, ensure_ascii=False, indent=1).replace("\n", "\ndata: ")
    written = (
        f"\ufeff: hello\r\ndata: {raw}\r\n\r\n:\ndata:{raw}\n\n"
        f"id: 1\rdata: {raw}\r\rretry: 5\r\ndata: {folded}\r\n\r\ndata: [DONE]\n\n"
    ).encode()
    for size in (1, 7, len(written)):
        pieces = [written[i : i + size] for i in range(0, len(written), size)]
        with Loopback([events(*pieces)]) as server:
            assert ask(way, server).payloads == [payload] * 4


@pytest.mark.fault(row=30)
@stream_ways
def test_json_where_a_stream_was_asked_for(way: str) -> None:
    with Loopback([answer(), answer([FIRST, PAYLOAD])]) as server:
        assert ask(way, server).payloads == [PAYLOAD]
        assert ask(way, server).payloads == [FIRST, PAYLOAD]


@pytest.mark.fault(row=30)
@unary_ways
def test_a_stream_where_json_was_asked_for(way: str) -> None:
    with Loopback([events(event(FIRST), event(PAYLOAD))]) as server:
        assert ask(way, server).payloads == [FIRST, PAYLOAD]


# ----------------------------------------------------------- rows 37 to 44
@pytest.mark.fault(row=37)
@every_way
def test_the_debug_log_has_one_line_per_attempt_and_no_token(
    way: str, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.DEBUG, "langchain_cf_gemini"),
        Loopback([failing(503), answer()]) as server,
    ):
        ask(way, server)
    lines = [r.getMessage() for r in caplog.records if "POST" in r.getMessage()]
    assert len(lines) == 2
    assert " 503 " in lines[0]
    assert " 200 " in lines[1]
    assert all("ray=ray-1" in line and " ms " in line for line in lines)
    assert TOKEN not in caplog.text


@cache
def bomb() -> bytes:
    squeezed = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece = b"\0" * (1 << 20)
    return b"".join(squeezed.compress(piece) for _ in range(64)) + squeezed.flush()


@pytest.mark.fault(row=38)
@every_way
def test_a_gzip_bomb_is_stopped(way: str) -> None:
    zipped = {"content-encoding": "gzip", "content-type": "application/json"}
    if "stream" in way:
        zipped["content-type"] = "text/event-stream"
    with Loopback([answer(bomb(), 200, zipped)]) as server:
        outcome = ask(way, server, max_answer_bytes=1 << 20)
    assert type(outcome.error) is ResponseFormatError
    assert "more than" in outcome.error.message
    assert len(server.received) == 1


@pytest.mark.fault(row=38)
@every_way
def test_a_body_without_end_is_stopped(way: str) -> None:
    async def endless(wire: Wire) -> None:
        await wire.send(EVENTS_HEAD.replace(b"text/event-stream", kind))
        for _ in itertools.count():
            await wire.chunk(b"data: " + b"x" * 65536)

    kind = b"text/event-stream" if "stream" in way else b"application/json"
    with Loopback([endless]) as server:
        outcome = ask(way, server, max_answer_bytes=1 << 20)
    assert type(outcome.error) is ResponseFormatError
    assert len(server.received) == 1


@pytest.mark.fault(row=38)
@every_way
def test_an_error_s_body_without_end_is_stopped_and_typed(way: str) -> None:
    async def endless(wire: Wire) -> None:
        named = {"content-type": "text/html", "transfer-encoding": "chunked"}
        await wire.send(head(500, named))
        with contextlib.suppress(ConnectionError):
            while not wire.writer.transport.is_closing():
                await wire.chunk(b"x" * 65536)
        wire.cut()

    with Loopback([endless]) as server:
        outcome = ask(way, server, max_retries=0, timeout=5)
    assert type(outcome.error) is CloudflareServerError
    assert len(outcome.error.body or "") <= 16_384


@pytest.mark.fault(row=42)
@our_ways
def test_a_success_lets_everybody_through(way: str) -> None:
    shared = SharedLimits.of_their_own(time.monotonic)
    acts = [*[failing(503)] * 19, answer()]
    with Loopback([*acts, *acts]) as server:
        for _ in range(2):
            outcome = ask(way, server, shared=shared, max_retries=19)
            assert outcome.payloads == [PAYLOAD]
    assert len(server.received) == 40


@pytest.mark.fault(row=38)
@every_way
def test_an_honest_gzip_is_read(way: str) -> None:
    body = event(PAYLOAD) if "stream" in way else json.dumps(PAYLOAD).encode()
    kind = "text/event-stream" if "stream" in way else "application/json"
    named = {"content-encoding": "gzip", "content-type": kind}
    halves = gzip.compress(body[:20]) + gzip.compress(body[20:])
    with Loopback([answer(gzip.compress(body), 200, named)]) as server:
        assert ask(way, server).payloads == [PAYLOAD]
        server.acts = [answer(halves, 200, named)]
        assert ask(way, server).payloads == [PAYLOAD]


@pytest.mark.fault(row=38)
@pytest.mark.parametrize("encoding", ["gzip", "br"])
def test_compression_that_is_broken_or_unknown_is_typed(encoding: str) -> None:
    named = {"content-encoding": encoding}
    with Loopback([answer(b"nonsense", 200, named)]) as server:
        assert type(ask("send", server).error) is ResponseFormatError
        server.acts = [answer(gzip.compress(b"{}" * 99)[:-9], 200, named)]
        assert type(ask("send", server).error) is ResponseFormatError


@pytest.mark.fault(row=41)
@every_way
def test_redirects_are_not_followed(way: str) -> None:
    with Loopback() as elsewhere:
        there = {"location": f"{elsewhere.root}/steal"}
        with Loopback([answer(b"", 302, there)]) as server:
            outcome = ask(way, server)
    assert type(outcome.error) is ResponseFormatError
    assert outcome.error.status_code == 302
    assert elsewhere.received == []
    assert len(server.received) == 1


@pytest.mark.fault(row=41)
@callers_ways
def test_a_user_s_client_that_follows_redirects_does_not_here(way: str) -> None:
    with Loopback() as elsewhere:
        there = {"location": f"{elsewhere.root}/steal"}
        with Loopback([answer(b"", 307, there)]) as server:
            outcome = ask(way, server, client={"follow_redirects": True})
    assert outcome.failed.status_code == 307
    assert elsewhere.received == []


@pytest.mark.fault(row=42)
def test_a_dead_server_is_not_stormed() -> None:
    from concurrent.futures import ThreadPoolExecutor

    shared = SharedLimits.of_their_own(time.monotonic)
    with Loopback([failing(503)]) as server, ThreadPoolExecutor(20) as threads:

        def call(_: int) -> CloudflareGeminiError:
            return ask("send", server, max_retries=10, shared=shared).failed

        errors = list(threads.map(call, range(100)))
    assert len(errors) == 100
    # Twenty failures stop it, where 1,100 attempts were allowed; others were under way.
    assert 20 <= len(server.received) <= 60
    assert "wasn't sent" in str(errors[-1])
    assert errors[-1].status_code == 503


@pytest.mark.fault(row=43)
def test_a_longer_timeout_can_be_given_for_one_call() -> None:
    async def late(wire: Wire) -> None:
        await asyncio.sleep(0.2)
        await answer()(wire)

    with Loopback([late]) as server:
        transport = Transport(TransportSettings(timeout=0.05, max_retries=0))
        with pytest.raises(CloudflareTimeoutError):
            said(transport, request_of("send", server))
        patient = httpx.Timeout(0.05, read=5.0)
        answered = [
            transport.send(
                request_of("send", server), AnswerReader(), timeout=timeout
            ).payloads
            for timeout in (5.0, patient, None)
        ]
        transport.close()
    assert answered == [[PAYLOAD]] * 3


@pytest.mark.fault(row=44)
@our_ways
def test_no_retries_is_exactly_one_attempt(way: str) -> None:
    with Loopback([failing(503)]) as server:
        outcome = ask(way, server, max_retries=0)
    assert isinstance(outcome.error, CloudflareServerError)
    assert len(server.received) == 1
