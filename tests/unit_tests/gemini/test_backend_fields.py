"""What only one of Google's services knows: it decides the endpoint, or is refused."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_cf_gemini import CloudflareGeminiError, UnsupportedContentError
from tests.support.models import (
    Cloudflare,
    Json,
    Way,
    event,
    refusal,
    silent,
    text,
)
from tests.support.tables import rows

_LOOK: Json = {"name": "look", "parameters": {"type": "object", "properties": {}}}
_SHUT = {"type": "object", "properties": {"x": {"type": "string"}},
         "additionalProperties": False}  # fmt: skip
_CLOSED: Json = {**_LOOK, "parameters": {"type": "object", "properties": {"a": _SHUT}}}
_SINCE = {"time_range_filter": {"start_time": "2026-01-01"}}
_RATED = {"category": "HARASSMENT", "threshold": "OFF", "method": "SEVERITY"}
_STREAMED = {"function_calling_config": {"stream_function_call_arguments": True}}
GATEWAY: dict[str, Json] = {
    "circulation": {"tools": ["google_search", _LOOK],
                    "tool_config": {"include_server_side_tool_invocations": True}},
    "file search": {"tools": [{"file_search": {"file_search_store_names": ["s"]}}]},
    "MCP servers": {"tools": [{"mcp_servers": [{"name": "s"}]}]},
    "a range of time": {"tools": [{"google_search": _SINCE}]},
    "civic answers": {"generation_config": {"enable_enhanced_civic_answers": True}},
}  # fmt: skip
RUN: dict[str, Json] = {
    "retrieval": {"tools": [{"retrieval": {"vertex_ai_search": {"engine": "e"}}}]},
    "enterprise search": {"tools": ["enterprise_web_search"]},
    "excluded domains": {"tools": [{"google_search": {"exclude_domains": ["a.b"]}}]},
    "streamed arguments": {"tools": [_LOOK], "tool_config": _STREAMED},
    "timestamps": {"generation_config": {"audio_timestamp": True}},
    "people": {"image_config": {"person_generation": "ALLOW_ALL"}},
    "the method of a rating": {"safety_settings": [_RATED]},
    "closed objects in OpenAPI": {"tools": [_CLOSED], "schema_dialect": "openapi"},
}
BOTH = {name: (said, "gateway") for name, said in GATEWAY.items()}
BOTH |= {name: (said, "run") for name, said in RUN.items()}


def _endpoint(cloudflare: Cloudflare) -> str:
    host = cloudflare.requests[-1].url.host
    return "gateway" if host.startswith("gateway") else "run"


@rows("arguments endpoint", BOTH)
def test_what_one_service_knows_decides(
    either_way: Way, arguments: Json, endpoint: str
) -> None:
    cloudflare = Cloudflare([event(text("ok"), finish="STOP")])
    either_way(cloudflare.model().bind(**arguments), "hi")
    assert _endpoint(cloudflare) == endpoint


@rows("arguments", GATEWAY)
def test_run_is_not_sent_what_it_does_not_know(arguments: Json) -> None:
    with pytest.raises(UnsupportedContentError, match="use endpoint='gateway'"):
        silent(endpoint="run").invoke("hi", **arguments)
    # Nor where the gateway refuses to stream.
    cloudflare = Cloudflare(refusal(403, 10000))
    with pytest.raises(CloudflareGeminiError):
        list(cloudflare.model().stream("hi", **arguments))
    assert len(cloudflare.requests) == 1


@rows("arguments", RUN)
def test_the_gateway_is_not_sent_what_it_does_not_know(arguments: Json) -> None:
    with pytest.raises(UnsupportedContentError, match="use endpoint='run'"):
        silent(endpoint="gateway").invoke("hi", **arguments)
    with pytest.raises(UnsupportedContentError, match="use endpoint='run'"):
        silent(google_api_key="k").invoke("hi", **arguments)


BESIDE: dict[str, tuple[list[Any], Json | None]] = {
    "both": ([_LOOK, "google_search"], {"includeServerSideToolInvocations": True}),
    "functions": ([_LOOK], None),
    "Google's own": (["google_search", "url_context"], None),
}


@rows("tools config", BESIDE)
def test_the_gateway_is_told_of_googles_tools_beside_functions(
    tools: list[Any], config: Json | None
) -> None:
    cloudflare = Cloudflare()
    for endpoint in ("gateway", "run"):
        cloudflare.model(endpoint=endpoint).invoke("hi", tools=tools)
    gateway, run = cloudflare.bodies
    assert gateway.get("toolConfig") == config
    assert "toolConfig" not in run


def test_a_part_that_one_service_knows_decides() -> None:
    message = HumanMessage([{"text": "hi", "partMetadata": {"a": 1}}])
    cloudflare = Cloudflare()
    cloudflare.model().invoke([message])
    assert _endpoint(cloudflare) == "gateway"
    with pytest.raises(UnsupportedContentError, match="use endpoint='gateway'"):
        silent(endpoint="run").invoke([message])


def test_what_none_of_both_takes_together() -> None:
    arguments = {**GATEWAY["civic answers"], "tools": ["enterprise_web_search"]}
    with pytest.raises(UnsupportedContentError, match="endpoint="):
        silent().invoke("hi", **arguments)


def test_plain_calls_stay_where_they_are() -> None:
    cloudflare = Cloudflare([event(text("ok"), finish="STOP")])
    model = cloudflare.model()
    model.invoke("hi", tools=[_CLOSED], tool_config={"retrieval_config": {}})
    assert _endpoint(cloudflare) == "run"
    list(model.stream("hi", tools=[_CLOSED]))
    assert _endpoint(cloudflare) == "gateway"
