"""Tools as LangChain users pass them to `tools` on Gemini's wire."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from langchain_cf_gemini._gemini.schema.item_limits import within_item_limits
from langchain_cf_gemini._gemini.schema.json_schema import json_schema_from, subschemas
from langchain_cf_gemini._gemini.schema.openapi import (
    Dialect,
    is_openapi_schema,
    openapi_schema_from,
)
from langchain_cf_gemini._gemini.tools.built_in import (
    BUILT_IN_TOOLS,
    built_in_from_name,
    built_in_from_typed,
    no_tool_message,
)
from langchain_cf_gemini._gemini.tools.functions import (
    Function,
    function_from,
    function_from_dict,
    parameters_of,
)
from langchain_cf_gemini._gemini.tools.tool_choice import (
    tool_config_from_choice,
)
from langchain_cf_gemini._gemini.vocabulary import (
    Json,
    camel_case,
    camel_keys,
    camel_name,
    plain_json,
)
from langchain_cf_gemini.exceptions import UnsupportedContentError

_DECLARATION = frozenset(
    {"name", "description", "parameters", "parametersJsonSchema"}
    | {"response", "responseJsonSchema", "behavior"}
)
_FLAT = _DECLARATION - {"parameters"}
_GOOGLES_OWN = _DECLARATION - {"name", "description", "parameters"}
_FUNCTION_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")
_PARAMETER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_MAX_FUNCTIONS = 512


def tools_from_settings(settings: Mapping[str, Any]) -> Json:
    """Return `tools` and `toolConfig`, if there are any.

    Args:
        settings: What the caller set: `tools`, `tool_choice`, `tool_config`, `strict`
            and `schema_dialect` are read.

    Raises:
        UnsupportedContentError: If a tool or a choice cannot be said in Gemini's terms.
    """
    tools, choice = settings.get("tools") or (), settings.get("tool_choice")
    config = settings.get("tool_config")
    body: Json = {}
    if tools or choice is not None:
        strict = settings.get("strict")
        dialect: Dialect = settings.get("schema_dialect") or "json"
        if dialect == "json" and all(map(_is_flat_declaration, tools)):
            wire = _gathered(tools)  # as `bind_tools` made them, once for all calls
        else:
            if strict is None:
                strict = strict_from_tools(tools)
            wire = tools_from_langchain(tools, dialect=dialect, strict=strict)
        config = tool_config_from_choice(
            choice, wire, strict=strict, tool_config=config
        )
        if wire:
            body["tools"] = wire
        elif choice == "none" and settings.get("cached_content"):
            # What the cache holds would be called all the same.
            config = {"functionCallingConfig": {"mode": "NONE"}}
    if config:
        body["toolConfig"] = camel_case(config)
    return body


def declarations_from_tools(
    tools: Sequence[Any], *, strict: bool | None = None
) -> list[Json]:
    """Convert tools of any make to FunctionDeclarations in a flat list.

    Args:
        tools: As for `tools_from_langchain`.
        strict: As for `tools_from_langchain`.

    Returns:
        One declaration for each function, its parameters as JSON Schema where they
        were not in Google's dialect, and a Tool for each built-in tool.

    Raises:
        UnsupportedContentError: As for `tools_from_langchain`.
    """
    flat: list[Json] = []
    for tool in tools_from_langchain(tools, dialect="json", strict=strict):
        flat += tool.get("functionDeclarations", ())
        if others := {k: v for k, v in tool.items() if k != "functionDeclarations"}:
            flat.append(others)
    return flat


def tools_from_langchain(
    tools: Sequence[Any], *, dialect: Dialect = "json", strict: bool | None = None
) -> list[Json]:
    """Convert tools of any make to Gemini's `tools`.

    All functions go into one Tool, at the place of the first; each built-in tool is a
    Tool of its own. The result passed in again comes back as it is.

    Args:
        tools: Functions, LangChain tools and Runnables, classes, tool dicts of OpenAI,
            Anthropic, MCP, Bedrock or Gemini, JSON Schemas with a title, names of
            built-in tools, objects of google-genai or mcp.
        dialect: "json" sends `parametersJsonSchema`, "openapi" the older `parameters`.
        strict: What the caller asked of all functions. Gemini enforces schemas per
            request (see `tool_config_from_choice`), so a tool that asks otherwise is
            an error.

    Returns:
        Gemini's `tools`, empty if there are none.

    Raises:
        UnsupportedContentError: If something is no tool, a name breaks Google's rule
            or stands for two functions, or a schema cannot be said in the dialect.
    """
    for name, said in _strict_in(tools):
        if strict not in (None, said):
            raise UnsupportedContentError(
                f"Tool {name!r} has strict={said}, but the call has strict={strict}. "
                "Gemini supports one value for all tools of a request."
            )
    pieces = (piece for tool in tools for piece in _pieces(tool))
    return _gathered(pieces if dialect == "json" else map(_in_openapi, pieces))


def _gathered(pieces: Iterable[Json]) -> list[Json]:
    """Put all declarations into one Tool where the first stood, equal ones once."""
    found: list[Json] = []
    declared: dict[str, Json] = {}
    for piece in pieces:
        if "name" not in piece:
            found.append(piece)
            continue
        if not declared:
            at = len(found)
        name = piece["name"]
        first = declared.setdefault(name, piece)
        if first is not piece and first != piece:
            raise UnsupportedContentError(
                f"Two tools are named {name!r}. Gemini requires unique names: "
                "rename one."
            )
    if declared:
        _check_names(declared)
        found.insert(at, {"functionDeclarations": [*declared.values()]})
    return found


def _is_flat_declaration(tool: Any) -> bool:
    """Whether a tool is what `declarations_from_tools` makes, which stays as it is."""
    return (
        isinstance(tool, dict)
        and isinstance(tool.get("parametersJsonSchema"), dict)
        and "name" in tool
        and tool.keys() <= _FLAT
    )


def _check_names(names: Collection[str]) -> None:
    if len(names) > _MAX_FUNCTIONS:
        raise UnsupportedContentError(
            f"{len(names)} tools are more than Gemini's maximum of {_MAX_FUNCTIONS}."
        )
    for name in names:
        if not _FUNCTION_NAME.fullmatch(name):
            raise UnsupportedContentError(
                f"Function name {name!r} isn't valid. Gemini allows a letter or "
                "underscore, then letters, digits, _ . : and -, up to 128 characters. "
                "Rename the function, or change the title of the class or schema."
            )


def _pieces(tool: Any) -> Iterator[Json]:
    """Yield a tool's declarations (they have a name) and built-in Tools."""
    if isinstance(tool, BaseModel) and not callable(getattr(tool, "invoke", None)):
        tool = plain_json(tool)
    if isinstance(tool, str):
        yield built_in_from_name(tool)
    elif not isinstance(tool, Mapping):
        yield _declaration(function_from(tool))
    elif _is_tool_object(tool):
        yield from _pieces_of_tool_object(tool)
    elif _GOOGLES_OWN & camel_keys(tool).keys() or _speaks_openapi(tool):
        yield _googles_declaration(tool)
    elif camel_name(str(tool.get("type", ""))) in BUILT_IN_TOOLS:
        yield built_in_from_typed(tool)
    elif function := function_from_dict(tool):
        yield _declaration(function)
    else:
        raise UnsupportedContentError(no_tool_message(tool))


