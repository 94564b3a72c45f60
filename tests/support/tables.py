"""Tables of cases as parameters of a test."""

from collections.abc import Mapping
from typing import Any

import pytest


def rows(names: str, table: Mapping[str, Any]) -> pytest.MarkDecorator:
    """Run a test once for each row of a table, under the row's own name.

    Args:
        names: The test's parameters, with spaces between; one takes the row as it is.
        table: The rows by the names that failures show.
    """
    names = ",".join(names.split())
    return pytest.mark.parametrize(names, list(table.values()), ids=list(table))
