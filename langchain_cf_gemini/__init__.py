"""Google's Gemini models through Cloudflare, for LangChain."""

from typing import TYPE_CHECKING, Any

from langchain_cf_gemini._catalogue import ModelInfo
from langchain_cf_gemini._cost import cost
from langchain_cf_gemini._exceptions import (
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
from langchain_cf_gemini._registry import register_init_chat_model
from langchain_cf_gemini.chat_models import ChatCloudflareGemini, GatewayFallbackWarning
from langchain_cf_gemini.gateway import GatewayOptions

if TYPE_CHECKING:
    from langchain_cf_gemini._cost_callback import (
        CostCallbackHandler,
        get_cost_callback,
    )

__version__ = "0.1.0"

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


def __getattr__(name: str) -> Any:
    """Import the callbacks when they are asked for: few programs count costs."""
    if name in ("CostCallbackHandler", "get_cost_callback"):
        from langchain_cf_gemini import _cost_callback

        return getattr(_cost_callback, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
