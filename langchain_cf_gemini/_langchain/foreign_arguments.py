"""Arguments of other packages' chat models, and what replaces each here."""

from collections.abc import Mapping
from typing import Final

from langchain_cf_gemini._cloudflare.gateway_headers import RULES

_NO_GOOGLE_PROJECT: Final = "Leave it out: Cloudflare chooses where the model runs."
_OWN_CLIENT: Final = "Pass http_client= and http_async_client=, your own clients."
_TOKEN: Final = "Pass Cloudflare's token as api_token=."
_ADDRESSES: Final = "Pass base_url= and gateway_base_url=."
_GATEWAY: Final = "Pass gateway=GatewayOptions({}=...)."
_BIND_TOOLS: Final = "Use bind_tools()."

FOREIGN_ARGUMENTS: Final[Mapping[str, str]] = {
    "openai_api_key": _TOKEN,
    "openai_api_base": _ADDRESSES,
    "openai_proxy": _OWN_CLIENT,
    "organization": "Leave it out, and pass account_id=.",
    "model_kwargs": "Pass its entries as arguments, or as generation_config=.",
    "extra_body": "Pass fields of Google's API as generation_config=.",
    "extra_headers": "Pass gateway=GatewayOptions(...), or default_headers=.",
    "additional_headers": "Pass default_headers=.",
    "max_completion_tokens": "Pass max_tokens=.",
    "top_logprobs": "Pass the number as logprobs=, for example logprobs=5.",
    "thinking_config": "Pass thinking_level= or thinking_budget=, include_thoughts=.",
    "system_instruction": "Begin the messages with a SystemMessage.",
    "tools": _BIND_TOOLS,
    "tool_choice": _BIND_TOOLS,
    "response_format": "Pass it to a call, or use with_structured_output().",
    "use_responses_api": "Leave it out: requests use Gemini's format.",
    "client_options": _ADDRESSES,
    "client_args": _OWN_CLIENT,
    "transport": _OWN_CLIENT,
    "credentials": _TOKEN,
    "google_cloud_project": _NO_GOOGLE_PROJECT,
    "project": _NO_GOOGLE_PROJECT,
    "location": _NO_GOOGLE_PROJECT,
    "vertexai": _NO_GOOGLE_PROJECT,
    "convert_system_message_to_human": "Leave it out: Gemini has system instructions.",
    "cf_aig_token": "Pass gateway_token=.",
    "ai_gateway": "Pass gateway=, the gateway's name.",
    "aig_request_timeout": _GATEWAY.format("request_timeout") + " Use seconds.",
    "aig_retry_delay": _GATEWAY.format("retry_delay") + " Use seconds.",
    "aig_max_attempts": _GATEWAY.format("max_attempts"),
    "aig_backoff": _GATEWAY.format("backoff"),
    "aig_metadata": _GATEWAY.format("metadata"),
    "endpoint_format": "Pass endpoint=: 'auto', 'run' or 'gateway'.",
}
"""An argument that this package doesn't have, and the advice of its error message."""


def advice_for(name: str) -> str | None:
    """Return what to pass instead of an argument: the gateway's options have one."""
    return FOREIGN_ARGUMENTS.get(name) or (
        _GATEWAY.format(name) if name in RULES else None
    )
