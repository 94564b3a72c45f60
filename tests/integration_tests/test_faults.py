"""What can go wrong between us and Cloudflare, row by row, over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import json
import logging
import socket
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
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
from tests.support.http import RetryPolicy, SharedLimits, Transport, TransportSettings
from tests.support.loopback import (
    FIRST,
    PAYLOAD,
    Act,
    Loopback,
    Wire,
    answer,
    as_asked,
    cut,
    drip,
    drip_header,
    event,
    events,
    head,
    head_as_asked,
    one_chunk,
    reset,
    saying,
    stall,
)
from tests.support.process import server_tls
from tests.support.ways import (
    EVERY,
    OURS,
    SENDS,
    STREAMS,
    TIMED,
    TOKEN,
    ask,
    every_way,
    our_ways,
    request_of,
    stream_ways,
)

BACKOFF = [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]


class Fate:
    """What a server does to a call, request by request, and what comes of it.

    Args:
        row: Of docs/faults.md.
        name: What the server does, in words.
        acts: What it does, in its own.
        error: The class of the error that ends the call.
        asked: How many requests there are; by default one for each act, and with an
            error a single one.
        slept: The waits between them; by default they grow.
        answers: The payloads, before the error if there is one.
        says: A part of the error's message.
        told: Attributes of the error.
        gateway: Facts of the gateway among those of an answer.
        ways: The ways to ask; without any, the table deals one out.
        settings: Of the transport.
    """

    def __init__(
        self,
        row: int,
        name: str,
        *acts: Act,
        error: type[CloudflareGeminiError] | None = None,
        asked: int = 0,
        slept: list[float] | None = None,
        answers: list[Any] | None = None,
        says: str = "",
        told: dict[str, Any] | None = None,
        gateway: dict[str, Any] | None = None,
        ways: Sequence[str] = (),
        **settings: Any,
    ) -> None:
        self.row, self.name, self.acts = row, name, list(acts)
        self.error, self.says, self.told = error, says, told or {}
        self.asked = asked or (1 if error else len(acts))
        self.slept = BACKOFF[: self.asked - 1] if slept is None else slept
        self.answers = ([] if error else [PAYLOAD]) if answers is None else answers
        self.gateway, self.ways, self.settings = gateway or {}, ways, settings


def dealt(fates: list[Fate]) -> pytest.MarkDecorator:
    """Each fate in each of its ways, or in the next one."""
    ring = itertools.cycle(EVERY)
    rows = [
        pytest.param(way, fate, id=f"{fate.row} {fate.name} {way}", marks=mark)
        for fate in fates
        for mark in [pytest.mark.fault(row=fate.row)]
        for way in fate.ways or [next(ring)]
    ]
    return pytest.mark.parametrize(("way", "fate"), rows)


def v4(code: int, message: str) -> dict[str, Any]:
    errors = [{"code": code, "message": message}]
    return {"success": False, "errors": errors, "messages": [], "result": None}


def failing(status: int, **headers: str) -> Act:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer(v4(1, "failed"), status, named)


def half(then: Act) -> Act:
    """Half of a body, and then something else."""

    async def act(wire: Wire) -> None:
        body = json.dumps(PAYLOAD).encode()
        named = {"content-length": str(len(body)), "content-type": "application/json"}
        await wire.send(head(200, named) + body[: len(body) // 2])
        await then(wire)

    return act


def begun(then: Act) -> Act:
    """The first event of a stream, and then something else."""

    async def later(wire: Wire) -> None:
        # A reset may overtake what was sent before it.
        await asyncio.sleep(0.05)
        await then(wire)

    return events(event(FIRST), then=later)


def zipped(squeeze: Any, encoding: str = "gzip") -> Act:
    """The payload as it was asked for, compressed by a function of its bytes."""

    async def act(wire: Wire) -> None:
        is_stream = "stream" in wire.received.path
        body = event(PAYLOAD) if is_stream else json.dumps(PAYLOAD).encode()
        kind = "text/event-stream" if is_stream else "application/json"
        named = {"content-encoding": encoding, "content-type": kind}
        await answer(squeeze(body), 200, named)(wire)

    return act


def in_two(body: bytes) -> bytes:
    return gzip.compress(body[:20]) + gzip.compress(body[20:])


def bomb(_: bytes) -> bytes:
    squeezed = zlib.compressobj(1, zlib.DEFLATED, 31)
    piece = b"\0" * (1 << 20)
    return b"".join(squeezed.compress(piece) for _ in range(8)) + squeezed.flush()


async def endless(wire: Wire) -> None:
    await flood(head_as_asked(wire))(wire)


def flood(begun: bytes) -> Act:
    return drip(begun, one_chunk(b"data: ".ljust(65536, b"x")), every=0)


def dripping_after(where: bytes) -> Act:
    """A piece of an answer, and then the next one a byte at a time."""

    async def act(wire: Wire) -> None:
        piece = event(FIRST) if wire.is_stream else b"{"
        await drip(head_as_asked(wire) + one_chunk(piece) + where, b"x")(wire)

    return act


async def dripping(wire: Wire) -> None:
    await drip(head_as_asked(wire))(wire)


def spoilt(then: Act, status: int, **headers: str) -> Act:
    """An error whose body never comes whole."""

    async def act(wire: Wire) -> None:
        named = {"content-length": "1000", "content-type": "application/json"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        await wire.send(head(status, named) + b'{"error"')
        await asyncio.sleep(0.02)
        await then(wire)

    return act


def coded(coding: str, body: bytes) -> Callable[..., Act]:
    def act(status: int, **headers: str) -> Act:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return answer(body, status, {"content-encoding": coding, **named})

    return act


BROKEN: dict[str, Callable[..., Act]] = {
    "cut": partial(spoilt, cut),
    "reset": partial(spoilt, reset),
    "no gzip": coded("gzip", b"nonsense"),
    "half a gzip": coded("gzip", gzip.compress(b'{"error": "x"}' * 99)[:-9]),
    "no such coding": coded("br", b"?"),
}


GOOGLE_429 = {
    "error": {
        "code": 429,
        "message": "You exceeded your current quota.",
        "status": "RESOURCE_EXHAUSTED",
        "details": [
            {"@type": "type.googleapis.com/google.rpc.Help", "links": []},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37s"},
        ],
    }
}
BAD_KEY = {
    "error": {
        "code": 400,
        "message": "API key not valid.",
        "status": "INVALID_ARGUMENT",
        "details": [{"reason": "API_KEY_INVALID", "domain": "googleapis.com"}],
    }
}
TOO_LONG = "The input token count (1250074) exceeds the maximum number of tokens."
FAILED = {
    "state": "Failed",
    "error": {"code": "provider_unavailable", "message": "All providers are out."},
    "model": "google/gemini-3-flash",
}
CHAT = {"choices": [{"message": {"content": "x"}}], "object": "chat.completion"}
BLOCKED = {
    "promptFeedback": {"blockReason": "SAFETY"},
    "usageMetadata": {"promptTokenCount": 4},
}
UNKNOWN = {
    "candidates": [{"content": {"parts": [{"hologram": {"x": 1}}]}, "finishReason": 7}],
    "usageMetadata": {"trafficType": 1},
    "tomorrow": True,
}
NO_ANSWERS: dict[str, Act] = {
    "no body": answer(b""),
    "spaces": answer(b"  "),
    "HTML": answer(b"<html>"),
    "half of JSON": answer(b"{"),
    "no result": answer({"result": None, "success": True}),
    "no candidates": answer(
        {"candidates": [], "usageMetadata": {"totalTokenCount": 3}}
    ),
    "no event": events(),
    "comments": events(b": wait\n\n"),
    "pings": events(b"event: ping\ndata: {}\n\n"),
    "only counts": events(event({"usageMetadata": {"totalTokenCount": 3}})),
    "empty events": events(
        event({"candidates": []}), event({"candidates": [{}], "responseId": "r"})
    ),
}
NOTHINGS: list[Any] = [
    {"candidates": None},
    {"candidates": []},
    {"candidates": [None]},
    {"candidates": [{"content": {"parts": None}}]},
    {"usageMetadata": [], "candidates": [{"content": []}]},
]
SOMETHINGS: list[Any] = [
    {"candidates": ["x"]},
    {"candidates": {"content": 1}},
    {"candidates": [{"content": "text"}]},
]
IN_STREAM = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
SENT_ERRORS = [
    event(IN_STREAM),
    json.dumps(IN_STREAM).encode(),
    json.dumps(IN_STREAM, indent=2).encode() + b"\r\n",
    json.dumps([IN_STREAM]).encode() + b"\n\n",
    b"event: error\r\n" + event(IN_STREAM),
]
CANCELLED = b'{"error": {"code": 499, "status": "CANCELLED"}}'

Auth, Server = CloudflareAuthenticationError, CloudflareServerError
Format, Timeout = ResponseFormatError, CloudflareTimeoutError
Connection, Invalid = CloudflareConnectionError, CloudflareInvalidRequestError
Permission, Limited = CloudflarePermissionError, CloudflareRateLimitError

DRIPPED = [("an extension", b"5;x="), ("a trailer", b"0\r\nx-trailer: ")]
DEEP = "[" * 5_000 + "]" * 5_000
DIGITS = b'{"error": {"code": %s, "message": "no"}}' % (b"9" * 4_200)
SURROGATE = b'{"error": {"code": 400, "message": "bad \\ud800 text"}, "success": false}'
OBEYED = {"errors": [{"code": "a\x1bb", "message": "no\x1b[2J\x07 \u202eevil\n!"}]}

PAST = "Wed, 21 Oct 2015 07:28:00 GMT"
PATIENT = RetryPolicy(max_retry_after=100, jitter=lambda: 0.0)
VARIED = RetryPolicy(jitter=lambda: 0.5)

FATES = [
    Fate(1, "seconds", failing(429, retry_after="7"), answer(), slept=[7.0], ways=OURS),
    Fate(2, "a past date", failing(429, retry_after=PAST), answer(), slept=[0.0]),
    Fate(3, "above the cap", failing(429, retry_after="61"), answer(),
         error=Limited, told={"retry_after": 61}, ways=OURS),
    Fate(3, "a higher cap", failing(429, retry_after="61"), answer(),
         slept=[61.0], retry=PATIENT),
    Fate(4, "RetryInfo", answer(GOOGLE_429, 429), answer(), slept=[37.0], ways=OURS),
    Fate(4, "no delay", failing(429), error=Limited, asked=7, max_retries=6),
    Fate(4, "no delay, varied", failing(429), error=Limited, asked=3,
         slept=[0.4375, 0.875], retry=VARIED),
    *(Fate(5, repr(said), failing(429, retry_after=said), answer())
      for said in ["", "soon", "-5", "1e400", "Thu, 99 Nope 2026"]),
    Fate(6, "milliseconds", failing(429, retry_after="50", retry_after_ms="1500"),
         answer(), slept=[1.5]),
    *(Fate(7, str(status), failing(status), error=Server, asked=4,
           told={"status_code": status}, max_retries=3)
      for status in [500, 502, 503, 504, 520, 521, 522, 523, 524, 529]),
    *(Fate(8, str(status), failing(status), error=Server, asked=4,
           told={"status_code": status}, max_retries=3) for status in [408, 409]),
    Fate(9, "400", failing(400), error=Invalid),
    Fate(9, "404", failing(404), error=CloudflareNotFoundError),
    Fate(9, "413", failing(413), error=Invalid),
    Fate(9, "422", failing(422), error=Invalid),
    Fate(10, "401", failing(401), error=Auth, says="CLOUDFLARE_API_TOKEN"),
    Fate(10, "402", failing(402), error=Permission, says="credits"),
    Fate(10, "403", failing(403), error=Permission, says="permission"),
    Fate(11, "success: false", answer(v4(2009, "Unauthorized")), error=Auth,
         told={"code": 2009}, says="Unauthorized", ways=OURS),
    Fate(11, "state: Failed", answer(FAILED), answer({"result": FAILED}), answer(),
         ways=OURS),
    Fate(12, "a bad key", answer(BAD_KEY, 400), error=Auth),
    Fate(12, "too long", answer({"error": {"code": 400, "message": TOO_LONG}}, 400),
         error=CloudflareContextOverflowError),
    *(Fate(14, name, nothing, answer()) for name, nothing in NO_ANSWERS.items()),
    *(Fate(14, f"always {name}", nothing, error=Format, asked=3)
      for name, nothing in NO_ANSWERS.items()),
    *(Fate(15, str(said), as_asked(said), error=Format, max_retries=0)
      for said in NOTHINGS),
    *(Fate(15, str(said), as_asked(said), answers=[said], ways=SENDS[n::3])
      for n, said in enumerate(SOMETHINGS)),
    *(Fate(15, str(said), as_asked(said), answers=[said], error=Format,
           ways=STREAMS[n::3]) for n, said in enumerate(SOMETHINGS)),
    *(Fate(15, repr(value), answer(value), error=Format, max_retries=0)
      for value in [1, "x", True, [], {}, [1], {"choices": []}]),
    Fate(15, "Chat Completions", answer({"result": CHAT, "success": True}),
         error=Format, says="Chat Completions"),
    Fate(16, "a blocked prompt", as_asked(BLOCKED), answers=[BLOCKED], ways=OURS),
    Fate(17, "unknown things", as_asked(UNKNOWN), answers=[UNKNOWN], ways=OURS),
    Fate(19, "reset", reset, answer(), ways=EVERY),
    Fate(19, "cut", cut, answer(), ways=EVERY),
    Fate(20, "reset", half(reset), answer(), ways=EVERY),
    Fate(20, "cut", half(cut), answer(), ways=EVERY),
    Fate(20, "always cut", half(cut), error=Connection, asked=3),
    Fate(22, "stall", stall, answer(), timeout=0.6, ways=OURS),
    Fate(22, "always stall", stall, error=Timeout, timeout=0.05, max_retries=0,
         ways=EVERY),
    Fate(22, "stall after a chunk", events(event(FIRST), then=stall), error=Timeout,
         answers=[FIRST], timeout=0.5, ways=STREAMS),
    Fate(23, "drip", dripping, error=Timeout, timeout=0.05, max_retries=0, ways=EVERY),
    Fate(23, "a header drips", drip_header, error=Timeout, timeout=0.05,
         max_retries=0, ways=TIMED),
    *(Fate(24, then.__name__, events(then=then), events(),
           events(event(FIRST), event(PAYLOAD)), answers=[FIRST, PAYLOAD], ways=STREAMS)
      for then in (reset, cut)),
    *(Fate(25, then.__name__, begun(then), error=Connection, answers=[FIRST],
           ways=STREAMS) for then in (reset, cut)),
    Fate(26, "no finishReason", events(event(FIRST), event(FIRST)), error=Format,
         says="finishReason", answers=[FIRST, FIRST], ways=STREAMS),
    Fate(27, "no JSON", events(event(FIRST), b'data: {"candidates": [\r\n\r\n'),
         error=Format, answers=[FIRST], ways=STREAMS),
    *(Fate(28, f"late {n}", events(event(FIRST), piece), error=Server,
           told={"status_code": 503}, answers=[FIRST], ways=STREAMS[n::5])
      for n, piece in enumerate(SENT_ERRORS)),
    *(Fate(28, f"early {n}", events(piece), error=Server, asked=3,
           told={"status_code": 503}, ways=STREAMS[n::5])
      for n, piece in enumerate(SENT_ERRORS)),
    Fate(28, "499", events(event(FIRST), CANCELLED), error=Invalid,
         told={"status_code": 499}, answers=[FIRST], ways=["stream"]),
    Fate(30, "JSON for a stream", answer(), ways=STREAMS),
    Fate(30, "an array for a stream", answer([FIRST, PAYLOAD]),
         answers=[FIRST, PAYLOAD], ways=STREAMS),
    Fate(30, "a stream for JSON", events(event(FIRST), event(PAYLOAD)),
         answers=[FIRST, PAYLOAD], ways=SENDS),
    Fate(38, "bomb", zipped(bomb), error=Format, says="more than",
         max_answer_bytes=1 << 20, ways=EVERY),
    Fate(38, "endless", endless, error=Format, max_answer_bytes=1 << 20, ways=EVERY),
    Fate(38, "gzip", zipped(gzip.compress), ways=EVERY),
    Fate(38, "gzip in two", zipped(in_two), ways=EVERY),
    Fate(38, "gzip and zeros", zipped(lambda body: gzip.compress(body) + bytes(9)),
         ways=EVERY),
    Fate(38, "no gzip", zipped(bytes), error=Format, asked=3),
    Fate(38, "half a gzip", zipped(lambda body: gzip.compress(body)[:-9]),
         error=Format, asked=3, ways=["send"]),
    Fate(38, "no such coding", zipped(bytes, "br"), error=Format),
    *(Fate(53, f"{name}, a short wait", broken(429, retry_after="30"), answer(),
           slept=[30.0]) for name, broken in BROKEN.items()),
    *(Fate(53, f"{name}, a long wait", broken(429, retry_after="90"), error=Limited,
           told={"retry_after": 90}) for name, broken in BROKEN.items()),
    *(Fate(53, f"{name}, refused", broken(401), error=Auth)
      for name, broken in BROKEN.items()),
    Fate(44, "no retries", failing(503), error=Server, max_retries=0, ways=OURS),
    *(Fate(45, f"{name} of {way}", dripping_after(where), error=Timeout, timeout=0.5,
           max_retries=0, answers=[FIRST] if "stream" in way else [], ways=[way])
      for way, (name, where) in zip(TIMED, itertools.cycle(DRIPPED))),
    Fate(51, "a deep header", answer(PAYLOAD, 200, {"cf-aig-dlp": DEEP}),
         gateway={"dlp": DEEP}, ways=OURS),
    Fate(51, "thousands of digits", answer(DIGITS, 400), error=Invalid,
         told={"code": "9" * 300 + "…"}, ways=OURS),
    *(Fate(52, f"half a character, {status}", answer(SURROGATE, status), error=Invalid,
           says="bad \\ud800 text", ways=OURS) for status in (200, 400)),
    Fate(60, "lines that are no fields",
         events(b"x\n" * (1 << 16), b"x\n" * (1 << 16), event(PAYLOAD)),
         ways=STREAMS[:2]),
    Fate(62, "orders to a terminal", answer(OBEYED, 400), error=Invalid,
         says="no\\x1b[2J\\x07 \\u202eevil", ways=OURS),
]  # fmt: skip


@dealt(FATES)
def test_what_comes_of_a_call(way: str, fate: Fate) -> None:
    with Loopback(fate.acts) as server:
        outcome = ask(way, server, **fate.settings)
    error = outcome.error
    assert type(error) is (fate.error or type(None)), error
    assert outcome.payloads == fate.answers
    assert outcome.slept == fate.slept
    # Where one request runs out of time, it may do so before it is there.
    is_one_too_late = fate.error is Timeout and fate.settings.get("max_retries") == 0
    assert is_one_too_late or len(server.received) == fate.asked
    assert fate.gateway.items() <= outcome.gateway.items()
    if error is not None:
        assert fate.says in error.message
        assert str(error).isprintable()
        assert error.response is None or isinstance(error.response.text, str)
        assert fate.told.items() <= vars(error).items()
        assert error.__cause__ is None
        assert error.__context__ is None


@pytest.mark.fault(row=13)
@pytest.mark.fault(row=38)
@every_way
@pytest.mark.parametrize("is_endless", [False, True])
def test_the_body_of_an_error_is_cut_short(way: str, is_endless: bool) -> None:
    html = {"content-type": "text/html", "cf-ray": "ray-1"}
    page = answer(b"<html>" + b"<p>Bad gateway</p>" * 10_000, 502, html)
    without_end = flood(head(502, {**html, "transfer-encoding": "chunked"}))
    with Loopback([without_end if is_endless else page]) as server:
        error = ask(way, server, max_retries=0).failed
    assert type(error) is CloudflareServerError
    assert len(error.message) < 600
    assert len(error.body or "") == 16_384
    assert error.ray_id == "ray-1"


NOBODY = "http://127.0.0.1:1"
NOWHERE = "http://no-such-host.invalid"


@pytest.mark.fault(row=18)
@pytest.mark.parametrize(
    ("way", "root"), [(way, NOBODY) for way in EVERY] + [(way, NOWHERE) for way in OURS]
)
def test_a_host_that_is_not_there_is_asked_again(way: str, root: str) -> None:
    outcome = ask(way, root)
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


@pytest.mark.fault(row=23)
@our_ways
@pytest.mark.parametrize(
    ("timeout", "sips"),
    [(0.05, False), (httpx.Timeout(60, write=0.1), False), (0.05, True)],
    ids=["not read", "the time for writing", "read in sips"],
)
def test_a_long_request_that_is_not_read_ends(
    way: str, timeout: Any, sips: bool
) -> None:
    given_up = threading.Event()

    def sip(server: socket.socket) -> None:
        # The system takes connections and some bytes without anybody's help.
        connection, _ = server.accept()
        with connection, contextlib.suppress(ConnectionError):
            while sips and connection.recv(2**15) and not given_up.wait(0.01):
                pass
            given_up.wait(9)

    with socket.create_server(("127.0.0.1", 0)) as server:
        drinker = threading.Thread(target=sip, args=(server,))
        drinker.start()
        root = f"http://127.0.0.1:{server.getsockname()[1]}"
        long = replace(request_of(way, root), pieces=(b" " * 2**24,))
        started = time.monotonic()
        outcome = ask(way, root, request=long, timeout=timeout, max_retries=0)
        assert time.monotonic() - started < 3  # of 5 seconds in sips, or of a minute
        given_up.set()
        drinker.join()
    assert type(outcome.error) is CloudflareTimeoutError


@pytest.mark.fault(row=66)
@our_ways
def test_connecting_takes_no_longer_than_was_said(way: str) -> None:
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as full,
        contextlib.ExitStack() as crowd,
    ):
        for _ in range(4):
            one = crowd.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        # Who waits on is refused.
        closing = threading.Timer(2, full.close)
        closing.start()
        crowd.callback(closing.cancel)
        root = f"http://127.0.0.1:{full.getsockname()[1]}"
        limits = httpx.Timeout(60, connect=0.1)
        outcome = ask(way, root, timeout=limits, max_retries=0)
    assert type(outcome.error) is CloudflareTimeoutError


@pytest.mark.fault(row=29)
@stream_ways
def test_line_ends_comments_and_split_characters(way: str) -> None:
    payload = saying("é\u2028\u0085 € 🎈")
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


@pytest.mark.fault(row=37)
@every_way
def test_the_debug_log_has_one_line_per_attempt_and_no_token(
    way: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "langchain_cf_gemini")
    with Loopback([failing(503), answer()]) as server:
        ask(way, server)
    lines = [r.getMessage() for r in caplog.records if "POST" in r.getMessage()]
    assert len(lines) == 2
    assert " 503 " in lines[0]
    assert " 200 " in lines[1]
    assert all("ray=ray-1" in line and " ms " in line for line in lines)
    assert TOKEN not in caplog.text


@pytest.mark.fault(row=41)
@every_way
@pytest.mark.parametrize("follow", [False, True])
def test_redirects_are_not_followed(way: str, follow: bool) -> None:
    """Nor by a caller's client that follows them elsewhere."""
    status = 307 if follow else 302
    with Loopback() as elsewhere:
        there = {"location": f"{elsewhere.root}/steal"}
        with Loopback([answer(b"", status, there)]) as server:
            outcome = ask(way, server, client={"follow_redirects": follow})
    assert type(outcome.error) is ResponseFormatError
    assert outcome.error.status_code == status
    assert elsewhere.received == []
    assert len(server.received) == 1


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


@pytest.mark.fault(row=42)
def test_a_dead_server_is_not_stormed() -> None:
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
        await asyncio.sleep(0.1)
        await answer()(wire)

    with Loopback([late]) as server:
        transport = Transport(TransportSettings(timeout=0.03, max_retries=0))
        request = request_of("send", server)
        with pytest.raises(CloudflareTimeoutError):
            transport.send(request, AnswerReader())
        for timeout in (5.0, httpx.Timeout(1.0, read=5.0), None):
            answered = transport.send(request, AnswerReader(), timeout=timeout)
            assert answered.payloads == [PAYLOAD]
        transport.close()
