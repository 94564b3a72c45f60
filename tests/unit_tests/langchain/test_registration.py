"""Registration with init_chat_model: opt-in, idempotent, and clear where it cannot."""

import sys
from collections.abc import Callable, Iterator
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

import pytest
from langchain.chat_models import base, init_chat_model

from langchain_cf_gemini import ChatCloudflareGemini, register_init_chat_model
from tests.support.langchain import register_in

PROVIDER = "cloudflare_gemini"

Row = tuple[str, str, Callable[..., Any]]


@pytest.fixture
def providers() -> Iterator[dict[str, Row]]:
    table: dict[str, Row] = base._BUILTIN_PROVIDERS
    before = dict(table)
    yield table
    table.clear()
    table.update(before)
    base._get_chat_model_creator.cache_clear()


def test_importing_the_package_registers_nothing() -> None:
    assert PROVIDER not in base._BUILTIN_PROVIDERS


def test_registering_twice_is_registering_once(providers: dict[str, Row]) -> None:
    register_init_chat_model()
    row = providers[PROVIDER]
    register_init_chat_model()
    assert providers[PROVIDER] is row
    assert row[:2] == ("langchain_cf_gemini", "ChatCloudflareGemini")
    assert row[2](cls=dict, model="gemini-3-flash") == {"model": "gemini-3-flash"}


ACCOUNT: dict[str, Any] = {"account_id": "a" * 32, "api_token": "t0ken"}


@pytest.mark.usefixtures("providers")
def test_init_chat_model_makes_the_model() -> None:
    register_init_chat_model()
    for model in (
        init_chat_model("cloudflare_gemini:gemini-3-flash", **ACCOUNT),
        init_chat_model(
            "google/gemini-3-flash", model_provider="cloudflare_gemini", **ACCOUNT
        ),
    ):
        assert isinstance(model, ChatCloudflareGemini)


@pytest.mark.usefixtures("providers")
def test_init_chat_model_takes_configurable_fields() -> None:
    register_init_chat_model()
    configurable = init_chat_model(
        "cloudflare_gemini:gemini-3-flash",
        configurable_fields=("model", "temperature"),
        **ACCOUNT,
    )
    # Without its prefix LangChain would take any gemini model for Vertex AI's.
    changed = {"model": "cloudflare_gemini:gemini-3.1-pro", "temperature": 0.5}
    chosen = configurable._model({"configurable": changed})
    assert isinstance(chosen, ChatCloudflareGemini)
    assert "gemini-3.1-pro" in chosen.model
    assert chosen.temperature == 0.5


def test_without_langchain_the_error_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "langchain.chat_models", None)
    with pytest.raises(ImportError, match=r"pip install 'langchain>=1\.4'"):
        register_init_chat_model()


LEFT = r"langchain \d.*ChatCloudflareGemini\("
TABLES: list[tuple[Any, str]] = [
    ({"_BUILTIN_PROVIDERS": None}, LEFT),
    ({"_BUILTIN_PROVIDERS": {}}, LEFT),
    # langchain 1.0: a set of names; 1.1: no creator.
    ({"_BUILTIN_PROVIDERS": {"openai", "anthropic"}}, LEFT),
    ({"_BUILTIN_PROVIDERS": {"openai": ("langchain_openai", "ChatOpenAI")}}, LEFT),
    ({"_BUILTIN_PROVIDERS": {"openai": ("langchain_openai", "Chat", "made")}}, LEFT),
    ({"_BUILTIN_PROVIDERS": {PROVIDER: ("other", "Chat", dict)}}, "from other"),
    ({}, r"1\.4, 1\.5"),
]


@pytest.mark.parametrize(("names", "said"), TABLES)
def test_a_table_of_another_shape_is_left_alone(names: Any, said: str) -> None:
    before = deepcopy(names)
    with pytest.raises(RuntimeError, match=said):
        register_in(SimpleNamespace(**names))
    assert names == before


def test_a_row_that_langchain_ships_itself_is_enough() -> None:
    row = ("langchain_cf_gemini", "ChatCloudflareGemini", dict)
    table = {PROVIDER: row}
    register_in(SimpleNamespace(_BUILTIN_PROVIDERS=table))
    assert table[PROVIDER] is row
