"""The front door: names, LangChain's house, configuration."""

from __future__ import annotations

import ast
import logging
import re
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.load import dumpd
from langchain_core.messages import HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import ConfigurableField

import langchain_cf_gemini
from langchain_cf_gemini import ChatCloudflareGemini
from langchain_cf_gemini.arguments import ModelArguments
from tests.support.models import Cloudflare, answer, body_of, silent, text


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
    model = silent(temperature=0.5, google_api_key="google-key", endpoint="gateway")
    assert isinstance(model, BaseChatModel)
    assert model._llm_type == "cloudflare-gemini"
    assert model.lc_id() == [
        "langchain_cf_gemini",
        "chat_models",
        "ChatCloudflareGemini",
    ]
    assert model.is_lc_serializable()
    params = model._identifying_params
    assert params["model"] == "gemini-3-flash"
    assert params["temperature"] == 0.5
    assert not {"api_token", "google_api_key", "http_client"} & set(params)
    assert "google-key" not in str(params)
    assert model.model_name == "gemini-3-flash"


LS: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({}, {}, {"ls_model_name": "gemini-3-flash"}),
    ({"temperature": 0.2}, {}, {"ls_temperature": 0.2}),
    ({"temperature": 0.2}, {"temperature": 0.7}, {"ls_temperature": 0.7}),
    ({"max_tokens": 9}, {}, {"ls_max_tokens": 9}),
    ({"max_output_tokens": 9}, {"max_tokens": 7}, {"ls_max_tokens": 7}),
    ({"stop": "end"}, {}, {"ls_stop": ["end"]}),
    ({"stop_sequences": ["a", "b"]}, {}, {"ls_stop": ["a", "b"]}),
    ({"stop": ["a"]}, {"stop": ["b"]}, {"ls_stop": ["b"]}),
    ({}, {"model": "gemini-2.5-flash"}, {"ls_model_name": "gemini-2.5-flash"}),
]


@pytest.mark.parametrize(("settings", "arguments", "wanted"), LS)
def test_ls_params(
    settings: dict[str, Any], arguments: dict[str, Any], wanted: dict[str, Any]
) -> None:
    params: dict[str, Any] = dict(silent(**settings)._get_ls_params(**arguments))
    assert params["ls_provider"] == "cloudflare_gemini"
    assert params["ls_model_type"] == "chat"
    assert {key: params[key] for key in wanted} == wanted


def test_provider_of_messages_is_that_of_traces() -> None:
    model = Cloudflare(answer(text("ok"))).model()
    message = model.invoke("hi")
    provider = model._get_ls_params()["ls_provider"]
    assert message.response_metadata["model_provider"] == provider


def test_tracing_knows_the_package() -> None:
    versions = (silent().metadata or {}).get("lc_versions", {})
    assert versions.get("langchain-cf-gemini") == langchain_cf_gemini.__version__


def test_profile() -> None:
    profile = silent().profile
    assert profile is not None
    assert profile["max_input_tokens"] > 0
    assert profile["tool_calling"] is True


# ---- configuration


def test_chain() -> None:
    cloudflare = Cloudflare(answer(text("Laws.\n")))
    prompt = ChatPromptTemplate([("system", "Be {mood}."), ("human", "{said}")])
    chain = prompt | cloudflare.model() | StrOutputParser()
    assert chain.invoke({"mood": "brief", "said": "hi"}) == "Laws.\n"
    body = cloudflare.bodies[0]
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}


def test_bind() -> None:
    cloudflare = Cloudflare()
    bound = cloudflare.model(temperature=0.1).bind(
        temperature=0.9, max_output_tokens=5, stop=["end"]
    )
    bound.invoke("hi")
    assert cloudflare.bodies[0]["generationConfig"] == {
        "temperature": 0.9,
        "maxOutputTokens": 5,
        "stopSequences": ["end"],
    }


def test_configurable_fields() -> None:
    cloudflare = Cloudflare()
    model = cloudflare.model().configurable_fields(
        model=ConfigurableField(id="model"), temperature=ConfigurableField(id="warmth")
    )
    config: Any = {"configurable": {"model": "gemini-2.5-flash", "warmth": 0.3}}
    model.invoke("hi", config)
    model.invoke("hi")
    assert "gemini-2.5-flash" in cloudflare.requests[0].content.decode()
    assert cloudflare.bodies[0]["generationConfig"] == {"temperature": 0.3}
    assert "generationConfig" not in cloudflare.bodies[1]


