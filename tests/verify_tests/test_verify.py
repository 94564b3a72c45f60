"""The probes on the emulator, and on what the service might be instead."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from langchain_cf_gemini.emulator import Emulator
from tests.support.command_line import main
from tests.support.verified import (
    ACCOUNT_ID,
    BELIEFS,
    PROBES,
    Finding,
    Lab,
    Playback,
    Result,
    Run,
    names_from,
    summary,
)
from tests.verify_tests import variants

MODEL = "gemini-3-flash"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


def _findings(
    emulator: Emulator, change: variants.Change = variants.same, *only: str
) -> dict[str, Finding]:
    transport = variants.Changed(change)
    settings: dict[str, Any] = dict(emulator.client)
    told: list[Result] = []
    with Run(MODEL, settings, names_from(only), transport=transport) as run:
        results = run.results(told.append)
    assert told == results
    return {result.belief.name: result.finding for result in results}


@pytest.fixture(scope="module")
def found(emulator: Emulator) -> dict[str, Finding]:
    return _findings(emulator)


@pytest.fixture(scope="module")
def changed(emulator: Emulator) -> dict[str, dict[str, Finding]]:
    return {c.__name__ + str(i): _findings(emulator, c)
            for i, c in enumerate(variants.CHANGES)}  # fmt: skip


def test_every_belief_has_a_probe_or_a_reason() -> None:
    probed = [row.name for row in BELIEFS if row.unprobed is None]
    assert sorted(probed) == sorted(PROBES)
    assert len({row.name for row in BELIEFS}) == len(BELIEFS)


# The emulator takes any label, which tells nothing of Google.
EXPECTED = {"labels_on_run": "open"}


@pytest.mark.parametrize("name", sorted(PROBES))
def test_the_emulator_is_as_believed(name: str, found: dict[str, Finding]) -> None:
    assert found[name].verdict == EXPECTED.get(name, "proven"), found[name]
    assert found[name].copes is not False, found[name]


@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PROBES))
def test_no_verdict_comes_without_looking(
    name: str, found: dict[str, Finding], changed: dict[str, dict[str, Finding]]
) -> None:
    """Some other service changes it, and another one disproves it."""
    verdicts = {findings[name].verdict for findings in changed.values()}
    assert verdicts - {found[name].verdict}
    assert "disproved" in verdicts or name in NEVER_DISPROVED


# Without a HIT there is nothing to look at; feedback may be forbidden to a token.
NEVER_DISPROVED = {"cached_usage", "feedback"}


def test_the_client_copes_with_every_variant(
    changed: dict[str, dict[str, Finding]],
) -> None:
    left_over = [
        (variant, name, finding)
        for variant, findings in changed.items()
        for name, finding in findings.items()
        if finding.copes is False and not _asked_for_an_error(variant, name)
    ]
    assert left_over == []


def _asked_for_an_error(variant: str, name: str) -> bool:
    """Where everything passes, an expected error stays away, and that is told."""
    errors = ("unknown_", "bad_")
    return variant.startswith(("everything_passes", "web_page")) and name.startswith(
        errors
    )


TOLD_APART: list[tuple[variants.Change, str, str]] = [
    (variants.bare, "v4_envelope", "disproved"),
    (variants.bare, "run_path", "proven"),
    (variants.streams_on_run, "stream_on_run", "disproved"),
    (variants.chat_completions, "run_path", "disproved"),
    (variants.unsigned, "signature_on_run", "disproved"),
    (variants.unsigned, "signature_returned", "open"),
    (variants.with_ids, "call_ids_on_run", "disproved"),
    (variants.signatures_refused, "signature_returned", "disproved"),
    (variants.tools_ignored, "tools_on_run", "disproved"),
    (variants.stripped, "thinking_on_run", "disproved"),
    (variants.stripped, "logprobs_on_run", "disproved"),
    (variants.no_gateway_headers, "log_ids", "disproved"),
    (variants.no_gateway_headers, "cache_on_run", "disproved"),
    (variants.other_errors, "unknown_model_on_run", "disproved"),
    (variants.no_credit, "run_path", "open"),
    (variants.no_credit, "signature_crosses", "open"),
    (variants.web_page, "gateway_path", "disproved"),
]


@pytest.mark.parametrize(("change", "name", "verdict"), TOLD_APART)
def test_outcomes_are_told_apart(
    change: variants.Change, name: str, verdict: str, emulator: Emulator
) -> None:
    finding = _findings(emulator, change, name)[name]
    assert finding.verdict == verdict, finding
    assert finding.copes is not False, finding


def test_what_a_model_lacks_is_not_asked_of_it(emulator: Emulator) -> None:
    settings: dict[str, Any] = dict(emulator.client)
    asked = names_from(["candidates_on_run"])
    with Run("gemini-4-neon", settings, asked) as run:
        (result,) = run.results(lambda _: None)
    assert (result.finding.verdict, result.finding.copes) == ("open", None)
    assert result.finding.seen.startswith("not sent: gemini-4-neon returns one")
    assert result.exchanges == []


def test_the_budget_ends_a_run(emulator: Emulator) -> None:
    settings: dict[str, Any] = dict(emulator.client)
    with Run(MODEL, settings, names_from([]), max_cost=0.0005) as run:
        seen = [result.finding.seen for result in run.results(lambda _: None)]
    assert not seen[0].startswith("not run")
    assert seen[-1].startswith("not run: $0.00")
    assert run.spent < 0.002


def _verdicts(report: Path) -> dict[str, str]:
    """The verdict of each finding that a report tells."""
    told = json.loads((report / "verify.json").read_text("utf-8"))
    return {one["name"]: one["verdict"] for one in told["findings"]}


def _replayed(report: Path) -> dict[str, Finding]:
    """What the probes find in the recorded exchanges of a report."""
    model = json.loads((report / "verify.json").read_text("utf-8"))["model"]
    settings = {"account_id": ACCOUNT_ID, "api_token": "replayed"}
    return {
        name: PROBES[name].run(Lab(model, settings, Playback(report / f"{name}.json")))
        for name in _verdicts(report)
    }


def test_a_report_holds_nothing_of_the_account_and_can_be_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report"
    assert main(["verify", "--emulator", "--report", str(report)]) == 0
    assert "proven" in capsys.readouterr().out
    token = Emulator().api_token
    texts = {path.name: path.read_text("utf-8") for path in report.iterdir()}
    assert len(texts) == len(PROBES) + 2
    for text in texts.values():
        assert token not in text
    replayed = {name: found.verdict for name, found in _replayed(report).items()}
    assert _verdicts(report) == replayed


# What was seen of real accounts stays as it was seen: lay a folder that
# `langchain-cf-gemini verify --report` wrote under `cassettes/live/`.
REPORTS = sorted(path.parent for path in ROOT.glob("cassettes/live/*/verify.json"))


@pytest.mark.parametrize("report", REPORTS, ids=lambda path: path.name)
def test_verdicts_of_a_report_stay(report: Path) -> None:
    seen = _verdicts(report)
    for name, finding in _replayed(report).items():
        assert finding.verdict == seen[name], name
        assert finding.copes is not False, name


def test_the_readme_has_the_summary() -> None:
    assert summary() in (ROOT / "README.md").read_text("utf-8")
