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

EVERYTHING: dict[str, Any] = {
    "id": "my-gateway",
    "skip_cache": True,
    "cache_ttl": 3600,
    "cache_key": "greeting v2",
    "metadata": {"team": "search", "try": 2, "beta": True},
    "collect_log": True,
    "collect_log_payload": False,
    "request_timeout": 12.5,
    "max_attempts": 3,
    "retry_delay": 0.25,
    "backoff": "exponential",
    "event_id": "trace-7",
    "custom_cost": {"per_token_in": 1e-6, "per_token_out": 2e-6},
    "no_wholesale": True,
    "zdr": False,
    "otel_trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "otel_parent_span_id": "00f067aa0ba902b7",
}

# wire/cloudflare.md 1.4: header names; seconds become milliseconds.
HEADERS = {
    "cf-aig-gateway-id": "my-gateway",
    "cf-aig-skip-cache": "true",
    "cf-aig-cache-ttl": "3600",
    "cf-aig-cache-key": "greeting v2",
    "cf-aig-metadata": '{"team":"search","try":2,"beta":true}',
    "cf-aig-collect-log": "true",
    "cf-aig-collect-log-payload": "false",
    "cf-aig-request-timeout": "12500",
    "cf-aig-max-attempts": "3",
    "cf-aig-retry-delay": "250",
    "cf-aig-backoff": "exponential",
    "cf-aig-event-id": "trace-7",
    "cf-aig-custom-cost": '{"per_token_in":1e-06,"per_token_out":2e-06}',
    "cf-aig-no-wholesale": "true",
    "cf-aig-zdr": "false",
    "cf-aig-otel-trace-id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "cf-aig-otel-parent-span-id": "00f067aa0ba902b7",
}


def test_every_option_is_its_header() -> None:
    assert GatewayOptions(**EVERYTHING).headers("run") == HEADERS


def test_the_gateway_endpoint_names_the_gateway_in_its_url() -> None:
    expected = {name: HEADERS[name] for name in HEADERS if name != "cf-aig-gateway-id"}
    options = GatewayOptions(**EVERYTHING)
    assert options.headers("gateway") == expected
    assert options.gateway_id == "my-gateway"


@pytest.mark.parametrize("endpoint", ["run", "gateway"])
def test_nothing_said_is_nothing_sent(endpoint: Endpoint) -> None:
    assert GatewayOptions().headers(endpoint) == {}
    assert GatewayOptions(**dict.fromkeys(EVERYTHING)).headers(endpoint) == {}
    assert GatewayOptions().gateway_id == "default"


def test_headers_are_the_callers_own() -> None:
    options = GatewayOptions(cache_ttl=60)
    options.headers("run")["cf-aig-cache-ttl"] = "1"
    assert options.headers("run") == {"cf-aig-cache-ttl": "60"}


def test_a_stored_keys_alias_works_on_the_gateway_endpoint_only() -> None:
    options = GatewayOptions(byok_alias="team-b")
    assert options.headers("gateway") == {"cf-aig-byok-alias": "team-b"}
    with pytest.raises(ValueError, match=r"byok_alias.*endpoint='gateway'"):
        options.headers("run")
    assert GatewayOptions(byok_alias="default").headers("run") == {
        "cf-aig-byok-alias": "default"
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", ""),
        ("id", "a" * 65),
        ("id", "a/b"),
        ("id", ".."),
        ("id", "a..b"),
        ("id", "a\r\nx: y"),
        ("id", "gäteway"),
        ("id", 7),
        ("skip_cache", "true"),
        ("skip_cache", 1),
        ("cache_ttl", 59),
        ("cache_ttl", 31 * 86400 + 1),
        ("cache_ttl", 60.0),
        ("cache_ttl", True),
        ("cache_key", ""),
        ("cache_key", " padded"),
        ("cache_key", "a\nb"),
        ("cache_key", "a\r\nAuthorization: x"),
        ("cache_key", "schlüssel"),
        ("metadata", [("a", 1)]),
        ("metadata", {str(n): n for n in range(6)}),
        ("metadata", {"cf.user_id": "u"}),
        ("metadata", {"": "u"}),
        ("metadata", {1: "u"}),
        ("metadata", {"a": {"b": 1}}),
        ("metadata", {"a": None}),
        ("metadata", {"a": float("nan")}),
        ("metadata", {"a": float("inf")}),
        ("collect_log", "false"),
        ("collect_log_payload", 0),
        ("request_timeout", 0),
        ("request_timeout", -1.0),
        ("request_timeout", float("inf")),
        ("request_timeout", True),
        ("max_attempts", 0),
        ("max_attempts", 6),
        ("max_attempts", 2.0),
        ("max_attempts", True),
        ("retry_delay", -0.1),
        ("retry_delay", 60.001),
        ("backoff", "cubic"),
        ("event_id", "a\x00b"),
        ("custom_cost", {"per_token_in": 1.0}),
        ("custom_cost", {"per_token_in": 1.0, "per_token_out": -1.0}),
        ("custom_cost", {"per_token_in": 1.0, "per_token_out": 1.0, "other": 1.0}),
        ("custom_cost", 3),
        ("custom_cost", {}),
        ("custom_cost", {"total_cost": -0.1}),
        ("custom_cost", {"total_cost": "0.1"}),
        ("custom_cost", {"total_cost": 0.1, "per_token_in": 1.0}),
        ("metadata", {"note": "x" * 17_000}),
        ("metadata", {"notiz": "ä" * 3_000}),
        ("otel_trace_id", "0" * 32),
        ("otel_trace_id", "4bf92f3577b34da6a3ce929d0e0e473"),
        ("otel_trace_id", "4bf92f3577b34da6a3ce929d0e0e473g"),
        ("otel_trace_id", 0x4BF92F3577B34DA6A3CE929D0E0E4736),
        ("otel_parent_span_id", "0" * 16),
        ("otel_parent_span_id", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("no_wholesale", "yes"),
        ("zdr", 1),
        ("byok_alias", "a\tb"),
    ],
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


def test_the_limits_themselves_are_allowed() -> None:
    options = GatewayOptions(
        id="a" * 64,
        cache_ttl=60,
        metadata={str(n): n for n in range(5)},
        max_attempts=5,
        retry_delay=60,
        request_timeout=0.001,
        custom_cost={"total_cost": 0},
    )
    assert options.headers("run")["cf-aig-retry-delay"] == "60000"
    assert options.headers("run")["cf-aig-custom-cost"] == '{"total_cost":0}'
    assert options.headers("run")["cf-aig-request-timeout"] == "1"
    assert GatewayOptions(cache_ttl=31 * 86400, retry_delay=0, max_attempts=1)


def test_metadata_in_any_script_stays_ascii_and_on_one_line() -> None:
    metadata = {"stadt": "Köln", "行": "一\r\nx: y"}
    written = GatewayOptions(metadata=metadata).headers("run")["cf-aig-metadata"]
    assert written.isascii()
    assert written.isprintable()
    assert json.loads(written) == metadata


@pytest.mark.parametrize(
    ("other", "changed"),
    [
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
    ],
)  # fmt: skip
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


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, GatewayOptions()),
        ("prod", GatewayOptions(id="prod")),
        ({"id": "prod", "zdr": True}, GatewayOptions(id="prod", zdr=True)),
        (GatewayOptions(zdr=True), GatewayOptions(zdr=True)),
    ],
)
def test_options_come_in_four_forms(value: Any, expected: GatewayOptions) -> None:
    assert GatewayOptions.from_value(value) == expected


