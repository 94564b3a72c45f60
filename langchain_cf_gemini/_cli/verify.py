"""`langchain-cf-gemini verify`: check the assumptions against an account."""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from langchain_cf_gemini._cli.arguments import UsageError, model_named
from langchain_cf_gemini._cli.session import (
    address_of_emulator,
    message_from,
    options_from,
    read_env_file,
)
from langchain_cf_gemini._verify.scrubbing import Scrubber
from langchain_cf_gemini._verify.session import Result, Run, names_from, write_report

_SIGNS = {True: "copes", False: "DOES NOT COPE", None: ""}


def run(args: argparse.Namespace) -> int:
    """Run the probes; the exit status is 0 if the client copes with everything."""
    read_env_file(args.env_file)
    if args.report:
        _make_directory(args.report)
    args.model = model_named(args)
    with ExitStack() as stack:
        settings: dict[str, Any] = options_from(args)
        if args.emulator:
            settings |= stack.enter_context(address_of_emulator())
        if args.gateway:
            settings["gateway"] = args.gateway
        session = stack.enter_context(_session(args, settings))
        if not _agreed(args, session):
            return 0
        results = session.results(_show)
    return _end(args, session, results)


def _make_directory(path: str) -> None:
    """Make the report's directory before anything is sent, which costs."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"--report {path!r} can't be made a directory: {error.strerror}."
        ) from None


def _session(args: argparse.Namespace, settings: dict[str, Any]) -> Run:
    try:
        names = names_from(args.only)
        return Run(args.model, settings, names, max_cost=args.max_cost)
    except (ValueError, TypeError) as error:
        raise UsageError(message_from(error)) from None


def _agreed(args: argparse.Namespace, session: Run) -> bool:
    """Tell the cost and ask, unless --yes or the emulator makes that needless."""
    guess = session.estimate
    price = "unknown price" if guess is None else f"about ${guess:.4f}"
    print(
        f"{_count(len(session.names), 'check')}, "
        f"{_count(session.requests, 'request')} to {args.model}, {price}. "
        f"Stops at ${args.max_cost:.2f}.",
        file=sys.stderr,
    )
    if args.yes or args.emulator:
        return True
    if not sys.stdin.isatty():
        raise UsageError("Standard input is not a terminal. Pass --yes to go on.")
    print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _show(result: Result) -> None:
    found = result.finding
    words = f"{found.verdict:9} {_SIGNS[found.copes]:13} {result.belief.name}"
    print(f"{words}: {found.seen}", flush=True)


def _end(args: argparse.Namespace, session: Run, results: list[Result]) -> int:
    verdicts = [result.finding.verdict for result in results]
    counts = ", ".join(
        f"{verdicts.count(name)} {name}" for name in ("proven", "disproved", "open")
    )
    failed = [result for result in results if result.finding.copes is False]
    print(f"\n{counts}. Spent about ${session.spent:.4f}.")
    if failed:
        names = ", ".join(result.belief.name for result in failed)
        print(f"The client does not cope with what was seen: {names}.")
    if args.report:
        account = session.lab.account
        secrets = [account.api_token or "", account.google_api_key or ""]
        scrubber = Scrubber(secrets, account.account_id or "", [args.gateway or ""])
        written = write_report(Path(args.report), results, scrubber, args.model)
        print(f"{len(written)} files in {args.report}, without credentials and ids.")
    return 1 if failed else 0
