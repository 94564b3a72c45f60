"""Media by URL: downloads that cannot be led into the caller's own network.

Every address that a name stands for must be public, the connection goes to exactly the
address that was checked (so a name cannot change its mind), each redirect is checked
again, and no credentials are ever sent. Proxies are not used: they would resolve names
themselves.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import httpx2

from langchain_cf_gemini._http.attempt import Attempt, times_from_timeout
from langchain_cf_gemini._http.backends import (
    FAULTS,
    Asyncio,
    Backend,
    Blocking,
    Faults,
    run,
)
from langchain_cf_gemini._http.connections import Connections
from langchain_cf_gemini._http.request import Request
from langchain_cf_gemini._http.urls import is_loopback
from langchain_cf_gemini.exceptions import UnsupportedContentError

_NAT64 = ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48")

# A host name that IDNA cannot encode is a UnicodeError.
_FAULTS: Faults = (*FAULTS, UnicodeError)

_HOST = re.compile(r"[A-Za-z0-9._:-]+")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def addresses_from_host(host: str, port: int) -> list[str]:
    """The addresses of a host, as the system's resolver orders them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSettings:
    """The limits of a download.

    Attributes:
        max_bytes: Most bytes of one file; Google takes 20 MB inline.
        timeout: Seconds for the download as a whole, redirects included.
        max_redirects: Most redirects that are followed.
        allow_loopback: Let URLs name this machine, for tests.
        resolve: The addresses of a host and port.
        clock: Seconds that only go forward.
    """

    max_bytes: int = 20 * 2**20
    timeout: float = 30.0
    max_redirects: int = 5
    allow_loopback: bool = False
    resolve: Callable[[str, int], list[str]] = addresses_from_host
    clock: Callable[[], float] = time.monotonic


DEFAULT_SETTINGS = FetchSettings()


def fetch(url: str, *, settings: FetchSettings = DEFAULT_SETTINGS) -> tuple[bytes, str]:
    """The bytes behind a URL and what the server says they are.

    Raises:
        UnsupportedContentError: The URL may not be fetched, or did not give a file.
    """
    backend = Blocking(Connections(httpx2.HTTPTransport, proxied=False))
    try:
        return run(_fetched(backend, _Download(url, settings)))
    finally:
        run(backend.aclose())


async def afetch(
    url: str, *, settings: FetchSettings = DEFAULT_SETTINGS
) -> tuple[bytes, str]:
    """The bytes behind a URL and what the server says they are.

    Raises:
        UnsupportedContentError: The URL may not be fetched, or did not give a file.
    """
    backend = Asyncio(Connections(httpx2.AsyncHTTPTransport, proxied=False))
    try:
        return await _fetched(backend, _Download(url, settings))
    finally:
        await backend.aclose()


async def _fetched(backend: Backend, download: _Download) -> tuple[bytes, str]:
    error = None
    try:
        async with backend.within(download.attempt):
            while not download.is_done:
                await _step(backend, download)
    except _FAULTS as fault:
        error = download.error_from(fault)
    if error is not None:
        raise error
    return download.result()


async def _step(backend: Backend, download: _Download) -> None:
    """Ask the address that the URL names; it gives the file or another URL."""
    addresses = await _addresses(backend, download)
    exchange = await backend.open(download.request(addresses), download.attempt)
    try:
        if download.begin(exchange.response):
            while (raw := await exchange.read(download.attempt)) is not None:
                download.feed(raw)
    finally:
        await exchange.aclose(ended=False)


async def _addresses(backend: Backend, download: _Download) -> list[str]:
    """Resolve in a thread, because the system's resolver knows no deadline."""
    found: Future[list[str]] = Future()

    def resolve() -> None:
        try:
            found.set_result(download.settings.resolve(download.host, download.port))
        except (OSError, ValueError) as fault:  # the latter if IDNA cannot encode it
            found.set_exception(fault)

    # A daemon, so that a resolver that hangs does not hold the interpreter's end.
    threading.Thread(target=resolve, daemon=True).start()
    if backend.is_blocking:
        return found.result(download.attempt.left())
    return await asyncio.wrap_future(found)


