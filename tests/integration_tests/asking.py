"""The six ways to ask: unary and stream, in a thread, on httpx and on aiohttp."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from langchain_cf_gemini._cloudflare.endpoints import (
    Account,
    Request,
    gateway_request,
    run_request,
)
from langchain_cf_gemini._http.client import Transport, TransportSettings
from langchain_cf_gemini._http.retries import RetryBudget, RetryPolicy
from langchain_cf_gemini.exceptions import CloudflareGeminiError
from tests.integration_tests.loopback import Loopback

TOKEN = "token-that-must-not-be-seen"
UNARY = ("send", "asend-httpx", "asend-aiohttp")
STREAM = ("stream", "astream-httpx", "astream-aiohttp")
EVERY = UNARY + STREAM

ON_HTTPX = tuple(way for way in EVERY if "aiohttp" not in way)

every_way = pytest.mark.parametrize("way", EVERY)
on_httpx = pytest.mark.parametrize("way", ON_HTTPX)
unary_ways = pytest.mark.parametrize("way", UNARY)
stream_ways = pytest.mark.parametrize("way", STREAM)


def account(server: Loopback | str) -> Account:
    root = server if isinstance(server, str) else server.root
    return Account(
        account_id="acc",
        api_token=TOKEN,
        base_url=f"{root}/client/v4",
        gateway_base_url=f"{root}/v1",
        allow_http=True,
    )


def request_of(way: str, server: Loopback | str) -> Request:
    if "stream" in way:
        return gateway_request(account(server), "gemini-3-flash", {}, stream=True)
    return run_request(account(server), "google/gemini-3-flash", {"contents": []})


@dataclass
class Outcome:
    """What came of a call: payloads, perhaps an error, and the waits in between."""

    payloads: list[dict[str, Any]] = field(default_factory=list)
    error: CloudflareGeminiError | None = None
    slept: list[float] = field(default_factory=list)
    gateway: dict[str, Any] = field(default_factory=dict)

    @property
    def failed(self) -> CloudflareGeminiError:
        assert self.error is not None, f"answered with {self.payloads}"
        return self.error


def ask(
    way: str,
    server: Loopback | str,
    *,
    clock: Callable[[], float] = time.monotonic,
    request: Request | None = None,
    **settings: Any,
) -> Outcome:
    """One call; nothing sleeps, and every error but a typed one gets out."""
    outcome = Outcome()
    chosen: dict[str, Any] = {
        "retry": RetryPolicy(jitter=lambda: 0.0),
        "retry_budget": RetryBudget(),
        "async_backend": "aiohttp" if "aiohttp" in way else "httpx",
        "timeout": 10,
        **settings,
    }

    async def asleep(seconds: float) -> None:
        outcome.slept.append(seconds)

    transport = Transport(
        TransportSettings(**chosen),
        sleep=outcome.slept.append,
        asleep=asleep,
        clock=clock,
    )
    asked = request or request_of(way, server)
    try:
        if way.startswith("a"):
            asyncio.run(_aask(way, transport, asked, outcome))
        else:
            _ask(way, transport, asked, outcome)
    except CloudflareGeminiError as error:
        outcome.error = error
    finally:
        transport.close()
    return outcome


def _ask(way: str, transport: Transport, request: Request, outcome: Outcome) -> None:
    if way == "send":
        answer = transport.send(request)
        outcome.payloads, outcome.gateway = answer.payloads, answer.gateway
        return
    with transport.stream(request) as stream:
        for payload in stream:
            outcome.payloads.append(payload)
        outcome.gateway = stream.gateway


async def _aask(
    way: str, transport: Transport, request: Request, outcome: Outcome
) -> None:
    if way.startswith("asend"):
        answer = await transport.asend(request)
        outcome.payloads, outcome.gateway = answer.payloads, answer.gateway
        return
    async with transport.astream(request) as stream:
        async for payload in stream:
            outcome.payloads.append(payload)
        outcome.gateway = stream.gateway
