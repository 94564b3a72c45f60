"""Options of Cloudflare's AI Gateway: what rides on a request as `cf-aig-*` headers.

Names, limits and units are those of
https://developers.cloudflare.com/ai-gateway/usage/rest-api/ and the feature pages
beside it. A header wins over the setting of the same name in the gateway.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema


class Unset(Enum):
    """The type of `UNSET`, which no caller writes."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return self.name


UNSET: Final = Unset.UNSET
"""Nothing was said: unlike None, which takes an option back."""

Scalar: TypeAlias = str | int | float | bool
Endpoint: TypeAlias = Literal["run", "gateway"]
Backoff: TypeAlias = Literal["constant", "linear", "exponential"]

_GATEWAY_ID: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_])?")
_HEADER_TEXT: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_SHORTEST_TTL: Final = 60
_LONGEST_TTL: Final = 31 * 24 * 60 * 60
_MOST_ENTRIES: Final = 5
_MOST_ATTEMPTS: Final = 5
_LONGEST_DELAY: Final = 5.0
_COSTS: Final = ("per_token_in", "per_token_out")
_MORE_COSTS: Final = ("per_cache_read_token", "per_cache_write_token")


def _refuse(name: str, value: object, rule: str) -> ValueError:
    return ValueError(f"gateway option {name}={value!r}: {rule}")


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )


def _gateway_id(name: str, value: Any) -> str:
    if isinstance(value, str) and ".." not in value and _GATEWAY_ID.fullmatch(value):
        return value
    rule = (
        "a gateway's name has 1 to 64 letters, digits, '_', '-' or '.', because it "
        "becomes part of a URL. Copy it from the dashboard (AI > AI Gateway)."
    )
    raise _refuse(name, value, rule)


