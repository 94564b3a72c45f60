"""Values that are checked against their own annotations."""

from collections.abc import Mapping
from dataclasses import KW_ONLY
from functools import cache
from typing import Any, ClassVar, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model


def check(kind: type, values: Mapping[str, Any]) -> None:
    """Refuse values that are not of the types which a class declares for them.

    Raises:
        ValueError: If one is not; it says which, and what it must be.
    """
    try:
        _model(kind)(**values)
    except ValidationError as wrong:
        found = wrong.errors()
        name = str(found[0]["loc"][0])
        # A value that may be of several types has an error for each of them.
        said = "; ".join(each["msg"] for each in found if each["loc"][0] == name)
        raise ValueError(
            f"{kind.__name__}.{name}: {said}, not {values[name]!r:.200}"
        ) from None


@cache
def _model(kind: type) -> type[BaseModel]:
    hints = get_type_hints(kind, include_extras=True).items()
    declared: dict[str, Any] = {
        name: (hint, None)
        for name, hint in hints
        if hint not in (Any, KW_ONLY) and get_origin(hint) is not ClassVar
    }
    strict = ConfigDict(strict=True)
    return create_model(kind.__name__, __config__=strict, **declared)
