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
    message_of,
    read,
    streamed,
    text,
)
from tests.support.tables import rows

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


WHOLE = [call("look", args={"path": "/"})]
_PIECE = {"jsonPath": "$.path", "stringValue": "/"}
PIECES = [call("look", willContinue=True), {"functionCall": {"partialArgs": [_PIECE]}}]


@rows("late why", REVOKED)
@pytest.mark.parametrize("output_version", ["v0", "v1"])
@pytest.mark.parametrize("parts", [WHOLE, PIECES], ids=["whole", "pieces"])
def test_what_comes_late_revokes_a_call(
    late: list[Json], why: str, output_version: str, parts: list[Json]
) -> None:
    events = [*map(event, parts), *late]
    message = streamed(*events, output_version=output_version)
    assert message.tool_calls == []
    (invalid,) = message.invalid_tool_calls
    assert invalid["name"] == "look"
    assert why in str(invalid["args"])
    assert why in str(message.response_metadata["finish_reason"])
    assert back(message)  # it goes back, with the reason for its result
    # Agents take a stream as a whole answer, which has a place for the reason.
    model = Cloudflare(events).model(output_version=output_version, streaming=True)
    (told,) = model.invoke("hi").invalid_tool_calls
    assert why in str(told["error"])
    assert (told["args"] or "").endswith("}")


@pytest.mark.parametrize("reason", ["STOP", "MAX_TOKENS"])
def test_whole_calls_of_an_answer_that_ended_well_run(reason: str) -> None:
    whole = answer(*WHOLE, finish=reason)
    for message in (read(whole), streamed(whole)):
        assert [call["name"] for call in message.tool_calls] == ["look"]


@pytest.mark.parametrize(
    "reason", ["FINISH_REASON_UNSPECIFIED", 0, "0", None, ""], ids=repr
)
def test_an_unspecified_reason_ends_nothing(reason: Any) -> None:
    said, asked = event(text("Well. ")), event(call("look", args={}))
    for each in (said, asked):
        each["candidates"][0]["finishReason"] = reason
    message = streamed(said, asked, answer(text("")))
    assert [c["name"] for c in message.tool_calls] == ["look"]
    assert message.response_metadata["finish_reason"] == "STOP"
    with pytest.raises(ResponseFormatError, match="incomplete"):
        streamed(said, asked)
    whole = read(asked)
    assert whole.tool_calls == []
    assert len(whole.invalid_tool_calls) == 1


@pytest.mark.parametrize(
    "reason", ["BLOCKED_REASON_UNSPECIFIED", 0, "0", None], ids=repr
)
def test_an_unspecified_block_refuses_nothing(reason: Any) -> None:
    whole = {**answer(call("look", args={})), "promptFeedback": {"blockReason": reason}}
    for message in (read(whole), streamed(whole)):
        assert [block["type"] for block in message.content_blocks] == ["tool_call"]
        assert message.response_metadata["finish_reason"] == "STOP"


def test_ratings_of_the_prompt_end_no_stream() -> None:
    feedback = {"promptFeedback": {"safetyRatings": [{"category": "X"}]}}
    first = {**event(text("Well. ")), **feedback}
    with pytest.raises(ResponseFormatError, match="incomplete"):
        streamed(first, event(call("look", args={})))


def _generated(answers: Any) -> list[Any]:
    """The messages of all candidates."""
    (made,) = (
        Cloudflare(answers).model(n=2).generate([[HumanMessage("hi")]]).generations
    )
    return [generation.message for generation in made]  # type: ignore[union-attr]


def test_a_stream_carries_the_first_candidate() -> None:
    events: list[Json] = [
        {"candidates": [{**candidate(text(said), finish=finish), "index": index}]}
        for index, said, finish in [
            (1, "B1", None),
            (0, "A1", None),
            (1, "B2", "STOP"),
            (0, "A2", "MAX_TOKENS"),
        ]
    ]
    message = streamed(*events)
    assert message.text == "A1A2"
    assert message.response_metadata["finish_reason"] == "MAX_TOKENS"
    with pytest.raises(ResponseFormatError, match="incomplete"):
        streamed(*events[:3])
    # Where a stream comes in place of a whole answer, each is a generation.
    assert [message.text for message in _generated(events)] == ["A1A2", "B1B2"]


def test_candidates_go_by_their_index() -> None:
    second = candidate(call("look", args={"n": 2}), index=1)
    first = candidate(call("look", args={}), index=0)
    messages = _generated({**answer(), "candidates": [second, first]})
    assert [m.tool_calls[0]["args"] for m in messages] == [{}, {"n": 2}]
    assert messages[0].tool_calls[0]["id"] != messages[1].tool_calls[0]["id"]
    assert [m.usage_metadata is None for m in messages] == [False, True]


@pytest.mark.parametrize("index", [1, "2", 7.0])
def test_a_lone_candidate_is_the_answer_whatever_its_index(index: Any) -> None:
    message = message_of(text("ok"), index=index)
    assert (message.text, message.response_metadata["finish_reason"]) == ("ok", "STOP")


def test_candidates_of_one_index_are_told_apart_by_their_place() -> None:
    both = [candidate(text(said), index=1) for said in ("A", "B")]
    messages = _generated({**answer(), "candidates": both})
    assert [message.text for message in messages] == ["A", "B"]
