"""Rules that hold for some models only, and what goes together in a request."""

from collections.abc import Iterator

from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.rules.rule import role_of, rule


def _is_newer(judged: Generation) -> bool:
    """Whether the model is of the line that began with 3.5 Flash-Lite and 3.6."""
    model = judged.model
    return model.generation >= 3.6 or model.google_id == "gemini-3.5-flash-lite"


@rule(
    "model turn last",
    "reported",
    "pipecat-ai/pipecat#5821, LibreChat-AI/agents#323, #412 and #499",
)
def _model_turn_last(judged: Generation) -> Iterator[str]:
    contents = judged.contents
    if _is_newer(judged) and contents and role_of(contents[-1]) == "model":
        yield "Requests ending with a model turn are not supported."


@rule("penalties of newer models", "reported", "public reports of Gemini 3.6 and later")
def _penalties(judged: Generation) -> Iterator[str]:
    set_ = {"presencePenalty", "frequencyPenalty"} & judged.config.keys()
    if _is_newer(judged) and set_:
        yield "Penalty is not enabled for this model"


@rule("candidates of Gemini 4", "documented", "Google's page on Gemini 4: one answer")
def _candidates(judged: Generation) -> Iterator[str]:
    many = (judged.config.get("candidateCount") or 1) > 1
    if judged.model.generation >= 4 and many:
        yield "Multiple candidates is not enabled for this model"


@rule(
    "cached content alone",
    "reported",
    "public reports of both services; discovery document: cachedContent",
)
def _cached_content(judged: Generation) -> Iterator[str]:
    beside = {"systemInstruction", "tools", "toolConfig"} & judged.body.keys()
    if judged.body.get("cachedContent") and beside:
        yield (
            "Tool config, tools and system instruction should not be set in the "
            "request when using cached content."
        )


@rule("thoughts of a model that does not think", "assumed", "Google's page on thinking")
def _thoughts(judged: Generation) -> Iterator[str]:
    thinking = judged.thinking
    if thinking.get("thinkingBudget") == 0 and thinking.get("includeThoughts"):
        yield judged.unable(
            "thinking_config.include_thoughts is only enabled when thinking is enabled."
        )
