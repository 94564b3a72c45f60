"""Scripts: which request gets which answer, and what a wrong script does."""

import asyncio
import contextlib
import json
import re
import sys
import threading
from collections.abc import Callable
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
from tests.support.judge import Client, function, model, user

TEXT = {"type": "STRING"}
WEATHER = function("get_weather", city=TEXT)
TOOLS = [{"functionDeclarations": [WEATHER]}]
SIGNED = "skip_thought_signature_validator"


def asked(*contents: Any, **rest: Any) -> dict[str, Any]:
    return {
        "contents": [user(c) if isinstance(c, str) else c for c in contents],
        **rest,
    }


def called(**args: Any) -> dict[str, Any]:
    said = {"functionCall": {"name": "get_weather", "args": args}}
    return model({**said, "thoughtSignature": SIGNED})


def answered(result: Any, **beside: Any) -> dict[str, Any]:
    said = {"name": "get_weather", "response": {"result": result}, **beside}
    return user({"functionResponse": said})


def text_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    part = answer.json()["result"]["candidates"][0]["content"]["parts"][0]
    return str(part.get("text") or json.dumps(part["functionCall"]["args"]))


LIMA = asked("Weather in Lima?", tools=TOOLS)
LIMA_TOLD = asked("Weather in Lima?", called(city="Lima"), answered("18"), tools=TOOLS)
UNCALLED = {**LIMA, "toolConfig": {"functionCallingConfig": {"mode": "NONE"}}}
OTHER_ALLOWED = asked(
    "Weather?",
    tools=[{"functionDeclarations": [WEATHER, function("get_time")]}],
    toolConfig={
        "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["get_time"]}
    },
)
COLOR = asked(
    "Which?",
    generationConfig={
        "responseMimeType": "text/x.enum",
        "responseSchema": {"type": "STRING", "enum": ["red", "blue"]},
    },
)
BRIEF = asked("Hi", systemInstruction={"parts": [{"text": "Be brief."}]})

# A condition, a request that meets it, and one that does not.
CONDITIONS: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"text": "lima"}, LIMA, asked("Oslo?")),
    ({"text": re.compile(r"^Weather")}, LIMA, asked("the weather?")),
    ({"system": "brief"}, BRIEF, asked("brief")),
    ({"result": "18"}, LIMA_TOLD, asked("18")),
    ({"result": {"result": "18"}}, LIMA_TOLD, LIMA),
    ({"turn": 0}, LIMA, LIMA_TOLD),
    ({"turn": 1}, LIMA_TOLD, LIMA),
    ({"when": "brief"}, BRIEF, LIMA),
    ({"when": "18"}, LIMA_TOLD, LIMA),
    ({"when": re.compile("Lima")}, LIMA, asked("Oslo?")),
    ({"when": lambda request: request.function_names}, LIMA, BRIEF),
    ({"text": "Lima", "turn": 1}, LIMA_TOLD, LIMA),
    ({"model": "gemini-3"}, LIMA, {"model": "google/gemini-2.5-flash", **asked("Hi")}),
]


@pytest.mark.parametrize(("match", "meets", "misses"), CONDITIONS)
def test_conditions(
    client: Client, match: Any, meets: dict[str, Any], misses: dict[str, Any]
) -> None:
    client.emulator.answer("other", times=None)
    client.emulator.answer("this", **match)
    for body, said in ((misses, "other"), (meets, "this"), (meets, "other")):
        sent = {key: value for key, value in body.items() if key != "model"}
        name = body.get("model", "google/gemini-3-flash")
        assert text_of(client.run(sent, model=name)) == said


Told = Callable[[Emulator], None]


def _sequence(emulator: Emulator) -> None:
    emulator.reply("one")
    emulator.reply("two")


def _times(emulator: Emulator) -> None:
    emulator.answer("one", times=2)
    emulator.answer("two")


def _newest(emulator: Emulator) -> None:
    emulator.answer("old", text="a")
    emulator.answer("new", text="a b")


def _same_condition(emulator: Emulator) -> None:
    emulator.answer("one", text="a")
    emulator.answer("two", text="a")


def _for_some_before_for_any(emulator: Emulator) -> None:
    emulator.answer("for a", text="a")
    emulator.answer("for any")


