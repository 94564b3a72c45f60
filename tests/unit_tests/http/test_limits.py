"""What calls share: a pace, and who is not asked again."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import pytest

from langchain_cf_gemini.exceptions import (
    CloudflareAuthenticationError,
    CloudflareConnectionError,
    CloudflareGeminiError,
    CloudflareRateLimitError,
    CloudflareTimeoutError,
    class_from_status,
)
from tests.support.http import (
    Attempts,
    Request,
    RetryPolicy,
    SharedLimits,
    forget_limits,
    limits_from_request,
)

STEADY = RetryPolicy(jitter=lambda: 0.0)
HOST = "api.example"


def failed(status: int, **more: Any) -> CloudflareGeminiError:
    return class_from_status(status)(f"said {status}", status_code=status, **more)


class FarSide:
    """Callers of one far side, in time that the test turns on."""

    def __init__(self, max_retries: int = 2) -> None:
        self.now = 0.0
        self.shared = SharedLimits.of_their_own(lambda: self.now)
        self.policy = STEADY.with_max_retries(max_retries)
        self.sent = 0

    def attempts(self, *, paced: bool = True) -> Attempts:
        return Attempts(self.policy, self.shared, host=HOST, paced=paced)

    def call(
        self, outcome: CloudflareGeminiError | None
    ) -> CloudflareGeminiError | None:
        """Call until it is over, when each attempt that is sent has one outcome."""
        attempts = self.attempts()
        while True:
            try:
                while (wait := attempts.wait()) is not None:
                    self.now += wait
                self.sent += 1
                if outcome is None:
                    attempts.succeeded()
                    return None
                raise outcome
            except CloudflareGeminiError as error:
                delay = attempts.failed(error)
                if delay is None:
                    return error
                self.now += delay


@pytest.fixture
def far() -> FarSide:
    return FarSide()


# ---------------------------------------------------------------- attempts
@pytest.mark.parametrize(("error", "calls", "sent"), [
    # Cloudflare refuses good tokens in bursts; such errors say that they pass.
    pytest.param(failed(401, is_retryable=True), 20, 60, id="a 401 that passes"),
    pytest.param(failed(400), 100, 100, id="400"),
    pytest.param(failed(403), 100, 100, id="403"),
    pytest.param(failed(404), 100, 100, id="404"),
    pytest.param(failed(409), 20, 60, id="409"),
    pytest.param(failed(424), 100, 100, id="424"),
    pytest.param(failed(429, retry_after=3600.0), 1, 1, id="a wait too long"),
])  # fmt: skip
def test_what_one_request_met_holds_no_other_up(
    far: FarSide, error: CloudflareGeminiError, calls: int, sent: int
) -> None:
    assert {type(far.call(error)) for _ in range(calls)} == {type(error)}
    assert far.sent == sent
    assert far.attempts().wait() is None


def test_a_server_that_fails_often_loses_no_row_for_what_others_spent() -> None:
    """Three of five attempts fail, for a thousand rows; eight repetitions are many."""
    far = FarSide(max_retries=8)
    drawn = itertools.cycle([failed(500), failed(503), None, failed(502), None])
    for _ in range(1000):
        attempts = far.attempts()
        while attempts.wait() is None and (error := next(drawn)) is not None:
            delay = attempts.failed(error)
            assert delay is not None
            far.now += delay
        attempts.succeeded()


def test_no_test_waits_or_is_held_back(
    far: FarSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For users' own suites; what is not repeated is not repeated there either."""
    monkeypatch.setenv("LANGCHAIN_CF_GEMINI_TESTING", "1")
    attempts = far.attempts()
    waits = [attempts.failed(failed(503, retry_after=9)) for _ in range(3)]
    assert waits == [0.0, 0.0, None]
    assert far.attempts().failed(failed(503, retry_after=999)) is None
    assert far.attempts().failed(failed(400)) is None
    for error in (failed(429), failed(500), failed(401)):
        for _ in range(40):
            far.call(error)
    assert far.now == 0
    assert far.sent == 40 * (3 + 3 + 1)


# ------------------------------------------------------------------- pace
def test_a_refusal_slows_everybody_down_and_answers_speed_up_again(
    far: FarSide,
) -> None:
    far.attempts().wait()
    far.call(failed(429))
    assert far.shared.pace.rate is not None
    waiting = far.attempts()
    assert any(far.attempts().wait() is not None for _ in range(3))
    far.now += 61
    assert waiting.wait() is None
    assert far.shared.pace.rate is None


def test_without_a_pace_nobody_waits(far: FarSide) -> None:
    for _ in range(20):
        far.attempts(paced=False).failed(failed(429))
    assert far.shared.pace.rate is None
    assert all(far.attempts(paced=False).wait() is None for _ in range(100))


def test_who_was_cancelled_while_waiting_is_gone(far: FarSide) -> None:
    far.call(failed(429))
    waiting = [far.attempts() for _ in range(20)]
    for attempts in waiting:
        attempts.wait()
    for attempts in waiting:
        attempts.leave()
    far.now += 1.5
    assert far.attempts().wait() is None


# ------------------------------------------------------------------ outage
DEAD = [
    pytest.param(failed(408), id="408"),
    pytest.param(failed(500), id="500"),
    pytest.param(failed(503), id="503"),
    pytest.param(failed(522), id="522"),
    pytest.param(CloudflareConnectionError("refused"), id="connection refused"),
    pytest.param(CloudflareTimeoutError("late"), id="timeout"),
]


