"""The exchanges on Cloudflare's model pages, replayed through the whole client.

The cassettes hold what the pages show; a request that differs from the documented one
in a single field finds no answer there. No network: a replay that misses fails.
"""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from langchain_core.messages import AIMessage
from vcr.cassette import Cassette
from vcr.errors import CannotOverwriteExistingCassetteException

from tests.support import cassettes
from tests.support.models import folded

OFFLINE: dict[str, Any] = {
    "account_id": cassettes.ACCOUNT_ID,
    "api_token": "replayed",
    "max_retries": 0,
}
ALL = sorted(cassettes.DIRECTORY.rglob("*.yaml"))
TRANSCRIBED = [path for path in ALL if "Transcribed" in path.read_text("utf-8")[:200]]

replayed = pytest.mark.parametrize(
    "path",
    [
        pytest.param(
            path,
            id=path.stem,
            marks=pytest.mark.default_cassette(f"documented/{path.stem}"),
        )
        for path in cassettes.documented_cassettes()
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
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
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
    data = files("langchain_cf_gemini.emulator") / "data/documented_exchanges.json"
    shown = {e["scene"]: e for e in json.loads(data.read_text("utf-8"))["exchanges"]}
    documented = shown[path.stem.rpartition(".")[0]]
    (interaction,) = yaml.safe_load(path.read_text("utf-8"))["interactions"]
    asked = json.loads(interaction["request"]["body"])
    assert asked.get("input", asked) == documented["request"]["input"]
    if "model" in asked:
        assert asked["model"] == documented["request"]["model"]
    body = interaction["response"]["body"]["string"]
    assert cassettes.answer_from_body(body) == documented["response"]


# ---- no secret in any cassette

SECRETS = {
    "credential": re.compile(
        r"bearer|authorization|x-goog-api-key|api[-_]key|AIza[\w-]{20}|ya29\.", re.I
    ),
    "cookie": re.compile(r"cookie|__cf_bm|_cfuvid", re.I),
    "ray id": re.compile(rf"cf-ray(?!:\s*- {cassettes.DUMMY_RAY}\b)", re.I),
    "account": re.compile(
        rf"(?:accounts|cloudflare\.com/v1)/(?!{cassettes.ACCOUNT_ID}\b)\w+"
    ),
    "gateway's id": re.compile(
        rf"cf-aig-(?:log|request|event|run)-id(?!:\s*- {cassettes.DUMMY_ID}\b)", re.I
    ),
    "address of the emulator": re.compile(r"127\.0\.0\.1|localhost|emulator-token"),
    "person": re.compile(r"[\w.+-]+@[\w-]+\.\w+"),
}


def test_no_cassette_holds_a_secret() -> None:
    texts = {path.name: path.read_text("utf-8") for path in ALL}
    assert len(texts) > 20
    found = {
        (name, kind): leak[0]
        for name, text in texts.items()
        for kind, secret in SECRETS.items()
        if (leak := secret.search(text))
    }
    assert found == {}


def test_the_search_for_secrets_finds_them() -> None:
    leaks = {
        "credential": "cf-aig-authorization:\n- Bearer abc",
        "cookie": "Set-Cookie:\n- x=1",
        "ray id": "cf-ray:\n- 8f2b3c4d5e6f7a8b-AMS",
        "account": "https://api.cloudflare.com/client/v4/accounts/fedcba98/ai/run",
        "gateway's id": "cf-aig-log-id:\n- 01JADMCQQQBWH3NXZ5GCRN98DP",
        "address of the emulator": "http://127.0.0.1:4711/v1",
        "person": "someone@example.com",
    }
    assert leaks.keys() == SECRETS.keys()
    for kind, leak in leaks.items():
        assert SECRETS[kind].search(leak), kind
