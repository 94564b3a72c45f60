"""The Gemini models that the emulator answers for, and what each of them allows.

Catalogue ids and prices: Cloudflare's catalogue pages. Thinking levels: Google's
page docs.cloud.google.com/gemini-enterprise-agent-platform/models/thinking.
"""

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
        google_id="gemini-2.0-flash", generation=2.0, aliases=("gemini-2.0-flash-001",)
    ),
    Model(google_id="gemini-2.0-flash-lite", generation=2.0),
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
        aliases=("gemini-2.5-flash-image", "gemini-2.5-flash-image-preview"),
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
        aliases=("gemini-3-pro-image-preview",),
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
        aliases=("gemini-3.1-pro-preview-customtools",),
    ),
    _gemini_3(
        "gemini-3.1-flash-lite",
        3.1,
        _ALL,
        "MINIMAL",
        aliases=("gemini-3.1-flash-lite-preview", "gemini-3.1-flash-image-preview"),
    ),
    _gemini_3("gemini-3.5-flash-lite", 3.5, _ALL, "MINIMAL"),
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

# Answered by the model it stands for at present; the other aliases by themselves.
_RESOLVED = ("gemini-flash-latest",)
CATALOGUE = {model.catalogue_id: model for model in MODELS if model.catalogue_id}
GOOGLE = {
    name: model
    if name == model.google_id or name in _RESOLVED
    else replace(model, google_id=name)
    for model in MODELS
    for name in (model.google_id, *model.aliases)
}
