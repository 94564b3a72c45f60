"""Connections: shared, kept, closed, and never those of another loop or process."""

from __future__ import annotations

import asyncio
import copy
import gc
import json
import os
import pickle
import select
import socket
import ssl
import subprocess
import sys
import textwrap
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest

from langchain_cf_gemini._cloudflare.json_body import json_from_body
from langchain_cf_gemini._http.backends import (
    AsyncBackend,
    aiohttp_proxy,
    backend_name,
    proxy_from_environment,
)
from langchain_cf_gemini._http.client import Transport, TransportSettings
from langchain_cf_gemini._http.connections import (
    IDLE_CONNECTIONS,
    keepalive_options,
    taken_stale,
)
from langchain_cf_gemini._http.network import is_readable
from langchain_cf_gemini.exceptions import CloudflareTimeoutError
from tests.integration_tests.asking import TOKEN, ask, every_way, on_httpx, request_of
from tests.integration_tests.loopback import (
    FIRST,
    PAYLOAD,
    Loopback,
    Wire,
    answer,
    drip_header,
    event,
    events,
    tunnel,
)
from tests.integration_tests.test_cancellation import (
    both_backends,
    fresh_trust,
    settled,
)


def say(text: str) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(json.dumps(PAYLOAD))
    payload["candidates"][0]["content"]["parts"][0]["text"] = text
    return payload


async def echo(wire: Wire) -> None:
    """Answer with what was asked, a little later."""
    await asyncio.sleep(0.01)
    asked = json.loads(wire.received.body)["input"]
    await answer(say(asked["contents"]))(wire)


def asking(server: Loopback, text: str) -> Any:
    from langchain_cf_gemini._cloudflare.endpoints import run_request
    from tests.integration_tests.asking import account

    return run_request(account(server), "google/gemini-3-flash", {"contents": text})


def text_of(payload: dict[str, Any]) -> str:
    text: str = payload["candidates"][0]["content"]["parts"][0]["text"]
    return text


def closing(times: int) -> Any:
    """Answer, then close the kept connection."""

    async def act(wire: Wire) -> None:
        await answer()(wire)
        wire.cut()

    return [act] * times


# ------------------------------------------------------------- rows 21, 31
@pytest.mark.parametrize("way", ["send", "stream"])
def test_row_21_a_connection_closed_meanwhile_goes_unnoticed(way: str) -> None:
    transport = Transport(TransportSettings(max_retries=0))
    with Loopback(closing(3)) as server:
        for _ in range(3):
            assert transport.send(request_of("send", server)).payloads == [PAYLOAD]
            assert asyncio.run(settled(lambda: server.open == 0))
    assert server.opened == 3
    transport.close()


@both_backends
def test_row_21_the_same_for_asyncio(backend: AsyncBackend) -> None:
    async def run(server: Loopback) -> None:
        transport = Transport(TransportSettings(max_retries=0, async_backend=backend))
        for _ in range(3):
            answered = await transport.asend(request_of("asend", server))
            assert answered.payloads == [PAYLOAD]
            assert await settled(lambda: server.open == 0)
            # The loop has to hear of it, too.
            await asyncio.sleep(0.02)

    with Loopback(closing(3)) as server:
        asyncio.run(run(server))
    assert server.opened == 3


def test_row_31_sockets_are_probed_while_they_wait() -> None:
    options = keepalive_options()
    assert (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1) in options
    with socket.socket() as probed:
        for option in options:
            probed.setsockopt(*option)
        assert probed.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        if hasattr(socket, "TCP_KEEPIDLE"):
            assert probed.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60


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


@pytest.mark.parametrize("way", ["send", "asend-httpx", "asend-aiohttp"])
def test_row_31_keepalive_is_on_in_every_way(way: str) -> None:
    seen: list[int] = []
    with Loopback() as server:

        async def look(wire: Wire) -> None:
            for found in sockets_to(server.port):
                seen.append(found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE))
            await answer()(wire)

        server.acts = [look]
        assert ask(way, server).payloads == [PAYLOAD]
    assert seen
    assert all(seen)


# --------------------------------------------------------------- sharing
def test_twenty_transports_share_one_connection() -> None:
    transports = [Transport(TransportSettings()) for _ in range(20)]
    with Loopback() as server:
        for transport in transports:
            transport.send(request_of("send", server))
        assert server.opened == 1
        for transport in transports[:-1]:
            transport.close()
        assert transports[-1].send(request_of("send", server)).payloads == [PAYLOAD]
        assert server.opened == 1
        transports[-1].close()
        assert asyncio.run(settled(lambda: server.open == 0))
        assert transports[0].send(request_of("send", server)).payloads == [PAYLOAD]
        transports[0].close()


