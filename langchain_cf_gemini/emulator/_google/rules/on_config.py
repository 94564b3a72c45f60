"""Rules on generationConfig: ranges, output formats, thinking."""

from collections.abc import Callable, Iterator

from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.models import packaged
from langchain_cf_gemini.emulator._google.rules.rule import rule

_MAX_STOP_SEQUENCES = 5
_MAX_CANDIDATES = 8
_MAX_OUTPUT_TOKENS = 65_536
_MAX_LONG_ANSWER = 1_048_576
_MAX_LOGPROBS = 20
_MIME_TYPES = tuple(packaged("gemini")["mime_types"])


@rule("temperature")
def _temperature(judged: Generation) -> Iterator[str]:
    value = judged.config.get("temperature")
    if value is None or 0 <= value <= 2:
        return
    yield judged.words("temperature", value)


@rule("topP")
def _top_p(judged: Generation) -> Iterator[str]:
    value = judged.config.get("topP")
    if value is not None and not 0 <= value <= 1:
        yield judged.words("topP", value)


def _between(
    name: str, low: float, end: float
) -> Callable[[Generation], Iterator[str]]:
    def check(judged: Generation) -> Iterator[str]:
        value = judged.config.get(name)
        if value is not None and not low <= value < end:
            yield judged.words("range", name, value, low, end)

    return check


penalties = rule("penalties")(_between("presencePenalty", -2, 2))
frequency_penalty = rule("frequency penalty")(_between("frequencyPenalty", -2, 2))
candidate_count = rule("candidate count")(
    _between("candidateCount", 1, _MAX_CANDIDATES + 1)
)


@rule("output tokens")
def _output_tokens(judged: Generation) -> Iterator[str]:
    # Of an upper limit the Gemini API says nothing; long answers share the window.
    longest = _MAX_LONG_ANSWER if judged.model.generation >= 4 else _MAX_OUTPUT_TOKENS
    highest = longest if judged.vertex else 2**31
    yield from _between("maxOutputTokens", 1, highest + 1)(judged)


@rule("stop sequences")
def _stop_sequences(judged: Generation) -> Iterator[str]:
    stops = judged.config.get("stopSequences") or ()
    if len(stops) > _MAX_STOP_SEQUENCES:
        yield judged.words("stop sequences", len(stops), _MAX_STOP_SEQUENCES)


top_logprobs = rule("top logprobs")(_between("logprobs", 0, _MAX_LOGPROBS + 1))


@rule("logprobs")
def _logprobs(judged: Generation) -> Iterator[str]:
    if judged.config.get("logprobs") and not judged.config.get("responseLogprobs"):
        yield judged.unable("logprobs needs responseLogprobs to be true.")


@rule("response MIME type")
def _mime_type(judged: Generation) -> Iterator[str]:
    given = judged.config.get("responseMimeType")
    if given and given not in _MIME_TYPES:
        allowed = ", ".join(f"`{known}`" for known in _MIME_TYPES[:-1])
        yield judged.words("response MIME type", allowed, _MIME_TYPES[-1])


@rule("response schema")
def _schema_needs_json(judged: Generation) -> Iterator[str]:
    schemas = [
        n for n in ("responseSchema", "responseJsonSchema") if n in judged.config
    ]
    mime_type = judged.config.get("responseMimeType", "text/plain")
    if schemas and mime_type in ("text/plain", ""):
        yield judged.words("response schema (1)", schemas[0])
    if len(schemas) > 1:
        yield judged.words("response schema (2)")


@rule("one thinking setting")
def _one_thinking_setting(judged: Generation) -> Iterator[str]:
    thinking = judged.thinking
    if "thinkingLevel" in thinking and "thinkingBudget" in thinking:
        yield judged.words("one thinking setting")


@rule("thinking level")
def _thinking_level(judged: Generation) -> Iterator[str]:
    level = judged.thinking.get("thinkingLevel")
    if level in (None, "THINKING_LEVEL_UNSPECIFIED"):
        return
    if not judged.model.thinking_levels:
        yield judged.words("thinking level (1)")
    elif level not in judged.model.thinking_levels:
        yield judged.words("thinking level (2)", level)


def _may_stop_thinking(judged: Generation) -> bool:
    # Vertex takes a budget of 0 for Gemini 3.1 Pro, the Gemini API refuses it.
    is_pro = judged.model.google_id == "gemini-3.1-pro-preview"
    return judged.model.thinking_off and (judged.vertex or not is_pro)


@rule("thinking budget")
def _thinking_budget(judged: Generation) -> Iterator[str]:
    budget = judged.thinking.get("thinkingBudget")
    if budget in (None, -1) or judged.model.generation >= 4:
        return
    allowed = judged.model.thinking_budget
    if allowed is None and budget:
        yield judged.unable("thinking is not supported by this model.")
    elif budget == 0 and allowed and not _may_stop_thinking(judged):
        yield "Budget 0 is invalid. This model only works in thinking mode."
    elif budget and allowed and not allowed[0] <= budget <= allowed[1]:
        low, high = max(1, allowed[0]), allowed[1]
        yield judged.words("thinking budget (3)", low, high, budget)
