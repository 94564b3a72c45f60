"""What comes in and what goes out: HTTP without a socket."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

# Request headers that hold a credential; shown as "***" wherever requests are shown.
SECRET_HEADERS = frozenset(
    {"authorization", "cf-aig-authorization", "x-goog-api-key", "cookie", "x-auth-key"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One HTTP request, from the address of a peer; header names in lower case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    peer: str = "127.0.0.1"

    @property
    def shown_headers(self) -> dict[str, str]:
        """The headers without any secret."""
        return {
            name: "***" if name in SECRET_HEADERS else value
            for name, value in self.headers.items()
        }

    def json(self) -> Any:
        """The parsed body, or None if it is not JSON."""
        return json_or_none(self.body)


@dataclass(frozen=True, slots=True)
class Break:
    """What happens between two frames: silence, and perhaps the end.

    Attributes:
        seconds: Silence; infinite until the client leaves.
        end: "close" closes the connection then, "reset" resets it (RST).
    """

    seconds: float = 0.0
    end: Literal["", "close", "reset"] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One HTTP answer.

    Attributes:
        status: HTTP status.
        headers: Response headers, content-type included.
        frames: The body in the pieces that are sent apart, with breaks between.
        before: What happens before the first byte.
        after: What happens after the last one.
        faults: What spoiled it, as the log says it.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    frames: Sequence[bytes | Break] = ()
    before: Break = Break()
    after: Break = Break()
    faults: tuple[str, ...] = ()

    @property
    def pieces(self) -> Iterator[bytes]:
        """The body's frames without the breaks."""
        return (frame for frame in self.frames if isinstance(frame, bytes))

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.pieces)

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return sum(map(len, self.pieces))

    def with_headers(self, more: Mapping[str, str]) -> "Outgoing":
        """The same with further headers."""
        return replace(self, headers={**self.headers, **more})

    @property
    def is_stream(self) -> bool:
        """Whether these are server-sent events."""
        return self.headers.get("content-type", "").startswith("text/event-stream")


def json_or_none(text: str | bytes) -> Any:
    """What JSON says, or None if it is none; NaN and Infinity are none."""
    try:
        return json.loads(text, parse_constant=_refused_constant)
    except (ValueError, RecursionError):
        return None


def _refused_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def json_text(value: Any) -> str:
    """JSON of a value.

    Raises:
        ValueError, RecursionError: If it holds what JSON cannot: 1e999, a deep nest.
    """
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def json_answer(
    status: int, body: Any, headers: Mapping[str, str] | None = None
) -> Outgoing:
    """An answer in JSON."""
    return text_answer(status, json.dumps(body, ensure_ascii=False), headers)


def text_answer(
    status: int, text: str, headers: Mapping[str, str] | None = None
) -> Outgoing:
    """An answer of JSON that is written already."""
    # A lone surrogate, which UTF-8 cannot hold, becomes its JSON escape.
    encoded = text.encode(errors="backslashreplace")
    kind = {"content-type": "application/json; charset=UTF-8", **(headers or {})}
    return Outgoing(status=status, headers=kind, frames=[encoded])
