"""The leaves of an answer, each read as far as it can be: no fault costs its neighbor.

Google's servers and whatever stands between write protobuf's JSON: null is unset, enums
may be words or numbers, counts numbers or text. What is of no form at all is passed
over, one leaf and no more; only an answer whose parts cannot be told raises.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from langchain_cf_gemini._gemini.json_values import is_number, sound, sound_text
from langchain_cf_gemini._gemini.parts import PAYLOADS, UNREADABLE
from langchain_cf_gemini._gemini.vocabulary import Json
from langchain_cf_gemini.exceptions import ResponseFormatError

# ---- leaves


def object_from(value: Any) -> Json:
    """Return an object, also the only one of a list; {} for what is none."""
    found = value if isinstance(value, list) and len(value) == 1 else [value]
    return found[0] if isinstance(found[0], dict) else {}


def objects_from(value: Any) -> list[Json]:
    """Return the objects of a list, or the one that stands where a list belongs."""
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, dict)]


def text_from(value: Any) -> str | None:
    """Return text, also for a number; None for what says nothing."""
    if isinstance(value, str):
        return sound_text(value) or None
    return str(sound(value)) if is_number(value) else None


def count_from(value: Any) -> int | None:
    """Return a count of 0 or more, which may have come as text or as 7.0."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:20])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < 2**63 else None


def word_from(value: Any, words: Mapping[int, str]) -> str | None:
    """Return an enum's word, told by its number too; None if it is unspecified."""
    if (number := count_from(value)) is not None:
        return words.get(number, str(number)) if number else None
    word = value if isinstance(value, str) else ""
    return None if word.endswith("_UNSPECIFIED") else text_from(word)


# ---- candidates and parts


def candidates_from_payload(payload: Json) -> dict[int, Json]:
    """Return the candidates of an answer or an event by their indices.

    An index of 0 is left out on the wire; if two have one, the place counts.

    Raises:
        ResponseFormatError: If what stands there are no candidates.
    """
    listed = payload.get("candidates")
    if _is_one_object(listed) and not listed[0].get("index"):
        return {0: listed[0]}
    candidates = objects_from(listed)
    if listed and listed != [None] and not candidates:
        raise ResponseFormatError(
            f"the answer's candidates hold no object ({type(listed).__name__})"
        )
    indices = [count_from(candidate.get("index")) or 0 for candidate in candidates]
    if len({*indices}) < len(indices):
        return dict(enumerate(candidates))
    return dict(zip(indices, candidates, strict=True))


def parts_from_candidate(candidate: Json) -> list[Json]:
    """Return the parts of a candidate, each with one payload, nulls left out.

    Raises:
        ResponseFormatError: If the parts cannot be told.
    """
    content = candidate.get("content")
    if content is None:
        return []
    if not isinstance(content, dict):
        raise ResponseFormatError("the answer's candidates[].content is not an object")
    parts = content.get("parts")
    if _is_one_object(parts) and _is_text(parts[0]):
        return parts
    if isinstance(parts, dict):
        parts = [parts]
    if not isinstance(parts, list | None):
        raise ResponseFormatError(
            "the answer's candidates[].content.parts is not a list of objects but "
            f"{type(parts).__name__}"
        )
    return [each for part in parts or () for each in _parts_from(part)]


def _is_one_object(value: Any) -> TypeGuard[list[Json]]:
    """Whether a list holds one object, as both lists of nearly every event do."""
    return type(value) is list and len(value) == 1 and type(value[0]) is dict


def _is_text(part: Any) -> bool:
    """Whether a part is text and no more, or a thought, as nearly every part is."""
    if type(part) is not dict or type(part.get("text")) is not str:
        return False
    return len(part) == 1 or (len(part) == 2 and part.get("thought") is True)


def _parts_from(part: Any) -> Iterator[Json]:
    if _is_text(part):
        yield part
    elif isinstance(part, dict):
        yield from _single_parts(_without_nulls(part))
    elif part is not None:
        yield {UNREADABLE: sound(part)}


def _without_nulls(part: Json) -> Json:
    """Return a part as protobuf reads it: null is unset, a false `thought` too."""
    part = {key: value for key, value in part.items() if value is not None}
    if part.pop("thought", None) in (True, "true"):
        part["thought"] = True
    if not isinstance(part.get("thoughtSignature", ""), str):
        del part["thoughtSignature"]
    return part


def _single_parts(part: Json) -> Iterator[Json]:
    """Cut a part at its payloads; an empty text beside another payload is none."""
    kinds = [kind for kind in PAYLOADS if kind in part]
    if len(kinds) > 1 and part.get("text") == "":
        kinds.remove("text")
    beside = {k: v for k, v in part.items() if k not in PAYLOADS}
    if not kinds:
        if beside.keys() - {"thought"}:
            yield sound(beside)
        return
    signature = beside.pop("thoughtSignature", None)
    *firsts, last = kinds
    for kind in firsts:
        yield _checked(kind, {kind: part[kind], **beside})
    if signature is not None:
        beside["thoughtSignature"] = signature
    yield _checked(last, {last: part[last], **beside})


def _checked(kind: str, part: Json) -> Json:
    """Return a part whose payload is as Google publishes it, or what it is instead."""
    payload = part[kind]
    if kind == "text":
        if isinstance(payload, str):
            # Half a character may wait for its other half in the next event.
            rest = {k: v for k, v in part.items() if k != "text"}
            return {"text": payload, **sound(rest)}
    elif isinstance(payload, dict) and PAYLOADS[kind](payload):
        beside = {k: sound(v) for k, v in part.items() if k != kind}
        told = {k: v for k, v in payload.items() if v is not None}
        # Arguments are looked at where the call is made.
        return {kind: told if kind == "functionCall" else sound(told), **beside}
    return {UNREADABLE: sound(part)}