@pytest.mark.parametrize("error", DEAD)
def test_a_dead_server_is_hardly_asked(
    far: FarSide, error: CloudflareGeminiError
) -> None:
    """A thousand rows one after the other take half an hour to fail."""
    errors = [far.call(error) for _ in range(1000)]
    assert all(isinstance(each, type(error)) for each in errors)
    assert far.sent < 120
    told = errors[-1]
    assert told is not None
    assert not told.is_sent
    assert told.status_code == error.status_code
    assert f"wasn't sent: the last {far.sent} attempts at {HOST} failed" in str(told)
    assert error.message in str(told)


def test_what_was_not_sent_costs_an_attempt_and_its_wait() -> None:
    far = FarSide(max_retries=4)
    while not far.shared.outage.is_open:
        far.shared.outage.failed(failed(500))
    far.now += 0.01
    attempts = far.attempts()
    delays = []
    for _ in range(5):
        with pytest.raises(CloudflareGeminiError) as caught:
            attempts.wait()
        delays.append(attempts.failed(caught.value))
    assert delays == [0.5, 1.0, 2.0, 4.0, None]


@pytest.mark.parametrize("callers", [40, 200])
def test_an_outage_of_three_seconds_loses_nothing(callers: int) -> None:
    far = FarSide(max_retries=8)
    due = [(0.0, n, far.attempts()) for n in range(callers)]
    answered = 0
    while due:
        due.sort(key=lambda entry: entry[:2])
        far.now, n, attempts = due.pop(0)
        try:
            wait = attempts.wait()
            if wait is None and far.now < 3.0:
                raise failed(502)
        except CloudflareGeminiError as error:
            wait = attempts.failed(error)
            assert wait is not None, "lost"
        if wait is not None:
            due.append((far.now + wait, n, attempts))
            continue
        attempts.succeeded()
        answered += 1
    assert answered == callers
    assert far.now < 8


def test_the_first_success_lets_everybody_through() -> None:
    far = FarSide(max_retries=0)
    for _ in range(30):
        far.call(failed(500))
    far.now += 10
    assert far.call(None) is None
    assert all(far.attempts().wait() is None for _ in range(50))


@pytest.mark.parametrize("other", [failed(400), failed(404), failed(429), None])
def test_an_answer_of_another_kind_is_no_outage(
    other: CloudflareGeminiError | None,
) -> None:
    far = FarSide(max_retries=0)
    for _ in range(40):
        for _ in range(5):
            far.call(failed(500))
        far.call(other)
    assert far.sent == 240


def test_an_outage_is_forgotten_when_nobody_asked_for_a_minute(far: FarSide) -> None:
    for _ in range(30):
        far.call(failed(500))
    far.now += 61
    assert all(far.attempts().wait() is None for _ in range(30))


# ---------------------------------------------------------------- refusals
LASTING = [
    pytest.param(failed(401), id="401"),
    pytest.param(failed(402), id="402"),
    pytest.param(failed(429, is_retryable=False), id="a spending limit"),
    pytest.param(failed(429, retry_after=7200.0), id="a quota for the day"),
    pytest.param(failed(429, retry_after=60.5), id="a wait just too long"),
]


@pytest.mark.parametrize("error", LASTING)
def test_the_rest_of_a_batch_fails_without_asking(
    far: FarSide, error: CloudflareGeminiError
) -> None:
    errors = [far.call(error) for _ in range(5000)]
    assert far.sent == 3
    told = errors[-1]
    assert isinstance(told, type(error))
    assert not told.is_sent
    assert "wasn't sent" in str(told)
    assert error.message in str(told)
    far.now += 5.1
    far.call(error)
    far.call(error)
    assert far.sent == 4


def test_credentials_that_are_good_again_open_at_once(far: FarSide) -> None:
    for _ in range(10):
        far.call(failed(402))
    far.now += 5.1
    assert far.call(None) is None
    assert far.call(None) is None


def test_refusals_that_last_longer_than_a_window_end_the_waiting(far: FarSide) -> None:
    """A quota for the day that says nothing of when: nobody waits for midnight."""
    refused = [far.attempts() for _ in range(20)]
    for attempts in refused:
        assert attempts.wait() is None
    for attempts in refused:
        attempts.failed(failed(429))
    probes = 0
    while not far.shared.exhausted.is_open:
        probe = far.attempts()
        if probe.wait() is None:
            probes += 1
            probe.failed(failed(429))
        far.now += 0.05
        assert far.now < 200
    assert far.now >= 75
    assert probes < 40
    with pytest.raises(CloudflareRateLimitError) as told:
        _ = [far.attempts().wait() for _ in range(3)]
    assert not told.value.is_sent


def test_an_error_of_others_holds_no_wait_and_leaves_theirs_as_it_was(
    far: FarSide,
) -> None:
    theirs = CloudflareAuthenticationError(
        "bad token", status_code=401, code=10000, gateway={"ray_id": "8f"}
    )
    for _ in range(5):
        mine = far.call(theirs)
    assert mine is not None
    assert (mine.code, mine.ray_id, mine.retry_after) == (10000, "8f", None)
    assert theirs.message == "bad token"
    assert theirs.is_sent
    again = pickle.loads(pickle.dumps(mine))
    assert (again.is_sent, str(again)) == (False, str(mine))


# --------------------------------------------------------------- who shares
def shared(rate: str, credentials: str) -> SharedLimits:
    keys: Any = {"rate_key": rate, "credentials_key": credentials}
    return limits_from_request(Request(url="https://a.example/x", headers={}, **keys))


def test_requests_share_what_their_keys_say() -> None:
    one = shared("r1", "c1")
    assert shared("r1", "c1") == one
    assert shared("r1", "c2").pace is one.pace
    assert shared("r1", "c2").refused is not one.refused
    assert shared("r2", "c1").outage is not one.outage
    assert shared("r2", "c1").refused is one.refused
    forget_limits()
    assert shared("r1", "c1").pace is not one.pace
