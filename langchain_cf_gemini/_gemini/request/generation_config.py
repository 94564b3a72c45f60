"""Generation settings: the names LangChain users write, as Gemini's generationConfig.

Only what was set goes on the wire, and what Google is documented to refuse fails here,
before anything is sent.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_cf_gemini._gemini.request.response_format import (
    generation_config_from_response_format,
)
from langchain_cf_gemini._gemini.vocabulary import Json, camel_case, camel_keys

THINKING_LEVELS = ("minimal", "low", "medium", "high")
_RESOLUTIONS = ("LOW", "MEDIUM", "HIGH")
_CATEGORIES = (
    "HATE_SPEECH",
    "DANGEROUS_CONTENT",
    "HARASSMENT",
    "SEXUALLY_EXPLICIT",
    "CIVIC_INTEGRITY",
    "IMAGE_HATE",
    "IMAGE_DANGEROUS_CONTENT",
    "IMAGE_HARASSMENT",
    "IMAGE_SEXUALLY_EXPLICIT",
    "JAILBREAK",
)
_THRESHOLDS = (
    "BLOCK_LOW_AND_ABOVE",
    "BLOCK_MEDIUM_AND_ABOVE",
    "BLOCK_ONLY_HIGH",
    "BLOCK_NONE",
    "OFF",
)
_MODALITIES = ("TEXT", "IMAGE", "AUDIO", "VIDEO")

Write = Callable[[str, Any], Json]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(key: str, low: float, high: float, *, whole: bool = False) -> Write:
    kind = "a whole number" if whole else "a number"

    def write(name: str, value: Any) -> Json:
        right = isinstance(value, int) if whole else True
        if not (_is_number(value) and right and low <= value <= high):
            limits = f"from {low:g}" + (f" to {high:g}" if high < 2**31 else "")
            raise ValueError(f"{name} must be {kind} {limits}, not {value!r}")
        return {key: value}

    return write


def _as_is(key: str) -> Write:
    return lambda _, value: {key: value}


def _stop(name: str, value: Any) -> Json:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, Sequence) or not all(
        isinstance(w, str) and w for w in words
    ):
        raise ValueError(f"{name} must be a list of non-empty strings, not {value!r}")
    return {"stopSequences": list(words)} if words else {}


def _words(key: str, known: Sequence[str], prefix: str = "") -> Write:
    """Write a word or a list of words; new words of Google's pass if they look so."""

    def word(name: str, value: Any) -> str:
        text = str(getattr(value, "value", value)).upper().removeprefix(prefix)
        if text not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")
        return prefix + text

    def write(name: str, value: Any) -> Json:
        if isinstance(value, list | tuple):
            return {key: [word(name, v) for v in value]}
        return {key: word(name, value)}

    return write


def _modalities(name: str, value: Any) -> Json:
    listed = [value] if isinstance(value, str) else list(value)
    return _words("responseModalities", _MODALITIES)(name, listed)


def _logprobs(name: str, value: Any) -> Json:
    if isinstance(value, bool):
        return {"responseLogprobs": value}
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"{name} must be True, False or a count, not {value!r}")
    return {"responseLogprobs": True, "logprobs": value}


def _object(key: str) -> Write:
    def write(name: str, value: Any) -> Json:
        if not isinstance(value, Mapping):
            raise ValueError(f"{name} must be a dict, not {type(value).__name__}")
        return {key: camel_case(value)}

    return write


def _a(kinds: type | tuple[type, ...], said: str) -> Callable[[Any], str | None]:
    return lambda value: None if isinstance(value, kinds) else said


def _one_of(*words: str) -> Callable[[Any], str | None]:
    return lambda value: None if value in words else f"one of {', '.join(words)}"


def _time(value: Any) -> str | None:
    # An `httpx.Timeout`, which this module does not know, has its limits as fields.
    right = _is_number(value) or hasattr(value, "connect")
    return None if right else "a number of seconds or an httpx.Timeout"


def _count(value: Any) -> str | None:
    right = isinstance(value, int) and _is_number(value) and value >= 0
    return None if right else "a whole number from 0"


_DICT = _a(Mapping, "a dict")
_TEXT = _a(str, "a string")
# The fields are checked by pydantic, a call's own arguments are not.
_CHECKS: Mapping[str, Callable[[Any], str | None]] = {
    "cached_content": _TEXT,
    "default_headers": _DICT,
    "generation_config": _DICT,
    "include_thoughts": _a(bool, "True or False"),
    "labels": _DICT,
    "max_retries": _count,
    "media_urls": _one_of("inline", "pass"),
    "response_mime_type": _TEXT,
    "response_modalities": _a((str, list, tuple), "a list of words"),
    "safety_settings": _a((Mapping, list, tuple), "a dict or a list"),
    "schema_dialect": _one_of("json", "openapi"),
    "timeout": _time,
    "tool_config": _DICT,
}

_WRITERS: Mapping[str, Write] = {
    # 1000 is refused with "supported range is from 0 (inclusive) to 2.0001".
    "temperature": _number("temperature", 0, 2),
    "top_p": _number("topP", 0, 1),
    "top_k": _number("topK", 1, 2**31),
    "max_tokens": _number("maxOutputTokens", 1, 2**31, whole=True),
    "stop": _stop,
    "seed": _number("seed", -(2**31), 2**31 - 1, whole=True),
    "presence_penalty": _number("presencePenalty", -2, 2),
    "frequency_penalty": _number("frequencyPenalty", -2, 2),
    "n": _number("candidateCount", 1, 8, whole=True),
    "response_mime_type": _as_is("responseMimeType"),
    "response_modalities": _modalities,
    "media_resolution": _words("mediaResolution", _RESOLUTIONS, "MEDIA_RESOLUTION_"),
    "speech_config": _object("speechConfig"),
    "image_config": _object("imageConfig"),
    "logprobs": _logprobs,
}

