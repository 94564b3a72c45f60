"""What was pasted into the wrong place, and what belongs there.

Credentials look like https://developers.cloudflare.com/fundamentals/api/get-started/
token-formats/ says, older ones are 40 characters long, and the Global API Key 37. No
message shows the value: it may be a credential.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

_API, _GATEWAY = "api.cloudflare.com", "gateway.ai.cloudflare.com"
_TOKEN_ADVICE: Final = "create an API token in the dashboard (My Profile > API Tokens)"
_ID_ADVICE: Final = (
    "it is the 32 hexadecimal digits in the dashboard's address, "
    "https://dash.cloudflare.com/<account_id>"
)
_BARE: Final = "pass the value without {}"

# A pattern of what does not belong there, and what it is. The first that fits tells.
_Mistakes = tuple[tuple[str, str], ...]
_ANY_CREDENTIAL: Final[_Mistakes] = (
    (r"(?i)(bearer|basic)\s.*", _BARE.format("'Bearer '")),
    (r"""(["'`]).*\1""", _BARE.format("quotation marks")),
    (
        r"<.*>|\$\{?[A-Z_]+\}?|\{\{?.*\}\}?|(?i:your[ _-].*|\*+|\.\.\.)",
        "it is a placeholder, not a value",
    ),
    (r"(?i)https?://.*", "it is an address"),
    (r"(export\s+)?[A-Z][A-Z0-9_]*\s*=.*", _BARE.format("the variable's name")),
    (r".*\S\s+\S.*", "it has a blank or a line break inside"),
    (r"sk-.*", "it is a key of another provider's"),
)
_TOKEN: Final[_Mistakes] = (
    *_ANY_CREDENTIAL,
    (
        r"cfk_.*|[0-9a-f]{37}",
        "it is a Global API Key. These services require an API token: " + _TOKEN_ADVICE,
    ),
    (r"[0-9a-fA-F]{32}", "it looks like an account ID; " + _TOKEN_ADVICE),
    (r"(AIza|AQ\.).*", "it is a Google API key. Pass it as google_api_key"),
)
_MISTAKES: Final[Mapping[str, _Mistakes]] = {
    "account_id": (
        (
            r"cf(ut|at|k)_.*|[\w-]{40}|[0-9a-f]{37}|(?i:bearer\s.*)",
            "it is a token or a key, but the account ID is needed; " + _ID_ADVICE,
        ),
        (r".*@.*", "it is an e-mail address; " + _ID_ADVICE),
        (r"(?i)https?://.*|.*/.*", "it is an address; " + _ID_ADVICE),
        *_ANY_CREDENTIAL,
    ),
    "api_token": _TOKEN,
    "gateway_token": _TOKEN,
    "google_api_key": (
        *_ANY_CREDENTIAL,
        (r"cf(ut|at|k)_.*", "it is a token of Cloudflare's, and would go to Google"),
    ),
}


def refuse_pasted(**values: str | None) -> None:
    """Refuse ids and credentials that are something else.

    Args:
        **values: `account_id`, `api_token`, `gateway_token`, `google_api_key`; None
            and "" are not looked at.

    Raises:
        ValueError: With the name of the argument and what is wrong with its value.
    """
    for name, value in values.items():
        for pattern, said in _MISTAKES[name] if value else ():
            if re.fullmatch(pattern, value or "", re.S):
                raise ValueError(f"{name} has the wrong value: {said}.")


def refuse_pasted_addresses(base_url: str, gateway_base_url: str) -> None:
    """Refuse base addresses that are longer than their root, or each other's.

    Raises:
        ValueError: With the address to write instead.
    """
    api, gateway = urlsplit(base_url), urlsplit(gateway_base_url)
    api_path, gateway_path = api.path.rstrip("/"), gateway.path.rstrip("/")
    if api.hostname == _GATEWAY or re.search(r"/google-ai-studio|/compat", api_path):
        raise _address(
            "base_url",
            base_url,
            "it is the gateway's address. Pass it as gateway_base_url",
        )
    if re.search(r"/accounts(/|$)|/ai(/|$)", api_path) or (
        api.hostname == _API and api_path != "/client/v4"
    ):
        said = "pass only https://api.cloudflare.com"
        raise _address("base_url", base_url, f"{said}/client/v4")
    if gateway.hostname == _API:
        raise _address(
            "gateway_base_url",
            gateway_base_url,
            "it is the API's address. Pass it as base_url",
        )
    if gateway.hostname == _GATEWAY and gateway_path != "/v1":
        said = (
            "pass only https://gateway.ai.cloudflare.com/v1, account_id= and gateway="
        )
        raise _address("gateway_base_url", gateway_base_url, said)
    if re.search(r"/google-ai-studio/.|/models(/|$)|/compat(/|$)", gateway_path):
        said = "the address of a custom domain must end with /google-ai-studio"
        raise _address("gateway_base_url", gateway_base_url, said)
    if (gateway.hostname or "").endswith("googleapis.com"):
        said = "it is Google's address; this class sends requests through Cloudflare"
        raise _address("gateway_base_url", gateway_base_url, said)


def _address(name: str, value: str, said: str) -> ValueError:
    # Without a user name or a query, which may be a credential.
    parts = urlsplit(value)
    shown = f"{parts.scheme}://{parts.hostname}{parts.path}"
    return ValueError(f"{name}={shown!r} isn't valid: {said}.")
