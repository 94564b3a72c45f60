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
    chunks_of,
    event,
    folded,
    sse,
    streamed,
    text,
)


def _piece(path: str, value: Any = None, *, more: bool = False, **raw: Any) -> Json:
    made: Json = {"jsonPath": path, **raw}
    if not raw:
        kinds: list[tuple[type, str]] = [
            (str, "stringValue"),
            (bool, "boolValue"),
            (int, "numberValue"),
            (float, "numberValue"),
        ]
        key = next((k for kind, k in kinds if isinstance(value, kind)), "nullValue")
        made[key] = "NULL_VALUE" if value is None else value
    return {**made, "willContinue": True} if more else made


def _events(*pieces: list[Json], close: bool = True) -> list[Json]:
    """A call whose pieces come in these events."""
    start: Json = {
        "functionCall": {"name": "cook", "willContinue": True},
        "thoughtSignature": "c2ln",
    }
    made = [event(start)]
    for piece in pieces:
        made.append(
            event({"functionCall": {"partialArgs": piece, "willContinue": True}})
        )
    if close:
        made.append(event({"functionCall": {}}))
    return [*made, answer(text(""))]


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


@pytest.mark.parametrize(("pieces", "args"), PIECES.values(), ids=PIECES.keys())
def test_pieces_add_up(pieces: list[list[Json]], args: Json) -> None:
    for version, close in product(("v0", "v1"), (True, False)):
        events = _events(*pieces, close=close)
        chunks = chunks_of(*events, output_version=version, endpoint="gateway")
        fragments = [c for chunk in chunks for c in chunk.tool_call_chunks]
        assert json.loads("".join(str(f["args"]) for f in fragments)) == args
        assert [f["name"] for f in fragments if f["name"]] == ["cook"]
        assert {f["index"] for f in fragments} == {0}
        (made,) = folded(chunks).tool_calls
        assert (made["name"], made["args"]) == ("cook", args)


@pytest.mark.parametrize(("pieces", "args"), PIECES.values(), ids=PIECES.keys())
@pytest.mark.parametrize("version", ["v0", "v1"])
def test_chunks_are_as_langchain_makes_them(
    pieces: list[list[Json]], args: Json, version: str
) -> None:
    for chunk in chunks_of(*_events(*pieces), output_version=version):
        said = chunk.model_dump(exclude={"tool_calls", "invalid_tool_calls"})
        assert chunk == AIMessageChunk(**said)
        assert chunk.model_fields_set >= {"content", "response_metadata"}


def test_text_comes_while_arguments_do() -> None:
    events = _events([_piece("$.a", "x", more=True)], [_piece("$.a", "y")])
    chunks = chunks_of(*events)
    assert [bool(chunk.tool_call_chunks) for chunk in chunks][:3] == [True, True, True]


def test_the_call_goes_back_whole_and_signed() -> None:
    message = streamed(*_events([_piece("$.n", 1)]))
    assert back(message) == [
        {"functionCall": {"name": "cook", "args": {"n": 1}}, "thoughtSignature": "c2ln"}
    ]


def test_several_calls_in_pieces() -> None:
    first = _events([_piece("$.a", "x")])[:-1]
    second = [
        event({"functionCall": {"name": "eat", "willContinue": True}}),
        event({"functionCall": {"partialArgs": [_piece("$.b", 1)]}}),
    ]
    third = [event({"functionCall": {"name": "rest"}})]
    message = streamed(*first, *second, *third, answer(text("")))
    assert [(c["name"], c["args"]) for c in message.tool_calls] == [
        ("cook", {"a": "x"}),
        ("eat", {"b": 1}),
        ("rest", {}),
    ]


def test_text_after_pieces_ends_the_call() -> None:
    events = _events([_piece("$.a", "x")], close=False)[:-1]
    message = streamed(*events, answer(text("Done.")))
    assert message.text == "Done."
    assert [c["args"] for c in message.tool_calls] == [{"a": "x"}]


CUT = "ended within the arguments"


@pytest.mark.parametrize("finish", ["MAX_TOKENS", "SAFETY", "MALFORMED_FUNCTION_CALL"])
def test_a_call_that_was_cut_off_never_runs(finish: str) -> None:
    events = _events([_piece("$.a", "x", more=True)], close=False)[:-1]
    for version in ("v0", "v1"):
        message = streamed(
            *events, answer(finish=finish), endpoint="gateway", output_version=version
        )
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


