"""A run of the probes: cost first, progress as it goes, and a report at the end."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Self

import httpx2

from langchain_cf_gemini._cloudflare.catalogue import model_info
from langchain_cf_gemini._cloudflare.costs import cost
from langchain_cf_gemini._verify import fields, probes
from langchain_cf_gemini._verify.beliefs import BELIEFS, Belief
from langchain_cf_gemini._verify.findings import PROBES, Finding, estimate
from langchain_cf_gemini._verify.lab import Exchange, Lab
from langchain_cf_gemini._verify.scrubbing import Scrubber
from langchain_cf_gemini._version import __version__

__all__ = ["Result", "Run", "names_from", "write_report"]

PROBED: Final = tuple(row for row in BELIEFS if row.unprobed is None)
# Importing them registers their probes.
_REGISTERED: Final = (fields, probes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One belief, what was found, and the exchanges that show it."""

    belief: Belief
    finding: Finding
    exchanges: list[Exchange]


def names_from(only: Sequence[str]) -> list[str]:
    """Return the names of the probes to run, in the table's order.

    Raises:
        ValueError: For a name that no probe has.
    """
    known = [row.name for row in PROBED]
    if unknown := [name for name in only if name not in known]:
        near = get_close_matches(unknown[0], known) or known
        raise ValueError(f"Unknown check {unknown[0]!r}. Known: {', '.join(near)}.")
    return [name for name in known if not only or name in only]


class Run:
    """The probes of one model, in order.

    Args:
        model: The model to ask.
        settings: Arguments of the model, credentials among them.
        names: Names of the probes.
        transport: What sends.
        max_cost: US dollars after which no further probe runs; None for no limit.
    """

    def __init__(
        self,
        model: str,
        settings: dict[str, Any],
        names: Sequence[str],
        *,
        transport: httpx2.BaseTransport | None = None,
        max_cost: float | None = None,
    ) -> None:
        self.lab = Lab(model, settings, transport or httpx2.HTTPTransport())
        self.names = list(names)
        self.max_cost = max_cost
        info = model_info(model)
        self._prices = info.prices if info else None
        self.spent = 0.0

    def __enter__(self) -> Self:
        """Nothing is sent yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.lab.close()

    @property
    def estimate(self) -> float | None:
        """What the probes cost at most, in US dollars; None if no price is known."""
        return estimate(self.names, self._prices)

    @property
    def requests(self) -> int:
        """Requests to a model, at most."""
        return sum(PROBES[name].requests for name in self.names)

    def results(self, told: Callable[[Result], None]) -> list[Result]:
        """Run the probes.

        Args:
            told: Called after each.
        """
        results = []
        for row in PROBED:
            if row.name in self.names:
                results.append(self._result(row))
                told(results[-1])
        return results

    def _result(self, row: Belief) -> Result:
        start = len(self.lab.recorder.exchanges)
        if self.max_cost is not None and self.spent >= self.max_cost:
            why = f"not run: ${self.spent:.4f} of ${self.max_cost:.4f} are spent"
            return Result(belief=row, finding=Finding("open", why), exchanges=[])
        try:
            found = PROBES[row.name].run(self.lab)
        except Exception as error:  # a probe must not end the others
            found = self._unfinished(error, sent=self.lab.recorder.exchanges[start:])
        exchanges = self.lab.recorder.exchanges[start:]
        self.spent += sum(map(self._cost_of, exchanges))
        return Result(belief=row, finding=found, exchanges=exchanges)

    def _unfinished(self, error: Exception, *, sent: list[Exchange]) -> Finding:
        """What is found if a probe fails: nothing where it asks what a model lacks."""
        if isinstance(error, ValueError) and not sent:
            return Finding("open", f"not sent: {error}"[:300])
        said = f"the probe failed: {type(error).__name__}: {error}"
        return Finding("open", said[:300], copes=False)

    def _cost_of(self, exchange: Exchange) -> float:
        usages = [p["usageMetadata"] for p in exchange.payloads if "usageMetadata" in p]
        if not usages or self._prices is None:
            return 0.0
        given = _count(usages[-1], "promptTokenCount")
        made = _count(usages[-1], "candidatesTokenCount", "thoughtsTokenCount")
        usage = {
            "input_tokens": given,
            "output_tokens": made,
            "total_tokens": given + made,
        }
        return cost(usage, prices=self._prices) or 0.0


def _count(usage: dict[str, Any], *names: str) -> int:
    counts = [usage.get(name) for name in names]
    return sum(count for count in counts if isinstance(count, int))


def write_report(
    directory: Path, results: Iterable[Result], scrubber: Scrubber, model: str
) -> list[Path]:
    """Write `verify.md`, `verify.json` and a cassette for each probe, all scrubbed.

    Args:
        directory: Made if it is not there.
        results: What was found.
        scrubber: Takes the account's values out.
        model: The model that was asked.

    Returns:
        The files that were written.
    """
    results = list(results)
    for result in results:
        for exchange in result.exchanges:
            scrubber.learn(exchange)
    directory.mkdir(parents=True, exist_ok=True)
    told = {
        "version": __version__,
        "model": model,
        "date": datetime.now(UTC).date().isoformat(),
        "findings": [
            {"name": result.belief.name, **asdict(result.finding)} for result in results
        ],
    }
    files = {
        "verify.json": json.dumps(told, indent=1, ensure_ascii=False),
        "verify.md": markdown(told, results),
    }
    for result in results:
        found = [scrubber.interaction(exchange) for exchange in result.exchanges]
        files[f"{result.belief.name}.json"] = json.dumps(
            {"version": 1, "interactions": found}, indent=1, ensure_ascii=False
        )
    for name, text in files.items():
        (directory / name).write_text(scrubber.text(text), "utf-8")
    return [directory / name for name in files]


def markdown(told: dict[str, Any], results: Sequence[Result]) -> str:
    """Return the report as a page for people."""
    lines = [
        "# Verification report",
        "",
        "langchain-cf-gemini {version}, model {model}, {date}.".format(**told),
        "",
        "| name | assumption | verdict | the client copes | seen |",
        "| --- | --- | --- | --- | --- |",
    ]
    for result in results:
        found = result.finding
        seen = found.seen.replace("|", "\\|").replace("\n", " ")
        copes = {True: "yes", False: "no", None: "not judged"}[found.copes]
        lines.append(
            f"| {result.belief.name} | {result.belief.belief} | {found.verdict} "
            f"| {copes} | {seen} |"
        )
    return "\n".join(lines) + "\n"
