"""Faults: everything that a server and the network can do to an answer.

    emulator.fail(faults.status(429, retry_after=1))
    emulator.answer(reply("Hello").cut(after=1))

A fault is scripted as above, asked for by the request header
`x-emulator-fault: status code=429 retry_after=1`, or drawn by seeded chance
(`Emulator(chaos=[(0.1, faults.status(503))], seed=7)`). Each checks its settings when
it is made.

A frame is a chunk of a stream, or one half of a plain body.
"""

import json
import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, fields, replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from langchain_cf_gemini.emulator._checked import check
from langchain_cf_gemini.emulator._cloudflare import spoiling
from langchain_cf_gemini.emulator._google import streams
from langchain_cf_gemini.emulator._messages import Break, Outgoing, json_answer
from langchain_cf_gemini.emulator._refusals import (
    google_status,
    reason_phrase,
    v4_refusal,
)

HEADER = "x-emulator-fault"
Shape = Literal["google", "v4", "gateway", "structured", "run", "html", "text", "empty"]
Framing = Literal["lf", "cr", "comments", "multiline", "bom", "u2028", "bytes"]

Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, lt=math.inf)]
HeaderValue = Annotated[str, Field(pattern=r"^[ -~]*$")]
Headers = Mapping[Annotated[str, Field(pattern=r"^[!-~]+$")], HeaderValue]
Wait = float | HeaderValue | None

_BLANKS = b" " * (1 << 20)


@dataclass(frozen=True)
class Fault:
    """One way to spoil an answer; the classes of this module are all there are.

    Attributes:
        replaces: It stands in place of an answer.
        reframes: The answer arrives whole, framed otherwise.
        on_wire: It befalls the connection, after everything that befalls the body.
    """

    replaces: ClassVar[bool] = False
    reframes: ClassVar[bool] = False
    on_wire: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Refuse settings that no answer could be spoiled with."""
        check(type(self), vars(self))

    @property
    def delivers(self) -> bool:
        """Whether the answer arrives all the same: late, slowly or in another frame."""
        return self.reframes or getattr(self, "seconds", None) is not None

    def spoil(self, outgoing: Outgoing) -> Outgoing:
        """The answer with this fault in it."""
        raise NotImplementedError

    def __str__(self) -> str:
        """As the request header spells it."""
        given = ((f.name, getattr(self, f.name), f.default) for f in fields(self))
        settings = (f"{name}={value}" for name, value, usual in given if value != usual)
        return " ".join([type(self).__name__, *settings])


@dataclass(frozen=True)
class status(Fault):
    """An error status.

    Attributes:
        code: HTTP status, 200 to 599.
        retry_after: Header Retry-After: seconds, an HTTP date, or garbage.
        retry_after_ms: Header retry-after-ms.
        retry_info: Google's RetryInfo.retryDelay in the body, such as "37s".
        message: Message of the error.
        error_code: Cloudflare's error code, for its shapes.
        shape: "google", "v4", "gateway", "structured", "run", "html", "text" or
            "empty".
        headers: Further response headers, such as cf-aig-dlp.
    """

    code: Annotated[int, Field(ge=200, le=599)]
    _: KW_ONLY
    retry_after: Wait = None
    retry_after_ms: Wait = None
    retry_info: str | None = None
    message: str | None = None
    error_code: int = 5000
    shape: Shape = "google"
    headers: Headers | None = None
    replaces = True

    def __post_init__(self) -> None:
        """Refuse what its shape has no place for."""
        super().__post_init__()
        if self.retry_info and self.shape != "google":
            raise ValueError("retry_info must be left out: only shape='google' has it.")

    def spoil(self, outgoing: Outgoing) -> Outgoing:
        """The error, in the shape that was asked for."""
        said = self.message or f"{reason_phrase(self.code)} (emulated)"
        answer = spoiling.error(
            self.shape, self.code, self.error_code, said, self.retry_info
        )
        waits = {"retry-after": self.retry_after, "retry-after-ms": self.retry_after_ms}
        given = {name: str(wait) for name, wait in waits.items() if wait is not None}
        return answer.with_headers({**given, **(self.headers or {})})


@dataclass(frozen=True, kw_only=True)
class failed(Fault):
    """HTTP 200 of a failure: `success: false`, or `state: "Failed"`."""

    code: int = 5000
    message: str = "Internal error"
    state: bool = False
    replaces = True

    def spoil(self, outgoing: Outgoing) -> Outgoing:
        """The failure in place of the answer."""
        shape = "run" if self.state else "v4"
        return spoiling.error(shape, 200, self.code, self.message)


def html(code: int = 502) -> status:
    """An HTML error page of Cloudflare's edge."""
    return status(code, shape="html")


@dataclass(frozen=True)
class redirect(Fault):
    """A redirect to another place."""

    location: HeaderValue
    _: KW_ONLY
    code: Annotated[int, Field(ge=300, le=399)] = 307
    replaces = True

    def spoil(self, outgoing: Outgoing) -> Outgoing:
        """The redirect in place of the answer."""
        return Outgoing(status=self.code, headers={"location": self.location})


