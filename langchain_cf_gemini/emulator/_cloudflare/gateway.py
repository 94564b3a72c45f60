"""The AI Gateway: its headers, read and written, its cache and its rate limit.

Names and limits: Cloudflare's pages on the REST API, caching, request handling, custom
metadata and limits.
"""

import hashlib
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Json,
    ValidationError,
)

from langchain_cf_gemini.emulator._journal import Latest
from langchain_cf_gemini.emulator._messages import (
    Break,
    Incoming,
    Outgoing,
    json_answer,
)
from langchain_cf_gemini.emulator._refusals import shaped

_DEFAULT_TTL = 300  # documented for a cache key where the gateway does not cache
_MAX_CACHED = 10_000
_MAX_CACHED_BYTES = 25 * 1024 * 1024

# How many times the retry delay the gateway waits after an attempt, counted from 1.
_BACKOFFS: Mapping[str, Callable[[int], int]] = {
    "constant": lambda attempt: 1,
    "linear": lambda attempt: attempt,
    "exponential": lambda attempt: 1 << (attempt - 1),
}


Rate: TypeAlias = float | tuple[float, float]
"""Requests a second, or requests and the seconds of their window."""


class _CostByToken(BaseModel):
    per_token_in: float
    per_token_out: float


class _TotalCost(BaseModel):
    total_cost: float


