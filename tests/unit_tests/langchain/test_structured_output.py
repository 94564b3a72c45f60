"""Structured output: what is bound, and what comes back."""

import asyncio
import dataclasses
import enum
import json
import pickle
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial, reduce
from itertools import cycle, product
from operator import add
from typing import Annotated, Any, Literal, NotRequired, Optional

import pytest
from langchain_core import exceptions
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    message_chunk_to_message,
)
from langchain_core.outputs import (
    ChatGeneration,
    ChatGenerationChunk,
    ChatResult,
    Generation,
)
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.utils.function_calling import convert_to_json_schema
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, v1
from typing_extensions import TypedDict

from langchain_cf_gemini import ChatCloudflareGemini, UnsupportedContentError
from tests.support.gemini import json_schema_from
from tests.support.models import (
    ACCOUNT,
    TOKEN,
    Cloudflare,
    answer,
    folded,
    refusal,
    text,
)
from tests.support.models import call as wire_call

Json = dict[str, Any]
NO_OBJECT = OutputParserException
REFUSAL: Any = getattr(exceptions, "ModelRefusalError", OutputParserException)
METHODS = ["json_schema", "json_mode", "function_calling"]
CALLING: Json = {"method": "function_calling"}
JSON_MODE: Json = {"method": "json_mode"}
every_method = pytest.mark.parametrize("method", METHODS)


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


class Jokes(BaseModel):
    jokes: list[Joke]


class Tree(BaseModel):
    leaves: list["Tree"] = []


class Color(enum.Enum):
    RED = "red"


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    day: date
    color: Color


class Picky(BaseModel):
    setup: str

    @field_validator("setup", mode="before")
    @classmethod
    def pick(cls, value: Json) -> str:
        return str(value["text"])


class Scripted(ChatCloudflareGemini):
    """A model that answers with given chunks."""

    model: str = "gemini-3-flash"
    account_id: str | None = ACCOUNT
    api_token: SecretStr | None = SecretStr(TOKEN)
    chunks: list[AIMessageChunk]

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        message = message_chunk_to_message(folded(self.chunks))
        return ChatResult(generations=[ChatGeneration(message=message)])

    async def _agenerate(self, *args: Any, **kwargs: Any) -> ChatResult:
        return self._generate()

    def _stream(self, *args: Any, **kwargs: Any) -> Iterator[ChatGenerationChunk]:
        for chunk in self.chunks:
            yield ChatGenerationChunk(message=chunk)

    async def _astream(self, *args: Any, **kwargs: Any) -> Any:
        for chunk in self._stream():
            yield chunk


Chunks = list[AIMessageChunk]


def ended(finish: str = "STOP", **metadata: Any) -> AIMessageChunk:
    metadata["finish_reason"] = finish
    return AIMessageChunk(content="", response_metadata=metadata, chunk_position="last")


def said(*pieces: Any) -> Chunks:
    """Texts, or lists of blocks."""
    return [AIMessageChunk(content=piece) for piece in pieces]


def called(name: str, *pieces: str, index: int = 0) -> Chunks:
    """A call whose arguments come in pieces."""
    heads = [(name, f"id{index}"), *[(None, None)] * (len(pieces) - 1)]
    calls: list[Any] = [
        {"name": head, "id": id_, "args": piece, "index": index}
        for (head, id_), piece in zip(heads, pieces, strict=True)
    ]
    return [AIMessageChunk(content="", tool_call_chunks=[each]) for each in calls]


def asked(chunks: Chunks, schema: Any, **options: Any) -> Any:
    """What answers with these chunks, and an end if they have none."""
    has_end = bool(chunks) and chunks[-1].chunk_position == "last"
    chunks = chunks if has_end else [*chunks, ended()]
    return Scripted(chunks=chunks).with_structured_output(schema, **options)


def parser_of(schema: Any, **options: Any) -> Any:
    """What reads the model's messages."""
    return asked([], schema, **options).last


def bound(schema: Any, **options: Any) -> Json:
    """What is bound to the model, without what is there for traces."""
    found: Json = dict(asked([], schema, **options).first.kwargs)
    found.pop("ls_structured_output_format", None)
    return found