def test_an_unknown_option_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"option 'ttl'.*'cache_ttl'"):
        GatewayOptions.from_value({"ttl": 60})
    with pytest.raises(TypeError, match="not 3"):
        GatewayOptions.from_value(3)  # type: ignore[arg-type]
    options: Any = {"ttl": 60}
    with pytest.raises(TypeError, match=r"option 'ttl'\. Did you mean 'cache_ttl'\?"):
        GatewayOptions(**options)
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


class Model(BaseModel):
    gateway: GatewayOptions | None = None


@pytest.mark.parametrize("value", ["prod", {"id": "prod"}, GatewayOptions(id="prod")])
def test_a_pydantic_field_takes_every_form(value: Any) -> None:
    model = Model(gateway=value)
    assert model.gateway == GatewayOptions(id="prod")
    assert model.model_dump() == {"gateway": {"id": "prod"}}
    assert Model.model_validate_json(model.model_dump_json()) == model


@pytest.mark.parametrize("value", [3, {"nope": 1}, {"cache_ttl": 1}, "a/b"])
def test_a_pydantic_field_refuses_with_the_reason(value: Any) -> None:
    with pytest.raises(ValueError, match="gateway"):
        Model(gateway=value)


def test_a_pydantic_field_describes_its_forms() -> None:
    properties = Model.model_json_schema()["properties"]["gateway"]["anyOf"][0]
    assert properties["anyOf"][0] == {"type": "string"}
    assert set(EVERYTHING) < set(properties["anyOf"][1]["properties"])


@pytest.mark.parametrize(
    ("options", "timeout", "expected"),
    [
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
    ],
)
def test_the_read_timeout_allows_for_the_gateways_own_retries(
    options: dict[str, Any], timeout: float, expected: float
) -> None:
    assert GatewayOptions(**options).read_timeout_floor(timeout) == expected


@pytest.mark.parametrize(
    ("run", "keys", "expected"),
    [
        ({"user": "u1", "ls_provider": "x"}, ["user"], {"user": "u1"}),
        ({"user": "u1"}, ["user", "team"], {"user": "u1"}),
        ({"user_id": 7}, {"user_id": "user"}, {"user": 7}),
        ({}, ["user"], {}),
        (None, ["user"], {}),
        ({"user": "u1"}, [], {}),
    ],
)
def test_run_metadata_is_picked_by_name(
    run: dict[str, Any] | None, keys: Any, expected: dict[str, Any]
) -> None:
    assert metadata_from_run(run, keys) == expected


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (date(2026, 11, 28), "2026-11-28"),
        (["x", UUID(int=1)], '["x", "00000000-0000-0000-0000-000000000001"]'),
        ({"a": {"b": None}, (1, 2): 3}, '{"a": {"b": null}}'),
        (("x", 1), '["x", 1]'),
        (Decimal("1.50"), "1.50"),
        (b"x", "b'x'"),
        (float("nan"), "nan"),
        (True, True),
        (1.5, 1.5),
        ("x" * 251, "x" * 250 + "…"),
        ("", ""),
    ],
)
def test_run_metadata_of_any_type_can_be_sent(value: Any, sent: Any) -> None:
    picked = metadata_from_run({"user": value, "none": None}, ["user", "none"])
    assert picked == {"user": sent}
    assert GatewayOptions(metadata=picked).headers("run")


@given(st.dictionaries(st.sampled_from("abcde"), JSON | st.text(min_size=200)))
def test_run_metadata_never_fails_a_call(run: dict[str, Any]) -> None:
    GatewayOptions(metadata=metadata_from_run(run, "abcde")).headers("gateway")
