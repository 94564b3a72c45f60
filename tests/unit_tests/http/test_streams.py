"""Streams: their chunks, and that they add up to what a whole answer says."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage

from langchain_cf_gemini import ResponseFormatError
from tests.support.models import (
    WAYS,
    Cloudflare,
    Json,
    answer,
    call,
    chunks_of,
    endpoints,
    event,
    every_way,
    folded,
    message_of,
    streamed,
    text,
    thought,
)

both_versions = pytest.mark.parametrize("output_version", ["v0", "v1"])

# ---- the fold of a stream is the whole answer

NOTES: Json = {"avgLogprobs": -0.5, "finishMessage": "said so"}


def _words(part: Json) -> list[list[Json]]:
    """An unsigned text word by word; other parts do not come in pieces."""
    if set(part) - {"text", "thought"} or not part.get("text"):
        return [[part]]
    words = re.findall(r"[^ ]* |[^ ]+$", part["text"])
    return [[{**part, "text": word}] for word in words]


def _cuts(parts: list[Json]) -> dict[str, list[Json]]:
    """The events of streams that hold these parts."""
    one_by_one = [[part] for part in parts]
    cuts = {
        "parts": one_by_one,
        "end apart": [*one_by_one, [text("")]],
        "at once": [parts, [text("")]],
        "words": [word for part in parts for word in _words(part)],
    }
    return {
        name: [*(event(*said) for said in early), answer(*last, **NOTES)]
        for name, (*early, last) in cuts.items()
    }


ANSWERS: dict[str, list[Json]] = {
    "text": [text("The three laws of thermodynamics.\n\n")],
    "signed text": [text("The three laws.\n", "c2ln")],
    "text, signed end": [text("The three laws"), text(" of it.", "c2ln")],
    "unicode": [text("18 °C in 你好 🌍 \u2028 line")],
    "call": [call("look", args={"x": 1})],
    "signed call": [call("look", "c2ln", args={"x": 1.0, "y": [None, "ü"]})],
    "call with id": [call("look", id="g1", args={"x": 1})],
    "call without args": [call("look")],
    "text and calls": [text("Let me see. "), call("look", "c2ln", args={"x": 1}),
                       call("look", args={"x": 2})],
    "call, then text": [call("look", args={}), text("Done that.", "c2ln")],
    "thoughts": [thought("Hmm, let me."), text("Well then.", "c2ln")],
    "thoughts and call": [thought("Hmm, let me."), call("look", "c2ln", args={})],
    "code": [text("Let me count."),
             {"executableCode": {"language": "PYTHON", "code": "1+1"}},
             {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}},
             text("It is 2.")],
    "image": [text("Here:"),
              {"inlineData": {"mimeType": "image/png", "data": "aW1n"},
               "thoughtSignature": "c2ln"}],
    "call and image": [text("Look: "), call("look", args={}),
                       {"inlineData": {"mimeType": "image/png", "data": "aW1n"}}],
    "call, text, an end": [call("look", args={}), text("Done."), {"functionCall": {}}],
    "unknown part": [text("See"), {"hologram": {"depth": 3}}],
    "part with more": [text("See", partMetadata={"k": 1}), text(" here")],
}  # fmt: skip


def _said(message: AIMessage) -> Json:
    """What a message says, but for the form of its content."""
    metadata = dict(message.response_metadata)
    # Which of the two forms content has is decided by the first event.
    for name in ("output_version", "backend", "gateway"):
        metadata.pop(name, None)
    names = ("tool_calls", "invalid_tool_calls", "usage_metadata")
    calls_and_usage = {name: getattr(message, name) for name in names}
    return {**calls_and_usage, "text": str(message.text), "metadata": metadata}


def _blocks(message: AIMessage) -> list[Json]:
    return [
        {key: value for key, value in dict(block).items() if key != "index"}
        for block in message.content_blocks
    ]


every_answer = pytest.mark.parametrize("parts", ANSWERS.values(), ids=ANSWERS.keys())


@every_answer
@both_versions
def test_stream_adds_up_to_the_whole_answer(
    parts: list[Json], output_version: str
) -> None:
    settings: Json = {"output_version": output_version}
    whole = Cloudflare(answer(*parts, **NOTES)).model(endpoint="run", **settings)
    unary = whole.invoke("hi")
    assert unary.response_metadata["backend"] == "vertex_ai"
    for name, events in _cuts(parts).items():
        stream = streamed(*events, endpoint="gateway", **settings)
        assert stream.response_metadata["backend"] == "gemini_api"
        assert _said(stream) == _said(unary), name
        assert _blocks(stream) == _blocks(unary), name


@every_answer
def test_content_is_text_or_blocks_in_all_chunks(parts: list[Json]) -> None:
    for name, events in _cuts(parts).items():
        contents: list[Any] = [
            chunk.content for chunk in chunks_of(*events, endpoint="gateway")
        ]
        # A stream that began as text goes on as blocks where more than text comes.
        kinds = [isinstance(content, list) for content in contents]
        assert kinds == sorted(kinds), name
        blocks = [b for said in contents if isinstance(said, list) for b in said]
        assert all(isinstance(block, dict) and block["index"] for block in blocks), name


def test_what_is_said_once_comes_once() -> None:
    chunks = chunks_of(
        event(text("The ")),
        event(text("three ")),
        answer(text("laws")),
        endpoint="gateway",
    )
    for key in ("finish_reason", "model_name", "response_id"):
        assert sum(key in chunk.response_metadata for chunk in chunks) == 1
    assert sum(chunk.usage_metadata is not None for chunk in chunks) == 1
    assert [chunk.chunk_position for chunk in chunks] == [None] * 3 + ["last"]
    whole = folded(chunks)
    assert whole.response_metadata["model_name"] == "gemini-3-flash-preview"
    assert whole.response_metadata["finish_reason"] == "STOP"
    assert whole.content == "The three laws"


@every_way
@endpoints
def test_stream_usage_can_be_left_out(way: Any, endpoint: str) -> None:
    cloudflare = Cloudflare(answer(text("ok")))
    message = way(cloudflare.model(endpoint=endpoint, stream_usage=False), "hi")
    is_stream = isinstance(message, AIMessageChunk)
    assert (message.usage_metadata is None) is is_stream


def test_several_finish_reasons() -> None:
    code = {"executableCode": {"language": "PYTHON", "code": "1+1"}}
    result = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}}
    message = streamed(
        answer(code), answer(result), answer(text("It is")), answer(text(" 2."))
    )
    assert message.text == "It is 2."
    assert message.response_metadata["finish_reason"] == "STOP"
    assert message.usage_metadata is not None
    assert message.usage_metadata["total_tokens"] == 9
    kinds = [block["type"] for block in message.content_blocks]
    assert kinds == ["server_tool_call", "server_tool_result", "text"]


# ---- calls

FAILURES = [
    ("MALFORMED_FUNCTION_CALL", "Malformed call"),
    ("UNEXPECTED_TOOL_CALL", "Unexpected tool call: isn't bound"),
    ("SAFETY", None),
    ("WHATEVER_IS_NEW", None),
]


@pytest.mark.parametrize(("finish", "said"), FAILURES)
@both_versions
@pytest.mark.parametrize("streaming", [False, True])
def test_calls_under_a_failing_finish_reason_are_invalid(
    finish: str, said: str | None, output_version: str, streaming: bool
) -> None:
    notes: Json = {"finishMessage": said} if said else {}
    part = call("look", "c2ln", args={"x": 1})
    if streaming:
        events = [event(part), answer(text(""), finish=finish, **notes)]
        message = streamed(*events, output_version=output_version, endpoint="gateway")
    else:
        model: Json = {"output_version": output_version}
        message = message_of(part, finish=finish, model=model, **notes)
        assert finish in str(message.invalid_tool_calls[0]["error"])
    assert message.tool_calls == []
    assert [invalid["name"] for invalid in message.invalid_tool_calls] == ["look"]
    assert message.response_metadata["finish_reason"] == finish
    assert message.response_metadata.get("finish_message") == said


@pytest.mark.parametrize("finish", ["STOP", "MAX_TOKENS"])
def test_calls_under_a_good_finish_reason_are_valid(finish: str) -> None:
    message = streamed(event(call("look", args={"x": 1})), answer(finish=finish))
    assert [c["args"] for c in message.tool_calls] == [{"x": 1}]


def test_calls_wait_for_the_finish_reason_and_text_does_not() -> None:
    chunks = chunks_of(
        event(text("Let me. ")),
        event(call("look", args={"x": 1})),
        event(call("look", args={"x": 2})),
        answer(text("")),
    )
    assert [len(chunk.tool_call_chunks) for chunk in chunks] == [0, 1, 1, 1, 1, 0]
    named = [(c["name"], c["args"]) for chunk in chunks for c in chunk.tool_call_chunks]
    assert named[:2] == [("look", ""), (None, '{"x":1}')]
    assert chunks[0].content == "Let me. "


def test_calls_of_a_stream_that_was_cut_short_do_not_come() -> None:
    model = Cloudflare([event(text("Well. ")), event(call("look", args={}))]).model()
    seen: list[AIMessageChunk] = []
    with pytest.raises(ResponseFormatError, match="incomplete"):
        seen.extend(model.stream("hi"))
    assert [(c.content, c.tool_call_chunks) for c in seen] == [("Well. ", [])]


def test_equal_calls_are_both_meant() -> None:
    message = streamed(
        event(call("look", args={"x": 1})), answer(call("look", args={"x": 1}))
    )
    first, second = message.tool_calls
    assert first["args"] == second["args"] == {"x": 1}
    assert first["id"] != second["id"]


def test_only_the_first_call_if_parallel_calls_are_forbidden() -> None:
    parts = [call("look", "c2ln", args={"x": 1}), call("look", args={"x": 2})]
    model = Cloudflare(answer(*parts)).model(endpoint="gateway")
    for way in WAYS.values():
        message = way(model.bind(parallel_tool_calls=False), "hi")
        assert [c["args"] for c in message.tool_calls] == [{"x": 1}]
        assert message.response_metadata["dropped_tool_calls"] == [parts[1]]


def test_ids_are_the_same_for_the_same_answer() -> None:
    whole = answer(call("look", args={"x": 1}), call("look", args={"x": 2}))
    unary = Cloudflare(whole).model().invoke("hi")
    again = Cloudflare(whole).model().invoke("hi")
    stream = streamed(whole)
    ids = [[c["id"] for c in m.tool_calls] for m in (unary, again, stream)]
    assert ids[0] == ids[1] == ids[2]
    other = Cloudflare({**whole, "responseId": "answer-2"}).model().invoke("hi")
    assert {c["id"] for c in other.tool_calls}.isdisjoint(ids[0])


# ---- what comes instead of a stream


@every_way
def test_json_array_to_any_request(way: Any) -> None:
    response = httpx.Response(200, json=[event(text("The ")), answer(text("laws"))])
    message = way(Cloudflare(response).model(endpoint="gateway"), "hi")
    assert message.content == "The laws"
    assert message.usage_metadata["total_tokens"] == 9


@pytest.mark.parametrize("asks_run", [False, True])
def test_a_stream_on_run_is_one_piece_unless_it_is_asked_for(asks_run: bool) -> None:
    cloudflare = Cloudflare([event(text("The ")), answer(text("laws"))])
    if not asks_run:
        cloudflare = Cloudflare(answer(text("The laws")))
    model = cloudflare.model(endpoint="run", stream_on_run=asks_run)
    said = [chunk.content for chunk in model.stream("hi")]
    assert said == (["The ", "laws", ""] if asks_run else ["The laws", ""])
    assert cloudflare.bodies[0].get("stream") == (asks_run or None)


@pytest.mark.parametrize("asked", [
    {"n": 2},
    {"candidate_count": 2},
    {"generation_config": {"candidateCount": 2}},
    {"generation_config": {"candidate_count": "2"}},
])  # fmt: skip
def test_several_candidates_are_no_stream(asked: Json) -> None:
    model = Cloudflare().model(**asked)
    with pytest.raises(ValueError, match="can't be streamed"):
        list(model.stream("hi"))


def test_several_candidates() -> None:
    whole = answer(text("one"))
    whole["candidates"] = [
        {**answer(text("one"))["candidates"][0], "index": 0},
        {**answer(text("two"), finish="MAX_TOKENS")["candidates"][0], "index": 1},
    ]
    result = Cloudflare(whole).model(n=2).generate([[HumanMessage("hi")]])
    messages: list[Any] = [getattr(g, "message", None) for g in result.generations[0]]
    first, second = messages
    assert (first.content, second.content) == ("one", "two")
    assert first.response_metadata["finish_reason"] == "STOP"
    assert second.response_metadata["finish_reason"] == "MAX_TOKENS"
    assert first.usage_metadata["total_tokens"] == 9
    assert second.usage_metadata is None


# ---- where a call goes


@pytest.mark.parametrize(("endpoint", "argument", "whole_to_run", "stream_to_run"), [
    ("auto", None, True, False),
    ("auto", "run", True, True),
    ("run", None, True, True),
    ("run", "gateway", False, False),
    ("run", "auto", True, False),
    ("gateway", None, False, False),
    ("gateway", "run", True, True),
])  # fmt: skip
def test_endpoint_of_one_call(
    endpoint: str, argument: str | None, whole_to_run: bool, stream_to_run: bool
) -> None:
    cloudflare = Cloudflare()
    model = cloudflare.model(endpoint=endpoint)
    arguments: Json = {"endpoint": argument} if argument else {}
    model.invoke("hi", **arguments)
    list(model.stream("hi", **arguments))
    went = ["/ai/run" in str(request.url) for request in cloudflare.requests]
    assert went == [whole_to_run, stream_to_run]


# ---- nothing, or nearly


NOTHING: list[Json] = [
    {},
    {"content": {}},
    {"content": {"role": "model"}},
    {"content": {"parts": []}},
    {"content": {"parts": [{}]}},
    {"content": {"parts": [text("")]}},
]


@pytest.mark.parametrize("said", NOTHING)
@both_versions
def test_empty_answers_are_empty_messages(said: Json, output_version: str) -> None:
    counts = {"promptTokenCount": 3, "totalTokenCount": 3}
    candidates = [{**said, "finishReason": "STOP"}]
    whole = {"candidates": candidates, "usageMetadata": counts, "modelVersion": "m"}
    unary = Cloudflare(whole).model(output_version=output_version).invoke("hi")
    settings = {"output_version": output_version, "endpoint": "gateway"}
    for message in (unary, streamed(whole, **settings)):
        assert (message.text, message.tool_calls) == ("", [])
        assert message.usage_metadata is not None
        assert message.usage_metadata["output_tokens"] == 0
        assert message.response_metadata["finish_reason"] == "STOP"
