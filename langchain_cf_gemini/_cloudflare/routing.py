"""Which endpoint a call may take, and what may take its place.

Both endpoints carry the same body, but not the same credentials: `/ai/run` takes the
API token, the gateway takes a token of its own and a key of Google's, sent or stored
(https://developers.cloudflare.com/ai-gateway/features/unified-billing/). So a call that
is sent elsewhere may be paid by somebody else. Nothing here crosses a credential, a
bill, a policy or a gateway that the caller did not name.
"""

import time
from collections.abc import Callable, Hashable, Mapping
from hashlib import blake2b
from typing import Any, Final, TypeVar

from langchain_cf_gemini._cloudflare.endpoints import Account
from langchain_cf_gemini._http.request import Request
from langchain_cf_gemini.exceptions import CloudflareGeminiError
from langchain_cf_gemini.gateway import Endpoint, GatewayOptions

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")

# No such gateway, no such path: nothing that a credential would change.
_NOT_THERE: Final = frozenset({2001, 2008})
# Of a token; a 403 without one of them may be a policy's, whatever its words.
_NOT_LET_IN: Final = frozenset({2009, 9106, 9109, 10000, 10001})
_STATUSES: Final = frozenset({401, 402, 404})
# Words of refusals that are somebody's will, or about a key behind the gateway.
_WILL: Final = ("policy", "spend", "budget", "guardrail", "provider", "api key")
_MOST_KEYS: Final = 1024
# How long a token that was let in is trusted: sudden refusals last some seconds.
_TRUSTED_SECONDS: Final = 600.0


def only_on_gateway(account: Account, gateway: GatewayOptions) -> str | None:
    """Name what a call has that `/ai/run` cannot use, or lacks that it needs.

    Args:
        account: As whom to ask.
        gateway: The gateway's options for the call.

    Returns:
        None if both endpoints can serve the call.
    """
    alias = gateway.byok_alias
    found = {
        "google_api_key": bool(account.google_api_key),
        # On /ai/run Cloudflare reads only the key stored as "default".
        "byok_alias": isinstance(alias, str) and alias != "default",
        "a custom domain as gateway_base_url": account.has_custom_domain,
        "a call without an API token": not account.is_known,
        "a call without an account_id": not account.account_id,
    }
    return next((reason for reason, is_so in found.items() if is_so), None)


def refuse_run(account: Account, gateway: GatewayOptions) -> None:
    """Refuse to ask `/ai/run` where it would ignore what the caller gave.

    Raises:
        ValueError: With what works on the gateway only.
    """
    if reason := only_on_gateway(account, gateway):
        raise ValueError(
            f"endpoint='run' doesn't support {reason}. Use endpoint='gateway' or "
            "'auto'."
        )


def may_fall_back(account: Account, gateway: GatewayOptions) -> bool:
    """Whether a refusal of the gateway may be answered by `/ai/run`.

    Only if both take the same token, and nothing says that a key of the caller's own,
    which `/ai/run` would not use, has to pay.
    """
    has_one_token = account.gateway_token in (None, account.api_token)
    return (
        has_one_token
        and gateway.no_wholesale is not True
        and only_on_gateway(account, gateway) is None
    )


def is_refusal(error: CloudflareGeminiError) -> bool:
    """Whether the gateway refused for a reason of its own set-up.

    Google's errors behind it are none, nor is what a policy, a guardrail or a limit
    forbids: nobody wants those prompts sent another way.
    """
    if error.origin == "provider":
        return False
    if error.code in _NOT_THERE:
        return True
    text = f"{error.details.get('message')} {error.body}".lower()
    if any(word in text for word in _WILL):
        return False
    return error.code in _NOT_LET_IN or error.status_code in _STATUSES


def credential_key(account: Account, endpoint: Endpoint) -> Hashable:
    """What tells one credential at one service from others; holds none of them."""
    if endpoint == "run":
        return ("run", account.base_url, account.account_id, hash(account.api_token))
    headers = tuple(account.gateway_headers().values())
    return ("gateway", account.gateway_base_url, account.account_id, hash(headers))


class GatewayMemory:
    """What gateways refused, whom they let in and what they answered badly lately.

    A model shares it with its copies.

    Every two are equal: what was remembered is no part of what a model is.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Remember nothing.

        Args:
            clock: Seconds that only go forward.
        """
        self._clock = clock
        self._refused_until: dict[Hashable, float] = {}
        self._worked_at: dict[Hashable, float] = {}
        self._asked: dict[Hashable, bytes] = {}
        self._bad: dict[bytes, bool] = {}

    def is_refused(self, key: Hashable) -> bool:
        """Whether a refusal is still remembered."""
        return self._clock() < self._refused_until.get(key, 0)

    def refused(self, key: Hashable, seconds: float) -> bool:
        """Remember a refusal for so many seconds.

        Returns:
            Whether it is news.
        """
        is_new = key not in self._refused_until
        _put(self._refused_until, key, self._clock() + seconds)
        return is_new

    def opened(self, key: Hashable) -> None:
        """Forget a refusal: the gateway streams again."""
        self._refused_until.pop(key, None)

    def worked(self, credential: Hashable) -> None:
        """Remember that a credential was let in."""
        _put(self._worked_at, credential, self._clock())

    def is_trusted(self, credential: Hashable) -> bool:
        """Whether a credential was let in during the last ten minutes."""
        worked_at = self._worked_at.get(credential)
        return worked_at is not None and self._clock() - worked_at < _TRUSTED_SECONDS

    def asked(self, metadata: Mapping[str, Any], request: Request) -> None:
        """Remember which request an answer is of, should its reader find it bad.

        Args:
            metadata: The answer's `response_metadata`.
            request: What was asked.
        """
        _put(self._asked, _answer_key(metadata), _digest(request))

    def found_bad(self, metadata: Mapping[str, Any]) -> None:
        """Remember that an answer was not what was asked for.

        The gateway may have it in its cache, whence it would come for every repetition.
        """
        if (request := self._asked.get(_answer_key(metadata))) is not None:
            _put(self._bad, request, True)

    def skips_cache(self, request: Request) -> bool:
        """Whether the same request was answered badly before."""
        return bool(self._bad) and _digest(request) in self._bad

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GatewayMemory)

    def __hash__(self) -> int:
        return hash(GatewayMemory)

    def __deepcopy__(self, memo: object) -> "GatewayMemory":
        return self

    def __reduce__(self) -> tuple[type["GatewayMemory"], tuple[()]]:
        return GatewayMemory, ()


def _answer_key(metadata: Mapping[str, Any]) -> Hashable:
    gateway = metadata.get("gateway") or {}
    return (metadata.get("id"), gateway.get("log_id"), gateway.get("ray_id"))


def _digest(request: Request) -> bytes:
    return blake2b(b"\0".join((request.url.encode(), *request.pieces))).digest()


def _put(remembered: dict[_Key, _Value], key: _Key, value: _Value) -> None:
    if len(remembered) >= _MOST_KEYS:
        remembered.clear()
    remembered[key] = value
