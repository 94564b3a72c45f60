"""A user's tests with the emulator; `make check` reads it, nothing runs it.

pyright and mypy read this file in their strict modes; what they must refuse is marked.
"""

import re
from typing import TypedDict

import pytest
from langchain_core.messages import AIMessage, convert_to_messages
from pydantic import BaseModel

from langchain_cf_gemini import ChatCloudflareGemini
from langchain_cf_gemini.emulator import (
    AccountRules,
    Answer,
    Emulator,
    Exchange,
    Fault,
    ScriptError,
    block,
    call,
    code,
    exactly,
    faults,
    finish,
    grounding,
    image,
    reply,
    thought,
)


class Invoice(BaseModel):
    vendor: str


class Row(TypedDict):
    n: int


async def later(asked: Exchange) -> str:
    return asked.text


def by_turn(asked: Exchange) -> Answer | int:
    return 503 if asked.turn else reply("x")


@pytest.mark.cf_gemini_emulator(strict=False)
def test_what_is_right(cf_gemini_emulator: Emulator) -> None:
    e = cf_gemini_emulator
    e.answer("It is 18 °C.", result="18")
    e.answer(call("get_weather", city="Lima"), text="Lima", turn=0)
    e.answer({"vendor": "ACME"})
    e.answer([1, 2])
    row: Row = {"n": 1}
    e.answer(row)
    e.answer(Invoice(vendor="x"))
    e.answer(AIMessage("x"))
    e.answer(lambda asked: {"n": len(asked.text)}, times=None)
    e.answer(later)
    e.answer(by_turn)
    e.answer(503, times=3)
    e.answer(reply("Hello").cut(after=1))
    e.answer(reply("x", delay=1, chunks=["x"]))
    e.answer("x", when=re.compile("a"), system="b", model=re.compile("c"))
    e.answer("x", when=lambda asked: "x" in asked.told)
    e.when(lambda asked: asked.turn == 1).then("a", reply("b")).always("c")
    e.fail(429, retry_after=1)
    e.fail(faults.late(1))
    e.script("a", reply("b") + thought("c"), 503, faults.cut())
    e.reply(
        "x",
        finish_reason="MAX_TOKENS",
        usage={"promptTokenCount": 1},
        grounding=grounding("x", ("a", "b")),
    )
    e.call("f", a=1)
    e.spoil(reply("x"), faults.cut())
    f: Fault = faults.status(429, shape="v4", headers={"a": "b"})
    e.answer(f)
    e.script(block("SAFETY"), finish("SAFETY"), code("a", "b"), image(b"x"))
    e.answer(exactly({"a": 1}))
    model = ChatCloudflareGemini(model="gemini-3-flash", **e.client)
    model.invoke("x")
    for request in e.requests:
        texts: list[str] = [request.text, request.system, request.told, request.answer]
        print(texts, request.outcome.upper(), request.usage.get("totalTokenCount"))
        print(request.cost, request.function_responses, request.at, request.ended)
        print(request.notes, convert_to_messages(request.messages))
        for answered in request.responses:
            print(answered.id, answered.name, answered.response)
    e.assert_request_count(1)
    e.assert_asked("x")
    e.assert_function_response("f", {"a": 1}, id="x")
    with pytest.raises(ScriptError):
        e.verify()
    with Emulator.for_test(
        rules=AccountRules(blocked=["x"]), rate_limit=(1, 2)
    ) as other:
        other.reset()


def test_what_is_wrong(cf_gemini_emulator: Emulator) -> None:
    e = cf_gemini_emulator
    e.reply("x", finish_reson="STOP")  # type: ignore[call-arg]
    e.fail(429, retry_afer=1)  # type: ignore[call-arg]
    e.answer("x", txt="a")  # type: ignore[call-arg]
    e.answer("x", turn="0")  # type: ignore[arg-type]
    e.answer("x", times="2")  # type: ignore[arg-type]
    faults.cut(after=1)  # type: ignore[call-arg]
    faults.late()  # type: ignore[call-arg]
    reply("x").cut(aftr=1)  # type: ignore[call-arg]
    faults.status(429, shape="gogle")  # type: ignore[arg-type]
    reply("x").framing("lfcr")  # type: ignore[arg-type]
    e.answer(None)  # type: ignore[arg-type]
    e.answer(object())  # type: ignore[arg-type]
    Emulator(strickt=True)  # type: ignore[call-arg]
