"""Streams: their chunks, and that they add up to what a whole answer says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    message_chunk_to_message,
)

from langchain_cf_gemini import CloudflareServerError, ResponseFormatError
from tests.support.models import (
    WAYS,
    Cloudflare,
    Json,
    answer,
    call,
    chunks_of,
    event,
    every_way,
    folded,
    sse,
    streamed,
    text,
    thought,
)

# ---- the fold of a stream is the whole answer

Cut = Callable[[Json], list[Json]]


def _bare(whole: Json) -> Json:
    return {k: v for k, v in whole.items() if k not in ("candidates", "usageMetadata")}


def _cut(whole: Json, pieces: list[list[Json]], *, apart: bool) -> list[Json]:
    """Events of a stream that holds these pieces; the end alone or with the last."""
    candidate = whole["candidates"][0]
    end = {k: v for k, v in candidate.items() if k != "content"}
    frames: list[Json] = [
        {"content": {"role": "model", "parts": piece}} for piece in pieces
    ]
    if apart:
        frames.append({"content": {"role": "model", "parts": [{"text": ""}]}})
    frames[-1] = {**frames[-1], **end}
    events = [{"candidates": [frame], **_bare(whole)} for frame in frames]
    for early in events[:-1]:
        early["usageMetadata"] = {"trafficType": "ON_DEMAND"}
    events[-1]["usageMetadata"] = whole["usageMetadata"]
    return events


def _part_by_part(whole: Json) -> list[Json]:
    parts = whole["candidates"][0]["content"]["parts"]
    return _cut(whole, [[part] for part in parts], apart=False)


def _end_apart(whole: Json) -> list[Json]:
    parts = whole["candidates"][0]["content"]["parts"]
    return _cut(whole, [[part] for part in parts], apart=True)


def _all_at_once(whole: Json) -> list[Json]:
    return _cut(whole, [whole["candidates"][0]["content"]["parts"]], apart=True)


def _words(part: Json) -> list[list[Json]]:
    """An unsigned text word by word; other parts do not come in pieces."""
    if set(part) - {"text", "thought"} or not part.get("text"):
        return [[part]]
    beside = {k: v for k, v in part.items() if k != "text"}
    words = part["text"].split(" ")
    said = [word + " " for word in words[:-1]] + [words[-1]]
    return [[{"text": word, **beside}] for word in said if word]


def _word_by_word(whole: Json) -> list[Json]:
    parts = whole["candidates"][0]["content"]["parts"]
    return _cut(whole, [p for part in parts for p in _words(part)], apart=False)


CUTS: dict[str, Cut] = {
    "parts": _part_by_part,
    "end apart": _end_apart,
    "at once": _all_at_once,
    "words": _word_by_word,
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


def _fields(message: AIMessage) -> Json:
    return {
        "tool_calls": message.tool_calls,
        "invalid_tool_calls": message.invalid_tool_calls,
        "usage_metadata": message.usage_metadata,
        "text": str(message.text),
        "response_metadata": {
            k: v
            for k, v in message.response_metadata.items()
            # Which of the two content has is decided by the first event.
            if k not in ("output_version",)
        },
        "id": None,
    }


def _without_index(blocks: list[Any]) -> list[Json]:
    return [{k: v for k, v in dict(b).items() if k != "index"} for b in blocks]


@pytest.mark.parametrize("parts", ANSWERS.values(), ids=ANSWERS.keys())
@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_stream_adds_up_to_the_whole_answer(
    parts: list[Json], output_version: str
) -> None:
    whole = answer(*parts, avgLogprobs=-0.5, finishMessage="said so")
    settings: Json = {"output_version": output_version}
    unary = Cloudflare(whole).model(endpoint="run", **settings).invoke("hi")
    assert unary.response_metadata.pop("backend") == "vertex_ai"
    unary.response_metadata.pop("gateway", None)
    for name, cut in CUTS.items():
        stream = streamed(*cut(whole), endpoint="gateway", **settings)
        assert stream.response_metadata.pop("backend") == "gemini_api"
        stream.response_metadata.pop("gateway", None)
        assert _fields(stream) == _fields(unary), name
        if output_version == "v1" or isinstance(stream.content, type(unary.content)):
            blocks = _without_index(stream.content_blocks)
            assert blocks == _without_index(unary.content_blocks), name


@pytest.mark.parametrize("parts", ANSWERS.values(), ids=ANSWERS.keys())
def test_content_is_text_or_blocks_in_all_chunks(parts: list[Json]) -> None:
    for name, cut in CUTS.items():
        chunks = chunks_of(*cut(answer(*parts)), endpoint="gateway")
        contents = [chunk.content for chunk in chunks]
        # A stream that began as text goes on as blocks where more than text comes.
        kinds = [isinstance(content, list) for content in contents]
        assert kinds == sorted(kinds), name
        blocks = [
            b for content in contents if isinstance(content, list) for b in content
        ]
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
@pytest.mark.parametrize("endpoint", ["run", "gateway"])
def test_stream_usage_can_be_left_out(way: Any, endpoint: str) -> None:
    def said(request: httpx.Request) -> httpx.Response:
        if "stream" in str(request.url):
            return sse(answer(text("ok")))
        return httpx.Response(200, json=answer(text("ok")))

    model = Cloudflare(said).model(endpoint=endpoint, stream_usage=False)
    message = way(model, "hi")
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
@pytest.mark.parametrize("output_version", ["v0", "v1"])
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
        cloudflare = Cloudflare(answer(part, finish=finish, **notes))
        message = cloudflare.model(output_version=output_version).invoke("hi")
    assert message.tool_calls == []
    (invalid,) = message.invalid_tool_calls
    assert invalid["name"] == "look"
    assert message.response_metadata["finish_reason"] == finish
    assert message.response_metadata.get("finish_message") == said
    if not streaming:
        assert finish in str(invalid["error"])


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


def test_json_answer_to_a_stream_request() -> None:
    cloudflare = Cloudflare(answer(text("The three laws", "c2ln")))
    chunks = list(cloudflare.model(endpoint="gateway").stream("hi"))
    assert folded(chunks).content == "The three laws"
    assert chunks[-1].chunk_position == "last"


def test_json_array_stream() -> None:
    said = [event(text("The ")), answer(text("laws"))]
    response = httpx.Response(200, json=said)
    chunks = list(Cloudflare(response).model(endpoint="gateway").stream("hi"))
    assert [chunk.content for chunk in chunks] == ["The ", "laws", ""]


@every_way
def test_json_array_to_any_request(way: Any) -> None:
    response = httpx.Response(200, json=[event(text("The ")), answer(text("laws"))])
    message = way(Cloudflare(response).model(endpoint="gateway"), "hi")
    assert message.content == "The laws"
    assert message.usage_metadata["total_tokens"] == 9


@pytest.mark.parametrize("endpoint", ["run", "gateway"])
def test_empty_array(endpoint: str) -> None:
    response = httpx.Response(200, json=[])
    with pytest.raises(ResponseFormatError):
        Cloudflare(response).model(endpoint=endpoint).invoke("hi")


def test_error_in_the_middle_of_a_stream() -> None:
    error = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    said: list[str] = []
    model = Cloudflare([event(text("The ")), error]).model(endpoint="gateway")
    with pytest.raises(CloudflareServerError, match="overloaded"):
        said.extend(str(chunk.content) for chunk in model.stream("hi"))
    assert said == ["The "]


def test_stream_on_run_asks_run_to_stream() -> None:
    cloudflare = Cloudflare([event(text("The ")), answer(text("laws"))])
    model = cloudflare.model(endpoint="run", stream_on_run=True)
    assert folded(list(model.stream("hi"))).content == "The laws"
    sent = json.loads(cloudflare.requests[0].content)
    assert sent["input"]["stream"] is True


def test_run_answers_a_stream_in_one_piece() -> None:
    cloudflare = Cloudflare(answer(text("The laws")))
    chunks = list(cloudflare.model(endpoint="run").stream("hi"))
    assert [chunk.content for chunk in chunks] == ["The laws", ""]
    assert "stream" not in json.loads(cloudflare.requests[0].content)["input"]


@pytest.mark.parametrize(
    "asked",
    [
        {"n": 2},
        {"candidate_count": 2},
        {"generation_config": {"candidateCount": 2}},
        {"generation_config": {"candidate_count": "2"}},
    ],
)
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


@pytest.mark.parametrize(
    ("endpoint", "argument", "to_run"),
    [
        ("auto", None, False),
        ("auto", "run", True),
        ("run", "gateway", False),
        ("gateway", "run", True),
        ("run", "auto", False),
    ],
)
def test_endpoint_of_one_stream(
    endpoint: str, argument: str | None, to_run: bool
) -> None:
    cloudflare = Cloudflare(answer(text("ok")))
    arguments: dict[str, Any] = {"endpoint": argument} if argument else {}
    list(cloudflare.model(endpoint=endpoint).stream("hi", **arguments))
    assert ("/ai/run" in str(cloudflare.requests[0].url)) is to_run


@pytest.mark.parametrize(
    ("endpoint", "to_run"), [("auto", True), ("run", True), ("gateway", False)]
)
def test_endpoint_of_a_whole_answer(endpoint: str, to_run: bool) -> None:
    cloudflare = Cloudflare()
    cloudflare.model(endpoint=endpoint).invoke("hi")
    assert ("/ai/run" in str(cloudflare.requests[0].url)) is to_run


# ---- nothing, or nearly


@pytest.mark.parametrize(
    "payload",
    [
        {"candidates": [{"finishReason": "STOP"}]},
        {"candidates": [{"content": {}, "finishReason": "STOP"}]},
        {"candidates": [{"content": {"role": "model"}, "finishReason": "STOP"}]},
        {"candidates": [{"content": {"parts": []}, "finishReason": "STOP"}]},
        {"candidates": [{"content": {"parts": [{}]}, "finishReason": "STOP"}]},
        {"candidates": [{"content": {"parts": [text("")]}, "finishReason": "STOP"}]},
    ],
)
@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_empty_answers_are_empty_messages(payload: Json, output_version: str) -> None:
    whole = {"modelVersion": "m", "usageMetadata": USAGE_OF_NOTHING, **payload}
    unary = Cloudflare(whole).model(output_version=output_version).invoke("hi")
    settings = {"output_version": output_version, "endpoint": "gateway"}
    for message in (unary, streamed(whole, **settings)):
        assert message.text == ""
        assert message.tool_calls == []
        assert message.usage_metadata is not None
        assert message.usage_metadata["output_tokens"] == 0
        assert message.response_metadata["finish_reason"] == "STOP"


USAGE_OF_NOTHING = {"promptTokenCount": 3, "totalTokenCount": 3}


@pytest.mark.parametrize(
    "payload",
    [
        {"candidates": "none"},
        {"candidates": [3]},
        {"candidates": [{"content": "text"}]},
        {"candidates": [{"content": {"parts": "text"}}]},
    ],
)
def test_answers_of_another_shape(payload: Json) -> None:
    model = Cloudflare(payload).model(endpoint="gateway")
    for way in WAYS.values():
        with pytest.raises(ResponseFormatError):
            way(model, "hi")


def test_chunks_of_one_event_are_one_message() -> None:
    model = Cloudflare([answer(text("ok"))]).model(endpoint="gateway")
    whole = folded(list(model.stream("hi")))
    message = message_chunk_to_message(whole)
    assert message.content == "ok"
    assert message.response_metadata["gateway"]["ray_id"] == "ray-1"
