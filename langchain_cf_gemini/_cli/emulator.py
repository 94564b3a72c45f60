"""`langchain-cf-gemini emulator`: the emulator in the foreground."""

import argparse
import io
import sys
from contextlib import redirect_stdout
from pathlib import Path

from langchain_cf_gemini._cli.arguments import UsageError
from langchain_cf_gemini._cli.session import load_emulator


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    _, serve = load_emulator()
    out = io.StringIO() if args.quiet else sys.stdout
    if args.script is not None and not Path(args.script).is_file():
        raise UsageError(
            f"--script: there is no file {args.script!r}. Pass JSON as in the "
            "documentation, or a cassette (YAML)."
        )
    if args.record is not None and not Path(args.record).parent.is_dir():
        raise UsageError(
            f"--record {args.record!r} can't be written: there is no such directory."
        )
    try:
        with redirect_stdout(out):
            serve(
                args.host,
                args.port,
                script=args.script,
                unscripted=args.unscripted,
                record=args.record,
                rate_limit=args.rate_limit,
            )
    except OSError as error:
        raise UsageError(_why(error, args.host, args.port)) from None
    return 0


def _why(error: OSError, host: str, port: int) -> str:
    if error.filename is not None:
        return f"{error.filename!r} can't be opened: {error.strerror}."
    text = str(error).lower()
    if "in use" in text:
        return f"Port {port} on {host} is in use. Try --port 0."
    if "not known" in text or "cannot assign" in text:
        return (
            f"--host {host!r} is not an address of this machine. Use 127.0.0.1, or "
            "0.0.0.0 for all."
        )
    return f"Can't listen on {host}:{port}: {error}."
