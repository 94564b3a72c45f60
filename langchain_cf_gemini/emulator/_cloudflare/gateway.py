"""The AI Gateway: its request headers checked and honoured, its response headers.

Names and limits: Cloudflare's pages on the REST API, caching, request handling, custom
metadata and limits.
"""

import hashlib
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from langchain_cf_gemini.emulator._latest import Latest
from langchain_cf_gemini.emulator._messages import (
    Break,
    Incoming,
    Outgoing,
    json_answer,
    json_or_none,
)
from langchain_cf_gemini.emulator._refusals import shaped

_MIN_TTL, _MAX_TTL = 60, 2_678_400  # documented: one minute to one month, in seconds
_DEFAULT_TTL = 300  # documented for a cache key where the gateway does not cache
_MAX_METADATA = 5
_MAX_ATTEMPTS = 5
_MAX_RETRY_DELAY = 60_000
_MAX_GATEWAY_NAME = 64
_BACKOFFS = ("constant", "linear", "exponential")
_MAX_CACHED = 10_000
_MAX_CACHED_BYTES = 25 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayOptions:
    """What the `cf-aig-*` headers of a request ask for, a field for each header.

    Attributes:
        cache_ttl: Seconds.
        cache_key: Caller's own key.
        skip_cache: Neither read nor written.
        metadata: At most five entries; further ones are dropped, as documented.
        collect_log: False keeps no log, and so no log id.
        request_timeout: Milliseconds to the first byte.
        max_attempts: How often the gateway itself asks the provider.
        retry_delay: Milliseconds between its attempts.
        backoff: constant, linear or exponential.
        event_id: Caller's trace id, echoed.
        checked: What is checked and has no effect here.
        problems: What is wrong with the headers.
    """

    cache_ttl: int | None = None
    cache_key: str | None = None
    skip_cache: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)
    collect_log: bool = True
    request_timeout: int | None = None
    max_attempts: int = 1
    retry_delay: int = 0
    backoff: str = "constant"
    event_id: str | None = None
    checked: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def caches(self) -> bool:
        """Whether these headers switch caching on."""
        return self.cache_ttl is not None or self.cache_key is not None


def options_from_headers(headers: Mapping[str, str]) -> GatewayOptions:
    """Read and check the `cf-aig-*` headers."""
    read: dict[str, Any] = {"checked": {}}
    problems: list[str] = []
    for name, reader in _READERS.items():
        if (header := f"cf-aig-{name.replace('_', '-')}") in headers:
            try:
                place = read if name in _FIELDS else read["checked"]
                place[name] = reader(headers[header])
            except ValueError as wrong:
                problems.append(f"{header}: {wrong}")
    return GatewayOptions(**read, problems=tuple(problems))


def _boolean(value: str) -> bool:
    if value.lower() not in ("true", "false", "1", "0"):
        raise ValueError(f"must be true or false, not {value!r}")
    return value.lower() in ("true", "1")


def _integer(low: int, high: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not value.isdecimal() or len(value) > 10 or not low <= int(value) <= high:
            wanted = f"a whole number from {low} to {high}"
            raise ValueError(f"must be {wanted}, not {value!r}")
        return int(value)

    return read


def _metadata(value: str) -> dict[str, Any]:
    entries = json_or_none(value)
    if not isinstance(entries, dict):
        raise ValueError("must be a JSON object")
    for key, item in entries.items():
        if key.startswith("cf."):
            raise ValueError(f"key {key!r} is reserved for Cloudflare")
        if not isinstance(item, str | int | float | bool):
            raise ValueError(f"value of {key!r} must be a string, number or boolean")
    return dict(list(entries.items())[:_MAX_METADATA])


def _cost(value: str) -> dict[str, Any]:
    cost = json_or_none(value)
    if isinstance(cost, dict) and (
        {"per_token_in", "per_token_out"} <= set(cost) or set(cost) == {"total_cost"}
    ):
        return cost
    said = "per_token_in and per_token_out, or total_cost"
    raise ValueError(f"must be a JSON object with {said}")


def _backoff(value: str) -> str:
    if value not in _BACKOFFS:
        raise ValueError(f"must be one of {', '.join(_BACKOFFS)}, not {value!r}")
    return value


def _gateway_name(value: str) -> str:
    if len(value) > _MAX_GATEWAY_NAME:
        raise ValueError(f"longer than {_MAX_GATEWAY_NAME} characters")
    return value


_FIELDS = {known.name for known in fields(GatewayOptions)}
_READERS: Mapping[str, Callable[[str], Any]] = {
    "cache_ttl": _integer(_MIN_TTL, _MAX_TTL),
    "cache_key": str,
    "skip_cache": _boolean,
    "metadata": _metadata,
    "collect_log": _boolean,
    "request_timeout": _integer(1, 2**31),
    "max_attempts": _integer(1, _MAX_ATTEMPTS),
    "retry_delay": _integer(0, _MAX_RETRY_DELAY),
    "backoff": _backoff,
    "event_id": str,
    "collect_log_payload": _boolean,
    "custom_cost": _cost,
    "no_wholesale": _boolean,
    "zdr": _boolean,
    "gateway_id": _gateway_name,
}


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

    def get(self, key: str) -> Outgoing | None:
        """The answer kept under a key, unless it is too old."""
        until, outgoing = self._kept.get(key) or (0.0, None)
        return outgoing if until > self._clock() else None

    def put(self, key: str, outgoing: Outgoing, options: GatewayOptions) -> None:
        """Keep an answer, unless it is too large."""
        if outgoing.length <= _MAX_CACHED_BYTES:
            until = self._clock() + (options.cache_ttl or _DEFAULT_TTL)
            self._kept.keep(key, (until, outgoing), outgoing.length)


def cache_key(incoming: Incoming, options: GatewayOptions) -> str:
    """The caller's key, or a digest of where and what was asked."""
    if options.cache_key is not None:
        return f"key:{options.cache_key}"
    return hashlib.sha256(f"{incoming.path}\n".encode() + incoming.body).hexdigest()


def delay_after(options: GatewayOptions, attempt: int) -> float:
    """Seconds before the gateway's next attempt."""
    factors: Mapping[str, int] = {
        "constant": 1,
        "linear": attempt,
        "exponential": 1 << (attempt - 1),
    }
    return options.retry_delay * factors[options.backoff] / 1000


def in_time(outgoing: Outgoing, options: GatewayOptions) -> Outgoing:
    """The answer, or an error if its first byte comes after cf-aig-request-timeout."""
    limit = options.request_timeout
    if limit is None or outgoing.before.seconds * 1000 <= limit:
        return outgoing
    # The status and code of this error are not documented.
    body = shaped("v4", 408, 3007, f"Request timed out after {limit} ms")
    return replace(json_answer(408, body), before=Break(limit / 1000))