@both_backends
def test_twenty_transports_share_one_connection_in_a_loop(
    backend: AsyncBackend,
) -> None:
    async def run(server: Loopback) -> None:
        settings = TransportSettings(async_backend=backend)
        transports = [Transport(settings) for _ in range(20)]
        for transport in transports:
            await transport.asend(request_of("asend", server))
        assert server.opened == 1
        for transport in transports[:-1]:
            await transport.aclose()
        await transports[-1].asend(request_of("asend", server))
        assert server.opened == 1
        await transports[-1].aclose()
        assert await settled(lambda: server.open == 0)
        await transports[0].asend(request_of("asend", server))

    with Loopback() as server:
        asyncio.run(run(server))


@both_backends
def test_as_many_connections_as_calls_at_once(backend: AsyncBackend) -> None:
    async def run(server: Loopback) -> None:
        transport = Transport(TransportSettings(async_backend=backend))
        limit = asyncio.Semaphore(50)

        async def one(number: int) -> None:
            async with limit:
                answered = await transport.asend(asking(server, str(number)))
            assert text_of(answered.payloads[0]) == str(number)

        await asyncio.gather(*(one(number) for number in range(400)))

    with Loopback([echo]) as server:
        asyncio.run(run(server))
    assert server.opened <= 50


def test_row_36_fifty_threads_on_one_transport_hear_their_own_answers() -> None:
    transport = Transport(TransportSettings())
    with Loopback([echo]) as server, ThreadPoolExecutor(50) as threads:

        def one(number: int) -> bool:
            answered = transport.send(asking(server, str(number)))
            return text_of(answered.payloads[0]) == str(number)

        assert all(threads.map(one, range(400)))
        assert server.opened <= 50
        transport.close()
        assert asyncio.run(settled(lambda: server.open == 0))


@contextmanager
def socket_calls() -> Iterator[list[str]]:
    """The methods of sockets that this thread calls meanwhile."""
    seen: list[str] = []

    def look(_frame: object, happened: str, called: object) -> None:
        owner = getattr(called, "__self__", None)
        if happened == "c_call" and isinstance(owner, socket.socket):
            seen.append(getattr(called, "__name__", ""))

    sys.setprofile(look)
    try:
        yield seen
    finally:
        sys.setprofile(None)


@on_httpx
@pytest.mark.parametrize(("size", "sends"), [(10, 1), (60_000, 1), (70_000, 2)])
def test_head_and_body_of_a_request_are_sent_in_one(
    way: str, size: int, sends: int
) -> None:
    whole = events(event(PAYLOAD)) if "stream" in way else answer()
    with Loopback([whole]) as server:
        request = replace(request_of(way, server), pieces=(b" " * size,))
        with socket_calls() as seen:
            assert ask(way, server, request=request).payloads == [PAYLOAD]
        assert len(server.received[0].body) == size
    assert seen.count("send") == sends


MEDIA = "QUJD" * 2**18


@every_way
def test_long_media_come_whole_and_again_after_a_failure(way: str) -> None:
    body = {"contents": [{"parts": [{"inlineData": {"data": MEDIA}}, {"text": "é"}]}]}
    whole = events(event(PAYLOAD)) if "stream" in way else answer()
    with Loopback([answer(b"", 503), whole]) as server:
        request = replace(
            request_of(way, server), pieces=json_from_body(body, has_media=True)
        )
        assert len(request.pieces) == 3
        outcome = ask(way, server, request=request)
        with httpx.Client() as client:
            ask("send", server, request=request, http_client=client)
    assert outcome.payloads == [PAYLOAD]
    first, second, third = server.received
    assert first.body == second.body == third.body == request.body
    assert json.loads(first.body) == body
    assert "transfer-encoding" not in first.headers
    assert first.headers["host"] == f"127.0.0.1:{server.port}"


