"""The page on testing: every line that it names scripts something."""

import re
from pathlib import Path
from typing import Any

import pytest

from langchain_cf_gemini import emulator as _door
from langchain_cf_gemini.emulator import Emulator, faults

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "testing.md").read_text("utf-8")
LINES = re.findall(r"^\| [^|]+ \| `(\w+(?:\.\w+)?\(.*\))` \|$", PAGE, re.M)


def test_the_page_has_lines() -> None:
    assert len(LINES) > 30


@pytest.mark.parametrize("line", LINES)
def test_every_line_scripts(line: str) -> None:
    emulator = Emulator()
    names: dict[str, Any] = {name: getattr(_door, name) for name in _door.__all__}
    made = eval(line, {**names, "emulator": emulator})
    scripted = emulator._service.script.left()
    assert len(scripted) == 1 or isinstance(made, Emulator)


def test_every_kind_of_fault_has_a_line() -> None:
    named = {
        name for name in faults.KINDS if re.search(rf"\b{name}\(", " ".join(LINES))
    }
    by_number = {"status"} if "emulator.fail(429" in PAGE else set()
    assert set(faults.KINDS) - named - by_number <= {"stream_for_json"}
