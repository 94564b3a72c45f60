"""Payloads out of bytes cut anywhere, and calls over a transport without sockets."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_cf_gemini.exceptions import (
    CloudflareConnectionError,
    CloudflareGeminiError,
    CloudflareNotFoundError,
    CloudflareServerError,
    CloudflareTimeoutError,
    ResponseFormatError,
    UnsupportedContentError,
)
from tests.support.cloudflare import (
    Account,
    AnswerReader,
    EventDecoder,
    ResultReader,
    api_request,
    gateway_request,
    run_request,
    whole_events,
)
from tests.support.http import (
    DEFAULT_TIMEOUT,
    Head,
    Request,
    RetryPolicy,
    SharedLimits,
    Slots,
    Transport,
    TransportSettings,
    run,
    times_from_timeout,
)

ACCOUNT = Account(account_id="acc", api_token="tok")
RUN = run_request(ACCOUNT, "google/gemini-3-flash", {})
STREAM = gateway_request(ACCOUNT, "gemini-3-flash", {}, stream=True)
PAYLOAD: dict[str, Any] = {
    "candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}]
}
SSE = {"content-type": "text/event-stream"}


# --------------------------------------------------------------------- events
def decoded(data: bytes, cuts: list[int]) -> list[str]:
    decoder = EventDecoder()
    found: list[str] = []
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in itertools.pairwise(edges):
        found += decoder.feed(data[start:end])
    return found + decoder.flush()


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
TEXTS = st.text(
    st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=12
)
FIELDS = st.one_of(
    TEXTS.map(lambda text: f"data: {text}"),
    TEXTS.map(lambda text: f"data:{text}"),
    TEXTS.map(lambda text: f": {text}"),
    st.sampled_from(["event: error", "id: 7", "retry: 10", "data", "unknown: x"]),
)


@st.composite
def event_streams(draw: st.DrawFn) -> bytes:
    """Whole events of any fields and line ends, the last one ended too."""
    written = draw(st.sampled_from(["", "\ufeff"]))
    for fields in draw(st.lists(st.lists(FIELDS, max_size=3), max_size=6)):
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


@given(event_streams(), st.lists(st.integers(0, 10_000), max_size=8))
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


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=5))
def test_any_bytes_give_the_same_events_however_they_are_cut(
    data: bytes, cuts: list[int]
) -> None:
    assert decoded(data, cuts) == decoded(data, [])


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_json_outside_of_any_field_is_kept(size: int) -> None:
    error = {"error": {"code": 499, "message": "cancelled"}}
    for written in (
        json.dumps(error),
        json.dumps(error, indent=2),
        json.dumps([error]),
    ):
        for tail in ("", "\n", "\r\n\r\n"):
            data = (f"data: 1\r\n\r\n{written}{tail}").encode()
            found = decoded(data, list(range(0, len(data), size)))
            assert found[0] == "1"
            assert json.loads(found[1]) == json.loads(written)


def test_an_event_that_is_not_ended_is_still_read() -> None:
    assert decoded(b"data: 1\n\ndata: 2", []) == ["1", "2"]
    assert decoded(b"data: 1\n\ndata: 2\n", []) == ["1", "2"]


# ------------------------------------------------------------------- payloads
def begun(status: int = 200, **headers: str) -> AnswerReader:
    """A reader of an answer with this head."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    reader = AnswerReader()
    reader.begin(Head(status, named))
    return reader


STREAM_BYTES = b"".join(
    b"data: "
    + json.dumps({"candidates": [{"content": {"parts": [{"text": str(n)}]}}]}).encode()
    + b"\r\n\r\n"
    for n in range(4)
) + (b"data: " + json.dumps(PAYLOAD).encode() + b"\r\n\r\n")


@given(st.lists(st.integers(0, len(STREAM_BYTES)), max_size=10))
def test_a_stream_cut_anywhere_gives_the_same_payloads(cuts: list[int]) -> None:
    reader = begun(content_type="text/event-stream")
    edges = sorted({0, len(STREAM_BYTES), *cuts})
    for start, end in itertools.pairwise(edges):
        reader.feed(STREAM_BYTES[start:end])
    reader.end()
    assert len(reader.ready) == 5
    assert reader.ready[4] == PAYLOAD


