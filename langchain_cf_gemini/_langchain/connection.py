"""Where and as whom a model asks, and through what it sends."""

import os
from collections.abc import Callable
from typing import Any, Final, Protocol

from pydantic import SecretStr

from langchain_cf_gemini._cloudflare.endpoints import (
    API_BASE_URL,
    GATEWAY_BASE_URL,
    Account,
)
from langchain_cf_gemini._http.client import Transport, TransportSettings

# What a field is read from, the first variable that is set and not empty. The base
# address is the variable of Cloudflare's own SDK.
VARIABLES: Final = {
    "account_id": ("CLOUDFLARE_ACCOUNT_ID", "CF_ACCOUNT_ID"),
    "api_token": ("CLOUDFLARE_API_TOKEN", "CF_API_TOKEN", "CF_AI_API_TOKEN"),
    "base_url": ("CLOUDFLARE_BASE_URL",),
    "gateway_base_url": ("CLOUDFLARE_GATEWAY_BASE_URL",),
}
_GOOGLE: Final = ("GOOGLE_API_KEY", "GEMINI_API_KEY")


def from_variables(*names: str) -> str | None:
    """Return the first of some environment variables that is set and not empty."""
    return next((value for name in names if (value := os.environ.get(name))), None)


def text(field: str) -> Callable[[], str | None]:
    """Return a reader of a field's variables."""
    return lambda: from_variables(*VARIABLES[field])


def address(field: str) -> Callable[[], str]:
    """Return a reader of an address's variable, or the public address."""
    default = {"base_url": API_BASE_URL, "gateway_base_url": GATEWAY_BASE_URL}[field]
    return lambda: from_variables(*VARIABLES[field]) or default


def own_token() -> SecretStr | None:
    """Return the API token of the environment."""
    token = from_variables(*VARIABLES["api_token"])
    return SecretStr(token) if token else None


def own_google_key() -> SecretStr | None:
    """Return Google's key of the environment."""
    key = from_variables(*_GOOGLE)
    return SecretStr(key) if key else None


Sender = tuple[tuple[Any, ...], Transport]
"""A transport, after the settings that it was made for."""


class Fields(Protocol):
    """What is read of a model."""

    account_id: str | None
    api_token: SecretStr | None
    google_api_key: SecretStr | None
    base_url: str
    gateway_base_url: str
    allow_http: bool
    max_retries: int
    timeout: Any
    http_client: Any
    http_async_client: Any


def account_from_fields(model: Fields) -> Account:
    """Return where and as whom to ask.

    Raises:
        ValueError: If a credential is missing; all that are missing are told.
    """
    token, key = model.api_token, model.google_api_key
    if not (model.account_id and token):
        raise ValueError(_missing(bool(model.account_id), bool(token)))
    return Account(
        account_id=model.account_id,
        api_token=token.get_secret_value(),
        google_api_key=key.get_secret_value() if key else None,
        base_url=model.base_url,
        gateway_base_url=model.gateway_base_url,
        allow_http=model.allow_http,
    )


def _missing(account_id: bool, token: bool) -> str:
    missing = [] if account_id else [("account", "account_id")]
    missing += [] if token else [("API token", "api_token")]
    kinds, arguments = zip(*missing, strict=True)
    variables = " and ".join(f"CLOUDFLARE_{name.upper()}" for name in arguments)
    return (
        f"no Cloudflare {' and no '.join(kinds)}: set {variables}, or pass "
        + " and ".join(arguments)
    )


def sender_from_fields(model: Fields, before: Sender | None) -> Sender:
    """Return the transport from before, or a new one if its settings changed."""
    clients = (model.http_client, model.http_async_client)
    key = (model.max_retries, model.timeout, *map(id, clients))
    if before is not None and before[0] == key:
        return before
    settings = TransportSettings(
        max_retries=model.max_retries,
        timeout=model.timeout,
        http_client=model.http_client,
        http_async_client=model.http_async_client,
    )
    return key, Transport(settings)
