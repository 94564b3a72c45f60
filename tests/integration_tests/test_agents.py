"""Agents of LangChain and LangGraph on the emulator, which refuses what Google does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    HumanInTheLoopMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    SummarizationMiddleware,
)
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.exceptions import ModelError
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.prebuilt import create_react_agent
from langgraph.types import Command
from langgraph_supervisor import create_supervisor
from pydantic import BaseModel

from langchain_cf_gemini import ChatCloudflareGemini
from langchain_cf_gemini.emulator import Answer, Emulator, block, call, finish, reply
from tests.support.process import run_python

MODES = ["auto", "run", "gateway"]
every_endpoint = pytest.mark.parametrize("endpoint", MODES)
pytestmark = [
    pytest.mark.filterwarnings("ignore::langchain_core._api.LangChainBetaWarning"),
    pytest.mark.filterwarnings("ignore:create_react_agent has been moved"),
]


def _model(emulator: Emulator, **settings: Any) -> ChatCloudflareGemini:
    return ChatCloudflareGemini(
        **{"model": "gemini-3-flash", "max_retries": 0, **settings, **emulator.client}
    )


@tool
def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"It is 18 °C in {city}."


# ---- ways to run an agent

Run = Callable[[Any, Any], Any]


def _stream(agent: Any, asked: Any) -> Any:
    *_, (_, last) = agent.stream(asked, stream_mode=["messages", "values"])
    return last


def _astream(agent: Any, asked: Any) -> Any:
    async def ask() -> Any:
        modes = ["messages", "values"]
        events = [e async for e in agent.astream(asked, stream_mode=modes)]
        return [value for mode, value in events if mode == "values"][-1]

    return asyncio.run(ask())


RUNS: dict[str, Run] = {
    "invoke": lambda agent, asked: agent.invoke(asked),
    "ainvoke": lambda agent, asked: asyncio.run(agent.ainvoke(asked)),
    "stream": _stream,
    "astream": _astream,
    "stream_events": lambda agent, asked: (
        agent.stream_events(asked, version="v3").output
    ),
}
every_run = pytest.mark.parametrize("run", RUNS.values(), ids=RUNS.keys())
# The endpoint only matters for what streams and what does not.
every_run_and_endpoint = pytest.mark.parametrize(
    ("run", "endpoint"),
    [
        *((run, "auto") for run in RUNS.values()),
        (RUNS["invoke"], "gateway"),
        (RUNS["stream"], "run"),
    ],
    ids=[*RUNS, "invoke on the gateway", "stream on run"],
)


def _asked(said: str) -> dict[str, list[AnyMessage]]:
    return {"messages": [HumanMessage(said)]}


def _sent(emulator: Emulator, key: str) -> list[Any]:
    """What the parts of the last request say of this key."""
    contents = emulator.requests[-1].generation["contents"]
    parts = [part for content in contents for part in content["parts"]]
    return [part[key] for part in parts if key in part]


# ---- loops


@every_run_and_endpoint
def test_agent_loop(emulator: Emulator, endpoint: str, run: Run) -> None:
    """Two steps, parallel calls in the first: signatures in their places, or 400."""
    emulator.script(
        reply("Let me look. ")
        + call("get_weather", city="Lima")
        + call("get_weather", city="Oslo"),
        call("get_weather", city="Rome"),
        reply("18 °C everywhere."),
        reply("As I said, 18 °C."),
    )
    agent = create_agent(_model(emulator, endpoint=endpoint), [get_weather])
    messages = run(agent, _asked("How warm is it?"))["messages"]
    assert messages[-1].text == "18 °C everywhere."
    results = [m.text for m in messages if isinstance(m, ToolMessage)]
    assert results == [f"It is 18 °C in {c}." for c in ("Lima", "Oslo", "Rome")]
    emulator.assert_request_count(3)
    signed = [
        [
            "thoughtSignature" in part
            for part in content["parts"]
            if "functionCall" in part
        ]
        for content in emulator.requests[-1].generation["contents"]
        if content.get("role") == "model"
    ]
    assert signed == [[True, False], [True]]
    messages = run(agent, {"messages": [*messages, HumanMessage("Sure?")]})["messages"]
    assert messages[-1].text == "As I said, 18 °C."


# ---- LangGraph's own agents, which read a bound model's tools by name


@tool
def count_people(city: str) -> int:
    """How many live in a city."""
    return 10_000_000 if city == "Lima" else 700_000


@every_run_and_endpoint
@pytest.mark.parametrize("bound", [True, False])
def test_react_agent(emulator: Emulator, endpoint: str, run: Run, bound: bool) -> None:
    emulator.script(
        call("get_weather", city="Lima") + call("count_people", city="Lima"),
        call("get_weather", city="Oslo"),
        reply("18 °C, 10 million."),
    )
    tools = [get_weather, count_people]
    model = _model(emulator, endpoint=endpoint)
    agent = create_react_agent(model.bind_tools(tools) if bound else model, tools)
    messages = run(agent, _asked("Lima?"))["messages"]
    assert messages[-1].text == "18 °C, 10 million."
    results = [m.text for m in messages if isinstance(m, ToolMessage)]
    assert results == ["It is 18 °C in Lima.", "10000000", "It is 18 °C in Oslo."]
    (declared,) = emulator.requests[-1].generation["tools"]
    names = [each["name"] for each in declared["functionDeclarations"]]
    assert names == ["get_weather", "count_people"]


def _team(emulator: Emulator, endpoint: str, **options: Any) -> Any:
    model = _model(emulator, endpoint=endpoint)
    experts: list[Any] = [
        create_react_agent(model, [get_weather], name="meteorologist"),
        create_react_agent(model, [count_people], name="demographer"),
    ]
    team: Any = create_supervisor(experts, model=model, **options)
    return team.compile()


@every_run_and_endpoint
@pytest.mark.parametrize("output_mode", ["last_message", "full_history"])
def test_supervisor(
    emulator: Emulator, endpoint: str, run: Run, output_mode: Any
) -> None:
    emulator.script(
        call("transfer_to_meteorologist"),
        call("get_weather", city="Lima"),
        reply("It is 18 °C in Lima."),
        call("transfer_to_demographer"),
        call("count_people", city="Lima"),
        reply("Ten million live in Lima."),
        reply("18 °C for ten million."),
    )
    team = _team(emulator, endpoint, output_mode=output_mode, tools=[get_weather])
    messages = run(team, _asked("Who is warm in Lima?"))["messages"]
    assert messages[-1].text == "18 °C for ten million."
    emulator.assert_request_count(7)


@every_endpoint
def test_supervisor_that_hands_over_to_both_at_once(
    emulator: Emulator, endpoint: str
) -> None:
    """LangGraph carries out one of the two, whatever becomes of the other."""
    emulator.script(
        call("transfer_to_meteorologist") + call("transfer_to_demographer"),
        reply("18 °C."),
        reply("18 °C for ten million."),
    )
    team = _team(emulator, endpoint, parallel_tool_calls=True)
    messages = team.invoke(_asked("Lima?"))["messages"]
    assert messages[-1].text == "18 °C for ten million."


# ---- structured answers


class Weather(BaseModel):
    """The weather."""

    city: str
    celsius: int


JSON = reply('{"city": "Lima", "celsius": 18}')
LOOK = call("get_weather", city="Lima")
FORMATS: dict[str, tuple[Any, list[Any], list[Answer]]] = {
    "provider": (ProviderStrategy(Weather), [], [JSON]),
    "provider with tools": (ProviderStrategy(Weather), [get_weather], [LOOK, JSON]),
    "schema alone": (Weather, [], [JSON]),
    "tool": (ToolStrategy(Weather), [get_weather],
             [LOOK, call("Weather", city="Lima", celsius=18)]),
}  # fmt: skip


@every_run_and_endpoint
@pytest.mark.parametrize("how", FORMATS)
def test_structured_answers(
    emulator: Emulator, endpoint: str, run: Run, how: str
) -> None:
    response_format, tools, said = FORMATS[how]
    emulator.script(*said)
    model = _model(emulator, endpoint=endpoint)
    agent = create_agent(model, tools, response_format=response_format)
    state = run(agent, _asked("How warm is it in Lima?"))
    assert state["structured_response"] == Weather(city="Lima", celsius=18)
    sent = emulator.requests[-1].generation
    asks_for_json = "responseMimeType" in sent.get("generationConfig", {})
    assert asks_for_json == (how != "tool")
    assert ("tools" in sent) == bool(tools)


# ---- middleware


def _retrying(emulator: Emulator, **options: Any) -> Any:
    middleware: Any = ModelRetryMiddleware(
        max_retries=2, initial_delay=0.0, jitter=False, **options
    )
    model = _model(emulator, endpoint="run", adaptive_rate=False)
    return create_agent(model, [], middleware=[middleware])


@every_run
def test_retries(emulator: Emulator, run: Run) -> None:
    emulator.fail(429)
    emulator.fail(503)
    emulator.script(reply("Well."))
    assert run(_retrying(emulator), _asked("hi"))["messages"][-1].text == "Well."
    emulator.assert_request_count(3)


def test_what_cannot_be_mended_is_not_retried(emulator: Emulator) -> None:
    emulator.fail(400)
    with pytest.raises(Exception, match="400"):
        _retrying(emulator, on_failure="error").invoke(_asked("hi"))
    emulator.assert_request_count(1)


@pytest.mark.parametrize(
    "run", [RUNS["invoke"], RUNS["ainvoke"]], ids=["invoke", "ainvoke"]
)
def test_fallback_to_us_with_a_foreign_history(emulator: Emulator, run: Run) -> None:
    """The first model made a call, then failed; its turn is understood here."""
    foreign = AIMessage(
        [
            {"type": "thinking", "thinking": "Hm.", "signature": "Zm9yZWlnbg=="},
            {"type": "tool_use", "id": "t1", "name": "get_weather", "input": {}},
        ],
        tool_calls=[{"name": "get_weather", "args": {"city": "Lima"}, "id": "t1"}],
        response_metadata={"model_provider": "anthropic"},
    )

    class Failing(GenericFakeChatModel):
        """A model that calls once, then has had enough."""

        def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
            return self

    emulator.script(reply("18 °C in Lima."))
    middleware: Any = ModelFallbackMiddleware(_model(emulator))
    agent = create_agent(
        Failing(messages=iter([foreign])), [get_weather], middleware=[middleware]
    )
    messages = run(agent, _asked("How warm is it?"))["messages"]
    assert messages[-1].text == "18 °C in Lima."
    dummy = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
    assert _sent(emulator, "thoughtSignature") == [dummy]
    assert len(_sent(emulator, "functionCall")) == 1


@every_run
def test_fallback_between_our_models(emulator: Emulator, run: Run) -> None:
    emulator.script(call("get_weather", city="Lima"))
    emulator.fail(503)
    emulator.script(reply("18 °C."))
    middleware: Any = ModelFallbackMiddleware(
        _model(emulator, model="gemini-3.1-pro", endpoint="run")
    )
    model = _model(emulator, endpoint="run")
    agent = create_agent(model, [get_weather], middleware=[middleware])
    messages = run(agent, _asked("How warm is it?"))["messages"]
    assert messages[-1].text == "18 °C."
    assert "3.1-pro" in messages[-1].response_metadata["model_name"]


@every_run
def test_summarization(emulator: Emulator, run: Run) -> None:
    model = _model(emulator)
    middleware: Any = SummarizationMiddleware(
        model, trigger=("messages", 6), keep=("messages", 2)
    )
    agent = create_agent(model, [get_weather], middleware=[middleware])
    emulator.script(
        reply("We spoke of Lima."), call("get_weather", city="Lima"), reply("18 °C.")
    )
    history: list[Any] = []
    for n in range(3):
        history += [HumanMessage(f"Question {n}"), AIMessage(f"Answer {n}")]
    asked = {"messages": [*history, HumanMessage("How warm is it in Lima?")]}
    messages = run(agent, asked)["messages"]
    assert messages[-1].text == "18 °C."
    assert "We spoke of Lima." in messages[0].text


THREAD: Any = {"configurable": {"thread_id": "1"}}


def _paused(emulator: Emulator, endpoint: str) -> Any:
    """An agent that waits for its user."""
    middleware: Any = HumanInTheLoopMiddleware(interrupt_on={"get_weather": True})
    agent: Any = create_agent(
        _model(emulator, endpoint=endpoint),
        [get_weather],
        middleware=[middleware],
        checkpointer=InMemorySaver(),
    )
    assert agent.invoke(_asked("How warm is it?"), THREAD)["__interrupt__"]
    return agent


@every_endpoint
def test_an_approval_that_is_left_alone(emulator: Emulator, endpoint: str) -> None:
    """A user who types on instead of deciding: the thread goes on."""
    emulator.script(
        call("get_weather", city="Lima") + call("get_weather", city="Oslo"),
        reply("As you like."),
        reply("Of course."),
    )
    agent = _paused(emulator, endpoint)
    messages = agent.invoke(_asked("Never mind."), THREAD)["messages"]
    assert messages[-1].text == "As you like."
    agent.invoke(_asked("Are you sure?"), THREAD)
    _, _, answered, *_ = emulator.requests[-1].generation["contents"]
    for part in answered["parts"]:
        response = part["functionResponse"]["response"]
        assert response["error"].startswith("The call was not carried out.")


OSLO = {"name": "get_weather", "args": {"city": "Oslo"}}
DECISIONS: list[tuple[dict[str, Any], str]] = [
    ({"type": "approve"}, "Lima"),
    ({"type": "edit", "edited_action": OSLO}, "Oslo"),
    ({"type": "reject", "message": "Do not ask for Lima."}, "Do not ask"),
]


@pytest.mark.parametrize(("decision", "said"), DECISIONS)
@every_endpoint
def test_human_in_the_loop(
    emulator: Emulator, decision: Any, said: str, endpoint: str
) -> None:
    emulator.script(call("get_weather", city="Lima"), reply("Well."))
    agent = _paused(emulator, endpoint)
    resumed: Any = Command(resume={"decisions": [decision]})
    messages = agent.invoke(resumed, THREAD)["messages"]
    assert messages[-1].text == "Well."
    (result,) = [m for m in messages if isinstance(m, ToolMessage)]
    assert said in result.text


# ---- checkpoints, two processes

_PROCESS = """
import json, sys
from langchain.agents import create_agent
from langchain_core.tools import tool
from langgraph.checkpoint.sqlite import SqliteSaver
from langchain_cf_gemini import ChatCloudflareGemini

