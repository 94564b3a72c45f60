"""Structured output: what is bound, and what comes back."""

import asyncio
import dataclasses
import enum
import json
import pickle
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from itertools import cycle, product
from typing import Annotated, Any, Literal, NotRequired, Optional

import pytest
from langchain_core import exceptions
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.outputs import (
    ChatGeneration,
    ChatGenerationChunk,
    ChatResult,
    Generation,
)
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_json_schema
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, v1
from typing_extensions import TypedDict

from langchain_cf_gemini import ChatCloudflareGemini, UnsupportedContentError
from tests.support.gemini import json_schema_from
from tests.support.models import ACCOUNT, TOKEN, Cloudflare, answer, refusal, text
from tests.support.models import call as wire_call

Json = dict[str, Any]
REFUSAL: Any = getattr(exceptions, "ModelRefusalError", OutputParserException)


class Joke(BaseModel):
    """A joke."""

    setup: str
    punchline: Optional[str] = None  # noqa: UP045 - the old form


class OldJoke(v1.BaseModel):
    setup: str


class JokeDict(TypedDict):
    """A joke."""

    setup: Annotated[str, ..., "How it starts"]
    punchline: Annotated[str | None, None, "How it ends"]


@dataclasses.dataclass
class JokeData:
    setup: str


class Color(enum.Enum):
    RED = "red"


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    day: date
    color: Color


