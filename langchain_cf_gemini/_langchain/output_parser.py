"""Answers read back as objects: whole ones, or none and the reason why."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers import BaseTransformOutputParser
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.runnables.utils import AddableDict
from langchain_core.utils.pydantic import is_pydantic_v1_subclass
from pydantic import Field, TypeAdapter
from pydantic_core import from_json, to_json
from typing_extensions import is_typeddict

from langchain_cf_gemini._gemini.finish_reasons import (
    REFUSAL_ERROR,
    failure_from_message,
)
from langchain_cf_gemini._gemini.json_values import MOST_DEEP, sound
from langchain_cf_gemini._gemini.schema.json_types import fits
from langchain_cf_gemini._gemini.schema.typed_dicts import pydantic_type

_FAILURES: tuple[type[Exception], ...] = (OutputParserException,)
if REFUSAL_ERROR is not None:
    _FAILURES += (REFUSAL_ERROR,)

NOTHING = object()
"""What an unfinished answer amounts to as long as it is nothing."""

WRAPPED = "value"
"""The one parameter of a function whose schema is no object."""

_FENCE = re.compile(r"```\w*")
_LENIENT = json.JSONDecoder(strict=False)
_SEEN_AGAIN = 128
_OPEN_NUMBER = "0123456789+-.eE"

UNFIT = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
"""What validators raise, the caller's own among them, at data that is not theirs."""


def _texts_of_json(text: str) -> Iterator[str]:
    """Give what may be the JSON of an answer: all, what is fenced, or after words."""
    yield text
    if fence := _FENCE.search(text):
        yield text[fence.end() :].lstrip()
    braces = [at for brace in "{[" if (at := text.find(brace)) >= 0]
    if braces:
        yield text[min(braces) :]


def _value_from(text: str) -> tuple[Any, str]:
    """Return the first JSON value of an answer, and it as JSON text.

    Models write words or a fence around it, write it twice, or leave a line break raw
    in a string. Each way is tried once, so that the time is that of the length.

    Raises:
        ValueError: If there is none.
    """
    text = text.strip()
    try:
        return from_json(text), text
    except ValueError as error:
        failure = error
    for begun in _texts_of_json(text):
        try:
            value, _ = _LENIENT.raw_decode(begun)
        except (ValueError, RecursionError):
            continue
        value = sound(value)
        return value, to_json(value).decode()
    raise failure


def _value_of_part(text: str) -> Any:
    """Return what there is of the JSON that an unfinished answer has begun.

    Raises:
        ValueError: If nothing of it is there yet.
    """
    text = text.strip().rstrip(_OPEN_NUMBER)
    for begun in _texts_of_json(text):
        if begun:
            try:
                return from_json(begun, allow_partial="trailing-strings")
            except ValueError:
                continue
    return _value_from(text)[0]


def _is_v1(schema: Any) -> bool:
    return isinstance(schema, type) and is_pydantic_v1_subclass(schema)


