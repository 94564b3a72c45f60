"""A model turn: AIMessage back to the parts that it was made from.

Answers of this package go back as they came, part for part, unless they were edited;
edited ones are rebuilt from what they say. Turns of other providers are understood,
and their signatures, which mean nothing to Google, are left behind.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from langchain_core.messages import AIMessage, ToolMessage

from langchain_cf_gemini._gemini.function_calls import (
    args_from_block,
    call_id_from_block,
    calls_from_message,
    exact_args,
    has_name,
)
from langchain_cf_gemini._gemini.part_notes import (
    KEY,
    SYNTHETIC,
    parts_from_notes,
    split_signed,
)
from langchain_cf_gemini._gemini.parts import (
    UNREADABLE,
    part_from_code,
    part_from_code_result,
    part_from_own_media,
    payload_of,
    with_rest,
)
from langchain_cf_gemini._gemini.request.backends import OPAQUE, backend_from_metadata
from langchain_cf_gemini._gemini.request.media import (
    TEXT_TYPES,
    Media,
    is_media,
    parts_from_media,
)
from langchain_cf_gemini._gemini.request.model_blocks import (
    CALL_TYPES,
    CODE_RESULT,
    is_of_models,
)
from langchain_cf_gemini._gemini.vocabulary import PROVIDER, Json, camel_case
from langchain_cf_gemini.exceptions import UnsupportedContentError

_logger = logging.getLogger("langchain_cf_gemini")

GOOGLE = frozenset({PROVIDER, "google_genai", "google_vertexai"})
_GENAI_SIGNATURES = "__gemini_function_call_thought_signatures__"


@dataclass(slots=True)
class Called:
    """One call of a model turn: its part, why it never ran, and its result."""

    id: str
    part: Json
    failed: str | None
    result: ToolMessage | None = None

    @property
    def name(self) -> Any:
        """The function."""
        return self.part["functionCall"]["name"]

    def is_of(self, result: ToolMessage) -> bool:
        """Tell whether a result is one of this call."""
        if result.tool_call_id == self.id:
            return True
        by_name = result.tool_call_id == f"{SYNTHETIC}{result.name}"
        return by_name and result.name == self.name


class ModelTurn:
    """The parts of one AIMessage, and the calls in them that want an answer."""

    def __init__(
        self,
        message: AIMessage,
        is_answered: Callable[[str | None], bool],
        media: Media,
    ) -> None:
        """Convert a message.

        Args:
            message: The model's turn.
            is_answered: Whether the conversation holds a result for a call's id.
            media: How media is to be sent.
        """
        self.parts: list[Json] = []
        self.calls: list[Called] = []
        self._is_answered = is_answered
        self._media = media
        provider = message.response_metadata.get("model_provider")
        self._genai = provider in GOOGLE
        self._google = self._genai or provider is None
        self._own = provider == PROVIDER
        self._is_stored = bool(message.id or message.response_metadata)
        self._backend = backend_from_metadata(message.response_metadata)
        self._kwargs = message.additional_kwargs
        notes = self._kwargs.get(KEY)
        self._own_notes: list[Json] = notes if isinstance(notes, list) else []
        self._notes = self._own_notes
        self._waiting = calls_from_message(message, is_answered)
        if isinstance(message.content, str):
            self._read_text(message.content)
        else:
            self._read_blocks(message)
        if "audio" in self._kwargs or "refusal" in self._kwargs:
            self._add_from_kwargs()
        for id_ in list(self._waiting):
            self._add_call(id_)

    @cached_property
    def _notes_of_calls(self) -> Mapping[str, Json]:
        signatures = self._kwargs.get(_GENAI_SIGNATURES) or {}
        notes = {id_: {"signature": each} for id_, each in signatures.items()}
        for note in self._own_notes:
            if note.get("type") == "function_call":
                notes[note["id"]] = note
        return notes

    # ---- text content

    def _read_text(self, content: str) -> None:
        pieces = parts_from_notes(content, self._notes)
        if pieces is None:
            if content:
                self.parts.append({"text": content})
            return
        self._notes = []
        for note, text in pieces:
            kind = note.get("type")
            if kind == "text":
                self.parts.append(self._with(note, {"text": text}))
            elif kind == "function_call":
                self._add_call(note["id"], note=note)
            else:
                self.parts.append(self._signed(note["part"]))

    # ---- block content

    def _read_blocks(self, message: AIMessage) -> None:
        blocks: Iterable[Any] = message.content
        if not self._google:
            # Some of langchain-core's converters leave out texts that are no block.
            said = [
                {"type": "text", "text": b} if isinstance(b, str) else b for b in blocks
            ]
            blocks = message.model_copy(update={"content": said}).content_blocks
        # Calls stand in the blocks; other notes are of texts that were merged in.
        self._notes = [n for n in self._notes if n.get("type") != "function_call"]
        for block in blocks:
            if isinstance(block, str):
                self._read_text(block)
            else:
                self._read_block(dict(block))

    def _read_block(self, block: Json) -> None:
        kind = str(block.get("type"))
        if kind == "None" and self._google and payload_of(part := camel_case(block)):
            self._add_own_part(part)
        elif kind in CALL_TYPES:
            self._add_call(call_id_from_block(block), block)
        elif reader := _READERS.get(kind):
            self.parts += reader(self, block)
        elif is_media(block):
            self.parts += self._media_parts(block)
        elif self._is_stored or is_of_models(kind):
            _logger.warning(
                "A block of type %r wasn't sent: it has no Gemini equivalent.", kind
            )
        else:
            raise UnsupportedContentError(
                f"A block of type {kind!r} in an AIMessage has no Gemini equivalent."
            )

    def _add_own_part(self, part: Json) -> None:
        """Append a part that is written in Google's words; its calls await results."""
        if isinstance(call := part.get("functionCall"), dict):
            signed = {"signature": part.get("thoughtSignature")}
            self._add_call(call.get("id"), {**call, "extras": signed})
        else:
            self.parts.append(part)

    def _media_parts(self, block: Json) -> list[Json]:
        own = part_from_own_media(block) if self._own else None
        if own is not None:
            self._media.is_inline = self._media.is_inline or "inlineData" in own
            return [self._with(self._extras(block), own)]
        try:
            *before, part = parts_from_media(block, self._media)
        except UnsupportedContentError as error:
            if self._google:
                raise
            # A file of another provider's server, which the user cannot mend.
            _logger.warning("A block wasn't sent. %s", error)
            return []
        return [*before, self._with(self._extras(block), part)]

    def _extras(self, block: Json) -> Json:
        """Return what a block keeps of Google's part: nothing, if it is another's."""
        return (self._google and block.get("extras")) or {}

    def _with(self, beside: Json, part: Json) -> Json:
        """Return a part with what a note or a block's extras say stood beside it."""
        if signature := beside.get("signature"):
            part["thoughtSignature"] = signature
        return self._signed(with_rest(part, beside.get("part")))

    def _signed(self, part: Json) -> Json:
        """Note which backend made what is opaque in a part, if the message says so."""
        if self._backend is not None and not OPAQUE.isdisjoint(part):
            self._media.signed.append((part, self._backend))
        return part

    def _text_parts(self, block: Json) -> list[Json]:
        return self._spoken(block, block.get("text") or "", {})

    def _refusal_parts(self, block: Json) -> list[Json]:
        """What another model said to refuse; Google's are an explanation beside it."""
        if self._genai:
            return []
        said = {"text": str(block.get("refusal") or block.get("explanation") or "")}
        return [] if said in self.parts else [said]

    def _reasoning_parts(self, block: Json) -> list[Json]:
        text = block.get("reasoning")
        if text is None:  # OpenAI's reasoning items hold a list of summaries
            text = _joined(block.get("summary"))
        if not (text or self._genai or self._extras(block).get("signature")):
            return []
        return self._spoken(block, text, {"thought": True})

    def _thinking_parts(self, block: Json) -> list[Json]:
        """Read `thinking`: Google's in langchain-google-genai, else Anthropic's."""
        part: Json = {"text": _joined(block.get("thinking")), "thought": True}
        part = self._with({"signature": self._genai and block.get("signature")}, part)
        return [part] if part["text"] or "thoughtSignature" in part else []

    def _spoken(self, block: Json, text: str, thought: Json) -> list[Json]:
        if not isinstance(text, str):
            raise UnsupportedContentError(
                f"The text of a block of type {block['type']!r} must be a string, not "
                f"{text!r:.80}."
            )
        pieces = split_signed(self._extras(block), text)
        return [self._with(beside, {"text": p, **thought}) for beside, p in pieces]

    def _code_parts(self, block: Json) -> list[Json]:
        if block.get("name") == "code_execution":
            return [self._with(self._extras(block), part_from_code(block))]
        if self._genai and block.get("name") == "code_interpreter":
            code = (block.get("args") or {}).get("code", "")
            return [{"executableCode": {"language": "PYTHON", "code": code}}]
        return self._foreign_tool(block)

    def _code_result_parts(self, block: Json) -> list[Json]:
        follows = any("executableCode" in part for part in self.parts)
        extras = self._extras(block)
        kind = extras.get("block_type", CODE_RESULT)
        if not self._own and not (follows and kind == CODE_RESULT):
            return self._foreign_tool(block)
        if self._genai and not self._own:  # whose ids langchain-google-genai made up
            outcome = extras.get("outcome", block.get("status"))
            said = {"outcome": outcome, CODE_RESULT: block.get("output")}
            return self._genai_code_parts({"type": CODE_RESULT, **said})
        return [self._with(extras, part_from_code_result(block))]

    def _foreign_tool(self, block: Json) -> list[Json]:
        _logger.warning(
            "%s %r wasn't sent: it ran on another provider's server.",
            block["type"],
            block.get("name") or block.get("tool_call_id"),
        )
        return []

    def _genai_code_parts(self, block: Json) -> list[Json]:
        if block["type"] == "executable_code":
            code = {"language": block.get("language", "PYTHON")}
            return [{"executableCode": {**code, "code": block["executable_code"]}}]
        outcome = block.get("outcome")
        failed = outcome not in (None, 1, "1", "OUTCOME_OK", "success")
        result: Json = {"outcome": "OUTCOME_FAILED" if failed else "OUTCOME_OK"}
        result["output"] = block.get("code_execution_result") or ""
        return [{"codeExecutionResult": result}]

    def _unchanged_parts(self, block: Json) -> list[Json]:
        value = block.get("value")
        if isinstance(value, dict) and UNREADABLE in value:
            _logger.warning(
                "An undocumented part of a response wasn't sent back, because Google "
                "would reject it: %.200r",
                value[UNREADABLE],
            )
            return []
        if self._google and isinstance(value, dict) and "type" not in value:
            return [self._signed(value)]
        value = value if isinstance(value, dict) else {}
        kind = str(value.get("type"))
        if kind in _READERS and kind != block["type"]:
            return _READERS[kind](self, value)
        return self._foreign_tool({**block, "name": kind})

    def _add_from_kwargs(self) -> None:
        """Add what OpenAI's models said outside of the content: refusals, speech."""
        audio = self._kwargs.get("audio")
        spoken = audio.get("transcript") if isinstance(audio, dict) else None
        for text in (self._kwargs.get("refusal"), spoken):
            if isinstance(text, str) and {"text": text} not in self.parts:
                self.parts.append({"text": text})

    # ---- calls

    def _add_call(
        self, id_: str | None, block: Json | None = None, note: Json | None = None
    ) -> None:
        """Append a call; what `tool_calls` says of it wins over a block of content."""
        call = self._waiting.pop(id_ or "", None) or self._call_of_block(id_, block)
        if call is None:
            return
        id_ = str(call["id"])
        wire: Json = {"name": call["name"], "args": exact_args(call["args"])}
        if id_ and not id_.startswith(SYNTHETIC):
            wire["id"] = id_
        part: Json = {"functionCall": wire}
        if self._google and (block or self._kwargs):
            note = self._notes_of_calls.get(id_, {}) if note is None else note
            part = self._with({**note, **self._extras(block or {})}, part)
        if not self._media.per_part:  # before Gemini 3 a 400: Unknown name "id"
            part["functionCall"].pop("id", None)
        self.parts.append(part)
        self.calls.append(Called(id_, part, call.get("failed")))

    def _call_of_block(self, id_: str | None, block: Json | None) -> Json | None:
        """Return a call that only a block of content knows, if its result is here."""
        known = {call.id for call in self.calls}
        if block is None or id_ in known or not self._is_answered(id_):
            return None
        call = {"id": id_, "name": block.get("name"), "args": args_from_block(block)}
        return call if has_name(call) else None


def _joined(said: Any) -> Any:
    """Return a text that some providers give as a list of texts."""
    if not isinstance(said, list):
        return said or ""
    return "\n".join(each["text"] for each in said if each.get("text"))


_READERS: Mapping[str, Callable[[ModelTurn, Json], list[Json]]] = {
    **dict.fromkeys(TEXT_TYPES, ModelTurn._text_parts),
    "refusal": ModelTurn._refusal_parts,
    "reasoning": ModelTurn._reasoning_parts,
    "thinking": ModelTurn._thinking_parts,
    "server_tool_call": ModelTurn._code_parts,
    "server_tool_result": ModelTurn._code_result_parts,
    "executable_code": ModelTurn._genai_code_parts,
    CODE_RESULT: ModelTurn._genai_code_parts,
    "non_standard": ModelTurn._unchanged_parts,
}
