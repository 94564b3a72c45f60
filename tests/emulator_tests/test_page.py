"""The page in the browser: the exchanges so far."""

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from langchain_cf_gemini.emulator import Emulator
from tests.support.judge import Client, user

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")


def test_before_the_first_exchange(client: Client) -> None:
    page = client.http.get(client.emulator.url)
    assert page.headers["content-type"].startswith("text/html")
    assert "No exchange yet" in page.text


def test_exchanges_are_shown_and_escaped(client: Client) -> None:
    client.emulator.reply("<b>bold</b>")
    client.run({"contents": [user("<script>alert(1)</script>")]})
    page = client.http.get(client.emulator.url).text
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert client.emulator.api_token not in page


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="Playwright is not installed"
    )
    if CHROMIUM is None:
        pytest.skip("no browser: Debian's package chromium is not installed")
    with playwright.sync_playwright() as running:
        # Root cannot use Chromium's sandbox; the page is our own.
        browser = running.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


def test_in_a_real_browser(
    browser: "Browser", client: Client, emulator: Emulator
) -> None:
    emulator.reply("18 °C in Lima")
    client.run({"contents": [user("What is the weather in Lima?")]})
    client.run({"contents": [user("Hi")], "nonsense": 1})
    page = browser.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(emulator.url)
    exchanges = page.locator("details.exchange")
    assert exchanges.count() == 2
    assert "What is the weather in Lima?" in exchanges.nth(0).inner_text()
    answer = exchanges.nth(0).locator("pre.answer")
    assert not answer.is_visible()
    exchanges.nth(0).locator("summary").click()
    assert "18 °C in Lima" in answer.inner_text()
    assert "Lima?" in exchanges.nth(0).locator("pre.request").inner_text()
    refused = exchanges.nth(1).locator("summary").inner_text()
    assert "400" in refused
    assert "refused by rule schema" in refused
    assert " ms" in refused
    client.run({"contents": [user("One more")]})
    page.reload()
    assert exchanges.count() == 3
    assert problems == []
    page.close()
