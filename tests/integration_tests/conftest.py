"""Cassettes for the tests that replay one, and connections that nobody shares."""

import gc
from typing import Any

import pytest

from tests.support import cassettes


@pytest.fixture
def alone() -> None:
    """Let go of other tests' models: whoever shares connections keeps them open."""
    gc.collect()


@pytest.fixture(scope="session")
def vcr_config() -> dict[str, Any]:
    """Match the whole request, body included; record nothing that is secret."""
    return cassettes.VCR_SETTINGS


@pytest.fixture(scope="module")
def vcr_cassette_dir() -> str:
    """All cassettes lie in one directory of the project."""
    return str(cassettes.DIRECTORY)


@pytest.fixture
def default_cassette_name(request: pytest.FixtureRequest) -> str:
    """LangChain's timing test is recorded once for each endpoint.

    What its other classes vary (output version, structured output) does not show in
    the request of that test; `auto` streams through the gateway.
    """
    if marker := request.node.get_closest_marker("default_cassette"):
        return str(marker.args[0])
    endpoint = "run" if request.cls.endpoint == "run" else "gateway"
    return f"langchain_tests/{request.node.name}.{endpoint}"


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without a word of proxies."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
