"""The page in the browser: every exchange so far."""

import html
from typing import Any

from langchain_cf_gemini.emulator._cloudflare.service import Answered, Service
from langchain_cf_gemini.emulator._exchange import Exchange
from langchain_cf_gemini.emulator._journal import Journal
from langchain_cf_gemini.emulator._messages import Incoming, Outgoing, json_text
from langchain_cf_gemini.emulator._server.control import is_let_in

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222 }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
details { border: 1px solid #ccc; border-radius: 6px }
details { margin: .5rem 0; padding: .5rem .8rem; border-left-width: 5px }
summary { cursor: pointer; overflow-wrap: anywhere }
.bad { border-left-color: #c33 } .good { border-left-color: #2a2 }
pre { background: #f6f6f6; overflow: auto; padding: .6rem; max-height: 30rem }
"""


def page(service: Service, incoming: Incoming) -> Answered:
    """HTML with one fold per exchange, for this machine's own browser."""
    kind = {"content-type": "text/html; charset=utf-8"}
    allowed = is_let_in(service, incoming)
    shown = _page(service.journal) if allowed else "<p>This page is for localhost.</p>"
    frames = [shown.encode(errors="backslashreplace")]
    return None, Outgoing(status=200 if allowed else 403, headers=kind, frames=frames)


def _page(journal: Journal) -> str:
    folds = "\n".join(_fold(exchange) for exchange in journal)
    empty = "<p>No exchange yet. Point a client at this address.</p>"
    return (
        "<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'>"
        f"<title>Gemini emulator</title><style>{_STYLE}</style></head><body>"
        f"<h1>Gemini emulator</h1>{folds or empty}</body></html>"
    )


def _fold(exchange: Exchange) -> str:
    kind = "good" if (exchange.status or 0) < 400 else "bad"
    return (
        f"<details class='exchange {kind}' id='exchange-{exchange.number}'>"
        f"<summary>{html.escape(str(exchange))}</summary>"
        f"<h3>Request</h3><pre class='request'>{_json(exchange.body)}</pre>"
        f"<h3>Answer</h3><pre class='answer'>{_json(exchange.response)}</pre></details>"
    )


def _json(value: Any) -> str:
    return html.escape(json_text(value, indent=1))
