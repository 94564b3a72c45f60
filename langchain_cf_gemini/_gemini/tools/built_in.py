"""Gemini's own tools (search, code execution, maps): their names and options."""

from collections.abc import Mapping
from typing import Any

from langchain_cf_gemini._gemini.tools.functions import ACCEPTED
from langchain_cf_gemini._gemini.vocabulary import (
    Json,
    camel_case,
    camel_name,
    snake_name,
)
from langchain_cf_gemini.exceptions import UnsupportedContentError

BUILT_IN_TOOLS = frozenset(
    {"googleSearch", "urlContext", "codeExecution", "googleMaps", "computerUse"}
    | {"enterpriseWebSearch", "retrieval", "googleSearchRetrieval", "fileSearch"}
    | {"parallelAiSearch", "exaAiSearch", "mcpServers"}
)
"""Fields of Google's Tool beside `functionDeclarations`. Vertex AI refuses the last of
each API: `fileSearch` and `mcpServers` are of the Gemini API alone."""

_COUNTERPARTS = {
    "web_search": "google_search",
    "web_fetch": "url_context",
    "code_": "code_execution",
    "computer": "computer_use",
}
"""Server tools of other providers, and what Gemini has for the same purpose."""


def built_in_from_name(name: str) -> Json:
    key = camel_name(name)
    if key not in BUILT_IN_TOOLS:
        raise UnsupportedContentError(no_tool_message({"type": name}))
    return {key: _default_options(key)}


def built_in_from_typed(tool: Mapping[str, Any]) -> Json:
    key = camel_name(str(tool["type"]))
    options = {name: value for name, value in tool.items() if name != "type"}
    nested = options.pop(str(tool["type"]), None) or options.pop(key, None) or {}
    return {key: {**_default_options(key), **camel_case({**nested, **options})}}


def _default_options(key: str) -> Json:
    """Computer use has to be told where it happens, and knew only browsers at first."""
    return {"environment": "ENVIRONMENT_BROWSER"} if key == "computerUse" else {}


def no_tool_message(tool: Mapping[str, Any]) -> str:
    kind = str(tool.get("type") or tool.get("name") or "")
    for prefix, counterpart in _COUNTERPARTS.items():
        if kind.startswith(prefix):
            return (
                f"{kind!r} is another provider's server tool. Use Gemini's "
                f"{counterpart!r} instead."
            )
    if "properties" in tool:
        return "A JSON Schema used as a tool needs a title, which becomes its name."
    from difflib import get_close_matches

    names = [snake_name(name) for name in BUILT_IN_TOOLS]
    # "search" is nearer to file_search, but Google's is meant.
    near = get_close_matches(kind, names, 1) or [n for n in names if kind and kind in n]
    if f"google_{kind}" in names:
        near = [f"google_{kind}"]
    if near:
        return f"Unknown built-in tool {kind!r}. Did you mean {near[0]!r}?"
    return f"{dict(tool)!r:.120} isn't a tool. Pass {ACCEPTED}."
