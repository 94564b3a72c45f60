"""Profiles: what each model can do, as LangChain says it."""

from datetime import date
from typing import Any, get_type_hints

import pytest
from langchain_core.language_models.model_profile import ModelProfile

from tests.support.langchain import profile_for
from tests.support.models import packaged_models

PACKAGED = packaged_models()


@pytest.mark.parametrize("model", list(PACKAGED))
@pytest.mark.parametrize("endpoint", ["run", "gateway"])
def test_every_model_has_a_profile_of_every_field(model: str, endpoint: Any) -> None:
    profile = profile_for(f"google/{model}", endpoint=endpoint)
    assert profile is not None
    row = PACKAGED[model]
    unknown = set() if row.default_thinking_level else {"reasoning_effort_default"}
    unknown |= set() if row.thinking_levels else {"reasoning_effort_levels"}
    missing = set(get_type_hints(ModelProfile)) - set(profile)
    assert missing == unknown
    assert profile["temperature"] is ("temperature" not in row.ignores)
    assert profile["max_input_tokens"] == row.context_length
    assert profile["max_output_tokens"] == 65_536
    # Whole answers on /ai/run, a stream on the gateway.
    assert profile["tool_call_streaming"] is (endpoint == "gateway")
    assert not profile["mid_conversation_system_messages"]


STATUS = [
    ("2.5-pro", "gateway", "2026-11-28", "deprecated"),  # its successor is named
    ("2.5-flash-lite", "gateway", "2026-12-24", "active"),
    ("2.5-flash-lite", "run", "2026-10-19", "active"),
    ("2.5-flash-lite", "run", "2026-10-20", "deprecated"),
    ("3.7-flash", "run", "2027-01-27", "active"),
    ("3.7-flash", "gateway", "2027-01-28", "deprecated"),
    ("4-argon", "gateway", "2030-01-01", "active"),
]


@pytest.mark.parametrize(("model", "endpoint", "day", "status"), STATUS)
def test_a_profile_says_whether_a_model_is_leaving(
    model: str, endpoint: Any, day: str, status: str
) -> None:
    described = profile_for(
        f"gemini-{model}", endpoint=endpoint, day=date.fromisoformat(day)
    )
    assert described is not None
    assert described["status"] == status


def test_a_profile_is_the_callers_own() -> None:
    first, second = profile_for("gemini-3-flash"), profile_for("gemini-3-flash")
    assert first is not None
    assert first == second
    first["reasoning_effort_levels"].clear()
    assert profile_for("gemini-3-flash") == second


def test_a_model_of_tomorrow_has_no_profile() -> None:
    assert profile_for("gemini-9-flash") is None
