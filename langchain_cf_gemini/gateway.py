"""Options of Cloudflare's AI Gateway: what rides on a request as `cf-aig-*` headers.

A header wins over the setting of the same name in the gateway.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeAlias

from pydantic_core import CoreSchema, core_schema

from langchain_cf_gemini._cloudflare.gateway_headers import (
    LONGEST_DELAY,
    RULES,
    Backoff,
    Scalar,
    header_from_option,
    headers_from_span,
    refused,
)

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler


class Unset(Enum):
    """The type of `UNSET`, which no caller writes."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return self.name


UNSET: Final = Unset.UNSET
"""Nothing was said: unlike None, which takes an option back."""

Endpoint: TypeAlias = Literal["run", "gateway"]


class _Frozen(dict[str, Any]):
    """A dict that stays as it was when it was checked."""

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("Gateway options can't be changed. Create new ones.")

    __setitem__ = __delitem__ = __ior__ = _refuse
    update = setdefault = pop = popitem = clear = _refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class GatewayOptions:
    """Options of Cloudflare's AI Gateway for a call.

    Leave an option out, or set it to None, to use the gateway's setting. In a per-call
    override, None also clears the model's value. Invalid values raise `ValueError`.

    Attributes:
        id: Name of the gateway, at most 64 characters. Without it Cloudflare uses the
            account's `default` gateway.
        skip_cache: Don't use a cached response.
        cache_ttl: Seconds to cache the response, a whole number from 60 to 2,678,400
            (31 days). Only identical non-streaming requests hit. Cloudflare documents
            caching for `/ai/run`, but its own package has no cache for that path. In a
            gateway whose cache is off this option alone may not switch it on: check
            `response_metadata["gateway"]["cache_status"]`.
        cache_key: Key of the cached response, for a single call. On a model, every
            prompt would get the first response. With caching off in the gateway, the
            response is still kept for 5 minutes.
        metadata: Up to 5 entries (str, number or bool) to find the call by in the logs
            and to set spend limits and policies on. Entries of a per-call option are
            added to those of the model. Names beginning with `cf.` are reserved;
            names beginning with `gen_ai.` reach the logs, but not the spans that the
            gateway exports.
        collect_log: Whether the gateway logs the call at all.
        collect_log_payload: False logs tokens, model, cost and status, but neither
            prompt nor response.
        request_timeout: Seconds until the provider must have sent the first part of its
            response.
        max_attempts: Number of attempts of the gateway, 1 to 5. They multiply with
            this client's `max_retries`.
        retry_delay: Seconds between the gateway's attempts, at most 60.
        backoff: How that delay grows: `constant`, `linear` or `exponential`.
        event_id: Your own ID for the call, returned as `event_id`.
        custom_cost: US dollars, to override the gateway's price list: `per_token_in`
            and `per_token_out`, optionally `per_cache_read_token` and
            `per_cache_write_token`; or `total_cost` of the call.
        no_wholesale: Never bill the call to Cloudflare's credits. Without your own key
            it fails with 400.
        zdr: Ask for zero data retention under Unified Billing. Cloudflare's prose names
            OpenAI and Anthropic only; where it is not supported it is ignored.
        byok_alias: Alias of the stored Google key to use. Gateway endpoint only:
            `/ai/run` uses `default`.
        otel_trace_id: OpenTelemetry's id of the trace that the gateway's own span joins
            (32 hexadecimal digits). Left out, it is that of the current span, if the
            program uses OpenTelemetry; None sends none.
        otel_parent_span_id: The id of the span above the gateway's (16 hexadecimal
            digits); left out or None, as `otel_trace_id`.
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
    otel_trace_id: str | Unset | None = UNSET
    otel_parent_span_id: str | Unset | None = UNSET

    if TYPE_CHECKING:
        _headers: ClassVar[dict[str, str]]
        _told: ClassVar[dict[str, Any]]
    else:

        def __new__(cls, *args: Any, **options: Any) -> "GatewayOptions":
            """Refuse a name that no option has, with the nearest one."""
            if unknown := _unknown_option(options):
                raise TypeError(unknown)
            return super().__new__(cls)

    def __post_init__(self) -> None:
        """Check every option by writing its header, once."""
        values = self.__dict__
        told = {n: v for n in RULES if (v := values[n]) is not UNSET}
        said = {n: v for n, v in told.items() if v is not None}
        headers = dict(map(header_from_option, said, said.values()))
        for name, value in said.items():
            if isinstance(value, Mapping):
                # The caller keeps theirs; what was checked here stays as it was.
                told[name] = values[name] = _Frozen(value)
        values["_headers"] = {n: text for n, text in headers.items() if text}
        values["_told"] = told

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
            raise TypeError(
                "gateway must be a gateway's name, GatewayOptions(...) or a dict of "
                f"its options, not {value!r}."
            )
        if unknown := _unknown_option(value):
            raise ValueError(unknown)
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
        told = (self.otel_trace_id, self.otel_parent_span_id)
        span = headers_from_span() if told == (UNSET, UNSET) else {}
        written = {**span, **self._headers}
        if endpoint == "gateway":
            written.pop("cf-aig-gateway-id", None)
        elif self.byok_alias not in (None, UNSET, "default"):
            rule = (
                "must be 'default' for endpoint='run', which ignores other aliases "
                "(use endpoint='gateway')"
            )
            raise refused("byok_alias", self.byok_alias, rule)
        return written

    def merged(
        self, other: "GatewayOptions | Mapping[str, Any] | str | None"
    ) -> "GatewayOptions":
        """Lay other options over these.

        Args:
            other: Options of a call; a str names the gateway.

        Returns:
            These options with only those changed that `other` names. None takes an
            option back; metadata entries are added, as LangChain adds run metadata,
            and an empty mapping adds nothing.

        Raises:
            ValueError: As `from_value` does, or if the metadata together are too many.
        """
        if other is None:
            return self
        over = dict(GatewayOptions.from_value(other)._told)
        if isinstance(over.get("metadata"), Mapping):
            over["metadata"] = {
                **(self._told.get("metadata") or {}),
                **over["metadata"],
            }
        return GatewayOptions(**self._told | over)

    def read_timeout_floor(self, timeout: float) -> float:
        """Tell how long a client must wait so that the gateway's own retries fit in.

        Args:
            timeout: The client's read timeout for one attempt, in seconds.

        Returns:
            Seconds, never less than `timeout`: every attempt may use its whole
            `request_timeout` (or `timeout`), with the longest documented delay, 60 s,
            between attempts where `retry_delay` does not say.
        """
        attempts = self.max_attempts if isinstance(self.max_attempts, int) else 1
        each = self.request_timeout
        per_attempt = each if isinstance(each, int | float) else timeout
        told = self.retry_delay
        delay = told if isinstance(told, int | float) else LONGEST_DELAY
        growth = _GROWTH[self.backoff if isinstance(self.backoff, str) else "constant"]
        waits = delay * sum(growth(done) for done in range(attempts - 1))
        return max(timeout, attempts * per_attempt + waits)

    def as_dict(self) -> dict[str, Any]:
        """Give the options that were set as plain JSON values, None included."""
        return {
            name: dict(value) if isinstance(value, Mapping) else value
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

    def _key(self) -> frozenset[tuple[str, str | None]]:
        # What is sent and what is taken back, in any order: 1 equals True, but is not
        # sent alike.
        def text(name: str, value: Any) -> str | None:
            if isinstance(value, Mapping):
                value = dict(sorted(value.items()))
            return None if value is None else header_from_option(name, value)[1]

        told = self._told
        return frozenset((name, text(name, told[name])) for name in told)

    def __reduce__(self) -> tuple[Any, ...]:
        return GatewayOptions.from_value, (self.as_dict(),)

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: "GetCoreSchemaHandler"
    ) -> CoreSchema:
        """Let a pydantic field take and dump options in every form."""
        return core_schema.no_info_plain_validator_function(
            _options_from_input,
            serialization=core_schema.plain_serializer_function_ser_schema(cls.as_dict),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: "GetJsonSchemaHandler"
    ) -> dict[str, Any]:
        """Describe the forms a pydantic field takes."""
        names = {name: {"description": rule} for name, rule in RULES.items()}
        options = {
            "type": "object",
            "properties": names,
            "additionalProperties": False,
        }
        return {"title": "GatewayOptions", "anyOf": [{"type": "string"}, options]}


def _unknown_option(names: Iterable[Any]) -> str | None:
    """Return what is wrong with the first name that no option has."""
    unknown = next((name for name in names if name not in RULES), UNSET)
    if unknown is UNSET:
        return None
    near = get_close_matches(str(unknown), RULES, n=1, cutoff=0.5)
    if unknown in ("gateway_id", "gateway", "name"):
        near = ["id"]
    known = (
        f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(RULES))}."
    )
    return f"Unknown gateway option {unknown!r}. {known}"


def _options_from_input(value: Any) -> GatewayOptions:
    # pydantic turns a ValueError, not a TypeError, into its ValidationError.
    try:
        return GatewayOptions.from_value(value)
    except TypeError as error:
        raise ValueError(str(error)) from error


# Five such texts, every character escaped as a pair, fit into one header.
_LONGEST_TEXT: Final = 250

# How much longer the gateway waits after so many attempts than after the first.
_GROWTH: Final[dict[str, Callable[[int], int]]] = {
    "constant": lambda done: 1,
    "linear": lambda done: done + 1,
    "exponential": lambda done: 2**done,
}


def metadata_from_run(
    run_metadata: Mapping[str, Any] | None,
    keys: Iterable[str] | Mapping[str, str],
) -> dict[str, Scalar]:
    """Pick gateway metadata out of a LangChain run's metadata.

    What others put there must not fail the call: None is left out, and what is no str,
    number or bool is sent as text (a UUID, a date), lists and dicts as JSON. Texts are
    cut after 250 characters.

    Args:
        run_metadata: The `metadata` of a `RunnableConfig` or of a run manager.
        keys: The names to pick; a mapping renames them (run name to gateway name).

    Returns:
        The entries that the run has; names it lacks are left out.
    """
    names = keys if isinstance(keys, Mapping) else {key: key for key in keys}
    found = ((name, (run_metadata or {}).get(of)) for of, name in names.items())
    return {name: _scalar(value) for name, value in found if value is not None}


def _scalar(value: Any) -> Scalar:
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, Mapping | list | tuple):
        value = json.dumps(value, default=str, skipkeys=True)
    text = str(value)
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"
