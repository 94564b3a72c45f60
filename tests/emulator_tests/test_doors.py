"""The doors: Cloudflare's two hosts and Google's own path, and how each refuses."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from langchain_cf_gemini.emulator import Emulator
from tests.support.judge import (
    FLASH_3,
    Client,
    chunks_from_sse,
    packaged,
    user,
)

HI = {"contents": [user("Hi")]}
EXCHANGES = packaged("documented_exchanges")["exchanges"]


def test_run_answers_in_the_v4_envelope(client: Client) -> None:
    body = client.run(HI).json()
    assert (body["success"], body["errors"], body["messages"]) == (True, [], [])
    result = body["result"]
    assert result["gatewayMetadata"] == {"keySource": "Unified"}
    assert result["modelVersion"] == FLASH_3
    assert result["candidates"][0]["finishReason"] == "STOP"
    assert "emulator" in result["candidates"][0]["content"]["parts"][0]["text"]


def test_gateway_answers_as_google_does(client: Client) -> None:
    body = client.gateway(HI, method="generateContent").json()
    assert set(body) == {
        "candidates",
        "createTime",
        "modelVersion",
        "responseId",
        "usageMetadata",
    }


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange["scene"])
def test_documented_exchanges(client: Client, exchange: dict[str, Any]) -> None:
    request = exchange["request"]
    answered = client.run(request["input"], model=request["model"]).json()["result"]
    assert answered == {**exchange["response"]}


def test_a_documented_exchange_as_a_stream(client: Client) -> None:
    asked = EXCHANGES[3]
    chunks = chunks_from_sse(client.gateway(asked["request"]["input"]))
    parts = [c["candidates"][0]["content"]["parts"][0] for c in chunks]
    documented = asked["response"]["candidates"][0]["content"]["parts"][0]
    assert "".join(part["text"] for part in parts) == documented["text"]
    assert parts[-1] == {"text": "", "thoughtSignature": documented["thoughtSignature"]}


@pytest.mark.parametrize(
    ("config", "documented"),
    [({"maxOutputTokens": 100}, False), ({"maxOutputTokens": 5000}, True), ({}, True)],
)
def test_a_documented_answer_must_fit(
    client: Client, config: dict[str, Any], *, documented: bool
) -> None:
    prompt = "What are the three laws of thermodynamics?"
    body = {"contents": [user(prompt)], "generationConfig": config}
    text = client.run(body).json()["result"]["candidates"][0]["content"]["parts"][0]
    assert ("Zeroth" in text["text"]) is documented


def account_path(emulator: Emulator, rest: str) -> str:
    return f"{emulator.base_url}/accounts/{emulator.account_id}/{rest}"


def v4(code: int, message: str) -> dict[str, Any]:
    return {
        "success": False,
        "errors": [{"code": code, "message": message}],
        "messages": [],
        "result": None,
    }


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        ({"model": "google/gemini-3-flash", "input": HI}, {}, 200, None),
        (None, {"authorization": "Bearer wrong"}, 401, 10000),
        (None, {"authorization": ""}, 401, 10000),
        (None, {"cf-aig-gateway-id": "nowhere"}, 400, 2001),
        ({"model": "google/gemini-3-flash", "input": "Hi"}, {}, 400, 5006),
        ({"input": HI}, {}, 400, 5006),
        ({"model": "google/gemini-3-flash", "input": {}}, {}, 400, 5006),
        ({"model": "google/gemini-3-flash", "input": {"messages": []}}, {}, 400, 5006),
        ([], {}, 400, 7000),
        ({"model": "google/gemini-9", "input": HI}, {}, 404, 7003),
        ({"model": "gemini-3-flash", "input": HI}, {}, 404, 7003),
        ({"model": "@cf/google/gemma-3-12b-it", "input": HI}, {}, 404, 7003),
        (None, {"cf-aig-cache-ttl": "59"}, 400, 7000),
    ],
)
def test_run_refuses_in_the_v4_envelope(
    client: Client, body: Any, headers: dict[str, str], status: int, code: int | None
) -> None:
    answer = client.http.post(
        account_path(client.emulator, "ai/run"),
        json={"model": "google/gemini-3-flash", "input": HI} if body is None else body,
        headers={"authorization": f"Bearer {client.emulator.api_token}", **headers},
    )
    assert answer.status_code == status
    if code:
        message = answer.json()["errors"][0]["message"]
        assert answer.json() == v4(code, message)
        assert client.emulator.api_token not in answer.text


def test_another_account(client: Client) -> None:
    answer = client.http.post(
        f"{client.emulator.base_url}/accounts/other/ai/run",
        json={"model": "google/gemini-3-flash", "input": HI},
        headers={"authorization": f"Bearer {client.emulator.api_token}"},
    )
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, 10000)


def _v4(body: Any) -> Any:
    assert body["success"] is False
    return body["errors"][0]["message"]


def _google(body: Any) -> Any:
    assert body["error"]["status"] == "NOT_FOUND"
    return body["error"]["message"]


def _openai(body: Any) -> Any:
    assert set(body["error"]) == {"message", "type", "param", "code"}
    return body["error"]["message"]


# What is asked for, the status, and where that client's SDK looks for the message.
UNSERVED: list[tuple[str, str, int, Callable[[Any], Any]]] = [
    ("GET", "/client/v4/accounts/{a}/ai/run", 400, _v4),
    ("POST", "/client/v4/run", 400, _v4),
    ("POST", "/client/v4/accounts/{a}/ai/models/search", 400, _v4),
    ("DELETE", "/anything", 400, _v4),
    ("POST", "/client/v4/accounts/{a}/ai/v1/chat/completions", 404, _openai),
    ("POST", "/v1/{a}/default/compat/chat/completions", 404, _openai),
    ("POST", "/v1/{a}/default/openai/responses", 404, _openai),
    ("POST", "/v1/{a}/default/openai/v1/chat/completions", 404, _openai),
    ("POST", "/v1/chat/completions", 404, _openai),
    ("POST", "/v1beta/models/gemini-3-flash-preview:embedContent", 404, _google),
    ("POST", "/v1beta/cachedContents", 404, _google),
    ("POST", "/v1beta/files", 404, _google),
    ("POST", "/upload/v1beta/files", 404, _google),
]


@pytest.mark.parametrize(("method", "path", "status", "read"), UNSERVED)
def test_what_is_not_served(
    client: Client, method: str, path: str, status: int, read: Callable[[Any], Any]
) -> None:
    url = client.emulator.url + path.format(a=client.emulator.account_id)
    answer = client.http.request(method, url, json={"input": "Hi"})
    assert answer.status_code == status
    said = read(answer.json())
    assert "ai/run" in said
    assert "google-ai-studio" in said


@pytest.mark.parametrize(
    ("model", "body", "status"),
    [
        ("google/gemini-3-flash", HI, 200),
        ("google/gemini-9", HI, 404),
        ("@cf/meta/llama-3.1-8b-instruct", HI, 404),
        ("google/gemini-3-flash", {"messages": []}, 400),
        ("google/gemini-3-flash", [], 400),
    ],
)
def test_the_model_in_the_path(
    client: Client, model: str, body: Any, status: int
) -> None:
    url = account_path(client.emulator, f"ai/run/{model}")
    token = {"authorization": f"Bearer {client.emulator.api_token}"}
    answer = client.http.post(url, json=body, headers=token)
    assert answer.status_code == status
    assert answer.json()["success"] is (status == 200)


@pytest.mark.parametrize(
    ("url", "headers", "status", "code"),
    [
        ("{g}/{a}/default/google-ai-studio/v1beta/models/{m}", {}, 400, 2008),
        ("{g}/{a}/default/anthropic/v1/messages", {}, 400, 2008),
        ("{g}/{a}/default/google-ai-studio", {}, 400, 2008),
        (
            "{g}/{a}/default/google-ai-studio/v1beta/models/{m}:embedContent",
            {},
            400,
            2008,
        ),
        (
            "{g}/{a}/nowhere/google-ai-studio/v1beta/models/{m}:generateContent",
            {},
            400,
            2001,
        ),
        (
            "{g}/other/default/google-ai-studio/v1beta/models/{m}:generateContent",
            {},
            400,
            2001,
        ),
        (
            "{g}/{a}/default/google-ai-studio/v1beta/models/{m}:generateContent",
            {"cf-aig-authorization": "Bearer wrong"},
            401,
            2009,
        ),
        (
            "{g}/{a}/default/google-ai-studio/v1beta/models/{m}:generateContent",
            {"cf-aig-authorization": ""},
            401,
            2009,
        ),
    ],
)
def test_gateway_refuses_in_its_own_shape(
    client: Client, url: str, headers: dict[str, str], status: int, code: int
) -> None:
    emulator = client.emulator
    answer = client.http.post(
        url.format(g=emulator.gateway_base_url, a=emulator.account_id, m=FLASH_3),
        json=HI,
        headers={**client.gateway_headers, **headers},
    )
    assert answer.status_code == status
    message = answer.json()["error"][0]["message"]
    assert answer.json() == {
        "success": False,
        "result": [],
        "messages": [],
        "error": [{"code": code, "message": message}],
    }


def test_the_token_in_place_of_googles_key(client: Client) -> None:
    url = client.gateway_url(method="generateContent")
    headers = {"x-goog-api-key": client.emulator.api_token}
    assert client.http.post(url, json=HI, headers=headers).status_code == 200


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_versions_of_googles_api(client: Client, version: str) -> None:
    url = client.gateway_url(method="generateContent").replace("v1beta", version)
    answer = client.http.post(url, json=HI, headers=client.gateway_headers)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("model", "status"),
    [
        ("gemini-3-flash-preview", 200),
        ("gemini-3-flash", 404),
        ("google/gemini-3-flash", 400),
        ("gemini-2.5-flash-preview-09-2025", 200),
        ("gemini-2.0-flash-001", 200),
        ("gemini-flash-latest", 200),
        ("gemini-nonexistent", 404),
        ("gemini-2.5-flash-nonexistent", 404),
    ],
)
def test_google_ids_on_the_gateway(client: Client, model: str, status: int) -> None:
    answer = client.gateway(HI, method="generateContent", model=model)
    assert answer.status_code == status
    if status == 404:
        error = answer.json()["error"]
        assert (error["code"], error["status"]) == (404, "NOT_FOUND")
        assert error["message"].startswith(f"models/{model} is not found for API vers")


def test_the_answer_names_the_id_that_was_asked(client: Client) -> None:
    dated = "gemini-2.5-flash-preview-09-2025"
    body = client.gateway(HI, method="generateContent", model=dated).json()
    assert body["modelVersion"] == dated


def test_google_refuses_a_bad_key_with_400(client: Client) -> None:
    url = f"{client.emulator.url}/v1beta/models/{FLASH_3}:generateContent"
    answer = client.http.post(url, json=HI, headers={"x-goog-api-key": "wrong"})
    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["reason"] == "API_KEY_INVALID"


def test_googles_key_in_the_query(client: Client) -> None:
    url = f"{client.emulator.url}/v1beta/models/{FLASH_3}:generateContent"
    answer = client.http.post(url, json=HI, params={"key": client.emulator.api_token})
    assert answer.status_code == 200


def test_a_body_that_is_no_object(client: Client) -> None:
    url = client.gateway_url(method="generateContent")
    for content in (b"", b"nonsense", b"[]"):
        answer = client.http.post(url, content=content, headers=client.gateway_headers)
        assert answer.status_code == 400
        assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("door", ["run", "gateway"])
def test_no_credit(door: str, http: httpx.Client) -> None:
    with Emulator(credit=False) as emulator:
        client = Client(emulator, http)
        answer = client.run(HI) if door == "run" else client.gateway(HI)
    error = (answer.json().get("errors") or answer.json().get("error"))[0]
    assert (answer.status_code, error["code"]) == (402, 2021)


def test_own_account_token_and_gateway(http: httpx.Client) -> None:
    with Emulator(account_id="a" * 32, api_token="t", gateway="mine") as emulator:
        client = Client(emulator, http)
        named = {"cf-aig-gateway-id": "mine"}
        assert client.run(HI, headers=named).status_code == 200
        url = client.gateway_url(method="generateContent").replace("default", "mine")
        answer = http.post(url, json=HI, headers={"cf-aig-authorization": "Bearer t"})
        assert answer.status_code == 200


def test_count_tokens(client: Client) -> None:
    body = {"contents": [user("a" * 400)]}
    for asked in (body, {"generateContentRequest": {"model": "models/x", **body}}):
        counted = client.gateway(asked, method="countTokens").json()
        assert counted["totalTokens"] == 100
    media = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    counted = client.gateway({"contents": [user(media)]}, method="countTokens").json()
    assert {"modality": "IMAGE", "tokenCount": 258} in counted["promptTokensDetails"]


def test_catalogue(client: Client) -> None:
    headers = {"authorization": f"Bearer {client.emulator.api_token}"}
    url = account_path(client.emulator, "ai/catalog/models")
    body = client.http.get(url, headers=headers).json()
    ids = [model["id"] for model in body["result"]]
    assert "google/gemini-3-flash" in ids
    assert body["result_info"]["total_count"] == len(ids)
    paged = client.http.get(url, headers=headers, params={"page": 2, "per_page": 3})
    assert [model["id"] for model in paged.json()["result"]] == ids[3:6]
    assert client.http.get(url).status_code == 401


def test_feedback_on_a_log(client: Client) -> None:
    log_id = client.run(HI).headers["cf-aig-log-id"]
    headers = {"authorization": f"Bearer {client.emulator.api_token}"}
    logs = account_path(client.emulator, "ai-gateway/gateways/default/logs")
    sent = {"feedback": 1, "score": 80, "metadata": {"who": "me"}}
    answer = client.http.patch(f"{logs}/{log_id}", json=sent, headers=headers)
    assert answer.json()["success"] is True
    assert client.emulator.feedback[log_id] == sent
    read = client.http.get(f"{logs}/{log_id}", headers=headers).json()["result"]
    assert {"id": log_id, **sent}.items() <= read.items()


@pytest.mark.parametrize(
    ("gateway", "log_id", "body", "status"),
    [
        ("default", "unknown", {"feedback": 1}, 404),
        ("nowhere", "known", {"feedback": 1}, 400),
        ("default", "known", {"feedback": "good"}, 400),
        ("default", "known", {"stars": 5}, 400),
        ("default", "known", [], 400),
    ],
)
def test_feedback_that_is_refused(
    client: Client, gateway: str, log_id: str, body: Any, status: int
) -> None:
    known = client.run(HI).headers["cf-aig-log-id"]
    logs = account_path(client.emulator, f"ai-gateway/gateways/{gateway}/logs")
    answer = client.http.patch(
        f"{logs}/{known if log_id == 'known' else log_id}",
        json=body,
        headers={"authorization": f"Bearer {client.emulator.api_token}"},
    )
    assert answer.status_code == status
    assert answer.json()["success"] is False


def test_googles_list_of_models(client: Client) -> None:
    headers = {"x-goog-api-key": client.emulator.api_token}
    url = f"{client.emulator.url}/v1beta/models"
    names = [m["name"] for m in client.http.get(url, headers=headers).json()["models"]]
    assert f"models/{FLASH_3}" in names
    one = client.http.get(f"{url}/{FLASH_3}", headers=headers)
    assert one.json()["name"] == f"models/{FLASH_3}"
    assert client.http.get(f"{url}/gemini-9", headers=headers).status_code == 404
    assert client.http.get(url).status_code == 400
