"""Break the package in some of the ways that mutmut knows; list what no test notices.

    python -m tools.mutation_sample --size 1000 --seed 22

mutmut starts pytest anew for each of some 21,000 mutants, which takes a day. Here one
process collects the tests, and each mutant runs in a fork of it: first through the
tests of its own wing that reach its function, the rows of a table taken in turns.
"""

import argparse
import gc
import json
import multiprocessing
import os
import random
import resource
import time
from collections import Counter
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from mutmut.__main__ import (
    copy_also_copy_files,
    copy_src_dir,
    create_mutants,
    setup_source_paths,
)
from mutmut.configuration import config
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.utils.format_utils import mangled_name_from_mutant_name

LIST = Path("tests/README.md")
_FORK = multiprocessing.get_context("fork")
_MEMORY = 6 << 30  # bytes; a mutant may build an endless list


def mutants() -> list[str]:
    """Write the package with all its mutants into `mutants/`; return their names."""
    set_mutant_under_test("mutant_generation")
    Path("mutants").mkdir(exist_ok=True)
    copy_src_dir()
    copy_also_copy_files()
    setup_source_paths()
    create_mutants(max_children=1)
    metas = sorted(Path("mutants").rglob("*.py.meta"))
    return [
        n for meta in metas for n in json.loads(meta.read_text())["exit_code_by_key"]
    ]


def change_of(mutant: str) -> str:
    """Return a mutant as the list writes it: its function, and its first new line."""
    module, _, name = mutant.rpartition(".")
    diff = get_diff_for_mutant(mutant, path=Path(*module.split(".")).with_suffix(".py"))
    new = next(line for line in diff.splitlines()[3:] if line.startswith("+"))
    place = name.partition("__mutmut_")[0].lstrip("x").replace("ǁ", ".").lstrip("._")
    return f"`{module.partition('.')[2]}.{place}`: `{new[1:].strip()}`"


def in_fork(seconds: float, work: Callable[..., Any], *arguments: Any) -> Any:
    """Return what `work` returns in another process; None if it dies or hangs."""
    reader, writer = _FORK.Pipe(duplex=False)

    def run() -> None:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        writer.send(work(*arguments))
        os._exit(0)  # pytest has nothing to report here

    child = _FORK.Process(target=run)
    child.start()
    writer.close()
    try:
        return reader.recv() if reader.poll(seconds) else None
    except EOFError:
        return None
    finally:
        child.kill()
        child.join()


class Sample:
    """A plugin of pytest that runs, for each mutant, the tests that reach it.

    Args:
        mutants: Their names.
        limit: Seconds of the processor for the tests of one mutant.
    """

    def __init__(self, mutants: list[str], limit: float) -> None:
        self.survivors: list[str] = []
        self._mutants, self._limit = mutants, limit
        self._reached: dict[str, set[str]] = {}
        self._has_failed = False

    def pytest_collection(self) -> None:
        """Spare properties the search for the smallest example."""
        from hypothesis import Phase, settings

        tests, phases = settings.get_profile("tests"), (Phase.explicit, Phase.generate)
        settings.register_profile("mutants", tests, phases=phases, database=None)
        settings.load_profile("mutants")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure."""
        self._has_failed |= report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests once to see what they reach, and then for each mutant."""
        gc.freeze()  # or each fork would copy what its collector looks at
        items = session.items
        self._reached = in_fork(3600, self._measured, items)
        for mutant in self._mutants:
            if in_fork(60 + 10 * self._limit, self._survives, mutant, items):
                self.survivors.append(mutant)
        return True

    def _fails(self, item: pytest.Item, following: pytest.Item | None) -> bool:
        self._has_failed = False
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        return self._has_failed

    def _measured(self, items: list[pytest.Item]) -> dict[str, set[str]]:
        """Return the functions that each test reaches; what fails reaches none."""
        set_mutant_under_test("stats")
        found: dict[str, set[str]] = {}
        for item, following in zip_longest(items, items[1:]):
            state()._stats.clear()
            if not self._fails(item, following):
                found[item.nodeid] = set(state()._stats)
        return found

    def _nearest(self, function: str, items: list[pytest.Item]) -> list[pytest.Item]:
        """Order the tests that reach a function: own wing first, rows in turns."""
        wing = f"unit_tests/{function.split('.')[1].lstrip('_')}/"
        reached = self._reached
        found = [item for item in items if function in reached.get(item.nodeid, ())]
        rows: Counter[str] = Counter()
        ranks: dict[str, tuple[bool, int]] = {}
        for item in sorted(found, key=lambda item: len(reached[item.nodeid])):
            test = item.nodeid.partition("[")[0]
            rows[test] += 1
            ranks[item.nodeid] = (wing not in test, rows[test] // 2)
        return sorted(found, key=lambda item: ranks[item.nodeid])

    def _survives(self, mutant: str, items: list[pytest.Item]) -> bool:
        set_mutant_under_test(mutant)
        end = time.process_time() + self._limit
        nearest = self._nearest(mangled_name_from_mutant_name(mutant), items)
        for item, following in zip_longest(nearest, nearest[1:]):
            if self._fails(item, following):
                return False
            if time.process_time() > end:
                break
        return True


def main() -> None:
    """Try the sample and print what survives and is not in the list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, required=True, help="how many mutants")
    parser.add_argument("--seed", type=int, default=1, help="which of all samples")
    parser.add_argument("--limit", type=float, default=10, help="CPU seconds for one")
    options = parser.parse_args()
    names = random.Random(options.seed).sample(mutants(), options.size)
    sample = Sample(names, options.limit)
    tests = config().pytest_add_cli_args_test_selection
    arguments = ["-q", "--tb=no", "-p", "no:random-order", "-p", "no:xdist"]
    set_mutant_under_test("")
    os.chdir("mutants")
    pytest.main(
        [*arguments, *config().pytest_add_cli_args, *tests],
        plugins=[sample],
    )
    os.chdir("..")
    known = LIST.read_text()
    tried = Counter(name.split(".")[1] for name in names)
    left = Counter(name.split(".")[1] for name in sample.survivors)
    for wing in sorted(tried):
        print(f"{wing}: no test noticed {left[wing]} of {tried[wing]}")
    for change in map(change_of, sample.survivors):
        print("listed" if change in known else "NEW", change)


if __name__ == "__main__":
    main()
