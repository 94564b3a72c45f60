"""A Python object in the place of a Worker's `env.AI`, with an HTTP client behind it.

It does with a call what workerd's binding does: options become headers, answers come
as they are where that is asked for, and errors are thrown otherwise.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from langchain_cf_gemini import ChatCloudflareGemini
from tests.support.models import ACCOUNT, TOKEN, Cloudflare

Json = dict[str, Any]

_HEADERS = {
    "id": "gateway-id",
    "skipCache": "skip-cache",
    "cacheTtl": "cache-ttl",
    "cacheKey": "cache-key",
    "metadata": "metadata",
    "collectLog": "collect-log",
    "eventId": "event-id",
    "requestTimeoutMs": "request-timeout",
    "maxAttempts": "max-attempts",
    "retryDelayMs": "retry-delay",
    "backoff": "backoff",
}


class JsError(Exception):
    """An error as the binding throws it, with JavaScript's two attributes."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name, self.message = name, message


@dataclass
class Response:
    """A Response of the fetch API, as far as it is used."""

    status: int
    headers: Mapping[str, str]
    body: AsyncIterator[bytes]


class Ai:
    """`env.AI`.

    Attributes:
        calls: The names of the calls, with what they were given.
        open: How many answers are under way.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        account_id: str = ACCOUNT,
        api_token: str = TOKEN,
        base_url: str = "https://api.cloudflare.com/client/v4",
        gateway_base_url: str = "https://gateway.ai.cloudflare.com/v1",
    ) -> None:
        self.client = client
        self.account = f"{base_url}/accounts/{account_id}"
        self.gateways = f"{gateway_base_url}/{account_id}"
        self.token = api_token
        self.calls: list[tuple[Any, ...]] = []
        self.open = 0
        # Kept, so that no search for garbage closes what its reader has left open.
        self._bodies: list[AsyncIterator[bytes]] = []

    async def run(self, model: str, inputs: Json, options: Json) -> Any:
        """Ask a model of the catalogue."""
        self.calls.append(("run", model, inputs, options))
        headers = {
            "authorization": f"Bearer {self.token}",
            **options.get("extraHeaders", {}),
            **_headers(options.get("gateway", {})),
        }
        body = {"model": model, "input": inputs}
        answer = await self.send("POST", f"{self.account}/ai/run", headers, body)
        if options.get("returnRawResponse"):
            return answer
        content = b"".join([part async for part in answer.body])
        if answer.status != 200:
            first = json.loads(content)["errors"][0]
            said = f"{first['code']}: {first['message']}"
            raise JsError("InferenceUpstreamError", said)
        return json.loads(content)

    def gateway(self, gateway_id: str) -> Gateway:
        """Return a gateway."""
        return Gateway(self, gateway_id)

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: Any
    ) -> Response:
        """Fetch."""
        sent = self.client.build_request(
            method, url, headers=dict(headers), json=body, timeout=None
        )
        self.open += 1
        answer = None
        try:
            answer = await self.client.send(sent, stream=True)
        finally:
            self.open -= answer is None
        body = self._body(answer)
        self._bodies.append(body)
        return Response(answer.status_code, answer.headers, body)

    async def _body(self, answer: httpx.Response) -> AsyncIterator[bytes]:
        try:
            async for part in answer.aiter_bytes():
                yield part
        finally:
            await answer.aclose()
            self.open -= 1


class Gateway:
    """`env.AI.gateway(id)`."""

    def __init__(self, ai: Ai, gateway_id: str) -> None:
        self.ai, self.id = ai, gateway_id

    async def run(self, entry: Json, options: Json) -> Response:
        """Ask a provider."""
        self.ai.calls.append(("gateway.run", self.id, entry, options))
        headers = {
            "cf-aig-authorization": f"Bearer {self.ai.token}",
            **_headers(options.get("gateway", {})),
            **options.get("extraHeaders", {}),
            **entry["headers"],
        }
        url = f"{self.ai.gateways}/{self.id}/{entry['provider']}/{entry['endpoint']}"
        return await self.ai.send("POST", url, headers, entry["query"])

    async def getLog(self, log_id: str) -> Any:  # noqa: N802
        """Return a log entry."""
        return await self._log("GET", log_id, None)

    async def patchLog(self, log_id: str, data: Json) -> None:  # noqa: N802
        """Add feedback to a log entry."""
        await self._log("PATCH", log_id, data)

    async def _log(self, method: str, log_id: str, data: Any) -> Any:
        self.ai.calls.append((method, self.id, log_id, data))
        url = f"{self.ai.account}/ai-gateway/gateways/{self.id}/logs/{log_id}"
        headers = {"authorization": f"Bearer {self.ai.token}"}
        answer = await self.ai.send(method, url, headers, data)
        content = json.loads(b"".join([part async for part in answer.body]))
        if answer.status == 200:
            return content["result"]
        names = {404: "AiGatewayLogNotFound"}
        name = names.get(answer.status, "AiGatewayInternalError")
        raise JsError(name, content["errors"][0]["message"])


def _headers(options: Mapping[str, Any]) -> dict[str, str]:
    flat = {**options, **options.get("retries", {})}
    return {
        f"cf-aig-{header}": value if isinstance(value, str) else json.dumps(value)
        for name, header in _HEADERS.items()
        if (value := flat.get(name)) is not None
    }


def bound(cloudflare: Cloudflare, **settings: Any) -> ChatCloudflareGemini:
    """A model whose binding asks this Cloudflare."""
    ai = Ai(httpx.AsyncClient(transport=httpx.MockTransport(cloudflare)))
    chosen = {"model": "gemini-3-flash", "binding": ai, "max_retries": 0}
    return ChatCloudflareGemini(**{**chosen, **settings})
