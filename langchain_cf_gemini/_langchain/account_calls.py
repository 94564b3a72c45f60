"""Calls beside the model: feedback on a logged answer, the account's own catalogue."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from langchain_core.messages import AIMessage

from langchain_cf_gemini._cloudflare.catalogue import (
    MODELS,
    NO_CATALOGUE,
    CataloguePages,
    ModelInfo,
)
from langchain_cf_gemini._cloudflare.endpoints import Account, Request, api_request
from langchain_cf_gemini._cloudflare.gateway_headers import Scalar
from langchain_cf_gemini._cloudflare.log_feedback import feedback_request_parts
from langchain_cf_gemini.gateway import GatewayOptions

if TYPE_CHECKING:
    from langchain_cf_gemini._http.client import Transport


class AccountCalls:
    """What the chat model can ask of Cloudflare's API beside answers."""

    if TYPE_CHECKING:
        gateway: GatewayOptions

        def _account(self) -> Account: ...
        def _transport(self) -> "Transport": ...

    def send_feedback(
        self,
        message: AIMessage | str,
        *,
        score: float | None = None,
        feedback: Literal[-1, 0, 1] | None = None,
        metadata: Mapping[str, Scalar] | None = None,
        gateway: str | GatewayOptions | None = None,
    ) -> None:
        """Add feedback to the log entry of an answer.

        The API token needs the permission `AI Gateway Write`.

        Args:
            message: The answer, or its log id.
            score: How good it was, from 0 to 100.
            feedback: 1 for a thumb up, -1 for a thumb down, 0 for not evaluated.
            metadata: Further entries for the log, str, number or bool.
            gateway: The gateway that the call went through, if not this model's.

        Raises:
            ValueError: If the answer was not logged, or a value is out of its range.
            CloudflareGeminiError: If Cloudflare refuses it.
        """
        said = {"score": score, "feedback": feedback, "metadata": metadata}
        self._transport().call(self._feedback_request(message, gateway, said))

    async def asend_feedback(
        self,
        message: AIMessage | str,
        *,
        score: float | None = None,
        feedback: Literal[-1, 0, 1] | None = None,
        metadata: Mapping[str, Scalar] | None = None,
        gateway: str | GatewayOptions | None = None,
    ) -> None:
        """Add feedback to the log entry of an answer, as `send_feedback` does.

        Args:
            message: The answer, or its log id.
            score: How good it was, from 0 to 100.
            feedback: 1 for a thumb up, -1 for a thumb down, 0 for not evaluated.
            metadata: Further entries for the log, str, number or bool.
            gateway: The gateway that the call went through, if not this model's.

        Raises:
            ValueError: If the answer was not logged, or a value is out of its range.
            CloudflareGeminiError: If Cloudflare refuses it.
        """
        said = {"score": score, "feedback": feedback, "metadata": metadata}
        await self._transport().acall(self._feedback_request(message, gateway, said))

    def _feedback_request(
        self,
        message: AIMessage | str,
        gateway: str | GatewayOptions | None,
        said: dict[str, Any],
    ) -> Request:
        through = self.gateway if gateway is None else gateway
        path, body = feedback_request_parts(message, gateway=through, **said)
        return api_request(self._account(), "PATCH", path, body)

    def list_models(self) -> list[ModelInfo]:
        """List the Gemini text models that the account can ask for.

        The account's catalogue endpoint is known from third parties only. Where it is
        not there, not readable or holds no Gemini model, the packaged table is listed.

        Returns:
            One row for each model; `packaged` tells where a row comes from.

        Raises:
            CloudflareGeminiError: If Cloudflare does not answer or refuses the token.
        """
        pages = CataloguePages()
        try:
            while pages.path:
                request = api_request(self._account(), "GET", pages.path)
                pages.add(self._transport().call(request))
        except NO_CATALOGUE:
            return list(MODELS)
        return pages.models()

    async def alist_models(self) -> list[ModelInfo]:
        """List the Gemini text models that the account can ask for, as `list_models`.

        Returns:
            One row for each model; `packaged` tells where a row comes from.

        Raises:
            CloudflareGeminiError: If Cloudflare does not answer or refuses the token.
        """
        pages = CataloguePages()
        try:
            while pages.path:
                request = api_request(self._account(), "GET", pages.path)
                pages.add(await self._transport().acall(request))
        except NO_CATALOGUE:
            return list(MODELS)
        return pages.models()
