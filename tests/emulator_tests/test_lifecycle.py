"""Starting fast, stopping clean."""

import asyncio
import os
import signal
import socket
import ssl
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from langchain_cf_gemini.emulator import Emulator, faults, serve
from tests.support.emulated import Incoming, Journal, Outgoing
from tests.support.judge import Client, Emulating
from tests.support.process import CERTIFICATE, default_trust


def emulator_threads() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("gemini-emulator")]


def get(url: str) -> httpx.Response:
    return httpx.get(url, verify=default_trust())


def is_open(url: str) -> bool:
    address = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((address.hostname, address.port)) == 0


def test_start_one_exchange_and_stop_within_15_milliseconds(
    emulating: Emulating,
) -> None:
    def seconds() -> float:
        started = time.perf_counter()
        with emulating() as client:
            client.emulator.reply("Hello")
            assert client.run().status_code == 200
        return time.perf_counter() - started

    # The best of ten, for the machine that runs the tests may be busy; the median of a
    # quiet one is 2 ms.
    assert min(seconds() for _ in range(10)) < 0.015


def test_nothing_is_left_behind() -> None:
    before = emulator_threads()
    with Emulator() as emulator:
        address = urlsplit(emulator.url)
        idle = socket.create_connection((address.hostname or "", address.port or 0))
        assert len(emulator_threads()) == len(before) + 1
    assert emulator_threads() == before
    assert not is_open(address.geturl())
    idle.settimeout(2)
    assert idle.recv(1) == b""  # a connection that is kept is closed
    idle.close()


async def test_async_with_does_not_block_the_event_loop() -> None:
    before, gaps = emulator_threads(), [0.0]

    async def tick() -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.001)
            gaps.append(time.perf_counter() - last)
            last = time.perf_counter()

    async with Emulator() as emulator:
        answer = await asyncio.to_thread(get, emulator.url)
        assert answer.status_code == 200
    ticking = asyncio.create_task(tick())
    for _ in range(3):
        async with Emulator():
            pass
    ticking.cancel()
    assert max(gaps) < 0.1
    assert emulator_threads() == before


def test_a_stalled_answer_does_not_keep_it_alive() -> None:
    hasty = httpx.Client(timeout=0.1, verify=default_trust())
    with Emulator() as emulator, hasty as http:
        emulator.fail(faults.stall())
        with pytest.raises(httpx.ReadTimeout):
            Client(emulator, http).run()
        stopping = time.perf_counter()
    assert time.perf_counter() - stopping < 3


def test_it_can_be_used_again_on_the_same_port(http: httpx.Client) -> None:
    emulator = Emulator().start()
    with emulator:  # starts and stops nothing twice
        first = emulator.url
        emulator.reply("kept")
    emulator.stop()
    with pytest.raises(RuntimeError, match="isn't running"):
        _ = emulator.url
    with emulator:
        assert emulator.url == first
        assert "kept" in Client(emulator, http).run().text
    assert len(emulator.requests) == 1


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
    assert get(emulator.url).status_code == 200
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
    told = ["account_id", "api_token", "base_url", "gateway_base_url"]
    assert [*emulator.client] == told
    assert emulator.environment["CLOUDFLARE_API_TOKEN"] == emulator.api_token


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0"])
def test_serve_prints_how_to_use_it_and_stops_on_ctrl_c(
    host: str, capsys: pytest.CaptureFixture[str]
) -> None:

    def visit_and_interrupt() -> tuple[str, int]:
        printed = ""
        while "Ctrl-C" not in printed:
            printed += capsys.readouterr().out
            time.sleep(0.01)
        status = get(printed.split()[3]).status_code
        os.kill(os.getpid(), signal.SIGINT)
        return printed, status

    with ThreadPoolExecutor(1) as threads:
        visited = threads.submit(visit_and_interrupt)
        serve(host, port=0)
    printed, status = visited.result()
    assert status == 200
    assert ("Warning: 0.0.0.0 can be reached" in printed) is (host == "0.0.0.0")
    assert "base_url='http://127.0.0.1:" in printed
    assert "ChatCloudflareGemini(" in printed
    assert "api_token=" in printed
    assert capsys.readouterr().out.endswith("Stopped.\n")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(ImportError, match=r"langchain-cf-gemini\[emulator\]"):
        Emulator().start()


def test_a_missing_certificate(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Emulator(certificate=tmp_path / "none.pem").start()
