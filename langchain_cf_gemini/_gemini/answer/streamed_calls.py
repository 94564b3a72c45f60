"""Calls whose arguments are handed over while they come, and judged at the end."""

from collections.abc import Iterable

from langchain_cf_gemini._gemini.answer.call_parts import (
    CUT,
    OpenCalls,
    goes_on,
    written,
)
from langchain_cf_gemini._gemini.answer.message_draft import Call, Draft
from langchain_cf_gemini._gemini.answer.partial_args import PartialArgs
from langchain_cf_gemini._gemini.function_calls import mark_of
from langchain_cf_gemini._gemini.vocabulary import Json


class StreamedCalls:
    """Writes the pieces of such calls into a draft."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._open: OpenCalls[Call] = OpenCalls()
        self._all: list[Call] = []

    def __bool__(self) -> bool:
        """Tell whether arguments are still coming."""
        return bool(self._open)

    def of(self, wire: Json) -> Call | None:
        """Return the open call that a part goes on with."""
        return self._open.of(wire)

    def begin(self, call: Call, wire: Json, notes: list[Json]) -> None:
        """Open a call, with the pieces that its first part holds."""
        call.pieces = PartialArgs()
        self._open.add(wire, call)
        self._all.append(call)
        self._draft.open_call(call, notes)
        self.go_on(call, wire)

    def go_on(self, call: Call, wire: Json) -> None:
        """Take a part of a call that is open."""
        if call.pieces is not None and call.fault is None:
            text, call.fault = written(call.pieces, wire)
            if text:
                self._draft.add_fragment(call, text)
        if not goes_on(wire):
            self._open.close(call)
            self._close([call])

    def interrupt(self) -> None:
        """End the call that no id tells from what comes now."""
        self._close(self._open.take(unnamed=True))

    def judge(self, failure: str | None, *, is_cut: bool) -> None:
        """Revoke what must not run, now that the end of the answer is known.

        Args:
            failure: Why no call of the answer may run.
            is_cut: Whether a call that is open was left in the middle.
        """
        if is_cut:
            for call in self._open.take():
                call.fault = call.fault or CUT
        self._close(self._all)
        for call in self._all:
            if why := failure or call.fault:
                self._draft.add_fragment(call, mark_of(why))

    def _close(self, calls: Iterable[Call]) -> None:
        for call in calls:
            if call.pieces is not None and (text := call.pieces.close()):
                self._draft.add_fragment(call, text)
