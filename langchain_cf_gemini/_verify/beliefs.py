"""The table of what the client assumes about the wire: `beliefs.toml`."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """One assumption about the wire.

    Attributes:
        name: Its name; also the name of the probe.
        section: The part of the service that it is about.
        belief: What the client assumes.
        mark: How sure that is: documented, recorded, reported or assumed.
        source: Where it is from.
        client: What the client does about it.
        unprobed: Why no probe looks; None if one does.
    """

    name: str
    section: str
    belief: str
    mark: str
    source: str
    client: str
    unprobed: str | None = None


def _read() -> tuple[Belief, ...]:
    text = files(__package__).joinpath("beliefs.toml").read_text("utf-8")
    return tuple(Belief(**row) for row in tomllib.loads(text)["beliefs"])


BELIEFS: Final = _read()


def tables() -> str:
    """Return the beliefs as Markdown, a table for each section."""
    return "\n".join(_tables(BELIEFS))


def _tables(beliefs: Sequence[Belief]) -> Iterator[str]:
    for section, rows in groupby(beliefs, key=lambda row: row.section):
        yield from ("", f"## {section}", "")
        yield "| belief | mark | source | what the client does about it |"
        yield "| --- | --- | --- | --- |"
        for row in rows:
            note = f" *No probe: {row.unprobed}.*" if row.unprobed else ""
            yield f"| {row.belief} | {row.mark} | {row.source} | {row.client}.{note} |"


def summary() -> str:
    """Return how many beliefs have which mark, for the README."""
    marks = [row.mark.split()[0].strip(",;") for row in BELIEFS]
    counts = {mark: marks.count(mark) for mark in dict.fromkeys(marks)}
    told = ", ".join(f"{count} {mark}" for mark, count in counts.items())
    probed = sum(row.unprobed is None for row in BELIEFS)
    return (
        f"Evidence for {len(BELIEFS)} assumptions about the API: {told}. "
        f"`langchain-cf-gemini verify` checks {probed} of them against your account."
    )
