"""`content_blocks` of our messages whose content is plain text, or became blocks.

langchain-core asks for them by `model_provider="cloudflare_gemini"`. Content that says
to be v1 already it reads without us.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from langchain_core.messages import AIMessage, AIMessageChunk

from langchain_cf_gemini._gemini.answer.audio import mime_type_from_index
from langchain_cf_gemini._gemini.answer.citations import citations_by_block
from langchain_cf_gemini._gemini.finish_reasons import refusal_from_metadata
from langchain_cf_gemini._gemini.function_calls import unmarked_call
from langchain_cf_gemini._gemini.part_notes import KEY, texts_from_notes
from langchain_cf_gemini._gemini.parts import call_index, with_extras
from langchain_cf_gemini._gemini.vocabulary import Json

if TYPE_CHECKING:
    from langchain_core.messages import content as types


_CALLS = ("tool_call_chunk", "tool_call", "invalid_tool_call")


class _Blocks:
    """The blocks of one message, in the order of its parts."""

    def __init__(self, message: AIMessage) -> None:
        self.made: list[Json] = []
        self._id = str(message.response_metadata.get("id", ""))
        self._prefix = f"lc_{self._id}"
        notes = message.additional_kwargs.get(KEY)
        self._notes: list[Json] = notes if isinstance(notes, list) else []
        self._calls: list[Any] = []

    # ---- one part

    def text(self, text: str, note: Json) -> None:
        """Add a text, or what its end says."""
        beside = _beside(note)
        if text or beside:
            block = {"type": "text", "text": text, "index": self._index_of(note)}
            self.made.append(with_extras(block, beside))

    def _index_of(self, note: Json) -> str:
        if "index" in note:
            return str(note["index"])
        count = sum(block["type"] == "text" for block in self.made)
        return f"{self._prefix}_0" + (f"_{count}" if count else "")

    def call(self, id_: Any, note: Json) -> None:
        """Add the first call of an id that is still to come, signed as its part."""
        for at, call in enumerate(self._calls):
            if call.get("id") == id_:
                del self._calls[at]
                self.made.append(with_extras(unmarked_call(call), _beside(note)))
                return

    def along(self, pieces: Iterable[tuple[Json, str]]) -> None:
        """Add texts and calls in the order of their notes."""
        for note, text in pieces:
            kind = note.get("type")
            if kind == "text":
                self.text(text, note)
            elif kind == "function_call":
                self.call(note.get("id"), note)

    # ---- messages

    def of_message(self, message: AIMessage) -> None:
        """Read a whole message along its notes."""
        self._calls = [*message.tool_calls, *message.invalid_tool_calls]
        content = message.content
        if isinstance(content, list):  # where calls are blocks, their notes are not
            notes = self._notes
            self._notes = [n for n in notes if n.get("type") != "function_call"]
        for block in [content] if isinstance(content, str) else content:
            if isinstance(block, str):
                self.along(self._pieces(block))
            elif block.get("type") in ("tool_call_chunk", "tool_call"):
                self.call(block.get("id"), block.get("extras") or {})
            else:
                self.block(block)
        self._calls = [call for call in self._calls if not self._has(call)]
        self.rest_of_calls()

    def _has(self, call: Any) -> bool:
        return any(
            block["type"] == "invalid_tool_call" and block.get("id") == call.get("id")
            for block in self.made
        )

    def _pieces(self, content: str) -> list[tuple[Json, str]]:
        pieces = texts_from_notes(content, self._notes) if self._notes else None
        return [({"type": "text"}, content)] if pieces is None else pieces

    def of_chunk(self, chunk: AIMessageChunk) -> None:
        """Read one chunk of a stream."""
        content = chunk.content
        for block in content if isinstance(content, list) else ():
            if isinstance(block, str):
                block = {"type": "text", "text": block}
            self.block(block)
        if not any(block["type"] in _CALLS for block in self.made):
            self._calls = [self._call_from(call) for call in chunk.tool_call_chunks]
        if isinstance(content, str):
            self._of_text(content)
        self.rest_of_calls()

    def _of_text(self, content: str) -> None:
        """Add a chunk's text, which belongs to the last text that its notes name."""
        texts = [note for note in self._notes if note.get("type") == "text"]
        own = texts[-1] if texts and content else None
        if own is None:
            self.text(content, {})
        self.along((note, content if note is own else "") for note in self._notes)

    def _call_from(self, call: Any) -> Json:
        index = call_index(self._id, call["index"])
        return {"type": "tool_call_chunk", **call, "index": index}

    def rest_of_calls(self) -> None:
        """Add the calls that no note and no block has placed."""
        for call in list(self._calls):
            self.call(call.get("id"), {})

    def block(self, block: Json) -> None:
        """Add a block of content. A packet of audio is one of its own here.

        Events of version 3 put the last in the place of all that have its index.
        """
        if block.get("type") == "audio" and ":" in str(block.get("index")):
            mime_type = mime_type_from_index(block["index"])
            block = {"mime_type": mime_type, **block, "index": f"lc_{uuid4().hex}"}
        self.made.append(dict(block))

    def notes_of(self, message: AIMessage) -> None:
        """Add what the end of an answer says about its text."""
        if citations := message.response_metadata.get("citations"):
            self._cite(citations)
        if refusal := refusal_from_metadata(message.response_metadata):
            self.made.append(refusal)

    def _cite(self, citations: list[Json]) -> None:
        texts = {b["index"]: b for b in self.made if b["type"] == "text"}
        if not texts:
            block = {"type": "text", "text": "", "index": f"{self._prefix}_0"}
            self.made.append({**block, "annotations": citations})
            return
        said = [(len(block["text"]), index) for index, block in texts.items()]
        for index, found in citations_by_block(said, citations):
            texts[index]["annotations"] = found


def _beside(note: Json) -> Json:
    """Return what a note says that stands in the `extras` of a block."""
    return {k: note[k] for k in ("signature", "signature_start", "part") if k in note}


def blocks_from_message(message: AIMessage) -> "list[types.ContentBlock]":
    """Return the content blocks of a message."""
    return _blocks(message, _Blocks.of_message)


def blocks_from_chunk(chunk: AIMessageChunk) -> "list[types.ContentBlock]":
    """Return the content blocks of a chunk, or of chunks added up."""
    whole = chunk.chunk_position == "last" and (chunk.content or chunk.tool_call_chunks)
    return _blocks(chunk, _Blocks.of_message if whole else _Blocks.of_chunk)


def _blocks(
    message: Any, read: Callable[[_Blocks, Any], None]
) -> "list[types.ContentBlock]":
    blocks = _Blocks(message)
    read(blocks, message)
    if isinstance(message.content, str):
        blocks.notes_of(message)
    return blocks.made  # type: ignore[return-value]
