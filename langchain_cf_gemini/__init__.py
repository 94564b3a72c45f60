"""Google's Gemini models through Cloudflare, for LangChain."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING, Any

from langchain_cf_gemini._version import __version__

if TYPE_CHECKING:
    from langchain_cf_gemini._cloudflare.catalogue import ModelInfo, Prices
    from langchain_cf_gemini._cloudflare.costs import cost
    from langchain_cf_gemini._langchain.cost_callback import (
        CostCallbackHandler,
        get_cost_callback,
    )
    from langchain_cf_gemini._langchain.registration import register_init_chat_model
    from langchain_cf_gemini.chat_models import (
        ChatCloudflareGemini,
        GatewayFallbackWarning,
        ModelWarning,
    )
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
    "ModelWarning",
    "Prices",
    "ResponseFormatError",
    "UnsupportedContentError",
    "__version__",
    "cost",
    "get_cost_callback",
    "register_init_chat_model",
]

# Where each name is kept; the errors are what is not listed.
_MODULES = {
    "ChatCloudflareGemini": "chat_models",
    "CostCallbackHandler": "_langchain.cost_callback",
    "GatewayFallbackWarning": "chat_models",
    "GatewayOptions": "gateway",
    "ModelWarning": "chat_models",
    "ModelInfo": "_cloudflare.catalogue",
    "Prices": "_cloudflare.catalogue",
    "cost": "_cloudflare.costs",
    "get_cost_callback": "_langchain.cost_callback",
    "register_init_chat_model": "_langchain.registration",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Import what is asked for: `--version` needs no LangChain."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = _import_module(f"{__name__}.{_MODULES.get(name, 'exceptions')}")
        globals()[name] = value = getattr(module, name)
        return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
