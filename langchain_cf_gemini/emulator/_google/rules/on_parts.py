"""Rules on parts: what each holds, texts and media."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from langchain_cf_gemini.emulator._google.generation import Generation, role_of
from langchain_cf_gemini.emulator._google.models import packaged
from langchain_cf_gemini.emulator._google.rules import Check

Part = Mapping[str, Any]

_PAYLOADS = packaged("gemini")["payloads"]
_TYPES: Mapping[str, list[str]] = packaged("gemini")["media_types"]
_REFERENCE = re.compile(r'"\$ref": ("(?:[^"\\]|\\.)*")')
_OFFICE = re.compile(r"application/(msword|vnd\.)")


def _payloads(asked: Generation) -> Iterator[tuple[str, Part, list[str]]]:
    for path, part in asked.parts:
        yield path, part, [kind for kind in _PAYLOADS if kind in part]


def _files(parts: Iterable[Part]) -> Iterator[Part]:
    """Every file, those in function responses included."""
    for part in parts:
        shown = (part.get("functionResponse") or {}).get("parts") or ()
        for each in (part, *shown):
            if file := each.get("inlineData") or each.get("fileData"):
                yield file


def _is_taken(asked: Generation, mime: str) -> bool:
    kind, _, name = mime.partition(";")[0].strip().lower().partition("/")
    if kind == "text":
        return name == "plain" or not asked.vertex
    if _OFFICE.match(mime):
        return "hydrogen" in asked.model.google_id
    return name in _TYPES.get(kind, ())


def _unknown_types(asked: Generation) -> Iterator[tuple[object, ...]]:
    for file in _files(part for _, part in asked.parts):
        mime = str(file.get("mimeType") or "")
        if mime and not _is_taken(asked, mime):
            yield (mime,)


def _has_empty_files(asked: Generation) -> bool:
    # What the model wrote itself goes back as it came.
    sent = [each for each in asked.contents if role_of(each) != "model"]
    parts = (part for each in sent for part in each.get("parts") or ())
    return any(file.get("data") == "" for file in _files(parts))


def _references_to_nothing(asked: Generation) -> Iterator[tuple[object, ...]]:
    for _, answered in asked.at("contents[].parts[].functionResponse"):
        names = {
            file.get("displayName") for file in _files(answered.get("parts") or ())
        }
        for name in _REFERENCE.findall(json.dumps(answered.get("response"))):
            if json.loads(name) not in names:
                yield (json.loads(name),)


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
    "media type is taken": _unknown_types,
    "media has data": _has_empty_files,
    "references in a response": _references_to_nothing,
    "marks of processed media": _has_marks_beside_signatures,
}
