"""The ways to ask: whole and streamed, in a thread and on asyncio, on our connections
and on a caller's own client of either package."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import httpx
import httpx2
import pytest
from pydantic import SecretStr

from langchain_cf_gemini import ChatCloudflareGemini
from langchain_cf_gemini.exceptions import CloudflareGeminiError
from tests.support.cloudflare import Account, AnswerReader, gateway_request, run_request
from tests.support.http import (
    Request,
    RetryPolicy,
    SharedLimits,
    Stream,
    Transport,
    TransportSettings,
)
from tests.support.loopback import Loopback
from tests.support.process import default_trust

TOKEN = "token-that-must-not-be-seen"
OURS = ("send", "asend", "stream", "astream")
CLIENTS: dict[str, Any] = {"httpx": httpx, "httpx2": httpx2}
EVERY = OURS + tuple(f"{way}-{package}" for way in OURS for package in CLIENTS)

# For what a connection does; what is read of a whole answer, a caller's client leaves
# to the code that `our_ways` reach.
every_way = pytest.mark.parametrize("way", EVERY)
# A caller's blocking client grants its time to each read, not to the answer.
TIMED = tuple(way for way in EVERY if way in OURS or way.startswith("a"))

our_ways = pytest.mark.parametrize("way", OURS)
SENDS = tuple(way for way in EVERY if "send" in way)
STREAMS = tuple(way for way in EVERY if "stream" in way)
stream_ways = pytest.mark.parametrize("way", STREAMS)
callers_ways = pytest.mark.parametrize("way", [w for w in EVERY if "-" in w])
whole_ways = pytest.mark.parametrize("way", ["send", "asend"])


def in_turn(
    names: str, rows: Sequence[Any], ways: Sequence[str] = EVERY
) -> pytest.MarkDecorator:
    """Rows and ways in a ring: each row in some way, each way with some row.

    For what is read by code that all ways share, so that no way adds to a row.
    """
    count = max(len(rows), len(ways))
    ring = [(ways[n % len(ways)], rows[n % len(rows)]) for n in range(count)]
    if "," not in names:
        return pytest.mark.parametrize(("way", names), ring)
    split = ["way", *(name.strip() for name in names.split(","))]
    return pytest.mark.parametrize(split, [(way, *row) for way, row in ring])


def model_at(server: Loopback | str, **settings: Any) -> ChatCloudflareGemini:
    """A model that asks the server, once unless it is told otherwise."""
    root = server if isinstance(server, str) else server.root
    chosen: dict[str, Any] = {"model": "gemini-3-flash", "max_retries": 0, **settings}
    return ChatCloudflareGemini(
        account_id="acc",
        api_token=SecretStr(TOKEN),
        base_url=f"{root}/client/v4",
        gateway_base_url=f"{root}/v1",
        **chosen,
    )


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


def said(transport: Transport, request: Request) -> list[Any]:
    """The payloads of a whole answer."""
    return transport.send(request, AnswerReader()).payloads


async def asaid(transport: Transport, request: Request) -> list[Any]:
    """The same on asyncio."""
    return (await transport.asend(request, AnswerReader())).payloads


def streaming(
    transport: Transport, server: Loopback | str
) -> AbstractContextManager[Stream[AnswerReader]]:
    """A stream of payloads from the server."""
    return transport.stream(request_of("stream", server), AnswerReader())


def astreaming(
    transport: Transport, server: Loopback | str
) -> AbstractAsyncContextManager[Stream[AnswerReader]]:
    """The same on asyncio."""
    return transport.astream(request_of("astream", server), AnswerReader())


@dataclass
class Outcome:
    """What came of a call: payloads, perhaps an error, and the waits in between."""

    payloads: list[dict[str, Any]] = field(default_factory=list)
    error: CloudflareGeminiError | None = None
    slept: list[float] = field(default_factory=list)
    pause: float = 0
    limits: dict[str, Any] = field(default_factory=dict)
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
    times: int = 1,
    pause: float = 0,
    limits: Mapping[str, Any] = MappingProxyType({}),
    client: Mapping[str, Any] = MappingProxyType({}),
    **settings: Any,
) -> Outcome:
    """One call, or several over one client; no error but a typed one gets out.

    No repetition waits. `pause` is what the caller takes after each call, and each
    payload of a stream; `limits` is what a call says otherwise than the settings, and
    `client` what a caller's own client is made with.
    """
    outcome = Outcome(pause=pause, limits={**limits})
    chosen: dict[str, Any] = {
        "retry": RetryPolicy(jitter=lambda: 0.0),
        # Their time is what was slept.
        "shared": SharedLimits.of_their_own(lambda: sum(outcome.slept)),
        "timeout": 10,
        **settings,
    }

    async def asleep(seconds: float) -> None:
        outcome.slept.append(seconds)

    def transport(**own: Any) -> Transport:
        return Transport(
            TransportSettings(**own, **chosen),
            sleep=outcome.slept.append,
            asleep=asleep,
            clock=clock,
        )

    asked = [request or request_of(way, server)] * times
    colour, _, package = way.partition("-")
    made_with = {"verify": default_trust(), **client} if package else {}
    try:
        if colour.startswith("a"):
            asyncio.run(_arun(way, transport, made_with, asked, outcome))
        else:
            _run(way, transport, made_with, asked, outcome)
    except CloudflareGeminiError as error:
        outcome.error = error
    return outcome


Make = Callable[..., Transport]


def _run(
    way: str, make: Make, made_with: Any, asked: Sequence[Request], outcome: Outcome
) -> None:
    colour, _, package = way.partition("-")
    with contextlib.ExitStack() as held:
        own: dict[str, Any] = {}
        if package:
            client = held.enter_context(CLIENTS[package].Client(**made_with))
            own["http_client"] = client
        with contextlib.closing(make(**own)) as transport:
            for request in asked:
                _ask(colour, transport, request, outcome)
                time.sleep(outcome.pause)
        assert not package or not client.is_closed


async def _arun(
    way: str, make: Make, made_with: Any, asked: Sequence[Request], outcome: Outcome
) -> None:
    colour, _, package = way.partition("-")
    async with contextlib.AsyncExitStack() as held:
        own: dict[str, Any] = {}
        if package:
            client = CLIENTS[package].AsyncClient(**made_with)
            own["http_async_client"] = await held.enter_async_context(client)
        transport = make(**own)
        for request in asked:
            await _aask(colour, transport, request, outcome)
            await asyncio.sleep(outcome.pause)
        await transport.aclose()
        assert not package or not client.is_closed


def _ask(way: str, transport: Transport, request: Request, outcome: Outcome) -> None:
    if way == "send":
        answer = transport.send(request, AnswerReader(), **outcome.limits)
        outcome.payloads += answer.payloads
        outcome.gateway = answer.gateway
        return
    with transport.stream(request, AnswerReader(), **outcome.limits) as stream:
        for payload in stream:
            outcome.payloads.append(payload)
            time.sleep(outcome.pause)
        outcome.gateway = stream.reader.gateway


async def _aask(
    way: str, transport: Transport, request: Request, outcome: Outcome
) -> None:
    if way == "asend":
        answer = await transport.asend(request, AnswerReader(), **outcome.limits)
        outcome.payloads += answer.payloads
        outcome.gateway = answer.gateway
        return
    async with transport.astream(request, AnswerReader(), **outcome.limits) as stream:
        async for payload in stream:
            outcome.payloads.append(payload)
            await asyncio.sleep(outcome.pause)
        outcome.gateway = stream.reader.gateway
