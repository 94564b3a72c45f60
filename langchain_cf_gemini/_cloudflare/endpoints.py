"""Requests to Cloudflare's two endpoints, and what its headers say. No I/O.

`/ai/run` is documented at https://developers.cloudflare.com/ai-gateway/usage/rest-api/,
the gateway's native Google path at
https://developers.cloudflare.com/ai-gateway/usage/providers/google-ai-studio/.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from langchain_cf_gemini._cloudflare.json_body import json_from_body
from langchain_cf_gemini.exceptions import UnsupportedContentError

API_BASE_URL = "https://api.cloudflare.com/client/v4"
GATEWAY_BASE_URL = "https://gateway.ai.cloudflare.com/v1"

# One path segment that needs no escaping and cannot leave its place in the URL.
_SEGMENT = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?")
_MODEL = re.compile(r"@?[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
# No percent sign: an escaped dot or slash would leave its segment on the far side.
_API_PATH = re.compile(r"(?:/[A-Za-z0-9_@~][A-Za-z0-9._@~:-]*)+(?:\?[!-~]*)?")
# RFC 9110 5.1 and 5.5, less the obsolete bytes beyond ASCII.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"(?:[!-~](?:[ -~\t]*[!-~])?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where and as whom to ask.

    Attributes:
        account_id: Cloudflare's account id, part of every URL.
        api_token: Cloudflare API token.
        google_api_key: Google's own key, sent on the gateway endpoint only.
        base_url: Root of Cloudflare's API.
        gateway_base_url: Root of the AI Gateway.
        allow_http: Let plain http go to a host that is not loopback.
    """

    account_id: str
    api_token: str = field(repr=False)
    google_api_key: str | None = field(default=None, repr=False)
    base_url: str = API_BASE_URL
    gateway_base_url: str = GATEWAY_BASE_URL
    allow_http: bool = False

    def __post_init__(self) -> None:
        check_segment("account_id", self.account_id)
        check_header("authorization", self.api_token, shown="the API token")
        check_header(
            "x-goog-api-key", self.google_api_key or "", shown="the Google key"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request, ready to be sent; its repr hides credentials and body.

    Attributes:
        method: HTTP method.
        url: Absolute URL.
        headers: Every header but Host, Content-Length and the connection's own.
        pieces: The bytes to send, of which long ones are not copied.
        stream: Whether a stream of payloads is asked for.
    """

    method: str = "POST"
    url: str
    headers: dict[str, str] = field(repr=False)
    pieces: tuple[bytes, ...] = field(repr=False)
    stream: bool = False

    @property
    def body(self) -> bytes:
        """The bytes to send, in one."""
        return b"".join(self.pieces)

    @property
    def secrets(self) -> list[str]:
        """The credentials in the headers, to be kept out of messages."""
        found = (self.headers.get(name, "") for name in _SECRET_HEADERS)
        return [value.removeprefix("Bearer ") for value in found if value]


_SECRET_HEADERS = ("authorization", "cf-aig-authorization", "x-goog-api-key")
_NO_HEADERS: Mapping[str, str] = {}


def run_request(
    account: Account,
    model: str,
    body: Mapping[str, Any],
    *,
    headers: Mapping[str, str] = _NO_HEADERS,
    stream: bool = False,
    has_media: bool = False,
) -> Request:
    """A request to `/ai/run`: the model's catalogue id beside its native body."""
    if not _MODEL.fullmatch(model) or ".." in model:
        raise _refused("model", model)
    return Request(
        url=_run_url(account.base_url, account.account_id, account.allow_http),
        headers=_headers(headers, stream, authorization=f"Bearer {account.api_token}"),
        pieces=json_from_body({"model": model, "input": body}, has_media=has_media),
        stream=stream,
    )


def gateway_request(
    account: Account,
    google_id: str,
    body: Mapping[str, Any],
    *,
    gateway: str = "default",
    headers: Mapping[str, str] = _NO_HEADERS,
    stream: bool = False,
    has_media: bool = False,
) -> Request:
    """A request to Google's own path behind the AI Gateway, by Google's model id."""
    credentials = {"cf-aig-authorization": f"Bearer {account.api_token}"}
    if account.google_api_key:
        credentials["x-goog-api-key"] = account.google_api_key
    check_segment("model", google_id)
    check_segment("gateway", gateway)
    root = _checked_base(account.gateway_base_url, account.allow_http)
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return Request(
        url=f"{root}/{account.account_id}/{gateway}/google-ai-studio/v1beta/models/"
        f"{google_id}:{verb}",
        headers=_headers(headers, stream, **credentials),
        pieces=json_from_body(body, has_media=has_media),
        stream=stream,
    )


def api_request(
    account: Account,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
) -> Request:
    """A request to any path of Cloudflare's API below `/accounts/{account_id}`."""
    if not _API_PATH.fullmatch(path):
        raise _refused("path", path)
    root = _checked_base(account.base_url, account.allow_http)
    return Request(
        method=method,
        url=f"{root}/accounts/{account.account_id}{path}",
        headers=_headers({}, False, authorization=f"Bearer {account.api_token}"),
        pieces=() if body is None else json_from_body(body),
    )


def _headers(
    chosen: Mapping[str, str], stream: bool, **credentials: str
) -> dict[str, str]:
    headers = {
        "accept": "text/event-stream" if stream else "application/json",
        "accept-encoding": "identity" if stream else "gzip",
        "content-type": "application/json",
        "user-agent": "langchain-cf-gemini",
    }
    for name, value in chosen.items():
        check_header(name, value)
        headers[name.lower()] = value
    # Last, so that no default header takes the credentials' place.
    headers.update(credentials)
    return headers


@lru_cache(maxsize=256)
def _run_url(base_url: str, account_id: str, allow_http: bool) -> str:
    return f"{_checked_base(base_url, allow_http)}/accounts/{account_id}/ai/run"


@lru_cache(maxsize=256)
def _checked_base(base_url: str, allow_http: bool) -> str:
    """The base URL without its last slash, if a token may be sent there."""
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UnsupportedContentError(f"base URL {base_url!r} is not an http(s) URL")
    if parts.query or parts.fragment or parts.username or parts.password:
        raise UnsupportedContentError(
            f"base URL of host {parts.hostname!r} has a query, a fragment or a user "
            "name; give scheme, host, port and path alone"
        )
    if not allow_http and parts.scheme == "http" and not is_loopback(parts.hostname):
        raise UnsupportedContentError(
            f"base URL {base_url!r} would send the API token unencrypted to a host "
            "that is not this machine; use https, or set allow_http"
        )
    return base_url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_segment(name: str, value: str) -> None:
    """Refuse what would not be exactly one segment of a URL's path."""
    if not _SEGMENT.fullmatch(value) or ".." in value:
        raise _refused(name, value)


def check_header(name: str, value: str, *, shown: str | None = None) -> None:
    """Refuse header names and values that could end the header or be misread."""
    if not _HEADER_NAME.fullmatch(name):
        raise _refused("header name", name)
    if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
        raise UnsupportedContentError(
            f"{shown or f'header {name!r}'} has characters that a header cannot "
            "carry: only printable ASCII is allowed, no line breaks, no spaces at "
            "either end"
        )


def _refused(name: str, value: str) -> UnsupportedContentError:
    return UnsupportedContentError(
        f"{name} {value!r} has characters that do not belong there; letters, digits, "
        "'-', '_' and '.' are allowed, a model may have '/' between its parts"
    )


_GATEWAY_FIELDS = {
    "cf-aig-log-id": "log_id",
    "cf-aig-request-id": "request_id",
    "cf-aig-event-id": "event_id",
    "cf-aig-cache-status": "cache_status",
    "cf-aig-step": "step",
    "cf-aig-model": "model",
    "cf-aig-provider": "provider",
    "cf-aig-dlp": "dlp",
    "cf-aig-routed-model": "routed_model",
    "cf-aig-routing-reason": "routing_reason",
    "cf-aig-routing-decision-id": "routing_decision_id",
    "cf-aig-run-id": "run_id",
    "cf-ray": "ray_id",
}


def gateway_from_headers(headers: Mapping[str, str]) -> dict[str, Any]:
    """What the gateway says of an exchange, by the names that messages carry.

    Only what came is in the result. `step` is a number and `dlp` an object where
    they can be read as such, else the text as it came.
    """
    gateway: dict[str, Any] = {
        _GATEWAY_FIELDS[name]: value
        for name, value in headers.items()
        if name in _GATEWAY_FIELDS
    }
    for name in _READ_AS_JSON & gateway.keys():
        gateway[name] = _read(gateway[name])
    return gateway


_READ_AS_JSON = frozenset({"step", "dlp"})


def _read(text: str) -> Any:
    import json

    try:
        return json.loads(text)
    except ValueError:
        return text
