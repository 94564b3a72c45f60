"""The HTTP status that an error names itself, in whatever way."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any, TypeGuard

from langchain_cf_gemini._cloudflare.known_errors import STATUS_OF_CODE

# Google's words for errors, in the order of gRPC's numbers, as HTTP statuses.
# https://cloud.google.com/apis/design/errors#handling_errors
_STATUS_OF_WORD = {
    "CANCELLED": 499, "UNKNOWN": 500, "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504, "NOT_FOUND": 404, "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403, "RESOURCE_EXHAUSTED": 429, "FAILED_PRECONDITION": 400,
    "ABORTED": 409, "OUT_OF_RANGE": 400, "UNIMPLEMENTED": 501, "INTERNAL": 500,
    "UNAVAILABLE": 503, "DATA_LOSS": 500, "UNAUTHENTICATED": 401,
}  # fmt: skip
_STATUS_OF_GOOGLES: dict[Any, int] = {
    **_STATUS_OF_WORD,
    **dict(enumerate(_STATUS_OF_WORD.values(), start=1)),
}
_WORD = re.compile(rf"\b(?:{'|'.join(w for w in _STATUS_OF_WORD if '_' in w)})\b")
# `429 Too Many Requests`, `Error code: 429`, `HTTP/1.1 503`, `got status: 429`.
_STATUS_NUMBER = re.compile(
    r"^\W*([45]\d\d)\b"
    r"|\b(?:status|code|error|http(?:/[\d.]+)?)\W{1,3}([45]\d\d)\b",
    re.IGNORECASE,
)
PHRASES = {int(status): status.phrase for status in HTTPStatus}
"""HTTP's words for each status; Cloudflare has statuses of its own, such as 524."""

_STATUS_OF_PHRASE = {
    phrase: status
    for status, phrase in PHRASES.items()
    if status >= 400 and " " in phrase
}
_PHRASE = re.compile("|".join(_STATUS_OF_PHRASE))


def status_named(code: int | str | None, word: str, message: str) -> int | None:
    """Tell the status that an error names.

    Args:
        code: Its code: a status, one of Cloudflare's, or Google's word or number.
        word: Google's word beside it, or "".
        message: Its text.
    """
    of_code = STATUS_OF_CODE.get(code)
    if of_code is not None and of_code >= 500:  # which says no more than that it failed
        of_code = _status_in_text(message) or of_code
    return (
        (code if is_error_status(code) else None)
        or _STATUS_OF_WORD.get(word)
        or of_code
        or _STATUS_OF_GOOGLES.get(code)
        or _status_in_text(message)
    )


def is_error_status(value: Any) -> TypeGuard[int]:
    """Whether a value is an HTTP status of an error."""
    return isinstance(value, int) and 400 <= value <= 599


def _status_in_text(text: str) -> int | None:
    """The status that a text names: as Google's word, as a number, as HTTP's phrase."""
    if word := _WORD.search(text):
        return _STATUS_OF_WORD[word[0]]
    if number := _STATUS_NUMBER.search(text):
        return int(number[1] or number[2])
    phrase = _PHRASE.search(text)
    return _STATUS_OF_PHRASE[phrase[0]] if phrase else None
