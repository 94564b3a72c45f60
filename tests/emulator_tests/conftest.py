"""Fixtures: who asks the running emulator, and one without sockets."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from langchain_cf_gemini.emulator import Emulator
from tests.support.judge import Client, Emulating, Judge


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(timeout=10) as http:
        yield http


@pytest.fixture
def client(emulator: Emulator, http: httpx.Client) -> Client:
    return Client(emulator, http)


@pytest.fixture
def emulating(http: httpx.Client) -> Emulating:
    @contextmanager
    def started(**settings: Any) -> Iterator[Client]:
        with Emulator(**settings) as emulator:
            yield Client(emulator, http)

    return started


@pytest.fixture
def judge() -> Judge:
    return Judge()
