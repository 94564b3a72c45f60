"""Scripts: which request gets which answer, and what a wrong script does."""

import asyncio
import contextlib
import re
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage, convert_to_messages
from pydantic import BaseModel

from langchain_cf_gemini.emulator import (
    AccountRules,
    Emulator,
    Exchange,
    exactly,
    faults,
    finish,
    reply,
)
from tests.support.judge import (
    SKIP,
    Client,
    Emulating,
    ask,
    call_part,
    function,
    media,
    model,
    response_part,
    user,
)
from tests.support.process import default_trust

Json = dict[str, Any]

TEXT = {"type": "STRING"}
WEATHER = function("get_weather", city=TEXT)
TOOLS = [{"functionDeclarations": [WEATHER]}]
CALLED = model(call_part("get_weather", {"city": "Lima"}, thoughtSignature=SKIP))
ANSWERED = user(response_part("get_weather", {"result": "18"}))
LIMA = ask("Weather in Lima?", tools=TOOLS)
LIMA_TOLD = ask("Weather in Lima?", CALLED, ANSWERED, tools=TOOLS)
NUMBER_TOLD, SKY_TOLD = (
    ask("Hi", CALLED, user(response_part("get_weather", response)))
    for response in ({"degrees": 18}, {"degrees": 18, "sky": "clear"})
)
UNCALLED = {**LIMA, "toolConfig": {"functionCallingConfig": {"mode": "NONE"}}}
FORCED = {**LIMA, "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}
ALLOWED = {"mode": "ANY", "allowedFunctionNames": ["get_time"]}
OTHER_ALLOWED = ask(
    "Weather?",
    tools=[{"functionDeclarations": [WEATHER, function("get_time")]}],
    toolConfig={"functionCallingConfig": ALLOWED},
)
COLORS = {"type": "STRING", "enum": ["red", "blue"]}
COLOR = ask(
    generationConfig={"responseMimeType": "text/x.enum", "responseSchema": COLORS}
)
BRIEF = ask(systemInstruction={"parts": [{"text": "Be brief."}]})
OSLO = ask("Oslo?")

# A condition, a request that meets it, and one that does not.
CONDITIONS: list[tuple[Json, Json, Json]] = [
    ({"text": "lima"}, LIMA, OSLO),
    ({"text": re.compile(r"^Weather")}, LIMA, ask("the weather?")),
    ({"system": "brief"}, BRIEF, ask("brief")),
    ({"result": "18"}, LIMA_TOLD, ask("18")),
    ({"result": {"result": "18"}}, LIMA_TOLD, LIMA),
    ({"result": re.compile("^18$")}, NUMBER_TOLD, LIMA),
    ({"result": '"sky": "clear"'}, SKY_TOLD, NUMBER_TOLD),
    ({"turn": 0}, LIMA, LIMA_TOLD),
    ({"turn": 1}, LIMA_TOLD, LIMA),
    ({"when": "brief"}, BRIEF, LIMA),
    ({"when": "18"}, LIMA_TOLD, LIMA),
    ({"when": re.compile("Lima")}, LIMA, OSLO),
    ({"when": lambda request: request.function_names}, LIMA, BRIEF),
    ({"text": "Lima", "turn": 1}, LIMA_TOLD, LIMA),
    ({"model": "gemini-3"}, LIMA, {"model": "google/gemini-2.5-flash", **OSLO}),
]


@pytest.mark.parametrize(("match", "meets", "misses"), CONDITIONS)
def test_conditions(client: Client, match: Any, meets: Json, misses: Json) -> None:
    client.emulator.answer("other", times=None)
    client.emulator.answer("this", **match)
    for body, said in ((misses, "other"), (meets, "this"), (meets, "other")):
        sent = {key: value for key, value in body.items() if key != "model"}
        name = body.get("model", "google/gemini-3-flash")
        assert client.text(sent, model=name) == said


# What is scripted one after the other, and what "a b" is told each time it asks.
ORDERS: dict[str, tuple[list[tuple[Any, Json]], list[str]]] = {
    "one each": ([("one", {}), ("two", {})], ["one", "two"]),
    "as often as it says": (
        [("one", {"times": 2}), ("two", {})], ["one", "one", "two"]),
    "the newest that fits": (
        [("old", {"text": "a"}), ("new", {"text": "a b"})], ["new", "old"]),
    "in order for the same": (
        [("one", {"text": "a"}), ("two", {"text": "a"})], ["one", "two"]),
    "for some before for any": (
        [("for a", {"text": "a"}), ("for any", {})], ["for a", "for any"]),
    "counted before for ever": (
        [("for ever", {"when": "", "times": None}), ("once", {})],
        ["once", "for ever", "for ever"]),
    "the newest for ever": (
        [("old", {"times": None}), ("new", {"times": None})], ["new", "new"]),
    "faults spoil the next": (
        [(faults.late(0.001), {}), (faults.slow(0, piece=100), {}),
         ("one", {}), ("two", {})], ["one", "two"]),
    "late for ever": (
        [(faults.late(0.001), {"times": None}), ("on and on", {"times": None})],
        ["on and on"] * 3),
}  # fmt: skip


@pytest.mark.parametrize(("script", "said"), ORDERS.values(), ids=ORDERS)
def test_which_of_several_answers(client: Client, script: Any, said: list[str]) -> None:
    for answer, match in script:
        client.emulator.answer(answer, **match)
    assert [client.text(ask("a b")) for _ in said] == said


def test_answers_for_some_requests_in_a_queue(client: Client) -> None:
    client.emulator.when("a").then("one", reply("two")).always("on and on")
    said = [client.text(ask("a b")) for _ in range(4)]
    assert said == ["one", "two", "on and on", "on and on"]


class Invoice(BaseModel):
    vendor: str


async def _awaited(request: Exchange) -> str:
    await asyncio.sleep(0)
    return f"{request.text}, awaited"


A_CALL = AIMessage("", tool_calls=[{"name": "f", "args": {"a": 1}, "id": "1"}])
SAYABLE: list[tuple[Any, str]] = [
    ("plain", "plain"),
    (reply("built"), "built"),
    ({"vendor": "ACME"}, '{"vendor": "ACME"}'),
    ([1, 2], "[1, 2]"),
    (Invoice(vendor="ACME"), '{"vendor": "ACME"}'),
    (AIMessage("said"), "said"),
    (A_CALL, '{"a": 1}'),
    (lambda request: AIMessage(request.text), "Hi"),
    (_awaited, "Hi, awaited"),
    ({"tool_calls": [], "content": "x"}, '{"tool_calls": [], "content": "x"}'),
    (lambda request: f"{request.text}!", "Hi!"),
    (lambda request: {"n": len(request.text)}, '{"n": 2}'),
]


@pytest.mark.parametrize(("said", "text"), SAYABLE)
def test_what_can_be_said(client: Client, said: Any, text: str) -> None:
    client.emulator.answer(said)
    assert client.text() == text


def test_json_comes_as_the_forced_functions_arguments(client: Client) -> None:
    client.emulator.answer({"city": "Lima"})
    called = client.parts(FORCED)[0]["functionCall"]
    assert called == {"name": "get_weather", "args": {"city": "Lima"}}


def test_statuses_and_faults(client: Client) -> None:
    client.emulator.answer(503, times=2)
    client.emulator.answer(faults.status(429, retry_after=1))
    client.emulator.answer(lambda request: 404)
    statuses = [client.run().status_code for _ in range(5)]
    assert statuses == [503, 503, 429, 404, 200]


Script = Callable[[Any], Any]
THREE: Any = (1, 2, 3)
ONE: Any = (1,)
BAD: Any = faults  # what type checkers refuse already
WRONG: list[tuple[Script, type[Exception], str]] = [
    (lambda e: e.answer(None), TypeError, "NoneType is no answer"),
    (lambda e: e.answer(True), TypeError, "bool is no answer"),
    (lambda e: e.answer(object()), TypeError, "object is no answer"),
    (lambda e: e.script("ok", None), TypeError, "NoneType is no answer"),
    (lambda e: e.answer(99), ValueError, "status.code must be .* equal to 200, not 99"),
    (lambda e: e.answer("x", times=0), ValueError, "times must be"),
    (lambda e: e.answer("x", txt="Lima"), TypeError,
     "Unknown condition 'txt'. Known: "),
    (lambda e: e.fail(429, shape="gogle"), ValueError,
     "status.shape must be .google., .*not .gogle"),
    (lambda e: e.fail(faults.cut(), message="x"), TypeError, "has its options already"),
    (lambda e: e.fail(429, retry_afer=1), TypeError, "retry_afer"),
    (lambda e: e.reply("x", finish_reson="STOP"), TypeError, "finish_reson"),
    (lambda e: e.reply("x y", chunks=["x"]), ValueError, "do not add up"),
    (lambda e: BAD.framing("lfcr"), ValueError, "framing.style must be .lf"),
    (lambda e: faults.cut(after_frames=-1), ValueError, "cut.after_frames "),
    (lambda e: faults.late(-1), ValueError, "late.seconds .*, not -1"),
    (lambda e: faults.slow(piece=0), ValueError, "slow.piece "),
    (lambda e: faults.redirect("x", code=200), ValueError, "redirect.code .*300"),
    (lambda e: faults.wrong("a", object()), TypeError, "not JSON serializable"),
    (lambda e: Emulator(models={"a": "b"}), ValueError, "a known model, not .b."),
    (lambda e: Emulator(unscripted=BAD), ValueError, "^unscripted must be .invent., "),
    (lambda e: Emulator(chaos=[(2, faults.cut())]), ValueError,
     "^chaos must be .* equal to 1"),
    (lambda e: Emulator(chaos=[(0.5, BAD)]), ValueError, "instance of Fault"),
    (lambda e: Emulator(chaos=[THREE]), ValueError, "^chaos must be a pair, not"),
    (lambda e: e.answer(reply), TypeError, r"reply isn't called. Write reply\(...\)"),
    (lambda e: e.answer(faults.cut), TypeError, r"Write cut\(...\)"),
    (lambda e: e.answer(Invoice), TypeError, r"Write Invoice\(...\)"),
    (lambda e: e.answer(b"x"), TypeError, "bytes is no answer"),
    (lambda e: e.answer({"at": object()}), TypeError, "not JSON serializable"),
    (lambda e: e.answer([float("nan")]), ValueError, "not JSON compliant"),
    (lambda e: e.answer(HumanMessage("x")), TypeError, "HumanMessage is no answer"),
    (lambda e: e.answer("x", text=5), ValueError, "^text must be"),
    (lambda e: e.answer("x", system=b"x"), ValueError, "^system must be"),
    (lambda e: e.answer("x", model=re.compile(b"x")), ValueError, "^model must be"),
    (lambda e: e.answer("x", turn=True), ValueError, "^turn must be"),
    (lambda e: e.answer("x", turn=-1), ValueError, "^turn must be .*, not -1"),
    (lambda e: e.answer("x", turn={"a": 1}), ValueError, "^turn must be a whole"),
    (lambda e: e.answer("x", result=["18"]), ValueError, "^result must be"),
    (lambda e: e.answer("x", when=_awaited), TypeError, "a plain function"),
    (lambda e: e.answer("x", times=1.0), ValueError, "times must be"),
    (lambda e: e.reply(None), TypeError, "must be a str, not None"),
    (lambda e: e.call(5), TypeError, "must be a str, not 5"),
    (lambda e: e.call("f", at=object()), TypeError, "not JSON serializable"),
    (lambda e: e.reply("x", usage={"promptTokenCount": "5"}), ValueError,
     r"Answer.usage\['promptTokenCount'\] must be a whole number, not '5'"),
    (lambda e: e.answer(exactly(BAD)), TypeError, "takes a dict"),
    (lambda e: e.answer(reply("x").paged(0)), ValueError, "Answer.pages "),
    (lambda e: e.answer("x", turn="0"), ValueError,
     "^turn must be a whole number, not"),
    (lambda e: e.answer("x", when=5), ValueError,
     "a compiled pattern or a function, not 5"),
    (lambda e: e.answer([reply("x"), reply("y")]), TypeError, "answers one by one"),
    (lambda e: e.spoil(5, faults.cut()), TypeError, "spoil takes an Answer"),
    (lambda e: Emulator(chaos=BAD), ValueError, "^chaos must be a list, not"),
    (lambda e: Emulator(strict=BAD), ValueError, "^strict must be True or False, not"),
    (lambda e: Emulator(rate_limit=BAD), ValueError, "must be a number or a pair, not"),
    (lambda e: Emulator(rate_limit=THREE), ValueError, r"or a pair, not \(1, 2, 3"),
    (lambda e: Emulator(rate_limit=ONE), ValueError, r"number or a pair, not \(1,\)"),
    (lambda e: Emulator(models=BAD), ValueError, "^models must be a string"),
    (lambda e: Emulator(models=[BAD]), ValueError, "^models must be a string"),
    (lambda e: Emulator(models={"a": BAD}), ValueError, "^models must be a string"),
    (lambda e: Emulator(certificate=BAD), ValueError, "^certificate must be a string"),
    (lambda e: Emulator(port=-1), ValueError,
     "^port must be greater than or equal to 0, not -1"),
    (lambda e: Emulator(port=65536), ValueError,
     "^port must be less than or equal to 65535"),
    (lambda e: AccountRules(tokens=BAD), ValueError,
     "AccountRules.tokens must be a dict"),
    (lambda e: AccountRules(tokens={"t": ["AI Gateway Write"]}), ValueError,
     "AI Gateway Run"),
    (lambda e: AccountRules(blocked=BAD), ValueError, "Rules.blocked must be a list"),
    (lambda e: AccountRules(blocked="x"), ValueError, "must be a list or a set, not "),
    (lambda e: AccountRules(tokens={"t": "x"}), ValueError,
     r"AccountRules.tokens\['t'\] must be a list or a set, not 'x'"),
    (lambda e: AccountRules(tokens={"t": [], "u": BAD}), ValueError,
     r"AccountRules.tokens\['u'\] must be a list or a set, not"),
    (lambda e: AccountRules(spend_cap=BAD), ValueError, "spend_cap must be a number"),
    (lambda e: AccountRules(spend_cap=-1), ValueError, "spend_cap must be .*, not -1"),
    (lambda e: AccountRules(stored_keys={"x": ()}), ValueError, "Known: run, gateway"),
    (lambda e: Emulator().url, RuntimeError, "or call start"),
    (lambda e: e.answer(reply("x") + BAD), TypeError, "unsupported operand"),
    (lambda e: e.reply("x", delay=-1), ValueError, "late.seconds"),
    (lambda e: e.fail(429, headers={"x": 5}), ValueError, r"'x'\] must be a string"),
    (lambda e: e.fail(429, headers={"x": "a\r\nb"}), ValueError,
     r"status.headers\['x'\] must match the pattern"),
    (lambda e: e.fail(429, headers={"x y": "z"}), ValueError, "status.headers "),
    (lambda e: e.fail(429, retry_after="€"), ValueError, "status.retry_after"),
    (lambda e: e.fail(429, headers=BAD), ValueError, "status.headers "),
    (lambda e: BAD.wrong(5), ValueError, "wrong.path .*string, not 5"),
    (lambda e: e.fail(429, message=5), ValueError, "status.message "),
    (lambda e: e.fail(429, retry_info="1s", shape="v4"), ValueError, "retry_info must"),
    (lambda e: faults.redirect("http://ü.example"), ValueError, "redirect.location "),
    (lambda e: faults.failed(state=BAD), ValueError, "failed.state "),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "kind", "words"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_refused_where_it_stands(
    emulator: Emulator, wrong: Script, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=words):
        wrong(emulator)


def _raises(request: Exchange) -> str:
    raise ZeroDivisionError("in the test's own function")


def _fails(request: Exchange) -> str:
    pytest.fail("not what I expected")


RAISING: list[tuple[Script, Json, type[BaseException], str]] = [
    (lambda e: e.answer(_raises), {}, ZeroDivisionError, "own function"),
    (lambda e: e.answer("x", when=_raises), {}, ZeroDivisionError, "own function"),
    (lambda e: e.answer(_fails), {}, pytest.fail.Exception, "not what I expected"),
    (lambda e: e.answer(lambda r: sys.exit("ended")), {}, SystemExit, "ended"),
    (lambda e: e.answer(lambda r: (x for x in "ab")), {}, TypeError, "generator is no"),
    (lambda e: e.answer("x", when=lambda r: r.nothing), {}, AttributeError, "nothing"),
    (lambda e: e.answer(lambda r: None), {}, TypeError, "NoneType is no answer"),
    (lambda e: e.answer(reply("x").wrong("a.b")), {}, ValueError, "has no 'a.b'"),
    (lambda e: e.answer(reply("x").wrong("candidates.9")), {}, ValueError, "no 'cand"),
    (lambda e: e.call("get_weather", town="Lima"), LIMA, AssertionError,
     r"test_scripts.py:\d+ passes 'town' to get_weather, which takes \['city'\]"),
    (lambda e: e.call("get_wether", city="Lima"), LIMA, AssertionError,
     "calls get_wether, which is not declared. Declared: get_weather[.]"),
    (lambda e: e.call("get_weather", city=1), LIMA, AssertionError, "not of type"),
    (lambda e: e.call("get_weather", city="Lima"), UNCALLED, AssertionError,
     "mode NONE"),
    (lambda e: e.call("get_weather", city="Lima"), OTHER_ALLOWED, AssertionError,
     "which is not allowed. Allowed: get_time[.]"),
    (lambda e: e.reply("teal"), COLOR, AssertionError, "not one of .'red', 'blue'"),
    (lambda e: e.call("get_weather"), LIMA, AssertionError, "'city' is a required"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("script", "body", "kind", "words"), RAISING, ids=range(len(RAISING))
)
def test_what_a_script_does_wrong_is_the_tests_error(
    emulating: Emulating, script: Script, body: Json, kind: Any, words: str
) -> None:
    seen: list[httpx.Response] = []

    def talk() -> None:
        with emulating() as client:
            script(client.emulator)
            seen.append(client.run(body or ask()))

    with pytest.raises(kind, match=words):
        talk()
    # The client was told, with a status that nobody repeats.
    assert seen[0].status_code == 422
    message = seen[0].json()["errors"][0]["message"]
    assert re.search(words, message)
    is_own = kind is not AssertionError
    assert message.endswith("; raise_errors() shows where.") == is_own
    assert ".. " not in message


def test_the_tests_error_has_its_traceback(client: Client) -> None:
    client.emulator.answer(_raises)
    client.run()
    with pytest.raises(ZeroDivisionError) as raised:
        client.emulator.assert_no_errors()
    assert "_raises" in [entry.name for entry in raised.traceback]
    assert "while the emulator answered: #1 POST" in raised.value.__notes__[0]
    client.emulator.assert_script_used()  # raised once


SCHEMAS: dict[str, Json] = {
    "responseSchema": {
        "type": "OBJECT",
        "properties": {"city": TEXT, "mood": {"type": "STRING", "nullable": True}},
        "required": ["city"],
    },
    "responseJsonSchema": {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "mood": {"type": ["string", "null"]},
        },
        "required": ["city"],
    },
}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"city": "Lima", "mood": None}, None),
        ({"town": "Lima"}, "'city' is a required property"),
        ({"city": 1}, "city: 1 is not of type 'string'"),
        ("no JSON", "but the request requires JSON"),
        (reply("{", finish_reason="MAX_TOKENS"), None),
        (reply("no JSON").unchecked(), None),
        (finish("SAFETY"), None),
    ],
)
@pytest.mark.parametrize("key", SCHEMAS)
def test_structured_answers_are_checked(
    client: Client, said: Any, words: str | None, key: str
) -> None:
    client.emulator.answer(said)
    config = {"responseMimeType": "application/json", key: SCHEMAS[key]}
    status = client.run(ask(generationConfig=config)).status_code
    told = [str(error) for error in client.emulator.errors]
    assert (status, bool(told)) == (422 if words else 200, bool(words))
    assert words is None or words in told[0]


