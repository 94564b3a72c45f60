"""Whatever describes a function, read as name, description and JSON Schema.

LangChain tools, plain functions, classes, and the dicts of OpenAI, Anthropic, Bedrock
and MCP. What other providers write beside these three (`cache_control`, `annotations`,
`defer_loading`, `outputSchema`) steers their delivery and has no counterpart.
"""

import inspect
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_core.runnables import Runnable
from langchain_core.utils.pydantic import get_fields

from langchain_cf_gemini._gemini.schema.json_schema import Schema, json_schema_from
from langchain_cf_gemini._gemini.schema.typed_dicts import descriptions_from_docstring
from langchain_cf_gemini._gemini.vocabulary import plain_json
from langchain_cf_gemini.exceptions import UnsupportedContentError

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

ACCEPTED = (
    "a function, a LangChain tool or Runnable, a pydantic, TypedDict or dataclass "
    "class, a tool dict of OpenAI, Anthropic, MCP, Bedrock or Gemini, a JSON Schema "
    "with a title, or the name of one of Gemini's built-in tools"
)
SCHEMA_KEYS = (
    *("parameters", "input_schema", "inputSchema", "schema", "args_schema"),
    *("json_schema", "jsonSchema", "parametersJsonSchema", "parameters_json_schema"),
)
"""Where OpenAI, Anthropic, MCP, Bedrock, LangChain and Google put a tool's schema."""

# What is a schema, too, but of something else than the arguments of a call.
_OTHER_SCHEMAS = frozenset(
    {"outputSchema", "output_schema", "response", "responseJsonSchema"}
    | {"response_schema", "response_json_schema", "input_examples", "examples"}
    | {"annotations", "metadata", "_meta", "cache_control"}
)
_COMPOUND = frozenset({"properties", "$ref", "anyOf", "allOf", "oneOf"})
_SINGLE_INPUT: Schema = {
    "type": "object",
    "properties": {"__arg1": {"title": "__arg1", "type": "string"}},
    "required": ["__arg1"],
}
"""What `langchain_core.tools.Tool` without a schema takes: one string."""


class Function(NamedTuple):
    """A function the model may call."""

    name: str
    description: str
    parameters: Schema


def function_from_dict(tool: Mapping[str, Any]) -> Function | None:
    """Read a tool dict of another provider, or a JSON Schema with a title.

    Args:
        tool: The dict.

    Returns:
        The function, or None if the dict describes none.

    Raises:
        UnsupportedContentError: If its schema leads nowhere.
    """
    wrapper = next((key for key in ("function", "toolSpec") if key in tool), "")
    body = plain_json(tool[wrapper]) if wrapper else tool
    if not isinstance(body, Mapping):
        return None
    if "name" not in body:
        return _function_from_titled(body)
    name = body["name"]
    if not isinstance(name, str):
        raise UnsupportedContentError(
            f"The name of a function must be a string, not {name!r}."
        )
    around = {key: value for key, value in tool.items() if key != wrapper}
    schema = _schema_in({**around, **body}, name)
    if schema is None and tool.get("type", "function") != "function":
        return None
    return _function(name, str(body.get("description") or ""), schema or {})


def _schema_in(body: Mapping[str, Any], name: str) -> Any:
    """Return the schema of a function's arguments, None if it takes none."""
    found = {key: body[key] for key in SCHEMA_KEYS if body.get(key) is not None}
    if found:
        key, schema = next(iter(found.items()))
        if any(other != schema for other in found.values()):
            raise UnsupportedContentError(
                f"Function {name} has two schemas, in {' and '.join(found)}. Keep one."
            )
        schema = plain_json(schema)
        if isinstance(schema, Mapping) and len(schema) == 1:
            schema = schema.get("json", schema.get("jsonSchema", schema))
        _refuse_properties(schema, name)
        return schema
    for key, value in body.items():
        if key not in _OTHER_SCHEMAS and _is_schema(value):
            raise UnsupportedContentError(
                f"Function {name} has a schema in {key!r}, which isn't read. Put it in "
                "'parameters'."
            )
    return None


def _refuse_properties(schema: Any, name: str) -> None:
    if _are_properties(schema):
        raise UnsupportedContentError(
            f"The parameters of function {name} are properties without a schema around "
            "them. Pass {'type': 'object', 'properties': ...}."
        )


