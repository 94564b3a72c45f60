"""What this package lays around the network streams of httpcore2.

A stream is handed out by a request's trace when it is connected, and again when TLS is
on it, also within a proxy's tunnel; httpcore2 has no other hold on it before there is
an answer.
"""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

import httpcore2

from langchain_cf_gemini._http import interrupts
from langchain_cf_gemini._http.attempt import Attempt
from langchain_cf_gemini._http.urls import is_address

_T = TypeVar("_T")

# How much is written before the deadline, or an early answer, is looked for again.
_WRITTEN_BYTES = 1 << 16
_READ_BYTES = 1 << 16
_LOOK = interrupts.LOOK_SECONDS
_EARLY = "the server answered before the request's end"
_OPENED = ("connect_tcp.complete", "start_tls.complete")


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


class _Joined:
    """The pieces in which a request is written.

    httpcore2 writes its head, its body, and the end, which is nothing. The head waits
    for the body: one packet and one call of the system are saved. Long bodies are cut,
    so that between two pieces the deadline, or an early answer, is looked for.
    """

    def __init__(self) -> None:
        self._head = b""
        self._is_head = True

    def pieces(self, data: bytes) -> list[bytes | memoryview]:
        """What to write now."""
        if self._is_head:
            self._is_head, self._head = False, data
            return []
        head, self._head = self._head, b""
        view, size = memoryview(data), _WRITTEN_BYTES
        pieces: list[bytes | memoryview] = [head + data[:size]] if head or data else []
        return pieces + [view[at : at + size] for at in range(size, len(view), size)]

    def rest(self) -> bytes:
        """A head that was given no body, to be written before the answer is read."""
        head, self._head, self._is_head = self._head, b"", True
        return head


# ------------------------------------------------------------- blocking
# Whose answer a thread waits for.
_waiting = threading.local()


def wait_for(attempt: Attempt) -> None:
    """Let the blocking reads and writes of this thread end with an attempt."""
    _waiting.attempt = attempt


def trace(event: str, info: dict[str, Any]) -> None:
    """Called at each step of a request, such as `connection.connect_tcp.complete`.

    What a step begins with is what httpcore2 hands to the system.
    """
    if step := _STEPS.get(event.partition(".")[2]):
        step(info)


def in_a_thread(work: Callable[[], _T]) -> Future[_T]:
    """What the work gives, which knows no deadline, as the system's resolver does."""
    found: Future[_T] = Future()
    found.set_running_or_notify_cancel()  # nobody can cancel it any longer

    def run() -> None:
        try:
            found.set_result(work())
        except (OSError, ValueError) as fault:  # the latter if IDNA cannot encode it
            found.set_exception(fault)

    # A daemon, so that a resolver that hangs does not hold the interpreter's end.
    threading.Thread(target=run, daemon=True).start()
    return found