def test_checks_can_be_switched_off(emulating: Emulating) -> None:
    with emulating(check_answers=False) as client:
        client.emulator.call("get_weather", town="Lima")
        assert client.text(LIMA) == '{"town": "Lima"}'


class TestFaults:
    """A fault never takes an answer; what arrives all the same does."""

    @pytest.mark.parametrize("fault", ["late seconds=0.01", "slow seconds=0"])
    def test_asked_for_by_header(self, client: Client, fault: str) -> None:
        client.emulator.reply("real")
        with pytest.raises(httpx.HTTPError):
            client.run(headers={"x-emulator-fault": "hang_up"})
        with pytest.raises(AssertionError, match="1 scripted answer"):
            client.emulator.assert_script_used()
        assert client.text(headers={"x-emulator-fault": fault}) == "real"
        client.emulator.assert_script_used()

    def test_a_status_takes_no_answer_and_calls_no_function(
        self, client: Client
    ) -> None:
        asked_for: list[str] = []

        def said(request: Exchange) -> str:
            asked_for.append(request.text)
            return "real"

        client.emulator.script(faults.late(0.001), 503, said)
        assert client.run().status_code == 503
        assert asked_for == []
        assert client.text() == "real"

    def test_what_is_cut_twice_is_the_same_answer(self, client: Client) -> None:
        client.emulator.script(faults.cut(), faults.cut(after_frames=0), "real")
        for _ in range(2):
            with pytest.raises(httpx.RemoteProtocolError):
                client.run()
        assert client.text() == "real"
        client.emulator.assert_script_used()
        notes = [request.notes for request in client.emulator.requests]
        assert not any("invented" in each for each in notes)

    def test_an_answer_bears_its_own(self, client: Client) -> None:
        client.emulator.answer(reply("real").late(0.03).framing("lf"))
        answer = client.gateway()
        assert answer.elapsed.total_seconds() >= 0.03
        assert "\r" not in answer.text

    def test_chunks_of_choice(self, client: Client) -> None:
        client.emulator.reply("Hello", chunks=["He", "llo"])
        text = client.gateway().text
        assert '"text": "He"' in text
        assert '"text": "llo"' in text

    def test_draws_depend_on_seed_request_and_attempt_alone(
        self, emulating: Emulating
    ) -> None:
        prompts = [f"prompt {number // 2}" for number in range(20)]
        chaos = [(0.2, faults.status(503)), (0.2, faults.status(429))]

        def statuses(order: list[str], seed: int) -> list[tuple[str, int]]:
            with emulating(chaos=chaos, seed=seed) as client:
                client.emulator.answer("fine", times=None)
                return [(p, client.run(ask(p)).status_code) for p in order]

        first = statuses(prompts, 7)
        assert sorted(first) == sorted(statuses(prompts[::-1], 7))
        assert {status for _, status in first} == {200, 429, 503}
        assert first != statuses(prompts, 8)

    def test_chance_takes_no_answer(self, emulating: Emulating) -> None:
        prompts = [f"prompt {number}." for number in range(10)]
        with emulating(chaos=[(0.5, faults.status(503))], seed=2) as client:
            for prompt in prompts:
                client.emulator.answer(f"to {prompt}", text=prompt)
            for prompt in prompts:
                while (answer := client.run(ask(prompt))).is_error:
                    pass
                assert f"to {prompt}" in answer.text
            client.emulator.assert_script_used()


