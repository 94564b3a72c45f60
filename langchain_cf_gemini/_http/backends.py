"""Who sends: connections shared by all transports, or a client of the user's own.

Threads share one set of connections in the process, coroutines one for each event loop,
because a socket belongs to the loop that opened it. Both are made when first used.
"""

from __future__ import annotations

import asyncio
import atexit
import importlib.util
import logging
import os
import ssl
import sys
import threading
from base64 import b64encode
from collections.abc import AsyncGenerator, Callable
from functools import cache
from typing import Any, Generic, Literal, Protocol, TypeVar
from urllib.request import getproxies, proxy_bypass
from weakref import WeakKeyDictionary, WeakSet

import httpx

from langchain_cf_gemini._cloudflare.endpoints import Request, is_loopback
from langchain_cf_gemini._http.connections import (
    IDLE_SECONDS,
    AsyncExchange,
    AsyncPool,
    Exchange,
    SyncPool,
    Tasks,
    keepalive_options,
)
from langchain_cf_gemini._http.request import (
    Timeouts,
    request_from_client,
    wire_request,
)
from langchain_cf_gemini._http.retries import forget_budgets

logger = logging.getLogger("langchain_cf_gemini")

AsyncBackend = Literal["auto", "httpx", "aiohttp"]
Faults = tuple[type[Exception], ...]

HTTPX_FAULTS: Faults = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError)


class Waits(Protocol):
    """How long an attempt may wait: for each step, and until its deadline."""

    timeouts: Timeouts

    def left(self) -> float | None:
        """Seconds until the deadline, or None without one."""


class Opener(Protocol):
    """Sends a request and returns when the response's headers are there."""

    faults: Faults

    def open(self, request: Request, waits: Waits) -> Exchange:
        """Send the request."""


class AsyncOpener(Protocol):
    """The same for asyncio."""

    faults: Faults

    async def open(self, request: Request, waits: Waits) -> AsyncExchange:
        """Send the request."""


@cache
def ssl_context() -> ssl.SSLContext:
    """The one SSL context; it takes 47 ms to build, most of it reading certificates."""
    return httpx.create_ssl_context()


