"""The exchanges on Cloudflare's model pages, replayed and asked of the emulator.

The cassettes hold what the pages show; a request that differs from the documented one
in a single field finds no answer there. No network: a replay that misses fails.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from langchain_core.messages import AIMessage, HumanMessage
from vcr.cassette import Cassette
from vcr.errors import CannotOverwriteExistingCassetteException

from langchain_cf_gemini import ChatCloudflareGemini
from langchain_cf_gemini.emulator import Emulator
from tests.support import cassettes
from tests.support.emulated import packaged
from tests.support.models import ENDS, WAYS, Json, folded

OFFLINE: dict[str, Any] = {
    "account_id": cassettes.ACCOUNT_ID,
    "api_token": "replayed",
    "max_retries": 0,
}
ALL = sorted(cassettes.DIRECTORY.rglob("*.yaml"))
TRANSCRIBED = [path for path in ALL if "Transcribed" in path.read_text("utf-8")[:200]]

# Each in one way: the emulator is asked for the same in all.
replayed = pytest.mark.parametrize(
    ("path", "is_async"),
    [
        pytest.param(
            path,
            bool(n % 2),
            id=path.stem,
            marks=pytest.mark.default_cassette(f"documented/{path.stem}"),
        )
        for n, path in enumerate(cassettes.documented_cassettes())
    ],
)


async def ask(path: Path, request: Any, *, is_async: bool) -> AIMessage:
    generation = cassettes.generation_from_request(request)
    messages = cassettes.messages_from_contents(generation)
    # Not aiohttp: what vcrpy replays through that has no headers that httpx could read.
    own = {"http_async_client": httpx.AsyncClient()} if is_async else {}
    model = cassettes.model_for(path, generation, **OFFLINE, **own)
    if not path.stem.endswith(".stream"):
        return await model.ainvoke(messages) if is_async else model.invoke(messages)
    if is_async:
        return folded([chunk async for chunk in model.astream(messages)])
    return folded(list(model.stream(messages)))


@replayed
@pytest.mark.vcr
@pytest.mark.block_network
async def test_documented_exchange_is_read_in_full(
    vcr: Cassette, path: Path, is_async: bool
) -> None:
    request, response = vcr.data[0]
    answer = cassettes.answer_from_body(response["body"]["string"].decode())
    message = await ask(path, request, is_async=is_async)
    assert vcr.play_count == 1
    cassettes.check_documented(message, answer)
    assert message.response_metadata["gateway"]["key_source"] == "Unified"
    (part,) = answer["candidates"][0]["content"]["parts"]
    assert part["thoughtSignature"] in json.dumps(message.model_dump(mode="json"))


@pytest.mark.default_cassette("documented/gemini-3-flash.three_laws.run")
@pytest.mark.vcr
@pytest.mark.block_network
def test_another_request_finds_no_answer(vcr: Cassette) -> None:
    path = cassettes.DOCUMENTED / "gemini-3-flash.three_laws.run.yaml"
    generation = cassettes.generation_from_request(vcr.requests[0])
    model = cassettes.model_for(path, generation, **OFFLINE, temperature=0.1)
    messages = cassettes.messages_from_contents(generation)
    with pytest.raises(CannotOverwriteExistingCassetteException):
        model.invoke(messages)


@pytest.mark.parametrize("path", TRANSCRIBED, ids=lambda path: path.stem)
def test_transcription_is_true_to_the_documented_exchange(path: Path) -> None:
    (documented,) = [e for e in EXCHANGES if e["scene"] == path.stem.rpartition(".")[0]]
    (interaction,) = yaml.safe_load(path.read_text("utf-8"))["interactions"]
    asked = json.loads(interaction["request"]["body"])
    assert asked.get("input", asked) == documented["request"]["input"]
    if "model" in asked:
        assert asked["model"] == documented["request"]["model"]
    body = interaction["response"]["body"]["string"]
    assert cassettes.answer_from_body(body) == documented["response"]


# ---- on the emulator, at both endpoints

EXCHANGES = packaged("documented_exchanges")["exchanges"]
# Each exchange at both endpoints, each way with both of them.
ASKED = [
    (exchange, endpoint, [*WAYS.values()][(n + shift) % len(WAYS)])
    for n, exchange in enumerate(EXCHANGES)
    for shift, endpoint in enumerate(ENDS)
]


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    # The pages' own signatures are none that the emulator made.
    with Emulator(foreign_signatures=True) as emulator:
        yield emulator


@pytest.fixture
def emulator(running: Emulator) -> Emulator:
    running.reset()
    return running


def _model(emulator: Emulator, exchange: Any, endpoint: str) -> ChatCloudflareGemini:
    return ChatCloudflareGemini(
        model=exchange["request"]["model"],
        endpoint=endpoint,  # type: ignore[arg-type]
        **cassettes.settings_from_generation(exchange["request"]["input"]),
        **emulator.client,
    )


def _without_roles(body: Json) -> Json:
    """A body as it means; a systemInstruction's role says nothing."""
    made = dict(body)
    if "systemInstruction" in made:
        made["systemInstruction"] = {"parts": made["systemInstruction"]["parts"]}
    return made


