"""Streamed call arguments: Vertex's `partialArgs` written as one growing JSON text.

Vertex names the place of every piece with a JSON path (`$.recipe.items[0].name`) and
sends the pieces in document order, so the text can be written while they arrive.
Source: discovery document, `PartialArg`; recorded streams of Vertex AI.
"""

import json
import re

from langchain_cf_gemini._gemini.vocabulary import Json
from langchain_cf_gemini.exceptions import ResponseFormatError

_STEP = re.compile(
    r"\.([^.\[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]"
)
_ESCAPE = re.compile(r"\\(.)")

Step = str | int


def steps_from_path(path: str) -> list[Step]:
    """Split a JSON path into member names and array positions."""
    steps: list[Step] = []
    at = 1 if path.startswith("$") else 0
    while at < len(path):
        found = _STEP.match(path, at)
        if not found:
            raise ResponseFormatError(
                f"partialArgs holds a JSON path that cannot be read: {path!r}"
            )
        name, position, *quoted = found.groups()
        if position is not None:
            steps.append(int(position))
        else:
            text = next((q for q in quoted if q is not None), None)
            steps.append(_ESCAPE.sub(r"\1", text) if text is not None else name)
        at = found.end()
    return steps


class PartialArgs:
    """The arguments of one call, written piece by piece."""

    def __init__(self) -> None:
        self._path: list[Step] = []
        self._seen: list[set[Step]] = [set()]
        self._in_string = False
        self._started = False

    def write(self, piece: Json) -> str:
        """Return the JSON text that one partial argument adds."""
        steps = steps_from_path(piece.get("jsonPath") or "$")
        if not steps:
            raise ResponseFormatError("partialArgs names no argument in its jsonPath")
        text = ""
        if not (self._in_string and steps == self._path):
            text = self._move_to(steps)
            self._in_string = False
        text += self._value(piece)
        return text

    def close(self) -> str:
        """Return the text that ends the arguments."""
        if not self._started:
            return "{}"
        return self._close_string() + self._close_to(0) + "}"

    def _value(self, piece: Json) -> str:
        if "stringValue" in piece:
            inner = json.dumps(piece["stringValue"], ensure_ascii=False)[1:-1]
            text = inner if self._in_string else '"' + inner
            self._in_string = True
            return text if piece.get("willContinue") else text + self._close_string()
        if "numberValue" in piece:
            number = piece["numberValue"]
            # The wire type is a double, but Google writes whole numbers whole.
            return json.dumps(number)
        if "boolValue" in piece:
            return json.dumps(bool(piece["boolValue"]))
        return "null"

    def _close_string(self) -> str:
        text = '"' if self._in_string else ""
        self._in_string = False
        return text

    def _close_to(self, depth: int) -> str:
        """Close the containers below `depth`, the innermost first."""
        text = ""
        while len(self._path) > depth + 1:
            text += "]" if isinstance(self._path.pop(), int) else "}"
            self._seen.pop()
        return text

    def _move_to(self, steps: list[Step]) -> str:
        shared = 0
        for mine, theirs in zip(self._path, steps, strict=False):
            if mine != theirs:
                break
            shared += 1
        if self._path and shared == min(len(self._path), len(steps)):
            raise ResponseFormatError(
                f"partialArgs came back to an argument it had ended: {steps!r}"
            )
        text = self._close_string() + self._close_to(shared)
        if not self._started:
            self._started, text = True, "{"
        elif self._path:
            self._path.pop()
            text += ","
        for depth in range(shared, len(steps)):
            text += self._open(steps, depth)
        return text

    def _open(self, steps: list[Step], depth: int) -> str:
        step, seen = steps[depth], self._seen[depth]
        expected = len(seen) if isinstance(step, int) else step
        if step in seen or step != expected:
            raise ResponseFormatError(
                "partialArgs came out of order, which cannot be streamed as JSON: "
                f"step {step!r} of {steps!r}"
            )
        seen.add(step)
        self._path.append(step)
        text = (
            "" if isinstance(step, int) else json.dumps(step, ensure_ascii=False) + ":"
        )
        if depth + 1 < len(steps):
            self._seen.append(set())
            text += "[" if isinstance(steps[depth + 1], int) else "{"
        return text
