"""What the headers of an answer say of Cloudflare and its gateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from langchain_cf_gemini._http.body import Head

_FIELDS = {
    "cf-aig-log-id": "log_id",
    "cf-aig-request-id": "request_id",
    "cf-aig-event-id": "event_id",
    "cf-aig-cache-status": "cache_status",
    "cf-aig-step": "step",
    "cf-aig-model": "model",
    "cf-aig-provider": "provider",
    "cf-aig-dlp": "dlp",
    "cf-aig-routed-model": "routed_model",
    "cf-aig-routing-reason": "routing_reason",
    "cf-aig-routing-decision-id": "routing_decision_id",
    "cf-aig-run-id": "run_id",
    "cf-ray": "ray_id",
}
_READ_AS_JSON = frozenset({"step", "dlp"})


def gateway_from_head(head: Head) -> dict[str, Any]:
    """What the gateway says of an answer, without the request's credentials."""
    told = gateway_from_headers(head.headers)
    return {name: head.shown(value) for name, value in told.items()}


def gateway_from_headers(headers: Mapping[str, str]) -> dict[str, Any]:
    """What the gateway says of an exchange, by the names that messages carry.

    Only what came is in the result. `step` is a number and `dlp` an object where
    they can be read as such, else the text as it came.
    """
    gateway: dict[str, Any] = {
        _FIELDS[name]: value for name, value in headers.items() if name in _FIELDS
    }
    for name in _READ_AS_JSON & gateway.keys():
        gateway[name] = _read(gateway[name])
    return gateway


def gateway_from_payload(value: Mapping[str, Any]) -> dict[str, Any]:
    """What Cloudflare writes beside an answer's own keys: whose key was used."""
    metadata = value.get("gatewayMetadata")
    if isinstance(metadata, dict) and metadata.get("keySource"):
        return {"key_source": metadata["keySource"]}
    return {}


def _read(text: str) -> Any:
    try:
        # Nesting beyond 200 levels stays text, too, so that nobody fails on it later.
        return from_json(text)
    except ValueError:
        return text