ALIASES = {
    "model_name": "model",
    "max_output_tokens": "max_tokens",
    "stop_sequences": "stop",
    "candidate_count": "n",
    "reasoning_effort": "thinking_level",
    "request_timeout": "timeout",
    "api_key": "api_token",
}
"""Other names of fields, understood by the constructor and by every call."""

GENERATION = frozenset(
    {
        *_WRITERS,
        "thinking_level",
        "thinking_budget",
        "include_thoughts",
        "response_schema",
        "generation_config",
    }
)
"""The settings that make up generationConfig."""


def thinking_config(
    settings: Mapping[str, Any], model: str, levels: Sequence[str] | None
) -> Json:
    """Return `thinkingConfig` after the rules documented per model.

    Args:
        settings: What the caller set.
        model: The model's bare id.
        levels: The levels that the model is documented to take; None if unknown.

    Raises:
        ValueError: If level and budget are both set, or the model takes neither.
    """
    config: Json = {}
    level, budget = settings.get("thinking_level"), settings.get("thinking_budget")
    if level is not None and budget is not None:
        raise ValueError(
            "thinking_level and thinking_budget exclude each other: Gemini 3 takes the "
            "level, Gemini 2.5 the budget"
        )
    if level is not None:
        config["thinkingLevel"] = _level(str(level), model, levels)
    if budget is not None:
        config["thinkingBudget"] = _budget(budget, model)
    if settings.get("include_thoughts") is not None:
        config["includeThoughts"] = bool(settings["include_thoughts"])
    return {"thinkingConfig": config} if config else {}


def _level(level: str, model: str, levels: Sequence[str] | None) -> str:
    word = level.lower()
    if word not in THINKING_LEVELS:
        known = ", ".join(THINKING_LEVELS)
        raise ValueError(f"thinking_level must be one of {known}, not {level!r}")
    if levels is not None and word not in levels:
        if levels:
            raise ValueError(
                f"{model} takes thinking_level {', '.join(levels)}, not {level!r}"
            )
        raise ValueError(
            f"{model} takes no thinking_level but a thinking_budget in tokens"
        )
    return word.upper()


def _budget(budget: Any, model: str) -> int:
    if not isinstance(budget, int) or isinstance(budget, bool) or budget < -1:
        raise ValueError(
            "thinking_budget must be a number of tokens, 0 for none or -1 for as many "
            f"as the model wants, not {budget!r}"
        )
    if budget == 0 and "2.5-pro" in model:
        raise ValueError(f"{model} cannot stop thinking: thinking_budget 0 is refused")
    return budget


def config_from_settings(
    settings: Mapping[str, Any], model: str, levels: Sequence[str] | None
) -> Json:
    """Return the whole generationConfig.

    Args:
        settings: What the caller set, under canonical names.
        model: The model's bare id.
        levels: The thinking levels that the model is documented to take; None if
            unknown.

    Raises:
        ValueError: If a setting is outside of what Google documents.
    """
    config = _plain_config(settings) | thinking_config(settings, model, levels)
    for name in ("response_schema", "response_format"):
        if (schema := settings.get(name)) is not None:
            wanted = generation_config_from_response_format(
                schema, dialect=settings.get("schema_dialect") or "json"
            )
            # A mime type set beside a schema is meant (text/x.enum); beside a format
            # for the call it is a leftover.
            named = {} if name == "response_format" else config
            config = {**config, **wanted, **named}
    if own := settings.get("generation_config"):
        config |= _camel_case_config(own)
    return config


def _camel_case_config(own: Mapping[str, Any]) -> Json:
    """Return a caller's generationConfig; schemas in it are left as they are."""
    return {
        key: value if "chema" in key else camel_case(value)
        for key, value in camel_keys(own).items()
    }


def _plain_config(settings: Mapping[str, Any]) -> Json:
    config: Json = {}
    for name, value in settings.items():
        if value is None:
            continue
        if (check := _CHECKS.get(name)) and (wanted := check(value)):
            raise ValueError(f"{name} must be {wanted}, not {value!r}")
        if write := _WRITERS.get(name):
            config |= write(name, value)
    return config


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
        category = _SAFETY["category"]("safety category", entry["category"])
        rest = {k: v for k, v in entry.items() if k not in ("category", "threshold")}
        threshold = _SAFETY["threshold"]("safety threshold", entry.get("threshold"))
        settings.append({**category, **threshold, **rest})
    return settings


_SAFETY: Mapping[str, Write] = {
    "category": _words("category", _CATEGORIES, "HARM_CATEGORY_"),
    "threshold": _words("threshold", _THRESHOLDS),
}


def canonical(settings: Mapping[str, Any], known: frozenset[str], where: str) -> Json:
    """Return settings under their canonical names; those win over their aliases.

    Raises:
        TypeError: If a name is unknown, with the nearest known one.
    """
    named: Json = {}
    for name, value in settings.items():
        field = ALIASES.get(name, name)
        if field not in known:
            from difflib import get_close_matches

            near = get_close_matches(name, [*known, *ALIASES], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"{where} has no argument {name!r}{hint}")
        if field == name or field not in settings:
            named[field] = value
    return named
