"""How an answer ends, and whether its calls may be run."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_cf_gemini import ResponseFormatError
from tests.support.models import (
    Cloudflare,
    Json,
    answer,
    back,
    call,
    candidate,
    event,
    streamed,
    text,
)

PIECE = {"jsonPath": "$.path", "stringValue": "/"}

# What may come late, and what it does to a call that came before.
REVOKED: dict[str, tuple[list[Json], str]] = {
    "block": ([{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}],
              "PROHIBITED_CONTENT"),
    "block, in a list": ([{"promptFeedback": [{"blockReason": "SAFETY"}]}], "SAFETY"),
    "block, by number": ([{"promptFeedback": {"blockReason": 4}}], "PROHIBITED"),
    "reason": ([answer(finish="STOP"), answer(finish="SAFETY")], "SAFETY"),
    "reason, taken back": ([answer(finish="SAFETY"), answer(finish="STOP")], "SAFETY"),
    "new reason": ([answer(finish="NEW_REASON")], "NEW_REASON"),
}  # fmt: skip


@pytest.mark.parametrize(("late", "why"), REVOKED.values(), ids=REVOKED.keys())
@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_what_comes_late_revokes_a_call(
    late: list[Json], why: str, output_version: str
) -> None:
    parts: list[Json] = [{"functionCall": {"partialArgs": [PIECE]}}]
    whole = call("look", args={"path": "/"})
    for first in ([whole], [call("look", willContinue=True), *parts]):
        settings: Json = {"output_version": output_version, "endpoint": "gateway"}
        events = [*(event(part) for part in first), *late]
        message = streamed(*events, **settings)
        assert message.tool_calls == []
        (invalid,) = message.invalid_tool_calls
        assert invalid["name"] == "look"
        assert why in str(invalid["args"])
        assert why in str(message.response_metadata["finish_reason"])
        assert back(message)  # it goes back, with the reason for its result
        # Agents take a stream as a whole answer, which has a place for the reason.
        model = Cloudflare(events).model(**settings, streaming=True)
        (told,) = model.invoke("hi").invalid_tool_calls
        assert why in str(told["error"])
        assert (told["args"] or "").endswith("}")


UNSPECIFIED = ["FINISH_REASON_UNSPECIFIED", 0, "0", None, ""]


@pytest.mark.parametrize("reason", UNSPECIFIED, ids=repr)
def test_an_unspecified_reason_ends_nothing(reason: Any) -> None:
    said = event(text("Well. "))
    asked = event(call("look", args={}))
    for each in (said, asked):
        each["candidates"][0]["finishReason"] = reason
    message = streamed(said, asked, answer(text("")))
    assert [c["name"] for c in message.tool_calls] == ["look"]
    assert message.response_metadata["finish_reason"] == "STOP"
    with pytest.raises(ResponseFormatError, match="incomplete"):
        streamed(said, asked)
    whole = Cloudflare(asked).model().invoke("hi")
    assert whole.tool_calls == []
    assert len(whole.invalid_tool_calls) == 1


UNBLOCKED = ["BLOCKED_REASON_UNSPECIFIED", 0, "0", None]


@pytest.mark.parametrize("reason", UNBLOCKED, ids=repr)
def test_an_unspecified_block_refuses_nothing(reason: Any) -> None:
    whole = {**answer(call("look", args={})), "promptFeedback": {"blockReason": reason}}
    for message in (Cloudflare(whole).model().invoke("hi"), streamed(whole)):
        assert [block["type"] for block in message.content_blocks] == ["tool_call"]
        assert message.response_metadata["finish_reason"] == "STOP"


def test_ratings_of_the_prompt_end_no_stream() -> None:
    feedback = {"promptFeedback": {"safetyRatings": [{"category": "X"}]}}
    first = {**event(text("Well. ")), **feedback}
    with pytest.raises(ResponseFormatError, match="incomplete"):
        streamed(first, event(call("look", args={})))


def test_a_stream_carries_the_first_candidate() -> None:
    def said(index: int, part: Json, finish: str | None = None) -> Json:
        made = {"content": {"parts": [part]}, "index": index}
        ended = {"finishReason": finish} if finish else {}
        return {"candidates": [{**made, **ended}]}

    events = [
        said(1, text("B1")),
        said(0, text("A1")),
        said(1, text("B2"), "STOP"),
        said(0, text("A2"), "MAX_TOKENS"),
    ]
    message = streamed(*events)
    assert message.text == "A1A2"
    assert message.response_metadata["finish_reason"] == "MAX_TOKENS"
    with pytest.raises(ResponseFormatError, match="incomplete"):
        streamed(*events[:3])
    # Where a stream comes in place of a whole answer, each is a generation.
    result = Cloudflare(events).model(n=2).generate([[HumanMessage("hi")]])
    assert [generation.text for generation in result.generations[0]] == ["A1A2", "B1B2"]


def test_candidates_go_by_their_index() -> None:
    whole = answer(call("look", args={}))
    first = whole["candidates"][0]
    second = {**first, "content": {"parts": [call("look", args={"n": 2})]}}
    whole["candidates"] = [{**second, "index": 1}, {**first, "index": 0}]
    (generations,) = (
        Cloudflare(whole).model(n=2).generate([[HumanMessage("hi")]]).generations
    )
    messages: list[Any] = [generation.message for generation in generations]  # type: ignore[union-attr]
    assert [m.tool_calls[0]["args"] for m in messages] == [{}, {"n": 2}]
    assert messages[0].tool_calls[0]["id"] != messages[1].tool_calls[0]["id"]
    assert [m.usage_metadata is None for m in messages] == [False, True]


@pytest.mark.parametrize("index", [1, "2", 7.0])
def test_a_lone_candidate_is_the_answer_whatever_its_index(index: Any) -> None:
    whole = answer(text("ok"))
    whole["candidates"][0]["index"] = index
    message = Cloudflare(whole).model().invoke("hi")
    assert (message.text, message.response_metadata["finish_reason"]) == ("ok", "STOP")


def test_candidates_of_one_index_are_told_apart_by_their_place() -> None:
    whole = answer(text("A"))
    whole["candidates"] = [{**candidate(text(said)), "index": 1} for said in ("A", "B")]
    (found,) = Cloudflare(whole).model(n=2).generate([[HumanMessage("hi")]]).generations
    assert [generation.text for generation in found] == ["A", "B"]
