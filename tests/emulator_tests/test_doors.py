"""The doors: Cloudflare's two hosts and Google's own path, and how each refuses."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.emulated import ACCOUNT_ID, API_TOKEN, packaged
from tests.support.judge import FLASH_3, HI, Client, Emulating, ask, media, user

EXCHANGES = packaged("documented_exchanges")["exchanges"]


def test_run_answers_in_the_v4_envelope(client: Client) -> None:
    body = client.run().json()
    assert (body["success"], body["errors"], body["messages"]) == (True, [], [])
    result = body["result"]
    assert result["gatewayMetadata"] == {"keySource": "Unified"}
    assert result["modelVersion"] == FLASH_3
    assert result["candidates"][0]["finishReason"] == "STOP"
    assert "emulator" in result["candidates"][0]["content"]["parts"][0]["text"]


def test_gateway_answers_as_google_does(client: Client) -> None:
    body = client.gateway(method="generateContent").json()
    told = ["candidates", "createTime", "modelVersion", "responseId", "usageMetadata"]
    assert sorted(body) == told


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange["scene"])
def test_documented_exchanges(client: Client, exchange: dict[str, Any]) -> None:
    request = exchange["request"]
    answered = client.result(request["input"], model=request["model"])
    assert answered == exchange["response"]


def test_a_documented_exchange_as_a_stream(client: Client) -> None:
    asked = EXCHANGES[3]
    chunks = client.chunks(asked["request"]["input"])
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
    text = client.text(ask(prompt, generationConfig=config))
    assert ("Zeroth" in text) is documented


FLASH = "google/gemini-3-flash"
ASKED = {"model": FLASH, "input": HI}
RUN = "ai/run"
REFUSED_BY_RUN: list[tuple[str, Any, dict[str, str], int, int]] = [
    (RUN, ASKED, {"authorization": "Bearer wrong"}, 401, 10000),
    (RUN, ASKED, {"authorization": ""}, 401, 10000),
    (RUN, ASKED, {"cf-aig-gateway-id": "nowhere"}, 400, 2001),
    (RUN, {"model": FLASH, "input": "Hi"}, {}, 400, 5006),
    (RUN, {"input": HI}, {}, 400, 5006),
    (RUN, {"model": FLASH, "input": {}}, {}, 400, 5006),
    (RUN, {"model": FLASH, "input": {"messages": []}}, {}, 400, 5006),
    (RUN, [], {}, 400, 7000),
    (RUN, {"model": "google/gemini-9", "input": HI}, {}, 404, 7003),
    (RUN, {"model": "gemini-3-flash", "input": HI}, {}, 404, 7003),
    (RUN, {"model": "@cf/google/gemma-3-12b-it", "input": HI}, {}, 404, 7003),
    (RUN, ASKED, {"cf-aig-cache-ttl": "59"}, 400, 7000),
    (f"{RUN}/google/gemini-9", HI, {}, 404, 7003),
    (f"{RUN}/@cf/meta/llama-3.1-8b-instruct", HI, {}, 404, 7003),
    (f"{RUN}/{FLASH}", {"messages": []}, {}, 400, 5006),
    (f"{RUN}/{FLASH}", [], {}, 400, 7000),
    ("../other/ai/run", ASKED, {}, 403, 10000),
]


@pytest.mark.parametrize(("path", "body", "headers", "status", "code"), REFUSED_BY_RUN)
def test_run_refuses_in_the_v4_envelope(
    client: Client, path: str, body: Any, headers: Any, status: int, code: int
) -> None:
    answer = client.http.post(
        client.account_url(path), json=body, headers={**client.authorized, **headers}
    )
    message = answer.json()["errors"][0]["message"]
    errors = [{"code": code, "message": message}]
    refusal = {"success": False, "errors": errors, "messages": [], "result": None}
    assert (answer.status_code, answer.json()) == (status, refusal)
    assert API_TOKEN not in answer.text


def test_the_model_in_the_path(client: Client) -> None:
    url = client.account_url(f"ai/run/{FLASH}")
    answer = client.http.post(url, json=HI, headers=client.authorized)
    assert (answer.status_code, answer.json()["success"]) == (200, True)


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
    ("GET", f"/client/v4/accounts/{ACCOUNT_ID}/ai/run", 400, _v4),
    ("POST", "/client/v4/run", 400, _v4),
    ("POST", f"/client/v4/accounts/{ACCOUNT_ID}/ai/models/search", 400, _v4),
    ("DELETE", "/anything", 400, _v4),
    ("POST", f"/client/v4/accounts/{ACCOUNT_ID}/ai/v1/chat/completions", 404, _openai),
    ("POST", f"/v1/{ACCOUNT_ID}/default/compat/chat/completions", 404, _openai),
    ("POST", f"/v1/{ACCOUNT_ID}/default/openai/responses", 404, _openai),
    ("POST", f"/v1/{ACCOUNT_ID}/default/openai/v1/chat/completions", 404, _openai),
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
    url = f"{client.emulator.url}{path}"
    answer = client.http.request(method, url, json={"input": "Hi"})
    assert answer.status_code == status
    said = read(answer.json())
    assert "ai/run" in said
    assert "google-ai-studio" in said


DEFAULT = f"{ACCOUNT_ID}/default"
STUDIO = f"google-ai-studio/v1beta/models/{FLASH_3}"
REFUSED_BY_GATEWAY: list[tuple[str, str, int, int]] = [
    (f"{DEFAULT}/{STUDIO}", API_TOKEN, 400, 2008),
    (f"{DEFAULT}/anthropic/v1/messages", API_TOKEN, 400, 2008),
    (f"{DEFAULT}/google-ai-studio", API_TOKEN, 400, 2008),
    (f"{DEFAULT}/{STUDIO}:embedContent", API_TOKEN, 400, 2008),
    (f"{ACCOUNT_ID}/nowhere/{STUDIO}:generateContent", API_TOKEN, 400, 2001),
    (f"other/default/{STUDIO}:generateContent", API_TOKEN, 400, 2001),
    (f"{DEFAULT}/{STUDIO}:generateContent", "wrong", 401, 2009),
    (f"{DEFAULT}/{STUDIO}:generateContent", "", 401, 2009),
]


@pytest.mark.parametrize(("path", "token", "status", "code"), REFUSED_BY_GATEWAY)
def test_gateway_refuses_in_its_own_shape(
    client: Client, path: str, token: str, status: int, code: int
) -> None:
    bearer = {"cf-aig-authorization": f"Bearer {token}" if token else ""}
    url = f"{client.emulator.gateway_base_url}/{path}"
    answer = client.http.post(url, json=HI, headers=bearer)
    error = [{"code": code, "message": answer.json()["error"][0]["message"]}]
    refusal = {"success": False, "result": [], "messages": [], "error": error}
    assert (answer.status_code, answer.json()) == (status, refusal)


def test_other_ways_in(client: Client) -> None:
    url = client.gateway_url(method="generateContent")
    older = url.replace("v1beta", "v1")
    own = f"{client.emulator.url}/v1beta/models/{FLASH_3}:generateContent"
    sent: list[tuple[str, dict[str, Any]]] = [
        (older, {"headers": client.gateway_headers}),
        (url, {"headers": {"x-goog-api-key": API_TOKEN}}),
        (own, {"headers": {"x-goog-api-key": API_TOKEN}}),
        (own, {"params": {"key": API_TOKEN}}),
    ]
    answers = [client.http.post(to, json=HI, **beside) for to, beside in sent]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert not [name for name in answers[-1].headers if name.startswith("cf-")]
    refused = client.http.post(own, json=HI, headers={"x-goog-api-key": "wrong"})
    assert refused.status_code == 400
    detail = refused.json()["error"]["details"][0]
    assert detail["reason"] == "API_KEY_INVALID"
    assert detail["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"


DATED = "gemini-2.5-flash-preview-09-2025"


@pytest.mark.parametrize(
    ("model", "status"),
    [
        ("gemini-3-flash-preview", 200),
        ("gemini-3-flash", 404),
        ("google/gemini-3-flash", 400),
        (DATED, 200),
        ("gemini-2.0-flash-001", 200),
        ("gemini-flash-latest", 200),
        ("gemini-nonexistent", 404),
        ("gemini-2.5-flash-nonexistent", 404),
    ],
)
def test_google_ids_on_the_gateway(client: Client, model: str, status: int) -> None:
    answer = client.gateway(method="generateContent", model=model)
    assert answer.status_code == status
    if model == DATED:
        assert answer.json()["modelVersion"] == DATED
    if status == 404:
        error = answer.json()["error"]
        assert (error["code"], error["status"]) == (404, "NOT_FOUND")
        assert error["message"].startswith(f"models/{model} is not found for API vers")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"[]"])
def test_a_body_that_is_no_object(client: Client, content: bytes) -> None:
    url = client.gateway_url(method="generateContent")
    answer = client.http.post(url, content=content, headers=client.gateway_headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"


def test_no_credit(emulating: Emulating) -> None:
    with emulating(credit=False) as client:
        run, gateway = client.run(), client.gateway()
    assert (run.status_code, gateway.status_code) == (402, 402)
    assert run.json()["errors"][0]["code"] == 2021
    assert gateway.json()["error"][0]["code"] == 2021


def test_own_account_token_and_gateway(emulating: Emulating) -> None:
    own = {"account_id": "a" * 32, "api_token": "t", "gateway": "mine"}
    with emulating(**own) as client:
        assert client.run(headers={"cf-aig-gateway-id": "mine"}).status_code == 200
        url = client.gateway_url(method="generateContent").replace("default", "mine")
        bearer = {"cf-aig-authorization": "Bearer t"}
        assert client.http.post(url, json=HI, headers=bearer).status_code == 200


def test_count_tokens(client: Client) -> None:
    body = ask("a" * 400)
    for asked in (body, {"generateContentRequest": {"model": "models/x", **body}}):
        counted = client.gateway(asked, method="countTokens").json()
        assert counted["totalTokens"] == 100
    counted = client.gateway(ask(user(media())), method="countTokens").json()
    assert {"modality": "IMAGE", "tokenCount": 258} in counted["promptTokensDetails"]


def test_catalogue(client: Client) -> None:
    url, headers = client.account_url("ai/catalog/models"), client.authorized
    body = client.http.get(url, headers=headers).json()
    ids = [model["id"] for model in body["result"]]
    assert "google/gemini-3-flash" in ids
    assert body["result_info"]["total_count"] == len(ids)
    paged = client.http.get(url, headers=headers, params={"page": 2, "per_page": 3})
    assert [model["id"] for model in paged.json()["result"]] == ids[3:6]
    assert client.http.get(url).status_code == 401


def test_feedback_on_a_log(client: Client) -> None:
    log_id = client.run().headers["cf-aig-log-id"]
    url = client.account_url(f"ai-gateway/gateways/default/logs/{log_id}")
    sent = {"feedback": 1, "score": 80, "metadata": {"who": "me"}}
    answer = client.http.patch(url, json=sent, headers=client.authorized)
    assert answer.json()["success"] is True
    assert client.emulator.feedback[log_id] == sent
    read = client.http.get(url, headers=client.authorized).json()["result"]
    assert {"id": log_id, **sent}.items() <= read.items()


@pytest.mark.parametrize(
    ("gateway", "log_id", "body", "status"),
    [
        ("default", "unknown", {"feedback": 1}, 404),
        ("nowhere", None, {"feedback": 1}, 400),
        ("default", None, {"feedback": "good"}, 400),
        ("default", None, {"stars": 5}, 400),
        ("default", None, [], 400),
    ],
)
def test_feedback_that_is_refused(
    client: Client, gateway: str, log_id: str | None, body: Any, status: int
) -> None:
    log_id = log_id or client.run().headers["cf-aig-log-id"]
    url = client.account_url(f"ai-gateway/gateways/{gateway}/logs/{log_id}")
    answer = client.http.patch(url, json=body, headers=client.authorized)
    assert (answer.status_code, answer.json()["success"]) == (status, False)


def test_googles_list_of_models(client: Client) -> None:
    key, url = {"x-goog-api-key": API_TOKEN}, f"{client.emulator.url}/v1beta/models"
    names = [m["name"] for m in client.http.get(url, headers=key).json()["models"]]
    assert f"models/{FLASH_3}" in names
    one = client.http.get(f"{url}/{FLASH_3}", headers=key)
    assert one.json()["name"] == f"models/{FLASH_3}"
    assert client.http.get(f"{url}/gemini-9", headers=key).status_code == 404
    assert client.http.get(url).status_code == 400