@dataclass(frozen=True)
class body(Fault):
    """HTTP 200 with this body: empty, not JSON, or anything else."""

    text: str = ""
    _: KW_ONLY
    content_type: HeaderValue = "application/json"
    replaces = True

    def spoil(self, outgoing: Outgoing) -> Outgoing:
        """The body in place of the answer's."""
        headers = {"content-type": self.content_type}
        return Outgoing(headers=headers, frames=[self.text.encode()])


@dataclass(frozen=True)
class wrong(Fault):
    """JSON of the wrong shape: the value at a path of the response is replaced.

    Attributes:
        path: Keys and indexes with dots, such as "candidates.0.content.parts"; for
            `/ai/run` from inside the envelope's `result`, and "" for all of it.
        value: What stands there instead.
    """

    path: str
    value: Any = None

    def __post_init__(self) -> None:
        """Refuse what JSON cannot hold."""
        super().__post_init__()
        json.dumps(self.value)

    def spoil(self, outgoing: Outgoing) -> Outgoing:
        """The answer with another value at the path."""
        return spoiling.replaced(outgoing, self.path, self.value)


@dataclass(frozen=True)
class gzip_bomb(Fault):
    """A small compressed body that unpacks to many megabytes of blanks."""

    megabytes: Count = 1024
    replaces = True

    def spoil(self, outgoing: Outgoing) -> Outgoing:
        """The bomb in place of the answer."""
        packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        packed = [packer.compress(_BLANKS) for _ in range(self.megabytes)]
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        return Outgoing(headers=headers, frames=[b"".join([*packed, packer.flush()])])


@dataclass(frozen=True)
class big(Fault):
    """A plain body of many megabytes, sent as fast as it is read."""

    megabytes: Count = 1024
    replaces = True

    def spoil(self, outgoing: Outgoing) -> Outgoing:
        """The blanks in place of the answer."""
        headers = {"content-type": "application/json"}
        # The same megabyte again and again: the list holds references, not copies.
        return Outgoing(headers=headers, frames=[_BLANKS] * self.megabytes)


@dataclass(frozen=True)
class json_for_stream(Fault):
    """Plain JSON where a stream was asked for, as guardrails answer."""

    reframes = True

    def spoil(self, outgoing: Outgoing) -> Outgoing:
        """The chunks as one answer."""
        whole = streams.response_from_chunks(spoiling.payloads(outgoing))
        return json_answer(200, whole)


@dataclass(frozen=True)
class stream_for_json(Fault):
    """Server-sent events where plain JSON was asked for."""

    reframes = True

    def spoil(self, outgoing: Outgoing) -> Outgoing:
        """The answer as one event."""
        if outgoing.is_stream:
            return outgoing
        said = [each.get("result") or each for each in spoiling.payloads(outgoing)]
        headers = {**outgoing.headers, "content-type": "text/event-stream"}
        frames = [streams.sse_frame(each) for each in said]
        return replace(outgoing, headers=headers, frames=frames)


