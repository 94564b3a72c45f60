"""Gateway options: what becomes which header, what is refused, what a merge changes."""

import copy
import dataclasses
import json
import pickle
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from langchain_cf_gemini.gateway import (
    UNSET,
    Endpoint,
    GatewayOptions,
    metadata_from_run,
)
from tests.support.models import Cloudflare
from tests.support.strategies import JSON

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"

# Option, value, and its header with what is sent; seconds become milliseconds.
# https://developers.cloudflare.com/ai-gateway/glossary/ (headers)
OPTIONS: list[tuple[str, Any, str, str]] = [
    ("id", "my-gateway", "gateway-id", "my-gateway"),
    ("skip_cache", True, "skip-cache", "true"),
    ("cache_ttl", 3600, "cache-ttl", "3600"),
    ("cache_key", "greeting v2", "cache-key", "greeting v2"),
    ("metadata", {"team": "search", "try": 2, "beta": True}, "metadata",
     '{"team":"search","try":2,"beta":true}'),
    ("collect_log", True, "collect-log", "true"),
    ("collect_log_payload", False, "collect-log-payload", "false"),
    ("request_timeout", 12.5, "request-timeout", "12500"),
    ("max_attempts", 3, "max-attempts", "3"),
    ("retry_delay", 0.25, "retry-delay", "250"),
    ("backoff", "exponential", "backoff", "exponential"),
    ("event_id", "trace-7", "event-id", "trace-7"),
    ("custom_cost", {"per_token_in": 1e-6, "per_token_out": 2e-6}, "custom-cost",
     '{"per_token_in":1e-06,"per_token_out":2e-06}'),
    ("no_wholesale", True, "no-wholesale", "true"),
    ("zdr", False, "zdr", "false"),
    ("otel_trace_id", TRACE, "otel-trace-id", TRACE),
    ("otel_parent_span_id", SPAN, "otel-parent-span-id", SPAN),
]  # fmt: skip
EVERYTHING = {name: value for name, value, _, _ in OPTIONS}
HEADERS = {f"cf-aig-{header}": sent for _, _, header, sent in OPTIONS}


def test_every_option_is_its_header() -> None:
    options = GatewayOptions(**EVERYTHING)
    assert options.headers("run") == HEADERS
    # The gateway endpoint names the gateway in its URL.
    gateway = {"cf-aig-gateway-id": options.gateway_id}
    assert options.headers("gateway") | gateway == HEADERS
    assert "cf-aig-gateway-id" not in options.headers("gateway")
    # Headers are the caller's own.
    options.headers("run").clear()
    assert options.headers("run") == HEADERS


@pytest.mark.parametrize("endpoint", ["run", "gateway"])
def test_nothing_said_is_nothing_sent(endpoint: Endpoint) -> None:
    assert GatewayOptions().headers(endpoint) == {}
    assert GatewayOptions(**dict.fromkeys(EVERYTHING)).headers(endpoint) == {}
    assert GatewayOptions().gateway_id == "default"


def test_a_stored_keys_alias_works_on_the_gateway_endpoint_only() -> None:
    options = GatewayOptions(byok_alias="team-b")
    assert options.headers("gateway") == {"cf-aig-byok-alias": "team-b"}
    with pytest.raises(ValueError, match=r"byok_alias.*endpoint='gateway'"):
        options.headers("run")
    assert GatewayOptions(byok_alias="default").headers("run") == {
        "cf-aig-byok-alias": "default"
    }


