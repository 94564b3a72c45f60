"""Every rule of strict mode, judged in the order of data/rules.json."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from langchain_cf_gemini.emulator._google.generation import Generation
from langchain_cf_gemini.emulator._google.models import packaged
from langchain_cf_gemini.emulator._google.rules import (
    Check,
    on_config,
    on_contents,
    on_parts,
    on_tools,
)
from langchain_cf_gemini.emulator._refusals import google_refusal

Proof = Literal["recorded", "reported", "documented", "assumed"]
# What may be wanted of what stands somewhere.
_WANTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "least": lambda held, least: held >= least,
    "most": lambda held, most: held <= most,
    "below": lambda held, end: held < end,
    "length": lambda held, most: len(held) <= most,
    "unlike": lambda held, refused: held != refused,
    "among": lambda held, known: held in known,
    "matches": lambda held, form: re.fullmatch(form, str(held)) is not None,
    "needs": lambda held, names: all(held.get(name) for name in names),
    "has": lambda held, names: held.keys() >= {*names},
    "lacks": lambda held, names: not held.keys() & {*names},
    "one_of": lambda held, names: len(held.keys() & {*names}) <= 1,
}
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
        check: Finds what is wrong, where that is more than a limit.
        at: Paths in the request, such as "contents[].parts[].inlineData".
        wants: What is wanted of all that stands there, by the kinds above; the words
            name the path, what stands there, and the model.
        backend: The one backend that the limit holds for, or "".
        since: The first generation of models that it holds for.
        before: The first that it does not hold for any more.
    """

    name: str
    proof: Proof
    source: str
    words: str | Mapping[str, Any]
    check: Check | None = None
    at: Sequence[str] = ()
    wants: Mapping[str, Any] = field(default_factory=dict)
    backend: str = ""
    since: float = 0
    before: float = math.inf

    def refusal(self, judged: Generation) -> str | None:
        """What Google says of this request; None if the rule is kept."""
        found = (self.check or self._beyond_limits)(judged)
        if isinstance(found, bool):
            found = [()] if found else []
        return next((self._said(judged, wrong) for wrong in found), None)

    def _beyond_limits(self, judged: Generation) -> Iterator[tuple[object, ...]]:
        holds = self.since <= judged.model.generation < self.before
        if holds and self.backend in ("", judged.backend):
            for path, held in judged.at(*self.at):
                wanted = self.wants.items()
                if not all(_WANTS[kind](held, limit) for kind, limit in wanted):
                    yield path, held

    def _said(self, judged: Generation, wrong: tuple[object, ...]) -> str:
        words = self.words
        if not isinstance(words, str):
            words = words.get(judged.backend, words)
        if not isinstance(words, str):
            words = _UNABLE.format(words["unable"])
        return words.format(*wrong, model=judged.model.google_id)


_CHECKS = on_contents.CHECKS | on_parts.CHECKS | on_tools.CHECKS | on_config.CHECKS
RULES = tuple(
    Rule(name=name, check=_CHECKS.get(name), **row)
    for name, row in packaged("rules").items()
)


def check(judged: Generation) -> None:
    """Refuse what Google would refuse, by the first rule that is broken.

    Raises:
        Refusal: In Google's words, as far as they are known.
    """
    for rule in RULES:
        if said := rule.refusal(judged):
            raise google_refusal(said, rule=rule.name)
