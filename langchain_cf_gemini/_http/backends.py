"""Who sends: blocking or on asyncio, on shared connections or a caller's own client.

Those that block never wait for an event loop; see `seam`.
"""

from __future__ import annotations

import asyncio
import atexit
import importlib
import os
import sys
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import (
    AbstractAsyncContextManager,
    ExitStack,
    nullcontext,
    suppress,
)
from typing import Any
from weakref import WeakKeyDictionary

import httpx2

from langchain_cf_gemini._http import interrupts
from langchain_cf_gemini._http.attempt import Attempt
from langchain_cf_gemini._http.connections import (
    Connections,
    Slots,
)
from langchain_cf_gemini._http.environment import ssl_context
from langchain_cf_gemini._http.limits import forget_limits
from langchain_cf_gemini._http.request import Request, request_from_client
from langchain_cf_gemini._http.seam import Exchange, Faults
from langchain_cf_gemini._http.sockets import Opened, Tasks, wait_for
from langchain_cf_gemini._http.wire import wire_request
from langchain_cf_gemini.exceptions import CloudflareConnectionError

# The last three are what resolvers and event loops make of names and ports.
FAULTS: Faults = (
    httpx2.HTTPError,
    httpx2.InvalidURL,
    httpx2.StreamError,
    OSError,
    UnicodeError,
    OverflowError,
    ExceptionGroup,
)


def has_surplus(response: Any) -> bool:
    """Whether bytes came after the end of an answer; they would begin the next one.

    httpcore2 2.16.2 keeps such a connection, and shows them to nobody: h11 holds them.
    """
    held: Any = response.stream
    for name in ("_httpcore_stream", "_stream", "_connection", "_h11_state"):
        held = getattr(held, name, None)
    return held is not None and bool(held.trailing_data[0])


def _nothing() -> None:
    """A caller's client looks after its connections itself."""


# ------------------------------------------------------------- blocking
class _BlockingExchange:
    __slots__ = ("_freed", "_raw", "response")

    def __init__(self, response: Any, freed: Callable[[], object] = _nothing) -> None:
        self.response = response
        self._raw = iter(response.stream)
        self._freed = freed

    async def read(self, attempt: Attempt) -> bytes | None:
        wait_for(attempt)
        return next(self._raw, None)

    async def aclose(self, *, ended: bool) -> None:
        try:
            if ended and has_surplus(self.response):
                self.response.extensions["network_stream"].close()
            self.response.close()
        finally:
            self._freed()


class _Blocking:
    """Waits in its thread; the deadline is kept by the connections' own reads."""

    is_blocking = True

    def within(self, attempt: Attempt) -> AbstractAsyncContextManager[Any]:
        return nullcontext()


class Blocking(_Blocking):
    """Sends on connections of ours."""

    faults = FAULTS

    def __init__(self, *, proxied: bool = True, slots: Slots | None = None) -> None:
        self.connections = Connections(
            httpx2.HTTPTransport,
            httpx2.HTTPTransport.close,
            proxied=proxied,
            slots=slots,
        )

    async def open(self, request: Request, attempt: Attempt) -> Exchange:
        """Send the request on an idle connection, or on a new one."""
        wired = wire_request(request, attempt.waits)
        wired.extensions["trace"] = Opened().trace
        wait_for(attempt)
        self._wait_for_slot(attempt)
        interrupts.check()
        with ExitStack() as stack:
            stack.callback(self.connections.slots.give_back)
            part = self.connections.take(wired.url)
            stack.callback(self.connections.give_back, part)
            response = part.transport.handle_request(wired)
            return _BlockingExchange(response, stack.pop_all().close)

    def _wait_for_slot(self, attempt: Attempt) -> None:
        waiting = self.connections.slots.take()
        if waiting is not None:
            is_there = False
            try:
                waiting.result(attempt.left())
                is_there = True
            finally:
                if not is_there:
                    self.connections.slots.give_up(waiting)