def _switch(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise ValueError("must be true or false")
    return text.lower() in ("true", "1")


Switch = Annotated[bool, BeforeValidator(_switch)]


def _unreserved(key: str) -> str:
    if key.startswith("cf."):
        raise ValueError(f"key {key!r} is reserved for Cloudflare")
    return key


class GatewayOptions(BaseModel):
    """What the `cf-aig-*` headers of a request ask for, a field for each header.

    Attributes:
        cache_ttl: Seconds, from one minute to one month.
        cache_key: Caller's own key.
        skip_cache: Neither read nor written.
        collect_log: False keeps no log, and so no log id.
        request_timeout: Milliseconds to the first byte.
        max_attempts: How often the gateway itself asks the provider.
        retry_delay: Milliseconds between its attempts.
        backoff: How the delay grows.
        event_id: Caller's trace id, echoed.
        metadata: Checked alone, as are the fields that follow.
    """

    model_config = ConfigDict(
        alias_generator=lambda name: f"cf-aig-{name.replace('_', '-')}"
    )

    cache_ttl: Annotated[int, Field(ge=60, le=2_678_400)] | None = None
    cache_key: str | None = None
    skip_cache: Switch = False
    collect_log: Switch = True
    request_timeout: Annotated[int, Field(ge=1, le=2**31)] | None = None
    max_attempts: Annotated[int, Field(ge=1, le=5)] = 1
    retry_delay: Annotated[int, Field(ge=0, le=60_000)] = 0
    backoff: Literal["constant", "linear", "exponential"] = "constant"
    event_id: str | None = None
    metadata: Json[
        dict[Annotated[str, AfterValidator(_unreserved)], str | int | float | bool]
    ] = {}
    custom_cost: Json[_CostByToken | _TotalCost] | None = None
    gateway_id: Annotated[str, Field(max_length=64)] | None = None
    collect_log_payload: Switch = True
    no_wholesale: Switch = False
    zdr: Switch = False

    @property
    def caches(self) -> bool:
        """Whether an answer may come from the cache."""
        asks = self.cache_ttl is not None or self.cache_key is not None
        return asks and not self.skip_cache


def header_problems(headers: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with `cf-aig-*` headers, by their names."""
    problems: dict[str, str] = {}
    try:
        GatewayOptions.model_validate(headers)
    except ValidationError as found:
        for wrong in found.errors():
            name, *inside = map(str, wrong["loc"])
            place = f"{inside[-1]}: " if inside else ""
            problems.setdefault(name, f"{place}{wrong['msg']}, not {wrong['input']!r}")
    return problems


def options_from_headers(headers: Mapping[str, str]) -> GatewayOptions:
    """What the `cf-aig-*` headers ask for, those apart that are wrong."""
    wrong = header_problems(headers)
    right = {name: value for name, value in headers.items() if name not in wrong}
    return GatewayOptions.model_validate(right)


def response_headers(options: GatewayOptions, serial: int) -> dict[str, str]:
    """The gateway's response headers; a single step has equal ids, as documented."""
    request_id = str(uuid.UUID(int=(0x019A << 112) | (7 << 76) | (1 << 63) | serial))
    headers = {
        "cf-aig-request-id": request_id,
        "cf-aig-event-id": options.event_id or request_id,
        "cf-aig-step": "0",
        "cf-ray": f"{serial:016x}-EMU",
    }
    if options.collect_log:
        headers["cf-aig-log-id"] = request_id
    return headers


class Cache:
    """The gateway's cache of whole answers; streams are not cached."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Keep time by `clock`, in seconds."""
        self._clock = clock
        self._kept = Latest[tuple[float, Outgoing]](_MAX_CACHED)
        self.clear = self._kept.clear

    def answer(
        self,
        incoming: Incoming,
        options: GatewayOptions,
        notes: list[str],
        asked: Callable[[], Outgoing],
    ) -> Outgoing:
        """The answer that is kept, or else what is asked, kept if it is good."""
        if not options.caches:
            return asked()
        where = f"{incoming.path}\n".encode() + incoming.body
        key = options.cache_key or hashlib.sha256(where).hexdigest()
        until, kept = self._kept.get(key) or (0.0, None)
        if kept and until > self._clock():
            notes.append("from the gateway's cache")
            return kept.with_headers({"cf-aig-cache-status": "HIT"})
        outgoing = asked()
        is_good = outgoing.status < 400 and not outgoing.faults
        if is_good and outgoing.length <= _MAX_CACHED_BYTES:
            until = self._clock() + (options.cache_ttl or _DEFAULT_TTL)
            self._kept.keep(key, (until, outgoing), outgoing.length)
        return outgoing.with_headers({"cf-aig-cache-status": "MISS"})


def attempted(
    attempt: Callable[[], Outgoing], options: GatewayOptions, notes: list[str]
) -> Outgoing:
    """The answer after as many attempts as the gateway was told to make, in time."""
    waited = 0.0
    for number in range(1, options.max_attempts + 1):
        outgoing = attempt()
        if outgoing.status < 500 or number == options.max_attempts:
            break
        notes.append(f"gateway attempt {number} got {outgoing.status}")
        waited += options.retry_delay * _BACKOFFS[options.backoff](number) / 1000
    limit, waited = options.request_timeout, waited + outgoing.before.seconds
    if limit is None or waited * 1000 <= limit:
        return replace(outgoing, before=replace(outgoing.before, seconds=waited))
    # The status and code of this error are not documented.
    body = shaped("v4", 408, 3007, f"Request timed out after {limit} ms")
    return replace(json_answer(408, body), before=Break(limit / 1000))


class RateLimit:
    """Says who has to come later.

    Args:
        rate: A number is a token bucket that holds a fifth of a second's requests, at
            least one; a pair is a fixed window, as the gateway has them; None is no
            limit.
        clock: Seconds that only go forward.
    """

    _count: float | None
    _window: float | None

    def __init__(self, rate: Rate | None, clock: Callable[[], float]) -> None:
        self._count, self._window = rate if isinstance(rate, tuple) else (rate, None)
        self._clock = clock
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        count = self._count or 0
        self._most = count if self._window else max(1.0, count / 5)
        self._left, self._since = self._most, self._clock()

    def refused(self) -> float | None:
        """None for a request that is let through, else seconds until one would be."""
        if self._count is None:
            return None
        with self._lock:
            now = self._clock()
            passed = now - self._since
            if self._window is None:
                self._left = min(self._most, self._left + passed * self._count)
                self._since = now
                wait = (1 - self._left) / self._count
            else:
                if passed >= self._window:
                    self._left, self._since = self._most, now - passed % self._window
                wait = self._since + self._window - now
            if self._left < 1:
                return wait
            self._left -= 1
            return None
