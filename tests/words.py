"""Habits that the words for users avoid; `make check` looks for them.

CONTRIBUTING.md has the guide. Code, names and URLs are left out.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "tests/README.md"]
PAGES += [
    ROOT / "docs" / name for name in ("command-line.md", "verify.md", "gateway.md")
]
BANNED = re.compile(
    r"far side|asked again|of (?:its|your|their) own with|on the wire|\bmends?\b"
    r"|so often|as \w+ proxies|\be\.g\.|whole answer|is told|\bdialect\b",
    re.I,
)
_CODE = re.compile(r"```.*?```|`[^`\n]*`|\]\([^)]*\)", re.S)


def problems(page: Path) -> list[str]:
    """The lines of a page that have a banned habit."""
    text = _CODE.sub(
        lambda found: re.sub(r"[^\n]", " ", found[0]), page.read_text("utf-8")
    )
    return [
        f"{page.relative_to(ROOT)}:{number}: {found[0]!r}"
        for number, line in enumerate(text.splitlines(), 1)
        for found in BANNED.finditer(line)
    ]


def main() -> int:
    """Print every problem; the exit status tells whether there is one."""
    found = [problem for page in PAGES for problem in problems(page)]
    print("\n".join(found))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