def _counted_before_for_ever(emulator: Emulator) -> None:
    emulator.when("").always("for ever")
    emulator.reply("once")


def _newest_for_ever(emulator: Emulator) -> None:
    emulator.answer("old", times=None)
    emulator.answer("new", times=None)


def _faults_in_a_row(emulator: Emulator) -> None:
    emulator.fail(faults.late(0.001))
    emulator.fail(faults.slow(0, piece=100))
    emulator.reply("one")
    emulator.reply("two")


def _late_for_ever(emulator: Emulator) -> None:
    emulator.answer(faults.late(0.001), times=None)
    emulator.answer("on and on", times=None)


def _queue(emulator: Emulator) -> None:
    emulator.when("a").then("one", reply("two")).always("on and on")


ORDERS: list[tuple[Told, list[str]]] = [
    (_sequence, ["one", "two"]),
    (_times, ["one", "one", "two"]),
    (_newest, ["new", "old"]),
    (_same_condition, ["one", "two"]),
    (_for_some_before_for_any, ["for a", "for any"]),
    (_counted_before_for_ever, ["once", "for ever", "for ever"]),
    (_newest_for_ever, ["new", "new"]),
    (_faults_in_a_row, ["one", "two"]),
    (_late_for_ever, ["on and on"] * 3),
    (_queue, ["one", "two", "on and on", "on and on"]),
]


@pytest.mark.parametrize(("script", "said"), ORDERS)
def test_which_of_several_answers(
    client: Client, script: Told, said: list[str]
) -> None:
    script(client.emulator)
    assert [text_of(client.run(asked("a b"))) for _ in said] == said


class Invoice(BaseModel):
    vendor: str


async def _awaited(request: Exchange) -> str:
    await asyncio.sleep(0)
    return f"{request.text}, awaited"


FORCED = {"functionCallingConfig": {"mode": "ANY"}}
SAYABLE: list[tuple[Any, str]] = [
    ("plain", "plain"),
    (reply("built"), "built"),
    ({"vendor": "ACME"}, '{"vendor": "ACME"}'),
    ([1, 2], "[1, 2]"),
    (Invoice(vendor="ACME"), '{"vendor": "ACME"}'),
    (AIMessage("said"), "said"),
    (
        AIMessage("", tool_calls=[{"name": "f", "args": {"a": 1}, "id": "1"}]),
        '{"a": 1}',
    ),
    (lambda request: AIMessage(request.text), "Hi"),
    (_awaited, "Hi, awaited"),
    ({"tool_calls": [], "content": "x"}, '{"tool_calls": [], "content": "x"}'),
    (lambda request: f"{request.text}!", "Hi!"),
    (lambda request: {"n": len(request.text)}, '{"n": 2}'),
]


@pytest.mark.parametrize(("said", "text"), SAYABLE)
def test_what_can_be_said(client: Client, said: Any, text: str) -> None:
    client.emulator.answer(said)
    assert text_of(client.run(asked("Hi"))) == text


def test_json_comes_as_the_forced_functions_arguments(client: Client) -> None:
    client.emulator.answer({"city": "Lima"})
    body = {**LIMA, "toolConfig": FORCED}
    part = client.run(body).json()["result"]["candidates"][0]["content"]["parts"][0]
    assert part["functionCall"] == {"name": "get_weather", "args": {"city": "Lima"}}


def test_statuses_and_faults(client: Client) -> None:
    client.emulator.answer(503, times=2)
    client.emulator.answer(faults.status(429, retry_after=1))
    client.emulator.answer(lambda request: 404)
    statuses = [client.run(asked("Hi")).status_code for _ in range(5)]
    assert statuses == [503, 503, 429, 404, 200]


