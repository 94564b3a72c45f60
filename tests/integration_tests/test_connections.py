"""Connections: shared, kept, closed, given back, and never those of another loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import gzip
import json
import random
import socket
import threading
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from httpx_aiohttp.httpx2 import AiohttpTransport

from langchain_cf_gemini.exceptions import (
    CloudflareAuthenticationError,
    CloudflareTimeoutError,
)
from tests.support.cloudflare import json_from_body, run_request
from tests.support.http import (
    CONNECTIONS,
    IDLE_SECONDS,
    Connections,
    Slots,
    Transport,
    TransportSettings,
    run,
)
from tests.support.loopback import (
    EVENTS_HEAD,
    FIRST,
    PAYLOAD,
    Act,
    Loopback,
    Wire,
    answer,
    as_asked,
    drip,
    drip_header,
    echo,
    event,
    events,
    head,
    head_as_asked,
    one_chunk,
    reset,
    stall,
    text_of,
    tunnel,
)
from tests.support.process import (
    certificate_trusted,
    open_descriptors,
    server_tls,
    settled,
)
from tests.support.ways import (
    EVERY,
    OURS,
    TOKEN,
    Outcome,
    account,
    asaid,
    ask,
    astreaming,
    callers_ways,
    our_ways,
    request_of,
    said,
    streaming,
    whole_ways,
)


async def late_echo(wire: Wire) -> None:
    await asyncio.sleep(0.01)
    await echo(wire)


def asking(server: Loopback, text: str) -> Any:
    return run_request(account(server), "google/gemini-3-flash", {"contents": text})


# ------------------------------------------------------------- rows 21, 31
async def closing(wire: Wire) -> None:
    """Answer, then close the kept connection."""
    await answer()(wire)
    wire.cut()


@pytest.mark.fault(row=21)
@our_ways
def test_a_connection_closed_meanwhile_goes_unnoticed(way: str) -> None:
    with Loopback([closing]) as server:
        outcome = ask(way, server, times=3, pause=0.05, max_retries=0)
    assert (outcome.payloads, outcome.error) == ([PAYLOAD] * 3, None)
    assert server.opened == 3


def sockets_to(port: int) -> list[socket.socket]:
    """The client's sockets to a port, found among all objects."""
    return [
        found
        for found in gc.get_objects()
        if isinstance(found, socket.socket)
        and found.fileno() >= 0
        and found.family == socket.AF_INET
        and is_peer(found, port)
    ]


def is_peer(found: socket.socket, port: int) -> bool:
    try:
        peer: tuple[str, int] = found.getpeername()
    except OSError:
        return False
    return peer[1] == port


@pytest.mark.fault(row=31)
@whole_ways
def test_keepalive_is_on_in_every_way(way: str) -> None:
    seen: list[tuple[int, int]] = []
    with Loopback() as server:

        async def look(wire: Wire) -> None:
            for found in sockets_to(server.port):
                is_on = found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                after = found.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
                seen.append((is_on, after))
            await answer()(wire)

        server.acts = [look]
        assert ask(way, server).payloads == [PAYLOAD]
    assert set(seen) == {(1, 60)}


# --------------------------------------------------------------- sharing
@pytest.mark.usefixtures("alone")
def test_twenty_transports_share_one_connection() -> None:
    with Loopback() as server:
        request = request_of("send", server)
        transports = [Transport(TransportSettings()) for _ in range(20)]
        for transport in transports:
            said(transport, request)
        for transport in transports[:-1]:
            transport.close()
        said(transports[-1], request)
        assert server.opened == 1
        transports[-1].close()
        assert asyncio.run(settled(lambda: server.open == 0))
        said(transports[0], request)
        transports[0].close()


def test_twenty_transports_share_one_connection_in_a_loop() -> None:
    async def run(server: Loopback) -> None:
        settings = TransportSettings()
        transports = [Transport(settings) for _ in range(20)]
        for transport in transports:
            await asaid(transport, request_of("asend", server))
        assert server.opened == 1
        for transport in transports[:-1]:
            await transport.aclose()
        await asaid(transports[-1], request_of("asend", server))
        assert server.opened == 1
        await transports[-1].aclose()
        assert await settled(lambda: server.open == 0)
        await asaid(transports[0], request_of("asend", server))

    with Loopback() as server:
        asyncio.run(run(server))


