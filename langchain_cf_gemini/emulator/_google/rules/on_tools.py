"""Rules on tools: names, schemas, and which tools go together on which model."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.models import packaged
from langchain_cf_gemini.emulator._google.rules.rule import rule

_FUNCTION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")
_PARAMETER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_MAX_FUNCTIONS = 512
_SEARCH_TOOLS = set(packaged("gemini")["search_tools"])

Declared = Iterator[tuple[str, Mapping[str, Any]]]


def _declarations(judged: Generation) -> Declared:
    for index, tool in enumerate(judged.tools):
        for position, declared in enumerate(tool.get("functionDeclarations") or ()):
            yield f"tools[{index}].function_declarations[{position}]", declared


@rule("function name")
def _function_name(judged: Generation) -> Iterator[str]:
    for path, declared in _declarations(judged):
        if not _FUNCTION_NAME.fullmatch(str(declared.get("name", ""))):
            yield judged.words("function name", path)


@rule("duplicate function")
def _duplicate(judged: Generation) -> Iterator[str]:
    names = Counter(declared.get("name") for _, declared in _declarations(judged))
    for name, count in names.items():
        if count > 1:
            yield f"Duplicate function declaration found: {name}"


@rule("number of functions")
def _number(judged: Generation) -> Iterator[str]:
    count = len(list(_declarations(judged)))
    if count > _MAX_FUNCTIONS:
        yield judged.words("number of functions", count, _MAX_FUNCTIONS)


@rule("parameters are an object")
def _object_parameters(judged: Generation) -> Iterator[str]:
    for _, declared in _declarations(judged):
        parameters = declared.get("parameters")
        if parameters and parameters.get("type") != "OBJECT":
            yield judged.words("parameters are an object", declared.get("name"))


@rule("one schema per function")
def _one_schema(judged: Generation) -> Iterator[str]:
    for path, declared in _declarations(judged):
        for one, other in (
            ("parameters", "parametersJsonSchema"),
            ("response", "responseJsonSchema"),
        ):
            if one in declared and other in declared:
                yield judged.words("one schema per function", path, one, other)


def _schemas(judged: Generation) -> Declared:
    """Every Gemini schema with its path, nested ones included."""
    for path, declared in _declarations(judged):
        for name in ("parameters", "response"):
            if isinstance(declared.get(name), dict):
                yield from _nested(f"{path}.{name}", declared[name])
    schema = judged.config.get("responseSchema")
    if isinstance(schema, dict):
        yield from _nested("generation_config.response_schema", schema)


def _nested(path: str, schema: Mapping[str, Any]) -> Declared:
    yield path, schema
    for name, below in (schema.get("properties") or {}).items():
        yield from _nested(f"{path}.properties[{name}]", below)
    for position, below in enumerate(schema.get("anyOf") or ()):
        yield from _nested(f"{path}.any_of[{position}]", below)
    if isinstance(schema.get("items"), dict):
        yield from _nested(f"{path}.items", schema["items"])


@rule("parameter name")
def _parameter_name(judged: Generation) -> Iterator[str]:
    if not judged.vertex:
        return  # the Gemini API documents no such limit
    for path, schema in _schemas(judged):
        for name in schema.get("properties") or {}:
            if ".parameters" in path and not _PARAMETER_NAME.fullmatch(name):
                where = f"GenerateContentRequest.{path}.properties"
                yield judged.words("parameter name", where, name)


@rule("array has items")
def _schema_items(judged: Generation) -> Iterator[str]:
    for path, schema in _schemas(judged):
        if schema.get("type") == "ARRAY" and "items" not in schema:
            yield f"* GenerateContentRequest.{path}.items: missing field.\n"


@rule("required property exists")
def _schema_required(judged: Generation) -> Iterator[str]:
    for path, schema in _schemas(judged):
        for position, name in enumerate(schema.get("required") or ()):
            if name not in (schema.get("properties") or {}):
                where = f"GenerateContentRequest.{path}.required[{position}]"
                yield f"* {where}: property is not defined\n"


@rule("enum of strings")
def _schema_enum(judged: Generation) -> Iterator[str]:
    for path, schema in _schemas(judged):
        where = f"* GenerateContentRequest.{path}.enum"
        values = schema.get("enum") or ()
        # The discovery document allows integers, marked by this format.
        if values and schema.get("type") != "STRING" and schema.get("format") != "enum":
            yield f"{where}: only allowed for STRING type\n"
        for position, value in enumerate(values):
            if value == "":
                yield f"{where}[{position}]: cannot be empty\n"


@rule("allowed function names")
def _allowed_names(judged: Generation) -> Iterator[str]:
    calling = judged.function_calling
    allowed = calling.get("allowedFunctionNames") or ()
    declared = {declared.get("name") for _, declared in _declarations(judged)}
    if allowed and calling.get("mode") not in ("ANY", "VALIDATED"):
        yield judged.words("allowed function names (1)")
    elif unknown := [name for name in allowed if name not in declared]:
        yield judged.words("allowed function names (2)", unknown[0])


@rule("forced call without functions")
def _mode_without_functions(judged: Generation) -> Iterator[str]:
    calling = judged.function_calling
    # Beside Google's own tools any mode is refused.
    asked = calling and (calling.get("mode") == "ANY" or judged.tools)
    if asked and not judged.declarations:
        yield "Function calling config is set without function_declarations."


def _kinds(judged: Generation) -> set[str]:
    return {kind for tool in judged.tools for kind in tool}


@rule("tools together")
def _together(judged: Generation) -> Iterator[str]:
    kinds = _kinds(judged)
    functions = "functionDeclarations" in kinds
    if judged.model.generation >= 3 or len(kinds) < 2:
        return
    if judged.vertex and not kinds <= _SEARCH_TOOLS:
        yield "Multiple tools are supported only when they are all search tools."
    elif functions:
        yield "Tool use with function calling is unsupported"


@rule("built-in tools beside functions")
def _circulation(judged: Generation) -> Iterator[str]:
    tool_config = judged.body.get("toolConfig") or {}
    asked = bool(tool_config.get("includeServerSideToolInvocations"))
    kinds = _kinds(judged)
    mixed = "functionDeclarations" in kinds and len(kinds) > 1
    if asked and judged.model.generation < 3:
        name = judged.model.google_id
        yield f"Tool call context circulation is not enabled for models/{name}"
    elif mixed and not asked and not judged.vertex and judged.model.generation >= 3:
        yield judged.words("built-in tools beside functions (2)")


@rule("JSON output with tools")
def _with_json(judged: Generation) -> Iterator[str]:
    json_output = judged.config.get("responseMimeType") == "application/json"
    if not json_output or judged.model.generation >= 3 or not _kinds(judged):
        return
    functions = "functionDeclarations" in _kinds(judged)
    use = "Function calling" if functions else "Tool use"
    yield f"{use} with a response mime type: 'application/json' is unsupported"


@rule("google search retrieval")
def _search_retrieval(judged: Generation) -> Iterator[str]:
    if "googleSearchRetrieval" in _kinds(judged) and judged.model.generation >= 2:
        yield judged.words("google search retrieval")


@rule("streamed arguments")
def _streamed_arguments(judged: Generation) -> Iterator[str]:
    if judged.streams_args and not judged.stream:
        yield judged.words("streamed arguments")
