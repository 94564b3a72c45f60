"""How the tests ask the emulator: through sockets, or without any."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx

from langchain_cf_gemini.emulator import Emulator
from tests.support.emulated import (
    ACCOUNT_ID,
    API_TOKEN,
    Incoming,
    Outgoing,
    Service,
    Settings,
    answered,
)

FLASH_3 = "gemini-3-flash-preview"
STREAM = "streamGenerateContent?alt=sse"
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


def config(**settings: Any) -> dict[str, Any]:
    """A body that asks with this configuration."""
    return ask(generationConfig=settings)


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
        self.authorized = {"authorization": f"Bearer {emulator.api_token}"}
        self.gateway_headers = {"cf-aig-authorization": f"Bearer {emulator.api_token}"}

    def run(
        self,
        body: Any = HI,
        *,
        model: str = "google/gemini-3-flash",
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        return self.http.post(
            self.account_url("ai/run"),
            json={"model": model, "input": body},
            headers={**self.authorized, **(headers or {})},
        )

    def gateway(
        self,
        body: Any = HI,
        *,
        method: str = STREAM,
        model: str = FLASH_3,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        return self.http.post(
            self.gateway_url(method=method, model=model),
            json=body,
            headers={**self.gateway_headers, **(headers or {})},
        )

    def account_url(self, rest: str) -> str:
        return f"{self.emulator.base_url}/accounts/{self.emulator.account_id}/{rest}"

    def gateway_url(self, *, method: str = STREAM, model: str = FLASH_3) -> str:
        path = f"{self.emulator.account_id}/default/google-ai-studio/v1beta/models"
        return f"{self.emulator.gateway_base_url}/{path}/{model}:{method}"

    def result(self, body: Any = HI, **options: Any) -> Any:
        """What Google answers by way of `ai/run`, and all went well."""
        answer = self.run(body, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def parts(self, body: Any = HI, **options: Any) -> Any:
        """The parts of that answer."""
        return self.result(body, **options)["candidates"][0]["content"].get("parts")

    def text(self, body: Any = HI, **options: Any) -> str:
        """The text of its first part, or the arguments that it calls with."""
        part = self.parts(body, **options)[0]
        return str(part.get("text") or json.dumps(part["functionCall"]["args"]))

    def chunks(self, body: Any = HI, **options: Any) -> list[Any]:
        """What the gateway streams."""
        return chunks_from_sse(self.gateway(body, **options))

    def opened(self, **options: Any) -> AbstractContextManager[httpx.Response]:
        """A stream of the gateway, read by the caller."""
        url, headers = self.gateway_url(), self.gateway_headers
        return self.http.stream("POST", url, json=HI, headers=headers, **options)


# Who asks an emulator with settings of its own: `with emulating(...) as client`.
Emulating = Callable[..., AbstractContextManager[Client]]


def told(expected: Any, actual: Any) -> Any:
    """What came, without the keys of objects that nobody expects; None for none."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return {key: told(it, actual.get(key)) for key, it in expected.items()}
    if isinstance(expected, list) and isinstance(actual, list):
        both = zip(expected, actual, strict=False)
        return [told(*each) for each in both] + actual[len(expected) :]
    return actual


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