class BlockingClient(_Blocking):
    """Sends through a client that the caller made, which is never closed here."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.faults = faults_from_client(client)

    async def open(self, request: Request, attempt: Attempt) -> Exchange:
        """Send the request; the client's own redirects are not followed."""
        wired = request_from_client(self._client, request, attempt.waits)
        response = self._client.send(wired, stream=True, follow_redirects=False)
        return _BlockingExchange(response)


# -------------------------------------------------------------- asyncio
class _AsyncioExchange:
    __slots__ = ("_freed", "_raw", "_tasks", "response")

    def __init__(
        self, response: Any, tasks: Tasks, freed: Callable[[], object] = _nothing
    ) -> None:
        self.response = response
        self._raw = aiter(response.stream)
        self._tasks = tasks
        self._freed = freed

    async def read(self, attempt: Attempt) -> bytes | None:
        return await anext(self._raw, None)

    async def aclose(self, *, ended: bool) -> None:
        try:
            if ended and has_surplus(self.response):
                await self.response.extensions["network_stream"].aclose()
            if ended:
                await self.response.aclose()
            else:
                # In a task of its own, which goes on if this one is cancelled.
                await asyncio.shield(self._tasks.start(self.response.aclose()))
        finally:
            self._freed()


class _Asyncio:
    """Waits in its event loop."""

    is_blocking = False

    def __init__(self) -> None:
        self.tasks = Tasks()

    def within(self, attempt: Attempt) -> AbstractAsyncContextManager[Any]:
        return asyncio.timeout(attempt.left())


class Asyncio(_Asyncio):
    """Sends on connections of ours."""

    faults = FAULTS

    def __init__(self, *, proxied: bool = True, slots: Slots | None = None) -> None:
        super().__init__()
        self.connections = Connections(
            httpx2.AsyncHTTPTransport,
            lambda transport: self.tasks.start(transport.aclose()),
            proxied=proxied,
            slots=slots,
        )

    async def open(self, request: Request, attempt: Attempt) -> Exchange:
        """Send the request on an idle connection, or on a new one."""
        waits, left = attempt.waits, attempt.left()
        if left is not None:
            # `within` comes before longer ones; a timer for each read would cost 3 %.
            waits = {name: one for name, one in waits.items() if one and one < left}
        wired = wire_request(request, waits)
        await self._wait_for_slot()
        with ExitStack() as stack:
            stack.callback(self.connections.slots.give_back)
            part = self.connections.take(wired.url)
            stack.callback(self.connections.give_back, part)
            response = await self._sent(part.transport, wired)
            return _AsyncioExchange(response, self.tasks, stack.pop_all().close)

    async def _sent(
        self, transport: httpx2.AsyncHTTPTransport, wired: httpx2.Request
    ) -> httpx2.Response:
        opened, response = Opened(self.tasks), None
        wired.extensions["trace"] = opened.atrace
        try:
            response = await transport.handle_async_request(wired)
        finally:
            # httpcore2 2.16.2 loses the socket of a call that is cancelled in the TLS
            # handshake: its start_tls closes on Exception, which CancelledError is
            # not. Once it closes on BaseException, this can go.
            if response is None and opened.stream is not None:
                await asyncio.shield(self.tasks.start(opened.stream.aclose()))
        return response

    async def _wait_for_slot(self) -> None:
        waiting = self.connections.slots.take()
        if waiting is not None:
            is_there = False
            try:
                await asyncio.wrap_future(waiting)
                is_there = True
            finally:
                if not is_there:
                    self.connections.slots.give_up(waiting)

    async def aclose(self, *, busy: bool = False) -> None:
        """Close idle connections, and the others when their calls have ended.

        Args:
            busy: Whether to close those with calls, too.
        """
        self.connections.close(busy=busy)
        await asyncio.shield(self.tasks.ended())


class AsyncioClient(_Asyncio):
    """Sends through a client that the caller made, which is never closed here."""

    def __init__(self, client: Any) -> None:
        super().__init__()
        self._client = client
        self.faults = faults_from_client(client)

    async def open(self, request: Request, attempt: Attempt) -> Exchange:
        """Send the request; the client's own redirects are not followed."""
        wired = request_from_client(self._client, request, attempt.waits)
        response = await self._client.send(wired, stream=True, follow_redirects=False)
        return _AsyncioExchange(response, self.tasks)


