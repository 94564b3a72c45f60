"""Call arguments that Vertex streams in pieces."""

from __future__ import annotations

import json
import re
from itertools import product
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk

from tests.support.models import (
    Cloudflare,
    Json,
    answer,
    back,
    call,
    chunks_of,
    event,
    folded,
    message_of,
    readings,
    sse,
    streamed,
    text,
)
from tests.support.tables import rows

_KINDS = {str: "string", bool: "bool", int: "number", float: "number"}


def _piece(path: str, value: Any = None, *, more: bool = False, **raw: Any) -> Json:
    made: Json = {"jsonPath": path, **raw}
    if not raw:
        key = f"{_KINDS.get(type(value), 'null')}Value"
        made[key] = "NULL_VALUE" if value is None else value
    return {**made, "willContinue": True} if more else made


def _call(*pieces: Any, **more: Any) -> Json:
    """A part that goes on with a call."""
    return {"functionCall": {"partialArgs": list(pieces), **more}}


_START = call("cook", "c2ln", willContinue=True)


def _events(*pieces: list[Json], close: bool = True) -> list[Json]:
    """A call whose pieces come in these events."""
    made = [event(_call(*piece, willContinue=True)) for piece in pieces]
    end = [event({"functionCall": {}})] if close else []
    return [event(_START), *made, *end, answer(text(""))]


def _parts(*pieces: list[Json]) -> list[Json]:
    """The parts of such a call, each of them once."""
    held = [e["candidates"][0]["content"]["parts"] for e in _events(*pieces)]
    return [part for parts in held for part in parts]


def _made(message: Any) -> list[tuple[str, Any]]:
    return [(each["name"], each["args"]) for each in message.tool_calls]


PIECES: dict[str, tuple[list[list[Json]], Json]] = {
    "one string": ([[_piece("$.a", "x")]], {"a": "x"}),
    "string in pieces": ([[_piece("$.a", "one ", more=True)],
                          [_piece("$.a", 'two "q" \\', more=True)],
                          [_piece("$.a", "")]], {"a": 'one two "q" \\'}),
    "kinds": ([[_piece("$.s", "x"), _piece("$.n", 3), _piece("$.f", 0.5)],
               [_piece("$.t", True), _piece("$.z", None)]],
              {"s": "x", "n": 3, "f": 0.5, "t": True, "z": None}),
    "whole number": ([[_piece("$.n", numberValue=16)]], {"n": 16}),
    "nested": (
        [[_piece("$.r.items[0].name", "eggs")], [_piece("$.r.items[0].count", 3)],
         [_piece("$.r.items[1].name", "salt")],
         [_piece("$.r.title", "Cake"), _piece("$.done", False)]],
        {"r": {"items": [{"name": "eggs", "count": 3}, {"name": "salt"}],
               "title": "Cake"}, "done": False}),
    "lists of lists": ([[_piece("$.m[0][0]", 1), _piece("$.m[0][1]", 2),
                         _piece("$.m[1][0]", 3)]], {"m": [[1, 2], [3]]}),
    "quoted names": (
        [[_piece("$['a.b']", 1), _piece('$["c]d"].e', 2), _piece("$['it\\'s']", 3)]],
        {"a.b": 1, "c]d": {"e": 2}, "it's": 3}),
    "unicode": ([[_piece("$.名", "你好 🌍\n")]], {"名": "你好 🌍\n"}),
    "nothing": ([], {}),
    "empty pieces": ([[]], {}),
    "string of two at once": ([[_piece("$.a", "x", more=True), _piece("$.a", "y"),
                                _piece("$.b", "z")]], {"a": "xy", "b": "z"}),
    "nothing more of a string": (
        [[_piece("$.a", "New", more=True)], [{"jsonPath": "$.a"}], [_piece("$.b", 1)]],
        {"a": "New", "b": 1}),
    "null is unset": ([[_piece("$.a", "x", more=True)],
                       [{"jsonPath": "$.a", "stringValue": None}]], {"a": "x"}),
    "a string that begins with nothing": ([[{"jsonPath": "$.a", "willContinue": True}],
                                           [_piece("$.a", "x")]], {"a": "x"}),
    "null as its JSON says it": ([[{"jsonPath": "$.a", "nullValue": None}]],
                                 {"a": None}),
    "truth as text": ([[{"jsonPath": "$.a", "boolValue": "false"}]], {"a": False}),
    "number as text": ([[{"jsonPath": "$.a", "numberValue": "7"}]], {"a": 7}),
    "half a character in each": ([[_piece("$.a", "x\ud83d", more=True)],
                                  [_piece("$.a", "\ude00y")]], {"a": "x\U0001f600y"}),
    "string that is not closed": ([[_piece("$.a", "x", more=True)], [_piece("$.b", 1)]],
                                  {"a": "x", "b": 1}),
}  # fmt: skip


