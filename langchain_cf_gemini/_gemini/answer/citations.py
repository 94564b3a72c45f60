"""Google's grounding and citations as LangChain annotations on the right characters.

Google counts in bytes of UTF-8, LangChain in characters of `str`. Google counts from
the start of a part, which it does not always name. Where it also quotes the text, the
quotation is checked against the place and wins over it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from itertools import accumulate
from typing import Any

from langchain_cf_gemini._gemini.answer.wire import (
    count_from,
    object_from,
    objects_from,
    text_from,
)
from langchain_cf_gemini._gemini.json_values import sound
from langchain_cf_gemini._gemini.part_notes import Text
from langchain_cf_gemini._gemini.vocabulary import Json

_CHUNK_KINDS = ("web", "retrievedContext", "maps", "image")
_CHUNKS, _SUPPORTS = "groundingChunks", "groundingSupports"
_NO_LISTS: Json = {_CHUNKS: None, _SUPPORTS: None}


def _source(chunk: Json) -> tuple[Json, str]:
    for kind in _CHUNK_KINDS:
        if isinstance(source := chunk.get(kind), dict):
            return source, kind
    return {}, next(iter(chunk), "unknown")


def _address(chunk: Json) -> str | None:
    source, _ = _source(chunk)
    return text_from(source.get("uri")) or text_from(source.get("sourceUri"))


def _is_same(one: Json, other: Json) -> bool:
    address = _address(one)
    return one == other or (address is not None and address == _address(other))


Join = Callable[[list[Any], list[Any]], list[Any]]


def _each_once(old: list[Any], new: list[Any]) -> list[Any]:
    return old + [item for item in new if item not in old]


def union(old: Any, new: Any, join: Join = _each_once) -> Any:
    """Merge what several events said; lists keep what any of them said."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{k: union(old.get(k), v, join) for k, v in new.items()}}
    if isinstance(old, list) and isinstance(new, list):
        return join(old, new)
    return new


class Grounding:
    """What the events of one answer say of its sources.

    Google sends the list of sources again and again as it grows, and may change its
    order; what rests on a source names it by its place in the list of the same event.
    """

    __slots__ = ("_events",)

    def __init__(self) -> None:
        self._events: list[Json] = []

    def add(self, metadata: Json) -> None:
        """Take one event's groundingMetadata."""
        self._events.append(metadata)

    def metadata(self) -> Json:
        """Return the groundingMetadata of the whole answer: the latest list counts."""
        if len(self._events) < 2:
            return self._events[0] if self._events else {}
        lists = list(filter(None, map(_chunks_of, self._events)))
        latest = list(lists[-1]) if lists else []
        supports = self._supports(lists[0] if lists else [], latest)
        told = reduce(union, ({**event, **_NO_LISTS} for event in self._events))
        made = {**told, _CHUNKS: latest, _SUPPORTS: supports}
        return {k: v for k, v in made.items() if v or k not in _NO_LISTS}

    def _supports(self, own: list[Json], latest: list[Json]) -> list[Json]:
        """Return what rests on the sources, each by its place in the latest list."""
        supports: list[Json] = []
        for event in self._events:
            own = _chunks_of(event) or own
            for support in objects_from(event.get(_SUPPORTS)):
                moved = _moved(support, own, latest)
                if moved not in supports:
                    supports.append(moved)
        return supports


def _chunks_of(event: Json) -> list[Json]:
    """Return an event's sources; what is none of them keeps its place."""
    chunks = event.get(_CHUNKS)
    return [object_from(c) for c in chunks] if isinstance(chunks, list) else []


def _moved(support: Json, own: list[Json], latest: list[Json]) -> Json:
    """Return a support that names its sources by their places in the latest list."""
    indices = support.get("groundingChunkIndices")
    if not isinstance(indices, list):
        return support
    return {
        **support,
        "groundingChunkIndices": [
            at
            if (n := count_from(at)) is None or n >= len(own)
            else _place_in(latest, own[n], n)
            for at in indices
        ],
    }


def _place_in(latest: list[Json], chunk: Json, at: int) -> int:
    if at < len(latest) and _is_same(latest[at], chunk):
        return at
    for place, known in enumerate(latest):
        if _is_same(known, chunk):
            return place
    latest.append(chunk)
    return len(latest) - 1


