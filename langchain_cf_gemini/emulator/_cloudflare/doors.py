"""The three doors to a model: Cloudflare's `/ai/run`, its gateway, Google's own path.

Each door checks account and token and finds the model; each refuses in its own shape.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from langchain_cf_gemini.emulator._cloudflare.gateway import options_from_headers
from langchain_cf_gemini.emulator._google.models import (
    CATALOGUE,
    Model,
    model_from_google_id,
)
from langchain_cf_gemini.emulator._messages import Incoming
from langchain_cf_gemini.emulator._refusals import (
    Refusal,
    gateway_refusal,
    google_refusal,
    v4_refusal,
)

ACCOUNT_ID = "0123456789abcdef0123456789abcdef"
API_TOKEN = "emulator-token-not-a-secret"
GATEWAY = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Who may ask, and how strictly requests are judged."""

    account_id: str = ACCOUNT_ID
    api_token: str = API_TOKEN
    gateway: str = GATEWAY
    strict: bool = True
    foreign_signatures: bool = False
    credit: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A model and what it was asked, before the request is judged.

    Attributes:
        model: Who is asked.
        name: As the request names it.
        body: The GenerateContentRequest.
        backend: "vertex" behind `/ai/run` and the gateway's google-vertex-ai path,
            "gemini_api" behind the other doors.
        wrapped: Whether the answer travels in Cloudflare's v4 envelope.
    """

    model: Model
    name: str
    body: Mapping[str, Any]
    backend: str
    wrapped: bool = False


def run_asked(settings: Settings, incoming: Incoming, account: str) -> Asked:
    """What `POST /client/v4/accounts/{account}/ai/run` asks."""
    check_v4(settings, incoming, account)
    gateway = incoming.headers.get("cf-aig-gateway-id", settings.gateway)
    if gateway not in (settings.gateway, GATEWAY):
        raise v4_refusal(400, 2001, f"Gateway {gateway!r} does not exist")
    _check_headers(settings, incoming, v4_refusal)
    if not settings.credit:
        raise v4_refusal(
            402, 2021, "Insufficient credits. Please add more credits to your account."
        )
    envelope = incoming.json()
    if not isinstance(envelope, dict):
        raise v4_refusal(400, 7000, "Invalid request body")
    name, body = envelope.get("model"), envelope.get("input")
    if not isinstance(name, str) or not isinstance(body, dict):
        wrong = "'model' must be a string and 'input' an object"
        raise v4_refusal(400, 5006, f"AiError: Bad input: {wrong}")
    if name not in CATALOGUE:
        raise v4_refusal(404, 7003, f"Model not found: {name}")
    if "contents" not in body:
        wrong = "required properties at '/' are 'contents'"
        if "messages" in body:
            wrong += " (the emulator speaks Generate Content, not Chat Completions)"
        raise v4_refusal(400, 5006, f"AiError: Bad input: {wrong}")
    return Asked(
        model=CATALOGUE[name], name=name, body=body, backend="vertex", wrapped=True
    )


def check_v4(settings: Settings, incoming: Incoming, account: str) -> None:
    """Check the token and account of any call to api.cloudflare.com."""
    sent = incoming.headers.get("authorization", "")
    if not _same(sent, f"Bearer {settings.api_token}"):
        raise v4_refusal(401, 10000, "Authentication error")
    if account != settings.account_id:
        raise v4_refusal(
            403, 10000, f"Authentication error: no access to account {account}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayPath:
    """What a provider-native path of the gateway host names.

    Attributes:
        account: Account id.
        gateway: Gateway name.
        model: Google's model id.
        publisher: Vertex AI's "projects/…/publishers/google"; empty for the Gemini API.
    """

    account: str
    gateway: str
    model: str
    publisher: str = ""


def gateway_asked(settings: Settings, incoming: Incoming, path: GatewayPath) -> Asked:
    """What a provider-native path of the gateway host asks."""
    known = (settings.gateway, GATEWAY)
    if path.account != settings.account_id or path.gateway not in known:
        raise gateway_refusal(
            400, 2001, "Please configure AI Gateway in the Cloudflare dashboard"
        )
    if not _is_let_in(settings, incoming):
        raise gateway_refusal(401, 2009, "Unauthorized")
    _check_headers(settings, incoming, gateway_refusal)
    if not settings.credit:
        raise gateway_refusal(
            402, 2021, "Insufficient credits. Please add more credits to your account."
        )
    if not path.publisher:
        return _google_asked(incoming, path.model)
    if model_from_google_id(path.model) is None:
        name = f"{path.publisher}/models/{path.model}"
        raise google_refusal(
            f"Publisher Model `{name}` not found.", code=404, rule="model"
        )
    return replace(_google_asked(incoming, path.model), backend="vertex")


def _is_let_in(settings: Settings, incoming: Incoming) -> bool:
    """The Cloudflare token in its own header, or in place of Google's key."""
    in_header = incoming.headers.get("cf-aig-authorization", "")
    as_key = incoming.headers.get("x-goog-api-key", "")
    return _same(in_header, f"Bearer {settings.api_token}") or _same(
        as_key, settings.api_token
    )


def google_asked(settings: Settings, incoming: Incoming, model: str) -> Asked:
    """What Google's own path asks; the key is the emulator's token."""
    check_google_key(settings, incoming)
    return _google_asked(incoming, model)


def check_google_key(settings: Settings, incoming: Incoming) -> None:
    """Check the key of a call to Google's own path."""
    key = incoming.headers.get("x-goog-api-key") or incoming.query.get("key", "")
    if not _same(key, settings.api_token):
        raise google_refusal(
            "API key not valid. Please pass a valid API key.",
            details=[
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "API_KEY_INVALID",
                    "domain": "googleapis.com",
                    "metadata": {"service": "generativelanguage.googleapis.com"},
                }
            ],
            rule="api-key",
        )


def _google_asked(incoming: Incoming, model: str) -> Asked:
    known = model_from_google_id(model)
    if known is None:
        raise google_refusal(
            f"models/{model} is not found for API version v1beta, or is not supported "
            "for generateContent. Call ModelService.ListModels to see the list of "
            "available models and their supported methods.",
            code=404,
            rule="model",
        )
    body = incoming.json()
    if not isinstance(body, dict):
        raise google_refusal(
            "Invalid JSON payload received. Expected a JSON object.", rule="json"
        )
    return Asked(model=known, name=model, body=body, backend="gemini_api")


def _check_headers(
    settings: Settings, incoming: Incoming, refusal: Callable[[int, int, str], Refusal]
) -> None:
    problems = options_from_headers(incoming.headers).problems
    if problems and settings.strict:
        raise refusal(400, 7000, f"Invalid request headers: {'; '.join(problems)}")


def _same(sent: str, expected: str) -> bool:
    return hmac.compare_digest(sent.encode(), expected.encode())
