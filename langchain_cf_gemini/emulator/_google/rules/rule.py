"""What a rule is, and what it judges."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from langchain_cf_gemini.emulator._google.models import Model
from langchain_cf_gemini.emulator._google.responses import Generation

Proof = Literal["recorded", "reported", "documented", "assumed"]

VERTEX_PAGE = (
    "https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/gemini"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A request under judgement.

    Attributes:
        generation: The request in one spelling.
        backend: "vertex" or "gemini_api"; their words differ.
        stream: Whether a stream was asked for.
        foreign_signatures: Whether unknown thought signatures pass.
    """

    generation: Generation
    backend: str
    stream: bool = False
    foreign_signatures: bool = False

    @property
    def model(self) -> Model:
        """Who is asked."""
        return self.generation.model

    @property
    def vertex(self) -> bool:
        """Whether Vertex AI judges, not the Gemini API."""
        return self.backend == "vertex"

    @property
    def config(self) -> Mapping[str, Any]:
        """The generationConfig."""
        return self.generation.config

    @property
    def contents(self) -> list[Mapping[str, Any]]:
        """The contents."""
        return list(self.generation.body.get("contents") or ())

    @property
    def tools(self) -> list[Mapping[str, Any]]:
        """The tools."""
        return list(self.generation.body.get("tools") or ())

    def unable(self, reason: str) -> str:
        """A refusal in Vertex's phrase."""
        return f"Unable to submit request because {reason} Learn more: {VERTEX_PAGE}"


Check = Callable[[Judged], Iterator[str]]


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


def rule(name: str, proof: Proof, source: str) -> Callable[[Check], Rule]:
    """Make a rule of the check below; a module judges in the order it is written."""
    return lambda check: Rule(name=name, proof=proof, source=source, check=check)


def role_of(content: Mapping[str, Any]) -> str:
    """The role; unset means user."""
    return str(content.get("role") or "user")


def parts_of(content: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    """The payloads of one kind, such as all functionCalls."""
    return [part[kind] for part in content.get("parts") or () if kind in part]