@pytest.mark.fault(row=36)
@pytest.mark.usefixtures("alone")
@whole_ways
def test_fifty_at_once_on_one_transport_hear_their_own_answers(way: str) -> None:
    transport = Transport(TransportSettings())

    async def on_a_loop(server: Loopback) -> list[Any]:
        limit = asyncio.Semaphore(50)

        async def one(number: int) -> Any:
            async with limit:
                return await asaid(transport, asking(server, str(number)))

        answers = await asyncio.gather(*(one(number) for number in range(200)))
        await transport.aclose()
        return answers

    def in_threads(server: Loopback) -> list[Any]:
        with ThreadPoolExecutor(50) as threads:
            requests = [asking(server, str(number)) for number in range(200)]
            answers = list(threads.map(lambda asked: said(transport, asked), requests))
        transport.close()
        return answers

    with Loopback([late_echo]) as server:
        calls = in_threads(server) if way == "send" else asyncio.run(on_a_loop(server))
        assert [text_of(payload) for (payload,) in calls] == [*map(str, range(200))]
        assert server.opened <= 50
        assert asyncio.run(settled(lambda: server.open == 0))


MEDIA = "QUJD" * 2**20


@pytest.mark.fault(row=54)
@pytest.mark.parametrize(
    ("way", "over_tls"), [(way, False) for way in EVERY] + [(way, True) for way in OURS]
)
def test_long_media_come_whole_and_again_after_a_failure(
    way: str, over_tls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tickets of TLS 1.3, which nobody has read yet, are no answer to half of it."""
    body = {"contents": [{"parts": [{"inlineData": {"data": MEDIA}}, {"text": "é"}]}]}
    tls = server_tls() if over_tls else None
    acts = [answer(b"", 503), as_asked()]
    with certificate_trusted(monkeypatch), Loopback(acts, tls) as server:
        pieces = json_from_body(body, has_media=True)
        assert len(pieces) == 3
        request = replace(request_of(way, server), pieces=pieces)
        assert ask(way, server, request=request, times=2).payloads == [PAYLOAD] * 2
    assert len(server.received) == 3
    assert {received.body for received in server.received} == {request.body}
    assert json.loads(request.body) == body
    headers = server.received[0].headers
    assert "transfer-encoding" not in headers
    assert headers["host"] == f"127.0.0.1:{server.port}"


@pytest.mark.usefixtures("alone")
def test_a_stream_outlives_its_transport_but_not_its_connection() -> None:
    transport = Transport(TransportSettings())
    with Loopback([events(event(FIRST), event(PAYLOAD))]) as server:
        with streaming(transport, server) as stream:
            transport.close()
            assert list(stream) == [FIRST, PAYLOAD]
        assert asyncio.run(settled(lambda: server.open == 0))


def test_closing_asynchronously_lets_a_running_stream_end() -> None:
    async def run(server: Loopback) -> None:
        transport = Transport(TransportSettings(max_retries=0))
        async with astreaming(transport, server) as stream:
            assert await anext(stream) == FIRST
            await transport.aclose()
            assert [payload async for payload in stream] == [PAYLOAD]
        assert await settled(lambda: server.open == 0)
        answered = await asaid(transport, request_of("asend", server))
        assert answered[-1] == PAYLOAD

    with Loopback([events(event(FIRST), event(PAYLOAD))]) as server:
        asyncio.run(run(server))


async def no_wait(_: object) -> None:
    raise AssertionError("there are slots enough")


def test_transports_that_are_idle_too_long_are_closed() -> None:
    """A burst's transports go when a later call ends."""
    now, closed = [0.0], list[Any]()
    most = 2 * CONNECTIONS + 1
    connections = Connections(
        httpx2.HTTPTransport, closed.append, slots=Slots(most), clock=lambda: now[0]
    )

    def taken() -> Any:
        return run(connections.take(httpx2.URL("http://127.0.0.1:1"), no_wait))

    burst = [taken() for _ in range(most)]
    assert len({part.transport for part in burst}) == 3
    for part in burst:
        connections.give_back(part)
    first = taken()
    assert first is burst[0]
    now[0] = IDLE_SECONDS
    connections.give_back(first)
    assert closed == []
    now[0] = IDLE_SECONDS + 1
    connections.give_back(taken())
    assert closed == [burst[CONNECTIONS].transport, burst[-1].transport]


def test_a_slot_is_handed_on_when_its_connection_is_free_and_not_before() -> None:
    busy: list[int] = []

    class Watched(Slots):
        def give_back(self) -> None:
            busy.append(part.busy)
            super().give_back()

    connections = Connections(httpx2.HTTPTransport, lambda _: None, slots=Watched(1))
    part = run(connections.take(httpx2.URL("http://127.0.0.1:1"), no_wait))
    assert part.busy == 1
    connections.give_back(part)
    assert busy == [0]


def test_a_request_is_one_packet() -> None:
    """Its head and its body are written together."""
    packets: list[bytes] = []
    body = json.dumps(PAYLOAD).encode()

    class Server(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            packets.append(data)
            self.transport.write(head(200, {"content-length": str(len(body))}) + body)

    async def ask_both_ways() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Server, "127.0.0.1", 0)
        root = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        request = request_of("send", root)
        transport = Transport(TransportSettings(max_retries=0))
        for _ in range(10):
            assert await asaid(transport, request) == [PAYLOAD]
            assert await asyncio.to_thread(said, transport, request) == [PAYLOAD]
        await transport.aclose()
        server.close()

    asyncio.run(ask_both_ways())
    assert len(packets) == 20
    assert all(packet.endswith(b"}") for packet in packets)


# --------------------------------------------------------- row 34: loops
@pytest.mark.fault(row=34)
@pytest.mark.usefixtures("alone")
def test_a_new_loop_for_every_call() -> None:
    transport = Transport(TransportSettings())

    async def call(server: Loopback) -> None:
        answered = await asaid(transport, request_of("asend", server))
        assert answered == [PAYLOAD]

    with Loopback() as server:
        for _ in range(5):
            asyncio.run(call(server))
            assert said(transport, request_of("send", server)) == [PAYLOAD]
        assert asyncio.run(settled(lambda: server.open <= 1))
        transport.close()
    assert server.opened == 6


@pytest.mark.fault(row=34)
def test_closed_loops_are_not_kept() -> None:
    transport = Transport(TransportSettings())
    loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []

    async def call(server: Loopback) -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await asaid(transport, request_of("asend", server))

    with Loopback() as server:
        for _ in range(6):
            asyncio.run(call(server))
    gc.collect()
    assert sum(loop() is not None for loop in loops) <= 1


@pytest.mark.fault(row=34)
def test_a_loop_that_ends_closes_connections_with_calls_on_them() -> None:
    """Where nobody cancels the calls before."""
    loop, transport = asyncio.new_event_loop(), Transport(TransportSettings())
    with Loopback([stall]) as server:
        call = loop.create_task(asaid(transport, request_of("asend", server)))
        assert loop.run_until_complete(settled(lambda: len(server.received) == 1))
        loop.run_until_complete(loop.shutdown_asyncgens())
        assert asyncio.run(settled(lambda: server.open == 0))
    call.cancel()
    loop.run_until_complete(asyncio.wait([call]))
    loop.close()


@pytest.mark.fault(row=34)
def test_loops_in_several_threads_at_once() -> None:
    transport = Transport(TransportSettings())

    async def calls(server: Loopback) -> list[str]:
        async def one(text: str) -> str:
            return text_of((await asaid(transport, asking(server, text)))[0])

        return await asyncio.gather(*(one(str(number)) for number in range(10)))

    with Loopback([late_echo]) as server, ThreadPoolExecutor(8) as threads:
        runs = list(threads.map(lambda _: asyncio.run(calls(server)), range(16)))
    assert runs == [[str(number) for number in range(10)]] * 16


# ------------------------------------------------------- the user's own client
@callers_ways
def test_a_user_s_client_is_used_and_left_open(way: str) -> None:
    with Loopback([as_asked()]) as server:
        outcome = ask(way, server, times=2, client={"headers": {"x-mine": "yes"}})
    assert outcome.payloads == [PAYLOAD] * 2
    assert server.opened == 1
    assert {received.headers["x-mine"] for received in server.received} == {"yes"}


def hooks_of(way: str, *methods: str) -> dict[str, Any]:
    """Arguments of a client whose hook calls methods of each response."""

    def hook(response: Any) -> None:
        for method in methods:
            getattr(response, method)()

    async def ahook(response: Any) -> None:
        for method in methods:
            if method == "read":
                await response.aread()
            else:
                getattr(response, method)()

    return {"event_hooks": {"response": [ahook if way.startswith("a") else hook]}}


@callers_ways
def test_hooks_of_a_caller_s_client_may_read_and_raise(way: str) -> None:
    """As httpx documents them: to log bodies, and to raise for a status."""
    good = answer(
        gzip.compress(json.dumps(PAYLOAD).encode()),
        headers={"content-encoding": "gzip"},
    )
    refused = answer({"errors": [{"code": 10000, "message": "refused"}]}, 401)
    limited = answer(b"", 429, headers={"retry-after": "7"})
    for methods, told in (
        (["read"], 10000),
        (["raise_for_status"], None),
        (["read", "raise_for_status"], 10000),
    ):
        with Loopback([limited, good, refused]) as server:
            client = hooks_of(way, *methods)
            taken = ask(way, server, client=client)
            assert (taken.payloads, taken.slept) == ([PAYLOAD], [7.0])
            error = ask(way, server, client=client).failed
            assert type(error) is CloudflareAuthenticationError
            assert error.code == told


@callers_ways
def test_parameters_of_a_caller_s_client_come_beside_the_request_s(way: str) -> None:
    with Loopback() as server:
        asked = request_of(way, server)
        assert ask(way, server, client={"params": {"team": "a b"}}).payloads
    sent = parse_qs(urlsplit(server.received[0].path).query)
    assert sent == {**parse_qs(urlsplit(asked.url).query), "team": ["a b"]}


@pytest.mark.parametrize("way", ["asend-httpx2", "astream-httpx2"])
def test_a_caller_s_client_may_run_on_aiohttp(way: str) -> None:
    """What an extra of this package did in its place is one argument of a client."""

    def outcome_of(*acts: Act, **settings: Any) -> Outcome:
        client = {"transport": AiohttpTransport()}
        with Loopback(list(acts)) as server:
            return ask(way, server, client=client, **settings)

    first, second = event(FIRST), event(PAYLOAD)
    assert outcome_of(events(first, second)).payloads == [FIRST, PAYLOAD]
    stalled = outcome_of(stall, timeout=0.05, max_retries=0)
    assert type(stalled.error) is CloudflareTimeoutError
    again = outcome_of(reset, answer())
    assert (again.payloads, again.slept) == ([PAYLOAD], [0.5])


# ------------------------------------------------------------------- others
FAR = "https://cloudflare.invalid"


@our_ways
@pytest.mark.usefixtures("no_proxies")
def test_a_proxy_of_the_environment_is_asked_but_for_what_is_excepted(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Loopback([answer(b"", 502)]) as proxy:
        monkeypatch.setenv("https_proxy", f"127.0.0.1:{proxy.port}")
        assert ask(way, FAR, max_retries=0).error is not None
        monkeypatch.setenv("no_proxy", "cloudflare.invalid")
        assert ask(way, FAR, max_retries=0).error is not None
    asked = [(received.method, received.path) for received in proxy.received]
    assert asked == [("CONNECT", "cloudflare.invalid:443")]


@our_ways
@pytest.mark.usefixtures("no_proxies")
def test_the_environment_changes_nothing_between_here_and_this_machine(
    way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password other")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with Loopback() as server:
        assert ask(way, server).payloads == [PAYLOAD]
    headers = server.received[0].headers
    token = headers.get("cf-aig-authorization", headers.get("authorization"))
    assert token == f"Bearer {TOKEN}"
    assert len([name for name in headers if "authorization" in name]) == 1
    assert "cookie" not in headers


@whole_ways
@pytest.mark.usefixtures("no_proxies")
def test_a_proxy_of_the_environment_is_asked(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Loopback() as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:pw@127.0.0.1:{proxy.port}")
        outcome = ask(way, "http://cloudflare.invalid")
    assert outcome.payloads == [PAYLOAD]
    (received,) = proxy.received
    assert received.path.startswith("http://cloudflare.invalid/client/v4/")
    assert received.headers["proxy-authorization"].startswith("Basic ")


@pytest.fixture
def tunnelled(
    no_proxies: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Loopback, Loopback]]:
    """A server with TLS that only a proxy can reach, and the proxy."""
    with (
        certificate_trusted(monkeypatch),
        Loopback(tls=server_tls()) as server,
        Loopback([tunnel(server.port)]) as proxy,
    ):
        monkeypatch.setenv("https_proxy", f"http://me:pw@127.0.0.1:{proxy.port}")
        yield server, proxy


@whole_ways
def test_a_tunnel_through_a_proxy_is_kept(
    way: str, tunnelled: tuple[Loopback, Loopback]
) -> None:
    server, proxy = tunnelled
    assert ask(way, FAR, times=3, max_retries=0).payloads == [PAYLOAD] * 3
    assert [asked.method for asked in proxy.received] == ["CONNECT"]
    assert proxy.received[0].headers["proxy-authorization"].startswith("Basic ")
    assert len(server.received) == 3


@pytest.mark.fault(row=23)
@our_ways
def test_headers_that_drip_through_a_tunnel_end(
    way: str, tunnelled: tuple[Loopback, Loopback]
) -> None:
    server, _ = tunnelled
    server.acts = [drip_header]
    outcome = ask(way, FAR, timeout=0.1, max_retries=0)
    assert isinstance(outcome.error, CloudflareTimeoutError)


@pytest.mark.fault(row=65)
@pytest.mark.parametrize("act", [stall, answer({}, 429, {"retry-after": "30"})])
def test_a_thread_ends_when_its_pool_is_left_at_ctrl_c(act: Act) -> None:
    """While it reads, and while it sleeps."""
    with Loopback([act]) as server:
        transport = Transport(TransportSettings(timeout=10))
        with pytest.raises(KeyboardInterrupt), ThreadPoolExecutor() as pool:  # noqa: PT012
            asked = pool.submit(said, transport, request_of("send", server))
            while not (server.received or asked.done()):
                time.sleep(0.01)
            raise KeyboardInterrupt
        assert type(asked.exception()) is KeyboardInterrupt
        transport.close()


def test_no_thread_is_left_behind() -> None:
    before = threading.active_count()
    with Loopback() as server:
        assert ask("send", server).payloads == [PAYLOAD]
    assert threading.active_count() <= before


# ------------------------------------ rows 32, 33: left, dropped and cancelled
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


async def streamed(transport: Transport, server: Loopback) -> None:
    async with astreaming(transport, server) as stream:
        async for _ in stream:
            pass


async def whole(transport: Transport, server: Loopback) -> None:
    await asaid(transport, request_of("asend", server))


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
            await one(chance.choice([whole, streamed]))

    await asyncio.gather(*(worker() for _ in range(20)))
    return cancelled


async def check_cancellations(server: Loopback, times: int, calls: int) -> None:
    transport = Transport(TransportSettings(max_retries=0))
    await asaid(transport, request_of("asend", server))
    before = open_descriptors()
    cancelled = await cancel_often(transport, server, times, random.Random(7))
    assert cancelled > times / 2
    for _ in range(calls // 20):
        await asyncio.gather(
            *(asaid(transport, request_of("asend", server)) for _ in range(20))
        )
    # Two for each connection, because the server is in this process too; the idle
    # connections of twenty workers remain.
    assert await settled(lambda: server.open <= 20)
    assert open_descriptors() <= before + 2 * 20
    await transport.aclose()
    assert await settled(lambda: server.open == 0)
    assert open_descriptors() <= before


@pytest.mark.slow
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
            async with asyncio.timeout(0.5):
                await asaid(transport, request_of("asend", server))
        server.acts = [answer()]
        await asaid(transport, request_of("asend", server))
        await transport.aclose()
        assert await settled(lambda: server.open == 0)

    with Loopback([stall]) as server:
        asyncio.run(run(server))
        assert len(server.received) == 2
