"""Payloads out of bytes cut anywhere, and calls over a transport without sockets."""

from __future__ import annotations

import builtins
import gzip
import itertools
import json
import logging
import re
from collections.abc import Callable
from typing import Any

import httpx
import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from langchain_cf_gemini.exceptions import (
    CloudflareConnectionError,
    CloudflareServerError,
    CloudflareTimeoutError,
    ResponseFormatError,
    UnsupportedContentError,
)
from tests.support.cloudflare import AnswerReader, EventDecoder, whole_events
from tests.support.http import (
    DEFAULT_TIMEOUT,
    Head,
    Slots,
    Transport,
    TransportSettings,
    run,
    times_from_timeout,
)
from tests.support.models import Json, Pieces
from tests.support.ways import (
    CLIENTS,
    TOKEN,
    Outcome,
    ask,
    our_ways,
    request_of,
    streaming,
)

ROOT = "https://api.example"
PAYLOAD: Json = {
    "candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}]
}
UNENDED: Json = {"candidates": [{"content": {"parts": [{"text": "well"}]}}]}
SSE = {"content-type": "text/event-stream"}


def framed(*payloads: Json) -> bytes:
    """Payloads as events."""
    return b"".join(b"data: %b\r\n\r\n" % json.dumps(p).encode() for p in payloads)


