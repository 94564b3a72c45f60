"""Tools, tool_choice and response_format on Gemini's wire."""

import enum
import warnings
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
from pydantic import BaseModel, Field, v1
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
from tests.support.published import problems
from tests.support.schemas import CASES, EVERYTHING, Everything, Node, Size, places

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


class OldSearch(v1.BaseModel):
    """Search as before."""

    query: str


class Place(TypedDict):
    """Find a place."""

    name: Annotated[str, ..., "What it is called."]


class Finder(BaseTool):
    name: str = "finder"
    description: str = "Find it."
    args_schema: type[BaseModel] = Search

    def _run(self, **_: Any) -> str:
        return ""


class FromMcp(BaseTool):
    name: str = "from_mcp"
    description: str = "From a server."
    args_schema: Json = OBJECT

    def _run(self, **_: Any) -> str:
        return ""


def _echo(text: str) -> str:
    return text


def declared(tools: list[Any], dialect: Dialect = "json", **options: Any) -> list[Json]:
    found = tools_from_langchain(tools, dialect=dialect, **options)
    assert len(found) <= 1
    return [each for one in found for each in one["functionDeclarations"]]


def parameters(form: Any) -> Json:
    schema: Json = declared([form])[0]["parametersJsonSchema"]
    return schema


# What is passed, the declaration's name, its description, its parameters' names.
FUNCTIONS: dict[str, tuple[Any, str, str | None, list[str]]] = {
    "function": (forecast, "forecast", "Tell the weather.", ["city", "days", "unit"]),
    "coroutine function": (ping, "ping", "Ping.", []),
    "function without docstring": (silent, "silent", None, ["a"]),
    "function whose docstring has arguments alone": (only_args, "only_args", None,
                                                     ["a"]),
    "tool": (add, "add", "Add one.", ["a"]),
    "tool class": (Finder(), "finder", "Find it.", ["theQuery", "limit"]),
    "tool with a JSON Schema": (FromMcp(), "from_mcp", "From a server.", ["q"]),
    "single input tool": (Tool(name="echo", func=_echo, description="Echo."), "echo",
                          "Echo.", ["__arg1"]),
    "runnable": (RunnableLambda(_echo,
                                name="echo").with_types(input_type=cast("Any", Place)),
                 "echo", "Takes", ["name"]),
    "pydantic": (Search, "Search", "Search for something.", ["theQuery", "limit"]),
    "pydantic 1": (OldSearch, "OldSearch", "Search as before.", ["query"]),
    "typed dict": (Place, "Place", "Find a place.", ["name"]),
    "openai": ({"type": "function",
                "function": {"name": "f", "description": "d", "parameters": OBJECT}},
               "f", "d", ["q"]),
    "openai responses": ({"type": "function", "name": "f", "parameters": OBJECT,
                          "strict": True}, "f", None, ["q"]),
    "openai function": ({"name": "f", "description": "d"}, "f", "d", []),
    "anthropic": ({"name": "f", "description": "d", "input_schema": OBJECT,
                   "cache_control": {"type": "ephemeral"}}, "f", "d", ["q"]),
    "anthropic custom": ({"type": "custom", "name": "f", "input_schema": OBJECT}, "f",
                         None, ["q"]),
    "mcp": ({"name": "f", "inputSchema": OBJECT, "annotations": {"readOnlyHint": True}},
            "f", None, ["q"]),
    "bedrock": ({"toolSpec": {"name": "f", "inputSchema": {"json": OBJECT}}}, "f", None,
                ["q"]),
    "json schema": ({"title": "f", "description": "d", **OBJECT}, "f", "d", ["q"]),
    "schema": ({"name": "f", "schema": OBJECT}, "f", None, ["q"]),
    "args_schema": ({"name": "f", "args_schema": OBJECT}, "f", None, ["q"]),
    "args_schema, a class": ({"name": "f", "args_schema": Search}, "f",
                             "Search for something.", ["theQuery", "limit"]),
    "json_schema": ({"name": "f", "json_schema": OBJECT}, "f", None, ["q"]),
    "google's json schema": ({"name": "f", "parameters_json_schema": OBJECT}, "f", None,
                             ["q"]),
    "parameters beside function": ({"type": "function", "function": {"name": "f"},
                                    "parameters": OBJECT}, "f", None, ["q"]),
    "one schema twice": ({"name": "f", "parameters": OBJECT,
                          "input_schema": dict(OBJECT)}, "f", None, ["q"]),
    "bedrock without json": ({"toolSpec": {"name": "f", "inputSchema": OBJECT}}, "f",
                             None, ["q"]),
    "bedrock without toolSpec": ({"name": "f", "inputSchema": {"json": OBJECT}}, "f",
                                 None, ["q"]),
    "bedrock without schema": ({"toolSpec": {"name": "f"}}, "f", None, []),
    "mcp with an output": ({"name": "f", "inputSchema": OBJECT,
                            "outputSchema": {"type": "object"}}, "f", None, ["q"]),
    "no schema": ({"name": "f", "parameters": None}, "f", None, []),
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
        "days": {
            "default": 3,
            "description": "How many to come.",
            "maximum": 10,
            "minimum": 1,
            "title": "Days",
            "type": "integer",
        },
        "unit": {"default": "c", "enum": ["c", "f"], "title": "Unit", "type": "string"},
    }
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


