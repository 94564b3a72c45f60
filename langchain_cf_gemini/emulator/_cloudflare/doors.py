"""The three doors to a model: Cloudflare's `/ai/run`, its gateway, Google's own path.

Each door checks account and token and finds the model; each refuses in its own shape.
"""

from langchain_cf_gemini.emulator._cloudflare.account import GATEWAY_RUN, RUN, Settings
from langchain_cf_gemini.emulator._cloudflare.gateway import header_problems
from langchain_cf_gemini.emulator._cloudflare.service import Service
from langchain_cf_gemini.emulator._google.generation import Backend, Generation
from langchain_cf_gemini.emulator._google.models import CATALOGUE, model_from_google_id
from langchain_cf_gemini.emulator._messages import Incoming
from langchain_cf_gemini.emulator._refusals import (
    Refuse,
    gateway_refusal,
    google_refusal,
    v4_refusal,
)

_NO_CREDIT = "Insufficient credits. Please add more credits to your account."
_NO_CHAT = " (the emulator speaks Generate Content, not Chat Completions)"
_NO_MODEL = (
    "models/{0} is not found for API version v1beta, or is not supported for "
    "generateContent. Call ModelService.ListModels to see the list of available models "
    "and their supported methods."
)
_NO_PUBLISHER_MODEL = "Publisher Model `{1}/models/{0}` not found."


def run_asked(
    service: Service, incoming: Incoming, account: str, model: str | None = None
) -> Generation:
    """What `POST /client/v4/accounts/{account}/ai/run` asks.

    Cloudflare's own SDK names the model in the path, and sends the input alone.
    """
    settings = service.settings
    check_v4(settings, incoming, account, RUN)
    gateway = incoming.headers.get("cf-aig-gateway-id", settings.gateway)
    if gateway not in settings.gateways:
        raise v4_refusal(400, 2001, f"Gateway {gateway!r} does not exist")
    _check_headers(settings, incoming, v4_refusal)
    sent = incoming.json()
    if not isinstance(sent, dict):
        raise v4_refusal(400, 7000, "Invalid request body: not a JSON object")
    name, body = (model, sent) if model else (sent.get("model"), sent.get("input"))
    if not isinstance(name, str) or not isinstance(body, dict):
        wrong = "'model' must be a string and 'input' an object"
        raise v4_refusal(400, 5006, f"AiError: Bad input: {wrong}")
    known = settings.model(name, CATALOGUE.get(name))
    if known is None:
        raise v4_refusal(404, 7003, f"Model not found: {name}")
    if "contents" not in body:
        wrong = "required properties at '/' are 'contents'"
        wrong += _NO_CHAT if "messages" in body else ""
        raise v4_refusal(400, 5006, f"AiError: Bad input: {wrong}")
    return Generation(model=known, name=name, body=body, wrapped=True)


def check_v4(
    settings: Settings, incoming: Incoming, account: str, permission: str = ""
) -> None:
    """Check the token and account of any call to api.cloudflare.com."""
    sent = incoming.headers.get("authorization", "").removeprefix("Bearer ")
    if not settings.lets_in(sent, permission):
        raise v4_refusal(401, 10000, "Authentication error")
    if account != settings.account_id:
        raise v4_refusal(
            403,
            10000,
            f"Authentication error: no access to account {account}, only "
            f"to {settings.account_id}",
        )


def gateway_asked(
    service: Service,
    incoming: Incoming,
    *,
    model: str,
    account: str | None = None,
    gateway: str | None = None,
    publisher: str | None = None,
) -> Generation:
    """What a provider-native path of the gateway host asks.

    Args:
        service: Who answers.
        incoming: The request.
        model: Google's model id.
        account: Account id; the gateway's custom domain names none.
        gateway: Gateway name, likewise.
        publisher: Vertex AI's "projects/…/publishers/google"; None for the Gemini API.
    """
    settings = service.settings
    account_known = account in (None, settings.account_id)
    if not account_known or gateway not in (None, *settings.gateways):
        raise gateway_refusal(
            400, 2001, "Please configure AI Gateway in the Cloudflare dashboard"
        )
    # The Cloudflare token in its own header, or in place of Google's key.
    in_header = incoming.headers.get("cf-aig-authorization", "").removeprefix("Bearer ")
    as_key = incoming.headers.get("x-goog-api-key", "")
    asks = settings.rules.authenticated
    if asks and not any(settings.lets_in(t, GATEWAY_RUN) for t in (in_header, as_key)):
        raise gateway_refusal(401, 2009, "Unauthorized")
    _check_headers(settings, incoming, gateway_refusal)
    return _google_asked(settings, incoming, model, publisher)


def google_asked(service: Service, incoming: Incoming, model: str) -> Generation:
    """What Google's own path asks; the key is the emulator's token."""
    check_google_key(service.settings, incoming)
    return _google_asked(service.settings, incoming, model)


def check_google_key(settings: Settings, incoming: Incoming) -> None:
    """Check the key of a call to Google's own path."""
    key = incoming.headers.get("x-goog-api-key") or incoming.query.get("key", "")
    if key != settings.api_token:
        reason = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
            "metadata": {"service": "generativelanguage.googleapis.com"},
        }
        raise google_refusal(
            "API key not valid. Please pass a valid API key.",
            details=[reason],
            rule="api-key",
        )


def _google_asked(
    settings: Settings, incoming: Incoming, name: str, publisher: str | None = None
) -> Generation:
    model = settings.model(name, model_from_google_id(name))
    if model is None:
        words = _NO_PUBLISHER_MODEL if publisher else _NO_MODEL
        raise google_refusal(words.format(name, publisher), code=404, rule="model")
    body = incoming.json()
    if not isinstance(body, dict):
        raise google_refusal(
            "Invalid JSON payload received. Expected a JSON object.", rule="json"
        )
    backend: Backend = "vertex" if publisher else "gemini_api"
    return Generation(model=model, name=name, body=body, backend=backend)


def _check_headers(settings: Settings, incoming: Incoming, refusal: Refuse) -> None:
    problems = header_problems(incoming.headers)
    if problems and settings.strict:
        told = "; ".join(f"{name}: {wrong}" for name, wrong in problems.items())
        raise refusal(400, 7000, f"Invalid request headers: {told}")
    if not settings.credit:
        raise refusal(402, 2021, _NO_CREDIT)
