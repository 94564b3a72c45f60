"""Where and as whom a model asks, and through what it sends."""

import os
from collections.abc import Mapping
from functools import partial
from typing import Any, Final, Protocol

from langchain_core.rate_limiters import InMemoryRateLimiter
from pydantic import Field, SecretStr

from langchain_cf_gemini._cloudflare.binding import BoundBackend, check_binding
from langchain_cf_gemini._cloudflare.endpoints import (
    API_BASE_URL,
    GATEWAY_BASE_URL,
    Account,
)
from langchain_cf_gemini._cloudflare.pasted import (
    refuse_pasted,
    refuse_pasted_addresses,
)
from langchain_cf_gemini._cloudflare.routing import GatewayMemory
from langchain_cf_gemini._http.client import Transport, TransportSettings
from langchain_cf_gemini._http.urls import check_header
from langchain_cf_gemini.gateway import GatewayOptions

# What a field is read from, the first variable that is set and not empty. The base
# address is the variable of Cloudflare's own SDK.
VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "account_id": ("CLOUDFLARE_ACCOUNT_ID", "CF_ACCOUNT_ID"),
    "api_token": ("CLOUDFLARE_API_TOKEN", "CF_API_TOKEN", "CF_AI_API_TOKEN"),
    "gateway_token": (
        "CF_AIG_TOKEN",
        "CLOUDFLARE_GATEWAY_TOKEN",
        "CLOUDFLARE_AI_GATEWAY_TOKEN",
    ),
    # Read only for a model that was made with a key and travelled without it.
    "google_api_key": ("GOOGLE_API_KEY",),
    "base_url": ("CLOUDFLARE_BASE_URL",),
    "gateway_base_url": ("CLOUDFLARE_GATEWAY_BASE_URL",),
}
READ_BY_FIELDS: Final = frozenset(VARIABLES) - {"google_api_key"}
"""The fields that are read from their variables where they are not given."""

_PUBLIC: Final = {"base_url": API_BASE_URL, "gateway_base_url": GATEWAY_BASE_URL}
# Nobody connects there: a request's way to the binding, and its name in errors.
_BOUND: Final = "https://env.ai"
TOKENS: Final = ("api_token", "gateway_token", "google_api_key")
"""The fields that hold a credential."""
SENDERS: Final = ("http_client", "http_async_client", "binding")
"""The fields that hold what a caller made to send with; they do not travel."""


def from_variables(field: str) -> Any:
    """Read a field from the first of its variables that is set and not empty.

    Returns:
        The text, hidden if it is a credential; without a variable, None or the public
        address.
    """
    texts = (os.environ.get(name) for name in VARIABLES[field])
    found = next(filter(None, texts), _PUBLIC.get(field))
    return SecretStr(found) if found and field in TOKENS else found


def from_environment(field: str) -> Any:
    """Declare a field that is read from its variables where it is not given."""
    return Field(default_factory=partial(from_variables, field))


def with_named_gateway(value: Any) -> GatewayOptions:
    """Return options of any form, with the environment's gateway if they name none."""
    options = GatewayOptions.from_value(value)
    named = os.environ.get("CLOUDFLARE_GATEWAY_ID")
    is_named = not named or "id" in options.as_dict()
    return options if is_named else options.merged({"id": named})


class Fields(Protocol):
    """What is read of a model."""

    model: str
    account_id: str | None
    api_token: SecretStr | None
    gateway_token: SecretStr | None
    google_api_key: SecretStr | None
    default_headers: Any
    endpoint: Any
    gateway: GatewayOptions
    gateway_metadata_keys: list[str] | dict[str, str] | None
    base_url: str
    gateway_base_url: str
    allow_http: bool
    max_retries: int
    timeout: Any
    http_client: Any
    http_async_client: Any
    binding: Any
    gateway_memory: Any
    adaptive_rate: bool
    rate_limiter: Any


def check_fields(model: Fields) -> None:
    """Refuse what was pasted into the wrong place, or would never be used.

    Raises:
        ValueError: With what to write instead.
    """
    _check_senders(model)
    texts = {name: _open(getattr(model, name)) for name in TOKENS}
    refuse_pasted(account_id=model.account_id, **texts)
    refuse_pasted_addresses(
        base_url=model.base_url, gateway_base_url=model.gateway_base_url
    )
    if texts["google_api_key"] == "":
        raise ValueError("google_api_key is empty. Pass a key, or leave it out.")
    _check_headers(model)
    keys = model.gateway_metadata_keys or ()
    for name in keys.values() if isinstance(keys, Mapping) else keys:
        GatewayOptions(metadata={name: ""})
    if isinstance(model.gateway.cache_key, str):
        raise ValueError(
            "cache_key can't be set on a model: every prompt would get the first "
            "response. Pass it to a call: invoke(..., gateway={'cache_key': ...})."
        )


_CLIENTS: Final = {
    "http_client": ("Client", "close"),
    "http_async_client": ("AsyncClient", "aclose"),
}


