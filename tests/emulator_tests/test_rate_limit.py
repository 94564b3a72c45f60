"""The emulator's rate limit: a bucket or a window, told as Cloudflare tells it."""

from typing import Any

import httpx
import pytest

from langchain_cf_gemini.emulator import Emulator
from tests.support.command_line import main
from tests.support.judge import Client, Clock, user
from tests.support.process import default_trust


def asked(emulator: Emulator, **headers: str) -> httpx.Response:
    with httpx.Client(verify=default_trust()) as http:
        return Client(emulator, http).run({"contents": [user("hi")]}, headers=headers)


def statuses(emulator: Emulator, count: int) -> list[int]:
    return [asked(emulator).status_code for _ in range(count)]


def test_a_bucket_fills_all_the_time() -> None:
    clock = Clock()
    with Emulator(rate_limit=20, clock=clock) as emulator:
        assert statuses(emulator, 6) == [200] * 4 + [429] * 2
        clock.now += 0.125
        assert statuses(emulator, 3) == [200] * 2 + [429]
        clock.now += 1000
        assert statuses(emulator, 5) == [200] * 4 + [429]


def test_a_window_opens_anew() -> None:
    clock = Clock()
    with Emulator(rate_limit=(3, 60), clock=clock) as emulator:
        assert statuses(emulator, 5) == [200] * 3 + [429] * 2
        clock.now += 59
        refused = asked(emulator)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        clock.now += 1
        assert statuses(emulator, 4) == [200] * 3 + [429]


def test_a_refusal_says_what_the_gateway_says() -> None:
    with Emulator(rate_limit=(1, 60), clock=Clock()) as emulator:
        asked(emulator)
        refused = asked(emulator)
        assert refused.headers["retry-after"] == "60"
        assert refused.json()["errors"][0]["code"] == 2003
        assert "over the rate limit" in emulator.requests[-1].notes
        emulator.reset()
        assert asked(emulator).status_code == 200


def test_what_the_cache_answers_is_not_counted() -> None:
    with Emulator(rate_limit=(1, 60), clock=Clock()) as emulator:
        cached = {"cf-aig-cache-ttl": "60"}
        found = [asked(emulator, **cached).status_code for _ in range(5)]
        assert found == [200] * 5
        assert asked(emulator).status_code == 429


@pytest.mark.parametrize("rate", [0, -1, (0, 60), (5, 0)])
def test_a_limit_is_above_nothing(rate: Any) -> None:
    with pytest.raises(ValueError, match="rate_limit"):
        Emulator(rate_limit=rate)


@pytest.mark.parametrize("text", ["0", "-5", "fast", "5/0", "/5", "5/x", "nan"])
def test_the_command_line_takes_numbers_alone(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["emulator", f"--rate-limit={text}"])
    assert "--rate-limit" in capsys.readouterr().err
