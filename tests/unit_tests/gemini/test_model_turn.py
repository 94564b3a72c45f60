"""The model's turns: edited ones, and those of other providers."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
    merge_message_runs,
)

from langchain_cf_gemini import UnsupportedContentError
from tests.support.models import (
    Json,
    answer,
    back,
    call,
    contents_of,
    event,
    history_of,
    message_of,
    streamed,
    text,
    thought,
)

FOREIGN = "Zm9yZWlnbg=="
SIGNED = "c2ln"
DUMMY = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
_CALL: Any = {"name": "look", "args": {"n": 1}, "id": "toolu_1", "type": "tool_call"}


def _turn(
    content: Any, provider: str | None, *, output_version: str = "", **fields: Any
) -> AIMessage:
    metadata = {"model_provider": provider} if provider else {}
    if output_version:
        metadata["output_version"] = output_version
    return AIMessage(content, response_metadata=metadata, **fields)


def _sent(turn: AIMessage) -> list[Json]:
    """The parts of a turn that is over, of which no signatures are wanted."""
    return back(turn, is_over=True)


# ---- other providers

_TOOL_USE = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"n": 1}}
_CALLED = {"functionCall": {"name": "look", "args": {"n": 1}, "id": "toolu_1"}}

FOREIGN_TURNS: dict[str, tuple[AIMessage, list[Json]]] = {
    "Anthropic: thinking and tool use": (
        _turn([{"type": "thinking", "thinking": "Hm.", "signature": FOREIGN},
               {"type": "text", "text": "Let me see."}, _TOOL_USE], "anthropic",
              tool_calls=[_CALL]),
        [thought("Hm."), text("Let me see."), _CALLED]),
    "Anthropic without its name": (_turn([{"type": "thinking", "thinking": "Hm.",
                                           "signature": FOREIGN}, _TOOL_USE], None,
                                         tool_calls=[_CALL]),
                                   [thought("Hm."), _CALLED]),
    "OpenAI: texts that are no blocks": (_turn(["Let me see.", "Well."], "openai"),
                                         [text("Let me see."), text("Well.")]),
    "Mistral: thinking in pieces": (
        _turn([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
               {"type": "text", "text": "Well."}], "mistralai"),
        [thought("Hm."), text("Well.")]),
    "LangChain's own blocks without saying so": (
        _turn([{"type": "reasoning", "reasoning": "Hm."},
               {"type": "text", "text": "So."}], "anthropic"),
        [thought("Hm."), text("So.")]),
    "OpenAI: a file of its server": (_turn([{"type": "text", "text": "Here."},
                                            {"type": "file", "file_id": "cfile_1"}],
                                           "openai"), [text("Here.")]),
    "Anthropic: redacted thinking": (_turn([{"type": "redacted_thinking",
                                             "data": FOREIGN},
                                            {"type": "text", "text": "Well."}],
                                           "anthropic"), [text("Well.")]),
    "Anthropic without its name: redacted": (
        _turn([{"type": "redacted_thinking", "data": FOREIGN}, "Well."], None),
        [text("Well.")]),
    "Anthropic: server tools": (
        _turn([{"type": "server_tool_use", "id": "srv_1", "name": "web_search",
                "input": {"query": "x"}},
               {"type": "web_search_tool_result", "tool_use_id": "srv_1",
                "content": []}, {"type": "text", "text": "Found."}], "anthropic"),
        [text("Found.")]),
    "Anthropic without its name: server tools": (
        _turn([{"type": "server_tool_use", "id": "s", "name": "web_search"},
               {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
               {"type": "text", "text": "Found."}], None),
        [text("Found.")]),
    "OpenAI without its name: server tools": (
        _turn([{"type": "web_search_call", "id": "ws_1", "status": "completed"},
               {"type": "text", "text": "Found."}], None),
        [text("Found.")]),
    "OpenAI: a refusal": (
        _turn("", "openai", additional_kwargs={"refusal": "I cannot."}),
        [text("I cannot.")]),
    "OpenAI: a refusal told twice": (_turn([{"type": "refusal",
                                             "refusal": "I cannot."}], "openai",
                                           additional_kwargs={"refusal": "I cannot."}),
                                     [text("I cannot.")]),
    "OpenAI: speech": (
        _turn("", "openai",
              additional_kwargs={"audio": {"id": "a", "transcript": "Hi."}}),
        [text("Hi.")]),
    "OpenAI Responses": (
        _turn([{"type": "reasoning", "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "Hm."}],
                "encrypted_content": FOREIGN},
               {"type": "text", "text": "Let me see.", "id": "msg_1"},
               {"type": "function_call", "id": "fc_1", "call_id": "toolu_1",
                "name": "look", "arguments": '{"n": 1}'}], "openai",
              tool_calls=[_CALL]),
        [thought("Hm."), text("Let me see."), _CALLED]),
    "OpenAI: empty reasoning": (_turn([{"type": "reasoning", "id": "rs_1",
                                        "summary": []},
                                       {"type": "text", "text": "Well."}], "openai"),
                                [text("Well.")]),
    "OpenAI: chat": (_turn("Let me see.", "openai", tool_calls=[_CALL]),
                     [text("Let me see."), _CALLED]),
    "v1 of another": (
        _turn([{"type": "reasoning", "reasoning": "Hm.",
                "extras": {"signature": FOREIGN}},
               {"type": "text", "text": "Well.", "extras": {"signature": FOREIGN}},
               {**_CALL, "extras": {"signature": FOREIGN}}], "anthropic",
              tool_calls=[_CALL], output_version="v1"),
        [thought("Hm."), text("Well."), _CALLED]),
    "langchain-google-genai, 2.5": (
        _turn("Let me see.", "google_genai", tool_calls=[_CALL],
              additional_kwargs={
                  "function_call": {"name": "look", "arguments": '{"n": 1}'},
                  "__gemini_function_call_thought_signatures__": {"toolu_1": SIGNED}}),
        [text("Let me see."), {**_CALLED, "thoughtSignature": SIGNED}]),
    "langchain-google-genai, 3": (
        _turn([{"type": "thinking", "thinking": "Hm.", "signature": SIGNED},
               {"type": "text", "text": "Let me see.", "extras": {"signature": SIGNED}},
               {"type": "executable_code", "executable_code": "1+1",
                "language": "PYTHON"},
               {"type": "code_execution_result", "code_execution_result": "2",
                "outcome": 1}], "google_genai"),
        [{**thought("Hm."), "thoughtSignature": SIGNED}, text("Let me see.", SIGNED),
         {"executableCode": {"language": "PYTHON", "code": "1+1"}},
         {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}}]),
    "langchain-google-genai, 4: code": (
        _turn([{"type": "server_tool_call", "name": "code_interpreter", "id": "made-up",
                "args": {"code": "1+1", "language": "python"}},
               {"type": "server_tool_result", "tool_call_id": "made-up", "output": "2",
                "status": "success",
                "extras": {"block_type": "code_execution_result", "outcome": 1}}],
              "google_genai", output_version="v1"),
        [{"executableCode": {"language": "PYTHON", "code": "1+1"}},
         {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}}]),
    "langchain-google-genai, 4: another tool of the server": (
        _turn([{"type": "server_tool_call", "name": "media_processing", "id": "s",
                "args": {}},
               {"type": "server_tool_result", "tool_call_id": "s", "output": {},
                "status": "success", "extras": {"block_type": "media_processing"}},
               {"type": "text", "text": "Well."}], "google_genai"),
        [text("Well.")]),
    "langchain-google-genai, 3: a signature apart": (
        _turn(["Let me see.", {"type": "function_call_signature", "signature": SIGNED,
                               "index": 0}], "google_genai", tool_calls=[_CALL]),
        [text("Let me see."), _CALLED]),
    "Mistral without its name: references": (
        _turn([{"type": "text", "text": "Well."},
               {"type": "reference", "reference_ids": [0]}], None), [text("Well.")]),
    "a stored turn with a block of a kind of its own": (
        _turn([{"type": "hologram"}, {"type": "text", "text": "Well."}], None, id="1"),
        [text("Well.")]),
    "langchain-google-genai, failed code": (
        _turn([{"type": "executable_code", "executable_code": "1/0"},
               {"type": "code_execution_result",
                "code_execution_result": "ZeroDivisionError", "outcome": 2}],
              "google_genai"),
        [{"executableCode": {"language": "PYTHON", "code": "1/0"}},
         {"codeExecutionResult": {"outcome": "OUTCOME_FAILED",
                                  "output": "ZeroDivisionError"}}]),
    "langchain-google-vertexai": (
        _turn(
            "",
            "google_vertexai",
            tool_calls=[_CALL],
            additional_kwargs={
                "__gemini_function_call_thought_signatures__": {"toolu_1": SIGNED}
            },
        ),
        [{**_CALLED, "thoughtSignature": SIGNED}],
    ),
    "image of langchain-google-genai": (
        _turn(["Here:",
               {"type": "image_url",
                "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}],
              "google_genai"),
        [text("Here:"),
         {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}]),
    "Cohere-like output_text": (_turn([{"type": "output_text", "text": "Well."}], None),
                                [text("Well.")]),
    "OpenAI: several summaries": (
        _turn([{"type": "reasoning",
                "summary": [{"type": "summary_text", "text": "one"},
                            {"type": "summary_text", "text": "two"}]}, "Well."], None),
        [thought("one\ntwo"), text("Well.")]),
    "OpenAI: a call before words": (
        _turn([{"type": "function_call", "id": "fc_1", "call_id": "toolu_1",
                "name": "look", "arguments": '{"n": 1}'},
               {"type": "output_text", "text": "I am looking."}], None,
              tool_calls=[_CALL]),
        [_CALLED, text("I am looking.")]),
    "code of nobody's name": (
        _turn([{"type": "server_tool_call", "name": "code_execution", "id": "c",
                "args": {"language": "PYTHON", "code": "1"}},
               {"type": "server_tool_result", "tool_call_id": "c", "status": "success",
                "output": "1"}], None),
        [{"executableCode": {"language": "PYTHON", "code": "1", "id": "c"}},
         {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1", "id": "c"}}]),
    "google-genai: an outcome as text": (
        _turn([{"type": "executable_code", "executable_code": "1"},
               {"type": "code_execution_result", "code_execution_result": "1",
                "outcome": "1"}], "google_genai"),
        [{"executableCode": {"language": "PYTHON", "code": "1"}},
         {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}}]),
    "tool_use only in blocks": (
        _turn(["Let me see.", _TOOL_USE], None, tool_calls=[_CALL]),
        [text("Let me see."), _CALLED]),
    "calls only beside blocks": (
        _turn([{"type": "text", "text": "Let me see."}], None, tool_calls=[_CALL]),
        [text("Let me see."), _CALLED]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("turn", "parts"), FOREIGN_TURNS.values(), ids=FOREIGN_TURNS.keys()
)
def test_turns_of_others(turn: AIMessage, parts: list[Json]) -> None:
    assert _sent(turn) == parts
    # Gemini 3: calls without a signature of Google's get the dummy.
    sent = back(turn, model="gemini-3-flash")
    assert [{**p, "thoughtSignature": None} for p in sent] == [
        {**p, "thoughtSignature": None} for p in parts
    ]
    for part in sent:
        if "functionCall" in part:
            assert part["thoughtSignature"] in (SIGNED, DUMMY)
        assert part.get("thoughtSignature") != FOREIGN


def test_what_is_left_out_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    turn, _ = FOREIGN_TURNS["Anthropic: redacted thinking"]
    with caplog.at_level(logging.WARNING, "langchain_cf_gemini"):
        _sent(turn)
    assert "redacted_thinking" in caplog.text


def test_calls_that_only_blocks_know() -> None:
    """Histories cut from another library: the result shows that the call is meant."""
    turn = AIMessage([_TOOL_USE])
    history: list[BaseMessage] = [
        HumanMessage("hi"),
        turn,
        ToolMessage("seen", tool_call_id="toolu_1"),
        HumanMessage("so?"),
    ]
    assert contents_of(history)[1]["parts"] == [_CALLED]
    without: list[BaseMessage] = [HumanMessage("hi"), turn, HumanMessage("so?")]
    roles = [c["role"] for c in contents_of(without, model="gemini-2.5-flash")]
    assert roles == ["user", "user"]


def test_arguments_that_are_text() -> None:
    call_block = {"type": "function_call", "call_id": "c", "name": "look"}
    for arguments, args in [
        ('{"n": 1}', {"n": 1}),
        ("", {}),
        ('{"n": ', {"invalid_arguments": '{"n": '}),
        ("[1]", {"invalid_arguments": "[1]"}),
    ]:
        history: list[BaseMessage] = [
            HumanMessage("hi"),
            AIMessage([{**call_block, "arguments": arguments}]),
            ToolMessage("seen", tool_call_id="c"),
        ]
        parts = contents_of(history, model="gemini-2.5-flash")[1]["parts"]
        assert parts[0]["functionCall"]["args"] == args


# ---- edited turns


def test_edited_text_goes_without_its_signature() -> None:
    message = message_of(text("The three laws", SIGNED))
    edited = message.model_copy(update={"content": "Something else"})
    assert back(edited) == [text("Something else")]


def test_text_that_was_added_keeps_the_signed_part() -> None:
    message = message_of(text("The three laws", SIGNED))
    longer = message.model_copy(update={"content": "The three laws, and more"})
    assert back(longer) == [text("The three laws", SIGNED), text(", and more")]


def test_edited_arguments_win() -> None:
    message = message_of(call("look", SIGNED, args={"n": 1}))
    (made,) = message.tool_calls
    edited = message.model_copy(update={"tool_calls": [{**made, "args": {"n": 2}}]})
    (part,) = back(edited)
    assert part == call("look", SIGNED, args={"n": 2})


@pytest.mark.parametrize("output_version", ["v0", "v1"])
def test_removed_calls_are_gone(output_version: str) -> None:
    parts = [text("Let me. "), call("look", SIGNED, args={}), call("hear", args={})]
    message = message_of(*parts, model={"output_version": output_version})
    edited = message.model_copy(update={"tool_calls": message.tool_calls[:1]})
    assert back(edited) == parts[:2]
    assert back(message.model_copy(update={"tool_calls": []})) == parts[:1]


def test_added_calls_come_last() -> None:
    message = message_of(text("Let me. ", SIGNED))
    added: Any = {"name": "look", "args": {}, "id": "mine", "type": "tool_call"}
    edited = message.model_copy(update={"tool_calls": [added]})
    assert _sent(edited) == [
        text("Let me. ", SIGNED),
        {"functionCall": {"name": "look", "args": {}, "id": "mine"}},
    ]


def test_two_calls_of_one_id() -> None:
    twice: Any = [{**_CALL}, {**_CALL, "args": {"n": 2}}]
    history: list[BaseMessage] = [
        HumanMessage("hi"),
        AIMessage("", tool_calls=twice),
        ToolMessage("1", tool_call_id="toolu_1"),
        ToolMessage("2", tool_call_id="toolu_1"),
    ]
    contents = contents_of(history, model="gemini-2.5-flash")
    args = [p["functionCall"]["args"] for p in contents[1]["parts"]]
    assert args == [{"n": 1}, {"n": 2}]
    outputs = [p["functionResponse"]["response"] for p in contents[2]["parts"]]
    assert outputs == [{"output": "1"}, {"output": "2"}]


# ---- turns that were merged


def _of(number: int, *parts: Json, **settings: Any) -> AIMessage:
    from tests.support.models import Cloudflare

    whole = {**answer(*parts), "responseId": f"answer-{number}"}
    return Cloudflare(whole).model(**settings).invoke("hi")


MERGED: dict[str, list[list[Json]]] = {
    "signed, signed": [[text("One", SIGNED)], [text("Two", SIGNED)]],
    "plain, signed": [[text("One\nline")], [text("Two", SIGNED)]],
    "signed, plain": [[text("One", SIGNED)], [text("Two")]],
    "plain, signed, plain": [[text("One")], [text("Two", SIGNED)], [text("Three")]],
    "signed, plain, signed": [[text("One", SIGNED)], [text("Two\nlines")],
                              [text("Three", "bW9yZQ==")]],
    "text with signed end": [[text("One")], [text("Two"), text(" end", SIGNED)]],
    "blocks, signed": [[{"executableCode": {"language": "PYTHON", "code": "1"}},
                        text("One")], [text("Two", SIGNED)]],
    "signed, blocks": [[text("One", SIGNED)], [thought("Hm."), text("Two", SIGNED)]],
}  # fmt: skip


@pytest.mark.parametrize("turns", MERGED.values(), ids=MERGED.keys())
def test_merged_turns(turns: list[list[Json]]) -> None:
    messages = [_of(n, *parts) for n, parts in enumerate(turns)]
    (merged,) = merge_message_runs(messages)
    assert isinstance(merged, AIMessage)
    sent = [p for p in back(merged) if p != text("\n")]
    whole = [part for parts in turns for part in parts]
    assert [
        (p.get("text", "").strip("\n"), p.get("thoughtSignature")) for p in sent
    ] == [(p.get("text", ""), p.get("thoughtSignature")) for p in whole]


# ---- failing calls


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("output_version", ["v0", "v1"])
@pytest.mark.parametrize("args", [{"n": 1}, {}])
def test_failed_calls_go_back_as_they_came(
    streaming: bool, output_version: str, args: Json
) -> None:
    part = call("look", SIGNED, args=args)
    notes = {"finishMessage": 'Unexpected "tool"\ncall: look'}
    settings = {"output_version": output_version}
    if streaming:
        end = answer(text(""), finish="UNEXPECTED_TOOL_CALL", **notes)
        message = streamed(event(part), end, endpoint="gateway", **settings)
    else:
        message = message_of(
            part, finish="UNEXPECTED_TOOL_CALL", model=settings, **notes
        )
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
    part = {"executableCode": {"language": "PYTHON", "code": "1"}}
    noted = {"gemini_parts": [{"type": "part", "number": 1, "part": part}]}
    turn = AIMessage(
        "",
        additional_kwargs=noted,
        response_metadata={"model_provider": "cloudflare_gemini"},
    )
    assert _sent(turn) == [part]


def test_an_invalid_call_that_is_told_twice() -> None:
    """As langchain-core tells it where it replays a message from its cache."""
    told: Any = {"id": "a", "name": "look", "args": "{}", "error": "no", "type": "x"}
    turn = AIMessage("", invalid_tool_calls=[told, dict(told)])
    assert len(_sent(turn)) == 1


def test_a_block_that_is_not_built_as_it_should_be() -> None:
    turn = _turn([{"type": "executable_code"}], "google_genai")
    with pytest.raises(UnsupportedContentError, match="is malformed"):
        _sent(turn)


@pytest.mark.parametrize(
    "block",
    [{"type": "text", "text": 5}, {"type": "reasoning", "reasoning": {"a": "b"}}],
)
def test_a_text_that_is_none_is_refused(block: Json) -> None:
    with pytest.raises(UnsupportedContentError, match="must be a string"):
        _sent(_turn([block], None))


def test_unknown_block_is_refused() -> None:
    with pytest.raises(UnsupportedContentError, match="'hologram'"):
        _sent(_turn([{"type": "hologram"}], None))
