"""The emulated service as it might also be: other outcomes that no source rules out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2

from tests.support.process import default_trust

Asked = httpx2.Request
Said = httpx2.Response
Change = Callable[[Asked, Said], Said]
_CANDIDATE = {
    "content": {"role": "model", "parts": [{"text": "yes"}]},
    "finishReason": "STOP",
}
_USAGE = {"promptTokenCount": 3, "candidatesTokenCount": 1, "totalTokenCount": 4}
_YES = {"candidates": [_CANDIDATE], "usageMetadata": _USAGE}


class Changed(httpx2.BaseTransport):
    """A transport whose responses are changed on their way."""

    def __init__(self, change: Change) -> None:
        self._change = change
        self._below = httpx2.HTTPTransport(verify=default_trust())

    def handle_request(self, request: Asked) -> Said:
        response = self._below.handle_request(request)
        response.read()
        response.close()
        return self._change(request, response)

    def close(self) -> None:
        self._below.close()


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Said:
    return Said(status, json=value, headers=headers)


def _is_run(request: Asked) -> bool:
    return request.url.path.endswith("/ai/run")


def _with_result(response: Said, change: Callable[[Any], Any]) -> Said:
    """The response with its answer changed, whole or in each event."""
    kept = {n: v for n, v in response.headers.items() if n.startswith("cf-")}
    if "event-stream" in response.headers.get("content-type", ""):
        events = [
            f"data: {json.dumps(change(json.loads(line[5:])))}\r\n\r\n"
            for line in response.text.splitlines()
            if line.startswith("data:")
        ]
        kept["content-type"] = "text/event-stream"
        return Said(200, headers=kept, text="".join(events))
    value = response.json()
    if isinstance(value, dict) and isinstance(value.get("result"), dict):
        return _json({**value, "result": change(value["result"])}, headers=kept)
    return _json(change(value), headers=kept)


def same(request: Asked, response: Said) -> Said:
    return response


def bare(request: Asked, response: Said) -> Said:
    """No envelope around the answers of `/ai/run`."""
    if not _is_run(request) or response.status_code != 200:
        return response
    return _json(response.json()["result"])


def streams_on_run(request: Asked, response: Said) -> Said:
    """`/ai/run` streams where it is asked to."""
    if not (_is_run(request) and b'"stream":true' in request.content):
        return response
    headers = {"content-type": "text/event-stream"}
    return Said(200, headers=headers, text=f"data: {json.dumps(_YES)}\n\n")


def chat_completions(request: Asked, response: Said) -> Said:
    """`/ai/run` answers in the other format of its schema."""
    if not _is_run(request) or response.status_code != 200:
        return response
    said = {"message": {"role": "assistant", "content": "yes"}, "index": 0}
    return _json({"object": "chat.completion", "choices": [said]})


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _parts_changed(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    def changed(result: Any) -> Any:
        for candidate in result.get("candidates", []) if _is_object(result) else []:
            content = candidate.get("content", {})
            content["parts"] = [change(part) for part in content.get("parts", [])]
        return result

    def apply(request: Asked, response: Said) -> Said:
        is_good = response.status_code == 200
        return _with_result(response, changed) if is_good else response

    return apply


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


def signatures_refused(request: Asked, response: Said) -> Said:
    """A signature is refused by whom it came from."""
    if b"thoughtSignature" not in request.content:
        return response
    error = {"code": 400, "message": "Invalid value.", "status": "INVALID_ARGUMENT"}
    return _json({"error": error}, 400)


def stripped(request: Asked, response: Said) -> Said:
    """Nothing but the first candidate's text and three counts."""

    def change(result: Any) -> Any:
        if not _is_object(result) or "candidates" not in result:
            return result
        usage = result.get("usageMetadata", {})
        names = ("promptTokenCount", "candidatesTokenCount")
        kept = {name: usage.get(name, 1) for name in names}
        reason = result["candidates"][0].get("finishReason")
        content = {"role": "model", "parts": [{"text": "well"}]}
        candidate = {"content": content, "finishReason": reason}
        return {"candidates": [candidate], "usageMetadata": kept}

    if response.status_code != 200:
        return response
    return _with_result(response, change)


def no_gateway_headers(request: Asked, response: Said) -> Said:
    """No header of the gateway reaches the caller."""
    headers = [
        (name, value)
        for name, value in response.headers.multi_items()
        if not name.startswith("cf-") and name != "content-length"
    ]
    return Said(response.status_code, headers=headers, content=response.content)


def other_errors(request: Asked, response: Said) -> Said:
    """Every refusal is a 422 in a form that nobody documented."""
    if response.status_code < 400:
        return response
    return _json({"detail": [{"msg": "no"}]}, 422)


def everything_fails(request: Asked, response: Said) -> Said:
    return Said(422, text="<html>no</html>")


def everything_passes(request: Asked, response: Said) -> Said:
    """Refusals become answers."""
    return response if response.status_code < 400 else _json(_YES)


def no_credit(request: Asked, response: Said) -> Said:
    error = {"code": 2021, "message": "Insufficient credits"}
    return _json({"success": False, "errors": [error], "result": None}, 402)


def web_page(request: Asked, response: Said) -> Said:
    headers = {"content-type": "text/html"}
    return Said(200, headers=headers, text="<html>hello</html>")


CHANGES: list[Change] = [
    bare, streams_on_run, chat_completions, unsigned, with_ids,
    signatures_refused, tools_ignored, stripped, no_gateway_headers, other_errors,
    everything_fails, everything_passes,
    no_credit, web_page,
]  # fmt: skip