@pytest.mark.parametrize("form", [forecast, Search, Finder(), Place, {"name": "f"}])
def test_what_is_done_to_a_declaration_reaches_no_other(form: Any) -> None:
    first = deepcopy(declared([form]))
    for schema in list(places(declared([form]))):
        schema["mine"] = {}
    assert declared([form]) == first


def test_bedrocks_mark_is_no_tool() -> None:
    mark = {"cachePoint": {"type": "default"}}
    assert tools_from_langchain([ping, mark]) == tools_from_langchain([ping])


def test_arguments_that_may_be_null_are_an_object() -> None:
    for form in (
        {"title": "f", **OBJECT, "type": ["object", "null"]},
        {"name": "f", "parameters": {**OBJECT, "type": ["null", "object"]}},
    ):
        assert parameters(form) == OBJECT


def test_arguments_of_which_one_is_required() -> None:
    either = {**OBJECT, "anyOf": [{"required": ["q"]}, {"required": ["r"]}]}
    assert parameters({"name": "f", "parameters": either}) == either


def test_openapi_names_what_is_required() -> None:
    """Google refuses `required[1]: property is not defined`."""
    asked = {"name": "f", "parameters": {**OBJECT, "required": ["q", "r"]}}
    (made,) = declared([asked], "openapi")
    assert list(made["parameters"]["properties"]) == ["q", "r"]
    open_ = {**OBJECT, "required": ["r"], "additionalProperties": {"type": "integer"}}
    (made,) = declared([{"name": "f", "parameters": open_}], "openapi")
    assert made["parameters"]["properties"]["r"] == {"type": "INTEGER"}


def test_functions_without_arguments() -> None:
    assert declared([ping]) == [
        {
            "name": "ping",
            "description": "Ping.",
            "parametersJsonSchema": {"type": "object", "properties": {}},
        }
    ]
    assert declared([ping], "openapi") == [{"name": "ping", "description": "Ping."}]
    closed = {"type": "object", "properties": {}, "additionalProperties": False}
    assert declared([{"name": "f", "parameters": closed}], "openapi") == [{"name": "f"}]


# What each of these became in langchain-google-genai 4.4.2 is in the name.
LOSSES: dict[str, tuple[Any, str, Json]] = {
    "union (was its last member)": (Everything, "either",
                                    {"anyOf": [{"type": "integer"},
                                               {"type": "string"}]}),
    "literal (was a bare type)": (Everything, "one", {"enum": [1], "type": "integer"}),
    "bounds (were dropped)": (Everything, "code",
                              {"pattern": "^[a-z]+$", "minLength": 2, "maxLength": 4}),
    "typed dict values (were a bare object)": (
        Everything,
        "counts",
        {"type": "object", "additionalProperties": {"type": "integer"}}),
    "tuple (was a list without items)": (
        Everything,
        "pair",
        {"prefixItems": [{"type": "integer"}, {"type": "string"}], "maxItems": 2}),
    "recursion (was a list of texts)": (Node, "children",
                                        {"items": {"$ref": "#/$defs/Node"}}),
    "int enum (was an error)": (Everything, "size", {"enum": [1, 2]}),
    "nullable (was lost below the root)": (Node, "parent",
                                           {"anyOf": [{"$ref": "#/$defs/Node"},
                                                      {"type": "null"}]}),
    "discriminated union (was a text)": (Everything, "pet",
                                         {"discriminator": {"propertyName": "kind"}}),
    "allOf (was its first member)": (
        {"title": "f", "type": "object",
         "properties": {"a": {"allOf": [{"type": "integer"}, {"minimum": 3}]}}},
        "a",
        {"type": "integer", "minimum": 3}),
}  # fmt: skip


