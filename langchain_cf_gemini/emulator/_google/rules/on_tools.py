"""Rules on tools: functions, their schemas, and what goes together."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.models import packaged
from langchain_cf_gemini.emulator._google.rules import Check

_PARAMETER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_MAX_FUNCTIONS = 512
_DECLARED = "tools[].functionDeclarations[]"
_SEARCH_TOOLS = set(packaged("gemini")["search_tools"])

Declared = Iterator[tuple[str, Mapping[str, Any]]]


def _schemas(asked: Generation) -> Declared:
    """Every Gemini schema with its path, nested ones included."""
    of_functions = (f"{_DECLARED}.parameters", f"{_DECLARED}.response")
    for path, schema in asked.at(*of_functions, "generationConfig.responseSchema"):
        yield from _nested(path, schema)


def _nested(path: str, schema: Any) -> Declared:
    if not isinstance(schema, dict):
        return
    yield path, schema
    for name, below in (schema.get("properties") or {}).items():
        yield from _nested(f"{path}.properties[{name}]", below)
    for position, below in enumerate(schema.get("anyOf") or ()):
        yield from _nested(f"{path}.any_of[{position}]", below)
    yield from _nested(f"{path}.items", schema.get("items"))


def _wrong_parameter_names(asked: Generation) -> Iterator[tuple[object, ...]]:
    # The Gemini API documents no such limit.
    for path, schema in _schemas(asked) if asked.vertex else ():
        for name in schema.get("properties") or {}:
            if ".parameters" in path and not _PARAMETER_NAME.fullmatch(name):
                yield path, name


def _enums_of_others(asked: Generation) -> Iterator[tuple[object, ...]]:
    for path, schema in _schemas(asked):
        # The discovery document allows integers, marked by this format.
        takes = schema.get("type") == "STRING" or schema.get("format") == "enum"
        if schema.get("enum") and not takes:
            yield (path,)


def _needs_mode(asked: Generation) -> bool:
    calling = asked.function_calling
    takes = calling.get("mode") in ("ANY", "VALIDATED")
    return bool(calling.get("allowedFunctionNames")) and not takes


def _undeclared(asked: Generation) -> Iterator[tuple[object, ...]]:
    declared = {declared.get("name") for declared in asked.declarations}
    for name in asked.function_calling.get("allowedFunctionNames") or ():
        if name not in declared:
            yield (name,)


def _forces_nothing(asked: Generation) -> bool:
    calling = asked.function_calling
    # Beside Google's own tools any mode is refused.
    forces = calling and (calling.get("mode") == "ANY" or asked.tools)
    return bool(forces) and not asked.declarations


def _kinds(asked: Generation) -> set[str]:
    return {kind for tool in asked.tools for kind in tool}


def _cannot_be_together(asked: Generation) -> bool:
    kinds = _kinds(asked)
    functions = "functionDeclarations" in kinds
    refused = not kinds <= _SEARCH_TOOLS if asked.vertex else functions
    return asked.model.generation < 3 and len(kinds) > 1 and refused


def _needs_circulation(asked: Generation) -> bool:
    kinds = _kinds(asked)
    mixed = "functionDeclarations" in kinds and len(kinds) > 1
    newer = asked.model.generation >= 3 and not asked.vertex
    circulates = asked.section("toolConfig").get("includeServerSideToolInvocations")
    return mixed and newer and not circulates


def _tools_with_json(asked: Generation) -> Iterator[tuple[object, ...]]:
    json_output = asked.config.get("responseMimeType") == "application/json"
    kinds = _kinds(asked)
    if json_output and kinds and asked.model.generation < 3:
        functions = "functionDeclarations" in kinds
        yield ("Function calling" if functions else "Tool use",)


CHECKS: dict[str, Check] = {
    "duplicate function": lambda asked: (
        (name,)
        for name, count in Counter(d.get("name") for d in asked.declarations).items()
        if count > 1
    ),
    "number of functions": lambda asked: (
        [(len(asked.declarations),)] if len(asked.declarations) > _MAX_FUNCTIONS else []
    ),
    "parameters are an object": lambda asked: (
        (declared.get("name"),)
        for declared in asked.declarations
        if (declared.get("parameters") or {"type": "OBJECT"}).get("type") != "OBJECT"
    ),
    "parameter name": _wrong_parameter_names,
    "array has items": lambda asked: (
        (path,)
        for path, schema in _schemas(asked)
        if schema.get("type") == "ARRAY" and "items" not in schema
    ),
    "required property exists": lambda asked: (
        (path, position)
        for path, schema in _schemas(asked)
        for position, name in enumerate(schema.get("required") or ())
        if name not in (schema.get("properties") or {})
    ),
    "enum of strings": _enums_of_others,
    "enum has no empty string": lambda asked: (
        (path, schema["enum"].index(""))
        for path, schema in _schemas(asked)
        if "" in (schema.get("enum") or ())
    ),
    "mode of allowed function names": _needs_mode,
    "allowed function names": _undeclared,
    "forced call without functions": _forces_nothing,
    "tools together": _cannot_be_together,
    "built-in tools beside functions": _needs_circulation,
    "JSON output with tools": _tools_with_json,
    "streamed arguments": lambda asked: asked.streams_args and not asked.stream,
}
