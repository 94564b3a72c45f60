"""One HTTP request as a value, and the same in httpx2's words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import httpx2

Waits = dict[str, float | None]
"""httpx2's waiting times in seconds: connect, read, write and pool."""

_SECRET_HEADERS = ("authorization", "cf-aig-authorization", "x-goog-api-key")
# Longer bodies are not joined, which would copy them.
_JOINED_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request, ready to be sent; its repr hides credentials and body.

    Attributes:
        method: HTTP method.
        url: Absolute URL.
        headers: Every header but Host, Content-Length and the connection's own.
        pieces: The bytes to send, of which long ones are not copied.
        stream: Whether a stream of payloads is asked for.
        server_name: Whose certificate the server must have, if its host is an address.
        service: What is asked, in a word, for errors.
        hidden: Further values of headers that no message may repeat.
        is_trusted: Whether the same credentials were let in a moment ago.
        rate_key: What shares a rate limit with this; the host if there is none.
        credentials_key: What is refused together with this, as a digest; nothing, if
            there is none.
    """

    method: str = "POST"
    url: str
    headers: dict[str, str] = field(repr=False)
    pieces: tuple[bytes, ...] = field(default=(), repr=False)
    stream: bool = False
    server_name: str | None = None
    service: str = ""
    hidden: tuple[str, ...] = field(default=(), repr=False)
    is_trusted: bool = False
    rate_key: str = ""
    credentials_key: str = ""

    @property
    def body(self) -> bytes:
        """The bytes to send, in one."""
        return b"".join(self.pieces)

    @property
    def secrets(self) -> list[str]:
        """The credentials in the headers, to be kept out of messages."""
        found = (self.headers.get(name, "") for name in _SECRET_HEADERS)
        shown = (value.removeprefix("Bearer ") for value in (*found, *self.hidden))
        return sorted({value for value in shown if value}, key=len, reverse=True)


@lru_cache(maxsize=1024)
def _url(url: str) -> httpx2.URL:
    """The URL parsed; once for each, since parsing costs more than the request."""
    return httpx2.URL(url)


def wire_request(request: Request, waits: Waits) -> httpx2.Request:
    """The request in httpx2's words; a long body is not copied into one."""
    url = _url(request.url)
    extensions: dict[str, Any] = {"timeout": waits}
    if request.server_name is not None:
        extensions["sni_hostname"] = request.server_name
    size = sum(map(len, request.pieces))
    if size <= _JOINED_BYTES:
        return httpx2.Request(
            request.method,
            url,
            headers=request.headers,
            content=request.body,
            extensions=extensions,
        )
    own = {"host": url.netloc.decode("ascii"), "content-length": str(size)}
    return httpx2.Request(
        request.method,
        url,
        headers=own | request.headers,
        stream=_Pieces(request.pieces),
        extensions=extensions,
    )


class _Pieces(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body in pieces, for both colours; httpx2's own is for one of them."""

    def __init__(self, pieces: tuple[bytes, ...]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def request_from_client(client: Any, request: Request, waits: Waits) -> Any:
    """The request as a caller's client builds it, with its own headers below ours."""
    return client.build_request(
        request.method,
        request.url,
        headers=request.headers,
        content=request.body,
        extensions={"timeout": waits},
    )
