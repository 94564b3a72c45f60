"""Whom an account lets in, what its policies forbid, and whose key pays.

Permissions: https://developers.cloudflare.com/fundamentals/api/reference/permissions/.
Policies and their refusals: .../ai-gateway/features/policies/. Keys:
.../ai-gateway/features/unified-billing/ and .../configuration/bring-your-own-keys/.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Annotated, Final, Literal

from pydantic import Field

from langchain_cf_gemini.emulator._checked import check
from langchain_cf_gemini.emulator._exchange import Exchange
from langchain_cf_gemini.emulator._google.models import NEWEST, Model
from langchain_cf_gemini.emulator._messages import Incoming
from langchain_cf_gemini.emulator._refusals import Refusal
from langchain_cf_gemini.emulator.faults import Fault

ACCOUNT_ID = "0123456789abcdef0123456789abcdef"
API_TOKEN = "emulator-token-not-a-secret"
GATEWAY = "default"
Names = Sequence[str] | Set[str]
Unscripted = Literal["invent", "fail", "fail_if_scripted"]

RUN: Final = "Workers AI Read"
GATEWAY_RUN: Final = "AI Gateway Run"
LOGS: Final = "AI Gateway Read"
FEEDBACK: Final = "AI Gateway Edit"
PERMISSIONS: Final = frozenset({RUN, GATEWAY_RUN, LOGS, FEEDBACK})


@dataclass(frozen=True, kw_only=True)
class AccountRules:
    """What an account is set up to.

    Attributes:
        tokens: Further tokens, each with its permissions by their names.
        authenticated: Whether the gateway asks for a token.
        stored_keys: Aliases of the Google keys that are stored for an endpoint: "run"
            (Vertex AI) or "gateway" (Google AI Studio).
        blocked: Models that a policy blocks, by either id.
        spend_cap: Dollars after which a policy refuses.
    """

    tokens: Mapping[str, Names] = field(default_factory=dict)
    authenticated: bool = True
    stored_keys: Mapping[str, Names] = field(default_factory=dict)
    blocked: Names = ()
    spend_cap: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None

    def __post_init__(self) -> None:
        """Refuse values of other types, and permissions that nobody knows."""
        check(AccountRules, vars(self))
        if unknown := self.stored_keys.keys() - {"run", "gateway"}:
            raise ValueError(
                f"stored_keys has the unknown endpoint {unknown.pop()!r}. Known: run, "
                "gateway."
            )
        named = {name for names in self.tokens.values() for name in names}
        if unknown := named - PERMISSIONS:
            known = ", ".join(sorted(PERMISSIONS))
            raise ValueError(f"Unknown permissions {sorted(unknown)}. Known: {known}.")

    def check_policies(self, name: str, exchanges: Iterable[Exchange]) -> None:
        """Refuse what a policy blocks, and what comes after its cap."""
        if name in self.blocked or name.removeprefix("google/") in self.blocked:
            raise _refusal(403, {"message": "Access denied by policy"}, "policy")
        if self.spend_cap is None:
            return
        spent = sum(exchange.cost or 0.0 for exchange in exchanges)
        if spent >= self.spend_cap:
            counts = {"bucket": "emulated", "spent": spent, "limit": self.spend_cap}
            error = {"message": "Spending limit exceeded", **counts}
            raise _refusal(429, error, "spend-cap")

    def key_source(self, incoming: Incoming, endpoint: str) -> str:
        """Whose key pays: that of the request, a stored one, or Cloudflare's."""
        if endpoint == "gateway" and "x-goog-api-key" in incoming.headers:
            return "Request"
        alias = incoming.headers.get("cf-aig-byok-alias", "default")
        stored = self.stored_keys.get(endpoint, ())
        # Behind /ai/run only the default key counts, whatever is asked for.
        if (alias if endpoint == "gateway" else "default") in stored:
            return "BYOK"
        if endpoint == "gateway" and alias != "default" and self.stored_keys:
            raise _refusal(400, [{"code": 2040, "message": "Unknown BYOK alias"}])
        if incoming.headers.get("cf-aig-no-wholesale") == "true":
            said = "No provider credentials for this request"
            raise _refusal(400, [{"code": 2005, "message": said}])
        return "Unified"


Chaos = Sequence[tuple[Annotated[float, Field(ge=0, le=1)], Fault]]
Above = Annotated[float, Field(gt=0)]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Who may ask, how strictly requests are judged, and who answers them.

    `models` are ids that Google or Cloudflare may name beside the known ones, each with
    the known one whose rules it follows; the other fields are the `Emulator`'s.
    """

    account_id: str = ACCOUNT_ID
    api_token: str = API_TOKEN
    gateway: str = GATEWAY
    strict: bool = True
    foreign_signatures: bool = False
    credit: bool = True
    unscripted: Unscripted = "invent"
    check_answers: bool = True
    models: Mapping[str, Model] = field(default_factory=dict)
    rules: AccountRules = field(default_factory=AccountRules)
    rate_limit: Above | tuple[Above, Above] | None = None
    chaos: Chaos = ()
    seed: int = 0
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        """Refuse what is not of its type."""
        check(Settings, vars(self))

    @property
    def gateways(self) -> tuple[str, str]:
        """The account's gateways."""
        return self.gateway, GATEWAY

    def lets_in(self, sent: str, permission: str = "") -> bool:
        """Whether a token has a permission; the account's own has all."""
        held = {self.api_token: PERMISSIONS, **self.rules.tokens}.get(sent)
        return held is not None and (not permission or permission in held)

    def model(self, name: str, known: Model | None) -> Model | None:
        """The model of an id: known, added, or unknown and taken for the newest."""
        google_id = name.removeprefix("google/")
        if known is None and (added := self.models.get(google_id)):
            known = replace(added, google_id=google_id)
        if known is None and not self.strict:
            known = replace(NEWEST, google_id=google_id)
        return known


def _refusal(code: int, error: object, rule: str = "key") -> Refusal:
    return Refusal(code, {"success": False, "error": error}, rule=rule)
