"""When to ask again: the policy, and the waits that answers ask for."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_cf_gemini.exceptions import (
    CloudflareConnectionError,
    CloudflareGeminiError,
    CloudflareTimeoutError,
    ResponseFormatError,
    class_from_status,
)
from tests.support.cloudflare import retry_after_from_details
from tests.support.http import RetryPolicy, is_retried, retry_after_from_headers

STEADY = RetryPolicy(jitter=lambda: 0.0)
NOW = 1_760_000_000.0


def failed(status: int, **more: Any) -> CloudflareGeminiError:
    return class_from_status(status)("x", status_code=status, **more)


RETRIED = [408, 409, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529]


def test_exactly_these_statuses_are_retried() -> None:
    delays = {status: STEADY.delay(0, failed(status)) for status in range(300, 600)}
    assert {status: 0.5 for status in RETRIED} == {
        status: delay for status, delay in delays.items() if delay is not None
    }


@pytest.mark.parametrize(("error", "retried"), [
    (CloudflareConnectionError("reset"), True),
    (CloudflareTimeoutError("late"), True),
    (CloudflareConnectionError("cert", is_retryable=False), False),
    (ResponseFormatError("choices", status_code=200), False),
    (ResponseFormatError("", status_code=200, is_retryable=True), True),
    # The status counts more than what an error says.
    (failed(400, is_retryable=True), False),
    (failed(503, is_retryable=False), True),
])  # fmt: skip
def test_errors_without_a_status_say_for_themselves(
    error: CloudflareGeminiError, retried: bool
) -> None:
    assert is_retried(error) is retried


def test_the_delay_doubles_up_to_its_limit_and_ends_with_the_count() -> None:
    policy = STEADY.with_max_retries(7)
    delays = [policy.delay(attempt, failed(500)) for attempt in range(9)]
    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, None, None]


@given(
    attempt=st.integers(0, 50),
    jitter=st.floats(0, 1, exclude_max=True),
    asked=st.none() | st.floats(0, 1000),
)
def test_delays_stay_within_their_limits(
    attempt: int, jitter: float, asked: float | None
) -> None:
    policy = RetryPolicy(max_retries=100, jitter=lambda: jitter)
    delay = policy.delay(attempt, failed(429, retry_after=asked))
    if asked is not None and asked > 60:
        assert delay is None
        return
    assert delay is not None
    least, most = (0.375, 8) if asked is None else (asked, asked + 0.25 + 1e-9)
    assert least <= delay <= most


@pytest.mark.parametrize(("policy", "attempt", "error", "delay"), [
    # Two retries and a minute, unless said otherwise.
    (STEADY, 1, failed(503), 1.0),
    (STEADY, 2, failed(503), None),
    (STEADY, 0, failed(429, retry_after=60.0), 60.0),
    (STEADY, 0, failed(429, retry_after=60.001), None),
    # A delay of nothing is no backoff.
    (STEADY, 1, failed(429, retry_after=0.0), 0.0),
    (STEADY, 3, failed(429, retry_after=0.0), None),
    (RetryPolicy(max_retries=0), 0, failed(429, retry_after=0.0), None),
])  # fmt: skip
def test_delays(
    policy: RetryPolicy, attempt: int, error: CloudflareGeminiError, delay: float | None
) -> None:
    assert policy.delay(attempt, error) == delay


# ------------------------------------------------------- what answers ask for
def date(ahead: float) -> str:
    return email.utils.formatdate(NOW + ahead, usegmt=True)


@pytest.mark.parametrize(("headers", "seconds"), [
    ({}, None),
    ({"retry-after": "12"}, 12.0),
    ({"retry-after": "0"}, 0.0),
    ({"retry-after": "1.5"}, 1.5),
    ({"retry-after": "3, 9"}, 9.0),
    ({"retry-after": "9, soon"}, 9.0),
    ({"retry-after": date(90)}, 90.0),
    ({"retry-after": date(-90)}, 0.0),
    ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ({"retry-after": "-1"}, None),
    ({"retry-after": "nan"}, None),
    ({"retry-after": "inf"}, None),
    ({"retry-after": "1e999"}, None),
    ({"retry-after": "tomorrow"}, None),
    ({"retry-after": "Thu, 99 Nov 2026 00:00:00 GMT"}, None),
    ({"retry-after": "Thu, 01 Jan 99999 00:00:00 GMT"}, None),
    ({"retry-after-ms": "2500"}, 2.5),
    ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
    ({"retry-after-ms": "-1", "retry-after": "9"}, 9.0),
    ({"retry-after-ms": "nan", "retry-after": "9"}, 9.0),
])  # fmt: skip
def test_retry_after_from_headers(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after_from_headers(headers, NOW) == seconds


@pytest.fixture
def far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine's own time zone, which must not matter."""
    monkeypatch.setenv("TZ", "UTC+5")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("far_from_greenwich")
@pytest.mark.parametrize(
    ("zone", "seconds"), [(" -0000", 60.0), (" GMT", 60.0), (" -0001", 120.0)]
)
def test_dates_are_read_in_their_zone_and_without_one_as_gmt(
    zone: str, seconds: float
) -> None:
    text = date(60).removesuffix(" GMT") + zone
    assert retry_after_from_headers({"retry-after": text}, NOW) == seconds


@given(st.text() | st.text("019.-+e_ ", max_size=3))
def test_no_text_breaks_the_reading(text: str) -> None:
    seconds = retry_after_from_headers({"retry-after": text}, NOW)
    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(("details", "seconds"), [
    (None, None),
    ("37s", None),
    ([], None),
    ([{"@type": "Help"}], None),
    ([{"@type": "Help"}, {"retryDelay": "37s"}], 37.0),
    ([{"retryDelay": "0.5s"}], 0.5),
    ([{"retryDelay": "soon"}], None),
    ([{"retryDelay": 37}], None),
    ([None, 1, {"retryDelay": "2s"}], 2.0),
])  # fmt: skip
def test_retry_after_from_details(details: Any, seconds: float | None) -> None:
    assert retry_after_from_details(details) == seconds
