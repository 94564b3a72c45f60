"""Servers that mean no good, over a real socket: the later rows of the faults."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pickle
import re
import socket
import ssl
import time
import traceback
import tracemalloc
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from langchain_cf_gemini import ChatCloudflareGemini
from langchain_cf_gemini.exceptions import (
    CloudflareConnectionError,
    CloudflareGeminiError,
    CloudflareInvalidRequestError,
)
from tests.support.cloudflare import EventDecoder
from tests.support.http import (
    Asyncio,
    Attempt,
    Slots,
    times_from_timeout,
)
from tests.support.loopback import (
    FIRST,
    PAYLOAD,
    Act,
    Loopback,
    Wire,
    answer,
    as_asked,
    at_once,
    chunked_head,
    event,
    events,
    head,
    one_chunk,
)
from tests.support.models import every_way as every_model_way
from tests.support.process import (
    CERTIFICATE,
    certificate_trusted,
    server_tls,
    settled,
)
from tests.support.ways import (
    SENDS,
    TOKEN,
    ask,
    in_turn,
    model_at,
    our_ways,
    request_of,
)

LONG = {**PAYLOAD, "padding": "x" * (12 << 20)}


@pytest.mark.slow
@pytest.mark.fault(row=46)
@pytest.mark.parametrize("way", ["stream", "astream"])
def test_the_caller_s_own_time_does_not_count(way: str) -> None:
    with Loopback([events(event(FIRST), event(LONG))]) as server:
        outcome = ask(way, server, pause=0.8, timeout=0.6, max_retries=0)
    assert outcome.payloads == [FIRST, LONG]
    assert outcome.error is None


# ------------------------------------------------------------- many at once
@pytest.mark.fault(row=50)
def test_who_gives_up_waiting_takes_no_connection() -> None:
    """A call that is cancelled or too late while it waits, and those after it."""

    async def run(server: Loopback) -> None:
        backend = Asyncio(slots=Slots(1))
        request = request_of("asend", server)
        waits = times_from_timeout(10).waits

        async def call(seconds: float = 10) -> int:
            attempt = Attempt(request, waits, seconds, time.monotonic)
            opening = backend.open(request, attempt)
            exchange = await backend.within(attempt, opening)
            while await exchange.read(attempt) is not None:
                await asyncio.sleep(0.05)
            await exchange.aclose(ended=True)
            return int(exchange.response.status_code)

        first = asyncio.ensure_future(call())
        await asyncio.sleep(0.02)
        late, cancelled, last = [asyncio.ensure_future(call(s)) for s in (0.01, 9, 9)]
        await asyncio.sleep(0)
        cancelled.cancel()
        assert await first == 200
        assert await last == 200
        with pytest.raises(TimeoutError):
            await late
        assert cancelled.cancelled()
        assert await call() == 200
        await backend.aclose()

    with Loopback() as server:
        asyncio.run(run(server))
        assert server.opened == 1


# -------------------------------------------------------------- bad answers
def nested(depth: int) -> bytes:
    whole = json.dumps({**PAYLOAD, "deep": 0})
    return whole.replace('"deep": 0', f'"deep": {"[" * depth}{"]" * depth}').encode()


@pytest.mark.fault(row=51)
@every_model_way
@pytest.mark.parametrize("endpoint", ["run", "gateway"])
def test_deep_json_is_read_or_typed(way: Any, endpoint: str) -> None:
    with Loopback() as server:
        model = model_at(server, endpoint=endpoint)
        for depth in (150, 250, 400, 900, 100_000):
            server.acts = [as_asked(nested(depth))]
            try:
                assert way(model, "hi").text == "hello"
            except CloudflareGeminiError:
                assert depth > 250


@pytest.mark.fault(row=51)
@in_turn("depth", [150, 190, 250, 450, 900, 990, 2_000, 100_000])
@pytest.mark.parametrize("status", [200, 400])
def test_an_error_that_is_nested_deep_is_typed(
    way: str, depth: int, status: int
) -> None:
    deep = b"[" * depth + b"]" * depth
    body = b'{"error": {"code": 400, "message": "no", "details": %s}}' % deep
    with Loopback([answer(body, status)]) as server:
        error = ask(way, server, max_retries=0).failed
    assert status == 200 or type(error) is CloudflareInvalidRequestError
    assert depth > 200 or error.details["details"]


@pytest.mark.fault(row=54)
@our_ways
@pytest.mark.parametrize("kept", [True, False])
def test_a_413_during_a_long_request_is_heard_at_once(way: str, kept: bool) -> None:
    """The server reads a little, answers, and goes, or reads on for a while."""
    asked: list[Any] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(asyncio.current_task())
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(1 << 16)
        body = b'{"error": {"code": 413, "message": "too long"}}'
        named = {"content-length": str(len(body)), "connection": "close"}
        writer.write(head(413, named) + body)
        await writer.drain()
        await asyncio.sleep(0.1 if kept else 0.03)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async def serve() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", 0)
        root = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        long = replace(request_of(way, root), pieces=(b" " * 2**24,))
        outcome = await asyncio.to_thread(ask, way, root, request=long)
        server.close()
        await asyncio.gather(*asked)
        assert type(outcome.error) is CloudflareInvalidRequestError
        assert outcome.error.status_code == 413

    asyncio.run(serve())
    assert len(asked) == 1


BODY = json.dumps(PAYLOAD).encode()
EVIL = json.dumps({**PAYLOAD, "evil": True}).encode()
ANOTHER = head(200, {"content-length": str(len(EVIL))}) + EVIL
JSON = {"content-type": "application/json", "content-length": str(len(BODY))}


def behind_what_one_read_takes() -> bytes:
    """The answer ends with the 64 KiB that are read at once."""
    size = (1 << 16) - len(head(200, {"content-length": "65536"}))
    return head(200, {"content-length": str(size)}) + BODY.ljust(size) + ANOTHER


async def in_a_record_of_its_own(wire: Wire) -> None:
    """One segment brings both records of TLS, of which one is decrypted."""
    sock = wire.writer.get_extra_info("socket")
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    # The server's own pieces, so that TLS has a record for each.
    wire.writer.writelines([head(200, JSON), BODY])
    wire.writer.write(ANOTHER)
    await wire.writer.drain()
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)


CHUNKS = chunked_head("application/json") + one_chunk(BODY) + b"0\r\n\r\n"
SURPLUS = {
    "an answer": at_once(head(200, JSON) + BODY + ANOTHER),
    "a piece of one": at_once(head(200, JSON) + BODY + ANOTHER[:20]),
    "an answer after chunks": at_once(CHUNKS + ANOTHER),
    "a piece after chunks": at_once(CHUNKS + ANOTHER[:20]),
    "behind a read": at_once(behind_what_one_read_takes()),
    "over TLS": in_a_record_of_its_own,
}


@pytest.mark.fault(row=55)
@pytest.mark.parametrize("where", SURPLUS)
@pytest.mark.parametrize("way", SENDS)
def test_bytes_after_an_answer_are_nobody_s_answer(
    way: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = server_tls() if "TLS" in where else None
    trust = ssl.create_default_context(cafile=CERTIFICATE)
    with certificate_trusted(monkeypatch), Loopback([SURPLUS[where]], tls) as server:
        outcome = ask(way, server, times=3, max_retries=0, client={"verify": trust})
    assert (outcome.payloads, outcome.error) == ([PAYLOAD] * 3, None)
    assert server.opened == 3


# ------------------------------------------------------------------ secrets
def escaped_as(escape: str) -> str:
    return "".join(escape.format(ord(character)) for character in TOKEN)


FORMS = {
    "plain": TOKEN,
    "capitals": TOKEN.upper(),
    "percent": escaped_as("%{:02x}"),
    "percent twice": escaped_as("%25{:02X}"),
    "JSON": escaped_as("\\u{:04x}"),
    "JSON twice": escaped_as("\\\\u{:04X}"),
    "HTML": escaped_as("&#{};"),
    "UTF-16": "\0".join(TOKEN),
    "hexadecimal": TOKEN.encode().hex(),
    "base64": b64encode(TOKEN.encode()).decode(),
    "base64 in Basic": b64encode(f"user:{TOKEN}".encode()).decode(),
    "base64 in Bearer": urlsafe_b64encode(f"Bearer {TOKEN}".encode()).decode(),
}


def holds(text: str) -> str | None:
    """Which form of the token a text holds, but for its last characters."""
    for name, form in FORMS.items():
        if form[4:-8].lower() in text.lower() or repr(form[4:-8])[1:-1] in text:
            return name
    return None


def refusing(said: object = "refused", code: object = 2009) -> dict[str, Any]:
    return {"success": False, "errors": [{"code": code, "message": said}]}


# What a server that repeats the token says, and its headers.
PLACES: dict[str, Callable[[str], tuple[Any, dict[str, str]]]] = {
    "header": lambda form: (
        refusing(),
        {"x-echo": f"Bearer {form}", "cf-ray": form, "location": form}
        | {f"x-{TOKEN.upper()}": "1"},
    ),
    "coding": lambda form: (refusing(), {"content-encoding": form}),
    "message of v4": lambda form: (refusing(f"Unauthorized: Bearer {form}"), {}),
    "code": lambda form: (refusing(code=f"no {form}"), {}),
    "gateway": lambda form: (
        refusing(),
        {"cf-aig-log-id": form, "cf-aig-dlp": json.dumps({"a": [form]})},
    ),
    "nothing": lambda form: ({"candidates": [], "usageMetadata": {"x": form}}, {}),
    "text": lambda form: (b'{"error": "%s"' % form.encode(), {}),
    "message": lambda form: (b'{"error": "%s"}' % form.encode(), {}),
    "astride 300": lambda form: (astride(300, form), {}),
    "astride 16384": lambda form: (astride(16_384, form), {}),
}


def astride(at: int, form: str) -> bytes:
    return b"x" * (at - len(form) + 1) + form.encode() + b"y" * 400


def telling(where: str, form: str, status: int) -> Act:
    body, headers = PLACES[where](form)
    return answer(body, status, headers)


def in_one_byte_chunks(form: str) -> Act:
    wrong = b'data: {"error": {"code": 500, "message": "%s"}}\r\n\r\n' % form.encode()
    return events(event(FIRST), *(bytes([byte]) for byte in wrong))


IN_BODY = [*PLACES][-5:]
IN_HEADERS = [name for name in FORMS if name != "UTF-16"]
TELLING = [
    (telling(where, FORMS[form], status), f"{where}, {form}, {status}")
    for where in PLACES
    for form in (FORMS if where in IN_BODY else IN_HEADERS)
    for status in (200, 401)
]
NOT_WHOLE = [
    (events(event(FIRST), b"data: {%s\n\n" % TOKEN.encode()), "an event"),
    (in_one_byte_chunks(TOKEN), "bytes of an event"),
    (in_one_byte_chunks(FORMS["JSON"]), "bytes of an escaped event"),
]


def all_that_is_told(error: CloudflareGeminiError) -> list[str]:
    told = [str(error), repr(error), repr(vars(error)), str(error.code)]
    if error.response is not None:
        told += [error.response.text, repr(error.response.headers)]
    told += [repr(error.gateway), repr(pickle.dumps(error))]
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    return [*told, "".join(shown.format())]


@pytest.mark.fault(row=56)
@in_turn("act, where", TELLING + NOT_WHOLE)
def test_a_token_that_the_server_repeats_is_kept_nowhere(
    way: str, act: Act, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "langchain_cf_gemini")
    with Loopback([act]) as server:
        error = ask(way, server, max_retries=0).failed
    for told in [*all_that_is_told(error), caplog.text]:
        assert holds(told) is None, where
    assert f"ray={TOKEN}" not in caplog.text


@pytest.mark.fault(row=56)
@every_model_way
def test_nor_in_a_message_s_metadata(way: Any) -> None:
    headers = {"cf-aig-event-id": f"x{TOKEN}", "cf-ray": TOKEN}
    payload = {**PAYLOAD, "gatewayMetadata": {"keySource": TOKEN}}
    with Loopback([answer(payload, 200, headers)]) as server:
        message: AIMessage = way(model_at(server), "hi")
    assert message.text == "hello"
    assert "gateway" in message.response_metadata
    assert TOKEN not in repr(message)


# -------------------------------------------------------------- environment
@pytest.mark.fault(row=57)
@pytest.mark.usefixtures("no_proxies")
@our_ways
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        *((name, value, said)
          for name in ("HTTPS_PROXY", "all_proxy")
          for value, said in [
              ("socks5://127.0.0.1:1080", "socksio"),
              ("ftp://127.0.0.1:1", "scheme 'ftp'"),
              ("http://me:secret@127.0.0.1:99999", "port|URL"),
              ("http://[::1", "URL"),
              ("http://:8080", "host"),
          ]),
        ("SSL_CERT_FILE", "/no/such.pem", "SSL_CERT_FILE"),
        ("SSL_CERT_FILE", __file__, "SSL_CERT_FILE"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_of_the_environment_is_named(
    way: str, name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    outcome = ask(way, "https://cloudflare.invalid")
    assert type(outcome.error) is CloudflareConnectionError
    assert name in str(outcome.error)
    assert "secret" not in str(outcome.error)
    assert outcome.slept == []
    assert re.search(said, str(outcome.error))


@pytest.mark.fault(row=56)
@in_turn("line", [b"HTTP/1.1 407 no %s", b"HTTP/1.1 2x0 %s", b"%s"])
@pytest.mark.parametrize("name", ["https_proxy", "ALL_PROXY"])
@pytest.mark.usefixtures("no_proxies")
def test_nor_is_the_password_that_a_proxy_repeats(
    way: str, line: bytes, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(wire: Wire) -> None:
        login = wire.received.headers["proxy-authorization"]
        logins.append(login.removeprefix("Basic "))
        await wire.send(line % login.encode() + b"\r\ncontent-length: 0\r\n\r\n")
        wire.cut()

    logins: list[str] = []
    with Loopback([act]) as server:
        # In an address, what is no letter is escaped.
        monkeypatch.setenv(name, f"http://me:pass%2Fword%40x@127.0.0.1:{server.port}")
        error = ask(way, "https://cloudflare.invalid", max_retries=0).failed
    assert type(error) is CloudflareConnectionError
    refused = "cloudflare.invalid was refused by the proxy: 407 no" in str(error)
    assert refused is line.startswith(b"HTTP/1.1 407")
    assert b64decode(logins[0]) == b"me:pass/word@x"
    assert logins[0][:-3] not in "".join(all_that_is_told(error))


@pytest.mark.usefixtures("no_proxies")
async def test_a_new_model_reads_the_environment_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Somebody sets a proxy, and tries again; earlier models are still in use."""
    models: list[ChatCloudflareGemini] = []
    with Loopback([answer(b"", 502)]) as one, Loopback([answer(b"", 502)]) as other:
        for proxy in (one, other):
            monkeypatch.setenv("https_proxy", f"127.0.0.1:{proxy.port}")
            models.append(model_at("https://cloudflare.invalid"))
            with pytest.raises(CloudflareConnectionError):
                models[-1].invoke("hi")
            with pytest.raises(CloudflareConnectionError):
                await models[-1].ainvoke("hi")
    assert [len(proxy.received) for proxy in (one, other)] == [2, 2]


