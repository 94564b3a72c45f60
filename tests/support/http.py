"""What tests take from the inside of `_http`: clients, retries, sockets."""

from langchain_cf_gemini._http.addresses import is_public
from langchain_cf_gemini._http.attempt import (
    DEFAULT_TIMEOUT,
    Attempt,
    times_from_timeout,
)
from langchain_cf_gemini._http.backends import Asyncio
from langchain_cf_gemini._http.body import Body, Head
from langchain_cf_gemini._http.client import Stream, Transport, TransportSettings
from langchain_cf_gemini._http.connections import (
    CONNECTIONS,
    IDLE_SECONDS,
    Connections,
    Slots,
)
from langchain_cf_gemini._http.download import (
    FetchSettings,
    addresses_from_host,
    afetch,
    fetch,
    shown_url,
)
from langchain_cf_gemini._http.environment import proxy_from_environment, ssl_context
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
from langchain_cf_gemini._http.sockets import keepalive_options
from langchain_cf_gemini._http.urls import is_loopback

__all__ = [
    "CONNECTIONS",
    "DEFAULT_TIMEOUT",
    "FILES",
    "IDLE_SECONDS",
    "PEACE_SECONDS",
    "Asyncio",
    "Attempt",
    "Attempts",
    "Body",
    "Connections",
    "FetchSettings",
    "File",
    "Files",
    "Head",
    "Pace",
    "Request",
    "RetryPolicy",
    "SharedLimits",
    "Slots",
    "Stream",
    "Ticket",
    "Transport",
    "TransportSettings",
    "addresses_from_host",
    "afetch",
    "fetch",
    "forget_limits",
    "is_loopback",
    "is_public",
    "is_retried",
    "keepalive_options",
    "limits_from_request",
    "proxy_from_environment",
    "retry_after_from_headers",
    "run",
    "shown_url",
    "ssl_context",
    "times_from_timeout",
]
