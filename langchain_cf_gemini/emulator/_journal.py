"""What was asked and answered so far, and how much of it is kept."""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from langchain_cf_gemini.emulator._exchange import Exchange
from langchain_cf_gemini.emulator._messages import Incoming, Outgoing, json_or_none

_MAX_READ = 32 << 20  # bytes; a longer answer is told by its size


Value = TypeVar("Value")
MAX_BYTES = 128 << 20


class Latest(Generic[Value]):
    """Values by key, for all threads; beyond a number or bytes the oldest go."""

    def __init__(self, most: int, most_bytes: int = MAX_BYTES) -> None:
        """Start empty."""
        self._most, self._most_bytes = most, most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[Any, tuple[Value, int]] = OrderedDict()
        self._bytes = 0

    def keep(self, key: Any, value: Value, size: int = 0) -> None:
        """Keep a value of so many bytes, in place of the key's older one."""
        with self._lock:
            _, before = self._kept.get(key, (None, 0))
            self._kept[key] = value, size
            self._bytes += size - before
            while len(self._kept) > self._most or (
                self._bytes > self._most_bytes and len(self._kept) > 1
            ):
                _, (_, gone) = self._kept.popitem(last=False)
                self._bytes -= gone

    def get(self, key: Any) -> Value | None:
        """The value of a key."""
        with self._lock:
            return self._kept.get(key, (None, 0))[0]

    def all(self) -> dict[Any, Value]:
        """All of them, the oldest first."""
        with self._lock:
            return {key: value for key, (value, _) in self._kept.items()}

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._kept.clear()
            self._bytes = 0


class Journal:
    """The latest exchanges, safe to read while the server runs."""

    def __init__(self, kept: int = 10_000, kept_bytes: int = MAX_BYTES) -> None:
        """Start empty; keep so many exchanges and bytes of bodies, and count all."""
        self._lock = threading.Lock()
        self._exchanges = Latest[Exchange](kept, kept_bytes)
        self.era = 0
        self.clear()

    def open(self, incoming: Incoming, route: str) -> Exchange:
        """Note a request."""
        exchange = Exchange(
            number=0,
            method=incoming.method,
            path=incoming.path,
            headers=incoming.shown_headers,
            body=incoming.json(),
            size=len(incoming.body),
            at=time.time(),
            route=route,
        )
        with self._lock:
            self._count += 1
            self.asked_count += exchange.asks
            exchange.number = self._count
            self._exchanges.keep(exchange.number, exchange, exchange.size)
        return exchange

    def close(self, exchange: Exchange, outgoing: Outgoing) -> None:
        """Note what is about to be sent."""
        note_answer(exchange, outgoing)
        with self._lock:
            # Another one if everything was forgotten meanwhile.
            if self._exchanges.get(exchange.number) is exchange:
                self._exchanges.keep(exchange.number, exchange, exchange.size)

    def __iter__(self) -> Iterator[Exchange]:
        """The exchanges that are kept."""
        return iter(self._exchanges.all().values())

    def asked(self) -> list[Exchange]:
        """The exchanges that asked a model for content."""
        return [exchange for exchange in self if exchange.asks]

    def clear(self) -> None:
        """Forget all of them, and count from 1 again."""
        with self._lock:
            self._exchanges.clear()
            self.era += 1
            self._count = self.asked_count = 0


def note_answer(exchange: Exchange, outgoing: Outgoing) -> None:
    """Write down what is about to be sent."""
    exchange.status = outgoing.status if outgoing.before.end == "" else None
    exchange.response_headers = dict(outgoing.headers)
    exchange.response = _parsed(outgoing) if exchange.status else None
    exchange.notes += [f"fault: {fault}" for fault in outgoing.faults]
    exchange.seconds = time.time() - exchange.at
    exchange.size += min(outgoing.length, _MAX_READ)


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
    found = json_or_none(text)
    return text if found is None else found
