"""What this package lays around the network streams of httpcore.

A stream is handed out by a request's trace when it is connected, and again when TLS is
on it, also within a proxy's tunnel; httpcore has no other hold on it before there is an
answer.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any

# More than this is sent as it is: to join it would copy it.
_JOINED_BYTES = 1 << 16
# How much is written before the deadline is looked at again.
_WRITTEN_BYTES = 1 << 18

Shortened = Callable[[float | None], float | None]
"""A time to wait, in seconds, as an attempt's deadline allows it."""


def opened_stream(event: str, info: dict[str, Any]) -> Any:
    """The stream that a step of a request's trace has opened, or None.

    Args:
        event: `connection.connect_tcp.complete`; `proxy.start_tls.complete` in tunnels.
        info: What httpcore tells of the step.
    """
    _, _, step = event.partition(".")
    if step in ("connect_tcp.complete", "start_tls.complete"):
        return info["return_value"]
    return None


class Outbox:
    """What of a request is not sent yet.

    httpcore writes the head of a request, its body, and an end that is empty. Sent in
    one, they save a turn of the event loop, 6 % of a small call's CPU, or a system call
    after which 50 threads fight for the interpreter: 5 to 9 % more calls a second.
    """

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def put(self, data: bytes) -> list[bytes]:
        """Take a piece; what is to be sent now."""
        if len(data) > _JOINED_BYTES:
            return [*self.taken(), data]
        if not data:
            return self.taken()
        self._held.append(data)
        return []

    def taken(self) -> list[bytes]:
        """What was held, in one, no longer held; nothing if there was nothing."""
        joined = b"".join(self._held)
        self._held.clear()
        return [joined] if joined else []


def lay_around(stream: Any, shortened: Shortened) -> None:
    """Join a stream's writes, and let its reads and writes end in time.

    httpcore grants the whole timeout to each call of the system, so a server that drips
    its headers, or reads a long request in sips, could hold a thread for ever.
    """
    outbox, read, write = Outbox(), stream.read, stream.write

    def send(pieces: list[bytes], timeout: float | None) -> None:
        for piece in pieces:
            view = memoryview(piece)
            for start in range(0, len(view), _WRITTEN_BYTES):
                write(view[start : start + _WRITTEN_BYTES], shortened(timeout))

    def read_in_time(max_bytes: int, timeout: float | None = None) -> Any:
        send(outbox.taken(), timeout)
        return read(max_bytes, shortened(timeout))

    def write_in_time(data: bytes, timeout: float | None = None) -> None:
        send(outbox.put(data), timeout)

    stream.read, stream.write = read_in_time, write_in_time


def lay_around_async(stream: Any) -> None:
    """Join a stream's writes, and ask its socket alone whether it is still open.

    anyio collects every attribute of a stream to find its socket, and httpcore and our
    pool have it do so for each request; asking once saves 4 % of a small call's CPU.
    """
    outbox, read, write = Outbox(), stream.read, stream.write
    extra_info, sock = stream.get_extra_info, stream.get_extra_info("socket")

    async def read_after_writes(max_bytes: int, timeout: float | None = None) -> Any:
        for piece in outbox.taken():
            await write(piece, timeout)
        return await read(max_bytes, timeout)

    async def write_joined(data: bytes, timeout: float | None = None) -> None:
        for piece in outbox.put(data):
            await write(piece, timeout)

    def extra_info_of_socket(name: str) -> Any:
        return is_readable(sock) if name == "is_readable" else extra_info(name)

    stream.read, stream.write = read_after_writes, write_joined
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
