"""Tools, tool_choice and response_format on Gemini's wire."""

import enum
from collections.abc import Callable
from copy import deepcopy
from typing import Annotated, Any, Literal, Optional, cast

import pytest
from google.genai import types
from jsonschema import Draft202012Validator
from langchain.agents.structured_output import ProviderStrategy
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.tools import BaseTool, InjectedToolArg, Tool, tool
from langgraph.prebuilt import InjectedState
from pydantic import BaseModel, ConfigDict, Field, v1
from typing_extensions import TypedDict

from langchain_cf_gemini.exceptions import UnsupportedContentError
from tests.support.gemini import (
    generation_config_from_response_format,
    json_schema_from,
    parallel_from_choice,
    strict_from_tools,
    tool_config_from_choice,
    tools_from_langchain,
)
from tests.support.models import body_of_call
from tests.support.published import problems
from tests.support.schemas import CASES, Everything, Size, places
from tests.support.tables import rows

Json = dict[str, Any]
Dialect = Literal["json", "openapi"]

OBJECT: Json = {"type": "object", "properties": {"q": {"type": "string"}}}
CAPITALS: Json = {"type": "OBJECT", "properties": {"q": {"type": "STRING"}}}


def forecast(
    city: str,
    days: Annotated[int, Field(ge=1, le=10)] = 3,
    *,
    unit: Literal["c", "f"] = "c",
    config: RunnableConfig,
    user: Annotated[str, InjectedToolArg] = "",
) -> str:
    """Tell the weather.

    Args:
        city: Where.
        days: How many
            to come.
    """
    return f"{city} {days} {unit} {config} {user}"


async def ping() -> None:
    """Ping."""


def only_args(a: int) -> None:
    """
    Args:
        a: A number.
    """


def silent(a: int) -> None: ...


@tool(parse_docstring=True)
def add(a: int, state: Annotated[Json, InjectedState]) -> int:
    """Add one.

    Args:
        a: To what.
    """
    return a + len(state)


class Search(BaseModel):
    """Search for something."""

    query: str = Field(alias="theQuery", examples=["cats"])
    limit: Optional[int] = None  # noqa: UP045 - the old form


class Titled(BaseModel):
    model_config = ConfigDict(title="look_up")

    q: str


class Calling(BaseModel):
    """Takes what JSON cannot hold."""

    then: Callable[[int], int]


class OldSearch(v1.BaseModel):
    """Search as before."""

    query: str


class Place(TypedDict):
    """Find a place."""

    name: Annotated[str, ..., "What it is called."]


class Sayable(BaseModel):
    """What OpenAPI can say."""

    size: Size
    maybe: float | None = None
    either: int | str
    counts: dict[str, int]


class Finder(BaseTool):
    name: str = "finder"
    description: str = "Find it."
    args_schema: Any = Search

    def _run(self, **_: Any) -> str:
        return ""


def _echo(text: str) -> str:
    return text


def f(**keys: Any) -> Json:
    """A function of one name, in whose words ever."""
    return {"name": "f", **keys}


def declared(tools: list[Any], dialect: Dialect = "json", **options: Any) -> list[Json]:
    found = tools_from_langchain(tools, dialect=dialect, **options)
    assert len(found) <= 1
    return [each for one in found for each in one["functionDeclarations"]]


def parameters(form: Any) -> Json:
    schema: Json = declared([form])[0]["parametersJsonSchema"]
    return schema