NAN, INFINITE = float("nan"), float("inf")
PER_TOKEN = {"per_token_in": 1.0, "per_token_out": 1.0}
ALL_COSTS = PER_TOKEN | {"per_cache_read_token": 0.5, "per_cache_write_token": 2}
REFUSED: dict[str, list[Any]] = {
    "id": ["", "a" * 65, "a/b", "..", "a..b", "a\r\nx: y", "gäteway", 7],
    "skip_cache": ["true", 1],
    "cache_ttl": [59, 31 * 86400 + 1, 60.0, True],
    "cache_key": ["", " padded", "a\nb", "a\r\nAuthorization: x", "schlüssel"],
    "metadata": [
        [("a", 1)], {str(n): n for n in range(6)}, {"cf.user_id": "u"}, {"": "u"},
        {1: "u"}, {"a": {"b": 1}}, {"a": None}, {"a": NAN}, {"a": INFINITE},
        {"a": "x" * 16_377}, {"notiz": "ä" * 3_000},
    ],
    "collect_log": ["false"],
    "collect_log_payload": [0],
    "request_timeout": [0, -1.0, INFINITE, True],
    "max_attempts": [0, 6, 2.0, True],
    "retry_delay": [-0.1, 60.001],
    "backoff": ["cubic"],
    "event_id": ["a\x00b"],
    "custom_cost": [
        {"per_token_in": 1.0}, PER_TOKEN | {"per_token_out": -1.0},
        PER_TOKEN | {"other": 1.0}, 3, {}, {"total_cost": -0.1},
        {"total_cost": "0.1"}, {"total_cost": 0.1, "per_token_in": 1.0},
    ],
    "otel_trace_id": ["0" * 32, TRACE[:-1], TRACE[:-1] + "g", int(TRACE, 16)],
    "otel_parent_span_id": ["0" * 16, TRACE],
    "no_wholesale": ["yes"],
    "zdr": [1],
    "byok_alias": ["a\tb"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"), [(name, one) for name, bad in REFUSED.items() for one in bad]
)
def test_what_breaks_a_limit_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^({name}|metadata) .*must ") as caught:
        GatewayOptions(**{name: value})
    blamed = [value, *value, *value.values()] if isinstance(value, dict) else [value]
    assert any(f"got {one!r:.200}." in str(caught.value) for one in blamed)


@pytest.mark.parametrize("gateway", [None, "mine", GatewayOptions(cache_ttl=60)])
def test_a_header_may_name_the_gateway(gateway: Any) -> None:
    cloudflare = Cloudflare()
    model = cloudflare.model(
        default_headers={"CF-AIG-Gateway-ID": "mine"},
        **({} if gateway is None else {"gateway": gateway}),
    )
    model.invoke("hi", endpoint="run")
    model.invoke("hi", endpoint="gateway")
    run, other = cloudflare.requests
    assert run.headers.get_list("cf-aig-gateway-id") == ["mine"]
    assert "/mine/google-ai-studio/" in str(other.url)
    ttl = "60" if isinstance(gateway, GatewayOptions) else None
    assert run.headers.get("cf-aig-cache-ttl") == ttl


@pytest.mark.parametrize(("options", "sent"), [
    ({"id": "a" * 64}, "a" * 64),
    ({"cache_ttl": 60}, "60"),
    ({"cache_ttl": 31 * 86400}, "2678400"),
    ({"metadata": dict.fromkeys("abcde", 1)}, '{"a":1,"b":1,"c":1,"d":1,"e":1}'),
    ({"max_attempts": 1}, "1"),
    ({"max_attempts": 5}, "5"),
    ({"retry_delay": 0}, "0"),
    ({"retry_delay": 60}, "60000"),
    ({"request_timeout": 0.001}, "1"),
    ({"custom_cost": {"total_cost": 0}}, '{"total_cost":0}'),
    ({"custom_cost": ALL_COSTS}, json.dumps(ALL_COSTS, separators=(",", ":"))),
    ({"metadata": {"a": "x" * 16_376}}, f'{{"a":"{"x" * 16_376}"}}'),
])  # fmt: skip
def test_the_limits_themselves_are_allowed(options: dict[str, Any], sent: str) -> None:
    assert [*GatewayOptions(**options).headers("run").values()] == [sent]


def test_metadata_in_any_script_stays_ascii_and_on_one_line() -> None:
    metadata = {"stadt": "Köln", "行": "一\r\nx: y"}
    written = GatewayOptions(metadata=metadata).headers("run")["cf-aig-metadata"]
    assert written.isascii()
    assert written.isprintable()
    assert json.loads(written) == metadata


@pytest.mark.parametrize(("other", "changed"), [
    ({"cache_ttl": 120}, {"cache_ttl": 120}),
    ({"skip_cache": False}, {"skip_cache": False}),
    ({"cache_ttl": None}, {"cache_ttl": None}),
    ("other", {"id": "other"}),
    (GatewayOptions(zdr=True), {"zdr": True}),
    ({"metadata": {"user": "u1", "try": 3}},
     {"metadata": {"team": "search", "try": 3, "beta": True, "user": "u1"}}),
    ({"metadata": None}, {"metadata": None}),
    ({"metadata": {}}, {}),
    ({"custom_cost": {"total_cost": 0.2}}, {"custom_cost": {"total_cost": 0.2}}),
    ({}, {}),
    (None, {}),
])  # fmt: skip
def test_a_call_changes_only_what_it_names(other: Any, changed: dict[str, Any]) -> None:
    merged = GatewayOptions(**EVERYTHING).merged(other)
    assert merged.as_dict() == EVERYTHING | changed


def test_empty_metadata_is_none_at_all() -> None:
    assert GatewayOptions(metadata={}).headers("run") == {}
    assert GatewayOptions().merged({"metadata": {}}).headers("run") == {}
    taken_back = GatewayOptions(metadata={"a": 1}).merged({"metadata": None})
    assert taken_back.merged({"metadata": {"b": 2}}).as_dict() == {"metadata": {"b": 2}}


def test_taking_back_is_not_the_same_as_saying_nothing() -> None:
    model, call = GatewayOptions(cache_ttl=60), GatewayOptions(cache_ttl=None)
    assert GatewayOptions().cache_ttl is UNSET
    assert repr(UNSET) == "UNSET"
    assert model.merged(call).headers("run") == {}
    assert model.merged(GatewayOptions()) == model
    assert call != GatewayOptions()


def test_metadata_that_together_are_too_many_are_refused() -> None:
    model = GatewayOptions(metadata={str(n): n for n in range(5)})
    with pytest.raises(ValueError, match="at most 5 entries"):
        model.merged({"metadata": {"another": 1}})


FORMS: list[tuple[Any, GatewayOptions]] = [
    (None, GatewayOptions()),
    ("prod", GatewayOptions(id="prod")),
    ({"id": "prod", "zdr": True}, GatewayOptions(id="prod", zdr=True)),
    (GatewayOptions(zdr=True), GatewayOptions(zdr=True)),
]


class Model(BaseModel):
    gateway: GatewayOptions | None = None


@pytest.mark.parametrize(("value", "expected"), FORMS)
def test_options_come_in_four_forms(value: Any, expected: GatewayOptions) -> None:
    assert GatewayOptions.from_value(value) == expected
    model = Model(gateway=value)
    assert (model.gateway or GatewayOptions()) == expected
    assert model.model_dump()["gateway"] == (value and expected.as_dict())
    assert Model.model_validate_json(model.model_dump_json()) == model


def test_an_unknown_option_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"option 'ttl'.*'cache_ttl'"):
        GatewayOptions.from_value({"ttl": 60})
    with pytest.raises(TypeError, match="not 3"):
        GatewayOptions.from_value(3)  # type: ignore[arg-type]
    options: Any = {"ttl": 60}
    with pytest.raises(TypeError, match=r"option 'ttl'\. Did you mean 'cache_ttl'\?"):
        GatewayOptions(**options)
    with pytest.raises(ValueError, match=r"Did you mean 'id'\?"):
        GatewayOptions.from_value({"gateway_id": "team"})
    with pytest.raises(TypeError, match=r"option 'x'\. Known: "):
        GatewayOptions(**dict.fromkeys("x", options["ttl"]))


