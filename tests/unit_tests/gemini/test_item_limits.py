"""Schemas that Google would refuse for the sum of their `maxItems`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from tests.support.models import Cloudflare, Json, answer, body_of_call, text


def schema_of(limits: list[int | None]) -> Json:
    """An object with as many arrays of texts."""
    texts: Json = {"type": "array", "items": {"type": "string"}}
    properties = {
        f"a{at}": texts if most is None else {**texts, "maxItems": most}
        for at, most in enumerate(limits)
    }
    return {"type": "object", "properties": properties}


def limits_in(value: Any) -> list[int]:
    """Every limit in a schema."""
    if isinstance(value, list):
        return [each for item in value for each in limits_in(item)]
    if not isinstance(value, dict):
        return []
    own = [value["maxItems"]] if isinstance(value.get("maxItems"), int) else []
    return own + [each for item in value.values() for each in limits_in(item)]


CASES: list[tuple[list[int | None], list[int]]] = [
    ([960], [960]),
    ([961], []),
    ([480, 480], [480, 480]),
    ([500, 461], [461]),
    ([100] * 9, [100] * 9),
    ([100] * 10, [100] * 9),
    ([5, None, 2000, 7], [5, 7]),
    ([900, 900, 10], [900, 10]),
]


@pytest.mark.parametrize(("limits", "kept"), CASES)
def test_the_highest_limits_are_left_out(
    limits: list[int | None], kept: list[int]
) -> None:
    schema = schema_of(limits)
    tool = {"name": "look", "description": "Look.", "parameters": schema}
    as_format = body_of_call(response_schema=schema)["generationConfig"]
    (as_tool,) = body_of_call(tools=[tool])["tools"][0]["functionDeclarations"]
    assert limits_in(as_format) == kept
    assert limits_in(as_tool) == kept
    assert limits_in(schema) == [most for most in limits if most]  # the caller's


@given(st.lists(st.none() | st.integers(0, 1200), max_size=8))
def test_no_sum_is_more_than_google_takes(limits: list[int | None]) -> None:
    sent = limits_in(body_of_call(response_schema=schema_of(limits)))
    assert sum(sent) <= 960
    given_ = [most for most in limits if most is not None]
    assert sent == given_ or sum(given_) > 960


def test_values_are_no_limits() -> None:
    held = {"a": {"type": "object", "default": {"maxItems": 5000}}}
    sent = body_of_call(response_schema={"type": "object", "properties": held})
    assert sent["generationConfig"]["responseJsonSchema"]["properties"] == held


class Names(BaseModel):
    """Some names."""

    names: list[str] = Field(max_length=1000)


def test_what_comes_is_still_checked() -> None:
    few, many = (answer(text(json.dumps({"names": ["a"] * n}))) for n in (1, 1001))
    cloudflare = Cloudflare(few, many)
    model = cloudflare.model().with_structured_output(Names, include_raw=True)
    assert model.invoke("hi")["parsed"] == Names(names=["a"])
    assert model.invoke("hi")["parsing_error"] is not None
    assert limits_in(cloudflare.bodies[0]) == []
