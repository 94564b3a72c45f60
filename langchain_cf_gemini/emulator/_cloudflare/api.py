"""Calls beside the models: the catalogue, feedback on logs, Google's own list."""

from datetime import UTC, datetime
from typing import Any

from langchain_cf_gemini.emulator._cloudflare.account import FEEDBACK, LOGS, RUN
from langchain_cf_gemini.emulator._cloudflare.doors import check_google_key, check_v4
from langchain_cf_gemini.emulator._cloudflare.service import Service
from langchain_cf_gemini.emulator._exchange import Exchange
from langchain_cf_gemini.emulator._google import models
from langchain_cf_gemini.emulator._messages import Incoming, Outgoing, json_answer
from langchain_cf_gemini.emulator._refusals import (
    google_refusal,
    unserved,
    v4_refusal,
    v4_success,
)

_PER_PAGE, _MAX_DIGITS = 50, 9
_FEEDBACK_FIELDS = {"feedback": int | float, "score": int | float, "metadata": dict}


def catalogue(service: Service, incoming: Incoming, account: str) -> Outgoing:
    """`GET /client/v4/accounts/{account}/ai/catalog/models`, page by page.

    The address is from a third party's code; the fields are those of the catalogue
    pages.
    """
    check_v4(service.settings, incoming, account, RUN)
    page = _number(incoming, "page", 1)
    # A guess: Cloudflare's lists give less where more is asked for.
    size = min(_number(incoming, "per_page", _PER_PAGE), _PER_PAGE)
    listed = list(models.CATALOGUE.values())
    shown = listed[(page - 1) * size : page * size]
    info = {
        "page": page,
        "per_page": size,
        "count": len(shown),
        "total_count": len(listed),
        "total_pages": -(-len(listed) // size),
    }
    return v4_success([_entry(model) for model in shown], result_info=info)


def _number(incoming: Incoming, name: str, usual: int) -> int:
    text = incoming.query.get(name, str(usual))
    if not text.isdecimal() or len(text) > _MAX_DIGITS or not int(text):
        raise v4_refusal(400, 7000, f"{name} must be a number from 1, not {text!r}")
    return int(text)


def _entry(model: models.Model) -> dict[str, Any]:
    return {
        "id": model.catalogue_id,
        "name": model.catalogue_id,
        "provider": "google",
        "task": "Text Generation",
        "request_formats": ["generate-content", "chat-completions"],
        "supports_async": False,
    }


def log_entry(
    service: Service, incoming: Incoming, account: str, gateway: str, log_id: str
) -> Outgoing:
    """`GET` and `PATCH` of a gateway log: read it, or leave feedback on it."""
    permission = FEEDBACK if incoming.method == "PATCH" else LOGS
    check_v4(service.settings, incoming, account, permission)
    logged = {e.response_headers.get("cf-aig-log-id"): e for e in service.journal}
    if gateway not in service.settings.gateways:
        raise v4_refusal(400, 2001, f"Gateway {gateway!r} does not exist")
    if log_id not in logged:
        raise v4_refusal(404, 7002, f"Log {log_id!r} not found")
    left = service.feedback.get(log_id) or {}
    if incoming.method == "PATCH":
        left = {**left, **_feedback(incoming)}
        service.feedback.keep(log_id, left, len(incoming.body))
    return v4_success({"id": log_id, **_logged(logged[log_id]), **left})


def _logged(exchange: Exchange) -> dict[str, Any]:
    """What Cloudflare's reference says of a log entry, as far as it is known here."""
    return {
        "cached": exchange.cached,
        "cost": exchange.cost,
        "created_at": datetime.fromtimestamp(exchange.at, UTC).isoformat(),
        "duration": round(exchange.seconds * 1000),
        "model": exchange.model,
        "path": exchange.path,
        "provider": "google" if exchange.route == "run" else "google-ai-studio",
        "status_code": exchange.status,
        "success": exchange.status == 200,
        "tokens_in": exchange.usage.get("promptTokenCount", 0),
        "tokens_out": exchange.usage.get("candidatesTokenCount", 0),
    }


def verify_token(
    service: Service, incoming: Incoming, account: str | None = None
) -> Outgoing:
    """`GET` of `/accounts/{account}/tokens/verify` and of `/user/tokens/verify`."""
    check_v4(service.settings, incoming, account or service.settings.account_id)
    return v4_success({"id": "emulated", "status": "active"})


def _feedback(incoming: Incoming) -> dict[str, Any]:
    body = incoming.json()
    if not isinstance(body, dict):
        raise v4_refusal(400, 7000, "Invalid request body: not a JSON object")
    for name, value in body.items():
        kinds = _FEEDBACK_FIELDS.get(name)
        if kinds is None or not isinstance(value, kinds):
            known = ", ".join(_FEEDBACK_FIELDS)
            said = f"Invalid request body: {name}={value!r:.80}. Known: {known}."
            raise v4_refusal(400, 7000, said)
    return body


def google_models(
    service: Service, incoming: Incoming, model: str | None = None
) -> Outgoing:
    """`GET /{version}/models` and `GET /{version}/models/{model}`."""
    check_google_key(service.settings, incoming)
    if model is None:
        return json_answer(
            200, {"models": [_google_entry(known) for known in models.MODELS]}
        )
    known = models.model_from_google_id(model)
    if known is None:
        raise google_refusal(f"Model is not found: models/{model}", code=404)
    return json_answer(200, _google_entry(known))


def unserved_path(service: Service, incoming: Incoming) -> Outgoing:
    """Any other path, refused by whoever would serve it."""
    raise unserved(incoming.path)


def _google_entry(model: models.Model) -> dict[str, Any]:
    return {
        "name": f"models/{model.google_id}",
        "displayName": model.google_id,
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
        "thinking": model.thinking_budget is not None,
    }
