"""Answers drawn from the wire's grammar: what is returned holds, and can be sent."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    message_chunk_to_message,
    messages_from_dict,
    messages_to_dict,
)
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.sqlite import SqliteSaver

from langchain_cf_gemini import (
    ChatCloudflareGemini,
    CloudflareGeminiError,
)
from langchain_cf_gemini.emulator import Emulator
from tests.support.models import (
    Cloudflare,
    Json,
    answer,
    back,
    call,
    event,
    folded,
    history_of,
    text,
    thought,
)
from tests.support.recorded import joined
from tests.support.strategies import GOOD_PARTS, PARTS, events_of

pytestmark = [
    pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning"),
    # The first version of events is on its way out, and people use it.
    pytest.mark.filterwarnings("ignore:astream_events version='v1' is deprecated"),
]
EVENTS = {"content-type": "text/event-stream"}


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(foreign_signatures=True) as running:
        yield running


@pytest.fixture(scope="module")
def saver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteSaver]:
    path = tmp_path_factory.mktemp("checkpoints") / "threads.sqlite"
    with SqliteSaver.from_conn_string(str(path)) as saver:
        yield saver


def _kept(saver: SqliteSaver, messages: list[AIMessage]) -> list[AIMessage]:
    """Messages as a thread finds them again after its process has ended."""
    thread: Any = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = {"messages": messages}
    saver.put(thread, checkpoint, {}, {})
    found = saver.get(thread)
    assert found is not None
    kept: list[AIMessage] = found["channel_values"]["messages"]
    return kept


def _as_stream(events: list[Json]) -> httpx.Response:
    """Events as a server may write them, NaN and half characters included."""
    raw = "".join(f"data: {json.dumps(each)}\n\n" for each in events)
    return httpx.Response(200, content=raw.encode(), headers=EVENTS)


def _streaming(events: list[Json], **model: Any) -> ChatCloudflareGemini:
    return Cloudflare(_as_stream(events)).model(endpoint="gateway", **model)


def _invoked(events: list[Json], **model: Any) -> AIMessage:
    body = httpx.Response(200, content=json.dumps(events[-1]).encode())
    return Cloudflare(body).model(**model).invoke("hi")


def _folded(events: list[Json], **model: Any) -> AIMessage:
    return _message(folded(list(_streaming(events, **model).stream("hi"))))


def _of_events_3(events: list[Json], **model: Any) -> AIMessage:
    streamed: Any = _streaming(events, **model).stream_events("hi", version="v3")
    return _message(streamed.output)


def _message(found: BaseMessage) -> AIMessage:
    if isinstance(found, AIMessageChunk):
        found = message_chunk_to_message(found)
    assert isinstance(found, AIMessage)
    return found


READINGS: dict[str, tuple[Callable[..., AIMessage], Json]] = {
    "invoke": (_invoked, {}),
    "invoke v1": (_invoked, {"output_version": "v1"}),
    "fold": (_folded, {}),
    "fold v1": (_folded, {"output_version": "v1"}),
    "events v3": (_of_events_3, {}),
}


def _forbids(events: list[Json]) -> bool:
    """Whether calls must not run, told independently of the package."""
    reasons = [each["candidates"][0].get("finishReason") for each in events]
    good = reasons[-1] in ("STOP", "MAX_TOKENS", 1) and reasons[-1] is not True
    feedback = [each.get("promptFeedback") for each in events]
    return not good or any(
        isinstance(said, dict) and said.get("blockReason") in ("SAFETY", 4)
        for said in feedback
    )


@given(events_of(PARTS), st.sampled_from(sorted(READINGS)))
def test_whatever_is_returned_can_be_kept_and_sent(
    emulator: Emulator, saver: SqliteSaver, events: list[Json], reading: str
) -> None:
    read, model = READINGS[reading]
    judged = events[-1:] if read is _invoked else events
    try:
        message = read(events, **model)
    except CloudflareGeminiError:
        return  # nothing was returned
    if _forbids(judged):
        assert message.tool_calls == []
    assert message.response_metadata["model_provider"] == "cloudflare_gemini"
    if usage := message.usage_metadata:
        assert usage["input_tokens"] + usage["output_tokens"] == usage["total_tokens"]
    json.dumps(message.content_blocks, allow_nan=False).encode()
    assert _kept(saver, [message]) == [message]
    assert pickle.loads(pickle.dumps(message)) == message
    said = json.dumps(messages_to_dict([message]), allow_nan=False)
    (again,) = messages_from_dict(json.loads(said))
    assert again.content == message.content
    emulator.reset()
    after: BaseChatModel = ChatCloudflareGemini(
        model="google/gemini-3-flash", max_retries=0, **emulator.client
    )
    after.invoke(history_of(again))


@pytest.mark.parametrize("depth", [80, 90, 91, 95, 100])
@pytest.mark.parametrize("holder", [list, dict])
def test_what_may_run_is_not_too_deep_to_be_sent(
    emulator: Emulator, depth: int, holder: type
) -> None:
    value: Any = "x"
    for _ in range(depth - 1):
        value = [value] if holder is list else {"k": value}
    message = _invoked([answer(call("look", args={"a": value}))])
    assert len(message.tool_calls) == (depth <= 90)
    emulator.reset()
    model = ChatCloudflareGemini(model="gemini-3-flash", **emulator.client)
    model.invoke(history_of(message))


# ---- every way of streaming says the same


def _pieces(parts: list[Json]) -> list[Json]:
    return [*(event(part) for part in parts[:-1]), answer(parts[-1])]


def f(x: int = 0) -> str:
    """Call f."""
    return "f's"


def g() -> str:
    """Call g."""
    return "g's"


def _of_agent(events: list[Json], **model: Any) -> AIMessage:
    """The turn that an agent keeps when its steps are streamed."""
    cloudflare = Cloudflare(_as_stream(events), answer(text("Done.")))
    agent: Any = create_agent(cloudflare.model(endpoint="gateway", **model), [f, g])
    kept: list[BaseMessage] = []
    modes: Any = ["messages", "values"]
    for mode, said in agent.stream({"messages": [("user", "hi")]}, stream_mode=modes):
        if mode == "values":
            kept = said["messages"]
    return _message(kept[1])


def _end_of_events(version: Any) -> Callable[..., AIMessage]:
    """Reads what the events of a version say at the end of the model's answer."""

    def read(events: list[Json], **model: Any) -> AIMessage:
        asked = _streaming(events, **model)

        async def ends() -> list[Any]:
            said = asked.astream_events("hi", version=version)
            return [e async for e in said if e["event"] == "on_chat_model_end"]

        (end,) = asyncio.run(ends())
        return _message(end["data"]["output"])

    return read


