"""What each model can do, as LangChain's `ModelProfile` says it."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any, cast

from langchain_core.language_models.base import LangSmithParams
from langchain_core.language_models.model_profile import ModelProfile

from langchain_cf_gemini._cloudflare.catalogue import (
    CATALOGUE_DATE,
    ModelInfo,
    model_info,
    today,
)
from langchain_cf_gemini._cloudflare.model_ids import model_id_from
from langchain_cf_gemini._gemini.vocabulary import PROVIDER
from langchain_cf_gemini.gateway import Endpoint


def profile_for(
    model: str, *, endpoint: Endpoint = "run", day: date | None = None
) -> ModelProfile | None:
    """Describe what a model can do, for `BaseChatModel.profile`.

    Args:
        model: Any form of a model id.
        endpoint: The endpoint that the calls go to. Cloudflare documents no native
            stream on `/ai/run`, whose answers come whole; tool calls stream only on the
            gateway endpoint.
        day: The day to describe, by default today.

    Returns:
        A fresh profile that the caller may change, or None for a model that the
        catalogue does not know.
    """
    known = model_info(model)
    return (
        None if known is None else _profile_from_info(known, endpoint, day or today())
    )


def _profile_from_info(known: ModelInfo, endpoint: Endpoint, day: date) -> ModelProfile:
    # A model whose successor is named is on its way out before its last day.
    is_leaving = known.replaced_by or known.retired_on(day, endpoint)
    profile = ModelProfile(
        name=known.name,
        status="deprecated" if is_leaving else "active",
        last_updated=CATALOGUE_DATE,
        open_weights=False,
        text_inputs=True,
        image_inputs=True,
        image_url_inputs=True,
        pdf_inputs=True,
        audio_inputs=True,
        video_inputs=True,
        # Older models get the media of a tool result in a user part of their own.
        image_tool_message=True,
        pdf_tool_message=True,
        # Google's limit. The catalogue lists 8,192 for some models, which is stale.
        max_output_tokens=65_536,
        reasoning_output=True,
        text_outputs=True,
        image_outputs=False,
        audio_outputs=False,
        video_outputs=False,
        tool_calling=True,
        tool_choice=True,
        tool_call_streaming=endpoint == "gateway",
        # Gemini has one systemInstruction and one tools list, outside the contents.
        mid_conversation_system_messages=False,
        mid_conversation_tools=False,
        structured_output=True,
        attachment=True,
        temperature="temperature" not in known.ignores,
    )
    told = {
        "max_input_tokens": known.context_length,
        "release_date": known.release_date,
        "reasoning_effort_levels": list(known.thinking_levels or ()),
        "reasoning_effort_default": known.default_thinking_level,
    }
    known_fields = {name: value for name, value in told.items() if value}
    profile.update(cast("ModelProfile", known_fields))
    return profile


def traced_params(settings: Mapping[str, Any]) -> LangSmithParams:
    """Say what LangSmith shows of a call: its model by one name, and its limits.

    Args:
        settings: The layers of a call. What is wrong in them is left out: a trace
            begins before the call is refused.
    """
    said = settings.get("generation_config")
    own: Mapping[str, Any] = said if isinstance(said, Mapping) else {}
    params = LangSmithParams(
        ls_provider=PROVIDER,
        ls_model_name=name_of_model(settings["model"]),
        ls_model_type="chat",
    )
    temperature = own.get("temperature", settings.get("temperature"))
    if temperature is not None:
        params["ls_temperature"] = temperature
    max_tokens = own.get("maxOutputTokens", settings.get("max_tokens"))
    if max_tokens is not None:
        params["ls_max_tokens"] = max_tokens
    if words := own.get("stopSequences", settings.get("stop")):
        params["ls_stop"] = [words] if isinstance(words, str) else list(words)
    return params


def name_of_model(model: Any) -> str:
    """Return the one name of a model in traces, whoever calls it what."""
    return _name_from(str(model))


@lru_cache(maxsize=256)
def _name_from(model: str) -> str:
    try:
        return model_id_from(model)
    except ValueError:
        return model
