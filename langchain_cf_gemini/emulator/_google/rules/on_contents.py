"""Rules on contents and parts, and on the order of calls and responses."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby, pairwise
from typing import Any
from urllib.parse import urlsplit

from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.models import packaged
from langchain_cf_gemini.emulator._google.rules.rule import (
    parts_of,
    role_of,
    rule,
)
from langchain_cf_gemini.emulator._google.usage import prompt_counts

_PAYLOADS = tuple(packaged("gemini")["payloads"])
_MAX_INPUT_TOKENS = 1_048_576
# The emulator fetches nothing; this host was recorded as refusing Google's crawler.
_REFUSED_HOSTS = {"www.gstatic.com"}


@rule("contents")
def _no_contents(judged: Generation) -> Iterator[str]:
    if not judged.contents:
        yield "* GenerateContentRequest.contents: contents is not specified\n"


@rule("role")
def _role(judged: Generation) -> Iterator[str]:
    # The Gemini API's older name of the user's role for function responses;
    # Cloudflare's catalogue leaves it out.
    older = () if judged.vertex else ("function",)
    known = ("user", "model", *older)
    if any(role_of(content) not in known for content in judged.contents):
        yield "Please use a valid role: user, model."


@rule("empty parts")
def _empty_parts(judged: Generation) -> Iterator[str]:
    for index, content in enumerate(judged.contents):
        if content.get("parts"):
            continue
        if judged.vertex:
            yield judged.unable("it must include at least one parts field.")
        else:
            where = f"GenerateContentRequest.contents[{index}].parts"
            yield f"* {where}: contents.parts must not be empty.\n"


@rule("one payload per part")
def _one_payload(judged: Generation) -> Iterator[str]:
    for path, part in judged.parts:
        held = [kind for kind in _PAYLOADS if kind in part]
        if not held and not part.get("thoughtSignature"):
            yield judged.words("one payload per part (1)", path)
        if len(held) > 1:
            yield judged.words("one payload per part (2)", path, held[1])


@rule("media type")
def _media_type(judged: Generation) -> Iterator[str]:
    for path, part in judged.parts:
        blob = part.get("inlineData")
        if blob is not None and not blob.get("mimeType"):
            where = f"GenerateContentRequest.{path}.inline_data.mime_type"
            yield f"* {where}: must not be empty"
        file = part.get("fileData") or {}
        if file and judged.vertex and not file.get("mimeType"):
            yield judged.unable("it must have a mimeType parameter in fileData.")


@rule("URL may be crawled")
def _crawlable(judged: Generation) -> Iterator[str]:
    for _, part in judged.parts:
        nested = (part.get("functionResponse") or {}).get("parts") or ()
        files = [each.get("fileData") or {} for each in (part, *nested)]
        hosts = {urlsplit(str(file.get("fileUri"))).hostname for file in files}
        if judged.vertex and hosts & _REFUSED_HOSTS:
            yield judged.words("URL may be crawled")


@rule("system instruction is text")
def _system_text(judged: Generation) -> Iterator[str]:
    system = judged.body.get("systemInstruction") or {}
    for part in system.get("parts") or ():
        if "text" not in part:
            yield judged.unable("system_instruction takes text parts only.")


def _turns(judged: Generation) -> list[list[Mapping[str, Any]]]:
    """Contents in turns: a recorded 200 has one turn's calls in two contents."""
    groups = groupby(judged.contents, key=lambda content: role_of(content) == "model")
    return [list(contents) for _, contents in groups]


def _held(turn: list[Mapping[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    return [payload for content in turn for payload in parts_of(content, kind)]


@rule("call after user turn")
def _call_turn(judged: Generation) -> Iterator[str]:
    if any(_held(turn, "functionCall") for turn in _turns(judged)[:1]):
        yield judged.words("call after user turn")


@rule("response after call turn")
def _response_turn(judged: Generation) -> Iterator[str]:
    turns = _turns(judged)
    for index, turn in enumerate(turns):
        called = _held(turns[index - 1], "functionCall") if index else []
        if _held(turn, "functionResponse") and not called:
            yield judged.words("response after call turn")


@rule("as many responses as calls")
def _response_count(judged: Generation) -> Iterator[str]:
    for called, answered in _paired(judged):
        if len(called) != len(answered):
            yield judged.words("as many responses as calls")


@rule("response names")
def _response_name(judged: Generation) -> Iterator[str]:
    for called, answered in _paired(judged):
        for position, response in enumerate(answered):
            if not response.get("name"):
                where = f"GenerateContentRequest.function_response[{position}].name"
                yield f"* {where}: Name cannot be empty."
        if _names(called) != _names(answered):
            yield judged.words("response names (2)")


@rule("response ids")
def _response_id(judged: Generation) -> Iterator[str]:
    for called, answered in _paired(judged):
        asked = {call["id"] for call in called if call.get("id")}
        given = {response["id"] for response in answered if response.get("id")}
        if asked and given and not given <= asked:
            yield judged.words("response ids")


def _paired(
    judged: Generation,
) -> Iterator[tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]]:
    """Calls of each call turn, with the responses of the turn after it."""
    turns = [*_turns(judged), []]
    for turn, after in pairwise(turns):
        called = _held(turn, "functionCall")
        if called:
            yield called, _held(after, "functionResponse")


def _names(items: list[Mapping[str, Any]]) -> Counter[str]:
    return Counter(str(item.get("name")) for item in items)


@rule("input tokens")
def _size(judged: Generation) -> Iterator[str]:
    tokens = sum(prompt_counts(judged.body).values())
    if tokens > _MAX_INPUT_TOKENS:
        yield judged.words("input tokens", tokens, _MAX_INPUT_TOKENS)
