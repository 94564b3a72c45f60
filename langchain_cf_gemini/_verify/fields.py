"""Probes of single fields: is it taken, and does the response show it?"""

import base64
import io
import struct
import wave
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import HumanMessage

from langchain_cf_gemini._verify.findings import (
    Finding,
    add,
    finding,
    outcome,
)
from langchain_cf_gemini._verify.lab import Lab, Reply

WEATHER: Final = {
    "name": "get_weather",
    "description": "Get the weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
ASK_WEATHER: Final = "What is the weather in Lima? Use the tool."
FORCED: Final[Mapping[str, Any]] = {
    "tool_config": {"functionCallingConfig": {"mode": "ANY"}}
}
SCHEMA: Final = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
SHORT: Final = "Reply with the word yes."
_RESPONSE_TOKENS = 400


def calls_of(reply: Reply) -> list[dict[str, Any]]:
    """The function calls of a reply, with the signature of their part."""
    return [
        part["functionCall"] | {"signature": part.get("thoughtSignature")}
        for part in reply.parts
        if "functionCall" in part
    ]


def picture() -> bytes:
    """A red PNG of 16 by 16 pixels."""
    rows = b"".join(b"\0" + b"\xff\0\0" * 16 for _ in range(16))
    head = struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    written = b"".join(
        struct.pack(">I", len(data)) + kind + data
        + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + written


def sound() -> bytes:
    """A second of silence as WAV, 8 kHz, 16 bits."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(8000)
        written.writeframes(b"\0\0" * 8000)
    return file.getvalue()


def document() -> bytes:
    """A PDF of one page with the word ALPACA."""
    stream = b"BT /F1 24 Tf 72 700 Td (ALPACA) Tj ET"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R"
        b"/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    written, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(written))
        written += b"%d 0 obj%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return written + (
        b"xref\n0 6\n0000000000 65535 f \n%s"
        b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (table, len(written))
    )


def media(kind: str, mime_type: str, data: bytes, question: str) -> list[HumanMessage]:
    """A question about bytes."""
    block = {
        "type": kind,
        "base64": base64.b64encode(data).decode(),
        "mime_type": mime_type,
    }
    return [HumanMessage([block, {"type": "text", "text": question}])]


def _counted(modality: str, word: str) -> Callable[[Reply], bool]:
    """The prompt's tokens name the modality, or the response has the word."""

    def looks(reply: Reply) -> bool:
        details = reply.usage.get("promptTokensDetails", [])
        text = "".join(str(part.get("text", "")) for part in reply.parts)
        counted = any(detail.get("modality") == modality for detail in details)
        return counted or word in text.lower()

    return looks


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field to send through `/ai/run`.

    Attributes:
        shows: Whether a response shows that the field was read.
        said: What is asked.
        settings: Arguments of the model.
        tools: Tools that are bound.
        tokens: Input and output tokens, an estimate.
    """

    shows: Callable[[Reply], bool]
    said: LanguageModelInput = SHORT
    settings: Mapping[str, Any]
    tools: tuple[Any, ...] = ()
    tokens: tuple[int, int] = (40, 200)


_WEATHER: Final[dict[str, Any]] = {
    "tools": (WEATHER,),
    "said": ASK_WEATHER,
    "settings": FORCED,
}
_LIMIT: Final[dict[str, Any]] = {"max_tokens": _RESPONSE_TOKENS}
FIELDS: Final[dict[str, Field]] = {
    "thinking_on_run": Field(
        settings={"include_thoughts": True},
        said="How many primes are below 30?",
        shows=lambda reply: bool(reply.usage.get("thoughtsTokenCount"))
        or any(part.get("thought") for part in reply.parts),
    ),
    "tools_on_run": Field(shows=lambda reply: bool(calls_of(reply)), **_WEATHER),
    "call_ids_on_run": Field(
        shows=lambda reply: bool(calls_of(reply))
        and not any(call.get("id") for call in calls_of(reply)),
        **_WEATHER,
    ),
    "signature_on_run": Field(
        shows=lambda reply: any(call["signature"] for call in calls_of(reply)),
        **_WEATHER,
    ),
    "schema_on_run": Field(
        settings={"response_schema": SCHEMA, **_LIMIT},
        said="Where is Machu Picchu's nearest large city?",
        shows=lambda reply: reply.message is not None
        and str(reply.message.text).lstrip().startswith('{'),
    ),
    "image_on_run": Field(
        settings=_LIMIT, tokens=(300, 200), shows=_counted("IMAGE", "red"),
        said=media("image", "image/png", picture(), "Which color? One word."),
    ),
    "pdf_on_run": Field(
        settings=_LIMIT, tokens=(600, 200), shows=_counted("DOCUMENT", "alpaca"),
        said=media("file", "application/pdf", document(), "Which word is on the page?"),
    ),
    "audio_on_run": Field(
        settings=_LIMIT, shows=_counted("AUDIO", "silen"),
        said=media("audio", "audio/wav", sound(), "What do you hear? One word."),
    ),
    "file_data_on_run": Field(
        settings={"media_urls": "pass", **_LIMIT}, tokens=(600, 200),
        shows=_counted("IMAGE", "cloudflare"),
        said=[HumanMessage([
            {"type": "image", "mime_type": "image/png",
             "url": "https://developers.cloudflare.com/_astro/logo.png"},
            {"type": "text", "text": "Describe the picture in three words."},
        ])],
    ),
    "logprobs_on_run": Field(
        settings={"logprobs": 2, "thinking_level": "low", **_LIMIT},
        shows=lambda reply: any("logprobsResult" in candidate
                                for payload in reply.payloads
                                for candidate in payload.get("candidates", [])),
    ),
    "candidates_on_run": Field(
        settings={"n": 2, **_LIMIT},
        shows=lambda reply: any(len(payload.get("candidates", [])) == 2
                                for payload in reply.payloads),
    ),
}  # fmt: skip


def _probe_of(field: Field) -> Callable[[Lab], Finding]:
    def look(lab: Lab) -> Finding:
        reply = lab.ask(
            "run", field.said, tools=list(field.tools), **dict(field.settings)
        )
        holds = reply.status < 300 and field.shows(reply)
        return finding(reply, holds, outcome(reply))

    return look


for _name, _field in FIELDS.items():
    add(_name, _probe_of(_field), requests=1, tokens=_field.tokens)


def _refused(
    name: str, body: dict[str, Any], taken: Literal["disproved", "open"]
) -> None:
    """Register a probe: Google refuses a wrong value, so the field reached it.

    Args:
        name: The probe's.
        body: Fields beside `contents`, one of them wrong.
        taken: The verdict if the value is taken.
    """

    def look(lab: Lab) -> Finding:
        contents = [{"role": "user", "parts": [{"text": SHORT}]}]
        reply = lab.raw("run", {"contents": contents, **body})
        if reply.status == 200:
            return Finding(taken, f"a wrong value was taken: {outcome(reply)}")
        return finding(reply, reply.status == 400, outcome(reply))

    add(name, look, requests=1, tokens=(10, 0))


_refused(
    "safety_on_run",
    {"safetySettings": [{"category": "HARM_NO_SUCH", "threshold": "BLOCK_NONE"}]},
    taken="disproved",
)
# Whether Google checks the letters of a label is not documented for this method.
_refused("labels_on_run", {"labels": {"Not A Label!": "x"}}, taken="open")
