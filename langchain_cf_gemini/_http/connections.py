"""Connections kept open: one httpx transport for each, last used first taken.

httpcore's own pool scans all its connections for every request, so its cost is
quadratic in them: with 50 at once it answers 82 calls a second. Here each connection is
a pool of one, and taking one from the end of a list costs the same for any number:
as many connections as calls at once, and none opened anew while one is idle.

It is httpx's transport and not httpcore's connection beneath, which would cost 100
microseconds less (200 with asyncio), because there is where vcrpy, pytest-httpx and
OpenTelemetry look for calls.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections import deque
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

import httpx

from langchain_cf_gemini._http.network import (
    lay_around,
    lay_around_async,
    opened_stream,
)

_T = TypeVar("_T")

# Cloudflare's edge closes an idle connection after some minutes; ours goes first.
IDLE_SECONDS = 55.0
IDLE_CONNECTIONS = 256

_ONE = httpx.Limits(
    max_connections=1, max_keepalive_connections=1, keepalive_expiry=IDLE_SECONDS
)


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


class Exchange(Protocol):
    """A response under way on a connection that is taken for it."""

    response: httpx.Response

    def close(self, *, ended: bool) -> None:
        """Free the connection if the response was read to its end, else close it."""


class AsyncExchange(Protocol):
    """The same for asyncio; closing goes on if its caller is cancelled."""

    response: httpx.Response

    async def aclose(self, *, ended: bool) -> None:
        """Free the connection if the response was read to its end, else close it."""


class Patience(Protocol):
    """How long an attempt may still wait."""

    def left(self) -> float | None:
        """Seconds until its deadline, or None without one."""


class _SyncSlot:
    """A connection for threads, whose reads and writes end when its attempt does."""

    __slots__ = ("patience", "stream", "transport")

    def __init__(self, transport: httpx.HTTPTransport) -> None:
        self.transport = transport
        self.stream: Any = None
        self.patience: Patience | None = None

    def is_usable(self) -> bool:
        return _is_quiet(self.stream)

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Called by httpcore at each step of the first request of a connection."""
        if stream := opened_stream(event, info):
            lay_around(stream, self._shortened)
            self.stream = stream

    def _shortened(self, timeout: float | None) -> float | None:
        left = self.patience.left() if self.patience else None
        if left is None:
            return timeout
        return max(left if timeout is None else min(timeout, left), 0.001)


def _is_quiet(stream: Any) -> bool:
    """Whether an idle connection is open; what can be read is the peer's goodbye."""
    return stream is not None and not stream.get_extra_info("is_readable")


class SyncPool:
    """Connections of one origin for threads.

    Args:
        ssl_context: Shared by all connections.
        proxy: URL of a proxy, or None.
    """

    def __init__(self, ssl_context: ssl.SSLContext, proxy: str | None) -> None:
        self._ssl_context = ssl_context
        self._proxy = proxy
        # (when it became idle, connection); appends and pops of a deque are atomic.
        self._idle: deque[tuple[float, _SyncSlot]] = deque()
        self._busy: set[_SyncSlot] = set()
        self._is_open = True

    def open(
        self, request: httpx.Request, patience: Patience | None = None
    ) -> SyncExchange:
        """Send the request; returns when the response's headers are there."""
        slot = self._take(request)
        slot.patience = patience
        self._busy.add(slot)
        response = None
        try:
            response = slot.transport.handle_request(request)
        finally:
            if response is None:
                self.discard(slot)
        return SyncExchange(self, slot, response)

    def _take(self, request: httpx.Request) -> _SyncSlot:
        while True:
            try:
                slot = self._idle.pop()[1]
            except IndexError:
                break
            if slot.is_usable():
                return slot
            slot.transport.close()
        slot = self._new_slot()
        request.extensions["trace"] = slot.trace
        return slot

    def _new_slot(self) -> _SyncSlot:
        return _SyncSlot(
            httpx.HTTPTransport(
                verify=self._ssl_context,
                proxy=self._proxy,
                limits=_ONE,
                socket_options=keepalive_options(),
            )
        )

    def give_back(self, slot: _SyncSlot) -> None:
        """Keep a connection for the next request, and let go of stale ones."""
        if not self._is_open:
            self.discard(slot)
            return
        now = time.monotonic()
        slot.patience = None
        self._busy.discard(slot)
        self._idle.append((now, slot))
        while stale := taken_stale(self._idle, now):
            stale.transport.close()
        if not self._is_open:
            self.close()

    def discard(self, slot: _SyncSlot) -> None:
        """Close a connection that was in use."""
        self._busy.discard(slot)
        slot.transport.close()

    def close(self) -> None:
        """Close every idle connection; those in use are closed when they are free."""
        self._is_open = False
        while self._idle:
            self._idle.pop()[1].transport.close()

    def abort(self) -> None:
        """Close also those in use."""
        self.close()
        for slot in list(self._busy):
            self.discard(slot)


