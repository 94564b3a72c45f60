"""Batches against a far side that limits, fails or refuses, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.rate_limiters import InMemoryRateLimiter
from pydantic import SecretStr

from langchain_cf_gemini import ChatCloudflareGemini
from langchain_cf_gemini.exceptions import (
    CloudflareConnectionError,
    CloudflareGeminiError,
)
from tests.support.loopback import Act, Loopback, Wire, answer
from tests.support.simulation import Limit, bucket, window
from tests.support.ways import TOKEN, model_at

pytestmark = pytest.mark.slow


def limited(limit: Limit, *, says_when: bool = True) -> Act:
    """Answers what the limit lets through."""
    start = time.monotonic()

    async def act(wire: Wire) -> None:
        refused = limit(time.monotonic() - start)
        if refused is None:
            await asyncio.sleep(0.02)
            await answer()(wire)
            return
        named = {"retry-after": f"{refused:.2f}"} if says_when else {}
        await answer({"error": "slow down"}, 429, named)(wire)

    return act


def down_for(seconds: float) -> Act:
    start = time.monotonic()

    async def act(wire: Wire) -> None:
        is_down = time.monotonic() - start < seconds
        await (answer({"error": "down"}, 502) if is_down else answer())(wire)

    return act


model_of = partial(model_at, max_retries=2)


def batch(
    way: str, model: ChatCloudflareGemini, rows: int, callers: int
) -> list[AIMessage | Exception]:
    texts: list[Any] = [f"row {n}" for n in range(rows)]
    config: Any = {"max_concurrency": callers}
    if way == "threads":
        return list(model.batch(texts, config, return_exceptions=True))
    return list(asyncio.run(model.abatch(texts, config, return_exceptions=True)))


def errors(outcomes: list[AIMessage | Exception]) -> list[CloudflareGeminiError]:
    found = [each for each in outcomes if not isinstance(each, AIMessage)]
    assert all(isinstance(each, CloudflareGeminiError) for each in found)
    return [each for each in found if isinstance(each, CloudflareGeminiError)]


def dead() -> Act:
    return answer({"error": "down"}, 503)


NONE, FEW, SOME, ALL = range(1), range(9), range(21, 101), range(400, 401)
ONCE = {"max_retries": 1}
# How the server is made, the way, rows, callers, settings; how many rows may be lost,
# and how many requests and seconds it may take.
LIMITS: dict[str, Any] = {
    "a bucket": (lambda: limited(bucket(100, 10), says_when=False),
                 "threads", 200, 40, {}, FEW, 320, 7.8),
    "a bucket that says when": (lambda: limited(bucket(100, 10)),
                                "asyncio", 200, 40, {}, FEW, 320, 7.8),
    "a window": (lambda: limited(window(60, 1.5)),
                 "threads", 150, 40, {}, NONE, 270, 60),
    "without a pace": (lambda: limited(bucket(10, 5), says_when=False),
                       "threads", 100, 50, ONCE | {"adaptive_rate": False},
                       SOME, 200, 60),  # every row asks twice within a second
    "an outage": (lambda: down_for(1), "asyncio", 120, 40, {"max_retries": 8},
                  NONE, 240, 60),
    "a dead server": (dead, "threads", 400, 100, ONCE, ALL, 140, 60),
    "a dead server, asyncio": (dead, "asyncio", 400, 100, ONCE, ALL, 140, 60),
}  # fmt: skip


@pytest.mark.parametrize("name", LIMITS)
def test_a_batch_follows_a_limit(name: str) -> None:
    make, way, rows, callers, settings, lost, requests, seconds = LIMITS[name]
    with Loopback([make()]) as server:
        started = time.monotonic()
        outcomes = batch(way, model_of(server, **settings), rows, callers)
        assert time.monotonic() - started < seconds
    assert len(errors(outcomes)) in lost
    assert len(server.received) <= requests


def test_threads_loops_and_instances_share_a_pace() -> None:
    """Two models in threads and one on asyncio are one customer of the limit."""

    async def together(server: Loopback) -> list[AIMessage | Exception]:
        first = asyncio.to_thread(batch, "threads", model_of(server), 40, 10)
        second = asyncio.to_thread(batch, "threads", model_of(server), 40, 10)
        texts: list[Any] = ["hi"] * 40
        third = model_of(server).abatch(texts, return_exceptions=True)
        parts: Any = await asyncio.gather(first, second, third)
        return [outcome for part in parts for outcome in part]

    with Loopback([limited(bucket(80, 10))]) as server:
        outcomes = asyncio.run(together(server))
    assert len(errors(outcomes)) <= 4
    assert len(server.received) <= 1.8 * 120


def test_a_copy_with_a_limiter_leaves_the_pace_to_it() -> None:
    with Loopback([limited(bucket(10, 5), says_when=False)]) as server:
        model = model_of(server, max_retries=1)
        assert errors(batch("threads", model, 5, 5)) == []
        limiter = InMemoryRateLimiter(requests_per_second=10**6)
        copied = model.model_copy(update={"rate_limiter": limiter})
        assert len(errors(batch("threads", copied, 100, 50))) > 20


def test_a_server_that_refuses_connections_sees_a_trickle() -> None:
    with Loopback() as server:
        root = server.root
    failed = errors(batch("threads", model_of(root, max_retries=1), 200, 50))
    assert len(failed) == 200
    assert all(isinstance(each, CloudflareConnectionError) for each in failed)
    assert sum(not each.is_sent for each in failed) > 50


@pytest.mark.parametrize(("way", "status"), [("threads", 401), ("asyncio", 402)])
def test_refused_credentials_end_a_batch_and_nothing_else(
    way: str, status: int
) -> None:
    async def act(wire: Wire) -> None:
        token = server.received[-1].headers["authorization"]
        good = token == "Bearer good"
        refused = answer({"errors": [{"code": 10000, "message": "no"}]}, status)
        await (answer() if good else refused)(wire)

    with Loopback([act]) as server:
        failed = errors(batch(way, model_of(server), 300, 20))
        assert len(failed) == 300
        assert len(server.received) <= 40
        unsent = [each for each in failed if not each.is_sent]
        assert len(unsent) >= 260
        assert {each.status_code for each in failed} == {status}
        assert "wasn't sent: the last" in str(unsent[0])
        assert TOKEN not in str(unsent[0])
        # Another token, gateway or account is another case.
        asked = len(server.received)
        token = SecretStr("good")
        good = model_of(server).model_copy(update={"api_token": token})
        assert good.invoke("hi").text
        with pytest.raises(CloudflareGeminiError):
            model_of(server).invoke("hi", gateway="another")
        assert len(server.received) == asked + 2


# ------------------------------------------------------------------- Ctrl-C
# Waits for all threads after an interrupt, as the end of the interpreter does.
INTERRUPTED = """
    import sys, threading
    from concurrent.futures import ThreadPoolExecutor
    from langchain_cf_gemini import ChatCloudflareGemini
    from langchain_core.runnables import RunnableLambda

    rows = [f"row {n}" for n in range(40)]

    def batch(model):
        model.batch(rows)

    def as_completed(model):
        for _ in model.batch_as_completed(rows):
            pass

    def chain(model):
        (RunnableLambda(str) | model | RunnableLambda(str)).batch(rows)

    def as_completed_of_a_chain(model):
        for _ in (RunnableLambda(str) | model).batch_as_completed(rows):
            pass

    def own_pool(model):
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(model.invoke, rows))

    for line in sys.stdin:
        way, root = line.split()
        model = ChatCloudflareGemini(
            model="google/gemini-3-flash", account_id="acc", api_token="tok",
            base_url=f"{root}/client/v4", max_retries=8,
        )
        try:
            globals()[way](model)
        except KeyboardInterrupt:
            for thread in threading.enumerate():
                if thread is not threading.main_thread():
                    thread.join()
            print("interrupted", flush=True)
