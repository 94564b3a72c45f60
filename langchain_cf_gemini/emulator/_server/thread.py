"""uvicorn in a thread of its own, started fast and stopped clean."""

import asyncio
import socket
import threading
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from langchain_cf_gemini.emulator._cloudflare.service import Service
from langchain_cf_gemini.emulator._server.routes import application

_STOP_SECONDS = 10.0


class ServerThread:
    """A server on a port of its own."""

    def __init__(
        self, service: Service, host: str, port: int, certificate: str | None
    ) -> None:
        """Take the port; port 0 takes a free one."""
        self._socket = _listening(host, port)
        self.host, self.port = self._socket.getsockname()[:2]
        transports: dict[tuple[str, int], asyncio.Transport] = {}
        config = uvicorn.Config(
            application(service, transports),
            http=_protocol(transports),
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,
            ssl_certfile=certificate,
        )
        try:
            config.load()  # here, so that a wrong certificate fails here
        except OSError:
            self._socket.close()
            raise
        self._server = _Server(config)
        self._thread = threading.Thread(
            target=self._server.run,
            args=([self._socket],),
            name=f"gemini-emulator-{self.port}",
            daemon=True,
        )

    def start(self) -> None:
        """Serve; returns when requests are answered."""
        self._thread.start()
        self._server.ready.wait()

    def stop(self) -> None:
        """Close every connection and the port, and end the thread."""
        self._server.should_exit = True
        # Stalled answers would keep a patient server waiting.
        self._server.force_exit = True
        self._thread.join(_STOP_SECONDS)
        self._socket.close()


class _Server(uvicorn.Server):
    """uvicorn's server, which tells when it is ready."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


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