def check(model: Any, seen: list[Any]) -> None:
    """Ask in every way: a stream yields what is seen, the last is the whole object.

    Nothing is said of what a stream yields before its end if `...` stands there.
    """

    async def streamed() -> list[Any]:
        return [each async for each in model.astream("?")]

    assert model.invoke("?") == seen[-1]
    assert asyncio.run(model.ainvoke("?")) == seen[-1]
    for found in (list(model.stream("?")), asyncio.run(streamed())):
        assert found == (seen if seen[0] is not ... else [*found[:-1], seen[-1]])


PIECES = ('{"setup": "Wh', 'y?", "punch', 'line": "So."}')
GROWING: list[Json] = [
    {"setup": "Wh"},
    {"setup": "Why?"},
    {"setup": "Why?", "punchline": "So."},
]
LOOSE = {"type": "object", "properties": {"setup": {"type": "string"}}}
OPENAI_FUNCTION = {"name": "f", "parameters": {"type": "object"}}
OPENAI = {"type": "function", "function": OPENAI_FUNCTION}
GOOGLES = {"type": "OBJECT", "title": "f", "properties": {"setup": {"type": "STRING"}}}
# Schema, the function's name, what a stream yields.
SHAPES: dict[str, tuple[Any, str, list[Any]]] = {
    "pydantic": (Joke, "Joke", [Joke(**each) for each in GROWING]),
    "pydantic 1": (OldJoke, "OldJoke", [OldJoke(setup=s) for s in ("Wh", "Why?")]),
    "typed dict": (JokeDict, "JokeDict", GROWING),
    "dataclass": (JokeData, "JokeData", [JokeData("Wh"), JokeData("Why?")]),
    "json schema": (Joke.model_json_schema(), "Joke", GROWING),
    "untitled json schema": (LOOSE, "output", GROWING),
    "openai function": (OPENAI, "f", GROWING),
    "google's own": (GOOGLES, "f", GROWING),
}


@every_method
@pytest.mark.parametrize("shape", SHAPES)
def test_reads_the_same_object_whole_and_streamed(shape: str, method: str) -> None:
    schema, name, growing = SHAPES[shape]
    body = called(name, *PIECES) if method == "function_calling" else said(*PIECES)
    check(asked(body, schema, method=method), growing)


A, B = Joke(setup="a"), Joke(setup="b")
ROOTS: dict[str, tuple[Any, tuple[str, ...], list[Any]]] = {
    "list": (list[int], ("[1", "2, 3", "]"), [[], [12], [12, 3]]),
    "list of classes": (
        list[Joke], ('[{"setup": "a"}', ', {"se', 'tup": "b"}]'), [[A], [A, B]]),
    "list of a class that is not whole": (
        list[Joke], ('[{"se', 'tup": "a"}', "]"), [[], [A]]),
    "list of lists": (
        list[list[Joke]], ('[[{"setup": "a"}], [{"se', 'tup": "b"}', "]]"),
        [[[A], []], [[A], [B]]]),
    "enum": (Color, ('"re', 'd"'), [Color.RED]),
    "literal": (Literal["a", "b"], ('"a"',), ["a"]),
    "union": (Joke | int, ("1", "2"), [12]),
    "array schema": ({"type": "array"}, ('["a"', "]"), [["a"]]),
}  # fmt: skip


@pytest.mark.parametrize("dialect", ["json", "openapi"])
@pytest.mark.parametrize("root", ROOTS)
def test_roots_that_are_no_objects(root: str, dialect: str) -> None:
    schema, pieces, growing = ROOTS[root]
    check(asked(said(*pieces), schema, schema_dialect=dialect), growing)
    wrapped = called({"enum": "Color"}.get(root, "output"), '{"value": ', *pieces, "}")
    check(asked(wrapped, schema, schema_dialect=dialect, **CALLING), growing)


