"""What is laid around the network streams: what is written when, and for how long."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from langchain_cf_gemini._http.network import (
    lay_around,
    lay_around_async,
    opened_stream,
)

LONG = b"x" * (1 << 16) + b"y"


class Stream:
    """Writes down what it is asked for."""

    def __init__(self) -> None:
        self.did: list[tuple[Any, float | None]] = []

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.did.append((max_bytes, timeout))
        return b"answer"

    def write(self, data: bytes, timeout: float | None = None) -> None:
        self.did.append((bytes(data), timeout))


class AsyncStream:
    """The same for asyncio; it has a socket that says nothing."""

    def __init__(self, sock: Any) -> None:
        self.did: list[tuple[Any, float | None]] = []
        self._sock = sock

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.did.append((max_bytes, timeout))
        return b"answer"

    async def write(self, data: bytes, timeout: float | None = None) -> None:
        self.did.append((data, timeout))

    def get_extra_info(self, info: str) -> Any:
        return {"socket": self._sock, "is_readable": "asked", "server_addr": "there"}[
            info
        ]


STEPS: list[tuple[list[bytes | int], list[bytes | int]]] = [
    ([b"head", b"body", b"", 9], [b"headbody", 9]),
    ([b"head", b"", 9], [b"head", 9]),
    ([b"head", LONG, b"tail", b"", 9], [b"head", LONG, b"tail", 9]),
    ([LONG[1:], b"tail", b""], [LONG[1:] + b"tail"]),
    # A greeting that waits for an answer, as that of a SOCKS proxy.
    ([b"hello", 2, b"head", b""], [b"hello", 2, b"head"]),
    ([9, b"", 8], [9, 8]),
]


@pytest.mark.parametrize(("steps", "did"), STEPS)
def test_writes_are_joined_until_their_end(
    steps: list[bytes | int], did: list[bytes | int]
) -> None:
    stream = Stream()
    lay_around(stream, lambda timeout: timeout and timeout / 2)
    for step in steps:
        if isinstance(step, int):
            assert stream.read(step, 6.0) == b"answer"
        else:
            stream.write(step, 6.0)
    assert stream.did == [(each, 3.0) for each in did]


@pytest.mark.parametrize(("steps", "did"), STEPS)
def test_writes_are_joined_for_asyncio_too(
    steps: list[bytes | int], did: list[bytes | int]
) -> None:
    stream = AsyncStream(None)
    lay_around_async(stream)

    async def run() -> None:
        for step in steps:
            if isinstance(step, int):
                assert await stream.read(step, 6.0) == b"answer"
            else:
                await stream.write(step, 6.0)

    asyncio.run(run())
    assert stream.did == [(each, 6.0) for each in did]


def test_the_deadline_is_looked_at_again_while_a_long_body_is_written() -> None:
    stream = Stream()
    left = iter([3.0, 2.0, 1.0])
    lay_around(stream, lambda _: next(left))
    stream.write(b"x" * (1 << 19) + b"y", 6.0)
    assert [(len(data), timeout) for data, timeout in stream.did] == [
        (1 << 18, 3.0),
        (1 << 18, 2.0),
        (1, 1.0),
    ]


class Closed:
    def fileno(self) -> int:
        return -1


def test_only_whether_it_is_readable_is_asked_of_the_socket() -> None:
    stream = AsyncStream(Closed())
    lay_around_async(stream)
    assert stream.get_extra_info("is_readable") is True
    assert stream.get_extra_info("server_addr") == "there"


@pytest.mark.parametrize(
    ("event", "is_told"),
    [
        ("connection.connect_tcp.complete", True),
        ("connection.start_tls.complete", True),
        ("proxy.start_tls.complete", True),
        ("socks.connect_tcp.complete", True),
        ("connection.connect_tcp.started", False),
        ("http11.send_request_headers.complete", False),
    ],
)
def test_streams_are_told_of_when_they_are_opened(event: str, is_told: bool) -> None:
    opened = opened_stream(event, {"return_value": "a stream"})
    assert opened == ("a stream" if is_told else None)
