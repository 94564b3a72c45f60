"""The three doors to a model: Cloudflare's `/ai/run`, its gateway, Google's own path.

Each door checks account and token and finds the model; each refuses in its own shape.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from langchain_cf_gemini.emulator._cloudflare.account import (
    GATEWAY_RUN,
    RUN,
    AccountRules,
    same,
)
from langchain_cf_gemini.emulator._cloudflare.gateway import options_from_headers
from langchain_cf_gemini.emulator._cloudflare.rate_limit import Rate
from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.models import (
    CATALOGUE,
    NEWEST,
    Model,
    model_from_google_id,
)
from langchain_cf_gemini.emulator._messages import Incoming
from langchain_cf_gemini.emulator._refusals import (
    Refuse,
    gateway_refusal,
    google_refusal,
    v4_refusal,
)

ACCOUNT_ID = "0123456789abcdef0123456789abcdef"
API_TOKEN = "emulator-token-not-a-secret"
GATEWAY = "default"
Unscripted = Literal["invent", "fail", "fail_if_scripted"]
_NO_CREDIT = "Insufficient credits. Please add more credits to your account."
_NO_CHAT = " (the emulator speaks Generate Content, not Chat Completions)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Who may ask, how strictly requests are judged, and who answers them.

    `models` are ids that Google or Cloudflare may name beside the known ones, each with
    the known one whose rules it follows.
    """

    account_id: str = ACCOUNT_ID
    api_token: str = API_TOKEN
    gateway: str = GATEWAY
    strict: bool = True
    foreign_signatures: bool = False
    credit: bool = True
    unscripted: Unscripted = "invent"
    check_answers: bool = True
    models: Mapping[str, Model] = field(default_factory=dict)
    rules: AccountRules = field(default_factory=AccountRules)
    rate_limit: Rate | None = None

    def __post_init__(self) -> None:
        """Refuse a word that means nothing."""
        if self.unscripted not in get_args(Unscripted):
            known = ", ".join(get_args(Unscripted))
            raise ValueError(
                f"unscripted must be one of {known}, not {self.unscripted!r}."
            )

    def lets_in(self, sent: str, permission: str = "") -> bool:
        """Whether a token has a permission; the account's own has all."""
        return same(sent, self.api_token) or self.rules.permits(sent, permission)

    def model(self, name: str, known: Model | None) -> Model | None:
        """The model of an id: known, added, or unknown and taken for the newest."""
        google_id = name.removeprefix("google/")
        if known is None and (added := self.models.get(google_id)):
            known = replace(added, google_id=google_id)
        if known is None and not self.strict:
            known = replace(NEWEST, google_id=google_id)
        return known


def run_asked(
    settings: Settings, incoming: Incoming, account: str, model: str | None = None
) -> Generation:
    """What `POST /client/v4/accounts/{account}/ai/run` asks.

    Cloudflare's own SDK names the model in the path, and sends the input alone.
    """
    check_v4(settings, incoming, account, RUN)
    gateway = incoming.headers.get("cf-aig-gateway-id", settings.gateway)
    if gateway not in (settings.gateway, GATEWAY):
        raise v4_refusal(400, 2001, f"Gateway {gateway!r} does not exist")
    _check_headers(settings, incoming, v4_refusal)
    envelope = incoming.json()
    if not isinstance(envelope, dict):
        raise v4_refusal(400, 7000, "Invalid request body")
    if model is not None:
        envelope = {"model": model, "input": envelope}
    name, body = envelope.get("model"), envelope.get("input")
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
            403, 10000, f"Authentication error: no access to account {account}"
        )


def gateway_asked(
    settings: Settings,
    incoming: Incoming,
    *,
    account: str,
    gateway: str,
    model: str,
    publisher: str = "",
) -> Generation:
    """What a provider-native path of the gateway host asks.

    Args:
        settings: Who may ask.
        incoming: The request.
        account: Account id.
        gateway: Gateway name.
        model: Google's model id.
        publisher: Vertex AI's "projects/…/publishers/google"; empty for the Gemini API.
    """
    known = (settings.gateway, GATEWAY)
    if account != settings.account_id or gateway not in known:
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
    if not publisher:
        return _google_asked(settings, incoming, model)
    if settings.model(model, model_from_google_id(model)) is None:
        name = f"{publisher}/models/{model}"
        raise google_refusal(
            f"Publisher Model `{name}` not found.", code=404, rule="model"
        )
    return replace(_google_asked(settings, incoming, model), backend="vertex")


def custom_domain_asked(
    settings: Settings, incoming: Incoming, model: str
) -> Generation:
    """What the gateway's custom domain asks, which names no account and gateway."""
    account, gateway = settings.account_id, settings.gateway
    return gateway_asked(
        settings, incoming, account=account, gateway=gateway, model=model
    )


def google_asked(settings: Settings, incoming: Incoming, model: str) -> Generation:
    """What Google's own path asks; the key is the emulator's token."""
    check_google_key(settings, incoming)
    return _google_asked(settings, incoming, model)


def check_google_key(settings: Settings, incoming: Incoming) -> None:
    """Check the key of a call to Google's own path."""
    key = incoming.headers.get("x-goog-api-key") or incoming.query.get("key", "")
    if not same(key, settings.api_token):
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


def _google_asked(settings: Settings, incoming: Incoming, name: str) -> Generation:
    model = settings.model(name, model_from_google_id(name))
    if model is None:
        raise google_refusal(
            f"models/{name} is not found for API version v1beta, or is not supported "
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
    return Generation(model=model, name=name, body=body, backend="gemini_api")


def _check_headers(settings: Settings, incoming: Incoming, refusal: Refuse) -> None:
    problems = options_from_headers(incoming.headers).problems
    if problems and settings.strict:
        raise refusal(400, 7000, f"Invalid request headers: {'; '.join(problems)}")
    if not settings.credit:
        raise refusal(402, 2021, _NO_CREDIT)
