"""Batches against a far side that limits, fails or refuses, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.rate_limiters import InMemoryRateLimiter
from pydantic import SecretStr

from langchain_cf_gemini import ChatCloudflareGemini
from langchain_cf_gemini.exceptions import (
    CloudflareAuthenticationError,
    CloudflareConnectionError,
    CloudflareGeminiError,
    CloudflareServerError,
)
from tests.support.loopback import Loopback, Wire, answer
from tests.support.simulation import Limit, bucket, window

pytestmark = pytest.mark.slow


def limited(limit: Limit, *, says_when: bool = True) -> Callable[[Wire], Any]:
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


def model_of(server: Loopback | str, **settings: Any) -> ChatCloudflareGemini:
    root = server if isinstance(server, str) else server.root
    return ChatCloudflareGemini(
        model="google/gemini-3-flash",
        account_id="acc",
        api_token="token-of-a-batch",
        base_url=f"{root}/client/v4",
        gateway_base_url=f"{root}/v1",
        **settings,
    )


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


both_ways = pytest.mark.parametrize("way", ["threads", "asyncio"])


@pytest.mark.parametrize(("way", "says_when"), [("threads", False), ("asyncio", True)])
def test_a_batch_follows_a_limit(way: str, says_when: bool) -> None:
    with Loopback([limited(bucket(100, 10), says_when=says_when)]) as server:
        started = time.monotonic()
        outcomes = batch(way, model_of(server), 400, 40)
        seconds = time.monotonic() - started
    assert len(errors(outcomes)) <= 8
    assert len(server.received) <= 1.4 * 400
    assert seconds <= 2 * 3.9


@both_ways
def test_a_batch_waits_for_a_window(way: str) -> None:
    with Loopback([limited(window(60, 2))]) as server:
        outcomes = batch(way, model_of(server), 200, 40)
    assert errors(outcomes) == []
    assert len(server.received) <= 1.8 * 200


def test_threads_loops_and_instances_share_a_pace() -> None:
    """Two models in threads and one on asyncio are one customer of the limit."""

    async def together(server: Loopback) -> list[AIMessage | Exception]:
        first = asyncio.to_thread(batch, "threads", model_of(server), 60, 10)
        second = asyncio.to_thread(batch, "threads", model_of(server), 60, 10)
        texts: list[Any] = ["hi"] * 60
        third = model_of(server).abatch(texts, return_exceptions=True)
        parts: Any = await asyncio.gather(first, second, third)
        return [outcome for part in parts for outcome in part]

    with Loopback([limited(bucket(60, 10))]) as server:
        outcomes = asyncio.run(together(server))
    assert len(errors(outcomes)) <= 4
    assert len(server.received) <= 1.7 * 180


def test_without_a_pace_a_batch_is_as_fast_as_it_is_told() -> None:
    with Loopback([limited(bucket(10, 5), says_when=False)]) as server:
        outcomes = batch("threads", model_of(server, adaptive_rate=False), 100, 50)
    # Every row asks three times within three seconds.
    assert len(errors(outcomes)) > 20


def test_a_copy_with_a_limiter_leaves_the_pace_to_it() -> None:
    with Loopback([limited(bucket(10, 5), says_when=False)]) as server:
        model = model_of(server)
        assert errors(batch("threads", model, 5, 5)) == []
        limiter = InMemoryRateLimiter(requests_per_second=10**6)
        copied = model.model_copy(update={"rate_limiter": limiter})
        assert len(errors(batch("threads", copied, 100, 50))) > 20


@both_ways
def test_a_dead_server_sees_a_trickle(way: str) -> None:
    with Loopback([answer({"error": "down"}, 503)]) as server:
        failed = errors(batch(way, model_of(server, max_retries=1), 400, 100))
    assert len(failed) == 400
    assert len(server.received) <= 140
    assert all(isinstance(each, CloudflareServerError) for each in failed)
    assert any("wasn't sent: the last" in str(each) for each in failed)


def test_a_server_that_refuses_connections_sees_a_trickle() -> None:
    with Loopback() as server:
        root = server.root
    failed = errors(batch("threads", model_of(root, max_retries=1), 200, 50))
    assert len(failed) == 200
    assert all(isinstance(each, CloudflareConnectionError) for each in failed)
    assert sum(not each.is_sent for each in failed) > 50


@both_ways
def test_an_outage_of_seconds_loses_nothing(way: str) -> None:
    start = time.monotonic()

    async def act(wire: Wire) -> None:
        down = time.monotonic() - start < 2.0
        await (answer({"error": "down"}, 502) if down else answer())(wire)

    with Loopback([act]) as server:
        assert errors(batch(way, model_of(server, max_retries=8), 120, 40)) == []
    assert len(server.received) <= 120 + 120


@both_ways
@pytest.mark.parametrize("status", [401, 402])
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
        assert "token-of-a-batch" not in str(unsent[0])
        # Another token, gateway or account is another case.
        asked = len(server.received)
        token = SecretStr("good")
        good = model_of(server).model_copy(update={"api_token": token})
        assert good.invoke("hi").text
        with pytest.raises(CloudflareGeminiError):
            model_of(server).invoke("hi", gateway="another")
        assert len(server.received) == asked + 2


def test_a_token_that_is_good_again_is_asked_again() -> None:
    with Loopback([answer({"errors": [{"code": 10000}]}, 401)]) as server:
        model = model_of(server)
        for _ in range(5):
            with pytest.raises(CloudflareAuthenticationError):
                model.invoke("hi")
        assert len(server.received) == 3
        server.acts = [answer()]
        with pytest.raises(CloudflareAuthenticationError, match="wasn't sent"):
            model.invoke("hi")
        time.sleep(5.1)
        assert model.invoke("hi").text
        assert model.invoke("hi").text


# ------------------------------------------------------------------- Ctrl-C
INTERRUPTED = """
    import json, sys, time
    from concurrent.futures import ThreadPoolExecutor
    from langchain_cf_gemini import ChatCloudflareGemini
    from langchain_core.runnables import RunnableLambda

    root = sys.argv[1]
    model = ChatCloudflareGemini(
        model="google/gemini-3-flash", account_id="acc", api_token="tok",
        base_url=f"{root}/client/v4", max_retries=8,
    )
    rows = [f"row {n}" for n in range(40)]

    def batch():
        model.batch(rows)

    def as_completed():
        for _ in model.batch_as_completed(rows):
            pass

    def chain():
        (RunnableLambda(str) | model | RunnableLambda(str)).batch(rows)

    def as_completed_of_a_chain():
        for _ in (RunnableLambda(str) | model).batch_as_completed(rows):
            pass

    def own_pool():
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(model.invoke, rows))

    print("asking", flush=True)
    try:
        globals()[sys.argv[2]]()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.fault(row=65)
