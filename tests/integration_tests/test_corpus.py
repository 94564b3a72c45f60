"""Recorded exchanges: read right, and sent back as they came."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from langchain_core.load import dumps, loads
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    HumanMessage,
    ToolMessage,
    merge_message_runs,
    message_chunk_to_message,
    messages_from_dict,
    messages_to_dict,
    trim_messages,
)
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.content import KNOWN_BLOCK_TYPES

from langchain_cf_gemini import ChatCloudflareGemini, CloudflareGeminiError
from tests.support.models import Cloudflare, Json, answer, folded, history_of, text
from tests.support.recorded import (
    Recorded,
    answers,
    check_request,
    conversations,
    in_camel_case,
    joined,
    normal_contents,
    refusals,
    sequels,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore::langchain_core._api.LangChainBetaWarning"
)
VERSIONS = ("v0", "v1")

every_answer = pytest.mark.parametrize("recorded", answers(), ids=lambda r: r.name)
every_refusal = pytest.mark.parametrize("recorded", refusals(), ids=lambda r: r.name)
every_conversation = pytest.mark.parametrize(
    "recorded", conversations(), ids=lambda r: r.name
)
every_sequel = pytest.mark.parametrize(
    ("recorded", "sequel"), sequels(), ids=lambda r: r.name
)


# ---- what became of an answer


def model_of(recorded: Recorded, **settings: Any) -> ChatCloudflareGemini:
    """A model that is answered as it was recorded."""
    endpoint = "gateway" if recorded.stream else "run"
    return Cloudflare(recorded.response()).model(endpoint=endpoint, **settings)


@cache
def read(recorded: Recorded, output_version: str = "v0") -> AIMessage:
    """The message that an exchange becomes."""
    model = model_of(recorded, output_version=output_version)
    if not recorded.stream:
        return model.invoke("hi")
    message = message_chunk_to_message(folded(list(model.stream("hi"))))
    assert isinstance(message, AIMessage)
    return message


@cache
def rebuilt(recorded: Recorded) -> AIMessage:
    """The message that LangGraph rebuilds from the events of version 3."""
    message = model_of(recorded).stream_events("hi", version="v3").output
    assert isinstance(message, AIMessage)
    return message


def sent_back(message: AIMessage) -> list[Json]:
    """The parts of the model's turns when the message is sent back."""
    cloudflare = Cloudflare(answer(text("ok")))
    # Of a turn that is over no signatures are wanted: what is there was there before.
    history = [*history_of(message), HumanMessage("and now?")]
    cloudflare.model(media_urls="pass").invoke(history)
    check_request(cloudflare.bodies[0])
    turns = [turn for turn in cloudflare.contents if turn["role"] == "model"]
    return [part for turn in turns for part in turn["parts"]]


def came(recorded: Recorded) -> list[Json]:
    """The parts that came, pieces joined, but for empty text, which is never sent."""
    if not recorded.is_partial:
        parts = recorded.parts
        found = joined(parts) if recorded.stream else parts
        return [part for part in found if part not in ({}, text(""))]
    # Calls in pieces come back whole; what they add up to is asserted on its own.
    return []


# ---- read right


@every_answer
def test_an_answer_is_read_right(recorded: Recorded) -> None:
    for version in VERSIONS:
        message = read(recorded, version)
        check_text(recorded, message)
        check_calls(recorded, message)
        check_blocks(recorded, message)
    check_call_ids(recorded)
    check_metadata(recorded, read(recorded).response_metadata)
    check_notes_are_whole(recorded, read(recorded).response_metadata)
    check_usage(recorded, read(recorded).usage_metadata)


def check_text(recorded: Recorded, message: AIMessage) -> None:
    said = [p["text"] for p in recorded.parts if "text" in p and not p.get("thought")]
    assert message.text == "".join(said)
    kinds = {key for part in recorded.parts for key in part} - {"thoughtSignature"}
    if kinds <= {"text", "functionCall"} and "image" not in recorded.model:
        assert isinstance(read(recorded).content, str)


def check_calls(recorded: Recorded, message: AIMessage) -> None:
    reason = recorded.last_note("finishReason")
    is_good = reason in ("STOP", "MAX_TOKENS", 1, 2, None)
    wanted = [(call["name"], call.get("args") or {}) for call in recorded.calls]
    valid = [(call["name"], call["args"]) for call in message.tool_calls]
    if recorded.is_partial:
        assert [name for name, _ in valid] == [name for name, _ in wanted]
        assert all(isinstance(args, dict) for _, args in valid)
        return
    invalid = [
        (call["name"], _args_from_text(call["args"]))
        for call in message.invalid_tool_calls
    ]
    assert (valid, invalid) == ((wanted, []) if is_good else ([], wanted))


