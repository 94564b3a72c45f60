"""The answer when nothing is scripted: plausible, deterministic, no model asked.

Forced functions are called, plausible ones too, with arguments filled from schema and
prompt; JSON output fits its schema; after function responses comes text.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.instances import instance_from_schema
from langchain_cf_gemini.emulator._google.mentions import Mentions
from langchain_cf_gemini.emulator._google.models import CATALOGUE, packaged
from langchain_cf_gemini.emulator.answers import (
    Answer,
    call,
    exactly,
    image,
    reply,
    thought,
)

_SHOWN = 160
_COMMON = frozenset(packaged("words")["common"])
_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
    "AABJRU5ErkJggg=="
)
_THOUGHT = "The emulator does not think; it fills in an answer that fits the request."


def default_answer(generation: Generation) -> Answer:
    """What the emulator answers on its own."""
    said = (
        _documented_answer(generation)
        or _media_answer(generation)
        or _call_answer(generation)
        or _json_answer(generation)
        or _text_answer(generation)
    )
    if said.exact is None and generation.thinking.get("includeThoughts"):
        return thought(_THOUGHT) + said
    return said


def _documented_answer(generation: Generation) -> Answer | None:
    """The documented answer to this conversation with this model, if there is one."""
    if generation.declarations or "responseMimeType" in generation.config:
        return None
    for exchange in packaged("documented_exchanges")["exchanges"]:
        request = exchange["request"]
        if (
            CATALOGUE[request["model"]] is generation.model
            and _texts(request["input"]) == _texts(generation.body)
            and _length_allows(exchange, generation)
        ):
            return exactly(exchange["response"])
    return None


def _texts(body: Mapping[str, Any]) -> list[list[Any]]:
    contents = body.get("contents", ())
    return [
        [part.get("text") for part in content.get("parts") or ()]
        for content in contents
    ]


def _length_allows(exchange: Mapping[str, Any], generation: Generation) -> bool:
    """An answer that was cut short is one only for the limit that cut it."""
    limit = generation.config.get("maxOutputTokens")
    if exchange["response"]["candidates"][0]["finishReason"] == "MAX_TOKENS":
        asked = exchange["request"]["input"]["generationConfig"]["maxOutputTokens"]
        return bool(limit == asked)
    usage = exchange["response"]["usageMetadata"]
    spent = usage["candidatesTokenCount"] + usage.get("thoughtsTokenCount", 0)
    return limit is None or bool(limit >= spent)


def prompt_text(generation: Generation) -> str:
    """All text of the latest user message."""
    turn = generation.current_turn
    parts = turn[0].get("parts", ()) if turn else ()
    return " ".join(part["text"] for part in parts if isinstance(part.get("text"), str))


def _responses(generation: Generation) -> list[Mapping[str, Any]]:
    return [
        part["functionResponse"]
        for content in generation.current_turn
        for part in content.get("parts", ())
        if "functionResponse" in part
    ]


def _call_answer(generation: Generation) -> Answer | None:
    mode = generation.function_calling.get("mode", "AUTO")
    allowed = generation.function_calling.get("allowedFunctionNames")
    offered = [
        declaration
        for declaration in generation.declarations
        if not allowed or declaration.get("name") in allowed
    ]
    if mode == "NONE" or not offered:
        return None
    done = {response.get("name") for response in _responses(generation)}
    if mode == "ANY":
        fresh = [d for d in offered if d.get("name") not in done] or offered[-1:]
        return _call(_most_plausible(fresh, generation) or fresh[0], generation)
    if done:
        return None
    chosen = _most_plausible(offered, generation)
    return _call(chosen, generation) if chosen else None


def _most_plausible(
    declarations: Sequence[Mapping[str, Any]], generation: Generation
) -> Mapping[str, Any] | None:
    """The function that shares most words with the prompt, if any shares enough."""
    prompt = _words(prompt_text(generation))
    scores = [_plausibility(declaration, prompt) for declaration in declarations]
    best = max(scores)
    return declarations[scores.index(best)] if best >= 2 else None


def _plausibility(declaration: Mapping[str, Any], prompt: set[str]) -> int:
    named = len(prompt & _words(str(declaration.get("name", ""))))
    described = len(prompt & _words(str(declaration.get("description", ""))))
    return 2 * named + described


def _words(text: str) -> set[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", text).lower()
    return {_stem(word) for word in re.findall(r"[^\W\d]+", spaced)} - _COMMON


def _stem(word: str) -> str:
    return re.sub(r"(?:ing|es|s|ed)$", "", word) if len(word) > 4 else word


def _call(declaration: Mapping[str, Any], generation: Generation) -> Answer:
    schema = declaration.get("parametersJsonSchema") or declaration.get("parameters")
    args = _arguments(schema, generation) if schema else {}
    return call(str(declaration.get("name")), **args)


def _arguments(schema: Any, generation: Generation) -> dict[str, Any]:
    args = instance_from_schema(schema, Mentions(prompt_text(generation)))
    return args if isinstance(args, dict) else {}


def _json_answer(generation: Generation) -> Answer | None:
    schema, mime_type = generation.output
    if mime_type == "text/x.enum":
        return reply(
            str(instance_from_schema(schema, Mentions(prompt_text(generation))))
        )
    if mime_type != "application/json":
        return None
    if schema is None:
        schema = _named_properties(prompt_text(generation))
    value = instance_from_schema(schema, Mentions(prompt_text(generation)))
    return reply(json.dumps(value, ensure_ascii=False))


def _named_properties(prompt: str) -> dict[str, Any]:
    """JSON without a schema gets the keys that the prompt quotes."""
    names = re.findall(r"['\"`](\w+)['\"`]", prompt) or ["answer"]
    properties = {name: {"type": "string"} for name in names}
    return {"type": "object", "properties": properties, "required": names}


def _media_answer(generation: Generation) -> Answer | None:
    """An image of one pixel, or a blink of silence, where that was asked for."""
    modalities = generation.config.get("responseModalities") or ()
    if "IMAGE" in modalities:
        return reply("An image of one pixel.") + image(_PIXEL)
    if "AUDIO" in modalities:
        return image(bytes(480), mime_type="audio/L16;codec=pcm;rate=24000")
    return None


def _text_answer(generation: Generation) -> Answer:
    name = generation.model.google_id
    origin = f"the langchain-cf-gemini emulator, standing in for {name}"
    told = "; ".join(_told(response) for response in _responses(generation))
    if told:
        return reply(f"{told}. (From {origin}.)")
    prompt = _shown(prompt_text(generation))
    return reply(f"This answer comes from {origin}. The prompt was: {prompt}")


def _told(response: Mapping[str, Any]) -> str:
    said = json.dumps(response.get("response"), ensure_ascii=False)
    return f"{response.get('name')} said {_shown(said)}"


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
