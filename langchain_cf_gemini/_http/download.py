"""Media by URL: downloads that cannot be led into the caller's own network.

Every address that a name stands for must be public, connections go to exactly the
addresses that were checked (so a name cannot change its mind), each redirect is checked
again, and no credentials are ever sent. Proxies are not used: they would resolve names
themselves.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import httpx2

from langchain_cf_gemini._http.addresses import is_public
from langchain_cf_gemini._http.attempt import (
    CONNECT_SECONDS,
    Attempt,
    times_from_timeout,
)
from langchain_cf_gemini._http.backends import Asyncio, Blocking
from langchain_cf_gemini._http.faults import is_fault
from langchain_cf_gemini._http.request import Request
from langchain_cf_gemini._http.seam import ConnectedBackend, Exchange, run
from langchain_cf_gemini._http.sockets import addresses_from_host, in_a_thread
from langchain_cf_gemini._http.urls import is_loopback
from langchain_cf_gemini.exceptions import UnsupportedContentError

if TYPE_CHECKING:
    from langchain_cf_gemini._http.files import File

_AT_ONCE = 4

_HOST = re.compile(r"[A-Za-z0-9._:-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSettings:
    """The limits of a download.

    Attributes:
        max_bytes: Most bytes of one file; Google takes 20 MB inline.
        max_sum: Most bytes of all files of one request.
        timeout: Seconds for the download as a whole, redirects included.
        max_redirects: Most redirects that are followed.
        allow_loopback: Let URLs name this machine, for tests.
        resolve: The addresses of a host and port.
        clock: Seconds that only go forward.
    """

    max_bytes: int = 20 * 2**20
    max_sum: int = 100 * 2**20
    timeout: float = 30.0
    max_redirects: int = 5
    allow_loopback: bool = False
    resolve: Callable[[str, int], list[str]] = addresses_from_host
    clock: Callable[[], float] = time.monotonic


DEFAULT_SETTINGS = FetchSettings()


def fetch(
    urls: Sequence[str], *, settings: FetchSettings = DEFAULT_SETTINGS
) -> list[File]:
    """The files behind URLs, one after the other.

    Raises:
        UnsupportedContentError: A URL may not be fetched, or did not give a file.
    """
    backend = Blocking(proxied=False)
    room = _Room(settings.max_sum)
    try:
        return [run(_Download(backend, url, settings, room).file()) for url in urls]
    finally:
        backend.connections.close()


async def afetch(
    urls: Sequence[str], *, settings: FetchSettings = DEFAULT_SETTINGS
) -> list[File]:
    """The files behind URLs, a few at once; the first that fails ends the others.

    Raises:
        UnsupportedContentError: A URL may not be fetched, or did not give a file.
    """
    backend = Asyncio(proxied=False)
    room, gate = _Room(settings.max_sum), asyncio.Semaphore(_AT_ONCE)

    async def one(url: str) -> File:
        async with gate:
            return await _Download(backend, url, settings, room).file()

    tasks = [asyncio.ensure_future(one(url)) for url in urls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await backend.aclose()


class _Room:
    """How many bytes the files of one request may still have."""

    def __init__(self, left: int) -> None:
        self.left = left


class _Download:
    """One file, over as many redirects and addresses as it takes."""

    def __init__(
        self,
        backend: ConnectedBackend,
        url: str,
        settings: FetchSettings,
        room: _Room,
    ) -> None:
        self._backend = backend
        self._settings = settings
        self._room = room
        self._go_to(httpx2.URL(""), url)
        waits = times_from_timeout(settings.timeout).waits
        asked = Request(method="GET", url=str(self._url), headers={})
        self._attempt = Attempt(asked, waits, settings.timeout, settings.clock)

    async def file(self) -> File:
        """The file and its mime type."""
        try:
            return await self._backend.within(self._attempt, self._followed())
        except Exception as fault:
            if not is_fault(fault):
                raise
            error = self._error_from(fault)
        # Outside of the handler: what was asked for may hold a signature.
        raise error

    async def _followed(self) -> File:
        for _ in range(self._settings.max_redirects + 1):
            exchange = await self._opened(await self._addresses())
            try:
                if self._is_file(exchange.response):
                    return await self._read(exchange)
            finally:
                await exchange.aclose(ended=False)
        raise self._refused("it redirects too many times")

    # ------------------------------------------------------------ where to
    def _go_to(self, base: httpx2.URL, url: str) -> None:
        self._shown = shown_url(url)
        try:
            joined = urljoin(str(base), url)
            self._shown = shown_url(joined)
            self._url = httpx2.URL(joined)
        except (httpx2.InvalidURL, ValueError):
            self._url = httpx2.URL("")
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise self._refused("it isn't an http or https URL with a host")
        if self._url.userinfo:
            raise self._refused("URLs with a user name aren't downloaded")
        self._host = self._url.raw_host.decode("ascii")
        self._port = self._url.port or (443 if self._url.scheme == "https" else 80)
        if not _HOST.fullmatch(self._host) or self._port > 65535:
            raise self._refused("its host or port isn't valid")

    async def _addresses(self) -> list[str]:
        """The host's addresses, all of them public."""
        resolving = partial(self._settings.resolve, self._host, self._port)
        found = in_a_thread(resolving)
        addresses = await self._backend.result(self._attempt, found)
        allowed = is_loopback if self._settings.allow_loopback else is_public
        if not addresses or not all(is_public(a) or allowed(a) for a in addresses):
            raise self._refused(
                "its host isn't public, and media on private networks must be "
                "passed as bytes"
            )
        return addresses

    async def _opened(self, addresses: list[str]) -> Exchange:
        """Ask the first of the addresses that can be reached."""
        while True:
            request = self._request(addresses.pop(0))
            # What one address may take, so that there is time for the others.
            left = (self._attempt.left() or 0.0) / (len(addresses) + 1)
            self._attempt.waits["connect"] = max(min(left, CONNECT_SECONDS), 0.001)
            try:
                return await self._backend.open(request, self._attempt)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                if not addresses:
                    raise

    def _request(self, address: str) -> Request:
        return Request(
            method="GET",
            url=str(self._url.copy_with(host=address)),
            headers={
                "host": self._url.netloc.decode("ascii"),
                "accept": "*/*",
                "accept-encoding": "identity",
                # Many hosts close a kept connection at any time, and say so nowhere.
                "connection": "close",
                "user-agent": "langchain-cf-gemini",
            },
            # The certificate is checked against the name, not the address.
            server_name=self._host,
        )

    # ------------------------------------------------------------ what comes
    def _is_file(self, response: Any) -> bool:
        """Whether the response's body is the file; a redirect is taken instead."""
        if response.status_code in (301, 302, 303, 307, 308):
            self._go_to(self._url, response.headers.get("location", ""))
            return False
        if response.status_code != 200:
            raise self._refused(f"the server returned {response.status_code}")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise self._refused("the server compressed it without being asked")
        length = response.headers.get("content-length", "")
        if length.isdecimal():
            self._check_size(int(length))
        return True

    async def _read(self, exchange: Exchange) -> File:
        chunks: list[bytes] = []
        size = 0
        while (raw := await exchange.read(self._attempt)) is not None:
            size += len(raw)
            self._check_size(size)
            self._room.left -= len(raw)
            if self._room.left < 0:
                raise self._refused(
                    "the media of this request have more than "
                    f"{self._settings.max_sum:,} bytes together"
                )
            self._attempt.check_deadline()
            chunks.append(raw)
        return b"".join(chunks), exchange.response.headers.get("content-type", "")

    def _check_size(self, size: int) -> None:
        if size > self._settings.max_bytes:
            raise self._refused(f"it has more than {self._settings.max_bytes:,} bytes")

    def _error_from(self, fault: Exception) -> UnsupportedContentError:
        if isinstance(fault, (TimeoutError, httpx2.TimeoutException)):
            return self._refused(
                f"it did not come within {self._settings.timeout:g} seconds"
            )
        return self._refused(f"{type(fault).__name__}: {fault}")

    def _refused(self, reason: str) -> UnsupportedContentError:
        return UnsupportedContentError(
            f"Can't download {self._shown}: {reason}. Pass the bytes, or a URL that "
            "Google can fetch with media_urls='pass'."
        )


def shown_url(url: str) -> str:
    """A URL without user name, query and fragment, which may hold signatures."""
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError):
        return repr(url[:40])
    return str(parsed.copy_with(userinfo=b"", query=None, fragment=None))[:200]
