"""The model's turns: edited ones, and those of other providers."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, merge_message_runs

from langchain_cf_gemini import UnsupportedContentError
from tests.support.models import (
    Json,
    answer,
    back,
    call,
    calling,
    code,
    contents_of,
    event,
    history_of,
    inline,
    message_of,
    printed,
    read,
    result,
    streamed,
    text,
    thought,
    tool_call,
)
from tests.support.tables import rows

FOREIGN = "Zm9yZWlnbg=="
SIGNED = "c2ln"
DUMMY = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
_CALL = tool_call("toolu_1", n=1)
HI, SO = HumanMessage("hi"), HumanMessage("so?")


def _block(kind: str, **fields: Any) -> Json:
    return {"type": kind, **fields}


def _says(said: str, **fields: Any) -> Json:
    return _block("text", text=said, **fields)


def _turn(content: Any, provider: str | None, *calls: Any, **fields: Any) -> AIMessage:
    metadata = {"model_provider": provider} if provider else {}
    return calling(*calls, content=content, response_metadata=metadata, **fields)


def _v1(content: Any, provider: str, *calls: Any) -> AIMessage:
    turn = _turn(content, provider, *calls)
    turn.response_metadata["output_version"] = "v1"
    return turn


def _sent(turn: AIMessage) -> list[Json]:
    """The parts of a turn that is over, of which no signatures are wanted."""
    return back(turn, is_over=True)


# ---- other providers

_TOOL_USE = _block("tool_use", id="toolu_1", name="look", input={"n": 1})
_CALLED = call("look", args={"n": 1}, id="toolu_1")
_SIGNED_CALL = {**_CALLED, "thoughtSignature": SIGNED}
_THINKING = _block("thinking", thinking="Hm.", signature=FOREIGN)
_REDACTED = _block("redacted_thinking", data=FOREIGN)
_SEARCH = _block("server_tool_use", id="s", name="web_search", input={"query": "x"})
_FOUND = _block("web_search_tool_result", tool_use_id="s", content=[])
_FOREIGN = {"extras": {"signature": FOREIGN}}
_FUNCTION_CALL = _block("function_call", id="fc_1", call_id="toolu_1", name="look",
                        arguments='{"n": 1}')  # fmt: skip
_KEPT = {"__gemini_function_call_thought_signatures__": {"toolu_1": SIGNED}}
_OLD_CALL = {"function_call": {"name": "look", "arguments": '{"n": 1}'}}


def _summary(*said: str) -> list[Json]:
    return [_block("summary_text", text=each) for each in said]


def _ran(output: str, outcome: Any, written: str = "1", **more: Any) -> list[Json]:
    ran = _block("code_execution_result", code_execution_result=output, outcome=outcome)
    return [_block("executable_code", executable_code=written, **more), ran]


FOREIGN_TURNS: dict[str, tuple[AIMessage, list[Json]]] = {
    "Anthropic: thinking and tool use": (
        _turn([_THINKING, _says("Let me see."), _TOOL_USE], "anthropic", _CALL),
        [thought("Hm."), text("Let me see."), _CALLED]),
    "Anthropic without its name": (_turn([_THINKING, _TOOL_USE], None, _CALL),
                                   [thought("Hm."), _CALLED]),
    "Anthropic: redacted thinking": (_turn([_REDACTED, _says("Well.")], "anthropic"),
                                     [text("Well.")]),
    "Anthropic without its name: redacted": (_turn([_REDACTED, "Well."], None),
                                             [text("Well.")]),
    "Anthropic: server tools": (
        _turn([_SEARCH, _FOUND, _says("Found.")], "anthropic"), [text("Found.")]),
    "Anthropic without its name: server tools": (
        _turn([_SEARCH, _FOUND, _says("Found.")], None), [text("Found.")]),
    "Mistral: thinking in pieces": (
        _turn([_block("thinking", thinking=[_says("Hm.")]), _says("Well.")],
              "mistralai"),
        [thought("Hm."), text("Well.")]),
    "LangChain's own blocks without saying so": (
        _turn([_block("reasoning", reasoning="Hm."), _says("So.")], "anthropic"),
        [thought("Hm."), text("So.")]),
    "OpenAI: chat": (_turn("Let me see.", "openai", _CALL),
                     [text("Let me see."), _CALLED]),
    "OpenAI: texts that are no blocks": (_turn(["Let me see.", "Well."], "openai"),
                                         [text("Let me see."), text("Well.")]),
    "OpenAI: a file of its server": (
        _turn([_says("Here."), _block("file", file_id="cfile_1")], "openai"),
        [text("Here.")]),
    "OpenAI without its name: server tools": (
        _turn([_block("web_search_call", id="ws_1", status="completed"),
               _says("Found.")], None),
        [text("Found.")]),
    "OpenAI: a refusal": (
        _turn("", "openai", additional_kwargs={"refusal": "I cannot."}),
        [text("I cannot.")]),
    "OpenAI: a refusal told twice": (
        _turn([_block("refusal", refusal="I cannot.")], "openai",
              additional_kwargs={"refusal": "I cannot."}),
        [text("I cannot.")]),
    "OpenAI: speech": (
        _turn("", "openai",
              additional_kwargs={"audio": {"id": "a", "transcript": "Hi."}}),
        [text("Hi.")]),
    "OpenAI Responses": (
        _turn([_block("reasoning", id="rs_1", summary=_summary("Hm."),
                      encrypted_content=FOREIGN),
               _says("Let me see.", id="msg_1"), _FUNCTION_CALL], "openai", _CALL),
        [thought("Hm."), text("Let me see."), _CALLED]),
    "OpenAI: empty reasoning": (
        _turn([_block("reasoning", id="rs_1", summary=[]), _says("Well.")], "openai"),
        [text("Well.")]),
    "OpenAI: several summaries": (
        _turn([_block("reasoning", summary=_summary("one", "two")), "Well."], None),
        [thought("one\ntwo"), text("Well.")]),
    "OpenAI: a call before words": (
        _turn([_FUNCTION_CALL, _block("output_text", text="I am looking.")], None,
              _CALL),
        [_CALLED, text("I am looking.")]),
    "Cohere-like output_text": (_turn([_block("output_text", text="Well.")], None),
                                [text("Well.")]),
    "a user's words, where roles were swapped": (
        _turn([_block("input_text", text="Well.")], None), [text("Well.")]),
    "v1 of another": (
        _v1([_block("reasoning", reasoning="Hm.", **_FOREIGN),
             _says("Well.", **_FOREIGN), {**_CALL, **_FOREIGN}], "anthropic", _CALL),
        [thought("Hm."), text("Well."), _CALLED]),
    "langchain-google-genai, 2.5": (
        _turn("Let me see.", "google_genai", _CALL,
              additional_kwargs={**_OLD_CALL, **_KEPT}),
        [text("Let me see."), _SIGNED_CALL]),
    "langchain-google-genai, 3": (
        _turn([_block("thinking", thinking="Hm.", signature=SIGNED),
               _says("Let me see.", extras={"signature": SIGNED}),
               *_ran("2", 1, "1+1", language="PYTHON")], "google_genai"),
        [text("Hm.", SIGNED, thought=True), text("Let me see.", SIGNED), code("1+1"),
         printed("2")]),
    "langchain-google-genai, 4: code": (
        _v1([_block("server_tool_call", name="code_interpreter", id="made-up",
                    args={"code": "1+1", "language": "python"}),
             _block("server_tool_result", tool_call_id="made-up", output="2",
                    status="success", extras={"block_type": "code_execution_result",
                                              "outcome": 1})], "google_genai"),
        [code("1+1"), printed("2")]),
    "langchain-google-genai, 4: another tool of the server": (
        _turn([_block("server_tool_call", name="media_processing", id="s", args={}),
               _block("server_tool_result", tool_call_id="s", output={},
                      status="success", extras={"block_type": "media_processing"}),
               _says("Well.")], "google_genai"),
        [text("Well.")]),
    "langchain-google-genai, 3: a signature apart": (
        _turn(["Let me see.", _block("function_call_signature", signature=SIGNED,
                                     index=0)], "google_genai", _CALL),
        [text("Let me see."), _CALLED]),
    "Mistral without its name: references": (
        _turn([_says("Well."), _block("reference", reference_ids=[0])], None),
        [text("Well.")]),
    "a stored turn with a block of a kind of its own": (
        _turn([_block("hologram"), _says("Well.")], None, id="1"), [text("Well.")]),
    "langchain-google-genai, failed code": (
        _turn(_ran("ZeroDivisionError", 2, "1/0"), "google_genai"),
        [code("1/0"), printed("ZeroDivisionError", "OUTCOME_FAILED")]),
    "langchain-google-genai, a language by its number": (
        _turn(_ran("1", 1, language=1), "google_genai"),
        [code(language=1), printed()]),
    "langchain-google-genai, an outcome as text": (
        _turn(_ran("1", "1"), "google_genai"), [code(), printed()]),
    "langchain-google-vertexai": (
        _turn("", "google_vertexai", _CALL, additional_kwargs=_KEPT), [_SIGNED_CALL]),
    "image of langchain-google-genai": (
        _turn(["Here:", _block("image_url", image_url={
                  "url": "data:image/png;base64,iVBORw0KGgo="})], "google_genai"),
        [text("Here:"), inline("image/png", "iVBORw0KGgo=")]),
    "code of nobody's name": (
        _turn([_block("server_tool_call", name="code_execution", id="c",
                      args={"language": "PYTHON", "code": "1"}),
               _block("server_tool_result", tool_call_id="c", status="success",
                      output="1")], None),
        [code(id="c"), printed(id="c")]),
    "google-genai's parts, dumped": (
        _turn([{"text": "Well.", "inline_data": None, "thought_signature": b"sig"},
               {"inline_data": {"mime_type": "image/png", "display_name": None,
                                "data": b"\x89PNG\r\n\x1a\n"}},
               {"executable_code": {"code": "1", "language": "PYTHON"}}], None),
        [text("Well.", SIGNED), inline("image/png", "iVBORw0KGgo="), code()]),
    "tool_use only in blocks": (_turn(["Let me see.", _TOOL_USE], None, _CALL),
                                [text("Let me see."), _CALLED]),
    "calls only beside blocks": (_turn([_says("Let me see.")], None, _CALL),
                                 [text("Let me see."), _CALLED]),
}  # fmt: skip


@rows("turn parts", FOREIGN_TURNS)
def test_turns_of_others(turn: AIMessage, parts: list[Json]) -> None:
    assert _sent(turn) == parts
    # Gemini 3: calls without a signature of Google's get the dummy.
    sent = back(turn, model="gemini-3-flash")
    unsigned = [
        [{**p, "thoughtSignature": None} for p in each] for each in (sent, parts)
    ]
    assert unsigned[0] == unsigned[1]
    for part in sent:
        if "functionCall" in part:
            assert part["thoughtSignature"] in (SIGNED, DUMMY)
        assert part.get("thoughtSignature") != FOREIGN


KINDS_OF_MODELS = [
    "tool_call", "tool_call_chunk", "invalid_tool_call", "tool_use", "function_call",
    "reasoning", "thinking", "server_tool_call", "server_tool_result",
    "executable_code", "code_execution_result", "redacted_thinking", "server_tool_use",
    "mcp_tool_use", "non_standard_annotation", "compaction", "mcp_list_tools",
    "mcp_approval_request", "input_json_delta", "reasoning_content", "reference",
    "function_call_signature", "bash_tool_result", "web_search_call",
    "shell_call_output",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS_OF_MODELS)
def test_what_models_wrote_in_a_users_turn_is_left_out(kind: str) -> None:
    """As where a whole turn was quoted, or roles were swapped."""
    (turn,) = contents_of([HumanMessage([_block(kind), _says("Well.")])])
    assert turn == {"role": "user", "parts": [text("Well.")]}


# A block, and what the log calls it.
LEFT_OUT: dict[str, tuple[Json, str]] = {
    "of a kind": (_REDACTED, "'redacted_thinking'"),
    "of a name": (_block("server_tool_call", name="find", id="s", args={}), "'find'"),
    "of a call": (_block("server_tool_result", tool_call_id="s1"), "'s1'"),
}


@rows("block named", LEFT_OUT)
def test_what_is_left_out_is_logged(
    block: Json, named: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "langchain_cf_gemini"):
        assert _sent(_turn([block, _says("Well.")], None)) == [text("Well.")]
    assert named in caplog.text


@pytest.mark.parametrize(
    "block",
    [_TOOL_USE, {"function_call": {**_CALLED["functionCall"], "id": "toolu_1"}}],
)
def test_calls_that_only_blocks_know(block: Json) -> None:
    """Histories cut from another library: the result shows that the call is meant."""
    turn = AIMessage([block])
    assert contents_of([HI, turn, result("seen", "toolu_1"), SO])[1]["parts"] == [
        _CALLED
    ]
    roles = [c["role"] for c in contents_of([HI, turn, SO], model="gemini-2.5-flash")]
    assert roles == ["user", "user"]


ARGUMENTS: dict[str, Json] = {
    '{"n": 1}': {"n": 1},
    "": {},
    '{"n": ': {"invalid_arguments": '{"n": '},
    "[1]": {"invalid_arguments": "[1]"},
}


@pytest.mark.parametrize("written", ARGUMENTS)
def test_arguments_that_are_text(written: str) -> None:
    turn = AIMessage([{**_FUNCTION_CALL, "arguments": written}])
    contents = contents_of([HI, turn, result("seen", "toolu_1")])
    assert contents[1]["parts"][0]["functionCall"]["args"] == ARGUMENTS[written]


# ---- edited turns


def _edited(message: AIMessage, **fields: Any) -> AIMessage:
    return message.model_copy(update=fields)


def test_edited_text_keeps_the_signature_of_what_stayed() -> None:
    message = message_of(text("The three laws", SIGNED))
    assert back(_edited(message, content="Something else")) == [text("Something else")]
    longer = _edited(message, content="The three laws, and more")
    assert back(longer) == [text("The three laws", SIGNED), text(", and more")]


def test_edited_arguments_win() -> None:
    message = message_of(call("look", SIGNED, args={"n": 1}))
    (made,) = message.tool_calls
    edited = _edited(message, tool_calls=[{**made, "args": {"n": 2}}])
    assert back(edited) == [call("look", SIGNED, args={"n": 2})]


@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_removed_calls_are_gone(output_version: str) -> None:
    parts = [text("Let me. "), call("look", SIGNED, args={}), call("hear", args={})]
    message = message_of(*parts, model={"output_version": output_version})
    assert back(_edited(message, tool_calls=message.tool_calls[:1])) == parts[:2]
    assert back(_edited(message, tool_calls=[])) == parts[:1]


def test_added_calls_come_last() -> None:
    said = text("Let me. ", SIGNED)
    edited = _edited(message_of(said), tool_calls=[tool_call("mine")])
    assert _sent(edited) == [said, call("look", args={}, id="mine")]


def test_two_calls_of_one_id() -> None:
    calls = calling(tool_call(n=1), tool_call(n=2))
    contents = contents_of([HI, calls, result("1"), result("2")])
    args = [p["functionCall"]["args"] for p in contents[1]["parts"]]
    assert args == [{"n": 1}, {"n": 2}]
    outputs = [p["functionResponse"]["response"] for p in contents[2]["parts"]]
    assert outputs == [{"output": "1"}, {"output": "2"}]


# ---- turns that were merged

MERGED: dict[str, list[list[Json]]] = {
    "signed, signed": [[text("One", SIGNED)], [text("Two", SIGNED)]],
    "plain, signed": [[text("One\nline")], [text("Two", SIGNED)]],
    "signed, plain": [[text("One", SIGNED)], [text("Two")]],
    "plain, signed, plain": [[text("One")], [text("Two", SIGNED)], [text("Three")]],
    "signed, plain, signed": [[text("One", SIGNED)], [text("Two\nlines")],
                              [text("Three", "bW9yZQ==")]],
    "text with signed end": [[text("One")], [text("Two"), text(" end", SIGNED)]],
    "blocks, signed": [[code(), text("One")], [text("Two", SIGNED)]],
    "signed, blocks": [[text("One", SIGNED)], [thought("Hm."), text("Two", SIGNED)]],
}  # fmt: skip


@rows("turns", MERGED)
def test_merged_turns(turns: list[list[Json]]) -> None:
    messages = [
        read({**answer(*parts), "responseId": f"answer-{n}"})
        for n, parts in enumerate(turns)
    ]
    (merged,) = merge_message_runs(messages)
    assert isinstance(merged, AIMessage)
    sent = [
        (p.get("text", "").strip("\n"), p.get("thoughtSignature"))
        for p in back(merged)
        if p != text("\n")
    ]
    whole = [part for parts in turns for part in parts]
    assert sent == [(p.get("text", ""), p.get("thoughtSignature")) for p in whole]


# ---- failing calls


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("output_version", ["v0", "v1"])
@pytest.mark.parametrize("args", [{"n": 1}, {}])
def test_failed_calls_go_back_as_they_came(
    streaming: bool, output_version: str, args: Json
) -> None:
    part = call("look", SIGNED, args=args)
    failed: Json = {"finish": "UNEXPECTED_TOOL_CALL"}
    failed["finishMessage"] = 'Unexpected "tool"\ncall: look'
    settings = {"output_version": output_version}
    if streaming:
        message = streamed(event(part), answer(text(""), **failed), **settings)
    else:
        message = message_of(part, model=settings, **failed)
    assert message.tool_calls == []
    contents = contents_of(history_of(message))
    assert contents[1]["parts"] == [part]
    (response,) = contents[2]["parts"]
    said = response["functionResponse"]["response"]["error"]
    assert "UNEXPECTED_TOOL_CALL" in said
    (block,) = [b for b in message.content_blocks if "call" in b["type"]]
    assert block["type"] == "invalid_tool_call"
    assert "UNEXPECTED_TOOL_CALL" in str(block["error"])


def test_a_part_that_an_earlier_version_noted_beside_text() -> None:
    noted = {"gemini_parts": [{"type": "part", "number": 1, "part": code()}]}
    turn = _turn("", "cloudflare_gemini", additional_kwargs=noted)
    assert _sent(turn) == [code()]


def test_an_invalid_call_that_is_told_twice() -> None:
    """As langchain-core tells it where it replays a message from its cache."""
    told: Any = {"id": "a", "name": "look", "args": "{}", "error": "no", "type": "x"}
    turn = AIMessage("", invalid_tool_calls=[told, dict(told)])
    assert len(_sent(turn)) == 1


REFUSED: dict[str, tuple[Json, str | None, str]] = {
    "not as it should be": (_block("executable_code"), "google_genai", "is malformed"),
    "a number for text": (_block("text", text=5), None, "must be a string"),
    "a dict for a thought": (_block("reasoning", reasoning={"a": "b"}), None,
                             "must be a string"),
    "unknown": (_block("hologram"), None, "'hologram'"),
}  # fmt: skip


@rows("block provider says", REFUSED)
def test_refused_blocks(block: Json, provider: str | None, says: str) -> None:
    with pytest.raises(UnsupportedContentError, match=says):
        _sent(_turn([block], provider))
