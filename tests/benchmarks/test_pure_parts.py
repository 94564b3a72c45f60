"""The parts that do no I/O, measured; nothing is asserted about time."""

import json
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from pydantic import create_model
from pytest_benchmark.fixture import BenchmarkFixture

from tests.support.cloudflare import payloads_from_body
from tests.support.gemini import (
    AnswerParser,
    Media,
    body_from_messages,
    tools_from_langchain,
)
from tests.support.http import Head

_CALL = {"name": "get_weather", "args": {"city": "Lima"}, "id": "c1"}


def _history(turns: int) -> list[BaseMessage]:
    messages: list[BaseMessage] = [SystemMessage("You are brief.")]
    for n in range(turns // 4):
        messages += [
            HumanMessage(f"What is the weather on day {n}?"),
            AIMessage("", tool_calls=[{**_CALL, "id": f"c{n}", "type": "tool_call"}]),
            ToolMessage('{"degrees": 20}', tool_call_id=f"c{n}"),
            AIMessage("It is 20 degrees." * 20),
        ]
    return [*messages, HumanMessage("And now?")]


def _payload(text: str, **candidate: Any) -> dict[str, Any]:
    parts = [{"text": text}]
    return {
        "candidates": [{"content": {"role": "model", "parts": parts}, **candidate}],
        "usageMetadata": {"promptTokenCount": 8, "totalTokenCount": 8},
        "modelVersion": "gemini-3-flash-preview",
        "responseId": "r1",
    }


@pytest.mark.parametrize("turns", [40, 400])
def test_contents(benchmark: BenchmarkFixture, turns: int) -> None:
    messages = _history(turns)
    body = benchmark(
        lambda: body_from_messages(messages, media=Media(), signs_calls=True)
    )
    assert len(body["contents"]) == turns + 1


@pytest.mark.parametrize("count", [1, 20])
def test_declarations(benchmark: BenchmarkFixture, count: int) -> None:
    tools = [create_model(f"tool_{n}", city=(str, ...)) for n in range(count)]
    wire = benchmark(lambda: tools_from_langchain(tools))
    assert len(wire[0]["functionDeclarations"]) == count


def test_declarations_that_are_ready(benchmark: BenchmarkFixture) -> None:
    tools = [create_model(f"tool_{n}", city=(str, ...)) for n in range(20)]
    wire = tools_from_langchain(tools)
    assert benchmark(lambda: tools_from_langchain(wire)) == wire


def test_chunks(benchmark: BenchmarkFixture) -> None:
    parser = AnswerParser(streaming=True)
    event = _payload("some words of text ")
    parser.feed(event)
    chunk = benchmark(lambda: parser.feed(event))
    assert chunk is not None


@pytest.mark.parametrize("length", [100, 100_000])
def test_answers(benchmark: BenchmarkFixture, length: int) -> None:
    payload = _payload("x" * length, finishReason="STOP")
    result = {"result": payload, "success": True, "errors": [], "messages": []}
    body = json.dumps(result).encode()
    context = Head(status=200, headers={}, secrets=[])

    def read() -> AIMessage:
        parser = AnswerParser(streaming=False)
        parser.feed(payloads_from_body(body, context)[0][0])
        return parser.message()

    assert len(benchmark(read).content) == length
