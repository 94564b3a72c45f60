"""The built documentation site in a real browser; `make site` builds and runs this."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

SITE = Path(__file__).parents[2] / "site"
PAGES = sorted(
    path.parent.relative_to(SITE).as_posix() for path in SITE.rglob("index.html")
)
needs_site = pytest.mark.skipif(not PAGES, reason="`make docs` has not built the site")
pytestmark = [needs_site, pytest.mark.timeout(600)]

PHONE: Any = {"width": 390, "height": 800}
DESKTOP: Any = {"width": 1280, "height": 900}

# WCAG 2.2, 1.4.3: 4.5:1, and 3:1 for large text. Returns the texts below.
CONTRAST = """() => {
  const parse = text => {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 1;
    const pen = canvas.getContext('2d', {willReadFrequently: true});
    pen.fillStyle = text;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => {
    const a = top[3];
    return [0, 1, 2].map(i => top[i] * a + under[i] * (1 - a)).concat(1);
  };
  const light = colour => {
    const [r, g, b] = colour.slice(0, 3).map(c => {
      c /= 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = element => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      const colour = parse(getComputedStyle(e).backgroundColor);
      if (colour[3]) layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((under, top) => over(top, under),
      [255, 255, 255, 1]);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const low = new Map();
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    const style = getComputedStyle(element);
    if (!text || !element.checkVisibility({opacityProperty: true,
        visibilityProperty: true})) continue;
    const box = element.getBoundingClientRect();
    if (!box.width || !box.height) continue;
    const under = ground(element), colour = over(parse(style.color), under);
    const [a, b] = [light(colour), light(under)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (isLarge ? 3 : 4.5) - 0.005)
      low.set(element.tagName + '.' + element.className,
        ratio.toFixed(2) + ' ' + text.slice(0, 40));
  }
  return [...low].map(entry => entry.join(': '));
}"""


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
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda said: problems.append(said.text) if said.type == "error" else None,
    )
    page.on("requestfailed", lambda request: problems.append(request.url))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(("http://127.0.0.1:", "data:"))
            else problems.append(f"a request to {request.url}")
        ),
    )
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
        if found := page.evaluate(CONTRAST):
            low[name] = found[:5]
        page.close()
    context.close()
    assert low == {}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("retry", "errors/"),
        ("async", "async/"),
        ("langsmith", "tracing/"),
        ("api key", "credentials/"),
        ("dotenv", "credentials/"),
        ("ChatOpenAI", "migration/"),
    ],
)
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
