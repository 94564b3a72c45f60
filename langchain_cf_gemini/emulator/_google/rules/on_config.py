"""Rules on generationConfig and on what a model takes: ranges, formats, thinking."""

from collections.abc import Iterator
from typing import Any

from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.rules.rule import Check, role_of

_MAX_ITEMS = 960


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
    # Vertex takes a budget of 0 for Gemini 3.1 Pro, the Gemini API refuses it.
    is_pro = asked.model.google_id == "gemini-3.1-pro-preview"
    takes_0 = asked.model.thinking_off and (asked.vertex or not is_pro)
    return asked.model.thinking_budget is not None and not takes_0


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
    schemas = [asked.output[0]]
    for declared in asked.declarations:
        schemas += [declared.get("parametersJsonSchema"), declared.get("parameters")]
    return any(_sum_of_max_items(each) > _MAX_ITEMS for each in schemas)


def _sum_of_max_items(schema: Any) -> int:
    if isinstance(schema, list):
        return sum(map(_sum_of_max_items, schema))
    if not isinstance(schema, dict):
        return 0
    own = str(schema.get("maxItems"))
    below = sum(map(_sum_of_max_items, schema.values()))
    return below + (int(own) if own.isdigit() else 0)


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
