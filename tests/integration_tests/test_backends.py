"""Agents whose steps are invoked and streamed by turns, between two strict backends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from langchain_cf_gemini import ChatCloudflareGemini
from langchain_cf_gemini.emulator import Emulator, call, reply

# Between them, each way comes after each.
INSIDE = ["invoke", "stream", "stream", "invoke"]
AROUND = ["stream", "invoke", "invoke", "stream"]


def weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"Sunny in {city}."


def script(emulator: Emulator) -> None:
    """Two steps with calls, two at once in the first, and an answer, for each turn."""
    for _ in range(4):
        both = call("weather", city="Lima") + call("weather", city="Rome")
        emulator.script(both, call("weather", city="Oslo"), reply("Sunny."))


def run(agent: Any, way: str, config: Any) -> AIMessage:
    """Ask once, whole or streamed."""
    asked = {"messages": [("user", "How is the weather?")]}
    if way == "invoke":
        last = agent.invoke(asked, config)["messages"][-1]
    else:
        for mode, _ in agent.stream(asked, config, stream_mode=["messages", "values"]):
            assert mode in ("messages", "values")
        last = agent.get_state(config).values["messages"][-1]
    assert isinstance(last, AIMessage)
    return last


@pytest.mark.parametrize(
    ("ways", "saver", "output_version"),
    [
        (INSIDE, "memory", "v0"),
        (INSIDE, "sqlite", "v1"),
        (AROUND, "memory", "v1"),
        (AROUND, "sqlite", "v0"),
    ],
)
def test_an_agent_may_change_its_way_in_a_thread(
    ways: list[str], saver: str, output_version: str, tmp_path: Path
) -> None:
    with Emulator() as emulator:
        script(emulator)
        model = ChatCloudflareGemini(
            model="gemini-3-flash",
            output_version=output_version,
            **emulator.client,
        )
        config = {"configurable": {"thread_id": "one"}}
        memory = InMemorySaver()
        for way in ways:
            # A new process each time, as far as the thread is concerned.
            with SqliteSaver.from_conn_string(str(tmp_path / "threads")) as kept:
                checkpoints = kept if saver == "sqlite" else memory
                agent = create_agent(model, [weather], checkpointer=checkpoints)
                assert run(agent, way, config).text == "Sunny."
        statuses = [exchange.status for exchange in emulator.requests]
        assert statuses == [200] * len(statuses)
