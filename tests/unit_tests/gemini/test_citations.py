"""Grounding and citations as annotations on the right characters."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.models import Json, answer, event, message_of, streamed, text

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


def _grounding(*supports: Json, chunks: Any = (WEB,)) -> Json:
    return {
        "webSearchQueries": ["weather"],
        "groundingChunks": list(chunks),
        "groundingSupports": list(supports),
    }


def _citations(message: Any) -> list[Json]:
    return [
        dict(annotation)
        for block in message.content_blocks
        for annotation in block.get("annotations", ())
    ]


@pytest.mark.parametrize("words", ["In 你好", "it is 18 °C.", "🌍 Warm.", SAID])
@pytest.mark.parametrize("quote", [True, False])
def test_offsets_are_characters(words: str, quote: bool) -> None:
    support = {"segment": _segment(words, quote=quote), "groundingChunkIndices": [0]}
    notes: Json = {"groundingMetadata": _grounding(support)}
    events = [event(text(SAID[:9])), answer(text(SAID[9:]), **notes)]
    for version in ("v0", "v1"):
        settings: Json = {"output_version": version}
        whole = message_of(text(SAID), model=settings, **notes)
        stream = streamed(*events, endpoint="gateway", **settings)
        for message in (whole, stream):
            (citation,) = _citations(message)
            assert SAID[citation["start_index"] : citation["end_index"]] == words
            assert citation["type"] == "citation"
            assert citation["url"] == "https://r/1"
            assert citation["title"] == "a.org"
            assert citation.get("cited_text") == (words if quote else None)


def test_metadata_is_kept_whole_in_snake_case() -> None:
    support = {
        "segment": _segment("Warm."),
        "groundingChunkIndices": [0],
        "confidenceScores": [0.9],
    }
    message = message_of(text(SAID), groundingMetadata=_grounding(support))
    kept = message.response_metadata["grounding_metadata"]
    assert kept["web_search_queries"] == ["weather"]
    assert kept["grounding_chunks"] == [WEB]
    assert kept["grounding_supports"][0]["confidence_scores"] == [0.9]
    (citation,) = _citations(message)
    assert citation["extras"]["google_ai_metadata"] == {
        "source": "web",
        "chunk_index": 0,
        "confidence_score": 0.9,
    }


@pytest.mark.parametrize(
    ("chunk", "url", "title", "source"),
    [
        (WEB, "https://r/1", "a.org", "web"),
        (MAPS, "https://m/1", "Café", "maps"),
        (CONTEXT, None, "file.txt", "retrievedContext"),
        (IMAGE, "https://i/1", None, "image"),
        ({"hologram": {}}, None, None, "hologram"),
        ({}, None, None, "unknown"),
    ],
)
def test_sources(chunk: Json, url: str | None, title: str | None, source: str) -> None:
    support = {"segment": _segment("Warm."), "groundingChunkIndices": [0]}
    notes = _grounding(support, chunks=(chunk,))
    (citation,) = _citations(message_of(text(SAID), groundingMetadata=notes))
    assert citation.get("url") == url
    assert citation.get("title") == title
    assert citation["extras"]["google_ai_metadata"]["source"] == source


def test_several_sources_of_one_place() -> None:
    support = {"segment": _segment("Warm."), "groundingChunkIndices": [0, 1, 7]}
    notes = _grounding(support, chunks=(WEB, MAPS))
    made = _citations(message_of(text(SAID), groundingMetadata=notes))
    assert [c["url"] for c in made] == ["https://r/1", "https://m/1"]


def test_what_a_support_does_not_say_costs_no_citation() -> None:
    """An index of no source, fewer scores than sources, half a character before it."""
    supports: Json = {
        "segment": {"startIndex": 3, "endIndex": 8},
        "groundingChunkIndices": [-1, 0, 0],
        "confidenceScores": [0.1, 0.5],
    }
    message = message_of(
        text("\ud800Hello"),
        groundingMetadata={"groundingChunks": [WEB], "groundingSupports": [supports]},
    )
    found = message.response_metadata["citations"]
    notes = [each["extras"]["google_ai_metadata"] for each in found]
    assert [note.get("confidence_score") for note in notes] == [0.5, None]
    assert {(each["start_index"], each["end_index"]) for each in found} == {(1, 6)}


def test_an_offset_within_a_character_is_before_it() -> None:
    segment: Json = {"startIndex": 4, "endIndex": 9}
    support: Json = {"segment": segment, "groundingChunkIndices": [0]}
    message = message_of(text(SAID), groundingMetadata=_grounding(support))
    (found,) = message.response_metadata["citations"]
    assert (found["start_index"], found["end_index"]) == (3, 5)


def test_quotation_wins_over_offsets() -> None:
    segment = {"startIndex": 1, "endIndex": 3, "text": "Warm."}
    notes = _grounding({"segment": segment, "groundingChunkIndices": [0]})
    (citation,) = _citations(message_of(text(SAID), groundingMetadata=notes))
    assert SAID[citation["start_index"] : citation["end_index"]] == "Warm."


@pytest.mark.parametrize(
    "segment",
    [{"startIndex": 0, "endIndex": 9999}, {"endIndex": 3, "text": "never said"}],
)
def test_a_place_that_cannot_be_found(segment: Json) -> None:
    notes = _grounding({"segment": segment, "groundingChunkIndices": [0]})
    (citation,) = _citations(message_of(text(SAID), groundingMetadata=notes))
    assert "start_index" not in citation
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
    code: Json = {"executableCode": {"language": "PYTHON", "code": "1"}}
    first, second = "Première. ", "Zwölf °C."
    said = first + second
    supports = [
        {"segment": _segment(words, said), "groundingChunkIndices": [0]}
        for words in ("Première.", "Zwölf", "°C.")
    ]
    notes: Json = {"groundingMetadata": _grounding(*supports)}
    if streaming:
        events = [event(code), event(text(first)), event(code)]
        message = streamed(*events, answer(text(second), **notes))
    else:
        message = message_of(code, text(first), code, text(second), **notes)
    blocks: Any = message.content_blocks
    found = [
        (
            block["text"],
            [block["text"][a["start_index"] : a["end_index"]] for a in made],
        )
        for block in blocks
        if block["type"] == "text" and (made := block.get("annotations"))
    ]
    assert found == [(first, ["Première."]), (second, ["Zwölf", "°C."])]


@pytest.mark.parametrize(
    "notes",
    [
        {},
        {"groundingChunks": [WEB]},
        {"groundingSupports": [{"segment": {}, "groundingChunkIndices": [0]}]},
        {"groundingSupports": [{"groundingChunkIndices": [3]}], "groundingChunks": []},
    ],
)
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
    support = {"segment": {"endIndex": 3}, "groundingChunkIndices": [0]}
    settings = {"output_version": output_version}
    notes = _grounding(support)
    message = message_of(model=settings, groundingMetadata=notes)
    assert message.response_metadata["citations"][0]["url"] == "https://r/1"
    if output_version == "v0":
        (block,) = message.content_blocks
        assert (block["type"], block.get("text")) == ("text", "")
        assert [citation["url"] for citation in _citations(message)] == ["https://r/1"]


def test_grounding_in_every_event_is_told_once() -> None:
    widget = {"googleMapsWidgetContextToken": "t"}
    first = {"segment": _segment("In 你好"), "groundingChunkIndices": [0]}
    second = {"segment": _segment("Warm."), "groundingChunkIndices": [1]}
    message = streamed(
        event(text(SAID[:9]), groundingMetadata={**_grounding(first), **widget}),
        answer(
            text(SAID[9:]),
            groundingMetadata={
                **_grounding(first, second, chunks=(WEB, MAPS)),
                **widget,
            },
        ),
    )
    assert [c["cited_text"] for c in _citations(message)] == ["In 你好", "Warm."]
    assert message.response_metadata["grounding_metadata"]["web_search_queries"] == [
        "weather"
    ]


def _quoted(message: Any) -> list[str]:
    """What the annotations of each block point at in it."""
    return [
        block["text"][a["start_index"] : a["end_index"]]
        for block in message.content_blocks
        for a in block.get("annotations", ())
    ]


def test_offsets_count_from_the_part_that_is_named() -> None:
    first, second = "Première. ", "Zwölf °C. "
    parts = [text("Hm.", thought=True), text(first), text(second, "c2ln")]
    segments = [
        {"partIndex": 2, "endIndex": len("Zwölf".encode())},
        {"partIndex": 1, "endIndex": len("Première.".encode())},
        # The index may be missing; the quotation tells.
        {"endIndex": len("Zwölf".encode()), "text": "Zwölf"},
        {"partIndex": "2", "endIndex": 6, "text": "Zwölf"},
    ]
    supports = [{"segment": s, "groundingChunkIndices": [0]} for s in segments]
    message = message_of(*parts, groundingMetadata=_grounding(*supports))
    found = _quoted(message)
    assert found == ["Zwölf", "Première.", "Zwölf", "Zwölf"]


def test_a_part_that_is_not_there_is_no_place() -> None:
    segment = {"partIndex": 3, "startIndex": 0, "endIndex": 2}
    notes = _grounding({"segment": segment, "groundingChunkIndices": [0]})
    (citation,) = _citations(message_of(text("Yes."), groundingMetadata=notes))
    assert "start_index" not in citation


@pytest.mark.parametrize(
    ("said", "segment", "start"),
    [
        ("Yes. No. Yes. No. Yes.", {"startIndex": 10, "text": "Yes."}, 9),
        ("Yes. No. Yes. No. Yes.", {"startIndex": 1, "text": "Yes."}, 0),
        ("Yes. No. Yes. No. Yes.", {"startIndex": 99, "text": "Yes."}, 18),
        ("aab", {"partIndex": 3, "text": "a"}, 0),  # there is no such part
    ],
)
def test_a_quotation_is_found_where_it_is_nearest(
    said: str, segment: Json, start: int
) -> None:
    notes = _grounding({"segment": segment, "groundingChunkIndices": [0]})
    (citation,) = _citations(message_of(text(said), groundingMetadata=notes))
    end = start + len(segment["text"])
    assert (citation["start_index"], citation["end_index"]) == (start, end)


@pytest.mark.parametrize(
    "segment", [{"startIndex": 5}, {"startIndex": 9, "endIndex": 3}]
)
def test_an_end_before_the_start_is_no_place(segment: Json) -> None:
    notes = _grounding({"segment": segment, "groundingChunkIndices": [0]})
    (citation,) = _citations(message_of(text(SAID), groundingMetadata=notes))
    assert not {"start_index", "end_index"} & citation.keys()


def test_a_citation_over_two_blocks_ends_with_each() -> None:
    code: Json = {"executableCode": {"language": "PYTHON", "code": "1"}}
    segment = {"startIndex": 2, "endIndex": 6}
    notes = _grounding({"segment": segment, "groundingChunkIndices": [0]})
    message = message_of(text("abcd"), code, text("efgh"), groundingMetadata=notes)
    found = _quoted(message)
    assert found == ["cd", "ef"]


@pytest.mark.parametrize("at", [0, 4, 8])
def test_a_place_without_width_is_in_one_block(at: int) -> None:
    code: Json = {"executableCode": {"language": "PYTHON", "code": "1"}}
    segment = {"startIndex": at, "endIndex": at}
    notes = _grounding({"segment": segment, "groundingChunkIndices": [0]})
    message = message_of(text("abcd"), code, text("efgh"), groundingMetadata=notes)
    blocks: list[Any] = [b for b in message.content_blocks if b["type"] == "text"]
    places = [
        [(a["start_index"], a["end_index"]) for a in block.get("annotations", ())]
        for block in blocks
    ]
    assert places == ([[(at, at)], []] if at < 8 else [[], [(4, 4)]])


def _web(name: str, title: str | None = None) -> Json:
    return {"web": {"uri": f"https://{name}"} | ({"title": title} if title else {})}


# The lists of two events, and what the supports of each name in its own.
GROWING: dict[str, tuple[list[Json], list[Json]]] = {
    "longer": ([_web("a")], [_web("a"), _web("b")]),
    "another order": ([_web("a")], [_web("b"), _web("a")]),
    "a title that comes late": ([_web("a")], [_web("a", "A"), _web("b")]),
    "a duplicate": ([_web("a")], [_web("b"), _web("b"), _web("a")]),
    "left out again": ([_web("a"), _web("x")], [_web("b")]),
    "shorter": ([_web("x"), _web("a")], [_web("b")]),
}


@pytest.mark.parametrize(("first", "last"), GROWING.values(), ids=GROWING.keys())
def test_sources_are_those_of_the_supports_own_event(
    first: list[Json], last: list[Json]
) -> None:
    own = first.index(_web("a"))
    one = {"segment": _segment("In 你好"), "groundingChunkIndices": [own]}
    at = len(last) - 1
    two = {"segment": _segment("Warm."), "groundingChunkIndices": [at]}
    message = streamed(
        event(text(SAID[:9]), groundingMetadata=_grounding(one, chunks=first)),
        answer(text(SAID[9:]), groundingMetadata=_grounding(two, chunks=last)),
    )
    cited = {c["cited_text"]: c["url"] for c in _citations(message)}
    assert cited == {"In 你好": "https://a", "Warm.": last[at]["web"]["uri"]}
    kept = message.response_metadata["grounding_metadata"]
    assert kept["grounding_chunks"][: len(last)] == last
    for support in kept["grounding_supports"]:
        (place,) = support["grounding_chunk_indices"]
        url = kept["grounding_chunks"][place]["web"]["uri"]
        assert url == cited[support["segment"]["text"]]
