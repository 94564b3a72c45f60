"""The account's own catalogue, page by page, with the packaged table behind it."""

from collections.abc import Mapping
from typing import Any, Final

from langchain_cf_gemini._cloudflare.catalogue import (
    CATALOGUE_PAGE,
    MODELS,
    ModelInfo,
    models_from_catalogue,
)
from langchain_cf_gemini.exceptions import (
    CloudflareInvalidRequestError,
    CloudflareNotFoundError,
    CloudflarePermissionError,
    ResponseFormatError,
)

# What an account answers that has no such endpoint, or a token that may not read it.
NO_CATALOGUE: Final = (
    CloudflareInvalidRequestError,
    CloudflareNotFoundError,
    CloudflarePermissionError,
    ResponseFormatError,
)
_MOST_PAGES: Final = 49


class Pages:
    """Gathers the pages of a listing.

    Attributes:
        wanted: Number of the page to ask for next; 0 when there is no more.
    """

    def __init__(self) -> None:
        """Want the first page."""
        self.wanted = 1
        self._rows: list[Any] = []

    def add(self, result: Any) -> None:
        """Take the answer to the page that was wanted."""
        rows = result.get("models") if isinstance(result, Mapping) else result
        found = rows if isinstance(rows, list) else []
        self._rows += found
        more = len(found) == CATALOGUE_PAGE and self.wanted < _MOST_PAGES
        self.wanted = self.wanted + 1 if more else 0

    def models(self) -> list[ModelInfo]:
        """Return the Gemini models among the rows, or the packaged table."""
        return models_from_catalogue(self._rows) or self.packaged()

    def packaged(self) -> list[ModelInfo]:
        """Return the table that comes with the package."""
        return list(MODELS)
