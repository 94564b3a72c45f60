"""Whatever comes in, the emulator answers: never 500, never nothing, and it stays."""

import copy
import json
import random
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from langchain_cf_gemini.emulator import Emulator
from tests.support.emulated import (
    ACCOUNT_ID,
    API_TOKEN,
    Incoming,
    Service,
    Settings,
    answered,
)
from tests.support.judge import (
    FLASH_3,
    SKIP,
    ask,
    config,
    media,
    model,
    response_part,
    user,
)

TEXT = {"type": "STRING"}
NESTED = {
    "type": "OBJECT",
    "properties": {
        "city": TEXT,
        "days": {"type": "INTEGER", "minimum": 1, "maximum": 9, "format": "int32"},
        "tags": {"type": "ARRAY", "items": {"type": "STRING", "enum": ["a", "b"]}},
        "when": {"anyOf": [{"type": "NUMBER"}, {"type": "STRING", "nullable": True}]},
        "code": {"type": "STRING", "pattern": "^[A-Z]{2}-[0-9]+$", "minLength": 4},
    },
    "required": ["city", "code"],
}
CALL = {"id": "c1", "name": "get_weather", "args": {"city": "Lima"}}
SIGNED = {"functionCall": CALL, "thoughtSignature": SKIP}
RESULT = response_part("get_weather", {"result": 18}, id="c1")
CALLED = {"mode": "ANY", "allowedFunctionNames": ["get_weather"]}
FILE = {"fileData": {"mimeType": "text/plain", "fileUri": "gs://a/b"}}
SETTINGS = {
    "temperature": 0.5, "topP": 0.9, "topK": 10, "candidateCount": 2, "seed": 7,
    "maxOutputTokens": 50, "stopSequences": ["stop"], "responseLogprobs": True,
    "logprobs": 2, "thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": True},
}  # fmt: skip
SAFETY = {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}
JSON = {"responseMimeType": "application/json"}
BODIES: list[dict[str, Any]] = [
    ask(
        "Weather in 'Lima' on 2026-01-02 for 3 days?",
        model(SIGNED),
        user(RESULT),
        systemInstruction={"parts": [{"text": "Be brief."}]},
        tools=[
            {"functionDeclarations": [{"name": "get_weather", "parameters": NESTED}]}
        ],
        toolConfig={"functionCallingConfig": CALLED},
    ),
    ask(
        user("Look", media(data="aGk="), FILE),
        generationConfig=SETTINGS,
        safetySettings=[SAFETY],
        labels={"team": "a"},
    ),
    ask("A record of 'Ada'.", generationConfig={**JSON, "responseSchema": NESTED}),
    config(
        **JSON,
        responseJsonSchema={
            "$defs": {"n": {"type": "object", "properties": {"n": {"$ref": "#"}}}},
            "type": "array",
            "prefixItems": [{"type": "integer", "multipleOf": 3}],
            "items": {"allOf": [{"$ref": "#/$defs/n"}, {"type": "object"}]},
            "minItems": 2,
            "uniqueItems": True,
        },
    ),
    ask(
        *("Draw and speak", model("x"), "go on"),
        generationConfig={"responseModalities": ["TEXT", "IMAGE"]},
        tools=[{"googleSearch": {}}],
    ),
]
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, 1e308, -0.0,
    float("nan"), float("inf"), "", "0", "x" * 300, "\ud800", "\x00", "ünïcödé",
    "NaN", "STRING", "-1", "1e999", "=", "Ag==", [], {}, [[]], [None], [{}],
    {"": ""}, {"text": 1}, {"$ref": "#"}, {"type": ["string", None]}, {"parts": {}},
]  # fmt: skip
NAMES = ["contents", "parts", "role", "type", "items", "properties", "ref", "$ref", "x"]


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with each of its keys."""
    keys = list(node) if isinstance(node, dict) else range(len(node))
    for key in keys:
        yield node, key
        if isinstance(node[key], dict | list):
            yield from places(node[key])


def mutated(body: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    made = copy.deepcopy(body)
    for _ in range(chance.randint(1, 4)):
        made = made or {"contents": []}
        holder, key = chance.choice([*places(made)])
        change = chance.randrange(7)
        if change == 0:
            holder.pop(key, None) if isinstance(holder, dict) else holder.pop(key)
        elif change == 1 and isinstance(holder, dict):
            holder[chance.choice(NAMES)] = holder.pop(key, None)
        elif change == 2:
            holder[key] = [holder[key]] * chance.randint(0, 3)
        elif change == 3:
            holder[key] = {chance.choice(NAMES): holder[key]}
        elif change == 4:
            other, place = chance.choice([*places(made)])
            holder[key] = copy.deepcopy(other[place])
        else:
            holder[key] = copy.deepcopy(chance.choice(ODD))
    return made


V4 = f"/client/v4/accounts/{ACCOUNT_ID}"
GATEWAY = f"/v1/{ACCOUNT_ID}/default"
VERTEX = "projects/p/locations/l/publishers/google"
PATHS = [
    f"{V4}/ai/run",
    f"{V4}/ai/run/google/gemini-3-flash",
    f"{GATEWAY}/google-ai-studio/v1beta/models/{FLASH_3}:generateContent",
    f"{GATEWAY}/google-ai-studio/v1beta/models/{FLASH_3}:streamGenerateContent",
    f"{GATEWAY}/google-ai-studio/v1beta/models/gemini-2.5-flash:countTokens",
    f"{GATEWAY}/google-vertex-ai/v1/{VERTEX}/models/{FLASH_3}:generateContent",
    "/v1beta/models/gemini-2.0-flash:streamGenerateContent",
]
HEADERS = {
    "authorization": f"Bearer {API_TOKEN}",
    "x-goog-api-key": API_TOKEN,
    "host": "127.0.0.1",
}
ODD_HEADERS = [
    ("cf-aig-cache-ttl", "9" * 5000),
    ("cf-aig-cache-ttl", "²"),
    ("cf-aig-metadata", '{"a": NaN}'),
    ("cf-aig-custom-cost", "[" * 3000),
    ("cf-aig-request-timeout", "1"),
    ("cf-aig-max-attempts", "5"),
    ("x-emulator-fault", "wrong path=candidates.9"),
    ("x-emulator-fault", "cut after_frames=99"),
    ("x-emulator-fault", "json_for_stream"),
    ("x-emulator-fault", "\xff"),
    ("x-emulator-fault", "status code=429 headers=5"),
    ("x-emulator-fault", "wrong path=5"),
    ("x-emulator-fault", f"wrong path=a value={'[' * 3000}"),
    ("x-emulator-fault", "cut ="),
    ("authorization", "\xff"),
]


def request(chance: random.Random) -> Incoming:
    path = chance.choice(PATHS)
    body: Any = mutated(chance.choice(BODIES), chance)
    if path.endswith("/ai/run"):
        body = {"model": "google/gemini-3-flash", "input": body}
        body = mutated(body, chance) if chance.random() < 0.2 else body
    if path.endswith("countTokens") and chance.random() < 0.5:
        body = {"generateContentRequest": body}
    raw = json.dumps(body).encode()
    if chance.random() < 0.02:
        raw = raw[: chance.randrange(len(raw))] + chance.choice([b"", b"\xff", b"}"])
    odd = dict([chance.choice(ODD_HEADERS)]) if chance.random() < 0.1 else {}
    query = chance.choice([{}, {"alt": "sse"}, {"alt": "\ud800"}])
    headers = {**HEADERS, **odd}
    return Incoming(method="POST", path=path, query=query, headers=headers, body=raw)


def shown(service: Service) -> list[dict[str, Any]]:
    """The exchanges that the page for the browser asks for; it must be there, too."""
    pages = [
        answered(service, Incoming(method="GET", path=path, headers=HEADERS))[1]
        for path in ("/", "/_emulator/exchanges")
    ]
    assert [page.status for page in pages] == [200, 200]
    assert pages[0].body.decode()
    exchanges: list[dict[str, Any]] = json.loads(pages[1].body)["exchanges"]
    return exchanges


def survive(count: int, *, strict: bool, seed: int) -> None:
    service = Service(Settings(strict=strict))
    chance = random.Random(seed)
    statuses = set()
    for number in range(count):
        incoming = request(chance)
        exchange, outgoing = answered(service, incoming)
        statuses.add(outgoing.status)
        scripted = "wrong" in incoming.headers.get("x-emulator-fault", "")
        assert outgoing.status < 500, incoming
        assert scripted or not service.errors, (service.errors, incoming)
        service.errors.clear()
        assert exchange is not None
        assert isinstance(exchange.story, str)
        read = (exchange.messages, exchange.cost, exchange.function_responses)
        json.dumps(read)
        if number % 100 == 99:
            assert [told["number"] for told in shown(service)] == [*range(1, 101)]
            service.reset()
    assert {200, 400} <= statuses


@pytest.mark.parametrize("strict", [True, False])
def test_mutated_requests(strict: bool) -> None:
    survive(300, strict=strict, seed=21)


@pytest.mark.soak
@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_many_more_mutated_requests(strict: bool, seed: int) -> None:
    survive(5000, strict=strict, seed=seed)


DEEP = (
    b'{"contents": [{"parts": [{"text": "x"}]}], "tools": [{"functionDeclarations": '
    b'[{"name": "f", "parameters": '
)
BODIES_OF_BYTES = [
    b"[" * 100_000,
    b'{"a":' * 100_000,
    DEEP + b'{"type": "ARRAY", "items": ' * 400 + b"{}" + b"}" * 400 + b"}]}]}",
    DEEP + b'{"anyOf": [' * 400 + b"{}" + b"]}" * 400 + b"}]}]}",
    b"9" * 10_000,
    b"NaN",
    b'{"contents": [{"parts": [{"text": "x"}]}], "a": NaN}',
    b'{"contents": [{"parts": [{"text": "x"}]}], "a": 1e999}',
    *(b'{"a":' * deep + b"1" + b"}" * deep for deep in range(900, 1000, 7)),
    b"\xff\xfe",
    b"",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("strict", [True, False])
def test_bodies_that_are_none(path: str, strict: bool) -> None:
    service = Service(Settings(strict=strict))
    for body in BODIES_OF_BYTES:
        if path.endswith("/ai/run"):
            body = b'{"model": "google/gemini-3-flash", "input": ' + body + b"}"
        incoming = Incoming(method="POST", path=path, headers=HEADERS, body=body)
        exchange, outgoing = answered(service, incoming)
        assert outgoing.status < 500
        assert service.errors == []
        assert str(exchange)
        assert [told["number"] for told in shown(service)] == [1]
        service.reset()


OTHERS = [
    ("GET", "/"), ("HEAD", "/"), ("OPTIONS", "/"), ("TRACE", "/x"), ("BREW", "//"),
    ("POST", "/v1"), ("POST", "/v1//"), ("GET", "/v1/models/\ud800"), ("GET", "\x00"),
    ("POST", f"{V4}/ai/run/"), ("GET", f"{V4}/ai/catalog/models"),
    ("PATCH", f"{V4}/ai-gateway/gateways/default/logs/x"), ("POST", "/_emulator/"),
    ("POST", "/_emulator/script"), ("GET", "/_emulator/x/y"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), OTHERS, ids=range(len(OTHERS)))
def test_any_other_request(method: str, path: str) -> None:
    service = Service(Settings())
    for body in (b"", b"{}", b"[" * 9999, b"\xff"):
        for query in ({}, {"page": "²"}, {"per_page": "0"}, {"page": "9" * 5000}):
            incoming = Incoming(
                method=method, path=path, query=query, headers=HEADERS, body=body
            )
            _, outgoing = answered(service, incoming)
            assert outgoing.status < 500
            assert service.errors == []


RUN = f"POST {V4}/ai/run HTTP/1.1"
SENT = json.dumps({"model": "google/gemini-3-flash", "input": BODIES[1]})
IN_CHUNKS = f"{len(SENT):x}\r\n{SENT}\r\n0\r\n\r\n"
LENGTH = f"content-length: {len(SENT)}"
AUTH = f"authorization: Bearer {API_TOKEN}"
HOST = "host: 127.0.0.1"
RAW: list[tuple[list[str], str, int]] = [
    ([RUN, HOST, AUTH, LENGTH], SENT, 200),
    # A proxy before it, or a client that names one.
    ([RUN, HOST, AUTH, LENGTH, "x-forwarded-for: 192.0.2.1"], SENT, 200),
    ([RUN, HOST, AUTH, LENGTH, "x-forwarded-host: a.example"], SENT, 200),
    ([RUN, HOST, AUTH, LENGTH, "x-forwarded-proto: https, http"], SENT, 200),
    ([RUN, HOST, AUTH, LENGTH, "forwarded: for=192.0.2.1"], SENT, 200),
    ([RUN, HOST, AUTH, LENGTH, "content-encoding: gzip"], SENT, 200),
    ([RUN, HOST, AUTH, LENGTH, f"x-long: {'a' * 70_000}"], SENT, 200),
    ([RUN, HOST, AUTH, LENGTH, *(f"x-{n}: a" for n in range(999))], SENT, 200),
    ([RUN, HOST, AUTH, "transfer-encoding: chunked"], IN_CHUNKS, 200),
    ([RUN, HOST, AUTH, "transfer-encoding: chunked"], "zz\r\n", 400),
    ([RUN, HOST, HOST, AUTH, LENGTH], SENT, 400),
    ([RUN, AUTH, LENGTH], SENT, 400),
    (["GET / HTTP/1.0"], "", 403),
    (["GET http://a.example/ HTTP/1.1", HOST], "", 400),
    (["OPTIONS * HTTP/1.1", HOST], "", 400),
    (["CONNECT a.example:443 HTTP/1.1", HOST], "", 400),
    (["GET /%00%ff HTTP/1.1", HOST], "", 400),
    (["GET / HTTP/1.1", HOST, "upgrade: websocket", "connection: upgrade"], "", 200),
    (["\x16\x03\x01"], "", 400),
]  # fmt: skip


@pytest.mark.parametrize(("head", "body", "status"), RAW, ids=range(len(RAW)))
def test_what_comes_on_the_socket(
    emulator: Emulator, head: list[str], body: str, status: int
) -> None:
    host, _, port = emulator.url.removeprefix("http://").rpartition(":")
    sent = "\r\n".join([*head, "connection: close", "", body]).encode("latin-1")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(sent)
        received = connection.recv(100)
    assert received.startswith(f"HTTP/1.1 {status} ".encode())
    assert emulator.errors == []
