"""The page in the browser: the exchanges so far."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from langchain_cf_gemini.emulator import Emulator, call, faults, image, reply
from tests.support.browser import LOW_CONTRAST, problems_of
from tests.support.judge import Client, function, user

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, emulator: Emulator) -> Iterator[OpenPage]:
    """Opens the page, which must go without any error."""
    problems: list[list[str]] = []
    contexts = []

    def opened(**settings: Any) -> Page:
        context = browser.new_context(
            permissions=["clipboard-read", "clipboard-write"], **settings
        )
        contexts.append(context)
        page = context.new_page()
        problems.append(problems_of(page))
        page.goto(emulator.url)
        page.locator("#live", has_text="live").wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not any(problems), problems


def ask(client: Client, *parts: Any) -> None:
    client.run({"contents": [user(*parts)]})


def test_before_the_first_exchange(open_page: OpenPage, client: Client) -> None:
    page = open_page()
    place = client.emulator.url.removeprefix("http://")
    assert page.title() == f"Gemini emulator on {place}"
    assert page.locator("#empty").is_visible()
    assert not page.locator("#heads").is_visible()
    python = page.locator("#python").inner_text()
    made: dict[str, Any] = {}
    exec(python, made)  # the lines to copy work as they are
    assert made["model"].base_url == client.emulator.base_url
    environment = page.locator("#environment").inner_text()
    told = dict(line[7:].split("=", 1) for line in environment.splitlines())
    assert told.items() <= client.emulator.environment.items()
    page.locator("details.exchange").wait_for()
    assert not page.locator("#empty").is_visible()


def test_the_columns_newest_first(open_page: OpenPage, client: Client) -> None:
    emulator = client.emulator
    emulator.reply("18 °C in Lima")
    ask(client, "What is the weather in Lima?")
    client.run({"contents": [user("Hi")], "nonsense": 1})
    client.gateway({"contents": [user("Stream")]}, model="gemini-2.5-flash")
    emulator.fail(faults.status(429))
    ask(client, "Again")
    page = open_page()
    rows = page.locator("details.exchange")
    assert rows.count() == 4

    def cell(row: int, name: str) -> str:
        return rows.nth(row).locator(f"summary .{name}").inner_text()

    assert [cell(row, "number") for row in range(4)] == ["#4", "#3", "#2", "#1"]
    outcomes = [cell(row, "outcome") for row in range(4)]
    failed = ["Failed: 429 Too Many Requests", "Failed: 400 Bad Request"]
    assert outcomes == [failed[0], "200 OK", failed[1], "200 OK"]
    assert cell(1, "endpoint") == "gateway, stream"
    assert (cell(3, "endpoint"), cell(3, "source")) == ("run", "scripted")
    assert cell(1, "model") == "gemini-2.5-flash"
    assert "refused by rule schema" in cell(2, "source")
    assert "fault: status code=429" in cell(0, "source")
    assert cell(3, "duration").endswith(" ms")
    assert "Lima? → 18 °C in Lima" in cell(3, "said")
    answer = rows.nth(3).locator("pre.answer")
    assert not answer.is_visible()
    rows.nth(3).locator("summary").click()
    assert "18 °C in Lima" in answer.inner_text()
    assert "Lima?" in rows.nth(3).locator("pre.request").inner_text()
    assert "totalTokenCount" in rows.nth(3).locator(".fold").inner_text()


def test_it_lives_and_keeps_what_is_open(open_page: OpenPage, client: Client) -> None:
    ask(client, "one")
    page = open_page()
    first = page.locator("#exchange-1")
    first.locator("summary").click()
    client.emulator.answer("left over", text="Oslo")
    ask(client, "two")
    page.locator("#exchange-2").wait_for()
    assert first.locator("pre.request").is_visible()
    page.locator("#left", has_text="'left over' for text 'Oslo'").wait_for()
    client.emulator.reset()
    page.locator("#empty").wait_for()
    assert page.locator("details.exchange").count() == 0
    ask(client, "another")
    page.locator("#exchange-1", has_text="another").wait_for()


def test_what_came_is_text(open_page: OpenPage, client: Client) -> None:
    client.emulator.reply("<b>bold</b><img src=x onerror=alert(2)>")
    ask(client, "<script>alert(1)</script>")
    client.run({"contents": [user("x")], "</script>": '"<i>' * 9})
    lone = b'{"input": {"contents": [{"parts": [{"text": "\\ud800"}]}]}}'
    client.http.post(f"{client.emulator.base_url}/x", content=lone)
    page = open_page()
    page.on("dialog", lambda dialog: pytest.fail(dialog.message))
    page.locator("#exchange-1 summary").click()
    assert page.locator("main b, main i, main img, main script").count() == 0
    assert "<b>bold</b>" in page.locator("#exchange-1 pre.answer").inner_text()


def test_pictures_are_small(open_page: OpenPage, client: Client) -> None:
    data = base64.b64encode(bytes(200_000)).decode()
    pixel = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
        "awAAAABJRU5ErkJggg=="
    )
    client.emulator.answer(image(pixel))
    ask(client, {"inlineData": {"mimeType": "audio/wav", "data": data}})
    page = open_page()
    page.locator("#exchange-1 summary").click()
    request = page.locator("#exchange-1 pre.request").inner_text()
    assert "(audio/wav, 195 KB)" in request
    assert len(request) < 1000
    picture = page.locator("#exchange-1 img")
    assert picture.count() == 1
    assert picture.evaluate("picture => picture.naturalWidth") == 1


def test_filter_and_clear(open_page: OpenPage, client: Client) -> None:
    for city in ("Lima", "Oslo"):
        ask(client, f"Weather in {city}?")
    page = open_page()
    page.locator("#filter").fill("oslo")
    assert page.locator("details.exchange:visible").count() == 1
    ask(client, "Lima again")
    page.locator("#exchange-3").wait_for(state="attached")
    assert page.locator("details.exchange:visible").count() == 1
    page.locator("#filter").fill("")
    assert page.locator("details.exchange:visible").count() == 3
    for _ in range(5):  # whatever the page is doing meanwhile
        page.locator("#clear").click()
        page.locator("#empty").wait_for()
        assert client.emulator.exchanges == []
        ask(client, "Oslo again")
        page.locator("#exchange-1").wait_for()


def copied(page: Page, kind: str) -> str:
    page.locator("#exchange-1 summary").click()
    page.locator(f"#exchange-1 button.{kind}").click()
    page.locator(f"#exchange-1 button.{kind}", has_text="Copied").wait_for()
    return str(page.evaluate("navigator.clipboard.readText()"))


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_copied_curl_asks_the_same(open_page: OpenPage, client: Client) -> None:
    ask(client, "It's “Lima” $HOME \\ ?")
    command = copied(open_page(), "curl")
    assert '"success": true' in subprocess.check_output(command, shell=True, text=True)
    first, second = client.emulator.exchanges
    assert (first.path, first.body) == (second.path, second.body)


COPIED: list[tuple[Any, str]] = [
    (reply('18 °C "outside"\n'), "reply("),
    (call("get_weather", city="Lima", days=None), 'call("get_weather", city="Lima"'),
    (faults.status(404), "faults.status(404)"),
]


def test_copied_tests_run(open_page: OpenPage, client: Client, tmp_path: Path) -> None:
    declared = function("get_weather", city={"type": "STRING"}, days={})
    tools = [{"functionDeclarations": [declared]}]
    for number, (said, line) in enumerate(COPIED):
        client.emulator.answer(said)
        client.run({"contents": [user("Lima's weather?")], "tools": tools})
        source = copied(open_page(), "test")
        assert line in source
        (tmp_path / f"test_copied_{number}.py").write_text(source, "utf-8")
        client.emulator.reset()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rA"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    outcomes = sorted(
        re.findall(r"^(PASSED|FAILED) test_copied_(\d)", done.stdout, re.M)
    )
    assert outcomes == [("FAILED", "2"), ("PASSED", "0"), ("PASSED", "1")], done.stdout
    assert "CloudflareNotFoundError" in done.stdout


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_telephone_in_both_colors(
    open_page: OpenPage, client: Client, scheme: str
) -> None:
    ask(client, "word " * 50 + "x" * 300)
    page = open_page(color_scheme=scheme, viewport={"width": 390, "height": 844})
    page.locator("#exchange-1 summary").click()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (back == "rgb(255, 255, 255)") is (scheme == "light")
    assert page.evaluate(LOW_CONTRAST) == []
