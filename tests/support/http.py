"""What tests take from the inside of `_http`: clients, retries, sockets."""

from langchain_cf_gemini._http.addresses import is_public
from langchain_cf_gemini._http.attempt import (
    DEFAULT_TIMEOUT,
    Attempt,
    times_from_timeout,
)
from langchain_cf_gemini._http.backends import Asyncio
from langchain_cf_gemini._http.body import Head
from langchain_cf_gemini._http.client import Stream, Transport, TransportSettings
from langchain_cf_gemini._http.connections import (
    CONNECTIONS,
    IDLE_SECONDS,
    Connections,
    Slots,
)
from langchain_cf_gemini._http.download import FetchSettings, afetch, fetch, shown_url
from langchain_cf_gemini._http.files import FILES, File, Files
from langchain_cf_gemini._http.limits import (
    Attempts,
    SharedLimits,
    forget_limits,
    limits_from_request,
)
from langchain_cf_gemini._http.pace import PEACE_SECONDS, Pace, Ticket
from langchain_cf_gemini._http.request import Request
from langchain_cf_gemini._http.retries import (
    RetryPolicy,
    is_retried,
    retry_after_from_headers,
)
from langchain_cf_gemini._http.seam import run
from langchain_cf_gemini._http.sockets import addresses_from_host

__all__ = [
    "CONNECTIONS", "DEFAULT_TIMEOUT", "FILES", "IDLE_SECONDS", "PEACE_SECONDS",
    "Asyncio", "Attempt", "Attempts", "Connections", "FetchSettings", "File", "Files",
    "Head", "Pace", "Request", "RetryPolicy", "SharedLimits", "Slots", "Stream",
    "Ticket", "Transport", "TransportSettings", "addresses_from_host", "afetch",
    "fetch", "forget_limits", "is_public", "is_retried", "limits_from_request",
    "retry_after_from_headers", "run", "shown_url", "times_from_timeout",
]  # fmt: skip
