"""Rules on generationConfig and on what a model takes: ranges, formats, thinking."""

import json
import re
from collections.abc import Iterator

from langchain_cf_gemini.emulator._google.generation import Generation, role_of
from langchain_cf_gemini.emulator._google.rules import Check

_MAX_ITEMS = re.compile(r'"maxItems": "?(\d+)')
_MOST_ITEMS = 960


def _schemas_without_json(asked: Generation) -> Iterator[tuple[object, ...]]:
    if asked.config.get("responseMimeType", "text/plain") in ("text/plain", ""):
        for name in ("responseSchema", "responseJsonSchema"):
            if name in asked.config:
                yield (name,)


def _level(asked: Generation) -> str:
    level = str(asked.thinking.get("thinkingLevel", ""))
    return "" if level == "THINKING_LEVEL_UNSPECIFIED" else level


def _unknown_level(asked: Generation) -> Iterator[tuple[object, ...]]:
    level, known = _level(asked), asked.model.thinking_levels
    if level and known and level not in known:
        yield (level,)


def _budget(asked: Generation) -> int | None:
    """The budget, if it is one in tokens for a model that takes it."""
    budget = asked.thinking.get("thinkingBudget")
    return None if budget == -1 or asked.model.generation >= 4 else budget


def _must_think(asked: Generation) -> bool:
    model = asked.model
    return model.thinking_budget is not None and asked.backend not in model.thinking_off


def _budget_out_of_range(asked: Generation) -> Iterator[tuple[object, ...]]:
    budget, (low, high) = _budget(asked), asked.model.thinking_budget or (0, 2**31)
    if budget and not low <= budget <= high:
        yield max(1, low), high, budget


def _is_newer(asked: Generation) -> bool:
    """Whether the model is of the line that began with 3.5 Flash-Lite and 3.6."""
    model = asked.model
    return model.generation >= 3.6 or model.google_id == "gemini-3.5-flash-lite"


def _is_long_in_one_piece(asked: Generation) -> bool:
    one_piece = not (asked.stream or asked.body.get("continuationToken"))
    is_argon = asked.model.google_id == "gemini-4-argon" and not asked.vertex
    most = asked.config.get("maxOutputTokens") or 0
    return is_argon and one_piece and most > 32_768


def _refuses_logprobs(asked: Generation) -> bool:
    refuses = asked.model.generation >= 3 and (asked.stream or not asked.vertex)
    return refuses and bool(asked.config.get("responseLogprobs"))


def _has_many_items(asked: Generation) -> bool:
    declared = "tools[].functionDeclarations[]"
    paths = (f"{declared}.parameters", f"{declared}.parametersJsonSchema")
    for schema in (asked.output[0], *(held for _, held in asked.at(*paths))):
        if sum(map(int, _MAX_ITEMS.findall(json.dumps(schema)))) > _MOST_ITEMS:
            return True
    return False


_BESIDE_CACHE = {"systemInstruction", "tools", "toolConfig"}
_PENALTIES = {"presencePenalty", "frequencyPenalty"}
CHECKS: dict[str, Check] = {
    "logprobs": lambda asked: bool(
        asked.config.get("logprobs") and not asked.config.get("responseLogprobs")
    ),
    "JSON for a schema": _schemas_without_json,
    "thinking level": lambda asked: (
        bool(_level(asked)) and not asked.model.thinking_levels
    ),
    "thinking level of the model": _unknown_level,
    "thinking": lambda asked: (
        bool(_budget(asked)) and asked.model.thinking_budget is None
    ),
    "thinking off": lambda asked: _budget(asked) == 0 and _must_think(asked),
    "thinking budget": _budget_out_of_range,
    "penalties of newer models": lambda asked: (
        _is_newer(asked) and bool(_PENALTIES & asked.config.keys())
    ),
    "model turn last": lambda asked: (
        _is_newer(asked) and [*map(role_of, asked.contents)][-1:] == ["model"]
    ),
    "long answers in one piece": _is_long_in_one_piece,
    "logprobs in whole answers of Vertex AI": _refuses_logprobs,
    "size of schemas": _has_many_items,
    "cached content alone": lambda asked: bool(
        asked.body.get("cachedContent") and _BESIDE_CACHE & asked.body.keys()
    ),
}
