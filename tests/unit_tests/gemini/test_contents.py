"""Conversations as Gemini's contents: tables of what goes on the wire."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    HumanMessageChunk,
    SystemMessage,
    ToolMessage,
)

from langchain_cf_gemini import UnsupportedContentError
from tests.support.gemini import Media, body_from_messages
from tests.support.models import (
    Json,
    body_of,
    call,
    calling,
    contents_of,
    history_of,
    inline,
    message_of,
    result,
    stored,
    text,
    tool_call,
)
from tests.support.tables import rows

PNG = "iVBORw0KGgo="
IMAGE = {"type": "image", "base64": PNG, "mime_type": "image/png"}
IMAGE_PART = inline("image/png", PNG)
PDF = {"type": "file", "base64": "JVBERg==", "mime_type": "application/pdf"}
PDF_PART = inline("application/pdf", "JVBERg==")
MARK = {"cachePoint": {"type": "default"}}
MP3 = {"type": "audio", "base64": "SUQz", "mime_type": "audio/mpeg"}
MP3_PART = inline("audio/mpeg", "SUQz")


def _user(*parts: Any) -> Json:
    return {
        "role": "user",
        "parts": [text(p) if isinstance(p, str) else p for p in parts],
    }


def _model(*parts: Any) -> Json:
    return {**_user(*parts), "role": "model"}


def _chat(role: str, content: Any, **more: Any) -> ChatMessage:
    return ChatMessage(role=role, content=content, **more)


HI, SO, WELL, A, B, C = map(HumanMessage, ["hi", "so?", "well?", "a", "b", "c"])
_A = calling(tool_call())
_BOTH = calling(tool_call("a"), tool_call("b"))
_MADE = result("1")

# ---- turns

_SIGNED = {"type": "text", "text": "", "extras": {"signature": "c2ln"}}
_OURS = {"model_provider": "cloudflare_gemini"}
_FOREIGN_TEXT = {"type": "text", "text": "b", "extras": {"signature": "c2ln"}}
_ANTHROPICS = {"model_provider": "anthropic"}
_RESPONSES = {"type": "input_text", "text": "a"}
_HOLOGRAM = {"type": "non_standard", "value": {"hologram": 1}}
TURNS: dict[str, tuple[list[Any], list[Json]]] = {
    "text": ([HI], [_user("hi")]),
    "tuples": ([("human", "hi")], [_user("hi")]),
    "blocks": ([HumanMessage(["hi", text("there", type="text")])],
               [_user("hi", "there")]),
    "name": ([HumanMessage("hi", name="Ann")], [_user("Ann: ", "hi")]),
    "consecutive": ([A, B, AIMessage("c"), AIMessage("d")],
                    [_user("a"), _user("b"), _model("c"), _model("d")]),
    "few shot": ([A, AIMessage("b"), C], [_user("a"), _model("b"), _user("c")]),
    "chat messages": ([_chat("user", "a"), _chat("Assistant", "b"),
                       _chat("human", "c")],
                      [_user("a"), _model("b"), _user("c")]),
    "chunks": ([HumanMessageChunk(content="a"), AIMessageChunk(content="b"), C],
               [_user("a"), _model("b"), _user("c")]),
    "empty turn of the model": ([A, AIMessage(""), B], [_user("a"), _user("b")]),
    "empty text of anyone": (
        [HumanMessage(["", "a", text("", type="text")]),
         AIMessage([text("", type="text"), text("b", type="text")]),
         HumanMessage(""), HumanMessage([text("")], name="Ann"), HumanMessage([]), C],
        [_user("a"), _model("b"), _user("c")]),
    "empty text with a signature": (
        [A, AIMessage([_SIGNED], response_metadata=_OURS), B],
        [_user("a"), _model(text("", "c2ln")), _user("b")]),
    "what chat messages hold beside their text": (
        [A, _chat("assistant", "", additional_kwargs={"refusal": "No."}), B],
        [_user("a"), _model("No."), _user("b")]),
    "whose chat messages are": (
        [A, _chat("assistant", [_FOREIGN_TEXT], response_metadata=_ANTHROPICS), B],
        [_user("a"), _model("b"), _user("b")]),
    "names of chat messages": ([_chat("user", "a", name="Ann")],
                               [_user("Ann: ", "a")]),
    "OpenAI's words for text": ([HumanMessage([_RESPONSES])], [_user("a")]),
    "wrapped": ([HumanMessage([{"type": "non_standard", "value": _RESPONSES}])],
                [_user("a")]),
    "image": ([HumanMessage(["see", IMAGE])], [_user("see", IMAGE_PART)]),
    "Gemini's own part": ([HumanMessage([text("hi"), {**IMAGE_PART, "text": None}])],
                          [_user("hi", IMAGE_PART)]),
    "non_standard": ([HumanMessage([_HOLOGRAM])], [_user({"hologram": 1})]),
    "surrogate-free unicode": ([HumanMessage("你好 🌍\n")], [_user("你好 🌍\n")]),
}  # fmt: skip


@rows("messages contents", TURNS)
def test_turns(messages: list[Any], contents: list[Json]) -> None:
    assert contents_of(messages) == contents


_CACHED = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}
SYSTEMS: dict[str, tuple[list[Any], list[str] | None]] = {
    "none": ([HI], None),
    "one": ([SystemMessage("a"), HI], ["a"]),
    "several": ([SystemMessage("a"), SystemMessage("b"), HI], ["a", "b"]),
    "late": ([HI, SystemMessage("b")], ["b"]),
    "between": ([SystemMessage("a"), HI, SystemMessage("b"), C], ["a", "b"]),
    "blocks": ([SystemMessage(["a", {"type": "text", "text": "b"}]), HI], ["a", "b"]),
    "cache_control": ([SystemMessage([_CACHED]), HI], ["a"]),
    "Bedrock's mark": ([SystemMessage([{"text": "a"}, MARK]),
                        HumanMessage(["hi", MARK])], ["a"]),
    "empty": ([SystemMessage(""), HI], None),
    "empty block": ([SystemMessage([{"type": "text", "text": ""}, "a"]), HI], ["a"]),
    "developer": ([_chat("developer", "a"), HI], ["a"]),
}  # fmt: skip


@rows("messages said", SYSTEMS)
def test_every_system_message_reaches_the_model(
    messages: list[Any], said: list[str] | None
) -> None:
    parts = body_of(messages).get("systemInstruction", {}).get("parts")
    assert (parts and [part["text"] for part in parts]) == said


# ---- results of tools


def test_results_come_in_the_order_of_their_calls() -> None:
    made = [tool_call("a", n=1), tool_call("b", n=2), tool_call("c", "hear")]
    results = [result(f"result {id_}", id_) for id_ in "abc"]
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        answered = [results[n] for n in order]
        turn = contents_of([HI, calling(*made), *answered])[2]
        assert turn["role"] == "user"
        assert [part["functionResponse"] for part in turn["parts"]] == [
            {"id": "a", "name": "look", "response": {"output": "result a"}},
            {"id": "b", "name": "look", "response": {"output": "result b"}},
            {"id": "c", "name": "hear", "response": {"output": "result c"}},
        ]


def test_words_between_results_wait() -> None:
    between = [result("2", "b"), HumanMessage("hurry"), _MADE, AIMessage("Done.")]
    contents = contents_of([HI, _BOTH, *between])
    assert [c["role"] for c in contents] == ["user", "model", "user", "user", "model"]
    assert [p["functionResponse"]["id"] for p in contents[2]["parts"]] == ["a", "b"]
    assert contents[3] == _user("hurry")


RESULTS: dict[str, tuple[Any, Json | None]] = {
    "text": ("18 °C", {"output": "18 °C"}),
    "empty": ("", {"output": ""}),
    "object as text": ('{"t": 18, "f": 1.0}', {"t": 18, "f": 1.0}),
    "empty object": ("{}", {}),
    "list as text": ("[1, 2]", {"output": "[1, 2]"}),
    "number as text": ("18", {"output": "18"}),
    "a reference": ('{"a": {"$ref": "#/$defs/A"}}', None),
    "a reference in a list": ('{"a": [{"$ref": "A"}]}', None),
    "more digits than a double": ('{"id": 1234567890123456789}', None),
    "less than a double": ('{"id": -9007199254740993}', None),
    "the last whole number": ('{"id": 9007199254740992}', {"id": 9007199254740992}),
    "beyond doubles": ('{"x": 1e400}', None),
    "a price": ('{"x": 3.10}', None),
    "a power": ('{"x": 1e5}', None),
    "minus nothing": ('{"x": -0}', None),
    "no number": ('{"x": NaN}', None),
    "a key twice": ('{"a": 1, "a": 2}', None),
    "a key twice, deeper": ('{"b": {"a": 1, "a": 1}}', None),
    "Google's word output": ('{"output": "part", "code": 1}', None),
    "Google's word error": ('{"error": null, "data": []}', None),
    "Google's word alone": ('{"output": "all"}', {"output": "all"}),
    "Google's other word alone": ('{"error": "no"}', {"error": "no"}),
    "no error": ('{"error": null}', None),
    "Google's words, deeper": ('{"a": {"output": 1, "error": 2}}',
                               {"a": {"output": 1, "error": 2}}),
    "half of a pair": ('{"a": "\\ud83d"}', None),
    "a whole pair": ('{"a": "\\ud83d\\ude00"}', {"a": "😀"}),
    "too deep": ('{"a": ' * 50 + "1" + "}" * 50, None),
    "an object and more": ('{"a": 1} {"a": 2}', None),
    "a large number in a block": ([{"id": 2**60}],
                                  {"output": '{"id":1152921504606846976}'}),
    "a reference in a block": ([{"a": {"$ref": "A"}}, {"t": 1}],
                               {"output": ['{"a":{"$ref":"A"}}', {"t": 1}]}),
    "no number in a block": ([{"t": float("nan")}], {"output": '{"t":NaN}'}),
    "Google's word in a block": ([{"output": 1, "code": 2}],
                                 {"output": '{"output":1,"code":2}'}),
    "a file of MCP": (
        [{"type": "resource", "resource": {"uri": "file:///a", "text": "hi"}}],
        {"type": "resource", "resource": {"uri": "file:///a", "text": "hi"}}),
    "a search result of Anthropic": (
        [{"type": "search_result", "title": "T", "source": "s", "content": []}],
        {"type": "search_result", "title": "T", "source": "s", "content": []}),
    "broken object": ('{"t": ', {"output": '{"t": '}),
    "one text block": ([{"type": "text", "text": "18"}], {"output": "18"}),
    "object in a block": ([{"type": "text", "text": '{"t": 1}'}], {"t": 1}),
    "two text blocks": ([{"type": "text", "text": "18"},
                         {"type": "text", "text": "°C"}], {"output": ["18", "°C"]}),
    "strings": (["18", "°C"], {"output": ["18", "°C"]}),
    "plain object": ([{"t": 18}], {"t": 18}),
    "plain objects": ([{"t": 18}, {"t": 19}], {"output": [{"t": 18}, {"t": 19}]}),
    "Bedrock's mark": ([{"text": "18", "type": "text"}, MARK], {"output": "18"}),
    "numbers for keys": ([{1: "\udce9"}], {"1": "\ufffd"}),
    "nothing": ([], {}),
    "text of Responses": ([{"type": "output_text", "text": "18"}], {"output": "18"}),
    "half a character": ("caf\udce9.txt", {"output": "caf\ufffd.txt"}),
    "half a character in a block": ([{"f": "\udce9"}], {"f": "\ufffd"}),
    "text file": ([{"type": "text-plain", "text": "18", "mime_type": "text/plain"}],
                  {"output": "18"}),
}  # fmt: skip
FAILURES: dict[str, tuple[Any, Json]] = {
    "error": ("no such city", {"error": "no such city"}),
    "error object": ('{"code": 7}', {"error": {"code": 7}}),
    "error of many digits": ('{"id": 1234567890123456789}',
                             {"error": '{"id": 1234567890123456789}'}),
}  # fmt: skip


@pytest.mark.parametrize("case", [*RESULTS, *FAILURES])
def test_results(case: str) -> None:
    content, response = {**RESULTS, **FAILURES}[case]
    status: Any = "error" if case in FAILURES else "success"
    (part,) = contents_of([HI, _A, result(content, status=status)])[2]["parts"]
    if response is None:  # the text as it is
        response = {"output": content}
    assert part["functionResponse"]["response"] == response
    assert set(part["functionResponse"]) == {"id", "name", "response"}


def _struct(value: Any) -> Any:
    """What a reader of protobuf's Struct sees of JSON: every number is a double."""
    if isinstance(value, dict):
        return {key: _struct(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_struct(each) for each in value]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if number else value


_numbers = (
    st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.integers(-9, 9)
)
_words = st.sampled_from(["$ref", "output", "error", "a", "b", ""])
_values = st.recursive(
    st.none() | st.booleans() | _numbers | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(_words, _values, max_size=3), st.booleans())
def test_a_result_says_what_the_tool_said(said: Json, ascii_only: bool) -> None:
    """Whichever way it goes, Google reads the tool's own words and numbers."""
    content = json.dumps(said, ensure_ascii=ascii_only)
    (part,) = contents_of([HI, _A, result(content)])[2]["parts"]
    response = part["functionResponse"]["response"]
    if response == {"output": content}:
        return
    seen = _struct(response)
    assert json.dumps(seen, sort_keys=True) == json.dumps(_struct(said), sort_keys=True)
    assert seen == said  # the numbers are the same ones as well
    assert len(seen) == 1 or not {"output", "error"} & seen.keys()
    assert '"$ref"' not in content


def test_arguments_keep_their_digits() -> None:
    args = {"id": 2**60 + 1, "rate": float("nan"), "deep": [{"n": -(2**54)}], "ok": 2}
    args["pair"] = (2**60 + 1, float("inf"))
    (part,) = contents_of([HI, calling(tool_call(**args)), _MADE])[1]["parts"]
    assert part["functionCall"]["args"] == {
        "id": "1152921504606846977",
        "rate": "NaN",
        "deep": [{"n": "-18014398509481984"}],
        "pair": ["1152921504606846977", "Infinity"],
        "ok": 2,
    }


def test_arguments_that_lie_deep_go_as_text() -> None:
    args: Json = {"n": 1}
    for _ in range(150):
        args = {"a": args}
    (part,) = contents_of([HI, calling(tool_call(**args)), _MADE])[1]["parts"]
    sent, levels = part["functionCall"]["args"], 0
    while isinstance(sent, dict):
        sent, levels = sent["a"], levels + 1
    assert levels == 40
    assert json.loads(sent) == json.loads('{"a":' * 110 + '{"n":1}' + "}" * 110)


# Audio is none of the types that Gemini 3 takes inside a response.
INSIDE = (2, [MP3_PART])
BESIDE = (0, [IMAGE_PART, PDF_PART, MP3_PART])
MODELS = {"3-flash": INSIDE, "3.1-pro": INSIDE, "2.5-flash": BESIDE, "2.5-pro": BESIDE}


@pytest.mark.parametrize("model", MODELS)
def test_media_in_results(model: str) -> None:
    inside, beside = MODELS[model]
    shown = result([{"type": "text", "text": "see"}, IMAGE, PDF, MP3])
    history = [HI, _BOTH, shown, result("b", "b")]
    parts = contents_of(history, model=f"gemini-{model}")[2]["parts"]
    responses = [p["functionResponse"] for p in parts if "functionResponse" in p]
    assert [r["response"] for r in responses] == [{"output": "see"}, {"output": "b"}]
    held = responses[0].get("parts")
    assert held == ([IMAGE_PART, PDF_PART][:inside] or None)
    assert [p for p in parts if "functionResponse" not in p] == beside
    assert inside or parts[:2] == [{"functionResponse": r} for r in responses]


_BLOB = {"uri": "a:b", "mimeType": "image/png", "blob": PNG}
_HIGH = {"mediaResolution": {"level": "MEDIA_RESOLUTION_HIGH"}}
# A block that a tool returned, and the part inside of the response or beside it.
SHOWN: dict[str, tuple[Json, Json | None, Json | None]] = {
    "Google's own part": ({**IMAGE_PART, "text": None}, IMAGE_PART, None),
    "MCP's resource": ({"type": "resource", "resource": _BLOB}, IMAGE_PART, None),
    "MCP's image": ({"type": "image", "data": PNG, "mimeType": "image/png"}, IMAGE_PART,
                    None),
    "plain text": ({"type": "file", "base64": "aGk=", "mime_type": "text/plain"},
                   inline("text/plain", "aGk="), None),
    "a film by address": ({"type": "video", "url": "gs://b/o.mp4"}, None,
                          stored("video/mp4", "gs://b/o.mp4")),
    "a moving image by address": ({"type": "image", "url": "gs://b/o.gif"}, None,
                                  stored("image/gif", "gs://b/o.gif")),
    # FunctionResponsePart of Google's schema has no resolution.
    "a resolution": ({**IMAGE, "media_resolution": {"level": "high"}}, None,
                     {**IMAGE_PART, **_HIGH}),
}  # fmt: skip


@rows("block inside beside", SHOWN)
def test_what_results_show(
    block: Json, inside: Json | None, beside: Json | None
) -> None:
    answered, *others = contents_of([HI, _A, result([block])])[2]["parts"]
    wire = answered["functionResponse"]
    assert wire.get("parts") == ([inside] if inside else None)
    assert others == ([beside] if beside else [])
    assert wire["response"] == {}


def test_an_error_that_is_an_image() -> None:
    (part,) = contents_of([HI, _A, result([IMAGE], status="error")])[2]["parts"]
    assert part["functionResponse"]["parts"] == [IMAGE_PART]
    assert "failed" in part["functionResponse"]["response"]["error"]


# ---- histories as agents, checkpoints and frontends leave them

_NOT_RUN = "The call was not carried out."
_INVALID: Any = {"args": "{", "id": "z", "error": "", "type": "invalid_tool_call"}
_OLD_CALL = {"function_call": {"name": "look", "arguments": '{"n": 1}'}}
_OLD_RESULT = FunctionMessage(content="1", name="look")
_ODD = {"type": "non_standard", "value": {"type": "z"}}
_TOOL_USE = {"type": "tool_use", "id": "t", "name": "look", "input": {}}
_TOOL_RESULT = {"type": "tool_result", "tool_use_id": "t", "content": "1"}
LEFT: dict[str, tuple[list[BaseMessage], str, str]] = {
    # The contents in short: u and m for texts, c for calls, r for results, x for calls
    # that were not carried out; and what the log says.
    "an approval left alone": ([HI, _A, WELL], "u c x u",
                               "'look' (id 'a') has no ToolMessage"),
    "a tool that was stopped": ([HI, _A, AIMessage("I stopped."), WELL], "u c x m u",
                                "'look' (id 'a') has no ToolMessage"),
    "a handoff beside another call": (
        [HI, calling(tool_call("a", "bob"), tool_call("b")), _MADE], "u cc rx",
        "'look' (id 'b') has no ToolMessage"),
    "a limit beside a refusal": ([HI, _A, _MADE, result("2")], "u c r",
                                 "A second ToolMessage with tool_call_id='a'"),
    "a result without its call": ([HI, result("1", "x"), SO],
                                  "u u", "tool_call_id='x' wasn't sent"),
    "a call that names nothing": (
        [HI, AIMessage("Well.", invalid_tool_calls=[{**_INVALID, "name": None}]), SO],
        "u m u", "without a function name"),
    "a valid call that names nothing": ([HI, calling(tool_call("a", "")), _MADE, SO],
                                        "u u", "without a function name"),
    "a block that names nothing": (
        [HI, AIMessage([{**_TOOL_USE, "id": "a", "name": ""}]), _MADE, SO], "u u",
        "without a function name"),
    "an agent's answer as the next one's question": (
        [HI, HumanMessage([{"type": "reasoning", "reasoning": "Hm."},
                           {"type": "text", "text": "so?"}], name="Ann")],
        "u uu", "'reasoning' in a HumanMessage"),
    "a block of a kind of its own": ([HI, AIMessage(["Well.", _ODD]), SO], "u m u",
                                     "non_standard 'z'"),
    "a result again": ([HI, _A, _MADE, AIMessage("Done."), _MADE, SO],
                       "u c r m u", "A second ToolMessage"),
    "Bedrock's marks": (
        [HumanMessage(["hi", MARK]), AIMessage(["Yes?", MARK]),
         HumanMessage([{"type": "text", "text": "so?"}, {"type": "cachePoint"}])],
        "u m u", ""),
    "a result that came late": ([HI, _A, HumanMessage("hurry"), AIMessage("Wait."),
                                 _MADE, SO], "u c r u m u", ""),
    "a result that came early": ([HI, _MADE, _A, SO], "u c r u", ""),
    "a trim before text and a call": ([AIMessage("Let me see."), _A, _MADE],
                                      "u m c r", "starts with a tool call"),
    "results parted by another answer": (
        [HI, _BOTH, _MADE, AIMessage("One."), result("2", "b")], "u cc rr m", ""),
    "ids that begin anew": ([*(HI, _A, _MADE, AIMessage("Done.")),
                             *(HumanMessage("again"), _A, result("2"))],
                            "u c r m u c r", ""),
    "one id in two turns, one result": ([*(HI, _A, WELL, _A, _MADE)], "u c x u c r",
                                        "'look' (id 'a') has no ToolMessage"),
    "a trim in the middle": ([_A, _MADE, SO], "u c r u", "starts with a tool call"),
    "a system message between a call and its result": (
        [HI, _A, SystemMessage("Be brief."), _MADE], "u c r", "moved to the front"),
    "a late system message": ([HI, SystemMessage("Be brief."), SO], "u u",
                              "moved to the front"),
    "nothing said": ([HI, AIMessage("Yes?"), HumanMessage(""), SO], "u m u",
                     "empty HumanMessage"),
    "a function of old": ([HI, AIMessage("", additional_kwargs=_OLD_CALL), _OLD_RESULT],
                          "u c r", ""),
    "a function of old for a call with an id": ([HI, _A, _OLD_RESULT], "u c r", ""),
    "Anthropic's results": ([HI, AIMessage([_TOOL_USE]),
                             HumanMessage([_TOOL_RESULT, text("so?", type="text")])],
                            "u c r u", ""),
}  # fmt: skip


def _in_short(part: Json, role: str) -> str:
    if "functionCall" in part:
        return "c"
    if answered := part.get("functionResponse"):
        said = str(answered["response"].get("error", ""))
        return "x" if said.startswith(_NOT_RUN) else "r"
    return role[0]


@rows("history turns log", LEFT)
def test_threads_go_on(
    history: list[BaseMessage], turns: str, log: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = [message.model_copy(deep=True) for message in history]
    found = [[_in_short(p, content["role"]) for p in content["parts"]]
             for content in contents_of(history)]  # fmt: skip
    assert " ".join(map("".join, found)) == turns
    assert log in caplog.text
    assert bool(log) == bool(caplog.text)
    assert history == before


@pytest.mark.parametrize("kind", [HumanMessage, AIMessage, ToolMessage])
def test_messages_that_nobody_checked(kind: Any) -> None:
    for content in (5, None):
        unchecked = kind.model_construct(content=content, tool_call_id="a")
        said = f"a {kind.__name__} is malformed"
        with pytest.raises(UnsupportedContentError, match=said):
            contents_of([HI, _A, unchecked])


@pytest.mark.parametrize("id_", ["", "a"])
def test_results_of_one_id_go_by_name(id_: str) -> None:
    """Calls of Ollama have no ids, and those of other servers may be all the same."""
    calls = calling(tool_call(id_), tool_call(id_, "hear"))
    results = [result("2", id_, name="hear"), result("1", id_, name="look")]
    parts = contents_of([HI, calls, *results])[2]["parts"]
    said = [(p["functionResponse"]["name"], p["functionResponse"]["response"])
            for p in parts]  # fmt: skip
    assert said == [("look", {"output": "1"}), ("hear", {"output": "2"})]


def test_results_of_anthropics_blocks() -> None:
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    said = [text("broken", type="text"), {"type": "image", "source": source}]
    told = {**_TOOL_RESULT, "tool_use_id": "a", "is_error": True, "content": said}
    (part,) = contents_of([HI, _A, HumanMessage([told])])[2]["parts"]
    answered = {"id": "a", "name": "look", "response": {"error": "broken"}}
    assert part["functionResponse"] == {**answered, "parts": [IMAGE_PART]}


def test_invalid_calls_are_answered_for_the_caller() -> None:
    cut: Any = {**_INVALID, "id": "a", "name": "look", "args": '{"n": ', "error": "cut"}
    contents = contents_of([HI, AIMessage("Well.", invalid_tool_calls=[cut]), WELL])
    sent = contents[1]["parts"][1]["functionCall"]["args"]
    assert sent == {"invalid_arguments": '{"n": '}
    (part,) = contents[2]["parts"]
    assert "cut" in part["functionResponse"]["response"]["error"]
    assert contents[3] == _user("well?")


def test_invalid_calls_may_be_answered_by_the_application() -> None:
    invalid: Any = {**_INVALID, "id": "a", "name": "look", "args": '{"n": 1}'}
    said = result("There is no such tool.", status="error")
    contents = contents_of([HI, AIMessage("", invalid_tool_calls=[invalid]), said])
    assert contents[1]["parts"][0]["functionCall"]["args"] == {"n": 1}
    (part,) = contents[2]["parts"]
    assert part["functionResponse"]["response"] == {"error": "There is no such tool."}


@pytest.mark.parametrize("ids", [["g1", "g2"], [None, None]])
def test_ids_of_googles_go_both_ways(ids: list[str | None]) -> None:
    """And calls without one go back without one."""
    wire: list[Json] = [{"id": id_} if id_ else {} for id_ in ids]
    parts = [call("look", "c2ln", args={}, **wire[0]), call("look", args={}, **wire[1])]
    message = message_of(*parts)
    first, second = (str(made["id"]) for made in message.tool_calls)
    assert [first, second] == ids or ids == [None, None]
    history = [HI, message, result("two", second), result("one", first)]
    contents = contents_of(history)
    assert contents[1]["parts"] == parts
    assert [part["functionResponse"] for part in contents[2]["parts"]] == [
        {**wire[at], "name": "look", "response": {"output": said}}
        for at, said in enumerate(["one", "two"])
    ]


# ---- dummy signatures

DUMMY = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
_STEP = [_BOTH, _MADE, result("2", "b")]
_SECOND = [calling(tool_call("c", "hear")), result("3", "c")]
_BEGUN = [HI, *_STEP, AIMessage("Done."), HumanMessage("again"), *_SECOND]
_SIGNS = message_of(call("look", "c2ln", args={}), call("look", args={}))
_SIGNED_STEP = history_of(_SIGNS)
# D for calls with the dummy, S for other signatures, - for none.
MARKS: dict[str, tuple[list[Any], str, str]] = {
    **{model: ([HI, *_STEP, *_SECOND], f"gemini-{model}", "D-D") for model in
       ("3-flash", "3.1-pro", "3.1-flash-lite", "4-argon", "flash-latest")},
    **{model: ([HI, *_STEP, *_SECOND], f"gemini-{model}", "---") for model in
       ("2.5-flash", "2.5-pro")},
    "earlier turns": (_BEGUN, "gemini-3-flash", "--D"),
    "turns that are over": ([*_BEGUN, HumanMessage("and?")], "gemini-3-flash", "---"),
    "signed ones": ([*_SIGNED_STEP, *_SECOND], "gemini-3-flash", "S-D"),
}  # fmt: skip


@rows("history model marks", MARKS)
def test_unsigned_calls(history: list[Any], model: str, marks: str) -> None:
    parts = [part for c in contents_of(history, model=model) for part in c["parts"]]
    signs = [p.get("thoughtSignature", "-") for p in parts if "functionCall" in p]
    assert "".join(signs).replace(DUMMY, "D").replace("c2ln", "S") == marks


# ---- anything at all

_texts = st.text(max_size=20)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-1, 1) | _texts,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["type", "text", "url", "id"]), inner, max_size=2
        )
    ),
    max_leaves=4,
)
_kinds = st.sampled_from(
    [
        "text", "image", "image_url", "input_audio", "audio", "video", "file", "media",
        "document", "text-plain", "reasoning", "thinking", "redacted_thinking",
        "tool_use", "tool_call", "invalid_tool_call", "function_call",
        "server_tool_call", "server_tool_result", "executable_code",
        "code_execution_result", "non_standard", "output_text", "hologram",
    ]
)  # fmt: skip
_keys = st.sampled_from(
    [
        "text", "reasoning", "summary", "thinking", "signature", "base64", "url",
        "data", "mime_type", "source", "file", "file_id", "file_uri", "image_url",
        "input_audio", "extras", "value", "id", "name", "args", "input", "output",
        "tool_call_id", "call_id", "video_metadata", "media_resolution",
    ]
)  # fmt: skip
_blocks = st.builds(
    lambda kind, rest: {**rest, "type": kind},
    _kinds,
    st.dictionaries(_keys, _json, max_size=4),
)
_contents = _texts | st.lists(_texts | _blocks, max_size=3)
_ids = st.sampled_from(["a", "b", "c"])
_tool_calls = st.lists(
    st.builds(
        lambda id_, name, args: {"id": id_, "name": name, "args": args},
        _ids,
        st.sampled_from(["look", "hear"]),
        st.dictionaries(_texts, _json, max_size=2),
    ),
    max_size=2,
)
_messages = st.one_of(
    st.builds(HumanMessage, _contents),
    st.builds(SystemMessage, _contents),
    st.builds(
        lambda content, calls, provider: AIMessage(
            content, tool_calls=calls, response_metadata={"model_provider": provider}
        ),
        _contents,
        _tool_calls,
        st.sampled_from(["cloudflare_gemini", "google_genai", "anthropic", "openai"]),
    ),
    st.builds(
        lambda content, id_: ToolMessage(content, tool_call_id=id_), _contents, _ids
    ),
)


@given(st.lists(_messages, min_size=1, max_size=4))
def test_any_conversation_is_sent_or_refused(messages: list[BaseMessage]) -> None:
    media = Media(urls="count")
    counted = None
    try:
        counted = body_from_messages(
            messages, media=media, signs_calls=False, counting=True
        )
        body = body_from_messages(messages, media=Media(), signs_calls=True)
    except UnsupportedContentError:
        return
    assert counted
    json.dumps(body)
    assert body["contents"]
    for content in body["contents"]:
        assert content["role"] in ("user", "model")
        assert content["parts"]
