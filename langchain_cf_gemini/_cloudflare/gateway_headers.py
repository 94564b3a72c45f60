"""The gateway's options as `cf-aig-*` headers: which header, what may stand in it.

Names, limits and units are those of
https://developers.cloudflare.com/ai-gateway/usage/rest-api/ and the feature pages
beside it.
"""

import json
import math
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeAlias, TypeGuard, get_args

Scalar: TypeAlias = str | int | float | bool
Backoff: TypeAlias = Literal["constant", "linear", "exponential"]

_GATEWAY_ID: Final = r"(?!.*\.\.)[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_])?"
_HEADER_TEXT: Final = r"[!-~](?:[ -~]*[!-~])?"
_MONTH: Final = 31 * 24 * 60 * 60
_MOST_ENTRIES: Final = 5
# Cloudflare's edge takes 16 KB for one header; what it does with more is not said.
_LONGEST_HEADER: Final = 16 * 1024
LONGEST_DELAY: Final = 60.0
"""Seconds between two of the gateway's attempts, at most."""

_COSTS: Final = ("per_token_in", "per_token_out")
_MORE_COSTS: Final = ("per_cache_read_token", "per_cache_write_token")
_WHOLE_COST: Final = ("total_cost",)


def refused(name: str, value: object, rule: str) -> ValueError:
    """The error for a value that breaks an option's rule."""
    return ValueError(f"gateway option {name}={repr(value)[:200]}: {rule}")


def _is_number(value: object) -> TypeGuard[float]:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )


# Each of these writes a header's text, or returns None for a value out of its rule.
_Writer: TypeAlias = Callable[[Any], str | None]


def _matching(pattern: str) -> _Writer:
    match = re.compile(pattern).fullmatch
    return lambda value: value if isinstance(value, str) and match(value) else None


def _flag(value: Any) -> str | None:
    return str(value).lower() if isinstance(value, bool) else None


def _whole(least: int, most: int) -> _Writer:
    return lambda value: (
        str(value) if type(value) is int and least <= value <= most else None
    )


def _milliseconds(least: float, most: float) -> _Writer:
    return lambda value: (
        str(round(value * 1000))
        if _is_number(value) and least <= value <= most
        else None
    )


def _metadata(value: Any) -> str | None:
    if not isinstance(value, Mapping) or len(value) > _MOST_ENTRIES:
        return None
    for key, entry in value.items():
        refuse_bad_entry(key, entry)
    text = _json(value) if value else ""
    return text if len(text) <= _LONGEST_HEADER else None


def _custom_cost(value: Any) -> str | None:
    if not isinstance(value, Mapping):
        return None
    named = set(value)
    per_token = set(_COSTS) <= named <= {*_COSTS, *_MORE_COSTS}
    if not (per_token or named == set(_WHOLE_COST)):
        return None
    good = all(_is_number(price) and price >= 0 for price in value.values())
    return _json(value) if good else None


def _json(value: Mapping[str, Any]) -> str:
    # ASCII escapes keep names in any script, and line breaks, out of the header itself.
    return json.dumps(dict(value), ensure_ascii=True, separators=(",", ":"))


def refuse_bad_entry(key: Any, value: Any) -> None:
    """Refuse one metadata entry that Cloudflare would reject or drop.

    Args:
        key: The entry's name.
        value: The entry's value.

    Raises:
        ValueError: If the name is empty or reserved, or the value is not a scalar.
    """
    if not isinstance(key, str) or not key:
        raise refused("metadata", key, "names are non-empty strings.")
    if key.startswith("cf."):
        rule = "names that begin with 'cf.' are reserved for Cloudflare; use another."
        raise refused("metadata", key, rule)
    if not (isinstance(value, str | bool) or _is_number(value)):
        rule = f"the value of {key!r} must be a str, a finite number or a bool."
        raise refused("metadata", value, rule)