def _check_senders(model: Fields) -> None:
    if model.binding is not None:
        check_binding(model.binding)
        if model.http_client or model.http_async_client:
            raise ValueError("Pass binding or an HTTP client, not both.")
    for name, (kind, close) in _CLIENTS.items():
        client = getattr(model, name)
        # Of either package, a subclass, or whatever sends as they do.
        is_right = hasattr(client, "build_request") and hasattr(client, close)
        if client is not None and (isinstance(client, type) or not is_right):
            raise ValueError(
                f"{name} must be an httpx2.{kind} or httpx.{kind}, not {client!r:.80}."
            )
    if not isinstance(model.gateway_memory, GatewayMemory):
        raise ValueError(
            "gateway_memory must be the gateway_memory of another model, not "
            f"{model.gateway_memory!r:.80}."
        )


def _check_headers(model: Fields) -> None:
    headers = open_headers(model.default_headers)
    for name, value in headers.items():
        check_header(name, value)
        if name.lower() == "x-goog-api-key":
            raise ValueError(f"default_headers contains {name}. Pass google_api_key=.")
    gateway_from_headers(headers, model.gateway)


def gateway_from_headers(
    headers: dict[str, str], gateway: GatewayOptions
) -> GatewayOptions:
    """Take the gateway's id out of a header: the gateway endpoint has it in its URL.

    Raises:
        ValueError: If an option names another one.
    """
    for name in [name for name in headers if name.lower() == "cf-aig-gateway-id"]:
        wanted = headers.pop(name)
        if gateway.gateway_id not in (wanted, "default"):
            raise ValueError(
                f"gateway={gateway.gateway_id!r} and default_headers[{name!r}]="
                f"{wanted!r} name two gateways. Leave one out."
            )
        gateway = gateway.merged({"id": wanted})
    return gateway


def account_from_fields(model: Fields, user_agent: str) -> Account:
    """Return where and as whom to ask.

    Raises:
        ValueError: If a credential is missing; all that are missing are told.
    """
    if model.binding is not None:
        return Account(
            account_id="binding",
            api_token="",
            google_api_key=_open(model.google_api_key),
            base_url=_BOUND,
            gateway_base_url=_BOUND,
            user_agent=user_agent,
            is_bound=True,
        )
    account = Account(
        account_id=model.account_id or None,
        api_token=_open(model.api_token) or "",
        gateway_token=_open(model.gateway_token) or _token_in(model.default_headers),
        google_api_key=_open(model.google_api_key),
        base_url=model.base_url,
        gateway_base_url=model.gateway_base_url,
        allow_http=model.allow_http,
        user_agent=user_agent,
    )
    # A gateway may ask for no token, and its custom domain for no account.
    is_gateway = model.endpoint == "gateway" or account.has_custom_domain
    needs_token = not (is_gateway or account.google_api_key or account.gateway_token)
    missing = [] if account.account_id or account.has_custom_domain else ["account_id"]
    missing += ["api_token"] if needs_token and not account.api_token else []
    if missing:
        raise ValueError(_missing(missing))
    return account


def _open(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def open_headers(headers: Mapping[str, str | SecretStr] | None) -> dict[str, str]:
    """Return headers with their values, to be sent."""
    return {
        name: v.get_secret_value() if isinstance(v, SecretStr) else v
        for name, v in (headers or {}).items()
    }


def _token_in(headers: Mapping[str, SecretStr] | None) -> str | None:
    """Return the gateway's token out of a caller's header for it."""
    for name, value in open_headers(headers).items():
        if name.lower() == "cf-aig-authorization":
            return value.removeprefix("Bearer ")
    return None


def _missing(arguments: list[str]) -> str:
    kinds = {"account_id": "account ID", "api_token": "API token"}
    missing = " and ".join(kinds[name] for name in arguments)
    variables = " and ".join("{} (or {})".format(*VARIABLES[n]) for n in arguments)
    return (
        f"Cloudflare {missing} not found. Set {variables}, or pass "
        f"{' and '.join(f'{name}=' for name in arguments)}. Find "
        f"{'both' if len(arguments) > 1 else 'it'} at dash.cloudflare.com. "
        "No account? Use the emulator: pip install "
        "'langchain-cf-gemini[emulator]'."
    )


_PACE: Final = ("requests_per_second", "check_every_n_seconds", "max_bucket_size")


def packed(limiter: Any) -> Any:
    """Return a limiter as it travels to another process: LangChain's holds a lock."""
    is_langchains = type(limiter) is InMemoryRateLimiter
    return {n: getattr(limiter, n) for n in _PACE} if is_langchains else limiter


def unpacked(limiter: Any) -> Any:
    """Return a limiter that has travelled."""
    return InMemoryRateLimiter(**limiter) if isinstance(limiter, dict) else limiter


def transport_from_fields(model: Fields) -> Transport:
    """Return what a model sends through."""
    return Transport(
        TransportSettings(
            max_retries=model.max_retries,
            timeout=model.timeout,
            http_client=model.http_client,
            http_async_client=model.http_async_client,
            backend=None if model.binding is None else BoundBackend(model.binding),
            # A limiter of LangChain's is the caller's own word on the rate.
            adaptive_rate=model.adaptive_rate and model.rate_limiter is None,
        )
    )
