"""A wrong value of a field in plain words, instead of pydantic's frame and tags."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, create_model
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from langchain_cf_gemini._langchain.secrets import HIDDEN, hidden, hide
from langchain_cf_gemini._langchain.settings import ALIASES, names_of

_Model = TypeVar("_Model")

_WORDS: Final[Mapping[Any, tuple[str, ...]]] = {
    str: ("a string",),
    SecretStr: ("a string",),
    int: ("a whole number",),
    float: ("a number",),
    bool: ("True", "False"),
    NoneType: (),
}
_MANY: Final[Mapping[Any, str]] = {str: "strings", SecretStr: "strings", dict: "dicts"}
_LONGEST: Final = 80
# What pydantic says of a limit reads well as it is.
_LIMITS: Final = ("greater_than", "less_than")


def without_texts(
    cls: type[BaseModel], values: Any, make: Callable[[Any], _Model]
) -> _Model:
    """Return what pydantic makes of a model's arguments; its errors hide their texts.

    One of them may be a token in the place of something else.

    Args:
        cls: The class that is made.
        values: What it is made of, or an instance.
        make: pydantic's own validation.

    Raises:
        ValidationError: As pydantic does.
    """
    if isinstance(values, Mapping):
        values = hide(values, names_of(cls, values) | ALIASES.keys())
    try:
        return make(values)
    except ValidationError as error:
        found = error.errors(include_url=False)
        title = error.title
    raise ValidationError.from_exception_data(title, [_hidden(each) for each in found])


def _hidden(found: ErrorDetails) -> InitErrorDetails:
    given = found["input"]
    return InitErrorDetails(
        type=PydanticCustomError(found["type"], "{said}", {"said": found["msg"]}),
        loc=found["loc"],
        input=given if found["loc"] else hidden(given),
    )


def checked(cls: type[BaseModel], name: str, value: Any) -> Any:
    """Return a value that a field is set to as the constructor would take it.

    LangChain's own fields and those of subclasses take anything, as elsewhere.

    Raises:
        ValueError: If the constructor would refuse it.
    """
    value = hide({name: value}, {name})[name]
    having = (c for c in cls.__mro__ if name in getattr(c, "model_fields", ()))
    *_, owner = (object, *having)
    if not owner.__module__.startswith("langchain_cf_gemini."):
        return value
    try:
        return getattr(_alone(cls, name).model_validate({name: value}), name)
    except ValidationError as error:
        refused = error_from_validation(error, cls, {name: value})
    raise refused


@lru_cache(maxsize=256)
def _alone(cls: type[BaseModel], name: str) -> type[BaseModel]:
    """A class with one field of another class."""
    field = cls.model_fields[name]
    config = ConfigDict(arbitrary_types_allowed=True, populate_by_name=True)
    fields: Any = {name: (field.annotation, field)}
    return create_model(cls.__name__, __config__=config, **fields)


def error_from_validation(
    error: ValidationError, cls: type[BaseModel], given: Mapping[str, Any]
) -> ValueError:
    """Return pydantic's findings in plain words, a line for each field.

    The new error has no frames that held secrets, as the causes of pydantic's have.

    Args:
        error: What pydantic raised.
        cls: The class that was to be made.
        given: Its arguments. Values of secrets are never shown.
    """
    values = {ALIASES.get(name, name): value for name, value in given.items()}
    lines = []
    for found in error.errors(include_input=False, include_url=False):
        name = str(found["loc"][0]) if found["loc"] else ""
        shown = _shown(values.get(name), is_secret=name in HIDDEN)
        field = cls.model_fields.get(name)
        lines.append(_line(found, name, field.annotation if field else Any, shown))
    return ValueError("\n".join(dict.fromkeys(lines)))


def _line(found: ErrorDetails, name: str, annotation: Any, shown: str) -> str:
    text = found["msg"].removeprefix("Value error, ").rstrip(".")
    if found["type"] == "missing":
        return f"{name} is missing. Pass {name}=."
    if found["type"] == "value_error" or not name:
        return text if text.endswith("?") else f"{text}."
    if not found["type"].startswith(_LIMITS):
        return f"{name} must be {words_for(annotation)}, not {shown}."
    return f"{name} {text.replace('Input should', 'must')}, not {shown}."


def _shown(value: Any, *, is_secret: bool) -> str:
    text = type(value).__name__ if is_secret else repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def words_for(annotation: Any) -> str:
    """Return what a value of a type is in words: `a list of strings or a string`."""
    *first, last = _pieces(annotation) or ["something else"]
    return f"{', '.join(first)} or {last}" if first else last


def _pieces(kind: Any) -> list[str]:
    if kind in _WORDS:
        return [*_WORDS[kind]]
    origin, inner = get_origin(kind), get_args(kind)
    if (pieces := _OF_ORIGIN.get(origin)) is not None:
        return pieces(inner)
    return [_container(origin or kind, inner)]


def _of_union(kinds: tuple[Any, ...]) -> list[str]:
    return [piece for kind in kinds for piece in _pieces(kind)]


_OF_ORIGIN: Final[Mapping[Any, Callable[[tuple[Any, ...]], list[str]]]] = {
    Union: _of_union,
    UnionType: _of_union,
    Annotated: lambda inner: _pieces(inner[0]),
    Literal: lambda values: [repr(value) for value in values],
    Callable: lambda _: ["a function"],
}


def _container(kind: Any, inner: tuple[Any, ...]) -> str:
    if not (isinstance(kind, type) and issubclass(kind, list | dict)):
        return f"an instance of {getattr(kind, '__name__', kind)}"
    last = inner[-1] if inner else None
    many = _MANY.get(get_origin(last) or last)
    name = "list" if issubclass(kind, list) else "dict"
    return f"a {name} of {many}" if many else f"a {name}"
