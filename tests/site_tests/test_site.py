"""The built documentation site in a real browser; `make site` builds and runs this."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.browser import LOW_CONTRAST, problems_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

SITE = Path(__file__).parents[2] / "site"
PAGES = sorted(
    path.parent.relative_to(SITE).as_posix() for path in SITE.rglob("index.html")
)
needs_site = pytest.mark.skipif(not PAGES, reason="`make docs` has not built the site")
pytestmark = [needs_site, pytest.mark.slow, pytest.mark.timeout(600)]

PHONE: Any = {"width": 390, "height": 800}
DESKTOP: Any = {"width": 1280, "height": 900}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(SITE)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def opened(context: "BrowserContext", address: str) -> "tuple[Page, list[str]]":
    """Open a page; return it with what went wrong while it loaded."""
    page = context.new_page()
    problems = problems_of(page)
    page.on("requestfailed", lambda request: problems.append(request.url))

    def asked(request: Any) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:")):
            problems.append(f"a request to {request.url}")

    page.on("request", asked)
    page.goto(address, wait_until="load")
    return page, problems


def test_a_phone_shows_every_page_without_scrolling_sideways(
    browser: "Browser", root: str
) -> None:
    context = browser.new_context(viewport=PHONE)
    wide = {}
    for name in PAGES:
        page, problems = opened(context, f"{root}/{name}/")
        assert problems == [], name
        width = page.evaluate("document.documentElement.scrollWidth")
        cut = page.evaluate(
            "[...document.querySelectorAll('table:not([class])')].filter("
            "t => t.getBoundingClientRect().right > 391).length"
        )
        if width > PHONE["width"] or cut:
            wide[name] = (width, cut)
        page.close()
    context.close()
    assert wide == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out(browser: "Browser", root: str, scheme: Any) -> None:
    context = browser.new_context(viewport=DESKTOP, color_scheme=scheme)
    low = {}
    for name in PAGES:
        page, problems = opened(context, f"{root}/{name}/")
        assert problems == [], name
        if found := page.evaluate(LOW_CONTRAST):
            low[name] = found[:5]
        page.close()
    context.close()
    assert low == {}


FOUND = {
    "retry": "errors/",
    "async": "async/",
    "langsmith": "tracing/",
    "api key": "credentials/",
    "dotenv": "credentials/",
    "ChatOpenAI": "migration/",
}


@pytest.mark.parametrize(("words", "found"), FOUND.items())
def test_search_finds_the_page(
    browser: "Browser", root: str, words: str, found: str
) -> None:
    context = browser.new_context(viewport=DESKTOP)
    page, _ = opened(context, f"{root}/")
    page.click("input.md-search__input")
    page.type("input.md-search__input", words)
    page.wait_for_selector(".md-search-result__item a")
    links = page.eval_on_selector_all(
        ".md-search-result__item > a", "all => all.map(a => a.getAttribute('href'))"
    )
    context.close()
    assert any(found in link for link in links[:3]), links[:6]


def test_every_page_has_its_own_description_and_a_next_one() -> None:
    texts = {name: (SITE / name / "index.html").read_text("utf-8") for name in PAGES}
    descriptions: dict[str, list[str]] = {}
    for name, html in texts.items():
        said = html.partition('<meta name="description" content="')[2].partition('"')[0]
        descriptions.setdefault(said, []).append(name)
    twice = {said: names for said, names in descriptions.items() if len(names) > 1}
    assert twice == {}
    assert all(
        "md-footer__link" in html
        for name, html in texts.items()
        if name != "fault-tests"
    )
