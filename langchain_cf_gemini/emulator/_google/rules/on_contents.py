"""Rules on contents: whose they are, the order of calls and responses, signatures.

Gemini 3 wants the signatures back that it issued. Only the current turn is judged, and
in it the first call of every step; what the other backend signed is refused wherever it
stands.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby, pairwise
from typing import Any

from langchain_cf_gemini.emulator._google.generation import Generation, role_of
from langchain_cf_gemini.emulator._google.rules import Check
from langchain_cf_gemini.emulator._google.signatures import verdict_on
from langchain_cf_gemini.emulator._google.usage import prompt_counts

_MAX_INPUT_TOKENS = 1_048_576

Content = Mapping[str, Any]


def _turns(asked: Generation) -> list[list[Content]]:
    """Contents in turns: a recorded 200 has one turn's calls in two contents."""
    groups = groupby(asked.contents, key=lambda content: role_of(content) == "model")
    return [list(contents) for _, contents in groups]


def _held(turn: list[Content], kind: str) -> list[Mapping[str, Any]]:
    """The payloads of one kind, such as all functionCalls."""
    parts = (part for content in turn for part in content.get("parts") or ())
    return [part[kind] for part in parts if kind in part]


def _has_response_without_call(asked: Generation) -> bool:
    return any(
        _held(after, "functionResponse") and not _held(before, "functionCall")
        for before, after in pairwise([[], *_turns(asked)])
    )


def _paired(
    asked: Generation,
) -> Iterator[tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]]:
    """Calls of each call turn, with the responses of the turn after it."""
    for turn, after in pairwise([*_turns(asked), []]):
        if called := _held(turn, "functionCall"):
            yield called, _held(after, "functionResponse")


def _names(items: list[Mapping[str, Any]]) -> Counter[str]:
    return Counter(str(item.get("name")) for item in items)


def _ids(items: list[Mapping[str, Any]]) -> set[str]:
    return {item["id"] for item in items if item.get("id")}


def _has_other_ids(asked: Generation) -> bool:
    ids = ((_ids(called), _ids(answered)) for called, answered in _paired(asked))
    return any(wanted and not given <= wanted for wanted, given in ids)


def _tokens_over_limit(asked: Generation) -> Iterator[tuple[object, ...]]:
    tokens = prompt_counts(asked).total()
    if tokens > _MAX_INPUT_TOKENS:
        yield (tokens,)


def _steps(asked: Generation) -> Iterator[tuple[int, list[Mapping[str, Any]]]]:
    """Position (from 1) and signed parts of each call turn of the current turn."""
    turn = asked.current_turn if asked.model.signs else []
    for index, content in enumerate(turn, len(asked.contents) - len(turn) + 1):
        calls = [part for part in content.get("parts") or () if "functionCall" in part]
        if calls:
            yield index, calls


def _unsigned_calls(asked: Generation) -> Iterator[tuple[object, ...]]:
    for position, (first, *_) in _steps(asked):
        if verdict_on(first, asked.backend) == "missing":
            yield first["functionCall"].get("name"), position


def _has_invalid_signature(asked: Generation) -> bool:
    refused = {"invalid"} if asked.foreign_signatures else {"invalid", "foreign"}
    signed = (part for _, calls in _steps(asked) for part in calls)
    return any(verdict_on(part, asked.backend) in refused for part in signed)


CHECKS: dict[str, Check] = {
    "call after user turn": lambda asked: any(
        _held(turn, "functionCall") for turn in _turns(asked)[:1]
    ),
    "response after call turn": _has_response_without_call,
    "as many responses as calls": lambda asked: any(
        len(called) != len(answered) for called, answered in _paired(asked)
    ),
    "a response has a name": lambda asked: (
        (position,)
        for _, answered in _paired(asked)
        for position, response in enumerate(answered)
        if not response.get("name")
    ),
    "response names": lambda asked: any(
        _names(called) != _names(answered) for called, answered in _paired(asked)
    ),
    "response ids": _has_other_ids,
    "input tokens": _tokens_over_limit,
    "thought signature missing": _unsigned_calls,
    "thought signature of the other backend": lambda asked: any(
        verdict_on(part, asked.backend) == "other" for _, part in asked.parts
    ),
    "thought signature invalid": _has_invalid_signature,
}