JOKE, WHY = '{"setup": "Why?"}', Joke(setup="Why?")
STRICT = '{"day": "2026-11-22", "color": "red"}'
DAY = Strict(day=date(2026, 11, 22), color=Color.RED)
JOKES = [Joke(setup=str(n), punchline="ha") for n in range(3)]
ITEMS = ["," * (joke.setup > "0") + joke.model_dump_json() for joke in JOKES]
PICKED = Picky.model_construct(setup="a")
THOUGHT = {"type": "reasoning", "reasoning": "{", "index": 0}
HALVES = [[{"type": "text", "text": t, "index": 1}] for t in (JOKE[:7], JOKE[7:])]
# The time of a pattern that goes back would be hours.
LONG = JOKE.replace("}", " " * 400_000 + "}")
CUTS = range(0, len(LONG), 400)
# Chunks, schema, options, what a stream yields.
READ: dict[str, tuple[Chunks, Any, Json, list[Any]]] = {
    "any JSON": (said('{"a": [1', "]}"), None, JSON_MODE, [..., {"a": [1]}]),
    "no thoughts": (said([THOUGHT], *HALVES), Joke, {}, [..., WHY]),
    "strict class": (said(STRICT), Strict, {}, [DAY]),
    "strict class, called": (called("Strict", STRICT), Strict, CALLING, [DAY]),
    "numbers": (said('{"n": 1', "2", ".5", ', "m": tru', "e}"), {"type": "object"}, {},
                [{}, {"n": 12.5}, {"n": 12.5, "m": True}]),
    "items": (said('{"jokes": [', *ITEMS, "]}"), Jokes, {},
              [Jokes(jokes=JOKES[:n]) for n in range(4)]),
    "own validator": (said('{"setup": {"te', 'xt": "a"}}'), Picky, {}, [PICKED]),
    "spaces": (said(f"```json\n{LONG}\n```"), Joke, {}, [WHY]),
    "spaces in pieces": (said("```json\n", *[LONG[at:at + 400] for at in CUTS]), Joke,
                         {}, [..., WHY]),
    "half a character": (said('{"setup": "\\ud83d"}'), Joke, {},
                         [..., Joke(setup="\ufffd")]),
    "both halves": (said('{"setup": "\\ud83d\\ude00"}'), Joke, {},
                    [..., Joke(setup="\U0001f600")]),
    "raw line break": (said('{"setup": "a\nb\tc"}'), Joke, {},
                       [..., Joke(setup="a\nb\tc")]),
    "first call of several": (
        [*called("search", "{}"), *called("Joke", '{"setup"', ': "a"}', index=1),
         *called("Joke", '{"setup": "b"}', index=2)], Joke, CALLING, [A]),
    "beside a stray call": ([*said(JOKE), *called("stray", "{}")], Joke, {}, [WHY]),
    "call": (called("Joke", JOKE), Joke, CALLING, [WHY]),
    "call by a long name": (called("default_api.Joke", JOKE), Joke, CALLING, [WHY]),
    "call by another long name": (called("default_api:Joke", JOKE), Joke, CALLING,
                                  [WHY]),
    "call nobody offered": (called("Joke", JOKE), Joke, {}, [WHY]),
    "call nobody offered, after words": ([*said("Sure."), *called("Joke", JOKE)], Joke,
                                         {}, [WHY]),
    "call nobody offered, by a title": (called("Joke", JOKE), Joke.model_json_schema(),
                                        {}, [json.loads(JOKE)]),
    "call by a name with a dot": (called("a.b", JOKE),
                                  {**Joke.model_json_schema(), "title": "a.b"}, CALLING,
                                  [json.loads(JOKE)]),
    "call nobody offered by a long name": (called("default_api.Joke", JOKE), Joke, {},
                                           [WHY]),
}  # fmt: skip
AROUND: dict[str, str] = {
    "words and a fence": f"Here:\n```json\n{JOKE}\n```",
    "fence": f"```json\n{JOKE}\n```",
    "fence without a name": f"```\n{JOKE}```",
    "fence without line breaks": f"```json{JOKE}```",
    "fence of another name": f"```JSON\n{JOKE}\n``` and more ```",
    "words after": f"{JOKE}\nHope this helps!",
    "twice": JOKE * 2,
    "words alone": f"Sure! {JOKE} Anything else?",
    "white space": f"\n\n {JOKE} \n",
}
READ |= {name: (said(AROUND[name]), Joke, {}, [WHY]) for name in AROUND}
READ |= {
    f"{name} in letters": (said(*AROUND[name]), JokeDict, {}, [..., GROWING[1]])
    for name in AROUND
}