def _flag(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    raise _refuse(name, value, "write True or False.")


def _text(name: str, value: Any) -> str:
    if isinstance(value, str) and _HEADER_TEXT.fullmatch(value):
        return value
    rule = (
        "it travels in an HTTP header, so it must be non-empty printable ASCII without "
        "line breaks or blanks at its ends."
    )
    raise _refuse(name, value, rule)


def _cache_ttl(name: str, value: Any) -> str:
    if type(value) is int and _SHORTEST_TTL <= value <= _LONGEST_TTL:
        return str(value)
    rule = f"whole seconds, from {_SHORTEST_TTL} to {_LONGEST_TTL} (a month)."
    raise _refuse(name, value, rule)


def _attempts(name: str, value: Any) -> str:
    if type(value) is int and 1 <= value <= _MOST_ATTEMPTS:
        return str(value)
    raise _refuse(name, value, f"a whole number from 1 to {_MOST_ATTEMPTS}.")


def _timeout(name: str, value: Any) -> str:
    if _is_number(value) and value >= 0.001:
        return str(round(value * 1000))
    raise _refuse(name, value, "seconds, at least 0.001; it is sent in milliseconds.")


def _delay(name: str, value: Any) -> str:
    if _is_number(value) and 0 <= value <= _LONGEST_DELAY:
        return str(round(value * 1000))
    raise _refuse(name, value, f"seconds, from 0 to {_LONGEST_DELAY:g}.")


def _backoff(name: str, value: Any) -> str:
    if value in ("constant", "linear", "exponential"):
        return str(value)
    raise _refuse(name, value, "write 'constant', 'linear' or 'exponential'.")


def _metadata(name: str, value: Any) -> str:
    if not isinstance(value, Mapping):
        raise _refuse(name, value, "a mapping of names to str, number or bool.")
    if len(value) > _MOST_ENTRIES:
        rule = f"at most {_MOST_ENTRIES} entries; Cloudflare drops the rest in silence."
        raise _refuse(name, value, rule)
    for key, entry in value.items():
        refuse_bad_entry(key, entry)
    return _json(value)


def refuse_bad_entry(key: Any, value: Any) -> None:
    """Refuse one metadata entry that Cloudflare would reject or drop.

    Args:
        key: The entry's name.
        value: The entry's value.

    Raises:
        ValueError: If the name is empty or reserved, or the value is not a scalar.
    """
    if not isinstance(key, str) or not key:
        raise _refuse("metadata", key, "names are non-empty strings.")
    if key.startswith("cf."):
        rule = "names that begin with 'cf.' are reserved for Cloudflare; use another."
        raise _refuse("metadata", key, rule)
    if not (isinstance(value, str | bool) or _is_number(value)):
        rule = f"the value of {key!r} must be a str, a finite number or a bool."
        raise _refuse("metadata", value, rule)


def _custom_cost(name: str, value: Any) -> str:
    allowed = (*_COSTS, *_MORE_COSTS)
    if (
        isinstance(value, Mapping)
        and set(_COSTS) <= set(value) <= set(allowed)
        and all(_is_number(price) and price >= 0 for price in value.values())
    ):
        return _json(value)
    rule = f"US dollars per token under {_COSTS}, and {_MORE_COSTS} if you like."
    raise _refuse(name, value, rule)


def _json(value: Mapping[str, Any]) -> str:
    # ASCII escapes keep names in any script, and line breaks, out of the header itself.
    return json.dumps(dict(value), ensure_ascii=True, separators=(",", ":"))


# Each option: its header, and the function that checks the value and writes it.
_HEADERS: Final[dict[str, tuple[str, Callable[[str, Any], str]]]] = {
    "id": ("cf-aig-gateway-id", _gateway_id),
    "skip_cache": ("cf-aig-skip-cache", _flag),
    "cache_ttl": ("cf-aig-cache-ttl", _cache_ttl),
    "cache_key": ("cf-aig-cache-key", _text),
    "metadata": ("cf-aig-metadata", _metadata),
    "collect_log": ("cf-aig-collect-log", _flag),
    "collect_log_payload": ("cf-aig-collect-log-payload", _flag),
    "request_timeout": ("cf-aig-request-timeout", _timeout),
    "max_attempts": ("cf-aig-max-attempts", _attempts),
    "retry_delay": ("cf-aig-retry-delay", _delay),
    "backoff": ("cf-aig-backoff", _backoff),
    "event_id": ("cf-aig-event-id", _text),
    "custom_cost": ("cf-aig-custom-cost", _custom_cost),
    "no_wholesale": ("cf-aig-no-wholesale", _flag),
    "zdr": ("cf-aig-zdr", _flag),
    "byok_alias": ("cf-aig-byok-alias", _text),
}
_MAPPINGS: Final = frozenset({"metadata", "custom_cost"})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, eq=False)
class GatewayOptions:
    """What to ask of Cloudflare's AI Gateway for a call.

    Every option may be left out (nothing is sent, the gateway's own setting holds), or
    be None (the same, and in a per-call option it takes back what the model had). All
    are checked here, before anything is sent.

    Attributes:
        id: Name of the gateway, at most 64 characters. Without it Cloudflare uses the
            account's `default` gateway.
        skip_cache: Answer from the provider even if the cache has the answer.
        cache_ttl: How long the answer stays in the cache: whole seconds, from 60 to a
            month. Only identical requests hit. Cloudflare documents caching for
            `/ai/run`, but its own package says the run path has none: read
            `response_metadata["gateway"]["cache_status"]` back.
        cache_key: Cache under this key instead of the request's own. With caching off
            in the gateway, the answer is still kept for 5 minutes.
        metadata: Up to 5 entries (str, number or bool) to find the call by in the logs
            and to set spend limits on. Names beginning with `cf.` are reserved.
            Entries of a per-call option are added to those of the model.
        collect_log: Whether the gateway logs the call at all.
        collect_log_payload: False logs tokens, model, cost and status, but neither
            prompt nor answer.
        request_timeout: Seconds until the provider must have sent the first part of its
            answer (sent in milliseconds).
        max_attempts: How often the gateway itself tries, 1 to 5. These multiply with
            this client's `max_retries`.
        retry_delay: Seconds between the gateway's attempts, at most 5.
        backoff: How that delay grows: `constant`, `linear` or `exponential`.
        event_id: Your own id for the call; comes back as `event_id`.
        custom_cost: US dollars per token, to override the gateway's price list:
            `per_token_in` and `per_token_out`, optionally `per_cache_read_token` and
            `per_cache_write_token`.
        no_wholesale: Never bill the call to Cloudflare's credits: without a key of your
            own it fails with 400.
        zdr: Ask for zero data retention under Unified Billing. Cloudflare's prose names
            OpenAI and Anthropic only; where it is not supported it is ignored.
        byok_alias: Which of the keys stored with Cloudflare to use. Only on the gateway
            endpoint: `/ai/run` knows no alias but `default`.
    """

    id: str | Unset | None = UNSET
    skip_cache: bool | Unset | None = UNSET
    cache_ttl: int | Unset | None = UNSET
    cache_key: str | Unset | None = UNSET
    metadata: Mapping[str, Scalar] | Unset | None = UNSET
    collect_log: bool | Unset | None = UNSET
    collect_log_payload: bool | Unset | None = UNSET
    request_timeout: float | Unset | None = UNSET
    max_attempts: int | Unset | None = UNSET
    retry_delay: float | Unset | None = UNSET
    backoff: Backoff | Unset | None = UNSET
    event_id: str | Unset | None = UNSET
    custom_cost: Mapping[str, float] | Unset | None = UNSET
    no_wholesale: bool | Unset | None = UNSET
    zdr: bool | Unset | None = UNSET
    byok_alias: str | Unset | None = UNSET

    _told: dict[str, Any] = field(init=False)
    _headers: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Check every option by writing its header, once."""
        told, written = {}, {}
        for name, (header, write) in _HEADERS.items():
            value = getattr(self, name)
            if value is UNSET:
                continue
            told[name] = value
            if value is not None:
                written[header] = write(name, value)
        for name in _MAPPINGS & told.keys():
            self._freeze(name, told)
        object.__setattr__(self, "_told", told)
        object.__setattr__(self, "_headers", written)

    def _freeze(self, name: str, told: dict[str, Any]) -> None:
        # The caller keeps his dict; what was checked here must stay as it was.
        if told[name] is not None:
            told[name] = dict(told[name])
            object.__setattr__(self, name, MappingProxyType(told[name]))

    @classmethod
    def from_value(
        cls, value: "str | Mapping[str, Any] | GatewayOptions | None"
    ) -> "GatewayOptions":
        """Make options from whatever a caller may write.

        Args:
            value: A gateway's name, a mapping of option names, options, or None.

        Returns:
            The options; empty ones for None.

        Raises:
            ValueError: If an option is unknown or breaks a limit.
            TypeError: If the value is of none of these kinds.
        """
        if isinstance(value, GatewayOptions):
            return value
        if value is None:
            return cls()
        if isinstance(value, str):
            return cls(id=value)
        if not isinstance(value, Mapping):
            msg = (
                f"gateway={value!r}: write a gateway's name, GatewayOptions(...) or a "
                "dict of its options."
            )
            raise TypeError(msg)
        if unknown := [name for name in value if name not in _HEADERS]:
            msg = f"gateway has no option {unknown}; there are {sorted(_HEADERS)}."
            raise ValueError(msg)
        return cls(**value)

    @property
    def gateway_id(self) -> str:
        """The gateway that a call goes through: `id`, or the account's `default`."""
        return self.id if isinstance(self.id, str) else "default"

    def headers(self, endpoint: Endpoint) -> dict[str, str]:
        """Write the request headers.

        Args:
            endpoint: `run` for `api.cloudflare.com/…/ai/run`; `gateway` for
                `gateway.ai.cloudflare.com`, whose URL names the gateway instead.

        Returns:
            The `cf-aig-*` headers of the options that were set; a fresh dict.

        Raises:
            ValueError: If `byok_alias` was set for `run`.
        """
        written = self._headers.copy()
        if endpoint == "gateway":
            written.pop("cf-aig-gateway-id", None)
        elif self.byok_alias not in (None, UNSET, "default"):
            rule = (
                "on /ai/run Cloudflare reads only the key stored under the alias "
                "'default', and ignores this one. Use endpoint='gateway'."
            )
            raise _refuse("byok_alias", self.byok_alias, rule)
        return written

    def merged(
        self, other: "GatewayOptions | Mapping[str, Any] | str | None"
    ) -> "GatewayOptions":
        """Lay other options over these.

        Args:
            other: What a call says; a str names the gateway.

        Returns:
            These options with only those changed that `other` names. None takes an
            option back; metadata entries are added, as LangChain adds run metadata.

        Raises:
            ValueError: As `from_value` does, or if the metadata together are too many.
        """
        if other is None:
            return self
        over = GatewayOptions.from_value(other)._told
        together = {**self._told, **over}
        if self._told.get("metadata") and over.get("metadata"):
            together["metadata"] = {**self._told["metadata"], **over["metadata"]}
        return GatewayOptions(**together)

    def read_timeout_floor(self, timeout: float) -> float:
        """Tell how long a client must wait so that the gateway's own retries fit in.

        Args:
            timeout: The client's read timeout for one attempt, in seconds.

        Returns:
            Seconds, never less than `timeout`: every attempt may use its whole
            `request_timeout` (or `timeout`), with the longest documented delay, 5 s,
            between attempts where `retry_delay` does not say.
        """
        attempts = self.max_attempts if isinstance(self.max_attempts, int) else 1
        each = self.request_timeout
        per_attempt = each if isinstance(each, int | float) else timeout
        told = self.retry_delay
        delay = told if isinstance(told, int | float) else _LONGEST_DELAY
        growth = _GROWTH.get(str(self.backoff), _constant)
        waits = sum(growth(delay, n) for n in range(attempts - 1))
        return max(timeout, attempts * per_attempt + waits)

    def as_dict(self) -> dict[str, Any]:
        """Give the options that were set as plain JSON values, None included."""
        return {
            name: dict(value) if isinstance(value, dict) else value
            for name, value in self._told.items()
        }

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self._told.items())
        return f"GatewayOptions({told})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GatewayOptions):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        # What is sent and what is taken back: 1 equals True, but is not sent alike.
        taken_back = [name for name, value in self._told.items() if value is None]
        return (*self._headers.items(), *taken_back)

    def __reduce__(self) -> tuple[Any, ...]:
        return GatewayOptions.from_value, (self.as_dict(),)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """Let a pydantic field take and dump options in every form."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            _options_from_input,
            serialization=core_schema.plain_serializer_function_ser_schema(cls.as_dict),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: "CoreSchema", handler: "GetJsonSchemaHandler"
    ) -> dict[str, Any]:
        """Describe the forms a pydantic field takes."""
        names = {
            name: {"description": header} for name, (header, _) in _HEADERS.items()
        }
        options = {
            "type": "object",
            "properties": names,
            "additionalProperties": False,
        }
        return {"title": "GatewayOptions", "anyOf": [{"type": "string"}, options]}


def _options_from_input(value: Any) -> GatewayOptions:
    # pydantic turns a ValueError, not a TypeError, into its ValidationError.
    try:
        return GatewayOptions.from_value(value)
    except TypeError as error:
        raise ValueError(str(error)) from error


def _constant(delay: float, done: int) -> float:
    return delay


def _linear(delay: float, done: int) -> float:
    return delay * (done + 1)


def _exponential(delay: float, done: int) -> float:
    return float(delay * 2**done)


_GROWTH: Final = {"linear": _linear, "exponential": _exponential}


def metadata_from_run(
    run_metadata: Mapping[str, Any] | None,
    keys: Iterable[str] | Mapping[str, str],
) -> dict[str, Scalar]:
    """Pick gateway metadata out of a LangChain run's metadata.

    Args:
        run_metadata: The `metadata` of a `RunnableConfig` or of a run manager.
        keys: The names to pick; a mapping renames them (run name to gateway name).

    Returns:
        The entries that the run has; names it lacks are left out.

    Raises:
        ValueError: If a picked value cannot be gateway metadata.
    """
    if not run_metadata:
        return {}
    names = keys if isinstance(keys, Mapping) else {key: key for key in keys}
    picked = {
        target: run_metadata[name]
        for name, target in names.items()
        if name in run_metadata
    }
    for name, value in picked.items():
        refuse_bad_entry(name, value)
    return picked
