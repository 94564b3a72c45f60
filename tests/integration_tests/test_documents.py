"""README and documentation: every block of Python in them runs, and tells the truth."""

import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

import langchain_cf_gemini
from langchain_cf_gemini import exceptions as _exceptions
from langchain_cf_gemini.emulator import Emulator

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.M | re.S)
# What no program could run; anything else in a fence would go untested.
_NOT_PYTHON = {"bash", "sh", "text", "toml", "yaml", "json", "mermaid"}
# A page addresses Cloudflare; here its models are pointed at the emulator.
_MODEL = re.compile(r"ChatCloudflareGemini\((?![^()]*emulator\.client)")


# What `make ecosystem` installs, and runs the pages again with.
_ECOSYSTEM = re.compile(r"^from (langfuse|openinference|opentelemetry)", re.M)


def _needs_the_ecosystem(code: str) -> bool:
    return any(find_spec(name) is None for name in _ECOSYSTEM.findall(code))


def fences(page: Path) -> list[tuple[str, str]]:
    return _FENCE.findall(page.read_text("utf-8"))


def blocks(page: Path) -> list[str]:
    return [code for language, code in fences(page) if language == "python"]


# The output that a page shows under a block of code.
_SHOWN = re.compile(
    r"^```python\n(.*?)^```\n\n```text title=\"Output\"\n(.*?)^```$", re.M | re.S
)


def shown_outputs(page: Path) -> dict[str, str]:
    return dict(_SHOWN.findall(page.read_text("utf-8")))


PROGRAMS = [page for page in PAGES if blocks(page)]


def test_every_page_has_a_description() -> None:
    missing = [
        p.name for p in PAGES[1:] if "\ndescription: " not in p.read_text("utf-8")
    ]
    assert missing == []


def test_pages_have_programs() -> None:
    assert DOCS / "index.md" in PROGRAMS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_fence_names_a_language(page: Path) -> None:
    named = {language for language, _ in fences(page)}
    assert named <= {"python", *_NOT_PYTHON}


@pytest.mark.parametrize("page", PROGRAMS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_python_block_runs(
    page: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    outputs = shown_outputs(page)
    with Emulator() as emulator:
        for name, value in emulator.environment.items():
            monkeypatch.setenv(name, value)
        names = {"__name__": "__main__", "emulated": emulator.client}
        for code in blocks(page):
            if _needs_the_ecosystem(code):
                continue
            program = _MODEL.sub("ChatCloudflareGemini(**emulated, ", code)
            capsys.readouterr()
            exec(compile(program, str(page), "exec"), names)
            if code in outputs:
                assert capsys.readouterr().out == outputs[code]


def test_outputs_are_shown() -> None:
    assert sum(len(shown_outputs(page)) for page in PROGRAMS) >= 8


def test_every_replaced_argument_is_in_the_guide() -> None:
    assert "{{ foreign_arguments }}" in (DOCS / "migration.md").read_text("utf-8")


def test_every_error_has_a_section_on_the_page_about_errors() -> None:
    page = (DOCS / "errors.md").read_text("utf-8")
    classes = [
        name
        for name, value in vars(_exceptions).items()
        if isinstance(value, type)
        and issubclass(value, Exception)
        and value.__module__ == _exceptions.__name__
    ]
    assert len(classes) > 10
    sections = set(re.findall(r"^## (\w+)$", page, re.M))
    assert {*classes} - {"CloudflareGeminiError"} <= sections


def test_every_public_name_is_in_the_reference() -> None:
    pages = "".join(p.read_text("utf-8") for p in (DOCS / "reference").glob("*.md"))
    public = set(langchain_cf_gemini.__all__) - set(vars(_exceptions)) - {"__version__"}
    missing = {n for n in public if f"::: langchain_cf_gemini.{n}\n" not in pages}
    assert missing == set()


def test_every_fault_has_tests() -> None:
    page = (DOCS / "faults.md").read_text("utf-8")
    rows = {int(row) for row in re.findall(r"^\| (\d+) \|", page, re.M)}
    sources = "".join(p.read_text("utf-8") for p in (ROOT / "tests").rglob("test_*.py"))
    assert rows == set(range(1, max(rows) + 1))
    assert {
        int(row) for row in re.findall(r"(?:fault\(row=|Fate\()(\d+)", sources)
    } == rows


def test_the_package_page_links_to_no_file() -> None:
    """It has none beside it: a link to a file becomes the path that the sdist has."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    build = project["tool"]["hatch"]
    (rule,) = build["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]
    text = (ROOT / "README.md").read_text("utf-8")
    linked = re.findall(r"\]\((?!#|https?://)([^)]+)\)", text)
    page = re.sub(rule["pattern"], rule["replacement"], text)
    assert not re.search(r"\]\((?!#|https?://)", page)
    sdist = build["build"]["targets"]["sdist"]
    included = {each.split("/")[1] for each in sdist["include"]}
    for path in linked:
        assert f"(`{path}`)" in page
        assert path.split("/")[0] in included | sdist["force-include"].keys()
