"""uvicorn's HTTP on an event loop of its own thread, started and stopped in a moment.

uvicorn.Server would look every 100 ms whether it is to stop, and wait as long again for
its connections.
"""

import asyncio
import socket
import threading
from email.utils import formatdate
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from langchain_cf_gemini.emulator._cloudflare.service import Service
from langchain_cf_gemini.emulator._server.sending import application

_STOP_SECONDS = 10.0
_STOP_TURNS, _ACCEPTING = 100, 4


class ServerThread:
    """A server on a port of its own."""

    def __init__(
        self, service: Service, host: str, port: int, certificate: str | None
    ) -> None:
        """Take the port; port 0 takes a free one."""
        self._socket = _listening(host, port)
        self.host, self.port = self._socket.getsockname()[:2]
        self._transports: dict[tuple[str, int], asyncio.Transport] = {}
        self._config = uvicorn.Config(
            application(service, self._transports),
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,  # whoever asks says nothing of where it asks from
            ssl_certfile=certificate,
        )
        try:
            self._config.load()  # here, so that a wrong certificate fails here
        except OSError:
            self._socket.close()
            raise
        self._state = ServerState()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(
            target=self._serve, name=f"gemini-emulator-{self.port}", daemon=True
        )

    def start(self) -> None:
        """Serve; returns when requests are answered."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Close every connection and the port, and end the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_STOP_SECONDS)
        self._socket.close()

    def _serve(self) -> None:
        protocol = _protocol(self._transports)
        serving = self._loop.create_server(
            lambda: protocol(self._config, self._state, {}, self._loop),
            sock=self._socket,
            ssl=self._config.ssl,
        )
        server = self._loop.run_until_complete(serving)
        self._tick()
        self._loop.call_soon(self._ready.set)
        self._loop.run_forever()
        # A connection that was just accepted is the server's some turns later; closed
        # before, it would leave it open.
        self._loop.remove_reader(self._socket)
        self._loop.run_until_complete(self._ended())
        server.close()
        self._loop.close()

    def _tick(self) -> None:
        """Once a second, the time for the header Date."""
        date = formatdate(usegmt=True).encode()
        self._state.default_headers = [(b"date", date)]
        self._loop.call_later(1.0, self._tick)

    async def _ended(self) -> None:
        for turn in range(_STOP_TURNS):
            for task in list(self._state.tasks):
                task.cancel()
            for transport in list(self._transports.values()):
                # What nobody reads is never written to its end, and TLS takes leave.
                waits = transport.get_write_buffer_size() or self._config.is_ssl
                transport.abort() if waits else transport.close()
            await asyncio.sleep(0)
            if turn > _ACCEPTING and not (self._transports or self._state.tasks):
                return


def _protocol(
    transports: dict[tuple[str, int], asyncio.Transport],
) -> type[H11Protocol]:
    """Uvicorn's HTTP protocol, which lets faults get at the connection."""

    class TrackedProtocol(H11Protocol):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            transports[transport.get_extra_info("peername")[:2]] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            transports.pop(self.transport.get_extra_info("peername")[:2], None)
            super().connection_lost(exc)

    return TrackedProtocol


def _listening(host: str, port: int) -> socket.socket:
    # asyncio switches Nagle's algorithm off only where the protocol is named; with it,
    # every answer would wait 40 ms for the client's delayed acknowledgement.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(512)
    except OSError:
        listening.close()
        raise
    return listening
