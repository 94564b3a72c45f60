"""This process and others: descriptors, trust, what settles, fresh interpreters."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

CERTIFICATE = Path(__file__).with_name("loopback.pem")


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def settled(condition: Callable[[], bool]) -> bool:
    """Whether a condition becomes true within two seconds."""
    for _ in range(200):
        if condition():
            return True
        await asyncio.sleep(0.01)
    return condition()


@cache
def default_trust() -> ssl.SSLContext:
    """Made once, because a client takes some 20 ms to make its own."""
    return ssl.create_default_context()


def server_tls() -> ssl.SSLContext:
    """TLS for a server, with the tests' own certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


@contextlib.contextmanager
def certificate_trusted(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Trust the tests' own certificate for a while."""
    with monkeypatch.context() as during:
        during.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        yield


def run_python(
    code: str, *arguments: str, warnings: str = "error"
) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter in which every warning is an error."""
    done = subprocess.run(
        [sys.executable, "-W", warnings, "-c", textwrap.dedent(code), *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done
