"""What every notebook must be; `make notebooks` runs them from top to bottom."""

import json
from pathlib import Path
from typing import Any

import pytest

DIRECTORY = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(DIRECTORY.glob("*.ipynb"))

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[dict[str, Any]]:
    read = json.loads(path.read_text("utf-8"))["cells"]
    return [cell for cell in read if cell["cell_type"] == kind]


def test_the_seven_notebooks_are_there() -> None:
    assert [path.name[:2] for path in NOTEBOOKS] == [f"{n:02}" for n in range(1, 8)]


@every_notebook
def test_prose_comes_first_and_says_who_answers(path: Path) -> None:
    first = json.loads(path.read_text("utf-8"))["cells"][0]
    assert first["cell_type"] == "markdown"
    text = "".join(first["source"])
    assert text.startswith("# ")
    assert "emulator" in text


@every_notebook
def test_cells_are_short(path: Path) -> None:
    sizes = [len("".join(cell["source"]).splitlines()) for cell in cells(path, "code")]
    assert max(sizes) <= 15


@every_notebook
def test_outputs_are_those_of_one_run_without_an_error(path: Path) -> None:
    code = cells(path, "code")
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    kinds = {output["output_type"] for cell in code for output in cell["outputs"]}
    assert kinds <= {"stream", "display_data", "execute_result"}


@every_notebook
def test_outputs_name_no_place_of_this_machine(path: Path) -> None:
    text = path.read_text("utf-8")
    assert "/home/" not in text
    assert str(DIRECTORY.parent) not in text
    assert "\\u001b[" not in text
