"""Where each part of a model turn began and ended, kept beside plain text content.

`content` is a plain `str` whenever the answer is text (and calls), because that is what
prompts, parsers and notebooks want. Gemini wants every thought signature back in the
very part that it came in. `additional_kwargs["gemini_parts"]` bridges the two: a list
of notes, in the order of the parts, present only if the parts could not be told
otherwise.
"""

from collections.abc import Iterator
from zlib import crc32

from langchain_cf_gemini._gemini.vocabulary import Json

KEY = "gemini_parts"
SYNTHETIC = "gemini_call_"
"""How ids begin that Google did not give; such ids never go on the wire."""


def checksum(text: str) -> int:
    """Return the CRC-32 of a text, to notice edits without keeping it twice."""
    return crc32(text.encode("utf-8", errors="surrogatepass"))


class Text:
    """A text of an answer: a part, or the parts of a stream that follow each other.

    Attributes:
        kind: `text`, or `reasoning` for a thought.
        index: What tells it from others.
        pieces: What came of it.
        length: Its characters.
        is_first: Whether no part came before it, so that no piece needs a note.
    """

    __slots__ = ("index", "is_first", "kind", "length", "pieces")

    def __init__(self, kind: str, index: str) -> None:
        self.kind, self.index = kind, index
        self.pieces: list[str] = []
        self.length = 0
        self.is_first = False

    def add(self, piece: str) -> None:
        """Take what has come of it."""
        self.pieces.append(piece)
        self.length += len(piece)


class PartNotes:
    """Writes the notes of one turn while its parts arrive.

    Every method returns the notes to store now. They are held back for as long as the
    turn is one unsigned text followed by unsigned calls, which needs none. In a stream,
    every piece of a later text names its note by the `index`, so that whoever sees one
    chunk knows its text from another; the rest of the note follows when the text ends,
    and langchain-core joins the two by that index.
    """

    def __init__(self, *, streaming: bool) -> None:
        """Start a turn."""
        self._streaming = streaming
        self._pending: list[Json] = []
        self._needed = False
        self._started = False
        self._text: Text | None = None
        self._at = 0

    def text(self, text: Text, beside: Json) -> list[Json]:
        """Note a piece of a text; one with anything beside it is its last."""
        if text is not self._text:
            self._close()
            text.is_first = not self._started
            self._needed = self._needed or self._started
            self._text, self._started = text, True
        if beside:
            self._needed = True
            self._close().update(beside)
            return self._due()
        return self._due() + self.piece(text)

    def piece(self, text: Text) -> list[Json]:
        """Return what tells a piece of a text from those of another."""
        if text.is_first or not self._streaming:
            return []
        return [{"type": "text", "index": text.index}]

    def call(self, id_: str, beside: Json) -> list[Json]:
        """Note a function call; its name and arguments live in `tool_calls`."""
        self._close()
        self._started = True
        self._needed = self._needed or bool(beside)
        self._pending.append({"type": "function_call", "id": id_, **beside})
        return self._due()

    def end(self) -> list[Json]:
        """Return what is still to be stored."""
        self._close()
        if self._at == 0 and self._pending and self._pending[0]["type"] == "text":
            self._needed = True  # a turn of one empty text part
        return self._due()

    def _close(self) -> Json:
        text, self._text = self._text, None
        if text is None:
            return {}
        start, self._at = self._at, self._at + text.length
        note: Json = {"type": "text", "index": text.index, "start": start}
        note |= {"end": self._at, "crc": checksum("".join(text.pieces))}
        self._pending.append(note)
        return note

    def _due(self) -> list[Json]:
        if not self._needed or not self._pending:
            return []
        due, self._pending = self._pending, []
        return due


def texts_from_notes(content: str, notes: list[Json]) -> list[tuple[Json, str]] | None:
    """Cut a text along its notes; None if it was edited since.

    Turns that were merged keep their notes: the text of a turn without notes, and the
    line break that `merge_message_runs` writes between two, become pieces of their own.
    """
    pieces: list[tuple[Json, str]] = []
    at = 0
    # What a stream began to say of a text and never ended: it was left early.
    notes = [n for n in notes if n.get("type") != "text" or "crc" in n]
    left = sum(n["end"] - n["start"] for n in notes if n.get("type") == "text")
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


def parts_from_notes(content: str, notes: list[Json]) -> list[tuple[Json, str]] | None:
    """Cut a text as `texts_from_notes`, and each signed text where its part began."""
    if len(notes) == 1 and _is_whole(notes[0], content):
        return [(notes[0], content)]  # as nearly every signed answer is
    texts = texts_from_notes(content, notes)
    if texts is None:
        return None
    return [piece for note, text in texts for piece in split_signed(note, text)]


def _is_whole(note: Json, content: str) -> bool:
    if note.get("crc") is None or "signature_start" in note:
        return False
    is_long = note["end"] - note["start"] == len(content)
    return is_long and bool(note["crc"] == checksum(content))


def split_signed(note: Json, text: str) -> Iterator[tuple[Json, str]]:
    """Cut a text where the part began that was signed, if others came before it."""
    start = note.get("signature_start")
    if not isinstance(start, int) or not 0 <= start <= len(text):
        start = None
    elif note.get("signature"):
        yield {"type": "text"}, text[:start]
    yield note, text[start:]


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