@pytest.mark.parametrize(
    ("chunks", "schema", "options", "seen"), READ.values(), ids=READ
)
def test_reads(chunks: Chunks, schema: Any, options: Json, seen: list[Any]) -> None:
    check(asked(chunks, schema, **options), seen)


# ---- what is bound

SEARCH: Json = {"name": "search"}
TYPED = {"responseMimeType": "application/json"}
AS_JOKE = {**TYPED, "responseJsonSchema": json_schema_from(Joke)}


@pytest.mark.parametrize(
    ("schema", "options", "config"),
    [
        (Joke, {"strict": None}, AS_JOKE),
        (Joke, {"strict": True}, AS_JOKE),
        (Joke, {"strict": False}, AS_JOKE),
        (Joke, JSON_MODE, AS_JOKE),
        (None, JSON_MODE, TYPED),
    ],
)
def test_binds_a_schema(schema: Any, options: Json, config: Json) -> None:
    found = bound(schema, **options, temperature=0)
    assert found == {"response_format": config, "temperature": 0}


def test_binds_the_other_dialect() -> None:
    config = bound(Joke, schema_dialect="openapi")["response_format"]
    assert config["responseSchema"]["properties"]["punchline"]["nullable"] is True


def test_binds_tools_beside_a_schema() -> None:
    (tool,) = (found := bound(Joke, tools=[SEARCH], strict=True)).pop("tools")
    assert tool["name"] == "search"
    assert found == {"response_format": AS_JOKE, "strict": True}


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


OPENAPI = {"schema_dialect": "openapi"}
# Schema, options, what is bound beside the tools, some of the first one's declaration.
BOUND: dict[str, tuple[Any, Json, Json, Json]] = {
    "typed dict": (JokeDict, {"strict": True},
                   {"tool_choice": "JokeDict", "strict": True},
                   {"description": "A joke.", "required": ["setup"]}),
    "a name that Google would refuse": ({**LOOSE, "title": "3 jokes (list[str])"}, {},
                                        {"tool_choice": "__jokes__list_str__"}, {}),
    "a recursive list": (list[Tree], {}, {"tool_choice": "output"},
                         {"required": ["value"],
                          "$defs": json_schema_from(list[Tree])["$defs"]}),
    "not what a partial gives": (
        partial(delete_order, why="x"), {}, {"tool_choice": "delete_order"},
        {"properties": {"order": {"title": "Order", "type": "string"}}}),
    "a union of classes": (Joke | Tree, {}, {"tool_choice": "output"},
                           {"properties": None}),
    "a union of classes in OpenAPI": (
        Joke | Picky, OPENAPI, {"tool_choice": "output", **OPENAPI},
        {"required": ["value"]}),
    "other tools": (Joke, {"tools": [SEARCH]}, {"tool_choice": "any"},
                    {"name": "Joke"}),
}  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "options", "beside", "declared"), BOUND.values(), ids=BOUND
)
def test_binds_a_function(
    schema: Any, options: Json, beside: Json, declared: Json
) -> None:
    found = bound(schema, **options, **CALLING)
    function, *others = found.pop("tools")
    assert found == beside
    assert [each["name"] for each in others] == ["search"] * ("tools" in options)
    key = "parameters" if "schema_dialect" in options else "parametersJsonSchema"
    function |= function.pop(key)
    assert {key: function.get(key) for key in declared} == declared
    assert others or function["name"] == beside["tool_choice"]


PAIR = {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]}
PAIRS = {"title": "Pair", "type": "object", "properties": {"pair": PAIR}}


