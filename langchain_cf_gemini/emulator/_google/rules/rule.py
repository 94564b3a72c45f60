"""What a rule is."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from langchain_cf_gemini.emulator._google.generation import Generation

Proof = Literal["recorded", "reported", "documented", "assumed"]
# Whether a rule is broken, or what its words name, once for each time that it is.
Check = Callable[[Generation], Iterable[tuple[object, ...]] | bool]

_UNABLE = (
    "Unable to submit request because {} Learn more: "
    "https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/gemini"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Something that Google refuses and its schema does not say.

    Attributes:
        name: Short, for the log and the table.
        proof: "recorded" (an exchange shows it), "reported" (its error text stands in
            public issues), "documented" (a vendor's page or schema says it, the error's
            words may differ), "assumed" (follows from those; never seen).
        source: Where it is known from.
        words: What the refusal says, with places for what is wrong. In a mapping they
            differ by backend, or are what Vertex is "unable" to submit a request for.
        check: Finds what is wrong.
    """

    name: str
    proof: Proof
    source: str
    words: str | Mapping[str, Any]
    check: Check

    def refusal(self, judged: Generation) -> str | None:
        """What Google says of this request; None if the rule is kept."""
        found = self.check(judged)
        if isinstance(found, bool):
            found = [()] if found else []
        return next((self._said(judged.backend, wrong) for wrong in found), None)

    def _said(self, backend: str, wrong: tuple[object, ...]) -> str:
        words = self.words
        if not isinstance(words, str):
            words = words.get(backend, words)
        if not isinstance(words, str):
            words = _UNABLE.format(words["unable"])
        return words.format(*wrong)


def role_of(content: Mapping[str, Any]) -> str:
    """The role; unset means user."""
    return str(content.get("role") or "user")
