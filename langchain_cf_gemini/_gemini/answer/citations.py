"""Google's grounding and citations as LangChain annotations on the right characters.

Google counts in bytes of UTF-8, LangChain in characters of `str`. Where Google also
quotes the text, the quotation is checked against the place and wins over it.
"""

from collections.abc import Iterator
from typing import Any

from langchain_cf_gemini._gemini.vocabulary import Json

_CHUNK_KINDS = ("web", "retrievedContext", "maps", "image")


def _index_from_bytes(encoded: bytes, offset: int) -> int:
    return len(encoded[:offset].decode("utf-8", errors="ignore"))


def _located(text: str, start: int, end: int, quoted: str | None) -> Json:
    """Return start and end in characters, or nothing if the place cannot be found."""
    encoded = text.encode("utf-8", errors="surrogatepass")
    if quoted is None or encoded[start:end].decode("utf-8", "replace") == quoted:
        if end > len(encoded):
            return {}
        first = _index_from_bytes(encoded, start)
        return {"start_index": first, "end_index": _index_from_bytes(encoded, end)}
    found = text.find(quoted)
    if found < 0:
        return {}
    return {"start_index": found, "end_index": found + len(quoted)}


def _source(chunk: Json) -> tuple[Json, str]:
    for kind in _CHUNK_KINDS:
        if isinstance(source := chunk.get(kind), dict):
            return source, kind
    return {}, next(iter(chunk), "unknown")


def _grounding(metadata: Json, text: str) -> Iterator[Json]:
    chunks = metadata.get("groundingChunks") or []
    for support in metadata.get("groundingSupports") or ():
        segment = support.get("segment") or {}
        quoted = segment.get("text")
        place = _located(
            text, segment.get("startIndex") or 0, segment.get("endIndex") or 0, quoted
        )
        scores = support.get("confidenceScores") or []
        for n, at in enumerate(support.get("groundingChunkIndices") or ()):
            if not 0 <= at < len(chunks):
                continue
            source, kind = _source(chunks[at])
            yield _citation(
                url=source.get("uri") or source.get("sourceUri"),
                title=source.get("title"),
                cited_text=quoted,
                place=place,
                note={
                    "source": kind,
                    "chunk_index": at,
                    "confidence_score": scores[n] if n < len(scores) else None,
                },
            )


def _citations(metadata: Json, text: str) -> Iterator[Json]:
    # Vertex says `citations`, the Gemini API `citationSources`.
    found = metadata.get("citations") or metadata.get("citationSources") or ()
    for citation in found:
        place = _located(
            text, citation.get("startIndex") or 0, citation.get("endIndex") or 0, None
        )
        yield _citation(
            url=citation.get("uri"),
            title=citation.get("title"),
            cited_text=None,
            place=place,
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
        "url": url,
        "title": title,
        "cited_text": cited_text,
    }
    citation = {k: v for k, v in citation.items() if v is not None}
    if note := {k: v for k, v in note.items() if v is not None}:
        citation["extras"] = {"google_ai_metadata": note}
    return {**citation, **place}


def citations_from_candidate(candidate: Json, text: str) -> list[Json]:
    """Return the citations of one answer.

    Args:
        candidate: The candidate's notes, in Google's own camelCase.
        text: The answer's text, thoughts left out, that Google's offsets count in.

    Returns:
        Citation annotations; a citation whose place cannot be found has no indices.
    """
    grounding = candidate.get("groundingMetadata") or {}
    cited = candidate.get("citationMetadata") or {}
    return [*_grounding(grounding, text), *_citations(cited, text)]


def citations_by_block(
    texts: list[tuple[str, str]], citations: list[Json]
) -> list[tuple[str, list[Json]]]:
    """Sort citations to the blocks they point into, offsets made relative to them."""
    starts: dict[str, int] = {}
    at = 0
    for text, index in texts:
        starts.setdefault(index, at)
        at += len(text)
    found: dict[str, list[Json]] = {}
    for citation in citations:
        start = citation.get("start_index", 0)
        index = [i for i, first in starts.items() if first <= start][-1]
        moved: Json = {
            key: citation[key] - starts[index]
            for key in ("start_index", "end_index")
            if key in citation
        }
        found.setdefault(index, []).append({**citation, **moved})
    return list(found.items())