@rows("pieces args", PIECES)
def test_pieces_add_up(pieces: list[list[Json]], args: Json) -> None:
    for version, close in product(("v0", "v1"), (True, False)):
        events = _events(*pieces, close=close)
        chunks = chunks_of(*events, output_version=version)
        fragments = [c for chunk in chunks for c in chunk.tool_call_chunks]
        assert json.loads("".join(str(f["args"]) for f in fragments)) == args
        assert [f["name"] for f in fragments if f["name"]] == ["cook"]
        assert {f["index"] for f in fragments} == {0}
        assert _made(folded(chunks)) == [("cook", args)]
        for chunk in chunks:  # as LangChain makes them
            said = chunk.model_dump(exclude={"tool_calls", "invalid_tool_calls"})
            assert chunk == AIMessageChunk(**said)
            assert chunk.model_fields_set >= {"content", "response_metadata"}
    assert _made(message_of(*_parts(*pieces))) == [("cook", args)]


def test_text_comes_while_arguments_do() -> None:
    events = _events([_piece("$.a", "x", more=True)], [_piece("$.a", "y")])
    chunks = chunks_of(*events)
    assert [bool(chunk.tool_call_chunks) for chunk in chunks][:3] == [True, True, True]


def test_the_call_goes_back_whole_and_signed() -> None:
    message = streamed(*_events([_piece("$.n", 1)]))
    assert back(message) == [call("cook", "c2ln", args={"n": 1})]


def test_several_calls_in_pieces() -> None:
    more = [call("eat", willContinue=True), _call(_piece("$.b", 1)), call("rest")]
    first = _events([_piece("$.a", "x")])[:-1]
    message = streamed(*first, *map(event, more), answer(text("")))
    assert _made(message) == [("cook", {"a": "x"}), ("eat", {"b": 1}), ("rest", {})]


def test_text_after_pieces_ends_the_call() -> None:
    events = _events([_piece("$.a", "x")], close=False)[:-1]
    message = streamed(*events, answer(text("Done.")))
    assert message.text == "Done."
    assert _made(message) == [("cook", {"a": "x"})]


CUT = "ended within the arguments"


@pytest.mark.parametrize("finish", ["MAX_TOKENS", "SAFETY", "MALFORMED_FUNCTION_CALL"])
def test_a_call_that_was_cut_off_never_runs(finish: str) -> None:
    events = _events([_piece("$.a", "x", more=True)], close=False)[:-1]
    for version in ("v0", "v1"):
        message = streamed(*events, answer(finish=finish), output_version=version)
        assert message.tool_calls == []
        (invalid,) = message.invalid_tool_calls
        assert invalid["name"] == "cook"
        why = CUT if finish == "MAX_TOKENS" else finish
        assert why in str(invalid["args"])
        assert back(message)


WRONG: dict[str, tuple[list[Json], str]] = {
    "no path": ([{"stringValue": "x"}], "without an argument"),
    "root": ([_piece("$", "x")], "without an argument"),
    "unreadable": ([_piece("$.a[", "x")], "can't be read"),
    "wild card": ([_piece("$.a[*]", "x")], "can't be read"),
    "back again": ([_piece("$.a", "x"), _piece("$.b", "y"), _piece("$.a", "z")],
                   "document order"),
    "into what was ended": ([_piece("$.a.b", "x"), _piece("$.c", 1),
                             _piece("$.a.d", 2)], "document order"),
    "a value again": ([_piece("$.a", 1), _piece("$.a", 2)], "is complete"),
    "a string that ended": ([{**_piece("$.a", "x"), "willContinue": "false"},
                             _piece("$.a", "y")], "is complete"),
    "an item again": ([_piece("$.a[0]", 1), _piece("$.a[1]", 2), _piece("$.a[0]", 3)],
                      "document order"),
    "a value with members": ([_piece("$.a", 1), _piece("$.a.b", 2)], "is complete"),
    "no value": ([{"jsonPath": "$.a"}], "no value"),
    "a number in a string": ([_piece("$.a", "x", more=True), _piece("$.a", 3)],
                             "continues a string"),
    "no truth": ([{"jsonPath": "$.a", "boolValue": "maybe"}], "boolValue"),
    "no number": ([{"jsonPath": "$.a", "numberValue": "NaN"}], "numberValue"),
    "no text": ([{"jsonPath": "$.a", "stringValue": 3}], "stringValue: 3"),
    "a list at the root": ([_piece("$[0]", 1)], "document order"),
    "members in a list": ([_piece("$.a[0]", 1), _piece("$.a.b", 2)], "document order"),
    "a hole in a list": ([_piece("$.a[1]", 1)], "document order"),
    "a string that was to go on": ([_piece("$.a", "x", more=True)], CUT),
}  # fmt: skip