class Scripted(ChatCloudflareGemini):
    """A model that answers with given chunks and remembers how it was called."""

    model: str = "gemini-3-flash"
    account_id: str | None = ACCOUNT
    api_token: SecretStr | None = SecretStr(TOKEN)
    chunks: list[Any]
    calls: list[Json] = Field(default_factory=list)

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        return self.bind(tools=tools, **kwargs)

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        return self._generate(*args, **kwargs)

    async def _astream(self, *args: Any, **kwargs: Any) -> Any:
        for chunk in self._stream(*args, **kwargs):
            yield chunk

    def _generate(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        self.calls.append(kwargs)
        whole = self.chunks[0] + self.chunks[1:]
        message = AIMessage(
            content=whole.content,
            tool_calls=whole.tool_calls,
            invalid_tool_calls=whole.invalid_tool_calls,
            response_metadata=whole.response_metadata,
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        self.calls.append(kwargs)
        for chunk in self.chunks:
            yield ChatGenerationChunk(message=chunk)


def end(finish_reason: str = "STOP", **metadata: Any) -> AIMessageChunk:
    metadata["finish_reason"] = finish_reason
    return AIMessageChunk(content="", response_metadata=metadata, chunk_position="last")


def texts(*pieces: str) -> list[AIMessageChunk]:
    return [AIMessageChunk(content=piece) for piece in pieces]


def call(name: str, *pieces: str, index: int = 0) -> list[AIMessageChunk]:
    heads = [(name, f"id{index}"), *[(None, None)] * (len(pieces) - 1)]
    return [
        AIMessageChunk(
            content="",
            tool_call_chunks=[
                {
                    "type": "tool_call_chunk",
                    "name": head,
                    "id": id_,
                    "args": piece,
                    "index": index,
                }
            ],
        )
        for (head, id_), piece in zip(heads, pieces, strict=True)
    ]


def asked(
    chunks: list[AIMessageChunk], schema: Any, **options: Any
) -> Runnable[Any, Any]:
    return Scripted(chunks=chunks).with_structured_output(schema, **options)


def parser_of(schema: Any, **options: Any) -> Any:
    """What reads the model's messages."""
    sequence: Any = asked([end()], schema, **options)
    return sequence.last


PIECES = ('{"setup": "Wh', 'y?", "punch', 'line": "So."}')

# Schema, the function's name, the whole object, what a stream yields.
GROWING: list[Any] = [
    {"setup": "Wh"},
    {"setup": "Why?"},
    {"setup": "Why?", "punchline": "So."},
]
SHAPES: dict[str, tuple[Any, str, Any, list[Any]]] = {
    "pydantic": (Joke, "Joke", Joke(setup="Why?", punchline="So."),
                 [Joke(**each) for each in GROWING]),
    "pydantic 1": (OldJoke, "OldJoke", OldJoke(setup="Why?"),
                   [OldJoke(setup="Wh"), OldJoke(setup="Why?")]),
    "typed dict": (JokeDict, "JokeDict", GROWING[-1], GROWING),
    "dataclass": (JokeData, "JokeData", JokeData(setup="Why?"),
                  [JokeData(setup="Wh"), JokeData(setup="Why?")]),
    "json schema": (Joke.model_json_schema(), "Joke", GROWING[-1], GROWING),
    "untitled json schema": ({"type": "object",
                              "properties": {"setup": {"type": "string"}}}, "output",
                             GROWING[-1], GROWING),
    "openai function": ({"type": "function",
                         "function": {"name": "f", "parameters": {"type": "object"}}},
                        "f", GROWING[-1], GROWING),
    "google's own": ({"type": "OBJECT", "title": "f",
                      "properties": {"setup": {"type": "STRING"}}}, "f", GROWING[-1],
                     GROWING),
}  # fmt: skip


@pytest.mark.parametrize("method", ["json_schema", "json_mode", "function_calling"])
@pytest.mark.parametrize("shape", SHAPES)
def test_reads_the_same_object_whole_and_streamed(shape: str, method: Any) -> None:
    schema, name, whole, growing = SHAPES[shape]
    body = call(name, *PIECES) if method == "function_calling" else texts(*PIECES)
    model = asked([*body, end()], schema, method=method)

    async def streamed() -> list[Any]:
        return [each async for each in model.astream("?")]

    assert model.invoke("?") == whole
    assert asyncio.run(model.ainvoke("?")) == whole
    assert list(model.stream("?")) == growing
    assert asyncio.run(streamed()) == growing


ROOTS: dict[str, tuple[Any, tuple[str, ...], Any, list[Any]]] = {
    "list": (list[int], ("[1", "2, 3", "]"), [12, 3], [[], [12], [12, 3]]),
    "list of classes": (list[Joke], ('[{"setup": "a"}', ', {"se', 'tup": "b"}]'),
                        [Joke(setup="a"), Joke(setup="b")],
                        [[Joke(setup="a")], [Joke(setup="a"), Joke(setup="b")]]),
    "list of a class that is not whole": (list[Joke], ('[{"se', 'tup": "a"}', "]"),
                                          [Joke(setup="a")], [[], [Joke(setup="a")]]),
    "list of lists": (
        list[list[Joke]],
        ('[[{"setup": "a"}], [{"se', 'tup": "b"}', "]]"),
        [[Joke(setup="a")], [Joke(setup="b")]],
        [[[Joke(setup="a")], []], [[Joke(setup="a")], [Joke(setup="b")]]]),
    "enum": (Color, ('"re', 'd"'), Color.RED, [Color.RED]),
    "literal": (Literal["a", "b"], ('"a"',), "a", ["a"]),
    "union": (Joke | int, ("1", "2"), 12, [12]),
    "array schema": ({"type": "array"}, ('["a"', "]"), ["a"], [["a"]]),
}  # fmt: skip


@pytest.mark.parametrize("dialect", ["json", "openapi"])
@pytest.mark.parametrize("root", ROOTS)
def test_roots_that_are_no_objects(root: str, dialect: Any) -> None:
    schema, pieces, whole, growing = ROOTS[root]
    model = asked([*texts(*pieces), end()], schema, schema_dialect=dialect)
    assert model.invoke("?") == whole
    assert list(model.stream("?")) == growing
    wrapped = ('{"value": ', *pieces, "}")
    name = {"enum": "Color"}.get(root, "output")
    model = asked(
        [*call(name, *wrapped), end()],
        schema,
        method="function_calling",
        schema_dialect=dialect,
    )
    assert model.invoke("?") == whole
    assert list(model.stream("?")) == growing


def test_any_json_without_a_schema() -> None:
    model = asked([*texts('{"a": [1', "]}"), end()], None, method="json_mode")
    assert model.invoke("?") == {"a": [1]}


# ---- what is bound


def bound(schema: Any, **options: Any) -> Json:
    model = Scripted(chunks=[*texts("{}"), end()])
    model.with_structured_output(schema, include_raw=True, **options).invoke("?")
    return model.calls[0]


@pytest.mark.parametrize("strict", [None, True, False])
def test_binds_a_schema(strict: bool | None) -> None:
    assert bound(Joke, strict=strict, temperature=0) == {
        "response_format": {
            "responseMimeType": "application/json",
            "responseJsonSchema": json_schema_from(Joke),
        },
        "temperature": 0,
    }


def test_binds_json_mode() -> None:
    as_json = {"responseMimeType": "application/json"}
    assert bound(None, method="json_mode") == {"response_format": as_json}
    assert bound(Joke, method="json_mode") == bound(Joke)


def test_binds_the_other_dialect() -> None:
    config = bound(Joke, schema_dialect="openapi")["response_format"]
    assert config["responseSchema"]["properties"]["punchline"]["nullable"] is True


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_what_the_other_dialect_cannot_say_is_refused_at_once(method: Any) -> None:
    pair = {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]}
    schema = {"title": "Pair", "type": "object", "properties": {"pair": pair}}
    model = Scripted(chunks=[])
    with pytest.raises(UnsupportedContentError, match="places differ"):
        model.with_structured_output(schema, method=method, schema_dialect="openapi")


def test_binds_a_function() -> None:
    found = bound(JokeDict, method="function_calling", strict=True)
    (tool,) = found.pop("tools")
    (declaration,) = tool["functionDeclarations"]
    assert declaration["name"] == "JokeDict"
    assert declaration["description"] == "A joke."
    assert declaration["parametersJsonSchema"]["required"] == ["setup"]
    assert found == {"tool_choice": "JokeDict", "strict": True}


def test_a_name_that_google_would_refuse_is_mended() -> None:
    schema = {"title": "3 jokes (list[str])", "type": "object", "properties": {}}
    found = bound(schema, method="function_calling")
    assert found["tool_choice"] == "__jokes__list_str__"


def test_a_recursive_list_becomes_an_argument() -> None:
    class Tree(BaseModel):
        leaves: list["Tree"] = []

    found = bound(list[Tree], method="function_calling")
    schema = found["tools"][0]["functionDeclarations"][0]["parametersJsonSchema"]
    assert schema["required"] == ["value"]
    assert schema["$defs"].keys() == {"Tree"}


def test_tools_beside_a_schema() -> None:
    tools = [{"name": "f"}]
    found = bound(Joke, tools=tools, strict=True)
    assert found["tools"] == tools
    assert found["strict"] is True
    assert "responseJsonSchema" in found["response_format"]
    found = bound(Joke, tools=tools, method="function_calling")
    names = [each["name"] for each in found["tools"][0]["functionDeclarations"]]
    assert (names, found["tool_choice"]) == (["Joke", "f"], "any")


@pytest.mark.parametrize(
    ("schema", "options", "message"),
    [
        (Joke, {"method": "magic"}, "method must be one of json_schema, function_call"),
        (Joke, {"method": "json_mode", "strict": True}, "strict=True requires"),
        (None, {}, "'json_schema' requires a schema"),
        (None, {"method": "function_calling"}, "'function_calling' requires a schema"),
        ({"$ref": "#/a"}, {}, "doesn't exist"),
    ],
)
def test_refuses_arguments(schema: Any, options: Json, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Scripted(chunks=[end()]).with_structured_output(schema, **options)


class Options(BaseCallbackHandler):
    """Keeps what LangChain tells tracers about a call."""

    def __init__(self) -> None:
        self.seen: list[Json] = []

    def on_chat_model_start(self, *_: Any, **kwargs: Any) -> None:
        self.seen.append(kwargs["options"])


@pytest.mark.parametrize("schema", [Joke, OldJoke, JokeDict, Joke.model_json_schema()])
@pytest.mark.parametrize("method", ["json_schema", "json_mode", "function_calling"])
def test_traces_the_schema_as_langchain_writes_it(schema: Any, method: Any) -> None:
    handler = Options()
    model = asked([*texts("{}"), end()], schema, method=method, include_raw=True)
    model.invoke("?", {"callbacks": [handler]})
    list(model.stream("?", {"callbacks": [handler]}))
    for options in handler.seen:
        traced = options["ls_structured_output_format"]
        assert traced["schema"] == convert_to_json_schema(schema)
        assert traced["kwargs"]["method"] == method
        assert ("strict" in traced["kwargs"]) is (method != "json_mode")


class Sketch(TypedDict):
    setup: NotRequired[str]  # LangChain's converter stops at NotRequired


@pytest.mark.parametrize(
    "schema", [list[int], Color, JokeData, Sketch, {"type": "object"}]
)
def test_traces_what_langchain_cannot_write(schema: Any) -> None:
    handler = Options()
    model = asked([*texts("{}"), end()], schema, include_raw=True)
    model.invoke("?", {"callbacks": [handler]})
    assert handler.seen[0]["ls_structured_output_format"]["schema"]["title"]


# ---- answers that are none

NO_OBJECT = OutputParserException
FAILURES: list[tuple[list[AIMessageChunk], str, type[Exception]]] = [
    ([end("MAX_TOKENS")], "was cut off: raise max_tokens", NO_OBJECT),
    ([end("SAFETY", finish_message="Because.")], r"refused .*SAFETY\): Because",
     REFUSAL),
    ([end("PROHIBITED_CONTENT")], "PROHIBITED_CONTENT", REFUSAL),
    ([end("BLOCKLIST")], "BLOCKLIST", REFUSAL),
    ([end("RECITATION")], "RECITATION", REFUSAL),
    ([end("SPII")], "SPII", REFUSAL),
    ([end("MODEL_ARMOR")], "MODEL_ARMOR", REFUSAL),
    ([end("IMAGE_SAFETY")], "IMAGE_SAFETY", REFUSAL),
    ([end("JAILBREAK", prompt_feedback={"block_reason": "JAILBREAK"})],
     "the prompt was blocked, block_reason JAILBREAK", REFUSAL),
    ([end("MALFORMED_FUNCTION_CALL")], "MALFORMED_FUNCTION_CALL", NO_OBJECT),
    ([end("UNEXPECTED_TOOL_CALL")], "isn't bound", NO_OBJECT),
    ([end("OTHER")], "finish_reason OTHER", NO_OBJECT),
    ([end("STOP")], r"valid for Joke.* EOF while parsing", NO_OBJECT),
    ([end("REASON_OF_TOMORROW")], "valid for Joke.* EOF", NO_OBJECT),
    ([*texts("oops"), end()], "valid for Joke", NO_OBJECT),
]  # fmt: skip


@pytest.mark.parametrize(("tail", "message", "error"), FAILURES)
def test_half_an_answer_is_an_error(
    tail: list[AIMessageChunk], message: str, error: type[Exception]
) -> None:
    chunks = [*texts('{"setup": "Why'), *tail]
    model = asked(chunks, Joke)
    with pytest.raises(error, match=message):
        model.invoke("?")
    seen = []
    with pytest.raises(error, match=message):
        seen += [each for each in model.stream("?")]
    found = asked(chunks, Joke, include_raw=True).invoke("?")
    assert found["parsed"] is None
    assert isinstance(found["parsing_error"], error)
    assert isinstance(found["raw"], AIMessage)


@pytest.mark.parametrize(
    ("chunks", "options", "message"),
    [
        ([end()], {}, r"has no text \(finish_reason STOP\)"),
        ([*texts("No."), end()], {"method": "function_calling"}, "has no call of Joke"),
        ([*texts('{"setup": 1}'), end()], {}, "Input should be a valid string"),
        ([*texts("[]"), end()], {"schema": JokeDict}, "another type than the schema"),
        ([*texts("1"), end()], {"schema": {"type": "array"}}, "another type"),
        ([*call("output", '{"x": 1}'), end()],
         {"schema": list[int], "method": "function_calling"},
         "the argument 'value' is missing"),
    ],
)  # fmt: skip
def test_an_answer_of_another_kind_is_an_error(
    chunks: list[AIMessageChunk], options: Json, message: str
) -> None:
    options = {"schema": Joke, **options}
    model = Scripted(chunks=chunks).with_structured_output(**options)
    with pytest.raises(OutputParserException, match=message):
        model.invoke("?")
    with pytest.raises(OutputParserException, match=message):
        list(model.stream("?"))


def test_half_a_call_is_an_error() -> None:
    chunks = [*call("Joke", '{"setup": "Wh'), end()]
    with pytest.raises(OutputParserException, match="EOF while parsing"):
        list(asked(chunks, Joke, method="function_calling").stream("?"))


def test_refusals_are_langchains_own_error_where_it_has_one() -> None:
    blocks = AIMessage(content=[{"type": "refusal", "refusal": "I won't."}])
    withheld = AIMessage("", response_metadata={"finish_reason": "SPII"})
    for message, said in ((blocks, "I won't."), (withheld, "SPII")):
        with pytest.raises(REFUSAL, match=said) as caught:
            parser_of(Joke).invoke(message)
        if REFUSAL is not OutputParserException:
            assert caught.value.raw_message is message


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_a_call_of_another_tool_is_no_object_yet(method: Any) -> None:
    chunks = [*texts("Let me see."), *call("search", '{"q": "x"}'), end()]
    options: Json = {"tools": [{"name": "search"}], "method": method}
    assert asked(chunks, Joke, **options).invoke("?") is None
    assert list(asked(chunks, Joke, **options).stream("?")) == []
    found = asked(chunks, Joke, include_raw=True, **options).invoke("?")
    assert (found["parsed"], found["parsing_error"]) == (None, None)
    assert found["raw"].tool_calls[0]["name"] == "search"


def test_the_first_call_of_several_counts() -> None:
    chunks = [
        *call("search", "{}", index=0),
        *call("Joke", '{"setup"', ': "a"}', index=1),
        *call("Joke", '{"setup": "b"}', index=2),
        end(),
    ]
    model = asked(chunks, Joke, method="function_calling")
    assert model.invoke("?") == Joke(setup="a")
    assert list(model.stream("?")) == [Joke(setup="a")]


# ---- include_raw


def test_raw_parsed_and_error_stand_side_by_side() -> None:
    model = asked([*texts(*PIECES), end()], Joke, include_raw=True)
    found = model.invoke("?")
    assert found["raw"].text == "".join(PIECES)
    assert found["parsed"] == Joke(setup="Why?", punchline="So.")
    assert found["parsing_error"] is None
    chunks = list(model.stream("?"))
    parsed = [each["parsed"] for each in chunks if "parsed" in each]
    assert parsed[:2] == [Joke(setup="Wh"), Joke(setup="Why?")]
    total = chunks[0]
    for each in chunks[1:]:
        total = total + each
    assert total["raw"].text == "".join(PIECES)
    assert total["parsed"] == found["parsed"]
    assert total["parsing_error"] is None


def test_lists_do_not_add_up() -> None:
    model = asked([*texts("[1,", " 2, ", "3]"), end()], list[int], include_raw=True)
    chunks = list(model.stream("?"))
    total = chunks[0]
    for each in chunks[1:]:
        total = total + each
    assert total["parsed"] == [1, 2, 3]


def test_the_error_of_a_stream_is_a_value_too() -> None:
    chunks = [*texts('{"setup": "a'), end("MAX_TOKENS")]
    total, *rest = asked(chunks, Joke, include_raw=True).stream("?")
    assert rest[0]["parsed"] == Joke(setup="a")
    for each in rest:
        total = total + each
    assert total["parsed"] is None
    assert "MAX_TOKENS" in str(total["parsing_error"])


def test_errors_of_the_callers_validators_are_values_too() -> None:
    class Picky(BaseModel):
        setup: str

        @field_validator("setup", mode="before")
        @classmethod
        def pick(cls, value: Json) -> str:
            return str(value["text"])

    chunks = [*texts('{"setup": {"te', 'xt": "a"}}'), end()]
    assert asked(chunks, Picky).invoke("?") == Picky.model_construct(setup="a")
    assert list(asked(chunks, Picky).stream("?")) == [Picky.model_construct(setup="a")]
    chunks = [*texts('{"setup": {}}'), end()]
    found = asked(chunks, Picky, include_raw=True).invoke("?")
    assert isinstance(found["parsing_error"], OutputParserException)


# ---- the parser by itself


def test_reads_what_is_no_stream_of_a_chat_model() -> None:
    parser = parser_of(Joke)
    assert parser.parse('{"setup": "a"}') == Joke(setup="a")
    assert parser.invoke('{"setup": "a"}') == Joke(setup="a")
    assert list(parser.transform(iter(PIECES)))[-1] == Joke(
        setup="Why?", punchline="So."
    )
    assert list(parser.transform(iter([]))) == []
    assert list(parser.transform(iter([AIMessage(PIECES[0] + '"}')]))) == [
        Joke(setup="Wh")
    ]
    part: list[Generation] = [ChatGeneration(message=AIMessage('{"setup": "a'))]
    assert parser.parse_result(part, partial=True) == Joke(setup="a")
    part = [ChatGeneration(message=AIMessage("{"))]
    assert parser.parse_result(part, partial=True) is None


def test_reads_broken_calls_as_errors() -> None:
    parser = parser_of(Joke, method="function_calling")
    broken: Any = {"name": "Joke", "args": '{"setup": ', "id": "1", "error": "cut"}
    message = AIMessage(
        "", invalid_tool_calls=[{"type": "invalid_tool_call", **broken}]
    )
    with pytest.raises(OutputParserException, match="EOF while parsing"):
        parser.invoke(message)
    with pytest.raises(OutputParserException, match="has no call of Joke"):
        parser.invoke(HumanMessage("?"))


@pytest.mark.parametrize(
    "text",
    ['```json\n{"setup": "a"}\n```', '```\n{"setup": "a"}```', ' {"setup": "a"}\n'],
)
def test_reads_through_fences(text: str) -> None:
    chunks = [*texts(text[:7], text[7:12], text[12:]), end()]
    assert asked(chunks, JokeDict).invoke("?") == {"setup": "a"}
    assert list(asked(chunks, JokeDict).stream("?"))[-1] == {"setup": "a"}


def test_text_blocks_are_read_and_thoughts_are_not() -> None:
    blocks: list[Any] = [
        {"type": "reasoning", "reasoning": "{", "index": 0},
        {"type": "text", "text": '{"setup": ', "index": 1},
        {"type": "text", "text": '"a"}', "index": 1},
    ]
    chunks = [AIMessageChunk(content=[block]) for block in blocks]
    assert asked([*chunks, AIMessageChunk(content=[])], Joke).invoke("?").setup == "a"


def test_strict_classes_read_json_as_json() -> None:
    answer = json.dumps({"day": "2026-11-22", "color": "red"})
    expected = Strict(day=date(2026, 11, 22), color=Color.RED)
    assert asked([*texts(answer), end()], Strict).invoke("?") == expected
    calls = [*call("Strict", answer), end()]
    assert asked(calls, Strict, method="function_calling").invoke("?") == expected


def test_a_number_grows_only_when_it_is_whole() -> None:
    chunks = [*texts('{"n": 1', "2", ".5", ', "m": tru', "e}"), end()]
    assert list(asked(chunks, {"type": "object"}).stream("?")) == [
        {},
        {"n": 12.5},
        {"n": 12.5, "m": True},
    ]


def test_is_what_it_says_it_is() -> None:
    assert asked([end()], Joke).OutputType is Joke
    assert asked([end()], Joke, include_raw=True).OutputType == dict[str, Any]
    assert asked([end()], {"type": "object"}).OutputType == dict[str, Any]
    parser = parser_of(list[int])
    assert parser.asdict()["_type"] == "gemini_structured_output"
    assert pickle.loads(pickle.dumps(parser)).parse("[1]") == [1]


# ---- what models write around an object

AROUND: dict[str, str] = {
    "words and a fence": 'Here:\n```json\n{"setup": "Why?"}\n```',
    "words after": '{"setup": "Why?"}\nHope this helps!',
    "twice": '{"setup": "Why?"}{"setup": "Why?"}',
    "fence without line breaks": '```json{"setup": "Why?"}```',
    "fence of another name": '```JSON\n{"setup": "Why?"}\n``` and more ```',
    "words alone": 'Sure! {"setup": "Why?"} Anything else?',
    "white space": '\n\n {"setup": "Why?"} \n',
}


@pytest.mark.parametrize("said", AROUND.values(), ids=AROUND.keys())
def test_objects_are_read_out_of_what_stands_around(said: str) -> None:
    for chunks in (texts(said), texts(*said)):
        model = asked([*chunks, end()], Joke)
        assert model.invoke("?") == Joke(setup="Why?")
        assert list(model.stream("?"))[-1] == Joke(setup="Why?")


@pytest.mark.parametrize(
    ("inside", "read"),
    [("a\nb\tc", "a\nb\tc"), ("\\ud83d", "\ufffd"), ("\\ud83d\\ude00", "\U0001f600")],
)
def test_strings_that_json_does_not_allow(inside: str, read: str) -> None:
    model = asked([*texts(f'{{"setup": "{inside}"}}'), end()], Joke)
    assert model.invoke("?") == Joke(setup=read)
    json.dumps(model.invoke("?").model_dump()).encode()


def test_reading_takes_linear_time() -> None:
    """A fence and 400,000 spaces: the time of a pattern that goes back is hours."""
    said = '```json\n{"setup": "Why?"' + " " * 400_000 + "}\n```"
    assert asked([*texts(said), end()], Joke).invoke("?") == Joke(setup="Why?")
    cut = [said[at : at + 400] for at in range(0, len(said), 400)]
    assert list(asked([*texts(*cut), end()], Joke).stream("?"))[-1].setup == "Why?"


class Jokes(BaseModel):
    jokes: list[Joke]


def test_lists_grow_by_the_item() -> None:
    items = [f'{{"setup": "{n}", "punchline": "ha"}}' for n in range(5)]
    pieces = ['{"jokes": [', *(f"{item}, " for item in items[:-1]), items[-1], "]}"]
    seen = list(asked([*texts(*pieces), end()], Jokes).stream("?"))
    assert [len(each.jokes) for each in seen] == [0, 1, 2, 3, 4, 5]


# ---- functions stand for their arguments

CALLED: list[str] = []


def delete_order(order: str, why: str = "none") -> None:
    """Delete an order."""
    CALLED.append(order)


async def delete_later(order: str, why: str = "none") -> None:
    """Delete an order later."""
    CALLED.append(order)


class Shop:
    def delete(self, order: str, why: str = "none") -> None:
        """Delete an order of this shop."""
        CALLED.append(order)


FUNCTIONS: dict[str, Any] = {
    "delete_order": delete_order,
    "delete_later": delete_later,
    "delete": Shop().delete,
}
ARGUMENTS = ('{"order": "A', '-2", "why"', ': "x"}')


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("method", ["json_schema", "json_mode", "function_calling"])
@pytest.mark.parametrize("include_raw", [False, True])
def test_a_function_is_never_called(name: str, method: Any, include_raw: bool) -> None:
    body = call(name, *ARGUMENTS) if method == "function_calling" else texts(*ARGUMENTS)
    model = asked(
        [*body, end()], FUNCTIONS[name], method=method, include_raw=include_raw
    )
    found = model.invoke("?")
    streamed = list(model.stream("?"))
    assert CALLED == []
    wanted = {"order": "A-2", "why": "x"}
    assert (found["parsed"] if include_raw else found) == wanted
    assert (streamed[-1]["parsed"] if include_raw else streamed[-1]) == wanted


def test_what_a_partial_gives_is_not_asked_for() -> None:
    found = bound(partial(delete_order, why="x"), method="function_calling")
    (declaration,) = found["tools"][0]["functionDeclarations"]
    assert declaration["name"] == "delete_order"
    assert list(declaration["parametersJsonSchema"]["properties"]) == ["order"]


# ---- calls that nobody offered


def test_an_object_beside_a_stray_call_is_read() -> None:
    chunks = [*texts('{"setup": "Why?"}'), *call("stray", "{}"), end()]
    assert asked(chunks, Joke).invoke("?") == Joke(setup="Why?")
    assert list(asked(chunks, Joke).stream("?")) == [Joke(setup="Why?")]
    offered = asked(chunks, Joke, tools=[{"name": "stray"}])
    assert offered.invoke("?") is None


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
@pytest.mark.parametrize("name", ["Joke", "default_api.Joke"])
def test_a_call_of_the_schema_is_read(method: Any, name: str) -> None:
    model = asked([*call(name, '{"setup": "Why?"}'), end()], Joke, method=method)
    assert model.invoke("?") == Joke(setup="Why?")
    assert list(model.stream("?"))[-1] == Joke(setup="Why?")


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_a_call_that_nobody_offered_is_no_object(method: Any) -> None:
    chunks = [*call("stray", '{"setup": "Why?"}'), end()]
    with pytest.raises(NO_OBJECT, match="but calls of stray"):
        asked(chunks, Joke, method=method).invoke("?")
    found = asked(chunks, Joke, method=method, include_raw=True).invoke("?")
    assert isinstance(found["parsing_error"], NO_OBJECT)


# ---- what was bad is not read out of the gateway's cache again


class Number(BaseModel):
    value: int = Field(ge=10)


BAD = {
    "no JSON": "ten",
    "another type": '{"value": "ten"}',
    "refused by a validator": '{"value": 1}',
    "nothing": "",
}
ASKS: dict[str, Callable[[Any], Any]] = {
    "invoke": lambda runnable: runnable.invoke("hi"),
    "ainvoke": lambda runnable: asyncio.run(runnable.ainvoke("hi")),
    "batch": lambda runnable: runnable.batch(["hi"])[0],
    "abatch": lambda runnable: asyncio.run(runnable.abatch(["hi"]))[0],
}
PAST_THE_CACHE = "cf-aig-skip-cache"


def skips(cloudflare: Cloudflare) -> list[str | None]:
    """Which requests went past the cache."""
    return [request.headers.get(PAST_THE_CACHE) for request in cloudflare.requests]


def answered(said: str, method: str) -> Json:
    if method != "function_calling" or not said.startswith("{"):
        return answer(text(said))
    return answer(wire_call("Number", args=json.loads(said)))


# Every method with all that is bad, in each way of asking in turn.
REPEATED = product(BAD, ["json_schema", "json_mode", "function_calling"])


@pytest.mark.parametrize(
    ("said", "method", "way"),
    [(*row, way) for row, way in zip(REPEATED, cycle(ASKS), strict=False)],
)
def test_a_repetition_goes_past_the_cache(said: str, method: Any, way: str) -> None:
    ask, said = ASKS[way], BAD[said]
    bad, good = answered(said, method), answered('{"value": 12}', method)
    cloudflare = Cloudflare(bad, good)
    model = cloudflare.model()
    runnable = model.with_structured_output(Number, method=method)
    retried = runnable.with_retry(wait_exponential_jitter=False)
    assert ask(retried) == Number(value=12)
    assert skips(cloudflare) == [None, "true"]
    # It may still be in the cache; other requests are not concerned.
    ask(runnable)
    with pytest.raises(OutputParserException):
        Cloudflare(bad).model().with_structured_output(Number).invoke("hi")
    model.with_structured_output(Number, method=method).invoke("something else")
    assert skips(cloudflare)[2:] == ["true", None]


def test_a_repetition_by_hand_goes_past_the_cache() -> None:
    cloudflare = Cloudflare(answer(text("ten")))
    runnable = cloudflare.model().with_structured_output(Number, include_raw=True)
    chain = ChatPromptTemplate([("human", "{said}")]) | runnable
    assert chain.invoke({"said": "hi"})["parsing_error"] is not None
    list(chain.stream({"said": "hi"}))
    list(chain.stream({"said": "hi"}))
    assert skips(cloudflare) == [None, None, "true"]  # a stream is another request


def test_a_copy_knows_what_was_bad() -> None:
    cloudflare = Cloudflare(answer(text("ten")))
    model = cloudflare.model()
    with pytest.raises(OutputParserException):
        model.with_structured_output(Number).invoke("hi")
    other = model.model_copy(update={"max_retries": 1})
    with pytest.raises(OutputParserException):
        other.with_structured_output(Number).invoke("hi")
    assert skips(cloudflare) == [None, "true"]


@pytest.mark.parametrize("first", [[], {"result": None}, {"candidates": []}])
@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS.keys())
def test_what_nobody_can_read_is_asked_for_past_the_cache(
    ask: Any, first: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGCHAIN_CF_GEMINI_TESTING", "1")  # so that nothing waits
    cloudflare = Cloudflare(first, refusal(503, 7000), answer(text("ok")))
    model = cloudflare.model(max_retries=2)
    assert ask(model).text == "ok"
    assert skips(cloudflare) == [None, "true", "true"]
    again = Cloudflare(refusal(503, 7000), answer(text("ok")))
    ask(again.model(max_retries=2))
    assert skips(again) == [None, None]  # nothing was bad in an answer