# Forms of a function f with the argument q.
OF_F: dict[str, Json] = {
    "openai responses": f(type="function", parameters=OBJECT, strict=True),
    "anthropic custom": f(type="custom", input_schema=OBJECT),
    "mcp": f(inputSchema=OBJECT, annotations={"readOnlyHint": True}),
    "mcp with an output": f(inputSchema=OBJECT, outputSchema={"type": "object"}),
    "bedrock": {"toolSpec": f(inputSchema={"json": OBJECT})},
    "bedrock without json": {"toolSpec": f(inputSchema=OBJECT)},
    "bedrock without toolSpec": f(inputSchema={"json": OBJECT}),
    "schema": f(schema=OBJECT),
    "args_schema": f(args_schema=OBJECT),
    "json_schema": f(json_schema=OBJECT),
    "google's json schema": f(parameters_json_schema=OBJECT),
    "parameters beside function": {"type": "function", "function": f(),
                                   "parameters": OBJECT},
    **{f"{key} in function": {"type": "function", "function": f(**{key: OBJECT})}
       for key in ("parameters", "input_schema", "inputSchema", "schema", "args_schema",
                   "json_schema", "jsonSchema", "parametersJsonSchema",
                   "parameters_json_schema")},
    "one schema twice": f(parameters=OBJECT, input_schema=dict(OBJECT)),
}  # fmt: skip
_TYPED = RunnableLambda(_echo, name="echo").with_types(input_type=cast("Any", Place))
_SEARCHES = ["theQuery", "limit"]
# What is passed, the declaration's name, its description, its parameters' names.
FUNCTIONS: dict[str, tuple[Any, str, str | None, list[str]]] = {
    "function": (forecast, "forecast", "Tell the weather.", ["city", "days", "unit"]),
    "coroutine function": (ping, "ping", "Ping.", []),
    "function without docstring": (silent, "silent", None, ["a"]),
    "docstring of arguments alone": (only_args, "only_args", None, ["a"]),
    "tool": (add, "add", "Add one.", ["a"]),
    "tool class": (Finder(), "finder", "Find it.", _SEARCHES),
    "tool with a JSON Schema": (Finder(args_schema=OBJECT), "finder", "Find it.",
                                ["q"]),
    "single input tool": (Tool(name="echo", func=_echo, description="Echo."), "echo",
                          "Echo.", ["__arg1"]),
    "runnable": (_TYPED, "echo", "Takes", ["name"]),
    "pydantic": (Search, "Search", "Search for something.", _SEARCHES),
    "pydantic with a title": (Titled, "look_up", None, ["q"]),
    "kinds": (Sayable, "Sayable", "What OpenAPI can say.",
              ["size", "maybe", "either", "counts"]),
    "pydantic 1": (OldSearch, "OldSearch", "Search as before.", ["query"]),
    "typed dict": (Place, "Place", "Find a place.", ["name"]),
    "openai": ({"type": "function", "function": f(description="d", parameters=OBJECT)},
               "f", "d", ["q"]),
    "openai function": (f(description="d"), "f", "d", []),
    "anthropic": (f(description="d", input_schema=OBJECT,
                    cache_control={"type": "ephemeral"}), "f", "d", ["q"]),
    "json schema": ({"title": "f", "description": "d", **OBJECT}, "f", "d", ["q"]),
    "args_schema, a class": (f(args_schema=Search), "f", "Search for something.",
                             _SEARCHES),
    "bedrock without schema": ({"toolSpec": f()}, "f", None, []),
    "no schema": (f(parameters=None), "f", None, []),
    **{name: (form, "f", None, ["q"]) for name, form in OF_F.items()},
    **{f"{key} alone": (
           {"type": "function", "function": f(**{key: OBJECT})}, "f", None, [])
       for key in ("outputSchema", "output_schema", "response", "responseJsonSchema",
                   "response_schema", "response_json_schema", "input_examples",
                   "examples", "annotations", "metadata", "_meta", "cache_control")},
}  # fmt: skip


@pytest.mark.parametrize("dialect", ["json", "openapi"])
@pytest.mark.parametrize("case", FUNCTIONS)
def test_declares(case: str, dialect: Dialect) -> None:
    form, name, description, names = FUNCTIONS[case]
    wire = tools_from_langchain([form], dialect=dialect)
    declaration = wire[0]["functionDeclarations"][0]
    assert declaration["name"] == name
    found = declaration.get("description")
    assert found == description or (case == "runnable" and found.startswith("Takes"))
    key = "parametersJsonSchema" if dialect == "json" else "parameters"
    schema = declaration.get(key, {"properties": {}})
    assert list(schema["properties"]) == names
    assert problems("Tool", wire[0]) == []
    types.Tool.model_validate(wire[0])
    assert tools_from_langchain(wire, dialect=dialect) == wire


def test_keeps_what_functions_say_of_their_arguments() -> None:
    assert parameters(forecast)["properties"] == {
        "city": {"description": "Where.", "title": "City", "type": "string"},
        "days": {"default": 3, "description": "How many to come.", "maximum": 10,
                 "minimum": 1, "title": "Days", "type": "integer"},
        "unit": {"default": "c", "enum": ["c", "f"], "title": "Unit", "type": "string"},
    }  # fmt: skip
    assert parameters(forecast)["required"] == ["city"]


def test_a_tool_keeps_its_class_apart_from_its_description() -> None:
    declaration = declared([Finder()])[0]
    assert declaration["description"] == "Find it."
    schema = declaration["parametersJsonSchema"]
    assert schema["description"] == "Search for something."
    assert schema["properties"]["theQuery"]["examples"] == ["cats"]


def test_a_function_that_changed_is_read_anew() -> None:
    def look(where: str) -> str:
        """Look."""
        return where

    assert parameters(look)["properties"]["where"]["type"] == "string"
    parameters(look)["properties"]["mine"] = {}
    assert list(parameters(look)["properties"]) == ["where"]
    look.__name__, look.__doc__ = "peek", "Peek."
    look.__annotations__["where"] = int
    (made,) = declared([look])
    assert (made["name"], made["description"]) == ("peek", "Peek.")
    assert made["parametersJsonSchema"]["properties"]["where"]["type"] == "integer"


