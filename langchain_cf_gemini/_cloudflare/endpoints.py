"""Requests to Cloudflare's two endpoints: URL, headers and body. No I/O.

`/ai/run` is documented at https://developers.cloudflare.com/ai-gateway/usage/rest-api/,
the gateway's native Google path at
https://developers.cloudflare.com/ai-gateway/usage/providers/google-ai-studio/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict, Unpack

from langchain_cf_gemini._cloudflare.json_body import json_from_body
from langchain_cf_gemini._cloudflare.rate_limits import keys_of
from langchain_cf_gemini._http.request import Request
from langchain_cf_gemini._http.urls import (
    check_header,
    check_segment,
    checked_base,
    refused,
)

API_BASE_URL = "https://api.cloudflare.com/client/v4"
GATEWAY_BASE_URL = "https://gateway.ai.cloudflare.com/v1"

PAST_THE_CACHE: Mapping[str, str] = {"cf-aig-skip-cache": "true"}
"""A bad answer may come out of the gateway's cache, and would come again."""

_MODEL = re.compile(r"@?[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
# No percent sign: an escaped dot or slash would leave its segment on the far side.
_API_PATH = re.compile(r"(?:/[A-Za-z0-9_@~][A-Za-z0-9._@~:-]*)+(?:\?[!-~]*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where and as whom to ask.

    Attributes:
        account_id: Cloudflare's account id, part of most URLs; None if not known.
        api_token: Cloudflare API token; "" if there is none.
        gateway_token: Token for the gateway, if it is not the API token.
        google_api_key: Google's own key, sent on the gateway endpoint only.
        base_url: Root of Cloudflare's API.
        gateway_base_url: Root of the AI Gateway, or a custom domain's address, which
            ends with `/google-ai-studio`.
        allow_http: Let plain http go to a host that is not loopback.
        user_agent: How the client calls itself.
        is_bound: Whether a Worker's binding asks, which needs no token.
    """

    account_id: str | None
    api_token: str = field(repr=False)
    gateway_token: str | None = field(default=None, repr=False)
    google_api_key: str | None = field(default=None, repr=False)
    base_url: str = API_BASE_URL
    gateway_base_url: str = GATEWAY_BASE_URL
    allow_http: bool = False
    user_agent: str = "langchain-cf-gemini"
    is_bound: bool = False

    def __post_init__(self) -> None:
        checked_base(self.base_url, self.allow_http)
        checked_base(self.gateway_base_url, self.allow_http)
        if self.account_id is not None:
            check_segment("account_id", self.account_id)
        check_header("authorization", self.api_token, shown="The API token")
        check_header("x", self.gateway_token or "", shown="The gateway token")
        check_header("x", self.google_api_key or "", shown="The Google key")

    @property
    def has_custom_domain(self) -> bool:
        """Whether the gateway's host name stands for its account and its id.

        https://developers.cloudflare.com/ai-gateway/configuration/custom-domains/
        """
        return self.gateway_base_url.rstrip("/").endswith("/google-ai-studio")

    @property
    def is_known(self) -> bool:
        """Whether there is a token that Cloudflare's API takes, or no need of one."""
        return self.is_bound or bool(self.api_token)

    def api_headers(self) -> dict[str, str]:
        """The credentials for Cloudflare's API."""
        return {"authorization": f"Bearer {self.api_token}"} if self.api_token else {}

    def gateway_headers(self) -> dict[str, str]:
        """The credentials for the gateway, and for Google behind it."""
        token = self.gateway_token or self.api_token
        headers = {"cf-aig-authorization": f"Bearer {token}"} if token else {}
        if self.google_api_key:
            headers["x-goog-api-key"] = self.google_api_key
        return headers


class Options(TypedDict, total=False):
    """How one of the two requests is sent; see `Request` for the last three."""

    headers: Mapping[str, str]
    has_media: bool
    stream: bool
    hidden: tuple[str, ...]
    is_trusted: bool


def run_request(
    account: Account, model: str, body: Mapping[str, Any], **options: Unpack[Options]
) -> Request:
    """A request to `/ai/run`: the model's catalogue id beside its native body."""
    if not _MODEL.fullmatch(model) or ".." in model:
        raise refused("model", model)
    root = checked_base(account.base_url, account.allow_http)
    url = f"{root}/accounts/{account.account_id}/ai/run"
    sent = _headers(account, account.api_headers(), options)
    sent.pop("cf-aig-authorization", None)  # a caller's header for the gateway
    limited = (url, sent.get("cf-aig-gateway-id", ""), model)
    return _request("run", url, sent, limited, {"model": model, "input": body}, options)


def gateway_request(
    account: Account,
    google_id: str,
    body: Mapping[str, Any],
    *,
    gateway: str = "default",
    **options: Unpack[Options],
) -> Request:
    """A request to Google's own path behind the AI Gateway, by Google's model id."""
    check_segment("model", google_id)
    check_segment("gateway", gateway)
    root = checked_base(account.gateway_base_url, account.allow_http)
    if not account.has_custom_domain:
        root = f"{root}/{account.account_id}/{gateway}/google-ai-studio"
    is_stream = options.get("stream")
    verb = "streamGenerateContent?alt=sse" if is_stream else "generateContent"
    url = f"{root}/v1beta/models/{google_id}:{verb}"
    sent = _headers(account, account.gateway_headers(), options)
    return _request("gateway", url, sent, (root, google_id), body, options)


def _request(
    service: str,
    url: str,
    headers: dict[str, str],
    limited: tuple[str, ...],
    body: Mapping[str, Any],
    options: Options,
) -> Request:
    return Request(
        url=url,
        headers=headers,
        **keys_of(headers, *limited),
        pieces=json_from_body(body, has_media=options.get("has_media", False)),
        service=service,
        hidden=options.get("hidden", ()),
        is_trusted=options.get("is_trusted", False),
        headers_again=PAST_THE_CACHE,
    )


def api_request(
    account: Account,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    service: str = "",
    owner: str | None = None,
) -> Request:
    """A request to Cloudflare's API.

    Args:
        account: As whom to ask.
        method: HTTP method.
        path: Path below the owner.
        body: JSON to send.
        service: What is asked, in a word, for errors.
        owner: Whose path it is: `/user`, or by default the account's.

    Raises:
        ValueError: If there is no account id, or no token.
    """
    if not account.is_known or not (account.account_id or owner):
        raise ValueError(
            "Cloudflare's API requires an account and a token. Set "
            "CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN, or pass account_id= and "
            "api_token=."
        )
    if not _API_PATH.fullmatch(path):
        raise refused("path", path)
    root = checked_base(account.base_url, account.allow_http)
    url = f"{root}{owner or f'/accounts/{account.account_id}'}{path}"
    sent = _headers(account, account.api_headers(), {})
    return Request(
        method=method,
        url=url,
        headers=sent,
        **keys_of(sent, method, url.partition("?")[0]),
        pieces=() if body is None else json_from_body(body),
        service=service,
    )


def _headers(
    account: Account, credentials: Mapping[str, str], options: Options
) -> dict[str, str]:
    stream = options.get("stream")
    headers = {
        "accept": "text/event-stream" if stream else "application/json",
        "accept-encoding": "identity" if stream else "gzip",
        "content-type": "application/json",
        "user-agent": account.user_agent,
    }
    for name, value in options.get("headers", {}).items():
        check_header(name, value)
        headers[name.lower()] = value
    # Last, so that no default header takes the credentials' place.
    return {**headers, **credentials}
