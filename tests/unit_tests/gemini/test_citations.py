"""Grounding and citations as annotations on the right characters."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.models import (
    Json,
    answer,
    code,
    event,
    message_of,
    streamed,
    text,
    thought,
)
from tests.support.tables import rows

SAID = "In 你好 it is 18 °C. 🌍 Warm."
WEB = {"web": {"uri": "https://r/1", "title": "a.org", "domain": "a.org"}}
MAPS = {"maps": {"uri": "https://m/1", "title": "Café", "placeId": "p"}}
CONTEXT = {"retrievedContext": {"title": "file.txt", "text": "chunk"}}
IMAGE = {"image": {"sourceUri": "https://i/1", "imageUri": "https://i/2"}}


def _segment(words: str, said: str = SAID, *, quote: bool = True) -> Json:
    start = len(said[: said.index(words)].encode())
    made: Json = {"endIndex": start + len(words.encode())}
    if start:
        made["startIndex"] = start  # absent when 0, as on the wire
    return {**made, "text": words} if quote else made


def _support(segment: Json, *sources: int, **more: Any) -> Json:
    return {"segment": segment, "groundingChunkIndices": list(sources or (0,)), **more}


def _grounding(*supports: Json, chunks: Any = (WEB,)) -> Json:
    held = {"groundingChunks": list(chunks), "groundingSupports": list(supports)}
    return {"groundingMetadata": {"webSearchQueries": ["weather"], **held}}


def _cites(*segments: Json) -> Json:
    """Grounding of these places by one source."""
    return _grounding(*map(_support, segments))


def _citations(message: Any) -> list[Json]:
    return [
        dict(annotation)
        for block in message.content_blocks
        for annotation in block.get("annotations", ())
    ]


def _quoted(message: Any) -> list[list[str]]:
    """What the annotations of each text point at in it."""
    return [
        [
            block["text"][a["start_index"] : a["end_index"]]
            for a in block.get("annotations", ())
        ]
        for block in message.content_blocks
        if block["type"] == "text"
    ]


@pytest.mark.parametrize("words", ["In 你好", "it is 18 °C.", "🌍 Warm.", SAID])
@pytest.mark.parametrize("quote", [True, False])
def test_offsets_are_characters(words: str, quote: bool) -> None:
    notes = _cites(_segment(words, quote=quote))
    events = [event(text(SAID[:9])), answer(text(SAID[9:]), **notes)]
    for version in ("v0", "v1"):
        settings: Json = {"output_version": version}
        whole = message_of(text(SAID), model=settings, **notes)
        for message in (whole, streamed(*events, **settings)):
            (citation,) = _citations(message)
            assert SAID[citation["start_index"] : citation["end_index"]] == words
            assert citation["type"] == "citation"
            assert citation["url"] == "https://r/1"
            assert citation["title"] == "a.org"
            assert citation.get("cited_text") == (words if quote else None)


def test_metadata_is_kept_whole_in_snake_case() -> None:
    support = _support(_segment("Warm."), confidenceScores=[0.9])
    message = message_of(text(SAID), **_grounding(support))
    kept = message.response_metadata["grounding_metadata"]
    assert kept["web_search_queries"] == ["weather"]
    assert kept["grounding_chunks"] == [WEB]
    assert kept["grounding_supports"][0]["confidence_scores"] == [0.9]
    (citation,) = _citations(message)
    told = {"source": "web", "chunk_index": 0, "confidence_score": 0.9}
    assert citation["extras"]["google_ai_metadata"] == told


SOURCES: dict[str, tuple[Json, str | None, str | None]] = {
    "web": (WEB, "https://r/1", "a.org"),
    "maps": (MAPS, "https://m/1", "Café"),
    "retrievedContext": (CONTEXT, None, "file.txt"),
    "image": (IMAGE, "https://i/1", None),
    "hologram": ({"hologram": {}}, None, None),
    "unknown": ({}, None, None),
}


@pytest.mark.parametrize("source", SOURCES)
def test_sources(source: str) -> None:
    chunk, url, title = SOURCES[source]
    notes = _grounding(_support(_segment("Warm.")), chunks=(chunk,))
    (citation,) = _citations(message_of(text(SAID), **notes))
    assert (citation.get("url"), citation.get("title")) == (url, title)
    assert citation["extras"]["google_ai_metadata"]["source"] == source


def test_several_sources_of_one_place() -> None:
    notes = _grounding(_support(_segment("Warm."), 0, 1, 7), chunks=(WEB, MAPS))
    made = _citations(message_of(text(SAID), **notes))
    assert [c["url"] for c in made] == ["https://r/1", "https://m/1"]


def test_what_a_support_does_not_say_costs_no_citation() -> None:
    """An index of no source, fewer scores than sources, half a character before it."""
    segment = {"startIndex": 3, "endIndex": 8}
    support = _support(segment, -1, 0, 0, confidenceScores=[0.1, 0.5])
    message = message_of(text("\ud800Hello"), **_grounding(support))
    found = message.response_metadata["citations"]
    notes = [each["extras"]["google_ai_metadata"] for each in found]
    assert [note.get("confidence_score") for note in notes] == [0.5, None]
    assert {(each["start_index"], each["end_index"]) for each in found} == {(1, 6)}


_YES = "Yes. No. Yes. No. Yes."
_NOWHERE = (None, None)
# What was said, a segment, and the characters that it is about.
PLACES: dict[str, tuple[str, Json, tuple[int | None, int | None]]] = {
    "within a character": (SAID, {"startIndex": 4, "endIndex": 9}, (3, 5)),
    "a quotation elsewhere": (
        SAID, {"startIndex": 1, "endIndex": 3, "text": "Warm."}, (21, 26)),
    "beyond the end": (SAID, {"startIndex": 0, "endIndex": 9999}, _NOWHERE),
    "never said": (SAID, {"endIndex": 3, "text": "never said"}, _NOWHERE),
    "without an end": (SAID, {"startIndex": 5}, _NOWHERE),
    "an end before the start": (SAID, {"startIndex": 9, "endIndex": 3}, _NOWHERE),
    "no such part": ("Yes.", {"partIndex": 3, "startIndex": 0, "endIndex": 2},
                     _NOWHERE),
    "no such part, but said": ("aab", {"partIndex": 3, "text": "a"}, (0, 1)),
    "the nearest before": (_YES, {"startIndex": 10, "text": "Yes."}, (9, 13)),
    "the first": (_YES, {"startIndex": 1, "text": "Yes."}, (0, 4)),
    "the last": (_YES, {"startIndex": 99, "text": "Yes."}, (18, 22)),
}  # fmt: skip


@rows("said segment place", PLACES)
def test_places(said: str, segment: Json, place: tuple[int | None, int | None]) -> None:
    (citation,) = _citations(message_of(text(said), **_cites(segment)))
    assert (citation.get("start_index"), citation.get("end_index")) == place
    assert ("start_index" in citation) is (place != _NOWHERE)
    assert citation["url"] == "https://r/1"


@pytest.mark.parametrize("key", ["citations", "citationSources"])
def test_citation_metadata(key: str) -> None:
    cited = {
        **_segment("Warm.", quote=False),
        "uri": "https://book",
        "license": "MIT",
        "publicationDate": {"year": 2020},
        "text": "In",  # no quotation here
    }
    message = message_of(text(SAID), citationMetadata={key: [cited]})
    (citation,) = _citations(message)
    assert SAID[citation["start_index"] : citation["end_index"]] == "Warm."
    assert citation["url"] == "https://book"
    extras = {"license": "MIT", "publication_date": {"year": 2020}}
    assert citation["extras"]["google_ai_metadata"] == extras
    assert "citation_metadata" in message.response_metadata


@pytest.mark.parametrize("streaming", [False, True])
def test_citations_lie_in_the_block_that_they_are_about(streaming: bool) -> None:
    first, second = "Première. ", "Zwölf °C."
    words = ("Première.", "Zwölf", "°C.")
    notes = _cites(*(_segment(each, first + second) for each in words))
    parts = [code(), text(first), code(), text(second)]
    message = message_of(*parts, **notes)
    if streaming:
        message = streamed(*map(event, parts[:3]), answer(parts[3], **notes))
    texts: list[Any] = [b for b in message.content_blocks if b["type"] == "text"]
    assert [block["text"] for block in texts] == [first, second]
    assert _quoted(message) == [["Première."], ["Zwölf", "°C."]]


NO_CITATIONS: dict[str, Json] = {
    "nothing": {},
    "sources alone": {"groundingChunks": [WEB]},
    "no sources": {"groundingSupports": [_support({})]},
    "none of the sources": {"groundingSupports": [{"groundingChunkIndices": [3]}],
                            "groundingChunks": []},
}  # fmt: skip


@rows("notes", NO_CITATIONS)
@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_grounding_without_citations(notes: Json, output_version: str) -> None:
    settings = {"output_version": output_version}
    message = message_of(text(SAID), model=settings, groundingMetadata=notes)
    assert _citations(message) == []
    assert message.text == SAID
    said = [event(text(SAID), groundingMetadata=notes)]
    message = streamed(*said, answer(text(""), groundingMetadata=notes))
    assert _citations(message) == []


@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_citations_without_text(output_version: str) -> None:
    settings = {"output_version": output_version}
    message = message_of(model=settings, **_cites({"endIndex": 3}))
    assert message.response_metadata["citations"][0]["url"] == "https://r/1"
    if output_version == "v0":
        (block,) = message.content_blocks
        assert (block["type"], block.get("text")) == ("text", "")
        assert [citation["url"] for citation in _citations(message)] == ["https://r/1"]


def test_grounding_in_every_event_is_told_once() -> None:
    first, second = _support(_segment("In 你好")), _support(_segment("Warm."), 1)
    notes = _grounding(first), _grounding(first, second, chunks=(WEB, MAPS))
    for each in notes:
        each["groundingMetadata"]["googleMapsWidgetContextToken"] = "t"
    message = streamed(
        event(text(SAID[:9]), **notes[0]), answer(text(SAID[9:]), **notes[1])
    )
    assert [c["cited_text"] for c in _citations(message)] == ["In 你好", "Warm."]
    kept = message.response_metadata["grounding_metadata"]
    assert kept["web_search_queries"] == ["weather"]


def test_offsets_count_from_the_part_that_is_named() -> None:
    parts = [thought("Hm."), text("Première. "), text("Zwölf °C. ", "c2ln")]
    message = message_of(*parts, **_cites(
        {"partIndex": 2, "endIndex": 6},
        {"partIndex": 1, "endIndex": 10},
        # The index may be missing; the quotation tells.
        {"endIndex": 6, "text": "Zwölf"},
        {"partIndex": "2", "endIndex": 6, "text": "Zwölf"},
    ))  # fmt: skip
    found = [each for quoted in _quoted(message) for each in quoted]
    assert found == ["Zwölf", "Première.", "Zwölf", "Zwölf"]


# Where a citation begins and ends, and its places in "abcd" and in "efgh".
SPLIT: dict[tuple[int, int], list[list[tuple[int, int]]]] = {
    (2, 6): [[(2, 4)], [(0, 2)]],
    (0, 0): [[(0, 0)], []],
    (4, 4): [[(4, 4)], []],
    (8, 8): [[], [(4, 4)]],
}


@pytest.mark.parametrize(("start", "end"), SPLIT)
def test_a_citation_ends_with_its_block(start: int, end: int) -> None:
    notes = _cites({"startIndex": start, "endIndex": end})
    message = message_of(text("abcd"), code(), text("efgh"), **notes)
    blocks: list[Any] = [b for b in message.content_blocks if b["type"] == "text"]
    places = [
        [(a["start_index"], a["end_index"]) for a in block.get("annotations", ())]
        for block in blocks
    ]
    assert places == SPLIT[start, end]


def _web(name: str, title: str | None = None) -> Json:
    return {"web": {"uri": f"https://{name}"} | ({"title": title} if title else {})}


# The lists of two events, and what the supports of each name in its own.
A, B, X = _web("a"), _web("b"), _web("x")
GROWING: dict[str, tuple[list[Json], list[Json]]] = {
    "longer": ([A], [A, B]),
    "another order": ([A], [B, A]),
    "a title that comes late": ([A], [_web("a", "A"), B]),
    "a duplicate": ([A], [B, B, A]),
    "left out again": ([A, X], [B]),
    "shorter": ([X, A], [B]),
}


@rows("first last", GROWING)
def test_sources_are_those_of_the_supports_own_event(
    first: list[Json], last: list[Json]
) -> None:
    at = len(last) - 1
    one, two = (
        _support(_segment("In 你好"), first.index(A)),
        _support(_segment("Warm."), at),
    )
    message = streamed(
        event(text(SAID[:9]), **_grounding(one, chunks=first)),
        answer(text(SAID[9:]), **_grounding(two, chunks=last)),
    )
    cited = {c["cited_text"]: c["url"] for c in _citations(message)}
    assert cited == {"In 你好": "https://a", "Warm.": last[at]["web"]["uri"]}
    kept = message.response_metadata["grounding_metadata"]
    assert kept["grounding_chunks"][: len(last)] == last
    for support in kept["grounding_supports"]:
        (place,) = support["grounding_chunk_indices"]
        url = kept["grounding_chunks"][place]["web"]["uri"]
        assert url == cited[support["segment"]["text"]]
