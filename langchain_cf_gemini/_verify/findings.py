"""What a probe found: the verdict on the belief, and whether the client copes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Literal

from langchain_cf_gemini._verify.lab import Lab, Reply
from langchain_cf_gemini.exceptions import (
    CloudflareGeminiError,
    UnsupportedContentError,
)

Verdict = Literal["proven", "disproved", "open"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one probe found.

    Attributes:
        verdict: Of the belief; `open` where the account kept the answer away.
        seen: What was seen, in a line.
        copes: Whether the client did what it should with that; None where the probe
            went around the client.
    """

    verdict: Verdict
    seen: str
    copes: bool | None = None


def finding(reply: Reply, holds: bool, seen: str) -> Finding:
    """Judge a reply: the belief by `holds`, the client by what it made of the reply."""
    if reply.is_undecided:
        return undecided(reply)
    return Finding("proven" if holds else "disproved", seen, copes(reply))


def undecided(reply: Reply) -> Finding:
    """The finding where the account, the limit or the network was in the way."""
    return Finding("open", f"no decision: {outcome(reply)}", copes(reply))


def outcome(reply: Reply) -> str:
    """Tell a reply in a line."""
    if reply.last is None:
        return f"nothing was sent ({type(reply.error).__name__}: {reply.error})"[:300]
    if reply.payloads and reply.status < 300:
        reasons = [_reason(payload) for payload in reply.payloads]
        return f"HTTP {reply.status}, finish reason {reasons[-1]}"
    text = " ".join(reply.last.body.decode(errors="replace").split())
    return f"HTTP {reply.status}: {text[:200]}"


def _reason(payload: dict[str, Any]) -> str:
    candidates = payload.get("candidates") or [{}]
    return str(candidates[0].get("finishReason", "none"))


def copes(reply: Reply) -> bool | None:
    """Whether the client made of the reply what is in it.

    A response must become a message with its text, its calls and its tokens; whatever
    is no response must become one of the typed errors. A request that went around the
    client is not judged.
    """
    if reply.message is None and reply.error is None:
        return None
    if reply.error is not None:
        typed = isinstance(reply.error, CloudflareGeminiError | UnsupportedContentError)
        whole = reply.status < 300 and any(_reason(p) == "STOP" for p in reply.payloads)
        return typed and not whole
    return _agrees(reply)


def _agrees(reply: Reply) -> bool:
    message = reply.message
    if message is None or not reply.payloads:
        return False
    text = "".join(
        part["text"]
        for part in reply.parts
        if isinstance(part.get("text"), str) and not part.get("thought")
    )
    names = [part["functionCall"]["name"] for part in reply.parts
             if "functionCall" in part]  # fmt: skip
    called = [call["name"] for call in message.tool_calls]
    usage = message.usage_metadata
    tokens = usage["input_tokens"] if usage else 0
    return (
        str(message.text) == text
        and sorted(called) == sorted(names)
        and tokens >= reply.usage.get("promptTokenCount", 0)
    )


Probe = Callable[[Lab], Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """A probe and what it costs at most.

    Attributes:
        run: Looks, and judges.
        requests: Requests to a model.
        tokens: Input and output tokens of each, an estimate.
    """

    run: Probe
    requests: int
    tokens: tuple[int, int]


PROBES: Final[dict[str, Probed]] = {}


def probe(
    *, requests: int = 1, tokens: tuple[int, int] = (20, 60)
) -> Callable[[Probe], Probe]:
    """Register a function as the probe of the belief with its name."""

    def register(function: Probe) -> Probe:
        add(function.__name__, function, requests=requests, tokens=tokens)
        return function

    return register


def add(name: str, function: Probe, *, requests: int, tokens: tuple[int, int]) -> None:
    """Register a function as the probe of a belief."""
    PROBES[name] = Probed(run=function, requests=requests, tokens=tokens)


def estimate(names: Iterable[str], prices: Any) -> float | None:
    """Estimate the cost of probes in US dollars; None where no price is known."""
    if prices is None:
        return None
    total = 0.0
    for name in names:
        probed = PROBES[name]
        given, made = probed.tokens
        each = given * prices.input + made * prices.output
        total += probed.requests * each / 1_000_000
    return total
