"""The web application: routes to the service, and answers spoiled on the wire."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from langchain_cf_gemini.emulator._cloudflare_api import catalogue, log_entry
from langchain_cf_gemini.emulator._google_api import google_models
from langchain_cf_gemini.emulator._http import Incoming, Outgoing
from langchain_cf_gemini.emulator._page import page
from langchain_cf_gemini.emulator._refusals import gateway_refusal, v4_refusal
from langchain_cf_gemini.emulator._service import Service

# Transports of open connections by the client's address, see `_server`.
Transports = Mapping[tuple[str, int], asyncio.Transport]
_CONTENT_METHODS = ("generateContent", "streamGenerateContent", "countTokens")


def application(service: Service, transports: Transports) -> Starlette:
    """All routes of the emulator."""
    routes = _Routes(service, transports)
    v4 = "/client/v4/accounts/{account}"
    native = "/v1/{account}/{gateway}/google-ai-studio/{version}/models/{call}"
    return Starlette(
        routes=[
            Route(f"{v4}/ai/run", routes.run, methods=["POST"]),
            Route(f"{v4}/ai/catalog/models", routes.catalogue),
            Route(
                f"{v4}/ai-gateway/gateways/{{gateway}}/logs/{{log_id}}",
                routes.log_entry,
                methods=["GET", "PATCH"],
            ),
            Route(native, routes.gateway, methods=["POST"]),
            Route("/v1/{rest:path}", routes.no_provider, methods=["GET", "POST"]),
            Route("/v1beta/models", routes.google_models),
            Route("/v1beta/models/{call}", routes.google, methods=["GET", "POST"]),
            Route("/v1beta1/models/{call}", routes.google, methods=["GET", "POST"]),
            Route("/", routes.page),
            Route("/favicon.ico", routes.no_icon),
            Route("/{rest:path}", routes.no_route, methods=_EVERY_METHOD),
        ]
    )


_EVERY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE"]


class _Routes:
    def __init__(self, service: Service, transports: Transports) -> None:
        self._service = service
        self._transports = transports

    async def run(self, request: Request) -> Response:
        incoming = await _incoming(request)
        return self._sent(self._service.run(incoming, **request.path_params))

    async def gateway(self, request: Request) -> Response:
        incoming = await _incoming(request)
        model, _, method = request.path_params["call"].partition(":")
        if method not in _CONTENT_METHODS:
            return await self.no_provider(request)
        account, gateway = (request.path_params[key] for key in ("account", "gateway"))
        answer = self._service.gateway(incoming, account, gateway, model, method)
        return self._sent(answer)

    async def google(self, request: Request) -> Response:
        incoming = await _incoming(request)
        model, _, method = request.path_params["call"].partition(":")
        if method in _CONTENT_METHODS and request.method == "POST":
            return self._sent(self._service.google(incoming, model, method))
        return self._sent(google_models(self._service, incoming, model))

    async def google_models(self, request: Request) -> Response:
        return self._sent(google_models(self._service, await _incoming(request)))

    async def catalogue(self, request: Request) -> Response:
        incoming = await _incoming(request)
        return self._sent(catalogue(self._service, incoming, **request.path_params))

    async def log_entry(self, request: Request) -> Response:
        incoming = await _incoming(request)
        return self._sent(log_entry(self._service, incoming, **request.path_params))

    async def page(self, request: Request) -> Response:
        return Response(page(self._service.journal), media_type="text/html")

    async def no_icon(self, request: Request) -> Response:
        # Browsers ask on their own; that is no exchange.
        return Response(status_code=204)

    async def no_provider(self, request: Request) -> Response:
        return self._sent(self._refused(await _incoming(request), host="gateway"))

    async def no_route(self, request: Request) -> Response:
        return self._sent(self._refused(await _incoming(request), host="api"))

    def _refused(self, incoming: Incoming, host: str) -> Outgoing:
        def refuse() -> Outgoing:
            if host == "gateway":
                raise gateway_refusal(400, 2008, "Invalid provider")
            raise v4_refusal(400, 7000, "No route for that URI")

        return self._service.other(incoming, "no route", refuse)

    def _sent(self, outgoing: Outgoing) -> "_EmulatedResponse":
        return _EmulatedResponse(outgoing, self._transports)


async def _incoming(request: Request) -> Incoming:
    return Incoming(
        method=request.method,
        path=request.url.path,
        query=dict(request.query_params),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.body(),
    )


class _EmulatedResponse(Response):
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
        await spoil(transport, receive, send, **fault.options)

    async def _start(self, send: Send) -> None:
        headers = dict(self._outgoing.headers)
        if "text/event-stream" not in headers.get("content-type", ""):
            length = sum(len(frame) for frame in self._outgoing.frames)
            headers["content-length"] = str(length)
        raw = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()]
        status = self._outgoing.status
        await send({"type": "http.response.start", "status": status, "headers": raw})

    async def _send(self, send: Send, frames: Any) -> None:
        await self._start(send)
        await self._send_frames(send, frames)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_frames(self, send: Send, frames: Any) -> None:
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
        receive: Receive,
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
            await _client_left(receive)
            return
        await asyncio.sleep(seconds)
        if not after_frames:
            await self._start(send)
        await self._send_frames(send, frames[after_frames:])
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _slow(
        self,
        transport: asyncio.Transport,
        receive: Receive,
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
        receive: Receive,
        send: Send,
        *,
        after_frames: int,
    ) -> None:
        await self._start(send)
        await self._send_frames(send, self._apart()[:after_frames])
        transport.close()

    async def _hang_up(
        self, transport: asyncio.Transport, receive: Receive, send: Send
    ) -> None:
        transport.close()

    async def _reset(
        self,
        transport: asyncio.Transport,
        receive: Receive,
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

    async def _close_after(
        self, transport: asyncio.Transport, receive: Receive, send: Send
    ) -> None:
        await self._send(send, self._outgoing.frames)
        transport.close()


def _pieces(body: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def _client_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
