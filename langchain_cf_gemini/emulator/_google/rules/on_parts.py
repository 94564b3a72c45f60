"""Rules on parts: what each holds, texts and media."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.models import packaged
from langchain_cf_gemini.emulator._google.rules.rule import Check, role_of

Part = Mapping[str, Any]

_PAYLOADS = packaged("gemini")["payloads"]
_TYPES: Mapping[str, list[str]] = packaged("gemini")["media_types"]
_IN_RESPONSE = {
    *("image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain")
}
_OFFICE = re.compile(r"application/(msword|vnd\.)")
# The emulator fetches nothing; this host was recorded as refusing Google's crawler.
_REFUSED_HOST = re.compile(r"https?://www\.gstatic\.com\b", re.IGNORECASE)


def _payloads(asked: Generation) -> Iterator[tuple[str, Part, list[str]]]:
    for path, part in asked.parts:
        yield path, part, [kind for kind in _PAYLOADS if kind in part]


def _files(asked: Generation) -> Iterator[tuple[str, Part, Part]]:
    """Every file: the role of who sent it, the part that holds it, itself."""
    parts = [("system", asked.body.get("systemInstruction") or {})]
    parts += [(role_of(content), content) for content in asked.contents]
    for role, content in parts:
        for part in content.get("parts") or ():
            for each in (part, *_shown(part)):
                if file := each.get("inlineData") or each.get("fileData"):
                    yield role, part, file


def _shown(part: Part) -> list[Part]:
    """The parts that a function response shows."""
    return list((part.get("functionResponse") or {}).get("parts") or ())


def _types_in_responses(asked: Generation) -> Iterator[str]:
    for _, part, file in _files(asked):
        if "functionResponse" in part:
            yield str(file.get("mimeType") or "")


def _is_taken(asked: Generation, mime: str) -> bool:
    kind, _, name = mime.partition(";")[0].strip().lower().partition("/")
    if kind == "text":
        return name == "plain" or not asked.vertex
    if _OFFICE.match(mime):
        return "hydrogen" in asked.model.google_id
    return name in _TYPES.get(kind, ())


def _unknown_types(asked: Generation) -> Iterator[tuple[object, ...]]:
    for _, _, file in _files(asked):
        mime = str(file.get("mimeType") or "")
        if mime and not _is_taken(asked, mime):
            yield (mime,)


def _references_to_nothing(asked: Generation) -> Iterator[tuple[object, ...]]:
    for _, part in asked.parts:
        files = (
            each.get("inlineData") or each.get("fileData") for each in _shown(part)
        )
        names = {(file or {}).get("displayName") for file in files}
        response = (part.get("functionResponse") or {}).get("response")
        yield from ((name,) for name in _referenced(response) if name not in names)


def _referenced(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        if "$ref" in value:
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _referenced(each)


def _has_marks_beside_signatures(asked: Generation) -> bool:
    parts = [part for _, part in asked.parts]
    alone = any(part.keys() <= {"thoughtSignature", "thought"} for part in parts)
    return alone and any("mediaProcessing" in part for part in parts)


CHECKS: dict[str, Check] = {
    "a payload in every part": lambda asked: (
        (path,)
        for path, part, held in _payloads(asked)
        if not held and not part.get("thoughtSignature")
    ),
    "one payload per part": lambda asked: (
        (path, held[1]) for path, _, held in _payloads(asked) if len(held) > 1
    ),
    "URL may be crawled": lambda asked: (
        asked.vertex
        and any(
            _REFUSED_HOST.match(str(file.get("fileUri")))
            for _, _, file in _files(asked)
        )
    ),
    # An empty text is what streams carry their last signature in.
    "empty text": lambda asked: (
        asked.vertex and any(part == {"text": ""} for _, part in asked.parts)
    ),
    "media type is taken": _unknown_types,
    # What the model wrote itself goes back as it came.
    "media has data": lambda asked: any(
        role != "model" and file.get("data") == "" for role, _, file in _files(asked)
    ),
    "media in a response": lambda asked: (
        (mime,)
        for mime in _types_in_responses(asked)
        if mime and mime not in _IN_RESPONSE and not _OFFICE.match(mime)
    ),
    "references in a response": _references_to_nothing,
    "marks of processed media": _has_marks_beside_signatures,
}
