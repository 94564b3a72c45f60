"""Rules on texts and media: what a part may hold."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.models import packaged
from langchain_cf_gemini.emulator._google.rules.rule import rule

Part = Mapping[str, Any]

_TYPES: Mapping[str, list[str]] = packaged("gemini")["media_types"]
_IN_RESPONSE = ("image/png", "image/jpeg", "image/webp", "application/pdf")
_OFFICE = re.compile(r"application/(msword|vnd\.)")
_DURATION = re.compile(r"\d+(\.\d{1,9})?s")


@rule("empty text")
def _empty_text(judged: Generation) -> Iterator[str]:
    for _, part in judged.parts:
        # An empty text is what streams carry their last signature in.
        if judged.vertex and part.get("text") == "" and len(part) == 1:
            yield judged.words("empty text")


def _files(parts: Iterable[Part]) -> Iterator[tuple[Part, bool]]:
    """Every file, and whether it stands in a function response."""
    for part in parts:
        inner = (part.get("functionResponse") or {}).get("parts") or ()
        for each, inside in ((part, False), *((one, True) for one in inner)):
            if file := each.get("inlineData") or each.get("fileData"):
                yield file, inside


def _is_taken(judged: Generation, mime: str) -> bool:
    kind, _, name = mime.partition(";")[0].strip().lower().partition("/")
    if kind == "text":
        return name == "plain" or not judged.vertex
    if kind == "application" and _OFFICE.match(mime):
        return "hydrogen" in judged.model.google_id
    return name in _TYPES.get(kind, ())


@rule("media type is taken")
def _media_type_is_taken(judged: Generation) -> Iterator[str]:
    for file, _ in _files(part for _, part in judged.parts):
        mime = str(file.get("mimeType") or "")
        if mime and not _is_taken(judged, mime):
            yield judged.words("media type is taken", mime)


@rule("media has data")
def _media_has_data(judged: Generation) -> Iterator[str]:
    # What the model wrote itself goes back as it came.
    asked = [each for each in judged.contents if each.get("role") != "model"]
    for file, _ in _files(p for each in asked for p in each.get("parts") or ()):
        if file.get("data") == "":
            yield judged.unable("it has an empty inlineData parameter.")


@rule("media in a response")
def _media_in_a_response(judged: Generation) -> Iterator[str]:
    for file, inside in _files(part for _, part in judged.parts):
        mime = str(file.get("mimeType") or "")
        fits = mime in (*_IN_RESPONSE, "text/plain") or _OFFICE.match(mime)
        if inside and judged.model.generation < 3:
            yield judged.unable("function responses with parts are not supported.")
        elif inside and mime and not fits:
            yield judged.words("media in a response (2)", mime)


@rule("references in a response")
def _references(judged: Generation) -> Iterator[str]:
    for _, part in judged.parts:
        response = part.get("functionResponse") or {}
        shown = {
            (each.get("inlineData") or each.get("fileData") or {}).get("displayName")
            for each in response.get("parts") or ()
        }
        for name in _named(response.get("response")):
            if name not in shown:
                yield f"The referenced name `{name}` does not match to a display_name."


def _named(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        if "$ref" in value:
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _named(each)


@rule("film offsets")
def _film_offsets(judged: Generation) -> Iterator[str]:
    offsets = {"startOffset": "start_offset", "endOffset": "end_offset"}
    for path, part in judged.parts:
        for key, value in (part.get("videoMetadata") or {}).items():
            name = offsets.get(key)
            if name and not _DURATION.fullmatch(str(value)):
                yield judged.words("film offsets", path, name, value)
