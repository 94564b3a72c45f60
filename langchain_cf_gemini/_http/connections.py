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

import math
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar
from weakref import WeakSet

import httpx2

from langchain_cf_gemini._http.environment import (
    proxy_from_environment,
    settings,
    ssl_context,
    unused_ssl_context,
)
from langchain_cf_gemini._http.sockets import keepalive_options

_Transport = TypeVar(
    "_Transport", bound=httpx2.BaseTransport | httpx2.AsyncBaseTransport
)

CONNECTIONS = 16
"""Most connections of one transport."""
# Cloudflare's edge closes an idle connection after some minutes; ours goes first.
IDLE_SECONDS = 55.0
_MOST = 4096
_LIMITS = httpx2.Limits(
    max_connections=CONNECTIONS,
    max_keepalive_connections=CONNECTIONS,
    keepalive_expiry=IDLE_SECONDS,
)


def most_connections() -> int:
    """How many connections this process may have: three quarters of its descriptors."""
    try:
        import resource
    except ImportError:  # Windows, where sockets are no descriptors
        return _MOST
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if allowed == resource.RLIM_INFINITY:
        return _MOST
    return max(1, min(_MOST, allowed * 3 // 4))


class Slots:
    """As many calls at once as there may be connections; the others wait, in order.

    Args:
        most: How many calls; `most_connections()` if None.
    """

    def __init__(self, most: int | None = None) -> None:
        self.most = most_connections() if most is None else most
        self._free = self.most
        self._waiting: deque[Future[None]] = deque()
        self._lock = threading.Lock()

    async def take(self, wait: Callable[[Future[None]], Awaitable[None]]) -> None:
        """Take a slot, the next one after those that wait for it already.

        Args:
            wait: Waits for what another thread or event loop hands over.
        """
        with self._lock:
            if self._free:
                self._free -= 1
                return
            turn: Future[None] = Future()
            self._waiting.append(turn)
        is_there = False
        try:
            await wait(turn)
            is_there = True
        finally:
            # The slot may have come meanwhile.
            if not is_there and not turn.cancel():
                self.give_back()

    def give_back(self) -> None:
        """Hand the slot to whoever has waited longest."""
        with self._lock:
            while self._waiting:
                turn = self._waiting.popleft()
                if turn.set_running_or_notify_cancel():
                    turn.set_result(None)
                    return
            self._free += 1


@dataclass(slots=True, eq=False)
class Part(Generic[_Transport]):
    """One transport and how many calls are on it."""

    transport: _Transport
    busy: int = 0
    idle_since: float = 0.0


class Connections(Generic[_Transport]):
    """The connections of this process's threads, or of one event loop.

    Args:
        new: Makes a transport: `httpx2.HTTPTransport` or `httpx2.AsyncHTTPTransport`.
        close: Closes a transport that nobody uses.
        proxied: Whether the environment's proxies are used.
        slots: How many calls may be on connections at once.
        clock: Seconds that only go forward.

    Attributes:
        leases: The clients that use these connections.
        is_open: Whether connections are still kept for later calls.
    """

    def __init__(
        self,
        new: Callable[..., _Transport],
        close: Callable[[_Transport], object],
        *,
        proxied: bool = True,
        slots: Slots | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.slots = slots or Slots()
        self._new = new
        self._close = close
        self._clock = clock
        self._proxied = proxied
        # By origin, and by what the environment said.
        self._parts: dict[tuple[object, ...], list[Part[_Transport]]] = {}
        self._environment = settings()
        self._lock = threading.Lock()
        self.leases: WeakSet[object] = WeakSet()
        self.is_open = True

    async def take(
        self, url: httpx2.URL, wait: Callable[[Future[None]], Awaitable[None]]
    ) -> Part[_Transport]:
        """The first transport with a connection to spare, when there is a slot for it.

        Because the first ones are filled first, there are never more connections to an
        origin than there were calls at once.
        """
        await self.slots.take(wait)
        part = None
        try:
            part = self._taken(url)
        finally:
            if part is None:
                self.slots.give_back()
        return part

    def _taken(self, url: httpx2.URL) -> Part[_Transport]:
        done: list[Part[_Transport]] = []
        with self._lock:
            origin = url.scheme, url.host, url.port
            parts = self._parts.get((*origin, self._environment), [])
            part = next((part for part in parts if part.busy < CONNECTIONS), None)
            if is_new := part is None:
                part = Part(self._new_transport(url))
                self._environment = settings()  # which the new one has read
                self._parts.setdefault((*origin, self._environment), []).append(part)
            part.busy += 1
            if is_new:
                done = self._taken_out()
        self._close_all(done)
        return part

    def _new_transport(self, url: httpx2.URL) -> _Transport:
        context = ssl_context() if url.scheme == "https" else unused_ssl_context()
        return self._new(
            verify=context,
            proxy=proxy_from_environment(url) if self._proxied else None,
            limits=_LIMITS,
            socket_options=keepalive_options(),
        )

    def give_back(self, part: Part[_Transport]) -> None:
        """Take a call off; transports that nobody needs any longer are closed."""
        done: list[Part[_Transport]] = []
        with self._lock:
            part.busy -= 1
            if not part.busy:
                part.idle_since = self._clock()
                done = self._taken_out()
        self._close_all(done)
        self.slots.give_back()

    def lease(self, lessee: object) -> None:
        """Let a client use these connections.

        A new one reads the environment anew, as a new client of httpx2 would: somebody
        may have set a proxy, and try again.
        """
        if lessee not in self.leases:
            self.leases.add(lessee)
            self._environment = settings()

    def is_last(self, lessee: object) -> bool:
        """Whether nobody uses these connections when a lease is given up."""
        self.leases.discard(lessee)
        return not self.leases

    def close(self, *, busy: bool = False) -> None:
        """Keep nothing any longer: close what is idle, and the rest when it is free.

        Args:
            busy: Whether to close transports with calls, too.
        """
        self.is_open = False
        with self._lock:
            done = self._taken_out(busy=busy)
        self._close_all(done)

    def _taken_out(self, *, busy: bool = False) -> list[Part[_Transport]]:
        """Idle transports that are too old or too many, which are kept no longer."""
        now = self._clock()
        parts = [part for parts in self._parts.values() for part in parts]
        idle = sorted(
            (part for part in parts if busy or not part.busy),
            key=lambda part: part.idle_since,
        )
        surplus = len(parts) - math.ceil(self.slots.most / CONNECTIONS)
        done = [
            part
            for place, part in enumerate(idle)
            if place < surplus
            or now - part.idle_since > IDLE_SECONDS
            or not self.is_open
        ]
        for kept in self._parts.values() if done else ():
            kept[:] = [part for part in kept if part not in done]
        return done

    def _close_all(self, parts: list[Part[_Transport]]) -> None:
        for part in parts:
            self._close(part.transport)
