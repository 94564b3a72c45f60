"""The ASGI application: reads a request, sends the answer as it is to be sent."""

import asyncio
import math
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from langchain_cf_gemini.emulator._cloudflare.service import Service
from langchain_cf_gemini.emulator._exchange import Exchange
from langchain_cf_gemini.emulator._journal import note_end
from langchain_cf_gemini.emulator._messages import Break, Incoming, Outgoing
from langchain_cf_gemini.emulator._server.routes import answered

# Transports of open connections by the client's address, see `thread`.
Transports = Mapping[tuple[str, int], asyncio.Transport]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]

_LOOK = 0.02  # seconds between looks at whether a client is still there


def application(service: Service, transports: Transports) -> Application:
    """The emulator for one port."""

    async def serve(scope: Any, receive: Receive, send: Send) -> None:
        incoming = await _incoming(scope, receive)
        transport = transports.get(scope["client"])
        if incoming is None or transport is None:
            return  # the client left
        if service.is_slow:
            # A test's own function must not keep others from their answers.
            exchange, outgoing = await asyncio.to_thread(answered, service, incoming)
        else:
            exchange, outgoing = answered(service, incoming)
        try:
            await _Sending(exchange, outgoing, transport, send).run()
        finally:
            # Cancelled when the emulator stops, or when nobody reads any more.
            note_end(exchange, "client left")

    return serve


async def _incoming(scope: Any, receive: Receive) -> Incoming | None:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        more = message.get("more_body", False)
    sent = ((k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"])
    return Incoming(
        method=scope["method"],
        path=scope["path"],
        query=dict(parse_qsl(scope["query_string"].decode("latin-1"))),
        headers={name.lower(): value for name, value in sent},
        body=bytes(body),
        peer=scope["client"][0],
    )


@dataclass(frozen=True, slots=True)
class _Sending:
    exchange: Exchange | None
    outgoing: Outgoing
    transport: asyncio.Transport
    send: Send

    async def run(self) -> None:
        outgoing = self.outgoing
        if await self._ends(outgoing.before):
            return
        await self._start()
        for frame in outgoing.frames:
            if isinstance(frame, Break):
                if await self._ends(frame):
                    return
                continue
            await self._body(frame, more=True)
            # Lets the event loop write: otherwise the chunks of a stream would leave
            # as one piece.
            await asyncio.sleep(0)
        # Noted first: a client that has the last byte may look at once.
        if not self.transport.is_closing():
            note_end(self.exchange, "complete")
        await self._body(b"", more=False)
        await self._ends(outgoing.after)

    async def _body(self, body: bytes, *, more: bool) -> None:
        await self.send({"type": "http.response.body", "body": body, "more_body": more})

    async def _start(self) -> None:
        headers = dict(self.outgoing.headers)
        if not self.outgoing.is_stream:
            headers["content-length"] = str(self.outgoing.length)
        raw = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()]
        status = self.outgoing.status
        await self.send(
            {"type": "http.response.start", "status": status, "headers": raw}
        )

    async def _ends(self, pause: Break) -> bool:
        """Be silent, then end the connection if that is asked; whether it has ended."""
        transport = self.transport
        if pause.seconds == math.inf:
            while not transport.is_closing():
                await asyncio.sleep(_LOOK)
        elif pause.seconds:
            await asyncio.sleep(pause.seconds)
        if transport.is_closing():
            return True
        if pause.end == "close":
            note_end(self.exchange, "closed")
            transport.close()
        elif pause.end == "reset":
            note_end(self.exchange, "reset")
            # A linger time of 0 makes the kernel send RST instead of FIN.
            connection = transport.get_extra_info("socket")
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()
        return bool(pause.end)
