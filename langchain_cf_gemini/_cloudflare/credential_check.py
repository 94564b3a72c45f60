"""What a model's credentials may do, found out with requests that no model answers.

Each service is asked for something that it would refuse for its content: a request
without contents, a log entry that is not there. Whoever may not ask at all is refused
before that. Nothing is generated, written or billed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from langchain_cf_gemini._cloudflare.account_calls import Ask
from langchain_cf_gemini._cloudflare.endpoints import (
    Account,
    api_request,
    gateway_request,
    run_request,
)
from langchain_cf_gemini._cloudflare.model_ids import google_id_from, model_id_from
from langchain_cf_gemini._cloudflare.routing import only_on_gateway
from langchain_cf_gemini._http.request import Request
from langchain_cf_gemini.exceptions import (
    CloudflareAuthenticationError,
    CloudflareGeminiError,
    CloudflareInvalidRequestError,
    CloudflareNotFoundError,
    CloudflarePermissionError,
)

Service = Literal["token", "run", "gateway", "log", "feedback"]
Outcome = Literal["ok", "refused", "unknown", "not used"]

# https://developers.cloudflare.com/fundamentals/api/reference/permissions/
_NEEDS: Final[Mapping[Service, str]] = {
    "token": "an active API token",
    "run": "Workers AI > Read",
    "gateway": "AI Gateway > Run",
    "log": "AI Gateway > Read",
    "feedback": "AI Gateway > Edit",
}
# Of no call, in the form that Cloudflare gives its ids.
_NO_LOG: Final = "00000000-0000-7000-8000-000000000000"
# Codes that refuse the caller although the status is that of a bad request.
_ABOUT_THE_CALLER: Final = frozenset({2001, 2008, 2040, 6003, 7003, 10000})
_UNLOGGED: Final = {"cf-aig-collect-log": "false"}
_NO_BODY: Final[Mapping[str, Any]] = {"contents": []}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCheck:
    """Whether one service lets the credentials in.

    Attributes:
        service: `token` (is it valid?), `run`, `gateway`, `log` (`read_log`) or
            `feedback` (`send_feedback`).
        outcome: `ok`, `refused`, `unknown` (it failed for another reason) or
            `not used` (the model has no credentials for it).
        needs: The permission, as Cloudflare's dashboard names it.
        error: What was answered instead.
    """

    service: Service
    outcome: Outcome
    needs: str
    error: CloudflareGeminiError | None = None


@dataclass(frozen=True, slots=True)
class CredentialReport:
    """What a model's credentials may do.

    Attributes:
        checks: One for each service.
    """

    checks: tuple[ServiceCheck, ...]

    @property
    def is_ok(self) -> bool:
        """Whether the model can invoke and stream."""
        return all(
            check.outcome in ("ok", "not used")
            for check in self.checks
            if check.service in ("run", "gateway")
        )

    def __str__(self) -> str:
        return "\n".join(
            f"{check.service:<9} {check.outcome:<9} {check.needs}"
            + (f": {check.error.message}" if check.error else "")
            for check in self.checks
        )


async def report(
    ask: Ask, account: Account, settings: Mapping[str, Any]
) -> CredentialReport:
    """Ask each service.

    Args:
        ask: Sends a request.
        account: The credentials.
        settings: The model's `gateway`, `model` and `google_model`.

    Returns:
        The report.
    """
    checks = []
    for service, requests in _requests(account, settings).items():
        outcome: Outcome = "not used"
        error: CloudflareGeminiError | None = None
        for request in requests:
            try:
                answer = await ask(request)
            except CloudflareGeminiError as failed:
                outcome, error = _outcome_from_error(failed), failed
            else:
                outcome = "ok" if service != "token" else _outcome_from_token(answer)
            if outcome == "ok":
                error = None
                break
        needs = _NEEDS[service]
        checks.append(
            ServiceCheck(service=service, outcome=outcome, needs=needs, error=error)
        )
    return CredentialReport(tuple(checks))


def _requests(
    account: Account, settings: Mapping[str, Any]
) -> dict[Service, list[Request]]:
    """The requests of each service, of which one good answer is enough."""
    model, gateway = settings["model"], settings["gateway"]
    google_id = google_id_from(model, settings.get("google_model"))
    name = gateway.gateway_id
    log = f"/ai-gateway/gateways/{name}/logs/{_NO_LOG}"
    headers = {**gateway.headers("gateway"), **_UNLOGGED}
    asked: dict[Service, list[Request]] = {service: [] for service in _NEEDS}
    asked["gateway"] = [
        gateway_request(account, google_id, _NO_BODY, gateway=name, headers=headers)
    ]
    if account.is_known and account.account_id:
        # A token of a user is none of the account's, and the reverse.
        owners = () if account.is_bound else (None, "/user")
        asked["token"] = [
            api_request(account, "GET", "/tokens/verify", service="token", owner=owner)
            for owner in owners
        ]
        asked["log"] = [api_request(account, "GET", log, service="log")]
        asked["feedback"] = [
            api_request(account, "PATCH", log, {"feedback": 0}, service="feedback")
        ]
    if only_on_gateway(account, gateway) is None:
        headers = {**gateway.headers("run"), **_UNLOGGED}
        asked["run"] = [
            run_request(
                account, f"google/{model_id_from(model)}", _NO_BODY, headers=headers
            )
        ]
    return asked


def _outcome_from_token(answer: Mapping[str, Any]) -> Outcome:
    result = answer.get("result")
    is_active = isinstance(result, Mapping) and result.get("status") == "active"
    return "ok" if is_active else "refused"


def _outcome_from_error(error: CloudflareGeminiError) -> Outcome:
    if isinstance(error, CloudflareAuthenticationError | CloudflarePermissionError):
        return "refused"
    if isinstance(error, CloudflareInvalidRequestError):
        return "refused" if error.code in _ABOUT_THE_CALLER else "ok"
    # There is no such log entry, as expected; or no such model, which is let in, too.
    return "ok" if isinstance(error, CloudflareNotFoundError) else "unknown"
