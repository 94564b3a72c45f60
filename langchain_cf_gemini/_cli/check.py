"""`langchain-cf-gemini check`: what the credentials may do."""

import argparse

from langchain_cf_gemini._cli.session import model_from


def run(args: argparse.Namespace) -> int:
    """Print one line for each service; 1 if the model cannot invoke and stream."""
    with model_from(args) as model:
        report = model.check_credentials()
    print(report)
    return 0 if report.is_ok else 1