async def test_a_new_model_reads_certificates_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with Loopback(tls=server_tls()) as server:
        distrustful = model_at(server)
        with pytest.raises(CloudflareConnectionError, match="isn't trusted"):
            distrustful.invoke("hi")
        with pytest.raises(CloudflareConnectionError, match="isn't trusted"):
            await distrustful.ainvoke("hi")
        with certificate_trusted(monkeypatch):
            trustful = model_at(server)
            assert trustful.invoke("hi").text == "hello"
            assert (await trustful.ainvoke("hi")).text == "hello"


@pytest.mark.fault(row=58)
@every_model_way
@pytest.mark.parametrize("header", ["content-length", "Transfer-Encoding", "host"])
def test_headers_of_the_connection_are_never_sent(way: Any, header: str) -> None:
    with Loopback() as server:
        with pytest.raises(ValueError, match="is set by the connection"):
            way(model_at(server, default_headers={header: "chunked"}), "hi")
        assert server.received == []


# --------------------------------------------------------------- the others
@pytest.mark.fault(row=60)
def test_what_is_held_of_such_lines_has_a_limit() -> None:
    decoder = EventDecoder()
    tracemalloc.start()
    for _ in range(6):
        decoder.feed(b"xy\n" * (1 << 15))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 6 << 20  # of 11


@pytest.mark.fault(row=61)
def test_closing_lets_running_calls_end() -> None:
    async def slow(wire: Wire) -> None:
        await asyncio.sleep(0.1)
        await answer()(wire)

    async def run(server: Loopback) -> None:
        model = model_at(server, endpoint="run")
        calls = [asyncio.ensure_future(model.ainvoke("hi")) for _ in range(20)]
        assert await settled(lambda: len(server.received) == 20)
        await model.aclose()
        assert {message.text for message in await asyncio.gather(*calls)} == {"hello"}
        assert await settled(lambda: server.open == 0)

    with Loopback([slow]) as server:
        asyncio.run(run(server))
