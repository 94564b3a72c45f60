"""Connections kept open, on a few httpx2 transports for each origin.

One set serves the threads of the process, one each event loop, because a socket belongs
to the loop that opened it. Both are made when first used, and shared by all clients.

A transport's pool looks at all its connections for each request, so one for everything
would be quadratic in them: with 200 calls at once and a server that takes 50 ms, one
answers 600 calls a second, several of at most 16 connections 1,300. They are called
directly, without an httpx2 client, at the place where vcrpy, pytest-httpx and
OpenTelemetry look for calls.
"""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Coroutine
from functools import cache
from typing import Any, Generic, TypeVar
from urllib.request import getproxies, proxy_bypass
from weakref import WeakSet

import httpx2

from langchain_cf_gemini._http.attempt import Attempt
from langchain_cf_gemini._http.urls import is_loopback

_T = TypeVar("_T")
_Transport = TypeVar(
    "_Transport", bound=httpx2.BaseTransport | httpx2.AsyncBaseTransport
)

CONNECTIONS = 16
"""Most connections of one transport."""
# Cloudflare's edge closes an idle connection after some minutes; ours goes first.
IDLE_SECONDS = 55.0
# How much is written before the deadline is looked at again.
_WRITTEN_BYTES = 1 << 18
_LIMITS = httpx2.Limits(
    max_connections=CONNECTIONS,
    max_keepalive_connections=CONNECTIONS,
    keepalive_expiry=IDLE_SECONDS,
)


@cache
def ssl_context() -> ssl.SSLContext:
    """The one SSL context; it takes up to 47 ms to build, most to read certificates."""
    return httpx2.create_ssl_context()


@cache
def _unused_ssl_context() -> ssl.SSLContext:
    """For plain http: it trusts nobody, and costs next to nothing."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def proxy_from_environment(url: httpx2.URL) -> str | None:
    """The proxy that the environment names for a URL; none for this machine."""
    if is_loopback(url.host) or proxy_bypass(url.host):
        return None
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def keepalive_options() -> list[tuple[int, int, int]]:
    """Socket options that let the system notice a peer that is gone.

    After a minute without a byte it probes every 15 seconds, and gives up after four.
    """
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    probes = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}
    return options + [
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in probes.items()
        if hasattr(socket, name)
    ]


class Part(Generic[_Transport]):
    """One transport and how many calls are on it."""

    __slots__ = ("busy", "idle_since", "siblings", "transport")

    def __init__(self, transport: _Transport, siblings: list[Part[_Transport]]) -> None:
        self.transport = transport
        self.siblings = siblings
        self.busy = 0
        self.idle_since = 0.0


class Connections(Generic[_Transport]):
    """The connections of this process's threads, or of one event loop.

    Args:
        new: Makes a transport: `httpx2.HTTPTransport` or `httpx2.AsyncHTTPTransport`.
        proxied: Whether the environment's proxies are used.
        clock: Seconds that only go forward.

    Attributes:
        leases: The clients that use these connections.
        is_open: Whether connections are still kept for later calls.
    """

    def __init__(
        self,
        new: Callable[..., _Transport],
        *,
        proxied: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._new = new
        self._clock = clock
        self._proxied = proxied
        self._parts: dict[tuple[str, str, int | None], list[Part[_Transport]]] = {}
        self._lock = threading.Lock()
        self.leases: WeakSet[object] = WeakSet()
        self.is_open = True

    def take(self, url: httpx2.URL) -> Part[_Transport]:
        """The first transport with a connection to spare.

        Because the first ones are filled first, there are never more connections than
        there were calls at once.
        """
        origin = (url.scheme, url.host, url.port)
        with self._lock:
            parts = self._parts.setdefault(origin, [])
            for part in parts:
                if part.busy < CONNECTIONS:
                    break
            else:
                part = Part(self._new_transport(url), parts)
                parts.append(part)
            part.busy += 1
            return part

    def _new_transport(self, url: httpx2.URL) -> _Transport:
        context = ssl_context() if url.scheme == "https" else _unused_ssl_context()
        return self._new(
            verify=context,
            proxy=proxy_from_environment(url) if self._proxied else None,
            limits=_LIMITS,
            socket_options=keepalive_options(),
        )

    def give_back(self, part: Part[_Transport]) -> _Transport | None:
        """Take a call off; the transport that nobody needs any longer, to be closed."""
        with self._lock:
            part.busy -= 1
            if part.busy or part not in part.siblings:
                return None
            part.idle_since = self._clock()
            if not self.is_open:
                part.siblings.remove(part)
                return part.transport
            # The last ones are the first to fall idle.
            last = part.siblings[-1]
            if last.busy or part.idle_since - last.idle_since <= IDLE_SECONDS:
                return None
            return part.siblings.pop().transport

    def taken_out(self, *, busy: bool = False) -> list[_Transport]:
        """Keep nothing any longer: the transports to be closed now.

        Args:
            busy: Whether those with calls are among them; else they come from
                `give_back` when their last call has ended.
        """
        self.is_open = False
        with self._lock:
            out = [
                part
                for parts in self._parts.values()
                for part in parts
                if busy or not part.busy
            ]
            for part in out:
                part.siblings.remove(part)
        return [part.transport for part in out]


# Whose answer a thread waits for.
_waiting = threading.local()


def wait_for(attempt: Attempt) -> None:
    """Let the blocking reads and writes of this thread end with an attempt."""
    _waiting.attempt = attempt


class Opened:
    """The network stream that a request opens, if it is not sent on an idle one.

    httpcore2 hands it to the trace of the request, and has no other hold on it before
    there is an answer.

    Attributes:
        stream: The stream when it is connected, and again when TLS is on it.
    """

    __slots__ = ("stream",)

    def __init__(self) -> None:
        self.stream: Any = None

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Called at each step, such as `connection.connect_tcp.complete`."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self.stream = info["return_value"]
            _keep_deadline(self.stream)

    async def atrace(self, event: str, info: dict[str, Any]) -> None:
        """The same for asyncio."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self.stream = info["return_value"]
            _ask_the_socket(self.stream)


