"""Every field of what a caller passes is sent, or documented as not sent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.genai import types
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages import content as v1
from langchain_core.tools import StructuredTool
from typing_extensions import get_type_hints, is_typeddict

from langchain_cf_gemini import ChatCloudflareGemini
from tests.support.langchain import SETTINGS
from tests.support.models import Json, body_of_call, calling, tool_call

PAGE = Path(__file__).parents[3] / "docs" / "what-is-sent.md"
MARK = "marked_0451"
_CALL = tool_call()


def _not_sent() -> dict[str, frozenset[str]]:
    """The last table of the page."""
    _, _, table = PAGE.read_text("utf-8").partition("## Not sent")
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", table, re.M)[2:]
    return {
        what.strip("`"): frozenset(re.findall(r"`(\w+)`", fields))
        for what, fields in rows
    }


NOT_SENT = _not_sent()


def _sent(messages: Any, **arguments: Any) -> str:
    """What is sent, as text."""
    return json.dumps(body_of_call(messages, **arguments))


def _is_accounted_for(sent: str, what: str, field: str, mark: str) -> None:
    is_documented = field in NOT_SENT[what]
    assert (mark in sent) != is_documented, f"{field} of {what}: {sent}"


# ---- messages

_MESSAGES: dict[type[BaseMessage], Json] = {
    HumanMessage: {"content": "x"},
    SystemMessage: {"content": "x"},
    AIMessage: {"content": "x"},
    ToolMessage: {"content": "x", "tool_call_id": "a"},
    ChatMessage: {"content": "x", "role": "user"},
    FunctionMessage: {"content": "x", "name": "look"},
}
_MARKED: Json = {
    "additional_kwargs": {"mine": MARK},
    "response_metadata": {"mine": MARK},
    "tool_calls": [tool_call(n=MARK)],
    "invalid_tool_calls": [{**tool_call("b"), "args": MARK, "error": "cut off"}],
    "usage_metadata": {"input_tokens": 451451, "output_tokens": 1, "total_tokens": 2},
    "artifact": {"mine": MARK},
}  # fmt: skip
# What shows that a field was read where it holds no text of the caller's.
_SHOWN = {"usage_metadata": "451451", "status": '"error"', "role": '"role": "model"'}
_VALUES = {"status": "error", "role": "assistant"}


_FIELDS = [
    (of, field) for of in _MESSAGES for field in of.model_fields if field != "type"
]


def _history(message: BaseMessage, name: str) -> list[BaseMessage]:
    """A conversation in which a message has its place; results follow their call."""
    if isinstance(message, ToolMessage | FunctionMessage):
        made = tool_call(getattr(message, "tool_call_id", "a"), name)
        return [HumanMessage("hi"), calling(made), message]
    return [HumanMessage("hi"), message, HumanMessage("so?")]


@pytest.mark.parametrize(
    ("kind", "field"), _FIELDS, ids=lambda each: getattr(each, "__name__", each)
)
def test_fields_of_messages(kind: type[BaseMessage], field: str) -> None:
    value = _VALUES.get(field, _MARKED.get(field, MARK))
    message = kind(**{**_MESSAGES[kind], field: value})
    # A FunctionMessage's name is the function's, and finds its call.
    is_name = (kind, field) == (FunctionMessage, "name")
    sent = _sent(_history(message, MARK if is_name else "look"))
    _is_accounted_for(sent, kind.__name__, field, _SHOWN.get(field, MARK))


# ---- blocks

_BLOCKS: dict[str, Json] = {
    "text": {"text": "x"},
    "image": {"base64": "AAAA", "mime_type": "image/png"},
    "audio": {"base64": "AAAA", "mime_type": "audio/wav"},
    "video": {"base64": "AAAA", "mime_type": "video/mp4"},
    "file": {"base64": "AAAA", "mime_type": "application/pdf"},
    "text-plain": {"text": "x", "mime_type": "text/plain"},
    "reasoning": {"reasoning": "x"},
    "refusal": {"refusal": "x"},
    "tool_call": {"name": "look", "args": {}, "id": "a"},
    "invalid_tool_call": {"name": "look", "args": "x", "id": "a", "error": "e"},
    "server_tool_call": {"name": "code_execution", "args": {"code": "1"}, "id": "s"},
    "server_tool_result": {"tool_call_id": "s", "status": "success", "output": "x"},
    "non_standard": {"value": {"hologram": 1}},
}
_OF_USERS = frozenset({"text", "image", "audio", "video", "file", "text-plain"})
_OTHER_VALUES: Json = {
    "mime_type": "video/webm",
    "file_id": f"https://generativelanguage.googleapis.com/{MARK}",
    "url": f"gs://bucket/{MARK}.png",
    "base64": "bWFya2Vk",
    "value": {"hologram": MARK},
    "annotations": [{"type": "citation", "cited_text": MARK}],
    "status": "error",
    "extras": {"signature": MARK},
}
_OTHERS_SHOWN = {key: _OTHER_VALUES[key] for key in ("mime_type", "base64")}
_OTHERS_SHOWN["status"] = "OUTCOME_FAILED"


def _block_fields() -> Iterator[tuple[str, str]]:
    for form in filter(is_typeddict, vars(v1).values()):
        hints = get_type_hints(form)
        (kind,) = getattr(hints["type"], "__args__", ("",))
        for field in hints if kind in _BLOCKS else ():
            if field not in ("type", "extras") or (field, kind) == ("extras", "text"):
                yield kind, field


def test_the_blocks_are_all_of_langchain() -> None:
    kinds = {kind for kind, _ in _block_fields()}
    chunks = {"tool_call_chunk", "server_tool_call_chunk"}
    assert kinds | chunks >= v1.KNOWN_BLOCK_TYPES - {"refusal"}


@pytest.mark.parametrize(("kind", "field"), [*_block_fields()])
def test_fields_of_blocks(kind: str, field: str) -> None:
    if field == "id" and "call" in kind:
        field = "call id"
    base = {"type": kind, **_BLOCKS[kind]}
    for held in ("base64", "text", "url", "file_id") if field in _HELD else ():
        base.pop(held, None)
    block = {**base, field: _OTHER_VALUES.get(field, MARK)}
    if field in ("url", "file_id", "base64"):
        block["mime_type"] = "image/png" if kind != "text-plain" else "text/plain"
    if field == "call id":
        block = {**base, "id": MARK}
    if field == "args" and kind != "invalid_tool_call":
        block["args"] = {"code": MARK}
    what = kind if field in NOT_SENT.get(kind, ()) else "every block"
    sent = _sent(_around(block))
    _is_accounted_for(sent, what, field, _OTHERS_SHOWN.get(field, MARK))


_HELD = ("base64", "url", "file_id")


def _around(block: Json) -> list[BaseMessage]:
    """A conversation in which a block has its place."""
    if block["type"] in _OF_USERS and "extras" not in block:
        return [HumanMessage([block])]
    provider = {"model_provider": "cloudflare_gemini"}
    if block["type"] == "refusal":
        provider = {"model_provider": "openai"}
    content: list[Any] = [block]
    if block["type"] == "server_tool_result":
        made = {"name": "code_execution", "args": {"code": "1"}, "id": "s"}
        content.insert(0, {"type": "server_tool_call", **made})
    calls: Json = {}
    if block["type"] == "tool_call":
        calls = {"tool_calls": [{k: block[k] for k in ("name", "args", "id")}]}
    elif block["type"] == "invalid_tool_call":
        named = ("name", "args", "id", "error")
        calls = {"invalid_tool_calls": [{k: block[k] for k in named}]}
    turn = AIMessage(content, response_metadata=provider, **calls)
    return [HumanMessage("hi"), turn, HumanMessage("so?")]


_OF_PROVIDERS: dict[str, Json] = {
    "cache_control": {"type": "text", "text": "x", "cache_control": {"type": MARK}},
    "citations": {"type": "document", "source": {"type": "text", "data": "x"},
                  "citations": {"mine": MARK}},
    "filename": {"type": "file", "file": {"filename": MARK, "file_data": "JVBERg=="}},
    "name": {"document": {"format": "pdf", "name": MARK,
                          "source": {"bytes": b"%PDF-1"}}},
    "metadata": {"type": "image", "base64": "AAAA", "mime_type": "image/png",
                 "metadata": {"mine": MARK}},
    "title": {"type": "document", "source": {"type": "text", "data": "x"},
              "title": MARK},
    "context": {"type": "document",
                "source": {"type": "base64", "data": "JVBERg==", "media_type": "a/b"},
                "context": MARK},
    "detail": {"type": "image_url",
               "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
    "video_metadata": {"type": "video", "base64": "AAAA", "mime_type": "video/mp4",
                       "video_metadata": {"mine": MARK}},
    "media_resolution": {"type": "image", "base64": "AAAA", "mime_type": "image/png",
                         "media_resolution": "low"},
    "media_processing": {"type": "video", "base64": "AAAA", "mime_type": "video/mp4",
                         "media_processing": MARK},
}  # fmt: skip


@pytest.mark.parametrize("field", _OF_PROVIDERS)
def test_fields_of_other_providers_blocks(field: str) -> None:
    shown = dict.fromkeys(["detail", "media_resolution"], "_LOW")
    shown["media_processing"] = MARK.upper()
    sent = _sent([HumanMessage([_OF_PROVIDERS[field]])])
    what = "every block" if field in NOT_SENT["every block"] else "media blocks"
    _is_accounted_for(sent, what, field, shown.get(field, MARK))


# ---- tools

_SCHEMA: Json = {"type": "object", "properties": {MARK: {"type": "string"}}}
_TOOLS: dict[str, tuple[Json, str]] = {
    "name": ({"name": MARK}, MARK),
    "description": ({"name": "f", "description": MARK}, MARK),
    **{key: ({"name": "f", key: _SCHEMA}, MARK) for key in (
           *("parameters", "input_schema", "inputSchema", "schema", "args_schema"),
           *("json_schema", "parametersJsonSchema", "responseJsonSchema"))},
    "strict": ({"name": "f", "strict": True, "parameters": {}}, "VALIDATED"),
    "behavior": ({"name": "f", "behavior": MARK}, MARK),
    "cache_control": ({"name": "f", "cache_control": {"type": MARK}}, MARK),
    "annotations": ({"name": "f", "annotations": {"title": MARK}}, MARK),
    "title": ({"name": "f", "title": MARK, "inputSchema": {}}, MARK),
    "outputSchema": ({"name": "f", "inputSchema": {}, "outputSchema": _SCHEMA}, MARK),
    "_meta": ({"name": "f", "inputSchema": {}, "_meta": {"mine": MARK}}, MARK),
    "defer_loading": ({"name": "f", "input_schema": {}, "defer_loading": MARK}, MARK),
    "input_examples": ({"name": "f", "input_schema": {},
                        "input_examples": [{"q": MARK}]}, MARK),
}  # fmt: skip


@pytest.mark.parametrize("field", _TOOLS)
def test_fields_of_tool_dicts(field: str) -> None:
    tool, mark = _TOOLS[field]
    _is_accounted_for(_sent("hi", tools=[tool]), "tools", field, mark)


@pytest.mark.parametrize("name", types.FunctionDeclaration.model_fields)
def test_fields_of_googles_declaration(name: str) -> None:
    field = types.FunctionDeclaration.model_fields[name].alias or name
    value: Any = _SCHEMA if "chema" in field else MARK
    if field in ("parameters", "response"):
        value = {"type": "OBJECT", "properties": {MARK: {"type": "STRING"}}}
    schema = (
        {} if field == "parameters" else {"parametersJsonSchema": {"type": "object"}}
    )
    tool = {"name": "f", **schema, field: value}
    assert MARK in _sent("hi", tools=[{"functionDeclarations": [tool]}])


def _look(where: str) -> str:
    """Look somewhere."""
    return where


@pytest.mark.parametrize("field", ["name", *sorted(NOT_SENT["LangChain tools"])])
def test_fields_of_langchains_tools(field: str) -> None:
    values: Json = {"return_direct": True, "tags": [MARK], "metadata": {"a": MARK}}
    values |= {"response_format": "content_and_artifact", "extras": {"a": MARK}}
    tool = StructuredTool.from_function(_look, **{field: values.get(field, MARK)})
    sent = _sent("hi", tools=[tool])
    _is_accounted_for(sent, "LangChain tools", field, MARK)


def test_every_field_of_langchains_tools_is_known() -> None:
    of_the_program = {
        *("verbose", "callbacks", "callback_manager", "func", "coroutine"),
        *("handle_tool_error", "handle_validation_error"),
    }
    read = {"name", "description", "args_schema"}
    fields = {*StructuredTool.model_fields} - of_the_program - read
    assert fields == NOT_SENT["LangChain tools"]


# ---- settings

# What is not part of a request: how it is sent, and how its answer is read.
_OF_THE_CLIENT = frozenset(
    {"model", "gateway", "default_headers", "timeout", "max_retries", "stream_on_run"}
    | {"stream_usage", "endpoint", "google_model", "parallel_tool_calls", "media_urls"}
    | {"automatic_continuation"}
)
_SET: Json = {
    "temperature": 0.451, "top_p": 0.451, "top_k": 451, "max_tokens": 451, "seed": 451,
    "presence_penalty": 0.451, "frequency_penalty": 0.451, "n": 4, "logprobs": 4,
    "stop": [MARK], "thinking_level": "low", "thinking_budget": 451,
    "include_thoughts": True, "response_mime_type": MARK, "response_schema": _SCHEMA,
    "response_format": _SCHEMA, "response_modalities": ["TEXT"],
    "media_resolution": "low", "speech_config": {"mine": MARK},
    "image_config": {"mine": MARK}, "generation_config": {"mine": MARK},
    "safety_settings": {"HARASSMENT": "OFF"}, "tools": [{"name": MARK}],
    "tool_choice": "any", "strict": True, "tool_config": {"mine": MARK},
    "schema_dialect": "openapi", "cached_content": MARK, "labels": {"mine": MARK},
    "continuation_token": MARK,
}  # fmt: skip


@pytest.mark.parametrize("name", [n for n in SETTINGS if n not in _OF_THE_CLIENT])
def test_settings(name: str) -> None:
    beside: Json = {}
    if name in ("tool_choice", "strict", "schema_dialect"):
        beside = {"tools": [{"name": "f", "parameters": _SCHEMA}]}
    assert _sent("hi", **beside, **{name: _SET[name]}) != _sent("hi", **beside)


def test_every_setting_is_a_field_or_of_a_call() -> None:
    arguments = {*_SET, *_OF_THE_CLIENT}
    assert arguments == {*SETTINGS}
    fields = {name for name, row in SETTINGS.items() if row.is_field}
    assert fields <= {*ChatCloudflareGemini.model_fields}
