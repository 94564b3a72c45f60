"""What a rule is."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.models import packaged

Proof = Literal["recorded", "reported", "documented", "assumed"]

Check = Callable[[Generation], Iterator[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Something that Google refuses and its schema does not say.

    Attributes:
        name: Short, for the log and the table.
        proof: "recorded" (an exchange shows it), "reported" (its error text stands in
            public issues), "documented" (a vendor's page or schema says it, the error's
            words may differ), "assumed" (follows from those; never seen).
        source: Where it is known from.
        check: Yields what is wrong.
    """

    name: str
    proof: Proof
    source: str
    check: Check


def rule(name: str) -> Callable[[Check], Rule]:
    """Make a rule of the check below, with its row of data/rules.json.

    A module judges in the order it is written.
    """
    row = packaged("rules")[name]
    return lambda check: Rule(name=name, check=check, **row)


def role_of(content: Mapping[str, Any]) -> str:
    """The role; unset means user."""
    return str(content.get("role") or "user")


def parts_of(content: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    """The payloads of one kind, such as all functionCalls."""
    return [part[kind] for part in content.get("parts") or () if kind in part]
