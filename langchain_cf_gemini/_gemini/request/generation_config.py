"""Generation settings: the names LangChain users write, as Gemini's generationConfig.

Only what was set goes on the wire, and what Google is documented to refuse fails here,
before anything is sent.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from langchain_cf_gemini._gemini.json_values import is_number
from langchain_cf_gemini._gemini.request.response_format import (
    generation_config_from_response_format,
)
from langchain_cf_gemini._gemini.vocabulary import Json, camel_case, camel_keys

_CATEGORIES = (
    *("HATE_SPEECH", "DANGEROUS_CONTENT", "HARASSMENT", "SEXUALLY_EXPLICIT"),
    *("CIVIC_INTEGRITY", "IMAGE_HATE", "IMAGE_DANGEROUS_CONTENT", "IMAGE_HARASSMENT"),
    *("IMAGE_SEXUALLY_EXPLICIT", "JAILBREAK"),
)
_THRESHOLDS = (
    *("BLOCK_LOW_AND_ABOVE", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_ONLY_HIGH"),
    *("BLOCK_NONE", "OFF"),
)
# Google's levels are single words, and new ones come with new models.
_WORD = re.compile(r"[A-Za-z][A-Za-z_]{0,31}")
_MODALITIES = ("TEXT", "IMAGE", "AUDIO", "VIDEO")

# Fields of google-genai's GenerateContentConfig that stand elsewhere in a request.
_BESIDE = frozenset(
    {"systemInstruction", "tools", "toolConfig", "safetySettings", "cachedContent"}
    | {"labels", "httpOptions", "automaticFunctionCalling", "contents"}
)

_EXCLUSIVE = frozenset({"thinkingLevel", "thinkingBudget"})
_MOST_STOPS = 5

Read = Callable[[str, Any], Any]
"""Makes what goes on the wire of a setting's name and value; None is nothing."""


def number(
    low: float, high: float, *, whole: bool = False, below: bool = False
) -> Read:
    """Return a reader of numbers within limits; `below` leaves the upper one out."""
    kind = "a whole number" if whole else "a number"

    def read(name: str, value: Any) -> Any:
        right = isinstance(value, int) if whole else True
        right = right and is_number(value) and low <= value <= high
        if not right or (below and value == high):
            to = f" to below {high:,}" if below else f" to {high:,}"
            limits = f"from {low:,}" + (to if high < 2**31 else "")
            raise ValueError(f"{name} must be {kind} {limits}, not {value!r}.")
        return value

    return read


def stop_sequences(name: str, value: Any) -> list[str] | None:
    """Read the texts that end an answer."""
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, Sequence) or not all(
        isinstance(w, str) and w for w in words
    ):
        raise ValueError(f"{name} must be a list of non-empty strings, not {value!r}.")
    if len(words) > _MOST_STOPS:
        raise ValueError(f"{name} has {len(words)} strings, but Google's maximum is 5.")
    return list(words) or None


def word(known: Sequence[str], prefix: str = "") -> Read:
    """Return a reader of one of Google's words, in any case."""

    def read(name: str, value: Any) -> str:
        text = str(getattr(value, "value", value)).upper().removeprefix(prefix)
        if text not in known:
            listed = ", ".join(known)
            raise ValueError(f"{name} must be one of {listed}, not {value!r}.")
        return prefix + text

    return read


_modality = word(_MODALITIES)
_category = word(_CATEGORIES, "HARM_CATEGORY_")
_threshold = word(_THRESHOLDS)


def modalities(name: str, value: Any) -> list[str]:
    """Read one kind of output, or several."""
    listed = [value] if isinstance(value, str) else list(value)
    return [_modality(name, each) for each in listed]


def logprobs(name: str, value: Any) -> Json:
    """Read what becomes two fields: whether, and how many alternatives."""
    if isinstance(value, bool):
        return {"responseLogprobs": value}
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} must be True, False or a count, not {value!r}.")
    return {"responseLogprobs": True, "logprobs": value}