class _Download:
    """One file on its way, over as many redirects as it takes."""

    def __init__(self, url: str, settings: FetchSettings) -> None:
        self.settings = settings
        self.is_done = False
        self._redirects = 0
        self._mime_type = ""
        self._chunks: list[bytes] = []
        self._size = 0
        self._go_to(url)
        waits = times_from_timeout(settings.timeout).waits
        asked = Request(method="GET", url=str(self._url), headers={})
        self.attempt = Attempt(asked, waits, settings.timeout, settings.clock)

    def _go_to(self, url: str) -> None:
        self._shown = shown_url(url)
        try:
            self._url = httpx2.URL(url)
        except httpx2.InvalidURL:
            self._url = httpx2.URL("")
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise self._refused("only http and https URLs can be downloaded")
        if self._url.userinfo:
            raise self._refused("URLs with a user name are not downloaded")
        self.host = self._url.raw_host.decode("ascii")
        self.port = self._url.port or (443 if self._url.scheme == "https" else 80)
        if not _HOST.fullmatch(self.host) or self.port > 65535:
            raise self._refused("its host or port is not one")

    def request(self, addresses: list[str]) -> Request:
        """The request, to the first of the addresses, if all may be asked."""
        if not addresses or not all(map(self._is_allowed, addresses)):
            raise self._refused(
                "its host is not a public one; media on private networks must be "
                "passed as bytes"
            )
        return Request(
            method="GET",
            url=str(self._url.copy_with(host=addresses[0])),
            headers={
                "host": self._url.netloc.decode("ascii"),
                "accept": "*/*",
                "accept-encoding": "identity",
                "user-agent": "langchain-cf-gemini",
            },
            # The certificate is checked against the name, not the address.
            server_name=self.host,
        )

    def _is_allowed(self, address: str) -> bool:
        if self.settings.allow_loopback and is_loopback(address):
            return True
        return is_public(address)

    def begin(self, response: Any) -> bool:
        """Whether the response's body is the file; a redirect is taken instead."""
        if response.status_code in (301, 302, 303, 307, 308):
            self._redirect(response.headers.get("location", ""))
            return False
        if response.status_code != 200:
            raise self._refused(f"the server answered {response.status_code}")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise self._refused("the server sent it compressed, unasked")
        self._mime_type = response.headers.get("content-type", "")
        length = response.headers.get("content-length", "")
        if length.isdigit() and int(length) > self.settings.max_bytes:
            raise self._too_large()
        self.is_done = True
        return True

    def _redirect(self, location: str) -> None:
        self._redirects += 1
        if self._redirects > self.settings.max_redirects:
            raise self._refused("it redirects too often")
        self._go_to(urljoin(str(self._url), location))

    def feed(self, raw: bytes) -> None:
        """Take bytes of the file."""
        self._size += len(raw)
        if self._size > self.settings.max_bytes:
            raise self._too_large()
        self.attempt.check_deadline()
        self._chunks.append(raw)

    def result(self) -> tuple[bytes, str]:
        """The file and its mime type."""
        return b"".join(self._chunks), self._mime_type

    def error_from(self, fault: Exception) -> UnsupportedContentError:
        """The typed error of a fault."""
        if isinstance(fault, (TimeoutError, httpx2.TimeoutException)):
            return self._refused(
                f"it did not come within {self.settings.timeout:g} seconds"
            )
        return self._refused(f"{type(fault).__name__}: {fault}")

    def _too_large(self) -> UnsupportedContentError:
        return self._refused(f"it has more than {self.settings.max_bytes:,} bytes")

    def _refused(self, reason: str) -> UnsupportedContentError:
        return UnsupportedContentError(
            f"cannot download {self._shown}: {reason}. Pass the bytes, or a URL that "
            "Google can fetch with media_urls='pass'"
        )


def shown_url(url: str) -> str:
    """A URL without user name, query and fragment, which may hold signatures."""
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        return repr(url[:40])
    return str(parsed.copy_with(userinfo=b"", query=None, fragment=None))[:200]


def is_public(address: str) -> bool:
    """Whether an address is reachable from the whole internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return all(one.is_global and not one.is_multicast for one in (ip, *_inside(ip)))


def _inside(ip: Address) -> list[Address]:
    """The IPv4 addresses that an IPv6 address stands for in a tunnel."""
    if isinstance(ip, ipaddress.IPv4Address):
        return []
    teredo = ip.teredo or ()
    nat64 = any(ip in network for network in _NAT64)
    last = ipaddress.IPv4Address(ip.packed[-4:])
    found = [ip.ipv4_mapped, ip.sixtofour, *teredo, last if nat64 else None]
    return [address for address in found if address is not None]
