"""How long the package takes to import, beside BaseChatModel alone.

    python -m tests.benchmarks.imports

CPython 3.11 keeps Python frames in chunks of 16 kB, and a loop whose calls cross from
one chunk to the next maps and unmaps memory each time: strace counted from 2,225 to
21,290 such maps in one import, at different depths. So the depth at which an import
stands changes its cost by up to a third, whatever is imported. One depth says little;
this prints the median over many.
"""

import statistics
import subprocess
import sys

MODULES = {
    "BaseChatModel": "from langchain_core.language_models import BaseChatModel",
    "langchain_cf_gemini": "import langchain_cf_gemini",
}
DEPTHS = range(0, 32, 2)
CODE = """
import resource
def go(depth):
    if depth:
        return go(depth - 1)
    {statement}
before = resource.getrusage(0)
go({depth})
after = resource.getrusage(0)
print(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
"""


def seconds(statement: str, depth: int) -> float:
    """CPU time of an import in a fresh interpreter."""
    code = CODE.format(statement=statement, depth=depth)
    run = [sys.executable, "-W", "ignore", "-c", code]
    return float(subprocess.run(run, capture_output=True, check=True).stdout)


def main() -> None:
    """Measure in turns, so that a busy moment meets both; print milliseconds."""
    taken: dict[str, list[float]] = {name: [] for name in MODULES}
    for depth in DEPTHS:
        for name, statement in MODULES.items():
            best = min(seconds(statement, depth) for _ in range(3))
            taken[name].append(best * 1000)
    base = statistics.median(taken["BaseChatModel"])
    for name, found in taken.items():
        median = statistics.median(found)
        print(
            f"import {name}: {median:.0f} ms ({min(found):.0f} to {max(found):.0f} by "
            f"depth), x {median / base:.2f}"
        )


if __name__ == "__main__":
    main()