@pytest.mark.parametrize("form", [forecast, Search, Finder(), Place, f()])
def test_what_is_done_to_a_declaration_reaches_no_other(form: Any) -> None:
    first = deepcopy(declared([form]))
    for schema in list(places(declared([form]))):
        schema["mine"] = {}
    assert declared([form]) == first


_NAMED_PING: Json = {"name": "ping", "description": "Ping."}
_EMPTY: Json = {"type": "object", "properties": {}}
_EITHER = {**OBJECT, "anyOf": [{"required": ["q"]}, {"required": ["r"]}]}
_VARIANTS = {"anyOf": [{**OBJECT, "required": ["q"]}, {"type": "object"}]}
_ONE_OF = {"oneOf": _VARIANTS["anyOf"]}
_MISSED = {**OBJECT, "required": ["r"], "additionalProperties": {"type": "integer"}}
DECLARED: dict[str, tuple[Any, Dialect, Json]] = {
    "no arguments": (ping, "json", {**_NAMED_PING, "parametersJsonSchema": _EMPTY}),
    "no arguments in OpenAPI": (ping, "openapi", _NAMED_PING),
    "no arguments, and no others": (
        f(parameters={**_EMPTY, "additionalProperties": False}), "openapi", f()),
    "arguments or null": ({"title": "f", **OBJECT, "type": ["object", "null"]}, "json",
                          f(parametersJsonSchema=OBJECT)),
    "null or arguments": (f(parameters={**OBJECT, "type": ["null", "object"]}), "json",
                          f(parametersJsonSchema=OBJECT)),
    "one of which is required": (f(parameters=_EITHER), "json",
                                 f(parametersJsonSchema=_EITHER)),
    "a union": (f(parameters=_VARIANTS), "json",
                f(parametersJsonSchema={"type": "object", **_VARIANTS})),
    "a union of one": (f(parameters=_ONE_OF), "json",
                       f(parametersJsonSchema={"type": "object", **_ONE_OF})),
    # Google refuses `required[1]: property is not defined`.
    "required only": (f(parameters={**OBJECT, "required": ["q", "r"]}), "openapi",
                      f(parameters={"type": "OBJECT", "required": ["q", "r"],
                                    "properties": {"q": {"type": "STRING"}, "r": {}}})),
    "required of others": (
        f(parameters=_MISSED), "openapi",
        f(parameters={"type": "OBJECT", "required": ["r"],
                      "additionalProperties": {"type": "INTEGER"},
                      "properties": {"q": {"type": "STRING"},
                                     "r": {"type": "INTEGER"}}})),
}  # fmt: skip


@rows("form dialect declaration", DECLARED)
def test_declarations(form: Any, dialect: Dialect, declaration: Json) -> None:
    assert declared([form], dialect) == [declaration]


@pytest.mark.parametrize("case", ["everything", "pydantic 1", "recursive"])
def test_arguments_that_fit_the_class_fit_the_declaration(case: str) -> None:
    form, right, wrong = CASES[case]
    validator = Draft202012Validator(parameters(form))
    assert all(validator.is_valid(value) for value in right)
    assert not any(validator.is_valid(value) for value in wrong)


def test_words_of_the_caller_stay_as_they_are() -> None:
    """Header names among them, which servers compare letter by letter."""
    said = {"url": "https://x/mcp", "headers": {"x_api_key": "k", "X-My_Header": "v"}}
    server = {"streamable_http_transport": {**said, "sse_read_timeout": "10s"}}
    (made,) = tools_from_langchain([{"mcp_servers": [{"name": "s", **server}]}])
    transport = made["mcpServers"][0]["streamableHttpTransport"]
    assert transport == {**said, "sseReadTimeout": "10s"}


_STRING = types.Schema(type=types.Type.STRING)
_Q = types.Schema(type=types.Type.OBJECT, properties={"q": _STRING})
_DECLARED = types.FunctionDeclaration(name="f", parameters=_Q)


def _declares(*declarations: Json) -> Json:
    return {"functionDeclarations": list(declarations)}