def test_options_are_frozen_values() -> None:
    source = {"team": "search"}
    options = GatewayOptions(metadata=source, cache_ttl=60)
    source["team"] = "ads"
    assert options.headers("run")["cf-aig-metadata"] == '{"team":"search"}'
    assert options.as_dict()["metadata"] == {"team": "search"}
    with pytest.raises(AttributeError):
        options.cache_ttl = 90  # type: ignore[misc]
    with pytest.raises(TypeError):
        options.metadata["team"] = "x"  # type: ignore[index]
    with pytest.raises(TypeError):
        options.metadata |= {"team": "x"}  # type: ignore[operator,misc]
    with pytest.raises(TypeError):
        GatewayOptions("positional")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "options",
    [GatewayOptions(), GatewayOptions(**EVERYTHING), GatewayOptions(cache_ttl=None)],
)
def test_options_survive_copies_pickles_and_json(options: GatewayOptions) -> None:
    again = [
        copy.copy(options),
        copy.deepcopy(options),
        pickle.loads(pickle.dumps(options)),
        GatewayOptions.from_value(json.loads(json.dumps(options.as_dict()))),
    ]
    assert all(other == options for other in again)
    assert {hash(other) for other in again} == {hash(options)}
    assert dataclasses.asdict(options).items() >= options.as_dict().items()
    assert [other.headers("run") for other in again] == [options.headers("run")] * 4


