"""Defaults of the model's fields, apart from the modules that act on them.

Defining the class must not import what only a call needs: httpx alone would add 11 % to
the import of langchain-core's BaseChatModel, the whole transport about 20 %.
"""

PROVIDER = "cloudflare_gemini"
"""The one provider id: `model_provider` of messages and `ls_provider` of traces."""

API_BASE_URL = "https://api.cloudflare.com/client/v4"
GATEWAY_BASE_URL = "https://gateway.ai.cloudflare.com/v1"
DEFAULT_TIMEOUT = 600.0
"""Seconds; Cloudflare documents no limit of its own for an answer."""
