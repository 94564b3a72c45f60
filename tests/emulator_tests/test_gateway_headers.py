"""The gateway: its headers, checked, honored and answered; its rate limit."""

import json
from typing import Any

import pytest

from langchain_cf_gemini.emulator import Emulator, faults
from tests.support.command_line import main
from tests.support.emulated import Cache, Incoming, Outgoing, options_from_headers
from tests.support.judge import HI, Client, Clock, Emulating, ask


def test_response_headers(client: Client) -> None:
    headers = client.run().headers
    log_id = headers["cf-aig-log-id"]
    assert headers["cf-aig-request-id"] == headers["cf-aig-event-id"] == log_id
    assert headers["cf-aig-step"] == "0"
    assert headers["cf-ray"]
    assert "cf-aig-cache-status" not in headers
    named = client.run(headers={"cf-aig-event-id": "mine"}).headers
    assert named["cf-aig-event-id"] == "mine"
    assert named["cf-aig-log-id"] != log_id
    unlogged = client.run(headers={"cf-aig-collect-log": "false"}).headers
    assert "cf-aig-log-id" not in unlogged


WRONG: list[tuple[str, str, str]] = [
    ("cf-aig-cache-ttl", "59", "greater than or equal to 60"),
    ("cf-aig-cache-ttl", "2678401", "less than or equal to 2678400"),
    ("cf-aig-cache-ttl", "a day", "valid integer"),
    ("cf-aig-skip-cache", "perhaps", "true or false"),
    ("cf-aig-collect-log", "no", "true or false"),
    ("cf-aig-collect-log-payload", "no", "true or false"),
    ("cf-aig-zdr", "yes", "true or false"),
    ("cf-aig-no-wholesale", "yes", "true or false"),
    ("cf-aig-metadata", "x", "Invalid JSON"),
    ("cf-aig-metadata", "[]", "dictionary"),
    ("cf-aig-metadata", '{"cf.user_id": 1}', "reserved"),
    ("cf-aig-metadata", '{"a": {}}', "valid string"),
    ("cf-aig-max-attempts", "6", "less than or equal to 5"),
    ("cf-aig-retry-delay", "60001", "less than or equal to 60000"),
    ("cf-aig-backoff", "random", "'constant', 'linear' or 'exponential'"),
    ("cf-aig-request-timeout", "0", "greater than or equal to 1"),
    ("cf-aig-custom-cost", "{}", "per_token_in: Field required"),
    ("cf-aig-custom-cost", "x", "Invalid JSON"),
    ("cf-aig-gateway-id", "default" * 10, "exist"),
]


@pytest.mark.parametrize(("name", "value", "words"), WRONG)
def test_wrong_headers_are_refused(
    client: Client, name: str, value: str, words: str
) -> None:
    answer = client.run(headers={name: value})
    assert answer.status_code == 400
    assert words in answer.json()["errors"][0]["message"]


def test_wrong_headers_on_the_gateway(client: Client) -> None:
    answer = client.gateway(headers={"cf-aig-gateway-id": "x" * 65})
    assert "at most 64 characters" in answer.json()["error"][0]["message"]


def test_lenient_ignores_wrong_headers(emulating: Emulating) -> None:
    with emulating(strict=False) as client:
        answer = client.run(headers={"cf-aig-max-attempts": "9"})
        assert answer.status_code == 200


def test_right_headers_are_taken(client: Client) -> None:
    taken = {
        "cf-aig-cache-ttl": "60",
        "cf-aig-skip-cache": "true",
        "cf-aig-metadata": json.dumps({"a": 1, "b": "x", "c": True}),
        "cf-aig-max-attempts": "5",
        "cf-aig-retry-delay": "5000",
        "cf-aig-backoff": "exponential",
        "cf-aig-custom-cost": '{"per_token_in": 1, "per_token_out": 2}',
        "cf-aig-collect-log-payload": "false",
        "cf-aig-zdr": "true",
        "cf-aig-no-wholesale": "false",
    }
    assert client.run(headers=taken).status_code == 200


