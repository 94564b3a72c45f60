"""Answers drawn from the wire's grammar: what is returned holds, and can be sent."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    message_chunk_to_message,
    messages_from_dict,
    messages_to_dict,
)
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from langchain_cf_gemini import ChatCloudflareGemini, CloudflareGeminiError
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

pytestmark = pytest.mark.filterwarnings(
    "ignore::langchain_core._api.LangChainBetaWarning"
)
drawn = settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator(foreign_signatures=True) as running:
        yield running


def _response(events: list[Json]) -> httpx.Response:
    """Events as a server may write them, NaN and half characters included."""
    raw = "".join(f"data: {json.dumps(each)}\n\n" for each in events)
    headers = {"content-type": "text/event-stream"}
    return httpx.Response(200, content=raw.encode(), headers=headers)


def _invoked(events: list[Json], **model: Any) -> AIMessage:
    body = httpx.Response(200, content=json.dumps(events[-1]).encode())
    return Cloudflare(body).model(**model).invoke("hi")


def _folded(events: list[Json], **model: Any) -> AIMessage:
    asked = Cloudflare(_response(events)).model(endpoint="gateway", **model)
    whole = message_chunk_to_message(folded(list(asked.stream("hi"))))
    assert isinstance(whole, AIMessage)
    return whole


def _of_events_3(events: list[Json], **model: Any) -> AIMessage:
    asked = Cloudflare(_response(events)).model(endpoint="gateway", **model)
    message = asked.stream_events("hi", version="v3").output
    assert isinstance(message, AIMessage)
    return message


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


@drawn
@given(events_of(PARTS), st.sampled_from(sorted(READINGS)))
def test_whatever_is_returned_can_be_kept_and_sent(
    emulator: Emulator, events: list[Json], reading: str
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
    # As the checkpointers of sqlite and Postgres write it.
    kinds = JsonPlusSerializer()
    assert kinds.loads_typed(kinds.dumps_typed(message)) == message
    assert pickle.loads(pickle.dumps(message)) == message
    said = json.dumps(messages_to_dict([message]), allow_nan=False)
    (again,) = messages_from_dict(json.loads(said))
    assert again.content == message.content
    emulator.reset()
    after: BaseChatModel = ChatCloudflareGemini(
        model="google/gemini-3-flash", max_retries=0, **emulator.client
    )
    after.invoke(history_of(again))


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
    cloudflare = Cloudflare(_response(events), answer(text("Done.")))
    agent: Any = create_agent(cloudflare.model(endpoint="gateway", **model), [f, g])
    kept: list[BaseMessage] = []
    modes: Any = ["messages", "values"]
    for mode, said in agent.stream({"messages": [("user", "hi")]}, stream_mode=modes):
        if mode == "values":
            kept = said["messages"]
    found = kept[1]
    assert isinstance(found, AIMessage)
    return found


STREAMS = {
    "fold": _folded,
    "events v3": _of_events_3,
    "agent": _of_agent,
}


@pytest.mark.parametrize("output_version", ["v0", "v1"])
@pytest.mark.parametrize("way", STREAMS.values(), ids=STREAMS.keys())
@drawn
@given(st.lists(GOOD_PARTS, min_size=1, max_size=6))
@example(
    [text("a"), text("b", "S0"), text("c"), call("f", "S1", args={}), text("d", "S2")]
)
@example([text("a"), thought("t"), text("b"), thought("u")])
@example(
    [text("a"), {"inlineData": {"mimeType": "image/png", "data": "aW1n"}}, text("b")]
)
def test_every_way_of_streaming_sends_back_what_came(
    way: Callable[..., AIMessage], output_version: str, parts: list[Json]
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
    kinds = [block["type"] for block in whole.content_blocks]
    seen = [block["type"] for block in message.content_blocks]
    assert [kind for kind in seen if kind not in ("text", "reasoning")] == [
        kind for kind in kinds if kind not in ("text", "reasoning")
    ]
