"""The front door: names, LangChain's house, configuration."""

from __future__ import annotations

import ast
import logging
import re
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import ConfigurableField

import langchain_cf_gemini
from langchain_cf_gemini import ChatCloudflareGemini
from langchain_cf_gemini.arguments import ModelArguments
from tests.support.models import TOKEN, Cloudflare, answer, body_of, text


def test_names() -> None:
    names = langchain_cf_gemini.__all__
    assert names == sorted(names)
    visible = {
        name
        for name, value in vars(langchain_cf_gemini).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    } - {"Any", "TYPE_CHECKING"}
    assert visible <= set(names)
    for name in names:
        assert getattr(langchain_cf_gemini, name) is not None


def test_no_other_names() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Chat'"):
        _ = langchain_cf_gemini.Chat  # type: ignore[attr-defined]


def test_version() -> None:
    assert langchain_cf_gemini.__version__ == version("langchain-cf-gemini")


# ---- LangChain's house


def test_identity() -> None:
    settings = {"temperature": 0.5, "seed": 7, "output_version": "v1"}
    model = Cloudflare().model(
        google_api_key="google-key", endpoint="gateway", **settings
    )
    assert isinstance(model, BaseChatModel)
    assert model._llm_type == "cloudflare-gemini"
    names = ["langchain_cf_gemini", "chat_models", "ChatCloudflareGemini"]
    assert model.lc_id() == names
    assert model.is_lc_serializable()
    params = model._identifying_params
    assert params["model"] == "gemini-3-flash"
    assert settings.items() <= params.items()
    assert not {"api_token", "google_api_key", "http_client"} & set(params)
    assert "google-key" not in str(params)
    assert model.model_name == "gemini-3-flash"
    provider = model._get_ls_params()["ls_provider"]
    assert model.invoke("hi").response_metadata["model_provider"] == provider
    versions = (model.metadata or {}).get("lc_versions", {})
    assert versions.get("langchain-cf-gemini") == langchain_cf_gemini.__version__
    assert model.profile is not None
    assert model.profile["tool_calling"] is True


# ---- configuration


def test_chain() -> None:
    cloudflare = Cloudflare(answer(text("Laws.\n")))
    prompt = ChatPromptTemplate([("system", "Be {mood}."), ("human", "{said}")])
    chain = prompt | cloudflare.model() | StrOutputParser()
    assert chain.invoke({"mood": "brief", "said": "hi"}) == "Laws.\n"
    body = cloudflare.bodies[0]
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}


def test_configurable_alternatives() -> None:
    cloudflare = Cloudflare()
    model = cloudflare.model().configurable_alternatives(
        ConfigurableField(id="llm"), other=cloudflare.model(temperature=1.5)
    )
    model.with_config(configurable={"llm": "other"}).invoke("hi")
    assert cloudflare.bodies[0]["generationConfig"] == {"temperature": 1.5}


def test_checkers_know_every_argument() -> None:
    """The fields, and the names that the class's documentation gives them beside."""
    others = re.findall(r"[Aa]lso\s+`(\w+)`", ChatCloudflareGemini.__doc__ or "")
    fields = set(ChatCloudflareGemini.model_fields)
    assert set(ModelArguments.__annotations__) == fields | set(others)
    assert len(others) >= 6


def test_a_users_file_has_every_argument() -> None:
    """Which `make check` has two type checkers read."""
    source = (Path(__file__).parents[1] / "typing" / "arguments.py").read_text("utf-8")
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    calls = [node for node in calls if ast.unparse(node.func) == "ChatCloudflareGemini"]
    said = {keyword.arg for node in calls for keyword in node.keywords}
    inner = {"name", "verbose", "callbacks", "custom_get_token_ids", "rate_limiter"}
    inner |= {"disable_streaming", "profile", "required_secrets", "gateway_memory"}
    assert set(ModelArguments.__annotations__) - inner == said


# The variables, what the error names, what it doesn't.
MISSING: list[tuple[dict[str, str], list[str], list[str]]] = [
    ({}, ["CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN", "account_id"], []),
    ({"CLOUDFLARE_ACCOUNT_ID": "a"}, ["CLOUDFLARE_API_TOKEN"], ["ACCOUNT_ID"]),
    ({"CF_AI_API_TOKEN": "t"}, ["CLOUDFLARE_ACCOUNT_ID"], ["API_TOKEN"]),
]


@pytest.mark.parametrize(("variables", "told", "untold"), MISSING)
def test_all_that_is_missing_is_told_at_once(
    variables: dict[str, str],
    told: list[str],
    untold: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, said in variables.items():
        monkeypatch.setenv(name, said)
    with pytest.raises(ValueError, match=r"Cloudflare .* not found") as caught:
        ChatCloudflareGemini(model="gemini-3-flash")
    assert all(name in str(caught.value) for name in told)
    assert not any(name in str(caught.value) for name in untold)


def test_nothing_is_sent_that_was_not_set() -> None:
    assert body_of("hi") == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def test_construction_and_use_log_no_secrets(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        Cloudflare().model().invoke([HumanMessage("hi")])
    assert TOKEN not in caplog.text
