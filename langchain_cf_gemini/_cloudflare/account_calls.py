"""What can be asked of Cloudflare's API beside models. No I/O: whoever calls sends."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from langchain_cf_gemini._cloudflare.catalogue import (
    MODELS,
    NO_CATALOGUE,
    CataloguePages,
    ModelInfo,
)
from langchain_cf_gemini._cloudflare.endpoints import Account, api_request
from langchain_cf_gemini._http.request import Request
from langchain_cf_gemini.exceptions import CloudflareInvalidRequestError

# Sends a request, and gives the answer in Cloudflare's envelope or raises its error.
Ask: TypeAlias = Callable[[Request], Awaitable[dict[str, Any]]]

_logger = logging.getLogger("langchain_cf_gemini")


async def add_feedback(
    ask: Ask, account: Account, path: str, body: Mapping[str, Any]
) -> None:
    """Add feedback to a log entry."""
    await ask(api_request(account, "PATCH", path, body, service="feedback"))


async def log_entry(ask: Ask, account: Account, path: str) -> dict[str, Any]:
    """Read a log entry."""
    answer = await ask(api_request(account, "GET", path, service="log"))
    result = answer["result"]
    return dict(result) if isinstance(result, Mapping) else {"result": result}


async def listed_models(ask: Ask, account: Account) -> list[ModelInfo]:
    """List the account's models, or the packaged ones and say why."""
    pages = CataloguePages()
    why = "it contains no Gemini model"
    try:
        while pages.path:
            request = api_request(account, "GET", pages.path, service="catalogue")
            try:
                pages.add(await ask(request))
            except CloudflareInvalidRequestError:
                if not pages.refused():
                    raise
    except NO_CATALOGUE as error:
        why = error.message
    if found := pages.models():
        return found
    _logger.warning("Listing the packaged models instead of the account's: %s", why)
    return list(MODELS)