class TestUnscripted:
    def test_it_is_named_with_what_is_left(self, emulating: Emulating) -> None:
        with emulating(unscripted="fail") as client:
            client.emulator.answer("only for Oslo", text="Oslo")
            answer = client.run(ask("b"))
            client.emulator.reset()
        said = answer.json()["errors"][0]["message"]
        assert answer.status_code == 422
        assert ": Request 1 'b' has no scripted answer. Left: 'only for Oslo'" in said
        assert re.search(r"for text 'Oslo' \(test_scripts.py:\d+\): not its text", said)

    def test_only_once_anything_was_scripted(self, emulating: Emulating) -> None:
        with emulating(unscripted="fail_if_scripted") as client:
            assert "emulator" in client.text()
            client.emulator.reply("one")
            assert client.text() == "one"
            assert client.run().status_code == 422
            client.emulator.reset()
            assert client.run().status_code == 200

    def test_for_a_test_without_pytest(self, http: httpx.Client) -> None:
        def talk() -> None:
            with Emulator.for_test() as emulator:
                emulator.answer("asked", text="a")
                emulator.answer("never", text="Oslo")
                Client(emulator, http).run(ask("a"))

        with pytest.raises(AssertionError) as failure:
            talk()
        message = str(failure.value)
        assert "1 scripted answer was not used" in message
        assert re.search(r"'never' for text 'Oslo' \(test_scripts.py:\d+\)", message)


