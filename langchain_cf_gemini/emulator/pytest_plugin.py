"""pytest plugin: an emulator for a test, a class, a module or the session.

def test_agent(cf_gemini_emulator):
    cf_gemini_emulator.answer("Hello!")

@pytest.mark.cf_gemini_emulator(strict=False)
def test_with_settings(cf_gemini_emulator): ...

Each has a port of its own. While it runs, the environment points at it, and nothing
waits between attempts. A request that no script answers fails the test once anything
was scripted, and so does an answer that nobody asked for.
"""

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from langchain_cf_gemini.emulator import Emulator

_MARKER = "cf_gemini_emulator"
_STARTED = pytest.StashKey["list[Emulator]"]()


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        f"{_MARKER}(**settings): arguments of the Emulator that the fixture of this "
        "name starts; those of a test, its class and its module are merged",
    )


def _started(request: pytest.FixtureRequest) -> "Iterator[Emulator]":
    # Imported here, so that a test run that never asks for it does not pay for it.
    from langchain_cf_gemini.emulator import Emulator

    settings: dict[str, Any] = {}
    for marker in request.node.iter_markers(_MARKER):
        if marker.args:
            raise TypeError(
                f"The marker {_MARKER} takes arguments by name, such as strict=False, "
                f"not {marker.args}."
            )
        settings = {**marker.kwargs, **settings}
    with Emulator.for_test(**settings) as emulator:
        request.node.stash.setdefault(_STARTED, []).append(emulator)
        yield emulator


def _fixture(scope: Literal["function", "class", "module", "session"]) -> Any:
    name = _MARKER if scope == "function" else f"{_MARKER}_{scope}"
    return pytest.fixture(scope=scope, name=name)(_started)


cf_gemini_emulator = _fixture("function")
cf_gemini_emulator_class = _fixture("class")
cf_gemini_emulator_module = _fixture("module")
cf_gemini_emulator_session = _fixture("session")


def _emulators(item: pytest.Item) -> "list[Emulator]":
    return [e for node in item.listchain() for e in node.stash.get(_STARTED, [])]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Fail a test for what its script did wrong, and for what nobody asked for."""
    failure: BaseException | None = None
    try:
        return (yield)
    except BaseException as failed:
        failure = failed
        raise
    finally:
        for emulator in item.stash.get(_STARTED, []):
            emulator._end(failure)
        for emulator in _emulators(item):
            emulator.raise_errors(failure)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the exchanges of a test that failed."""
    report = yield
    if report.failed:
        for emulator in _emulators(item):
            if story := emulator.story:
                report.sections.append(("Gemini emulator", story))
    return report
