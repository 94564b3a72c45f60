"""The AI Gateway: its request headers checked and honoured, its response headers.

Names and limits: Cloudflare's pages on the REST API, caching, request handling, custom
metadata and limits.
"""

import hashlib
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
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
_MAX_GATEWAY_NAME = 64
_MAX_CACHED = 10_000
_MAX_CACHED_BYTES = 25 * 1024 * 1024
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
# How many times the retry delay the gateway waits after an attempt, counted from 1.
_BACKOFFS: Mapping[str, Callable[[int], int]] = {
    "constant": lambda attempt: 1,
    "linear": lambda attempt: attempt,
    "exponential": lambda attempt: 1 << (attempt - 1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayOptions:
    """What the `cf-aig-*` headers of a request ask for, a field for each header.

    Further headers are checked and have no effect here.

    Attributes:
        cache_ttl: Seconds.
        cache_key: Caller's own key.
        skip_cache: Neither read nor written.
        collect_log: False keeps no log, and so no log id.
        request_timeout: Milliseconds to the first byte.
        max_attempts: How often the gateway itself asks the provider.
        retry_delay: Milliseconds between its attempts.
        backoff: By how much the delay grows.
        event_id: Caller's trace id, echoed.
        problems: What is wrong with the headers.
    """

    cache_ttl: int | None = None
    cache_key: str | None = None
    skip_cache: bool = False
    collect_log: bool = True
    request_timeout: int | None = None
    max_attempts: int = 1
    retry_delay: int = 0
    backoff: Callable[[int], int] = _BACKOFFS["constant"]
    event_id: str | None = None
    problems: tuple[str, ...] = ()

    @property
    def caches(self) -> bool:
        """Whether an answer may come from the cache."""
        asks = self.cache_ttl is not None or self.cache_key is not None
        return asks and not self.skip_cache

    def delay_after(self, attempt: int) -> float:
        """Seconds before the gateway's next attempt."""
        return self.retry_delay * self.backoff(attempt) / 1000


def options_from_headers(headers: Mapping[str, str]) -> GatewayOptions:
    """Read and check the `cf-aig-*` headers."""
    read: dict[str, Any] = {}
    problems: list[str] = []
    for name, reader in _READERS.items():
        if (header := f"cf-aig-{name.replace('_', '-')}") in headers:
            try:
                read[name] = reader(headers[header])
            except ValueError as wrong:
                problems.append(f"{header}: {wrong}")
    honored = {name: value for name, value in read.items() if name in _FIELDS}
    return GatewayOptions(**honored, problems=tuple(problems))


def _one_of(known: Mapping[str, Any]) -> Callable[[str], Any]:
    def read(value: str) -> Any:
        if value.lower() not in known:
            raise ValueError(f"must be one of {', '.join(known)}, not {value!r}")
        return known[value.lower()]

    return read


def _integer(low: int, high: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not value.isdecimal() or len(value) > 10 or not low <= int(value) <= high:
            wanted = f"a whole number from {low} to {high}"
            raise ValueError(f"must be {wanted}, not {value!r}")
        return int(value)

    return read


def _metadata(value: str) -> None:
    entries = json_or_none(value)
    if not isinstance(entries, dict):
        raise ValueError("must be a JSON object")
    for key, item in entries.items():
        if key.startswith("cf."):
            raise ValueError(f"key {key!r} is reserved for Cloudflare")
        if not isinstance(item, str | int | float | bool):
            raise ValueError(f"value of {key!r} must be a string, number or boolean")


def _cost(value: str) -> None:
    cost = json_or_none(value)
    keys = set(cost) if isinstance(cost, dict) else set()
    if not {"per_token_in", "per_token_out"} <= keys and keys != {"total_cost"}:
        said = "per_token_in and per_token_out, or total_cost"
        raise ValueError(f"must be a JSON object with {said}")


def _gateway_name(value: str) -> None:
    if len(value) > _MAX_GATEWAY_NAME:
        raise ValueError(f"longer than {_MAX_GATEWAY_NAME} characters")


_FIELDS = {known.name for known in fields(GatewayOptions)}
_READERS: Mapping[str, Callable[[str], Any]] = {
    "cache_ttl": _integer(_MIN_TTL, _MAX_TTL),
    "cache_key": str,
    "metadata": _metadata,
    "request_timeout": _integer(1, 2**31),
    "max_attempts": _integer(1, 5),
    "retry_delay": _integer(0, 60_000),
    "backoff": _one_of(_BACKOFFS),
    "event_id": str,
    "custom_cost": _cost,
    "gateway_id": _gateway_name,
    **dict.fromkeys(
        ("skip_cache", "collect_log", "collect_log_payload", "no_wholesale", "zdr"),
        _one_of(_BOOLEANS),
    ),
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


def in_time(outgoing: Outgoing, options: GatewayOptions) -> Outgoing:
    """The answer, or an error if its first byte comes after cf-aig-request-timeout."""
    limit = options.request_timeout
    if limit is None or outgoing.before.seconds * 1000 <= limit:
        return outgoing
    # The status and code of this error are not documented.
    body = shaped("v4", 408, 3007, f"Request timed out after {limit} ms")
    return replace(json_answer(408, body), before=Break(limit / 1000))
