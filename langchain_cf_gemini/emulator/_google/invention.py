"""Answers where nothing is scripted: plausible, the same again, no model asked.

Forced functions are called, plausible ones too, with arguments filled from schema and
prompt; JSON fits its schema; what functions answered is told; the prompts of
Cloudflare's pages get the answers that stand there.
"""

import base64
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.instances import instance_from_schema
from langchain_cf_gemini.emulator._google.models import CATALOGUE, packaged
from langchain_cf_gemini.emulator.answers import Answer, exactly, image, reply, thought

_SHOWN, _ENOUGH = 160, 2
_COMMON = frozenset(packaged("words")["common"])
_PIXEL = base64.b64decode(packaged("words")["pixel"])
_THOUGHT = "The emulator does not think; it fills in an answer that fits the request."


def invented_answer(asked: Generation) -> Answer:
    """What the emulator answers on its own."""
    said = (
        _documented(asked)
        or _media(asked)
        or _called(asked)
        or _written(asked)
        or _told(asked)
    )
    if said.exact is None and asked.thinking.get("includeThoughts"):
        return thought(_THOUGHT) + said
    return said


def _documented(asked: Generation) -> Answer | None:
    """The answer of Cloudflare's pages to this conversation with this model."""
    if asked.declarations or asked.output[1]:
        return None
    for shown in packaged("documented_exchanges")["exchanges"]:
        request, answer = shown["request"], shown["response"]
        same = _texts(request["input"]) == _texts(asked.body)
        if same and CATALOGUE[request["model"]] is asked.model:
            return exactly(answer) if _fits(request, answer, asked) else None
    return None


def _texts(body: Mapping[str, Any]) -> list[Any]:
    contents = body.get("contents") or ()
    return [[p.get("text") for p in c.get("parts") or ()] for c in contents]


def _fits(request: Any, answer: Any, asked: Generation) -> bool:
    """An answer that was cut short is one only for the limit that cut it."""
    limit = asked.config.get("maxOutputTokens", math.inf)
    usage = answer["usageMetadata"]
    spent = usage["candidatesTokenCount"] + usage.get("thoughtsTokenCount", 0)
    if answer["candidates"][0]["finishReason"] == "MAX_TOKENS":
        return bool(limit == request["input"]["generationConfig"]["maxOutputTokens"])
    return bool(limit >= spent)


def _media(asked: Generation) -> Answer | None:
    """An image of one pixel, or a blink of silence, where that was asked for."""
    modalities = asked.config.get("responseModalities") or ()
    if "IMAGE" in modalities:
        return reply("An image of one pixel.") + image(_PIXEL)
    if "AUDIO" in modalities:
        return image(bytes(480), mime_type="audio/L16;codec=pcm;rate=24000")
    return None


def _prompt(asked: Generation) -> str:
    """All text of the latest user message."""
    turn = asked.current_turn
    parts = turn[0].get("parts") or () if turn else ()
    return " ".join(part["text"] for part in parts if isinstance(part.get("text"), str))


def _responses(asked: Generation) -> list[Mapping[str, Any]]:
    parts = [p for content in asked.current_turn for p in content.get("parts") or ()]
    return [part["functionResponse"] for part in parts if "functionResponse" in part]


def _called(asked: Generation) -> Answer | None:
    calling = asked.function_calling
    allowed, forced = calling.get("allowedFunctionNames"), calling.get("mode") == "ANY"
    offered = [d for d in asked.declarations if not allowed or d.get("name") in allowed]
    done = {response.get("name") for response in _responses(asked)}
    if calling.get("mode") == "NONE" or not offered or (done and not forced):
        return None
    fresh = [d for d in offered if d.get("name") not in done] or offered[-1:]
    prompt = _words(_prompt(asked))
    best = max(fresh, key=lambda declared: _shared(declared, prompt))
    if _shared(best, prompt) < _ENOUGH:
        return _call(fresh[0], asked) if forced else None
    return _call(best, asked)


def _shared(declared: Mapping[str, Any], prompt: set[str]) -> int:
    """How many words a function shares with the prompt; its name counts twice."""
    name, about = str(declared.get("name", "")), str(declared.get("description", ""))
    return 2 * len(prompt & _words(name)) + len(prompt & _words(about))


def _words(text: str) -> set[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", text).lower()
    words = re.findall(r"[^\W\d]+", spaced)
    stems = (re.sub(r"(?:ing|es|s|ed)$", "", w) if len(w) > 4 else w for w in words)
    return {*stems} - _COMMON


def _call(declared: Mapping[str, Any], asked: Generation) -> Answer:
    schema = declared.get("parametersJsonSchema") or declared.get("parameters")
    args = instance_from_schema(schema, _prompt(asked)) if schema else {}
    called = {"name": str(declared.get("name")), "args": args or {}}
    return Answer(parts=({"functionCall": called},))


def _written(asked: Generation) -> Answer | None:
    schema, mime_type = asked.output
    if mime_type not in ("application/json", "text/x.enum"):
        return None
    if schema is None:
        # JSON without a schema gets the keys that the prompt quotes.
        names = re.findall(r"['\"`](\w+)['\"`]", _prompt(asked)) or ["answer"]
        kinds = {key: {"type": "string"} for key in names}
        schema = {"type": "object", "properties": kinds, "required": names}
    value = instance_from_schema(schema, _prompt(asked))
    return reply(str(value)) if mime_type == "text/x.enum" else Answer(json=value)


def _told(asked: Generation) -> Answer:
    name = asked.model.google_id
    origin = f"the langchain-cf-gemini emulator, standing in for {name}"
    told = [
        f"{answered.get('name')} said "
        + _shown(json.dumps(answered.get("response"), ensure_ascii=False))
        for answered in _responses(asked)
    ]
    if told:
        return reply(f"{'; '.join(told)}. (From {origin}.)")
    prompt = _shown(_prompt(asked))
    return reply(f"This answer comes from {origin}. The prompt was: {prompt}")


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
