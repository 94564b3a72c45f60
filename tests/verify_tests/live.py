"""Reports of real accounts, and how they are replayed."""

import json
from pathlib import Path

from tests.support.verified import ACCOUNT_ID, PROBES, Finding, Lab, Playback

LIVE = Path(__file__).parents[2] / "cassettes" / "live"


def reports() -> list[Path]:
    """The folders that `verify --report` wrote and somebody laid there."""
    return sorted(path.parent for path in LIVE.glob("*/verify.json"))


def replayed(report: Path) -> dict[str, Finding]:
    """What the probes find in the recorded exchanges of a report."""
    told = json.loads((report / "verify.json").read_text("utf-8"))
    settings = {"account_id": ACCOUNT_ID, "api_token": "replayed"}
    found = {}
    for one in told["findings"]:
        name = one["name"]
        playback = Playback(report / f"{name}.json")
        found[name] = PROBES[name].run(Lab(told["model"], settings, playback))
    return found
