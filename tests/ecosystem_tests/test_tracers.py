"""Other people's tracers, each in a process of its own: what they read of our calls."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.slow

Json = dict[str, Any]

# The spans of one call in every way of asking, and of an agent, as JSON lines.
PROGRAM = """
import asyncio, json, logging, sys

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

logging.disable(logging.CRITICAL)  # nobody listens where they export to
exporter, provider, callbacks = InMemorySpanExporter(), TracerProvider(), []
provider.add_span_processor(SimpleSpanProcessor(exporter))
{setup}
from langchain.agents import create_agent
from langchain_cf_gemini import ChatCloudflareGemini
from langchain_cf_gemini.emulator import Emulator, call

def search(q: str) -> str:
    "Search the web."
    return q

def weather(place: str) -> str:
    "Tell the weather."
    return place

async def ask(model, config):
    await model.ainvoke("hi", config, temperature=0.5)
    async for _ in model.astream("hi", config, temperature=0.5):
        pass

config = {{"callbacks": callbacks}}
with Emulator() as emulator:
    model = ChatCloudflareGemini(model="google/gemini-3-flash", **emulator.client)
    bound = model.bind_tools([search, weather])
    bound.invoke("hi", config, temperature=0.5)
    list(bound.stream("hi", config, temperature=0.5))
    bound.batch(["hi"], config, temperature=0.5)
    asyncio.run(ask(bound, config))
    emulator.answer(call("weather", place="Lima"))
    agent = create_agent(model.bind(temperature=0.5), [search, weather])
    agent.invoke({{"messages": [("human", "Weather in Lima?")]}}, config)
for span in exporter.get_finished_spans():
    print("SPAN", json.dumps([span.name, dict(span.attributes)], default=str))
sys.stdout.flush()
"""
SETUPS = {
    "langfuse": """
from langfuse import Langfuse
from langfuse.langchain import CallbackHandler
Langfuse(public_key="pk", secret_key="sk", host="http://127.0.0.1:9",
         tracer_provider=provider)
callbacks = [CallbackHandler(public_key="pk")]
""",
    "openinference": """
from openinference.instrumentation.langchain import LangChainInstrumentor
LangChainInstrumentor().instrument(tracer_provider=provider)
""",
    "opentelemetry": """
from opentelemetry.instrumentation.langchain import LangchainInstrumentor
LangchainInstrumentor().instrument(tracer_provider=provider)
""",
}
CALLS = 5  # invoke, stream, batch, ainvoke, astream; the agent asks twice more


def _spans(tracer: str) -> list[tuple[str, Json]]:
    modules = {
        "langfuse": "langfuse",
        "openinference": "openinference.instrumentation.langchain",
        "opentelemetry": "opentelemetry.instrumentation.langchain",
    }
    try:
        found = importlib.util.find_spec(modules[tracer])
    except ModuleNotFoundError:
        found = None
    if found is None:
        pytest.skip("`make ecosystem` installs it")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(setup=SETUPS[tracer])],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    lines = [line[5:] for line in done.stdout.splitlines() if line[:5] == "SPAN "]
    return [tuple(json.loads(line)) for line in lines]


def test_langfuse() -> None:
    spans = [
        said
        for _, said in _spans("langfuse")
        if said.get("langfuse.observation.type") == "generation"
    ]
    assert len(spans) == CALLS + 2
    for said in spans:
        usage = json.loads(said["langfuse.observation.usage_details"])
        # It counts thoughts apart from what was written.
        assert usage["input"] > 0
        assert usage["output"] > 0
        assert usage["total"] == sum(v for k, v in usage.items() if k != "total")
        assert said["langfuse.observation.model.name"] == "gemini-3-flash"
        parameters = json.loads(said["langfuse.observation.model.parameters"])
        assert parameters["temperature"] == 0.5
        tools = said["langfuse.observation.input"]
        assert "search" in tools
        assert "weather" in tools


def test_openinference() -> None:
    spans = [
        said
        for _, said in _spans("openinference")
        if said.get("openinference.span.kind") == "LLM"
    ]
    assert len(spans) == CALLS + 2
    for said in spans:
        assert said["llm.model_name"] == "gemini-3-flash"
        assert said["llm.token_count.prompt"] > 0
        assert said["llm.token_count.completion"] > 0
        assert said["llm.finish_reason"] == "STOP"
        tools = [
            json.loads(said[f"llm.tools.{n}.tool.json_schema"])["name"] for n in (0, 1)
        ]
        assert tools == ["search", "weather"]
        assert "llm.tools.2.tool.json_schema" not in said
        assert json.loads(said["llm.invocation_parameters"])["temperature"] == 0.5


def test_opentelemetry() -> None:
    spans = [
        said
        for _, said in _spans("opentelemetry")
        if said.get("gen_ai.operation.name") == "chat"
    ]
    assert len(spans) == CALLS + 2
    for said in spans:
        assert said["gen_ai.request.model"] == "gemini-3-flash"
        assert said["gen_ai.response.model"] == "gemini-3-flash"
        assert said["gen_ai.usage.input_tokens"] > 0
        assert said["gen_ai.usage.output_tokens"] > 0
        assert said["gen_ai.response.finish_reasons"] == ["STOP"]
        assert said["gen_ai.request.temperature"] == 0.5
        [output] = json.loads(said["gen_ai.output.messages"])
        assert output["finish_reason"] == "STOP"
        tools = json.loads(said["gen_ai.tool.definitions"])
        assert [tool["name"] for tool in tools] == ["search", "weather"]
