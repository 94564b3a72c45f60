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
    return ValueError(f"{name} {rule}, got {repr(value)[:200]}.")


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a finite number; True and False are none."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and (isinstance(value, int) or math.isfinite(value))
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
        if is_number(value) and least <= value <= most
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
    good = all(is_number(price) and price >= 0 for price in value.values())
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
        raise refused("metadata", key, "names must be non-empty strings")
    if key.startswith("cf."):
        rule = "names must not start with 'cf.', which Cloudflare reserves"
        raise refused("metadata", key, rule)
    if not (isinstance(value, str | bool) or is_number(value)):
        rule = f"value of {key!r} must be a str, a finite number or a bool"
        raise refused("metadata", value, rule)


_FLAG: Final = (_flag, "must be True or False")
_TEXT: Final = (
    _matching(_HEADER_TEXT),
    "must be non-empty printable ASCII without line breaks or spaces at its ends, "
    "because it is sent in an HTTP header",
)

_OPTIONS: Final[dict[str, tuple[_Writer, str]]] = {
    "id": (
        _matching(_GATEWAY_ID),
        "must be a gateway's name (ID) from the dashboard (AI > AI Gateway): 1 to 64 "
        "letters, digits, '_', '-' or '.'",
    ),
    "skip_cache": _FLAG,
    "cache_ttl": (
        _whole(60, _MONTH),
        f"must be a whole number of seconds between 60 and {_MONTH:,} (31 days)",
    ),
    "cache_key": _TEXT,
    "metadata": (
        _metadata,
        f"must be a dict of names to str, number or bool with at most {_MOST_ENTRIES} "
        f"entries (Cloudflare drops the rest) and {_LONGEST_HEADER:,} bytes of JSON",
    ),
    "collect_log": _FLAG,
    "collect_log_payload": _FLAG,
    "request_timeout": (
        _milliseconds(0.001, math.inf),
        "must be a number of seconds of at least 0.001",
    ),
    "max_attempts": (_whole(1, 5), "must be a whole number from 1 to 5"),
    "retry_delay": (
        _milliseconds(0, LONGEST_DELAY),
        f"must be a number of seconds from 0 to {LONGEST_DELAY:g}",
    ),
    "backoff": (
        _matching("|".join(get_args(Backoff))),
        f"must be one of {', '.join(get_args(Backoff))}",
    ),
    "event_id": _TEXT,
    "custom_cost": (
        _custom_cost,
        "must be a dict of US dollars per token with the keys "
        f"{', '.join(_COSTS)} (optional: {', '.join(_MORE_COSTS)}), or of the whole "
        f"call with the key {_WHOLE_COST[0]}",
    ),
    "no_wholesale": _FLAG,
    "zdr": _FLAG,
    "byok_alias": _TEXT,
    "otel_trace_id": (
        _matching(r"(?!0+$)[0-9a-fA-F]{32}"),
        "must be 32 hexadecimal digits, not all of them 0",
    ),
    "otel_parent_span_id": (
        _matching(r"(?!0+$)[0-9a-fA-F]{16}"),
        "must be 16 hexadecimal digits, not all of them 0",
    ),
}
"""Each option: what writes its header's text, and the rule in words."""

_HEADERS: Final = {name: f"cf-aig-{name.replace('_', '-')}" for name in _OPTIONS} | {
    "id": "cf-aig-gateway-id"
}
RULES: Final = {name: rule for name, (_, rule) in _OPTIONS.items()}
"""Every option and its rule."""


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
    write, rule = _OPTIONS[name]
    if (text := write(value)) is None:
        raise refused(name, value, rule)
    return _HEADERS[name], text


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
