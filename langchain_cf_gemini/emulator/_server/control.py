"""Scripting over HTTP, for other languages, and the page for the browser."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from importlib.resources import files
from ipaddress import ip_address
from typing import Any

from langchain_cf_gemini.emulator._cloudflare.service import Service
from langchain_cf_gemini.emulator._exchange import Exchange
from langchain_cf_gemini.emulator._messages import (
    Incoming,
    Outgoing,
    json_text,
    text_answer,
)
from langchain_cf_gemini.emulator._script_files import add_entries

# Everything is in the page; what it shows cannot load or send anything elsewhere.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data:; connect-src 'self'; frame-ancestors 'none'"
)


def page(service: Service, incoming: Incoming) -> Outgoing:
    """The page, for this machine's own browser."""
    kind = {"content-type": "text/html; charset=utf-8"}
    headers = {**kind, "content-security-policy": _POLICY}
    if is_let_in(service, incoming):
        html = files("langchain_cf_gemini.emulator") / "data/page.html"
        return Outgoing(headers=headers, frames=[html.read_bytes()])
    refused = b"<p>This page is for browsers on this machine: open it as localhost.</p>"
    return Outgoing(status=403, headers=headers, frames=[refused])


def control(service: Service, incoming: Incoming, action: str) -> Outgoing:
    """Health for anybody; the rest for this machine, or with the token."""
    if action == "health":
        return _told(_OK)
    if not is_let_in(service, incoming):
        said = "send the emulator's token as `authorization: Bearer ...`"
        said = f"Other machines and sites' pages need a token: {said}."
        return _told({"error": said}, 403)
    if action not in _ACTIONS:
        known = ", ".join(("health", *_ACTIONS))
        return _told({"error": f"Unknown action {action!r}. Known: {known}."}, 404)
    method, done = _ACTIONS[action]
    if incoming.method != method:
        said = f"/_emulator/{action} takes {method}, not {incoming.method}."
        return _told({"error": said}, 405)
    return done(service, incoming)


def _told(value: Any, status: int = 200) -> Outgoing:
    return text_answer(status, json_text(value))


def is_let_in(service: Service, incoming: Incoming) -> bool:
    """Whether a request comes from this machine and means it, or has the token.

    A page of another site may make a browser send what it likes to this port; it
    cannot choose the headers Host and Origin.
    """
    sent = incoming.headers.get("authorization")
    if sent == f"Bearer {service.settings.api_token}":
        return True
    host = _hostname(incoming.headers.get("host", ""))
    scheme, _, named = incoming.headers.get("origin", "http://localhost").partition(
        "//"
    )
    origin = _hostname(named) if scheme in ("http:", "https:") else ""
    return all(map(is_loopback, (incoming.peer, host, origin)))


def _hostname(host: str) -> str:
    """The name in a header Host, without port and brackets; "" for anything else."""
    found = re.fullmatch(r"\[([0-9a-fA-F:.]+)\](:\d*)?|([\w.-]+)(:\d*)?", host)
    return (found[1] or found[3]) if found else ""


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine's own."""
    try:
        address = ip_address(host)
    except ValueError:
        return host.lower() == "localhost"
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _exchanges(service: Service, incoming: Incoming) -> Outgoing:
    """All of them, or those after a number, or the last so many."""
    numbers = [incoming.query.get(name, "0") for name in ("after", "last")]
    if not all(number.isdecimal() and len(number) < 10 for number in numbers):
        said = f"after and last must be whole numbers, not {numbers}."
        return _told({"error": said}, 422)
    after, last = map(int, numbers)
    found = [exchange for exchange in service.journal if exchange.number > after]
    # Each apart: what no JSON can show must not hide the others.
    shown = ", ".join(exchange_json(exchange) for exchange in found[-last:])
    return text_answer(200, f'{{"exchanges": [{shown}]}}')


def _state(service: Service, incoming: Incoming) -> Outgoing:
    settings = service.settings
    known = {"account_id": settings.account_id, "api_token": settings.api_token}
    left = [str(entry) for entry in service.script.left()]
    era = service.journal.era  # another one once the exchanges were forgotten
    return _told({**known, "era": era, "left": left})


def _script(service: Service, incoming: Incoming) -> Outgoing:
    try:
        told = json.loads(incoming.body)
    except (ValueError, RecursionError) as wrong:
        said = 'Send {"answers": [{"answer": "Hello."}]}.'
        return _told({"error": f"The body isn't JSON: {wrong}. {said}"}, 422)
    try:
        added = add_entries(service.script, told)
    except (AttributeError, TypeError, ValueError, RecursionError) as wrong:
        return _told({"error": str(wrong)}, 422)
    return _told({"added": added})


def _clear(service: Service, incoming: Incoming) -> Outgoing:
    service.journal.clear()
    return _told(_OK)


def _reset(service: Service, incoming: Incoming) -> Outgoing:
    service.reset()
    return _told(_OK)


def _verify(service: Service, incoming: Incoming) -> Outgoing:
    wrong = service.complaint()
    return _told({"ok": not wrong, "problem": wrong}, 409 if wrong else 200)


_OK = {"status": "ok"}
_ACTIONS: Mapping[str, tuple[str, Callable[[Service, Incoming], Outgoing]]] = {
    "exchanges": ("GET", _exchanges),
    "state": ("GET", _state),
    "script": ("POST", _script),
    "clear": ("POST", _clear),
    "reset": ("POST", _reset),
    "verify": ("POST", _verify),
}


def exchange_json(exchange: Exchange) -> str:
    """An exchange as JSON, without the bodies that no JSON can show."""
    kept = {known.name: getattr(exchange, known.name) for known in fields(exchange)}
    error = exchange.error
    kept["error"] = error and f"{type(error).__name__}: {error}"
    for name in ("text", "answer", "cost", "usage", "outcome", "is_error"):
        kept[name] = getattr(exchange, name)
    try:
        return json_text(kept)
    except (ValueError, RecursionError):
        bodies = dict.fromkeys(("body", "generation", "response"), "(no JSON)")
        return json_text({**kept, **bodies, "usage": {}})
