"""`make record`: what it writes is replayed, and holds nothing of an account."""

import json
from pathlib import Path

import pytest
import yaml

from langchain_cf_gemini.emulator import Emulator
from tests.record_cassettes import recorded
from tests.support import cassettes

DOCUMENTED = cassettes.documented_cassettes()


@pytest.mark.parametrize("path", DOCUMENTED[:6], ids=lambda path: path.stem)
def test_a_recording_is_a_cassette_without_credentials(path: Path) -> None:
    token = "a-token-that-must-not-be-told"
    with Emulator(api_token=token) as emulator:
        settings = {**emulator.client}
        text = recorded(path, **settings)
        sent = emulator.exchanges[-1]
    assert token not in text
    (new,) = yaml.safe_load(text)["interactions"]
    (old,) = yaml.safe_load(path.read_text("utf-8"))["interactions"]
    asked, before = (json.loads(one["request"]["body"]) for one in (new, old))
    assert asked == before
    assert new["response"]["status"]["code"] == sent.status == 200
    said = cassettes.answer_from_body(old["response"]["body"]["string"])
    first = said["candidates"][0]["content"]["parts"][0]["text"]
    assert first.split()[0] in new["response"]["body"]["string"]
    headers = {
        name.lower(): value for name, value in new["response"]["headers"].items()
    }
    assert headers["cf-ray"] == ["removed"]
    assert "authorization" not in text.lower()
