"""What can be asked of Cloudflare's API beside models, as steps. No I/O.

Each function gives requests, is sent the answer to each (in Cloudflare's envelope) or
thrown its error, and returns what came of it.
"""

import logging
from collections.abc import Generator, Mapping
from typing import Any, TypeAlias, TypeVar

from langchain_cf_gemini._cloudflare.catalogue import (
    MODELS,
    NO_CATALOGUE,
    CataloguePages,
    ModelInfo,
)
from langchain_cf_gemini._cloudflare.endpoints import Account, api_request
from langchain_cf_gemini._http.request import Request
from langchain_cf_gemini.exceptions import CloudflareInvalidRequestError

_T = TypeVar("_T")
Steps: TypeAlias = Generator[Request, Mapping[str, Any], _T]

_logger = logging.getLogger("langchain_cf_gemini")


def feedback_steps(account: Account, path: str, body: Mapping[str, Any]) -> Steps[None]:
    """Add feedback to a log entry."""
    yield api_request(account, "PATCH", path, body, service="feedback")


def log_steps(account: Account, path: str) -> Steps[dict[str, Any]]:
    """Read a log entry."""
    answer = yield api_request(account, "GET", path, service="log")
    result = answer["result"]
    return dict(result) if isinstance(result, Mapping) else {"result": result}


def listing_steps(account: Account) -> Steps[list[ModelInfo]]:
    """List the account's models, or the packaged ones and say why."""
    pages = CataloguePages()
    why = "it holds no Gemini model"
    try:
        while pages.path:
            request = api_request(account, "GET", pages.path, service="catalogue")
            try:
                pages.add((yield request))
            except CloudflareInvalidRequestError as error:
                if error.status_code != 400 or not pages.refused():
                    raise
    except NO_CATALOGUE as error:
        why = error.message
    if found := pages.models():
        return found
    _logger.warning("the packaged models are listed, not the account's: %s", why)
    return list(MODELS)