class SyncExchange:
    """One request and its response on a connection of a `SyncPool`."""

    __slots__ = ("_pool", "_slot", "response")

    def __init__(
        self, pool: SyncPool, slot: _SyncSlot, response: httpx.Response
    ) -> None:
        self._pool = pool
        self._slot = slot
        self.response = response

    def close(self, *, ended: bool) -> None:
        """Give the connection back, or close it."""
        is_free = False
        try:
            self.response.close()
            is_free = ended
        finally:
            if is_free:
                self._pool.give_back(self._slot)
            else:
                self._pool.discard(self._slot)


def taken_stale(idle: deque[tuple[float, _T]], now: float) -> _T | None:
    """The longest idle connection, taken out, if it is too old or one too many."""
    try:
        if len(idle) <= IDLE_CONNECTIONS and now - idle[0][0] <= IDLE_SECONDS:
            return None
        return idle.popleft()[1]
    except IndexError:
        # Another thread took the last one.
        return None


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


class _Slot:
    """A connection for asyncio, and what is known of its socket."""

    __slots__ = ("abandoned", "connected", "stream", "transport")

    def __init__(self, transport: httpx.AsyncHTTPTransport) -> None:
        self.transport = transport
        self.stream: Any = None
        self.connected = False
        self.abandoned = False

    def is_usable(self) -> bool:
        return _is_quiet(self.stream)

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        """Called by httpcore at each step of the first request of a connection."""
        if stream := opened_stream(event, info):
            lay_around_async(stream)
            self.stream = stream
        if event == "http11.send_request_headers.started" and not self.connected:
            self.connected = True
            if self.abandoned:
                raise asyncio.CancelledError


class AsyncPool:
    """Connections of one origin for one event loop.

    httpcore 1.0.9 loses a connection when its caller is cancelled at the wrong moment
    (encode/httpcore#1093): while it connects, because the socket has no owner yet, and
    again while it cleans up, if a second cancellation interrupts that. So connecting is
    a task of its own, which nobody cancels, and so is closing.

    Args:
        ssl_context: Shared by all connections.
        proxy: URL of a proxy, or None.
    """

    def __init__(self, ssl_context: ssl.SSLContext, proxy: str | None) -> None:
        self._ssl_context = ssl_context
        self._proxy = proxy
        self._idle: deque[tuple[float, _Slot]] = deque()
        self._slots: set[_Slot] = set()
        self._tasks = Tasks()
        self._closing = Tasks()

    async def open(self, request: httpx.Request) -> HttpxExchange:
        """Send the request; returns when the response's headers are there."""
        slot = self._take()
        if slot is None:
            slot = self._new_slot()
            response = await self._connect(slot, request)
        else:
            response = await self._reuse(slot, request)
        return HttpxExchange(self, slot, response)

    async def _reuse(self, slot: _Slot, request: httpx.Request) -> httpx.Response:
        response = None
        try:
            response = await slot.transport.handle_async_request(request)
        finally:
            if response is None:
                self.discard(slot)
        return response

    def _take(self) -> _Slot | None:
        while self._idle:
            slot = self._idle.pop()[1]
            if slot.is_usable():
                return slot
            self.discard(slot)
        return None

    def _new_slot(self) -> _Slot:
        slot = _Slot(
            httpx.AsyncHTTPTransport(
                verify=self._ssl_context,
                proxy=self._proxy,
                limits=_ONE,
                socket_options=keepalive_options(),
            )
        )
        self._slots.add(slot)
        return slot

    async def _connect(self, slot: _Slot, request: httpx.Request) -> httpx.Response:
        request.extensions["trace"] = slot.trace
        task = self._tasks.start(slot.transport.handle_async_request(request))
        response = None
        try:
            response = await asyncio.shield(task)
        finally:
            if response is None:
                slot.abandoned = True
                if slot.connected:
                    task.cancel()
                task.add_done_callback(lambda _: self.discard(slot))
        return response

    def discard(self, slot: _Slot) -> asyncio.Task[None]:
        """Close a connection in a task of its own."""
        self._slots.discard(slot)
        return self._tasks.start(slot.transport.aclose())

    def give_back(self, slot: _Slot) -> None:
        """Keep a connection for the next request, and let go of stale ones."""
        if slot not in self._slots:
            return
        now = time.monotonic()
        self._idle.append((now, slot))
        while stale := taken_stale(self._idle, now):
            self.discard(stale)

    def closing(self) -> asyncio.Task[None]:
        """A task that closes every connection."""
        return self._closing.start(self.aclose())

    async def aclose(self) -> None:
        """Close every connection, also those in use."""
        self._idle.clear()
        for slot in list(self._slots):
            self.discard(slot)
        await self._tasks.ended()


class HttpxExchange:
    """One request and its response on a connection of an `AsyncPool`."""

    __slots__ = ("_pool", "_slot", "response")

    def __init__(self, pool: AsyncPool, slot: _Slot, response: httpx.Response) -> None:
        self._pool = pool
        self._slot = slot
        self.response = response

    async def aclose(self, *, ended: bool) -> None:
        """Give the connection back, or close it in a task of its own."""
        if not ended:
            await asyncio.shield(self._pool.discard(self._slot))
            return
        is_free = False
        try:
            await self.response.aclose()
            is_free = True
        finally:
            if is_free:
                self._pool.give_back(self._slot)
            else:
                self._pool.discard(self._slot)
