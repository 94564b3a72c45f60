"""Who sends: blocking or on asyncio, on shared connections or a caller's own client.

Those that block never wait for an event loop; see `seam`.
"""

from __future__ import annotations

import asyncio
import atexit
import importlib
import os
import threading
import types
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import httpx2

from langchain_cf_gemini._http import interrupts
from langchain_cf_gemini._http.attempt import Attempt
from langchain_cf_gemini._http.connections import Connections, Slots
from langchain_cf_gemini._http.environment import ssl_context
from langchain_cf_gemini._http.limits import forget_limits
from langchain_cf_gemini._http.request import Request, request_from_client
from langchain_cf_gemini._http.seam import Exchange
from langchain_cf_gemini._http.sockets import (
    Opened,
    Tasks,
    holds_more,
    trace,
    wait_for,
)
from langchain_cf_gemini._http.wire import Pieces, wire_request
from langchain_cf_gemini.exceptions import CloudflareConnectionError

_T = TypeVar("_T")


def has_surplus(response: Any) -> bool:
    """Whether bytes came after the end of an answer; they would begin the next one.

    httpcore2 2.16.2 keeps such a connection, and shows them to nobody: h11 holds them,
    or the network stream does.
    """
    # The stream of a client's response is around that of its transport.
    held: Any = getattr(response.stream, "_stream", response.stream)
    for name in ("_httpcore_stream", "_stream", "_connection", "_h11_state"):
        held = getattr(held, name, None)
    if held is None:
        return False
    return bool(held.trailing_data[0]) or holds_more(
        response.extensions["network_stream"]
    )


def body_read_before(response: Any) -> Pieces | None:
    """The body that a hook of the caller's client has read, and thereby inflated."""
    if not (response.is_stream_consumed or response.is_closed):
        return None
    body = b""
    with suppress(RuntimeError):  # ResponseNotRead: nobody has kept it
        body = response.content
        response.headers.pop("content-encoding", None)
    return Pieces((body,))


def response_of_hook(fault: Exception) -> Any:
    """The response whose status a hook of the caller's client has raised."""
    if type(fault).__name__ != "HTTPStatusError":
        raise fault
    response: Any = fault.response  # type: ignore[attr-defined]
    return response


def _nothing() -> None:
    """A caller's client looks after its connections itself."""


# ------------------------------------------------------------- blocking
class _BlockingExchange:
    __slots__ = ("_freed", "_raw", "response")

    def __init__(self, response: Any, freed: Callable[[], object] = _nothing) -> None:
        self.response = response
        self._raw = iter(body_read_before(response) or response.stream)
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

    def within(
        self, attempt: Attempt, work: Coroutine[Any, Any, _T]
    ) -> Coroutine[Any, Any, _T]:
        return work

    async def result(self, attempt: Attempt, future: Future[_T]) -> _T:
        return future.result(attempt.left())


class Blocking(_Blocking):
    """Sends on connections of ours."""

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
        wired.extensions["trace"] = trace
        wait_for(attempt)
        part = await self.connections.take(wired.url, partial(self.result, attempt))
        response = None
        try:
            interrupts.check()
            response = part.transport.handle_request(wired)
        finally:
            if response is None:
                self.connections.give_back(part)
        return _BlockingExchange(response, partial(self.connections.give_back, part))


class BlockingClient(_Blocking):
    """Sends through a client that the caller made, which is never closed here."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def open(self, request: Request, attempt: Attempt) -> Exchange:
        """Send the request; the client's own redirects are not followed."""
        wired = request_from_client(self._client, request, attempt.waits)
        try:
            response = self._client.send(wired, stream=True, follow_redirects=False)
        except Exception as fault:
            response = response_of_hook(fault)
        return _BlockingExchange(response)


# -------------------------------------------------------------- asyncio
class _AsyncioExchange:
    __slots__ = ("_freed", "_raw", "_tasks", "response")

    def __init__(
        self, response: Any, tasks: Tasks, freed: Callable[[], object] = _nothing
    ) -> None:
        self.response = response
        self._raw = aiter(body_read_before(response) or response.stream)
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


@types.coroutine
def _resumed(work: Coroutine[Any, Any, _T], waited_for: Any) -> Generator[Any, Any, _T]:
    """Await the rest of a coroutine that has begun, and waits for a future."""
    while True:
        try:
            sent = yield waited_for
        except BaseException as thrown:  # a cancellation, for instance
            step = partial(work.throw, thrown)
        else:
            step = partial(work.send, sent)
        try:
            waited_for = step()
        except StopIteration as done:
            result: _T = done.value
            return result


