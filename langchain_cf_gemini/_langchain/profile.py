"""Model ids: what may be asked for, what it is called where, and what it can do."""

import re
from typing import Final, Literal, cast

from langchain_core.language_models.model_profile import ModelProfile

from langchain_cf_gemini._cloudflare.catalogue import (
    CATALOGUE_DATE,
    ModelInfo,
    model_info,
)

Endpoint = Literal["run", "gateway"]

_BARE_ID: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?")
_EXAMPLE: Final = "'gemini-3-flash' or 'google/gemini-3-flash'"

_OPENAI_ONLY: Final = (
    "it accepts the OpenAI chat completions shape only, while this class speaks "
    "Gemini's own generateContent. Use langchain_openai.ChatOpenAI with base_url="
    "'https://api.cloudflare.com/client/v4/accounts/<account_id>/ai/v1', or name a "
    f"Gemini model here ({_EXAMPLE}) and fall back with .with_fallbacks([...])."
)

# Each kind of id that Cloudflare knows and this class cannot serve, by its prefix.
# Dynamic routes and the auto router take OpenAI requests only:
# https://developers.cloudflare.com/ai-gateway/usage/worker-binding-methods/ and
# https://developers.cloudflare.com/ai-gateway/features/auto-router/
_REFUSED: Final = (
    ("dynamic/", f"is a dynamic route: {_OPENAI_ONLY}"),
    ("cloudflare/", f"is Cloudflare's own router: {_OPENAI_ONLY}"),
    (
        "@cf/",
        "is hosted on Workers AI, which does not speak generateContent. Use "
        "langchain_cloudflare.ChatCloudflareWorkersAI.",
    ),
    (
        "google-ai-studio/",
        f"is the gateway's name for a provider. Write the model alone: {_EXAMPLE}.",
    ),
    ("google/imagen", "makes images and is not a text model of the catalogue."),
    ("google/veo", "makes videos and is not a text model of the catalogue."),
    ("google/nano-banana", "makes images and is not a text model of the catalogue."),
)


def model_id_from(model: str) -> str:
    """Normalise a model name to the catalogue's bare id.

    Args:
        model: `gemini-3-flash`, `google/gemini-3-flash`, or Google's own id of a model
            in the catalogue: `gemini-3-flash-preview`, with or without `models/`.

    Returns:
        The catalogue id without its author, e.g. `gemini-3-flash`. Ids that the
        packaged catalogue does not know are left as they are: tomorrow's models must
        work.

    Raises:
        ValueError: If the name is empty, is no model id, or belongs to something that
            does not answer generateContent. The message says what to use instead.
    """
    name = model.strip() if isinstance(model, str) else ""
    if not name:
        msg = (
            f"The model name is empty or no name. Name a Gemini model, e.g. {_EXAMPLE}."
        )
        raise ValueError(msg)
    _refuse_other_kinds(name)
    bare = name.removeprefix("google/").removeprefix("models/")
    if "/" in bare and ".." not in bare:
        msg = (
            f"Model {name!r} is another vendor's: this class serves Google's Gemini "
            f"models as Cloudflare proxies them. Name one, e.g. {_EXAMPLE}."
        )
        raise ValueError(msg)
    if ".." in bare or not _BARE_ID.fullmatch(bare):
        msg = (
            f"{name!r} is no model id: only letters, digits, '.', '_' and '-' can "
            "stand in one, because it becomes part of a URL. Write it like "
            f"{_EXAMPLE}."
        )
        raise ValueError(msg)
    known = model_info(bare)
    return known.id if known else bare


def _refuse_other_kinds(name: str) -> None:
    for prefix, reason in _REFUSED:
        if name.startswith(prefix):
            msg = f"Model {name!r} {reason}"
            raise ValueError(msg)


def google_id_from(model: str, override: str | None = None) -> str:
    """Give the id that Google knows a model by, which the gateway's URL carries.

    Args:
        model: Any form that `model_id_from` takes.
        override: An id to use instead of the packaged one, for the day Google renames
            a preview.

    Returns:
        E.g. `gemini-3-flash-preview` for `gemini-3-flash`; an unknown id is its own.

    Raises:
        ValueError: As `model_id_from` does, for either argument.
    """
    bare = model_id_from(model)
    if override is not None:
        model_id_from(override)
        return override.strip().removeprefix("google/").removeprefix("models/")
    known = model_info(bare)
    return known.google_id if known else bare


def thinking_levels(model: str) -> tuple[str, ...] | None:
    """Tell which thinking levels a model accepts.

    Args:
        model: Any form of a model id.

    Returns:
        The levels in lower case, weakest first; an empty tuple for Gemini 2.5, which
        answers 400 to a level and takes a budget instead; None for a model that the
        catalogue does not know, so that nothing is refused on a guess.
    """
    known = model_info(model)
    return known.thinking_levels if known else None


def profile_for(model: str, *, endpoint: Endpoint = "run") -> ModelProfile | None:
    """Describe what a model can do, for `BaseChatModel.profile`.

    Args:
        model: Any form of a model id.
        endpoint: The endpoint that the calls go to. Cloudflare documents no native
            stream on `/ai/run`, whose answers come whole; tool calls stream only on the
            gateway endpoint.

    Returns:
        A fresh profile that the caller may change, or None for a model that the
        catalogue does not know.
    """
    known = model_info(model)
    return None if known is None else _profile_from_info(known, endpoint)


def _profile_from_info(known: ModelInfo, endpoint: Endpoint) -> ModelProfile:
    profile = ModelProfile(
        name=known.name,
        status="active",
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
        temperature=True,
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
