"""The catalogue of Gemini text models: the packaged one and an account's."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from langchain_cf_gemini import ModelInfo, Prices
from tests.support.models import models_listed, packaged_models

PACKAGED = packaged_models()
ALL = ("minimal", "low", "medium", "high")
MOST = ("low", "medium", "high")
UP = ("low", "medium", "high", "xhigh")
TALL_PRO = Prices(input=4.0, cached=0.4, output=18.0)

# Cloudflare's catalogue pages (cloudflare-docs, src/content/catalog-models, read up to
# 2026-11) for context, output limit and prices per million tokens; Google's page on
# thinking for levels and defaults; `modelVersion` in the catalogue's examples for
# Google's ids.
FACTS: list[tuple[Any, ...]] = [
    # id, Google's id, context, output, input / cached / output / creation, levels
    ("2.5-flash-lite", "", 1_000_000, 8_192, None, (), None),
    ("2.5-flash", "", 1_000_000, 8_192, (0.30, 0.03, 2.50, None), (), None),
    ("2.5-pro", "", 1_000_000, 65_536, (1.25, 0.125, 10.0, None), (), None),
    ("3-flash", "-preview", 1_000_000, 8_192, (0.50, 0.05, 3.0, None), ALL, "high"),
    ("3.1-flash-lite", "", 1_000_000, 8_192, (0.25, 0.03, 1.50, None), ALL, "minimal"),
    ("3.1-pro", "-preview", 1_000_000, 65_536, (2.0, 0.2, 12.0, None), MOST, "high"),
    ("3.5-flash-lite", "", 1_048_576, 65_536, (0.30, 0.03, 2.5, 0.03), ALL, "minimal"),
    ("3.5-flash", "", 1_048_576, 65_536, (1.50, 0.15, 9.0, None), ALL, "medium"),
    ("3.6-flash", "", 1_048_576, 65_536, (1.50, 0.15, 7.50, 1.5), ALL, "medium"),
    ("3.7-flash", "", 1_048_576, 65_536, (0.75, 0.075, 3.75, None), MOST, "medium"),
    ("3.8-flash", "", 1_048_576, 65_536, (0.75, 0.075, 3.75, None), MOST, "medium"),
    # Not listed by Cloudflare (November 2026); Google's pages of October and November.
    ("4-argon", "", 1_048_576, 65_536, (2.0, 0.10, 10.0, None), MOST, "medium"),
    ("4-carbon", "", 1_048_576, None, (2.0, None, 10.0, None), MOST, None),
    ("4-hydrogen", "", 1_048_576, 65_536, (1.5, 0.075, 7.5, None), UP, "high"),
    ("4-neon", "", 1_048_576, 65_536, (3.0, 0.15, 15.0, None), UP, "high"),
]
IDS = [f"gemini-{row[0]}" for row in FACTS]


def test_the_catalogue_has_every_text_model() -> None:
    assert [model.id for model in PACKAGED.values()] == IDS
    unlisted = [model.id for model in PACKAGED.values() if not model.listed]
    assert unlisted == [id_ for id_ in IDS if id_.startswith("gemini-4-")]


@pytest.mark.parametrize("facts", FACTS, ids=IDS)
def test_a_row_agrees_with_its_sources(facts: tuple[Any, ...]) -> None:
    name, suffix, context, most, prices, levels, default = facts
    row, listed = PACKAGED[f"gemini-{name}"], PACKAGED[f"gemini-{name}"].prices
    assert row.google_id == f"gemini-{name}{suffix}"
    assert (row.context_length, row.max_output_tokens) == (context, most)
    assert (row.thinking_levels, row.default_thinking_level) == (levels, default)
    assert row.packaged
    if prices is None:
        assert listed is None
        return
    assert listed is not None
    assert prices == (listed.input, listed.cached, listed.output, listed.cache_creation)
    assert listed.long_context == (TALL_PRO if name == "3.1-pro" else None)


# The shape of Cloudflare's own import script (cloudflare-docs
# bin/fetch-catalog-models.ts) and of models.dev's generator.
ROW: dict[str, Any] = {
    "model_id": "google/gemini-9-flash",
    "provider_id": "google",
    "name": "Gemini 9 Flash",
    "task": "Text Generation",
    "tags": ["LLM"],
    "context_length": 2_000_000,
    "max_output_tokens": 65_536,
    "pricing": {"Input tokens (per 1M)": 1, "Cached input tokens (per 1M)": 0.1,
                "Output tokens (per 1M)": 5, "Grounding (per 1k requests)": 14},
}  # fmt: skip


def test_the_accounts_catalogue_is_read() -> None:
    others = [
        ROW | {"model_id": "google/veo-3"},
        ROW | {"model_id": "google/gemini-3.1-flash-tts", "task": "Text-to-Speech"},
        ROW | {"model_id": "openai/gpt-5"},
        ROW | {"model_id": None},
        ROW | {"model_id": "google/gemini-9-tts", "task": {"name": "Text-to-Speech"}},
        "noise",
    ]
    told = {name: ROW[name] for name in ("name", "context_length", "max_output_tokens")}
    read = ModelInfo(
        id="gemini-9-flash",
        google_id="gemini-9-flash",
        prices=Prices(input=1.0, cached=0.1, output=5.0),
        **told,
    )
    older = ROW | {"task": {"id": "c329", "name": "Text Generation"}}
    for row in (ROW, older):
        assert models_listed(row, *others) == [read]


def test_an_account_knows_its_prices_of_today() -> None:
    """What the account lists is listed, and its prices are not changed by ours."""
    argon = ROW | {"model_id": "google/gemini-4-argon"}
    (row,) = models_listed(argon)
    assert row.listed
    assert row.prices_on(date(2027, 6, 1)) == Prices(input=1.0, cached=0.1, output=5.0)
    (row,) = models_listed(argon | {"pricing": {}})
    assert row.prices_on(date(2027, 6, 1)) == Prices(input=4.0, output=20.0)


# id, last day of the Gemini API, last day of Vertex AI, what answers then
RETIREMENTS = [
    ("2.5-flash-lite", None, "2026-10-20", None),
    ("2.5-flash", "2026-12-01", "2026-10-20", "gemini-3.5-flash-lite"),
    ("2.5-pro", "2026-12-01", "2026-10-20", "gemini-3.8-flash"),
    ("3-flash", None, None, None),
    ("3.1-flash-lite", "2027-05-07", "2027-05-07", None),
    ("3.5-flash", "2027-05-19", "2027-05-19", None),
    ("3.5-flash-lite", "2027-07-21", "2027-07-21", None),
    ("3.6-flash", "2027-01-28", "2027-01-28", None),
    ("3.7-flash", "2027-01-28", "2027-01-28", None),
    ("3.8-flash", "2027-09-02", "2027-09-02", None),
    ("4-neon", None, None, None),
]


@pytest.mark.parametrize(("name", "gateway", "run", "instead"), RETIREMENTS)
def test_a_model_has_a_last_day_behind_each_endpoint(
    name: str, gateway: str | None, run: str | None, instead: str | None
) -> None:
    row = PACKAGED[f"gemini-{name}"]
    assert row.replaced_by == instead
    for endpoint, day in (("gateway", gateway), ("run", run)):
        assert row.retires(endpoint) == day
        if day:
            first = date.fromisoformat(day)
            assert row.retired_on(first, endpoint)
            assert not row.retired_on(first - timedelta(days=1), endpoint)
        else:
            assert not row.retired_on(date.max, endpoint)


def test_a_row_may_call_its_id_by_either_name() -> None:
    model = "google/gemini-3-flash"
    for name in (None, model):
        (row,) = models_listed({"id": model, "name": name})
        assert (row.id, row.name) == ("gemini-3-flash", "Gemini 3 Flash")


def test_the_packaged_table_completes_the_accounts() -> None:
    model_id = "google/gemini-3-flash"
    (row,) = models_listed(
        {"model_id": model_id, "context_length": None, "pricing": {}}
    )
    assert row == replace(PACKAGED["gemini-3-flash"], packaged=False)


@pytest.mark.parametrize(("listing", "expected"), [
    ({"Input <= 200k (per 1M)": 2, "Cached input <= 200k (per 1M)": 0.2,
      "Output <= 200k (per 1M)": 12, "Input > 200k (per 1M)": 4,
      "Cached input > 200k (per 1M)": 0.4, "Output > 200k (per 1M)": 18},
     Prices(input=2.0, cached=0.2, output=12.0, long_context=TALL_PRO)),
    ({"Input < 128k (per 1M)": 1, "Output < 128k (per 1M)": 2,
      "Input >= 128k (per 1M)": 3},
     Prices(input=1.0, output=2.0, long_context=Prices(input=3.0, output=2.0),
            long_context_over=128_000)),
    ({"Input tokens (per 1M)": 1, "Output tokens (per 1M)": 2,
      "Cache creation tokens (per 1M)": 3},
     Prices(input=1.0, output=2.0, cache_creation=3.0)),
    ({"Input tokens (per 1M)": 1}, None),
    ({"Input tokens (per 1M)": "1", "Output tokens (per 1M)": True}, None),
    ({}, None),
    (None, None),
])  # fmt: skip
def test_a_price_listing_is_read(listing: Any, expected: Prices | None) -> None:
    (row,) = models_listed(ROW | {"pricing": listing})
    assert row.prices == expected
