"""Google's list of models, for clients that ask before they talk."""

from typing import Any

from langchain_cf_gemini.emulator._cloudflare.refusals import google_refusal
from langchain_cf_gemini.emulator._cloudflare.service import Service
from langchain_cf_gemini.emulator._google.models import (
    MODELS,
    Model,
    model_from_google_id,
)
from langchain_cf_gemini.emulator._messages import Incoming, Outgoing, json_answer


def google_models(
    service: Service, incoming: Incoming, model: str | None = None
) -> Outgoing:
    """`GET /{version}/models` and `GET /{version}/models/{model}`."""

    def answer() -> Outgoing:
        service.check_key(incoming)
        if model is None:
            return json_answer(200, {"models": [_entry(known) for known in MODELS]})
        known = model_from_google_id(model)
        if known is None:
            raise google_refusal(f"Model is not found: models/{model}", code=404)
        return json_answer(200, _entry(known))

    return service.other(incoming, "models", answer)


def _entry(model: Model) -> dict[str, Any]:
    return {
        "name": f"models/{model.google_id}",
        "displayName": model.google_id,
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
        "thinking": model.thinking_budget is not None,
    }