# --------------------------------------------------------------------- events
def decoded(data: bytes, cuts: list[int]) -> list[str]:
    decoder = EventDecoder()
    found = [event for piece in cut(data, cuts) for event in decoder.feed(piece)]
    return found + decoder.flush()


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(at % (len(data) + 1) for at in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def by_the_standard(data: bytes) -> list[str]:
    """The standard's own steps over the whole text, less what carries nothing."""
    events, buffer = [], ""
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    for line in re.split(r"\r\n|\n|\r", text)[:-1]:
        field, _, value = line.partition(":")
        if field == "data":
            buffer += value.removeprefix(" ") + "\n"
        elif not line:
            events.append(buffer[:-1])
            buffer = ""
    return [event for event in events if event.strip() not in ("", "[DONE]")]


LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r"])
CUTS = st.lists(st.integers(0, 10_000), max_size=10)
TEXTS = st.text(
    st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=12
)
FIELDS = st.builds("{}{}".format, st.sampled_from(["data: ", "data:", ": "]), TEXTS)
OTHERS = st.sampled_from(["event: error", "id: 7", "retry: 10", "data", "unknown: x"])


@st.composite
def event_streams(draw: st.DrawFn) -> bytes:
    """Whole events of any fields and line ends, the last one ended too."""
    written = draw(st.sampled_from(["", "\ufeff"]))
    for fields in draw(st.lists(st.lists(FIELDS | OTHERS, max_size=3), max_size=6)):
        end = draw(LINE_ENDS)
        written += "".join(field + end for field in fields) + end
    return written.encode()


# A mark at the start and one later, every end of a line, two lines of an event, two
# spaces, characters of several bytes, half a character, fields without data.
WRITTEN = [
    b"data: a\r\ndata: b\r\n\r\n",
    b"data:a\n\ndata: b\n\ndata: [DONE]\n\n",
    "\ufeffdata:  a\r\n\r\ndata: é🎈\n\ndata:b\rdata: c\r\rid: 7\ndata\n\n".encode(),
    "data: a\r\n\r\n\ufeffdata: b\r\n\r\ndata: c\n\n".encode(),
    b"\xe2data: a\n\ndata: b\n\ndata: \xff\n\n",
]


@pytest.mark.parametrize("data", WRITTEN)
def test_events_cut_twice_wherever_it_may_be(data: bytes) -> None:
    wanted = by_the_standard(data)
    for first, second in itertools.combinations(range(len(data) + 1), 2):
        decoder = EventDecoder()
        pieces = (data[:first], b"", data[first:second], data[second:])
        found = [event for piece in pieces for event in decoder.feed(piece)]
        assert [*found, *decoder.flush()] == wanted, (first, second)


@given(event_streams(), CUTS)
def test_events_cut_anywhere_are_what_the_standard_reads(
    data: bytes, cuts: list[int]
) -> None:
    assert decoded(data, cuts) == by_the_standard(data)


@given(st.lists(TEXTS, min_size=1, max_size=5), st.sampled_from(["\n\n", "\r\n\r\n"]))
def test_the_short_way_reads_what_the_standard_reads(
    texts: list[str], end: str
) -> None:
    data = "".join(f"data: {text}{end}" for text in texts).encode()
    events = whole_events(data)
    assert events is None or events == by_the_standard(data)


@given(st.binary(max_size=60), CUTS)
def test_any_bytes_give_the_same_events_however_they_are_cut(
    data: bytes, cuts: list[int]
) -> None:
    assert decoded(data, cuts) == decoded(data, [])


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_json_outside_of_any_field_is_kept(size: int) -> None:
    error = {"error": {"code": 499, "message": "cancelled"}}
    forms = (json.dumps(error), json.dumps(error, indent=2), json.dumps([error]))
    for written, tail in itertools.product(forms, ("", "\n", "\r\n\r\n")):
        data = f"data: 1\r\n\r\n{written}{tail}".encode()
        found = decoded(data, list(range(0, len(data), size)))
        assert found[0] == "1"
        assert json.loads(found[1]) == json.loads(written)


@pytest.mark.parametrize("end", ["", "\n"])
def test_an_event_that_is_not_ended_is_still_read(end: str) -> None:
    assert decoded(f"data: 1\n\ndata: 2{end}".encode(), []) == ["1", "2"]


PAYLOADS = [*[UNENDED] * 4, PAYLOAD]
WHOLE = framed(*PAYLOADS)


@given(st.integers(0, len(WHOLE)), CUTS)
@example(len(WHOLE), [])
def test_a_stream_is_read_however_it_is_cut_and_an_error_if_cut_short(
    length: int, cuts: list[int]
) -> None:
    reader = AnswerReader()
    reader.begin(Head(200, SSE))
    for piece in cut(WHOLE[:length], cuts):
        reader.feed(piece)
    # The last event may be whole but for the blank line after it.
    if length >= len(WHOLE) - len(b"\r\n\r\n"):
        reader.end()
        assert list(reader.ready) == PAYLOADS
        return
    with pytest.raises(ResponseFormatError):
        reader.end()
    ended = WHOLE[:length].count(b"\r\n\r\n")
    assert len(reader.ready) in (ended, ended + 1)


# ---------------------------------------------------------------------- times
def test_times_from_timeout() -> None:
    number = times_from_timeout(30)
    assert (number.total, number.idle) == (30.0, 30.0)
    assert number.waits == {"connect": 10.0, "read": 30.0, "write": 30.0, "pool": 30.0}
    assert times_from_timeout(3).waits["connect"] == 3.0
    forever = times_from_timeout(None)
    assert (forever.total, forever.idle) == (None, None)
    assert set(forever.waits.values()) == {None}
    for package in (httpx, httpx2):
        own = times_from_timeout(package.Timeout(5.0, read=60.0))
        assert (own.total, own.idle) == (None, 60.0)
        assert own.waits == {"connect": 5.0, "read": 60.0, "write": 5.0, "pool": 5.0}


@pytest.mark.parametrize("timeout", [0, -1, 0.0, float("nan"), float("inf"), 1e9])
def test_numbers_that_are_no_time_are_refused(timeout: float) -> None:
    with pytest.raises(UnsupportedContentError, match="timeout"):
        Transport(TransportSettings(timeout=timeout))


# ----------------------------------------------------- calls without a socket
def answering(*statuses: int, package: Any = httpx) -> Callable[[Any], Any]:
    """Answers with each status once, then with 200, and always with the payload."""
    left = iter(statuses)
    headers = {"cf-ray": "ray-9"}
    return lambda _: package.Response(next(left, 200), json=PAYLOAD, headers=headers)


def asked(
    way: str,
    handler: Callable[[Any], Any],
    *,
    package: str = "httpx",
    step: float = 0.0,
    **more: Any,
) -> tuple[Outcome, list[Any]]:
    """What came of a call, and what was sent.

    The clock goes on by a step whenever it is read.
    """
    sent: list[Any] = []

    def answer(request: Any) -> Any:
        sent.append(request)
        return handler(request)

    outcome = ask(
        f"{way}-{package}",
        ROOT,
        clock=itertools.count(step, step).__next__,
        client={"transport": CLIENTS[package].MockTransport(answer)},
        **{"timeout": DEFAULT_TIMEOUT, **more},
    )
    return outcome, sent


each_stream = pytest.mark.parametrize("way", ["stream", "astream"])
each_package = pytest.mark.parametrize("package", CLIENTS)


@our_ways
@each_package
@pytest.mark.parametrize(("limits", "read"), [
    ({}, DEFAULT_TIMEOUT),
    ({"timeout": 7.5}, 7.5),
    ({"timeout": None}, None),
    ({"timeout": httpx.Timeout(3, read=4)}, 4),
    ({"timeout": httpx2.Timeout(3, read=4)}, 4),
])  # fmt: skip
def test_a_request_goes_out_as_it_was_built_for_as_long_as_was_said(
    way: str, package: str, limits: Json, read: float | None
) -> None:
    handler = answering(package=CLIENTS[package])
    outcome, (sent,) = asked(way, handler, package=package, limits=limits)
    assert outcome.payloads == [PAYLOAD]
    assert sent.extensions["timeout"]["read"] == read
    wanted = request_of(way, ROOT)
    assert (str(sent.url), sent.content) == (wanted.url, wanted.body)
    assert wanted.headers.items() <= dict(sent.headers).items()


@our_ways
def test_retries_per_call(way: str) -> None:
    handler = answering(500, 500, 500, 500)
    outcome, _ = asked(way, handler, limits={"max_retries": 4})
    assert outcome.payloads == [PAYLOAD]
    assert outcome.slept == [0.5, 1.0, 2.0, 4.0]


@our_ways
def test_calls_wait_for_the_pace_that_a_refusal_set(way: str) -> None:
    outcome, _ = asked(way, answering(429), times=5)
    assert outcome.payloads == [PAYLOAD] * 5
    # Behind the repetition's own pause: one a second at first, and soon more.
    assert outcome.slept[1:3] == pytest.approx([0.5, 0.25], abs=0.01)


def test_as_many_calls_at_once_as_there_are_slots() -> None:
    async def wait(_: Any) -> None:
        raise TimeoutError

    slots = Slots(3)
    for _ in range(3):
        run(slots.take(wait))
    for _ in range(2):
        with pytest.raises(TimeoutError):
            run(slots.take(wait))
        slots.give_back()
        run(slots.take(wait))


@pytest.mark.fault(row=42)
def test_transports_share_what_is_known_of_a_dead_server() -> None:
    sent: list[Any] = []
    for _ in range(30):
        outcome, asks = asked("send", answering(503), shared=None, max_retries=0)
        assert type(outcome.error) is CloudflareServerError
        sent += asks
    assert 20 <= len(sent) < 25


EVENT = framed(PAYLOAD)
OUT = framed({"error": {"code": 503, "message": "out"}})
CUT = httpx.ReadError("reset")


@each_stream
@pytest.mark.parametrize(("pieces", "fault", "kind", "came"), [
    pytest.param([EVENT], CUT, CloudflareConnectionError, 1, id="cut"),
    pytest.param([EVENT + EVENT + OUT], None, CloudflareServerError, 2, id="error"),
    pytest.param([b" "] * 50, None, CloudflareTimeoutError, 0, id="a drip"),
])  # fmt: skip
def test_what_came_before_an_error_is_yielded_and_not_asked_for_again(
    way: str, pieces: list[bytes], fault: Any, kind: type[Exception], came: int
) -> None:
    bodies: list[Pieces] = []

    def handler(_: httpx.Request) -> httpx.Response:
        bodies.append(Pieces(*pieces, fault=fault))
        return httpx.Response(200, headers=SSE, stream=bodies[-1])

    outcome, _ = asked(way, handler, step=100)
    assert type(outcome.error) is kind
    assert outcome.payloads == [PAYLOAD] * came
    assert [body.is_closed for body in bodies] == [True] * (1 if came else 3)


def test_a_stream_that_failed_is_over() -> None:
    response = httpx.Response(200, headers=SSE, stream=Pieces(EVENT, fault=CUT))
    client = httpx.Client(transport=httpx.MockTransport(lambda _: response))
    with streaming(Transport(TransportSettings(http_client=client)), ROOT) as stream:
        with pytest.raises(CloudflareConnectionError):
            list(stream)
        assert list(stream) == []


ZIPPED = gzip.compress(b"{}" * 99)


@our_ways
@pytest.mark.parametrize(("encoding", "body", "attempts"), [
    pytest.param("gzip", b"nonsense", 3, id="no gzip"),
    pytest.param("gzip", ZIPPED[:-9], 3, id="half a gzip"),
    pytest.param("br", b"nonsense", 1, id="brotli"),
])  # fmt: skip
def test_broken_compression_is_asked_for_again_past_the_cache(
    way: str, encoding: str, body: bytes, attempts: int
) -> None:
    headers = {"content-encoding": encoding}
    outcome, sent = asked(
        way, lambda _: httpx.Response(200, headers=headers, stream=Pieces(body))
    )
    assert type(outcome.error) is ResponseFormatError
    past = [request.headers.get("cf-aig-skip-cache") for request in sent]
    assert past == [None, "true", "true"][:attempts]


@each_stream
def test_a_stream_whose_payloads_keep_coming_never_runs_out_of_time(way: str) -> None:
    body = Pieces(*[EVENT] * 50)
    outcome, _ = asked(
        way, lambda _: httpx.Response(200, headers=SSE, stream=body), step=100
    )
    assert outcome.payloads == [PAYLOAD] * 50


@our_ways
@each_package
@pytest.mark.parametrize(("fault", "kind", "retries"), [
    ("ReadError", CloudflareConnectionError, 2),
    ("RemoteProtocolError", CloudflareConnectionError, 2),
    ("ReadTimeout", CloudflareTimeoutError, 2),
    ("ConnectTimeout", CloudflareTimeoutError, 2),
    ("PoolTimeout", CloudflareTimeoutError, 2),
    ("ProxyError", CloudflareConnectionError, 2),
    ("UnsupportedProtocol", CloudflareConnectionError, 0),
    ("OSError", CloudflareConnectionError, 2),
    ("RuntimeError: Event loop is closed", CloudflareConnectionError, 2),
    ("RuntimeError: The client has been closed.", CloudflareConnectionError, 0),
])  # fmt: skip
def test_every_fault_is_typed_and_keeps_no_request(
    way: str, package: str, fault: str, kind: type[Exception], retries: int
) -> None:
    def handler(_: Any) -> Any:
        name, _, said = fault.partition(": ")
        own = getattr(builtins, name, OSError)
        raise getattr(CLIENTS[package], name, own)(said or "said")

    outcome, _ = asked(way, handler, package=package)
    error = outcome.failed
    assert type(error) is kind
    assert (error.__cause__, error.__context__) == (None, None)
    assert len(outcome.slept) == retries


@pytest.mark.fault(row=37)
@our_ways
def test_the_log_says_what_and_how_long_but_no_secret(
    way: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "langchain_cf_gemini"):
        _, (sent,) = asked(way, answering(), step=1.0)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"POST {sent.url.path} 200 ")
    assert line.endswith("000 ms ray=ray-9")
    assert TOKEN not in line


def test_closing_twice_is_no_error() -> None:
    transport = Transport(TransportSettings())
    transport.close()
    transport.close()
