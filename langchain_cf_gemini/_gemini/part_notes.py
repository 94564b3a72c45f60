"""Where each part of a model turn began and ended, kept beside plain text content.

`content` is a plain `str` whenever the answer is text (and calls), because that is what
prompts, parsers and notebooks want. Gemini wants every thought signature back in the
very part that it came in. `additional_kwargs["gemini_parts"]` bridges the two: a list
of notes, in the order of the parts, present only if the parts could not be told
otherwise.
"""

from typing import Any
from zlib import crc32

from langchain_cf_gemini._gemini.vocabulary import Json

KEY = "gemini_parts"
SYNTHETIC = "gemini_call_"
"""How ids begin that Google did not give; such ids never go on the wire."""


def checksum(text: str) -> int:
    """Return the CRC-32 of a text, to notice edits without keeping it twice."""
    return crc32(text.encode("utf-8", errors="surrogatepass"))


class PartNotes:
    """Writes the notes of one turn while its parts arrive.

    Every method returns the notes to store now. They are held back for as long as the
    turn is one unsigned text followed by unsigned calls, which needs none.
    """

    def __init__(self, *, joining: bool) -> None:
        """Start a turn; `joining` says that unsigned texts are pieces of one part."""
        self._joining = joining
        self._pending: list[Json] = []
        self._needed = False
        self._run: list[str] | None = None
        self._at = 0
        self._others = 0
        self._plain = True

    def text(self, text: str, signature: str | None, rest: Json | None) -> list[Json]:
        """Note a text part, or a piece of one."""
        alone = signature is not None or rest is not None
        if self._run is not None and (alone or not self._joining):
            self._close()
        if self._run is None:
            if not self._plain or self._pending:
                self._needed = True
            self._run = []
        self._run.append(text)
        if alone:
            self._needed = True
            self._close()
            _sign(self._pending[-1], signature, rest)
        return self._due()

    def more(self, text: str) -> bool:
        """Note one more piece of the text under way; say whether there is one."""
        if self._run is None:
            return False
        self._run.append(text)
        return True

    def call(self, id_: str, signature: str | None, rest: Json | None) -> list[Json]:
        """Note a function call; its name and arguments live in `tool_calls`."""
        self._close()
        self._plain = False
        note: Json = {"type": "function_call", "id": id_}
        self._needed = self._needed or signature is not None or rest is not None
        self._pending.append(_sign(note, signature, rest))
        return self._due()

    def other(self, part: Any) -> list[Json]:
        """Note a part that plain text cannot show; the note holds all of it."""
        self._close()
        self._needed, self._plain = True, False
        self._others += 1
        note = {"type": "part", "number": self._others, "part": part}
        self._pending.append(note)
        return self._due()

    def end(self) -> list[Json]:
        """Return what is still to be stored."""
        self._close()
        if self._at == 0 and self._pending and self._pending[0]["type"] == "text":
            self._needed = True  # a turn of one empty text part
        return self._due()

    def _close(self) -> None:
        if self._run is not None:
            text, self._run = "".join(self._run), None
            start, self._at = self._at, self._at + len(text)
            note = {"start": start, "end": self._at, "crc": checksum(text)}
            self._pending.append({"type": "text", **note})

    def _due(self) -> list[Json]:
        if not self._needed or not self._pending:
            return []
        due, self._pending = self._pending, []
        self._plain = False
        return due


def _sign(note: Json, signature: str | None, rest: Json | None) -> Json:
    if signature is not None:
        note["signature"] = signature
    if rest:
        note["part"] = rest
    return note


def texts_from_notes(content: str, notes: list[Json]) -> list[tuple[Json, str]] | None:
    """Cut a text along its notes; None if it was edited since.

    Turns that were merged keep their notes: the text of a turn without notes, and the
    line break that `merge_message_runs` writes between two, become pieces of their own.
    """
    pieces: list[tuple[Json, str]] = []
    at = 0
    left = sum(
        note["end"] - note["start"] for note in notes if note.get("type") == "text"
    )
    for note in notes:
        if note.get("type") != "text":
            pieces.append((note, ""))
            continue
        first = _place(content, note, at, len(content) - left)
        if first is None:
            return None
        length = note["end"] - note["start"]
        left -= length
        pieces += [({"type": "text"}, text) for text in _between(content[at:first])]
        at = first + length
        pieces.append((note, content[first:at]))
    if at < len(content):
        pieces.append(({"type": "text"}, content[at:]))
    return pieces


def _between(text: str) -> list[str]:
    """Return the text before a turn that was merged in, apart from the line break."""
    whole, broken = text.removesuffix("\n"), text.endswith("\n")
    return [piece for piece in (whole, "\n" * broken) if piece]


def _place(content: str, note: Json, at: int, last: int) -> int | None:
    """Return where a noted text begins; a turn may begin after any line break."""
    length = note["end"] - note["start"]
    first = at
    while first <= last:
        if checksum(content[first : first + length]) == note["crc"]:
            return first
        if note["start"] > 0 or not (line := content.find("\n", first) + 1):
            return None
        first = line
    return None
