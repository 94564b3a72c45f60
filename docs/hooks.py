"""Pages that are written from the code, and a check of every link in the built site.

MkDocs calls the `on_...` functions; see `hooks` in mkdocs.yml.
"""

import ast
import json
import re
from collections import defaultdict
from pathlib import Path
from textwrap import dedent
from typing import Any
from urllib.parse import unquote, urlsplit

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

from langchain_cf_gemini._langchain.foreign_arguments import FOREIGN_ARGUMENTS
from langchain_cf_gemini._verify import beliefs

ROOT = Path(__file__).parents[1]
# The Worker that `make worker` runs.
ENTRY = ROOT / "examples" / "worker" / "src" / "entry.py"
_ROW = re.compile(r"pytest\.mark\.fault\(row=(\d+)\)")
_FATE = re.compile(r"\bFate\((\d+), ")
_NOTEBOOK_LINK = re.compile(r'href="(\d\d_\w+)\.ipynb"')
# A notebook names a page by its place in the repository.
_PAGE_LINK = re.compile(r'href="\.\./docs/([\w/-]+)\.md"')
_TABLE = re.compile(r"<table>.*?</table>", re.S)
_HEAD = re.compile(r"<th[^>]*>(.*?)</th>", re.S)
_NO_TEXT = re.compile(r'alt="No description has been provided for this image"')
_LINK = re.compile(r'(?:href|src)="([^"]+)"')
_ID = re.compile(r'\bid="([^"]+)"')


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages."""
    for name, content in (
        ("fault-tests.md", fault_tests_page()),
        ("changelog.md", changelog_page()),
    ):
        files.append(File.generated(config, name, content=content))
    return files


def changelog_page() -> str:
    """The changelog, whose links to other files of the repository become text."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    front = "---\ndescription: Changes of each version of langchain-cf-gemini.\n---\n\n"
    return front + re.sub(r"\bdocs/([a-z-]+)\.md\b", r"[\1](\1.md)", text)


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Fill in what a page leaves to the code."""
    if page.file.src_uri == "faults.md":
        return faults_page(markdown)
    if page.file.src_uri == "proven.md":
        return markdown.replace("{{ beliefs }}", beliefs.tables())
    if page.file.src_uri == "worker.md":
        entry = f"```python\n{ENTRY.read_text('utf-8')}```"
        return markdown.replace("{{ entry }}", entry)
    if page.file.src_uri == "models.md":
        return markdown.replace("{{ models }}", models_table())
    if page.file.src_uri == "migration.md":
        return markdown.replace("{{ foreign_arguments }}", foreign_arguments_table())
    return markdown.replace("{{ rules }}", rules_table())


def on_page_content(html: str, page: Any, config: Any, files: Any) -> str:
    """Lead links between notebooks to their pages; name each cell's column."""
    if page.file.src_uri.startswith("guides/"):
        html = _NOTEBOOK_LINK.sub(r'href="../\1/"', html)
        html = _PAGE_LINK.sub(r'href="../../\1/"', html)
        page.meta["description"] = first_paragraph(html)
        return with_alternative_texts(html, ROOT / "notebooks" / page.file.name)
    return _TABLE.sub(_labelled, html)


def first_paragraph(html: str) -> str:
    """The text of a page's first paragraph, without quotation marks."""
    found = re.search(r"<p>(.*?)</p>", html, re.S)
    words = re.sub(r"<[^>]+>|\"", "", found[1]).split() if found else []
    return " ".join(words)


def _labelled(table: re.Match[str]) -> str:
    """A table whose cells carry their column's name, which a phone shows with them."""
    heads = [re.sub(r"<[^>]+>|\"", "", head) for head in _HEAD.findall(table[0])]
    rows = table[0].split("<tr>")
    for place, row in enumerate(rows):
        cells = row.split("<td")
        for column, name in enumerate(heads[: len(cells) - 1], 1):
            cells[column] = f' data-label="{name}"{cells[column]}'
        rows[place] = "<td".join(cells)
    return "<tr>".join(rows)


def with_alternative_texts(html: str, stem: Path) -> str:
    """Give each image of a notebook the text in its cell's metadata."""
    cells = json.loads(stem.with_suffix(".ipynb").read_text("utf-8"))["cells"]
    texts = iter(
        cell["metadata"].get("alt", "")
        for cell in cells
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", {})
    )
    return _NO_TEXT.sub(lambda _: f'alt="{next(texts)}"', html)


def on_post_build(config: Any) -> None:
    """Refuse links that lead nowhere inside the site."""
    site = Path(config.site_dir)
    pages = {path: path.read_text("utf-8") for path in site.rglob("index.html")}
    ids = {path: set(_ID.findall(html)) for path, html in pages.items()}
    dead = [
        f"{path.relative_to(site)}: {link}"
        for path, html in pages.items()
        for link in _LINK.findall(html)
        if not _leads_somewhere(path, link, ids)
    ]
    if dead:
        raise PluginError("dead links:\n" + "\n".join(dead))


