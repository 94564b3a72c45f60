"""`with_structured_output`: ask for an object, and read the answer back as one."""

import re
from collections.abc import Sequence
from functools import partial
from inspect import isroutine, signature
from typing import Any, get_args

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass
from typing_extensions import is_typeddict

from langchain_cf_gemini._gemini.request.response_format import (
    JSON,
    generation_config_from_response_format,
    schema_from_dict_form,
)
from langchain_cf_gemini._gemini.schema.json_schema import json_schema_from
from langchain_cf_gemini._gemini.schema.json_types import kinds_of_schema
from langchain_cf_gemini._gemini.schema.openapi import Dialect, is_openapi_schema
from langchain_cf_gemini._gemini.tools.declarations import tools_from_langchain
from langchain_cf_gemini._gemini.tools.functions import function_from
from langchain_cf_gemini._gemini.vocabulary import Json
from langchain_cf_gemini._langchain.output_parser import (
    WRAPPED,
    StructuredOutputParser,
    Target,
)
from langchain_cf_gemini._langchain.settings import Method

_NOT_IN_NAMES = re.compile(r"\A[^A-Za-z_]|[^A-Za-z0-9_.:-]")


def structured_output(
    model: BaseChatModel,
    schema: Any,
    *,
    include_raw: bool = False,
    method: Method = "json_schema",
    strict: bool | None = None,
    tools: Sequence[Any] | None = None,
    dialect: Dialect,
    **kwargs: Any,
) -> Runnable[LanguageModelInput, Any]:
    """Bind a schema to a model, and a parser after it.

    `strict` changes nothing for the schema itself: Gemini holds JSON answers and
    forced calls to it anyway. It reaches the tools beside it.

    Args:
        model: The chat model.
        schema: A pydantic v2 or v1 class, TypedDict, dataclass, Enum or other type
            form, a JSON Schema with or without title, a tool dict of OpenAI's or
            Anthropic's make, or a function or tool, which stands for a dict of its
            arguments and is never called. None with "json_mode" means any JSON.
        include_raw: Whether to return a dict of `raw` (the message), `parsed` and
            `parsing_error` instead of raising.
        method: "json_schema" holds the text of the answer to the schema,
            "function_calling" makes the model call a function with it, "json_mode"
            does the same as "json_schema", since Gemini's JSON mode takes a schema; it
            alone takes None.
        strict: Whether arguments of tools must obey their schema.
        tools: Tools the model may call before it answers. `parsed` is None as long as
            it does. Beside a schema Gemini takes them from version 3 on.
        dialect: How the schema is said to Gemini.
        **kwargs: Further arguments for each call.

    Returns:
        A Runnable from a prompt to the object.

    Raises:
        ValueError: If the method is unknown, or does not go with the other arguments.
        UnsupportedContentError: If the schema cannot be said.
    """
    _check_arguments(schema, method, strict)
    schema = _schema_of(schema)
    if strict is not None and (tools or method == "function_calling"):
        kwargs.setdefault("strict", strict)
    if schema is not None:
        kwargs["ls_structured_output_format"] = _traced(schema, method, strict)
    parser = partial(
        StructuredOutputParser,
        offers_tools=bool(tools),
        include_raw=include_raw,
        memory=getattr(model, "gateway_memory", None),
    )
    if method == "function_calling":
        declaration, wrapped = _declaration(schema, dialect)
        own: list[Any] = [{"functionDeclarations": [declaration]}]
        name = declaration["name"]
        kwargs.setdefault("tool_choice", "any" if tools else name)
        offered = tools_from_langchain([*own, *(tools or ())], dialect=dialect)
        target = _target(schema, wrapped=wrapped)
        calling = model.bind_tools(offered, **kwargs)
        return calling | parser(target=target, function_name=name)
    kwargs["response_format"] = {"responseMimeType": JSON}
    if schema is not None:
        kwargs["response_format"] = generation_config_from_response_format(
            schema, dialect=dialect
        )
    bound = model.bind_tools(tools, **kwargs) if tools else model.bind(**kwargs)
    return bound | parser(target=_target(schema))


