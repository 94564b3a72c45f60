"""`content_blocks` and the events of version 3, for both versions of content."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage, HumanMessage

from tests.support.models import (
    Cloudflare,
    Json,
    answer,
    back,
    call,
    chunks_of,
    event,
    folded,
    history_of,
    text,
    thought,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore::langchain_core._api.LangChainBetaWarning"
)

CODE = {"executableCode": {"language": "PYTHON", "code": "1+1"}}
RESULT = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}}
PNG = {"inlineData": {"mimeType": "image/png", "data": "aW1n"}}

TURNS: dict[str, list[Json]] = {
    "text": [text("The laws.\n")],
    "signed text": [text("The laws", "c2ln")],
    "text, signed end": [text("The "), text("laws", "c2ln")],
    "text, empty signed end": [text("The laws"), text("", "c2ln")],
    "call": [call("look", args={"n": 1})],
    "signed calls": [call("look", "c2ln", args={"n": 1}), call("look", args={"n": 2})],
    "text and call": [text("Wait. "), call("look", "c2ln", args={})],
    "thoughts": [thought("Hm."), text("Well.", "c2ln")],
    "thoughts and call": [thought("Hm."), call("look", "c2ln", args={"n": 1})],
    "code": [CODE, RESULT, text("2", "c2ln")],
    "image": [text("See:"), {**PNG, "thoughtSignature": "c2ln"}],
    "speech": [{"inlineData": {"mimeType": "audio/L16;rate=24000", "data": "aW1n"}}],
    "unknown": [text("See:"), {"hologram": {"depth": 3}}],
    "call with Google's id": [call("look", "c2ln", id="g1", args={"n": 1})],
}
every_turn = pytest.mark.parametrize("parts", TURNS.values(), ids=TURNS.keys())


def _answers(parts: list[Json], *, streaming: bool) -> Any:
    if not streaming:
        return answer(*parts)
    return [*(event(part) for part in parts[:-1]), answer(parts[-1])]


@every_turn
def test_events_of_version_3_rebuild_the_turn(parts: list[Json]) -> None:
    """What LangGraph keeps of a turn goes back as it came."""
    said = [p["text"] for p in parts if "text" in p and not p.get("thought")]
    for version, streaming in product(("v0", "v1"), (False, True)):
        cloudflare = Cloudflare(_answers(parts, streaming=streaming))
        endpoint = "gateway" if streaming else "run"
        model = cloudflare.model(endpoint=endpoint, output_version=version)
        message = model.stream_events("hi", version="v3").output
        assert isinstance(message, AIMessage)
        assert message.text == "".join(said)
        assert back(message, is_over=True) == parts


@every_turn
async def test_the_same_in_asyncio(parts: list[Json]) -> None:
    model = Cloudflare(_answers(parts, streaming=True)).model(endpoint="gateway")
    stream = await model.astream_events("hi", version="v3")
    message = await stream.output
    cloudflare = Cloudflare()
    history = [*history_of(message), HumanMessage("and now?")]
    await cloudflare.model().ainvoke(history)
    sent = [c["parts"] for c in cloudflare.contents if c["role"] == "model"]
    assert sent == [parts]


@every_turn
async def test_events_of_version_2(parts: list[Json]) -> None:
    model = Cloudflare(_answers(parts, streaming=True)).model(endpoint="gateway")
    events = [e async for e in model.astream_events("hi", version="v2")]
    (end,) = [e for e in events if e["event"] == "on_chat_model_end"]
    chunks = [
        e["data"]["chunk"] for e in events if e["event"] == "on_chat_model_stream"
    ]
    whole: Any = end["data"]["output"]
    assert whole.text == "".join(str(chunk.text) for chunk in chunks)
    assert whole.usage_metadata["total_tokens"] == 9


@every_turn
def test_blocks_of_chunks_add_up_to_those_of_the_message(parts: list[Json]) -> None:
    events = _answers(parts, streaming=True)
    for version in ("v0", "v1"):
        chunks = chunks_of(*events, output_version=version, endpoint="gateway")
        whole: Any = folded(chunks).content_blocks
        assert [block["type"] for block in whole if block["type"] != "text"] == [
            kind for kind in _kinds(parts) if kind != "text"
        ]
        growing: list[Any] = [b for chunk in chunks for b in chunk.content_blocks]
        assert all(isinstance(block["index"], str) for block in growing)
        # A call comes in pieces, which langchain-core has a type of its own for.
        pieces = {
            "tool_call_chunk" if kind == "tool_call" else kind for kind in _kinds(parts)
        }
        assert {block["type"] for block in growing} | {"text"} == pieces | {"text"}


def _kinds(parts: list[Json]) -> list[str]:
    named = {
        "functionCall": "tool_call",
        "executableCode": "server_tool_call",
        "codeExecutionResult": "server_tool_result",
        "inlineData": "audio" if "audio" in str(parts) else "image",
        "hologram": "non_standard",
    }
    return [
        "reasoning"
        if p.get("thought")
        else next((n for k, n in named.items() if k in p), "text")
        for p in parts
    ]


@every_turn
def test_cached_answers(parts: list[Json]) -> None:
    """An answer out of LangChain's cache is the same turn, and no request."""
    cloudflare = Cloudflare(answer(*parts))
    model = cloudflare.model(cache=InMemoryCache())
    first = model.invoke("hi")
    second = model.invoke("hi")
    assert len(cloudflare.requests) == 1
    assert second.content == first.content
    assert back(second, is_over=True) == parts
