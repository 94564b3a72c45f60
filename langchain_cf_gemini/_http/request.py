"""Our requests in httpx's words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from typing import Any

import httpx

from langchain_cf_gemini._cloudflare.endpoints import Request

Timeouts = dict[str, float | None]
"""httpx's waiting times in seconds: connect, read, write and pool."""

_IN_ONE_BYTES = 1 << 20
"""aiohttp warns of longer bodies in one."""


@lru_cache(maxsize=1024)
def _url(url: str) -> httpx.URL:
    """The URL parsed; once for each, since parsing costs more than the request."""
    return httpx.URL(url)


def wire_request(request: Request, timeouts: Timeouts) -> httpx.Request:
    """The request in httpx's words; a long body is not copied into one."""
    url, extensions = _url(request.url), {"timeout": timeouts}
    size = sum(map(len, request.pieces))
    if size <= _IN_ONE_BYTES:
        return httpx.Request(
            request.method,
            url,
            headers=request.headers,
            content=request.body,
            extensions=extensions,
        )
    own = {"host": url.netloc.decode("ascii"), "content-length": str(size)}
    return httpx.Request(
        request.method,
        url,
        headers=own | request.headers,
        stream=_Pieces(request.pieces),
        extensions=extensions,
    )


class _Pieces(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in pieces, for threads and for asyncio; httpx's own is for one of them."""

    def __init__(self, pieces: tuple[bytes, ...]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def request_from_client(client: Any, request: Request, timeouts: Timeouts) -> Any:
    """The request as the user's client builds it, with its own headers below ours."""
    return client.build_request(
        request.method,
        request.url,
        headers=request.headers,
        content=request.body,
        extensions={"timeout": timeouts},
    )
