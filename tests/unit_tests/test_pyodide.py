"""What Pyodide lacks is not asked for: httpx2, sockets, early random numbers."""

import subprocess
import sys

import pytest

# All is loaded once before: what LangChain needs there is its own affair.
_PYODIDE = """
import os, random, sys
from types import ModuleType
import langchain_cf_gemini.chat_models

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}")

def refused(*_):
    raise OSError(29, "Cannot get entropy outside of request context")

ABSENT = {"httpx2", "httpcore2"}
for name in [*sys.modules]:
    if name.partition(".")[0] in {*ABSENT, "langchain_cf_gemini"}:
        del sys.modules[name]
sys.meta_path.insert(0, Absent())
ffi = ModuleType("pyodide.ffi")
ffi.JsException, ffi.JsProxy, ffi.create_proxy = Exception, int, print
sys.modules |= {"js": ModuleType("js"), "pyodide": ModuleType("pyodide")}
sys.modules["pyodide.ffi"] = ffi
sys.platform = "emscripten"
entropy = os.urandom
os.urandom = random.SystemRandom.random = refused
from langchain_cf_gemini import ChatCloudflareGemini, GatewayOptions, cost
model = ChatCloudflareGemini(model="gemini-3-flash", account_id="a", api_token="t")
os.urandom = entropy
assert not ABSENT & sys.modules.keys(), ABSENT & sys.modules.keys()
"""


def on_pyodide(program: str) -> str:
    """What a program prints on something like Pyodide, or the end of its errors."""
    done = subprocess.run(
        [sys.executable, "-c", _PYODIDE + program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.slow
def test_imports_without_sockets_and_random_numbers() -> None:
    assert on_pyodide("print('imported')") == "imported\n"


@pytest.mark.slow
def test_says_what_to_do_instead() -> None:
    said = on_pyodide("model.invoke('hi')")
    assert "NotImplementedError: Pyodide has no sockets and no threads" in said
    assert "binding=env.AI" in said
    assert "ainvoke, astream or abatch" in said


@pytest.mark.slow
def test_media_by_address_say_so_too() -> None:
    image = "{'type': 'image', 'url': 'https://example.com/a.png'}"
    said = on_pyodide(f"model.invoke([('user', [{image}])])")
    assert "media_urls='pass'" in said
