"""Rules on thought signatures: Gemini 3 wants back what it issued.

Only the current turn is judged, and in it the first call of every step; what the other
backend signed is refused wherever it stands.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.rules.rule import rule
from langchain_cf_gemini.emulator._google.signatures import Verdict, verdict_on


def _steps(judged: Generation) -> Iterator[tuple[int, list[Mapping[str, Any]]]]:
    """Position (from 1) and signed parts of each call turn of the current turn."""
    turn = judged.current_turn
    first = len(judged.contents) - len(turn)
    for index, content in enumerate(turn, first + 1):
        calls = [part for part in content.get("parts") or () if "functionCall" in part]
        if calls and judged.model.signs:
            yield index, calls


@rule("thought signature missing")
def _missing(judged: Generation) -> Iterator[str]:
    for position, calls in _steps(judged):
        if verdict_on(calls[0], judged.backend) == "missing":
            name = calls[0]["functionCall"].get("name")
            yield judged.words("thought signature missing", name, position)


@rule("thought signature of the other backend")
def _other(judged: Generation) -> Iterator[str]:
    word = "Invalid" if judged.vertex else "Corrupted"
    for _, part in judged.parts:
        if verdict_on(part, judged.backend) == "other":
            yield f"{word} thought signature."


@rule("thought signature invalid")
def _invalid(judged: Generation) -> Iterator[str]:
    refused: set[Verdict] = {"invalid", "foreign"}
    if judged.foreign_signatures:
        refused.discard("foreign")
    for _, calls in _steps(judged):
        if any(verdict_on(part, judged.backend) in refused for part in calls):
            yield judged.words("thought signature invalid")
