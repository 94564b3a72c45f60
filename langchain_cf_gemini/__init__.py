"""Google's Gemini models through Cloudflare, for LangChain."""

from typing import TYPE_CHECKING, Any

from langchain_cf_gemini._version import __version__
from langchain_cf_gemini.chat_models import ChatCloudflareGemini, GatewayFallbackWarning
from langchain_cf_gemini.exceptions import (
    CloudflareAuthenticationError,
    CloudflareConnectionError,
    CloudflareContextOverflowError,
    CloudflareGeminiError,
    CloudflareInvalidRequestError,
    CloudflareNotFoundError,
    CloudflarePermissionError,
    CloudflareRateLimitError,
    CloudflareServerError,
    CloudflareTimeoutError,
    ResponseFormatError,
    UnsupportedContentError,
)
from langchain_cf_gemini.gateway import GatewayOptions

if TYPE_CHECKING:
    from langchain_cf_gemini._cloudflare.catalogue import ModelInfo
    from langchain_cf_gemini._cloudflare.costs import cost
    from langchain_cf_gemini._langchain.cost_callback import (
        CostCallbackHandler,
        get_cost_callback,
    )
    from langchain_cf_gemini._langchain.init_chat_model import register_init_chat_model

__all__ = [
    "ChatCloudflareGemini",
    "CloudflareAuthenticationError",
    "CloudflareConnectionError",
    "CloudflareContextOverflowError",
    "CloudflareGeminiError",
    "CloudflareInvalidRequestError",
    "CloudflareNotFoundError",
    "CloudflarePermissionError",
    "CloudflareRateLimitError",
    "CloudflareServerError",
    "CloudflareTimeoutError",
    "CostCallbackHandler",
    "GatewayFallbackWarning",
    "GatewayOptions",
    "ModelInfo",
    "ResponseFormatError",
    "UnsupportedContentError",
    "__version__",
    "cost",
    "get_cost_callback",
    "register_init_chat_model",
]


_MODULES = {
    "CostCallbackHandler": "_langchain.cost_callback",
    "ModelInfo": "_cloudflare.catalogue",
    "cost": "_cloudflare.costs",
    "get_cost_callback": "_langchain.cost_callback",
    "register_init_chat_model": "_langchain.init_chat_model",
}


def __getattr__(name: str) -> Any:
    """Import what few programs use when it is asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
