"""The emulator's rate limit: a bucket or a window, told as Cloudflare tells it."""

from typing import Any

import pytest

from langchain_cf_gemini.emulator import Emulator
from tests.support.command_line import main
from tests.support.judge import Client, Clock, Emulating


def statuses(client: Client, count: int, **headers: str) -> list[int]:
    return [client.run(headers=headers).status_code for _ in range(count)]


def test_a_bucket_fills_all_the_time(emulating: Emulating) -> None:
    clock = Clock()
    with emulating(rate_limit=20, clock=clock) as client:
        assert statuses(client, 6) == [200] * 4 + [429] * 2
        clock.now += 0.125
        assert statuses(client, 3) == [200] * 2 + [429]
        clock.now += 1000
        assert statuses(client, 5) == [200] * 4 + [429]


def test_a_window_opens_anew(emulating: Emulating) -> None:
    clock = Clock()
    with emulating(rate_limit=(3, 60), clock=clock) as client:
        assert statuses(client, 5) == [200] * 3 + [429] * 2
        clock.now += 59
        refused = client.run()
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        clock.now += 1
        assert statuses(client, 4) == [200] * 3 + [429]


def test_a_refusal_says_what_the_gateway_says(emulating: Emulating) -> None:
    with emulating(rate_limit=(1, 60), clock=Clock()) as client:
        client.run()
        refused = client.run()
        assert refused.headers["retry-after"] == "60"
        assert refused.json()["errors"][0]["code"] == 2003
        assert "over the rate limit" in client.emulator.requests[-1].notes
        client.emulator.reset()
        assert client.run().status_code == 200


def test_what_the_cache_answers_is_not_counted(emulating: Emulating) -> None:
    with emulating(rate_limit=(1, 60), clock=Clock()) as client:
        assert statuses(client, 5, **{"cf-aig-cache-ttl": "60"}) == [200] * 5
        assert client.run().status_code == 429


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
