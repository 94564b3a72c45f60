"""`content_blocks` and the events of version 3, for both versions of content."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.messages import AIMessage

from tests.support.models import (
    Cloudflare,
    Json,
    answer,
    back,
    call,
    chunks_of,
    event,
    folded,
    text,
    thought,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore::langchain_core._api.LangChainBetaWarning"
)

CODE = {"executableCode": {"language": "PYTHON", "code": "1+1"}}
RESULT = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}}
PNG = {"inlineData": {"mimeType": "image/png", "data": "aW1n"}}
SPEECH = {"inlineData": {"mimeType": "audio/L16;rate=24000", "data": "aW1n"}}

# The kinds of a turn's blocks, and its parts.
TURNS: dict[str, tuple[str, list[Json]]] = {
    "text": ("text", [text("The laws.\n")]),
    "signed text": ("text", [text("The laws", "c2ln")]),
    "text, signed end": ("text", [text("The "), text("laws", "c2ln")]),
    "signed text, then another": ("text text", [text("One. ", "c2ln"), text("Two.")]),
    "text after a call": ("text tool_call text",
                          [text("One. "), call("look", args={}), text("Two.")]),
    "text, empty signed end": ("text", [text("The laws"), text("", "c2ln")]),
    "call": ("tool_call", [call("look", args={"n": 1})]),
    "signed calls": ("tool_call tool_call", [call("look", "c2ln", args={"n": 1}),
                                             call("look", args={"n": 2})]),
    "text and call": ("text tool_call",
                      [text("Wait. "), call("look", "c2ln", args={})]),
    "thoughts": ("reasoning text", [thought("Hm."), text("Well.", "c2ln")]),
    "thoughts and call": ("reasoning tool_call",
                          [thought("Hm."), call("look", "c2ln", args={"n": 1})]),
    "code": ("server_tool_call server_tool_result text",
             [CODE, RESULT, text("2", "c2ln")]),
    "image": ("text image", [text("See:"), {**PNG, "thoughtSignature": "c2ln"}]),
    "speech": ("audio", [SPEECH]),
    "unknown": ("text non_standard", [text("See:"), {"hologram": {"depth": 3}}]),
    "call with Google's id": ("tool_call", [call("look", "c2ln", id="g1", args={})]),
}  # fmt: skip
every_turn = pytest.mark.parametrize(("kinds", "parts"), TURNS.values(), ids=TURNS)


def _answers(parts: list[Json], *, streaming: bool) -> Any:
    if not streaming:
        return answer(*parts)
    return [*(event(part) for part in parts[:-1]), answer(parts[-1])]


@every_turn
async def test_events_of_version_3_rebuild_the_turn(
    kinds: str, parts: list[Json]
) -> None:
    """What LangGraph keeps of a turn goes back as it came."""
    said = [p["text"] for p in parts if "text" in p and not p.get("thought")]
    for version, streaming in product(("v0", "v1"), (False, True)):
        cloudflare = Cloudflare(_answers(parts, streaming=streaming))
        endpoint = "gateway" if streaming else "run"
        model = cloudflare.model(endpoint=endpoint, output_version=version)
        stream = await model.astream_events("hi", version="v3")
        sync = model.stream_events("hi", version="v3").output
        for message in (sync, await stream.output):
            assert isinstance(message, AIMessage)
            assert message.text == "".join(said)
            assert back(message, is_over=True) == parts


@every_turn
async def test_events_of_version_2(kinds: str, parts: list[Json]) -> None:
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
def test_blocks_of_chunks_add_up_to_those_of_the_message(
    kinds: str, parts: list[Json]
) -> None:
    events, wanted = _answers(parts, streaming=True), kinds.split()
    for version in ("v0", "v1"):
        chunks = chunks_of(*events, output_version=version, endpoint="gateway")
        whole: Any = folded(chunks).content_blocks
        found = [block["type"] for block in whole if block["type"] != "text"]
        assert found == [kind for kind in wanted if kind != "text"]
        growing: list[Any] = [b for chunk in chunks for b in chunk.content_blocks]
        assert all(isinstance(block["index"], str) for block in growing)
        # Whoever sees single chunks knows one text from another.
        texts, of_whole = (
            {block["index"] for block in blocks if block["type"] == "text"}
            for blocks in (growing, whole)
        )
        assert texts == of_whole
        # A call comes in pieces, which langchain-core has a type of its own for.
        pieces = {"tool_call_chunk" if k == "tool_call" else k for k in wanted}
        assert {block["type"] for block in growing} | {"text"} == pieces | {"text"}


@every_turn
def test_cached_answers(kinds: str, parts: list[Json]) -> None:
    """An answer out of LangChain's cache is the same turn, and no request."""
    cloudflare = Cloudflare(answer(*parts))
    model = cloudflare.model(cache=InMemoryCache())
    first = model.invoke("hi")
    second = model.invoke("hi")
    assert len(cloudflare.requests) == 1
    assert second.content == first.content
    assert back(second, is_over=True) == parts
