"""The message being built: what the parts of an answer add to it.

One draft serves a whole answer (`message`) and every event of a stream (`chunks`), so
that both are made by the same code and the fold of a stream equals the whole answer.
"""

from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk

from langchain_cf_gemini._gemini.answer.partial_args import PartialArgs
from langchain_cf_gemini._gemini.function_calls import json_from_args, mark_of
from langchain_cf_gemini._gemini.part_notes import KEY
from langchain_cf_gemini._gemini.vocabulary import Json

_GROWING = {"text": "text", "reasoning": "reasoning", "audio": "base64"}


class Call:
    """One function call of the answer.

    Attributes:
        id: Google's id, or one made up here.
        name: The function; None if Google named none, and the call cannot run.
        args: The arguments of a call that came whole.
        pieces: What has come of arguments in pieces, else None.
        ordinal: Its place among the calls.
        index: Its block.
        extras: What else stood in its part.
        fault: Why it must not run, whatever the end of the answer says.
        in_content: Whether it began as a block of content.
    """

    __slots__ = (
        "args",
        "extras",
        "fault",
        "id",
        "in_content",
        "index",
        "name",
        "ordinal",
        "pieces",
    )

    def __init__(
        self, *, id_: str, name: str | None, ordinal: int, index: str, extras: Json
    ) -> None:
        self.id, self.name, self.ordinal = id_, name, ordinal
        self.index, self.extras = index, extras
        self.args: Any = {}
        self.pieces: PartialArgs | None = None
        self.in_content = False
        self.fault = None if name else "The call names no function."


class _Frame:
    """What goes into one chunk: one text, one block, or one piece of a call."""

    __slots__ = ("blocks", "calls", "invalid", "key", "notes", "texts")

    def __init__(self, key: Any) -> None:
        self.key = key
        self.texts: list[str] = []
        self.blocks: list[Json] = []
        self.calls: list[Any] = []
        self.invalid: list[Any] = []
        self.notes: list[Json] = []


class Draft:
    """Text or blocks, calls and notes that have not become a message yet.

    Attributes:
        as_blocks: Whether content is a list of v1 blocks from here on.
    """

    def __init__(self, *, streaming: bool) -> None:
        """Start empty."""
        self.as_blocks = False
        self._streaming = streaming
        self._frames: list[_Frame] = []

    def _frame(self, key: Any) -> _Frame:
        frames = self._frames
        if not frames or (self._streaming and frames[-1].key != key):
            frames.append(_Frame(key))
        return frames[-1]

    def add_text(self, text: str, index: str, notes: list[Json]) -> None:
        """Append text to content that is text."""
        frame = self._frame(index)
        frame.texts.append(text)
        frame.notes += notes

    def add_notes(self, notes: list[Json]) -> None:
        """Append notes about what was added before."""
        if notes:
            self._frame(None).notes += notes

    def add_block(self, block: Json) -> None:
        """Append a block, or what has come of a growing one since."""
        blocks = self._frame(block["index"]).blocks
        last = blocks[-1] if blocks else {}
        field = _GROWING.get(block["type"])
        if field is None or last.get("index") != block["index"]:
            blocks.append(block)
            return
        last[field] += block[field]
        if "extras" in block:
            last["extras"] = {**last.get("extras", {}), **block["extras"]}

    def annotate(self, index: str, annotations: list[Json]) -> None:
        """Add citations to a block of text that is there, or was handed over."""
        for frame in self._frames:
            for block in frame.blocks:
                if block.get("index") == index:
                    block["annotations"] = annotations
                    return
        block = {"type": "text", "text": "", "index": index}
        self._frame((index, "notes")).blocks.append(
            {**block, "annotations": annotations}
        )

    # ---- calls

    def add_call(self, call: Call, failure: str | None, notes: list[Json]) -> None:
        """Append a whole call, valid if nothing speaks against it."""
        if self._streaming:
            self._add_streamed(call, failure, notes)
            return
        frame = self._frame(None)
        frame.notes += notes
        made: Any
        if failure is None:
            made = tool_call(name=call.name or "", args=call.args, id=call.id)
            frame.calls.append(made)
        else:
            made = _invalid(call, failure)
            frame.invalid.append(made)
        if self.as_blocks:
            frame.blocks.append({**made, **call.extras})

    def _add_streamed(self, call: Call, failure: str | None, notes: list[Json]) -> None:
        args = json_from_args(call.args)
        if failure is None:
            # Name and arguments come apart, as other providers send them: programs
            # that show calls while they arrive (AG-UI) take the first for the name.
            self.open_call(call, notes)
            self.add_fragment(call, args)
            return
        frame = self._open(call, notes, args + mark_of(failure))
        if self.as_blocks:
            made = {**_invalid(call, failure), **call.extras}
            frame.blocks.append({**made, "index": call.index})

    def open_call(self, call: Call, notes: list[Json]) -> None:
        """Append a call's name to a stream; its arguments follow."""
        frame = self._open(call, notes)
        call.in_content = self.as_blocks
        if self.as_blocks:
            named = {"name": call.name, "id": call.id, "args": ""}
            block = {"type": "tool_call_chunk", **named, "index": call.index}
            frame.blocks.append({**block, **call.extras})

    def _open(self, call: Call, notes: list[Json], args: str = "") -> _Frame:
        frame = self._frame((call.index, "name"))
        frame.notes += notes
        frame.calls.append(
            tool_call_chunk(name=call.name, args=args, id=call.id, index=call.ordinal)
        )
        return frame

    def add_fragment(self, call: Call, args: str) -> None:
        """Append a piece of a call's arguments to a stream."""
        frame = self._frame((call.index, len(self._frames)))
        frame.calls.append(
            tool_call_chunk(name=None, args=args, id=None, index=call.ordinal)
        )
        if call.in_content:
            block: Json = {"type": "tool_call_chunk", "name": None, "id": None}
            frame.blocks.append({**block, "args": args, "index": call.index})

    # ---- output

    def message(self, metadata: Json, usage: UsageMetadata | None) -> AIMessage:
        """Return a whole answer."""
        frame = self._frame(None)
        return AIMessage(
            content=self._content(frame),
            additional_kwargs=_kwargs_from(frame),
            tool_calls=frame.calls,
            invalid_tool_calls=frame.invalid,
            usage_metadata=usage,
            response_metadata=metadata,
        )

    def chunks(self, metadata: Json) -> list[AIMessageChunk]:
        """Return what was added to a stream since, and start anew."""
        frames, self._frames = self._frames, []
        return [
            AIMessageChunk(
                content=self._content(frame),
                additional_kwargs=_kwargs_from(frame),
                tool_call_chunks=frame.calls,
                response_metadata=metadata,
            )
            for frame in frames
        ]

    def last_chunk(self, metadata: Json, usage: UsageMetadata | None) -> AIMessageChunk:
        """Return the chunk that ends a stream, of notes alone."""
        frame = self._frames.pop() if self._frames else _Frame(None)
        return AIMessageChunk(
            content=self._content(frame),
            additional_kwargs=_kwargs_from(frame),
            usage_metadata=usage,
            response_metadata=metadata,
            chunk_position="last",
        )

    def _content(self, frame: _Frame) -> str | list[Any]:
        if self.as_blocks and not frame.texts:
            return list(frame.blocks)
        return "".join(frame.texts)


def _invalid(call: Call, failure: str) -> Any:
    args = json_from_args(call.args)
    return invalid_tool_call(name=call.name, args=args, id=call.id, error=failure)


def _kwargs_from(frame: _Frame) -> Json:
    return {KEY: frame.notes} if frame.notes else {}
