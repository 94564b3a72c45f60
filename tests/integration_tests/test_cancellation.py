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
    EVENTS_HEAD,
    FIRST,
    PAYLOAD,
    Loopback,
    Wire,
    answer,
    as_asked,
    drip,
    event,
    head_as_asked,
    one_chunk,
    stall,
)
from tests.support.process import (
    certificate_trusted,
    open_descriptors,
    server_tls,
    settled,
)
from tests.support.ways import asaid, ask, astreaming, request_of, streaming

pytestmark = pytest.mark.slow


async def slow(wire: Wire) -> None:
    """Headers late, then a body or a stream in pieces, a few milliseconds each."""
    await asyncio.sleep(0.004)
    await wire.send(head_as_asked(wire))
    whole = json.dumps(PAYLOAD).encode()
    of_stream = [event(FIRST)] * 4 + [event(PAYLOAD)]
    for piece in of_stream if wire.is_stream else [whole[:-1], b" " * 100, b"}"]:
        await asyncio.sleep(0.002)
        await wire.chunk(piece)
    await wire.send(b"0\r\n\r\n")


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
@pytest.mark.parametrize(
    ("times", "calls", "over_tls"),
    [
        pytest.param(600, 100, False, id="often"),
        # The handshake is where httpcore2 leaves a socket without an owner.
        pytest.param(300, 40, True, id="while connecting"),
        pytest.param(10_000, 1_000, False, id="always", marks=pytest.mark.soak),
    ],
)
def test_cancelled_calls_lose_no_connection(
    times: int, calls: int, over_tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = server_tls() if over_tls else None
    with certificate_trusted(monkeypatch), Loopback([slow], tls=tls) as server:
        asyncio.run(check_cancellations(server, times, calls))


# A stream that goes on for as long as someone listens.
endless = drip(
    EVENTS_HEAD + one_chunk(event(FIRST)), one_chunk(event(FIRST)), every=0.002
)

left = pytest.mark.parametrize("how", ["broken out of", "dropped"])


@pytest.mark.fault(row=32)
@left
def test_a_stream_that_is_left_closes_its_connection(how: str) -> None:
    transport = Transport(TransportSettings())

    def payloads(server: Loopback) -> Iterator[object]:
        with streaming(transport, server) as stream:
            yield from stream

    with Loopback([endless]) as server:
        if how == "dropped":
            generator = payloads(server)
            assert next(generator) == FIRST
            del generator
            gc.collect()
        else:
            with streaming(transport, server) as stream:
                assert next(iter(stream)) == FIRST
        assert asyncio.run(settled(lambda: server.open == 0))
    transport.close()


@pytest.mark.fault(row=32)
@left
def test_so_does_one_on_asyncio(how: str) -> None:
    transport = Transport(TransportSettings())

    async def payloads(server: Loopback) -> AsyncIterator[object]:
        async with astreaming(transport, server) as stream:
            async for payload in stream:
                yield payload

    async def leave(server: Loopback) -> None:
        if how == "dropped":
            generator = payloads(server)
            assert await anext(generator) == FIRST
            del generator
            gc.collect()
        else:
            async with astreaming(transport, server) as stream:
                assert await anext(aiter(stream)) == FIRST
        assert await settled(lambda: server.open == 0)

    with Loopback([endless]) as server:
        asyncio.run(leave(server))


@pytest.mark.fault(row=32)
@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_stream_read_to_its_end_keeps_its_connection(way: str) -> None:
    with Loopback([as_asked()]) as server:
        assert ask(way, server, times=3).payloads == [PAYLOAD] * 3
        assert server.opened == 1


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
