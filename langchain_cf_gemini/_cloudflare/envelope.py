"""Cloudflare's envelopes: the payloads inside an answer, or the error it stands for.

No page says how `/ai/run` wraps a Gemini answer, so every form that was documented or
seen is taken: bare, in the v4 envelope, wrapped twice, a list, and the error bodies of
Cloudflare, its gateway, its run API and Google.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json

from langchain_cf_gemini._cloudflare.endpoints import gateway_from_headers
from langchain_cf_gemini._http.retries import (
    retry_after_from_details,
    retry_after_from_headers,
)
from langchain_cf_gemini.exceptions import (
    CloudflareAuthenticationError,
    CloudflareContextOverflowError,
    CloudflareGeminiError,
    CloudflareServerError,
    ResponseFormatError,
    class_from_status,
)

Payload = dict[str, Any]
_PAYLOAD_KEYS = frozenset(
    {"candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId"}
)
_SHOWN = 300
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


@dataclass(frozen=True, slots=True)
class Context:
    """What an answer's body does not hold, for the errors that it may become."""

    status: int
    headers: Mapping[str, str]
    secrets: list[str] = field(default_factory=list, repr=False)


def payloads_from_body(body: bytes, context: Context) -> tuple[list[Payload], Payload]:
    """The payloads of a JSON answer, and what its wrapping says of the gateway."""
    if not body.strip():
        raise format_error("an empty answer", context, is_retryable=True)
    return payloads_from_json(json_from_text(body, context), context)


def json_from_text(text: bytes | str, context: Context) -> Any:
    """The JSON value of a body or an event, or a typed error."""
    try:
        return from_json(text)
    except ValueError:
        pass
    try:
        # Slower, but it takes what Python's JSON always took: a byte order mark,
        # lone surrogates, nesting beyond 200 levels.
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    raise format_error("what is not JSON", context, text, is_retryable=True)


def payloads_from_json(value: Any, context: Context) -> tuple[list[Payload], Payload]:
    """The payloads inside a JSON value, and what its wrapping says of the gateway."""
    gateway: Payload = {}
    if isinstance(value, list) and value:
        payloads = [p for item in value for p in _unwrapped(item, context, gateway)]
    else:
        payloads = _unwrapped(value, context, gateway)
    return payloads, gateway


def _unwrapped(value: Any, context: Context, gateway: Payload) -> list[Payload]:
    while isinstance(value, dict) and not value.keys() & _PAYLOAD_KEYS:
        _raise_failure(value, context)
        _keep_gateway(value, gateway)
        if "result" not in value:
            raise _foreign(value, context)
        value = value["result"]
    if isinstance(value, list) and value:
        return [p for item in value for p in _unwrapped(item, context, gateway)]
    if not isinstance(value, dict):
        raise format_error("no result", context, value, is_retryable=True)
    if "error" in value:
        _raise_failure(value, context)
    _keep_gateway(value, gateway)
    return [value]


def _foreign(value: Payload, context: Context) -> ResponseFormatError:
    what = "JSON without candidates"
    if "choices" in value:
        what = (
            "a Chat Completions body instead of Gemini's own (this class speaks "
            "generateContent only; check base_url and model)"
        )
    return format_error(what, context, value)


def _keep_gateway(value: Payload, gateway: Payload) -> None:
    metadata = value.get("gatewayMetadata")
    if isinstance(metadata, dict) and metadata.get("keySource"):
        gateway["key_source"] = metadata["keySource"]


def result_from_body(body: bytes, context: Context) -> Any:
    """The `result` of an answer of Cloudflare's API that is not a model's."""
    if not body.strip():
        return None
    value = json_from_text(body, context)
    if not isinstance(value, dict):
        return value
    _raise_failure(value, context)
    return value.get("result", value)


def _raise_failure(value: Payload, context: Context) -> None:
    failed = value.get("success") is False or value.get("state") == "Failed"
    if failed or value.get("error") or value.get("name") == "AiGatewayError":
        raise error_from_json(value, context)


def error_from_body(body: bytes, context: Context) -> CloudflareGeminiError:
    """The error of an answer whose status is not 200, whatever its body is."""
    try:
        value = from_json(body)
    except ValueError:
        return _error(
            _Fault(message=_line(body.decode("utf-8", "replace"))), context, body
        )
    return error_from_json(value, context, body)


def error_from_json(
    value: Any, context: Context, body: bytes | None = None
) -> CloudflareGeminiError:
    """The error that one of the known error bodies describes."""
    if isinstance(value, list) and value:
        # Google's unary stream endpoint wraps its error in a list of one.
        value = value[0]
    fault = _fault_from_json(value) if isinstance(value, dict) else _Fault()
    return _error(fault, context, body if body is not None else value)


