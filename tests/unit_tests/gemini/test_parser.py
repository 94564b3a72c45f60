"""Whole answers as messages: tables of what came and what is said of it."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from contextlib import suppress
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage, messages_to_dict
from langchain_core.messages.content import KNOWN_BLOCK_TYPES

from langchain_cf_gemini import ResponseFormatError
from tests.support.models import (
    USAGE,
    Cloudflare,
    Json,
    answer,
    back,
    call,
    event,
    folded,
    message_of,
    streamed,
    text,
    thought,
)

CODE = {"executableCode": {"language": "PYTHON", "code": "1+1"}}
RESULT = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}}
PNG = {"inlineData": {"mimeType": "image/png", "data": "aW1n"}}


def refusals_of(message: AIMessage) -> list[Any]:
    return [b for b in message.content_blocks if str(b["type"]) == "refusal"]


# ---- content

CONTENTS: dict[str, tuple[list[Json], Any]] = {
    "text": ([text("The laws.\n\n")], "The laws.\n\n"),
    "signed text": ([text("The laws.\n", "c2ln")], "The laws.\n"),
    "several texts": ([text("The "), text("laws", "c2ln")], "The laws"),
    "empty text": ([text("")], ""),
    "empty signed text": ([text("Hi"), text("", "c2ln")], "Hi"),
    "call": ([call("look", args={})], ""),
    "text and call": ([text("Wait. "), call("look", "c2ln", args={})], "Wait. "),
    "empty part": ([text("Hi"), {}], "Hi"),
}


@pytest.mark.parametrize(("parts", "content"), CONTENTS.values(), ids=CONTENTS.keys())
def test_content_is_text_where_the_answer_is(parts: list[Json], content: str) -> None:
    message = message_of(*parts)
    assert message.content == content
    assert type(message) is AIMessage


BLOCKS: dict[str, tuple[list[Json], list[str]]] = {
    "thoughts": ([thought("Hm."), text("Well.")], ["reasoning", "text"]),
    "code": ([CODE, RESULT, text("2")],
             ["server_tool_call", "server_tool_result", "text"]),
    "image": ([text("See"), PNG], ["text", "image"]),
    "audio": ([{"inlineData": {"mimeType": "audio/L16;rate=24000", "data": "YQ=="}}],
              ["audio"]),
    "video": ([{"inlineData": {"mimeType": "video/mp4", "data": "YQ=="}}], ["video"]),
    "pdf": ([{"inlineData": {"mimeType": "application/pdf", "data": "YQ=="}}],
            ["file"]),
    "address": ([{"fileData": {"mimeType": "image/png", "fileUri": "gs://b/o"}}],
                ["image"]),
    "untyped address": ([{"fileData": {"fileUri": "gs://b/o"}}], ["non_standard"]),
    "image of a thought": ([{**PNG, "thought": True}, PNG], ["image", "image"]),
    "thought with more": ([text("Hm.", thought=True, partMetadata={"k": 1}),
                           text("Well.")], ["reasoning", "text"]),
    "unknown": ([{"hologram": {"depth": 3}}], ["non_standard"]),
    "thoughts and call": ([thought("Hm."), call("look", "c2ln", args={})],
                          ["reasoning", "tool_call"]),
    "signed image": ([text("See"), {**PNG, "thoughtSignature": "c2ln"}],
                     ["text", "image"]),
    "failed code": ([CODE, {"codeExecutionResult": {"outcome": "OUTCOME_FAILED"}}],
                    ["server_tool_call", "server_tool_result"]),
    "code with ids": (
        [{"executableCode": {"id": "c1", "language": "PYTHON", "code": "1"}},
         {"codeExecutionResult": {"id": "c1", "outcome": "OUTCOME_OK"}}],
        ["server_tool_call", "server_tool_result"]),
    "the highest number of a language": (
        [{"executableCode": {"language": 2**31 - 1, "code": "1"}}],
        ["server_tool_call"]),
    "notes of a part": ([text("Hi", partMetadata={"k": 1}), CODE],
                        ["text", "server_tool_call"]),
    "thought that is a call": (
        [thought("Hm."), {**call("look", args={}), "thought": True}],
        ["reasoning", "tool_call"]),
    "function response": ([{"functionResponse": {"name": "x", "response": {}}}],
                          ["non_standard"]),
    "call with more": ([thought("Hm."), call("look", args={}, priority=3)],
                       ["reasoning", "tool_call"]),
}  # fmt: skip


@pytest.mark.parametrize(("parts", "kinds"), BLOCKS.values(), ids=BLOCKS.keys())
def test_content_is_blocks_where_there_is_more(
    parts: list[Json], kinds: list[str]
) -> None:
    message = message_of(*parts)
    assert [block["type"] for block in message.content_blocks] == kinds
    if isinstance(message.content, list):
        assert message.response_metadata["output_version"] == "v1"
        assert message.content == message.content_blocks
    assert back(message, model="gemini-2.5-flash", media_urls="pass") == parts
    message = streamed(answer(*parts), endpoint="gateway")
    assert [block["type"] for block in message.content_blocks] == kinds
    assert back(message, model="gemini-2.5-flash", media_urls="pass") == parts


# Google would refuse these for ever: they are shown, and never sent.
NEVER_SENT: dict[str, tuple[Json, str]] = {
    "odd payload": ({"inlineData": "none"}, "non_standard"),
    "untyped": ({"inlineData": {"data": "YQ=="}}, "non_standard"),
    "odd data": ({"inlineData": {"mimeType": "image/png", "data": 5}}, "non_standard"),
    "odd text": ({"text": 3}, "non_standard"),
    "odd code": ({"executableCode": "1+1"}, "non_standard"),
    "odd language": ({"executableCode": {"language": 1.5, "code": "1"}},
                     "non_standard"),
    "odd outcome": ({"codeExecutionResult": {"outcome": 2**31}}, "non_standard"),
    "no base64": ({"inlineData": {"mimeType": "image/png", "data": "<html>"}},
                  "non_standard"),
    "blank name": ({"functionCall": {"name": " ", "args": {"a": 1}}},
                   "invalid_tool_call"),
    "no object": ("look", "non_standard"),  # type: ignore[dict-item]
    "nameless call": ({"functionCall": {}}, "invalid_tool_call"),
    "nameless call with arguments": ({"functionCall": {"args": {"path": "/etc"}}},
                                     "invalid_tool_call"),
    "odd call": ({"functionCall": "look"}, "non_standard"),
}  # fmt: skip


@pytest.mark.parametrize(("part", "kind"), NEVER_SENT.values(), ids=NEVER_SENT.keys())
def test_parts_that_never_go_back(
    part: Json, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    for parts in ([part], [text("Hi"), part]):
        events = [*(event(p) for p in parts[:-1]), answer(parts[-1])]
        for message in (message_of(*parts), streamed(*events)):
            assert [b["type"] for b in message.content_blocks][-1] == kind
            assert back(message) == parts[:-1]
            assert message.tool_calls == []


def test_blocks_hold_what_came() -> None:
    message = message_of(text("See"), PNG, CODE, RESULT)
    shown, image, code, result = (dict(b) for b in message.content_blocks)
    assert shown["text"] == "See"
    assert (image["base64"], image["mime_type"]) == ("aW1n", "image/png")
    assert code["name"] == "code_execution"
    assert code["args"] == {"language": "PYTHON", "code": "1+1"}
    assert result["tool_call_id"] == code["id"]
    assert (result["status"], result["output"]) == ("success", "2")


def test_texts_of_one_event_grow_one_block() -> None:
    message = streamed(answer(thought("Hm."), text("One. "), text("Two.")))
    assert [block["type"] for block in message.content_blocks] == ["reasoning", "text"]
    assert message.text == "One. Two."


def test_several_rounds_of_code() -> None:
    message = message_of(CODE, RESULT, text("and"), CODE, RESULT)
    blocks: list[Any] = list(message.content_blocks)
    assert blocks[0]["id"] == blocks[1]["tool_call_id"]
    assert blocks[3]["id"] == blocks[4]["tool_call_id"]
    assert blocks[0]["id"] != blocks[3]["id"]


MORE = [
    {"response_modalities": ["TEXT", "IMAGE"]},
    {"model": "gemini-3.1-flash-image"},
    {"output_version": "v1"},
]


@pytest.mark.parametrize("settings", MORE)
def test_content_is_blocks_where_more_was_asked(settings: Json) -> None:
    message = message_of(text("Only text."), model=settings)
    assert message.text == "Only text."
    assert isinstance(message.content, list)


def test_content_is_blocks_where_another_model_answered() -> None:
    asked = Cloudflare({**answer(text("x")), "modelVersion": "gemini-3-pro-image"})
    assert isinstance(asked.model().invoke("hi").content, list)


def test_the_model_may_be_named_after_an_event_of_nothing() -> None:
    nothing, said = event(), {**event(text("x")), "modelVersion": "gemini-3-pro-image"}
    del nothing["modelVersion"]
    assert isinstance(streamed(nothing, said, answer(text(""))).content, list)


@pytest.mark.parametrize(
    ("modalities", "kind"),
    [(None, str), (["TEXT"], str), (["TEXT", "IMAGE"], list), (["AUDIO"], list)],
)
def test_content_is_blocks_where_more_was_asked_for(
    modalities: list[str] | None, kind: type
) -> None:
    model = {"model": "gemini-9-flash", "response_modalities": modalities}
    assert isinstance(message_of(text("x"), model=model).content, kind)


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


@pytest.mark.parametrize("args", [[1], "text", 3, True, [], "", 0, False])
@pytest.mark.parametrize("streaming", [False, True])
def test_args_that_are_no_object(args: Any, streaming: bool) -> None:
    part = call("look", args=args)
    message = streamed(answer(part)) if streaming else message_of(part)
    assert message.tool_calls == []
    (invalid,) = message.invalid_tool_calls
    (block,) = [b for b in message.content_blocks if b["type"] != "text"]
    assert block["type"] == "invalid_tool_call"
    assert block["error"] == "The arguments aren't a JSON object."
    assert invalid["name"] == "look"


def test_null_args_are_none() -> None:
    message = message_of(call("look", args=None))
    assert message.tool_calls[0]["args"] == {}


# What protobuf's JSON may leave unset in words, and calls in odd company.
COMPANY: dict[str, list[Json]] = {
    "null beside": [{"functionCall": {"name": "look", "args": {"n": 1}},
                     "inlineData": None}],
    "empty text beside": [{"text": "",
                           "functionCall": {"name": "look", "args": {"n": 1}}}],
    "null text beside": [{"text": None,
                          "functionCall": {"name": "look", "args": {"n": 1}}}],
    "nulls inside": [{"functionCall": {"name": "look", "id": None, "args": {"n": 1},
                                       "partialArgs": None}}],
    "arguments apart": [{"functionCall": {"name": "look", "args": {}}},
                        {"functionCall": {"args": {"n": 1}}}],
    "arguments apart, by id": [{"functionCall": {"name": "look", "id": "i1"}},
                               {"functionCall": {"id": "i1", "args": {"n": 1}}}],
    "arguments apart, after another call": [
        {"functionCall": {"name": "look", "id": "i1"}},
        {"text": ""},
        {"functionCall": {"id": "i1", "args": {"n": 1}}}],
    "an end of its own": [{"functionCall": {"name": "look", "args": {"n": 1}}},
                          {"functionCall": {}}],
}  # fmt: skip


@pytest.mark.parametrize("parts", COMPANY.values(), ids=COMPANY.keys())
@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_calls_in_odd_company(parts: list[Json], output_version: str) -> None:
    settings: Json = {"output_version": output_version}
    events = [*(event(part) for part in parts), answer(text(""))]
    for message in (
        message_of(*parts, model=settings),
        streamed(*events, endpoint="gateway", **settings),
    ):
        (made,) = message.tool_calls
        assert (made["name"], made["args"]) == ("look", {"n": 1})
        assert message.invalid_tool_calls == []
        (part,) = back(message, model="gemini-2.5-flash")
        assert part["functionCall"]["args"] == {"n": 1}


def test_text_beside_a_call_is_read() -> None:
    part = {
        "text": "Wait. ",
        "functionCall": {"name": "look"},
        "thoughtSignature": "c2ln",
    }
    for message in (message_of(part), streamed(event(part), answer(text("")))):
        assert message.text == "Wait. "
        assert [call["name"] for call in message.tool_calls] == ["look"]
        assert back(message)[1]["thoughtSignature"] == "c2ln"


def test_an_id_that_is_a_number_is_read() -> None:
    (made,) = message_of(call("look", id=7)).tool_calls
    assert made["id"] == "7"


@pytest.mark.parametrize("part", [call("look"), CODE], ids=["function", "code"])
def test_calls_of_answers_without_ids_are_told_apart(part: Json) -> None:
    def id_at(time: str) -> Any:
        whole = {**answer(part), "createTime": time}
        del whole["responseId"]
        (block,) = Cloudflare(whole).model().invoke("hi").content_blocks
        return block["id"]

    first, second = "2026-11-22T05:00:00Z", "2026-11-22T05:00:01Z"
    assert id_at(first) == id_at(first) != id_at(second)


def test_calls_of_one_id_are_told_apart() -> None:
    message = message_of(call("look", id="i"), call("hear", id="i"))
    first, second = message.tool_calls
    assert first["id"] != second["id"]
    assert [b["type"] for b in message.content_blocks] == ["tool_call", "tool_call"]
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


@pytest.mark.parametrize("value", UNSENDABLE.values(), ids=UNSENDABLE.keys())
@pytest.mark.parametrize("streaming", [False, True])
def test_arguments_that_nothing_can_hold(value: Any, streaming: bool) -> None:
    part = call("look", args={"a": value, "b": 1})
    said = httpx.Response(200, content=json.dumps(answer(part)).encode())
    model = Cloudflare(said).model(endpoint="gateway")
    message: Any = folded(list(model.stream("hi"))) if streaming else model.invoke("hi")
    assert message.tool_calls == []
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


@pytest.mark.parametrize(("pieces", "said"), HALVES.values(), ids=HALVES.keys())
@pytest.mark.parametrize("kind", ["text", "thought"])
def test_text_is_valid_unicode(pieces: list[str], said: str, kind: str) -> None:
    make = text if kind == "text" else thought
    message = streamed(*(event(make(p)) for p in pieces), answer(text("", "c2ln")))
    whole = message_of(make("".join(pieces)), text("", "c2ln"))
    for each in (message, whole):
        blocks: list[Any] = list(each.content_blocks)
        assert blocks[0].get("text", blocks[0].get("reasoning")) == said
        assert back(each)[-1]["thoughtSignature"] == "c2ln"
        json.dumps(messages_to_dict([each])).encode()


def test_half_a_character_of_a_thought_stays_in_it() -> None:
    message = streamed(
        event(text("Well.")), event(thought("Hm\ud83d")), answer(text("So."))
    )
    assert message.text == "Well.So."
    assert back(message) == [text("Well."), thought("Hm\ufffd"), text("So.")]


LATE: dict[str, tuple[list[Json], list[str], bool]] = {
    "after text": ([call("look", args={}), text("Wait. ")], ["tool_call", "text"],
                   True),
    "after a thought": ([call("look"), thought("Hm.")], ["tool_call", "reasoning"],
                        True),
    "after a call that has its own": ([call("look", args={"m": 1}), text("Wait. ")],
                                      ["tool_call", "text", "invalid_tool_call"],
                                      False),
}  # fmt: skip


@pytest.mark.parametrize(("parts", "kinds", "joins"), LATE.values(), ids=LATE.keys())
@pytest.mark.parametrize("streaming", [False, True])
def test_arguments_reach_the_call_that_lacks_them(
    parts: list[Json], kinds: list[str], joins: bool, streaming: bool
) -> None:
    late: Json = {"functionCall": {"args": {"n": 1}}}
    message = message_of(*parts, late)
    if streaming:
        message = streamed(*map(event, parts), answer(late), endpoint="gateway")
    assert [block["type"] for block in message.content_blocks] == kinds
    (made,) = message.tool_calls
    assert made["args"] == ({"n": 1} if joins else {"m": 1})


def test_arguments_that_came_twice_and_differ_never_run() -> None:
    message = message_of(call("look", args={"n": 1}), call("", args={"n": 2}))
    assert message.tool_calls == []
    (invalid,) = message.invalid_tool_calls
    assert json.loads(str(invalid["args"])) == [{"n": 1}, {"n": 2}]
    assert back(message)


# ---- what is said of an answer

NOTES: list[tuple[Json, str, Any]] = [
    ({"finishMessage": "said so"}, "finish_message", "said so"),
    ({"avgLogprobs": -0.5}, "avg_logprobs", -0.5),
    ({"safetyRatings": [{"category": "X"}]}, "safety_ratings", [{"category": "X"}]),
    ({"urlContextMetadata": {"urlMetadata": [{"retrievedUrl": "u"}]}},
     "url_context_metadata", {"url_metadata": [{"retrieved_url": "u"}]}),
    ({"logprobsResult": {"chosenCandidates": [{"logProbability": -1.0}]}}, "logprobs",
     {"chosen_candidates": [{"log_probability": -1.0}]}),
    ({"tokenCount": 3}, "token_count", 3),
    ({"brandNewThing": {"someKey": 1}}, "brand_new_thing", {"some_key": 1}),
    ({"continuationToken": "t"}, "continuation_token", "t"),
    ({"sha256Hash": "x"}, "sha256_hash", "x"),
]  # fmt: skip


@pytest.mark.parametrize(("notes", "key", "value"), NOTES)
@pytest.mark.parametrize("streaming", [False, True])
def test_notes_of_a_candidate(
    notes: Json, key: str, value: Any, streaming: bool
) -> None:
    whole: Json = answer(text("ok"))
    whole["candidates"][0] |= notes
    message = streamed(whole) if streaming else Cloudflare(whole).model().invoke("hi")
    assert message.response_metadata[key] == value


def test_notes_of_an_answer() -> None:
    whole = {**answer(text("ok")), "turnToken": "t", "modelStatus": {"isFine": True}}
    metadata = Cloudflare(whole).model().invoke("hi").response_metadata
    assert metadata["turn_token"] == "t"
    assert metadata["model_status"] == {"is_fine": True}
    assert metadata["model_name"] == "gemini-3-flash-preview"
    assert metadata["create_time"] == "2026-11-22T05:00:00.000000Z"
    assert metadata["response_id"] == "answer-1"


REASONS = [
    ("STOP", "STOP"),
    ("MAX_TOKENS", "MAX_TOKENS"),
    ("BRAND_NEW", "BRAND_NEW"),
    (1, "STOP"),
    (2, "MAX_TOKENS"),
    (3, "SAFETY"),
    (4, "RECITATION"),
    (5, "OTHER"),
    (6, "6"),
    (17, "17"),
]


@pytest.mark.parametrize(("wire", "reason"), REASONS)
def test_finish_reasons(wire: Any, reason: str) -> None:
    message = message_of(text("ok"), finish=wire)
    assert message.response_metadata["finish_reason"] == reason


BLOCKED = [
    ({"blockReason": "SAFETY"}, "SAFETY", None),
    ({"blockReason": "OTHER", "blockReasonMessage": "Prompt was blocked."}, "OTHER",
     "Prompt was blocked."),
    ({"blockReason": "PROHIBITED_CONTENT",
      "safetyRatings": [{"category": "X", "blocked": True}]}, "PROHIBITED_CONTENT",
     None),
]  # fmt: skip


def test_feedback_that_blocks_nothing_is_kept() -> None:
    whole = {"promptFeedback": {"blockReasonMessage": "x"}, "usageMetadata": USAGE}
    told = Cloudflare(whole).model().invoke("hi").response_metadata
    assert told["prompt_feedback"] == {"block_reason_message": "x"}
    assert told["finish_message"] == "x"
    assert "finish_reason" not in told


@pytest.mark.parametrize(("feedback", "reason", "said"), BLOCKED)
@pytest.mark.parametrize("streaming", [False, True])
def test_blocked_prompts_are_messages(
    feedback: Json, reason: str, said: str | None, streaming: bool
) -> None:
    usage = {"promptTokenCount": 5, "totalTokenCount": 5}
    whole = {"promptFeedback": feedback, "usageMetadata": usage, "modelVersion": "m"}
    message = (
        streamed(whole, endpoint="gateway")
        if streaming
        else Cloudflare(whole).model().invoke("hi")
    )
    assert message.text == ""
    metadata = message.response_metadata
    assert metadata["finish_reason"] == reason
    assert metadata["prompt_feedback"]["block_reason"] == reason
    assert metadata.get("finish_message") == said
    refusals = refusals_of(message)
    assert bool(refusals) is ("refusal" in KNOWN_BLOCK_TYPES)
    assert all(refusal["extras"]["block_reason"] == reason for refusal in refusals)
    assert message.usage_metadata is not None
    assert message.usage_metadata["total_tokens"] == 5
    if "safetyRatings" in feedback:
        assert metadata["safety_ratings"] == [{"category": "X", "blocked": True}]


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "MALFORMED_FUNCTION_CALL"])
@pytest.mark.parametrize("content", [None, {}, {"role": "model"}])
def test_blocked_candidates_are_messages(reason: str, content: Any) -> None:
    whole = answer()
    whole["candidates"] = [{"finishReason": reason, "finishMessage": "said so"}]
    if content is not None:
        whole["candidates"][0]["content"] = content
    for message in (Cloudflare(whole).model().invoke("hi"), streamed(whole)):
        assert message.content in ("", [])
        assert message.response_metadata["finish_reason"] == reason
        assert message.response_metadata["finish_message"] == "said so"
        assert message.usage_metadata is not None


# Keys of Google's, or of whoever stands between, that are named as ours.
FOREIGN: Json = {
    "id": 5,
    "modelProvider": "openai",
    "finishReason": "LENGTH",
    "outputVersion": "v0",
    "gateway": {"ray_id": "x"},
    "citations": "none",
}


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("where", ["answer", "candidate"])
def test_unknown_keys_stay_apart_from_ours(streaming: bool, where: str) -> None:
    foreign = {
        k: v for k, v in FOREIGN.items() if where == "answer" or k != "finishReason"
    }
    pieces = [event(text("a")), answer(text("b"))]
    for piece in pieces:
        (piece if where == "answer" else piece["candidates"][0]).update(foreign)
    whole = Cloudflare(pieces[1]).model()
    message = streamed(*pieces) if streaming else whole.invoke("hi")
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
@pytest.mark.parametrize("streaming", [False, True])
def test_an_odd_detail_costs_no_answer(key: str, odd: Any, streaming: bool) -> None:
    first, last = event(text("a")), answer(text("b"))
    first[key], last[key] = odd, odd
    message = (
        streamed(first, last) if streaming else Cloudflare(last).model().invoke("hi")
    )
    assert message.text == ("ab" if streaming else "b")
    assert message.content_blocks
    assert message.response_metadata["finish_reason"] == "STOP"


def test_null_erases_nothing() -> None:
    last = {**answer(text("b")), "modelVersion": None, "usageMetadata": None}
    message = streamed({**event(text("a")), "usageMetadata": USAGE}, last)
    assert message.response_metadata["model_name"] == "gemini-3-flash-preview"
    assert message.usage_metadata is not None


# ---- usage

USAGES: dict[str, tuple[Json | None, Json | None]] = {
    "none": (None, None),
    "no counts": ({"trafficType": "ON_DEMAND"}, None),
    "plain": ({"promptTokenCount": 7, "candidatesTokenCount": 2, "totalTokenCount": 9},
              {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9}),
    "thoughts": ({"promptTokenCount": 7, "candidatesTokenCount": 2,
                  "thoughtsTokenCount": 30, "totalTokenCount": 39},
                 {"input_tokens": 7, "output_tokens": 32, "total_tokens": 39,
                  "output_token_details": {"reasoning": 30}}),
    "tools of Google's": (
        {"promptTokenCount": 7, "toolUsePromptTokenCount": 100,
         "candidatesTokenCount": 2, "totalTokenCount": 109},
        {"input_tokens": 107, "output_tokens": 2, "total_tokens": 109}),
    "cached": ({"promptTokenCount": 70, "cachedContentTokenCount": 50,
                "candidatesTokenCount": 2, "totalTokenCount": 72},
               {"input_tokens": 70, "output_tokens": 2, "total_tokens": 72,
                "input_token_details": {"cache_read": 50}}),
    "audio": (
        {"promptTokenCount": 70, "candidatesTokenCount": 20, "totalTokenCount": 90,
         "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 10},
                                 {"modality": "AUDIO", "tokenCount": 60}],
         "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 20}]},
        {"input_tokens": 70, "output_tokens": 20, "total_tokens": 90,
         "input_token_details": {"audio": 60}, "output_token_details": {"audio": 20}}),
    "cached audio": ({"promptTokenCount": 70, "cachedContentTokenCount": 60,
                      "candidatesTokenCount": 2, "totalTokenCount": 72,
                      "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 60}],
                      "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 60}]},
                     {"input_tokens": 70, "output_tokens": 2, "total_tokens": 72,
                      "input_token_details": {"cache_read": 60}}),
    "audio that may be cached": (
        {"promptTokenCount": 70, "cachedContentTokenCount": 60,
         "candidatesTokenCount": 2, "thoughtsTokenCount": 3, "totalTokenCount": 75,
         "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 30}],
         "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 5}]},
        {"input_tokens": 70, "output_tokens": 5, "total_tokens": 75,
         "input_token_details": {"cache_read": 60, "audio": 10},
         "output_token_details": {"reasoning": 3, "audio": 2}}),
    "nothing visible": (
        {"promptTokenCount": 7, "thoughtsTokenCount": 3, "totalTokenCount": 10},
        {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10,
         "output_token_details": {"reasoning": 3}}),
    "no total": ({"promptTokenCount": 7, "candidatesTokenCount": 2},
                 {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9}),
    "as text": (
        {"promptTokenCount": "7", "candidatesTokenCount": 2.0, "totalTokenCount": "9",
         "promptTokensDetails": [None, {"modality": 4, "tokenCount": "3"}]},
        {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9,
         "input_token_details": {"audio": 3}}),
    "odd counts": (
        {"promptTokenCount": 7, "candidatesTokenCount": "many",
         "thoughtsTokenCount": -3, "totalTokenCount": None,
         "promptTokensDetails": {"modality": "TEXT"}, "cachedContentTokenCount": 90},
        {"input_tokens": 7, "output_tokens": 0, "total_tokens": 7,
         "input_token_details": {"cache_read": 7}}),
    "no object": ([{"promptTokenCount": 7}], None),  # type: ignore[dict-item]
    "more in the total": (
        {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 107},
        {"input_tokens": 5, "output_tokens": 102, "total_tokens": 107}),
    "detail without count": (
        {"promptTokenCount": 7, "candidatesTokenCount": 2, "totalTokenCount": 9,
         "promptTokensDetails": [{"modality": "AUDIO"}]},
        {"input_tokens": 7, "output_tokens": 2, "total_tokens": 9}),
}  # fmt: skip


@pytest.mark.parametrize(("wire", "usage"), USAGES.values(), ids=USAGES.keys())
def test_usage(wire: Json | None, usage: Json | None) -> None:
    whole = {**answer(text("ok")), "usageMetadata": wire}
    for message in (Cloudflare(whole).model().invoke("hi"), streamed(whole)):
        assert message.usage_metadata == usage


def test_a_later_event_with_fewer_counts_erases_none() -> None:
    counts = {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 107}
    first = {**event(text("a")), "usageMetadata": {**counts, "thoughtsTokenCount": 100}}
    message = streamed(first, {**answer(text("b")), "usageMetadata": counts})
    assert message.usage_metadata == {
        "input_tokens": 5,
        "output_tokens": 102,
        "total_tokens": 107,
        "output_token_details": {"reasoning": 100},
    }


# ---- blocks of plain text


def test_blocks_of_text() -> None:
    message = message_of(text("The laws", "c2ln"))
    (block,) = message.content_blocks
    assert block["type"] == "text"
    assert block["text"] == "The laws"
    assert block["extras"]["signature"] == "c2ln"


def test_blocks_of_calls_come_in_their_order() -> None:
    parts = [call("look", "c2ln", args={}), text("And."), call("hear", args={})]
    blocks: list[Any] = list(message_of(*parts).content_blocks)
    kinds = [block["type"] for block in blocks]
    assert kinds == ["tool_call", "text", "tool_call"]
    assert blocks[0]["extras"]["signature"] == "c2ln"
    assert "extras" not in blocks[2]


def test_blocks_of_edited_text() -> None:
    message = message_of(text("The laws", "c2ln"))
    edited = message.model_copy(update={"content": "Other"})
    (block,) = edited.content_blocks
    assert block == {"type": "text", "text": "Other", "index": block.get("index")}


REFUSED = [
    ({"finish": "RECITATION"}, "", ("finish_reason", "RECITATION")),
    ({"finish": "SPII"}, "", ("finish_reason", "SPII")),
    ({"finish": "IMAGE_SAFETY"}, "", ("finish_reason", "IMAGE_SAFETY")),
    ({"finish": "SAFETY", "finishMessage": "No."}, "No.", ("finish_reason", "SAFETY")),
    ({"finish": "BLOCKLIST"}, "", ("finish_reason", "BLOCKLIST")),
]


@pytest.mark.parametrize("first", [text("Well, "), thought("Hm.")], ids=["text", "v1"])
@pytest.mark.parametrize(("ending", "said", "reason"), REFUSED)
def test_refusals_are_blocks_where_langchain_has_them(
    first: Json, ending: Json, said: str, reason: tuple[str, str]
) -> None:
    if "refusal" not in KNOWN_BLOCK_TYPES:
        assert refusals_of(message_of(first, **ending)) == []
        return
    for message in (
        message_of(first, **ending),
        streamed(event(first), answer(**ending)),
    ):
        (refusal,) = refusals_of(message)
        refusal.pop("index", None)
        name, value = reason
        extras = {"category": value, name: value}
        assert refusal == {"type": "refusal", "refusal": said, "extras": extras}
        assert back(message) == [first]


def test_thoughts_that_follow_text_in_a_stream() -> None:
    """Content has become text by then, and goes on as blocks."""
    parts = [text("Well. "), thought("Hm."), text("So.", "c2ln")]
    message = streamed(*(event(part) for part in parts[:2]), answer(parts[2]))
    assert message.text == "Well. So."
    assert isinstance(message.content, list)
    assert [b["type"] for b in message.content_blocks] == ["text", "reasoning", "text"]
    assert back(message) == parts


# ---- answers that are not built as they should be


@pytest.mark.parametrize(
    "part",
    [
        {"text": 3},
        {"functionCall": {"name": 3}},
        {"functionCall": {"name": "look", "partialArgs": "all"}},
        {"executableCode": "1+1"},
    ],
)
def test_parts_of_another_shape(part: Json) -> None:
    """Read as they are, or refused: no error but ours."""
    for parts in ([part], [call("look", args={}), part]):
        whole = Cloudflare(answer(*parts)).model()
        pieces = [*(event(p) for p in parts[:-1]), answer(parts[-1])]
        stream = Cloudflare(pieces).model()
        with suppress(ResponseFormatError):
            assert isinstance(whole.invoke("hi"), AIMessage)
        with suppress(ResponseFormatError):
            assert list(stream.stream("hi"))


@pytest.mark.parametrize("wrong", ["none", 3, [], [3]])
@pytest.mark.parametrize("key", ["groundingMetadata", "citationMetadata"])
def test_notes_of_another_shape_do_not_cost_the_answer(key: str, wrong: Any) -> None:
    notes: Json = {key: {"groundingSupports": wrong, "citations": wrong}}
    message = message_of(text("ok"), **notes)
    assert message.text == "ok"
    assert message.response_metadata["finish_reason"] == "STOP"


@pytest.mark.parametrize("usage", ["none", [1], 3, {"promptTokenCount": "many"}])
def test_usage_of_another_shape(usage: Any) -> None:
    model = Cloudflare({**answer(text("ok")), "usageMetadata": usage}).model()
    with suppress(ResponseFormatError):
        assert model.invoke("hi").text == "ok"


def test_logprobs_of_a_stream_are_one_list() -> None:
    def chosen(*tokens: str) -> Json:
        listed = [{"token": token, "logProbability": -1.0} for token in tokens]
        return {"logprobsResult": {"chosenCandidates": listed, "sum": -1.0}}

    # All of them again, the new ones, or, told apart by nothing, the same once more.
    for second, tokens in (("ab", "ab"), ("b", "ab"), ("aa", "aa"), ("a", "a")):
        first = event(text("a"), **chosen("a"))
        message = streamed(first, answer(text("b"), **chosen(*second)))
        made = message.response_metadata["logprobs"]["chosen_candidates"]
        assert [entry["token"] for entry in made] == [*tokens]


def test_pages_that_were_read_add_up_over_a_stream() -> None:
    def read(url: str) -> Json:
        return {"urlContextMetadata": {"urlMetadata": [{"retrievedUrl": url}]}}

    message = streamed(event(text("a"), **read("u1")), answer(text("b"), **read("u2")))
    kept = message.response_metadata["url_context_metadata"]["url_metadata"]
    assert kept == [{"retrieved_url": "u1"}, {"retrieved_url": "u2"}]


@pytest.mark.parametrize("sizes", [[1], [3, 3], [1, 1, 1, 1], [100, 101, 200, 349]])
def test_packets_of_speech_are_one_block(sizes: list[int]) -> None:
    said = bytes(range(250)) * 3
    kind = "audio/L16;codec=pcm;rate=24000"
    packets = [said[sum(sizes[:n]) :][:size] for n, size in enumerate(sizes)]
    parts = [
        {"inlineData": {"mimeType": kind, "data": b64encode(packet).decode()}}
        for packet in packets
    ]
    events = [*map(event, parts), answer(text(""))]
    message = streamed(*events, endpoint="gateway")
    (block,) = message.content_blocks
    assert (block["type"], block.get("mime_type")) == ("audio", kind)
    (part,) = back(message)
    assert b64decode(part["inlineData"]["data"]) == b"".join(packets)
    other = {
        "inlineData": {**parts[0]["inlineData"], "mimeType": "audio/L16;rate=8000"}
    }
    apart = streamed(
        event(parts[0]), event(other), answer(text("")), endpoint="gateway"
    )
    assert back(apart) == [parts[0], other]