@pytest.mark.parametrize(("exchange", "endpoint", "way"), ASKED, ids=range(len(ASKED)))
def test_documented_exchange_on_the_emulator(
    emulator: Emulator, exchange: Any, endpoint: str, way: Any
) -> None:
    model = _model(emulator, exchange, endpoint)
    history = cassettes.messages_from_contents(exchange["request"]["input"])
    message = way(model, history)

    (asked,) = emulator.requests
    body: Any = asked.body
    body = body.get("input", body)
    assert _without_roles(body) == _without_roles(exchange["request"]["input"])

    cassettes.check_documented(message, exchange["response"])

    # The next turn sends the signature back in the part that it came in.
    way(model, [*history, message, HumanMessage("Go on.")])
    body = emulator.requests[-1].body
    sent = body.get("input", body)["contents"]
    turn = [t for t in sent if t["role"] == "model"][-1]
    (part,) = exchange["response"]["candidates"][0]["content"]["parts"]
    signed = [p for p in turn["parts"] if "thoughtSignature" in p]
    assert "".join(p["text"] for p in turn["parts"]) == part["text"]
    assert [p["thoughtSignature"] for p in signed] == [part["thoughtSignature"]]
    if not emulator.requests[0].stream:
        assert turn["parts"] == [part]


# ---- no secret in any cassette

# What must not be there, and something that would be found.
SECRETS = {
    "credential": (
        r"bearer|authorization|x-goog-api-key|api[-_]key|AIza[\w-]{20}|ya29\.",
        "cf-aig-authorization:\n- Bearer abc",
    ),
    "cookie": (r"cookie|__cf_bm|_cfuvid", "Set-Cookie:\n- x=1"),
    "ray id": (
        rf"cf-ray(?!:\s*- {cassettes.DUMMY_RAY}\b)",
        "cf-ray:\n- 8f2b3c4d5e6f7a8b-AMS",
    ),
    "account": (
        rf"(?:accounts|cloudflare\.com/v1)/(?!{cassettes.ACCOUNT_ID}\b)\w+",
        "https://api.cloudflare.com/client/v4/accounts/fedcba98/ai/run",
    ),
    "gateway's id": (
        rf"cf-aig-(?:log|request|event|run)-id(?!:\s*- {cassettes.DUMMY_ID}\b)",
        "cf-aig-log-id:\n- 01JADMCQQQBWH3NXZ5GCRN98DP",
    ),
    "address of the emulator": (
        r"127\.0\.0\.1|localhost|emulator-token",
        "http://127.0.0.1:4711/v1",
    ),
    "person": (r"[\w.+-]+@[\w-]+\.\w+", "someone@example.com"),
}


def test_no_cassette_holds_a_secret() -> None:
    texts = {path.name: path.read_text("utf-8") for path in ALL}
    assert len(texts) > 20
    for kind, (secret, leak) in SECRETS.items():
        search = re.compile(secret, re.I).search
        assert search(leak), kind
        assert [name for name, text in texts.items() if search(text)] == [], kind
