"""Bodies as JSON: exact, also with media in them, and refused if they cannot be."""

from __future__ import annotations

import copy
import itertools
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from langchain_cf_gemini import GatewayOptions
from langchain_cf_gemini.exceptions import UnsupportedContentError
from langchain_cf_gemini.gateway import Endpoint
from tests.support.cloudflare import Account, json_from_body
from tests.support.langchain import Call
from tests.support.strategies import JSON


def written(body: dict[str, Any], *, has_media: bool = False) -> bytes:
    return b"".join(json_from_body(body, has_media=has_media))


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, [1, {"a": (math.nan,)}], {"NaN": math.nan}]
)
def test_numbers_that_json_cannot_carry_are_refused(value: Any) -> None:
    with pytest.raises(UnsupportedContentError, match=r"^The request contains NaN"):
        json_from_body({"x": value})


def test_such_numbers_are_found_beside_media() -> None:
    image = "NaN" * 2**20
    assert image.encode() in written({"data": image, "x": 0.5}, has_media=True)
    with pytest.raises(UnsupportedContentError, match=r"^The request contains NaN"):
        json_from_body({"data": image, "score": math.nan}, has_media=True)


@pytest.mark.parametrize("value", ["NaN", "Infinity", ":NaN,", [1.5, "-Infinity"]])
def test_texts_about_such_numbers_are_no_such_numbers(value: Any) -> None:
    assert json.loads(written({"x": value})) == {"x": value}


@pytest.mark.parametrize("value", ["\ud800", object(), {"a": {1: object()}}])
def test_what_is_no_json_is_refused(value: Any) -> None:
    with pytest.raises(UnsupportedContentError, match="JSON"):
        json_from_body({"x": value})


def test_circles_and_abysses_are_refused() -> None:
    circle: dict[str, Any] = {}
    circle["self"] = circle
    abyss: dict[str, Any] = {}
    for _ in range(5000):
        abyss = {"x": abyss}
    for value, has_media in itertools.product((circle, abyss), (False, True)):
        with pytest.raises(UnsupportedContentError, match="JSON"):
            json_from_body(value, has_media=has_media)


@given(st.dictionaries(st.text("aé\n", max_size=3), JSON), st.booleans())
def test_bodies_come_back_as_they_were(body: dict[str, Any], has_media: bool) -> None:
    assert json.loads(written(body, has_media=has_media)) == body


# ------------------------------------------------------------------ media
LONG = "QUJD" * 2**16


@pytest.mark.parametrize("body", [
    {"data": LONG},
    {"a": [LONG, {"b": LONG + "Zg=="}, "short"], "c": LONG[4:]},
    {"a": (LONG, 1), "b": [[LONG]]},
    {"text": LONG + "é"},
    {LONG: LONG},
    {"a": LONG[:100_000]},
    *({"text": f"{LONG}{chr(code)}{LONG}"} for code in (*range(32), 34, 92, 127)),
])  # fmt: skip
def test_long_texts_are_written_as_without_the_short_cut(body: dict[str, Any]) -> None:
    before = copy.deepcopy(body)
    assert written(body, has_media=True) == written(body)
    assert json.loads(written(body)) == json.loads(json.dumps(body))
    assert body == before


@pytest.mark.parametrize("endpoint", ["run", "gateway"])
@pytest.mark.parametrize(("block", "pieces"), [
    ({"type": "image", "base64": LONG, "mime_type": "image/png"}, 3),
    ({"type": "image", "base64": "QUJD", "mime_type": "image/png"}, 1),
    ({"type": "image_url", "image_url": f"data:image/png;base64,{LONG}"}, 3),
    ({"type": "text", "text": LONG}, 1),
])  # fmt: skip
def test_media_of_messages_are_pieces(
    endpoint: Endpoint, block: dict[str, Any], pieces: int
) -> None:
    settings: dict[str, Any] = {"model": "gemini-3-flash", "gateway": GatewayOptions()}
    call = Call(settings, [HumanMessage([block])])
    account = Account(account_id="acc", api_token="token")
    request = call.request(account, endpoint, stream=False)
    assert len(request.pieces) == pieces
    assert json.loads(request.body)
