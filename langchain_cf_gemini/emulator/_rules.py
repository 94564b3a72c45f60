"""Every rule beyond the published schema."""

from collections.abc import Mapping
from typing import Any

from langchain_cf_gemini.emulator._responses import Generation

BACKEND_FIELDS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {}


def check(generation: Generation, backend: str, *, foreign_signatures: bool) -> None:
    """Refuse what Google would refuse."""
