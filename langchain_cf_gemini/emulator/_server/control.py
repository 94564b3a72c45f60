"""Scripting over HTTP, for programs in other languages: `/_emulator/...`."""

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from langchain_cf_gemini.emulator._cloudflare.service import Answered, Service
from langchain_cf_gemini.emulator._exchange import Exchange
from langchain_cf_gemini.emulator._messages import Incoming, json_answer, json_text
from langchain_cf_gemini.emulator._reports import complaint
from langchain_cf_gemini.emulator._script_files import add_entries

Told = tuple[int, Mapping[str, Any]]


def control(service: Service, incoming: Incoming, action: str) -> Answered:
    """Health for anybody; the rest for this machine, or with the token."""
    status, told = _done(service, incoming, action)
    return None, json_answer(status, json.loads(json_text(told)))


def _done(service: Service, incoming: Incoming, action: str) -> Told:
    if action == "health":
        return 200, {"status": "ok"}
    if not is_let_in(service, incoming):
        said = "send the emulator's token as `authorization: Bearer ...`"
        return 403, {
            "error": f"from another machine, or by another site's page: {said}"
        }
    if action == "exchanges":
        return 200, {"exchanges": [exchange_json(e) for e in service.journal]}
    if action not in _CHANGES:
        known = ", ".join(("health", "exchanges", *_CHANGES))
        return 404, {"error": f"there is no {action}; there are {known}"}
    if incoming.method != "POST":
        return 405, {"error": f"{action} wants POST"}
    return _CHANGES[action](service, incoming.body)


def is_let_in(service: Service, incoming: Incoming) -> bool:
    """Whether a request comes from this machine and means it, or has the token.

    A page of another site may make a browser send what it likes to this port; it
    cannot choose the headers Host and Origin.
    """
    sent = incoming.headers.get("authorization")
    if sent == f"Bearer {service.settings.api_token}":
        return True
    origin = incoming.headers.get("origin", "//localhost")
    named = (_host(f"//{incoming.headers.get('host', '')}"), _host(origin))
    return all(map(_is_loopback, (incoming.peer, *named)))


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _script(service: Service, body: bytes) -> Told:
    try:
        return 200, {"added": add_entries(service.script, json.loads(body))}
    except (AttributeError, TypeError, ValueError, RecursionError) as wrong:
        return 422, {"error": str(wrong)}


def _reset(service: Service, body: bytes) -> Told:
    service.reset()
    return 200, {"status": "ok"}


def _verify(service: Service, body: bytes) -> Told:
    wrong = complaint(service)
    return 409 if wrong else 200, {"ok": not wrong, "problem": wrong}


_CHANGES: Mapping[str, Callable[[Service, bytes], Told]] = {
    "script": _script,
    "reset": _reset,
    "verify": _verify,
}


def exchange_json(exchange: Exchange) -> dict[str, Any]:
    """An exchange as JSON."""
    kept = {known.name: getattr(exchange, known.name) for known in fields(exchange)}
    error = exchange.error and f"{type(exchange.error).__name__}: {exchange.error}"
    read = {"text": exchange.text, "answer": exchange.answer, "cost": exchange.cost}
    return {**kept, **read, "error": error, "usage": exchange.usage}
