"""The pace under limits of every kind, in simulated time."""

from __future__ import annotations

import gc
import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.http import PEACE_SECONDS, Pace, Ticket
from tests.support.simulation import Limit, Simulation, bucket, window


class Clock:
    """Time that the test turns on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


# ---- what it is for: every row is answered, in little more than the ideal time


def ask_for(
    rows: int,
    limit: Limit,
    *,
    lost: float = 0.02,
    asked: float = 1.5,
    seconds: float = math.inf,
    **more: Any,
) -> None:
    """Ask; few of the rows are lost, and few are asked for again, in that time.

    `lost` and `asked` are shares of the rows, `more` what a `Simulation` takes.
    """
    takes = more.pop("takes", 0.05)
    ran = Simulation(limit=limit, rows=rows, seconds=takes, **more).run()
    assert ran.lost <= lost * rows
    assert len(ran.requests) <= asked * rows
    assert ran.now <= seconds


told_or_not = pytest.mark.parametrize("says_when", [True, False])
PATIENCE = [{"max_retries": 2, "lost": 0.02}, {"max_retries": 8, "lost": 0}]
patient_or_not = pytest.mark.parametrize("patience", PATIENCE, ids=str)
few_or_many = pytest.mark.parametrize("callers", [50, 200])


@told_or_not
@patient_or_not
@few_or_many
@pytest.mark.parametrize("rate", [20, 50, 200])
def test_a_bucket(rate: int, callers: int, patience: Any, says_when: bool) -> None:
    rows = 15 * rate + callers
    how = {"callers": callers, "says_when": says_when, **patience}
    ask_for(rows, bucket(rate, 10), seconds=1.3 * (rows - 10) / rate, **how)


@told_or_not
@patient_or_not
@pytest.mark.parametrize("sliding", [False, True])
@few_or_many
@pytest.mark.parametrize("rate", [20, 50, pytest.param(200, marks=pytest.mark.soak)])
def test_a_window_of_ten_seconds(
    rate: int, callers: int, sliding: bool, patience: Any, says_when: bool
) -> None:
    limit = window(10 * rate, 10, sliding=sliding)
    how = {"callers": callers, "says_when": says_when, **patience}
    ask_for(40 * rate, limit, seconds=1.3 * 31, **how)


@pytest.mark.parametrize(("limit", "rate"), [
    pytest.param(bucket(1, 5), 1, id="1/s"),
    pytest.param(bucket(5, 5), 5, id="5/s"),
    pytest.param(bucket(1000, 10), 1000, id="1000/s"),
    pytest.param(window(100, 60), 100 / 60, id="100 a minute"),
    pytest.param(window(500, 60, sliding=True), 500 / 60, id="500 a minute"),
])  # fmt: skip
def test_few_and_many(limit: Limit, rate: float) -> None:
    rows = max(100, int(10 * rate), int(240 * rate) if rate < 10 else 0)
    within = 1.4 * rows / rate
    ask_for(rows, limit, callers=50, says_when=False, lost=0.05, seconds=within)


@told_or_not
@pytest.mark.parametrize("rate", [20, 50, 200])
def test_few_rows_of_many_callers(rate: int, says_when: bool) -> None:
    """The first burst may ask for most of them in vain."""
    ask_for(300, bucket(rate, 10), callers=200, says_when=says_when, asked=1.45)


@told_or_not
@pytest.mark.parametrize("takes", [0.5, 3.0])
def test_answers_that_take_their_time(takes: float, says_when: bool) -> None:
    how: Any = {"callers": 200, "says_when": says_when, "takes": takes}
    ask_for(800, bucket(20, 10), lost=0.01, seconds=1.3 * 790 / 20 + takes, **how)


@told_or_not
@pytest.mark.parametrize(("before", "after"), [(200, 40), (40, 200)])
def test_a_limit_that_changes(before: int, after: int, says_when: bool) -> None:
    first, then = bucket(before, 10), bucket(after, 10)
    ask_for(
        5 * before + 15 * after,
        lambda now: first(now) if now < 5 else then(now),
        callers=100,
        says_when=says_when,
        asked=1.25,
        seconds=1.35 * 20,
    )


def test_refusals_by_chance_do_not_slow_it_down() -> None:
    """Far sides that are short of capacity refuse some, however slowly they are asked.

    200 callers whose answers take a second ask for 200 rows a second.
    """
    drawn = itertools.count()
    ask_for(
        6000,
        lambda _: 1.0 if next(drawn) % 100 == 99 else None,
        callers=200,
        takes=1.0,
        lost=0,
        seconds=1.3 * 6000 / 200,
    )


def test_without_a_pace_most_rows_are_lost() -> None:
    """So the simulation is hard enough."""
    ran = Simulation(limit=bucket(20, 10), rows=800, callers=50, paced=False).run()
    assert ran.lost > 0.25 * ran.rows


@given(
    rate=st.floats(3, 300),
    burst=st.integers(2, 60),
    callers=st.integers(10, 150),
    seconds=st.floats(0.01, 1.0),
    says_when=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_no_row_is_lost_whatever_the_bucket(
    rate: float, burst: int, callers: int, seconds: float, says_when: bool, seed: int
) -> None:
    ran = Simulation(
        limit=bucket(rate, burst),
        rows=300,
        callers=callers,
        max_retries=8,
        says_when=says_when,
        seconds=seconds,
        seed=seed,
    ).run()
    assert ran.lost == 0
    assert len(ran.requests) <= 1.5 * ran.rows + callers
    ideal = max(ran.rows / rate, ran.rows * seconds / callers)
    # A burst of callers has to be refused once before it is paced.
    assert ran.now <= 1.6 * ideal + 5


# ---- how it behaves


def refused_at_once(pace: Pace, count: int, after: float | None = None) -> None:
    tickets = [pace.ticket(0) for _ in range(count)]
    for ticket in tickets:
        pace.wait(ticket)
    for ticket in tickets:
        pace.refused(ticket, after)


def in_the_dark(clock: Clock) -> Pace:
    """A pace where all were refused for half a second."""
    pace = Pace(clock)
    tickets = [pace.ticket(0) for _ in range(20)]
    for ticket in tickets:
        assert pace.wait(ticket) is None
        clock.now += 0.025
    for ticket in tickets:
        pace.refused(ticket, None)
    return pace


def limited(clock: Clock, *, rate: float = 10.0) -> Pace:
    """A pace that met a limit after a second of answers at a rate."""
    pace = Pace(clock)
    for _ in range(int(rate)):
        ticket = pace.ticket(0)
        assert pace.wait(ticket) is None
        clock.now += 1 / rate
        pace.answered(ticket)
    ticket = pace.ticket(0)
    assert pace.wait(ticket) is None
    pace.refused(ticket, None)
    # The next turn is taken.
    assert pace.wait(pace.ticket(0)) is None
    return pace


def test_it_is_off_until_the_first_refusal(clock: Clock) -> None:
    pace = Pace(clock)
    for _ in range(5000):
        ticket = pace.ticket(0)
        assert pace.wait(ticket) is None
        pace.answered(ticket)
    assert pace.rate is None
    refused_at_once(pace, 1)
    assert pace.rate is not None
    pace.wait(pace.ticket(0))
    assert pace.wait(pace.ticket(0)) is not None


def test_old_attempts_are_forgotten(clock: Clock) -> None:
    def held() -> int:
        return sum(isinstance(found, Ticket) for found in gc.get_objects())

    pace, before = Pace(clock), held()
    for _ in range(3000):
        pace.answered(turn_of(pace, clock))
    assert held() - before <= 1024


@pytest.mark.parametrize("idle", [0.0, 3600.0])
def test_a_first_burst_waits_for_the_first_outcomes(clock: Clock, idle: float) -> None:
    """Before that nobody can know of a limit; after an hour it may be another one."""
    pace = Pace(clock)
    if idle:
        assert pace.wait(pace.ticket(0)) is None
        clock.now += idle
    tickets = [pace.ticket(0) for _ in range(250)]
    waits = [pace.wait(ticket) for ticket in tickets]
    assert waits == [None] * 64 + [0.01] * 186
    clock.now += 0.05
    for ticket in tickets[:10]:
        pace.answered(ticket)
    left = [ticket for ticket in tickets[64:] if pace.wait(ticket) is not None]
    assert len(left) == 250 - 64 - 20
    clock.now += 0.45
    # Time is up, but a busy event loop may not have read what has come.
    assert all(pace.wait(ticket) is not None for ticket in left)
    for _ in range(6):
        left = [ticket for ticket in left if pace.wait(ticket) is not None]
    assert left == []
    assert all(pace.wait(pace.ticket(0)) is None for _ in range(5000))


def test_it_begins_at_what_was_taken_lately() -> None:
    pace = limited(Clock(), rate=40)
    assert pace.rate == pytest.approx(40, rel=0.1)


def test_it_is_forgotten_after_a_minute_of_peace(clock: Clock) -> None:
    pace = limited(clock)
    waiting = pace.ticket(0)
    assert pace.wait(waiting) is not None
    clock.now += PEACE_SECONDS
    pace.wait(pace.ticket(0))
    assert pace.rate is not None
    clock.now += 0.001
    assert pace.wait(waiting) is None
    assert pace.rate is None
    assert all(pace.wait(pace.ticket(0)) is None for _ in range(100))


def test_an_hour_without_calls_leaves_no_dark_behind(clock: Clock) -> None:
    pace = in_the_dark(clock)
    assert pace.dark_since == clock.now
    clock.now += 3600
    assert pace.wait(pace.ticket(0)) is None
    assert pace.dark_since is None


def sent_every(seconds: float, count: int, pace: Pace, clock: Clock) -> list[Ticket]:
    tickets = [pace.ticket(0) for _ in range(count)]
    for ticket in tickets:
        clock.now += seconds
        assert pace.wait(ticket) is None
    return tickets


def test_one_round_trip_lowers_the_rate_once(clock: Clock) -> None:
    pace = limited(clock, rate=100)
    sent = sent_every(0.05, 60, pace, clock)
    rates = [pace.rate]
    for ticket in sent[-24::2]:  # every second one, so that it is not dark
        pace.refused(ticket, None)
        if pace.rate != rates[-1]:
            rates.append(pace.rate)
    before, after = rates
    assert before is not None
    assert after is not None
    assert 0.8 * before <= after <= 0.95 * before


def turn_of(pace: Pace, clock: Clock) -> Ticket:
    """The next attempt, once it may be sent."""
    while pace.wait(ticket := pace.ticket(0)) is not None:
        pace.leave(ticket)
        clock.now += 0.01
    return ticket


def test_a_refusal_lowers_the_rate_by_a_twentieth_to_a_fifth(clock: Clock) -> None:
    """Also where less than one a second is let through."""
    pace = limited(clock, rate=1)
    falls: list[float] = []
    for number in range(100):
        ticket, rate = turn_of(pace, clock), pace.rate or 0.0
        if number % 4:
            pace.answered(ticket)
        else:
            pace.refused(ticket, None)
            falls.append((pace.rate or 0.0) / rate)
    assert rate < 0.5
    assert min(falls) == pytest.approx(0.8)
    assert 0.8 < max(fall for fall in falls if fall < 1) <= 0.95
    assert max(falls) <= 1


def test_a_few_refusals_among_many_answers_change_nothing(clock: Clock) -> None:
    pace = limited(clock, rate=100)
    sent = sent_every(0.01, 64, pace, clock)
    rate = pace.rate
    for ticket in (sent[-12], sent[-10]):
        pace.refused(ticket, None)
    assert pace.rate == rate


def test_repetitions_come_first_and_then_who_came_first(clock: Clock) -> None:
    pace = limited(clock)
    waiting = {
        n: pace.ticket(repetitions) for n, repetitions in enumerate([0, 0, 2, 1])
    }
    order = []
    while waiting:
        clock.now += 0.01
        for n, ticket in list(waiting.items()):
            if pace.wait(ticket) is None:
                order.append(n)
                del waiting[n]
    assert order == [2, 3, 0, 1]


def test_who_gives_up_does_not_stand_in_the_way(clock: Clock) -> None:
    pace = limited(clock)
    gone = [pace.ticket(2) for _ in range(50)]
    waiting = pace.ticket(0)
    for ticket in [*gone, waiting]:
        assert pace.wait(ticket) is not None
    clock.now += 0.2
    assert pace.wait(waiting) is not None
    for ticket in gone:
        pace.leave(ticket)
    assert pace.wait(waiting) is None


def test_a_long_wait_that_a_refusal_asks_for_is_everybodys(clock: Clock) -> None:
    pace = Pace(clock)
    refused_at_once(pace, 1, after=7.0)
    waiting = pace.ticket(0)
    for _ in range(69):
        clock.now += 0.1
        assert pace.wait(waiting) is not None
    clock.now += 0.2
    assert pace.wait(waiting) is None


def test_a_second_that_a_refusal_asks_for_is_its_own(clock: Clock) -> None:
    pace = limited(clock, rate=50)
    refused_at_once(pace, 1, after=1.0)
    clock.now += 0.1
    assert pace.wait(pace.ticket(0)) is None


def test_in_the_dark_one_asks_at_a_time_and_it_is_one_with_most_tries_left(
    clock: Clock,
) -> None:
    pace = in_the_dark(clock)
    assert pace.dark_since is not None
    tickets = {"tried": pace.ticket(2), "fresh": pace.ticket(0)}
    asked: list[str] = []
    for _ in range(400):
        clock.now += 0.05
        for name, ticket in tickets.items():
            if pace.wait(ticket) is None:
                asked.append(name)
                pace.refused(ticket, None)
                tickets[name] = pace.ticket(2 if name == "tried" else 0)
    # Twenty seconds, and each wait is a quarter longer than the one before.
    assert 8 <= len(asked) <= 24
    assert set(asked) == {"fresh"}


@pytest.mark.parametrize("how", ["an answer", "no refusal in time"])
def test_the_dark_ends_with(clock: Clock, how: str) -> None:
    pace = in_the_dark(clock)
    while pace.wait(probe := pace.ticket(0)) is not None:
        pace.leave(probe)
        clock.now += 0.05
    assert pace.wait(pace.ticket(0)) is not None
    if how == "an answer":
        pace.answered(probe)
    else:
        clock.now += 1.0
        pace.wait(pace.ticket(0))
    assert pace.dark_since is None


def test_the_next_dark_begins_with_three_quarters_of_the_last_one(
    clock: Clock,
) -> None:
    pace = in_the_dark(clock)
    begun = clock.now
    probe = turn_of(pace, clock)
    assert clock.now - begun < 0.7
    while clock.now < begun + 8:
        pace.refused(probe, None)
        probe = turn_of(pace, clock)
    pace.answered(probe)
    lasted = clock.now - begun
    while pace.dark_since is None:
        tickets = [turn_of(pace, clock) for _ in range(4)]
        for ticket in tickets:
            pace.refused(ticket, None)
    turn_of(pace, clock)
    assert clock.now - pace.dark_since == pytest.approx(0.75 * lasted, abs=0.02)


def test_a_probe_whose_caller_gave_up_lets_another_ask(clock: Clock) -> None:
    pace = in_the_dark(clock)
    clock.now += 1.0
    probe = pace.ticket(0)
    assert pace.wait(probe) is None
    pace.leave(probe)
    waiting = pace.ticket(0)
    assert pace.wait(waiting) is not None
    clock.now += 1.0
    assert pace.wait(waiting) is None
    assert pace.dark_since is not None


STEPS = st.tuples(
    st.sampled_from(["wait", "answered", "refused", "leave"]),
    st.integers(0, 3),
    st.none() | st.floats(0, 60),
    st.floats(0, 30),
)


@given(st.lists(STEPS, min_size=10, max_size=60))
def test_whatever_happens_everybody_gets_a_turn(
    steps: list[tuple[str, int, float | None, float]],
) -> None:
    clock = Clock()
    pace = Pace(clock)
    tickets = [pace.ticket(n % 3) for n in range(4)]
    for what, who, after, seconds in steps:
        ticket = tickets[who]
        was_sent = ticket.sent > 0
        if what == "wait" and not was_sent:
            wait = pace.wait(ticket)
            assert wait is None or 0 < wait < 1
        elif what == "leave" or (what != "wait" and was_sent):
            ends = {"answered": pace.answered, "leave": pace.leave}
            ends.get(what, partial(pace.refused, retry_after=after))(ticket)
            tickets[who] = pace.ticket(who % 3)
        clock.now += seconds
        assert pace.rate is None or 0.02 <= pace.rate <= 1e4
    waiting = [ticket for ticket in tickets if ticket.sent < 0]
    for _ in range(1000):
        clock.now += 0.5
        waiting = [ticket for ticket in waiting if pace.wait(ticket) is not None]
    assert not waiting


def test_many_threads_share_a_pace(clock: Clock) -> None:
    pace = Pace(clock)
    refused_at_once(pace, 3)
    gate = Barrier(8)

    def ask(_: int) -> list[Ticket]:
        gate.wait()
        tickets = [pace.ticket(n % 3) for n in range(50)]
        for ticket in tickets:
            while pace.wait(ticket) is not None:
                clock.now += 0.05
            pace.answered(ticket)
        return tickets

    with ThreadPoolExecutor(8) as threads:
        sent = [ticket for tickets in threads.map(ask, range(8)) for ticket in tickets]
    assert len({ticket.key for ticket in sent}) == 400