@pytest.mark.parametrize(
    ("schema", "options", "message"),
    [
        (Joke, {"method": "magic"}, "method must be one of json_schema, function_call"),
        (Joke, {**JSON_MODE, "strict": True}, "strict=True requires"),
        (None, {}, "'json_schema' requires a schema"),
        (None, CALLING, "'function_calling' requires a schema"),
        ({"$ref": "#/a"}, {}, "doesn't exist"),
        (PAIRS, OPENAPI, "places differ"),
        (PAIRS, {**OPENAPI, **CALLING}, "places differ"),
    ],
)
def test_refuses_arguments(schema: Any, options: Json, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        asked([], schema, **options)
    if schema is PAIRS:
        assert isinstance(caught.value, UnsupportedContentError)


class Options(BaseCallbackHandler):
    """Keeps what LangChain tells tracers about a call."""

    def __init__(self) -> None:
        self.seen: list[Json] = []

    def on_chat_model_start(self, *_: Any, **kwargs: Any) -> None:
        self.seen.append(kwargs["options"]["ls_structured_output_format"])


class Sketch(TypedDict):
    setup: NotRequired[str]  # LangChain's converter stops at NotRequired


def traced(schema: Any, method: str, strict: bool | None = None) -> list[Json]:
    handler = Options()
    options: Json = {"method": method, "strict": strict, "include_raw": True}
    model = asked(said("{}"), schema, **options)
    model.invoke("?", {"callbacks": [handler]})
    list(model.stream("?", {"callbacks": [handler]}))
    return handler.seen


@every_method
@pytest.mark.parametrize("schema", [Joke, OldJoke, JokeDict, Jokes.model_json_schema()])
def test_traces_the_schema_as_langchain_writes_it(schema: Any, method: str) -> None:
    written = convert_to_json_schema(schema)
    for strict in (None, True)[: 1 if method == "json_mode" else 2]:
        told = {} if method == "json_mode" else {"strict": strict}
        wanted = {"schema": written, "kwargs": {"method": method, **told}}
        assert traced(schema, method, strict) == [wanted] * 2


@pytest.mark.parametrize(
    "schema",
    [list[int], Color, JokeData, Sketch, {"type": "object"}, {"type": ["object"]}],
)
def test_traces_what_langchain_cannot_write(schema: Any) -> None:
    assert all(each["schema"]["title"] for each in traced(schema, "json_schema"))


# ---- answers that are none

HALF = said('{"setup": "Why')
# Chunks, options, what the error says.
FAILURES: list[tuple[Chunks, Json, str]] = [
    ([*HALF, ended("MAX_TOKENS")], {}, "was cut off: raise max_tokens"),
    ([*HALF, ended("MALFORMED_FUNCTION_CALL")], {}, "MALFORMED_FUNCTION_CALL"),
    ([*HALF, ended("UNEXPECTED_TOOL_CALL")], {}, "isn't bound"),
    ([*HALF, ended("OTHER")], {}, "finish_reason OTHER"),
    *[([*HALF, ended(reason)], {}, f"^The response .*finish_reason {reason}")
      for reason in ("TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE", "CONTINUATION",
                     "MISSING_THOUGHT_SIGNATURE", "ESCALATION", "PUP_LIMITED_DISABLED",
                     "LANGUAGE", "NO_IMAGE")],
    (HALF, {}, r"valid for Joke.* EOF while parsing"),
    ([*HALF, ended("REASON_OF_TOMORROW")], {}, "valid for Joke.* EOF"),
    ([*HALF, *said("oops")], {}, "valid for Joke"),
    ([], {}, r"has no text \(finish_reason STOP\)"),
    (said("No."), CALLING, "has no call of Joke"),
    (said('{"setup": 1}'), {}, "Input should be a valid string"),
    (said('{"setup": {}}'), {"schema": Picky}, "'text'"),
    (said("[]"), {"schema": JokeDict}, "another type than the schema"),
    (said("1"), {"schema": {"type": "array"}}, "another type"),
    (called("output", "{}"), {"schema": list[int], **CALLING}, "'value' is missing"),
    (called("stray", JOKE), {}, "but calls of stray"),
    (called("stray", JOKE), CALLING, "but calls of stray"),
]  # fmt: skip
REASONS = ["PROHIBITED_CONTENT", "BLOCKLIST", "RECITATION", "SPII", "MODEL_ARMOR",
           "IMAGE_SAFETY"]  # fmt: skip
BLOCKED = ended("JAILBREAK", prompt_feedback={"block_reason": "JAILBREAK"})
REFUSALS: list[tuple[Chunks, Json, str]] = [
    ([*HALF, ended("SAFETY", finish_message="So.")], {}, r"refused .*SAFETY\): So"),
    *[([*HALF, ended(reason)], {}, reason) for reason in REASONS],
    ([*HALF, BLOCKED], {}, "the prompt was blocked, block_reason JAILBREAK"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("chunks", "options", "message", "error"),
    [*[(*row, NO_OBJECT) for row in FAILURES], *[(*row, REFUSAL) for row in REFUSALS]],
)
def test_answers_that_are_no_object(
    chunks: Chunks, options: Json, message: str, error: type[Exception]
) -> None:
    options = {"schema": Joke, **options}
    model = asked(chunks, **options)
    with pytest.raises(error, match=message):
        model.invoke("?")
    with pytest.raises(error, match=message):
        list(model.stream("?"))
    raw = asked(chunks, **options, include_raw=True)
    for found in (raw.invoke("?"), reduce(add, raw.stream("?"))):
        assert found["parsed"] is None
        with pytest.raises(error, match=message):
            raise found["parsing_error"]
        assert isinstance(found["raw"], AIMessage)


def test_half_a_call_is_an_error() -> None:
    cut: Any = {"name": "Joke", "args": '{"setup": "Wh', "id": "1", "error": "cut"}
    message = AIMessage("", invalid_tool_calls=[{"type": "invalid_tool_call", **cut}])
    model = asked(called("Joke", cut["args"]), Joke, **CALLING)
    for reading in (
        lambda: list(model.stream("?")),
        lambda: model.last.invoke(message),
    ):
        with pytest.raises(NO_OBJECT, match="EOF while parsing"):
            reading()


def test_refusals_are_langchains_own_error_where_it_has_one() -> None:
    blocks = AIMessage(content=[{"type": "refusal", "refusal": "I won't."}])
    withheld = AIMessage("", response_metadata={"finish_reason": "SPII"})
    for message, why in ((blocks, "I won't."), (withheld, "SPII")):
        with pytest.raises(REFUSAL, match=why) as caught:
            parser_of(Joke).invoke(message)
        if REFUSAL is not OutputParserException:
            assert caught.value.raw_message is message


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
@pytest.mark.parametrize("beside", ["Let me see.", JOKE])
def test_a_call_of_another_tool_is_no_object_yet(method: str, beside: str) -> None:
    chunks = [*said(beside), *called("search", '{"q": "x"}')]
    options: Json = {"tools": [SEARCH], "method": method}
    assert asked(chunks, Joke, **options).invoke("?") is None
    found = asked(chunks, Joke, include_raw=True, **options).invoke("?")
    assert (found["parsed"], found["parsing_error"]) == (None, None)
    assert found["raw"].tool_calls[0]["name"] == "search"
    if beside is not JOKE:
        assert list(asked(chunks, Joke, **options).stream("?")) == []


# ---- include_raw

RAW: list[tuple[tuple[str, ...], Any, list[Any]]] = [
    (PIECES, Joke, [Joke(**each) for each in GROWING]),
    (("[1,", " 2, ", "3]"), list[int], [[1], [1, 2], [1, 2, 3]]),
]


@pytest.mark.parametrize(("pieces", "schema", "growing"), RAW, ids=["object", "list"])
def test_raw_parsed_and_error_stand_side_by_side(
    pieces: tuple[str, ...], schema: Any, growing: list[Any]
) -> None:
    model = asked(said(*pieces), schema, include_raw=True)
    events = list(model.stream("?"))
    assert [each["parsed"] for each in events if "parsed" in each][:3] == growing
    for found in (model.invoke("?"), reduce(add, events)):
        assert found["raw"].text == "".join(pieces)
        assert found["parsed"] == growing[-1]
        assert found["parsing_error"] is None


# ---- the parser by itself


def test_reads_what_is_no_stream_of_a_chat_model() -> None:
    parser = parser_of(Joke)
    assert parser.parse(JOKE) == WHY
    assert parser.invoke(JOKE) == WHY
    assert list(parser.transform(iter(PIECES)))[-1] == Joke(**GROWING[-1])
    assert list(parser.transform(iter([]))) == []
    assert list(parser.transform(iter([AIMessage(JOKE)]))) == [WHY]
    for begun, found in (('{"setup": "a', A), ("{", None)):
        part: list[Generation] = [ChatGeneration(message=AIMessage(begun))]
        assert parser.parse_result(part, partial=True) == found
    with pytest.raises(NO_OBJECT, match="has no call of Joke"):
        parser_of(Joke, **CALLING).invoke(HumanMessage("?"))


def test_is_what_it_says_it_is() -> None:
    assert parser_of(Joke).OutputType is Joke
    assert parser_of(Joke, include_raw=True).OutputType == dict[str, Any]
    assert parser_of({"type": "object"}).OutputType == dict[str, Any]
    parser = parser_of(list[int])
    assert parser.asdict()["_type"] == "gemini_structured_output"
    assert pickle.loads(pickle.dumps(parser)).parse("[1]") == [1]


# ---- functions stand for their arguments

CALLED: list[str] = []
ARGUMENTS = ('{"order": "A', '-2", "why"', ': "x"}')


@every_method
@pytest.mark.parametrize("function", [delete_order, delete_later, Shop().delete])
@pytest.mark.parametrize("include_raw", [False, True])
def test_a_function_is_never_called(
    function: Any, method: str, include_raw: bool
) -> None:
    calls, texts = called(function.__name__, *ARGUMENTS), said(*ARGUMENTS)
    body = calls if method == "function_calling" else texts
    model = asked(body, function, method=method, include_raw=include_raw)
    for found in (model.invoke("?"), reduce(add, list(model.stream("?"))[-1:])):
        parsed = found["parsed"] if include_raw else found
        assert parsed == {"order": "A-2", "why": "x"}
    assert CALLED == []


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


def skips(cloudflare: Cloudflare) -> list[str | None]:
    """Which requests went past the cache."""
    return [sent.headers.get("cf-aig-skip-cache") for sent in cloudflare.requests]


def answered(words: str, method: str) -> Json:
    if method != "function_calling" or not words.startswith("{"):
        return answer(text(words))
    return answer(wire_call("Number", args=json.loads(words)))


# Every method with all that is bad, in each way of asking in turn.
REPEATED = zip(product(BAD, METHODS), cycle(ASKS), strict=False)


@pytest.mark.parametrize(
    ("words", "method", "way"), [(*row, way) for row, way in REPEATED]
)
def test_a_repetition_goes_past_the_cache(words: str, method: Any, way: str) -> None:
    ask, bad = ASKS[way], answered(BAD[words], method)
    cloudflare = Cloudflare(bad, answered('{"value": 12}', method))
    model = cloudflare.model()
    runnable = model.with_structured_output(Number, method=method)
    retried = runnable.with_retry(wait_exponential_jitter=False)
    assert ask(retried) == Number(value=12)
    assert skips(cloudflare) == [None, "true"]
    # It may still be in the cache; other requests are not concerned.
    ask(runnable)
    with pytest.raises(NO_OBJECT):
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
    for asking in (model, model.model_copy(update={"max_retries": 1})):
        with pytest.raises(NO_OBJECT):
            asking.with_structured_output(Number).invoke("hi")
    assert skips(cloudflare) == [None, "true"]


@pytest.mark.parametrize("first", [[], {"result": None}, {"candidates": []}])
@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS.keys())
def test_what_nobody_can_read_is_asked_for_past_the_cache(
    ask: Any, first: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGCHAIN_CF_GEMINI_TESTING", "1")  # so that nothing waits
    good = answer(text("ok"))
    cloudflare = Cloudflare(first, refusal(503, 7000), good)
    assert ask(cloudflare.model(max_retries=2)).text == "ok"
    assert skips(cloudflare) == [None, "true", "true"]
    again = Cloudflare(refusal(503, 7000), good)
    ask(again.model(max_retries=2))
    assert skips(again) == [None, None]  # nothing was bad in an answer