@pytest.mark.parametrize(("pieces", "said"), WRONG.values(), ids=WRONG.keys())
def test_pieces_that_make_no_object(pieces: list[Json], said: str) -> None:
    """The call must not run; the rest of the answer is what it is."""
    whole = answer(
        *(e["candidates"][0]["content"]["parts"][0] for e in _events(pieces))
    )
    for message in (streamed(*_events(pieces)), Cloudflare(whole).model().invoke("hi")):
        assert message.tool_calls == []
        (invalid,) = message.invalid_tool_calls
        (block,) = message.content_blocks
        assert block["type"] == "invalid_tool_call"
        assert re.search(said, str(block["error"]))
        part, *_ = back(message)
        assert part["functionCall"]["name"] == invalid["name"] == "cook"


def test_arguments_in_pieces_and_as_a_whole_never_run() -> None:
    wire = {"args": {"a": 1}, "partialArgs": [_piece("$.b", 1)]}
    part: Json = {"functionCall": {"name": "cook", **wire}}
    for message in (
        streamed(answer(part)),
        Cloudflare(answer(part)).model().invoke("hi"),
    ):
        assert message.tool_calls == []
        assert [call["name"] for call in message.invalid_tool_calls] == ["cook"]


@pytest.mark.parametrize("parallel", [None, False])
@pytest.mark.parametrize("end", [{}, {"willContinue": False}])
def test_what_ends_a_call_that_has_ended_is_no_call(
    end: Json, parallel: bool | None
) -> None:
    first: Json = {
        "functionCall": {"name": "f", "args": {"a": 1}},
        "thoughtSignature": "c2ln",
    }
    said = event(first), event({"functionCall": end}), event(finish="STOP")
    model = Cloudflare(sse(*said)).model(endpoint="gateway")
    message = folded(list(model.stream("hi", parallel_tool_calls=parallel)))
    assert [made["args"] for made in message.tool_calls] == [{"a": 1}]
    assert not message.invalid_tool_calls
    assert "dropped_tool_calls" not in message.response_metadata
    assert back(message) == [first]


def test_a_second_call_in_pieces_is_dropped_with_all_of_its_pieces() -> None:
    first: Json = {
        "functionCall": {"name": "f", "args": {"a": 1}},
        "thoughtSignature": "c2ln",
    }
    more: list[Json] = [
        {"functionCall": {"name": "g", "willContinue": True}},
        {"functionCall": {"partialArgs": [_piece("$.b", 2)], "willContinue": True}},
        {"functionCall": {}},
    ]
    events = [event(first), *(event(part) for part in more), event(finish="STOP")]
    cloudflare = Cloudflare(sse(*events))
    model = cloudflare.model(endpoint="gateway")
    message = folded(list(model.stream("hi", parallel_tool_calls=False)))
    assert [(call["name"], call["args"]) for call in message.tool_calls] == [
        ("f", {"a": 1})
    ]
    assert message.response_metadata["dropped_tool_calls"] == more
    assert back(message) == [first]


def test_open_calls_are_told_apart_by_their_ids() -> None:
    def piece(id_: str, path: str, value: Any, *, more: bool = True) -> Json:
        wire = {"id": id_, "partialArgs": [_piece(path, value)], "willContinue": more}
        return {"functionCall": wire}

    def start(id_: str, name: str) -> Json:
        return {"functionCall": {"id": id_, "name": name, "willContinue": True}}

    parts = [
        start("1", "f"),
        start("2", "g"),
        piece("1", "$.a", "x"),
        piece("2", "$.b", "y"),
        piece("1", "$.c", 1, more=False),
        piece("2", "$.d", 2, more=False),
    ]
    for version in ("v0", "v1"):
        stream = streamed(
            *map(event, parts),
            answer(text("")),
            output_version=version,
            endpoint="gateway",
        )
        whole = Cloudflare(answer(*parts)).model(output_version=version).invoke("hi")
        for message in (stream, whole):
            assert [(c["name"], c["args"]) for c in message.tool_calls] == [
                ("f", {"a": "x", "c": 1}),
                ("g", {"b": "y", "d": 2}),
            ]


@pytest.mark.parametrize(("pieces", "args"), PIECES.values(), ids=PIECES.keys())
def test_a_whole_answer_reads_pieces_too(pieces: list[list[Json]], args: Json) -> None:
    parts = [
        p for e in _events(*pieces) for p in e["candidates"][0]["content"]["parts"]
    ]
    (made,) = Cloudflare(answer(*parts)).model().invoke("hi").tool_calls
    assert (made["name"], made["args"]) == ("cook", args)
