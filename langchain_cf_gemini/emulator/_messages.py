"""What comes in and what goes out: HTTP without a socket."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_cf_gemini.emulator.faults import Fault

# Request headers that hold a credential; shown as "***" wherever requests are shown.
SECRET_HEADERS = frozenset(
    {"authorization", "cf-aig-authorization", "x-goog-api-key", "cookie", "x-auth-key"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One HTTP request; header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def shown_headers(self) -> dict[str, str]:
        """The headers without any secret."""
        return {
            name: "***" if name in SECRET_HEADERS else value
            for name, value in self.headers.items()
        }

    def json(self) -> Any:
        """The parsed body, or None if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One HTTP answer.

    Attributes:
        status: HTTP status.
        headers: Response headers, content-type included.
        frames: The body in the pieces that are sent apart.
        delay: Seconds before the first byte.
        fault: How the answer is spoiled on its way.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    frames: Sequence[bytes] = ()
    delay: float = 0.0
    fault: Fault | None = None

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.frames)


def json_answer(
    status: int, body: Any, headers: Mapping[str, str] | None = None
) -> Outgoing:
    """An answer in JSON."""
    encoded = json.dumps(body, ensure_ascii=False).encode()
    kind = {"content-type": "application/json; charset=UTF-8"}
    return Outgoing(
        status=status, headers={**kind, **(headers or {})}, frames=[encoded]
    )