@pytest.mark.parametrize("case", LOSSES)
def test_loses_nothing_on_the_way_to_a_declaration(case: str) -> None:
    form, name, fragment = LOSSES[case]
    assert parameters(form)["properties"][name].items() >= fragment.items()


@pytest.mark.parametrize("case", ["everything", "pydantic 1", "recursive"])
def test_arguments_that_fit_the_class_fit_the_declaration(case: str) -> None:
    form, right, wrong = CASES[case]
    validator = Draft202012Validator(parameters(form))
    assert all(validator.is_valid(value) for value in right)
    assert not any(validator.is_valid(value) for value in wrong)


def test_openapi_takes_everything_but_what_it_cannot_say() -> None:
    class Sayable(BaseModel):
        size: Size
        maybe: float | None = None
        either: int | str
        counts: dict[str, int]

    wire = tools_from_langchain([Sayable], dialect="openapi")
    assert problems("Tool", wire[0]) == []
    with pytest.raises(
        UnsupportedContentError, match=r"Everything: parameters\.properties\.pair\.pref"
    ):
        declared([Everything], "openapi")
    assert EVERYTHING["pair"] == [1, "a"]


def test_words_of_the_caller_stay_as_they_are() -> None:
    """Header names among them, which servers compare letter by letter."""
    server = {
        "name": "s",
        "streamable_http_transport": {
            "url": "https://x/mcp",
            "headers": {"x_api_key": "k", "X-My_Header": "v"},
            "sse_read_timeout": "10s",
        },
    }
    (made,) = tools_from_langchain([{"mcp_servers": [server]}])
    assert made["mcpServers"][0]["streamableHttpTransport"] == {
        "url": "https://x/mcp",
        "headers": {"x_api_key": "k", "X-My_Header": "v"},
        "sseReadTimeout": "10s",
    }


def test_a_name_and_a_built_in_of_two_tools_in_one() -> None:
    both: Json = {"google_search": {}, "url_context": {}}
    assert tools_from_langchain(["code_execution", both]) == [
        {"codeExecution": {}},
        {"googleSearch": {}},
        {"urlContext": {}},
    ]


_Q = types.Schema(
    type=types.Type.OBJECT, properties={"q": types.Schema(type=types.Type.STRING)}
)


@pytest.mark.parametrize(
    "form",
    [
        types.FunctionDeclaration(name="f", parameters=_Q),
        {"name": "f", "parameters": _Q},
        {"name": "f", "input_schema": _Q.model_dump(mode="json", exclude_none=True)},
        types.Tool(
            function_declarations=[types.FunctionDeclaration(name="f", parameters=_Q)]
        ),
        {"function_declarations": [{"name": "f", "parameters": _Q}]},
    ],
    ids=["declaration", "schema", "its JSON", "tool", "tool of dicts"],
)
def test_objects_of_google_genai(form: Any) -> None:
    (found,) = declared([form])
    wire = found.get("parameters") or found["parametersJsonSchema"]
    assert wire["properties"]["q"]["type"].upper() == "STRING"


