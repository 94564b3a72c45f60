"""What failed on the way: the errors of httpx and its kin in our own classes.

They are told apart by the names in their ancestry, because a user's client may come
from httpx2, whose errors have httpx's names but not its classes.
"""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit

from langchain_cf_gemini._cloudflare.endpoints import Request
from langchain_cf_gemini._cloudflare.envelope import without_secrets
from langchain_cf_gemini.exceptions import (
    CloudflareConnectionError,
    CloudflareGeminiError,
    CloudflareTimeoutError,
    ResponseFormatError,
)


def error_from_fault(fault: Exception, request: Request) -> CloudflareGeminiError:
    """The typed error of a request that got no whole answer.

    It is raised outside of the handler that caught the fault: the frames and the
    request of httpx's errors hold the token.
    """
    names = {base.__name__ for base in type(fault).__mro__}
    host = urlsplit(request.url).hostname
    said = without_secrets(str(fault) or type(fault).__name__, request.secrets)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(fault)):
        return CloudflareConnectionError(
            f"the certificate of {host} is not trusted: {said}. Check the system's "
            "clock and the proxy, or set SSL_CERT_FILE to your authority's certificate",
            is_retryable=False,
        )
    if _is_timeout(fault, names):
        return CloudflareTimeoutError(
            f"no answer from {host} in time ({_line(said)}); set a longer timeout, or "
            "ask for less at once"
        )
    if names & {"DecodingError", "TooManyRedirects"}:
        return ResponseFormatError(f"the answer of {host} cannot be read: {said}")
    if names & {"UnsupportedProtocol", "InvalidURL", "LocalProtocolError"}:
        return CloudflareConnectionError(
            f"the request to {host} cannot be sent: {said}", is_retryable=False
        )
    return CloudflareConnectionError(
        f"no whole answer from {host}: {_line(said)}. Check the network, the proxy "
        "and base_url"
    )


def _is_timeout(fault: Exception, names: set[str]) -> bool:
    """Whether time ran out.

    httpx-aiohttp also calls a connection that the server closed a ConnectTimeout.
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


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
