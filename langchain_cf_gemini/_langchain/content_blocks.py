"""`content_blocks` of our messages whose content is plain text.

langchain-core asks for them by `model_provider="cloudflare_gemini"`. List content is
v1 already; core reads it without us.
"""

from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, AIMessageChunk

from langchain_cf_gemini._gemini.finish_reasons import refusal_from_metadata
from langchain_cf_gemini._gemini.function_calls import unmarked_args
from langchain_cf_gemini._gemini.part_notes import KEY, SYNTHETIC, texts_from_notes
from langchain_cf_gemini._gemini.parts import block_from_part, extras_from
from langchain_cf_gemini._gemini.vocabulary import Json

if TYPE_CHECKING:
    from langchain_core.messages import content as types


class _Blocks:
    """The blocks of one message, in the order of its parts."""

    def __init__(self, message: AIMessage) -> None:
        self.made: list[Json] = []
        self.prefix = f"lc_{message.response_metadata.get('id', '')}"
        self._notes: list[Json] = message.additional_kwargs.get(KEY) or []
        self._signed = {
            n["id"]: n for n in self._notes if n.get("type") == "function_call"
        }

    def text(self, text: str, note: Json) -> None:
        """Add text; a signed part joins the unsigned one before it."""
        extras = extras_from(note.get("signature"), note.get("part"))
        last = self.made[-1] if self.made else {}
        if last.get("type") == "text" and "extras" not in last and "part" not in note:
            if extras:
                extras["extras"]["signature_start"] = len(last["text"])
            last["text"] += text
            last.update(extras)
            return
        count = sum(block["type"] == "text" for block in self.made)
        index = f"{self.prefix}_text" + (f"_{count}" if count else "")
        self.made.append({"type": "text", "text": text, "index": index, **extras})

    def call(self, call: Json) -> None:
        """Add a call, with the signature of its part."""
        note = self._signed.get(call.get("id") or "", {})
        self.made.append(
            {**call, **extras_from(note.get("signature"), note.get("part"))}
        )

    def other(self, note: Json) -> None:
        """Add a part that came unannounced in a stream of text."""
        part, number = note["part"], note.get("number", 0)
        if part.get("thought") and "text" in part:
            block: Json = {"type": "reasoning", "reasoning": part["text"]}
            block |= extras_from(part.get("thoughtSignature"), None)
        else:
            block = block_from_part(part, code_id=f"{SYNTHETIC}code_{number}")
        self.made.append({**block, "index": f"{self.prefix}_part_{number}"})

    def of_message(self, message: AIMessage) -> None:
        """Read a whole message along its notes."""
        calls: dict[str | None, Any] = {c["id"]: c for c in message.tool_calls}
        for invalid in message.invalid_tool_calls:
            calls[invalid["id"]] = _unmarked(invalid)
        for note, text in self._pieces(str(message.content)):
            kind = note["type"]
            if kind == "part":
                self.other(note)
            elif kind == "text" and (text or "signature" in note):
                self.text(text, note)
            elif call := calls.pop(note.get("id"), None):
                self.call(call)
        for call in calls.values():
            self.call(call)

    def _pieces(self, content: str) -> list[tuple[Json, str]]:
        pieces = texts_from_notes(content, self._notes) if self._notes else None
        return [({"type": "text"}, content)] if pieces is None else pieces

    def of_chunk(self, chunk: AIMessageChunk) -> None:
        """Read one chunk of a stream, noted parts in their order."""
        texts = self.texts_of_chunk(chunk)
        calls = list(chunk.tool_call_chunks)
        for note in self._notes:
            kind = note.get("type")
            if kind == "text":
                self.made += texts
                texts = []
            elif kind == "part":
                self.other(note)
            elif kind == "function_call":
                calls = self.noted_call(note["id"], calls)
        self.made += texts
        for call in calls:
            self.call_of_chunk(call)

    def texts_of_chunk(self, chunk: AIMessageChunk) -> list[Json]:
        """Return the block of a chunk's text, if there is any or a signature for it."""
        texts = [note for note in self._notes if note.get("type") == "text"]
        signed = next((note for note in reversed(texts) if "signature" in note), {})
        if not (chunk.content or signed):
            return []
        block: Json = {"type": "text", "text": chunk.content}
        block |= extras_from(signed.get("signature"), signed.get("part"))
        if start := signed.get("start"):
            block["extras"]["signature_start"] = start
        return [{**block, "index": f"{self.prefix}_text"}]

    def noted_call(self, id_: str, calls: list[Any]) -> list[Any]:
        """Add the call of a note, return the others."""
        for call in calls:
            if call["id"] == id_:
                self.call_of_chunk(call)
        return [call for call in calls if call["id"] != id_]

    def call_of_chunk(self, call: Any) -> None:
        """Add a call, or a piece of one, under its index."""
        index = f"{self.prefix}_call_{call['index']}"
        self.call({**_unmarked(call), "index": index})

    def notes_of(self, message: AIMessage) -> None:
        """Add what the end of an answer says about its text."""
        metadata = message.response_metadata
        if citations := metadata.get("citations"):
            texts = [block for block in self.made if block["type"] == "text"]
            if not texts:
                self.text("", {})
                texts = self.made[-1:]
            texts[0]["annotations"] = citations
        if refusal := refusal_from_metadata(metadata):
            self.made.append(refusal)


def _unmarked(call: Any) -> Json:
    """Return an invalid call with the reason where it belongs, others as they are."""
    args, why = unmarked_args(call["args"])
    if why is None:
        return {"type": "tool_call_chunk", **call}
    return {**call, "type": "invalid_tool_call", "args": args, "error": why}


def blocks_from_message(message: AIMessage) -> "list[types.ContentBlock]":
    """Return the content blocks of a message."""
    if not isinstance(message.content, str):
        raise NotImplementedError  # core's own reading is right for v1 content
    blocks = _Blocks(message)
    blocks.of_message(message)
    blocks.notes_of(message)
    return blocks.made  # type: ignore[return-value]


def blocks_from_chunk(chunk: AIMessageChunk) -> "list[types.ContentBlock]":
    """Return the content blocks of a chunk, or of chunks added up."""
    if not isinstance(chunk.content, str):
        raise NotImplementedError
    blocks = _Blocks(chunk)
    whole = chunk.chunk_position == "last"
    blocks.of_message(chunk) if whole else blocks.of_chunk(chunk)
    blocks.notes_of(chunk)
    return blocks.made  # type: ignore[return-value]
