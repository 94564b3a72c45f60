"""The error that an answer stands for: in which class, with which advice.

Nothing of a request's credentials gets into an error, whatever the far side repeats.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from langchain_cf_gemini._cloudflare.gateway_facts import gateway_from_head
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
    ResponseFormatError,
    class_from_status,
)

_KEPT = 16_384

# What Cloudflare's codes mean as an HTTP status, for answers that say 200 outside.
# https://developers.cloudflare.com/ai-gateway/features/guardrails/set-up-guardrail/,
# https://developers.cloudflare.com/workers-ai/platform/errors/ and Cloudflare's own
# packages (github.com/cloudflare/ai).
_STATUS_OF_CODE: dict[int | str, int] = {
    2001: 400, 2008: 400, 2009: 401, 2016: 424, 2017: 424, 2021: 402, 2029: 400,
    2030: 400, 3006: 413, 3007: 408, 3008: 408, 3023: 403, 3036: 429, 3039: 400,
    3040: 429, 3041: 403, 3042: 404, 5004: 400, 5005: 405, 5006: 400, 5007: 400,
    5016: 403, 5018: 403, 5019: 405, 7000: 400, 7003: 404, 7013: 503, 10000: 401,
    "provider_unavailable": 503,
}  # fmt: skip

_ADVICE: dict[int, str] = {
    401: "Check the API token (CLOUDFLARE_API_TOKEN): it needs the AI Gateway and "
    "Workers AI permissions of this account; with a Google key stored in the gateway "
    "or given as google_api_key, check that key.",
    402: "Load credits for Unified Billing, or store a Google key in the gateway.",
    403: "Check that the token has the AI Gateway permission for this account and "
    "that the gateway allows this model.",
    404: "Check the model's name against Cloudflare's catalogue, and the gateway's.",
    413: "Send less: shorten the history or pass media by URL.",
    424: "A guardrail of the gateway blocked the prompt or the answer.",
    429: "A rate or spending limit was reached; send less often or raise the limit.",
}
_ADVICE_OF_CODE: dict[int | str | None, str] = {
    2001: "Create the gateway in the dashboard or name one that exists.",
    2016: "A guardrail of the gateway blocked the prompt.",
    2017: "A guardrail of the gateway blocked the prompt or the answer.",
    2029: "The gateway's data loss prevention blocked the prompt.",
    2030: "The gateway's data loss prevention blocked the answer.",
}


Json = dict[str, Any]


def error_from_body(body: bytes, head: Head) -> CloudflareGeminiError:
    """The error of an answer whose status is not 200, whatever its body is."""
    try:
        value = from_json(body)
    except ValueError:
        text = without_secrets(body.decode("utf-8", "replace"), head.secrets)
        return _error(_Fault(message=line_from_text(text)), head, text)
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
    """What an error body says, in whichever of the known shapes it came."""

    message: str = ""
    code: int | str | None = None
    google_status: str | None = None
    details: Any = None


def _fault_from_json(value: Json) -> _Fault:
    inner = value.get("error") or value.get("errors")
    if isinstance(inner, list):
        inner = inner[0] if inner else None
    if isinstance(inner, str):
        inner = {"message": inner}
    if not isinstance(inner, dict):
        inner = value
    if isinstance(inner.get("error"), dict):
        inner = inner["error"]
    return _Fault(
        message=line_from_text(
            _text(inner, "message") or _text(value, "message", "description")
        ),
        code=_code(value.get("internalCode"), inner.get("code")),
        google_status=_text(inner, "status") or None,
        details=inner.get("details"),
    )


def _text(value: Json, *names: str) -> str:
    found = (value.get(name) for name in names)
    return next((text for text in found if isinstance(text, str) and text), "")


def _code(*candidates: Any) -> int | str | None:
    """The first code; a word of the far side's is a line like its message."""
    for code in candidates:
        if isinstance(code, str) and code:
            return line_from_text(code)
        if isinstance(code, int):
            return code
    return None


def _error(fault: _Fault, head: Head, body: Any) -> CloudflareGeminiError:
    status = _status(fault, head)
    gateway = gateway_from_head(head)
    retry_after = retry_after_from_headers(head.headers, time.time())
    if retry_after is None:
        retry_after = retry_after_from_details(fault.details)
    return _class(fault, status)(
        _message(fault, status, retry_after, gateway),
        status_code=status,
        code=fault.code,
        retry_after=retry_after,
        body=_kept(body, head.secrets),
        headers=_kept_headers(head),
        gateway=gateway,
    )


def retry_after_from_details(details: Any) -> float | None:
    """The delay of Google's `RetryInfo` ("37s") among an error's details."""
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, Mapping) and isinstance(detail.get("retryDelay"), str):
            return seconds_from_text(detail["retryDelay"].removesuffix("s"))
    return None


def _status(fault: _Fault, head: Head) -> int:
    """The status that counts: the answer's, or the one named inside a 200."""
    if head.status >= 300:
        return head.status
    if fault.code in _STATUS_OF_CODE:
        return _STATUS_OF_CODE[fault.code]
    named = fault.code if isinstance(fault.code, int) else 0
    return named if 400 <= named <= 599 else head.status


def _class(fault: _Fault, status: int) -> type[CloudflareGeminiError]:
    text = fault.message.lower()
    if status < 500 and "input token count" in text and "exceed" in text:
        return CloudflareContextOverflowError
    # Google answers 400 to a bad key, with this reason among the details.
    if status == 400 and "API_KEY_INVALID" in str(fault.details):
        return CloudflareAuthenticationError
    return class_from_status(status) if status >= 300 else CloudflareServerError


def _message(
    fault: _Fault, status: int, retry_after: float | None, gateway: Json
) -> str:
    code = "" if fault.code in (None, status) else f" (code {fault.code})"
    said = f": {fault.message.rstrip('.')}" if fault.message else ""
    wait = "" if retry_after is None else f" It asks to wait {retry_after:g} seconds."
    advice = _advice(fault.code, status)
    about = f"Cloudflare answered {status}{code}{said}. {advice}{wait}".rstrip()
    return about + _ids(gateway)


def _ids(gateway: Json) -> str:
    """What to quote to Cloudflare's support."""
    named = [name for name in ("ray_id", "log_id") if name in gateway]
    ids = [f"{name} {line_from_text(gateway[name])}" for name in named]
    return f" [{', '.join(ids)}]" if ids else ""


def _advice(code: int | str | None, status: int) -> str:
    if code in _ADVICE_OF_CODE:
        return _ADVICE_OF_CODE[code]
    if 300 <= status < 400:
        return "Redirects are not followed with a token; check base_url."
    if status >= 500:
        return "Cloudflare or the model's provider failed; try again later."
    return _ADVICE.get(status, "")


def format_error(
    what: str, head: Head, body: Any = None, *, is_retryable: bool = False
) -> ResponseFormatError:
    """An error for an answer that is not what was promised."""
    gateway = gateway_from_head(head)
    kept = _kept(body, head.secrets)
    shown = f": {line_from_text(kept)}" if kept else ""
    return ResponseFormatError(
        f"Cloudflare answered {head.status} with {what}{shown}{_ids(gateway)}",
        status_code=head.status,
        body=kept,
        headers=_kept_headers(head),
        gateway=gateway,
        is_retryable=is_retryable,
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
