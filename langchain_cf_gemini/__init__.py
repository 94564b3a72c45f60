"""Google's Gemini models through Cloudflare, for LangChain."""

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
from langchain_cf_gemini.chat_models import ChatCloudflareGemini, GatewayFallbackWarning
from langchain_cf_gemini.gateway import GatewayOptions

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
    "GatewayFallbackWarning",
    "GatewayOptions",
    "ResponseFormatError",
    "UnsupportedContentError",
    "__version__",
]
