"""The message being built: what the parts of an answer add to it.

One draft serves a whole answer (`message`) and every event of a stream (`chunks`), so
that both are made by the same code and the fold of a stream equals the whole answer.
"""

from collections.abc import Iterator
from copy import copy
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk

from langchain_cf_gemini._gemini.answer.calls import Call
from langchain_cf_gemini._gemini.function_calls import json_from_args, mark_of
from langchain_cf_gemini._gemini.part_notes import KEY
from langchain_cf_gemini._gemini.parts import with_extras
from langchain_cf_gemini._gemini.vocabulary import Json

_GROWING = {"text": "text", "reasoning": "reasoning", "audio": "base64"}
# With what every chunk sets, so that its copies know it as set.
_EMPTY = AIMessageChunk(
    content="",
    additional_kwargs={},
    response_metadata={},
    tool_calls=[],
    invalid_tool_calls=[],
    tool_call_chunks=[],
)


def chunk_of(
    content: str | list[Any], notes: list[Json], metadata: Json, **calls: list[Any]
) -> AIMessageChunk:
    """Return a chunk of content, or of a piece of a call, as nearly every one is.

    What was read needs no second check: a copy costs less than half of a new one, and
    of what `model_copy` takes to change it.
    """
    chunk = copy(_EMPTY)
    chunk.__dict__.update(
        {
            "content": content,
            "additional_kwargs": {KEY: notes} if notes else {},
            "response_metadata": {**metadata},
            "tool_calls": [],
            "invalid_tool_calls": [],
            "tool_call_chunks": [],
            **calls,
        }
    )
    return chunk


class _Frame:
    """What goes into one chunk: one text, one block, or one piece of a call."""

    __slots__ = ("blocks", "calls", "fragment", "key", "notes", "texts")

    def __init__(self, key: Any) -> None:
        self.key = key
        self.texts: list[str] = []
        self.blocks: list[Any] = []
        self.calls: list[Call] = []
        self.fragment: tuple[Call, str] | None = None
        self.notes: list[Json] = []