_REFERENCE = {"$ref": "#/x"}
_FIND_PLACE = declared([Place])
RAW: dict[str, tuple[Any, list[Json]]] = {
    "tool object": (_declares(f(parameters=CAPITALS)),
                    [_declares(f(parameters=CAPITALS))]),
    "snake case and small types": (
        {"function_declarations": [f(parameters=OBJECT)]},
        [_declares(f(parameters=CAPITALS))]),
    "declaration": (f(parameters=CAPITALS), [_declares(f(parameters=CAPITALS))]),
    "JSON Schema's words in capitals": (
        f(parameters={**CAPITALS, "$schema": "x", "required": ["q"]}),
        [_declares(f(parametersJsonSchema={**OBJECT, "required": ["q"]}))]),
    "declaration with JSON Schema": (
        f(parameters_json_schema=_REFERENCE, behavior="BLOCKING"),
        [_declares(f(parametersJsonSchema=_REFERENCE, behavior="BLOCKING"))]),
    "small types": (_declares(f(parameters=OBJECT)),
                    [_declares(f(parameters=CAPITALS))]),
    "a tuple of classes": ({"functionDeclarations": (Place,)},
                           [_declares(*_FIND_PLACE)]),
    "a list of classes": ({"functionDeclarations": [Place]},
                          [_declares(*_FIND_PLACE)]),
    "functions among declarations": (
        {"function_declarations": [Place], "google_search": {}},
        [_declares(*_FIND_PLACE), {"googleSearch": {}}]),
    "google-genai's object": (
        types.Tool(google_search=types.GoogleSearch(exclude_domains=["a.com"])),
        [{"googleSearch": {"excludeDomains": ["a.com"]}}]),
    "google-genai's declaration": (
        types.FunctionDeclaration(name="f", parameters_json_schema=OBJECT),
        [_declares(f(parametersJsonSchema=OBJECT))]),
    "google-genai's schema": (_DECLARED, [_declares(f(parameters=CAPITALS))]),
    "google-genai's schema in a dict": (f(parameters=_Q),
                                        [_declares(f(parameters=CAPITALS))]),
    "google-genai's schema as JSON": (
        f(input_schema=_Q.model_dump(mode="json", exclude_none=True)),
        [_declares(f(parametersJsonSchema=OBJECT))]),
    "google-genai's tool": (types.Tool(function_declarations=[_DECLARED]),
                            [_declares(f(parameters=CAPITALS))]),
    "google-genai's schema in a tool": (
        {"function_declarations": [f(parameters=_Q)]},
        [_declares(f(parameters=CAPITALS))]),
    "name": ("google_search", [{"googleSearch": {}}]),
    "camel name": ("urlContext", [{"urlContext": {}}]),
    "empty": ({"code_execution": {}}, [{"codeExecution": {}}]),
    "typed": ({"type": "google_maps"}, [{"googleMaps": {}}]),
    "typed with options": ({"type": "google_search", "exclude_domains": ["a.com"]},
                           [{"googleSearch": {"excludeDomains": ["a.com"]}}]),
    "typed with nested options": (
        {"type": "google_maps", "google_maps": {"enable_widget": True}},
        [{"googleMaps": {"enableWidget": True}}]),
    "computer use": ("computer_use",
                     [{"computerUse": {"environment": "ENVIRONMENT_BROWSER"}}]),
    "several in one": (
        {"enterprise_web_search": {}, "retrieval": {"disable_attribution": True}},
        [{"enterpriseWebSearch": {}}, {"retrieval": {"disableAttribution": True}}]),
    "none is nothing": ({"google_search": {}, "function_declarations": None},
                        [{"googleSearch": {}}]),
    "someone else's keys": (
        {"parallel_ai_search": {"custom_configs": {"max_results": 3}}},
        [{"parallelAiSearch": {"customConfigs": {"max_results": 3}}}]),
    "a result's schema": ({"function_declarations": [f(response=OBJECT)]},
                          [_declares(f(response=CAPITALS))]),
    "one function twice": (_declares(f(), f()), [_declares(f())]),
    "a tool of tomorrow": ({"brand_new": {"a_b": 1}}, [{"brandNew": {"aB": 1}}]),
}  # fmt: skip


@pytest.mark.parametrize("case", RAW)
def test_reads_gemini(case: str) -> None:
    given, wire = RAW[case]
    assert tools_from_langchain([given]) == wire
    assert tools_from_langchain(wire) == wire
    if case not in ("a tool of tomorrow", "typed with nested options"):
        assert [problem for each in wire for problem in problems("Tool", each)] == []


def test_one_list_of_functions_where_the_first_stood() -> None:
    both: Json = {"url_context": {}, "google_maps": {}}
    found = tools_from_langchain(["google_search", Place, both, Search])
    assert [list(each) for each in found] == [
        ["googleSearch"], ["functionDeclarations"], ["urlContext"], ["googleMaps"]
    ]  # fmt: skip
    names = [each["name"] for each in found[1]["functionDeclarations"]]
    assert names == ["Place", "Search"]
    assert len(declared([Place, Place, json_schema_from(Place)])) == 1
    assert tools_from_langchain([]) == []
    mark = {"cachePoint": {"type": "default"}}  # of Bedrock
    assert tools_from_langchain([ping, mark]) == tools_from_langchain([ping])


