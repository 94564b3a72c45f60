"""Profiles: what each model can do, as LangChain says it."""

from typing import Any, get_type_hints

import pytest
from langchain_core.language_models.model_profile import ModelProfile

from langchain_cf_gemini._cloudflare.catalogue import MODELS, model_info
from langchain_cf_gemini._langchain.profile import profile_for


@pytest.mark.parametrize("model", [model.id for model in MODELS])
@pytest.mark.parametrize("endpoint", ["run", "gateway"])
def test_every_model_has_a_profile_of_every_field(model: str, endpoint: Any) -> None:
    profile = profile_for(f"google/{model}", endpoint=endpoint)
    assert profile is not None
    optional = {"reasoning_effort_levels", "reasoning_effort_default"}
    missing = set(get_type_hints(ModelProfile)) - set(profile)
    assert missing == (optional if "-2.5-" in model else set())
    row = model_info(model)
    assert row is not None
    assert profile["max_input_tokens"] == row.context_length
    assert profile["max_output_tokens"] == 65_536
    # Whole answers on /ai/run, a stream on the gateway.
    assert profile["tool_call_streaming"] is (endpoint == "gateway")
    assert not profile["mid_conversation_system_messages"]


def test_a_profile_is_the_callers_own() -> None:
    first, second = profile_for("gemini-3-flash"), profile_for("gemini-3-flash")
    assert first is not None
    assert first == second
    first["reasoning_effort_levels"].clear()
    assert profile_for("gemini-3-flash") == second


def test_a_model_of_tomorrow_has_no_profile() -> None:
    assert profile_for("gemini-9-flash") is None