@rows("pieces said", WRONG)
def test_pieces_that_make_no_object(pieces: list[Json], said: str) -> None:
    """The call must not run; the rest of the answer is what it is."""
    whole = message_of(*_parts(pieces)[:-1])
    for message in (streamed(*_events(pieces)), whole):
        assert message.tool_calls == []
        (invalid,) = message.invalid_tool_calls
        (block,) = message.content_blocks
        assert block["type"] == "invalid_tool_call"
        assert re.search(said, str(block["error"]))
        part, *_ = back(message)
        assert part["functionCall"]["name"] == invalid["name"] == "cook"


_AS_A_WHOLE = {"functionCall": {"args": {"a": 1}, "willContinue": True}}
NEVER_RUN: dict[str, tuple[list[Json], str]] = {
    "as a whole, too": ([call("cook", args={"a": 1}, partialArgs=[_piece("$.b", 1)])],
                        "is complete"),
    "as a whole, twice": ([_START, _AS_A_WHOLE, _AS_A_WHOLE], "come together with"),
    "no pieces": ([call("cook", partialArgs="all")], "isn't a list of objects"),
}  # fmt: skip


@rows("parts said", NEVER_RUN)
def test_arguments_that_never_run(parts: list[Json], said: str) -> None:
    for message in readings(*parts):
        assert message.tool_calls == []
        assert [call["name"] for call in message.invalid_tool_calls] == ["cook"]
        assert said in str(message.content_blocks)


_FIRST = call("f", "c2ln", args={"a": 1})


@pytest.mark.parametrize("parallel", [None, False])
@pytest.mark.parametrize("end", [{}, {"willContinue": False}])
def test_what_ends_a_call_that_has_ended_is_no_call(
    end: Json, parallel: bool | None
) -> None:
    said = event(_FIRST), event({"functionCall": end}), event(finish="STOP")
    model = Cloudflare(sse(*said)).model()
    message = folded(list(model.stream("hi", parallel_tool_calls=parallel)))
    assert _made(message) == [("f", {"a": 1})]
    assert not message.invalid_tool_calls
    assert "dropped_tool_calls" not in message.response_metadata
    assert back(message) == [_FIRST]


def test_a_second_call_in_pieces_is_dropped_with_all_of_its_pieces() -> None:
    more = [call("g", willContinue=True), _call(_piece("$.b", 2), willContinue=True)]
    more.append({"functionCall": {}})
    model = Cloudflare([*map(event, [_FIRST, *more]), event(finish="STOP")]).model()
    message = folded(list(model.stream("hi", parallel_tool_calls=False)))
    assert _made(message) == [("f", {"a": 1})]
    assert message.response_metadata["dropped_tool_calls"] == more
    assert back(message) == [_FIRST]


def test_pieces_with_an_id_go_on_with_a_call_that_has_none() -> None:
    more = [_call(_piece("$.a", 1), id="1", willContinue=True), {"functionCall": {}}]
    for message in readings(call("f", willContinue=True), *more):
        assert _made(message) == [("f", {"a": 1})]
        assert message.invalid_tool_calls == []


def test_pieces_of_another_id_do_not_go_on_with_a_call() -> None:
    other = _call(_piece("$.b", 2), id="2")
    parts = [call("f", id="1", willContinue=True), other]
    for message in readings(*parts, _call(_piece("$.a", 1), id="1")):
        assert _made(message) == [("f", {"a": 1})]
        assert [each["name"] for each in message.invalid_tool_calls] == [None]


def test_open_calls_are_told_apart_by_their_ids() -> None:
    parts = [
        call("f", id="1", willContinue=True),
        call("g", id="2", willContinue=True),
        _call(_piece("$.a", "x"), id="1", willContinue=True),
        _call(_piece("$.b", "y"), id="2", willContinue=True),
        _call(_piece("$.c", 1), id="1", willContinue=False),
        _call(_piece("$.d", 2), id="2", willContinue=False),
    ]
    for version in ("v0", "v1"):
        settings: Json = {"output_version": version}
        stream = streamed(*map(event, parts), answer(text("")), **settings)
        for message in (stream, message_of(*parts, model=settings)):
            wanted = [("f", {"a": "x", "c": 1}), ("g", {"b": "y", "d": 2})]
            assert _made(message) == wanted