THREE: Any = (1, 2, 3)
BAD: Any = faults  # what type checkers refuse already
WRONG: list[tuple[Callable[[Any], Any], type[Exception], str]] = [
    (lambda e: e.answer(None), TypeError, "NoneType is no answer"),
    (lambda e: e.answer(True), TypeError, "bool is no answer"),
    (lambda e: e.answer(object()), TypeError, "object is no answer"),
    (lambda e: e.script("ok", None), TypeError, "NoneType is no answer"),
    (lambda e: e.answer(99), ValueError, "status.code must be .* equal to 200, not 99"),
    (lambda e: e.answer("x", times=0), ValueError, "times must be"),
    (
        lambda e: e.answer("x", txt="Lima"),
        TypeError,
        "Unknown condition 'txt'. Known: ",
    ),
    (
        lambda e: e.fail(429, shape="gogle"),
        ValueError,
        "status.shape must be .google., .*not .gogle",
    ),
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
    (
        lambda e: Emulator(unscripted=BAD),
        ValueError,
        "^unscripted must be .invent., ",
    ),
    (
        lambda e: Emulator(chaos=[(2, faults.cut())]),
        ValueError,
        "^chaos must be .* equal to 1",
    ),
    (lambda e: Emulator(chaos=[(0.5, BAD)]), ValueError, "instance of Fault"),
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
    (lambda e: e.answer("x", turn="0"), ValueError, "^turn must be"),
    (lambda e: e.answer("x", turn=True), ValueError, "^turn must be"),
    (lambda e: e.answer("x", turn=-1), ValueError, "^turn must be .*, not -1"),
    (lambda e: e.answer("x", result=["18"]), ValueError, "^result must be"),
    (lambda e: e.answer("x", when=_awaited), TypeError, "a plain function"),
    (lambda e: e.answer("x", times=1.0), ValueError, "times must be"),
    (lambda e: e.reply(None), TypeError, "must be a str, not None"),
    (lambda e: e.call(5), TypeError, "must be a str, not 5"),
    (lambda e: e.call("f", at=object()), TypeError, "not JSON serializable"),
    (
        lambda e: e.reply("x", usage={"promptTokenCount": "5"}),
        ValueError,
        "Answer.usage ",
    ),
    (lambda e: e.answer(exactly(BAD)), TypeError, "takes a dict"),
    (lambda e: e.answer(reply("x").paged(0)), ValueError, "Answer.pages "),
    (
        lambda e: e.answer("x", turn="0"),
        ValueError,
        "^turn must be a whole number, not",
    ),
    (
        lambda e: e.answer("x", when=5),
        ValueError,
        "a compiled pattern or a function, not 5",
    ),
    (lambda e: e.answer([reply("x"), reply("y")]), TypeError, "answers one by one"),
    (lambda e: e.spoil(5, faults.cut()), TypeError, "spoil takes an Answer"),
    (lambda e: Emulator(chaos=BAD), ValueError, "^chaos must be a list, not"),
    (lambda e: Emulator(strict=BAD), ValueError, "^strict must be True or False, not"),
    (lambda e: Emulator(rate_limit=BAD), ValueError, "must be a number or a pair, not"),
    (lambda e: Emulator(rate_limit=THREE), ValueError, r"or a pair, not \(1, 2, 3"),
    (lambda e: Emulator(models=BAD), ValueError, "^models must be a string"),
    (lambda e: Emulator(models=[BAD]), ValueError, "^models must be a string"),
    (
        lambda e: Emulator(port=-1),
        ValueError,
        "^port must be greater than or equal to 0, not -1",
    ),
    (
        lambda e: Emulator(port=65536),
        ValueError,
        "^port must be less than or equal to 65535",
    ),
    (
        lambda e: AccountRules(tokens=BAD),
        ValueError,
        "AccountRules.tokens must be a dict",
    ),
    (lambda e: AccountRules(blocked=BAD), ValueError, "AccountRules.blocked must be"),
    (lambda e: AccountRules(spend_cap=BAD), ValueError, "spend_cap must be a number"),
    (lambda e: AccountRules(stored_keys={"x": ()}), ValueError, "Known: run, gateway"),
    (lambda e: Emulator().url, RuntimeError, "or call start"),
    (lambda e: e.answer(reply("x") + BAD), TypeError, "unsupported operand"),
    (lambda e: e.reply("x", delay=-1), ValueError, "late.seconds"),
    (lambda e: e.fail(429, headers={"x": 5}), ValueError, "status.headers "),
    (lambda e: e.fail(429, headers={"x": "a\r\nb"}), ValueError, "status.headers "),
    (lambda e: e.fail(429, headers={"x y": "z"}), ValueError, "status.headers "),
    (lambda e: e.fail(429, retry_after="€"), ValueError, "status.retry_after"),
    (lambda e: e.fail(429, headers=BAD), ValueError, "status.headers "),
    (lambda e: BAD.wrong(5), ValueError, "wrong.path .*string, not 5"),
    (lambda e: e.fail(429, message=5), ValueError, "status.message "),
    (lambda e: e.fail(429, retry_info="1s", shape="v4"), ValueError, "retry_info must"),
    (lambda e: faults.redirect("http://ü.example"), ValueError, "redirect.location "),
    (lambda e: faults.failed(state=BAD), ValueError, "failed.state "),
]