def test_configurable_alternatives() -> None:
    cloudflare = Cloudflare()
    model = cloudflare.model().configurable_alternatives(
        ConfigurableField(id="llm"), other=cloudflare.model(temperature=1.5)
    )
    model.with_config(configurable={"llm": "other"}).invoke("hi")
    assert cloudflare.bodies[0]["generationConfig"] == {"temperature": 1.5}


def test_batch() -> None:
    model = Cloudflare(answer(text("ok"))).model()
    assert [m.content for m in model.batch(["a", "b", "c"])] == ["ok"] * 3


async def test_abatch() -> None:
    model = Cloudflare(answer(text("ok"))).model()
    assert [m.content for m in await model.abatch(["a", "b"])] == ["ok"] * 2


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CF_ACCOUNT_ID", "second")
    monkeypatch.setenv("CF_AI_API_TOKEN", "third")
    model = ChatCloudflareGemini(model="gemini-3-flash")
    assert model.account_id == "second"
    assert model.api_token is not None
    assert model.api_token.get_secret_value() == "third"
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "first")
    assert ChatCloudflareGemini(model="gemini-3-flash").account_id == "first"


def test_checkers_know_every_argument() -> None:
    """The fields, and the names that the class's documentation gives them beside."""
    others = re.findall(r"[Aa]lso\s+`(\w+)`", ChatCloudflareGemini.__doc__ or "")
    fields = set(ChatCloudflareGemini.model_fields)
    assert set(ModelArguments.__annotations__) == fields | set(others)
    assert len(others) >= 6


def test_a_users_file_has_every_argument() -> None:
    """Which `make check` has two type checkers read."""
    source = (Path(__file__).parents[1] / "typing" / "arguments.py").read_text("utf-8")
    calls = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "ChatCloudflareGemini"
    ]
    said = {keyword.arg for node in calls for keyword in node.keywords}
    inner = {"name", "verbose", "callbacks", "custom_get_token_ids", "rate_limiter"}
    inner |= {"disable_streaming", "profile", "required_secrets", "gateway_memory"}
    assert set(ModelArguments.__annotations__) - inner == said


VARIABLES: list[tuple[str, dict[str, str], str]] = [
    ("base_url", {"CLOUDFLARE_BASE_URL": "https://x.example"}, "https://x.example"),
    ("base_url", {"CLOUDFLARE_BASE_URL": ""}, "https://api.cloudflare.com/client/v4"),
    ("gateway_base_url", {"CLOUDFLARE_GATEWAY_BASE_URL": "https://x.example"},
     "https://x.example"),
    ("gateway_base_url", {}, "https://gateway.ai.cloudflare.com/v1"),
    ("account_id", {"CLOUDFLARE_ACCOUNT_ID": "", "CF_ACCOUNT_ID": "second"}, "second"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "variables", "value"), VARIABLES)
@pytest.mark.parametrize("is_none", [False, True])
def test_variables(
    field: str,
    variables: dict[str, str],
    value: str,
    is_none: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "token")
    monkeypatch.setenv("CLOUDFLARE_ACCOUNT_ID", "first")
    for name, said in variables.items():
        monkeypatch.setenv(name, said)
    given: dict[str, Any] = {field: None} if is_none else {}
    model = ChatCloudflareGemini(model="gemini-3-flash", **given)
    assert getattr(model, field) == value


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
    from tests.support.models import TOKEN

    with caplog.at_level(logging.DEBUG):
        Cloudflare(answer(text("ok"))).model().invoke([HumanMessage("hi")])
    assert TOKEN not in caplog.text


def test_serialized_secrets_are_names_of_variables() -> None:
    made: Any = dumpd(silent())
    assert made["kwargs"]["api_token"] == {
        "lc": 1,
        "type": "secret",
        "id": ["CLOUDFLARE_API_TOKEN"],
    }
    assert "http_client" not in made["kwargs"]
