"""Sending an answer, and spoiling it on the wire if a fault says so."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from langchain_cf_gemini.emulator._messages import Outgoing

# Transports of open connections by the client's address, see `_server`.
Transports = Mapping[tuple[str, int], asyncio.Transport]
_LOOK = 0.02  # seconds between looks at whether a client is still there


class EmulatedResponse(Response):
    """Sends an answer, and spoils it on the wire if a fault says so."""

    def __init__(self, outgoing: Outgoing, transports: Transports) -> None:
        super().__init__(status_code=outgoing.status)
        self._outgoing = outgoing
        self._transports = transports
        self._faults: Mapping[str, Callable[..., Awaitable[None]]] = {
            "stall": self._stall,
            "slow": self._slow,
            "cut": self._cut,
            "hang_up": self._hang_up,
            "reset": self._reset,
            "close_after": self._close_after,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._outgoing.delay:
            await asyncio.sleep(self._outgoing.delay)
        fault = self._outgoing.fault
        spoil = self._faults.get(fault.kind) if fault else None
        if fault is None or spoil is None:
            await self._send(send, self._outgoing.frames)
            return
        transport = self._transports[scope["client"]]
        await spoil(transport, send, **fault.options)

    async def _start(self, send: Send) -> None:
        headers = dict(self._outgoing.headers)
        if "text/event-stream" not in headers.get("content-type", ""):
            length = sum(len(frame) for frame in self._outgoing.frames)
            headers["content-length"] = str(length)
        raw = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()]
        status = self._outgoing.status
        await send({"type": "http.response.start", "status": status, "headers": raw})

    async def _send(self, send: Send, frames: Sequence[bytes]) -> None:
        await self._start(send)
        await self._send_frames(send, frames)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_frames(self, send: Send, frames: Sequence[bytes]) -> None:
        for frame in frames:
            message = {"type": "http.response.body", "body": frame, "more_body": True}
            await send(message)
            # Lets the event loop write: otherwise the chunks of a stream would leave
            # as one piece.
            await asyncio.sleep(0)

    def _apart(self) -> list[bytes]:
        """Frames of a stream, or the halves of a plain body."""
        frames = list(self._outgoing.frames)
        if len(frames) != 1:
            return frames
        middle = len(frames[0]) // 2
        return [frames[0][:middle], frames[0][middle:]]

    async def _stall(
        self,
        transport: asyncio.Transport,
        send: Send,
        *,
        after_frames: int,
        seconds: float | None = None,
    ) -> None:
        frames = self._apart()
        if after_frames:
            await self._start(send)
            await self._send_frames(send, frames[:after_frames])
        if seconds is None:
            await _client_left(transport)
            return
        await asyncio.sleep(seconds)
        if not after_frames:
            await self._start(send)
        await self._send_frames(send, frames[after_frames:])
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _slow(
        self,
        transport: asyncio.Transport,
        send: Send,
        *,
        seconds: float,
        piece: int,
    ) -> None:
        await self._start(send)
        for frame in _pieces(self._outgoing.body, piece):
            if transport.is_closing():
                return
            await self._send_frames(send, [frame])
            await asyncio.sleep(seconds)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _cut(
        self,
        transport: asyncio.Transport,
        send: Send,
        *,
        after_frames: int,
    ) -> None:
        await self._start(send)
        await self._send_frames(send, self._apart()[:after_frames])
        transport.close()

    async def _hang_up(self, transport: asyncio.Transport, send: Send) -> None:
        transport.close()

    async def _reset(
        self,
        transport: asyncio.Transport,
        send: Send,
        *,
        after_frames: int | None = None,
    ) -> None:
        if after_frames is not None:
            await self._start(send)
            await self._send_frames(send, self._apart()[:after_frames])
            await asyncio.sleep(0.05)  # what was sent arrives before the reset
        # A linger time of 0 makes the kernel send RST instead of FIN.
        connection = transport.get_extra_info("socket")
        linger = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()

    async def _close_after(self, transport: asyncio.Transport, send: Send) -> None:
        await self._send(send, self._outgoing.frames)
        transport.close()


def _pieces(body: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def _client_left(transport: asyncio.Transport) -> None:
    while not transport.is_closing():
        await asyncio.sleep(_LOOK)
