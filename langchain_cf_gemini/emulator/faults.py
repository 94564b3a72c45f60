"""Faults: everything that a server and the network can do to an answer.

    emulator.fail(faults.status(429, retry_after=1))
    emulator.fail(faults.cut(after_frames=2))

A fault is scripted as above, asked for by the request header
`x-emulator-fault: status code=429 retry_after=1`, or drawn by seeded chance
(`Emulator(chaos=[(0.1, faults.status(503))], seed=7)`).

A frame is a chunk of a stream, or one half of a plain body.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_cf_gemini.emulator._refusals import v4_refusal

HEADER = "x-emulator-fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to spoil an answer.

    Attributes:
        kind: What happens; the functions of this module name them all.
        options: Its settings, see there.
    """

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """As the request header spells it."""
        settings = (f"{key}={value}" for key, value in self.options.items())
        return " ".join([self.kind, *settings])


def _fault(kind: str, **options: Any) -> Fault:
    given = {key: value for key, value in options.items() if value is not None}
    return Fault(kind=kind, options=given)


def status(
    code: int,
    *,
    retry_after: float | str | None = None,
    retry_after_ms: float | str | None = None,
    retry_info: str | None = None,
    message: str | None = None,
    error_code: int | None = None,
    shape: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Fault:
    """An error status.

    Args:
        code: HTTP status.
        retry_after: Header Retry-After: seconds, an HTTP date, or garbage.
        retry_after_ms: Header retry-after-ms.
        retry_info: Google's RetryInfo.retryDelay in the body, such as "37s".
        message: What the error says.
        error_code: Cloudflare's error code, for its shapes.
        shape: "google", "v4", "gateway", "structured", "run", "html", "text" or
            "empty"; the default is Google's.
        headers: Further response headers, such as cf-aig-dlp.
    """
    return _fault(
        "status",
        code=code,
        retry_after=retry_after,
        retry_after_ms=retry_after_ms,
        retry_info=retry_info,
        message=message,
        error_code=error_code,
        shape=shape,
        headers=headers,
    )


def failed(
    *, code: int = 5000, message: str = "Internal error", state: bool = False
) -> Fault:
    """HTTP 200 that says it failed: `success: false`, or `state: "Failed"`."""
    return _fault("failed", code=code, message=message, state=state)


def html(code: int = 502) -> Fault:
    """An HTML error page of Cloudflare's edge."""
    return _fault("status", code=code, shape="html")


def redirect(location: str, *, code: int = 307) -> Fault:
    """A redirect to another place."""
    return _fault("redirect", location=location, code=code)


def body(text: str = "", *, content_type: str = "application/json") -> Fault:
    """HTTP 200 with this body: empty, not JSON, or anything else."""
    return _fault("body", text=text, content_type=content_type)


def wrong(path: str, value: Any = None) -> Fault:
    """JSON of the wrong shape: the value at a path of the response is replaced.

    Args:
        path: Keys and indexes with dots, such as "candidates.0.content.parts"; for
            `/ai/run` from inside the envelope's `result`, and "" for all of it.
        value: What stands there instead.
    """
    return _fault("wrong", path=path, value=json.dumps(value))


def gzip_bomb(megabytes: int = 1024) -> Fault:
    """A small compressed body that unpacks to many megabytes of blanks."""
    return _fault("gzip_bomb", megabytes=megabytes)


def big(megabytes: int = 1024) -> Fault:
    """A plain body of many megabytes, sent as fast as it is read."""
    return _fault("big", megabytes=megabytes)


def json_for_stream() -> Fault:
    """Plain JSON where a stream was asked for, as guardrails answer."""
    return _fault("json_for_stream")


def stream_for_json() -> Fault:
    """Server-sent events where plain JSON was asked for."""
    return _fault("stream_for_json")


def malformed(*, after_frames: int = 1) -> Fault:
    """A frame that is not JSON after so many good ones."""
    return _fault("malformed", after_frames=after_frames)


def error_event(code: int = 503, *, after_frames: int = 1, bare: bool = False) -> Fault:
    """Google's error object inside a stream, as an event or bare; then it ends."""
    return _fault("error_event", code=code, after_frames=after_frames, bare=bare)


def no_finish() -> Fault:
    """A stream that ends in good order, but without any finishReason."""
    return _fault("no_finish")


def framing(style: str) -> Fault:
    """Events framed in another legal way.

    Args:
        style: "lf", "cr", "comments", "multiline", "bom", "u2028" or "bytes" (one byte
            at a time, so that UTF-8 is split across reads).
    """
    return _fault("framing", style=style)


def stall(*, after_frames: int = 0, seconds: float | None = None) -> Fault:
    """Silence after so many frames, for so long or until the client leaves."""
    return _fault("stall", after_frames=after_frames, seconds=seconds)


def slow(seconds: float = 1.0, *, piece: int = 1) -> Fault:
    """A slow drip: `piece` bytes, then a pause of so many seconds."""
    return _fault("slow", seconds=seconds, piece=piece)


def late(seconds: float) -> Fault:
    """A whole and good answer after so many seconds."""
    return _fault("late", seconds=seconds)


def cut(*, after_frames: int = 1) -> Fault:
    """The connection is closed in the middle, after so many frames."""
    return _fault("cut", after_frames=after_frames)


def hang_up() -> Fault:
    """The connection is closed before the first byte."""
    return _fault("hang_up")


def reset(*, after_frames: int | None = None) -> Fault:
    """The connection is reset (RST): before the first byte, or after frames."""
    return _fault("reset", after_frames=after_frames)


def close_after() -> Fault:
    """A good answer, and then the kept-alive connection is closed unannounced."""
    return _fault("close_after")


KINDS: Mapping[str, Callable[..., Fault]] = {
    made.__name__: made
    for made in (
        status, failed, html, redirect, body, wrong, gzip_bomb, big, json_for_stream,
        stream_for_json, malformed, error_event, no_finish, framing, stall, slow, late,
        cut, hang_up, reset, close_after,
    )
}  # fmt: skip


def fault_from_header(header: str | None) -> Fault | None:
    """The fault that a request header asks for: `kind key=value key=value`."""
    if not header:
        return None
    kind, *settings = header.split()
    try:
        options = dict(setting.split("=", 1) for setting in settings)
        return KINDS[kind](**{key: _value(text) for key, text in options.items()})
    except (KeyError, TypeError, ValueError) as unknown:
        kinds = ", ".join(KINDS)
        raise v4_refusal(
            400, 7000, f"{HEADER}: cannot read {header!r} ({unknown}); kinds: {kinds}"
        ) from unknown


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
