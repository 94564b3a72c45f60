"""Rules that hold for some models only, and what goes together in a request."""

from collections.abc import Iterator
from typing import Any

from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.rules.rule import role_of, rule


def _is_newer(judged: Generation) -> bool:
    """Whether the model is of the line that began with 3.5 Flash-Lite and 3.6."""
    model = judged.model
    return model.generation >= 3.6 or model.google_id == "gemini-3.5-flash-lite"


@rule("model turn last")
def _model_turn_last(judged: Generation) -> Iterator[str]:
    contents = judged.contents
    if _is_newer(judged) and contents and role_of(contents[-1]) == "model":
        yield "Requests ending with a model turn are not supported."


@rule("penalties of newer models")
def _penalties(judged: Generation) -> Iterator[str]:
    set_ = {"presencePenalty", "frequencyPenalty"} & judged.config.keys()
    if _is_newer(judged) and set_:
        yield "Penalty is not enabled for this model"


@rule("candidates of newer models")
def _candidates(judged: Generation) -> Iterator[str]:
    many = (judged.config.get("candidateCount") or 1) > 1
    if many and judged.model.generation >= (4 if judged.vertex else 3):
        yield "Multiple candidates is not enabled for this model"


@rule("long answers in one piece")
def _long_unary(judged: Generation) -> Iterator[str]:
    most = judged.config.get("maxOutputTokens") or 0
    one_piece = not (judged.stream or judged.body.get("continuationToken"))
    is_argon = judged.model.google_id == "gemini-4-argon"
    if is_argon and one_piece and not judged.vertex and most > 32_768:
        yield "max_output_tokens must not be more than 32768 without streaming."


@rule("budget of Gemini 4")
def _budget(judged: Generation) -> Iterator[str]:
    if judged.model.generation >= 4 and "thinkingBudget" in judged.thinking:
        yield "Thinking budget is not supported for this model."


@rule("cache of Gemini 4")
def _cache(judged: Generation) -> Iterator[str]:
    if judged.model.generation >= 4 and judged.body.get("cachedContent"):
        yield "Explicit caching is not supported for this model."


@rule("ids of calls")
def _ids(judged: Generation) -> Iterator[str]:
    if judged.model.generation >= 3 or not judged.vertex:
        return
    kinds = {"functionCall": "function_call", "functionResponse": "function_response"}
    for path, part in judged.parts:
        for kind, name in kinds.items():
            if (part.get(kind) or {}).get("id"):
                yield judged.words("ids of calls", f"{path}.{name}")


@rule("logprobs in whole answers of Vertex AI")
def _logprobs(judged: Generation) -> Iterator[str]:
    asked = judged.config.get("responseLogprobs")
    if asked and judged.model.generation >= 3 and (judged.stream or not judged.vertex):
        yield "Logprobs is not enabled for this model"


@rule("marks of processed media")
def _marks(judged: Generation) -> Iterator[str]:
    parts = [part for _, part in judged.parts]
    if any("mediaProcessing" in part for part in parts) and any(
        part.keys() <= {"thoughtSignature", "thought"} for part in parts
    ):
        yield "Request contains an invalid argument."


@rule("size of schemas")
def _max_items(judged: Generation) -> Iterator[str]:
    schema, _ = judged.output
    schemas = [schema, *(d.get("parametersJsonSchema") for d in judged.declarations)]
    schemas += [d.get("parameters") for d in judged.declarations]
    if any(_sum_of_max_items(each) > _MOST_ITEMS for each in schemas):
        yield "Request contains an invalid argument."


_MOST_ITEMS = 960


def _sum_of_max_items(schema: Any) -> int:
    if isinstance(schema, list):
        return sum(map(_sum_of_max_items, schema))
    if not isinstance(schema, dict):
        return 0
    own = schema.get("maxItems")
    below = sum(map(_sum_of_max_items, schema.values()))
    return below + (int(str(own)) if str(own).isdigit() else 0)


@rule("cached content alone")
def _cached_content(judged: Generation) -> Iterator[str]:
    beside = {"systemInstruction", "tools", "toolConfig"} & judged.body.keys()
    if judged.body.get("cachedContent") and beside:
        yield judged.words("cached content alone")


@rule("thoughts of a model that does not think")
def _thoughts(judged: Generation) -> Iterator[str]:
    thinking = judged.thinking
    if thinking.get("thinkingBudget") == 0 and thinking.get("includeThoughts"):
        yield judged.words("thoughts of a model that does not think")
