"""Where and as whom a model asks, and through what it sends."""

from typing import Any, Protocol

from langchain_core.utils import from_env, secret_from_env
from pydantic import SecretStr

from langchain_cf_gemini._cloudflare.endpoints import Account
from langchain_cf_gemini._http.client import Transport, TransportSettings

account_id_from_env = from_env(["CLOUDFLARE_ACCOUNT_ID", "CF_ACCOUNT_ID"], default=None)
api_token_from_env = secret_from_env(
    ["CLOUDFLARE_API_TOKEN", "CF_API_TOKEN", "CF_AI_API_TOKEN"], default=None
)
google_api_key_from_env = secret_from_env(
    ["GOOGLE_API_KEY", "GEMINI_API_KEY"], default=None
)

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
    key = model.google_api_key
    token = model.api_token.get_secret_value() if model.api_token else ""
    if not (model.account_id and token):
        raise ValueError(_missing(model.account_id, token))
    return Account(
        account_id=model.account_id,
        api_token=token,
        google_api_key=key.get_secret_value() if key else None,
        base_url=model.base_url,
        gateway_base_url=model.gateway_base_url,
        allow_http=model.allow_http,
    )


def _missing(account_id: str | None, token: str) -> str:
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