def asked_at_once(emulator: Emulator, prompts: list[str]) -> list[str]:
    """What each of the prompts is told, all of them asked in threads of their own."""

    def told(prompt: str) -> str:
        with httpx.Client(verify=default_trust()) as http:
            return Client(emulator, http).text(ask(prompt))

    with ThreadPoolExecutor(len(prompts)) as threads:
        return list(threads.map(told, prompts))


def test_subagents_get_their_own(emulator: Emulator) -> None:
    """Threads ask in any order; each gets what is for its words."""
    cities = ["Lima", "Oslo", "Rome", "Bern"] * 5
    for city in set(cities):
        emulator.answer(f"in {city}", text=city, times=5)
    assert asked_at_once(emulator, cities) == [f"in {city}" for city in cities]
    emulator.assert_request_count(20)
    assert len({request.number for request in emulator.requests}) == 20


def test_a_slow_function_keeps_nobody_else_waiting(emulator: Emulator) -> None:
    """Two requests that wait for each other."""
    both = threading.Barrier(2, timeout=5)

    def meet(request: Exchange) -> str:
        both.wait()
        return "met"

    emulator.answer(meet, times=2)
    assert asked_at_once(emulator, ["Hi", "Ho"]) == ["met", "met"]


class TestReading:
    def test_parallel_responses_by_id(self, client: Client) -> None:
        results = {"c1": {"result": "18"}, "c2": {"result": "-3"}}
        first, second = (
            {"functionCall": {"id": id_, "name": "get_weather"}} for id_ in results
        )
        called = model({**first, "thoughtSignature": SKIP}, second)
        told = [response_part("get_weather", r, id=id_) for id_, r in results.items()]
        client.run(ask("Weather?", called, user(*told), tools=TOOLS))
        emulator = client.emulator
        (request,) = emulator.requests
        assert request.function_names == ["get_weather"]
        assert request.function_responses == results
        emulator.assert_function_response("get_weather")
        emulator.assert_function_response("get_weather", {"result": "18"}, id="c1")
        emulator.assert_function_response("get_weather", {"result": "-3"})
        with pytest.raises(AssertionError, match="'get_weather' returned"):
            emulator.assert_function_response("get_weather", {"result": "18"}, id="c2")
        with pytest.raises(AssertionError, match="of call 'c3'"):
            emulator.assert_function_response("get_weather", id="c3")

    def test_without_ids_all_are_kept(self, client: Client) -> None:
        call = call_part("get_weather")
        results = [response_part("get_weather", {"result": r}) for r in ("18", "-3")]
        called = model({**call, "thoughtSignature": SKIP}, call)
        client.run(ask("Hi", called, user(*results)))
        assert client.emulator.requests[0].function_responses == {
            "get_weather": {"result": "18"},
            "get_weather#2": {"result": "-3"},
        }

    def test_messages_are_langchains(self, client: Client) -> None:
        asked = user("What is it?", media())
        client.run({**BRIEF, **ask(asked, CALLED, ANSWERED)})
        told: list[Any] = convert_to_messages(client.emulator.requests[0].messages)
        assert [message.type for message in told] == ["system", "human", "ai", "tool"]
        assert told[1].content_blocks[1]["type"] == "image"
        assert told[2].tool_calls[0]["args"] == {"city": "Lima"}
        assert told[3].tool_call_id == told[2].tool_calls[0]["id"]

    def test_usage_cost_and_times(self, client: Client) -> None:
        usage = {"promptTokenCount": 1000, "candidatesTokenCount": 100}
        client.emulator.reply("x", usage=usage)
        client.run()
        (request,) = client.emulator.requests
        assert request.usage["totalTokenCount"] == 1100
        assert request.cost == pytest.approx((1000 * 0.5 + 100 * 3) / 1e6)
        assert request.at > 1e9
        assert 0 <= request.seconds < 5

    @pytest.mark.parametrize(
        ("fault", "ended"),
        [
            (faults.reset(), "reset"),
            (faults.hang_up(), "closed"),
            (faults.cut(), "closed"),
            (faults.stall(), "client left"),
            (faults.late(0), "complete"),
        ],
    )
    def test_the_log_says_how_it_ended(
        self, client: Client, fault: faults.Fault, ended: str
    ) -> None:
        client.emulator.fail(fault)
        hasty = httpx.Client(timeout=0.3, verify=default_trust())
        with hasty as http, contextlib.suppress(httpx.HTTPError):
            Client(client.emulator, http).run()
        (request,) = client.emulator.requests
        for _ in range(100):
            if request.ended:
                break
            threading.Event().wait(0.02)
        assert request.ended == ended
        assert (f", {ended} in" in str(request)) is (ended != "complete")
        if ended in ("reset", "closed"):
            with pytest.raises(AssertionError, match="1 answer was an error"):
                client.emulator.assert_no_errors()

    def test_a_reset_forgets_everything(self, client: Client) -> None:
        kept = {"cf-aig-cache-ttl": "60"}
        for _ in range(2):
            assert client.run(headers=kept).headers["cf-aig-cache-status"] == "MISS"
            assert [request.number for request in client.emulator.requests] == [1]
            client.emulator.reset()
            assert client.emulator.feedback == {}


def test_models_of_ones_own(emulating: Emulating) -> None:
    with emulating(models={"gemini-9-ultra": "google/gemini-2.5-flash"}) as client:
        answer = client.result(model="google/gemini-9-ultra")
        assert answer["modelVersion"] == "gemini-9-ultra"
        level = ask(generationConfig={"thinkingConfig": {"thinkingLevel": "LOW"}})
        assert client.gateway(level, model="gemini-9-ultra").status_code == 400
        assert client.run(model="google/gemini-9").status_code == 404
    with emulating(strict=False) as client:
        assert client.run(model="google/gemini-10").status_code == 200
        assert client.gateway(model="gemini-10").status_code == 200
    with emulating(models=["google/gemini-10"]) as client:
        assert client.run(model="google/gemini-10").status_code == 200