def _batched(events: list[Json], **model: Any) -> AIMessage:
    """What `batch` makes of answers that came as streams."""
    asked = Cloudflare(_as_stream(events)).model(**model)
    first, second = asked.batch(["hi", "ho"])
    assert first.content == second.content
    return first


STREAMS = {
    "fold": _folded,
    "events v1": _end_of_events("v1"),
    "events v2": _end_of_events("v2"),
    "events v3": _of_events_3,
    "agent": _of_agent,
    "batch": _batched,
}


SIGNED = [text("a"), text("b", "S0"), text("c"), call("f", "S1", args={})]
IMAGE = {"inlineData": {"mimeType": "image/png", "data": "aW1n"}}


@pytest.mark.parametrize("way", STREAMS.values(), ids=STREAMS.keys())
@given(st.lists(GOOD_PARTS, min_size=1, max_size=6), st.sampled_from(["v0", "v1"]))
@example([*SIGNED, text("d", "S2")], "v0")
@example([*SIGNED, text("d", "S2")], "v1")
@example([text("a"), thought("t"), text("b"), thought("u")], "v0")
@example([text("a"), thought("t"), text("b"), thought("u")], "v1")
@example([text("a"), IMAGE, text("b")], "v0")
@example([text("a"), IMAGE, text("b")], "v1")
def test_every_way_of_streaming_sends_back_what_came(
    way: Callable[..., AIMessage], parts: list[Json], output_version: str
) -> None:
    settings: Json = {"model": "gemini-2.5-flash", "media_urls": "pass"}
    message = way(_pieces(parts), output_version=output_version)
    assert joined(back(message, **settings)) == joined(parts)
    whole = _invoked([answer(*parts)], output_version=output_version)
    assert back(whole, **settings) == parts
    assert message.text == whole.text
    assert message.usage_metadata == whole.usage_metadata
    assert [c["args"] for c in message.tool_calls] == [
        c["args"] for c in whole.tool_calls
    ]
    merged = ("text", "reasoning")
    kinds, seen = (
        [block["type"] for block in said.content_blocks if block["type"] not in merged]
        for said in (whole, message)
    )
    assert seen == kinds