def an_object(name: str, value: Any) -> Json:
    """Read an object of Google's."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} must be a dict, not {type(value).__name__}.")
    return cast("Json", camel_case(value))


def thinking_config(settings: Mapping[str, Any]) -> Json:
    """Return `thinkingConfig`; what single models take of it, the model's rules say.

    Args:
        settings: What the caller set.

    Raises:
        ValueError: If a level is no word or a budget no number.
    """
    config: Json = {}
    level, budget = settings.get("thinking_level"), settings.get("thinking_budget")
    if level is not None:
        config["thinkingLevel"] = _level(level)
    if budget is not None:
        config["thinkingBudget"] = _budget(budget)
    if settings.get("include_thoughts") is not None:
        config["includeThoughts"] = bool(settings["include_thoughts"])
    return {"thinkingConfig": config} if config else {}


def _level(level: Any) -> str:
    word = getattr(level, "value", level)
    if not isinstance(word, str) or not _WORD.fullmatch(word):
        raise ValueError(f"thinking_level must be a word like 'low', not {level!r}.")
    return word.upper().removeprefix("THINKING_LEVEL_")


def _budget(budget: Any) -> int:
    if not isinstance(budget, int) or isinstance(budget, bool) or budget < -1:
        raise ValueError(
            "thinking_budget must be a number of tokens, 0 for none, or -1 to let the "
            f"model decide, not {budget!r}."
        )
    return budget


def config_from_settings(settings: Mapping[str, Any], plain: Json) -> Json:
    """Return the whole generationConfig.

    Args:
        settings: What the caller set, under canonical names.
        plain: What of it goes on the wire as it is.

    Raises:
        ValueError: If a setting is outside of what Google documents.
    """
    config = plain | thinking_config(settings)
    for name in ("response_schema", "response_format"):
        if (schema := settings.get(name)) is not None:
            wanted = generation_config_from_response_format(
                schema, dialect=settings.get("schema_dialect") or "json"
            )
            # A mime type set beside a schema is meant (text/x.enum); beside a format
            # for the call it is a leftover.
            named = {} if name == "response_format" else config
            config = {**config, **wanted, **named}
    whole = json_over(config, dict(settings.get("generation_config") or {}))
    thinking = whole.get("thinkingConfig")
    if isinstance(thinking, Mapping) and thinking.keys() >= _EXCLUSIVE:
        raise ValueError(
            "thinking_level and thinking_budget can't be combined. Use thinking_level "
            "for Gemini 3 and later, thinking_budget for Gemini 2.5."
        )
    return whole


def camel_config(own: Mapping[str, Any]) -> Json:
    """Return a caller's generationConfig in Google's spelling.

    Raises:
        ValueError: If it holds what belongs beside it, as google-genai's
            GenerateContentConfig does.
    """
    found = camel_keys(own)
    if beside := _BESIDE.intersection(key for key in found if found[key] is not None):
        raise ValueError(
            f"generation_config can't contain {', '.join(sorted(beside))}. Pass "
            "messages, tools, tool_config, safety_settings, cached_content and labels "
            "as their own arguments."
        )
    return cast("Json", camel_case(found))


def json_over(under: Mapping[str, Any], over: Mapping[str, Any]) -> Json:
    """Lay an object of Google's over another, key by key; schemas are not mixed."""
    both = dict(under)
    for key, value in over.items():
        old = both.get(key)
        if (
            "chema" in key
            or not isinstance(old, Mapping)
            or not isinstance(value, Mapping)
        ):
            both[key] = value
        else:
            both[key] = json_over(old, value)
    return both


def safety_settings_from(value: Any) -> list[Json]:
    """Return `safetySettings` from a dict category -> threshold or the wire's list.

    Raises:
        ValueError: If a category or a threshold is none of Google's.
    """
    if isinstance(value, Mapping):
        value = [{"category": c, "threshold": t} for c, t in value.items()]
    settings = []
    for entry in value:
        if not isinstance(entry, Mapping) or "category" not in entry:
            raise ValueError(
                "safety_settings must be a dict of category to threshold, or a list of "
                f"objects with category and threshold; it holds {entry!r}"
            )
        category = _category("safety category", entry["category"])
        threshold = _threshold("safety threshold", entry.get("threshold"))
        named = {"category": category, "threshold": threshold}
        settings.append({**camel_case(entry), **named})
    return settings
