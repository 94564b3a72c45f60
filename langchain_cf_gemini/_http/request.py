"""One HTTP request as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

Waits = dict[str, float | None]
"""httpx2's waiting times in seconds: connect, read, write and pool."""

_SECRET_HEADERS = ("authorization", "cf-aig-authorization", "x-goog-api-key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request, ready to be sent; its repr hides credentials and body.

    Attributes:
        method: HTTP method.
        url: Absolute URL.
        headers: Every header but Host, Content-Length and the connection's own.
        pieces: The bytes to send, of which long ones are not copied.
        server_name: Whose certificate the server must have, if its host is an address.
        service: What is asked, in a word, for errors.
        hidden: Further values of headers that no message may repeat.
        is_trusted: Whether the same credentials were let in a moment ago.
        rate_key: What shares a rate limit with this; the host if there is none.
        credentials_key: What is refused together with this, as a digest; what shares
            the rate limit if there is none.
        headers_again: Headers to add when the answer could not be read and the same is
            asked again.
    """

    method: str = "POST"
    url: str
    headers: dict[str, str] = field(repr=False)
    pieces: tuple[bytes, ...] = field(default=(), repr=False)
    server_name: str | None = None
    service: str = ""
    hidden: tuple[str, ...] = field(default=(), repr=False)
    is_trusted: bool = False
    rate_key: str = ""
    credentials_key: str = ""
    headers_again: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """The bytes to send, in one."""
        return b"".join(self.pieces)

    def again(self) -> Request:
        """The request that follows upon an answer that could not be read."""
        return replace(self, headers={**self.headers, **self.headers_again})

    @property
    def host(self) -> str:
        """The host and port that the URL names."""
        return urlsplit(self.url).netloc

    @property
    def secrets(self) -> list[str]:
        """The credentials in the headers, to be kept out of messages."""
        found = (self.headers.get(name, "") for name in _SECRET_HEADERS)
        shown = (value.removeprefix("Bearer ") for value in (*found, *self.hidden))
        return sorted({value for value in shown if value}, key=len, reverse=True)


def request_from_client(client: Any, request: Request, waits: Waits) -> Any:
    """The request as a caller's client builds it, with its own headers below ours."""
    return client.build_request(
        request.method,
        request.url,
        # Parameters of the client would take the place of the URL's.
        params=parse_qs(urlsplit(request.url).query) or None,
        headers=request.headers,
        content=request.body,
        extensions={"timeout": waits},
    )
