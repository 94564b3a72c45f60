"""Gemini's answers as messages: one parser for whole answers and for streams."""

from hashlib import blake2b
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import UsageMetadata

from langchain_cf_gemini._gemini.answer.answer_record import AnswerRecord
from langchain_cf_gemini._gemini.answer.citations import (
    citations_by_block,
    citations_from_candidate,
)
from langchain_cf_gemini._gemini.answer.message_draft import Call, Draft
from langchain_cf_gemini._gemini.answer.partial_args import PartialArgs
from langchain_cf_gemini._gemini.answer.shapes import (
    MISSHAPEN,
    candidates_from_payload,
    misshapen,
    parts_from_candidate,
)
from langchain_cf_gemini._gemini.finish_reasons import refusal_from_metadata
from langchain_cf_gemini._gemini.part_notes import SYNTHETIC, PartNotes
from langchain_cf_gemini._gemini.parts import (
    block_from_part,
    extras_from,
    payload_of,
    rest_of,
)
from langchain_cf_gemini._gemini.vocabulary import Json
from langchain_cf_gemini.exceptions import ResponseFormatError

_PLAIN = ("text", "functionCall")


def _is_plain(part: Json) -> bool:
    return payload_of(part) in _PLAIN and not part.get("thought")


class AnswerParser:
    """Reads one answer, payload by payload; does no I/O.

    A whole answer is one payload: `feed` it, then take `message`. A stream is many:
    `feed` returns a chunk or None for each, `end` the last one.
    """

    def __init__(
        self, *, streaming: bool, as_blocks: bool = False, single_call: bool = False
    ) -> None:
        """Prepare for one answer.

        Args:
            streaming: Whether payloads are the events of a stream.
            as_blocks: Whether the request asked for more than text (images, audio,
                code execution), so that content must be blocks from the start.
            single_call: Whether only the first function call is to be kept.
        """
        self._streaming = streaming
        self._as_blocks = True if as_blocks else None
        self._single_call = single_call
        self._notes = PartNotes(joining=streaming)
        self._held: list[Json] = []
        self._holding = False
        self._record = AnswerRecord()
        self._texts: list[tuple[str, str]] = []
        self._blocks = -1
        self._run: tuple[str, int] | None = None
        self._calls = 0
        self._codes = 0
        self._dropped: list[Json] = []
        self._open: tuple[Call, PartialArgs] | None = None
        self._draft: Draft | None = None

    # ---- input

    def feed(
        self, payload: Json, candidate: Json | None = None
    ) -> AIMessageChunk | None:
        """Read one payload; return what it added if this is a stream.

        Args:
            payload: A GenerateContentResponse.
            candidate: The candidate to read, by default the payload's first.

        Raises:
            ResponseFormatError: If the payload does not have the promised shape.
        """
        try:
            return self._feed(payload, candidate)
        except MISSHAPEN as error:
            raise misshapen(error) from error

    def _feed(self, payload: Json, candidate: Json | None) -> AIMessageChunk | None:
        if candidate is None:
            candidate = next(iter(candidates_from_payload(payload)), {})
        self._record.add(payload, candidate)
        parts = parts_from_candidate(candidate)
        if len(parts) == 1 and (chunk := self._plain_chunk(parts[0])) is not None:
            return chunk
        if parts and self._draft is None:
            self._choose_content(payload, parts)
        self._hold_or_read(parts)
        if not self._streaming or not self._draft:
            return None
        return self._take().chunk(self._record.repeated)

    def _plain_chunk(self, part: Json) -> AIMessageChunk | None:
        """Return the chunk of an event that only adds text to text.

        Nearly every event of a stream is one; this way it costs a third less.
        """
        draft = self._draft
        if draft is None or draft.as_blocks or len(part) != 1 or not self._streaming:
            return None
        text = part.get("text")
        if self._holding or self._open or not text or not isinstance(text, str):
            return None
        if not self._notes.more(text):
            return None
        self._texts.append((text, ""))
        return AIMessageChunk(content=text, response_metadata=self._record.repeated)

    def _choose_content(self, payload: Json, parts: list[Json]) -> None:
        """Decide once between text and blocks; one message never mixes them."""
        judged = parts[:1] if self._streaming else parts
        as_blocks = (
            self._as_blocks
            or "image" in str(payload.get("modelVersion"))
            or not all(_is_plain(part) or not part for part in judged)
        )
        self._as_blocks = as_blocks
        if as_blocks:
            # List content is v1 content already, and says so.
            self._record.repeated["output_version"] = "v1"
        self._draft = Draft(as_blocks=as_blocks)

    def _hold_or_read(self, parts: list[Json]) -> None:
        """Hold calls back until the finish reason tells whether they may be run."""
        finished = self._record.is_finished
        if self._streaming and not finished:
            for part in parts:
                call = part.get("functionCall")
                if call and not self._is_partial(call):
                    self._holding = True
                if self._holding:
                    self._held.append(part)
                else:
                    self._read(part)
            return
        held, self._held, self._holding = self._held, [], False
        for part in held:
            self._read(part)
        for part in parts:
            self._read(part)
        if finished and not self._record.failure(calls=True):
            self._close_call()

    def _is_partial(self, call: Json) -> bool:
        return bool(self._open or call.get("willContinue") or call.get("partialArgs"))

    # ---- parts

    def _read(self, part: Json) -> None:
        kind = payload_of(part)
        if kind == "text":
            self._read_text(part)
        elif kind == "functionCall" and self._is_call(part["functionCall"]):
            self._read_call(part)
        elif kind == "functionCall" and self._dropped:
            self._dropped.append(part)  # more of a call that is not kept
        elif part:
            self._read_other(part)

    def _is_call(self, call: Any) -> bool:
        return isinstance(call, dict) and bool(call.get("name") or self._open)

    def _read_text(self, part: Json) -> None:
        text, signature = part["text"], part.get("thoughtSignature")
        if not isinstance(text, str):
            raise ResponseFormatError(
                "the answer holds a text part that is not a string"
            )
        rest = rest_of(part, "text")
        if self._streaming and not text and signature is None and not rest:
            return  # the empty part that closes a stream: framing, not content
        self._close_call()
        thought = part.get("thought") is True
        draft = self._drafted()
        if not thought:
            self._texts.append((text, ""))
        if draft.as_blocks:
            self._read_block_text(draft, text, signature, rest, thought=thought)
        elif thought:
            draft.notes += self._notes.other(part)
        else:
            draft.texts.append(text)
            draft.notes += self._notes.text(text, signature, rest)

    def _read_block_text(
        self,
        draft: Draft,
        text: str,
        signature: str | None,
        rest: Json | None,
        *,
        thought: bool,
    ) -> None:
        kind = "reasoning" if thought else "text"
        extras = extras_from(signature, rest)
        joins = rest is None and (self._streaming or signature is not None)
        length = 0
        if joins and self._run is not None and self._run[0] == kind:
            length = self._run[1]
            if signature is not None:
                extras["extras"]["signature_start"] = length
        else:
            self._blocks += 1
        ended = signature is not None or rest is not None
        self._run = None if ended else (kind, length + len(text))
        index = self._index()
        if not thought:
            self._texts[-1] = (text, index)
        draft.add_block({"type": kind, kind: text, "index": index, **extras})

    def _read_call(self, part: Json) -> None:
        wire = part["functionCall"]
        self._run = None
        if self._open and not wire.get("name"):
            self._continue_call(wire)
            return
        self._close_call()
        if self._single_call and self._calls:
            self._dropped.append(part)
            return
        call = self._call_from(part, wire)
        draft = self._drafted()
        if call.extras or not draft.as_blocks:
            extras = call.extras.get("extras", {})
            notes = self._notes.call(
                call.id, extras.get("signature"), extras.get("part")
            )
            draft.notes += notes
        if self._streaming and self._is_partial(wire):
            self._open = (call, PartialArgs())
            draft.add_fragment(call, "", first=True)
            self._continue_call(wire)
            return
        call.failed = self._record.failure()
        draft.add_call(call, streaming=self._streaming)

    def _call_from(self, part: Json, wire: Json) -> Call:
        self._blocks += 1
        ordinal, self._calls = self._calls, self._calls + 1
        return Call(
            id_=wire.get("id") or self._synthetic_id(ordinal, wire["name"]),
            name=wire["name"],
            args={} if wire.get("args") is None else wire["args"],
            ordinal=ordinal,
            index=self._index(),
            extras=extras_from(
                part.get("thoughtSignature"), rest_of(part, "functionCall")
            ),
        )

    def _continue_call(self, wire: Json) -> None:
        if self._open is None:
            return
        call, args = self._open
        text = "".join(args.write(piece) for piece in wire.get("partialArgs") or ())
        if text:
            self._drafted().add_fragment(call, text)
        if not wire.get("willContinue"):
            self._close_call()

    def _close_call(self) -> None:
        if self._open is not None:
            (call, args), self._open = self._open, None
            self._drafted().add_fragment(call, args.close())

    def _read_other(self, part: Json) -> None:
        self._close_call()
        self._run = None
        draft = self._drafted()
        if not draft.as_blocks:
            draft.notes += self._notes.other(part)
            return
        self._codes += "executableCode" in part
        self._blocks += 1
        code_id = f"{SYNTHETIC}code_{self._codes}"
        block = block_from_part(part, code_id=code_id)
        draft.add_block({**block, "index": self._index()})

    def _drafted(self) -> Draft:
        if self._draft is None:
            self._draft = Draft(as_blocks=bool(self._as_blocks))
        return self._draft

    def _index(self) -> str:
        # `lc_` indices that hold the answer's id merge within one answer only: two
        # turns that are merged later keep their signatures apart.
        return f"lc_{self._record.id}_{self._blocks}"

    def _synthetic_id(self, ordinal: int, name: str) -> str:
        """Return an id for a call without one: the same for the same answer."""
        created = self._record.answer.get("createTime")
        seed = f"{self._record.id}|{created}|{ordinal}|{name}"
        return SYNTHETIC + blake2b(seed.encode(), digest_size=9).hexdigest()

    # ---- output

    def _take(self) -> Draft:
        draft = self._drafted()
        self._draft = Draft(as_blocks=draft.as_blocks)
        return draft

    def _ended(self) -> tuple[Draft, Json, UsageMetadata | None]:
        if self._open:
            reason = self._record.failure(calls=True)
            raise ResponseFormatError(
                f"the answer ended ({reason}) within the arguments of the call "
                f"{self._open[0].name!r}, which therefore must not be run"
            )
        draft = self._drafted()
        if not draft.as_blocks:
            draft.notes += self._notes.end()
        metadata = self._record.metadata()
        if self._dropped:
            metadata["dropped_tool_calls"] = self._dropped
        self._cite(draft, metadata)
        if draft.as_blocks and (refusal := refusal_from_metadata(metadata)):
            self._blocks += 1
            draft.add_block({**refusal, "index": self._index()})
        return draft, metadata, self._record.usage()

    def _cite(self, draft: Draft, metadata: Json) -> None:
        grounded = self._record.candidate.get("groundingMetadata")
        if not (grounded or self._record.candidate.get("citationMetadata")):
            return
        text = "".join(text for text, _ in self._texts)
        try:
            citations = citations_from_candidate(self._record.candidate, text)
        except MISSHAPEN:
            citations = []  # the metadata is kept as it came; the answer is whole
        if not citations:
            return
        if not (draft.as_blocks and self._texts):
            metadata["citations"] = citations
            return
        for index, found in citations_by_block(self._texts, citations):
            self._annotate(draft, index, found)

    def _annotate(self, draft: Draft, index: str, found: list[Json]) -> None:
        for block in draft.blocks:
            if block.get("index") == index:
                block["annotations"] = found
                return
        draft.blocks.append(
            {"type": "text", "text": "", "index": index, "annotations": found}
        )

    def end(self) -> AIMessageChunk:
        """Return the last chunk of a stream: metadata, usage, what was held back.

        Raises:
            ResponseFormatError: If the answer ended within the arguments of a call.
        """
        try:
            for part in self._held:
                self._read(part)
            draft, metadata, usage = self._ended()
            return draft.chunk(metadata, usage, last=True)
        except MISSHAPEN as error:
            raise misshapen(error) from error

    def message(self, *, with_usage: bool = True) -> AIMessage:
        """Return the message of a whole answer."""
        try:
            draft, metadata, usage = self._ended()
            return draft.message(metadata, usage if with_usage else None)
        except MISSHAPEN as error:
            raise misshapen(error) from error
