"""What tracers read of a call, and what a call reads of the run around it."""

import sys
import warnings
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, closing, contextmanager
from contextvars import ContextVar
from functools import reduce
from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import UsageMetadata, add_usage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from langchain_cf_gemini._gemini.function_calls import unmarked_call
from langchain_cf_gemini._gemini.vocabulary import Json
from langchain_cf_gemini._langchain.profile import name_of_model

_RUN_METADATA: ContextVar[Mapping[str, Any] | None] = ContextVar(
    "langchain_cf_gemini_run_metadata", default=None
)
"""The metadata of the run, where langchain-core hands a call no run manager."""


_EMPTY = ChatGenerationChunk(message=AIMessageChunk(content=""))


def generation_from_chunk(chunk: AIMessageChunk) -> ChatGenerationChunk:
    """Return a chunk as LangChain's streams take it; a copy costs half of a new one."""
    content, info = chunk.content, info_from(chunk)
    text = content if isinstance(content, str) else chunk.text
    made = {"message": chunk, "text": text, "generation_info": info}
    return _EMPTY.model_copy(update=made)


def info_from(message: AIMessage) -> Json | None:
    """Say what tracers read beside the message, where it is there to say."""
    told: Json = message.response_metadata
    info: Json = {}
    if "finish_reason" in told:
        info["finish_reason"] = told["finish_reason"]
    if "model_name" in told:
        info["model_name"] = name_of_model(told["model_name"])
    return info or None


def with_llm_output(result: ChatResult) -> ChatResult:
    """Say what tracers read of a whole result: the model, its tokens, bad calls.

    The tokens stand under OpenAI's names, which `token_usage` means to most, and under
    LangChain's, which have the details. LangChain would copy all of it into the
    message, so it is laid beside the result when that is done.
    """
    messages = [cast("AIMessage", each.message) for each in result.generations]
    for message in messages:
        if invalid := message.invalid_tool_calls:  # as a stream adds up to them
            message.invalid_tool_calls = [unmarked_call(call) for call in invalid]
    message = messages[0]
    output: Json = {}
    if name := message.response_metadata.get("model_name"):
        output["model_name"] = name_of_model(name)
    if (usage := message.usage_metadata) is not None:
        output["token_usage"] = _token_usage(usage)
    result.llm_output = result.llm_output or output
    return result


def combined_llm_outputs(outputs: Sequence[Json | None]) -> Json:
    """Sum what several results said of themselves."""
    told = [output for output in outputs if output]
    usages = [output["token_usage"] for output in told if "token_usage" in output]
    names = {output["model_name"] for output in told if "model_name" in output}
    combined: Json = {"model_name": names.pop()} if len(names) == 1 else {}
    if usages:
        combined["token_usage"] = _token_usage(reduce(add_usage, usages))
    return combined


def _token_usage(usage: UsageMetadata) -> Json:
    return {
        "prompt_tokens": usage["input_tokens"],
        "completion_tokens": usage["output_tokens"],
        **usage,
    }


# ---- the run around a call


def run_metadata(run_manager: Any) -> Mapping[str, Any] | None:
    """Return a run's metadata: the manager's, or what is kept at hand without one."""
    if run_manager is None:
        return _RUN_METADATA.get()
    metadata: Mapping[str, Any] | None = run_manager.metadata
    return metadata


@contextmanager
def at_hand(metadata: Mapping[str, Any] | None) -> Iterator[None]:
    """Keep a run's metadata at hand, while langchain-core asks for an answer."""
    token = _RUN_METADATA.set(metadata)
    try:
        yield
    finally:
        _RUN_METADATA.reset(token)


def within_run(
    chunks: Iterator[AIMessageChunk], metadata: Mapping[str, Any]
) -> Iterator[AIMessageChunk]:
    """Stream with a run's metadata at hand when the request is made."""
    with closing(chunks):  # type: ignore[type-var]
        with at_hand(metadata):
            first = next(chunks, None)
        if first is not None:
            yield first
            yield from chunks


async def awithin_run(
    chunks: AsyncIterator[AIMessageChunk], metadata: Mapping[str, Any]
) -> AsyncIterator[AIMessageChunk]:
    """Stream with a run's metadata at hand when the request is made."""
    async with aclosing(chunks):  # type: ignore[type-var]
        with at_hand(metadata):
            first = await anext(chunks, None)
        if first is not None:
            yield first
            async for chunk in chunks:
                yield chunk


_BETWEEN = frozenset(
    {"langchain_cf_gemini", "langchain_core", "langchain", "langgraph"}
    | {"asyncio", "concurrent", "contextlib", "pydantic", "tenacity", "threading"}
)


def warn_caller(message: str, category: type[Warning]) -> None:
    """Warn at the line that asked, past this package and LangChain."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and (
        str(frame.f_globals.get("__name__")).partition(".")[0] in _BETWEEN
    ):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