RAW: dict[str, tuple[Any, list[Json]]] = {
    "tool object": (
        {"functionDeclarations": [{"name": "f", "parameters": CAPITALS}]},
        [{"functionDeclarations": [{"name": "f", "parameters": CAPITALS}]}]),
    "snake case and small types": (
        {"function_declarations": [{"name": "f", "parameters": OBJECT}]},
        [{"functionDeclarations": [{"name": "f", "parameters": CAPITALS}]}]),
    "declaration": (
        {"name": "f", "parameters": CAPITALS},
        [{"functionDeclarations": [{"name": "f", "parameters": CAPITALS}]}]),
    "declaration with JSON Schema": (
        {"name": "f", "parameters_json_schema": {"$ref": "#/x"},
         "behavior": "BLOCKING"},
        [{"functionDeclarations": [{"name": "f",
                                    "parametersJsonSchema": {"$ref": "#/x"},
                                    "behavior": "BLOCKING"}]}]),
    "small types": (
        {"functionDeclarations": [{"name": "f", "parameters": OBJECT}]},
        [{"functionDeclarations": [{"name": "f", "parameters": CAPITALS}]}]),
    "a tuple of classes": ({"functionDeclarations": (Place,)},
                           [{"functionDeclarations": declared([Place])}]),
    "a list of classes": ({"functionDeclarations": [Place]},
                          [{"functionDeclarations": declared([Place])}]),
    "functions among declarations": (
        {"function_declarations": [Place], "google_search": {}},
        [{"functionDeclarations": declared([Place])}, {"googleSearch": {}}]),
    "google-genai's object": (
        types.Tool(google_search=types.GoogleSearch(exclude_domains=["a.com"])),
        [{"googleSearch": {"excludeDomains": ["a.com"]}}]),
    "google-genai's declaration": (
        types.FunctionDeclaration(name="f", parameters_json_schema=OBJECT),
        [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": OBJECT}]}]),
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
    "a result's schema": (
        {"function_declarations": [{"name": "f", "response": OBJECT}]},
        [{"functionDeclarations": [{"name": "f", "response": CAPITALS}]}]),
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
    found = tools_from_langchain(["google_search", Place, {"url_context": {}}, Search])
    assert [list(each) for each in found] == [
        ["googleSearch"],
        ["functionDeclarations"],
        ["urlContext"],
    ]
    names = [each["name"] for each in found[1]["functionDeclarations"]]
    assert names == ["Place", "Search"]
    assert tools_from_langchain([]) == []


def test_the_limits_themselves_are_taken() -> None:
    assert len(declared([{"name": f"f{i}"} for i in range(512)])) == 512
    assert declared([{"name": "x" * 128}])[0]["name"] == "x" * 128
    names = {"x" * 64: {"type": "string"}}
    found = declared([{"name": "f", "parameters": {"properties": names}}], "openapi")
    assert [*found[0]["parameters"]["properties"]] == [*names]


def test_equal_functions_are_declared_once() -> None:
    assert len(declared([Place, Place, json_schema_from(Place)])) == 1
    twice = [{"functionDeclarations": [{"name": "f"}, {"name": "f"}]}]
    assert tools_from_langchain(twice) == [{"functionDeclarations": [{"name": "f"}]}]


REFUSED: dict[str, tuple[Any, str]] = {
    "name that starts with a digit": ({"name": "9x"}, "Function name '9x'"),
    "name that is too long": ({"name": "x" * 129}, "128 characters"),
    "title with a space": ({"title": "A B", "type": "object"}, "the title"),
    "lambda": (lambda x: x, "Function name '<lambda>'"),
    "another function of that name": (
        [{"name": "f"}, {"name": "f", "parameters": OBJECT}],
        "Two tools are named 'f'"),
    "too many": ([{"name": f"f{i}"} for i in range(513)], "maximum of 512"),
    "a schema without a title": ({"not": {"type": "object"}}, "isn't a tool"),
    "misspelt built-in": ("goggle_search", "Did you mean 'google_search'"),
    "openai's search": ({"type": "web_search_preview"}, "Gemini's 'google_search'"),
    "anthropic's search": ({"type": "web_search_20250305", "name": "web_search"},
                           "Gemini's 'google_search'"),
    "openai's interpreter": ({"type": "code_interpreter"}, "'code_execution'"),
    "openai's custom": ({"type": "custom", "name": "x"}, "isn't a tool"),
    "schema without a title": (OBJECT, "needs a title"),
    "unknown dict": ({"foo": 1}, "isn't a tool. Pass a function"),
    "function that is no dict": ({"function": "f"}, "isn't a tool"),
    "a number": (5, "5 isn't a tool"),
    "nothing": (None, "None isn't a tool"),
    "type form": (list[int], "Wrap it with @tool"),
    "array at the root": ({"title": "f", "type": "array"}, "must be an object"),
    "class that is no object": (Size, "must be an object"),
    "reference to nothing": (
        {"name": "f", "input_schema": {"items": {"$ref": "#/a"}}},
        r"function f: parameters\.items\.\$ref: #/a doesn't exist"),
    "schema under a key that nobody reads": ({"name": "f", "params": OBJECT},
                                             "a schema in 'params', which isn't read"),
    "schema beside a function": ({"type": "function", "function": {"name": "f"},
                                  "arguments": OBJECT}, "a schema in 'arguments'"),
    "properties for a schema": ({"name": "f", "args": {"q": {"type": "string"}}},
                                "a schema in 'args'"),
    "class under a key that nobody reads": ({"name": "f", "model": Search},
                                            "a schema in 'model'"),
    "a schema that is text": ({"name": "f", "parameters": '{"type": "object"}'},
                              "function f: parameters from"),
    "properties alone": ({"name": "f", "parameters": {"q": {"type": "string"}}},
                         "function f are properties without a schema"),
    "a name that is no text": ({"name": None, "parameters": OBJECT},
                               "must be a string, not None"),
    "two schemas": ({"name": "f", "parameters": OBJECT, "schema": {"type": "object"}},
                    "two schemas, in parameters and schema"),
    "callable object": (type("C", (), {"__call__": lambda _: 1})(),
                        "Wrap it with @tool"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_what_is_no_tool(case: str) -> None:
    given, message = REFUSED[case]
    with pytest.raises(UnsupportedContentError, match=message):
        tools_from_langchain(given if isinstance(given, list) else [given])


def test_refuses_unknown_annotations_of_a_function() -> None:
    def broken(a: "Missing") -> None:  # type: ignore[name-defined]  # noqa: F821
        """Do."""

    with pytest.raises(UnsupportedContentError, match="The signature of broken"):
        tools_from_langchain([broken])


def test_openapi_checks_the_names_and_root_of_parameters() -> None:
    dashed = {"name": "f", "parameters": {"properties": {"a-b": {"type": "string"}}}}
    with pytest.raises(UnsupportedContentError, match=r"properties\.a-b isn't a valid"):
        declared([dashed], "openapi")
    long = {"name": "f", "parameters": {"properties": {"x" * 65: {"type": "string"}}}}
    with pytest.raises(UnsupportedContentError, match="64 characters"):
        declared([long], "openapi")
    variants = [{**OBJECT, "required": ["q"]}, {"type": "object"}]
    union = {"name": "f", "parameters": {"anyOf": variants}}
    with pytest.raises(UnsupportedContentError, match="must have type OBJECT"):
        declared([union], "openapi")
    found = declared([union])[0]["parametersJsonSchema"]
    assert found == {"type": "object", "anyOf": variants}


def test_strict_is_one_rule_for_all() -> None:
    strict = {"type": "function", "function": {"name": "f", "strict": True}}
    assert declared([strict], strict=True) == declared([strict])
    with pytest.raises(UnsupportedContentError, match="'f' has strict=True"):
        declared([strict], strict=False)
    assert strict_from_tools([Place, strict]) is True
    assert strict_from_tools([strict, {"name": "g", "strict": False}]) is True
    assert strict_from_tools([{"name": "f", "strict": False}]) is False
    assert strict_from_tools([Place, {"name": "f"}]) is None


def test_no_warning_is_raised_by_any_tool() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for form, *_ in FUNCTIONS.values():
            tools_from_langchain([form])


# ---- tool_choice

WIRE = tools_from_langchain([{"name": "get_weather"}, {"name": "b"}, "google_search"])

# Choice, mode, allowed names.
CHOICES: list[tuple[Any, str | None, list[str] | None]] = [
    (None, None, None),
    (False, None, None),
    (True, "ANY", None),
    ("auto", "AUTO", None),
    ("any", "ANY", None),
    ("required", "ANY", None),
    ("none", "NONE", None),
    ("VALIDATED", "VALIDATED", None),
    ("b", "ANY", ["b"]),
    (["b", "get_weather"], "ANY", ["b", "get_weather"]),
    ({"type": "function", "function": {"name": "b"}}, "ANY", ["b"]),
    ({"type": "function", "name": "b"}, "ANY", ["b"]),
    ({"type": "allowed_tools", "mode": "auto", "tools": [{"name": "b"}]}, "VALIDATED",
     ["b"]),
    ({"type": "allowed_tools",
      "allowed_tools": {"mode": "required",
                        "tools": [{"type": "function", "function": {"name": "b"}}]}},
     "ANY", ["b"]),
    ({"type": "auto"}, "AUTO", None),
    ({"type": "any", "disable_parallel_tool_use": True}, "ANY", None),
    ({"type": "none"}, "NONE", None),
    ({"any": {}}, "ANY", None),
    ({"auto": {}}, "AUTO", None),
    ({"tool": {"name": "b"}}, "ANY", ["b"]),
    (types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode.ANY), "ANY",
     None),
    ({"type": "tool", "name": "b"}, "ANY", ["b"]),
    ({"mode": "ANY", "allowedFunctionNames": ["b"]}, "ANY", ["b"]),
    ({"mode": "any", "allowed_function_names": ["b"]}, "ANY", ["b"]),
    ({"mode": types.FunctionCallingConfigMode.NONE}, "NONE", None),
    ({"function_calling_config": {"mode": "ANY"}}, "ANY", None),
    ({"functionCallingConfig": {"mode": "MODE_OF_TOMORROW"}}, "MODE_OF_TOMORROW", None),
]  # fmt: skip


@pytest.mark.parametrize(("choice", "mode", "names"), CHOICES)
def test_choices(choice: Any, mode: str | None, names: list[str] | None) -> None:
    found = tool_config_from_choice(choice, WIRE)
    if mode is None:
        assert found is None
        return
    expected: Json = {"mode": mode}
    if names is not None:
        expected["allowedFunctionNames"] = names
    assert found == {"functionCallingConfig": expected}
    if "TOMORROW" not in mode:
        assert problems("ToolConfig", found) == []


@pytest.mark.parametrize(
    ("choice", "mode"),
    [(None, "VALIDATED"), ("auto", "VALIDATED"), ("any", "ANY"), ("none", "NONE")],
)
def test_strict_holds_free_calls_to_the_schema(choice: Any, mode: str) -> None:
    found = tool_config_from_choice(choice, WIRE, strict=True)
    assert found == {"functionCallingConfig": {"mode": mode}}
    assert tool_config_from_choice(None, WIRE, strict=False) is None
    assert tool_config_from_choice(None, [], strict=True) is None


def test_a_choice_is_laid_over_the_tool_config() -> None:
    config = {
        "retrieval_config": {"languageCode": "de"},
        "function_calling_config": {
            "mode": "ANY",
            "allowed_function_names": ["b"],
            "stream_function_call_arguments": True,
        },
    }
    calling = {"streamFunctionCallArguments": True}
    kept = {"retrievalConfig": {"languageCode": "de"}}
    found = tool_config_from_choice("auto", WIRE, tool_config=config)
    assert found == {**kept, "functionCallingConfig": {"mode": "AUTO", **calling}}
    found = tool_config_from_choice(None, WIRE, tool_config=config)
    calling |= {"mode": "ANY", "allowedFunctionNames": ["b"]}  # type: ignore[dict-item]
    assert found == {**kept, "functionCallingConfig": calling}
    choice = {"functionCallingConfig": {"mode": "NONE"}}
    found = tool_config_from_choice(choice, WIRE, tool_config=kept)
    assert found == {**kept, **choice}
    choice = {**choice, "retrievalConfig": {}}
    found = tool_config_from_choice(choice, WIRE, tool_config=kept)
    assert found == choice


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("get_wether", "Did you mean 'get_weather'"),
        (["b", "c"], "'c' matches no bound tool"),
        ("google_search", "names a built-in tool"),
        ({"type": "function", "function": "zzz"}, "'zzz' matches no bound tool"),
        ({"type": "allowed_tools", "tools": [{"type": "google_search"}]},
         "names a built-in"),
        ([], "is an empty list"),
        ({"type": "weird"}, "Pass auto"),
        (5, "Pass auto"),
        ({"mode": "ANY", "allowedFunctionNames": ["c"]}, "'c' matches no bound tool"),
    ],
)  # fmt: skip
def test_refuses_choices(choice: Any, message: str) -> None:
    with pytest.raises(UnsupportedContentError, match=message):
        tool_config_from_choice(choice, WIRE)


def test_a_call_cannot_be_demanded_without_functions() -> None:
    search: list[Json] = [{"googleSearch": {}}]
    with pytest.raises(UnsupportedContentError, match="no function is bound"):
        tool_config_from_choice("any", search)
    assert tool_config_from_choice("auto", search) is None
    assert tool_config_from_choice("none", []) is None


def test_parallel_calls_in_anthropics_words() -> None:
    assert (
        parallel_from_choice({"type": "any", "disable_parallel_tool_use": True})
        is False
    )
    assert parallel_from_choice({"type": "any"}) is None
    assert parallel_from_choice("any") is None


# ---- response_format


class Color(enum.Enum):
    RED = "red"


_AS_JSON: Json = {"responseMimeType": "application/json"}
_TEXT: Json = {"responseMimeType": "text/plain"}
_LIST: Json = {"type": "array", "items": {"type": "integer"}}
_OWN: Json = {**_AS_JSON, "responseSchema": CAPITALS}
_WIRE: Json = {"responseMimeType": "text/x.enum", "responseSchema": CAPITALS}

FORMATS: dict[str, tuple[Any, Json, Json]] = {
    "none": (None, {}, {}),
    "text": ({"type": "text"}, _TEXT, _TEXT),
    "json object": ({"type": "json_object"}, _AS_JSON, _AS_JSON),
    "json schema": (
        {"type": "json_schema", "json_schema": {"name": "n", "schema": OBJECT}},
        {**_AS_JSON, "responseJsonSchema": OBJECT},
        {**_AS_JSON, "responseSchema": CAPITALS}),
    "json schema, described": (
        {"type": "json_schema", "name": "n", "description": "d", "schema": OBJECT},
        {**_AS_JSON, "responseJsonSchema": {**OBJECT, "description": "d"}},
        {**_AS_JSON, "responseSchema": {**CAPITALS, "description": "d"}}),
    "bare schema": (OBJECT, {**_AS_JSON, "responseJsonSchema": OBJECT},
                    {**_AS_JSON, "responseSchema": CAPITALS}),
    "function": ({"type": "function", "function": {"name": "n", "parameters": OBJECT}},
                 {**_AS_JSON, "responseJsonSchema": {"title": "n", **OBJECT}},
                 {**_AS_JSON, "responseSchema": {"title": "n", **CAPITALS}}),
    "google's own": (CAPITALS, _OWN, _OWN),
    "enum": (
        Color,
        {**_AS_JSON,
         "responseJsonSchema": {"enum": ["red"], "title": "Color", "type": "string"}},
        {**_AS_JSON,
         "responseSchema": {"enum": ["red"], "title": "Color", "type": "STRING"}}),
    "list": (list[int],
             {**_AS_JSON,
              "responseJsonSchema": {"type": "array", "items": {"type": "integer"}}},
             {**_AS_JSON,
              "responseSchema": {"type": "ARRAY", "items": {"type": "INTEGER"}}}),
    "wire": ({"response_mime_type": "text/x.enum", "responseSchema": CAPITALS}, _WIRE,
             _WIRE),
}  # fmt: skip


@pytest.mark.parametrize("case", FORMATS)
def test_response_formats(case: str) -> None:
    given, in_json, in_openapi = FORMATS[case]
    convert: Callable[..., Json] = generation_config_from_response_format
    assert convert(given) == in_json
    assert convert(given, dialect="openapi") == in_openapi
    assert convert(in_json or None) == in_json
    assert problems("GenerationConfig", in_json) == []
    assert problems("GenerationConfig", in_openapi) == []


_NULLABLE: Json = {"title": "R", **OBJECT, "type": ["object", "null"]}


@pytest.mark.parametrize(
    "form",
    [
        _NULLABLE,
        {"type": "json_schema", "json_schema": {"name": "R", "schema": _NULLABLE}},
    ],
)
def test_a_root_that_may_be_null(form: Json) -> None:
    found = generation_config_from_response_format(form)
    assert found["responseJsonSchema"]["type"] == ["object", "null"]
    found = generation_config_from_response_format(form, dialect="openapi")
    assert (found["responseSchema"]["type"], found["responseSchema"]["nullable"]) == (
        "OBJECT",
        True,
    )


def test_response_format_of_an_agent() -> None:
    wanted = ProviderStrategy(Search, strict=True).to_model_kwargs()["response_format"]
    found = generation_config_from_response_format(wanted)
    assert found == {**_AS_JSON, "responseJsonSchema": json_schema_from(Search)}


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"type": "json_schema", "json_schema": {"name": "n"}}, "holds no schema"),
        ({"type": "json_schema", "json_schema": "n"}, "holds no schema"),
        ({"$ref": "#/a"}, r"responseJsonSchema\.\$ref: #/a doesn't exist"),
    ],
)
def test_refuses_response_formats(wanted: Any, message: str) -> None:
    with pytest.raises(UnsupportedContentError, match=message):
        generation_config_from_response_format(wanted)
