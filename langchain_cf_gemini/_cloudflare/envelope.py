"""Cloudflare's envelopes: the payloads inside an answer, or the error it stands for.

No page says how `/ai/run` wraps a Gemini answer, so every form that was documented or
seen is taken: bare, in the v4 envelope, wrapped twice, a list, and the error bodies of
Cloudflare, its gateway, its run API and Google.
"""

from __future__ import annotations

from typing import Any

from langchain_cf_gemini._cloudflare.errors import (
    error_from_json,
    format_error,
    value_from_json,
)
from langchain_cf_gemini._cloudflare.gateway_facts import gateway_from_payload
from langchain_cf_gemini._http.body import Head
from langchain_cf_gemini.exceptions import ResponseFormatError

Payload = dict[str, Any]
_PAYLOAD_KEYS = frozenset(
    {"candidates", "promptFeedback", "usageMetadata", "modelVersion", "responseId"}
)
# Where an object that is no answer means something all the same.
_SIGNS = frozenset(
    {"error", "errors", "message", "code", "detail", "details", "exception", "fault"}
    | {"state", "name", "choices", "title"}
)


def is_idle(value: Any) -> bool:
    """Whether an event of a stream says nothing: a keep-alive, in whatever words."""
    if isinstance(value, list):
        return all(map(is_idle, value))
    if not isinstance(value, dict):
        return True
    if value.keys() & _PAYLOAD_KEYS or value.get("success") is False:
        return False
    if value.get("type") == "error" or any(map(value.get, _SIGNS)):
        return False
    return is_idle(value.get("result"))


def payloads_from_body(body: bytes, head: Head) -> tuple[list[Payload], Payload]:
    """The payloads of a JSON answer, and what its wrapping says of the gateway."""
    if not body.strip():
        raise format_error("an empty response", head, is_retryable=True)
    return payloads_from_json(json_from_text(body, head), head)


def json_from_text(text: bytes | str, head: Head) -> Any:
    """The JSON value of a body or an event, or a typed error."""
    try:
        return value_from_json(text)
    except (ValueError, RecursionError):
        pass
    raise format_error("a response that isn't JSON", head, text, is_retryable=True)


def payloads_from_json(value: Any, head: Head) -> tuple[list[Payload], Payload]:
    """The payloads inside a JSON value, and what its wrapping says of the gateway."""
    gateway: Payload = {}
    if isinstance(value, list) and value:
        payloads = [p for item in value for p in _unwrapped(item, head, gateway)]
    else:
        payloads = _unwrapped(value, head, gateway)
    return payloads, gateway


def _unwrapped(value: Any, head: Head, gateway: Payload) -> list[Payload]:
    while isinstance(value, dict) and not value.keys() & _PAYLOAD_KEYS:
        _raise_failure(value, head)
        gateway.update(gateway_from_payload(value))
        if "result" not in value:
            raise _foreign(value, head)
        value = value["result"]
    if isinstance(value, list) and value:
        return [p for item in value for p in _unwrapped(item, head, gateway)]
    if not isinstance(value, dict):
        raise format_error(
            "a response without a result", head, value, is_retryable=True
        )
    if "error" in value:
        _raise_failure(value, head)
    gateway.update(gateway_from_payload(value))
    return [value]


def _foreign(value: Payload, head: Head) -> ResponseFormatError:
    what = "JSON without candidates"
    if "choices" in value:
        what = (
            "a Chat Completions response instead of Gemini's (check base_url and model)"
        )
    return format_error(what, head, value)


def envelope_from_body(body: bytes, head: Head) -> Payload:
    """An answer of Cloudflare's API that is not a model's, in its envelope."""
    if not body.strip():
        return {"result": None}
    value = json_from_text(body, head)
    if not isinstance(value, dict):
        return {"result": value}
    _raise_failure(value, head)
    return value if "result" in value else {"result": value}


def _raise_failure(value: Payload, head: Head) -> None:
    failed = value.get("success") is False or value.get("state") == "Failed"
    # `{"name": "AiError", "internalCode": 3040, "httpCode": 429, ...}`, for instance.
    numbered = value.keys() & {"code", "httpCode", "internalCode"} or str(
        value.get("name")
    ).endswith("Error")
    told = value.get("errors") if value.get("result") is None else None
    if failed or value.get("error") or told or (numbered and "result" not in value):
        raise error_from_json(value, head)
