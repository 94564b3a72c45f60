"""An answer of the model as it goes out of its door: enveloped, plain or in chunks."""

from typing import Any

from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.paging import Paging
from langchain_cf_gemini.emulator._google.responses import response_from_answer
from langchain_cf_gemini.emulator._google.streams import (
    array_frames,
    chunks_from_response,
    sse_frame,
)
from langchain_cf_gemini.emulator._google.usage import prompt_counts
from langchain_cf_gemini.emulator._messages import Outgoing, json_answer
from langchain_cf_gemini.emulator.answers import Answer


def outgoing_from_answer(
    answer: Answer,
    generation: Generation,
    paging: Paging,
    *,
    sse: bool,
    key_source: str,
) -> Outgoing:
    """The answer as it goes out of its door."""
    response = response_from_answer(answer, generation)
    if generation.wrapped:
        response.setdefault("gatewayMetadata", {"keySource": key_source})
        enveloped = {"result": response, "success": True, "errors": [], "messages": []}
        return json_answer(200, enveloped)
    if not generation.stream:
        return json_answer(200, response)
    calling = generation.function_calling
    asked = bool(calling.get("streamFunctionCallArguments"))
    chunks = chunks_from_response(
        response,
        partial_args=answer.partial_args or asked,
        finish_each_part=answer.finish_each_part,
        cuts=answer.chunks,
    )
    told = paging.with_checkpoints(list(chunks), answer, generation)
    return _streamed(told, sse=sse)


def _streamed(chunks: list[dict[str, Any]], *, sse: bool) -> Outgoing:
    if sse:
        headers = {"content-type": "text/event-stream"}
        return Outgoing(headers=headers, frames=[sse_frame(chunk) for chunk in chunks])
    headers = {"content-type": "application/json; charset=UTF-8"}
    return Outgoing(headers=headers, frames=list(array_frames(chunks)))


def counted(generation: Generation) -> Outgoing:
    """How many tokens the request has."""
    counts = prompt_counts(generation.body)
    details = [
        {"modality": kind, "tokenCount": count} for kind, count in counts.items()
    ]
    total = sum(counts.values())
    return json_answer(200, {"totalTokens": total, "promptTokensDetails": details})