@pytest.mark.parametrize(("wrong", "kind", "words"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_refused_where_it_stands(
    emulator: Emulator,
    wrong: Callable[[Any], Any],
    kind: type[Exception],
    words: str,
) -> None:
    with pytest.raises(kind, match=words):
        wrong(emulator)


def _raises(request: Exchange) -> str:
    raise ZeroDivisionError("in the test's own function")


def _fails(request: Exchange) -> str:
    pytest.fail("not what I expected")


Raising = tuple[Callable[[Any], Any], dict[str, Any], type[BaseException], str]
RAISING: list[Raising] = [
    (lambda e: e.answer(_raises), {}, ZeroDivisionError, "own function"),
    (lambda e: e.answer("x", when=_raises), {}, ZeroDivisionError, "own function"),
    (lambda e: e.answer(_fails), {}, pytest.fail.Exception, "not what I expected"),
    (lambda e: e.answer(lambda r: sys.exit("ended")), {}, SystemExit, "ended"),
    (lambda e: e.answer(lambda r: (x for x in "ab")), {}, TypeError, "generator is no"),
    (lambda e: e.answer("x", when=lambda r: r.nothing), {}, AttributeError, "nothing"),
    (lambda e: e.answer(lambda r: None), {}, TypeError, "NoneType is no answer"),
    (lambda e: e.answer(reply("x").wrong("a.b")), {}, ValueError, "has no 'a.b'"),
    (
        lambda e: e.call("get_weather", town="Lima"),
        LIMA,
        AssertionError,
        r"test_scripts.py:\d+ passes 'town' to get_weather, which takes \['city'\]",
    ),
    (
        lambda e: e.call("get_wether", city="Lima"),
        LIMA,
        AssertionError,
        "calls get_wether, which is not declared. Declared: get_weather[.]",
    ),
    (lambda e: e.call("get_weather", city=1), LIMA, AssertionError, "not of type"),
    (
        lambda e: e.call("get_weather", city="Lima"),
        UNCALLED,
        AssertionError,
        "mode NONE",
    ),
    (
        lambda e: e.call("get_weather", city="Lima"),
        OTHER_ALLOWED,
        AssertionError,
        "which is not allowed. Allowed: get_time[.]",
    ),
    (lambda e: e.reply("teal"), COLOR, AssertionError, "not one of .'red', 'blue'"),
    (lambda e: e.call("get_weather"), LIMA, AssertionError, "'city' is a required"),
]


@pytest.mark.parametrize(
    ("script", "body", "kind", "words"), RAISING, ids=range(len(RAISING))
)
def test_what_a_script_does_wrong_is_the_tests_error(
    http: httpx.Client, script: Told, body: Any, kind: type[BaseException], words: str
) -> None:
    seen: list[httpx.Response] = []

    def talk() -> None:
        with Emulator() as emulator:
            script(emulator)
            seen.append(Client(emulator, http).run(body or asked("Hi")))

    with pytest.raises(kind, match=words):
        talk()
    # The client was told, with a status that nobody repeats.
    assert seen[0].status_code == 422
    message = seen[0].json()["errors"][0]["message"]
    assert re.search(words, message)
    is_own = kind is not AssertionError
    assert message.endswith("; raise_errors() shows where.") == is_own
    assert ".. " not in message


def test_the_tests_error_has_its_traceback(http: httpx.Client) -> None:
    emulator = Emulator().start()
    emulator.answer(_raises)
    Client(emulator, http).run(asked("Hi"))
    emulator.stop()
    with pytest.raises(ZeroDivisionError) as raised:
        emulator.assert_no_errors()
    assert "_raises" in [entry.name for entry in raised.traceback]
    assert "while the emulator answered: #1 POST" in raised.value.__notes__[0]
    emulator.assert_script_used()  # raised once


SCHEMA = {
    "type": "OBJECT",
    "properties": {"city": TEXT, "mood": {"type": "STRING", "nullable": True}},
    "required": ["city"],
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
@pytest.mark.parametrize("key", ["responseSchema", "responseJsonSchema"])
def test_structured_answers_are_checked(
    http: httpx.Client, said: Any, words: str | None, key: str
) -> None:
    lower = json.loads(json.dumps(SCHEMA).replace("OBJECT", "object"))
    lower["properties"] = {
        "city": {"type": "string"},
        "mood": {"type": ["string", "null"]},
    }
    schema = SCHEMA if key == "responseSchema" else lower
    config = {"responseMimeType": "application/json", key: schema}
    with Emulator() as emulator:
        emulator.answer(said)
        status = Client(emulator, http).run(asked("Hi", generationConfig=config))
        told = [str(error) for error in emulator.errors]
        emulator.reset()
    assert (status.status_code, bool(told)) == (422 if words else 200, bool(words))
    assert words is None or words in told[0]


def test_checks_can_be_switched_off(http: httpx.Client) -> None:
    with Emulator(check_answers=False) as emulator:
        emulator.call("get_weather", town="Lima")
        assert text_of(Client(emulator, http).run(LIMA)) == '{"town": "Lima"}'


class TestFaults:
    """A fault never takes an answer; what arrives all the same does."""

    @pytest.mark.parametrize(
        ("fault", "first"),
        [("late seconds=0.01", "real"), ("slow seconds=0", "real"), ("hang_up", None)],
    )
    def test_asked_for_by_header(
        self, client: Client, fault: str, first: str | None
    ) -> None:
        client.emulator.reply("real")
        headers = {"x-emulator-fault": fault}
        if first is None:
            with pytest.raises(httpx.HTTPError):
                client.run(asked("Hi"), headers=headers)
        else:
            assert text_of(client.run(asked("Hi"), headers=headers)) == first
        left = 0 if first else 1
        with_left = client.emulator.assert_script_used
        if left:
            with pytest.raises(AssertionError, match="1 scripted answer"):
                with_left()
        else:
            with_left()

    def test_spoiling_belongs_to_the_next_answer(self, client: Client) -> None:
        client.emulator.fail(faults.late(0.05))
        client.emulator.reply("real")
        answer = client.run(asked("Hi"))
        assert text_of(answer) == "real"
        assert answer.elapsed.total_seconds() >= 0.05
        client.emulator.assert_script_used()

    def test_a_status_takes_no_answer_and_calls_no_function(
        self, client: Client
    ) -> None:
        asked_for: list[str] = []

        def said(request: Exchange) -> str:
            asked_for.append(request.text)
            return "real"

        client.emulator.fail(faults.late(0.001))
        client.emulator.fail(503)
        client.emulator.answer(said)
        assert client.run(asked("Hi")).status_code == 503
        assert asked_for == []
        assert text_of(client.run(asked("Hi"))) == "real"

    def test_what_is_cut_twice_is_the_same_answer(self, client: Client) -> None:
        client.emulator.script(faults.cut(), faults.cut(after_frames=0), "real")
        for _ in range(2):
            with pytest.raises(httpx.RemoteProtocolError):
                client.run(asked("Hi"))
        assert text_of(client.run(asked("Hi"))) == "real"
        client.emulator.assert_script_used()
        notes = [request.notes for request in client.emulator.requests]
        assert not any("invented" in each for each in notes)

    def test_what_is_cut_is_asked_for_again(self, client: Client) -> None:
        client.emulator.fail(faults.cut())
        client.emulator.reply("real")
        with pytest.raises(httpx.RemoteProtocolError):
            client.run(asked("Hi"))
        assert text_of(client.run(asked("Hi"))) == "real"

    def test_an_answer_bears_its_own(self, client: Client) -> None:
        client.emulator.answer(reply("real").late(0.03).framing("lf"))
        answer = client.gateway(asked("Hi"))
        assert answer.elapsed.total_seconds() >= 0.03
        assert "\r" not in answer.text

    def test_chunks_of_choice(self, client: Client) -> None:
        client.emulator.reply("Hello", chunks=["He", "llo"])
        text = client.gateway(asked("Hi")).text
        assert '"text": "He"' in text
        assert '"text": "llo"' in text

    def test_draws_depend_on_seed_request_and_attempt_alone(
        self, http: httpx.Client
    ) -> None:
        prompts = [f"prompt {number}" for number in range(12)]

        def statuses(order: list[str]) -> dict[str, int]:
            chaos = [(0.4, faults.status(503))]
            with Emulator(chaos=chaos, seed=5) as emulator:
                client = Client(emulator, http)
                emulator.answer("fine", times=None)
                return {p: client.run(asked(p)).status_code for p in order}

        first = statuses(prompts)
        assert first == statuses(prompts[::-1])
        assert set(first.values()) == {200, 503}

    def test_chance_takes_no_answer(self, http: httpx.Client) -> None:
        with Emulator(chaos=[(0.5, faults.status(503))], seed=2) as emulator:
            client = Client(emulator, http)
            for number in range(10):
                emulator.answer(f"answer {number}", text=f"prompt {number}.")
            said = []
            for number in range(10):
                while (answer := client.run(asked(f"prompt {number}."))).is_error:
                    pass
                said.append(text_of(answer))
            emulator.assert_script_used()
        assert said == [f"answer {number}" for number in range(10)]


class TestUnscripted:
    def test_it_is_named_with_what_is_left(self, http: httpx.Client) -> None:
        with Emulator(unscripted="fail") as emulator:
            emulator.answer("only for Oslo", text="Oslo")
            answer = Client(emulator, http).run(asked("b"))
            said = answer.json()["errors"][0]["message"]
            emulator.reset()
        assert answer.status_code == 422
        assert "Request 1 'b' has no scripted answer. Left: 'only for Oslo'" in said
        assert re.search(r"for text 'Oslo' \(test_scripts.py:\d+\): not its text", said)

    def test_only_once_anything_was_scripted(self, http: httpx.Client) -> None:
        with Emulator(unscripted="fail_if_scripted") as emulator:
            client = Client(emulator, http)
            assert "emulator" in text_of(client.run(asked("a")))
            emulator.reply("one")
            assert text_of(client.run(asked("a"))) == "one"
            assert client.run(asked("a")).status_code == 422
            emulator.reset()
            assert client.run(asked("a")).status_code == 200

    def test_for_a_test_without_pytest(self, http: httpx.Client) -> None:
        def talk() -> None:
            with Emulator.for_test() as emulator:
                emulator.answer("asked", text="a")
                emulator.answer("never", text="Oslo")
                Client(emulator, http).run(asked("a"))

        with pytest.raises(AssertionError) as failure:
            talk()
        message = str(failure.value)
        assert "1 scripted answer was not used" in message
        assert re.search(r"'never' for text 'Oslo' \(test_scripts.py:\d+\)", message)


def test_subagents_get_their_own(emulator: Emulator) -> None:
    """Threads ask in any order; each gets what is for its words."""
    for city in ("Lima", "Oslo", "Rome", "Bern"):
        emulator.answer(f"in {city}", text=city, times=5)
    said: list[tuple[str, str]] = []

    def ask(city: str) -> None:
        with httpx.Client() as http:
            client = Client(emulator, http)
            said.extend((city, text_of(client.run(asked(city)))) for _ in range(5))

    threads = [
        threading.Thread(target=ask, args=(c,))
        for c in ["Lima", "Oslo", "Rome", "Bern"]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 20
    assert all(text == f"in {city}" for city, text in said)


def test_a_slow_function_keeps_nobody_else_waiting(emulator: Emulator) -> None:
    """Two requests that wait for each other."""
    both = threading.Barrier(2, timeout=5)

    def meet(request: Exchange) -> str:
        both.wait()
        return "met"

    emulator.answer(meet, times=2)
    said: list[str] = []

    def ask() -> None:
        with httpx.Client() as http:
            said.append(text_of(Client(emulator, http).run(asked("Hi"))))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == ["met", "met"]


class TestReading:
    def test_parallel_responses_by_id(self, client: Client) -> None:
        calls = [
            {"functionCall": {"id": i, "name": "get_weather", "args": {"city": c}}}
            for i, c in (("c1", "Lima"), ("c2", "Oslo"))
        ]
        calls[0]["thoughtSignature"] = SIGNED  # type: ignore[assignment]
        results = [
            {
                "functionResponse": {
                    "id": i, "name": "get_weather", "response": {"result": r},
                }
            }
            for i, r in (("c1", "18"), ("c2", "-3"))
        ]  # fmt: skip
        client.run(asked("Weather?", model(*calls), user(*results), tools=TOOLS))
        emulator = client.emulator
        (request,) = emulator.requests
        assert request.function_responses == {
            "c1": {"result": "18"},
            "c2": {"result": "-3"},
        }
        emulator.assert_function_response("get_weather", {"result": "18"}, id="c1")
        emulator.assert_function_response("get_weather", {"result": "-3"})
        with pytest.raises(AssertionError, match="returned"):
            emulator.assert_function_response("get_weather", {"result": "18"}, id="c2")
        with pytest.raises(AssertionError, match="of call 'c3'"):
            emulator.assert_function_response("get_weather", id="c3")

    def test_without_ids_all_are_kept(self, client: Client) -> None:
        call_ = {"functionCall": {"name": "get_weather", "args": {}}}
        parts = [{**call_, "thoughtSignature": SIGNED}, call_]
        results = [answered(result)["parts"][0] for result in ("18", "-3")]
        client.run(asked("Hi", model(*parts), user(*results)))
        assert client.emulator.requests[0].function_responses == {
            "get_weather": {"result": "18"},
            "get_weather#2": {"result": "-3"},
        }

    def test_messages_are_langchains(self, client: Client) -> None:
        image = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
        client.run(
            asked(
                user("What is it?", image),
                called(city="Lima"),
                answered("18"),
                systemInstruction={"parts": [{"text": "Be brief."}]},
            )
        )
        told: list[Any] = convert_to_messages(client.emulator.requests[0].messages)
        assert [message.type for message in told] == ["system", "human", "ai", "tool"]
        assert told[1].content_blocks[1]["type"] == "image"
        assert told[2].tool_calls[0]["args"] == {"city": "Lima"}
        assert told[3].tool_call_id == told[2].tool_calls[0]["id"]

    def test_usage_cost_and_times(self, client: Client) -> None:
        usage = {"promptTokenCount": 1000, "candidatesTokenCount": 100}
        client.emulator.reply("x", usage=usage)
        client.run(asked("Hi"))
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
        with httpx.Client(timeout=0.3) as http, contextlib.suppress(httpx.HTTPError):
            Client(client.emulator, http).run(asked("Hi"))
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
        emulator = client.emulator
        kept = {"cf-aig-cache-ttl": "60"}
        first = client.run(asked("Hi"), headers=kept)
        emulator.reset()
        again = client.run(asked("Hi"), headers=kept)
        assert first.headers["cf-aig-cache-status"] == "MISS"
        assert again.headers["cf-aig-cache-status"] == "MISS"
        assert [request.number for request in emulator.requests] == [1]
        assert emulator.feedback == {}

    def test_near_misses(self, client: Client) -> None:
        client.run(asked("What is the weather in Lima today?"))
        with pytest.raises(AssertionError, match=r"nearest is 'What is the weather"):
            client.emulator.assert_asked("the weather in Rome today")


def test_models_of_ones_own(http: httpx.Client) -> None:
    with Emulator(models={"gemini-9-ultra": "gemini-2.5-flash"}) as emulator:
        client = Client(emulator, http)
        answer = client.run(asked("Hi"), model="google/gemini-9-ultra")
        assert answer.json()["result"]["modelVersion"] == "gemini-9-ultra"
        level = {"thinkingConfig": {"thinkingLevel": "LOW"}}
        refused = client.gateway(
            asked("Hi", generationConfig=level), model="gemini-9-ultra"
        )
        assert refused.status_code == 400
        assert client.run(asked("Hi"), model="google/gemini-9").status_code == 404
    with Emulator(strict=False) as emulator:
        client = Client(emulator, http)
        assert client.run(asked("Hi"), model="google/gemini-10").status_code == 200
        assert client.gateway(asked("Hi"), model="gemini-10").status_code == 200
    with Emulator(models=["gemini-10"]) as emulator:
        answer = Client(emulator, http).run(asked("Hi"), model="google/gemini-10")
        assert answer.status_code == 200
