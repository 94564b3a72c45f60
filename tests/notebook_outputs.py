"""Run notebooks and compare their outputs with the stored ones: `make notebooks`.

`--write` stores the new outputs instead. Parts that differ in every run are masked:
times, rates, ids, places and the length of docs/. Of a cell tagged `volatile`, only the
kinds count.
"""

import json
import re
import sys
from itertools import zip_longest
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

DIRECTORY = Path(__file__).parents[1] / "notebooks"
_MASKED = re.compile(
    r"\d+(?:\.\d+)? ?m?s\b|[\d.?]+ ?it/s|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|/tmp/\S+"
    r"|\b\d{1,3}%\|.*?\||\[\d\d:\d\d<[^\]]*\]|\b\d+ms\b"
    r"|\b\d+ passages\b"  # of docs/, which grow
)
# The source of a plot's picture differs with the fonts of a machine.
_COMPARED = ("text/plain", "text/html")


def main(arguments: list[str]) -> int:
    """Run the notebooks that are named, or all; the exit status tells of changes."""
    write = "--write" in arguments
    named = [Path(name) for name in arguments if name != "--write"]
    changed = [found for path in named or paths() if (found := run(path, write=write))]
    print("\n".join(line for found in changed for line in found))
    return bool(changed) and not write


def paths() -> list[Path]:
    """Return all notebooks, in their order."""
    return sorted(DIRECTORY.glob("*.ipynb"))


def run(path: Path, *, write: bool, kernel: str = "") -> list[str]:
    """Run one notebook, in its own kernel or another; return what differs."""
    stored = json.loads(path.read_text("utf-8"))["cells"]
    notebook = nbformat.read(path, as_version=4)
    print(path.name, flush=True)
    resources = {"metadata": {"path": str(path.parent)}}
    named = {"kernel_name": kernel} if kernel else {}
    NotebookClient(notebook, timeout=900, resources=resources, **named).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    if write:
        nbformat.write(notebook, path)
    pairs = enumerate(zip_longest(stored, notebook.cells))
    return [
        f"{path.name}[{place}]:\n  stored {before}\n  now    {after}"
        for place, (one, other) in pairs
        if (before := outline(one)) != (after := outline(other))
    ]


def outline(cell: Any) -> list[str]:
    """Return a cell's outputs with what is the same in every run."""
    if cell is None or cell["cell_type"] != "code":
        return []
    outputs = list(cell["outputs"])
    if "volatile" in cell["metadata"].get("tags", ()):
        return sorted({output["output_type"] for output in outputs})
    texts = {output.get("name", ""): "" for output in outputs if "text" in output}
    found = []
    for output in outputs:
        if "text" in output:  # pieces of one stream come as they are flushed
            texts[output["name"]] += "".join(output["text"])
        found += [
            f"{kind}: {_masked(''.join(output['data'][kind]))}"
            for kind in _COMPARED
            if kind in output.get("data", {})
        ]
    return found + [f"{name}: {_masked(text)}" for name, text in texts.items()]


def _masked(text: str) -> str:
    return _MASKED.sub("…", text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
