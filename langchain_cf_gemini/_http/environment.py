"""What the environment says of connections: proxies and trusted certificates."""

from __future__ import annotations

import importlib.util
import os
import ssl
from functools import cache
from urllib.request import getproxies, proxy_bypass

import httpx2

from langchain_cf_gemini._http.urls import is_loopback
from langchain_cf_gemini.exceptions import CloudflareConnectionError

_PROXIES = ("http", "https", "socks5", "socks5h")
_PROXY_NAMES = [f"{kind}_proxy" for kind in ("http", "https", "all", "no")]
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_NAMES = (*_PROXY_NAMES, *map(str.upper, _PROXY_NAMES), *_CERTIFICATES)


def settings() -> tuple[str | None, ...]:
    """The values of all variables that connections depend on."""
    return tuple(map(os.environ.get, _NAMES))


def ssl_context() -> ssl.SSLContext:
    """The one SSL context; it takes up to 47 ms to build, most to read certificates.

    Raises:
        CloudflareConnectionError: The environment names certificates that are none.
    """
    return _ssl_context(*map(os.environ.get, _CERTIFICATES))


@cache
def _ssl_context(*named: str | None) -> ssl.SSLContext:
    fault = None
    try:
        return httpx2.create_ssl_context()
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        fault = error
    names = [name for name, value in zip(_CERTIFICATES, named, strict=True) if value]
    raise _unusable(
        " and ".join(names) or "the system's list of certificates",
        f"no certificates can be read there ({type(fault).__name__}: {fault})",
    )


@cache
def unused_ssl_context() -> ssl.SSLContext:
    """For plain http: it trusts nobody, and costs next to nothing."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def proxy_from_environment(url: httpx2.URL) -> str | None:
    """The proxy that the environment names for a URL; none for this machine.

    Raises:
        CloudflareConnectionError: It names one that cannot be used.
    """
    if is_loopback(url.host) or proxy_bypass(url.host):
        return None
    proxies = getproxies()
    kind = next((kind for kind in (url.scheme, "all") if proxies.get(kind)), None)
    if kind is None:
        return None
    proxy = proxies[kind]
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    if reason := _reason_against(proxy):
        names = (f"{kind}_proxy", f"{kind.upper()}_PROXY")
        name = next((n for n in names if n in os.environ), "the system's proxy")
        raise _unusable(name, reason)
    return proxy


def _reason_against(proxy: str) -> str | None:
    """Why a proxy's URL cannot be used; without it, since it may hold a password."""
    try:
        parsed = httpx2.URL(proxy)
        port = parsed.port or 80
    except (httpx2.InvalidURL, ValueError):
        return "it isn't a URL"
    if parsed.scheme not in _PROXIES:
        return f"its scheme {parsed.scheme!r} isn't one of {', '.join(_PROXIES)}"
    if not parsed.host or not 0 < port < 1 << 16:
        return "its host or port isn't valid"
    if parsed.scheme.startswith("socks") and not importlib.util.find_spec("socksio"):
        return "SOCKS needs the package socksio (pip install 'httpx2[socks]')"
    return None


def _unusable(name: str, reason: str) -> CloudflareConnectionError:
    return CloudflareConnectionError(
        f"{name} can't be used: {reason}. Fix it, unset it, or pass your own "
        "http_client and http_async_client.",
        is_retryable=False,
    )
