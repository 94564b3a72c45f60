"""Histories that other packages made with their own code."""

from __future__ import annotations

from langchain_core.messages import AIMessage

from tests.support.models import answer, back, call, text, thought


def test_messages_that_langchain_google_genai_made() -> None:
    from google.genai.types import GenerateContentResponse
    from langchain_google_genai.chat_models import _response_to_result

    parts = [
        thought("Hm."),
        text("Let me see."),
        {**call("look", args={"n": 1}), "thoughtSignature": "c2lnbmVkISE="},
        call("look", args={"n": 2}),
    ]
    response = GenerateContentResponse.model_validate(answer(*parts))
    made = _response_to_result(response).generations[0].message
    assert isinstance(made, AIMessage)
    sent = back(made, model="gemini-2.5-flash")
    signed = [p.get("thoughtSignature") for p in sent if "functionCall" in p]
    assert signed == ["c2lnbmVkISE=", None]
    assert [p["functionCall"]["args"] for p in sent if "functionCall" in p] == [
        {"n": 1},
        {"n": 2},
    ]
    assert "Let me see." in [p.get("text") for p in sent]
