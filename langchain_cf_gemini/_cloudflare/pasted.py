"""What was pasted into the wrong place, and what belongs there.

Credentials look like https://developers.cloudflare.com/fundamentals/api/get-started/
token-formats/ says, older ones are 40 characters long, and the Global API Key 37. No
message shows the value: it may be a credential.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

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
        r"<.*>|\$(env:)?\{?[A-Z_]+\}?|%[A-Z_]+%|\$?\{\{?.*\}\}?|(CLOUDFLARE|CF)_[A-Z_]+"
        r"|(?i:your[ _-].*|\*+|\.\.\.|x{8,}|none|null|undefined|changeme)",
        "it is a placeholder, not a value",
    ),
    (r"(?i)[a-z]+://.*", "it is an address"),
    (r"(export\s+)?[A-Z][A-Z0-9_]*\s*=.*", _BARE.format("the variable's name")),
    (r".*\S\s+\S.*", "it has a blank or a line break inside"),
    (r"\s.*|.*\s", "it has a blank or a line break at its start or end"),
    (
        r"(sk-|xai-|gsk_|hf_|ya29\.|AKIA).*",
        "it is a key of another provider's",
    ),
)
_TOKEN: Final[_Mistakes] = (
    *_ANY_CREDENTIAL,
    (
        r"cfk_.*|[0-9a-f]{37}",
        "it is a Global API Key. These services require an API token: " + _TOKEN_ADVICE,
    ),
    (r"[0-9a-fA-F]{32}", "it looks like an account ID; " + _TOKEN_ADVICE),
    (r"(AIza|AQ\.).*", "it is a Google API key. Pass it as google_api_key="),
)
_OTHERS: Final[_Mistakes] = (
    (
        r"[^/]*googleapis\.com(/.*)?",
        "it is Google's address; this class sends requests through Cloudflare",
    ),
    (r"dash\.cloudflare\.com(/.*)?", "it is the dashboard's address"),
)
_MISTAKES: Final[Mapping[str, _Mistakes]] = {
    "account_id": (
        (
            r"\W*(cf(ut|at|k)_.*|[\w-]{40}|[0-9a-f]{37})\W*|(?i:bearer\s.*)",
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
    # Of an address, its host and path are looked at.
    "base_url": (
        (
            r"gateway\.ai\.cloudflare\.com(/.*)?|.*/(google-ai-studio|compat).*",
            "it is the gateway's address. Pass it as gateway_base_url=",
        ),
        (
            r".*/(accounts|ai)(/.*)?|api\.cloudflare\.com(?!/client/v4\Z)(/.*)?",
            "pass only https://api.cloudflare.com/client/v4",
        ),
        *_OTHERS,
    ),
    "gateway_base_url": (
        (
            r"api\.cloudflare\.com(/.*)?",
            "it is the API's address. Pass it as base_url=",
        ),
        (
            r"gateway\.ai\.cloudflare\.com(?!/v1\Z)(/.*)?",
            "pass only https://gateway.ai.cloudflare.com/v1, account_id= and gateway=",
        ),
        (
            r".*/google-ai-studio/.+|.*/(models|compat)(/.*)?",
            "the address of a custom domain must end with /google-ai-studio",
        ),
        *_OTHERS,
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
        if value and (said := _mistake(name, value)):
            raise ValueError(f"{name} has the wrong value: {said}.")


def refuse_pasted_addresses(**values: str) -> None:
    """Refuse base addresses that are longer than their root, or each other's.

    Args:
        **values: `base_url`, `gateway_base_url`.

    Raises:
        ValueError: With the address to write instead.
    """
    for name, value in values.items():
        try:
            parts = urlsplit(value)
        except ValueError:
            continue  # which is told where addresses are checked
        if not parts.scheme or not parts.hostname:
            continue
        if said := _mistake(name, f"{parts.hostname or ''}{parts.path.rstrip('/')}"):
            # Without a user name or a query, which may be a credential.
            shown = f"{parts.scheme}://{parts.hostname}{parts.path}"
            raise ValueError(f"{name}={shown!r} isn't valid: {said}.")


def _mistake(name: str, text: str) -> str | None:
    rows = _MISTAKES[name]
    return next((said for of, said in rows if re.fullmatch(of, text, re.S)), None)
