"""Recording: requests go on to Cloudflare, and what it answers becomes a script."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from langchain_cf_gemini.emulator._cloudflare.account import Settings
from langchain_cf_gemini.emulator._cloudflare.service import Answered, Service
from langchain_cf_gemini.emulator._google.proto_json import canonical_body
from langchain_cf_gemini.emulator._messages import Incoming, Outgoing
from langchain_cf_gemini.emulator._refusals import Refusal, error_answer
from langchain_cf_gemini.emulator._script_files import entry_from_exchange

CLOUDFLARE = (
    "https://api.cloudflare.com/client/v4",
    "https://gateway.ai.cloudflare.com/v1",
)
_HERE = ("/client/v4", "/v1")
# What speaks of this connection, not of the request.
_OURS = frozenset(
    {"host", "content-length", "connection", "accept-encoding"} | {"transfer-encoding"}
)
_TIMEOUT = 600.0


class Recorder(Service):
    """Sends requests on, and keeps the exchanges in a file, without any header."""

    def __init__(
        self, path: str | Path, upstream: tuple[str, str], settings: Settings
    ) -> None:
        """Write to `path` what the two addresses answer."""
        super().__init__(settings)
        self._path = Path(path)
        self._upstream = upstream
        self._entries: list[object] = []
        self._lock = threading.Lock()
        self._write()  # here, so that a wrong path fails here

    def answered(
        self, incoming: Incoming, route: str, asked: Callable[[], object]
    ) -> Answered:
        """A request, noted, and the answer of the real service."""
        exchange = self.journal.open(incoming, route)
        exchange.notes.append("recorded")
        body = exchange.body if isinstance(exchange.body, dict) else {}
        exchange.model = body.get("model") if "input" in body else None
        try:
            said = body.get("input", body)
            exchange.generation = canonical_body(said, lenient=True)
            outgoing = self._sent(incoming)
        except (Refusal, ValueError) as error:
            outgoing = self.failed(exchange, error)
        self.journal.close(exchange, outgoing)
        if exchange.asks:
            with self._lock:
                self._entries.append(entry_from_exchange(exchange))
                self._write()
        return exchange, outgoing

    def _sent(self, incoming: Incoming) -> Outgoing:
        headers = {k: v for k, v in incoming.headers.items() if k not in _OURS}
        asked = Request(
            self._url(incoming), incoming.body, headers, method=incoming.method
        )
        try:
            answer = urlopen(asked, timeout=_TIMEOUT)
        except HTTPError as refused:
            answer = refused
        except URLError as lost:
            said = f"emulator: can't reach Cloudflare to record: {lost.reason}"
            return error_answer(incoming.path, 502, 502, said)
        with answer:
            read = {name.lower(): value for name, value in answer.headers.items()}
            kept = {name: value for name, value in read.items() if name not in _OURS}
            return Outgoing(status=answer.status, headers=kept, frames=[answer.read()])

    def _url(self, incoming: Incoming) -> str:
        for ours, theirs in zip(_HERE, self._upstream, strict=True):
            if incoming.path.startswith(f"{ours}/"):
                rest = incoming.path.removeprefix(ours)
                query = f"?{urlencode(incoming.query)}" if incoming.query else ""
                return f"{theirs}{quote(rest, safe='/:@')}{query}"
        raise ValueError(
            f"{incoming.path} isn't a path of Cloudflare's, so it can't be recorded."
        )

    def _write(self) -> None:
        told = {"answers": self._entries}
        self._path.write_text(json.dumps(told, ensure_ascii=False, indent=1), "utf-8")
