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


class TestCache:
    def ask(self, client: Client, body: Any = HI, **headers: str) -> Any:
        named = {f"cf-aig-{k.replace('_', '-')}": v for k, v in headers.items()}
        answer = client.run(body, headers=named)
        result = answer.json()["result"]
        return answer.headers.get("cf-aig-cache-status"), result["responseId"]

    def test_the_same_again_is_a_hit(self, client: Client) -> None:
        unasked, _ = self.ask(client)
        status, first = self.ask(client, cache_ttl="60")
        assert (unasked, status) == (None, "MISS")
        assert self.ask(client, cache_ttl="60") == ("HIT", first)
        assert "from the gateway's cache" in client.emulator.requests[-1].notes
        assert self.ask(client, ask("Another"), cache_ttl="60")[0] == "MISS"
        skipped, second = self.ask(client, cache_ttl="60", skip_cache="true")
        assert (skipped, second == first) == (None, False)

    def test_own_key(self, client: Client) -> None:
        _, first = self.ask(client, cache_key="k")
        assert self.ask(client, ask("Another"), cache_key="k") == ("HIT", first)

    @pytest.mark.parametrize(
        ("seconds", "headers"), [(60, {"cache_ttl": "60"}), (300, {"cache_key": "k"})]
    )
    def test_an_answer_grows_old(
        self, emulating: Emulating, seconds: int, headers: dict[str, str]
    ) -> None:
        clock = Clock()
        with emulating(clock=clock) as client:
            self.ask(client, **headers)
            clock.now += seconds - 1
            assert self.ask(client, **headers)[0] == "HIT"
            clock.now += 2
            assert self.ask(client, **headers)[0] == "MISS"

    def test_errors_are_not_kept(self, client: Client) -> None:
        client.emulator.fail(503)
        ttl = {"cf-aig-cache-ttl": "60", "cf-aig-cache-key": "errors"}
        assert client.run(headers=ttl).status_code == 503
        assert client.run(headers=ttl).headers["cf-aig-cache-status"] == "MISS"

    def test_streams_are_not_kept(self, client: Client) -> None:
        for _ in range(2):
            headers = client.gateway(headers={"cf-aig-cache-ttl": "60"}).headers
            assert "cf-aig-cache-status" not in headers

    def test_a_hit_asks_nothing_of_the_script(self, client: Client) -> None:
        client.emulator.script("one", "two")
        for _ in range(2):
            self.ask(client, cache_key="script")
        with pytest.raises(AssertionError, match="1 scripted"):
            client.emulator.assert_script_used()


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