"""


async def silent(wire: Wire) -> None:
    with contextlib.suppress(ConnectionError):
        await wire.reader.read(1)


INTERRUPTS: list[tuple[str, Callable[[], Any]]] = [
    ("batch", lambda: answer({}, 429, {"retry-after": "30"})),
    ("batch", lambda: limited(bucket(0.5, 5))),
    ("batch", lambda: silent),
    ("as_completed", lambda: answer({}, 429, {"retry-after": "30"})),
    ("chain", lambda: silent),
    ("as_completed_of_a_chain", lambda: answer({}, 429, {"retry-after": "30"})),
    ("own_pool", lambda: answer({}, 429, {"retry-after": "30"})),
]


@pytest.mark.fault(row=65)
def test_ctrl_c_ends_threads_at_once() -> None:
    """While they sleep, wait for their turn, and read."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(INTERRUPTED)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for way, act in INTERRUPTS:
            with Loopback([act()]) as server:
                print(way, server.root, file=process.stdin, flush=True)
                # A refusal that asks for 30 s holds the other threads before they ask.
                while not server.received:
                    time.sleep(0.02)
                time.sleep(0.3)
                asked = time.monotonic()
                process.send_signal(signal.SIGINT)
                assert process.stdout.readline() == "interrupted\n", way
                # Whoever does not end at once waits for 30 s or more.
                assert time.monotonic() - asked < 4.0, way
        said, complaint = process.communicate(timeout=20)
    assert (said, complaint) == ("", "")


def test_work_that_was_begun_is_finished_after_other_exceptions() -> None:
    """Only interrupts, exits and abandoned generators end a thread."""
    asked: list[Future[AIMessage]] = []

    def leave_early(model: ChatCloudflareGemini) -> None:
        with ThreadPoolExecutor(2) as pool:
            asked.append(pool.submit(model.invoke, "hi"))
            raise ValueError("mine")

    late = [answer({}, 429, {"retry-after": "0.5"}), answer()]
    with Loopback(late) as server:
        with pytest.raises(ValueError, match="mine"):
            leave_early(model_of(server))
        assert asked[0].result().text == "hello"
