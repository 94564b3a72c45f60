"""Cancelled, abandoned and dropped calls give their connections back."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from tests.support.http import Transport, TransportSettings
from tests.support.loopback import (
    FIRST,
    PAYLOAD,
    Loopback,
    Wire,
    answer,
    event,
    events,
    head,
    stall,
)
from tests.support.process import (
    certificate_trusted,
    open_descriptors,
    server_tls,
    settled,
)
from tests.support.ways import asaid, astreaming, request_of, streaming

pytestmark = pytest.mark.slow


async def slow(wire: Wire) -> None:
    """Headers late, then a body or a stream in pieces, a few milliseconds each."""
    await asyncio.sleep(0.004)
    if "stream" in wire.received.path:
        pieces = [event(FIRST)] * 4 + [event(PAYLOAD)]
        await wire.send(events_head())
    else:
        whole = json.dumps(PAYLOAD).encode()
        pieces = [whole[:-1], b" " * 100, b"}"]
        await wire.send(events_head(b"application/json"))
    for piece in pieces:
        await asyncio.sleep(0.002)
        await wire.chunk(piece)
    await wire.send(b"0\r\n\r\n")


def events_head(kind: bytes = b"text/event-stream") -> bytes:
    return head(200, {"content-type": kind.decode(), "transfer-encoding": "chunked"})


async def unary(transport: Transport, server: Loopback) -> None:
    await asaid(transport, request_of("asend", server))


async def streamed(transport: Transport, server: Loopback) -> None:
    async with astreaming(transport, server) as stream:
        async for _ in stream:
            pass


Call = Callable[[Transport, Loopback], Awaitable[None]]


async def cancel_often(
    transport: Transport, server: Loopback, times: int, chance: random.Random
) -> int:
    """Cancel calls at random moments, once or twice, twenty at a time."""
    cancelled = 0
    left = iter(range(times))

    async def one(call: Call) -> None:
        nonlocal cancelled
        task = asyncio.ensure_future(call(transport, server))
        await asyncio.sleep(chance.random() * 0.02)
        cancelled += task.cancel()
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def worker() -> None:
        for _ in left:
            await one(chance.choice([unary, streamed]))

    await asyncio.gather(*(worker() for _ in range(20)))
    return cancelled


async def check_cancellations(server: Loopback, times: int, calls: int) -> None:
    transport = Transport(TransportSettings(max_retries=0))
    await unary(transport, server)
    before = open_descriptors()
    cancelled = await cancel_often(transport, server, times, random.Random(7))
    assert cancelled > times / 2
    for _ in range(calls // 20):
        await asyncio.gather(*(unary(transport, server) for _ in range(20)))
    # Two for each connection, because the server is in this process too; the idle
    # connections of twenty workers remain.
    assert await settled(lambda: server.open <= 20)
    assert open_descriptors() <= before + 2 * 20
    await transport.aclose()
    assert await settled(lambda: server.open == 0)
    assert open_descriptors() <= before


@pytest.mark.fault(row=33)
def test_cancelled_calls_lose_no_connection() -> None:
    with Loopback([slow]) as server:
        asyncio.run(check_cancellations(server, times=600, calls=100))


@pytest.mark.fault(row=33)
def test_cancelled_while_connecting_with_tls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The handshake is where httpcore2 leaves a socket without an owner."""
    with (
        certificate_trusted(monkeypatch),
        Loopback([slow], tls=server_tls()) as server,
    ):
        asyncio.run(check_cancellations(server, times=300, calls=40))


@pytest.mark.fault(row=33)
@pytest.mark.soak
def test_ten_thousand_cancellations() -> None:
    with Loopback([slow]) as server:
        asyncio.run(check_cancellations(server, times=10_000, calls=1_000))


async def endless(wire: Wire) -> None:
    """A stream that goes on for as long as someone listens."""
    await wire.send(events_head())
    with contextlib.suppress(ConnectionError):
        while not wire.writer.transport.is_closing():
            await wire.chunk(event(FIRST))
            await asyncio.sleep(0.002)
    wire.cut()


@pytest.mark.fault(row=32)
def test_breaking_out_of_a_stream_closes_its_connection() -> None:
    transport = Transport(TransportSettings())
    with Loopback([endless]) as server:

        def first() -> object:
            with streaming(transport, server) as stream:
                for payload in stream:
                    return payload
            return None

        assert first() == FIRST
        assert asyncio.run(settled(lambda: server.open == 0))
    transport.close()


@pytest.mark.fault(row=32)
def test_a_dropped_generator_closes_its_connection() -> None:
    transport = Transport(TransportSettings())

    def payloads(server: Loopback) -> Iterator[object]:
        with streaming(transport, server) as stream:
            yield from stream

    with Loopback([endless]) as server:
        generator = payloads(server)
        assert next(generator) == FIRST
        del generator
        gc.collect()
        assert asyncio.run(settled(lambda: server.open == 0))
    transport.close()


@pytest.mark.fault(row=32)
@pytest.mark.parametrize("dropped", [False, True])
def test_async_streams_broken_out_of_or_dropped(dropped: bool) -> None:
    transport = Transport(TransportSettings())

    async def payloads(server: Loopback) -> AsyncIterator[object]:
        async with astreaming(transport, server) as stream:
            async for payload in stream:
                yield payload

    async def broken_out_of(server: Loopback) -> None:
        async with astreaming(transport, server) as stream:
            async for payload in stream:
                assert payload == FIRST
                break

    async def run(server: Loopback) -> None:
        if dropped:
            generator = payloads(server)
            assert await anext(generator) == FIRST
            del generator
            gc.collect()
        else:
            await broken_out_of(server)
        assert await settled(lambda: server.open == 0)

    with Loopback([endless]) as server:
        asyncio.run(run(server))


@pytest.mark.fault(row=32)
def test_a_stream_read_to_its_end_keeps_its_connection() -> None:
    transport = Transport(TransportSettings())
    with Loopback([events(event(PAYLOAD))]) as server:
        for _ in range(3):
            with streaming(transport, server) as stream:
                assert list(stream) == [PAYLOAD]
        assert server.opened == 1
        transport.close()


def test_an_outer_timeout_is_the_caller_s_own() -> None:
    """A caller's asyncio.timeout ends the call and is not taken for ours."""

    async def run(server: Loopback) -> None:
        transport = Transport(TransportSettings())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await unary(transport, server)
        server.acts = [answer()]
        await unary(transport, server)
        await transport.aclose()
        assert await settled(lambda: server.open == 0)

    with Loopback([stall]) as server:
        asyncio.run(run(server))
        assert len(server.received) == 2