class _Asyncio:
    """Waits in its event loop."""

    is_blocking = False

    def __init__(self) -> None:
        self.tasks = Tasks()

    async def within(self, attempt: Attempt, work: Coroutine[Any, Any, _T]) -> _T:
        # Much of a stream is there already, and a timer costs more than to take it.
        try:
            waited_for = work.send(None)
        except StopIteration as done:
            result: _T = done.value
            return result
        async with asyncio.timeout(attempt.left()):
            return await _resumed(work, waited_for)

    async def result(self, attempt: Attempt, future: Future[_T]) -> _T:
        return await asyncio.wrap_future(future)


class Asyncio(_Asyncio):
    """Sends on connections of ours."""

    def __init__(self, *, proxied: bool = True, slots: Slots | None = None) -> None:
        super().__init__()
        self.connections = Connections(
            httpx2.AsyncHTTPTransport,
            lambda transport: self.tasks.start(transport.aclose()),
            proxied=proxied,
            slots=slots,
        )
        # What `until_closed` has begun lives as long as this.
        self.end: AsyncGenerator[None, None] | None = None

    async def open(self, request: Request, attempt: Attempt) -> Exchange:
        """Send the request on an idle connection, or on a new one."""
        waits, left = attempt.waits, attempt.left()
        if left is not None:
            # `within` comes before longer ones; a timer for each read would cost 3 %.
            waits = {name: one for name, one in waits.items() if one and one < left}
        wired = wire_request(request, waits)
        opened, response = Opened(self.tasks), None
        wired.extensions["trace"] = opened.atrace
        part = await self.connections.take(wired.url, partial(self.result, attempt))
        try:
            response = await part.transport.handle_async_request(wired)
        finally:
            if response is None:
                self.connections.give_back(part)
                # httpcore2 2.16.2 loses the socket of a call that is cancelled in the
                # TLS handshake: its start_tls closes on Exception, which
                # CancelledError is not. Once it closes on BaseException, this can go.
                if opened.stream is not None:
                    await asyncio.shield(self.tasks.start(opened.stream.aclose()))
        freed = partial(self.connections.give_back, part)
        return _AsyncioExchange(response, self.tasks, freed)

    async def until_closed(self) -> AsyncGenerator[None, None]:
        """Close the connections when their loop shuts its generators down.

        asyncio has no hook for the end of a loop but this one: `asyncio.run` closes the
        generators that were begun in the loop before it closes the loop.
        """
        try:
            yield
        finally:
            await self.aclose(busy=True)

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

    async def open(self, request: Request, attempt: Attempt) -> Exchange:
        """Send the request; the client's own redirects are not followed."""
        wired = request_from_client(self._client, request, attempt.waits)
        sending = self._client.send(wired, stream=True, follow_redirects=False)
        try:
            response = await sending
        except Exception as fault:
            response = response_of_hook(fault)
        return _AsyncioExchange(response, self.tasks)


# -------------------------------------------------------------- sharing
_lock = threading.Lock()
_slots = Slots()
_threads: Blocking | None = None
_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Asyncio] = WeakKeyDictionary()
# Connections of the parent process: kept, so that nothing of them is ever closed here.
_inherited: list[object] = []


def blocking(lessee: object) -> Blocking:
    """The process's backend for threads, leased to a client until it closes."""
    global _threads
    with _lock:
        if _threads is None:
            _threads = Blocking(slots=_slots)
        _threads.connections.lease(lessee)
        return _threads


def release_blocking(lessee: object) -> None:
    """Give up a lease; the last one closes the idle connections."""
    global _threads
    with _lock:
        if _threads is not None and _threads.connections.is_last(lessee):
            _threads.connections.close()
            _threads = None


async def on_asyncio(lessee: object) -> Asyncio:
    """The running loop's backend, leased to a client until it closes."""
    running = asyncio.get_running_loop()
    found = _loops.get(running)
    if found is None:
        await asyncio.to_thread(_load)
        found = await _begun(running)
    found.connections.lease(lessee)
    return found


async def _begun(running: asyncio.AbstractEventLoop) -> Asyncio:
    with _lock:
        for loop in [loop for loop in _loops if loop.is_closed()]:
            del _loops[loop]
        if running in _loops:
            return _loops[running]  # made by another task meanwhile
        found = _loops[running] = Asyncio(slots=_slots)
    found.end = found.until_closed()
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
    running = asyncio.get_running_loop()
    found = _loops.get(running)
    if found is not None and found.connections.is_last(lessee):
        del _loops[running]
        await found.aclose()


@atexit.register
def _close_at_exit() -> None:
    if _threads is not None:
        _threads.connections.close(busy=True)


def _forget_after_fork() -> None:
    """A forked child opens its own connections; its parent goes on with these."""
    global _lock, _slots, _threads, _loops
    _lock, _slots = threading.Lock(), Slots()
    _inherited.append((_threads, _loops))
    _threads, _loops = None, WeakKeyDictionary()
    forget_limits()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
