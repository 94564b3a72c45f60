"""Twenty thousand calls with faults in every tenth: nothing lost, nothing grown."""

from __future__ import annotations

import asyncio
import gc
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.cloudflare import AnswerReader, gateway_request, run_request
from tests.support.http import (
    Request,
    RetryPolicy,
    SharedLimits,
    Transport,
    TransportSettings,
)
from tests.support.loopback import (
    Act,
    Loopback,
    Wire,
    answer,
    cut,
    echo,
    events,
    head,
    reset,
    text_of,
)
from tests.support.process import open_descriptors, settled
from tests.support.ways import account, asaid, said

CALLS = 20_000


async def half_a_body(wire: Wire) -> None:
    await wire.send(head(200, {"content-length": "1000"}) + b'{"candidates": [')
    wire.cut()


FAULTS: list[Act] = [
    answer({"errors": []}, 500),
    answer({"errors": []}, 429, {"retry-after-ms": "1"}),
    answer(b"<html>", 502, {"content-type": "text/html"}),
    answer(b""),
    answer({"success": True, "result": None}),
    half_a_body,
    reset,
    cut,
    events(),
    events(then=reset),
]


def moody(chance: random.Random) -> Act:
    """Answers with what was asked, or, one time in ten, with a fault."""

    async def act(wire: Wire) -> None:
        fault = chance.choice(FAULTS) if chance.random() < 0.1 else echo
        await fault(wire)

    return act


class Caller:
    """Asks a numbered question and checks that its own answer comes."""

    def __init__(self, server: Loopback) -> None:
        self._account = account(server)
        self.transport = Transport(
            TransportSettings(
                max_retries=12,
                retry=RetryPolicy(initial_delay=0.0005, max_delay=0.002),
                adaptive_rate=False,
                shared=SharedLimits.of_their_own(time.monotonic),
            )
        )

    def _request(self, number: int) -> Request:
        body = {"contents": str(number)}
        if number % 3:
            return run_request(self._account, "google/gemini-3-flash", body)
        return gateway_request(self._account, "gemini-3-flash", body, stream=True)

    def call(self, number: int) -> bool:
        request = self._request(number)
        if number % 3:
            payloads: list[Any] = said(self.transport, request)
        else:
            with self.transport.stream(request, AnswerReader()) as stream:
                payloads = list(stream)
        return text_of(payloads[-1]) == str(number)

    async def acall(self, number: int) -> bool:
        request = self._request(number)
        if number % 3:
            payloads: list[Any] = await asaid(self.transport, request)
        else:
            async with self.transport.astream(request, AnswerReader()) as stream:
                payloads = [payload async for payload in stream]
        return text_of(payloads[-1]) == str(number)

    async def acalls(self, numbers: range) -> bool:
        left = iter(numbers)

        async def worker() -> bool:
            return all([await self.acall(number) for number in left])

        return all(await asyncio.gather(*(worker() for _ in range(20))))


def resident_kilobytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4


def measured() -> tuple[int, int, int, int]:
    """Descriptors, threads, objects and kilobytes, when all that can go is gone."""
    gc.collect()
    return (
        open_descriptors(),
        threading.active_count(),
        len(gc.get_objects()),
        resident_kilobytes(),
    )


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("backend", ["blocking", "asyncio"])
def test_a_soak_loses_no_answer_and_grows_nothing(backend: str) -> None:
    with Loopback([moody(random.Random(3))]) as server:
        caller = Caller(server)

        def run(numbers: range) -> None:
            if backend == "blocking":
                with ThreadPoolExecutor(20) as threads:
                    assert all(threads.map(caller.call, numbers))
            else:
                assert asyncio.run(caller.acalls(numbers))
            server.received.clear()

        # As many at once as later, because the server keeps what it was asked.
        run(range(4_000))
        before = measured()
        for start in range(0, CALLS, 4_000):
            run(range(start, start + 4_000))
        after = measured()
        caller.transport.close()
        assert asyncio.run(settled(lambda: server.open == 0))
    # Shown by `pytest -rP`.
    print(f"{backend}: descriptors, threads, objects, kB {before} then {after}")
    # Descriptors count twice, because the server is in this process too.
    assert after[0] <= before[0] + 2 * 20
    assert after[1] <= before[1]
    assert after[2] <= before[2] + 1_000
    # New threads take new arenas of the allocator, so memory alone shows less.
    assert after[3] <= before[3] + 8_000
