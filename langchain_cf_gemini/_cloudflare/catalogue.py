"""Cloudflare's catalogue of Gemini text models, as data.

Prices, context lengths and output limits are those of the `google-*.json` files that
Cloudflare's documentation publishes
(https://github.com/cloudflare/cloudflare-docs, src/content/catalog-models).
Thinking levels are Google's
(https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/thinking),
release dates those of https://models.dev. Nothing here was read from a live account.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

CATALOGUE_DATE: Final = "2026-11"
"""The month up to which Cloudflare's documentation was read for this table."""

CATALOGUE_PAGE: Final = 100
"""Rows that one page of the account's catalogue may have."""

_ALL_LEVELS: Final = ("minimal", "low", "medium", "high")
_NO_MINIMAL: Final = ("low", "medium", "high")
_LONG_CONTEXT: Final = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Prices in US dollars per million tokens.

    Attributes:
        input: One million prompt tokens that came from no cache.
        output: One million tokens written, thoughts included.
        cached: One million prompt tokens read from the provider's context cache.
        cache_creation: One million tokens written to that cache, where it is listed.
        long_context: The prices of a whole call whose prompt is longer than
            `long_context_over` tokens; None where one price holds for every length.
        long_context_over: The prompt length above which `long_context` holds, tokens.
    """

    input: float
    output: float
    cached: float | None = None
    cache_creation: float | None = None
    long_context: "Prices | None" = None
    long_context_over: int = _LONG_CONTEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """One model of Cloudflare's catalogue.

    Attributes:
        id: The catalogue id without its author, e.g. `gemini-3-flash`.
        name: The name to show to people.
        google_id: The id that Google gives the same model; the gateway endpoint's URL
            carries this one.
        context_length: Tokens that prompt and answer may have together, as listed.
        max_output_tokens: The listed limit of an answer, in tokens. Several models list
            8,192 where Google's own limit is 65,536, so nothing enforces it.
        prices: US dollars per million tokens, None where no price is listed.
        thinking_levels: The levels that `thinkingLevel` accepts, lower case; empty for
            a model that takes a `thinkingBudget` instead, None where nobody says.
        default_thinking_level: The level used when none is asked for.
        thinking_can_be_off: Whether a budget of 0 switches thinking off; None where
            nobody says.
        release_date: ISO date of Google's release.
        packaged: Whether the row comes from the table of this package (False: from the
            account's own catalogue).
    """

    id: str
    name: str
    google_id: str
    context_length: int | None = None
    max_output_tokens: int | None = None
    prices: Prices | None = None
    thinking_levels: tuple[str, ...] | None = None
    default_thinking_level: str | None = None
    thinking_can_be_off: bool | None = None
    release_date: str | None = None
    packaged: bool = False


MODELS: Final[tuple[ModelInfo, ...]] = (
    ModelInfo(
        id="gemini-2.5-flash-lite",
        name="Gemini 2.5 Flash-Lite",
        google_id="gemini-2.5-flash-lite",
        context_length=1_000_000,
        max_output_tokens=8_192,
        thinking_levels=(),
        thinking_can_be_off=True,
        release_date="2025-06-17",
        packaged=True,
    ),
    ModelInfo(
        id="gemini-2.5-flash",
        name="Gemini 2.5 Flash",
        google_id="gemini-2.5-flash",
        context_length=1_000_000,
        max_output_tokens=8_192,
        prices=Prices(input=0.30, cached=0.03, output=2.50),
        thinking_levels=(),
        thinking_can_be_off=True,
        release_date="2025-06-17",
        packaged=True,
    ),
    ModelInfo(
        id="gemini-2.5-pro",
        name="Gemini 2.5 Pro",
        google_id="gemini-2.5-pro",
        context_length=1_000_000,
        max_output_tokens=65_536,
        prices=Prices(input=1.25, cached=0.125, output=10.0),
        thinking_levels=(),
        thinking_can_be_off=False,
        release_date="2025-06-17",
        packaged=True,
    ),
    ModelInfo(
        id="gemini-3-flash",
        name="Gemini 3 Flash",
        google_id="gemini-3-flash-preview",
        context_length=1_000_000,
        max_output_tokens=8_192,
        prices=Prices(input=0.50, cached=0.05, output=3.0),
        thinking_levels=_ALL_LEVELS,
        default_thinking_level="high",
        thinking_can_be_off=False,
        release_date="2025-12-17",
        packaged=True,
    ),
    ModelInfo(
        id="gemini-3.1-flash-lite",
        name="Gemini 3.1 Flash-Lite",
        google_id="gemini-3.1-flash-lite",
        context_length=1_000_000,
        max_output_tokens=8_192,
        prices=Prices(input=0.25, cached=0.03, output=1.50),
        thinking_levels=_ALL_LEVELS,
        default_thinking_level="minimal",
        thinking_can_be_off=False,
        release_date="2026-05-07",
        packaged=True,
    ),
    ModelInfo(
        id="gemini-3.1-pro",
        name="Gemini 3.1 Pro",
        google_id="gemini-3.1-pro-preview",
        context_length=1_000_000,
        max_output_tokens=65_536,
        prices=Prices(
            input=2.0,
            cached=0.20,
            output=12.0,
            long_context=Prices(input=4.0, cached=0.40, output=18.0),
        ),
        thinking_levels=_NO_MINIMAL,
        default_thinking_level="high",
        thinking_can_be_off=False,
        release_date="2026-02-19",
        packaged=True,
    ),
    ModelInfo(
        id="gemini-3.5-flash-lite",
        name="Gemini 3.5 Flash-Lite",
        google_id="gemini-3.5-flash-lite",
        context_length=1_048_576,
        max_output_tokens=65_536,
        prices=Prices(input=0.30, cached=0.03, output=2.50, cache_creation=0.03),
        thinking_levels=_ALL_LEVELS,
        default_thinking_level="minimal",
        thinking_can_be_off=False,
        release_date="2026-07-21",
        packaged=True,
    ),
    ModelInfo(
        id="gemini-3.5-flash",
        name="Gemini 3.5 Flash",
        google_id="gemini-3.5-flash",
        context_length=1_048_576,
        max_output_tokens=65_536,
        prices=Prices(input=1.50, cached=0.15, output=9.0),
        thinking_levels=_ALL_LEVELS,
        default_thinking_level="medium",
        thinking_can_be_off=False,
        release_date="2026-05-19",
        packaged=True,
    ),
    ModelInfo(
        id="gemini-3.6-flash",
        name="Gemini 3.6 Flash",
        google_id="gemini-3.6-flash",
        context_length=1_048_576,
        max_output_tokens=65_536,
        prices=Prices(input=1.50, cached=0.15, output=7.50, cache_creation=1.50),
        thinking_levels=_ALL_LEVELS,
        default_thinking_level="medium",
        thinking_can_be_off=False,
        release_date="2026-07-21",
        packaged=True,
    ),
    ModelInfo(
        id="gemini-3.7-flash",
        name="Gemini 3.7 Flash",
        google_id="gemini-3.7-flash",
        context_length=1_048_576,
        max_output_tokens=65_536,
        prices=Prices(input=0.75, cached=0.075, output=3.75),
        thinking_levels=_NO_MINIMAL,
        default_thinking_level="medium",
        thinking_can_be_off=False,
        release_date="2026-08-13",
        packaged=True,
    ),
    ModelInfo(
        id="gemini-3.8-flash",
        name="Gemini 3.8 Flash",
        google_id="gemini-3.8-flash",
        context_length=1_048_576,
        max_output_tokens=65_536,
        prices=Prices(input=0.75, cached=0.075, output=3.75),
        thinking_levels=_NO_MINIMAL,
        default_thinking_level="medium",
        thinking_can_be_off=False,
        release_date="2026-09-02",
        packaged=True,
    ),
)
"""The eleven text models, oldest family first."""

# A message carries the id that Google answers with, a caller may write either one.
_BY_ID: Final = {model.google_id: model for model in MODELS} | {
    model.id: model for model in MODELS
}


def model_info(model: str) -> ModelInfo | None:
    """Look a model up in the packaged table.

    Args:
        model: `gemini-3-flash`, `google/gemini-3-flash` or Google's own id,
            `gemini-3-flash-preview`.

    Returns:
        The row, or None for a model that the table does not know.
    """
    return _BY_ID.get(model.rpartition("/")[2])


def catalogue_path(page: int) -> str:
    """Give the path of one page of the account's catalogue, below the account.

    Args:
        page: 1 for the first. A page with fewer than `CATALOGUE_PAGE` rows is the last.
    """
    return f"/ai/catalog/models?page={page}&per_page={CATALOGUE_PAGE}"


def models_from_catalogue(result: Any) -> list[ModelInfo]:
    """Read the Gemini text models out of an account's catalogue.

    `GET /accounts/{id}/ai/catalog/models` is not in Cloudflare's reference. Its shape
    is that of the import script of Cloudflare's own documentation (cloudflare-docs
    `bin/fetch-catalog-models.ts`) and of models.dev's generator, which agree: a list of
    rows with `model_id`, `name`, `task`, `context_length`, `max_output_tokens` and
    `pricing`.

    Args:
        result: What stands under `result` in the answer, any JSON value.

    Returns:
        One row for each Gemini text model, in the order of the answer, completed from
        the packaged table where the account's catalogue is silent. Empty if the answer
        holds none, whatever its shape: then the packaged `MODELS` are what there is.
    """
    rows = result.get("models") if isinstance(result, Mapping) else result
    if not isinstance(rows, list):
        return []
    return [model_from_row(row) for row in rows if _is_gemini_text(row)]


def _is_gemini_text(row: Any) -> bool:
    if not isinstance(row, Mapping):
        return False
    task = row.get("task", "Text Generation")
    return task == "Text Generation" and _id_of(row).startswith("google/gemini-")


def _id_of(row: Mapping[str, Any]) -> str:
    # `model_id` is the name that is known; Cloudflare's other listings say `id`.
    return str(row.get("model_id") or row.get("id") or "")


def model_from_row(row: Mapping[str, Any]) -> ModelInfo:
    """Convert one row of the account's catalogue, which must have an id."""
    bare = _id_of(row).rpartition("/")[2]
    known = _BY_ID.get(bare) or ModelInfo(id=bare, name=bare, google_id=bare)
    listed = {
        "name": _shown_name(row.get("name")),
        "context_length": _of_type(int, row.get("context_length")),
        "max_output_tokens": _of_type(int, row.get("max_output_tokens")),
        "prices": prices_from_listing(row.get("pricing")),
    }
    told = {name: value for name, value in listed.items() if value is not None}
    return replace(known, **told, packaged=False)