@tool
def get_weather(city: str) -> str:
    "The weather of a city."
    return f"It is 18 degrees in {city}."

path, questions, streamed, client = sys.argv[1:5]
with SqliteSaver.from_conn_string(path) as saver:
    model = ChatCloudflareGemini(model="gemini-3-flash", **json.loads(client))
    agent = create_agent(
        model, [get_weather], checkpointer=saver, interrupt_after=["tools"]
    )
    config = {"configurable": {"thread_id": "1"}}
    for said in json.loads(questions):
        asked = {"messages": [("human", said)]} if said else None
        if streamed == "yes":
            for _ in agent.stream(asked, config, stream_mode="messages"):
                pass
        else:
            agent.invoke(asked, config)
        print(agent.get_state(config).values["messages"][-1].text)
"""


@pytest.mark.slow
def test_sqlite_checkpoints_across_processes(
    emulator: Emulator, tmp_path: Path
) -> None:
    """A step is made in one process, the next, signed, in another."""
    emulator.script(
        call("get_weather", city="Lima"), reply("18 °C."), reply("Still 18 °C.")
    )

    def process(streamed: str, *said: str) -> list[str]:
        state, client = str(tmp_path / "state.db"), json.dumps(emulator.client)
        arguments = (state, json.dumps(said), streamed, client)
        return run_python(_PROCESS, *arguments, warnings="default").stdout.splitlines()

    said = process("yes", "How warm is it in Lima?")
    assert said == ["It is 18 degrees in Lima."]
    assert process("no", "", "Sure?") == ["18 °C.", "Still 18 °C."]
    assert len(_sent(emulator, "thoughtSignature")) == 2


# ---- refusals


@pytest.mark.parametrize("output_version", ["v0", "v1"])
@pytest.mark.parametrize(
    ("withheld", "reason"),
    [
        (block("PROHIBITED_CONTENT", message="Not that."), "PROHIBITED_CONTENT"),
        (finish("SAFETY", message="Not that."), "SAFETY"),
    ],
    ids=["prompt", "answer"],
)
def test_refusals_end_an_agent_that_asks_for_it(
    emulator: Emulator, withheld: Answer, reason: str, output_version: str
) -> None:
    middleware = pytest.importorskip(
        "langchain.agents.middleware.model_refusal",
        reason="this langchain has no middleware for refusals",
    )
    emulator.script(withheld)
    agent: Any = create_agent(
        _model(emulator, output_version=output_version),
        tools=[get_weather],
        middleware=[middleware.ModelRefusalMiddleware()],
    )
    with pytest.raises(ModelError, match=rf"category='{reason}'\): Not that\."):
        agent.invoke(_asked("Hm?"))
