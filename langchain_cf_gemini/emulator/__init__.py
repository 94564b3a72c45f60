"""An emulator of Gemini behind Cloudflare, for tests without network or account.

    from langchain_cf_gemini.emulator import Emulator

    with Emulator() as emulator:
        emulator.reply("Hello!")
        model = ChatCloudflareGemini(model="google/gemini-3-flash", **emulator.client)
        assert model.invoke("Hi").text == "Hello!"

Needs the extra `emulator`: `pip install "langchain-cf-gemini[emulator]"`.
"""

from langchain_cf_gemini.emulator import faults
from langchain_cf_gemini.emulator._emulator import Emulator
from langchain_cf_gemini.emulator._journal import Exchange
from langchain_cf_gemini.emulator._server.serve import serve
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
    "Answer",
    "Emulator",
    "Exchange",
    "Fault",
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
