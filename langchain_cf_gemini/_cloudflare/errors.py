"""The error that an answer stands for: who it is from, in which class, what to do.

Nothing of a request's credentials gets into an error, whatever the far side repeats.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic_core import from_json

from langchain_cf_gemini._cloudflare.gateway_facts import gateway_from_head
from langchain_cf_gemini._cloudflare.known_errors import (
    STATUS_OF_CODE,
    KnownError,
    known_error,
)
from langchain_cf_gemini._cloudflare.named_status import (
    PHRASES,
    is_error_status,
    status_named,
)
from langchain_cf_gemini._cloudflare.rate_limits import retry_after_from_rate_limits
from langchain_cf_gemini._http.body import Head
from langchain_cf_gemini._http.faults import line_from_text
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
# Of a longer body no more is kept, even if it holds nothing but credentials, of which
# stars take a 32nd.
_LOOKED_THROUGH = 32 * _KEPT
_MOST_WRAPPINGS = 4
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LONG_CODE = 9
_DECODER = json.JSONDecoder(strict=False)
# "AiError: 3040: Capacity temporarily exceeded", as Workers AI repeats itself.
_CODE_IN_WORDS = re.compile(r"(?:Ai(?:Gateway)?Error: ?)*(\d{4}): ")
# What a spending limit tells of itself, beside its message or above it.
_FIGURES = frozenset({"bucket", "spent", "limit"})
_HTML = re.compile(r"\s*<(?:!doctype )?html", re.IGNORECASE)
# GenerateRequestsPerDayPerProjectPerModel-FreeTier, of Google's `QuotaFailure`.
_QUOTA = re.compile(r"'quotaId': '([^']{1,100})'")
_RETRY_IN = re.compile(r"retry in (\d{1,6}(?:\.\d+)?) ?s", re.IGNORECASE)

Json = dict[str, Any]


def error_from_body(body: bytes, head: Head) -> CloudflareGeminiError:
    """The error of an answer whose status is not 200, whatever its body is."""
    try:
        return error_from_json(value_from_json(body), head, body)
    except (ValueError, RecursionError):
        text = head.shown(body.decode("utf-8", "replace"))
    fault = _fault_from_json({"message": text})
    told = fault.details if fault.is_carried else {}
    # What begins as JSON and is none was not passed on by anybody.
    is_carried = fault.is_carried and not text.lstrip().startswith("{")
    fault = replace(fault, text=text, details=told, is_carried=is_carried)
    return _error(fault, head, text)


def value_from_json(text: bytes | str) -> Any:
    """The value of JSON as anybody writes it.

    Raises:
        ValueError: It is none.
        RecursionError: It is nested too deep.
    """
    try:
        return from_json(text)
    except ValueError:
        # Slower, but it takes what Python's JSON always took: a byte order mark,
        # UTF-16, lone surrogates, nesting beyond 200 levels.
        return json.loads(text)


def error_from_json(
    value: Any, head: Head, body: bytes | None = None
) -> CloudflareGeminiError:
    """The error that one of the known error bodies describes."""
    # Google's unary stream endpoint wraps its error in a list of one.
    value = _first(value)
    value = head.shown(value)
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
    inner = _first(value.get("error") or value.get("errors"))
    if isinstance(inner, str | int):
        inner = {**value, "message": str(inner)}
    if not isinstance(inner, dict):
        inner = value
    if isinstance(inner.get("error"), dict):
        inner = inner["error"]
    inner = {**{name: value[name] for name in _FIGURES & value.keys()}, **inner}
    named = (value.get("httpCode"), inner.get("httpCode"))
    said = _text(inner, "message") or _text(value, "message", "description", "title")
    in_words = _CODE_IN_WORDS.match(said)
    told = in_words[1] if in_words else None
    codes = (value.get("internalCode"), inner.get("code"), inner.get("error_code"))
    code = _code(*codes, told)
    return _Fault(
        message=". ".join(filter(None, [said.rstrip("."), *_chain(inner)])),
        code=code,
        origin=_origin(value, inner, code),
        http_code=next(filter(is_error_status, named), None),
        details=inner,
    )


def _first(value: Any) -> Any:
    """The first of a list; whatever is none, as it is."""
    return next(iter(value), None) if isinstance(value, list) else value


def _chain(error: Json) -> list[str]:
    """The causes that Cloudflare's API tells beside an error (6003, for instance).

    An error of Cloudflare's edge (1015, 502) has one, as RFC 9457 writes them:
    https://developers.cloudflare.com/changelog/post/2026-03-11-json-rfc9457-responses-for-1xxx-errors/
    """
    chain = error.get("error_chain")
    causes = chain if isinstance(chain, list) else []
    texts = (_text(cause, "message") for cause in causes if isinstance(cause, dict))
    return [text for text in (*texts, _text(error, "detail")) if text]


def _origin(value: Json, inner: Json, code: int | str | None) -> Origin:
    """Who wrote an error, by its shape.

    Google's errors have a status in words or a code that is an HTTP status.
    Cloudflare's API lists `errors`, its gateway has one `error` or numbers from 2000.
    """
    if value.get("cloudflare_error") is True:
        return "cloudflare"
    gateway_code = isinstance(code, int) and (2000 <= code < 3000 or code == 7013)
    if gateway_code or value.get("name") == "AiGatewayError":
        return "gateway"
    if (
        _text(inner, "status")
        or is_error_status(code)
        or value.get("state") == "Failed"
    ):
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
        if isinstance(code, int) and not isinstance(code, bool):
            return code if abs(code) < 10**_LONG_CODE else line_from_text(str(code))
    return None


def _error(fault: _Fault, head: Head, body: Any) -> CloudflareGeminiError:
    status = _status(fault, head)
    known = _known(fault, status, head)
    retryable = known.retryable if known else None
    if fault.details.get("retryable") is False:
        retryable = False
    # Cloudflare sometimes refuses a good token for some seconds, in bursts.
    if head.is_trusted and status == 401 and fault.code == 2009:
        retryable = True
    retry_after = _retry_after(fault, status, head)
    text = _message(fault, status, known.advice if known else "", retry_after)
    if status in _REDIRECTS and not known:
        text = _redirect(head)
    return _class(fault, status)(
        text + _ids(head),
        status_code=status,
        code=fault.carrier or fault.code,
        origin=fault.origin,
        details=fault.details,
        retry_after=retry_after,
        is_retryable=retryable,
        **_kept_of_answer(head, body),
    )


def _retry_after(fault: _Fault, status: int, head: Head) -> float | None:
    """Seconds that an error asks to wait, wherever it says so."""
    seconds = retry_after_from_headers(head.headers, time.time())
    if seconds is None:
        seconds = retry_after_from_details(fault.details.get("details"))
    if seconds is None and (said := _RETRY_IN.search(fault.message)):
        seconds = float(said[1])
    if seconds is None and status == 429:
        seconds = retry_after_from_rate_limits(head.headers)
        if seconds is None:
            seconds = seconds_from_text(str(fault.details.get("retry_after")))
    return seconds


def _known(fault: _Fault, status: int, head: Head) -> KnownError | None:
    """The row of the table that an error belongs to."""
    quotas = _QUOTA.findall(str(fault.details.get("details")))
    said = (fault.message, fault.text, head.headers.get("location", ""), *quotas)
    return known_error(
        code=fault.code,
        status=status,
        text="\n".join((*said, *_FIGURES & fault.details.keys())).lower(),
        origin=fault.origin,
        asked=head.service,
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
    code, word = fault.code, _text(fault.details, "status")
    status = head.status
    if status < 300 or fault.is_carried:
        status = fault.http_code or status_named(code, word, fault.message) or status
    # "Failed to get response from provider" comes as a 400, which would not be retried:
    # https://github.com/cloudflare/ai/issues/436
    has_failed = code == 2005 and "failed to get" in fault.message.lower()
    return STATUS_OF_CODE[code] if has_failed and status == 400 else status


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
    wait = "" if retry_after is None else f"Retry after {retry_after:g} seconds."
    failed = f"Cloudflare returned {status} {PHRASES.get(status, '')}".rstrip()
    if status < 300:
        failed = f"Cloudflare reported an error in an HTTP {status} response"
    is_passing = not 300 <= status < 500 and "try again" not in said.lower()
    if not advice and is_passing:
        advice = "Try again later."
    told = f"{failed}{code}{said}{_figures(fault.details)}"
    told += "" if told.endswith(("?", "!")) else "."
    return " ".join(filter(None, (told, advice, wait)))


def _redirect(head: Head) -> str:
    target = head.shown(head.headers.get("location", ""))
    return (
        f"The base URL redirects to {line_from_text(target) or 'another address'} "
        f"(HTTP {head.status}). Redirects aren't followed because they could leak the "
        "API token. Set base_url to the final address."
    )


def _figures(details: Json) -> str:
    """What a spending limit's error tells: dollars, and whose budget."""
    try:
        spent, limit = float(details["spent"]), float(details["limit"])
    except (KeyError, TypeError, ValueError):
        return ""
    bucket = _text(details, "bucket")
    of = f" in the budget {line_from_text(bucket)}" if bucket else ""
    return f" (${spent:g} of ${limit:g}{of})"


