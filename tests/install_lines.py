"""Run notebooks and pages with what their own install lines name: `make install-lines`.

Each gets an environment that has nothing else, but for the kernel that a notebook runs
in. This package comes from the tree, everything else from the package index.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests import notebook_outputs

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "docs/index.md", ROOT / "docs/tracing.md")
_OURS = "langchain-cf-gemini"
_LINE = re.compile(r"pip install ([^`\n]+)")
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)
# Runs a page's blocks one after the other; its models are led to the emulator.
_RUN_BLOCKS = """
import json, os, sys
from langchain_cf_gemini.emulator import Emulator

with Emulator() as emulator:
    os.environ.update(emulator.environment)
    names = {"__name__": "__main__"}
    for block in json.load(sys.stdin):
        exec(block, names)
"""


def main(arguments: list[str]) -> int:
    """Check what is named, or all; the exit status is 1 if anything fails."""
    named = [Path(name) for name in arguments]
    problems = [
        problem
        for path in named or [*notebook_outputs.paths(), *PAGES]
        for problem in problems_of(path)
    ]
    print("\n".join(problems))
    return bool(problems)


def problems_of(path: Path) -> list[str]:
    """Install what the file's lines name in a new environment, and run the file."""
    is_notebook = path.suffix == ".ipynb"
    texts = _sources(path) if is_notebook else [path.read_text("utf-8")]
    named = [found for text in texts if (found := set(_named(text)))]
    # A notebook's first line is its own; a later one is for what it only mentions.
    wanted = set[str]().union(*(named[:1] if is_notebook else named))
    wanted -= {_OURS, f"{_OURS}[emulator]"}
    extra = ["ipykernel"] if is_notebook else []
    print(path.name, *sorted(wanted), flush=True)
    with tempfile.TemporaryDirectory() as directory:
        python = _environment(Path(directory), [*sorted(wanted), *extra])
        if is_notebook:
            return _run_notebook(path, Path(directory), python)
        return _run_blocks(path, texts[0], python)


def _sources(path: Path) -> list[str]:
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells]


def _named(text: str) -> Iterable[str]:
    for line in _LINE.findall(text):
        yield from (word for word in shlex.split(line) if not word.startswith("-"))


def _environment(directory: Path, names: list[str]) -> Path:
    """Make an environment with these packages and this one; return its Python."""
    subprocess.run([sys.executable, "-m", "venv", directory / "env"], check=True)
    python = directory / "env/bin/python"
    install = ["-m", "pip", "install", "--quiet", f"{ROOT}[emulator]", *names]
    subprocess.run([python, *install], check=True)
    return python


def _run_notebook(path: Path, directory: Path, python: Path) -> list[str]:
    kernel = directory / "kernels/install-line"
    kernel.mkdir(parents=True)
    started = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    told = {"argv": started, "display_name": "install line", "language": "python"}
    kernel.joinpath("kernel.json").write_text(json.dumps(told))
    os.environ["JUPYTER_PATH"] = str(directory)
    # Only what was installed: not the tree, nor this process's packages.
    os.environ.pop("PYTHONPATH", None)
    return notebook_outputs.run(path, write=False, kernel="install-line")


def _run_blocks(path: Path, text: str, python: Path) -> list[str]:
    environment = {n: v for n, v in os.environ.items() if n != "PYTHONPATH"}
    done = subprocess.run(
        [python, "-c", _RUN_BLOCKS],
        check=False,
        input=json.dumps(_BLOCK.findall(text)),
        capture_output=True,
        text=True,
        cwd=python.parent,
        env=environment,
    )
    return [] if done.returncode == 0 else [f"{path.name}:\n{done.stderr}"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
