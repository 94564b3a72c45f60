"""Who shares a rate limit or a refusal, and what its headers say of when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cloudflare import (
    Account,
    api_request,
    gateway_request,
    retry_after_from_rate_limits,
    run_request,
)
from tests.support.http import Request

ACCOUNT = Account(account_id="acc", api_token="secret-token")
OTHER_TOKEN = replace(ACCOUNT, api_token="other-token")
OTHER_ACCOUNT = replace(ACCOUNT, account_id="acc2")
ELSEWHERE = replace(ACCOUNT, base_url="https://b.example/v4")
WITH_A_KEY = replace(ACCOUNT, google_api_key="AIza")


def run(account: Account = ACCOUNT, model: str = "google/m", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return run_request(account, model, {}, headers=named)


def gateway(model: str = "m", account: Account = ACCOUNT, **more: Any) -> Request:
    return gateway_request(account, model, {}, **more)


def api(path: str) -> Request:
    return api_request(ACCOUNT, "GET", path)


RUN = run()
ASIDE = gateway()


@pytest.mark.parametrize(("one", "other", "rate", "credentials"), [
    (RUN, run(), True, True),
    (RUN, run(cf_aig_event_id="one"), True, True),
    (RUN, run(cf_aig_otel_trace_id="a" * 32), True, True),
    (RUN, run(OTHER_TOKEN), True, False),
    (RUN, run(cf_aig_byok_alias="team"), True, False),
    (RUN, run(cf_aig_metadata='{"team":"a"}'), True, False),
    (RUN, run(OTHER_ACCOUNT), False, False),
    (RUN, run(ELSEWHERE), False, False),
    (RUN, run(model="google/m2"), False, False),
    (RUN, run(cf_aig_gateway_id="mine"), False, False),
    (RUN, ASIDE, False, False),
    (ASIDE, gateway(stream=True), True, True),
    (ASIDE, gateway(gateway="mine"), False, False),
    (ASIDE, gateway("m2"), False, False),
    (ASIDE, gateway(account=WITH_A_KEY), True, False),
    (api("/x"), api("/y"), False, False),
    (api("/x?page=1"), api("/x?page=2"), True, True),
])  # fmt: skip
def test_who_shares_what(
    one: Request, other: Request, rate: bool, credentials: bool
) -> None:
    assert (one.rate_key == other.rate_key) is rate
    assert (one.credentials_key == other.credentials_key) is credentials


def test_no_key_tells_the_token() -> None:
    for request in (RUN, ASIDE):
        for key in (request.rate_key, request.credentials_key):
            assert key
            assert "secret-token" not in key


# Cloudflare's changelog shows '"default";r=50;t=30' and '"burst";q=100;w=60'.
@pytest.mark.parametrize(("limit", "policy", "seconds"), [
    ('"default";r=0;t=30', "", 30.0),
    ('"default";r=0;t=30', '"default";q=100;w=60', 30.0),
    ("default;r=0;t=30", "", 30.0),
    ('"default" ; r=0 ; t=5', "", 5.0),
    ('"default";t=30;r=0', "", 30.0),
    ('"default";r=0', '"default";q=100;w=60', 60.0),
    ('"default";r=0', '"other";q=100;w=60', None),
    ('"burst";r=0;t=2, "hour";r=900;t=3000', "", 2.0),
    ('"burst";r=0;t=2,"hour";r=0;t=3000', "", 3000.0),
    ('"burst";r=4;t=2', '"burst";q=10;w=10', None),
    ('"a,b;r=9";r=0;t=3', "", 3.0),
    ('"default";pk=:cHsdsRa894==:;r=0;t=7', "", 7.0),
    ('"default";r=0;t=-5', "", None),
    ('"default";r=0;t=1.5', "", None),
    ('"default";r=0;t=soon', "", None),
    ('"default"', "", None),
    ("", '"default";q=100;w=60', None),
    ("", "", None),
])  # fmt: skip
def test_how_long_a_used_up_limit_takes(
    limit: str, policy: str, seconds: float | None
) -> None:
    headers = {"ratelimit": limit, "ratelimit-policy": policy}
    assert retry_after_from_rate_limits(headers) == seconds


WORDS = st.sampled_from(
    ['"a"', "a", "r=0", " r=0 ", "t=5", "t=-1", "q=9", "w=6", "=", ""]
)
ENTRIES = st.lists(WORDS, min_size=2).map(lambda words: "a;r=0;" + ";".join(words))
WRITTEN = st.text() | st.lists(ENTRIES, min_size=1).map(",".join)


@given(WRITTEN, WRITTEN)
def test_no_text_breaks_the_reading(limit: str, policy: str) -> None:
    headers = {"ratelimit": limit, "ratelimit-policy": policy}
    assert (retry_after_from_rate_limits(headers) or 0) >= 0


LIMITS = st.tuples(
    st.text("abc", min_size=1, max_size=4), st.integers(0, 3), st.integers(0, 99)
)


@given(st.lists(LIMITS, max_size=4))
def test_the_longest_of_those_used_up_counts(
    limits: list[tuple[str, int, int]],
) -> None:
    text = ", ".join(f'"{name}";r={left};t={wait}' for name, left, wait in limits)
    waits = [wait for _, left, wait in limits if left == 0]
    expected = max(waits, default=None)
    assert retry_after_from_rate_limits({"ratelimit": text}) == expected
