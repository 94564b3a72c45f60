"""What tests take from the inside of `_cloudflare`: endpoints, readers, errors."""

from langchain_cf_gemini._cloudflare.answers import AnswerReader
from langchain_cf_gemini._cloudflare.costs import usage_after_cache
from langchain_cf_gemini._cloudflare.endpoints import (
    Account,
    api_request,
    gateway_request,
    run_request,
)
from langchain_cf_gemini._cloudflare.envelope import (
    envelope_from_body,
    payloads_from_body,
    payloads_from_json,
)
from langchain_cf_gemini._cloudflare.errors import (
    error_from_body,
    retry_after_from_details,
)
from langchain_cf_gemini._cloudflare.events import EventDecoder, whole_events
from langchain_cf_gemini._cloudflare.json_body import json_from_body
from langchain_cf_gemini._cloudflare.known_errors import KNOWN_ERRORS
from langchain_cf_gemini._cloudflare.rate_limits import retry_after_from_rate_limits
from langchain_cf_gemini._cloudflare.routing import GatewayMemory

__all__ = [
    "KNOWN_ERRORS",
    "Account",
    "AnswerReader",
    "EventDecoder",
    "GatewayMemory",
    "api_request",
    "envelope_from_body",
    "error_from_body",
    "gateway_request",
    "json_from_body",
    "payloads_from_body",
    "payloads_from_json",
    "retry_after_from_details",
    "retry_after_from_rate_limits",
    "run_request",
    "usage_after_cache",
    "whole_events",
]
