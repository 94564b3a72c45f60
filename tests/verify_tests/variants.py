"""The emulated service as it might also be: other outcomes that no source rules out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx2

from tests.support.process import default_trust

Change = Callable[[httpx2.Request, httpx2.Response], httpx2.Response]


class Changed(httpx2.BaseTransport):
    """A transport whose responses are changed on their way."""

    def __init__(self, change: Change) -> None:
        self._change = change
        self._below = httpx2.HTTPTransport(verify=default_trust())

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = self._below.handle_request(request)
        response.read()
        response.close()
        return self._change(request, response)

    def close(self) -> None:
        self._below.close()


def _json(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> httpx2.Response:
    return httpx2.Response(status, json=value, headers=dict(headers or {}))


def _is_run(request: httpx2.Request) -> bool:
    return request.url.path.endswith("/ai/run")


def _with_result(
    response: httpx2.Response, change: Callable[[Any], Any]
) -> httpx2.Response:
    """The response with its answer changed, whole or in each event."""
    kept = {n: v for n, v in response.headers.items() if n.startswith("cf-")}
    if "event-stream" in response.headers.get("content-type", ""):
        events = [
            f"data: {json.dumps(change(json.loads(line[5:])))}\r\n\r\n"
            for line in response.text.splitlines()
            if line.startswith("data:")
        ]
        kept["content-type"] = "text/event-stream"
        return httpx2.Response(200, headers=kept, text="".join(events))
    value = response.json()
    if isinstance(value, dict) and isinstance(value.get("result"), dict):
        return _json({**value, "result": change(value["result"])}, headers=kept)
    return _json(change(value), headers=kept)


def same(request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
    return response


def bare(request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
    """No envelope around the answers of `/ai/run`."""
    if not _is_run(request) or response.status_code != 200:
        return response
    return _json(response.json()["result"])


def streams_on_run(
    request: httpx2.Request, response: httpx2.Response
) -> httpx2.Response:
    """`/ai/run` streams where it is asked to."""
    if not (_is_run(request) and b'"stream":true' in request.content):
        return response
    parts = [{"text": "yes"}]
    candidate = {
        "content": {"role": "model", "parts": parts},
        "finishReason": "STOP",
    }
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 1, "totalTokenCount": 4}
    event = json.dumps({"candidates": [candidate], "usageMetadata": usage})
    headers = {"content-type": "text/event-stream"}
    return httpx2.Response(200, headers=headers, text=f"data: {event}\n\n")


def chat_completions(
    request: httpx2.Request, response: httpx2.Response
) -> httpx2.Response:
    """`/ai/run` answers in the other format of its schema."""
    if not _is_run(request) or response.status_code != 200:
        return response
    said = {"message": {"role": "assistant", "content": "yes"}, "index": 0}
    return _json({"object": "chat.completion", "choices": [said]})


def _parts_changed(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    def changed(result: Any) -> Any:
        for candidate in result.get("candidates", []) if _is_object(result) else []:
            content = candidate.get("content", {})
            content["parts"] = [change(part) for part in content.get("parts", [])]
        return result

    def apply(request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
        return (
            _with_result(response, changed) if response.status_code == 200 else response
        )

    return apply


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


unsigned = _parts_changed(
    lambda part: {k: v for k, v in part.items() if k != "thoughtSignature"}
)
with_ids = _parts_changed(
    lambda part: {
        k: {**v, "id": "call-1"} if k == "functionCall" else v for k, v in part.items()
    }
)
tools_ignored = _parts_changed(
    lambda part: {"text": "no"} if "functionCall" in part else part
)


def signatures_refused(
    request: httpx2.Request, response: httpx2.Response
) -> httpx2.Response:
    """A signature is refused by whom it came from."""
    if b"thoughtSignature" not in request.content:
        return response
    error = {"code": 400, "message": "Invalid value.", "status": "INVALID_ARGUMENT"}
    return _json({"error": error}, 400)


def stripped(request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
    """Nothing but the first candidate's text and three counts."""

    def change(result: Any) -> Any:
        if not _is_object(result) or "candidates" not in result:
            return result
        usage = result.get("usageMetadata", {})
        names = ("promptTokenCount", "candidatesTokenCount")
        kept = {name: usage.get(name, 1) for name in names}
        first = result["candidates"][0]
        parts = [{"text": "well"}]
        content = {"role": "model", "parts": parts}
        candidate = {"content": content, "finishReason": first.get("finishReason")}
        return {"candidates": [candidate], "usageMetadata": kept}

    if response.status_code != 200:
        return response
    return _with_result(response, change)


def no_gateway_headers(
    request: httpx2.Request, response: httpx2.Response
) -> httpx2.Response:
    """No header of the gateway reaches the caller."""
    headers = [
        (name, value)
        for name, value in response.headers.multi_items()
        if not name.startswith("cf-") and name != "content-length"
    ]
    return httpx2.Response(
        response.status_code, headers=headers, content=response.content
    )


def other_errors(request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
    """Every refusal is a 422 in a form that nobody documented."""
    if response.status_code < 400:
        return response
    return _json({"detail": [{"msg": "no"}]}, 422)


def everything_fails(
    request: httpx2.Request, response: httpx2.Response
) -> httpx2.Response:
    return httpx2.Response(422, text="<html>no</html>")


def everything_passes(
    request: httpx2.Request, response: httpx2.Response
) -> httpx2.Response:
    """Refusals become answers."""
    if response.status_code < 400:
        return response
    candidate = {
        "content": {"role": "model", "parts": [{"text": "yes"}]},
        "finishReason": "STOP",
    }
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 1, "totalTokenCount": 4}
    return _json({"candidates": [candidate], "usageMetadata": usage})


def no_credit(request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
    error = {"code": 2021, "message": "Insufficient credits"}
    return _json({"success": False, "errors": [error], "result": None}, 402)


def web_page(request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
    return httpx2.Response(
        200, headers={"content-type": "text/html"}, text="<html>hello</html>"
    )


CHANGES: list[Change] = [
    bare, streams_on_run, chat_completions, unsigned, with_ids,
    signatures_refused, tools_ignored, stripped, no_gateway_headers, other_errors,
    everything_fails, everything_passes,
    no_credit, web_page,
]  # fmt: skip
