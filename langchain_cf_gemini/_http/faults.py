"""What failed on the way: the errors of httpx2 and its kin in our own classes.

They are told apart by the names in their ancestry, because a caller's client may come
from httpx, whose errors have httpx2's names but not its classes.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from html import escape
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

from langchain_cf_gemini._http.request import Request
from langchain_cf_gemini.exceptions import (
    CloudflareConnectionError,
    CloudflareGeminiError,
    CloudflareTimeoutError,
    ResponseFormatError,
)

_SHOWN = 300
_UNTRUSTED = "SSLCertVerificationError"  # by its name: Pyodide may have no ssl
# Less is a placeholder, and to take it out would garble texts.
_SHORTEST_SECRET = 8


# Of httpx2 and httpx; then what resolvers and event loops make of names and ports.
_NAMES = frozenset({"HTTPError", "InvalidURL", "StreamError"})
_CLASSES = (OSError, UnicodeError, OverflowError, ExceptionGroup)
# A caller's client that is closed, or has connections of another event loop: httpx and
# asyncio say so in a RuntimeError.
_UNUSABLE = re.compile(r"has been closed|event loop|different loop", re.IGNORECASE)

_FAILED = {"ConnectError": "failed", "ProxyError": "was refused by the proxy"}


def is_fault(error: Exception) -> bool:
    """Whether an exception says that the way to the far side failed."""
    is_of_transport = isinstance(error, _CLASSES) or not _NAMES.isdisjoint(
        _names(error)
    )
    return is_of_transport or _is_unusable(error)


def _is_unusable(fault: Exception) -> bool:
    return type(fault) is RuntimeError and _UNUSABLE.search(str(fault)) is not None


def _error_of_client(said: str, host: str | None) -> CloudflareGeminiError:
    return CloudflareConnectionError(
        f"The request to {host} can't be sent: {said.rstrip('.')}. Keep your own HTTP "
        "client open, and use an async one in a single event loop.",
        # The next attempt opens a connection in this loop.
        is_retryable="loop" in said,
    )


def _names(error: Exception) -> set[str]:
    return {base.__name__ for base in type(error).__mro__}


def error_from_fault(
    fault: Exception, request: Request, seconds: float
) -> CloudflareGeminiError:
    """The typed error of a request that got no whole answer.

    It is raised outside of the handler that caught the fault: the frames and the
    request of httpx2's errors hold the token.

    Args:
        fault: What the transport raised.
        request: What was sent.
        seconds: How long the attempt took, for the message of a timeout.
    """
    names = _names(fault)
    host = urlsplit(request.url).hostname
    secrets = [*request.secrets, *_proxy_logins()]
    said = without_secrets(str(fault) or type(fault).__name__, secrets)
    if _is_unusable(fault):
        return _error_of_client(said, host)
    if any(type(cause).__name__ == _UNTRUSTED for cause in _causes(fault)):
        return CloudflareConnectionError(
            f"The certificate of {host} isn't trusted: {said}. Check the system clock "
            "and your proxy, or set SSL_CERT_FILE to your authority's certificate.",
            is_retryable=False,
        )
    if _is_timeout(fault, names):
        return CloudflareTimeoutError(
            f"Timed out after {seconds:.3g} s waiting for {host} "
            f"({line_from_text(said)}). Increase timeout, lower thinking_level, or "
            "stream."
        )
    if names & {"DecodingError", "TooManyRedirects"}:
        return ResponseFormatError(f"The response of {host} can't be read: {said}.")
    if names & {"UnsupportedProtocol", "InvalidURL", "LocalProtocolError"}:
        return CloudflareConnectionError(
            f"The request to {host} can't be sent: {said}.", is_retryable=False
        )
    cause = line_from_text(said).rstrip(".")
    named = next(iter(names & _FAILED.keys()), "")
    failed = _FAILED.get(named, "closed before the response was complete")
    return CloudflareConnectionError(
        f"Connection to {host} {failed}: {cause}. Check your network, proxy and "
        "base_url."
    )


def _proxy_logins() -> list[str]:
    """What the environment tells a proxy, which may repeat it, and the passwords."""
    proxies = [proxy for proxy in getproxies().values() if "@" in proxy]
    logins = [unquote(p.rpartition("@")[0].rpartition("/")[2]) for p in proxies]
    return logins + [login.partition(":")[2] for login in logins]


def without_secrets(value: Any, secrets: list[str]) -> Any:
    """The value with every credential taken out, should the far side repeat one.

    It comes before anything is cut, because half of a secret is not found.

    Args:
        value: A text, or JSON or headers that hold texts, names included.
        secrets: What must not be told.
    """
    if isinstance(value, str):
        for secret in secrets:
            if len(value) >= len(secret) >= _SHORTEST_SECRET:
                value = _forms(secret).sub(_stars, value)
        return value
    if isinstance(value, Mapping):
        return {
            without_secrets(name, secrets): without_secrets(item, secrets)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(item, secrets) for item in value]
    return value


@lru_cache(64)
def _forms(secret: str) -> re.Pattern[str]:
    """A secret as it is, or as anybody writes it who passes a request on.

    That is in other case, as names of headers are; escaped as in URLs, JSON or HTML,
    also twice; in UTF-16 read as bytes; in hexadecimal digits, and in base64 wherever
    it begins in it.
    """
    encoded = secret.encode("utf-8", "surrogatepass")
    pieces = re.findall(r"\\+|[^\\]", secret)
    forms = [r"\0{0,3}".join(map(_escapes, pieces)), encoded.hex()]
    for before in range(3):
        # Of the first and the last digit, some bits are another byte's.
        digits = b64encode(bytes(before) + encoded).decode().rstrip("=")
        inner = digits[before + bool(before) : -1]
        forms.append(re.sub("[+/]", lambda found: _BASE64[found[0]], inner))
    return re.compile("|".join(forms), re.IGNORECASE)


_BASE64 = {"+": "[+-]", "/": "[/_]"}


def _escapes(piece: str) -> str:
    """A character, or a run of backslashes, as it may be written."""
    number = ord(piece[0])
    # At most so often: without an end they would be looked for in square time.
    percent = rf"%(?:25){{0,3}}{number:02x}"
    if piece[0] == "\\":
        return rf"(?:\\|{percent}){{{len(piece)},{8 * len(piece)}}}"
    # Each form once: two that are alike would be tried in all combinations.
    plain = dict.fromkeys((re.escape(piece), re.escape(escape(piece))))
    json = rf"\\{{1,8}}(?:u00{number:02x}|x{number:02x}|(?=[\"/]){re.escape(piece)})"
    html = rf"&\#(?:0{{0,6}}{number}|x0{{0,6}}{number:x});?"
    return rf"(?:{'|'.join((*plain, percent, json, html))})"


def _stars(found: re.Match[str]) -> str:
    # Not three for any length: the rest of a text that was read in part could then
    # come before the place where it is cut.
    return "*" * max(3, len(found[0]) // 32)


def line_from_text(text: str) -> str:
    """At most 300 characters in one line; what a terminal would obey is escaped."""
    line = " ".join(text.split())
    if not line.isprintable():
        line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "…"


def _is_timeout(fault: Exception, names: set[str]) -> bool:
    """Whether time ran out.

    httpx-aiohttp, which a caller's client may use, also calls a connection that the
    server closed a ConnectTimeout.
    """
    if type(fault.__cause__).__module__.startswith("aiohttp"):
        return isinstance(fault.__cause__, TimeoutError)
    return isinstance(fault, TimeoutError) or "TimeoutException" in names


def _causes(fault: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while fault is not None and fault not in found:
        found.append(fault)
        fault = fault.__cause__ or fault.__context__
    return found