@cache
def _unused_ssl_context() -> ssl.SSLContext:
    """For plain http: it trusts nobody, and costs next to nothing."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def proxy_from_environment(url: httpx.URL) -> str | None:
    """The proxy that the environment names for a URL; none for this machine."""
    if is_loopback(url.host) or proxy_bypass(url.host):
        return None
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


_P = TypeVar("_P", SyncPool, AsyncPool)


class _Origins(Generic[_P]):
    """One pool for each origin."""

    faults: Faults = HTTPX_FAULTS

    def __init__(self, pool: Callable[[ssl.SSLContext, str | None], _P]) -> None:
        self._new: Callable[[ssl.SSLContext, str | None], _P] = pool
        self._pools: dict[tuple[str, str, int | None], _P] = {}
        self.leases: WeakSet[object] = WeakSet()
        self.is_open = True
        self.end: AsyncGenerator[None, None] | None = None

    def _pool(self, url: httpx.URL) -> _P:
        origin = (url.scheme, url.host, url.port)
        pool = self._pools.get(origin)
        if pool is None:
            context = ssl_context() if url.scheme == "https" else _unused_ssl_context()
            new = self._new(context, proxy_from_environment(url))
            pool = self._pools.setdefault(origin, new)
        return pool


class SyncConnections(_Origins[SyncPool]):
    """The connections of this process for threads."""

    def open(self, request: Request, waits: Waits) -> Exchange:
        """Send the request on an idle connection, or on a new one."""
        wired = wire_request(request, waits.timeouts)
        return self._pool(wired.url).open(wired, waits)

    def close(self) -> None:
        """Close what is idle now, and the rest when it is free."""
        self.is_open = False
        for pool in list(self._pools.values()):
            pool.close()

    def abort(self) -> None:
        """Close also what is in use."""
        self.is_open = False
        for pool in list(self._pools.values()):
            pool.abort()


class AsyncConnections(_Origins[AsyncPool]):
    """The connections of one event loop, on plain httpx."""

    async def open(self, request: Request, waits: Waits) -> AsyncExchange:
        """Send the request on an idle connection, or on a new one."""
        wired = wire_request(request, waits.timeouts)
        return await self._pool(wired.url).open(wired)

    async def aclose(self) -> None:
        """Close every connection."""
        self.is_open = False
        for pool in list(self._pools.values()):
            await pool.aclose()


class AiohttpConnections:
    """The connections of one event loop, on aiohttp through httpx-aiohttp."""

    def __init__(self) -> None:
        import aiohttp

        self.faults: Faults = (*HTTPX_FAULTS, aiohttp.ClientError)
        self.leases: WeakSet[object] = WeakSet()
        self.is_open = True
        self.end: AsyncGenerator[None, None] | None = None
        self._tasks = Tasks()
        self._session = _aiohttp_session()
        self._transports: dict[tuple[str, str], httpx.AsyncBaseTransport] = {}

    async def open(self, request: Request, waits: Waits) -> AsyncExchange:
        """Send the request."""
        wired = wire_request(request, waits.timeouts)
        response = await self._transport(wired.url).handle_async_request(wired)
        return OwnedExchange(self._tasks, response)

    def _transport(self, url: httpx.URL) -> httpx.AsyncBaseTransport:
        """A view of the session for one host, because proxies go by the host."""
        host = (url.scheme, url.host)
        if host not in self._transports:
            import httpx_aiohttp

            self._transports[host] = httpx_aiohttp.AiohttpTransport(
                verify=_unused_ssl_context(),
                client=self._session,
                proxy=aiohttp_proxy(proxy_from_environment(url)),
            )
        return self._transports[host]

    async def aclose(self) -> None:
        """Close every connection."""
        self.is_open = False
        await self._tasks.ended()
        await self._session.close()


def aiohttp_proxy(url: str | None) -> httpx.Proxy | None:
    """The proxy with its password in a header; aiohttp warns of the other way."""
    if url is None:
        return None
    proxy = httpx.Proxy(url)
    if proxy.auth is None:
        return proxy
    encoded = b64encode(":".join(proxy.auth).encode()).decode()
    headers = {"proxy-authorization": f"Basic {encoded}"}
    return httpx.Proxy(proxy.url, headers=headers)


def _aiohttp_session() -> Any:
    import aiohttp

    def new_socket(address: Any) -> Any:
        import socket

        family, kind, proto, _, _ = address
        opened = socket.socket(family, kind, proto)
        for option in keepalive_options():
            opened.setsockopt(*option)
        return opened

    connector = aiohttp.TCPConnector(
        limit=0,
        ssl=ssl_context(),
        keepalive_timeout=IDLE_SECONDS,
        socket_factory=new_socket,
    )
    # Not trust_env: beside proxies it reads ~/.netrc, whose passwords would take the
    # place of the token, and it does so in a thread for every request.
    return aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar()
    )


class OwnedExchange:
    """An exchange on a connection that another pool looks after."""

    __slots__ = ("_tasks", "response")

    def __init__(self, tasks: Tasks, response: httpx.Response) -> None:
        self._tasks = tasks
        self.response = response

    async def aclose(self, *, ended: bool) -> None:
        """Close the response; in a task of its own, if it was not read to its end."""
        if ended:
            await self.response.aclose()
        else:
            await asyncio.shield(self._tasks.start(self.response.aclose()))


class UserClient:
    """A client that the user made: used as it is, never closed.

    Args:
        client: A client of httpx, or of a package with the same interface.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self.faults = faults_from_client(client)

    def open(self, request: Request, waits: Waits) -> Exchange:
        """Send the request; the client's own redirects are not followed."""
        wired = request_from_client(self._client, request, waits.timeouts)
        return _UserExchange(
            self._client.send(wired, stream=True, follow_redirects=False)
        )


class _UserExchange:
    __slots__ = ("response",)

    def __init__(self, response: httpx.Response) -> None:
        self.response = response

    def close(self, *, ended: bool) -> None:
        """Close the response."""
        self.response.close()


class AsyncUserClient:
    """The same for asyncio."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._tasks = Tasks()
        self.faults = faults_from_client(client)

    async def open(self, request: Request, waits: Waits) -> AsyncExchange:
        """Send the request; the client's own redirects are not followed."""
        wired = request_from_client(self._client, request, waits.timeouts)
        response = await self._client.send(wired, stream=True, follow_redirects=False)
        return OwnedExchange(self._tasks, response)


