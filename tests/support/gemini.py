"""What tests take from the inside of `_gemini`: conversions as pure functions."""

from langchain_cf_gemini._gemini.answer.parser import AnswerParser
from langchain_cf_gemini._gemini.request.contents import body_from_messages
from langchain_cf_gemini._gemini.request.media import Media, parts_from_media
from langchain_cf_gemini._gemini.request.media_tokens import (
    audio_seconds,
    image_size,
    pdf_pages,
    video_seconds,
)
from langchain_cf_gemini._gemini.request.response_format import (
    generation_config_from_response_format,
)
from langchain_cf_gemini._gemini.request.token_estimate import (
    tokens_from_request,
    tokens_from_text,
)
from langchain_cf_gemini._gemini.schema.json_schema import json_schema_from
from langchain_cf_gemini._gemini.schema.openapi import openapi_schema_from
from langchain_cf_gemini._gemini.tools.declarations import (
    strict_from_tools,
    tools_from_langchain,
)
from langchain_cf_gemini._gemini.tools.tool_choice import (
    parallel_from_choice,
    tool_config_from_choice,
)

__all__ = [
    "AnswerParser",
    "Media",
    "audio_seconds",
    "body_from_messages",
    "generation_config_from_response_format",
    "image_size",
    "json_schema_from",
    "openapi_schema_from",
    "parallel_from_choice",
    "parts_from_media",
    "pdf_pages",
    "strict_from_tools",
    "tokens_from_request",
    "tokens_from_text",
    "tool_config_from_choice",
    "tools_from_langchain",
    "video_seconds",
]
