"""Requests to Cloudflare's two endpoints: URL, headers and body. No I/O.

`/ai/run` is documented at https://developers.cloudflare.com/ai-gateway/usage/rest-api/,
the gateway's native Google path at
https://developers.cloudflare.com/ai-gateway/usage/providers/google-ai-studio/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from langchain_cf_gemini._cloudflare.json_body import json_from_body
from langchain_cf_gemini._http.request import Request
from langchain_cf_gemini._http.urls import (
    check_header,
    check_segment,
    checked_base,
    refused,
)

API_BASE_URL = "https://api.cloudflare.com/client/v4"
GATEWAY_BASE_URL = "https://gateway.ai.cloudflare.com/v1"

_MODEL = re.compile(r"@?[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
# No percent sign: an escaped dot or slash would leave its segment on the far side.
_API_PATH = re.compile(r"(?:/[A-Za-z0-9_@~][A-Za-z0-9._@~:-]*)+(?:\?[!-~]*)?")
_NO_HEADERS: Mapping[str, str] = {}


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
        checked_base(self.base_url, self.allow_http)
        checked_base(self.gateway_base_url, self.allow_http)
        check_segment("account_id", self.account_id)
        check_header("authorization", self.api_token, shown="the API token")
        check_header(
            "x-goog-api-key", self.google_api_key or "", shown="the Google key"
        )


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
        raise refused("model", model)
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
    root = checked_base(account.gateway_base_url, account.allow_http)
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
        raise refused("path", path)
    root = checked_base(account.base_url, account.allow_http)
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
    return f"{checked_base(base_url, allow_http)}/accounts/{account_id}/ai/run"
