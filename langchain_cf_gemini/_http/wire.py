"""A request in httpx2's words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import lru_cache
from typing import Any

import httpx2

from langchain_cf_gemini._http.request import Request, Waits


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
    own = {"host": url.netloc.decode("ascii")}
    if size or request.method != "GET":
        own["content-length"] = str(size)
    # With a stream httpx2 takes the headers as they are, and does not build them twice.
    return httpx2.Request(
        request.method,
        url,
        headers=own | request.headers,
        stream=Pieces(request.pieces),
        extensions=extensions,
    )


class Pieces(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body in pieces, for both colours; httpx2's own is for one of them."""

    def __init__(self, pieces: tuple[bytes, ...]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
