"""Where probes work: requests through the client, each exchange kept as it was."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage

from langchain_cf_gemini._cloudflare.endpoints import (
    Account,
    gateway_request,
    run_request,
)
from langchain_cf_gemini._cloudflare.model_ids import google_id_from
from langchain_cf_gemini._http.request import Request
from langchain_cf_gemini.chat_models import ChatCloudflareGemini

_UNDECIDED = (401, 402, 403, 408, 409, 429)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request and its response, bodies inflated.

    Attributes:
        method: HTTP method.
        url: Absolute URL.
        request_headers: Lower-case names.
        request_body: The bytes that were sent.
        status: HTTP status of the response.
        headers: Lower-case names.
        body: The bytes that came.
    """

    method: str
    url: str
    request_headers: dict[str, str] = field(repr=False)
    request_body: bytes = field(repr=False)
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def values(self) -> list[Any]:
        """The JSON values of the body: itself, or one for each event."""
        text = self.body.decode(errors="replace")
        if "event-stream" in self.headers.get("content-type", ""):
            lines = text.splitlines()
            said = [ln.removeprefix("data:") for ln in lines if ln.startswith("data:")]
        else:
            said = [text]
        return [value for one in said if (value := _json_or_none(one)) is not None]

    @property
    def payloads(self) -> list[dict[str, Any]]:
        """Google's answers in it, whatever is wrapped around them."""
        return [found for value in self.values for found in _payloads(value)]


def _json_or_none(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _payloads(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict) and ("candidates" in value or "usageMetadata" in value):
        yield value
    elif isinstance(value, dict | list):
        inside = value.values() if isinstance(value, dict) else value
        for item in inside:
            yield from _payloads(item)


class Recorder(httpx2.BaseTransport):
    """Keeps every exchange of the transport below it."""

    def __init__(self, below: httpx2.BaseTransport) -> None:
        self._below = below
        self.exchanges: list[Exchange] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request, read the whole response, and keep both."""
        sent = request.read()
        response = self._below.handle_request(request)
        body = response.read()
        response.close()
        self.exchanges.append(
            Exchange(
                method=request.method,
                url=str(request.url),
                request_headers=dict(request.headers),
                request_body=sent,
                status=response.status_code,
                headers=dict(response.headers),
                body=body,
            )
        )
        headers = [
            (name, value)
            for name, value in response.headers.multi_items()
            if name not in ("content-encoding", "content-length", "transfer-encoding")
        ]
        return httpx2.Response(response.status_code, headers=headers, content=body)

    def close(self) -> None:
        """Close the transport below."""
        self._below.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one request of the client came to.

    Attributes:
        message: The message, None after an error.
        error: The error, None if there was a message.
        exchanges: What went over the wire for it, in order.
    """

    message: AIMessage | None
    error: Exception | None
    exchanges: list[Exchange]

    @property
    def last(self) -> Exchange | None:
        """The last exchange; None if nothing was sent."""
        return self.exchanges[-1] if self.exchanges else None

    @property
    def status(self) -> int:
        """HTTP status of the last exchange; 0 without one."""
        return self.last.status if self.last else 0

    @property
    def payloads(self) -> list[dict[str, Any]]:
        """Google's answers in the last exchange."""
        return self.last.payloads if self.last else []

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The parts of the first candidate, over all payloads."""
        found: list[dict[str, Any]] = []
        for payload in self.payloads:
            for candidate in payload.get("candidates", [])[:1]:
                found += candidate.get("content", {}).get("parts", [])
        return found

    @property
    def usage(self) -> dict[str, Any]:
        """The last usage that came."""
        told = [payload.get("usageMetadata") for payload in self.payloads]
        return next((usage for usage in reversed(told) if usage), {})

    @property
    def is_undecided(self) -> bool:
        """Whether the account, not the API, kept the answer away."""
        return self.status in _UNDECIDED or self.status >= 500 or self.status == 0


class Lab:
    """Sends requests of one model through the client.

    Args:
        model: The model to ask.
        settings: Further arguments of every model, credentials among them.
        transport: What sends; every exchange on it is kept.
    """

    def __init__(
        self, model: str, settings: dict[str, Any], transport: httpx2.BaseTransport
    ) -> None:
        self.model_name = model
        self.recorder = Recorder(transport)
        self._settings = {"max_retries": 1, "timeout": 120.0, **settings}
        self._settings["http_client"] = httpx2.Client(transport=self.recorder)
        self.account = _account(self.model())

    def close(self) -> None:
        """Close the connections."""
        self._settings["http_client"].close()

    def model(self, **settings: Any) -> ChatCloudflareGemini:
        """Return the model with further settings."""
        return ChatCloudflareGemini(
            **{"model": self.model_name, **self._settings, **settings}
        )

    def ask(
        self,
        endpoint: str,
        said: LanguageModelInput,
        *,
        stream: bool = False,
        tools: list[Any] | None = None,
        **settings: Any,
    ) -> Reply:
        """Ask the model through one endpoint; errors are part of the reply."""
        of_call = {k: settings.pop(k) for k in ("gateway",) if k in settings}
        model: Any = self.model(endpoint=endpoint, **settings)
        if tools:
            model = model.bind_tools(tools)
        # Some options of the gateway are a call's alone.
        model = model.bind(**of_call) if of_call else model
        start = len(self.recorder.exchanges)
        message, error = None, None
        try:
            message = _folded(model, said) if stream else model.invoke(said)
        except Exception as raised:  # an untyped one is a finding
            error = raised
        exchanges = self.recorder.exchanges[start:]
        return Reply(message=message, error=error, exchanges=exchanges)

    def raw(self, endpoint: str, body: dict[str, Any]) -> Reply:
        """Send a body as it is, without the client's checks."""
        if endpoint == "run":
            name = f"google/{self.model_name.rpartition('/')[2]}"
            request = run_request(self.account, name, body)
        else:
            google_id = google_id_from(self.model_name, None)
            request = gateway_request(self.account, google_id, body)
        return self._sent(request)

    def _sent(self, request: Request) -> Reply:
        start = len(self.recorder.exchanges)
        error: Exception | None = None
        try:
            self._settings["http_client"].request(
                request.method, request.url, headers=request.headers,
                content=request.body,
            )  # fmt: skip
        except httpx2.HTTPError as raised:
            error = raised
        exchanges = self.recorder.exchanges[start:]
        return Reply(message=None, error=error, exchanges=exchanges)


def _folded(model: Any, said: LanguageModelInput) -> AIMessage:
    whole = None
    for chunk in model.stream(said):
        whole = chunk if whole is None else whole + chunk
    if whole is None:
        raise RuntimeError("the stream had no chunk")
    message: AIMessage = whole
    return message


def _account(model: ChatCloudflareGemini) -> Account:
    return model._account