@dataclass(frozen=True, kw_only=True)
class malformed(Fault):
    """A frame that is not JSON after so many good ones."""

    after_frames: Count = 1

    def spoil(self, outgoing: Outgoing) -> Outgoing:
        """Half a chunk more; of a plain body, half of it."""
        broken = b'data: {"candidates": [{"content": {"parts": [{"te\r\n\r\n'
        if not outgoing.is_stream:
            half = outgoing.body[: outgoing.length // 2]
            return replace(outgoing, frames=[half])
        return spoiling.inserted(outgoing, self.after_frames, broken)


@dataclass(frozen=True)
class error_event(Fault):
    """Google's error object inside a stream, as an event or bare; then it ends."""

    code: int = 503
    _: KW_ONLY
    after_frames: Count = 1
    bare: bool = False

    def spoil(self, outgoing: Outgoing) -> Outgoing:
        """The frames up to there, and the error."""
        named = google_status(self.code)
        error = {"code": self.code, "message": "Emulated error.", "status": named}
        frame = json.dumps({"error": error}, indent=2 if self.bare else None).encode()
        event = frame if self.bare else b"data: " + frame + b"\r\n\r\n"
        kept = list(outgoing.frames)[: self.after_frames]
        return replace(outgoing, frames=[*kept, event])


@dataclass(frozen=True)
class no_finish(Fault):
    """A stream that ends in good order, but without any finishReason."""

    def spoil(self, outgoing: Outgoing) -> Outgoing:
        """The frames that name none."""
        kept = [frame for frame in outgoing.pieces if b'"finishReason"' not in frame]
        return replace(outgoing, frames=kept)


@dataclass(frozen=True)
class framing(Fault):
    """Events framed in another legal way.

    Attributes:
        style: "lf", "cr", "comments", "multiline", "bom", "u2028" or "bytes" (one byte
            at a time, so that UTF-8 is split across reads).
    """

    style: Framing
    reframes = True

    def spoil(self, outgoing: Outgoing) -> Outgoing:
        """The same events in another framing."""
        if not outgoing.is_stream:
            return outgoing
        frames = spoiling.FRAMINGS[self.style](list(outgoing.pieces))
        return replace(outgoing, frames=frames)


@dataclass(frozen=True, kw_only=True)
class stall(Fault):
    """Silence after so many frames, for so long or until the client leaves."""

    after_frames: Count = 0
    seconds: Seconds | None = None
    on_wire = True

    def spoil(self, outgoing: Outgoing) -> Outgoing:
        """The answer with a silence in it."""
        silence = Break(math.inf if self.seconds is None else self.seconds)
        if not self.after_frames:
            return replace(outgoing, before=silence)
        return spoiling.inserted(outgoing, self.after_frames, silence)


@dataclass(frozen=True)
class slow(Fault):
    """A slow drip: `piece` bytes, then a pause of so many seconds."""

    seconds: Seconds = 1.0
    _: KW_ONLY
    piece: Annotated[int, Field(ge=1)] = 1
    on_wire = True

    def spoil(self, outgoing: Outgoing) -> Outgoing:
        """The answer in pieces."""
        body, pause = outgoing.body, Break(self.seconds)
        starts = range(0, len(body), self.piece)
        drops = ((body[start : start + self.piece], pause) for start in starts)
        return replace(outgoing, frames=[frame for drop in drops for frame in drop])


@dataclass(frozen=True)
class late(Fault):
    """A whole and good answer after so many seconds."""

    seconds: Seconds
    on_wire = True

    def spoil(self, outgoing: Outgoing) -> Outgoing:
        """The answer after a silence."""
        before = outgoing.before
        longer = replace(before, seconds=before.seconds + self.seconds)
        return replace(outgoing, before=longer)


@dataclass(frozen=True, kw_only=True)
class cut(Fault):
    """The connection is closed in the middle, after so many frames."""

    after_frames: Count = 1
    on_wire = True

    def spoil(self, outgoing: Outgoing) -> Outgoing:
        """The answer with an end in it."""
        return spoiling.inserted(outgoing, self.after_frames, Break(end="close"))


@dataclass(frozen=True)
class hang_up(Fault):
    """The connection is closed before the first byte."""

    replaces = True
    on_wire = True

    def spoil(self, outgoing: Outgoing) -> Outgoing:
        """The end before the answer."""
        return replace(outgoing, before=Break(outgoing.before.seconds, "close"))


@dataclass(frozen=True, kw_only=True)
class reset(Fault):
    """The connection is reset (RST): before the first byte, or after frames."""

    after_frames: Count | None = None
    on_wire = True

    def spoil(self, outgoing: Outgoing) -> Outgoing:
        """The end before or within the answer."""
        if self.after_frames is None:
            return replace(outgoing, before=Break(outgoing.before.seconds, "reset"))
        # What was sent arrives before the reset.
        end = Break(0.05, "reset")
        return spoiling.inserted(outgoing, self.after_frames, end)


@dataclass(frozen=True)
class close_after(Fault):
    """A good answer, and then the kept-alive connection is closed unannounced."""

    reframes = True
    on_wire = True

    def spoil(self, outgoing: Outgoing) -> Outgoing:
        """The answer with an end after it."""
        return replace(outgoing, after=Break(end="close"))


KINDS: Mapping[str, Callable[..., Fault]] = {
    **{made.__name__: made for made in Fault.__subclasses__()},
    "html": html,
}


def fault_from_words(words: str) -> Fault:
    """The fault that `kind key=value key=value` means.

    Raises:
        ValueError: If it means none.
    """
    kind, *settings = words.split() or [""]
    try:
        options = dict(setting.split("=", 1) for setting in settings)
        return KINDS[kind](**{key: _value(text) for key, text in options.items()})
    except (KeyError, TypeError, ValueError, RecursionError) as unknown:
        kinds = ", ".join(KINDS)
        raise ValueError(
            f"Can't read the fault {words!r} ({unknown}). Known: {kinds}."
        ) from unknown


def fault_from_header(header: str | None) -> Fault | None:
    """The fault that a request header asks for."""
    try:
        return fault_from_words(header) if header else None
    except ValueError as unknown:
        raise v4_refusal(400, 7000, f"{HEADER}: {unknown}") from unknown


def spoiled_answer(outgoing: Outgoing, *faults: Fault) -> Outgoing:
    """The answer with these faults in it: what is said, its frames, its connection."""
    for fault in sorted(faults, key=lambda f: (f.on_wire, isinstance(f, framing))):
        noted = (*outgoing.faults, str(fault))
        outgoing = replace(fault.spoil(outgoing), faults=noted)
    return outgoing


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
