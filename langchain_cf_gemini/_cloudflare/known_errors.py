"""What Cloudflare's and Google's errors mean, and what to do: a table with sources.

`known_errors.json` has one row for each. A row says what an error must have (`code`,
`status`, `words` in its text, `origin`, and what was `asked` for); the first row that
fits tells. `code_status` is what a code means where it stands in an answer of 200.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from langchain_cf_gemini.exceptions import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownError:
    """One row; what is None fits everything.

    Attributes:
        advice: What to do.
        source: Where that is written.
        code: Cloudflare's number or word.
        status: HTTP status.
        words: Text, in lower case, that the error's own text has.
        origin: Who answered.
        asked: What was asked for: run, gateway, catalogue, log, feedback or token.
        retryable: Whether the same request may succeed soon; None if the status tells.
        code_status: The HTTP status that the code stands for.
    """

    advice: str
    source: str
    code: int | str | None = None
    status: int | None = None
    words: str | None = None
    origin: Origin | None = None
    asked: str | None = None
    retryable: bool | None = None
    code_status: int | None = None


# At import: an error may come in an event loop, where no file is to be read.
KNOWN_ERRORS: Final[tuple[KnownError, ...]] = tuple(
    KnownError(**row)
    for row in json.loads(files(__package__).joinpath("known_errors.json").read_bytes())
)


STATUS_OF_CODE: Final[Mapping[int | str | None, int]] = {
    row.code: row.code_status for row in reversed(KNOWN_ERRORS) if row.code_status
}
"""What Cloudflare's codes mean as an HTTP status, in an answer of 200."""


def known_error(
    *, code: int | str | None, status: int, text: str, origin: Origin, asked: str
) -> KnownError | None:
    """Find the row of an error; `text` is all that it says, in lower case."""
    fitting = (
        row
        for row in KNOWN_ERRORS
        if row.code in (None, code)
        and row.status in (None, status)
        and row.origin in (None, origin)
        and row.asked in (None, asked)
        and (row.words or "") in text
    )
    return next(fitting, None)
