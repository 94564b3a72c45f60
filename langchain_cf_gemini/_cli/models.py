"""`langchain-cf-gemini models`: which Gemini models there are."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from langchain_cf_gemini._cli.arguments import DEFAULT_MODEL
from langchain_cf_gemini._cli.session import model_from, read_env_file
from langchain_cf_gemini._cloudflare.catalogue import (
    CATALOGUE_DATE,
    MODELS,
    ModelInfo,
)

_CREDENTIALS = (
    "CLOUDFLARE_ACCOUNT_ID", "CF_ACCOUNT_ID",
    "CLOUDFLARE_API_TOKEN", "CF_API_TOKEN", "CF_AI_API_TOKEN",
)  # fmt: skip
_HEAD = ("model", "Google's id", "context", "price per million tokens")


def run(args: argparse.Namespace) -> int:
    """Print the account's models, or those of the documentation."""
    models = _models(args)
    if args.json:
        print(json.dumps([asdict(info) for info in models], ensure_ascii=False))
        return 0
    rows = [_HEAD, *(_row(info) for info in models)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
    return 0


def _models(args: argparse.Namespace) -> Sequence[ModelInfo]:
    read_env_file(args.env_file)
    is_set = any(os.environ.get(name) for name in _CREDENTIALS)
    if args.emulator or args.option or is_set:
        args.env_file, args.model = None, DEFAULT_MODEL
        with model_from(args) as model:
            return model.list_models()
    print(
        f"No credentials: these are the models in Cloudflare's documentation of "
        f"{CATALOGUE_DATE}. Set CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN to list "
        "your account's.",
        file=sys.stderr,
    )
    return list(MODELS)


def _row(info: ModelInfo) -> tuple[str, ...]:
    context = "" if info.context_length is None else f"{info.context_length:,}"
    return (info.id, info.google_id, context, _price(info.prices))


def _price(prices: Any) -> str:
    if prices is None:
        return ""
    return f"${prices.input:g} input, ${prices.output:g} output"