def _strict_in(tools: Iterable[Any]) -> Iterator[tuple[Any, bool]]:
    """Yield the names of the tool dicts that speak of `strict`, and what they say."""
    for tool in tools:
        if isinstance(tool, Mapping):
            inner = tool.get("function", tool.get("toolSpec"))
            body = {**tool, **inner} if isinstance(inner, Mapping) else tool
            if isinstance(strict := body.get("strict"), bool):
                yield body.get("name"), strict


def require_list(tools: Any) -> None:
    """Refuse a tool that stands where a list of tools belongs.

    Raises:
        UnsupportedContentError: If it is no list, and no other iterable of tools.
    """
    is_one = isinstance(tools, str | bytes | Mapping | type)
    if is_one or not isinstance(tools, Iterable):
        raise UnsupportedContentError(
            f"tools must be a list, for example [get_weather], not {tools!r:.80}."
        )


def strict_from_tools(tools: Sequence[Any]) -> bool | None:
    """Read the `strict` of OpenAI's and Anthropic's tool dicts.

    Args:
        tools: Tools as the user passed them.

    Returns:
        True if any asks for it, None if none speaks of it.
    """
    require_list(tools)
    said = [strict for _, strict in _strict_in(tools)]
    return any(said) if said else None


def _declaration(function: Function) -> Json:
    found: Json = {"name": function.name}
    if function.description:
        found["description"] = function.description
    parameters = _object_schema(function.parameters, parameters_of(function.name))
    return {**found, "parametersJsonSchema": within_item_limits(parameters)}


