"""Model ids: what may be asked for, and what it is called where."""

import re
from difflib import get_close_matches
from typing import Final

from langchain_cf_gemini._cloudflare.catalogue import MODELS, model_info

_BARE_ID: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?")
_EXAMPLE: Final = "'gemini-3-flash'"

_OPENAI_ONLY: Final = (
    "it supports only OpenAI's format, but this class sends Gemini's. Use "
    "langchain_openai.ChatOpenAI with base_url='https://{}', or pass a Gemini model "
    f"such as {_EXAMPLE} and add fallbacks with .with_fallbacks([...])."
)
_ROUTES: Final = "gateway.ai.cloudflare.com/v1/<account_id>/<gateway>/compat"
_API: Final = "api.cloudflare.com/client/v4/accounts/<account_id>/ai/v1"

_NO_EMBEDDINGS: Final = "creates embeddings. This class supports chat models only."

# Each kind of id that Cloudflare knows and this class cannot serve, by its prefix.
# Dynamic routes and the auto router take OpenAI requests only, the routes not by the
# REST API: https://developers.cloudflare.com/ai-gateway/features/dynamic-routing/ and
# https://developers.cloudflare.com/ai-gateway/features/auto-router/
_REFUSED: Final = (
    ("dynamic/", f"is a dynamic route: {_OPENAI_ONLY.format(_ROUTES)}"),
    ("cloudflare/", f"is Cloudflare's own router: {_OPENAI_ONLY.format(_API)}"),
    (
        "@cf/",
        "is a Workers AI model, not a Gemini model. Use "
        "langchain_cloudflare.ChatCloudflareWorkersAI.",
    ),
    ("imagen", "creates images. This class supports chat models only."),
    ("veo-", "creates videos. This class supports chat models only."),
    ("nano-banana", "creates images. This class supports chat models only."),
    ("gemini-embedding", _NO_EMBEDDINGS),
    ("text-embedding", _NO_EMBEDDINGS),
)
# How other libraries and the gateway name the provider of a model, or Google its path.
_PROVIDED: Final = re.compile(r"[\w/.-]+[:/](gemini-[\w.-]+)")


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
        raise ValueError(f"model must be a non-empty string, for example {_EXAMPLE}.")
    bare = name.removeprefix("google/").removeprefix("models/")
    _refuse_other_kinds(name, bare)
    if "/" in bare and ".." not in bare:
        raise ValueError(
            f"{name!r} isn't a Gemini model. Use one such as {_EXAMPLE}; for models of "
            "other providers, use their class, such as ChatOpenAI."
        )
    if ".." in bare or not _BARE_ID.fullmatch(bare):
        raise ValueError(
            f"{name!r} isn't a model ID. Allowed are letters, digits, '.', '_' and "
            f"'-', for example {_EXAMPLE}."
        )
    known = model_info(bare)
    return known.id if known else bare


def _refuse_other_kinds(name: str, bare: str) -> None:
    for prefix, reason in _REFUSED:
        if bare.startswith(prefix):
            raise ValueError(f"Model {name!r} {reason}")
    if provided := _PROVIDED.fullmatch(bare):
        raise ValueError(
            f"Model {name!r} includes a provider's name. Pass only the model: "
            f"{provided[1]!r}."
        )


def advice_on_missing(model: str) -> str | None:
    """Name the model to use in the place of one that is not found; None for none."""
    if known := model_info(model):
        new = known.replaced_by
        return f"{known.id} was replaced by {new}. Use that model." if new else None
    listed = [info.id for info in MODELS if info.listed]
    near = get_close_matches(model, listed, n=3, cutoff=0.4) or listed[-3:]
    return f"Similar models: {', '.join(near)}."


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