def faults_from_client(client: Any) -> Faults:
    """The errors of the package that a client comes from, by their names there."""
    found: list[type[Exception]] = list(FAULTS)
    for base in type(client).__mro__:
        package = sys.modules.get(base.__module__.partition(".")[0])
        for name in ("HTTPError", "InvalidURL", "StreamError"):
            if isinstance(fault := getattr(package, name, None), type):
                found.append(fault)
    return tuple(dict.fromkeys(found))


# -------------------------------------------------------------- sharing
class _Loop:
    """The backend of one event loop, and what closes it when the loop ends."""

    def __init__(self) -> None:
        self.backend = Asyncio(slots=_slots)
        self.end = self._closing()

    async def _closing(self) -> AsyncGenerator[None, None]:
        """Close the connections when their loop shuts its generators down.

        asyncio has no hook for the end of a loop but this one: `asyncio.run` closes the
        generators that were begun in the loop before it closes the loop.
        """
        try:
            yield
        finally:
            await self.backend.aclose(busy=True)


_lock = threading.Lock()
_slots = Slots()
_threads: Blocking | None = None
_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Loop] = WeakKeyDictionary()
# Connections of the parent process: kept, so that nothing of them is ever closed here.
_inherited: list[object] = []


def blocking(lessee: object) -> Blocking:
    """The process's backend for threads, leased to a client until it closes."""
    global _threads
    with _lock:
        if _threads is None or not _threads.connections.is_open:
            _threads = Blocking(slots=_slots)
        _threads.connections.leases.add(lessee)
        return _threads


def release_blocking(lessee: object) -> None:
    """Give up a lease; the last one closes the idle connections."""
    with _lock:
        if _threads is not None:
            leases = _threads.connections.leases
            leases.discard(lessee)
            if not leases:
                _threads.connections.close()


async def on_asyncio(lessee: object) -> Asyncio:
    """The running loop's backend, leased to a client until it closes."""
    found = _loops.get(asyncio.get_running_loop())
    if found is None or not found.backend.connections.is_open:
        await asyncio.to_thread(_load)
        found = await _begun()
    found.backend.connections.leases.add(lessee)
    return found.backend


async def _begun() -> _Loop:
    with _lock:
        for loop in [loop for loop in _loops if loop.is_closed()]:
            del _loops[loop]
        running = asyncio.get_running_loop()
        found = _loops.get(running)
        if found is not None and found.backend.connections.is_open:
            return found  # made by another task meanwhile
        found = _loops[running] = _Loop()
    await anext(found.end)
    return found


def _load() -> None:
    """Load in a thread what would hold the first call's event loop for 60 ms.

    anyio loads its half for asyncio when it is first used there, and certificates are
    read from files.
    """
    importlib.import_module("anyio._backends._asyncio")
    with suppress(CloudflareConnectionError):  # told to the call that needs them
        ssl_context()


async def release_on_asyncio(lessee: object) -> None:
    """Give up the lease of the running loop; the last one closes idle connections."""
    found = _loops.get(asyncio.get_running_loop())
    if found is not None:
        leases = found.backend.connections.leases
        leases.discard(lessee)
        if not leases:
            await found.backend.aclose()


@atexit.register
def _close_at_exit() -> None:
    if _threads is not None:
        _threads.connections.close(busy=True)


def _forget_after_fork() -> None:
    """A forked child opens its own connections; its parent goes on with these."""
    global _lock, _slots, _threads, _loops
    _lock, _slots = threading.Lock(), Slots()
    if _threads is not None:
        _threads.connections.is_open = False
    for found in _loops.values():
        found.backend.connections.is_open = False
    _inherited.append((_threads, _loops))
    _threads, _loops = None, WeakKeyDictionary()
    forget_limits()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
