"""Starting fast, stopping clean."""

import asyncio
import os
import signal
import socket
import ssl
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from langchain_cf_gemini.emulator import Emulator, faults, serve
from tests.support.emulated import Incoming, Journal, Outgoing
from tests.support.judge import Client, user
from tests.support.process import CERTIFICATE

HI = {"contents": [user("Hi")]}


def emulator_threads() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("gemini-emulator")]


def is_open(url: str) -> bool:
    address = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((address.hostname, address.port)) == 0


def test_it_starts_within_half_a_second() -> None:
    def seconds() -> float:
        started = time.perf_counter()
        with Emulator() as emulator:
            assert is_open(emulator.url)
            return time.perf_counter() - started

    # The best of three: the machine that runs the tests may be busy.
    assert min(seconds() for _ in range(3)) < 0.5


def test_start_one_exchange_and_stop_within_15_milliseconds(http: httpx.Client) -> None:
    def seconds() -> float:
        started = time.perf_counter()
        with Emulator() as emulator:
            emulator.reply("Hello")
            assert Client(emulator, http).run(HI).status_code == 200
        return time.perf_counter() - started

    # The best of ten, for the same reason; the median of a quiet machine is 2 ms.
    assert min(seconds() for _ in range(10)) < 0.015


def test_nothing_is_left_behind() -> None:
    before = emulator_threads()
    with Emulator() as emulator:
        url = emulator.url
        assert len(emulator_threads()) == len(before) + 1
    assert emulator_threads() == before
    assert not is_open(url)


async def test_async_with() -> None:
    before = emulator_threads()
    async with Emulator() as emulator:
        answer = await asyncio.to_thread(httpx.get, emulator.url)
        assert answer.status_code == 200
    assert emulator_threads() == before


async def test_starting_does_not_block_the_event_loop() -> None:
    gaps = [0.0]

    async def tick() -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            gaps.append(time.perf_counter() - last)
            last = time.perf_counter()

    ticking = asyncio.create_task(tick())
    for _ in range(3):
        async with Emulator():
            pass
    ticking.cancel()
    assert max(gaps) < 0.1


def test_a_stalled_answer_does_not_keep_it_alive() -> None:
    with Emulator() as emulator, httpx.Client() as http:
        emulator.fail(faults.stall())
        with pytest.raises(httpx.ReadTimeout):
            Client(emulator, http).http.post(
                f"{emulator.base_url}/accounts/{emulator.account_id}/ai/run",
                json={"model": "google/gemini-3-flash", "input": HI},
                headers={"authorization": f"Bearer {emulator.api_token}"},
                timeout=0.1,
            )
        stopping = time.perf_counter()
    assert time.perf_counter() - stopping < 3


def test_open_connections_are_closed() -> None:
    with Emulator() as emulator:
        address = urlsplit(emulator.url)
        idle = socket.create_connection((address.hostname or "", address.port or 0))
    idle.settimeout(2)
    assert idle.recv(1) == b""
    idle.close()


def test_it_can_be_used_again_on_the_same_port() -> None:
    emulator = Emulator()
    with emulator:
        first = emulator.url
        emulator.reply("kept")
    with pytest.raises(RuntimeError, match="isn't running"):
        _ = emulator.url
    with emulator, httpx.Client() as http:
        assert emulator.url == first
        assert "kept" in Client(emulator, http).run(HI).text
    assert len(emulator.requests) == 1


def test_starting_and_stopping_twice() -> None:
    emulator = Emulator().start()
    assert emulator.start().url == emulator.url
    emulator.stop()
    emulator.stop()


def test_a_port_of_choice() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            Emulator(port=port).start()
    with Emulator(port=port) as emulator:
        assert emulator.base_url == f"http://127.0.0.1:{port}/client/v4"
        assert emulator.gateway_base_url == f"http://127.0.0.1:{port}/v1"


def test_ipv6() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        emulator = Emulator(host="::1").start()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback address")
    assert emulator.url.startswith("http://[::1]:")
    assert httpx.get(emulator.url).status_code == 200
    emulator.stop()


def test_https_with_a_certificate_that_nobody_trusts() -> None:
    with Emulator(certificate=CERTIFICATE) as emulator:
        assert emulator.base_url.startswith("https://")
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(emulator.url)
        trusting = ssl.create_default_context()
        trusting.check_hostname = False
        trusting.verify_mode = ssl.CERT_NONE
        assert httpx.get(emulator.url, verify=trusting).status_code == 200


def test_many_at_once() -> None:
    with Emulator() as one, Emulator() as two, httpx.Client() as http:
        one.reply("one")
        two.reply("two")
        assert "two" in Client(two, http).run(HI).text
        assert "one" in Client(one, http).run(HI).text


def test_many_clients_at_once(emulator: Emulator) -> None:
    statuses: list[int] = []

    def ask() -> None:
        with httpx.Client() as http:
            client = Client(emulator, http)
            statuses.extend(client.run(HI).status_code for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 50
    emulator.assert_request_count(50)
    assert len({request.number for request in emulator.requests}) == 50


@pytest.mark.parametrize(
    ("kept", "size", "left"), [(3, 0, [4, 5, 6]), (9, 5_000, [5, 6]), (9, 10, [6])]
)
def test_the_journal_is_bounded(kept: int, size: int, left: list[int]) -> None:
    journal = Journal(kept, size or 10**9)
    for _ in range(6):
        incoming = Incoming(method="POST", path="/", body=b"{}")
        exchange = journal.open(incoming, "run")
        journal.close(exchange, Outgoing(frames=[b" " * 2_000]))
    assert [exchange.number for exchange in journal] == left
    assert journal.asked_count == 6
    journal.clear()
    journal.close(exchange, Outgoing())  # it was under way when all was forgotten
    assert list(journal) == []


def test_credentials_for_a_client(emulator: Emulator) -> None:
    assert set(emulator.client) == {
        "account_id",
        "api_token",
        "base_url",
        "gateway_base_url",
    }
    assert emulator.environment["CLOUDFLARE_API_TOKEN"] == emulator.api_token


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_serve_prints_how_to_use_it_and_stops_on_ctrl_c(
    host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    statuses: list[int] = []
    printed: list[str] = []

    def visit_and_interrupt() -> None:
        while "Ctrl-C" not in "".join(printed):
            printed.append(capsys.readouterr().out)
            time.sleep(0.01)
        address = "".join(printed).split()[3]
        statuses.append(httpx.get(address).status_code)
        os.kill(os.getpid(), signal.SIGINT)

    visitor = threading.Thread(target=visit_and_interrupt)
    visitor.start()
    serve(host, port=0)
    visitor.join()
    assert statuses == [200]
    warned = "Warning: 0.0.0.0 can be reached" in "".join(printed)
    assert warned is (host == "0.0.0.0")
    assert "base_url='http://127.0.0.1:" in "".join(printed)
    assert "ChatCloudflareGemini(" in "".join(printed)
    assert "api_token=" in "".join(printed)
    assert capsys.readouterr().out.endswith("Stopped.\n")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(ImportError, match=r"langchain-cf-gemini\[emulator\]"):
        Emulator().start()


def test_a_missing_certificate(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Emulator(certificate=tmp_path / "none.pem").start()