@pytest.mark.parametrize("with_poll", [True, False])
def test_a_socket_is_readable_when_the_other_end_spoke_or_left(
    with_poll: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not with_poll:  # as on Windows
        monkeypatch.delattr(select, "poll")
    ours, theirs = socket.socketpair()
    assert not is_readable(ours)
    theirs.send(b"x")
    assert is_readable(ours)
    assert ours.recv(1) == b"x"
    assert not is_readable(ours)
    theirs.close()
    assert is_readable(ours)
    ours.close()
    assert is_readable(ours)


def test_a_stream_outlives_its_transport_but_not_its_connection() -> None:
    transport = Transport(TransportSettings())
    with Loopback([events(event(FIRST), event(PAYLOAD))]) as server:
        with transport.stream(request_of("stream", server)) as stream:
            transport.close()
            assert list(stream) == [FIRST, PAYLOAD]
        assert asyncio.run(settled(lambda: server.open == 0))


@both_backends
def test_closing_asynchronously_closes_streams_too(backend: AsyncBackend) -> None:
    async def run(server: Loopback) -> None:
        transport = Transport(TransportSettings(async_backend=backend, max_retries=0))
        async with transport.astream(request_of("astream", server)) as stream:
            assert await anext(stream) == FIRST
            await transport.aclose()
        assert await settled(lambda: server.open == 0)
        answered = await transport.asend(request_of("asend", server))
        assert answered.payloads[-1] == PAYLOAD

    with Loopback([events(event(FIRST), event(PAYLOAD))]) as server:
        asyncio.run(run(server))


def test_connections_that_are_idle_too_long_or_too_many_are_closed() -> None:
    assert taken_stale(deque[tuple[float, str]](), 0.0) is None
    fresh = deque([(100.0, "old"), (110.0, "new")])
    assert taken_stale(fresh, 150.0) is None
    assert taken_stale(fresh, 156.0) == "old"
    assert taken_stale(fresh, 156.0) is None
    many = deque((0.0, number) for number in range(IDLE_CONNECTIONS + 2))
    assert [taken_stale(many, 1.0) for _ in range(3)] == [0, 1, None]
    assert len(many) == IDLE_CONNECTIONS


# --------------------------------------------------------- row 34: loops
@both_backends
def test_row_34_a_new_loop_for_every_call(backend: AsyncBackend) -> None:
    transport = Transport(TransportSettings(async_backend=backend))

    async def call(server: Loopback) -> None:
        answered = await transport.asend(request_of("asend", server))
        assert answered.payloads == [PAYLOAD]

    with Loopback() as server:
        for _ in range(5):
            asyncio.run(call(server))
            assert transport.send(request_of("send", server)).payloads == [PAYLOAD]
        assert asyncio.run(settled(lambda: server.open <= 1))
        transport.close()
    assert server.opened == 6


@both_backends
def test_row_34_closed_loops_are_not_kept(backend: AsyncBackend) -> None:
    transport = Transport(TransportSettings(async_backend=backend))
    loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []

    async def call(server: Loopback) -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await transport.asend(request_of("asend", server))

    with Loopback() as server:
        for _ in range(6):
            asyncio.run(call(server))
    gc.collect()
    assert sum(loop() is not None for loop in loops) <= 1


@both_backends
def test_row_34_loops_in_several_threads_at_once(backend: AsyncBackend) -> None:
    transport = Transport(TransportSettings(async_backend=backend))

    async def calls(server: Loopback) -> list[str]:
        async def one(text: str) -> str:
            return text_of((await transport.asend(asking(server, text))).payloads[0])

        return await asyncio.gather(*(one(str(number)) for number in range(10)))

    with Loopback([echo]) as server, ThreadPoolExecutor(8) as threads:
        runs = list(threads.map(lambda _: asyncio.run(calls(server)), range(16)))
    assert runs == [[str(number) for number in range(10)]] * 16


def test_row_34_a_loop_closed_without_notice_is_forgotten() -> None:
    code = """
        import asyncio
        from langchain_cf_gemini._http.client import Transport, TransportSettings
        from tests.integration_tests.asking import request_of
        from tests.integration_tests.loopback import PAYLOAD, Loopback

        with Loopback() as server:
            for backend in ("httpx", "aiohttp") * 3:
                transport = Transport(TransportSettings(async_backend=backend))
                loop = asyncio.new_event_loop()
                call = transport.asend(request_of("asend", server))
                assert loop.run_until_complete(call).payloads == [PAYLOAD]
                loop.close()
        print("answered")
    """
    # Who closes a loop without shutdown_asyncgens leaves its sockets to the collector.
    assert "answered" in run_python(code, warnings="ignore").stdout


# ------------------------------------------------------- row 35: forks
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_row_35_a_forked_child_opens_its_own_connections() -> None:
    code = """
        import asyncio, os, sys, warnings
        from langchain_cf_gemini._http.client import Transport, TransportSettings
        from tests.integration_tests.asking import request_of

        transport = Transport(TransportSettings(async_backend="httpx"))
        root = sys.argv[1]

        async def acall():
            await transport.asend(request_of("asend", root))
            await transport.asend(request_of("asend", root))

        transport.send(request_of("send", root))
        asyncio.run(acall())
        child = os.fork()
        transport.send(request_of("send", root))
        transport.send(request_of("send", root))
        asyncio.run(acall())
        if child:
            _, status = os.waitpid(child, 0)
            transport.send(request_of("send", root))
            print("child", status)
    """
    with Loopback() as server:
        assert "child 0" in run_python(code, server.root).stdout
        # One for the parent's threads, one for the child's, one for each loop.
        assert server.opened == 5


def test_row_35_pools_of_forked_processes() -> None:
    code = """
        import multiprocessing, sys
        from langchain_cf_gemini._http.client import Transport, TransportSettings
        from tests.integration_tests.asking import request_of

        transport = Transport(TransportSettings())

        def call(root):
            return len(transport.send(request_of("send", root)).payloads)

        if __name__ == "__main__":
            call(sys.argv[1])
            with multiprocessing.get_context("fork").Pool(3) as pool:
                print(sum(pool.map(call, [sys.argv[1]] * 9)))
    """
    with Loopback() as server:
        assert run_python(code, server.root).stdout.strip() == "9"


def run_python(
    code: str, *arguments: str, warnings: str = "error"
) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter in which every warning is an error."""
    done = subprocess.run(
        [sys.executable, "-W", warnings, "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done


@both_backends
def test_the_interpreter_ends_without_a_warning(backend: AsyncBackend) -> None:
    code = """
        import asyncio, sys
        from langchain_cf_gemini._http.client import Transport, TransportSettings
        from tests.integration_tests.asking import request_of

        root, backend = sys.argv[1:]
        request = request_of("send", root)
        transport = Transport(TransportSettings(async_backend=backend))

        async def call():
            await asyncio.gather(*(transport.asend(request) for _ in range(5)))

        asyncio.run(call())
        transport.send(request)
        left_open = transport.stream(request)
        next(left_open.__enter__())
    """
    with Loopback() as server:
        assert run_python(code, server.root, backend).stderr == ""


# ------------------------------------------------------- the user's own client
@pytest.mark.parametrize("package", [httpx, httpx2])
def test_a_user_s_client_is_used_and_left_open(package: Any) -> None:
    with (
        package.Client(headers={"x-mine": "yes"}) as client,
        Loopback() as server,
    ):
        transport = Transport(TransportSettings(http_client=client))
        assert transport.send(request_of("send", server)).payloads == [PAYLOAD]
        with transport.stream(request_of("stream", server)) as stream:
            assert list(stream) == [PAYLOAD]
        transport.close()
        assert not client.is_closed
        assert server.opened == 1
        assert {received.headers["x-mine"] for received in server.received} == {"yes"}


@pytest.mark.parametrize("package", [httpx, httpx2])
def test_a_user_s_async_client_is_used_and_left_open(package: Any) -> None:
    async def run(server: Loopback) -> None:
        async with package.AsyncClient() as client:
            transport = Transport(TransportSettings(http_async_client=client))
            answered = await transport.asend(request_of("asend", server))
            assert answered.payloads == [PAYLOAD]
            async with transport.astream(request_of("astream", server)) as stream:
                assert [payload async for payload in stream] == [PAYLOAD]
            await transport.aclose()
            assert not client.is_closed

    with Loopback() as server:
        asyncio.run(run(server))
    assert server.opened == 1


@pytest.mark.parametrize("package", [httpx, httpx2])
@pytest.mark.parametrize("way", ["send", "stream"])
def test_faults_of_a_user_s_client_are_typed_too(package: Any, way: str) -> None:
    from langchain_cf_gemini.exceptions import (
        CloudflareConnectionError,
        CloudflareTimeoutError,
    )
    from tests.integration_tests.loopback import reset, stall

    with package.Client() as client, Loopback([stall]) as server:
        stalled = ask(way, server, http_client=client, timeout=0.05, max_retries=0)
        server.acts = [reset]
        cut_off = ask(way, server, http_client=client)
    assert type(stalled.error) is CloudflareTimeoutError
    assert type(cut_off.error) is CloudflareConnectionError
    assert len(cut_off.slept) == 2


# ------------------------------------------------------------------- others
def test_the_backend_is_chosen_and_named_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert backend_name("auto") == "aiohttp"
    assert backend_name("httpx") == "httpx"
    with caplog.at_level("DEBUG", "langchain_cf_gemini"), Loopback() as server:
        ask("asend-aiohttp", server)
    assert any("aiohttp" in record.getMessage() for record in caplog.records)


def test_a_transport_is_copied_and_pickled_without_its_connections() -> None:
    transport = Transport(TransportSettings(max_retries=5))
    with Loopback() as server:
        transport.send(request_of("send", server))
        for twin in (copy.deepcopy(transport), pickle.loads(pickle.dumps(transport))):
            assert twin.settings == transport.settings
            assert twin.send(request_of("send", server)).payloads == [PAYLOAD]
        transport.close()


def test_proxies_of_the_environment_are_used_but_not_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTPS_PROXY", "NO_PROXY", "no_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    url = httpx.URL("https://api.cloudflare.com/client/v4")
    monkeypatch.setenv("https_proxy", "proxy.example:3128")
    assert proxy_from_environment(url) == "http://proxy.example:3128"
    assert proxy_from_environment(httpx.URL("http://127.0.0.1:8080")) is None
    monkeypatch.setenv("no_proxy", "cloudflare.com")
    assert proxy_from_environment(url) is None


@every_way
def test_the_environment_changes_nothing_between_here_and_this_machine(
    way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password other")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    with Loopback() as server:
        assert ask(way, server).payloads == [PAYLOAD]
    headers = server.received[0].headers
    token = headers.get("cf-aig-authorization", headers.get("authorization"))
    assert token == f"Bearer {TOKEN}"
    assert len([name for name in headers if "authorization" in name]) == 1
    assert "cookie" not in headers


@pytest.mark.parametrize("way", ["send", "asend-httpx", "asend-aiohttp"])
def test_a_proxy_of_the_environment_is_asked(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Loopback() as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:pw@127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        outcome = ask(way, "http://cloudflare.invalid")
    assert outcome.payloads == [PAYLOAD]
    (received,) = proxy.received
    assert received.path.startswith("http://cloudflare.invalid/client/v4/")
    if way != "asend-aiohttp":
        assert received.headers["proxy-authorization"].startswith("Basic ")


@pytest.fixture
def tunnelled(
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[Loopback, Loopback]]:
    """A server with TLS that only a proxy can reach, and the proxy."""
    pem = Path(__file__).with_name("loopback.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with (
        fresh_trust(str(pem), monkeypatch),
        Loopback(tls=context) as server,
        Loopback([tunnel(server.port)]) as proxy,
    ):
        monkeypatch.setenv("https_proxy", f"http://me:pw@127.0.0.1:{proxy.port}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield server, proxy


FAR = "https://cloudflare.invalid"


def test_a_tunnel_through_a_proxy_is_kept(
    tunnelled: tuple[Loopback, Loopback],
) -> None:
    server, proxy = tunnelled
    transport = Transport(TransportSettings(max_retries=0))
    for _ in range(3):
        assert transport.send(request_of("send", FAR)).payloads == [PAYLOAD]
    transport.close()
    assert [asked.method for asked in proxy.received] == ["CONNECT"]
    assert proxy.received[0].headers["proxy-authorization"].startswith("Basic ")
    assert len(server.received) == 3


@both_backends
def test_a_tunnel_through_a_proxy_is_kept_by_asyncio(
    backend: AsyncBackend, tunnelled: tuple[Loopback, Loopback]
) -> None:
    server, proxy = tunnelled

    async def run() -> None:
        transport = Transport(TransportSettings(max_retries=0, async_backend=backend))
        for _ in range(3):
            answered = await transport.asend(request_of("asend", FAR))
            assert answered.payloads == [PAYLOAD]
        await transport.aclose()

    asyncio.run(run())
    assert [asked.method for asked in proxy.received] == ["CONNECT"]
    assert len(server.received) == 3


@on_httpx
def test_row_23_headers_that_drip_through_a_tunnel_end(
    way: str, tunnelled: tuple[Loopback, Loopback]
) -> None:
    server, _ = tunnelled
    server.acts = [drip_header]
    outcome = ask(way, FAR, timeout=0.3, max_retries=0)
    assert isinstance(outcome.error, CloudflareTimeoutError)


def test_on_aiohttp_a_proxy_s_password_goes_into_the_tunnel_s_headers() -> None:
    proxy = aiohttp_proxy("http://me:pw@proxy.example:3128")
    assert proxy is not None
    assert proxy.auth is None
    assert str(proxy.url) == "http://proxy.example:3128"
    assert proxy.headers["proxy-authorization"] == "Basic bWU6cHc="
    bare = aiohttp_proxy("http://proxy.example:3128")
    assert bare is not None
    assert "proxy-authorization" not in bare.headers
    assert aiohttp_proxy(None) is None


def test_no_thread_is_left_behind() -> None:
    before = threading.active_count()
    with Loopback() as server:
        assert ask("send", server).payloads == [PAYLOAD]
    assert threading.active_count() <= before
