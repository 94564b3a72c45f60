"""How the tests ask the emulator: through sockets, or without any."""

import json
from typing import Any

import httpx

from langchain_cf_gemini.emulator import Emulator
from tests.support.emulated import (
    ACCOUNT_ID,
    API_TOKEN,
    CATALOGUE,
    Incoming,
    Journal,
    Outgoing,
    Service,
    Settings,
    answered,
    packaged,
)

# What the tests take from behind the emulator's doors, they take from here.
__all__ = [
    "ACCOUNT_ID",
    "API_TOKEN",
    "CATALOGUE",
    "FLASH_3",
    "HI",
    "SKIP",
    "Client",
    "Clock",
    "Incoming",
    "Journal",
    "Judge",
    "Outgoing",
    "Service",
    "Settings",
    "answered",
    "ask",
    "call_part",
    "chunks_from_sse",
    "function",
    "media",
    "message_of",
    "model",
    "packaged",
    "response_part",
    "user",
]

FLASH_3 = "gemini-3-flash-preview"
SKIP = "skip_thought_signature_validator"


def user(*parts: Any) -> dict[str, Any]:
    """A user content; strings are text parts."""
    return {"role": "user", "parts": [_part(part) for part in parts]}


def model(*parts: Any) -> dict[str, Any]:
    """A model content; strings are text parts."""
    return {"role": "model", "parts": [_part(part) for part in parts]}


def _part(part: Any) -> dict[str, Any]:
    return {"text": part} if isinstance(part, str) else dict(part)


HI: dict[str, Any] = {"contents": [user("Hi")]}


def ask(*contents: Any, **rest: Any) -> dict[str, Any]:
    """A body with these contents, or with "Hi"; strings are what the user says."""
    said = [user(each) if isinstance(each, str) else each for each in contents]
    return {**HI, **({"contents": said} if said else {}), **rest}


def call_part(name: str, args: Any = None, **beside: Any) -> dict[str, Any]:
    """A function call, and what stands beside it in its part."""
    return {"functionCall": {"name": name, "args": args or {}}, **beside}


def response_part(name: str, response: Any = None, **beside: Any) -> dict[str, Any]:
    """A function's response, and what stands beside it."""
    said = {"name": name, "response": response or {}, **beside}
    return {"functionResponse": said}


def media(kind: str = "image/png", data: str = "AAAA", **beside: Any) -> dict[str, Any]:
    """Inline data, and what stands beside it in its part."""
    return {"inlineData": {"mimeType": kind, "data": data}, **beside}


def function(name: str, **properties: Any) -> dict[str, Any]:
    """A function declaration with required properties of these schemas."""
    schema = {
        "type": "OBJECT",
        "properties": properties,
        "required": list(properties),
    }
    declared: dict[str, Any] = {"name": name}
    return {**declared, "parameters": schema} if properties else declared


class Client:
    """Asks a running emulator through its three doors."""

    def __init__(self, emulator: Emulator, http: httpx.Client) -> None:
        self.emulator = emulator
        self.http = http

    def run(
        self,
        body: Any,
        *,
        model: str = "google/gemini-3-flash",
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        token = {"authorization": f"Bearer {self.emulator.api_token}"}
        return self.http.post(
            f"{self.emulator.base_url}/accounts/{self.emulator.account_id}/ai/run",
            json={"model": model, "input": body},
            headers={**token, **(headers or {})},
        )

    def gateway(
        self,
        body: Any,
        *,
        method: str = "streamGenerateContent?alt=sse",
        model: str = FLASH_3,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        return self.http.post(
            self.gateway_url(method=method, model=model),
            json=body,
            headers={**self.gateway_headers, **(headers or {})},
        )

    @property
    def gateway_headers(self) -> dict[str, str]:
        return {"cf-aig-authorization": f"Bearer {self.emulator.api_token}"}

    def gateway_url(self, *, method: str, model: str = FLASH_3) -> str:
        path = f"{self.emulator.account_id}/default/google-ai-studio/v1beta/models"
        return f"{self.emulator.gateway_base_url}/{path}/{model}:{method}"


def chunks_from_sse(response: httpx.Response) -> list[Any]:
    """The chunks of a stream as Vertex frames it."""
    frames = response.content.removesuffix(b"\r\n\r\n").split(b"\r\n\r\n")
    return [json.loads(frame.removeprefix(b"data: ")) for frame in frames]


class Clock:
    """Seconds that pass when told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Judge:
    """A service without sockets, asked through either backend's door."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.service = Service(settings or Settings())

    def ask(self, body: Any, *, model: str) -> Outgoing:
        """Through the door of the backend that knows a model by this id."""
        backend = self.vertex if model.startswith("google/") else self.gemini_api
        return backend(body, model=model)

    def vertex(self, body: Any, *, model: str = "google/gemini-3-flash") -> Outgoing:
        incoming = Incoming(
            method="POST",
            path=f"/client/v4/accounts/{ACCOUNT_ID}/ai/run",
            headers={"authorization": f"Bearer {API_TOKEN}"},
            body=json.dumps({"model": model, "input": body}).encode(),
        )
        return answered(self.service, incoming)[1]

    def gemini_api(
        self, body: Any, *, model: str = FLASH_3, stream: bool = False
    ) -> Outgoing:
        method = "streamGenerateContent" if stream else "generateContent"
        incoming = Incoming(
            method="POST",
            path=f"/v1beta/models/{model}:{method}",
            headers={"x-goog-api-key": API_TOKEN},
            body=json.dumps(body).encode(),
        )
        return answered(self.service, incoming)[1]


def message_of(outgoing: Outgoing) -> str:
    """The message of Google's error, or "" for an answer."""
    body = json.loads(outgoing.body)
    message: str = body.get("error", {}).get("message", "")
    return message
