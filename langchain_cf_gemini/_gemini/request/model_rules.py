"""What single models and backends refuse or ignore, read before anything is sent.

Rules hold for models that are known; what nobody knows yet is sent as it is. Sources:
Google's model pages and public reports of its 400s, named beside each rule.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from langchain_cf_gemini._gemini.vocabulary import Json

# Before Gemini 3 calls went unsigned and without ids, and media could not stand in a
# tool's result. Names that do not say their generation (`gemini-flash-latest`) mean a
# newer one.
_BEFORE_3: Final = re.compile(r"gemini-(1|2)(\.|-)")


def is_before_gemini_3(model: str) -> bool:
    """Tell whether a bare model id names a model of the first two generations."""
    return bool(_BEFORE_3.match(model))


class ModelFacts(Protocol):
    """What the rules want to know of a model."""

    @property
    def id(self) -> str:
        """The name to call it by."""

    @property
    def thinking_levels(self) -> tuple[str, ...] | None:
        """The levels that it takes, lower case; None if unknown."""

    @property
    def refuses(self) -> tuple[str, ...]:
        """Names of `RULES`; `@` and a backend after one limit it to that backend."""

    @property
    def ignores(self) -> tuple[str, ...]:
        """Keys of generationConfig without effect."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that some models refuse.

    Attributes:
        breaks: Whether a body does it.
        says: What is wrong, after the model's name, and what to do instead.
        is_of_whole: Whether only whole answers are refused, not streams.
    """

    breaks: Callable[[Json], bool]
    says: str
    is_of_whole: bool = False


def _config(body: Json, key: str = "generationConfig") -> Json:
    found = body.get(key)
    return found if isinstance(found, dict) else {}


def _thinking(body: Json) -> Json:
    return _config(_config(body), "thinkingConfig")


def _has_candidates(body: Json) -> bool:
    count = _config(body).get("candidateCount")
    return isinstance(count, int) and count > 1


def _ends_with_model_turn(body: Json) -> bool:
    contents = body.get("contents") or [{}]
    return bool(contents[-1].get("role") == "model")


def _has_zero_budget(body: Json) -> bool:
    return _thinking(body).get("thinkingBudget") == 0


def _configures_no_function(body: Json) -> bool:
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig")
    tools = body.get("tools") or ()
    return bool(calling and tools) and not any(
        tool.get("functionDeclarations") for tool in tools
    )


def _has_tools_beside_json(body: Json) -> bool:
    mime_type = _config(body).get("responseMimeType")
    return bool(body.get("tools")) and mime_type == "application/json"


def _has_tools_beside_functions(body: Json) -> bool:
    kinds = {kind for tool in body.get("tools") or () for kind in tool}
    return "functionDeclarations" in kinds and len(kinds) > 1


def _is_long(body: Json) -> bool:
    most = _config(body).get("maxOutputTokens")
    is_long = isinstance(most, int) and most > _LONGEST_WHOLE
    return is_long and "continuationToken" not in body


_LONGEST_WHOLE: Final = 32_768
_PENALTIES: Final = frozenset({"presencePenalty", "frequencyPenalty"})
_IN_CACHE: Final = frozenset({"systemInstruction", "tools", "toolConfig"})

# LibreChat-AI/agents#323, #412, #499 (model turn); Google's pages on Gemini 4 and on
# long decode (penalties, candidates, budgets, caches, long answers).
RULES: Final[Mapping[str, Rule]] = {
    "model_turn_last": Rule(
        _ends_with_model_turn,
        "rejects a conversation that ends with an AIMessage (Google: 'Requests ending "
        "with a model turn are not supported.'). End it with a HumanMessage or the "
        "ToolMessages of its tool calls",
    ),
    "penalties": Rule(
        lambda body: bool(_PENALTIES & _config(body).keys()),
        "doesn't support presence_penalty and frequency_penalty (Google: 'Penalty is "
        "not enabled for this model'). Leave them out",
    ),
    "candidates": Rule(
        _has_candidates,
        "returns one candidate (Google: 'Multiple candidates is not enabled for this "
        "model'). Leave n out and send several requests, for example with batch()",
    ),
    "thinking_budget": Rule(
        lambda body: "thinkingBudget" in _thinking(body),
        "doesn't support thinking_budget. Use thinking_level",
    ),
    "zero_budget": Rule(
        _has_zero_budget,
        "can't turn thinking off (Google: 'Budget 0 is invalid. This model only works "
        "in thinking mode.'). Use a small thinking_budget or a low thinking_level",
    ),
    "long_unary": Rule(
        _is_long,
        f"returns at most {_LONGEST_WHOLE:,} tokens in a non-streaming response and "
        "rejects a higher max_tokens. Set streaming=True, so that invoke() streams",
        is_of_whole=True,
    ),
    "tools_beside_json": Rule(
        _has_tools_beside_json,
        "doesn't support tools together with JSON output (Google: 'Function calling "
        "with a response mime type: 'application/json' is unsupported'). Leave one of "
        "them out, or use with_structured_output(method='function_calling')",
    ),
    "tools_beside_functions": Rule(
        _has_tools_beside_functions,
        "doesn't support functions together with Google's own tools (Google: 'Tool use "
        "with function calling is unsupported'). Send two requests, or use a model of "
        "Gemini 3",
    ),
    "cached_content": Rule(
        lambda body: "cachedContent" in body,
        "has no explicit context cache. Leave cached_content out; repeated input is "
        "cached automatically",
    ),
}

# What every model refuses.
_ALWAYS: Final = (
    Rule(
        lambda body: "cachedContent" in body and bool(_IN_CACHE & body.keys()),
        "doesn't accept a system message, tools or tool_config together with "
        "cached_content (Google: 'Tool config, tools and system instruction should not "
        "be set in the request when using cached content.'). Put them in the cache",
    ),
    Rule(
        lambda body: (
            _has_zero_budget(body) and bool(_thinking(body).get("includeThoughts"))
        ),
        "has no thoughts to return with thinking_budget=0. Leave include_thoughts out "
        "or raise thinking_budget",
    ),
    Rule(
        _configures_no_function,
        "supports tool_choice for functions only, and none is bound. Leave tool_choice "
        "out; Gemini decides when to use built-in tools",
    ),
)
_LOGPROBS: Final = (
    "returns logprobs only for endpoint='run' without streaming. Leave logprobs out, "
    "or use invoke() with endpoint='run'"
)
_OTHER: Final = {
    "gemini_api": ", or use endpoint='run', which supports it",
    "vertex_ai": ", or use endpoint='gateway', which supports it",
}


def refusal(
    body: Json,
    model: ModelFacts | None,
    backend: str | None,
    *,
    stream: bool | None = None,
) -> str | None:
    """Tell why a model would refuse a request.

    Args:
        body: The request in camelCase, or only the part of it that is known yet.
        model: The model; None if nobody knows it, which refuses nothing.
        backend: `vertex_ai` or `gemini_api`; None for what both of them refuse.
        stream: Whether a stream is asked for; None if that is not known yet.

    Returns:
        What is wrong and what to do, or None.
    """
    if model is None:
        return None
    if level := _refused_level(body, model):
        return level
    for name in model.refuses:
        known, _, only = name.partition("@")
        rule = RULES[known]
        applies = only in ("", backend) and not (
            rule.is_of_whole and stream is not False
        )
        if applies and rule.breaks(body):
            return f"{model.id} {rule.says}{_OTHER.get(only, '')}."
    for every in _ALWAYS:
        if every.breaks(body):
            return f"{model.id} {every.says}."
    wants_logprobs = _config(body).get("responseLogprobs") is True
    if wants_logprobs and (backend == "gemini_api" or (backend and stream)):
        return f"{model.id} {_LOGPROBS}."
    return None


def _refused_level(body: Json, model: ModelFacts) -> str | None:
    levels, level = model.thinking_levels, _thinking(body).get("thinkingLevel")
    if level is None or levels is None or str(level).lower() in levels:
        return None
    if not levels:
        return (
            f"{model.id} doesn't support thinking_level. Use thinking_budget (tokens)."
        )
    word, known = str(level).lower(), ", ".join(levels)
    if word in _LEVELS:
        return f"{model.id} supports thinking_level {known}, not {word!r}."
    return f"thinking_level must be one of {known} for {model.id}, not {word!r}."


_LEVELS: Final = frozenset({"minimal", "low", "medium", "high", "xhigh"})
_SAID: Final = {"topP": "top_p", "topK": "top_k"}


def ignored(body: Json, model: ModelFacts | None) -> str | None:
    """Tell which settings of a request have no effect on a model, or None."""
    found: list[Any] = [
        _SAID.get(key, key)
        for key in (model.ignores if model else ())
        if key in _config(body)
    ]
    if not model or not found:
        return None
    return (
        f"{model.id} ignores {', '.join(found)}. Leave it out: later models will "
        "reject it."
    )
