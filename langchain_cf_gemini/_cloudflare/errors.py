"""The error that an answer stands for: who it is from, in which class, what to do.

Nothing of a request's credentials gets into an error, whatever the far side repeats.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from pydantic_core import from_json

from langchain_cf_gemini._cloudflare.gateway_facts import gateway_from_head
from langchain_cf_gemini._cloudflare.known_errors import (
    KNOWN_ERRORS,
    KnownError,
    status_of_code,
)
from langchain_cf_gemini._cloudflare.rate_limits import retry_after_from_rate_limits
from langchain_cf_gemini._http.body import Head
from langchain_cf_gemini._http.faults import line_from_text, without_secrets
from langchain_cf_gemini._http.retries import (
    retry_after_from_headers,
    seconds_from_text,
)
from langchain_cf_gemini.exceptions import (
    CloudflareAuthenticationError,
    CloudflareContextOverflowError,
    CloudflareGeminiError,
    CloudflareServerError,
    Origin,
    ResponseFormatError,
    class_from_status,
)

_KEPT = 16_384
_MOST_WRAPPINGS = 4
_LONG_CODE = 9
_DECODER = json.JSONDecoder(strict=False)
# "AiError: 3040: Capacity temporarily exceeded", as Workers AI repeats itself.
_CODE_IN_WORDS = re.compile(r"(?:AiError: ?)*(\d{4}): ")
# What a spending limit tells of itself, beside its message or above it.
_FIGURES = frozenset({"bucket", "spent", "limit"})
_HTML = re.compile(r"\s*<(?:!doctype )?html", re.IGNORECASE)
_RETRY_IN = re.compile(r"retry in (\d{1,6}(?:\.\d+)?) ?s", re.IGNORECASE)

# Google's words for errors, in the order of gRPC's numbers, as HTTP statuses.
# https://cloud.google.com/apis/design/errors#handling_errors
_STATUS_OF_WORD = {
    "CANCELLED": 499, "UNKNOWN": 500, "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504, "NOT_FOUND": 404, "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403, "RESOURCE_EXHAUSTED": 429, "FAILED_PRECONDITION": 400,
    "ABORTED": 409, "OUT_OF_RANGE": 400, "UNIMPLEMENTED": 501, "INTERNAL": 500,
    "UNAVAILABLE": 503, "DATA_LOSS": 500, "UNAUTHENTICATED": 401,
}  # fmt: skip
_STATUS_OF_NUMBER = dict(enumerate(_STATUS_OF_WORD.values(), start=1))
_WORD = re.compile(rf"\b(?:{'|'.join(w for w in _STATUS_OF_WORD if '_' in w)})\b")
# `429 Too Many Requests`, `Error code: 429`, `HTTP/1.1 503`, `got status: 429`.
_STATUS_NUMBER = re.compile(
    r"^\W*([45]\d\d)\b"
    r"|\b(?:status|code|error|http(?:/[\d.]+)?)\W{1,3}([45]\d\d)\b",
    re.IGNORECASE,
)
_STATUS_OF_PHRASE = {
    status.phrase: int(status)
    for status in HTTPStatus
    if status >= 400 and " " in status.phrase
}
_PHRASE = re.compile("|".join(_STATUS_OF_PHRASE))

Json = dict[str, Any]


def error_from_body(body: bytes, head: Head) -> CloudflareGeminiError:
    """The error of an answer whose status is not 200, whatever its body is."""
    try:
        value = from_json(body)
    except ValueError:
        text = without_secrets(body.decode("utf-8", "replace"), head.secrets)
        return _error(_Fault(message=line_from_text(text), text=text), head, text)
    return error_from_json(value, head, body)


def error_from_json(
    value: Any, head: Head, body: bytes | None = None
) -> CloudflareGeminiError:
    """The error that one of the known error bodies describes."""
    if isinstance(value, list) and value:
        # Google's unary stream endpoint wraps its error in a list of one.
        value = value[0]
    value = without_secrets(value, head.secrets)
    fault = _fault_from_json(value) if isinstance(value, dict) else _Fault()
    return _error(fault, head, body if body is not None else value)


@dataclass(frozen=True, slots=True)
class _Fault:
    """What an error body says, in whichever of the known shapes it came.

    Attributes:
        message: Its text in one line.
        code: Cloudflare's number, or a word.
        origin: Who wrote it.
        http_code: The status that it names itself.
        details: The object that describes the error.
        text: All of its text, where it is no JSON.
        carrier: The code of an error that only passes this one on.
        is_carried: Whether one does.
    """

    message: str = ""
    code: int | str | None = None
    origin: Origin = "cloudflare"
    http_code: int | None = None
    details: Json = field(default_factory=dict)
    text: str = ""
    carrier: int | str | None = None
    is_carried: bool = False


def _fault_from_json(value: Json) -> _Fault:
    """Read an error, and the error that its message repeats as JSON."""
    fault = _fault_of(value)
    for _ in range(_MOST_WRAPPINGS):
        inner = _json_in(fault.message)
        told = _fault_of(inner) if inner else _Fault()
        if told.code is None and not _text(told.details, "status"):
            break
        carrier = fault.carrier or fault.code
        fault = replace(told, carrier=carrier, is_carried=True)
    return replace(fault, message=line_from_text(fault.message))


def _json_in(message: str) -> Json | None:
    """The object that stands in a message, as the gateway passes Google's errors on."""
    try:
        found, _ = _DECODER.raw_decode(message, message.index("{"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _fault_of(value: Json) -> _Fault:
    inner = value.get("error") or value.get("errors")
    if isinstance(inner, list):
        inner = inner[0] if inner else None
    if isinstance(inner, str | int):
        inner = {**value, "message": str(inner)}
    if not isinstance(inner, dict):
        inner = value
    if isinstance(inner.get("error"), dict):
        inner = inner["error"]
    inner = {**{name: value[name] for name in _FIGURES & value.keys()}, **inner}
    named = (value.get("httpCode"), inner.get("httpCode"))
    said = _text(inner, "message") or _text(value, "message", "description")
    in_words = _CODE_IN_WORDS.match(said)
    told = in_words[1] if in_words else None
    code = _code(value.get("internalCode"), inner.get("code"), told)
    return _Fault(
        message=". ".join([said.rstrip("."), *_chain(inner)]),
        code=code,
        origin=_origin(value, inner, code),
        http_code=next(filter(_is_status, named), None),
        details=inner,
    )


def _chain(error: Json) -> list[str]:
    """The causes that Cloudflare's API tells beside an error (6003, for instance)."""
    chain = error.get("error_chain")
    causes = chain if isinstance(chain, list) else []
    texts = (_text(cause, "message") for cause in causes if isinstance(cause, dict))
    return [text for text in texts if text]


def _is_status(value: Any) -> bool:
    return isinstance(value, int) and 400 <= value <= 599


def _origin(value: Json, inner: Json, code: int | str | None) -> Origin:
    """Who wrote an error, by its shape.

    Google's errors have a status in words or a code that is an HTTP status.
    Cloudflare's API lists `errors`, its gateway has one `error` or numbers from 2000.
    """
    gateway_code = isinstance(code, int) and (2000 <= code < 3000 or code == 7013)
    if gateway_code or value.get("name") == "AiGatewayError":
        return "gateway"
    if _text(inner, "status") or _is_status(code) or value.get("state") == "Failed":
        return "provider"
    is_gateways = isinstance(value.get("error"), dict | list) and "success" in value
    return "gateway" if is_gateways else "cloudflare"


def _text(value: Json, *names: str) -> str:
    found = (value.get(name) for name in names)
    return next((text for text in found if isinstance(text, str) and text), "")


def _code(*candidates: Any) -> int | str | None:
    """The first code; a word of the far side's is a line like its message."""
    for code in candidates:
        if isinstance(code, str) and code:
            is_number = code.isascii() and code.isdigit() and len(code) < _LONG_CODE
            return int(code) if is_number else line_from_text(code)
        if isinstance(code, int):
            return code
    return None


def _error(fault: _Fault, head: Head, body: Any) -> CloudflareGeminiError:
    status = _status(fault, head)
    known = _known(fault, status, head)
    gateway = gateway_from_head(head)
    retry_after = _retry_after(fault, status, head)
    text = _message(fault, status, known.advice if known else "", retry_after)
    if 300 <= status < 400 and not known:
        text = _redirect(head)
    return _class(fault, status)(
        text + _ids(gateway),
        status_code=status,
        code=fault.carrier or fault.code,
        origin=fault.origin,
        details=fault.details,
        retry_after=retry_after,
        body=_kept(body, head.secrets),
        headers=_kept_headers(head),
        gateway=gateway,
        is_retryable=_is_retryable(fault, status, known, head),
    )


def _is_retryable(
    fault: _Fault, status: int, known: KnownError | None, head: Head
) -> bool | None:
    # Cloudflare sometimes refuses a good token for some seconds, in bursts.
    if head.is_trusted and status == 401 and fault.code == 2009:
        return True
    return known.retryable if known else None


def _retry_after(fault: _Fault, status: int, head: Head) -> float | None:
    """Seconds that an error asks to wait, wherever it says so."""
    seconds = retry_after_from_headers(head.headers, time.time())
    if seconds is None:
        seconds = retry_after_from_details(fault.details.get("details"))
    if seconds is None and (said := _RETRY_IN.search(fault.message)):
        seconds = float(said[1])
    if seconds is None and status == 429:
        seconds = retry_after_from_rate_limits(head.headers)
    return seconds


def _known(fault: _Fault, status: int, head: Head) -> KnownError | None:
    """The row of the table that an error belongs to."""
    said = (fault.message, fault.text, head.headers.get("location", ""))
    text = "\n".join((*said, *_FIGURES & fault.details.keys())).lower()
    return next(
        (
            row
            for row in KNOWN_ERRORS
            if row.fits(
                code=fault.code,
                status=status,
                text=text,
                origin=fault.origin,
                asked=head.service,
            )
        ),
        None,
    )


def retry_after_from_details(details: Any) -> float | None:
    """The delay of Google's `RetryInfo` ("37s") among an error's details."""
    for detail in details if isinstance(details, list) else ():
        delay = detail.get("retryDelay") if isinstance(detail, Mapping) else None
        if isinstance(delay, Mapping):  # as gRPC's own JSON writes a Duration
            delay = str(delay.get("seconds", 0))
        if isinstance(delay, str):
            return seconds_from_text(delay.removesuffix("s"))
    return None


def _status(fault: _Fault, head: Head) -> int:
    """The status that counts: the answer's, or the one named inside.

    An answer of 200 that names an error is one; and an error that another passes on
    says more than the other's status.
    """
    if head.status >= 300 and not fault.is_carried:
        return head.status
    code = fault.code
    of_code = status_of_code(code) if code is not None else None
    if of_code is not None and of_code >= 500:  # which says no more than that it failed
        of_code = _status_in_text(fault.message) or of_code
    named = (
        fault.http_code
        or (code if _is_status(code) else None)
        or _STATUS_OF_WORD.get(_text(fault.details, "status"))
        or of_code
        or _STATUS_OF_WORD.get(str(code))
        or (_STATUS_OF_NUMBER.get(code) if isinstance(code, int) else None)
        or _status_in_text(fault.message)
    )
    return int(named or head.status)


def _status_in_text(text: str) -> int | None:
    """The status that a text names: as Google's word, as a number, as HTTP's phrase."""
    if word := _WORD.search(text):
        return _STATUS_OF_WORD[word[0]]
    if number := _STATUS_NUMBER.search(text):
        return int(number[1] or number[2])
    phrase = _PHRASE.search(text)
    return _STATUS_OF_PHRASE[phrase[0]] if phrase else None


def _class(fault: _Fault, status: int) -> type[CloudflareGeminiError]:
    text = fault.message.lower()
    if status < 500 and "input token count" in text and "exceed" in text:
        return CloudflareContextOverflowError
    # Google answers 400 to a bad key, with this reason among the details.
    if status == 400 and "API_KEY_INVALID" in str(fault.details.get("details")):
        return CloudflareAuthenticationError
    return class_from_status(status) if status >= 300 else CloudflareServerError


def _message(fault: _Fault, status: int, advice: str, retry_after: float | None) -> str:
    named = fault.carrier or fault.code
    code = "" if named in (None, status) else f" (code {named})"
    said = f": {fault.message.rstrip('.')}" if fault.message else ""
    if _HTML.match(fault.text):
        said = " (an HTML error page)"
    figures = _figures(fault.details)
    wait = "" if retry_after is None else f" Retry after {retry_after:g} seconds."
    failed = f"Cloudflare returned {_named_status(status)}"
    if status < 300:
        failed = f"Cloudflare reported an error in an HTTP {status} response"
    advice = advice or _advice(status)
    return f"{failed}{code}{said}{figures}. {advice}{wait}".rstrip()


def _redirect(head: Head) -> str:
    target = without_secrets(head.headers.get("location", ""), head.secrets)
    return (
        f"The base URL redirects to {line_from_text(target) or 'another address'} "
        f"(HTTP {head.status}). Redirects aren't followed because they could leak the "
        "API token. Set base_url to the final address."
    )


def _named_status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:  # Cloudflare has statuses of its own, such as 524
        return str(status)


def _figures(details: Json) -> str:
    """What a spending limit's error tells: dollars, and whose budget."""
    try:
        spent, limit = float(details["spent"]), float(details["limit"])
    except (KeyError, TypeError, ValueError):
        return ""
    bucket = _text(details, "bucket")
    of = f" in the budget {line_from_text(bucket)}" if bucket else ""
    return f" (${spent:g} of ${limit:g}{of})"


def _ids(gateway: Json) -> str:
    """What to quote to Cloudflare's support."""
    named = [name for name in ("ray_id", "log_id") if name in gateway]
    ids = [f"{name} {line_from_text(gateway[name])}" for name in named]
    return f" [{', '.join(ids)}]" if ids else ""


def _advice(status: int) -> str:
    if status < 300 or status >= 500:
        return "Try again later."
    return ""


def format_error(
    what: str, head: Head, body: Any = None, *, is_retryable: bool = False
) -> ResponseFormatError:
    """An error for an answer that is not what was promised."""
    gateway = gateway_from_head(head)
    kept = _kept(body, head.secrets)
    shown = f": {line_from_text(kept)!r}" if kept else ""
    known = _known(_Fault(text=kept), head.status, head)
    advice = f". {known.advice}" if known else "."
    return ResponseFormatError(
        f"Cloudflare returned {what} (HTTP {head.status}){shown}{advice}"
        f"{_ids(gateway)}",
        status_code=head.status,
        origin="cloudflare",
        body=kept,
        headers=_kept_headers(head),
        gateway=gateway,
        is_retryable=is_retryable and not known,
    )


def _kept(body: Any, secrets: list[str]) -> str:
    """The beginning of a body as text that can be encoded."""
    if body is None:
        return ""
    if isinstance(body, bytes):
        text = body.decode("utf-8", "replace")
    else:
        text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        # JSON may hold lone surrogates.
        text = text.encode("utf-8", "backslashreplace").decode()
    kept: str = without_secrets(text, secrets)[:_KEPT]
    return kept


def _kept_headers(head: Head) -> dict[str, str]:
    kept: dict[str, str] = without_secrets(head.headers, head.secrets)
    return {name: value for name, value in kept.items() if name != "set-cookie"}
