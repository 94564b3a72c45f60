"""A server on a loopback port that does exactly what a script says, byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

PAYLOAD: dict[str, Any] = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "hello"}]},
                    "finishReason": "STOP"}],
    "usageMetadata": {"totalTokenCount": 3},
}  # fmt: skip
FIRST: dict[str, Any] = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "hel"}]}}]
}


def saying(text: str) -> dict[str, Any]:
    """The payload with another text."""
    payload: dict[str, Any] = json.loads(json.dumps(PAYLOAD))
    payload["candidates"][0]["content"]["parts"][0]["text"] = text
    return payload


def text_of(payload: dict[str, Any]) -> str:
    """The text of such a payload."""
    text: str = payload["candidates"][0]["content"]["parts"][0]["text"]
    return text


@dataclass
class Received:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    body: bytes


class Wire:
    """The server's end of one connection."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        received: Received,
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.received = received
        self.is_kept = True

    @property
    def is_stream(self) -> bool:
        """Whether a stream was asked for."""
        return "stream" in self.received.path

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def chunk(self, data: bytes) -> None:
        """One piece of a chunked body."""
        await self.send(one_chunk(data))

    def cut(self) -> None:
        """End the connection after what was sent."""
        self.is_kept = False

    def reset(self) -> None:
        """End the connection with RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        self.is_kept = False


Act = Callable[[Wire], Awaitable[None]]


def one_chunk(data: bytes) -> bytes:
    """One piece of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def head(status: int, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} X", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def answer(
    body: Any = PAYLOAD, status: int = 200, headers: dict[str, str] | None = None
) -> Act:
    """A whole response; what is not bytes becomes JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {
        "content-type": "application/json",
        "content-length": str(len(data)),
        "cf-ray": "ray-1",
        "cf-aig-log-id": "log-1",
        **(headers or {}),
    }

    async def act(wire: Wire) -> None:
        await wire.send(head(status, named) + data)

    return act


def event(payload: Any) -> bytes:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return b"data: " + data + b"\r\n\r\n"


def events(*pieces: bytes, then: Act | None = None, end: bool = True) -> Act:
    """A stream of chunks as given, and perhaps something after them."""

    async def act(wire: Wire) -> None:
        await wire.send(EVENTS_HEAD)
        for piece in pieces:
            await wire.chunk(piece)
            await asyncio.sleep(0)
        if then is not None:
            await then(wire)
        elif end:
            await wire.send(b"0\r\n\r\n")
        else:
            wire.cut()

    return act


def chunked_head(kind: str) -> bytes:
    """The head of an answer in chunks."""
    named = {"content-type": kind, "transfer-encoding": "chunked", "cf-ray": "ray-1"}
    return head(200, named)


EVENTS_HEAD = chunked_head("text/event-stream")


def head_as_asked(wire: Wire) -> bytes:
    """The head of an answer in chunks: a stream's where one was asked for."""
    return EVENTS_HEAD if wire.is_stream else chunked_head("application/json")


def as_asked(payload: Any = PAYLOAD) -> Act:
    """An event of a stream where one was asked for, else the whole response."""

    async def act(wire: Wire) -> None:
        await (events(event(payload)) if wire.is_stream else answer(payload))(wire)

    return act


async def echo(wire: Wire) -> None:
    """Answer with the text that was asked."""
    body = json.loads(wire.received.body)
    await as_asked(saying(body.get("input", body)["contents"]))(wire)


async def stall(wire: Wire) -> None:
    """Say nothing until the client goes."""
    wire.cut()
    with _gone():
        await wire.reader.read()


async def reset(wire: Wire) -> None:
    wire.reset()


async def cut(wire: Wire) -> None:
    wire.cut()


def _gone() -> Any:
    return contextlib.suppress(ConnectionError)


def at_once(data: bytes) -> Act:
    """These bytes, and nothing after them."""

    async def act(wire: Wire) -> None:
        await wire.send(data)

    return act


def drip(before: bytes, piece: bytes = b"1\r\n \r\n", *, every: float = 0.01) -> Act:
    """Some bytes, then a piece at a time for as long as the client listens."""

    async def act(wire: Wire) -> None:
        wire.cut()
        with _gone():
            await wire.send(before)
            while not wire.writer.transport.is_closing():
                await wire.send(piece)
                await asyncio.sleep(every)

    return act


drip_header = drip(b"HTTP/1.1 200 OK\r\nx-slow: ", b"x")


def tunnel(port: int) -> Act:
    """A proxy's answer to CONNECT: bytes go to and fro between client and port."""

    async def act(wire: Wire) -> None:
        wire.cut()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await wire.send(b"HTTP/1.1 200 OK\r\n\r\n")
            await asyncio.gather(_pump(wire.reader, writer), _pump(reader, wire.writer))
        finally:
            writer.close()
            with _gone():
                await asyncio.shield(writer.wait_closed())

    return act


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with _gone():
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


@dataclass
class Loopback:
    """The server; its last act is repeated for all further requests."""

    acts: list[Act] = field(default_factory=lambda: [answer()])
    tls: ssl.SSLContext | None = None
    received: list[Received] = field(default_factory=list)
    opened: int = 0
    open: int = 0

    def __enter__(self) -> Loopback:
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,))
        self._thread.start()
        ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive(), "the server did not end"

    @property
    def root(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def _run(self, ready: threading.Event) -> None:
        asyncio.run(self._serve(ready))

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        server = await asyncio.start_server(
            self._connected, "127.0.0.1", 0, ssl=self.tls, backlog=4096
        )
        self.port: int = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stop.wait()
        server.close()
        for task in self._connections:
            task.cancel()
        # A task that had not begun closes nothing; what nobody reads is never flushed,
        # and a client that only keeps its connection never ends TLS.
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await asyncio.sleep(0)

    def _connected(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self._stop.is_set():
            writer.transport.abort()
            return
        self._writers.add(writer)
        task = asyncio.get_running_loop().create_task(self._talk(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _talk(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.opened += 1
        self.open += 1
        with _gone():
            try:
                while await self._exchange(reader, writer):
                    pass
            except asyncio.IncompleteReadError:
                pass
            finally:
                writer.close()
                with _gone():
                    await asyncio.shield(writer.wait_closed())
                self._writers.discard(writer)
                self.open -= 1

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        method, path, _ = lines[0].split(" ")
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        received = Received(method, path, headers, body)
        act = self.acts[min(len(self.received), len(self.acts) - 1)]
        self.received.append(received)
        wire = Wire(reader, writer, received)
        await act(wire)
        return wire.is_kept