class _Places:
    """Where in an answer's text Google's offsets lead."""

    def __init__(self, text: str, starts: Sequence[int]) -> None:
        self._text = text
        self._encoded = text.encode()
        self._starts = [len(text[:start].encode()) for start in starts] or [0]

    def of(self, segment: Json) -> Json:
        """Return start and end in characters, {} if the place cannot be found."""
        start = count_from(segment.get("startIndex")) or 0
        end = count_from(segment.get("endIndex"))
        named = count_from(segment.get("partIndex")) or 0
        base = self._starts[named] if named < len(self._starts) else 0
        if quoted := text_from(segment.get("text")):
            return self._of_quote(quoted, base, start)
        is_apart = named >= len(self._starts)
        if end is None or is_apart or not start <= end <= len(self._encoded) - base:
            return {}
        return self._characters(base + start, base + end)

    def _of_quote(self, quoted: str, base: int, start: int) -> Json:
        said = quoted.encode()
        # The part may be unnamed: then the offsets fit in one of the others.
        for first in dict.fromkeys((base, 0, *self._starts)):
            if self._encoded.startswith(said, first + start):
                return self._characters(first + start, first + start + len(said))
        near = self._character(base + start)
        before = self._text.rfind(quoted, 0, near + len(quoted))
        after = self._text.find(quoted, near)
        found = [place for place in (before, after) if place >= 0]
        if not found:
            return {}
        nearest = min(found, key=lambda place: abs(place - near))
        return {"start_index": nearest, "end_index": nearest + len(quoted)}

    def _characters(self, start: int, end: int) -> Json:
        first = self._character(start)
        return {"start_index": first, "end_index": self._character(end)}

    def _character(self, offset: int) -> int:
        return len(self._encoded[:offset].decode("utf-8", errors="ignore"))


def _grounded(metadata: Json, places: _Places) -> Iterator[Json]:
    chunks = _chunks_of(metadata)
    for support in objects_from(metadata.get(_SUPPORTS)):
        segment = object_from(support.get("segment"))
        place = places.of(segment)
        scores, indices = (
            found if isinstance(found := support.get(name), list) else []
            for name in ("confidenceScores", "groundingChunkIndices")
        )
        for n, index in enumerate(indices):
            at = count_from(index)
            if at is None or at >= len(chunks):
                continue
            source, kind = _source(chunks[at])
            yield _citation(
                url=_address(chunks[at]),
                title=source.get("title"),
                cited_text=text_from(segment.get("text")),
                place=place,
                note={
                    "source": kind,
                    "chunk_index": at,
                    "confidence_score": scores[n] if n < len(scores) else None,
                },
            )


def _recited(cited: list[Json], places: _Places) -> Iterator[Json]:
    for citation in cited:
        yield _citation(
            url=citation.get("uri"),
            title=citation.get("title"),
            cited_text=None,
            place=places.of({**citation, "text": None}),
            note={
                "license": citation.get("license"),
                "publication_date": citation.get("publicationDate"),
            },
        )


def _citation(
    *, url: Any, title: Any, cited_text: Any, place: Json, note: Json
) -> Json:
    citation = {
        "type": "citation",
        "url": text_from(url),
        "title": text_from(title),
        "cited_text": cited_text,
    }
    citation = {k: v for k, v in citation.items() if v is not None}
    if note := {k: sound(v) for k, v in note.items() if v is not None}:
        citation["extras"] = {"google_ai_metadata": note}
    return {**citation, **place}


class SaidText:
    """The text of an answer as it is said, thoughts left out.

    Attributes:
        texts: What it is made of.
    """

    def __init__(self) -> None:
        self.texts: list[Text] = []
        self._starts: list[tuple[int, int]] = []

    def begin_part(self) -> None:
        """Note that a part begins here, of whatever kind."""
        last = len(self.texts) - 1
        self._starts.append((last, self.texts[last].length if self.texts else 0))

    def citations(self, grounding: Json, cited: list[Json]) -> list[Json]:
        """Return the annotations of what has been said.

        Args:
            grounding: The answer's groundingMetadata.
            cited: The entries of its citationMetadata.

        Returns:
            Citations; one whose place cannot be found has no indices.
        """
        if not (grounding.get(_SUPPORTS) or cited):
            return []
        ends = list(accumulate((text.length for text in self.texts), initial=0))
        starts = [ends[max(at, 0)] + length for at, length in self._starts]
        said = "".join(piece for text in self.texts for piece in text.pieces)
        places = _Places(said, starts)
        return [*_grounded(grounding, places), *_recited(cited, places)]


def citations_by_block(
    texts: Iterable[tuple[int, str]], citations: list[Json]
) -> list[tuple[str, list[Json]]]:
    """Sort citations to the blocks they point into, offsets made relative to them.

    One that reaches over several blocks stands in each of them; one without a place in
    the first.

    Args:
        texts: How long each text is, and the index of its block.
        citations: Citations with their places in all of the text.
    """
    spans: dict[str, tuple[int, int]] = {}
    at = 0
    for length, index in texts:
        first, _ = spans.get(index, (at, at))
        at += length
        spans[index] = (first, at)
    found: dict[str, list[Json]] = {}
    for citation in citations:
        for index, moved in _in_blocks(citation, spans):
            found.setdefault(index, []).append(moved)
    return list(found.items())


def _in_blocks(
    citation: Json, spans: dict[str, tuple[int, int]]
) -> Iterator[tuple[str, Json]]:
    if "start_index" not in citation:
        yield next(iter(spans)), citation
        return
    start, end = citation["start_index"], citation["end_index"]
    for index, (first, last) in spans.items():
        inside = {"start_index": max(start, first), "end_index": min(end, last)}
        is_point = start == end and first <= start <= last
        if inside["start_index"] < inside["end_index"] or is_point:
            yield index, {**citation, **{k: v - first for k, v in inside.items()}}
            if is_point:
                return
