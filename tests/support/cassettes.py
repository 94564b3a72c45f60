"""What a cassette may hold: the account is a dummy's, and no credential is in it."""

import json
import re
from pathlib import Path
from typing import Any, Literal

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from vcr.request import Request

from langchain_cf_gemini import ChatCloudflareGemini

DIRECTORY = Path(__file__).parents[2] / "cassettes"
DOCUMENTED = DIRECTORY / "documented"
ACCOUNT_ID = "0123456789abcdef0123456789abcdef"
DUMMY_ID = "00000000-0000-7000-8000-000000000000"
DUMMY_RAY = "0000000000000000-XXX"

# What a recording keeps of a request's headers, all else being the client's own affair.
_REQUEST_HEADERS = ("content-type",)
# What it keeps of an answer's; the ids among them are replaced.
_RESPONSE_HEADERS = re.compile(r"content-type|retry-after(-ms)?|cf-ray|cf-aig-.+", re.I)
_IDS = re.compile(r"cf-aig-(log|request|event|run|routing-decision)-id", re.I)
_ACCOUNT_IN_PATH = re.compile(
    r"(/accounts|gateway\.ai\.cloudflare\.com/v1)/[0-9a-f]{32}"
)
_LOOPBACK = re.compile(r"http://127\.0\.0\.1:\d+")
_HOSTS = {
    "/client/v4/": "https://api.cloudflare.com",
    "/v1/": "https://gateway.ai.cloudflare.com",
}


def uri_as_in_real_life(uri: str) -> str:
    """Cloudflare's host for the emulator's, a dummy account for a real one."""
    if emulated := _LOOPBACK.match(uri):
        path = uri[emulated.end() :]
        uri = next(host for start, host in _HOSTS.items() if path.startswith(start))
        uri += path
    return _ACCOUNT_IN_PATH.sub(rf"\1/{ACCOUNT_ID}", uri)


def scrubbed_request(request: Request) -> Request:
    """A request without credentials, at the address it has in real life."""
    request.uri = uri_as_in_real_life(request.uri)
    request.headers = {
        name: value
        for name, value in request.headers.items()
        if name.lower() in _REQUEST_HEADERS
    }
    return request


def scrubbed_response(response: dict[str, Any]) -> dict[str, Any]:
    """An answer without cookies, ray id and the gateway's ids."""
    headers = response["headers"].items()
    kept = {
        name: values for name, values in headers if _RESPONSE_HEADERS.fullmatch(name)
    }
    response["headers"] = {
        name: [_public(name, value) for value in values]
        for name, values in kept.items()
    }
    return response


def _public(header: str, value: str) -> str:
    if header.lower() == "cf-ray":
        return DUMMY_RAY
    return DUMMY_ID if _IDS.fullmatch(header) else value


VCR_SETTINGS: dict[str, Any] = {
    "match_on": ["method", "scheme", "host", "path", "query", "body"],
    "allow_playback_repeats": True,
    "decode_compressed_response": True,
    "before_record_request": scrubbed_request,
    "before_record_response": scrubbed_response,
}


# ---- the documented exchanges, read off their cassettes


def documented_cassettes() -> list[Path]:
    """The cassettes of what Cloudflare's model pages show, one for each endpoint."""
    return sorted(DOCUMENTED.glob("*.yaml"))


def generation_from_request(request: Request) -> dict[str, Any]:
    """The Generate Content request inside a recorded one."""
    body = json.loads(request.body)
    inside: dict[str, Any] = body.get("input", body)
    return inside


def messages_from_contents(generation: dict[str, Any]) -> list[BaseMessage]:
    """The conversation of a recorded request, as a caller would write it."""
    kinds = {"user": HumanMessage, "model": AIMessage}
    system = generation.get("systemInstruction", {"parts": []})
    told: list[BaseMessage] = [SystemMessage(part["text"]) for part in system["parts"]]
    for content in generation["contents"]:
        text = "".join(part["text"] for part in content["parts"])
        told.append(kinds[content["role"]](text))
    return told


def settings_from_generation(generation: dict[str, Any]) -> dict[str, Any]:
    """The generation settings of a recorded request, by the client's names."""
    names = {"temperature": "temperature", "maxOutputTokens": "max_tokens"}
    names |= {"topP": "top_p", "topK": "top_k"}
    config = generation.get("generationConfig", {})
    return {names[name]: value for name, value in config.items()}


def model_for(
    path: Path, generation: dict[str, Any], **settings: Any
) -> ChatCloudflareGemini:
    """The model that a documented cassette asked, with the settings of its request."""
    name, _, door = path.stem.rpartition(".")
    endpoint: Literal["run", "gateway"] = "run" if door == "run" else "gateway"
    return ChatCloudflareGemini(
        model=f"google/{name.rpartition('.')[0]}",
        endpoint=endpoint,
        **{**settings_from_generation(generation), **settings},
    )


def answer_from_body(body: str) -> dict[str, Any]:
    """Google's answer inside a recorded one: an event, an envelope, or itself."""
    parsed: dict[str, Any] = json.loads(body.removeprefix("data: "))
    answer: dict[str, Any] = parsed.get("result", parsed)
    return answer


def check_documented(message: AIMessage, answer: dict[str, Any]) -> None:
    """Fail unless a message says all that a documented answer does."""
    candidate, counted = answer["candidates"][0], answer["usageMetadata"]
    (part,) = candidate["content"]["parts"]
    assert message.content == part["text"]
    usage = message.usage_metadata
    assert usage is not None
    written = counted["candidatesTokenCount"] + counted.get("thoughtsTokenCount", 0)
    assert usage["input_tokens"] == counted["promptTokenCount"]
    assert usage["output_tokens"] == written
    assert usage["total_tokens"] == counted["totalTokenCount"]
    metadata = message.response_metadata
    assert metadata["finish_reason"] == candidate["finishReason"]
    assert metadata["model_name"] == answer["modelVersion"]
    assert metadata["response_id"] == answer["responseId"]
    assert metadata["create_time"] == answer["createTime"]
    assert metadata.get("avg_logprobs") == candidate.get("avgLogprobs")
