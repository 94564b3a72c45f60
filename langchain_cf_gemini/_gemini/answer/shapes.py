"""The outer shape of an answer, checked: what is not as promised is a typed error."""

from typing import Any

from langchain_cf_gemini._gemini.vocabulary import Json
from langchain_cf_gemini.exceptions import ResponseFormatError

MISSHAPEN = (AttributeError, LookupError, TypeError, ValueError)
"""What reading JSON raises that has a string where an object belongs, and the like."""


def misshapen(error: Exception) -> ResponseFormatError:
    """Return the typed error for an answer whose shape broke the reading of it."""
    said = str(error).partition("\n")[0]
    return ResponseFormatError(
        "the answer does not have the shape that Google publishes, and was left "
        f"unread: {type(error).__name__}: {said}"
    )


def _objects(value: Any, where: str) -> list[Json]:
    """Return a list of objects, [] for null; anything else is Google's mistake."""
    if value is None:
        return []
    if isinstance(value, list):
        for item in value:
            if not isinstance(item, dict):
                break
        else:
            return value
    raise ResponseFormatError(
        f"the answer's {where} is not a list of objects but {type(value).__name__}"
    )


def candidates_from_payload(payload: Json) -> list[Json]:
    """Return the candidates of an answer, checked to be objects."""
    return _objects(payload.get("candidates"), "candidates")


def parts_from_candidate(candidate: Json) -> list[Json]:
    """Return the parts of a candidate; none if it has no content."""
    content = candidate.get("content")
    if content is None:
        return []
    if not isinstance(content, dict):
        raise ResponseFormatError("the answer's candidates[].content is not an object")
    return _objects(content.get("parts"), "candidates[].content.parts")