def faults_from_client(client: Any) -> Faults:
    """The errors of the package that a client comes from."""
    found: list[type[Exception]] = list(HTTPX_FAULTS)
    for base in type(client).__mro__:
        package = sys.modules.get(base.__module__.partition(".")[0])
        for name in ("HTTPError", "InvalidURL", "StreamError"):
            if isinstance(fault := getattr(package, name, None), type):
                found.append(fault)
    return tuple(dict.fromkeys(found))


# --------------------------------------------------------------- sharing
_lock = threading.Lock()
_sync: SyncConnections | None = None
_Loop = asyncio.AbstractEventLoop
_AsyncShared = AsyncConnections | AiohttpConnections
_async: WeakKeyDictionary[_Loop, dict[str, _AsyncShared]] = WeakKeyDictionary()
# Connections of the parent process: kept, so that nothing of them is ever closed here.
_inherited: list[object] = []


def sync_connections(lessee: object) -> SyncConnections:
    """The process's connections, leased to a transport until it closes."""
    global _sync
    with _lock:
        if _sync is None or not _sync.is_open:
            _sync = SyncConnections(SyncPool)
        _sync.leases.add(lessee)
        return _sync


def release_sync(lessee: object) -> None:
    """Give up a lease; the last one closes the idle connections."""
    with _lock:
        if _sync is not None:
            _sync.leases.discard(lessee)
            if not _sync.leases:
                _sync.close()


def current_connections(lessee: object, backend: AsyncBackend) -> _AsyncShared | None:
    """The running loop's connections, if they are open and leased to this one."""
    shared = _async.get(asyncio.get_running_loop())
    connections = shared.get(backend_name(backend)) if shared else None
    if connections is None or not connections.is_open:
        return None
    return connections if lessee in connections.leases else None


async def async_connections(lessee: object, backend: AsyncBackend) -> _AsyncShared:
    """The running loop's connections, leased to a transport until it closes."""
    name = backend_name(backend)
    with _lock:
        _forget_closed_loops()
        shared = _async.setdefault(asyncio.get_running_loop(), {})
        connections = shared.get(name)
        is_new = connections is None or not connections.is_open
        if connections is None or not connections.is_open:
            connections = shared[name] = _NEW_ASYNC[name]()
        connections.leases.add(lessee)
    if is_new:
        logger.debug("async transport: %s", name)
        connections.end = _closing(connections)
        await anext(connections.end)
    return connections


async def _closing(connections: _AsyncShared) -> AsyncGenerator[None, None]:
    """Close the connections when their loop shuts its generators down.

    asyncio has no hook for the end of a loop but this one: `asyncio.run` closes the
    generators that were begun in the loop before it closes the loop.
    """
    try:
        yield
    finally:
        await connections.aclose()


def backend_name(backend: AsyncBackend) -> Literal["httpx", "aiohttp"]:
    """The async backend that is used: aiohttp where it is installed."""
    if backend == "auto":
        return "aiohttp" if _has_aiohttp() else "httpx"
    return backend


@cache
def _has_aiohttp() -> bool:
    return all(map(importlib.util.find_spec, ("aiohttp", "httpx_aiohttp")))


_NEW_ASYNC: dict[str, Callable[[], _AsyncShared]] = {
    "httpx": lambda: AsyncConnections(AsyncPool),
    "aiohttp": AiohttpConnections,
}


def _forget_closed_loops() -> None:
    for loop in [loop for loop in _async if loop.is_closed()]:
        del _async[loop]


async def release_async(lessee: object) -> None:
    """Give up the leases of the running loop; the last one closes the connections."""
    for connections in list(_async.get(asyncio.get_running_loop(), {}).values()):
        connections.leases.discard(lessee)
        if not connections.leases:
            await connections.aclose()


@atexit.register
def _close_at_exit() -> None:
    if _sync is not None:
        _sync.abort()


def _forget_after_fork() -> None:
    """A forked child opens its own connections; its parent goes on with these."""
    global _lock, _sync, _async
    _lock = threading.Lock()
    if _sync is not None:
        _sync.is_open = False
    for shared in _async.values():
        for connections in shared.values():
            connections.is_open = False
    _inherited.append((_sync, _async))
    _sync, _async = None, WeakKeyDictionary()
    forget_budgets()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
