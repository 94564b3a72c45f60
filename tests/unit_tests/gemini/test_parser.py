"""Whole answers as messages: tables of what came and what is said of it."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

import pytest
from langchain_core.messages import AIMessage, messages_to_dict
from langchain_core.messages.content import KNOWN_BLOCK_TYPES

from tests.support.models import (
    USAGE,
    Cloudflare,
    Json,
    answer,
    back,
    call,
    code,
    event,
    inline,
    message_of,
    printed,
    read,
    readings,
    stored,
    streamed,
    text,
    thought,
)
from tests.support.tables import rows

CODE, RESULT = code("1+1"), printed("2")
PNG = inline("image/png", "aW1n")


def kinds_of(message: AIMessage) -> list[str]:
    return [block["type"] for block in message.content_blocks]


def refusals_of(message: AIMessage) -> list[Any]:
    return [b for b in message.content_blocks if str(b["type"]) == "refusal"]


# ---- content

CONTENTS: dict[str, tuple[list[Json], str]] = {
    "text": ([text("The laws.\n\n")], "The laws.\n\n"),
    "signed text": ([text("The laws.\n", "c2ln")], "The laws.\n"),
    "several texts": ([text("The "), text("laws", "c2ln")], "The laws"),
    "empty text": ([text("")], ""),
    "empty signed text": ([text("Hi"), text("", "c2ln")], "Hi"),
    "call": ([call("look", args={})], ""),
    "text and call": ([text("Wait. "), call("look", "c2ln", args={})], "Wait. "),
    "empty part": ([text("Hi"), {}], "Hi"),
}


@rows("parts content", CONTENTS)
def test_content_is_text_where_the_answer_is(parts: list[Json], content: str) -> None:
    message = message_of(*parts)
    assert message.content == content
    assert type(message) is AIMessage


BLOCKS: dict[str, tuple[list[Json], str]] = {
    "thoughts": ([thought("Hm."), text("Well.")], "reasoning text"),
    "code": ([CODE, RESULT, text("2")], "server_tool_call server_tool_result text"),
    "image": ([text("See"), PNG], "text image"),
    "audio": ([inline("audio/L16;rate=24000")], "audio"),
    "video": ([inline("video/mp4")], "video"),
    "pdf": ([inline("application/pdf")], "file"),
    "address": ([stored("image/png", "gs://b/o")], "image"),
    "untyped address": ([{"fileData": {"fileUri": "gs://b/o"}}], "non_standard"),
    "image of a thought": ([{**PNG, "thought": True}, PNG], "image image"),
    "thought with more": ([text("Hm.", thought=True, partMetadata={"k": 1}),
                           text("Well.")], "reasoning text"),
    "unknown": ([{"hologram": {"depth": 3}}], "non_standard"),
    "thoughts and call": ([thought("Hm."), call("look", "c2ln", args={})],
                          "reasoning tool_call"),
    "signed image": ([text("See"), {**PNG, "thoughtSignature": "c2ln"}], "text image"),
    "failed code": ([CODE, {"codeExecutionResult": {"outcome": "OUTCOME_FAILED"}}],
                    "server_tool_call server_tool_result"),
    "code that took too long": ([CODE, printed("", "OUTCOME_DEADLINE_EXCEEDED")],
                                "server_tool_call server_tool_result"),
    "more in each payload": (
        [{"inlineData": {**PNG["inlineData"], "displayName": "a.png"}},
         {"fileData": {"mimeType": "image/png", "fileUri": "gs://b/o", "new": 1}},
         code("1", new=1), printed("1", new=1)],
        "image image server_tool_call server_tool_result"),
    "code with ids": ([code(id="c1"), {"codeExecutionResult": {
                          "id": "c1", "outcome": "OUTCOME_OK"}}],
                      "server_tool_call server_tool_result"),
    "the highest number of a language": ([code(language=2**31 - 1)],
                                         "server_tool_call"),
    "notes of a part": ([text("Hi", partMetadata={"k": 1}), CODE],
                        "text server_tool_call"),
    "thought that is a call": ([thought("Hm."),
                                {**call("look", args={}), "thought": True}],
                               "reasoning tool_call"),
    "function response": ([{"functionResponse": {"name": "x", "response": {}}}],
                          "non_standard"),
    "call with more": ([thought("Hm."), call("look", args={}, priority=3)],
                       "reasoning tool_call"),
}  # fmt: skip


@rows("parts kinds", BLOCKS)
def test_content_is_blocks_where_there_is_more(parts: list[Json], kinds: str) -> None:
    whole, stream = message_of(*parts), streamed(answer(*parts))
    if isinstance(whole.content, list):
        assert whole.response_metadata["output_version"] == "v1"
        assert whole.content == whole.content_blocks
    for message in (whole, stream):
        assert kinds_of(message) == kinds.split()
        assert back(message, model="gemini-2.5-flash", media_urls="pass") == parts


# Google would refuse these for ever: they are shown, and never sent.
NEVER_SENT: dict[str, tuple[Any, str]] = {
    "odd payload": ({"inlineData": "none"}, "non_standard"),
    "untyped": ({"inlineData": {"data": "YQ=="}}, "non_standard"),
    "odd data": ({"inlineData": {"mimeType": "image/png", "data": 5}}, "non_standard"),
    "odd text": ({"text": 3}, "non_standard"),
    "odd code": ({"executableCode": "1+1"}, "non_standard"),
    "odd language": (code(language=1.5), "non_standard"),
    "odd outcome": ({"codeExecutionResult": {"outcome": 2**31}}, "non_standard"),
    "no base64": (inline("image/png", "<html>"), "non_standard"),
    "no object": ("look", "non_standard"),
    "odd call": ({"functionCall": "look"}, "non_standard"),
    "nameless call": ({"functionCall": {}}, "invalid_tool_call"),
    "nameless call with arguments": ({"functionCall": {"args": {"path": "/etc"}}},
                                     "invalid_tool_call"),
    "blank name": (call(" ", args={"a": 1}), "invalid_tool_call"),
}  # fmt: skip


@rows("part kind", NEVER_SENT)
def test_parts_that_never_go_back(part: Any, kind: str) -> None:
    for before in ([], [text("Hi")]):
        for message in readings(*before, part):
            assert kinds_of(message)[-1] == kind
            assert back(message) == before
            assert message.tool_calls == []


def test_blocks_hold_what_came() -> None:
    message = message_of(text("See"), PNG, CODE, RESULT, text("and"), CODE, RESULT)
    shown, image, asked, result, _, again, other = (
        dict(block) for block in message.content_blocks
    )
    assert shown["text"] == "See"
    assert (image["base64"], image["mime_type"]) == ("aW1n", "image/png")
    assert asked["name"] == "code_execution"
    assert asked["args"] == {"language": "PYTHON", "code": "1+1"}
    assert (result["status"], result["output"]) == ("success", "2")
    assert result["tool_call_id"] == asked["id"] != again["id"]
    assert other["tool_call_id"] == again["id"]


def test_what_a_block_has_a_field_for_is_not_said_twice() -> None:
    file, ran = stored("image/png", "gs://b/o"), (code(id="c"), printed(id="c"))
    blocks = [dict(block) for block in message_of(PNG, file, *ran).content_blocks]
    assert (blocks[1]["url"], blocks[1]["mime_type"]) == ("gs://b/o", "image/png")
    extras = [block.get("extras", {}) for block in blocks]
    assert extras == [{}, {}, {}, {"outcome": "OUTCOME_OK"}]


def test_texts_of_one_event_grow_one_block() -> None:
    message = streamed(answer(thought("Hm."), text("One. "), text("Two.")))
    assert kinds_of(message) == ["reasoning", "text"]
    assert message.text == "One. Two."


FORMS: dict[str, tuple[Json, type]] = {
    "a model of images": ({"model": "gemini-3.1-flash-image"}, list),
    "blocks": ({"output_version": "v1"}, list),
    "nothing of modalities": ({"response_modalities": None}, str),
    "text": ({"response_modalities": ["TEXT"]}, str),
    "images, too": ({"response_modalities": ["TEXT", "IMAGE"]}, list),
    "speech": ({"response_modalities": ["AUDIO"]}, list),
}


@rows("settings form", FORMS)
def test_content_is_blocks_where_more_was_asked_for(settings: Json, form: type) -> None:
    message = message_of(text("Only text.", "c2ln"), model=settings)
    assert message.text == "Only text."
    assert isinstance(message.content, form)
    # Notes of parts stand beside text alone: blocks say of themselves what they are.
    assert bool(message.additional_kwargs) is (form is str)


def test_content_is_blocks_where_another_model_answered() -> None:
    named = {"modelVersion": "gemini-3-pro-image"}
    assert isinstance(read({**answer(text("x")), **named}).content, list)
    # A stream may name it after an event of nothing.
    nothing = event()
    del nothing["modelVersion"]
    said = {**event(text("x")), **named}
    assert isinstance(streamed(nothing, said, answer(text(""))).content, list)


def test_a_call_that_failed_has_a_place_among_the_blocks_of_a_stream() -> None:
    called = event(thought("Hm.")), event(call("look"))
    message = streamed(*called, answer(finish="MALFORMED_FUNCTION_CALL"))
    blocks: Any = message.content
    assert blocks[1]["type"] == "invalid_tool_call"
    assert blocks[1]["index"] == "lc_answer-1_call_0"


def test_code_execution_makes_blocks() -> None:
    model = Cloudflare(answer(text("2"))).model().bind_tools(["code_execution"])
    assert isinstance(model.invoke("1+1?").content, list)


# ---- calls


def test_args_are_untouched() -> None:
    args = {"i": 1, "f": 1.0, "big": 2**60, "n": None, "s": "&lt;", "l": [1.0, "ü"]}
    (made,) = message_of(call("look", args=args)).tool_calls
    assert made["args"] == args
    assert isinstance(made["args"]["f"], float)
    (made,) = message_of(
        {"functionCall": {"name": 3, "id": 7, "args": None}}
    ).tool_calls
    assert (made["name"], made["id"], made["args"]) == ("3", "7", {})


@pytest.mark.parametrize("args", [[1], "text", 3, True, [], "", 0, False], ids=repr)
def test_args_that_are_no_object(args: Any) -> None:
    for message in readings(call("look", args=args)):
        assert message.tool_calls == []
        (invalid,) = message.invalid_tool_calls
        (block,) = [b for b in message.content_blocks if b["type"] != "text"]
        assert block["type"] == "invalid_tool_call"
        assert block["error"] == "The arguments aren't a JSON object."
        assert invalid["name"] == "look"


# What protobuf's JSON may leave unset in words, and calls in odd company.
_LOOK = call("look", args={"n": 1})
COMPANY: dict[str, list[Json]] = {
    "null beside": [{**_LOOK, "inlineData": None}],
    "empty text beside": [{"text": "", **_LOOK}],
    "null text beside": [{"text": None, **_LOOK}],
    "nulls inside": [call("look", id=None, args={"n": 1}, partialArgs=None)],
    "arguments apart": [call("look", args={}), {"functionCall": {"args": {"n": 1}}}],
    "arguments apart, by id": [call("look", id="i1"),
                               {"functionCall": {"id": "i1", "args": {"n": 1}}}],
    "arguments apart, after another call": [
        call("look", id="i1"), text(""),
        {"functionCall": {"id": "i1", "args": {"n": 1}}}],
    "an end of its own": [_LOOK, {"functionCall": {}}],
}  # fmt: skip


@rows("parts", COMPANY)
@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_calls_in_odd_company(parts: list[Json], output_version: str) -> None:
    settings: Json = {"output_version": output_version}
    stream = streamed(*map(event, parts), answer(text("")), **settings)
    for message in (message_of(*parts, model=settings), stream):
        (made,) = message.tool_calls
        assert (made["name"], made["args"]) == ("look", {"n": 1})
        assert message.invalid_tool_calls == []
        (part,) = back(message, model="gemini-2.5-flash")
        assert part["functionCall"]["args"] == {"n": 1}


def test_text_beside_a_call_is_read() -> None:
    part = {"text": "Wait. ", **call("look", "c2ln")}
    for message in (message_of(part), streamed(event(part), answer(text("")))):
        assert message.text == "Wait. "
        assert [call["name"] for call in message.tool_calls] == ["look"]
        assert back(message) == [text("Wait. "), call("look", "c2ln")]


@pytest.mark.parametrize("part", [_LOOK, CODE, PNG], ids=lambda part: next(iter(part)))
def test_empty_text_beside_another_payload_is_none(part: Json) -> None:
    for message in readings({"text": "", **part}):
        assert kinds_of(message) == kinds_of(message_of(part))


@pytest.mark.parametrize("part", [call("look"), CODE], ids=["function", "code"])
def test_calls_of_answers_without_ids_are_told_apart(part: Json) -> None:
    def id_at(time: str) -> Any:
        whole = {**answer(part), "createTime": time}
        del whole["responseId"]
        (block,) = read(whole).content_blocks
        return block["id"]

    first, second = "2026-11-22T05:00:00Z", "2026-11-22T05:00:01Z"
    assert id_at(first) == id_at(first) != id_at(second)


# What came, and which of the functions `look` and `api.look` is meant, if any.
LONG_NAMES = [
    ("look", "look"), ("default_api:look", "look"), ("default_api.look", "look"),
    ("google:look", "look"), ("default_api:api.look", "api.look"),
    ("api.look", "api.look"), ("outlook", "outlook"), ("look.up", "look.up"),
]  # fmt: skip


@pytest.mark.parametrize(("came", "meant"), LONG_NAMES)
def test_a_declared_function_is_called_by_its_own_name(came: str, meant: str) -> None:
    tools: list[Json] = [{"name": n, "parameters": {}} for n in ("look", "api.look")]
    wire = call(came, "c2ln", args={})
    for said in (answer(wire), [event(wire), answer(text(""))]):
        message = Cloudflare(said).model().bind_tools(tools).invoke("hi")
        assert [each["name"] for each in message.tool_calls] == [meant]
        assert back(message) == [call(meant, "c2ln", args={})]


LISTED: Json = {"type": "array", "items": {"type": "object"}}
# What is declared of an argument, what came, and what is read.
TEXTS: dict[str, tuple[Json, Any, Any]] = {
    "list": (LISTED, '[{"a": 1}]', [{"a": 1}]),
    "list of texts": (LISTED, ['{"a": 1}'], [{"a": 1}]),
    "list of texts in a text": (LISTED, '["{}"]', [{}]),
    "object": ({"type": "object", "properties": {"k": LISTED}}, '{"k": "[]"}',
               {"k": []}),
    "object or null": ({"anyOf": [{"type": "object"}, {"type": "null"}]}, "{}", {}),
    "another kind": (LISTED, '{"a": 1}', '{"a": 1}'),
    "no JSON": (LISTED, "[one", "[one"),
    "number": ({"type": "integer"}, "7", "7"),
    "text": ({"type": "string"}, "[1]", "[1]"),
    "text or list": ({"type": ["string", "array"]}, "[1]", "[1]"),
    "anything": ({}, "[1]", "[1]"),
}  # fmt: skip


@rows("schema came read", TEXTS)
@pytest.mark.parametrize("dialect", ["json", "openapi"])
def test_json_text_is_read_where_no_text_is_allowed(
    schema: Json, came: Any, read: Any, dialect: str
) -> None:
    parameters = {"type": "object", "properties": {"x": schema}}
    tool = {"name": "look", "description": "Look.", "parameters": parameters}
    wire = call("look", args={"x": came})
    for said in (answer(wire), [event(wire), answer(text(""))]):
        model = Cloudflare(said).model(schema_dialect=dialect).bind_tools([tool])
        (made,) = model.invoke("hi").tool_calls
        assert made["args"] == {"x": read}


def test_calls_of_one_id_are_told_apart() -> None:
    message = message_of(*[call(name, id="i", args={}) for name in ("look", "hear")])
    first, second = message.tool_calls
    assert first["id"] != second["id"]
    assert kinds_of(message) == ["tool_call", "tool_call"]
    assert [part["functionCall"]["id"] for part in back(message)] == ["i", "i"]


def nested(levels: int) -> list[Any]:
    """Lists in one another."""
    return [nested(levels - 1)] if levels > 1 else []


def nested_object(levels: int) -> Json:
    """Objects in one another."""
    return {"k": nested_object(levels - 1)} if levels > 1 else {}


UNSENDABLE: dict[str, Any] = {
    "infinite": float("inf"),
    "no number": float("nan"),
    "beyond 64 bits": 2**64,
    "just nested too deep": nested(90),
    "nested too deep": nested(300),
    "objects too deep": nested_object(300),
}


@rows("value", UNSENDABLE)
def test_arguments_that_nothing_can_hold(value: Any) -> None:
    for message in readings(call("look", args={"a": value, "b": 1})):
        assert message.tool_calls == []
        block: Any
        (block,) = message.content_blocks
        assert block["type"] == "invalid_tool_call"
        assert "The arguments hold" in block["error"]
        assert back(message)


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), nested(89), nested_object(89)])
def test_the_most_that_arguments_hold(value: Any) -> None:
    message = message_of(call("look", args={"a": value}))
    assert message.tool_calls[0]["args"] == {"a": value}


HALVES: dict[str, tuple[list[str], str]] = {
    "lone": (["a\ud83d", "b"], "a\ufffdb"),
    "other half": (["\ude00b"], "\ufffdb"),
    "at the end": (["a", "b\ud83d"], "ab\ufffd"),
    "over two events": (["a\ud83d", "\ude00b"], "a\U0001f600b"),
}


@rows("pieces said", HALVES)
@pytest.mark.parametrize("make", [text, thought])
def test_text_is_valid_unicode(pieces: list[str], said: str, make: Any) -> None:
    message = streamed(*(event(make(p)) for p in pieces), answer(text("", "c2ln")))
    whole = message_of(make("".join(pieces)), text("", "c2ln"))
    for each in (message, whole):
        blocks: list[Any] = list(each.content_blocks)
        assert blocks[0].get("text", blocks[0].get("reasoning")) == said
        assert back(each)[-1]["thoughtSignature"] == "c2ln"
        json.dumps(messages_to_dict([each])).encode()


LATE: dict[str, tuple[list[Json], str, Json]] = {
    "after text": ([call("look", args={}), text("Wait. ")], "tool_call text", {"n": 1}),
    "after a thought": ([call("look"), thought("Hm.")], "tool_call reasoning",
                        {"n": 1}),
    "after a call that has its own": ([call("look", args={"m": 1}), text("Wait. ")],
                                      "tool_call text invalid_tool_call", {"m": 1}),
}  # fmt: skip


@rows("parts kinds args", LATE)
def test_arguments_reach_the_call_that_lacks_them(
    parts: list[Json], kinds: str, args: Json
) -> None:
    for message in readings(*parts, {"functionCall": {"args": {"n": 1}}}):
        assert kinds_of(message) == kinds.split()
        (made,) = message.tool_calls
        assert made["args"] == args


def test_arguments_that_came_twice_and_differ_never_run() -> None:
    message = message_of(call("look", args={"n": 1}), call("", args={"n": 2}))
    assert message.tool_calls == []
    (invalid,) = message.invalid_tool_calls
    assert json.loads(str(invalid["args"])) == [{"n": 1}, {"n": 2}]
    assert back(message)


# ---- what is said of an answer


def _said(**notes: Any) -> list[Json]:
    return [answer(text("ok"), **notes)]


def _read(url: str) -> Json:
    return {"urlContextMetadata": {"urlMetadata": [{"retrievedUrl": url}]}}


def _likely(tokens: str) -> Json:
    listed = [{"token": token, "logProbability": -1.0} for token in tokens]
    return {"logprobsResult": {"chosenCandidates": listed, "sum": -1.0}}


def _kept(tokens: str) -> Json:
    listed = [{"token": token, "log_probability": -1.0} for token in tokens]
    return {"logprobs": {"chosen_candidates": listed, "sum": -1.0}}


_REASONS = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION", 5: "OTHER"}
_REASONS |= {6: "6", 17: "17"}
# The events of an answer, and what they leave among a message's metadata.
METADATA: dict[str, tuple[list[Json], Json]] = {
    **{f"reason {wire}": (_said(finish=wire), {"finish_reason": reason})
       for wire, reason in _REASONS.items()},
    **{f"reason {reason}": (_said(finish=reason), {"finish_reason": reason})
       for reason in ("STOP", "MAX_TOKENS", "BRAND_NEW")},
    "its message": (_said(finishMessage="said so"), {"finish_message": "said so"}),
    "average": (_said(avgLogprobs=-0.5), {"avg_logprobs": -0.5}),
    "ratings": (_said(safetyRatings=[{"category": "X"}]),
                {"safety_ratings": [{"category": "X"}]}),
    "count": (_said(tokenCount=3), {"token_count": 3}),
    "news": (_said(brandNewThing={"someKey": 1}), {"brand_new_thing": {"some_key": 1}}),
    "continuation": (_said(continuationToken="t"), {"continuation_token": "t"}),
    "digits in a key": (_said(sha256Hash="x"), {"sha256_hash": "x"}),
    "beside the candidates": (
        [{**_said()[0], "turnToken": "t", "modelStatus": {"isFine": True}}],
        {"turn_token": "t", "model_status": {"is_fine": True}}),
    "names": (_said(), {"model_name": "gemini-3-flash-preview",
                        "create_time": "2026-11-22T05:00:00.000000Z",
                        "response_id": "answer-1"}),
    "null later": ([event(text("a")), {**answer(text("b")), "modelVersion": None}],
                   {"model_name": "gemini-3-flash-preview"}),
    "nothing of a note": (_said(brandNewThing={}), {"brand_new_thing": None}),
    "pages": (_said(**_read("u")),
              {"url_context_metadata": {"url_metadata": [{"retrieved_url": "u"}]}}),
    "pages, then others": (
        [event(text("a"), **_read("u1")), answer(text("b"), **_read("u2"))],
        {"url_context_metadata": {"url_metadata": [{"retrieved_url": "u1"},
                                                   {"retrieved_url": "u2"}]}}),
    # All of them again, the new ones, or, told apart by nothing, the same once more.
    **{f"logprobs a, then {then}": (
           [event(text("a"), **_likely("a")), answer(text("b"), **_likely(then))],
           _kept(kept))
       for then, kept in (("ab", "ab"), ("b", "ab"), ("aa", "aa"), ("a", "a"))},
}  # fmt: skip


@rows("events kept", METADATA)
def test_metadata(events: list[Json], kept: Json) -> None:
    wholes = [read(whole) for whole in events if len(events) == 1]
    for message in (streamed(*events), *wholes):
        metadata = message.response_metadata
        assert {key: metadata.get(key) for key in kept} == kept


def test_feedback_that_blocks_nothing_is_kept() -> None:
    whole = {"promptFeedback": {"blockReasonMessage": "x"}, "usageMetadata": USAGE}
    told = read(whole).response_metadata
    assert told["prompt_feedback"] == {"block_reason_message": "x"}
    assert told["finish_message"] == "x"
    assert "finish_reason" not in told


_RATED = [{"category": "X", "blocked": True}]
BLOCKED: dict[str, tuple[Json, str | None, Any]] = {
    "SAFETY": ({}, None, None),
    "OTHER": ({"blockReasonMessage": "Prompt was blocked."}, "Prompt was blocked.",
              None),
    "PROHIBITED_CONTENT": ({"safetyRatings": _RATED}, None, _RATED),
}  # fmt: skip


@pytest.mark.parametrize("reason", BLOCKED)
def test_blocked_prompts_are_messages(reason: str) -> None:
    feedback, said, ratings = BLOCKED[reason]
    usage = {"promptTokenCount": 5, "totalTokenCount": 5}
    whole: Json = {"promptFeedback": {"blockReason": reason, **feedback}}
    whole |= {"usageMetadata": usage, "modelVersion": "m"}
    for message in (read(whole), streamed(whole)):
        assert message.text == ""
        metadata = message.response_metadata
        assert metadata["finish_reason"] == reason
        assert metadata["prompt_feedback"]["block_reason"] == reason
        assert metadata.get("finish_message") == said
        assert metadata.get("safety_ratings") == ratings
        refusals = refusals_of(message)
        assert bool(refusals) is ("refusal" in KNOWN_BLOCK_TYPES)
        assert all(refusal["extras"]["block_reason"] == reason for refusal in refusals)
        assert message.usage_metadata is not None
        assert message.usage_metadata["total_tokens"] == 5


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "MALFORMED_FUNCTION_CALL"])
@pytest.mark.parametrize("content", [None, {}, {"role": "model"}])
def test_blocked_candidates_are_messages(reason: str, content: Any) -> None:
    blocked = {"finishReason": reason, "finishMessage": "said so"}
    held = {} if content is None else {"content": content}
    whole = {**answer(), "candidates": [{**blocked, **held}]}
    for message in (read(whole), streamed(whole)):
        assert message.content in ("", [])
        assert message.response_metadata["finish_reason"] == reason
        assert message.response_metadata["finish_message"] == "said so"
        assert message.usage_metadata is not None


# Keys of Google's, or of whoever stands between, that are named as ours.
FOREIGN: Json = {
    "id": 5, "modelProvider": "openai", "outputVersion": "v0", "citations": "none",
    "gateway": {"ray_id": "x"},
}  # fmt: skip


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("where", ["answer", "candidate"])
def test_unknown_keys_stay_apart_from_ours(streaming: bool, where: str) -> None:
    pieces = [event(text("a")), answer(text("b"))]
    for piece in pieces:
        if where == "answer":
            piece.update(FOREIGN, finishReason="LENGTH")
        else:
            piece["candidates"][0].update(FOREIGN)
    message = streamed(*pieces) if streaming else read(pieces[1])
    metadata = message.response_metadata
    assert metadata["model_provider"] == "cloudflare_gemini"
    assert metadata["id"] == "answer-1"
    assert metadata["finish_reason"] == "STOP"
    assert "citations" not in metadata
    kept = metadata["unknown_fields"]
    assert (kept["id"], kept["model_provider"]) == (5, "openai")


@pytest.mark.parametrize("odd", ["x", 3, [], [3], True, {"safetyRatings": "none"}])
@pytest.mark.parametrize(
    "key",
    ["promptFeedback", "modelVersion", "createTime", "responseId", "usageMetadata"],
)
def test_an_odd_detail_costs_no_answer(key: str, odd: Any) -> None:
    first, last = {**event(text("a")), key: odd}, {**answer(text("b")), key: odd}
    for message, said in ((streamed(first, last), "ab"), (read(last), "b")):
        assert message.text == said
        assert message.content_blocks
        assert message.response_metadata["finish_reason"] == "STOP"


# ---- usage


def _counts(prompt: Any, said: Any, total: Any, **more: Any) -> Json:
    made = {"promptTokenCount": prompt, "candidatesTokenCount": said}
    return {**made, "totalTokenCount": total, **more}


def _of(kind: Any, count: Any) -> Json:
    return {"modality": kind, "tokenCount": count}


def _usage(inside: int, outside: int, total: int, **details: Json) -> Json:
    made = {"input_tokens": inside, "output_tokens": outside, "total_tokens": total}
    return {**made, **{f"{of}_token_details": told for of, told in details.items()}}


# What the events of an answer count.
USAGES: dict[str, tuple[list[Any], Json | None]] = {
    "none": ([None], None),
    "no counts": ([{"trafficType": "ON_DEMAND"}], None),
    "no object": ([[{"promptTokenCount": 7}]], None),
    "a word": (["none"], None),
    "a number": ([3], None),
    "nothing that counts": ([{"promptTokenCount": "many"}], None),
    "plain": ([_counts(7, 2, 9)], _usage(7, 2, 9)),
    "null later": ([_counts(7, 2, 9), None], _usage(7, 2, 9)),
    "fewer later": ([_counts(5, 2, 107, thoughtsTokenCount=100), _counts(5, 2, 107)],
                    _usage(5, 102, 107, output={"reasoning": 100})),
    "nulls later": ([_counts(7, 2, 9), _counts(7, None, None)], _usage(7, 2, 9)),
    "all of it later": ([_counts(5, 2, 10, thoughtsTokenCount=3), _counts(5, 5, 10)],
                        _usage(5, 5, 10)),
    "thoughts": ([_counts(7, 2, 39, thoughtsTokenCount=30)],
                 _usage(7, 32, 39, output={"reasoning": 30})),
    "tools of Google's": ([_counts(7, 2, 109, toolUsePromptTokenCount=100)],
                          _usage(107, 2, 109)),
    "cached": ([_counts(70, 2, 72, cachedContentTokenCount=50)],
               _usage(70, 2, 72, input={"cache_read": 50})),
    "audio": ([_counts(70, 20, 90, candidatesTokensDetails=[_of("AUDIO", 20)],
                       promptTokensDetails=[_of("TEXT", 10), _of("AUDIO", 60)])],
              _usage(70, 20, 90, input={"audio": 60}, output={"audio": 20})),
    "cached audio": ([_counts(70, 2, 72, cachedContentTokenCount=60,
                              promptTokensDetails=[_of("AUDIO", 60)],
                              cacheTokensDetails=[_of("AUDIO", 60)])],
                     _usage(70, 2, 72, input={"cache_read": 60})),
    "audio that may be cached": (
        [_counts(70, 2, 75, thoughtsTokenCount=3, cachedContentTokenCount=60,
                 promptTokensDetails=[_of("AUDIO", 30)],
                 candidatesTokensDetails=[_of("AUDIO", 5)])],
        _usage(70, 5, 75, input={"cache_read": 60, "audio": 10},
               output={"reasoning": 3, "audio": 2})),
    "nothing visible": (
        [{"promptTokenCount": 7, "thoughtsTokenCount": 3, "totalTokenCount": 10}],
        _usage(7, 3, 10, output={"reasoning": 3})),
    "no total": ([{"promptTokenCount": 7, "candidatesTokenCount": 2}], _usage(7, 2, 9)),
    "as text": ([_counts("7", 2.0, "9", promptTokensDetails=[None, _of(4, "3")])],
                _usage(7, 2, 9, input={"audio": 3})),
    "odd counts": ([_counts(7, "many", None, thoughtsTokenCount=-3,
                            promptTokensDetails={"modality": "TEXT"},
                            cachedContentTokenCount=90)],
                   _usage(7, 0, 7, input={"cache_read": 7})),
    "more in the total": ([_counts(5, 2, 107)], _usage(5, 102, 107)),
    "detail without count": (
        [_counts(7, 2, 9, promptTokensDetails=[{"modality": "AUDIO"}])],
        _usage(7, 2, 9)),
}  # fmt: skip


@rows("counts usage", USAGES)
def test_usage(counts: list[Any], usage: Json | None) -> None:
    events = [{**event(text("ok")), "usageMetadata": each} for each in counts]
    events[-1] = {**answer(text("ok")), "usageMetadata": counts[-1]}
    wholes = [read(whole) for whole in events if len(events) == 1]
    for message in (streamed(*events), *wholes):
        assert message.text == "ok" * len(events)
        assert message.usage_metadata == usage


# ---- blocks of plain text


def test_blocks_of_text() -> None:
    message = message_of(text("The laws", "c2ln"))
    block: Any
    (block,) = message.content_blocks
    assert (block["type"], block["text"]) == ("text", "The laws")
    assert block["extras"]["signature"] == "c2ln"
    (block,) = message.model_copy(update={"content": "Other"}).content_blocks
    assert block == {"type": "text", "text": "Other", "index": block.get("index")}


def test_blocks_of_calls_come_in_their_order() -> None:
    parts = [call("look", "c2ln", args={}), text("And."), call("hear", args={})]
    message = message_of(*parts)
    assert kinds_of(message) == ["tool_call", "text", "tool_call"]
    blocks: list[Any] = list(message.content_blocks)
    first, _, last = blocks
    assert first["extras"]["signature"] == "c2ln"
    assert "extras" not in last


REASONS_TO_REFUSE = ["RECITATION", "SPII", "IMAGE_SAFETY", "SAFETY", "BLOCKLIST"]


@pytest.mark.parametrize("first", [text("Well, "), thought("Hm.")], ids=["text", "v1"])
@pytest.mark.parametrize("reason", REASONS_TO_REFUSE)
def test_refusals_are_blocks_where_langchain_has_them(first: Json, reason: str) -> None:
    said = "No." if reason == "SAFETY" else ""
    ending: Json = {"finish": reason, **({"finishMessage": said} if said else {})}
    whole = message_of(first, **ending)
    if "refusal" not in KNOWN_BLOCK_TYPES:
        assert refusals_of(whole) == []
        return
    for message in (whole, streamed(event(first), answer(**ending))):
        (refusal,) = refusals_of(message)
        refusal.pop("index", None)
        extras = {"category": reason, "finish_reason": reason}
        assert refusal == {"type": "refusal", "refusal": said, "extras": extras}
        assert back(message) == [first]


def test_thoughts_that_follow_text_in_a_stream() -> None:
    """Content has become text by then, and goes on as blocks."""
    for thinks, sent in (("Hm.", "Hm."), ("Hm\ud83d", "Hm\ufffd")):
        parts = [text("Well. "), thought(thinks), text("So.", "c2ln")]
        _, message = readings(*parts)
        assert message.text == "Well. So."
        assert isinstance(message.content, list)
        assert kinds_of(message) == ["text", "reasoning", "text"]
        assert back(message) == [parts[0], thought(sent), parts[2]]


# ---- answers that are not built as they should be


@pytest.mark.parametrize("wrong", ["none", 3, [], [3]])
@pytest.mark.parametrize("key", ["groundingMetadata", "citationMetadata"])
def test_notes_of_another_shape_do_not_cost_the_answer(key: str, wrong: Any) -> None:
    notes: Json = {key: {"groundingSupports": wrong, "citations": wrong}}
    message = message_of(text("ok"), **notes)
    assert message.text == "ok"
    assert message.response_metadata["finish_reason"] == "STOP"


@pytest.mark.parametrize("sizes", [[1], [3, 3], [1, 1, 1, 1], [100, 101, 200, 349]])
def test_packets_of_speech_are_one_block(sizes: list[int]) -> None:
    said = bytes(range(250)) * 3
    kind = "audio/L16;codec=pcm;rate=24000"
    packets = [said[sum(sizes[:n]) :][:size] for n, size in enumerate(sizes)]
    parts = [inline(kind, b64encode(packet).decode()) for packet in packets]
    message = streamed(*map(event, parts), answer(text("")))
    (block,) = message.content_blocks
    assert (block["type"], block.get("mime_type")) == ("audio", kind)
    (part,) = back(message)
    assert b64decode(part["inlineData"]["data"]) == b"".join(packets)
    other = inline("audio/L16;rate=8000", parts[0]["inlineData"]["data"])
    foreign = inline(kind, "_-_-")  # letters of another base64, which joins nothing
    for next_one in (other, foreign):
        apart = streamed(event(parts[0]), event(next_one), answer(text("")))
        assert back(apart) == [parts[0], next_one]
