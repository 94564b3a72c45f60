"""Sending an answer as it is, broken off where it says so."""

import asyncio
import math
import socket
import struct
from collections.abc import Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from langchain_cf_gemini.emulator._messages import Break, Outgoing

# Transports of open connections by the client's address, see `thread`.
Transports = Mapping[tuple[str, int], asyncio.Transport]
_LOOK = 0.02  # seconds between looks at whether a client is still there


class EmulatedResponse(Response):
    """Sends an answer frame by frame, and keeps its breaks."""

    def __init__(self, outgoing: Outgoing, transports: Transports) -> None:
        super().__init__(status_code=outgoing.status)
        self._outgoing = outgoing
        self._transports = transports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        outgoing = self._outgoing
        transport = self._transports.get(scope["client"])
        if transport is None or await _ends(outgoing.before, transport):
            return
        await self._start(send)
        for frame in outgoing.frames:
            if isinstance(frame, Break):
                if await _ends(frame, transport):
                    return
                continue
            message = {"type": "http.response.body", "body": frame, "more_body": True}
            await send(message)
            # Lets the event loop write: otherwise the chunks of a stream would leave
            # as one piece.
            await asyncio.sleep(0)
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        await _ends(outgoing.after, transport)

    async def _start(self, send: Send) -> None:
        headers = dict(self._outgoing.headers)
        if not self._outgoing.is_stream:
            headers["content-length"] = str(self._outgoing.length)
        raw = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()]
        status = self._outgoing.status
        await send({"type": "http.response.start", "status": status, "headers": raw})


async def _ends(pause: Break, transport: asyncio.Transport) -> bool:
    """Be silent, then end the connection if that is asked; whether it has ended."""
    if pause.seconds == math.inf:
        while not transport.is_closing():
            await asyncio.sleep(_LOOK)
    elif pause.seconds:
        await asyncio.sleep(pause.seconds)
    if pause.end == "close":
        transport.close()
    elif pause.end == "reset":
        # A linger time of 0 makes the kernel send RST instead of FIN.
        connection = transport.get_extra_info("socket")
        linger = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()
    return transport.is_closing()
