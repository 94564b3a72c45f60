"""An answer of the model as it goes out of its door: enveloped, plain or in chunks."""

from dataclasses import replace

from langchain_cf_gemini.emulator._google import streams
from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.paging import Paging
from langchain_cf_gemini.emulator._google.responses import response_from_answer
from langchain_cf_gemini.emulator._google.usage import (
    details_from_counts,
    prompt_counts,
)
from langchain_cf_gemini.emulator._messages import Outgoing, json_answer
from langchain_cf_gemini.emulator._refusals import v4_success
from langchain_cf_gemini.emulator.answers import Answer


def outgoing_from_answer(
    answer: Answer, generation: Generation, paging: Paging, key_source: str
) -> Outgoing:
    """The answer as it goes out of its door."""
    response = response_from_answer(answer, generation)
    if generation.wrapped:
        response.setdefault("gatewayMetadata", {"keySource": key_source})
        return v4_success(response)
    if not generation.stream:
        return json_answer(200, response)
    cut = streams.chunks_from_response(
        response,
        partial_args=answer.partial_args or generation.streams_args,
        finish_each_part=answer.finish_each_part,
        cuts=answer.chunks,
    )
    chunks = paging.with_checkpoints(list(cut), answer, generation)
    if generation.sse:
        frames = [streams.sse_frame(chunk) for chunk in chunks]
        return Outgoing(headers={"content-type": "text/event-stream"}, frames=frames)
    return replace(json_answer(200, []), frames=list(streams.array_frames(chunks)))


def counted(generation: Generation) -> Outgoing:
    """How many tokens the request has."""
    counts = prompt_counts(generation)
    total = sum(counts.values())
    details = details_from_counts(counts)
    return json_answer(200, {"totalTokens": total, "promptTokensDetails": details})
