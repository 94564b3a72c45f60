"""The Gemini models that the emulator answers for, and what each of them allows.

Catalogue ids and prices: Cloudflare's catalogue pages. Thinking levels: Google's
page docs.cloud.google.com/gemini-enterprise-agent-platform/models/thinking.
"""

import re
from dataclasses import dataclass, field, replace

_ALL = ("MINIMAL", "LOW", "MEDIUM", "HIGH")
_NOT_MINIMAL = ("LOW", "MEDIUM", "HIGH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One Gemini model.

    Attributes:
        google_id: Google's id, which is also the `modelVersion` of its answers.
        generation: Gemini's version, 2.0 to 3.8; the rules differ by it.
        catalogue_id: Cloudflare's id on `/ai/run`; None if it is not proxied there.
        aliases: Further ids that Google answers to.
        thinking_levels: What `thinkingLevel` may say; none before Gemini 3.
        thinking_level: The level taken if the request names none.
        thinking_budget: Least and most `thinkingBudget` in tokens, -1 (dynamic)
            apart; None where the model does not think.
        thinking_off: Whether a budget of 0 is taken.
    """

    google_id: str
    generation: float
    catalogue_id: str | None = None
    aliases: tuple[str, ...] = ()
    thinking_levels: tuple[str, ...] = ()
    thinking_level: str = ""
    thinking_budget: tuple[int, int] | None = None
    thinking_off: bool = field(default=False)

    @property
    def signs(self) -> bool:
        """Whether the model demands its thought signatures back (Gemini 3)."""
        return self.generation >= 3


def _gemini_3(
    name: str,
    generation: float,
    levels: tuple[str, ...],
    level: str,
    *,
    google_id: str | None = None,
    aliases: tuple[str, ...] = (),
) -> Model:
    return Model(
        google_id=google_id or name,
        generation=generation,
        catalogue_id=f"google/{name}",
        aliases=aliases,
        thinking_levels=levels,
        thinking_level=level,
        thinking_budget=(0, 65_536),
        thinking_off=True,
    )


# A preview id is the `modelVersion` of the answers on Cloudflare's pages; 3.1 Flash
# Lite lost its suffix in July 2026 and answers to both since.
MODELS = (
    Model(
        google_id="gemini-2.0-flash",
        generation=2.0,
    ),
    Model(google_id="gemini-2.0-flash-lite", generation=2.0),
    Model(google_id="gemini-2.0-pro", generation=2.0),
    Model(google_id="gemini-1.5-flash", generation=1.5),
    Model(google_id="gemini-1.5-pro", generation=1.5),
    Model(google_id="gemma-3", generation=1.5),
    Model(
        google_id="gemini-2.5-flash-lite",
        generation=2.5,
        catalogue_id="google/gemini-2.5-flash-lite",
        thinking_budget=(512, 24_576),
        thinking_off=True,
    ),
    Model(
        google_id="gemini-2.5-flash",
        generation=2.5,
        catalogue_id="google/gemini-2.5-flash",
        thinking_budget=(0, 24_576),
        thinking_off=True,
    ),
    Model(
        google_id="gemini-2.5-pro",
        generation=2.5,
        catalogue_id="google/gemini-2.5-pro",
        thinking_budget=(128, 32_768),
    ),
    _gemini_3("gemini-3-flash", 3, _ALL, "HIGH", google_id="gemini-3-flash-preview"),
    Model(
        google_id="gemini-3-pro-preview",
        generation=3,
        aliases=("gemini-3-pro-image-preview", "gemini-3-pro-image"),
        thinking_levels=("LOW", "HIGH"),
        thinking_level="HIGH",
        thinking_budget=(0, 65_536),
        thinking_off=True,
    ),
    _gemini_3(
        "gemini-3.1-pro",
        3.1,
        _NOT_MINIMAL,
        "HIGH",
        google_id="gemini-3.1-pro-preview",
        aliases=("gemini-3.1-pro-preview-customtools", "gemini-pro-latest"),
    ),
    _gemini_3(
        "gemini-3.1-flash-lite",
        3.1,
        _ALL,
        "MINIMAL",
        aliases=("gemini-3.1-flash-lite-preview", "gemini-3.1-flash-image-preview"),
    ),
    _gemini_3(
        "gemini-3.5-flash-lite",
        3.5,
        _ALL,
        "MINIMAL",
        aliases=("gemini-flash-lite-latest",),
    ),
    _gemini_3("gemini-3.5-flash", 3.5, _ALL, "MEDIUM"),
    _gemini_3("gemini-3.6-flash", 3.6, _ALL, "MEDIUM"),
    _gemini_3("gemini-3.7-flash", 3.7, _NOT_MINIMAL, "MEDIUM"),
    _gemini_3(
        "gemini-3.8-flash",
        3.8,
        _NOT_MINIMAL,
        "MEDIUM",
        aliases=("gemini-flash-latest",),
    ),
)

CATALOGUE = {model.catalogue_id: model for model in MODELS if model.catalogue_id}
_GOOGLE = {
    name: model for model in MODELS for name in (model.google_id, *model.aliases)
}
_STABLE = {
    f"{name}-": model for name, model in _GOOGLE.items() if "preview" not in name
}
_VARIANT = re.compile(
    r"(?:-?(?:preview|exp|experimental|latest|image|generation|tts|live|native|audio|"
    r"thinking|computer|use|dialog|customtools|it|e?\d+[bmk]?))+"
)


def model_from_google_id(name: str) -> Model | None:
    """The model of an id on Google's paths; None if Google has no such model.

    Dated, preview and special-purpose ids are judged like the model they vary. They
    name themselves as `modelVersion`, as does every id but `-latest`.
    """
    known = _GOOGLE.get(name) or _varied(name)
    if known is None or name.endswith("-latest") or name == known.google_id:
        return known
    return replace(known, google_id=name)


def _varied(name: str) -> Model | None:
    for base in sorted(_STABLE, key=len, reverse=True):
        if name.startswith(base) and _VARIANT.fullmatch(name.removeprefix(base)):
            return _STABLE[base]
    return None