def _args_from_text(args: str | None) -> Any:
    read = json.loads(args or "")
    return json.loads(read) if isinstance(read, str) else read  # of a stream


def check_call_ids(recorded: Recorded) -> None:
    message = read(recorded)
    made = [call["id"] for call in (*message.tool_calls, *message.invalid_tool_calls)]
    assert all(made)
    assert len(set(made)) == len(made)
    for call, id_ in zip(recorded.calls, made, strict=True):
        assert id_ == call.get("id", id_)
    again = rebuilt(recorded)
    assert made == [c["id"] for c in (*again.tool_calls, *again.invalid_tool_calls)]


_ONCE = {
    "responseId": "response_id",
    "modelVersion": "model_name",
    "createTime": "create_time",
}
_LAST = {
    "finishReason": "finish_reason",
    "finishMessage": "finish_message",
    "avgLogprobs": "avg_logprobs",
}
_BLOCKED = {"finish_reason": "blockReason", "finish_message": "blockReasonMessage"}


def check_metadata(recorded: Recorded, metadata: Json) -> None:
    assert metadata["model_provider"] == "cloudflare_gemini"
    for wire, name in _ONCE.items():
        assert metadata.get(name) == recorded.last(wire), name
    for wire, name in _LAST.items():
        said = recorded.last_note(wire)
        if isinstance(said, int):
            said = {1: "STOP", 2: "MAX_TOKENS"}[said]
        if not recorded.candidates:
            blocked = recorded.last("promptFeedback") or {}
            said = blocked.get(_BLOCKED[name]) if name in _BLOCKED else said
        assert metadata.get(name) == said, name


_KEPT = {
    "groundingMetadata": "grounding_metadata",
    "citationMetadata": "citation_metadata",
    "urlContextMetadata": "url_context_metadata",
    "safetyRatings": "safety_ratings",
    "logprobsResult": "logprobs",
}


def _leaves(value: Any) -> set[str]:
    """Every scalar in some JSON, as text."""
    items = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        return {leaf for item in items for leaf in _leaves(item)}
    return {repr(value)}


def _keys(value: Any) -> set[str]:
    items = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        below = {key for item in items for key in _keys(item)}
        return below | set(value) if isinstance(value, dict) else below
    return set()


def check_notes_are_whole(recorded: Recorded, metadata: Json) -> None:
    feedback = recorded.last("promptFeedback") or {}
    assert _leaves(metadata.get("prompt_feedback") or {}) == _leaves(feedback)
    for wire, name in _KEPT.items():
        said = recorded.last_note(wire) if recorded.candidates else feedback.get(wire)
        kept = metadata.get(name)
        if not said:
            assert not kept, name
            continue
        assert _leaves(said) <= _leaves(kept), name
        assert not any(key != key.lower() for key in _keys(kept)), name
        if not recorded.stream:
            assert _flat(kept) == _flat(said), name


def _flat(value: Any) -> str:
    return json.dumps(value).lower().replace("_", "")


def check_usage(recorded: Recorded, usage: UsageMetadata | None) -> None:
    said_of_usage = [
        payload.get("usageMetadata") or {} for payload in recorded.payloads
    ]
    counted = [u for u in said_of_usage if any("TokenCount" in key for key in u)]
    if not counted:
        assert usage is None
        return
    said = {k: v for k, v in counted[-1].items() if isinstance(v, int)}
    assert usage is not None
    thoughts = said.get("thoughtsTokenCount", 0)
    written = said.get("candidatesTokenCount", 0) + thoughts
    reading = said.get("promptTokenCount", 0) + said.get("toolUsePromptTokenCount", 0)
    assert usage["total_tokens"] == said.get("totalTokenCount", reading + written)
    assert (usage["input_tokens"], usage["output_tokens"]) == (reading, written)
    details = usage.get("output_token_details", {})
    assert details.get("reasoning", 0) == thoughts
    cached = usage.get("input_token_details", {}).get("cache_read", 0)
    assert cached == said.get("cachedContentTokenCount", 0)


_KINDS = {
    "functionCall": "tool_call",
    "executableCode": "server_tool_call",
    "codeExecutionResult": "server_tool_result",
    "inlineData": "file",
}
_SAME = {"invalid_tool_call": "tool_call"} | dict.fromkeys(["image", "audio"], "file")


def _kind_of(part: Json) -> str:
    if "text" in part:
        return "reasoning" if part.get("thought") else "text"
    return next((kind for key, kind in _KINDS.items() if key in part), "non_standard")


def _runs(kinds: list[str]) -> list[str]:
    """Kinds of blocks, pieces of one text or thought as one."""
    return [
        kind
        for before, kind in itertools.pairwise(["", *kinds])
        if kind != before or kind not in ("text", "reasoning")
    ]