def test_equality_is_what_is_sent() -> None:
    one, true = GatewayOptions(metadata={"a": 1}), GatewayOptions(metadata={"a": True})
    assert one != true
    assert GatewayOptions(metadata={"a": 1, "b": 2}) == GatewayOptions(
        metadata={"b": 2, "a": 1}
    )
    assert one != "gateway"
    assert repr(one) == "GatewayOptions(metadata={'a': 1})"


@pytest.mark.parametrize("value", [3, {"nope": 1}, {"cache_ttl": 1}, "a/b"])
def test_a_pydantic_field_refuses_with_the_reason(value: Any) -> None:
    with pytest.raises(ValueError, match="gateway"):
        Model(gateway=value)


def test_a_pydantic_field_describes_its_forms() -> None:
    properties = Model.model_json_schema()["properties"]["gateway"]["anyOf"][0]
    assert properties["anyOf"][0] == {"type": "string"}
    assert set(EVERYTHING) < set(properties["anyOf"][1]["properties"])


@pytest.mark.parametrize(("options", "timeout", "expected"), [
    ({}, 60.0, 60.0),
    ({"request_timeout": 90}, 60.0, 90.0),
    ({"request_timeout": 10}, 60.0, 60.0),
    ({"max_attempts": 1, "retry_delay": 5}, 60.0, 60.0),
    ({"max_attempts": 3, "retry_delay": 1}, 60.0, 182.0),
    ({"max_attempts": 3, "retry_delay": 0, "request_timeout": 30}, 60.0, 90.0),
    ({"max_attempts": 3}, 60.0, 300.0),
    ({"max_attempts": 4, "retry_delay": 1, "backoff": "linear"}, 10.0, 46.0),
    ({"max_attempts": 4, "retry_delay": 1, "backoff": "exponential"}, 10.0, 47.0),
    ({"max_attempts": 4, "retry_delay": 1, "backoff": "constant"}, 10.0, 43.0),
])  # fmt: skip
def test_the_read_timeout_allows_for_the_gateways_own_retries(
    options: dict[str, Any], timeout: float, expected: float
) -> None:
    assert GatewayOptions(**options).read_timeout_floor(timeout) == expected


@pytest.mark.parametrize(("run", "keys", "expected"), [
    ({"user": "u1", "ls_provider": "x"}, ["user"], {"user": "u1"}),
    ({"user": "u1"}, ["user", "team"], {"user": "u1"}),
    ({"user_id": 7}, {"user_id": "user"}, {"user": 7}),
    ({}, ["user"], {}),
    (None, ["user"], {}),
    ({"user": "u1"}, [], {}),
])  # fmt: skip
def test_run_metadata_is_picked_by_name(
    run: dict[str, Any] | None, keys: Any, expected: dict[str, Any]
) -> None:
    assert metadata_from_run(run, keys) == expected


@pytest.mark.parametrize(("value", "sent"), [
    (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    (date(2026, 11, 28), "2026-11-28"),
    (["x", UUID(int=1)], '["x", "00000000-0000-0000-0000-000000000001"]'),
    ({"a": {"b": None}, (1, 2): 3}, '{"a": {"b": null}}'),
    (("x", 1), '["x", 1]'),
    (Decimal("1.50"), "1.50"),
    (b"x", "b'x'"),
    (float("nan"), "nan"),
    (10**400, 10**400),
    (True, True),
    (1.5, 1.5),
    ("x" * 251, "x" * 250 + "…"),
    ("", ""),
])  # fmt: skip
def test_run_metadata_of_any_type_can_be_sent(value: Any, sent: Any) -> None:
    picked = metadata_from_run({"user": value, "none": None}, ["user", "none"])
    assert picked == {"user": sent}
    assert GatewayOptions(metadata=picked).headers("run")


@given(st.dictionaries(st.sampled_from("abcde"), JSON | st.text(min_size=200)))
def test_run_metadata_never_fails_a_call(run: dict[str, Any]) -> None:
    GatewayOptions(metadata=metadata_from_run(run, "abcde")).headers("gateway")