def addresses_from_host(host: str, port: int) -> list[str]:
    """The addresses of a host, as the system's resolver orders them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _connect_in_time(info: dict[str, Any]) -> None:
    """Let a name be resolved, and its addresses be tried, within the attempt's time.

    The system grants the whole timeout to each address, and resolves without one.
    """
    host, timeout = info["host"], _shortened(info["timeout"])
    addresses = [host]
    if not is_address(host):
        finding = in_a_thread(partial(addresses_from_host, host, info["port"]))
        try:
            addresses = finding.result(timeout)
        except TimeoutError:
            raise httpcore2.ConnectTimeout(
                "the name was not resolved in time"
            ) from None
        except OSError as fault:
            raise httpcore2.ConnectError(str(fault)) from None
        timeout = _shortened(info["timeout"])
    if len(addresses) == 1:
        info["host"] = addresses[0]
    info["timeout"] = None if timeout is None else timeout / len(addresses)


def _keep_deadline(info: dict[str, Any]) -> None:
    """Let a blocking stream's reads and writes end with the attempt that waits.

    httpcore2 grants the whole timeout to each call of the system, so a server that
    drips its headers, or reads a long request in sips, could hold a thread for ever.
    A long request also ends early if the server has answered, such as with 413.
    """
    stream = info["return_value"]
    read, write = stream.read, stream.write
    heard: list[bytes] = []
    joined = _Joined()

    def read_in_time(max_bytes: int, timeout: float | None = None) -> Any:
        if rest := joined.rest():
            write(rest, _shortened(timeout))
        return heard.pop() if heard else _read_in_pieces(read, max_bytes, timeout)

    def write_in_time(data: bytes, timeout: float | None = None) -> None:
        for number, piece in enumerate(joined.pieces(data)):
            if number and (early := _heard(stream)) is not None:
                heard.append(early)
                raise httpcore2.WriteError(_EARLY)
            write(piece, _shortened(timeout))

    stream.read, stream.write = read_in_time, write_in_time


def _read_in_pieces(
    read: Callable[[int, float], bytes], max_bytes: int, timeout: float | None
) -> bytes:
    """Read, and look now and then whether anybody still waits for it.

    What was received of a TLS record when a piece of the time ends is kept.
    """
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        left = _shortened(None if end is None else max(0.0, end - time.monotonic()))
        try:
            return read(max_bytes, _LOOK if left is None else min(left, _LOOK))
        except httpcore2.ReadTimeout:
            if left is not None and left <= _LOOK:
                raise
            interrupts.check()


def _heard(stream: Any) -> bytes | None:
    """What the server has said already, without waiting for it."""
    sock = stream.get_extra_info("socket")
    is_tunnelled = not isinstance(sock, ssl.SSLSocket) and stream.get_extra_info(
        "ssl_object"
    )
    if is_tunnelled or not is_readable(sock):
        return None
    sock.settimeout(0)
    try:
        heard: bytes = sock.recv(_READ_BYTES)
    except (BlockingIOError, ssl.SSLWantReadError):  # TLS, but no data
        return None
    except OSError:
        return b""
    return heard


def _shortened(timeout: float | None) -> float | None:
    attempt: Attempt | None = getattr(_waiting, "attempt", None)
    left = attempt.left() if attempt else None
    if left is None:
        return timeout
    if left <= 0:
        raise TimeoutError("the response was too slow")
    return left if timeout is None else min(timeout, left)


_STEPS: Mapping[str, Callable[[dict[str, Any]], None]] = {
    "connect_tcp.started": _connect_in_time,
    "start_tls.started": lambda info: info.update(timeout=_shortened(info["timeout"])),
    **dict.fromkeys(_OPENED, _keep_deadline),
}


# -------------------------------------------------------------- asyncio
class Opened:
    """The network stream that a request on asyncio opens, if none is idle.

    Attributes:
        stream: The stream when it is connected, and again when TLS is on it.
    """

    __slots__ = ("_tasks", "stream")

    def __init__(self, tasks: Tasks) -> None:
        self.stream: Any = None
        self._tasks = tasks

    async def atrace(self, event: str, info: dict[str, Any]) -> None:
        """Called at each step, such as `connection.connect_tcp.complete`."""
        if event.endswith(_OPENED):
            self.stream = info["return_value"]
            _ask_the_socket(self.stream)
            _listen_while_writing(self.stream, self._tasks)


def _ask_the_socket(stream: Any) -> None:
    """Let a stream of asyncio say cheaply whether its peer has gone.

    httpcore2 asks that of every idle connection for each request, and anyio collects
    all attributes of a stream to find its socket.
    """
    extra_info, sock = stream.get_extra_info, stream.get_extra_info("socket")

    def extra_info_of_socket(name: str) -> Any:
        return is_readable(sock) if name == "is_readable" else extra_info(name)

    stream.get_extra_info = extra_info_of_socket


def holds_more(stream: Any) -> bool:
    """Whether a stream has read further than it was asked to.

    The socket has nothing more then, and the bytes wait in a layer: of TLS, which has
    not decrypted them (anyio's `_read_bio`, httpcore2's `_incoming`), or of asyncio,
    which reads up to 256 KiB where httpcore2 asks for 64.
    """
    layer = stream
    while layer is not None:
        encrypted = getattr(layer, "_read_bio", None) or getattr(
            layer, "_incoming", None
        )
        if encrypted is not None and encrypted.pending:
            return True
        protocol = getattr(layer, "_protocol", None)
        if protocol is not None and protocol.read_queue:
            return True
        beneath = getattr(layer, "transport_stream", None)
        layer = beneath or getattr(layer, "_stream", None)
    return False


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


def _listen_while_writing(stream: Any, tasks: Tasks) -> None:
    """Let a long request end early if the server has answered, such as with 413.

    Who only writes does not hear it: the server closes, the system drops what it had
    sent with the connection, and the request is repeated.
    """
    read, write = stream.read, stream.write
    heard: asyncio.Task[bytes] | None = None
    joined = _Joined()

    async def read_heard(max_bytes: int, timeout: float | None = None) -> Any:
        nonlocal heard
        if rest := joined.rest():
            await write(rest, timeout)
        if heard is None:
            return await read(max_bytes, timeout)
        reading, heard = heard, None
        async with asyncio.timeout(timeout):
            return await reading

    async def write_listening(data: bytes, timeout: float | None = None) -> None:
        nonlocal heard
        pieces = joined.pieces(data)
        if len(pieces) > 1:
            heard = heard or tasks.start(read(_READ_BYTES, None))
        for piece in pieces:
            if heard is None:
                await write(piece, timeout)
            else:
                await _written_or_heard(tasks.start(write(piece, timeout)), heard)

    stream.read, stream.write = read_heard, write_listening


async def _written_or_heard(
    writing: asyncio.Task[None], heard: asyncio.Task[bytes]
) -> None:
    is_over = False
    try:
        await asyncio.wait({writing, heard}, return_when=asyncio.FIRST_COMPLETED)
        if heard.done():
            # httpcore2 then stops to write and reads the answer.
            raise httpcore2.WriteError(_EARLY)
        writing.result()
        is_over = True
    finally:
        if not is_over:
            writing.cancel()
            if not heard.done():
                heard.cancel()