@given(st.integers(0, len(STREAM_BYTES) - 5))
def test_a_stream_that_ends_anywhere_else_is_an_error(length: int) -> None:
    reader = begun(content_type="text/event-stream")
    reader.feed(STREAM_BYTES[:length])
    with pytest.raises(ResponseFormatError):
        reader.end()
    ended = STREAM_BYTES[:length].count(b"\r\n\r\n")
    # The last one may be whole but for the blank line after it.
    assert len(reader.ready) in (ended, ended + 1)


def test_the_key_source_of_a_stream_is_kept() -> None:
    payload = {**PAYLOAD, "gatewayMetadata": {"keySource": "Unified"}}
    reader = begun(content_type="text/event-stream", cf_ray="r")
    reader.feed(b"data: " + json.dumps(payload).encode() + b"\n\n")
    reader.end()
    assert reader.gateway == {"ray_id": "r", "key_source": "Unified"}


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
Handler = Callable[[Any], Any]


class Clock:
    """A clock that goes on by a fixed step whenever it is read."""

    def __init__(self, step: float) -> None:
        self.now = 0.0
        self._step = step

    def __call__(self) -> float:
        self.now += self._step
        return self.now


class Bytes(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in pieces, perhaps with a fault at its end; knows if it was closed."""

    def __init__(self, *pieces: bytes, fault: Exception | None = None) -> None:
        self._pieces = pieces
        self._fault = fault
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        if self._fault:
            raise self._fault

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece

    def close(self) -> None:
        self.is_closed = True

    async def aclose(self) -> None:
        self.is_closed = True


class Asked:
    """Calls in both colours, with what they slept."""

    def __init__(
        self, handler: Handler, clock: Clock | None = None, package: Any = httpx
    ) -> None:
        self.slept: list[float] = []
        mock = package.MockTransport(handler)
        self.transport = Transport(
            TransportSettings(
                http_client=package.Client(transport=mock),
                http_async_client=package.AsyncClient(transport=mock),
                retry=RetryPolicy(jitter=lambda: 0.0),
                shared=SharedLimits.of_their_own(lambda: sum(self.slept)),
            ),
            sleep=self.slept.append,
            asleep=self._asleep,
            clock=clock or Clock(0.0),
        )

    async def _asleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def payloads(self, way: str, **more: Any) -> list[dict[str, Any]]:
        if way == "send":
            return self.transport.send(RUN, AnswerReader(), **more).payloads
        if way == "asend":
            return asyncio.run(
                self.transport.asend(RUN, AnswerReader(), **more)
            ).payloads
        if way == "stream":
            with self.transport.stream(STREAM, AnswerReader(), **more) as stream:
                return list(stream)
        return asyncio.run(self._astream(**more))

    async def _astream(self, **more: Any) -> list[dict[str, Any]]:
        async with self.transport.astream(STREAM, AnswerReader(), **more) as stream:
            return [payload async for payload in stream]


WAYS = ("send", "asend", "stream", "astream")
each_way = pytest.mark.parametrize("way", WAYS)


@each_way
def test_the_request_goes_out_as_it_was_built(way: str) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=PAYLOAD)

    assert Asked(handler).payloads(way) == [PAYLOAD]
    wanted: Request = STREAM if "stream" in way else RUN
    assert str(seen[0].url) == wanted.url
    assert seen[0].content == wanted.body
    for name, value in wanted.headers.items():
        assert seen[0].headers[name] == value


@each_way
def test_timeouts_per_call(way: str) -> None:
    seen: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions["timeout"])
        return httpx.Response(200, json=PAYLOAD)

    asked = Asked(handler)
    asked.payloads(way, timeout=7.5)
    asked.payloads(way, timeout=None)
    asked.payloads(way)
    assert [waits["read"] for waits in seen] == [7.5, None, DEFAULT_TIMEOUT]


@each_way
def test_retries_per_call(way: str) -> None:
    answers = iter([500] * 4)

    def handler(_: httpx.Request) -> httpx.Response:
        status = next(answers, 200)
        return httpx.Response(status, json=PAYLOAD)

    asked = Asked(handler)
    assert asked.payloads(way, max_retries=4) == [PAYLOAD]
    assert asked.slept == [0.5, 1.0, 2.0, 4.0]


@each_way
def test_calls_wait_for_the_pace_that_a_refusal_set(way: str) -> None:
    statuses = iter([429])
    asked = Asked(
        lambda _: httpx.Response(next(statuses, 200), json=PAYLOAD), Clock(0.0)
    )
    for _ in range(5):
        assert asked.payloads(way) == [PAYLOAD]
    # Behind the repetition's own pause: one a second at first, and soon more.
    assert asked.slept[1:3] == pytest.approx([0.5, 0.25], abs=0.01)


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
    account = Account(
        account_id="acc", api_token="tok", base_url="https://dead.example/client/v4"
    )
    request = run_request(account, "google/m", {})
    asked: list[Any] = []

    def dead(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(503)

    client = httpx.Client(transport=httpx.MockTransport(dead))
    for _ in range(30):
        transport = Transport(
            TransportSettings(http_client=client, max_retries=0), sleep=lambda _: None
        )
        with pytest.raises(CloudflareServerError):
            transport.send(request, AnswerReader())
    assert 20 <= len(asked) < 25


@pytest.mark.fault(row=23)
@each_way
def test_a_drip_runs_out_of_time_by_the_clock(way: str) -> None:
    body = Bytes(*[b" "] * 50)
    kind = SSE if "stream" in way else {}
    asked = Asked(lambda _: httpx.Response(200, headers=kind, stream=body), Clock(100))
    with pytest.raises(CloudflareTimeoutError):
        asked.payloads(way, max_retries=0)
    assert body.is_closed


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_stream_whose_payloads_keep_coming_never_runs_out_of_time(way: str) -> None:
    event = b"data: " + json.dumps(PAYLOAD).encode() + b"\n\n"
    body = Bytes(*[event] * 50)
    asked = Asked(lambda _: httpx.Response(200, headers=SSE, stream=body), Clock(100))
    assert len(asked.payloads(way)) == 50


@each_way
@pytest.mark.parametrize("package", [httpx, httpx2])
@pytest.mark.parametrize(
    ("fault", "kind", "retries"),
    [
        ("ReadError", CloudflareConnectionError, 2),
        ("RemoteProtocolError", CloudflareConnectionError, 2),
        ("ReadTimeout", CloudflareTimeoutError, 2),
        ("ConnectTimeout", CloudflareTimeoutError, 2),
        ("PoolTimeout", CloudflareTimeoutError, 2),
        ("ProxyError", CloudflareConnectionError, 2),
        ("UnsupportedProtocol", CloudflareConnectionError, 0),
        ("OSError", CloudflareConnectionError, 2),
    ],
)
def test_every_fault_is_typed_and_keeps_no_request(
    way: str, package: Any, fault: str, kind: type[CloudflareGeminiError], retries: int
) -> None:
    def handler(_: Any) -> Any:
        raise getattr(package, fault, OSError)("said")

    asked = Asked(handler, package=package)
    with pytest.raises(kind) as caught:
        asked.payloads(way)
    assert type(caught.value) is kind
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert len(asked.slept) == retries


@each_way
@pytest.mark.parametrize("package", [httpx, httpx2])
def test_a_caller_s_client_of_either_package(way: str, package: Any) -> None:
    """Also its answers, and a timeout of the other one."""

    def handler(request: Any) -> Any:
        assert request.extensions["timeout"]["read"] == 4.0
        return package.Response(200, json=PAYLOAD)

    asked = Asked(handler, package=package)
    for timeout in (httpx.Timeout(3, read=4), httpx2.Timeout(3, read=4)):
        assert asked.payloads(way, timeout=timeout) == [PAYLOAD]


@pytest.mark.fault(row=25)
@pytest.mark.parametrize("way", ["stream", "astream"])
def test_what_came_before_a_cut_is_yielded(way: str) -> None:
    event = b"data: " + json.dumps(PAYLOAD).encode() + b"\n\n"
    bodies: list[Bytes] = []

    def handler(_: httpx.Request) -> httpx.Response:
        bodies.append(Bytes(event, fault=httpx.ReadError("reset")))
        return httpx.Response(200, headers=SSE, stream=bodies[-1])

    asked = Asked(handler)
    seen: list[Any] = []

    def stream() -> None:
        with asked.transport.stream(STREAM, AnswerReader()) as payloads:
            for payload in payloads:
                seen.append(payload)

    async def astream() -> None:
        async with asked.transport.astream(STREAM, AnswerReader()) as payloads:
            async for payload in payloads:
                seen.append(payload)

    with pytest.raises(CloudflareConnectionError):
        asyncio.run(astream()) if way == "astream" else stream()
    assert len(bodies) == 1
    assert bodies[0].is_closed
    assert seen == [PAYLOAD]


def test_a_stream_that_failed_is_over() -> None:
    event = b"data: " + json.dumps(PAYLOAD).encode() + b"\n\n"
    body = Bytes(event, fault=httpx.ReadError("reset"))
    asked = Asked(lambda _: httpx.Response(200, headers=SSE, stream=body))
    with asked.transport.stream(STREAM, AnswerReader()) as stream:
        assert next(stream) == PAYLOAD
        with pytest.raises(CloudflareConnectionError):
            next(stream)
        assert list(stream) == []


@pytest.mark.fault(row=28)
@pytest.mark.parametrize("way", ["stream", "astream"])
def test_payloads_in_the_same_bytes_come_before_the_error(way: str) -> None:
    good = b"data: " + json.dumps(PAYLOAD).encode() + b"\n\n"
    bad = b'data: {"error": {"code": 503, "message": "out"}}\n\n'
    body = Bytes(good + good + bad)
    asked = Asked(lambda _: httpx.Response(200, headers=SSE, stream=body))
    seen: list[Any] = []

    def stream() -> None:
        with asked.transport.stream(STREAM, AnswerReader()) as payloads:
            for payload in payloads:
                seen.append(payload)

    async def astream() -> None:
        async with asked.transport.astream(STREAM, AnswerReader()) as payloads:
            async for payload in payloads:
                seen.append(payload)

    with pytest.raises(CloudflareServerError):
        asyncio.run(astream()) if way == "astream" else stream()
    assert seen == [PAYLOAD, PAYLOAD]
    assert asked.slept == []


@pytest.mark.parametrize("way", ["send", "asend"])
def test_calls_of_cloudflare_s_api(way: str) -> None:
    results = iter(
        [
            httpx.Response(500),
            httpx.Response(200, json={"success": True, "result": {"id": 1}}),
            httpx.Response(404, json={"success": False, "errors": [{"code": 7003}]}),
            *[httpx.Response(200, text="<html>", headers={"cf-ray": "ray-1"})] * 3,
        ]
    )
    asked = Asked(lambda _: next(results))
    request = api_request(ACCOUNT, "GET", "/ai/models/search")

    def call() -> Any:
        if way == "send":
            return asked.transport.send(request, ResultReader())
        return asyncio.run(asked.transport.asend(request, ResultReader()))

    assert call() == {"id": 1}
    assert asked.slept == [0.5]
    with pytest.raises(CloudflareNotFoundError) as caught:
        call()
    assert caught.value.code == 7003
    with pytest.raises(ResponseFormatError) as unread:
        call()
    assert unread.value.ray_id == "ray-1"


@pytest.mark.fault(row=37)
@each_way
def test_the_log_says_what_and_how_long_but_no_secret(
    way: str, caplog: pytest.LogCaptureFixture
) -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=PAYLOAD, headers={"cf-ray": "ray-9"})

    asked = Asked(handler, Clock(1.0))
    with caplog.at_level(logging.DEBUG, "langchain_cf_gemini"):
        asked.payloads(way)
    (line,) = [record.getMessage() for record in caplog.records]
    path = httpx.URL((STREAM if "stream" in way else RUN).url).path
    assert line.startswith(f"POST {path} 200 ")
    assert line.endswith("000 ms ray=ray-9")
    assert "tok" not in line


def test_closing_twice_is_no_error() -> None:
    transport = Transport(TransportSettings())
    transport.close()
    transport.close()
