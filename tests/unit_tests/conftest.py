"""One fixture for matrices, and two of a plugin's that unit tests need not pay for."""

import zlib

import pytest

from tests.support.models import WAYS, Way


@pytest.fixture(params=["whole", "streamed"])
def either_way(request: pytest.FixtureRequest) -> Way:
    """A way of asking: each row whole and streamed, blocking or asyncio in turn.

    For what both read with the same code, so that the other one adds nothing.
    """
    colour = zlib.crc32(request.node.name.encode()) % 2
    whole, streamed = [("invoke", "stream"), ("ainvoke", "astream")][colour]
    return WAYS[whole if request.param == "whole" else streamed]


@pytest.fixture(scope="session")
def block_network() -> None:
    """Stand in for pytest-recording's: no unit test has a network or a cassette."""


@pytest.fixture(scope="session")
def vcr() -> None:
    """Stand in for pytest-recording's, too."""
