"""Streamed call arguments: Vertex's `partialArgs` written as one growing JSON text.

Vertex names the place of every piece with a JSON path (`$.recipe.items[0].name`) and
sends the pieces in document order, so the text can be written while they arrive.
Source: discovery document, `PartialArg`; recorded streams of Vertex AI.
"""

import json
import re
from collections.abc import Callable
from itertools import takewhile
from operator import eq
from typing import Any

from langchain_cf_gemini._gemini.function_calls import json_from_args
from langchain_cf_gemini._gemini.json_values import (
    MOST_DEEP,
    is_number,
    sound_text,
    unsound_from,
    without_half,
)
from langchain_cf_gemini._gemini.vocabulary import Json

_STEP = re.compile(
    r"\.([^.\[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]"
)
_ESCAPE = re.compile(r"\\(.)")
_BOOLS = {"true": True, "false": False}
_NO_VALUE = object()

Step = str | int


class PartialArgsError(ValueError):
    """Pieces that do not make up one object; the call must not run."""

    def __init__(self, what: str) -> None:
        """Say what partialArgs does that it should not."""
        super().__init__(f"partialArgs {what}.")


def goes_on(wire: Json) -> bool:
    """Whether a call or a piece of its arguments is to be continued."""
    return wire.get("willContinue") in (True, "true")


def steps_from_path(path: Any) -> list[Step]:
    """Split a JSON path into member names and array positions."""
    text = sound_text(path) if isinstance(path, str) else ""
    steps: list[Step] = []
    at = 1 if text.startswith("$") else 0
    while at < len(text):
        found = _STEP.match(text, at)
        if not found:
            raise PartialArgsError(f"has a JSON path that can't be read: {text!r:.200}")
        steps.append(_step_from(*found.groups()))
        at = found.end()
    if not steps:
        raise PartialArgsError(f"has a jsonPath without an argument: {path!r:.200}")
    if len(steps) > MOST_DEEP:
        raise PartialArgsError(f"is nested more than {MOST_DEEP} levels deep")
    return steps


def _step_from(name: str, position: str | None, *quoted: str | None) -> Step:
    if position is not None:
        return int(position[:9])
    member = next((q for q in quoted if q is not None), None)
    return name if member is None else _ESCAPE.sub(r"\1", member)


class PartialArgs:
    """The arguments of one call, written piece by piece.

    Attributes:
        in_string: Whether more of a string is to come.
    """

    def __init__(self) -> None:
        self.in_string = False
        self._path: list[Step] = []  # of the latest value; none before the first
        self._seen: list[set[Step]] = [set()]  # the steps in each open container
        self._half = ""
        self._whole = False

    def write(self, piece: Json) -> str:
        """Return the JSON text that one partial argument adds.

        Raises:
            PartialArgsError: If the piece has no place in what has been written.
        """
        steps = steps_from_path(piece.get("jsonPath"))
        value = _value_from(piece)
        more = goes_on(piece)
        if self.in_string and steps == self._path:
            return self._in(value, more=more)
        if value is _NO_VALUE:
            if not more:
                raise PartialArgsError(f"has no value for {steps!r}")
            value = ""
        text = self._move_to(steps)
        if not isinstance(value, str):
            return text + json_from_args(value)
        self.in_string = True
        return text + '"' + self._in(value, more=more)

    def write_whole(self, args: Json) -> str:
        """Return the JSON text of arguments that came at once after all.

        Raises:
            PartialArgsError: If others came in pieces.
        """
        if self._path or self._whole:
            raise PartialArgsError(
                "come together with args, and only one of them can be meant"
            )
        self._whole = True
        return json_from_args(args)

    def close(self) -> str:
        """Return the text that ends the arguments."""
        if self._whole:
            return ""
        self._whole = True
        begun = self._close_string() + self._close_to(0) if self._path else "{"
        return begun + "}"

    def _in(self, value: Any, *, more: bool) -> str:
        """Write into the string that is open; no value adds nothing to it."""
        if value is not _NO_VALUE and not isinstance(value, str):
            raise PartialArgsError(f"continues a string with {value!r:.200}")
        said = self._half + (value if isinstance(value, str) else "")
        said, self._half = without_half(said)
        return _inner(said) + ("" if more else self._close_string())

    def _close_string(self) -> str:
        if not self.in_string:
            return ""
        self.in_string, half, self._half = False, self._half, ""
        return _inner(half) + '"'

    def _close_to(self, depth: int) -> str:
        """Close the containers below `depth`, the innermost first."""
        text = ""
        while len(self._path) > depth + 1:
            text += "]" if isinstance(self._path.pop(), int) else "}"
            self._seen.pop()
        return text

    def _move_to(self, steps: list[Step]) -> str:
        shared = sum(takewhile(bool, map(eq, self._path, steps)))
        if self._whole or (self._path and shared == min(len(self._path), len(steps))):
            raise PartialArgsError(f"changes an argument that is complete: {steps!r}")
        self._check(steps, shared)
        text = self._close_string() + self._close_to(shared)
        text += "," if self._path else "{"
        del self._path[shared:]
        for depth in range(shared, len(steps)):
            step = steps[depth]
            if depth > shared:
                self._seen.append(set())
                text += "[" if isinstance(step, int) else "{"
            self._seen[-1].add(step)
            self._path.append(step)
            if isinstance(step, str):
                text += f'"{_inner(step)}":'
        return text

    def _check(self, steps: list[Step], shared: int) -> None:
        """Refuse a place that cannot be written to any more, before writing."""
        step, seen = steps[shared], self._seen[shared]
        is_next = step == len(seen) if isinstance(step, int) else step not in seen
        of_a_kind = all(isinstance(each, type(step)) for each in seen)
        at_root = shared == 0 and isinstance(step, int)
        inner = (each for each in steps[shared + 1 :] if isinstance(each, int))
        if at_root or not (is_next and of_a_kind) or any(inner):
            raise PartialArgsError(f"isn't in document order: {steps!r}")


def _inner(text: str) -> str:
    return json.dumps(sound_text(text), ensure_ascii=False)[1:-1]


def _value_from(piece: Json) -> Any:
    """Return a piece's value as protobuf's JSON means it; null leaves it unset."""
    for field, read in _READERS.items():
        if (told := piece.get(field)) is not None:
            if (value := read(told)) is None:
                raise PartialArgsError(f"has an invalid {field}: {told!r:.200}")
            return value
    # The one value whose JSON is null; as NullValue it may also be named.
    return None if "nullValue" in piece else _NO_VALUE


def _number_from(number: Any) -> float | None:
    """Return a number, also one told as text; the double may be written whole."""
    if isinstance(number, str):
        try:
            number = float(number)
        except ValueError:
            return None
        number = int(number) if number.is_integer() else number
    return number if is_number(number) and not unsound_from(number) else None


_READERS: dict[str, Callable[[Any], Any]] = {
    "stringValue": lambda text: text if isinstance(text, str) else None,
    "numberValue": _number_from,
    "boolValue": lambda told: told if isinstance(told, bool) else _BOOLS.get(str(told)),
}