def _ids(head: Head) -> str:
    """What to quote to Cloudflare's support."""
    gateway = gateway_from_head(head)
    named = [name for name in ("ray_id", "log_id") if name in gateway]
    ids = [f"{name} {line_from_text(gateway[name])}" for name in named]
    return f" [{', '.join(ids)}]" if ids else ""


def format_error(
    what: str, head: Head, body: Any = None, *, is_retryable: bool = False
) -> ResponseFormatError:
    """An error for an answer that is not what was promised."""
    facts = _kept_of_answer(head, body)
    kept = facts["body"]
    what = line_from_text(head.shown(what))
    shown = f": {line_from_text(kept)!r}" if kept else ""
    known = _known(_Fault(text=kept), head.status, head)
    advice = f". {known.advice}" if known else "."
    return ResponseFormatError(
        f"Cloudflare returned {what} (HTTP {head.status}){shown}{advice}{_ids(head)}",
        status_code=head.status,
        origin="cloudflare",
        is_retryable=is_retryable and not known,
        **facts,
    )


def _kept_of_answer(head: Head, body: Any) -> Json:
    """What an error keeps: the beginning of the body, headers, and the gateway's facts.

    The body becomes text that can be encoded; JSON may hold lone surrogates.
    """
    if body is not None and not isinstance(body, bytes | str):
        body = json.dumps(body, ensure_ascii=False)
    if isinstance(body, str):
        body = body.encode("utf-8", "backslashreplace")
    text = (body or b"")[:_LOOKED_THROUGH].decode("utf-8", "replace")
    headers = head.shown(head.headers)
    headers.pop("set-cookie", None)
    return {
        "body": head.shown(text)[:_KEPT],
        "headers": headers,
        "gateway": gateway_from_head(head),
    }
