"""The eight exchanges that Cloudflare's model pages show, answered by prompt."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from langchain_cf_gemini.emulator._google.models import CATALOGUE
from langchain_cf_gemini.emulator._google.responses import Generation
from langchain_cf_gemini.emulator.answers import Answer, exactly


@cache
def documented_exchanges() -> Sequence[Mapping[str, Any]]:
    """Request and response of each documented exchange."""
    data = files("langchain_cf_gemini.emulator") / "data/documented_exchanges.json"
    exchanges: list[dict[str, Any]] = json.loads(data.read_text("utf-8"))["exchanges"]
    return exchanges


def documented_answer(generation: Generation) -> Answer | None:
    """The documented answer to this conversation with this model, if there is one."""
    if generation.declarations or "responseMimeType" in generation.config:
        return None
    for exchange in documented_exchanges():
        request = exchange["request"]
        if (
            CATALOGUE[request["model"]] is generation.model
            and _said(request["input"]) == _said(generation.body)
            and _length_allows(exchange, generation)
        ):
            return exactly(exchange["response"])
    return None


def _said(body: Mapping[str, Any]) -> list[list[Any]]:
    contents = body.get("contents", ())
    return [
        [part.get("text") for part in content.get("parts") or ()]
        for content in contents
    ]


def _length_allows(exchange: Mapping[str, Any], generation: Generation) -> bool:
    """An answer that was cut short is one only for the limit that cut it."""
    limit = generation.config.get("maxOutputTokens")
    if exchange["response"]["candidates"][0]["finishReason"] == "MAX_TOKENS":
        asked = exchange["request"]["input"]["generationConfig"]["maxOutputTokens"]
        return bool(limit == asked)
    usage = exchange["response"]["usageMetadata"]
    spent = usage["candidatesTokenCount"] + usage.get("thoughtsTokenCount", 0)
    return limit is None or bool(limit >= spent)
