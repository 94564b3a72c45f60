"""What may take the gateway's place in a call, and what is remembered of it."""

import logging
from collections.abc import Hashable

from langchain_cf_gemini._cloudflare.endpoints import Account
from langchain_cf_gemini._cloudflare.routing import (
    GatewayMemory,
    credential_key,
    is_refusal,
    may_fall_back,
)
from langchain_cf_gemini._langchain.call import Call
from langchain_cf_gemini._langchain.tracing import warn_caller
from langchain_cf_gemini.exceptions import CloudflareGeminiError
from langchain_cf_gemini.gateway import Endpoint

_logger = logging.getLogger("langchain_cf_gemini")


class GatewayFallbackWarning(UserWarning):
    """The gateway refused; for a while its calls go through `run`, streams too."""


class Fallback:
    """The refusals of one call.

    Attributes:
        memory: What is known of the gateways that a model asks.
        is_known: Whether the gateway is known to refuse such calls.
    """

    def __init__(
        self, call: Call, account: Account, memory: GatewayMemory, seconds: float
    ) -> None:
        """Remember nothing of the call yet.

        Args:
            call: What is asked.
            account: As whom.
            memory: What is known of the gateways that a model asks.
            seconds: How long a refusal is remembered.
        """
        self._call, self._account = call, account
        self.memory, self._seconds = memory, seconds
        self._refusal: CloudflareGeminiError | None = None
        self.is_known = memory.is_refused(self._key)

    @property
    def _key(self) -> Hashable:
        credential = credential_key(self._account, "gateway")
        return (credential, self._call.gateway.gateway_id, self._call.google_id)

    def is_trusted(self, endpoint: Endpoint) -> bool:
        """Whether the call's credential was let in a moment ago."""
        return self.memory.is_trusted(credential_key(self._account, endpoint))

    def allows(self, error: CloudflareGeminiError, endpoint: Endpoint) -> bool:
        """Whether `run` may be asked after an endpoint's error; remembers that it is.

        A second refusal is told of the first.
        """
        if self._refusal is not None:
            error.add_note(f"Before that, the gateway refused: {self._refusal.message}")
            return False
        allowed = (
            endpoint == "gateway"
            and self._call.may_turn_to_run
            and may_fall_back(self._account, self._call.gateway)
            and is_refusal(error)
        )
        self._refusal = error if allowed else None
        return allowed

    def answered(self, endpoint: Endpoint) -> None:
        """Take note that an endpoint answered: only now is a refusal believed."""
        self.memory.worked(credential_key(self._account, endpoint))
        if endpoint == "gateway":
            self.memory.opened(self._key)
        elif self._refusal is not None:
            self._believe(self._refusal)

    def _believe(self, refusal: CloudflareGeminiError) -> None:
        """Remember a refusal, unless it was of a token that was let in lately."""
        gateway = self._call.gateway.gateway_id
        if refusal.is_retryable:
            _logger.warning(
                "AI Gateway %r refused a token that it takes at other times. This call "
                "used /ai/run: %s",
                gateway,
                refusal,
            )
        elif self.memory.refused(self._key, self._seconds):
            warn_caller(
                f"Streaming through AI Gateway {gateway!r} failed. For "
                f"{self._seconds:g} seconds, {self._call.model} uses /ai/run, which "
                "returns each response in one chunk. Fix the gateway's configuration, "
                f"or set endpoint='run' to hide this warning. Cause: {refusal}",
                GatewayFallbackWarning,
            )