def test_the_limits_themselves_are_taken() -> None:
    assert len(declared([{"name": f"f{i}"} for i in range(512)])) == 512
    assert declared([{"name": "x" * 128}])[0]["name"] == "x" * 128
    names = {"x" * 64: {"type": "string"}}
    found = declared([f(parameters={"properties": names})], "openapi")
    assert [*found[0]["parameters"]["properties"]] == [*names]


def broken(a: "Missing") -> None:  # type: ignore[name-defined]  # noqa: F821
    """Do."""


_QS = {"q": {"type": "string"}}
_SEARCHES_THE_WEB = "Gemini's 'google_search'"
REFUSED: dict[str, tuple[Any, str]] = {
    "name that starts with a digit": ({"name": "9x"}, "Function name '9x'"),
    "name that is too long": ({"name": "x" * 129}, "128 characters"),
    "title with a space": ({"title": "A B", "type": "object"}, "the title"),
    "lambda": (lambda x: x, "Function name '<lambda>'"),
    "another of that name": ([f(), f(parameters=OBJECT)], "Two tools are named 'f'"),
    "too many": ([{"name": f"f{i}"} for i in range(513)], "maximum of 512"),
    "nothing but a schema": ({"not": {"type": "object"}}, "isn't a tool"),
    "misspelt built-in": ("goggle_search", "Did you mean 'google_search'"),
    "openai's search": ({"type": "web_search_preview"}, _SEARCHES_THE_WEB),
    "anthropic's search": ({"type": "web_search_20250305", "name": "web_search"},
                           _SEARCHES_THE_WEB),
    "openai's interpreter": ({"type": "code_interpreter"}, "'code_execution'"),
    "openai's custom": ({"type": "custom", "name": "x"}, "isn't a tool"),
    "schema without a title": (OBJECT, "needs a title"),
    "unknown dict": ({"foo": 1}, "isn't a tool. Pass a function"),
    "function that is no dict": ({"function": "f"}, "isn't a tool"),
    "a number": (5, "5 isn't a tool"),
    "the class of a tool": (Finder, r"Finder is the class of a tool.*Finder\(\)"),
    "nothing": (None, "None isn't a tool"),
    "type form": (list[int], "Wrap it with @tool"),
    "array at the root": ({"title": "f", "type": "array"}, "must be an object"),
    "class that is no object": (Size, "must be an object"),
    **{f"{union} with a text at the root": (
           {"title": "f", union: [OBJECT, {"type": "string"}]}, "must be an object")
       for union in ("anyOf", "oneOf")},
    "class with a function": (Calling, "function Calling: parameters from"),
    **{f"a declaration's {key}": (
           {"function_declarations": [f(**{key: {**OBJECT, "not": OBJECT}})]},
           f"function f: {key}.not: ")
       for key in ("parameters", "response")},
    "reference to nothing": (
        f(input_schema={"items": {"$ref": "#/a"}}),
        r"function f: parameters\.items\.\$ref: #/a doesn't exist"),
    "schema under a key that nobody reads": (
        f(params=OBJECT), "a schema in 'params', which isn't read"),
    "schema beside a function": (
        {"type": "function", "function": f(), "arguments": OBJECT},
        "a schema in 'arguments'"),
    "properties for a schema": (f(args=_QS), "a schema in 'args'"),
    **{f"{word} under a key that nobody reads": (f(params={word: {}}), "in 'params'")
       for word in ("properties", "$ref", "anyOf", "allOf", "oneOf")},
    **{f"properties of {word} for a schema": (f(args={"q": {word: {}}}), "in 'args'")
       for word in ("properties", "$ref", "anyOf", "allOf", "oneOf")},
    "class under a key that nobody reads": (f(model=Search), "a schema in 'model'"),
    "a schema that is text": (f(parameters='{"type": "object"}'),
                              "function f: parameters from"),
    "properties alone": (f(parameters=_QS),
                         "function f are properties without a schema"),
    "a name that is no text": ({"name": None, "parameters": OBJECT},
                               "must be a string, not None"),
    "two schemas": (f(parameters=OBJECT, schema={"type": "object"}),
                    "two schemas, in parameters and schema"),
    "unknown annotations": (broken, "The signature of broken"),
    "callable object": (type("C", (), {"__call__": lambda _: 1})(),
                        "Wrap it with @tool"),
}  # fmt: skip


@rows("given message", REFUSED)
def test_refuses_what_is_no_tool(given: Any, message: str) -> None:
    with pytest.raises(UnsupportedContentError, match=message):
        tools_from_langchain(given if isinstance(given, list) else [given])


