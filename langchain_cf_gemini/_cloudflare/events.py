"""Server-sent events from bytes cut anywhere.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
Lines end at CR, LF or both, and nowhere else: JSON may hold U+2028 and U+0085 raw.
Beyond the standard, lines that are no field of an event but JSON are kept, as Google
writes an error in mid-stream.
"""

from __future__ import annotations

import codecs
import re

_LINE_END = re.compile(r"\r\n|\n|\r")
_FIELDS = frozenset({"data", "event", "id", "retry"})
_BOM = "\ufeff"
_MOST_STRAY = 1 << 22
"""Bytes of lines that are no fields, of which more is not an error's JSON."""
_OBJECT = 60  # bytes of a string besides its characters


class EventDecoder:
    """The data of each event, as bytes come in.

    Empty events and the `[DONE]` of another dialect carry nothing and are left out.
    """

    def __init__(self) -> None:
        self._bytes = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._pieces: list[str] = []  # of a line whose end has not come
        self._data: list[str] = []
        self._stray: list[str] = []
        self._stray_size = 0
        self._at_start = True
        self._after_cr = False
        # Between events, when nothing of one is held here.
        self._between = True

    def feed(self, chunk: bytes) -> list[str]:
        """The data of the events that end within these bytes."""
        if self._between:
            events = whole_events(chunk)
            if events is not None:
                self._at_start = False
                return events
        return self._feed_text(self._bytes.decode(chunk))

    def flush(self) -> list[str]:
        """The data of an event that was not ended when the bytes were."""
        return self._feed_text(self._bytes.decode(b"", final=True) + "\n\n")

    def _feed_text(self, text: str) -> list[str]:
        if self._at_start and text:
            text = text.removeprefix(_BOM)
            self._at_start = False
        if self._after_cr:
            # Half of a line's end came before.
            text = text.removeprefix("\n")
        self._after_cr = text.endswith("\r") or (self._after_cr and not text)
        *lines, rest = _LINE_END.split(text)
        if lines and self._pieces:
            lines[0] = "".join([*self._pieces, lines[0]])
            self._pieces.clear()
        if rest:
            self._pieces.append(rest)
        events = [event for line in lines for event in self._read(line)]
        held = self._pieces or self._data or self._stray or self._after_cr
        self._between = not held and not self._bytes.getstate()[0]
        return events

    def _read(self, line: str) -> list[str]:
        """Take a line; a blank one ends an event."""
        if not line:
            return self._ended()
        name, _, value = line.partition(":")
        if name == "data":
            self._data.append(value.removeprefix(" "))
        elif name and name not in _FIELDS and self._stray_size <= _MOST_STRAY:
            self._stray.append(line)
            self._stray_size += len(line) + _OBJECT
        return []

    def _ended(self) -> list[str]:
        data, stray = "\n".join(self._data), "\n".join(self._stray)
        self._data.clear()
        self._stray.clear()
        self._stray_size = 0
        events = [data] if _has_data(data) else []
        # Unknown fields are ignored; JSON that stood outside of any is not.
        return events + ([stray] if stray.lstrip().startswith(("{", "[")) else [])


def whole_events(chunk: bytes) -> list[str] | None:
    """The data of a chunk that is whole one-line events, or None if it is not.

    Servers write event by event, so nearly every chunk is of this kind; line by line it
    takes six times as long.
    """
    if not chunk.startswith(b"data: "):
        return None
    end = b"\r\n\r\n" if chunk.endswith(b"\r\n\r\n") else b"\n\n"
    if not chunk.endswith(end):
        return None
    try:
        text = chunk[6 : -len(end)].decode()
    except UnicodeDecodeError:
        return None
    if "\n" not in text and "\r" not in text:
        return [text] if _has_data(text) else []
    return _one_line_events(text.split(end.decode() + "data: "))


def _one_line_events(events: list[str]) -> list[str] | None:
    if any("\n" in event or "\r" in event for event in events):
        return None
    return [event for event in events if _has_data(event)]


def _has_data(event: str) -> bool:
    return event[:1] == "{" or event.strip() not in ("", "[DONE]")