@dataclass(frozen=True, kw_only=True)
class Target:
    """The type that was asked for.

    Attributes:
        schema: A class or other type form, a JSON Schema dict, or None for any JSON.
            Dicts and TypedDicts come as plain JSON, as elsewhere in LangChain.
        wrapped: Whether the value is the one argument of a function.
    """

    schema: Any
    wrapped: bool = False
    _adapter: TypeAdapter[Any] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Build the validator once."""
        plain = self.schema is None or isinstance(self.schema, dict)
        bare = plain or is_typeddict(self.schema) or _is_v1(self.schema)
        adapter = None if bare else TypeAdapter(pydantic_type(self.schema))
        object.__setattr__(self, "_adapter", adapter)

    @property
    def name(self) -> str:
        """What the type is called in errors, and where it is called as a function."""
        title = self.schema.get("title") if isinstance(self.schema, dict) else None
        return str(title or getattr(self.schema, "__name__", "the JSON asked for"))

    def whole(self, text: str) -> Any:
        """Read a finished answer.

        Args:
            text: JSON, possibly in a Markdown fence.

        Raises:
            ValueError: If it is no JSON, or not of this type. The caller's validators
                may raise the rest of UNFIT.
        """
        value, text = _value_from(text)
        if self.wrapped:
            if not isinstance(value, dict) or WRAPPED not in value:
                raise ValueError(f"the argument {WRAPPED!r} is missing")
            value = value[WRAPPED]
            text = to_json(value).decode()
        if self._adapter is not None:
            # From JSON, not from Python objects: strict models take dates and enums
            # as strings only here.
            return self._adapter.validate_json(text)
        return self._unvalidated(value)

    def _unvalidated(self, value: Any) -> Any:
        if _is_v1(self.schema):
            return self.schema.parse_obj(value)
        schema = {"type": "object"} if is_typeddict(self.schema) else self.schema
        if schema is not None and not fits(value, schema):
            raise ValueError(f"{value!r:.80} is of another type than the schema")
        return value

    def part(self, text: str) -> Any:
        """Read what there is of an unfinished answer.

        A number at the end may have digits to come, so it is left out until more
        follows.

        Args:
            text: The beginning of some JSON.

        Returns:
            The value so far, or NOTHING. Validated types come only when they are valid.
        """
        try:
            value = _value_of_part(text)
            if self.wrapped:
                value = value[WRAPPED]
        except UNFIT:
            return NOTHING
        # What is valid but for its last item is valid without it.
        for _ in range(MOST_DEEP):
            try:
                if self._adapter is not None:
                    return self._adapter.validate_python(value)
                return self._unvalidated(value)
            except UNFIT:
                if not _drop_last_item(value):
                    break
        return NOTHING


def _drop_last_item(value: Any) -> bool:
    """Take away the last item of the innermost list that may still grow."""
    growing: list[Any] | None = None
    while isinstance(value, dict | list) and value:
        if isinstance(value, list):
            growing, value = value, value[-1]
        else:
            value = next(reversed(value.values()))
    if growing is None:
        return False
    growing.pop()
    return True


class StructuredChunk(AddableDict):
    """One event of a stream with `include_raw`, a dict of some of its three keys.

    In a sum, messages add up and what is parsed later takes the place of earlier.
    """

    def __add__(self, other: AddableDict) -> "StructuredChunk":
        """Join with the event after this one."""
        joined = StructuredChunk({**self, **other})
        if "raw" in self and "raw" in other:
            joined["raw"] = self["raw"] + other["raw"]
        return joined


class StructuredOutputParser(BaseTransformOutputParser[Any]):
    """Reads an answer's text, or the arguments of one call, as an object.

    A message that calls other tools instead of answering is read as None. An answer
    that was cut off, refused, or is not what was asked for raises; with `include_raw`
    the error is a value. In a stream the object grows, and the error comes at the end.
    """

    target: Target
    """What the object is to be."""

    function_name: str | None = None
    """The function whose arguments hold the object. None if the text does."""

    offers_tools: bool = False
    """Whether the model may call something else instead of answering."""

    include_raw: bool = False
    """Whether the message and the error come beside the object."""

    memory: Any = Field(default=None, repr=False)
    """A `GatewayMemory` that is told of answers that are not what was asked for."""

    @property
    def _type(self) -> str:
        return "gemini_structured_output"

    @property
    def OutputType(self) -> Any:  # noqa: N802 - LangChain's name
        """What `invoke` returns."""
        schema = self.target.schema
        plain = self.include_raw or schema is None or isinstance(schema, dict)
        return dict[str, Any] if plain else schema

    def parse(self, text: str) -> Any:
        """Read text that is no message."""
        return self.parse_result([Generation(text=text)])

    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        """Read one generation.

        Args:
            result: The generation, alone in a list.
            partial: Whether to return what there is of an unfinished answer.

        Returns:
            The object, or None; with `include_raw` a dict of `raw`, `parsed` and
            `parsing_error`.

        Raises:
            OutputParserException: If the answer is not what was asked for.
        """
        generation = result[0]
        message: BaseMessage = AIMessage(content=generation.text)
        if isinstance(generation, ChatGeneration):
            message = generation.message
        if partial:
            found = self.target.part(_piece(message, self.function_name))
            return None if found is NOTHING else found
        if not self.include_raw:
            return self.object_from_message(message)
        return {"raw": message, **self.outcome_of_message(message)}

    async def aparse_result(
        self, result: list[Generation], *, partial: bool = False
    ) -> Any:
        """Read one generation; no thread, since nothing waits here."""
        return self.parse_result(result, partial=partial)

    def outcome_of_message(self, message: BaseMessage) -> dict[str, Any]:
        """Read a whole message into `parsed` and `parsing_error`."""
        try:
            return {"parsed": self.object_from_message(message), "parsing_error": None}
        except _FAILURES as error:
            return {"parsed": None, "parsing_error": error}

    def object_from_message(self, message: BaseMessage) -> Any:
        """Read a whole message.

        Args:
            message: The model's answer.

        Returns:
            The object, or None if the model called other tools.

        Raises:
            OutputParserException: If the answer is not what was asked for.
        """
        try:
            return self._object_from(message)
        except _FAILURES:
            if self.memory is not None:
                self.memory.found_bad(message.response_metadata)
            raise

    def _object_from(self, message: BaseMessage) -> Any:
        if failure := failure_from_message(message):
            raise failure
        unfit: tuple[str, Exception] | None = None
        for source in self._sources(message):
            try:
                return self.target.whole(source)
            except UNFIT as error:
                unfit = source, error
        if unfit is None:
            return None
        source, reason = unfit
        text = (
            f"The model's response isn't valid for {self.target.name}: {source!r}. "
            f"{reason}"
        )
        raise OutputParserException(text, llm_output=source) from reason

    def _sources(self, message: BaseMessage) -> list[str]:
        """Return what may be the JSON of a whole message; nothing for other calls."""
        calls = _calls(message)
        calls_others = bool(calls) and self.offers_tools
        is_meant = self.function_name is not None or not calls_others
        meant = _piece(message, self.function_name) if is_meant else ""
        # Models were seen to call the schema though nobody offered it as a function.
        called = "" if calls_others else _piece(message, self.target.name)
        sources = [piece for piece in (meant, called) if piece]
        if not (sources or calls_others):
            raise self._nothing(message, calls)
        return sources

    def _nothing(
        self, message: BaseMessage, calls: list[tuple[str | None, str]]
    ) -> OutputParserException:
        """Return the error of an answer that holds nothing of what was asked for."""
        reason = message.response_metadata.get("finish_reason")
        name = self.function_name
        wanted = "text" if name is None else f"call of {name}"
        said = f" but calls of {', '.join(str(n) for n, _ in calls)}" if calls else ""
        msg = f"The response has no {wanted}{said} (finish_reason {reason})."
        return OutputParserException(msg, llm_output=str(message.text))

    def _transform(self, input: Iterator[str | BaseMessage]) -> Iterator[Any]:
        reading = _Reading(self)
        for chunk in input:
            yield from reading.feed(chunk)
        yield from reading.finish()

    async def _atransform(
        self,
        input: AsyncIterator[str | BaseMessage],
    ) -> AsyncIterator[Any]:
        reading = _Reading(self)
        async for chunk in input:
            for each in reading.feed(chunk):
                yield each
        for each in reading.finish():
            yield each


class _Reading:
    """One stream being read. The message is put together once, at the end."""

    def __init__(self, parser: StructuredOutputParser) -> None:
        self._parser = parser
        self._messages: list[BaseMessage] = []
        self._pieces: list[str] = []
        self._length = self._read_at = 0
        self._call: Any = NOTHING
        self._last: Any = NOTHING

    def feed(self, chunk: str | BaseMessage) -> Iterator[Any]:
        message = AIMessageChunk(content=chunk) if isinstance(chunk, str) else chunk
        self._messages.append(message)
        raw = self._parser.include_raw
        if raw:
            yield StructuredChunk(raw=message)
        if not (piece := self._new_piece(message)):
            return
        self._pieces.append(piece)
        self._length += len(piece)
        # Each reading takes the time of all that came: long answers are read again when
        # they have grown by a part of their length, so that all takes linear time.
        if self._length < self._read_at + self._read_at // _SEEN_AGAIN:
            return
        self._read_at = self._length
        self._pieces = ["".join(self._pieces)]
        found = self._parser.target.part(self._pieces[0])
        if found is NOTHING or found == self._last:
            return
        self._last = found
        yield StructuredChunk(parsed=found) if raw else found

    def _new_piece(self, message: BaseMessage) -> str:
        name = self._parser.function_name
        if name is None or not isinstance(message, AIMessageChunk):
            return _piece(message, name)
        for chunk in message.tool_call_chunks:
            if self._call is NOTHING and _is_of(chunk["name"], name):
                self._call = chunk.get("index")
        return "".join(
            chunk["args"] or ""
            for chunk in message.tool_call_chunks
            if chunk.get("index") == self._call
        )

    def finish(self) -> Iterator[Any]:
        if not self._messages:
            return
        message = _joined(self._messages)
        if self._parser.include_raw:
            yield StructuredChunk(self._parser.outcome_of_message(message))
            return
        found = self._parser.object_from_message(message)
        if found is not None and found != self._last:
            yield found


def _joined(messages: list[BaseMessage]) -> BaseMessage:
    first, *rest = messages
    if not rest or not isinstance(first, AIMessageChunk):
        return messages[-1]
    joined: BaseMessage = first + rest
    return joined


def _calls(message: BaseMessage) -> list[tuple[str | None, str]]:
    """Name and JSON arguments of each call, unfinished ones as they are."""
    if isinstance(message, AIMessageChunk) and message.tool_call_chunks:
        return [(c["name"], c["args"] or "{}") for c in message.tool_call_chunks]
    if not isinstance(message, AIMessage):
        return []
    broken = [(c["name"], c["args"] or "{}") for c in message.invalid_tool_calls]
    return [(c["name"], json.dumps(c["args"])) for c in message.tool_calls] + broken


def _piece(message: BaseMessage, function_name: str | None) -> str:
    if function_name is None:
        return str(message.text)
    calls = _calls(message)
    return next((args for name, args in calls if _is_of(name, function_name)), "")


def _is_of(name: str | None, function: str) -> bool:
    """Whether a call names a function; models may write `default_api` before it."""
    return name == function or str(name).endswith((f".{function}", f":{function}"))