@dataclass(frozen=True, slots=True)
class _Fault:
    """What an error body says, in whichever of the known shapes it came."""

    message: str = ""
    code: int | str | None = None
    google_status: str | None = None
    details: Any = None


def _fault_from_json(value: Payload) -> _Fault:
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
        message=_line(
            _text(inner, "message") or _text(value, "message", "description")
        ),
        code=_code(value.get("internalCode"), inner.get("code")),
        google_status=_text(inner, "status") or None,
        details=inner.get("details"),
    )


def _text(value: Payload, *names: str) -> str:
    found = (value.get(name) for name in names)
    return next((text for text in found if isinstance(text, str) and text), "")


def _code(*candidates: Any) -> int | str | None:
    return next((c for c in candidates if isinstance(c, (int, str)) and c != ""), None)


def _error(fault: _Fault, context: Context, body: Any) -> CloudflareGeminiError:
    status = _status(fault, context)
    gateway = gateway_from_headers(context.headers)
    retry_after = retry_after_from_headers(context.headers, time.time())
    if retry_after is None:
        retry_after = retry_after_from_details(fault.details)
    return _class(fault, status)(
        without_secrets(_message(fault, status, retry_after, gateway), context.secrets),
        status_code=status,
        code=fault.code,
        retry_after=retry_after,
        body=without_secrets(_kept(body), context.secrets),
        headers=_kept_headers(context.headers),
        gateway=gateway,
    )


def _status(fault: _Fault, context: Context) -> int:
    """The status that counts: the answer's, or the one named inside a 200."""
    if context.status >= 300:
        return context.status
    if fault.code in _STATUS_OF_CODE:
        return _STATUS_OF_CODE[fault.code]
    named = fault.code if isinstance(fault.code, int) else 0
    return named if 400 <= named <= 599 else context.status


def _class(fault: _Fault, status: int) -> type[CloudflareGeminiError]:
    text = fault.message.lower()
    if status < 500 and "input token count" in text and "exceed" in text:
        return CloudflareContextOverflowError
    # Google answers 400 to a bad key, with this reason among the details.
    if status == 400 and "API_KEY_INVALID" in str(fault.details):
        return CloudflareAuthenticationError
    return class_from_status(status) if status >= 300 else CloudflareServerError


def _message(
    fault: _Fault, status: int, retry_after: float | None, gateway: Payload
) -> str:
    code = "" if fault.code in (None, status) else f" (code {fault.code})"
    said = f": {fault.message.rstrip('.')}" if fault.message else ""
    wait = "" if retry_after is None else f" It asks to wait {retry_after:g} seconds."
    advice = _advice(fault.code, status)
    ids = [f"{n} {gateway[n]}" for n in ("ray_id", "log_id") if n in gateway]
    end = f" [{', '.join(ids)}]" if ids else ""
    return f"Cloudflare answered {status}{code}{said}. {advice}{wait}".rstrip() + end


def _advice(code: int | str | None, status: int) -> str:
    if code in _ADVICE_OF_CODE:
        return _ADVICE_OF_CODE[code]
    if 300 <= status < 400:
        return "Redirects are not followed with a token; check base_url."
    if status >= 500:
        return "Cloudflare or the model's provider failed; try again later."
    return _ADVICE.get(status, "")


def format_error(
    what: str, context: Context, body: Any = None, *, is_retryable: bool = False
) -> ResponseFormatError:
    """An error for an answer that is not what was promised."""
    gateway = gateway_from_headers(context.headers)
    kept = _kept(body)
    shown = f": {_line(kept)}" if kept else ""
    ray = f" [ray_id {gateway['ray_id']}]" if "ray_id" in gateway else ""
    return ResponseFormatError(
        without_secrets(
            f"Cloudflare answered {context.status} with {what}{shown}{ray}",
            context.secrets,
        ),
        status_code=context.status,
        body=without_secrets(kept, context.secrets),
        headers=_kept_headers(context.headers),
        gateway=gateway,
        is_retryable=is_retryable,
    )


def without_secrets(text: str, secrets: list[str]) -> str:
    """The text with every credential taken out, should the far side repeat one."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[:_SHOWN] + "…"


def _kept(body: Any) -> str:
    if body is None:
        return ""
    if isinstance(body, bytes):
        return body[:_KEPT].decode("utf-8", "replace")
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return text[:_KEPT]


def _kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: v for name, v in headers.items() if name != "set-cookie"}
