"""Gemini's answers as messages: one parser for whole answers and for streams."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from langchain_core.messages import AIMessage, AIMessageChunk

from langchain_cf_gemini._gemini.answer.audio import AudioRun
from langchain_cf_gemini._gemini.answer.calls import (
    Call,
    OpenCalls,
    declared_name,
    is_partial,
    joined_calls,
    name_from,
)
from langchain_cf_gemini._gemini.answer.citations import SaidText, citations_by_block
from langchain_cf_gemini._gemini.answer.message_draft import Draft, chunk_of
from langchain_cf_gemini._gemini.answer.metadata import AnswerRecord
from langchain_cf_gemini._gemini.answer.wire import (
    candidates_from_payload,
    parts_from_candidate,
    text_from,
)
from langchain_cf_gemini._gemini.finish_reasons import refusal_from_metadata
from langchain_cf_gemini._gemini.function_calls import mark_of
from langchain_cf_gemini._gemini.json_values import sound_text, without_half
from langchain_cf_gemini._gemini.part_notes import PartNotes, Text
from langchain_cf_gemini._gemini.parts import (
    beside_payload,
    block_from_part,
    call_index,
    payload_of,
    with_extras,
)
from langchain_cf_gemini._gemini.vocabulary import Json

_PLAIN = ("text", "functionCall")
_KINDS = ("text", "reasoning")
_NO_FUNCTIONS: Mapping[str, Json] = MappingProxyType({})


def _is_plain(part: Json) -> bool:
    return payload_of(part) in _PLAIN and "thought" not in part


class AnswerParser:
    """Reads one answer, payload by payload; does no I/O.

    A whole answer is one payload: `feed` it, then take `message`. A stream is many:
    `feed` returns what each added, `end` the rest. Whole calls wait for the end, which
    alone tells whether they may be run, and so does all that comes after one.

    Attributes:
        record: What the payloads say beside their parts.
    """

    def __init__(
        self,
        *,
        streaming: bool,
        as_blocks: bool = False,
        single_call: bool = False,
        functions: Mapping[str, Json] = _NO_FUNCTIONS,
        candidate: int = 0,
        seed: Callable[[], str] = str,
        backend: str | None = None,
    ) -> None:
        """Prepare for one answer.

        Args:
            streaming: Whether payloads are the events of a stream.
            as_blocks: Whether the request asked for more than text (images, audio,
                code execution), so that content must be blocks from the start.
            single_call: Whether only the first function call is to be kept.
            functions: The schemas of those that may be called, by name.
            candidate: Which candidate to read.
            seed: What tells this answer from others if Google gives it no id.
            backend: Which of Google's services answers.
        """
        self._streaming = streaming
        self._as_blocks = as_blocks
        self._single_call = single_call
        self._functions = functions
        self._candidate = candidate
        self._seed = seed
        self._backend = backend
        self.record = AnswerRecord()
        self._notes = PartNotes(streaming=streaming)
        self._draft = Draft(self.record.repeated, streaming=streaming)
        self._said = SaidText()
        self._audio = AudioRun()
        self._open = OpenCalls()
        self._chosen = False
        self._held: list[Json] = []
        self._has_ended = False
        self._blocks = -1
        self._run: Text | None = None
        self._half = ("", "")
        self._calls: list[Call] = []
        self._ids: set[str] = set()
        self._codes = 0
        self._dropped: list[Json] = []

    # ---- input

    def feed(self, payload: Json) -> Sequence[AIMessageChunk]:
        """Read one payload; return the chunks that it adds if this is a stream.

        Args:
            payload: A GenerateContentResponse.

        Raises:
            ResponseFormatError: If the payload does not have the promised shape.
        """
        self.record.add(payload)
        candidate = candidates_from_payload(payload).get(self._candidate, {})
        self.record.add_candidate(candidate)
        parts = parts_from_candidate(candidate)
        if self._run is not None and len(parts) == 1:
            chunk = self._more_of(self._run, parts[0])
            if chunk is not None:
                return (chunk,)
        for part in parts:
            if self._is_held(part):
                self._held.append(part)
            else:
                self._choose_content(is_plain=_is_plain(part))
                self._read(part)
        if not self._streaming:
            return ()
        return self._draft.chunks()

    def _more_of(self, run: Text, part: Json) -> AIMessageChunk | None:
        """Return the chunk of an event that only adds to the text under way.

        Nearly every event of a stream is one; this way it costs a third less.
        """
        text, is_thought = part.get("text"), "thought" in part
        if not text or len(part) > 1 + is_thought or self._held or self._half[1]:
            return None
        if run.kind != _KINDS[is_thought] or sound_text(text) is not text:
            return None
        run.add(text)
        if not self._draft.as_blocks:
            return chunk_of(text, self._notes.piece(run), self.record.repeated)
        block = {"type": run.kind, run.kind: text, "index": run.index}
        return chunk_of([block], [], self.record.repeated)

    def _is_held(self, part: Json) -> bool:
        """Whether a part waits for the end of the answer."""
        if not self._streaming:
            return True
        wire = part.get("functionCall")
        if wire is None:
            return bool(self._held)
        if self._open.of(wire) is not None:
            return False
        if not self._held and is_partial(wire) and name_from(wire):
            return False
        self._interrupt()
        return True

    def _choose_content(self, *, is_plain: bool) -> None:
        """Decide between text and blocks before anything is said."""
        if not self._chosen:
            self._chosen = True
            self.record.fix_id(self._seed)
            self._as_blocks |= not is_plain or "image" in (self.record.model or "")
            self._draft.as_blocks = self._as_blocks

    # ---- parts

    def _read(self, part: Json) -> None:
        kind = payload_of(part)
        if kind == "text":
            self._read_text(part)
            return
        self._end_run()
        if kind == "functionCall":
            self._read_call(part)
        else:
            self._read_other(part)

    def _read_text(self, part: Json) -> None:
        kind = _KINDS["thought" in part]
        beside = beside_payload(part, "text")
        if self._streaming and not part["text"] and not beside:
            return  # the empty part that closes a stream: framing, not content
        self._interrupt()
        if kind == "reasoning" and not self._draft.as_blocks:
            self._switch()
        text = self._whole_characters(kind, part["text"], is_last=bool(beside))
        if text or beside or not self._streaming:
            self._say(kind, text, beside)

    def _whole_characters(self, kind: str, text: str, *, is_last: bool) -> str:
        """Return valid text; half a character waits for its half in the next event."""
        of, half = self._half
        if half and of == kind:
            text, self._half = half + text, ("", "")
        elif half:
            self._end_half()
        if self._streaming and not is_last:
            text, half = without_half(text)
            self._half = kind, half
        return sound_text(text)

    def _end_half(self) -> None:
        (kind, half), self._half = self._half, ("", "")
        if half:
            self._say(kind, sound_text(half), {})

    def _say(self, kind: str, text: str, beside: Json) -> None:
        """Write a text, or a piece of one, to where it belongs."""
        run = self._run
        joins = "part" not in beside and (self._streaming or beside)
        if joins and run is not None and run.kind == kind:
            if beside:
                beside["signature_start"] = run.length
            if not self._streaming:
                self._said.begin_part()
        else:
            run = Text(kind, self._next_index())
            if kind == "text":
                self._said.texts.append(run)
        run.add(text)
        if self._draft.as_blocks:
            block = {"type": kind, kind: text, "index": run.index}
            self._draft.add_block(with_extras(block, beside))
        else:
            self._draft.add_text(text, run.index, self._notes.text(run, beside))
        self._run = None if beside else run

    def _end_run(self) -> None:
        """End what further text or packets would have joined."""
        self._end_half()
        self._run = None

    def _switch(self) -> None:
        """Make content blocks from here on, though it began as text."""
        self._end_run()
        self._draft.add_notes(self._notes.end())
        self._draft.as_blocks = True

    def _read_other(self, part: Json) -> None:
        self._interrupt()
        if not self._draft.as_blocks:
            self._switch()
        self._codes += "executableCode" in part
        code_id = self.record.call_id(self._codes, "code execution", self._candidate)
        block = block_from_part(part, code_id=code_id)
        if not (self._streaming and self._audio.joins(block)):
            block["index"] = self._next_index()
        self._draft.add_block(self._audio.add(block) if self._streaming else block)

    def _next_index(self) -> str:
        # `lc_` indices that hold the answer's id merge within one answer only: two
        # turns that are merged later keep their signatures apart.
        self._begin_part()
        self._blocks += 1
        return f"lc_{self.record.id}_{self._blocks}"

    def _begin_part(self) -> None:
        self._draft.add_block(self._audio.end())
        self._said.begin_part()

    # ---- calls

    def _read_call(self, part: Json) -> None:
        wire = part["functionCall"]
        if (call := self._open.of(wire)) is not None:
            self._hand_over(call, self._open.go_on(wire, call))
            return
        ends = not wire.keys() - {"willContinue"}
        if self._single_call and self._calls and not (ends and not self._dropped):
            self._dropped.append(part)
            return
        if self._calls and ends:
            return  # what closes a call that is closed already is framing
        self._interrupt()
        call = self._call_from(part, wire)
        self._calls.append(call)
        notes: list[Json] = []
        if call.beside or not self._draft.as_blocks:
            notes = self._notes.call(call.id, call.beside)
        call.is_live = self._streaming and not self._has_ended
        self._draft.add_call(call, notes)
        self._hand_over(call, self._open.begin(wire, call))

    def _hand_over(self, call: Call, args: str) -> None:
        if call.is_live:
            self._draft.add_fragment(call, args)

    def _interrupt(self) -> None:
        """End the call that no id tells from what comes now."""
        if (call := self._open.unnamed()) is not None:
            self._hand_over(call, call.end())

    def _call_from(self, part: Json, wire: Json) -> Call:
        ordinal = len(self._calls)
        name = declared_name(name_from(wire), self._functions)
        id_ = text_from(wire.get("id"))
        beside = beside_payload(part, "functionCall")
        if id_ is not None and id_ in self._ids:
            # Results are told apart by ids; Google's own goes back all the same.
            beside["part"] = {**beside.get("part", {}), "functionCall": {"id": id_}}
            id_ = None
        self._ids.add(id_ or "")
        self._begin_part()
        return Call(
            id=id_ or self.record.call_id(ordinal, name, self._candidate),
            name=name,
            ordinal=ordinal,
            index=call_index(self.record.id, ordinal),
            beside=beside,
            schema=self._functions.get(name or "", {}),
        )

    # ---- output

    def _read_held(self) -> None:
        """Read what waited for the end of the answer."""
        self._has_ended = True
        held = joined_calls(self._held)
        is_plain = all(map(_is_plain, held))
        self._choose_content(is_plain=is_plain)
        if not (is_plain or self._draft.as_blocks):
            self._switch()
        for part in held:
            self._read(part)
        self._end_run()
        self._draft.add_block(self._audio.end())

    def _finish(self) -> tuple[str | None, Json]:
        """Read what was held; return why no call may run, and the metadata."""
        self._read_held()
        failure = self.record.verdict()
        for call in self._open.rest():
            self._hand_over(call, call.end(is_cut=self.record.is_cut))
        for call in self._calls:
            if why := failure or call.fault:
                self._hand_over(call, mark_of(why))
        metadata = self.record.metadata(self._backend)
        if self._dropped:
            metadata["dropped_tool_calls"] = self._dropped
        if self._as_blocks:
            # List content is v1 content already, and says so.
            metadata["output_version"] = "v1"
        self._cite(metadata)
        if not self._draft.as_blocks:
            self._draft.add_notes(self._notes.end())
        elif refusal := refusal_from_metadata(metadata):
            self._draft.add_block({**refusal, "index": self._next_index()})
        return failure, metadata

    def _cite(self, metadata: Json) -> None:
        record, said = self.record, self._said
        citations = said.citations(record.grounding.metadata(), record.citations)
        if citations and not (self._draft.as_blocks and said.texts):
            metadata["citations"] = citations
        elif citations:
            texts = [(text.length, text.index) for text in said.texts]
            for index, found in citations_by_block(texts, citations):
                self._draft.annotate(index, found)

    def end(self) -> list[AIMessageChunk]:
        """Return the last chunks of a stream: what was held back, metadata, usage."""
        failure, metadata = self._finish()
        last = AIMessageChunk(
            content=[] if self._draft.as_blocks else "",
            usage_metadata=self.record.usage(),
            response_metadata=metadata,
            chunk_position="last",
        )
        return [*self._draft.chunks(failure), last]

    def message(self) -> AIMessage:
        """Return the message of a whole answer."""
        failure, metadata = self._finish()
        return self._draft.message(failure, metadata, self.record.usage())
