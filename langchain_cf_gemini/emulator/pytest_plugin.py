"""pytest plugin: the fixture `cf_gemini_emulator`.

def test_agent(cf_gemini_emulator):
    cf_gemini_emulator.reply("Hello!")

@pytest.mark.cf_gemini_emulator(strict=False)
def test_with_settings(cf_gemini_emulator): ...
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from langchain_cf_gemini.emulator import Emulator


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        "cf_gemini_emulator(**settings): arguments of the Emulator that the fixture "
        "of the same name starts",
    )


@pytest.fixture
def cf_gemini_emulator(request: pytest.FixtureRequest) -> "Iterator[Emulator]":
    """A running emulator, fresh for every test."""
    # Imported here, so that a test run that never asks for it does not pay for it.
    from langchain_cf_gemini.emulator import Emulator

    marker = request.node.get_closest_marker("cf_gemini_emulator")
    with Emulator(**(marker.kwargs if marker else {})) as emulator:
        yield emulator
