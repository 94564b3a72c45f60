"""An emulator of Gemini behind Cloudflare, for tests without network or account.

    from langchain_cf_gemini.emulator import Emulator

    with Emulator() as emulator:
        emulator.reply("Hello!")
        model = ChatCloudflareGemini(model="google/gemini-3-flash", **emulator.client)
        assert model.invoke("Hi").text == "Hello!"

Needs the extra `emulator`: `pip install "langchain-cf-gemini[emulator]"`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_cf_gemini.emulator import faults
    from langchain_cf_gemini.emulator._cloudflare.account import AccountRules
    from langchain_cf_gemini.emulator._emulator import Emulator, serve
    from langchain_cf_gemini.emulator._exchange import Exchange
    from langchain_cf_gemini.emulator._script import ScriptError
    from langchain_cf_gemini.emulator.answers import (
        Answer,
        block,
        call,
        code,
        exactly,
        finish,
        grounding,
        image,
        reply,
        thought,
    )
    from langchain_cf_gemini.emulator.faults import Fault

__all__ = [
    "AccountRules",
    "Answer",
    "Emulator",
    "Exchange",
    "Fault",
    "ScriptError",
    "block",
    "call",
    "code",
    "exactly",
    "faults",
    "finish",
    "grounding",
    "image",
    "reply",
    "serve",
    "thought",
]

# Where each name is kept; what an answer is made of is what is not listed.
_MODULES = {
    "AccountRules": "_cloudflare.account",
    "Emulator": "_emulator",
    "Exchange": "_exchange",
    "Fault": "faults",
    "ScriptError": "_script",
    "serve": "_emulator",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Import what is asked for: a test run may need nothing of it."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name == "faults":
            return import_module(f"{__name__}.faults")
        module = import_module(f"{__name__}.{_MODULES.get(name, 'answers')}")
        globals()[name] = value = getattr(module, name)
        return value