UNSAYABLE: dict[str, tuple[Any, str]] = {
    "a dash": (f(parameters={"properties": {"a-b": {"type": "string"}}}),
               r"properties\.a-b isn't a valid"),
    "a dash inside": (f(parameters={"properties": {"q": {"items": {"properties": {
                          "a-b": {"type": "string"}}}}}}),
                      r"properties\.a-b isn't a valid"),
    "long": (f(parameters={"properties": {"x" * 65: {"type": "string"}}}),
             "64 characters"),
    "a union": (f(parameters=_VARIANTS), "must have type OBJECT"),
    "a tuple": (Everything, r"Everything: parameters\.properties\.pair\.pref"),
}  # fmt: skip


@rows("form message", UNSAYABLE)
def test_what_openapi_cannot_say(form: Any, message: str) -> None:
    with pytest.raises(UnsupportedContentError, match=message):
        declared([form], "openapi")


def test_strict_is_one_rule_for_all() -> None:
    strict = {"type": "function", "function": f(strict=True)}
    for said in (strict, f(strict=True), {"toolSpec": f(strict=True)}):
        assert declared([said], strict=True) == declared([said])
        with pytest.raises(UnsupportedContentError, match="'f' has strict=True"):
            declared([said], strict=False)
        assert strict_from_tools([Place, said]) is True
    assert strict_from_tools([strict, {"name": "g", "strict": False}]) is True
    assert strict_from_tools([f(strict=False)]) is False
    assert strict_from_tools([Place, f()]) is None


# ---- tools and their choice among a call's settings

_FLAT = f(parametersJsonSchema=OBJECT)
_OPEN = f(parameters=CAPITALS)
_STRICT = f(parameters=OBJECT, strict=True)
_VALIDATED = {"functionCallingConfig": {"mode": "VALIDATED"}}
_GERMAN = {"retrievalConfig": {"languageCode": "de"}}
ASKED: dict[str, tuple[Json, Json]] = {
    "nothing": ({}, {}),
    "no tools": ({"tools": []}, {}),
    "a choice of nothing": ({"tool_choice": "auto"}, {}),
    "nothing to call": ({"tool_choice": "none"}, {}),
    "a config alone": (
        {"tool_config": {"retrieval_config": {"language_code": "de"}}},
        {"toolConfig": _GERMAN}),
    "a config of nothing": ({"tool_config": {}}, {}),
    "a config and a choice of nothing": (
        {"tool_config": _GERMAN, "tool_choice": "auto"}, {"toolConfig": _GERMAN}),
    "a flat declaration": ({"tools": [_FLAT]}, {"tools": [_declares(_FLAT)]}),
    "two of them": ({"tools": [_FLAT, {**_FLAT, "name": "g"}]},
                    {"tools": [_declares(_FLAT, {**_FLAT, "name": "g"})]}),
    "one beside another make": (
        {"tools": [_FLAT, {"name": "g", "parameters": OBJECT}]},
        {"tools": [_declares(_FLAT, {**_FLAT, "name": "g"})]}),
    "one in OpenAPI": ({"tools": [_FLAT], "schema_dialect": "openapi"},
                       {"tools": [_declares(_OPEN)]}),
    "strict by the tool": ({"tools": [_STRICT]},
                           {"tools": [_declares(_FLAT)], "toolConfig": _VALIDATED}),
    "strict by the tool, not by the call": (
        {"tools": [f(strict=False)], "strict": False},
        {"tools": [_declares(f(parametersJsonSchema={"type": "object",
                                                     "properties": {}}))]}),
    "strict by the call": ({"tools": [_FLAT], "strict": True},
                           {"tools": [_declares(_FLAT)], "toolConfig": _VALIDATED}),
    "strict in OpenAPI": (
        {"tools": [_FLAT], "strict": True, "schema_dialect": "openapi"},
        {"tools": [_declares(_OPEN)], "toolConfig": _VALIDATED}),
    "a config and tools": (
        {"tools": [_FLAT], "tool_config": _GERMAN, "tool_choice": "any"},
        {"tools": [_declares(_FLAT)],
         "toolConfig": {**_GERMAN, "functionCallingConfig": {"mode": "ANY"}}}),
}  # fmt: skip


@rows("settings sent", ASKED)
def test_tools_of_a_call(settings: Json, sent: Json) -> None:
    body = body_of_call(**settings)
    assert {key: body[key] for key in body if key.startswith("tool")} == sent


def test_a_call_asks_no_other_strictness_than_its_tools() -> None:
    with pytest.raises(UnsupportedContentError, match="'f' has strict=True"):
        body_of_call(tools=[_STRICT], strict=False)


# ---- tool_choice

