"""Cloudflare's catalogue of Gemini text models: the packaged one and an account's.

`catalogue.json` has the rows of the `google-*.json` files that Cloudflare's
documentation publishes (https://github.com/cloudflare/cloudflare-docs,
src/content/catalog-models) with the dates from which other prices hold, and under
`google` what those do not say: Google's id, thinking levels
(https://docs.cloud.google.com/gemini-enterprise-agent-platform/models/thinking), dates
of release (https://models.dev) and of retirement (ai.google.dev for the Gemini API,
litellm's table for Vertex AI), and what a model refuses or ignores, in the words of
`_gemini/request/model_rules.py`. Nothing there was read from a live account.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from importlib.resources import files
from typing import Any, Final

from langchain_cf_gemini._cloudflare.gateway_headers import is_number
from langchain_cf_gemini.exceptions import (
    CloudflareInvalidRequestError,
    CloudflareNotFoundError,
    CloudflarePermissionError,
    ResponseFormatError,
)

CATALOGUE_DATE: Final = "2026-11"
"""The month up to which Cloudflare's documentation was read for this table."""

NO_CATALOGUE: Final = (
    CloudflareInvalidRequestError,
    CloudflareNotFoundError,
    CloudflarePermissionError,
    ResponseFormatError,
)
"""What answers where an account has no such endpoint, or a token may not read it."""

# Rows of a page: what is asked for, what servers cap it at, and fewer than which no
# server of Cloudflare's gives where there are more.
_PAGE: Final = 100
_SMALL_PAGE: Final = 50
_LEAST_PAGE: Final = 10
_MOST_PAGES: Final = 49
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
        refuses: What the model answers 400 to, each a name of the rules for requests;
            `@gemini_api` after a name says that only the gateway's backend refuses
            it, `@vertex_ai` only that of `/ai/run`.
        reads_office_files: Whether it takes Office and OpenDocument files.
        ignores: The keys of generationConfig that have no effect on it.
        release_date: ISO date of Google's release.
        retirement_date: ISO date from which the Gemini API, behind the gateway, does
            not have the model any more.
        vertex_retirement_date: The same for Vertex AI, behind `/ai/run`, where it is
            another date.
        replaced_by: The model that answers in its stead from then on.
        price_changes: Prices that hold from an ISO date on, oldest first.
        listed: Whether Cloudflare's documentation lists the model.
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
    refuses: tuple[str, ...] = ()
    ignores: tuple[str, ...] = ()
    reads_office_files: bool = False
    release_date: str | None = None
    retirement_date: str | None = None
    vertex_retirement_date: str | None = None
    replaced_by: str | None = None
    price_changes: tuple[tuple[str, Prices], ...] = ()
    listed: bool = True
    packaged: bool = False

    def prices_on(self, day: date) -> Prices | None:
        """Return the prices of a day, in US dollars per million tokens."""
        changed = [p for since, p in self.price_changes if since <= day.isoformat()]
        return changed[-1] if changed else self.prices

    def retired_on(self, day: date, endpoint: str) -> bool:
        """Tell whether the model behind an endpoint is retired on a day."""
        retires = self.retires(endpoint)
        return retires is not None and retires <= day.isoformat()

    def retires(self, endpoint: str) -> str | None:
        """Return the ISO date of retirement behind an endpoint, if it is known."""
        if endpoint == "run" and self.vertex_retirement_date:
            return self.vertex_retirement_date
        return self.retirement_date


def today() -> date:
    """Return the day that prices and retirements are judged by, which is UTC's."""
    return datetime.now(UTC).date()


def model_info(model: str) -> ModelInfo | None:
    """Look a model up in the packaged table.

    Args:
        model: `gemini-3-flash`, `google/gemini-3-flash` or Google's own id,
            `gemini-3-flash-preview`.

    Returns:
        The row, or None for a model that the table does not know.
    """
    return _BY_ID.get(model.rpartition("/")[2])