def _is_schema(value: Any) -> bool:
    if isinstance(value, type):
        return True
    if not isinstance(value, Mapping) or not value:
        return False
    if value.get("type") in ("object", "OBJECT") or not _COMPOUND.isdisjoint(value):
        return True
    return _are_properties(value)


def _are_properties(value: Any) -> bool:
    """Whether a dict is properties alone, as LangChain's `tool.args` has them."""
    return (
        isinstance(value, Mapping)
        and bool(value)
        and {*_COMPOUND, "items", "additionalProperties"}.isdisjoint(value)
        and all(
            isinstance(v, Mapping) and {"type", *_COMPOUND} & v.keys()
            for v in value.values()
        )
    )


def _function_from_titled(schema: Mapping[str, Any]) -> Function | None:
    if "title" not in schema or not isinstance(schema["title"], str):
        return None
    return _function(schema["title"], "", schema)


def _function(name: str, description: str, schema: Any) -> Function:
    """Take name and description out of the schema, where they would stand twice."""
    parameters = dict(json_schema_from(schema, at=parameters_of(name)))
    parameters.pop("title", None)
    if not description:
        description = parameters.pop("description", "")
    elif parameters.get("description") in ("", description):
        del parameters["description"]
    return Function(name, description, parameters)


def parameters_of(name: str) -> str:
    """Name the place of a function's parameters in errors."""
    return f"function {name}: parameters"


def function_from(tool: Any) -> Function:
    """Read anything but a dict as a function.

    Args:
        tool: A tool, Runnable, class or function.

    Returns:
        Its name, description and parameters; arguments that LangChain injects are
        not among them.

    Raises:
        UnsupportedContentError: If it describes no function.
    """
    from langchain_core.tools import BaseTool
    from langchain_core.tools.convert import convert_runnable_to_tool

    if isinstance(tool, BaseTool):
        return _function_from_tool(tool)
    if isinstance(tool, Runnable):
        return _function_from_tool(convert_runnable_to_tool(tool))
    if isinstance(tool, type) and issubclass(tool, Runnable):
        raise UnsupportedContentError(
            f"{tool.__name__} is the class of a tool. Pass an instance: "
            f"{tool.__name__}()."
        )
    if isinstance(tool, type):
        return _function_from_class(tool)
    if callable(tool):
        return _function_from_signature(tool)
    raise UnsupportedContentError(f"{tool!r:.80} isn't a tool. Pass {ACCEPTED}.")


def _function_from_tool(tool: "BaseTool") -> Function:
    from langchain_core.tools import Tool

    if tool.args_schema is None and isinstance(tool, Tool):
        return Function(tool.name, tool.description, deepcopy(_SINGLE_INPUT))
    return _function(tool.name, tool.description, _arguments_of_tool(tool))


def _arguments_of_tool(tool: "BaseTool") -> Any:
    """The tool's own class, or LangChain's copy of it where arguments are injected.

    The copy forgets aliases, examples and the class's configuration, so it is only
    used where something has to be left out.
    """
    whole, shown = tool.args_schema, tool.tool_call_schema
    if not isinstance(whole, type) or not isinstance(shown, type):
        return shown if whole is None else whole
    return whole if get_fields(whole).keys() == get_fields(shown).keys() else shown


def _function_from_class(cls: type) -> Function:
    schema = json_schema_from(cls, at=parameters_of(cls.__name__))
    return _function(str(schema.get("title") or cls.__name__), "", schema)


def _function_from_signature(function: Callable[..., Any]) -> Function:
    """Read a function as `StructuredTool` does, which is what will be called."""
    from langchain_core.tools import StructuredTool

    if not inspect.isroutine(function):
        raise UnsupportedContentError(
            f"{function!r:.80} has no name or signature. Wrap it with @tool."
        )
    name = function.__name__
    role = "coroutine" if inspect.iscoroutinefunction(function) else "func"
    source: dict[str, Any] = {role: function}
    summary, _ = descriptions_from_docstring(function.__doc__)
    if not summary:
        source["description"] = name
    try:
        tool = StructuredTool.from_function(**source, parse_docstring=True)
        found = _function_from_tool(tool)
    except UnsupportedContentError:
        raise
    except (TypeError, ValueError, NameError) as error:
        raise UnsupportedContentError(
            f"The signature of {name} can't be used as a tool: {error}"
        ) from error
    return found if summary else found._replace(description="")