TTL = {"cf-aig-cache-ttl": "60"}
KEY = {"cf-aig-cache-key": "k"}
OTHER = ask("Another")
# Requests one after the other: seconds since the one before, its headers and body, and
# what becomes of it.
CACHED: dict[str, list[tuple[float, dict[str, str], Any, str | None]]] = {
    "the same again": [(0, TTL, HI, "MISS"), (0, TTL, HI, "HIT")],
    "another question": [(0, TTL, HI, "MISS"), (0, TTL, OTHER, "MISS")],
    "off unless asked for": [(0, {}, HI, None), (0, {}, HI, None)],
    "skipped": [
        (0, TTL, HI, "MISS"), (0, {**TTL, "cf-aig-skip-cache": "true"}, HI, None)],
    "a key of one's own": [(0, KEY, HI, "MISS"), (0, KEY, OTHER, "HIT")],
    "a minute": [(0, TTL, HI, "MISS"), (59, TTL, HI, "HIT"), (2, TTL, HI, "MISS")],
    "a key's five minutes": [
        (0, KEY, HI, "MISS"), (299, KEY, HI, "HIT"), (2, KEY, HI, "MISS")],
}  # fmt: skip


@pytest.mark.parametrize("requests", CACHED.values(), ids=CACHED)
def test_the_cache(emulating: Emulating, requests: list[Any]) -> None:
    clock, ids = Clock(), list[str]()
    with emulating(clock=clock) as client:
        client.emulator.script(*["said"] * len(requests))
        for later, headers, body, status in requests:
            clock.now += later
            answer = client.run(body, headers=headers)
            assert answer.headers.get("cf-aig-cache-status") == status
            ids.append(answer.json()["result"]["responseId"])
            request = client.emulator.requests[-1]
            is_hit = "from the gateway's cache" in request.notes
            assert (status == "HIT") is is_hit is (request.cost == 0)
            assert (ids[-1] in ids[:-1]) is is_hit
            # What the cache answers asks nothing of the script.
            assert ("scripted" in request.notes) is not is_hit


def test_what_is_not_kept(client: Client) -> None:
    client.emulator.fail(503)
    assert client.run(headers={**TTL, **KEY}).status_code == 503
    assert client.run(headers={**TTL, **KEY}).headers["cf-aig-cache-status"] == "MISS"
    for _ in range(2):
        assert "cf-aig-cache-status" not in client.gateway(headers=TTL).headers


@pytest.mark.parametrize(("megabytes", "calls"), [(24, 1), (26, 2)])
def test_too_large_an_answer_is_not_kept(megabytes: int, calls: int) -> None:
    cache, asked = Cache(), []

    def answer() -> Outgoing:
        asked.append(megabytes)
        return Outgoing(frames=[bytes(1 << 20)] * megabytes)

    options = options_from_headers({"cf-aig-cache-ttl": "60"})
    for _ in range(2):
        cache.answer(Incoming(method="POST", path="/"), options, [], answer)
    assert len(asked) == calls


class TestGatewayRetries:
    def test_the_gateway_asks_again(self, client: Client) -> None:
        client.emulator.script(503, 503, "third")
        headers = {"cf-aig-max-attempts": "3", "cf-aig-retry-delay": "10"}
        assert client.run(headers=headers).status_code == 200
        assert "gateway attempt 2 got 503" in client.emulator.requests[0].notes

    def test_and_gives_up(self, client: Client) -> None:
        client.emulator.script(503, 503)
        assert client.run(headers={"cf-aig-max-attempts": "2"}).status_code == 503
        client.emulator.assert_script_used()

    @pytest.mark.parametrize(
        ("backoff", "seconds"),
        [("constant", 0.06), ("linear", 0.12), ("exponential", 0.14)],
    )
    def test_it_waits_between(
        self, client: Client, backoff: str, seconds: float
    ) -> None:
        client.emulator.script(500, 500, 500)
        options = {"max-attempts": "4", "retry-delay": "20", "backoff": backoff}
        answer = client.run(headers={f"cf-aig-{k}": v for k, v in options.items()})
        assert answer.status_code == 200
        assert answer.elapsed.total_seconds() >= seconds


@pytest.mark.parametrize("fault", [faults.stall(), faults.late(5)])
def test_the_request_timeout_ends_a_wait(client: Client, fault: faults.Fault) -> None:
    client.emulator.fail(fault)
    answer = client.run(headers={"cf-aig-request-timeout": "50"})
    assert answer.status_code == 408
    assert "timed out after 50 ms" in answer.json()["errors"][0]["message"]


def test_the_request_timeout_counts_to_the_first_byte(client: Client) -> None:
    client.emulator.fail(faults.stall(after_frames=1, seconds=0.02))
    answer = client.run(headers={"cf-aig-request-timeout": "10"})
    assert answer.status_code == 200


# ---- the rate limit: a bucket or a window


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
        clock.now += 58.75
        refused = client.run()
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "2")
        clock.now += 1.25
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
