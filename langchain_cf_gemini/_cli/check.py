"""`langchain-cf-gemini check`: what the credentials may do."""

import argparse

from langchain_cf_gemini._cli.session import model_from
from langchain_cf_gemini._cloudflare.catalogue import (
    CATALOGUE_DATE,
    ModelInfo,
    model_info,
)
from langchain_cf_gemini._cloudflare.model_ids import advice_on_missing, model_id_from
from langchain_cf_gemini.chat_models import ChatCloudflareGemini
from langchain_cf_gemini.exceptions import CloudflareGeminiError


def run(args: argparse.Namespace) -> int:
    """Print one line for each service and the model; 1 if it can't invoke and stream.

    The services let credentials in whatever model is named: no model answers.
    """
    with model_from(args) as model:
        report = model.check_credentials()
        print(report)
        known = _known(model)
    if known is None:
        name = model_id_from(model.model)
        print(
            f"model     unknown   {name!r} isn't in your account's catalog or in that "
            f"of {CATALOGUE_DATE}. {advice_on_missing(name)}"
        )
        return 1
    print(f"model     ok        {known.id}, {known.google_id} at Google")
    return 0 if report.is_ok else 1


def _known(model: ChatCloudflareGemini) -> ModelInfo | None:
    """Return a model of this package's catalog, or of the account's."""
    name = model_id_from(model.model)
    if found := model_info(name):
        return found
    try:
        listed = model.list_models()
    except CloudflareGeminiError:
        return None
    return next((info for info in listed if info.id == name), None)