def _shown_name(name: Any) -> str | None:
    # Cloudflare's older listings repeat the id there.
    return name if isinstance(name, str) and "/" not in name else None


def _of_type(kind: type, value: Any) -> Any:
    return value if isinstance(value, kind) else None


# "Input tokens (per 1M)", "Cached input tokens (per 1M)", "Input <= 200k (per 1M)"
_PRICE_LABEL: Final = re.compile(
    r"(Input|Output|Cached input|Cache creation)(?: tokens)?"
    r"(?:\s*(<=?|>=?)\s*(\d+)k)?\s*\(per 1M\)"
)
_PRICE_FIELD: Final = {
    "Input": "input",
    "Output": "output",
    "Cached input": "cached",
    "Cache creation": "cache_creation",
}


def prices_from_listing(pricing: Any) -> Prices | None:
    """Convert a listing such as `{"Input tokens (per 1M)": 0.5, ...}`.

    Args:
        pricing: The `pricing` object of a catalogue row, any JSON value.

    Returns:
        The prices, or None unless an input and an output price are listed.
    """
    if not isinstance(pricing, Mapping):
        return None
    listed = [
        (label, float(price))
        for text, price in pricing.items()
        if _is_price(price) and (label := _PRICE_LABEL.fullmatch(text))
    ]
    short, tall = _band(listed, long_context=False), _band(listed, long_context=True)
    if not {"input", "output"} <= short.keys():
        return None
    over = next((int(m[3]) * 1000 for m, _ in listed if m[3]), _LONG_CONTEXT)
    return replace(
        Prices(**short),
        long_context=Prices(**{**short, **tall}) if tall else None,
        long_context_over=over,
    )


def _is_price(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _band(
    listed: Iterable[tuple[re.Match[str], float]], *, long_context: bool
) -> dict[str, Any]:
    return {
        _PRICE_FIELD[label[1]]: price
        for label, price in listed
        if (label[2] or "<").startswith(">") is long_context
    }