class Draft:
    """Text or blocks, calls and notes that have not become a message yet.

    Attributes:
        as_blocks: Whether content is a list of v1 blocks from here on.
    """

    def __init__(self, repeated: Json, *, streaming: bool) -> None:
        """Start empty.

        Args:
            repeated: Response metadata that every chunk carries.
            streaming: Whether chunks are to be made.
        """
        self.as_blocks = False
        self._repeated = repeated
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

    def add_block(self, block: Json | None) -> None:
        """Append a block, or what has come of a growing one since."""
        if block is None:
            return
        blocks = self._frame(block["index"]).blocks
        last = blocks[-1] if blocks and isinstance(blocks[-1], dict) else {}
        field = _GROWING.get(block["type"])
        if field is None or last.get("index") != block["index"]:
            blocks.append(block)
            return
        last[field] += block[field]
        if "extras" in block:
            last["extras"] = block["extras"]  # which end what can grow

    def annotate(self, index: str, annotations: list[Json]) -> None:
        """Add citations to a block of text that is there, or was handed over."""
        for frame in self._frames:
            for block in frame.blocks:
                if isinstance(block, dict) and block.get("index") == index:
                    block["annotations"] = annotations
                    return
        block = {"type": "text", "text": "", "index": index}
        self._frame((index, "notes")).blocks.append(
            {**block, "annotations": annotations}
        )

    def add_call(self, call: Call, notes: list[Json]) -> None:
        """Append a call; how it is said, its end and the answer's will tell."""
        frame = self._frame((call.index, "name"))
        frame.calls.append(call)
        frame.notes += notes
        if self.as_blocks:
            call.in_content = True
            frame.blocks.append(call)

    def add_fragment(self, call: Call, args: str) -> None:
        """Append a piece of the arguments of a call that is being handed over."""
        if args:
            frame = self._frame((call.index, len(self._frames)))
            frame.fragment = call, args

    # ---- output

    def message(
        self, failure: str | None, metadata: Json, usage: UsageMetadata | None
    ) -> AIMessage:
        """Return a whole answer.

        Args:
            failure: Why no call of the answer may run.
            metadata: Its response metadata.
            usage: What it cost.
        """
        frame = self._frame(None)
        said = [_said(call, failure) for call in frame.calls]
        blocks = [
            _block_of_call(each, failure) if isinstance(each, Call) else each
            for each in frame.blocks
        ]
        return AIMessage(
            content=blocks if self.as_blocks else "".join(frame.texts),
            additional_kwargs={KEY: frame.notes} if frame.notes else {},
            tool_calls=[each for each in said if each["type"] == "tool_call"],
            invalid_tool_calls=[each for each in said if each["type"] != "tool_call"],
            usage_metadata=usage,
            response_metadata=metadata,
        )

    def chunks(self, failure: str | None = None) -> list[AIMessageChunk]:
        """Return what was added to a stream since, and start anew; see `message`."""
        frames, self._frames = self._frames, []
        return [chunk for frame in frames for chunk in self._chunks_of(frame, failure)]

    def _chunks_of(
        self, frame: _Frame, failure: str | None
    ) -> Iterator[AIMessageChunk]:
        for call in frame.calls:
            yield from self._chunks_of_call(call, frame.notes, failure or call.fault)
        if frame.fragment is not None:
            yield self._chunk_of_args(*frame.fragment)
        elif not frame.calls:
            is_text = frame.texts or not self.as_blocks
            content = "".join(frame.texts) if is_text else frame.blocks
            yield chunk_of(content, frame.notes, self._repeated)

    def _chunks_of_call(
        self, call: Call, notes: list[Json], failure: str | None
    ) -> Iterator[AIMessageChunk]:
        said: Json = {"name": call.name, "id": call.id, "args": ""}
        if failure is not None and not call.is_live:
            block = _block_of_call(call, failure)
            said["args"] = block["args"] + mark_of(failure)
            yield self._chunk_of_call(call, said, block, notes)
            return
        # Name and arguments come apart, as other providers send them: programs that
        # show calls while they arrive (AG-UI) take the first for the name.
        block = with_extras({"type": "tool_call_chunk", **said}, call.beside)
        yield self._chunk_of_call(call, said, block, notes)
        if not call.is_live:
            yield self._chunk_of_args(call, json_from_args(call.args))

    def _chunk_of_args(self, call: Call, args: str) -> AIMessageChunk:
        said: Json = {"name": None, "id": None, "args": args}
        return self._chunk_of_call(call, said, {"type": "tool_call_chunk", **said}, [])

    def _chunk_of_call(
        self, call: Call, said: Json, block: Json, notes: list[Json]
    ) -> AIMessageChunk:
        blocks = [{**block, "index": call.index}] if call.in_content else []
        content: Any = blocks if self.as_blocks else ""
        chunks = [tool_call_chunk(**said, index=call.ordinal)]
        if said["args"][:1] not in ("", "{"):
            # langchain-core would try to mend it into an object, three times in vain.
            invalid = [invalid_tool_call(**said, error=None)]
            calls: Json = {"tool_call_chunks": chunks, "invalid_tool_calls": invalid}
            return chunk_of(content, notes, self._repeated, **calls)
        return AIMessageChunk(
            content=content,
            additional_kwargs={KEY: notes} if notes else {},
            tool_call_chunks=chunks,
            response_metadata=self._repeated,
        )


def _said(call: Call, failure: str | None) -> Any:
    """Return a whole call as LangChain says it, a valid or an invalid one."""
    if why := failure or call.fault:
        args = json_from_args(call.args)
        return invalid_tool_call(name=call.name, args=args, id=call.id, error=why)
    return tool_call(name=call.name or "", args=call.args, id=call.id)


def _block_of_call(call: Call, failure: str | None) -> Json:
    return with_extras(_said(call, failure), call.beside)