_FLAG: Final = (_flag, "write True or False.")
_TEXT: Final = (
    _matching(_HEADER_TEXT),
    "it travels in an HTTP header, so it must be non-empty printable ASCII without "
    "line breaks or blanks at its ends.",
)
_ID: Final = (
    _matching(_GATEWAY_ID),
    "a gateway's name has 1 to 64 letters, digits, '_', '-' or '.', because it becomes "
    "part of a URL. Copy it from the dashboard (AI > AI Gateway).",
)
_METADATA: Final = (
    _metadata,
    f"a mapping of names to str, number or bool, at most {_MOST_ENTRIES} entries "
    f"(Cloudflare drops the rest in silence) and {_LONGEST_HEADER} bytes as JSON.",
)
_COST: Final = (
    _custom_cost,
    f"US dollars per token under {_COSTS}, and {_MORE_COSTS} if you like, or of the "
    f"whole call under {_WHOLE_COST}.",
)
_TRACE_ID: Final = (
    _matching(r"(?!0+$)[0-9a-fA-F]{32}"),
    "32 hexadecimal digits, not all of them 0.",
)
_SPAN_ID: Final = (
    _matching(r"(?!0+$)[0-9a-fA-F]{16}"),
    "16 hexadecimal digits, not all of them 0.",
)
_TTL: Final = (_whole(60, _MONTH), f"whole seconds, from 60 to {_MONTH} (a month).")
_TIMEOUT: Final = (
    _milliseconds(0.001, math.inf),
    "seconds, at least 0.001; it is sent in milliseconds.",
)
_ATTEMPTS: Final = (_whole(1, 5), "a whole number from 1 to 5.")
_BACKOFF: Final = (
    _matching("|".join(get_args(Backoff))),
    f"write one of {get_args(Backoff)}.",
)
_DELAY: Final = (
    _milliseconds(0, LONGEST_DELAY),
    f"seconds, from 0 to {LONGEST_DELAY:g}.",
)

_OPTIONS: Final[dict[str, tuple[str, _Writer, str]]] = {
    "id": ("cf-aig-gateway-id", *_ID),
    "skip_cache": ("cf-aig-skip-cache", *_FLAG),
    "cache_ttl": ("cf-aig-cache-ttl", *_TTL),
    "cache_key": ("cf-aig-cache-key", *_TEXT),
    "metadata": ("cf-aig-metadata", *_METADATA),
    "collect_log": ("cf-aig-collect-log", *_FLAG),
    "collect_log_payload": ("cf-aig-collect-log-payload", *_FLAG),
    "request_timeout": ("cf-aig-request-timeout", *_TIMEOUT),
    "max_attempts": ("cf-aig-max-attempts", *_ATTEMPTS),
    "retry_delay": ("cf-aig-retry-delay", *_DELAY),
    "backoff": ("cf-aig-backoff", *_BACKOFF),
    "event_id": ("cf-aig-event-id", *_TEXT),
    "custom_cost": ("cf-aig-custom-cost", *_COST),
    "no_wholesale": ("cf-aig-no-wholesale", *_FLAG),
    "zdr": ("cf-aig-zdr", *_FLAG),
    "byok_alias": ("cf-aig-byok-alias", *_TEXT),
    "otel_trace_id": ("cf-aig-otel-trace-id", *_TRACE_ID),
    "otel_parent_span_id": ("cf-aig-otel-parent-span-id", *_SPAN_ID),
}
"""Each option: its header, what writes the header's text, and the rule in words."""

RULES: Final = {name: rule for name, (_, _, rule) in _OPTIONS.items()}
"""Every option, and what may stand in it."""


def header_from_option(name: str, value: Any) -> tuple[str, str]:
    """Write the header of one option.

    Args:
        name: Name of the option, a key of `RULES`.
        value: What it is set to.

    Returns:
        The header's name and its text, which is empty where nothing is to be sent.

    Raises:
        ValueError: If the value breaks the option's rule, which the message says.
    """
    header, write, rule = _OPTIONS[name]
    if (text := write(value)) is None:
        raise refused(name, value, rule)
    return header, text


def headers_from_span() -> dict[str, str]:
    """Write the headers that put the gateway's span below OpenTelemetry's current one.

    https://developers.cloudflare.com/ai-gateway/observability/otel-integration/

    Returns:
        Nothing if the program does not use OpenTelemetry, or has no span open.
    """
    # Whoever opened a span has imported this module.
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return {}
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {
        "cf-aig-otel-trace-id": format(context.trace_id, "032x"),
        "cf-aig-otel-parent-span-id": format(context.span_id, "016x"),
    }