def _in_openapi(piece: Json) -> Json:
    """Say the parameters of a declaration in the older dialect."""
    if "parametersJsonSchema" not in piece:
        return piece
    found = dict(piece)
    at = parameters_of(found["name"])
    written = openapi_schema_from(found.pop("parametersJsonSchema"), at=at)
    if written in (
        {"type": "OBJECT"},
        {"type": "OBJECT", "additionalProperties": False},
    ):
        return found
    return {**found, "parameters": _checked_parameters(written, at)}


def _object_schema(schema: Json, at: str) -> Json:
    """Give the root the type that Google requires there, where it means the same."""
    kind = schema.get("type", "object")
    if isinstance(kind, list) and {*kind} == {"object", "null"}:
        schema = {**schema, "type": "object"}  # a call has arguments, if none
        kind = "object"
    variants = schema.get("anyOf") or schema.get("oneOf") or ()
    usual = schema.get("type", "")  # a variant may say no more than what is required
    objects = (v.get("type", usual) == kind for v in variants if isinstance(v, dict))
    if kind != "object" or not all(objects):
        raise UnsupportedContentError(
            f"{at} must be an object, because arguments have names. Wrap the value in "
            "a class with one field."
        )
    if variants:
        return {"type": "object", **schema}
    return {"type": "object", "properties": {}, **schema}


def _checked_parameters(schema: Json, at: str) -> Json:
    if schema.get("type") != "OBJECT":
        raise UnsupportedContentError(
            f"{at} must have type OBJECT at its root, not anyOf."
        )
    _check_parameter_names(schema, at)
    return schema


def _check_parameter_names(schema: Json, at: str) -> None:
    for name in schema.get("properties", ()):
        if not _PARAMETER_NAME.fullmatch(name):
            raise UnsupportedContentError(
                f"{at}.properties.{name} isn't a valid name. Google allows a letter or "
                "underscore, then letters, digits and underscores, up to 64 characters."
            )
    for each in subschemas(schema):
        if isinstance(each, dict):
            _check_parameter_names(each, at)


def _is_tool_object(tool: Mapping[str, Any]) -> bool:
    """Whether each key is a field of Google's Tool, known or of the same look."""
    keys = [camel_name(key) for key, value in tool.items() if value is not None]
    known = BUILT_IN_TOOLS | {"functionDeclarations"}
    if not keys or "name" in tool or "type" in tool or "title" in tool:
        return False
    return all(key in known for key in keys) or (
        len(keys) == 1
        and isinstance(next(iter(tool.values())), Mapping)
        and keys[0].isidentifier()
        and keys[0] not in {"function", "toolSpec", "properties", "items", "not"}
    )


def _pieces_of_tool_object(tool: Mapping[str, Any]) -> Iterator[Json]:
    for key, value in tool.items():
        name = camel_name(key)
        if value is None or key == "cachePoint":  # Bedrock's, which says nothing here
            continue
        if name != "functionDeclarations":
            yield {name: camel_case(value)}
            continue
        for declaration in [value] if isinstance(value, Mapping) else value:
            if isinstance(declaration, Mapping) and "name" in declaration:
                yield _googles_declaration(declaration)
            else:
                yield from _pieces(declaration)


def _googles_declaration(declaration: Mapping[str, Any]) -> Json:
    """A FunctionDeclaration in Google's own words: only its types become capitals."""
    found = {key: plain_json(v) for key, v in camel_keys(declaration).items()}
    for key in ("parameters", "response"):
        if (schema := found.get(key)) is not None:
            at = f"function {found.get('name')}: {key}"
            found[key] = openapi_schema_from(schema, at=at)
    if isinstance(schema := found.get("parametersJsonSchema"), type):
        found["parametersJsonSchema"] = json_schema_from(schema)
    return {key: value for key, value in found.items() if value is not None}


def _speaks_openapi(tool: Mapping[str, Any]) -> bool:
    return "name" in tool and is_openapi_schema(plain_json(tool.get("parameters")))