WIRE = tools_from_langchain([{"name": "get_weather"}, {"name": "b"}, "google_search"])
_B = {"type": "function", "function": {"name": "b"}}
_MODES = types.FunctionCallingConfigMode
# Mode and allowed names, and the choices that say so.
CHOICES: dict[str, list[Any]] = {
    "": [None, False],
    "AUTO": ["auto", {"type": "auto"}, {"auto": {}}],
    "NONE": ["none", {"type": "none"}, {"mode": _MODES.NONE}],
    "VALIDATED": ["VALIDATED", "validated", {"type": "validated"}],
    "ANY": [True, "any", "required", {"any": {}},
            {"type": "any", "disable_parallel_tool_use": True},
            types.FunctionCallingConfig(mode=_MODES.ANY), types.ToolConfig(
                function_calling_config=types.FunctionCallingConfig(mode=_MODES.ANY)),
            {"function_calling_config": {"mode": "ANY"}}],
    "ANY b": ["b", _B, {"type": "function", "name": "b"}, {"tool": {"name": "b"}},
              {"type": "tool", "name": "b"},
              {"mode": "ANY", "allowedFunctionNames": ["b"]},
              {"mode": "any", "allowed_function_names": ["b"]},
              {"type": "allowed_tools",
               "allowed_tools": {"mode": "required", "tools": [_B]}}],
    "ANY b get_weather": [["b", "get_weather"]],
    "VALIDATED b": [{"type": "allowed_tools", "mode": "auto",
                     "tools": [{"name": "b"}]}],
    "MODE_OF_TOMORROW": [{"functionCallingConfig": {"mode": "MODE_OF_TOMORROW"}}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("choice", "said"), [(c, said) for said, listed in CHOICES.items() for c in listed]
)
def test_choices(choice: Any, said: str) -> None:
    found = tool_config_from_choice(choice, WIRE)
    mode, *names = said.split() or [""]
    calling = {"mode": mode, **({"allowedFunctionNames": names} if names else {})}
    assert found == ({"functionCallingConfig": calling} if said else None)
    if said and "TOMORROW" not in mode:
        assert problems("ToolConfig", found) == []


_CALLS_B = {"mode": "ANY", "allowedFunctionNames": ["b"]}
_STREAMS = {"streamFunctionCallArguments": True}
_WHOLE = {**_GERMAN, "function_calling_config": {
    "mode": "ANY", "allowed_function_names": ["b"],
    "stream_function_call_arguments": True}}  # fmt: skip
_NO_CALL = {"functionCallingConfig": {"mode": "NONE"}}
_VALID = {"functionCallingConfig": {"mode": "VALIDATED"}}
_SEARCH: list[Json] = [{"googleSearch": {}}]
# A choice, the tools, the rest of what a caller said, and the config.
LAID: dict[str, tuple[Any, list[Json], Json, Json | None]] = {
    "a word over a mode": (
        "auto", WIRE, {"tool_config": _WHOLE},
        {**_GERMAN, "functionCallingConfig": {"mode": "AUTO", **_STREAMS}}),
    "no choice": (None, WIRE, {"tool_config": _WHOLE},
                  {**_GERMAN, "functionCallingConfig": {**_CALLS_B, **_STREAMS}}),
    "a config beside": (_NO_CALL, WIRE, {"tool_config": _GERMAN},
                        {**_GERMAN, **_NO_CALL}),
    "the same key": ({**_NO_CALL, "retrievalConfig": {}}, WIRE,
                     {"tool_config": _GERMAN}, {**_NO_CALL, "retrievalConfig": {}}),
    # `strict` holds free calls to the schema.
    "strict": (None, WIRE, {"strict": True}, _VALID),
    "strict and free": ("auto", WIRE, {"strict": True}, _VALID),
    "strict and any": ("any", WIRE, {"strict": True},
                       {"functionCallingConfig": {"mode": "ANY"}}),
    "strict and none": ("none", WIRE, {"strict": True}, _NO_CALL),
    "not strict": (None, WIRE, {"strict": False}, None),
    "strict without tools": (None, [], {"strict": True}, None),
    "free without functions": ("auto", _SEARCH, {}, None),
    "none of no tools": ("none", [], {}, None),
}  # fmt: skip


@rows("choice tools said config", LAID)
def test_a_choice_is_laid_over_the_rest(
    choice: Any, tools: list[Json], said: Json, config: Json | None
) -> None:
    assert tool_config_from_choice(choice, tools, **said) == config


_SEARCH_ALONE = {"type": "allowed_tools", "tools": [{"type": "google_search"}]}
NO_CHOICES: dict[str, tuple[Any, str]] = {
    "misspelt": ("get_wether", "Did you mean 'get_weather'"),
    "one of two": (["b", "c"], "'c' matches no bound tool"),
    "built-in": ("google_search", "names a built-in tool"),
    "no dict": ({"type": "function", "function": "zzz"}, "'zzz' matches no bound tool"),
    "built-in, allowed": (_SEARCH_ALONE, "names a built-in"),
    "none of a list": ([], "is an empty list"),
    "another type": ({"type": "weird"}, "Pass auto"),
    "a number": (5, "Pass auto"),
    "of the wire": ({"mode": "ANY", "allowedFunctionNames": ["c"]},
                    "'c' matches no bound tool"),
}  # fmt: skip


@rows("choice message", NO_CHOICES)
def test_refuses_choices(choice: Any, message: str) -> None:
    with pytest.raises(UnsupportedContentError, match=message):
        tool_config_from_choice(choice, WIRE)
    with pytest.raises(UnsupportedContentError, match="no function is bound"):
        tool_config_from_choice("any", _SEARCH)


def test_parallel_calls_in_anthropics_words() -> None:
    alone = {"type": "any", "disable_parallel_tool_use": True}
    assert parallel_from_choice(alone) is False
    assert parallel_from_choice({"type": "any"}) is None
    assert parallel_from_choice("any") is None


# ---- response_format


class Color(enum.Enum):
    RED = "red"


_AS_JSON: Json = {"responseMimeType": "application/json"}


def _schema(schema: Any, said: Any) -> tuple[Json, Json]:
    written = {**_AS_JSON, "responseJsonSchema": schema}
    return written, {**_AS_JSON, "responseSchema": said}


_TEXT: Json = {"responseMimeType": "text/plain"}
_OWN: Json = {**_AS_JSON, "responseSchema": CAPITALS}
_ENUM: Json = {"responseMimeType": "text/x.enum", "responseSchema": CAPITALS}
_RED: Json = {"enum": ["red"], "title": "Color"}
FORMATS: dict[str, tuple[Any, Json, Json]] = {
    "none": (None, {}, {}),
    "text": ({"type": "text"}, _TEXT, _TEXT),
    "json object": ({"type": "json_object"}, _AS_JSON, _AS_JSON),
    "json schema": (
        {"type": "json_schema", "json_schema": {"name": "n", "schema": OBJECT}},
        *_schema(OBJECT, CAPITALS)),
    "json schema, described": (
        {"type": "json_schema", "name": "n", "description": "d", "schema": OBJECT},
        *_schema({**OBJECT, "description": "d"}, {**CAPITALS, "description": "d"})),
    "bare schema": (OBJECT, *_schema(OBJECT, CAPITALS)),
    "function": ({"type": "function", "function": {"name": "n", "parameters": OBJECT}},
                 *_schema({"title": "n", **OBJECT}, {"title": "n", **CAPITALS})),
    "google's own": (CAPITALS, _OWN, _OWN),
    "enum": (Color, *_schema({**_RED, "type": "string"}, {**_RED, "type": "STRING"})),
    "list": (list[int], *_schema({"type": "array", "items": {"type": "integer"}},
                                 {"type": "ARRAY", "items": {"type": "INTEGER"}})),
    "wire": ({"response_mime_type": "text/x.enum", "responseSchema": CAPITALS}, _ENUM,
             _ENUM),
}  # fmt: skip


@rows("given in_json in_openapi", FORMATS)
def test_response_formats(given: Any, in_json: Json, in_openapi: Json) -> None:
    convert: Callable[..., Json] = generation_config_from_response_format
    assert convert(given) == in_json
    assert convert(given, dialect="openapi") == in_openapi
    assert convert(in_json or None) == in_json
    assert problems("GenerationConfig", in_json) == []
    assert problems("GenerationConfig", in_openapi) == []


_NULLABLE: Json = {"title": "R", **OBJECT, "type": ["object", "null"]}
_NAMED = {"type": "json_schema", "json_schema": {"name": "R", "schema": _NULLABLE}}


@pytest.mark.parametrize("form", [_NULLABLE, _NAMED])
def test_a_root_that_may_be_null(form: Json) -> None:
    found = generation_config_from_response_format(form)
    assert found["responseJsonSchema"]["type"] == ["object", "null"]
    found = generation_config_from_response_format(form, dialect="openapi")
    assert found["responseSchema"]["type"] == "OBJECT"
    assert found["responseSchema"]["nullable"] is True


def test_response_format_of_an_agent() -> None:
    wanted = ProviderStrategy(Search, strict=True).to_model_kwargs()["response_format"]
    found = generation_config_from_response_format(wanted)
    assert found == {**_AS_JSON, "responseJsonSchema": json_schema_from(Search)}


NO_FORMATS: dict[str, tuple[Any, str]] = {
    "no schema": ({"type": "json_schema", "json_schema": {"name": "n"}},
                  "holds no schema"),
    "a name": ({"type": "json_schema", "json_schema": "n"}, "holds no schema"),
    "a reference": ({"$ref": "#/a"}, r"responseJsonSchema\.\$ref: #/a doesn't exist"),
}  # fmt: skip


@rows("wanted message", NO_FORMATS)
def test_refuses_response_formats(wanted: Any, message: str) -> None:
    with pytest.raises(UnsupportedContentError, match=message):
        generation_config_from_response_format(wanted)
