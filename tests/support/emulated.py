"""What tests take from the inside of the emulator: its doors, rules and words."""

from langchain_cf_gemini.emulator._cloudflare.account import (
    ACCOUNT_ID,
    API_TOKEN,
    Settings,
)
from langchain_cf_gemini.emulator._cloudflare.gateway import (
    Cache,
    options_from_headers,
)
from langchain_cf_gemini.emulator._cloudflare.service import Service
from langchain_cf_gemini.emulator._google.instances import instance_from_schema
from langchain_cf_gemini.emulator._google.models import CATALOGUE, packaged
from langchain_cf_gemini.emulator._google.proto_json import (
    bytes_from_base64,
    canonical_body,
    published_schema,
)
from langchain_cf_gemini.emulator._google.rules.all_rules import RULES
from langchain_cf_gemini.emulator._google.signatures import issue_signature
from langchain_cf_gemini.emulator._google.streams import chunks_from_response
from langchain_cf_gemini.emulator._journal import Journal
from langchain_cf_gemini.emulator._messages import Incoming, Outgoing
from langchain_cf_gemini.emulator._refusals import Refusal
from langchain_cf_gemini.emulator._server.routes import answered

__all__ = [
    "ACCOUNT_ID",
    "API_TOKEN",
    "CATALOGUE",
    "RULES",
    "Cache",
    "Incoming",
    "Journal",
    "Outgoing",
    "Refusal",
    "Service",
    "Settings",
    "answered",
    "bytes_from_base64",
    "canonical_body",
    "chunks_from_response",
    "instance_from_schema",
    "issue_signature",
    "options_from_headers",
    "packaged",
    "published_schema",
]
