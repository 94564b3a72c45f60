"""Where a token may go: base URLs, path segments and headers are checked here."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from langchain_cf_gemini.exceptions import UnsupportedContentError

# One path segment that needs no escaping and cannot leave its place in the URL.
_SEGMENT = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?")
# RFC 9110 5.1 and 5.5, less the obsolete bytes beyond ASCII.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"(?:[!-~](?:[ -~\t]*[!-~])?)?")
# Printable ASCII, in which readers of URLs do not turn one character into another.
_URL = re.compile(r"[!-\[\]-~]+")
# They frame or route the message: two of them are two messages, or another's host.
_OF_THE_CONNECTION = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "te", "trailer"}
    | {"proxy-connection", "transfer-encoding", "upgrade"}
)


@lru_cache(maxsize=256)
def checked_base(base_url: str, allow_http: bool) -> str:
    """The base URL without its last slash, if a token may be sent there.

    Raises:
        UnsupportedContentError: It is no http(s) URL, carries more than a path, or
            would send the token unencrypted to another machine.
    """
    parts = _parts(base_url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        # A malformed one may hold a password, too.
        shown = "it" if "@" in base_url else repr(base_url)
        raise UnsupportedContentError(
            f"base_url and gateway_base_url must start with https://, but {shown} "
            "isn't valid."
        )
    if parts.query or parts.fragment or parts.username or parts.password:
        raise UnsupportedContentError(
            f"The base URL with host {parts.hostname!r} has a query, a fragment or a "
            "user name. Pass only scheme, host, port and path."
        )
    if not allow_http and parts.scheme == "http" and not is_loopback(parts.hostname):
        raise UnsupportedContentError(
            f"{base_url} would send the API token unencrypted to another machine. Use "
            "https, or pass allow_http=True."
        )
    return base_url.rstrip("/")


def _parts(url: str) -> SplitResult | None:
    """The parts of a URL that every reader of URLs understands in the same way."""
    if not _URL.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        return parts if parts.port != 0 else None
    except ValueError:  # brackets or a port that are none
        return None


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    return is_address(host) and ipaddress.ip_address(host).is_loopback


def is_address(host: str) -> bool:
    """Whether a host is named by its address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def check_segment(name: str, value: str) -> None:
    """Refuse what would not be exactly one segment of a URL's path."""
    if not _SEGMENT.fullmatch(value) or ".." in value:
        raise refused(name, value)


def check_header(name: str, value: str, *, shown: str | None = None) -> None:
    """Refuse header names and values that could end the header or be misread."""
    if not _HEADER_NAME.fullmatch(name):
        raise refused("header name", name)
    if name.lower() in _OF_THE_CONNECTION:
        raise UnsupportedContentError(
            f"Header {name!r} is set by the connection. Leave it out."
        )
    if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
        raise UnsupportedContentError(
            f"{shown or f'Header {name!r}'} contains invalid characters. Headers "
            "allow printable ASCII, without line breaks or spaces at either end."
        )


def refused(name: str, value: str) -> UnsupportedContentError:
    """An error for an id that would leave its place in a URL."""
    allowed = "Letters, digits, '-', '_' and '.' are allowed."
    if name == "account_id":
        allowed = "Expected the 32-character ID from the dashboard."
    return UnsupportedContentError(
        f"{name} contains invalid characters: {value!r}. {allowed}"
    )
