"""The message being built: what the parts of an answer add to it.

One draft serves a whole answer (`message`) and every event of a stream (`chunk`), so
that both are made by the same code and the fold of a stream equals the whole answer.
"""

from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk

from langchain_cf_gemini._gemini.function_calls import json_from_args, marked_args
from langchain_cf_gemini._gemini.part_notes import KEY
from langchain_cf_gemini._gemini.vocabulary import Json


class Draft:
    """Text or blocks, calls and notes that have not become a message yet."""

    __slots__ = ("as_blocks", "blocks", "calls", "invalid", "notes", "texts")

    def __init__(self, *, as_blocks: bool) -> None:
        """Start empty; `as_blocks` says that content is a list of v1 blocks."""
        self.as_blocks = as_blocks
        self.texts: list[str] = []
        self.blocks: list[Any] = []
        self.calls: list[Any] = []
        self.invalid: list[Any] = []
        self.notes: list[Json] = []

    def __bool__(self) -> bool:
        """Tell whether anything was added."""
        return bool(
            self.texts or self.blocks or self.calls or self.invalid or self.notes
        )

    def add_block(self, block: Json) -> None:
        """Append a block, or what has come of one since, told by its index."""
        last = self.blocks[-1] if self.blocks else None
        kind = block["type"]
        if last is None or last.get("index") != block.get("index"):
            self.blocks.append(block)
            return
        field = "args" if kind == "tool_call_chunk" else kind
        last[field] = (last.get(field) or "") + block[field]
        if "extras" in block:
            last["extras"] = {**last.get("extras", {}), **block["extras"]}

    def add_call(self, call: "Call", *, streaming: bool) -> None:
        """Append a whole call."""
        if call.failed or not isinstance(call.args, dict):
            self._add_invalid(call, streaming=streaming)
        elif streaming:
            args = json_from_args(call.args) if call.args else "{}"
            self.add_fragment(call, args, first=True)
        else:
            made = tool_call(name=call.name, args=call.args, id=call.id)
            self.calls.append(made)
            if self.as_blocks:
                self.blocks.append({**made, **call.extras})

    def _add_invalid(self, call: "Call", *, streaming: bool) -> None:
        args = call.args if isinstance(call.args, str) else json_from_args(call.args)
        why = call.failed or _NOT_OBJECT
        made: Any = invalid_tool_call(name=call.name, args=args, id=call.id, error=why)
        if streaming:
            args = marked_args(args, why)
            chunk = tool_call_chunk(
                name=call.name, args=args, id=call.id, index=call.ordinal
            )
            self.calls.append(chunk)
            made["index"] = call.index
        else:
            self.invalid.append(made)
        if self.as_blocks:
            self.blocks.append({**made, **call.extras})

    def add_fragment(self, call: "Call", args: str, *, first: bool = False) -> None:
        """Append a piece of a call's arguments to a stream."""
        name, id_ = (call.name, call.id) if first else (None, None)
        self.calls.append(
            tool_call_chunk(name=name, args=args, id=id_, index=call.ordinal)
        )
        if self.as_blocks:
            block: Json = {"type": "tool_call_chunk", "name": name, "id": id_}
            block |= {"args": args, "index": call.index}
            self.add_block(block | call.extras if first else block)

    def content(self) -> str | list[Any]:
        """Return what has been written, as text or as blocks."""
        return self.blocks if self.as_blocks else "".join(self.texts)

    def message(self, metadata: Json, usage: UsageMetadata | None) -> AIMessage:
        """Return a whole answer."""
        return AIMessage(
            content=self.content(),
            additional_kwargs=kwargs_from_notes(self.notes),
            tool_calls=self.calls,
            invalid_tool_calls=self.invalid,
            usage_metadata=usage,
            response_metadata=metadata,
        )

    def chunk(
        self, metadata: Json, usage: UsageMetadata | None = None, *, last: bool = False
    ) -> AIMessageChunk:
        """Return what one event of a stream added."""
        return AIMessageChunk(
            content=self.content(),
            additional_kwargs=kwargs_from_notes(self.notes),
            tool_call_chunks=_joined(self.calls),
            usage_metadata=usage,
            response_metadata=metadata,
            chunk_position="last" if last else None,
        )


def kwargs_from_notes(notes: list[Json]) -> Json:
    """Return `additional_kwargs`."""
    return {KEY: notes} if notes else {}


_NOT_OBJECT = "The arguments are not a JSON object."


def _joined(fragments: list[Any]) -> list[Any]:
    """Join the fragments of one call that came in one event."""
    joined: list[Any] = []
    for fragment in fragments:
        if (
            joined
            and fragment["name"] is None
            and (joined[-1]["index"] == fragment["index"])
        ):
            joined[-1]["args"] += fragment["args"]
        else:
            joined.append(fragment)
    return joined


class Call:
    """One function call of the answer."""

    __slots__ = ("args", "extras", "failed", "id", "index", "name", "ordinal")

    def __init__(
        self, *, id_: str, name: str, args: Any, ordinal: int, index: str, extras: Json
    ) -> None:
        """Keep what the wire said; `ordinal` counts calls, `index` names the block."""
        self.id, self.name, self.args = id_, name, args
        self.ordinal, self.index, self.extras = ordinal, index, extras
        self.failed: str | None = None
