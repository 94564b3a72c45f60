"""Other people's tracers, each in a process of its own: what they read of our calls."""

from __future__ import annotations

import json
from importlib.util import find_spec
from typing import Any

import pytest

from tests.support.traced import CALLS, run_traced

pytestmark = pytest.mark.slow

Json = dict[str, Any]

# The spans of the program, as JSON lines.
_SETUP = """
import json, logging
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

logging.disable(logging.CRITICAL)  # nobody listens where they export to
exporter, provider, callbacks = InMemorySpanExporter(), TracerProvider(), []
provider.add_span_processor(SimpleSpanProcessor(exporter))
"""
_END = """
for span in exporter.get_finished_spans():
    print("SPAN", json.dumps(dict(span.attributes), default=str))
"""
# The module of each, how it is made to watch, and what its spans of a model have.
TRACERS = {
    "langfuse": ("langfuse", """
from langfuse import Langfuse
from langfuse.langchain import CallbackHandler
Langfuse(public_key="pk", secret_key="sk", host="http://127.0.0.1:9",
         tracer_provider=provider)
callbacks = [CallbackHandler(public_key="pk")]
""", ("langfuse.observation.type", "generation")),
    "openinference": ("openinference.instrumentation.langchain", """
from openinference.instrumentation.langchain import LangChainInstrumentor
LangChainInstrumentor().instrument(tracer_provider=provider)
""", ("openinference.span.kind", "LLM")),
    "opentelemetry": ("opentelemetry.instrumentation.langchain", """
from opentelemetry.instrumentation.langchain import LangchainInstrumentor
LangchainInstrumentor().instrument(tracer_provider=provider)
""", ("gen_ai.operation.name", "chat")),
}  # fmt: skip


def _spans(tracer: str) -> list[Json]:
    """The spans of the model's calls."""
    module, setup, mark = TRACERS[tracer]
    try:
        found = find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        pytest.skip("`make ecosystem` installs it")
    lines = run_traced(_SETUP + setup, _END).splitlines()
    spans = [json.loads(line[5:]) for line in lines if line.startswith("SPAN ")]
    spans = [span for span in spans if mark in span.items()]
    assert len(spans) == CALLS
    return spans


def test_langfuse() -> None:
    for said in _spans("langfuse"):
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
    for said in _spans("openinference"):
        assert said["llm.model_name"] == "gemini-3-flash"
        assert said["llm.token_count.prompt"] > 0
        assert said["llm.token_count.completion"] > 0
        assert said["llm.finish_reason"] == "STOP"
        for n, name in enumerate(("search", "weather")):
            tool = json.loads(said[f"llm.tools.{n}.tool.json_schema"])
            assert tool["name"] == name
        assert "llm.tools.2.tool.json_schema" not in said
        assert json.loads(said["llm.invocation_parameters"])["temperature"] == 0.5


def test_opentelemetry() -> None:
    for said in _spans("opentelemetry"):
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
