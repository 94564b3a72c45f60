"""Answers of the transport as LangChain results, with what the gateway said."""

from typing import Any

from langchain_core.messages import AIMessageChunk, message_chunk_to_message
from langchain_core.outputs import ChatGeneration, ChatResult

from langchain_cf_gemini._cloudflare.costs import usage_after_cache
from langchain_cf_gemini._gemini.answer.parser import AnswerParser
from langchain_cf_gemini._gemini.answer.shapes import candidates_from_payload
from langchain_cf_gemini._gemini.vocabulary import Json
from langchain_cf_gemini._langchain.call import Call
from langchain_cf_gemini.exceptions import ResponseFormatError


def result_from_payloads(call: Call, payloads: list[Json], gateway: Json) -> ChatResult:
    """Return the result of a whole answer, one generation for each candidate.

    Raises:
        ResponseFormatError: If the answer does not have the promised shape.
    """
    try:
        if len(payloads) == 1:
            return ChatResult(generations=_generations(call, payloads[0], gateway))
        # A stream came where a whole answer was asked for.
        return ChatResult(generations=[_folded(call, payloads, gateway)])
    except ResponseFormatError as error:
        error.gateway.update(gateway)
        raise


def _generations(call: Call, payload: Json, gateway: Json) -> list[ChatGeneration]:
    generations = []
    for n, candidate in enumerate(candidates_from_payload(payload) or [{}]):
        parser = call.parser(streaming=False)
        parser.feed(payload, candidate)
        message = parser.message(with_usage=n == 0)
        message.usage_metadata = usage_after_cache(message.usage_metadata, gateway)
        if gateway:
            message.response_metadata["gateway"] = gateway
        generations.append(ChatGeneration(message=message))
    return generations


def _folded(call: Call, payloads: list[Json], gateway: Json) -> ChatGeneration:
    parser = call.parser(streaming=True)
    chunks = [chunk for payload in payloads if (chunk := parser.feed(payload))]
    last = last_chunk(call, parser, gateway)
    folded: Any = last if not chunks else chunks[0].__add__([*chunks[1:], last])
    return ChatGeneration(message=message_chunk_to_message(folded))


def last_chunk(call: Call, parser: AnswerParser, gateway: Json) -> AIMessageChunk:
    """Return the chunk that ends a stream, with what the gateway said of it."""
    chunk = parser.end()
    usage = usage_after_cache(chunk.usage_metadata, gateway)
    chunk.usage_metadata = usage if call.with_usage else None
    if gateway:
        chunk.response_metadata["gateway"] = gateway
    return chunk
