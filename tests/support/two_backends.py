"""Cloudflare before two services of Google's, each with signatures of its own."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

import httpx

from langchain_cf_gemini import ChatCloudflareGemini
from tests.support.models import Cloudflare, Json, answer, call, sse, text

DUMMY = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="
REFUSALS = {
    "gemini_api": "Corrupted thought signature.",
    "vertex_ai": "Invalid thought signature.",
}


def signature_of(backend: str, number: int) -> str:
    """A signature that one backend makes; 32 bytes and more, as all of them."""
    return b64encode(f"{backend}/{number}".ljust(32, "-").encode()).decode()


def maker_of(signature: str) -> str:
    """Who made a signature; the dummy is nobody's."""
    return b64decode(signature).decode().partition("/")[0]


class TwoBackends(Cloudflare):
    """Calls a tool for a number of steps, then says so; refuses what it did not sign.

    Attributes:
        asked: The backend of each request.
        refused: How many requests were refused.
    """

    def __init__(self, *, steps: int = 3, parallel: int = 1) -> None:
        super().__init__()
        self.steps = steps
        self.parallel = parallel
        self.asked: list[str] = []
        self.refused = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        on_gateway = request.url.host.startswith("gateway.")
        backend = "gemini_api" if on_gateway else "vertex_ai"
        self.asked.append(backend)
        contents = self.bodies[-1]["contents"]
        if (fault := self.fault(contents, backend)) is not None:
            self.refused += 1
            error = {"code": 400, "message": fault, "status": "INVALID_ARGUMENT"}
            return httpx.Response(400, json={"error": error})
        said = self.said(contents, backend)
        if "stream" in str(request.url):
            return sse(*said)
        parts = [
            p for event in said for p in event["candidates"][0]["content"]["parts"]
        ]
        return httpx.Response(200, json=answer(*parts))

    def fault(self, contents: list[Json], backend: str) -> str | None:
        """What Google would say against the signatures of a request."""
        for content in contents:
            for part in content["parts"]:
                signed = part.get("thoughtSignature")
                if signed and signed != DUMMY and maker_of(signed) != backend:
                    return REFUSALS[backend]
        for content in _current_turn(contents):
            calls = [p for p in content["parts"] if "functionCall" in p]
            if calls and "thoughtSignature" not in calls[0]:
                return "Function call is missing a thought_signature in functionCall"
        return None

    def said(self, contents: list[Json], backend: str) -> list[Json]:
        """The events of the next answer."""
        number = len(self.requests)
        signature = signature_of(backend, number)
        steps = [c for c in _current_turn(contents) if c["role"] == "model"]
        if len(steps) == self.steps:
            return [
                _event(text("Done"), number),
                _event(text("", signature), number, finish="STOP"),
            ]
        calls = [
            call("look", id=f"{number}-{n}", args={"n": n})
            for n in range(self.parallel)
        ]
        calls[0]["thoughtSignature"] = signature
        events = [_event(each, number) for each in calls]
        return [*events, _event(text(""), number, finish="STOP")]

    @property
    def signatures(self) -> list[str]:
        """The signatures in the last request."""
        parts = [p for content in self.contents for p in content["parts"]]
        return [p["thoughtSignature"] for p in parts if "thoughtSignature" in p]

    def model(self, **settings: Any) -> ChatCloudflareGemini:
        """A model that asks here, with a tool."""
        return super().model(**settings)


def _event(part: Json, number: int, finish: str | None = None) -> Json:
    made = answer(part, finish=finish)
    made["responseId"] = f"answer-{number}"
    return made


def _current_turn(contents: list[Json]) -> list[Json]:
    turn: list[Json] = []
    for content in reversed(contents):
        results = any("functionResponse" in part for part in content["parts"])
        if content["role"] == "user" and not results:
            break
        turn.insert(0, content)
    return json.loads(json.dumps(turn))  # type: ignore[no-any-return]
