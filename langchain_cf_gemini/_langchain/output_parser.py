"""Answers read back as objects: whole ones, or none and the reason why."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.output_parsers import BaseTransformOutputParser
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.runnables.utils import AddableDict

from langchain_cf_gemini._gemini.finish_reasons import (
    REFUSAL_ERROR,
    failure_from_message,
)
from langchain_cf_gemini._langchain.output_target import NOTHING, UNFIT, Target

_FAILURES: tuple[type[Exception], ...] = (OutputParserException,)
if REFUSAL_ERROR is not None:
    _FAILURES += (REFUSAL_ERROR,)


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

    include_raw: bool = False
    """Whether the message and the error come beside the object."""

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
        if failure := failure_from_message(message):
            raise failure
        if (source := _source(message, self.function_name)) is None:
            return None
        try:
            return self.target.whole(source)
        except UNFIT as error:
            text = f"the answer is not {self.target.name}: {error}\nIt says: {source}"
            raise OutputParserException(text, llm_output=source) from error

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
        self._text = ""
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
        self._text += piece
        found = self._parser.target.part(self._text)
        if found is NOTHING or found == self._last:
            return
        self._last = found
        yield StructuredChunk(parsed=found) if raw else found

    def _new_piece(self, message: BaseMessage) -> str:
        name = self._parser.function_name
        if name is None or not isinstance(message, AIMessageChunk):
            return _piece(message, name)
        for chunk in message.tool_call_chunks:
            if self._call is NOTHING and chunk["name"] == name:
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
    return next((args for name, args in _calls(message) if name == function_name), "")


def _source(message: BaseMessage, function_name: str | None) -> str | None:
    """The JSON of a whole message, or None where it calls other tools."""
    calls = _calls(message)
    if piece := _piece(message, function_name) if function_name or not calls else "":
        return piece
    if calls:
        return None
    reason = message.response_metadata.get("finish_reason")
    wanted = "text" if function_name is None else f"call of {function_name}"
    msg = f"the answer holds no {wanted} (finish_reason {reason})"
    raise OutputParserException(msg, llm_output=str(message.text))
