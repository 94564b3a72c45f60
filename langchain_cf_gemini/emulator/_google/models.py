"""The Gemini models that the emulator answers for, and what each of them allows.

Their facts are rows of data/gemini.json. Catalogue ids: Cloudflare's catalogue pages;
a preview id is the `modelVersion` of the answers there, and 3.1 Flash Lite, which lost
its suffix in July 2026, answers to both since. Thinking levels: Google's page
docs.cloud.google.com/gemini-enterprise-agent-platform/models/thinking.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any


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
        thinking_off: The backends that take a budget of 0; for Gemini 3.1 Pro Vertex
            alone does.
        price: Dollars for a million tokens of input, cached input and output, up to
            200,000 tokens of input; None where Cloudflare's catalogue lists none.
    """

    google_id: str
    generation: float
    catalogue_id: str | None = None
    aliases: Sequence[str] = ()
    thinking_levels: Sequence[str] = ()
    thinking_level: str = ""
    thinking_budget: Sequence[int] | None = None
    thinking_off: Sequence[str] = ()
    price: Sequence[float] | None = None

    @property
    def signs(self) -> bool:
        """Whether the model demands its thought signatures back (Gemini 3)."""
        return self.generation >= 3


@cache
def packaged(name: str) -> Mapping[str, Any]:
    """A file of the package's data."""
    data = files("langchain_cf_gemini.emulator") / f"data/{name}.json"
    facts: dict[str, Any] = json.loads(data.read_text("utf-8"))
    return facts


MODELS = tuple(Model(**row) for row in packaged("gemini")["models"])
NEWEST = max(MODELS, key=lambda model: model.generation)
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