def _leads_somewhere(path: Path, link: str, ids: dict[Path, set[str]]) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    target = target / "index.html" if target.is_dir() else target
    if not parts.fragment or target not in ids:
        return target.exists()
    return unquote(parts.fragment) in ids[target]


def tests_of_rows() -> dict[int, list[tuple[Path, ast.stmt | ast.expr]]]:
    """The tests of each row: functions with its marker, and tables' rows `Fate(row, …`.

    Under 0 stands the function that runs the rows of a table.
    """
    found: dict[int, list[Any]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            for marker in getattr(node, "decorator_list", ()):
                if row := _ROW.fullmatch(ast.unparse(marker)):
                    found[int(row[1])].append((path, node))
            for each in getattr(getattr(node, "value", None), "elts", ()):
                if row := _FATE.search(ast.unparse(each)):
                    found[int(row[1])].append((path, each))
            if "fate: Fate" in ast.unparse(getattr(node, "args", node)):
                found[0].append((path, node))
    return found


def faults_page(markdown: str) -> str:
    """The table of faults with a link from each number to its tests."""
    return re.sub(
        r"^\| (\d+) \|", r"| [\1](fault-tests.md#row-\1) |", markdown, flags=re.M
    )


def fault_tests_page() -> str:
    """The source of every test that a row of the faults has."""
    tests = tests_of_rows()
    lines = [
        "---",
        "description: The tests behind each row of the page on failure handling.",
        "search:",
        "  exclude: true",
        "---",
        "",
        "# Tests of the failures",
        "",
        "Each row of [Failure handling](faults.md) with its tests. "
        "They run with the whole suite, most of them over a real socket on loopback.",
    ]
    for row in sorted(tests):
        title = f"Row {row}" if row else "What every `Fate` below is tried with"
        lines += ["", f"## {title} {{ #row-{row} }}"]
        for path, node in tests[row]:
            source = path.read_text("utf-8").splitlines()
            decorators = getattr(node, "decorator_list", ())
            start = min([node.lineno, *(d.lineno for d in decorators)])
            body = dedent("\n".join(source[start - 1 : node.end_lineno])).splitlines()
            title = f"{path.relative_to(ROOT)}:{start}"
            lines += ["", f'```python title="{title}"', *body, "```"]
    return "\n".join(lines)


def rules_table() -> str:
    """The rules that judge a request, in their order, as a table."""
    # Here, so that a page without rules needs nothing of the package.
    from langchain_cf_gemini.emulator._google.rules.all_rules import RULES

    rows = (f"| {rule.name} | {rule.proof} | {rule.source} |" for rule in RULES)
    return "\n".join(
        ["| rule | how well proven | source |", "| --- | --- | --- |", *rows]
    )


def foreign_arguments_table() -> str:
    """The arguments of other packages and their replacements, as a table."""
    rows = (f"| `{name}` | {advice} |" for name, advice in FOREIGN_ARGUMENTS.items())
    return "\n".join(["| argument | what to do |", "| --- | --- |", *rows])


def models_table() -> str:
    """The catalogue as a table."""
    from langchain_cf_gemini._cloudflare.catalogue import MODELS

    heads = ["id", "Google's id", "context", "output", "thinking", "price"]
    heads += ["last day", "refuses", "ignores"]
    lines = [f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads)]
    return "\n".join([*lines, *map(_model_row, MODELS)])


def _model_row(model: Any) -> str:
    levels = [
        f"**{level}**" if level == model.default_thinking_level else level
        for level in model.thinking_levels or ()
    ]
    prices = [_shown_prices(model.prices)]
    prices += [f"from {day}: {_shown_prices(p)}" for day, p in model.price_changes]
    instead = f" ({model.replaced_by})" if model.replaced_by else ""
    last = model.retirement_date or ""
    if model.vertex_retirement_date:
        last += f" run: {model.vertex_retirement_date}"
    refuses = ", ".join(
        name.replace("_", " ").replace("@gemini api", " (gateway)")
        for name in model.refuses
    )
    mark = "" if model.listed else " (not listed by Cloudflare, November 2026)"
    cells = (
        f"`{model.id}`{mark}",
        f"`{model.google_id}`",
        f"{model.context_length:,}",
        f"{model.max_output_tokens:,}" if model.max_output_tokens else "",
        ", ".join(levels) or "budget in tokens",
        "; ".join(prices),
        last.strip() + instead,
        refuses,
        ", ".join(model.ignores),
    )
    return f"| {' | '.join(cells)} |"


def _shown_prices(prices: Any) -> str:
    if prices is None:
        return "not listed"
    each = (prices.input, prices.cached, prices.output)
    shown = " / ".join("?" if price is None else f"{price:g}" for price in each)
    tall = prices.long_context
    over = f", over {prices.long_context_over:,}: {_shown_prices(tall)}" if tall else ""
    return shown + over
