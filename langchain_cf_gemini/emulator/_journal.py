"""What was asked and answered so far."""

import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

from langchain_cf_gemini.emulator._exchange import Exchange
from langchain_cf_gemini.emulator._messages import Incoming, Outgoing

_MODEL_ROUTES = ("run", "generateContent", "streamGenerateContent")
_MAX_READ = 32 << 20  # bytes; a longer answer is told by its size


class Journal:
    """The latest exchanges, safe to read while the server runs."""

    def __init__(self, kept: int = 10_000) -> None:
        """Start empty; keep so many exchanges, and count all."""
        self._lock = threading.Lock()
        self._exchanges: deque[Exchange] = deque(maxlen=kept)
        self.clear()

    def open(self, incoming: Incoming, route: str) -> Exchange:
        """Note a request."""
        exchange = Exchange(
            number=0,
            method=incoming.method,
            path=incoming.path,
            headers=incoming.shown_headers,
            body=incoming.json(),
            at=time.time(),
            route=route,
        )
        with self._lock:
            self._count += 1
            self.asked_count += route in _MODEL_ROUTES
            exchange.number = self._count
            self._exchanges.append(exchange)
        return exchange

    def __iter__(self) -> Iterator[Exchange]:
        """The exchanges that are kept."""
        with self._lock:
            return iter(list(self._exchanges))

    def asked(self) -> list[Exchange]:
        """The exchanges that asked a model for content."""
        return [exchange for exchange in self if exchange.route in _MODEL_ROUTES]

    def clear(self) -> None:
        """Forget all of them, and count from 1 again."""
        with self._lock:
            self._exchanges.clear()
            self._count = self.asked_count = 0


def note_answer(exchange: Exchange, outgoing: Outgoing) -> None:
    """Write down what is about to be sent."""
    exchange.status = outgoing.status if outgoing.before.end == "" else None
    exchange.response_headers = dict(outgoing.headers)
    exchange.response = _parsed(outgoing) if exchange.status else None
    exchange.notes += [f"fault: {fault}" for fault in outgoing.faults]
    exchange.seconds = time.time() - exchange.at


def note_end(exchange: Exchange | None, ended: str) -> None:
    """Write down how the answer ended, once."""
    if exchange and not exchange.ended:
        exchange.ended = ended
        exchange.seconds = time.time() - exchange.at


def _parsed(outgoing: Outgoing) -> Any:
    if outgoing.length > _MAX_READ:
        return f"({outgoing.length} bytes)"
    text = outgoing.body.decode(errors="replace")
    if outgoing.is_stream:
        events = [line[6:] for line in text.split("\r\n") if line.startswith("data: ")]
        return [_json_or_text(event) for event in events]
    return _json_or_text(text)


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
