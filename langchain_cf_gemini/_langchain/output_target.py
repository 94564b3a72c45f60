"""What an answer is to become, and how its JSON gets there."""

import re
from dataclasses import dataclass, field
from typing import Any

from langchain_core.utils.pydantic import is_pydantic_v1_subclass
from pydantic import TypeAdapter
from pydantic_core import from_json, to_json
from typing_extensions import is_typeddict

from langchain_cf_gemini._gemini.schema.json_types import fits
from langchain_cf_gemini._gemini.schema.typed_dicts import pydantic_type

NOTHING = object()
"""What an unfinished answer amounts to as long as it is nothing."""

WRAPPED = "value"
"""The one parameter of a function whose schema is no object."""

_FENCE = re.compile(r"\A```\w*\s*|\s*```\Z")
_OPEN_NUMBER = "0123456789+-.eE"

UNFIT = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
"""What validators raise, the caller's own among them, at data that is not theirs."""


def _unfenced(text: str) -> str:
    text = text.strip()
    return _FENCE.sub("", text) if text.startswith("```") else text


def _is_v1(schema: Any) -> bool:
    return isinstance(schema, type) and is_pydantic_v1_subclass(schema)


@dataclass(frozen=True, kw_only=True)
class Target:
    """The type that was asked for.

    Attributes:
        schema: A class or other type form, a JSON Schema dict, or None for any JSON.
            Dicts and TypedDicts come as plain JSON, as elsewhere in LangChain.
        wrapped: Whether the value is the one argument of a function.
    """

    schema: Any
    wrapped: bool = False
    _adapter: TypeAdapter[Any] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Build the validator once."""
        plain = self.schema is None or isinstance(self.schema, dict)
        bare = plain or is_typeddict(self.schema) or _is_v1(self.schema)
        adapter = None if bare else TypeAdapter(pydantic_type(self.schema))
        object.__setattr__(self, "_adapter", adapter)

    @property
    def name(self) -> str:
        """What the type is called in errors."""
        return str(getattr(self.schema, "__name__", "the JSON asked for"))

    def whole(self, text: str) -> Any:
        """Read a finished answer.

        Args:
            text: JSON, possibly in a Markdown fence.

        Raises:
            ValueError: If it is no JSON, or not of this type. The caller's validators
                may raise the rest of UNFIT.
        """
        text = _unfenced(text)
        value = from_json(text)
        if self.wrapped:
            if not isinstance(value, dict) or WRAPPED not in value:
                raise ValueError(f"the argument {WRAPPED!r} is missing")
            value = value[WRAPPED]
            text = to_json(value).decode()
        if self._adapter is not None:
            # From JSON, not from Python objects: strict models take dates and enums
            # as strings only here.
            return self._adapter.validate_json(text)
        return self._unvalidated(value)

    def _unvalidated(self, value: Any) -> Any:
        if _is_v1(self.schema):
            return self.schema.parse_obj(value)
        schema = {"type": "object"} if is_typeddict(self.schema) else self.schema
        if schema is not None and not fits(value, schema):
            raise ValueError(f"{value!r:.80} is of another type than the schema")
        return value

    def part(self, text: str) -> Any:
        """Read what there is of an unfinished answer.

        A number at the end may have digits to come, so it is left out until more
        follows.

        Args:
            text: The beginning of some JSON.

        Returns:
            The value so far, or NOTHING. Validated types come only when they are valid.
        """
        text = _unfenced(text).rstrip(_OPEN_NUMBER)
        try:
            value = from_json(text, allow_partial="trailing-strings")
            if self.wrapped:
                value = value[WRAPPED]
            if self._adapter is not None:
                return self._adapter.validate_python(value)
            return self._unvalidated(value)
        except UNFIT:
            return NOTHING