def _is_refused(message: AIMessage) -> bool:
    metadata = message.response_metadata
    blocked = "block_reason" in metadata.get("prompt_feedback", {})
    withheld = ("SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "RECITATION")
    is_refused = blocked or metadata.get("finish_reason") in withheld
    return is_refused and "refusal" in KNOWN_BLOCK_TYPES


def check_blocks(recorded: Recorded, message: AIMessage) -> None:
    blocks = list(message.content_blocks)
    json.dumps(blocks)
    if _is_refused(message):
        assert blocks.pop()["type"] == "refusal"
    found = [
        _SAME.get(block["type"], block["type"])
        for block in blocks
        if "extras" in block or block.get("text") != ""
    ]
    if recorded.is_partial:
        assert found.count("tool_call") == len(recorded.calls)
        return
    assert _runs(found) == _runs([_kind_of(part) for part in came(recorded)])


@every_refusal
def test_errors_are_typed(recorded: Recorded) -> None:
    with pytest.raises(CloudflareGeminiError) as caught:
        folded(list(model_of(recorded).stream("hi")))
    assert caught.value.status_code == recorded.status
    said: Any = recorded.data["response"]
    if said:
        assert said["error"]["message"][:60] in str(caught.value)


# ---- sent back as it came


def _through_json(message: AIMessage) -> AIMessage:
    loaded = loads(dumps(message), allowed_objects="messages")
    assert isinstance(loaded, AIMessage)
    return loaded


def _through_dicts(message: AIMessage) -> AIMessage:
    (made,) = messages_from_dict(json.loads(json.dumps(messages_to_dict([message]))))
    assert isinstance(made, AIMessage)
    return made


def _as_chunk(message: AIMessage) -> AIMessage:
    fields = {k: v for k, v in dict(message).items() if k != "type"}
    return AIMessageChunk(**fields, chunk_position="last")


def _trimmed(message: AIMessage) -> AIMessage:
    history = [HumanMessage("before"), *history_of(message)]
    kept = trim_messages(
        history, max_tokens=len(history) - 1, token_counter=len, strategy="last"
    )
    found = [m for m in kept if isinstance(m, AIMessage)]
    return found[0]


def _merged_alone(message: AIMessage) -> AIMessage:
    (merged,) = merge_message_runs([message])
    assert isinstance(merged, AIMessage)
    return merged


CARRIERS: tuple[Callable[[AIMessage], AIMessage], ...] = (
    _through_json,
    _through_dicts,
    _as_chunk,
    _trimmed,
    _merged_alone,
)
"""What LangChain itself does to a message: one recording of each kind is enough."""
CARRIED = [
    "0008", "0098", "0362", "0375", "0392", "0972", "1136", "1149", "1397", "1426",
]  # fmt: skip


def _itself(message: AIMessage) -> AIMessage:
    return message


@pytest.mark.parametrize(
    ("recorded", "carry"),
    [(recorded, _itself) for recorded in answers()]
    + [(r, carry) for r in answers() if r.name[:4] in CARRIED for carry in CARRIERS],
    ids=lambda item: getattr(item, "name", None),
)
def test_a_turn_goes_back_part_for_part(
    recorded: Recorded, carry: Callable[[AIMessage], AIMessage]
) -> None:
    for version in VERSIONS:
        _check_sent_back(recorded, carry(read(recorded, version)))
    _check_sent_back(recorded, carry(rebuilt(recorded)), is_rebuilt=True)


def _check_sent_back(
    recorded: Recorded, message: AIMessage, *, is_rebuilt: bool = False
) -> None:
    parts = sent_back(message)
    if recorded.is_partial:
        wanted = [p.get("thoughtSignature") for p in recorded.parts if _is_named(p)]
        calls = [part for part in parts if "functionCall" in part]
        assert [part.get("thoughtSignature") for part in calls] == wanted
        return
    assert (joined(parts) if recorded.stream or is_rebuilt else parts) == (
        joined(came(recorded)) if is_rebuilt else came(recorded)
    )


def _is_named(part: Json) -> bool:
    return bool(part.get("functionCall", {}).get("name"))


@pytest.mark.parametrize(
    "recorded",
    # A turn with calls is followed by their results, not by another turn.
    [r for r in answers() if came(r) and not r.calls],
    ids=lambda r: r.name,
)
def test_merged_turns_keep_their_parts(recorded: Recorded) -> None:
    """Two turns of one role, merged into one: every signature in its own part."""
    more = text("More.", "bW9yZQ==")
    for version in VERSIONS:
        other = Cloudflare({**answer(more), "responseId": "another"})
        second = other.model(output_version=version).invoke("hi")
        (merged,) = merge_message_runs([read(recorded, version), second])
        assert isinstance(merged, AIMessage)
        parts = [part for part in sent_back(merged) if part != {"text": "\n"}]
        assert joined(parts) == joined([*came(recorded), more]), version


# ---- what working clients sent


def _message_from_user(
    content: Json, calls: list[tuple[str, str]]
) -> list[BaseMessage]:
    """Messages of a user's turn; results find their calls by id, else by order."""
    results: list[BaseMessage] = []
    blocks: list[Json] = []
    for part in content["parts"]:
        response = part.get("functionResponse")
        if response is None:
            blocks.append(_block_from(part))
            continue
        at = next(n for n, (_, name) in enumerate(calls) if name == response["name"])
        id_, _ = calls.pop(at)
        shown = [_block_from(p) for p in response.get("parts", ())]
        said = json.dumps(response["response"])
        body: Any = [{"type": "text", "text": said}, *shown] if shown else said
        results.append(ToolMessage(body, tool_call_id=id_))
    if blocks or not results:
        results.append(HumanMessage(blocks))  # type: ignore[arg-type]
    return results


def _block_from(part: Json) -> Json:
    if "text" in part:
        return {"type": "text", "text": part["text"]}
    if data := part.get("inlineData"):
        return {"type": "file", "base64": data["data"], "mime_type": data["mimeType"]}
    block = {"type": "file", "url": part["fileData"]["fileUri"]}
    mime = part["fileData"].get("mimeType")
    return {**block, "mime_type": mime} if mime else block


def _turn_from(content: Json, at: int) -> AIMessage:
    """A model's turn that no recording is there for."""
    blocks: list[Any] = []
    calls: list[Any] = []
    for n, part in enumerate(content["parts"]):
        signature = part.get("thoughtSignature")
        extras = {"extras": {"signature": signature}} if signature else {}
        if made := part.get("functionCall"):
            called = {
                "name": made["name"],
                "args": made.get("args") or {},
                "id": made.get("id") or f"gemini_call_{at}_{n}",
                "type": "tool_call",
            }
            calls.append(called)
            blocks.append({**called, **extras})
        elif "text" in part:
            kind = "reasoning" if part.get("thought") else "text"
            blocks.append({"type": kind, kind: part["text"], **extras})
        else:
            blocks.append({"type": "non_standard", "value": part})
    return AIMessage(
        blocks, tool_calls=calls, response_metadata={"model_provider": "google_genai"}
    )


def _one_turn_each(contents: list[Json]) -> list[Json]:
    """Calls that a client spread over turns of the model, in one turn again."""
    made: list[Json] = []
    for content in contents:
        if made and content.get("role") == made[-1].get("role") == "model":
            parts = [*made[-1]["parts"], *content["parts"]]
            made[-1] = {"role": "model", "parts": parts}
        else:
            made.append(content)
    return made


def history_from(
    contents: list[Json], turns: dict[int, AIMessage]
) -> list[BaseMessage]:
    """A conversation in LangChain's words; `turns` are those we read ourselves."""
    history: list[BaseMessage] = []
    calls: list[tuple[str, str]] = []
    for at, content in enumerate(_one_turn_each(in_camel_case(contents))):
        if content.get("role") == "model":
            turn = turns.get(at) or _turn_from(content, at)
            made = [*turn.tool_calls, *turn.invalid_tool_calls]
            calls = [(str(call["id"]), str(call["name"])) for call in made]
            history.append(turn)
        else:
            history += _message_from_user(content, calls)
    return history


def _sent(history: list[BaseMessage], recorded: Recorded) -> Json:
    cloudflare = Cloudflare(answer(text("ok")))
    model = recorded.model
    name = "gemini-2.5-flash" if "3" not in model.split("-")[1] else "gemini-3-flash"
    cloudflare.model(model=name, media_urls="pass").invoke(history)
    check_request(cloudflare.bodies[0])
    return cloudflare.bodies[0]


@every_conversation
def test_conversations_become_what_was_sent(recorded: Recorded) -> None:
    contents = recorded.request["contents"]
    sent = _sent(history_from(contents, {}), recorded)["contents"]
    assert normal_contents(sent) == normal_contents(contents)


@every_sequel
def test_next_request_is_what_was_sent(recorded: Recorded, sequel: Recorded) -> None:
    before = recorded.request["contents"]
    after = sequel.request["contents"]
    at = len(before)
    turns = {at: read(recorded)} if after[at].get("role") == "model" else {}
    sent = _sent(history_from(after, turns), sequel)["contents"]
    assert normal_contents(sent) == normal_contents(after)
    given = [call["id"] for call in recorded.calls if "id" in call]
    answered = [
        part["functionResponse"].get("id")
        for content in sent[at:]
        for part in content["parts"]
        if "functionResponse" in part
    ]
    assert [id_ for id_ in answered if id_] == given
