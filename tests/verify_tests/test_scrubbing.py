"""Nothing of an account is in a report, however it is written."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.verified import ACCOUNT_ID, Exchange, Scrubber

TOKEN = 'v1.0-tok"en/+abc==\\x-0123456789'
ACCOUNT = "feedfacefeedfacefeedfacefeedface"
LOG_ID = "01JADMCQQQBWH3NXZ5GCRN98DP"
RAY = "8e6f7a2b3c4d5e6f-LIM"

ECHOES = [
    TOKEN,
    json.dumps({"echo": TOKEN}),
    f"?token={quote(TOKEN, safe='')}",
    base64.b64encode(f"user:{TOKEN}".encode()).decode(),
    base64.b64encode(f"us:{TOKEN}:x".encode()).decode(),
    base64.b64encode(f"u:{TOKEN}!!".encode()).decode(),
    f"{TOKEN}{TOKEN}",
    ACCOUNT.upper(),
    f"https://api.cloudflare.com/client/v4/accounts/{ACCOUNT}/ai/run",
    f"log {LOG_ID} of {LOG_ID}",
    RAY,
    "my-own-gateway",
]


def _exchange(echo: str) -> Exchange:
    return Exchange(
        method="POST",
        url=f"https://gateway.ai.cloudflare.com/v1/{ACCOUNT}/my-own-gateway/x",
        request_headers={
            "authorization": f"Bearer {TOKEN}",
            "cf-aig-authorization": f"Bearer {TOKEN}",
            "x-goog-api-key": TOKEN,
            "cookie": TOKEN,
            "content-type": "application/json",
        },
        request_body=echo.encode(),
        status=200,
        headers={
            "content-type": f"application/json; echo={TOKEN}",
            "cf-ray": RAY,
            "cf-aig-log-id": LOG_ID,
            "cf-aig-cache-status": "HIT",
            "set-cookie": f"a={TOKEN}",
            "x-account": ACCOUNT,
        },
        body=echo.encode(),
    )


def _scrubbed(exchange: Exchange) -> str:
    scrubber = Scrubber([TOKEN], ACCOUNT, ["my-own-gateway"])
    scrubber.learn(exchange)
    return json.dumps(scrubber.interaction(exchange))


def _inner_base64(secret: str) -> list[str]:
    """What base64 makes of a secret, wherever it begins, less its ragged ends."""
    made = [base64.b64encode(b"\0" * n + secret.encode()).decode() for n in range(3)]
    return [text[4:-4] for text in made]


@pytest.mark.parametrize("echo", ECHOES)
def test_nothing_of_the_account_is_left(echo: str) -> None:
    text = _scrubbed(_exchange(echo)).lower()
    forms = [TOKEN, json.dumps(json.dumps(TOKEN))[3:-3], quote(TOKEN, safe="")]
    for form in (*forms, *_inner_base64(TOKEN), ACCOUNT, LOG_ID, RAY, "my-own-gateway"):
        assert form.lower() not in text


def test_what_tells_nothing_of_the_account_is_kept() -> None:
    interaction = json.loads(_scrubbed(_exchange('{"candidates": []}')))
    assert interaction["response"]["headers"]["cf-aig-cache-status"] == ["HIT"]
    assert interaction["response"]["body"]["string"] == '{"candidates": []}'
    assert f"/v1/{ACCOUNT_ID}/" in interaction["request"]["uri"]


@given(
    secret=st.text(
        st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=12
    ),
    before=st.binary(max_size=7),
    after=st.binary(max_size=7),
)
def test_any_secret_anywhere(secret: str, before: bytes, after: bytes) -> None:
    scrubber = Scrubber([secret], ACCOUNT)
    for body in (
        before + secret.encode() + after,
        json.dumps(before.hex() + secret + after.hex()).encode(),
        before.hex().encode() + quote(secret, safe="").encode() + after.hex().encode(),
    ):
        assert secret.encode() not in scrubber.text(body).encode()
