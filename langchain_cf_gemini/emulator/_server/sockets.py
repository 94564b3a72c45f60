"""HTTP on a port of its own: a thread that accepts, and one for each connection.

h11 reads and writes the bytes. Faults get at the sockets themselves, and a test's own
function may take its time.
"""

import contextlib
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Mapping
from email.utils import formatdate
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any
from urllib.parse import parse_qsl, unquote

import h11

from langchain_cf_gemini.emulator._cloudflare.service import Service
from langchain_cf_gemini.emulator._journal import note_end
from langchain_cf_gemini.emulator._messages import Break, Incoming, Outgoing
from langchain_cf_gemini.emulator._refusals import reason_phrase
from langchain_cf_gemini.emulator._server.routes import answered

_REACHED = {"0.0.0.0": "127.0.0.1", "::": "::1"}
_STOP_SECONDS = 10.0
_LONGEST = 1e6  # seconds; sockets take no timeout of a month
_MAX_HEAD, _READ = 1 << 16, 1 << 18  # bytes
_BODILESS = (204, 304)
# A linger time of 0 makes the kernel send RST instead of FIN.
_NO_LINGER = struct.pack("ii", 1, 0)


class Server(ThreadingTCPServer):
    """A server on a port of its own."""

    allow_reuse_address = daemon_threads = True
    request_queue_size = 512

    def __init__(
        self, service: Service, host: str, port: int, certificate: str | Path | None
    ) -> None:
        """Take the port and serve; port 0 takes a free one."""
        self.service = service
        self.connections: dict[socket.socket, threading.Thread] = {}
        self.is_stopping = False
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
        if tls and certificate:
            tls.load_cert_chain(certificate)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Connection)
        if tls:  # the handshake is for a connection's own thread
            self.socket = tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )
        address, self.port = self.socket.getsockname()[:2]
        # Where everything listens, nobody can be asked.
        self._reached = _REACHED.get(address, address)
        named = f"[{self._reached}]" if ":" in address else self._reached
        self.url = f"{'https' if certificate else 'http'}://{named}:{self.port}"
        self._thread = threading.Thread(
            target=self._serve, name=f"gemini-emulator-{self.port}", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Close every connection and the port, and end the threads."""
        self.is_stopping = True
        socket.create_connection((self._reached, self.port)).close()  # wakes it
        self._thread.join()
        open_ones = list(self.connections.items())
        for connection, _ in open_ones:
            # Of TLS, too, the socket alone: its thread may be reading.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for _, thread in open_ones:
            thread.join(_STOP_SECONDS)
        self.server_close()

    def _serve(self) -> None:
        while not self.is_stopping:
            self.handle_request()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Take no connection any more, once it stops."""
        return not self.is_stopping

    def close_request(self, request: Any) -> None:
        """Close a connection, and forget it."""
        super().close_request(request)
        self.connections.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what went wrong, unless it was the connection that ended."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Connection(BaseRequestHandler):
    """Requests on one connection; whatever ends it is an OSError."""

    server: Server
    request: socket.socket

    def handle(self) -> None:
        self.server.connections[self.request] = threading.current_thread()
        # A small answer must not wait for the client's acknowledgement of another.
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD)
        try:
            while not self.server.is_stopping and (incoming := self._incoming()):
                self._exchange, outgoing = answered(self.server.service, incoming)
                try:
                    self._answer(outgoing, is_head=incoming.method == "HEAD")
                finally:
                    note_end(self._exchange, "client left")
                if self._http.our_state is not h11.DONE:
                    break
                self._http.start_next_cycle()
        except h11.RemoteProtocolError as wrong:
            if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                self._start(wrong.error_status_hint, {"content-length": "0"})

    def _incoming(self) -> Incoming | None:
        request = self._event()
        if not isinstance(request, h11.Request):
            return None
        body = bytearray()
        while isinstance(event := self._event(), h11.Data):
            body += event.data
        path, _, query = request.target.decode("latin-1").partition("?")
        sent = ((k.decode("latin-1"), v.decode("latin-1")) for k, v in request.headers)
        return Incoming(
            method=request.method.decode("latin-1"),
            path=unquote(path),
            query=dict(parse_qsl(query)),
            headers=dict(sent),
            body=bytes(body),
            peer=self.client_address[0],
        )

    def _event(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                self._send(h11.InformationalResponse(status_code=100, headers=[]))
            self._http.receive_data(self.request.recv(_READ))
        return event

    def _send(self, event: Any) -> None:
        self.request.sendall(self._http.send(event) or b"")

    def _start(self, status: int, headers: Mapping[str, str]) -> None:
        named = [*headers.items(), ("date", formatdate(usegmt=True))]
        reason = reason_phrase(status).encode()
        self._send(h11.Response(status_code=status, headers=named, reason=reason))

    def _answer(self, outgoing: Outgoing, *, is_head: bool) -> None:
        """Send each frame apart, one behind.

        When a client has the last byte, the log says so already.
        """
        self._pause(outgoing.before)
        length = {} if outgoing.is_stream else {"content-length": str(outgoing.length)}
        self._start(outgoing.status, {**outgoing.headers, **length})
        unsent = b""
        for frame in () if is_head or outgoing.status in _BODILESS else outgoing.frames:
            self._send(h11.Data(data=unsent))
            unsent = b"" if isinstance(frame, Break) else frame
            if isinstance(frame, Break):
                self._pause(frame)
        note_end(self._exchange, "complete")
        self._send(h11.Data(data=unsent))
        self._send(h11.EndOfMessage())
        self._pause(outgoing.after)

    def _pause(self, pause: Break) -> None:
        """Be silent, then end the connection if that is asked."""
        if pause.seconds and self._leaves(min(pause.seconds, _LONGEST)):
            raise ConnectionAbortedError("the client left")
        if pause.end:
            note_end(self._exchange, "closed" if pause.end == "close" else pause.end)
            if pause.end == "reset":
                self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            self.request.close()
            raise ConnectionAbortedError("a fault ended the connection")

    def _leaves(self, seconds: float) -> bool:
        """Whether the client leaves within these seconds, which it has to wait."""
        self.request.settimeout(seconds)
        try:
            # Nobody sends before it is answered. Of TLS, the socket beneath is looked
            # at; looking takes nothing from it.
            socket.socket.recv(self.request, 1, socket.MSG_PEEK)
        except TimeoutError:
            self.request.settimeout(None)
            return False
        return True