def _keep_deadline(stream: Any) -> None:
    """Let a blocking stream's reads and writes end with the attempt that waits.

    httpcore2 grants the whole timeout to each call of the system, so a server that
    drips its headers, or reads a long request in sips, could hold a thread for ever.
    """
    read, write = stream.read, stream.write

    def read_in_time(max_bytes: int, timeout: float | None = None) -> Any:
        return read(max_bytes, _shortened(timeout))

    def write_in_time(data: bytes, timeout: float | None = None) -> None:
        view = memoryview(data)
        for start in range(0, len(view), _WRITTEN_BYTES):
            write(view[start : start + _WRITTEN_BYTES], _shortened(timeout))

    stream.read, stream.write = read_in_time, write_in_time


def _ask_the_socket(stream: Any) -> None:
    """Let a stream of asyncio say cheaply whether its peer has gone.

    httpcore2 asks that of every idle connection for each request, and anyio collects
    all attributes of a stream to find its socket.
    """
    extra_info, sock = stream.get_extra_info, stream.get_extra_info("socket")

    def extra_info_of_socket(name: str) -> Any:
        return is_readable(sock) if name == "is_readable" else extra_info(name)

    stream.get_extra_info = extra_info_of_socket


def is_readable(sock: Any) -> bool:
    """Whether there is something to read, an end included, or the socket is closed.

    On an idle connection this is the peer's goodbye.
    """
    descriptor = sock.fileno()
    if descriptor < 0:
        return True
    # Windows has no poll, and elsewhere select ends at the 1,024th descriptor.
    if not hasattr(select, "poll"):
        return bool(select.select([descriptor], [], [], 0)[0])
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def _shortened(timeout: float | None) -> float | None:
    attempt: Attempt | None = getattr(_waiting, "attempt", None)
    left = attempt.left() if attempt else None
    if left is None:
        return timeout
    if left <= 0:
        raise TimeoutError("the answer came too slowly")
    return left if timeout is None else min(timeout, left)


class Tasks:
    """Tasks that nobody waits for; asyncio itself only holds them weakly."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Run the coroutine to its end, whatever becomes of the caller."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        # Asked for, because an error that nobody reads is reported by asyncio.
        if not task.cancelled():
            task.exception()

    async def ended(self) -> None:
        """Wait until all are done; after a second they are cancelled."""
        if self._running:
            await asyncio.wait(self._running, timeout=1)
        for task in list(self._running):
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)
