"""Exchanges without what belongs to an account: credentials, ids, names."""

import base64
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, quote_plus

from langchain_cf_gemini._verify.lab import Exchange

ACCOUNT_ID: Final = "0123456789abcdef0123456789abcdef"
# What a recording keeps of a request's headers, all else being the client's own affair.
_REQUEST_HEADERS: Final = frozenset({"content-type", "accept"})
# What it keeps of a response's headers; the values of the second row are replaced.
_KEPT: Final = re.compile(
    r"content-type|retry-after(-ms)?|ratelimit(-policy)?|cf-aig-[a-z-]+|cf-ray"
)
_IDS: Final = re.compile(r"cf-ray|cf-aig-(?:[a-z-]*-)?(?:id|metadata|key)")
_SAID: Final = re.compile(r"cf-aig-(?:cache-status|step|model|provider|event-id)")
# Shorter values are words that occur by themselves.
_SHORTEST: Final = 8
_REMOVED: Final = "removed"


class Scrubber:
    """Replaces an account's values wherever they stand.

    Args:
        secrets: Credentials; removed in every form that a body may hold them in.
        account_id: The account's id; a dummy takes its place.
        names: Further values that tell of the account, such as a gateway's name.
    """

    def __init__(
        self, secrets: Iterable[str], account_id: str, names: Iterable[str] = ()
    ) -> None:
        self._replaced: dict[bytes, bytes] = {}
        for secret in secrets:
            self._replace(secret, _REMOVED)
        self._replace(account_id, ACCOUNT_ID)
        for name in names:
            if len(name) >= _SHORTEST:
                self._replace(name, _REMOVED)

    def _replace(self, value: str, by: str) -> None:
        for form in _forms(value) if value else ():
            self._replaced.setdefault(form, by.encode())

    def learn(self, exchange: Exchange) -> None:
        """Remember the ids of a response's headers, which may recur in any body."""
        for name, value in exchange.headers.items():
            if _is_id(name) and len(value) >= _SHORTEST:
                self._replace(value, _REMOVED)

    def interaction(self, exchange: Exchange) -> dict[str, Any]:
        """Return the exchange as vcrpy's cassettes hold one."""
        return {
            "request": {
                "method": exchange.method,
                "uri": self.text(exchange.url),
                "body": self.text(exchange.request_body),
                "headers": self._headers(
                    exchange.request_headers, _REQUEST_HEADERS.__contains__
                ),
            },
            "response": {
                "status": {"code": exchange.status, "message": ""},
                "headers": self._headers(exchange.headers, _KEPT.fullmatch),
                "body": {"string": self.text(exchange.body)},
            },
        }

    def _headers(
        self, headers: Mapping[str, str], is_kept: Any
    ) -> dict[str, list[str]]:
        return {
            name: [_REMOVED if _is_id(name) else self.text(value)]
            for name, value in headers.items()
            if is_kept(name)
        }

    def text(self, value: str | bytes) -> str:
        """Return a text without the account's values."""
        data = value.encode() if isinstance(value, str) else value
        # The longest first, so that no value is cut by another that is part of it.
        for form in sorted(self._replaced, key=len, reverse=True):
            data = re.sub(re.escape(form), self._replaced[form], data, flags=re.I)
        return data.decode(errors="replace")


def _is_id(name: str) -> bool:
    return bool(_IDS.fullmatch(name)) and not _SAID.fullmatch(name)


def _forms(value: str) -> Iterator[bytes]:
    """The spellings of a value: plain, in JSON, in a URL, in base64, backwards."""
    yield value.encode()
    yield json.dumps(value)[1:-1].encode()
    yield quote(value, safe="").encode()
    yield quote_plus(value).encode()
    for start in range(3):
        # Base64 of a text that has the value in its middle: the characters that do
        # not depend on what stands around it.
        encoded = base64.b64encode(b"\0" * start + value.encode())
        first, last = (0, 2, 3)[start], len(encoded.rstrip(b"="))
        inner = encoded[first : last - (0 if (len(value) + start) % 3 == 0 else 1)]
        if len(inner) >= _SHORTEST:
            yield inner
