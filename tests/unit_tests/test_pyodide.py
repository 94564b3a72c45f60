"""What Pyodide lacks is not asked for: httpx2, sockets, early random numbers."""

import pytest

from tests.support.process import run_python

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

_ASKED = """
print("imported")
image = {"type": "image", "url": "https://example.com/a.png"}
for asked in ("hi", [("user", [image])]):
    try:
        model.invoke(asked)
    except Exception as error:
        print(f"----{type(error).__name__}: {error}")
"""


@pytest.mark.slow
def test_imports_without_sockets_and_says_what_to_do_instead() -> None:
    """In one process, whose start takes longer than all the rest."""
    done = run_python(_PYODIDE + _ASKED, warnings="default")
    assert done.stderr == ""
    imported, words, media = done.stdout.split("----")
    assert imported == "imported\n"
    assert "NotImplementedError: Pyodide has no sockets and no threads" in words
    assert "binding=env.AI" in words
    assert "ainvoke, astream or abatch" in words
    assert "media_urls='pass'" in media