@pytest.mark.parametrize(
    ("way", "wait"),
    [
        ("batch", "sleeping"),
        ("batch", "queueing"),
        ("batch", "reading"),
        ("as_completed", "sleeping"),
        ("chain", "reading"),
        ("as_completed_of_a_chain", "sleeping"),
        ("own_pool", "sleeping"),
    ],
)
def test_ctrl_c_ends_threads_at_once(way: str, wait: str) -> None:
    async def silent(wire: Wire) -> None:
        with contextlib.suppress(ConnectionError):
            await wire.reader.read(1)

    acts: dict[str, Any] = {
        "sleeping": answer({}, 429, {"retry-after": "30"}),
        "queueing": limited(bucket(0.5, 5)),
        "reading": silent,
    }
    with Loopback([acts[wait]]) as server:
        ran = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(INTERRUPTED), server.root, way],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert ran.stdout is not None
        assert ran.stdout.readline() == "asking\n"
        # A refusal that asks for 30 s holds the other threads before they ask.
        while not server.received:
            time.sleep(0.05)
        time.sleep(0.5)
        asked = time.monotonic()
        ran.send_signal(signal.SIGINT)
        said, complaint = ran.communicate(timeout=20)
        seconds = time.monotonic() - asked
    assert said == "interrupted\n", complaint
    # Whoever does not end at once waits for 30 s or more.
    assert seconds < 4.0


def test_work_that_was_begun_is_finished_after_other_exceptions() -> None:
    """Only interrupts, exits and abandoned generators end a thread."""
    script = """
        import sys, time
        from concurrent.futures import ThreadPoolExecutor
        from langchain_cf_gemini import ChatCloudflareGemini

        root = sys.argv[1]
        model = ChatCloudflareGemini(
            model="google/gemini-3-flash", account_id="acc", api_token="tok",
            base_url=f"{root}/client/v4",
        )
        try:
            with ThreadPoolExecutor(2) as pool:
                asked = pool.submit(model.invoke, "hi")
                raise ValueError("mine")
        except ValueError:
            print(asked.result().text)
    """
    late = [answer({}, 429, {"retry-after": "0.5"}), answer()]
    with Loopback(late) as server:
        ran = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script), server.root],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert ran.stdout.strip(), ran.stderr
    assert json.loads(server.received[-1].body)["model"] == "google/gemini-3-flash"
