"""Habits that the words for users avoid; `make check` looks for them.

CONTRIBUTING.md has the guide. It covers the README, the docs, the notebooks' prose, the
docstrings of public names, the command line's help, error and log messages and the
changelog. Code, names and URLs are left out.
"""

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "langchain_cf_gemini"
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += [ROOT / "tests/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PUBLIC = [PACKAGE / name for name in ("chat_models.py", "gateway.py", "exceptions.py")]
PUBLIC += [PACKAGE / "emulator" / f"{name}.py" for name in ("answers", "faults")]
PUBLIC += [PACKAGE / "emulator" / name for name in ("_emulator.py", "_inspection.py")]
# Messages are sentences in raised errors, warnings and log lines.
SOURCES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if not {"_google", "_cloudflare"} & {*path.parts[-3:-1]}
    or "emulator" not in str(path)
]

BANNED = re.compile(
    r"far side|ask(?:s|ed)? (?:again|anew)|\bof (?:its|your|their) own\b|on the wire"
    r"|\bmends?\b|so often|\bas \w+ proxies\b|\be\.g\.|whole answer|\bis told\b"
    r"|\bdialects?\b|laid over|lay over|takes? back|reason of set-up|\bbelieves?\b"
    r"|in one piece|\bspeaks?\b|\bsays\b|\btold\b|\bhears?\b|\bknows\b|\bpromises\b"
    r"|\bthe wire\b|\banew\b|\brepetitions?\b|\bbeside\b|no last words"
    r"|\bcatalogue\b|\bbehaviour\b",
    re.IGNORECASE,
)
_CODE = re.compile(r"```.*?```|`[^`\n]*`|\]\([^)]*\)|https?://\S+", re.S)
_LONGEST_SENTENCE = 40
_SENTENCE = re.compile(r"[^.!?:;|\n]+")


def problems(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the habit of each offense in a text."""
    words = _CODE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    for number, line in enumerate(words.splitlines(), 1):
        for found in BANNED.finditer(line):
            yield number, repr(found[0])
        for sentence in _SENTENCE.findall(line):
            if (count := len(sentence.split())) > _LONGEST_SENTENCE:
                yield number, f"a sentence of {count} words"


def texts() -> Iterator[tuple[str, int, str]]:
    """Yield everything that users read: where it is, its first line, the text."""
    for page in PAGES:
        yield str(page.relative_to(ROOT)), 0, page.read_text("utf-8")
    for notebook in NOTEBOOKS:
        cells = json.loads(notebook.read_text("utf-8"))["cells"]
        for place, cell in enumerate(cells):
            if cell["cell_type"] == "markdown":
                yield f"notebooks/{notebook.name}[{place}]", 0, "".join(cell["source"])
    for read, paths in ((_docstring, PUBLIC), (_message, SOURCES)):
        for path in paths:
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                yield from read(path, node)


def _docstring(path: Path, node: ast.AST) -> Iterator[tuple[str, int, str]]:
    kinds = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    if isinstance(node, kinds) and not node.name.startswith("_"):
        line = node.body[0].lineno - 1
        yield str(path.relative_to(ROOT)), line, ast.get_docstring(node) or ""


_SENDERS = frozenset({"warning", "warn", "warn_caller", "add_argument", "add_parser"})


def _message(path: Path, node: ast.AST) -> Iterator[tuple[str, int, str]]:
    """Yield the texts of an error that is raised, a log line, or a line of help."""
    if isinstance(node, ast.Raise):
        where: ast.AST | None = node.exc
    elif isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        where = node if name in _SENDERS or name.endswith("Error") else None
    else:
        return
    for inner in ast.walk(where) if where else ():
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield str(path.relative_to(ROOT)), inner.lineno - 1, inner.value


def main() -> int:
    """Print every problem; the exit status is 1 if there is one."""
    found = {
        f"{where}:{line + number}: {habit}"
        for where, line, text in texts()
        for number, habit in problems(text)
    }
    print("\n".join(sorted(found)))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