class CataloguePages:
    """Gathers the pages of an account's catalogue.

    `GET /accounts/{id}/ai/catalog/models` is not in Cloudflare's reference. Its shape
    is that of the import script of Cloudflare's own documentation (cloudflare-docs
    `bin/fetch-catalog-models.ts`) and of models.dev's generator, which agree: a list of
    rows with `model_id`, `name`, `task`, `context_length`, `max_output_tokens` and
    `pricing`.

    Attributes:
        path: Path of the page to ask for next, below the account; None when there is
            no more.
    """

    def __init__(self) -> None:
        """Want the first page."""
        self._rows: dict[str, Any] = {}
        self._page = 1
        self._size: int | None = _PAGE
        self.path: str | None = self._path()

    def _path(self) -> str:
        size = "" if self._size is None else f"&per_page={self._size}"
        return f"/ai/catalog/models?page={self._page}{size}"

    def add(self, answer: Mapping[str, Any]) -> None:
        """Take the answer to `path` in Cloudflare's envelope, whatever it holds."""
        result = answer.get("result")
        rows = result.get("models") if isinstance(result, Mapping) else result
        listed = rows if isinstance(rows, list) else []
        found = {_id_of(row): row for row in listed if isinstance(row, Mapping)}
        # A server that does not count pages gives the first one again and again.
        is_new = not found.keys() <= self._rows.keys()
        self._rows |= found
        has_more = is_new and self._has_more(answer.get("result_info"), len(found))
        self._page += 1
        self.path = self._path() if has_more and self._page <= _MOST_PAGES else None

    def _has_more(self, info: Any, found: int) -> bool:
        if isinstance(info, Mapping):
            pages, count = info.get("total_pages"), info.get("total_count")
            if isinstance(pages, int):
                return self._page < pages
            if isinstance(count, int):
                return len(self._rows) < count
        return found >= _LEAST_PAGE

    def refused(self) -> bool:
        """Take a refusal of the request: ask for smaller pages, if there are any.

        Returns:
            Whether there is another page size to try.
        """
        if self._page > 1 or self._size is None:
            return False
        self._size = _SMALL_PAGE if self._size == _PAGE else None
        self.path = self._path()
        return True

    def models(self) -> list[ModelInfo]:
        """Return the Gemini text models among the rows, in their order.

        What the account's catalogue does not say comes from the packaged table. Empty
        if no row is a Gemini text model.
        """
        rows = (row for row in self._rows.values() if _is_gemini_text(row))
        return [model_from_row(row, model_info(_id_of(row))) for row in rows]


def _is_gemini_text(row: Any) -> bool:
    if not isinstance(row, Mapping):
        return False
    task = row.get("task", "Text Generation")
    if isinstance(task, Mapping):  # as Cloudflare's older listings say it
        task = task.get("name")
    return task == "Text Generation" and _id_of(row).startswith("google/gemini-")


def _id_of(row: Mapping[str, Any]) -> str:
    # `model_id` is the name that is known; Cloudflare's other listings say `id`.
    return str(row.get("model_id") or row.get("id") or "")


def model_from_row(row: Mapping[str, Any], known: ModelInfo | None) -> ModelInfo:
    """Convert one row of a catalogue, which must have an id.

    Args:
        row: The row.
        known: What stands where the row is silent.
    """
    bare = _id_of(row).rpartition("/")[2]
    listed = {
        "name": _shown_name(row.get("name")),
        "context_length": _of_type(int, row.get("context_length")),
        "max_output_tokens": _of_type(int, row.get("max_output_tokens")),
        "prices": prices_from_listing(row.get("pricing")),
    }
    told = {name: value for name, value in listed.items() if value is not None}
    if "prices" in told:
        told["price_changes"] = ()  # an account's catalogue says what holds today
    known = known or ModelInfo(id=bare, name=bare, google_id=bare)
    return replace(known, **told, listed=True, packaged=False)


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
        if is_number(price) and (label := _PRICE_LABEL.fullmatch(text))
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


def _band(
    listed: Iterable[tuple[re.Match[str], float]], *, long_context: bool
) -> dict[str, Any]:
    return {
        _PRICE_FIELD[label[1]]: price
        for label, price in listed
        if (label[2] or "<").startswith(">") is long_context
    }


def _packaged_model(row: Mapping[str, Any]) -> ModelInfo:
    google: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in row["google"].items()
    }
    later = row.get("price_changes", {}).items()
    changes = [(day, p) for day, each in later if (p := prices_from_listing(each))]
    told = model_from_row(row, None)
    return replace(told, **google, price_changes=tuple(changes), packaged=True)


# At import: a model may be made in an event loop, where no file is to be read.
MODELS: Final[tuple[ModelInfo, ...]] = tuple(
    _packaged_model(row)
    for row in json.loads(files(__package__).joinpath("catalogue.json").read_bytes())
)
"""The packaged models, oldest family first."""

# A message carries the id that Google answers with, a caller may write either one.
_BY_ID: Final = {model.google_id: model for model in MODELS} | {
    model.id: model for model in MODELS
}
