"""Everything that a call needs, in one import that the first call makes."""

from langchain_cf_gemini._gemini.request.token_estimate import (
    tokens_from_request,
    tokens_from_text,
)
from langchain_cf_gemini._gemini.tools.declarations import tools_from_settings
from langchain_cf_gemini._langchain.call import (
    call_from_settings,
    last_chunk,
    result_from_payloads,
)
from langchain_cf_gemini._langchain.downloads import adownload, download

__all__ = [
    "adownload",
    "call_from_settings",
    "download",
    "last_chunk",
    "result_from_payloads",
    "tokens_from_request",
    "tokens_from_text",
    "tools_from_settings",
]