def _schema_of(schema: Any) -> Any:
    """Return a schema that nothing runs: a function stands for its arguments."""
    schema = schema_from_dict_form(schema)
    if not (isroutine(schema) or isinstance(schema, partial | BaseTool)):
        return schema
    given: set[str] = set()
    if isinstance(schema, partial):
        names = list(signature(schema.func).parameters)
        given = {*names[: len(schema.args)], *schema.keywords}
        schema = schema.func
    function = function_from(schema)
    made = {**function.parameters, "title": function.name}
    if function.description:
        made["description"] = function.description
    for name in given & made.get("properties", {}).keys():
        made["properties"] = {k: v for k, v in made["properties"].items() if k != name}
    if given and "required" in made:
        made["required"] = [name for name in made["required"] if name not in given]
    return made


def _check_arguments(schema: Any, method: str, strict: bool | None) -> None:
    if method not in get_args(Method):
        known = ", ".join(get_args(Method))
        raise ValueError(f"method must be one of {known}, not {method!r}.")
    if method == "json_mode" and strict is not None:
        raise ValueError(
            "strict=True requires method='function_calling' or 'json_schema'."
        )
    if method != "json_mode" and schema is None:
        raise ValueError(
            f"method={method!r} requires a schema. Only json_mode works without one."
        )


def _declaration(schema: Any, dialect: Dialect) -> tuple[Json, bool]:
    """Declare a function that takes the object, or that has it as its one argument."""
    own = schema if is_openapi_schema(schema) else json_schema_from(schema)
    parameters = dict(own)
    name = schema.__name__ if isinstance(schema, type) else "output"
    title = str(parameters.pop("title", None) or name)
    description = parameters.pop("description", "")
    in_capitals = is_openapi_schema(parameters)
    if wrapped := not _is_object(parameters, dialect):
        kept = {"$defs": parameters.pop("$defs")} if "$defs" in parameters else {}
        parameters = {
            "type": "OBJECT" if in_capitals else "object",
            "properties": {WRAPPED: parameters},
            "required": [WRAPPED],
            **kept,
        }
    function = {
        "name": _NOT_IN_NAMES.sub("_", title)[:128],
        "description": description,
        "parameters": parameters,
    }
    (tool,) = tools_from_langchain([function])
    return tool["functionDeclarations"][0], wrapped


def _is_object(schema: Json, dialect: Dialect) -> bool:
    if "anyOf" in schema or "oneOf" in schema:
        return dialect == "json" and kinds_of_schema(schema) == {"object"}
    return "properties" in schema or schema.get("type") in ("object", "OBJECT")


def _target(schema: Any, *, wrapped: bool = False) -> Target:
    if not isinstance(schema, dict):
        return Target(schema=schema, wrapped=wrapped)
    if is_openapi_schema(schema):
        kinds = [schema["type"].lower(), *["null"] * bool(schema.get("nullable"))]
        return Target(schema={"type": kinds}, wrapped=wrapped)
    return Target(schema=json_schema_from(schema), wrapped=wrapped)


def _traced(schema: Any, method: Method, strict: bool | None) -> Json:
    """Describe the call for tracing, as LangChain does and its tests compare.

    LangChain converts the schema again in every call, so it gets what it would make
    of it, as a dict, which takes it microseconds.
    """
    asked = {"method": method, "strict": strict}
    if method == "json_mode":
        del asked["strict"]
    return {"kwargs": asked, "schema": _traced_schema(schema)}


def _traced_schema(schema: Any) -> Json:
    titled = isinstance(schema, dict) and "title" in schema
    model = isinstance(schema, type) and is_basemodel_subclass(schema)
    if titled or model or is_typeddict(schema):
        try:
            return convert_to_json_schema(schema)
        except (ValueError, TypeError, LookupError, RuntimeError, AttributeError):
            # LangChain's converter knows fewer types than pydantic. It is only asked
            # for a trace, which must not stop the call.
            pass
    found = {"title": "output", **json_schema_from(schema)}
    # LangChain's converter reads one type only.
    return (
        found if isinstance(found.get("type", ""), str) else {**found, "type": "object"}
    )
