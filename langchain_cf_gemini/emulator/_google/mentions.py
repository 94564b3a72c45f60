"""What a prompt mentions: the numbers, names and quotes that fill arguments.

A regular expression per kind of thing; each thing found is given away once, so that
"add 1 and 2" fills `a` and `b` with different numbers.
"""

import re
from collections.abc import Mapping
from typing import Any

from langchain_cf_gemini.emulator._google.models import packaged

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w]|\.\d)")
# Straight quotes open after a space or so; otherwise "it's" would open one.
_QUOTED = re.compile(
    r"(?<!\w)'([^'\n]{1,200})'(?!\w)|(?<!\w)\"([^\"\n]{1,200})\""
    r"|[“„]([^”“\n]{1,200})[”“]|`([^`\n]{1,200})`|「([^」\n]{1,200})」"
)
_NOT_LATIN = re.compile(
    r"[\u0370-\u1fff\u2e80-\ud7ff\uf900-\ufaff]+(?:[ ・][\u0370-\u1fff\u2e80-\ud7ff]+)*"
)
_CAPITALISED = r"[A-ZÀ-Þ][\w'\u2019-]*"
_PROPER = re.compile(
    rf"(?:(?<=\s)|(?<=\()){_CAPITALISED}(?:(?:,? | of | de ){_CAPITALISED})*"
)
_FORMATS: Mapping[str, re.Pattern[str]] = {
    "email": re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w"),
    "uri": re.compile(r"https?://[^\s\"'<>)]+"),
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)?"),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "time": re.compile(r"\d\d:\d\d(?::\d\d)?"),
    "uuid": re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
}
_FORMAT_OF_NAME: Mapping[str, str] = packaged("words")["formats_of_names"]
_WHOLE_PROMPT = frozenset(packaged("words")["whole_prompts"])


class Mentions:
    """The things a prompt mentions, each of them used once."""

    def __init__(self, prompt: str) -> None:
        """Look for numbers, quotes and names."""
        self.prompt = prompt.strip()
        self._used: set[str] = set()
        self._numbers = _NUMBER.findall(prompt)
        quoted = ["".join(found) for found in _QUOTED.findall(prompt)]
        self._names = [*quoted, *_NOT_LATIN.findall(prompt), *_proper_names(prompt)]

    def number(self) -> float | None:
        """The next number, whole ones as int."""
        if not self._numbers:
            return None
        found = self._numbers.pop(0)
        return float(found) if "." in found else int(found)

    def numbers(self) -> list[float]:
        """All numbers that are left."""
        taken: list[float] = []
        while (number := self.number()) is not None:
            taken.append(number)
        return taken

    def choice(self, options: list[Any]) -> Any:
        """The option that the prompt names, or None."""
        low = self.prompt.lower()
        named = [
            o for o in options if re.search(rf"\b{re.escape(str(o).lower())}\b", low)
        ]
        return named[0] if named else None

    def text(self, name: str, format_: str | None = None) -> str | None:
        """What the prompt has for a string of this name, or None."""
        words = set(re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", name).lower()))
        wanted = format_ or next(
            (_FORMAT_OF_NAME[w] for w in sorted(words) if w in _FORMAT_OF_NAME), None
        )
        if wanted in _FORMATS:
            return self._formatted(str(wanted))
        return self._labelled(name) or self._name() or self._whole(words)

    def _formatted(self, format_: str) -> str | None:
        found = _FORMATS[format_].search(self.prompt)
        return found.group() if found else None

    def _labelled(self, name: str) -> str | None:
        label = re.escape(name.replace("_", " "))
        found = re.search(
            rf"\b{label}\s*(?:is|=|:)\s*[\"'“]?([^\"'”,.;\n]+)",
            self.prompt,
            re.IGNORECASE,
        )
        return self._take(found.group(1).strip()) if found else None

    def _name(self) -> str | None:
        free = [name for name in self._names if name not in self._used]
        return self._take(free[0]) if free else None

    def _take(self, text: str) -> str | None:
        if text in self._used:
            return None
        self._used.add(text)
        return text

    def _whole(self, words: set[str]) -> str | None:
        return self.prompt if words & _WHOLE_PROMPT and self.prompt else None


def _proper_names(prompt: str) -> list[str]:
    """Capitalised runs that do not open a sentence: "in San Francisco, CA"."""
    found = []
    for match in _PROPER.finditer(prompt):
        before = prompt[: match.start()].rstrip()
        if before and before[-1] not in ".!?:\n" and match.group() != "I":
            found.append(match.group().rstrip(","))
    return found
