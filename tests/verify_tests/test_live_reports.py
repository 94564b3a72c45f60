"""What was seen of real accounts stays as it was seen.

Lay a folder that `langchain-cf-gemini verify --report` wrote under `cassettes/live/`.
"""

import json
from pathlib import Path

import pytest

from tests.verify_tests.live import replayed, reports


@pytest.mark.parametrize("report", reports(), ids=lambda path: path.name)
def test_verdicts_of_a_report_stay(report: Path) -> None:
    told = json.loads((report / "verify.json").read_text("utf-8"))["findings"]
    for name, finding in replayed(report).items():
        (seen,) = [one for one in told if one["name"] == name]
        assert finding.verdict == seen["verdict"], name
        assert finding.copes is not False, name
