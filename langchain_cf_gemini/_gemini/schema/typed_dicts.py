"""JSON Schema of TypedDicts and dataclasses with the notes LangChain reads in them.

LangChain reads `Annotated[type, default, description]` in a TypedDict, with `...` for
"no default"; pydantic ignores both. A lone string describes, as it does for tools.
"""

import inspect
import re
import sys
import types
from typing import Any, NotRequired, Required, Union, get_origin

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema
from typing_extensions import (
    ReadOnly,
    TypedDict,
    get_type_hints,
    is_typeddict,
)

_QUALIFIERS = (NotRequired, Required, ReadOnly)
_ARGUMENT = re.compile(r"^(?P<indent> +)(?P<name>\w+)(?: *\([^)]*\))?: *(?P<text>.*)$")
_SECTION = re.compile(r"^(Args|Arguments|Attributes|Returns|Raises|Example|Examples):$")
_PLAIN = (str, int, float, bool, list, dict, type(None))


class NotedJsonSchema(GenerateJsonSchema):
    """Pydantic's generator, with the notes it drops put back."""

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> JsonSchemaValue:
        """Generate the schema of one TypedDict.

        Args:
            schema: The core schema pydantic built for it.

        Returns:
            Its JSON Schema with descriptions and defaults.
        """
        found = super().typed_dict_schema(schema)
        cls = schema.get("cls")
        return found if cls is None else _noted_from_class(found, cls)

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        """Generate the schema of one dataclass.

        Args:
            schema: The core schema pydantic built for it.

        Returns:
            Its JSON Schema, described by its docstring unless that is the one
            `dataclasses` wrote.
        """
        found = super().dataclass_schema(schema)
        docstring = schema["cls"].__doc__ or ""
        if docstring and not docstring.startswith(f"{schema['cls'].__name__}("):
            found["description"] = inspect.cleandoc(docstring)
        return found


def _noted_from_class(schema: JsonSchemaValue, cls: type) -> JsonSchemaValue:
    summary, described = descriptions_from_docstring(cls.__doc__)
    if summary:
        schema["description"] = summary
    for name, hint in get_type_hints(cls, include_extras=True).items():
        notes = _notes_from_metadata(_metadata(hint))
        if name in described:
            notes["description"] = described[name]
        field = schema.get("properties", {}).get(name)
        if field is None or not notes:
            continue
        schema["properties"][name] = {**field, **notes}
        if "default" in notes and name in schema.get("required", ()):
            schema["required"].remove(name)
    return schema


def _metadata(hint: Any) -> tuple[Any, ...]:
    while get_origin(hint) in _QUALIFIERS:
        hint = hint.__args__[0]
    return getattr(hint, "__metadata__", ())


def _notes_from_metadata(metadata: tuple[Any, ...]) -> dict[str, Any]:
    """Read `Annotated[type, default, description]`, and leave pydantic's own alone."""
    if not metadata or not (metadata[0] is ... or isinstance(metadata[0], _PLAIN)):
        return {}
    if len(metadata) == 1 and isinstance(metadata[0], str):
        return {"description": metadata[0]}
    notes = {} if metadata[0] is ... else {"default": metadata[0]}
    if len(metadata) > 1 and isinstance(metadata[1], str):
        notes["description"] = metadata[1]
    return notes


def descriptions_from_docstring(docstring: str | None) -> tuple[str, dict[str, str]]:
    """Split a Google-style docstring.

    Args:
        docstring: The text, or None.

    Returns:
        The text before the first section, and what `Args:` or `Attributes:` says of
        each name.
    """
    summary: list[str] = []
    described: dict[str, str] = {}
    section, name, depth = "", "", 0
    for line in inspect.cleandoc(docstring or "").splitlines():
        found = _ARGUMENT.match(line)
        if heading := _SECTION.match(line):
            section, name, depth = heading[1], "", 0
        elif not section:
            summary.append(line)
        elif section[0] != "A" or not line.strip():
            continue
        elif found and len(found["indent"]) <= (depth or len(found["indent"])):
            name, depth = found["name"], len(found["indent"])
            described[name] = found["text"].strip()
        elif name:
            described[name] = f"{described[name]} {line.strip()}".strip()
    return "\n".join(summary).strip(), described


def pydantic_type(annotation: Any) -> Any:
    """Rebuild `typing.TypedDict`s as `typing_extensions` ones where pydantic asks it.

    Before Python 3.12 pydantic refuses the former
    (https://errors.pydantic.dev/2/u/typed-dict-version).

    Args:
        annotation: Any type form.

    Returns:
        The same form with every TypedDict in a shape pydantic reads.
    """
    if sys.version_info >= (3, 12):
        return annotation
    return _twin(annotation, {})


def _twin(annotation: Any, known: dict[Any, Any]) -> Any:
    if is_typeddict(annotation):
        return known.get(annotation) or _typed_dict_twin(annotation, known)
    arguments = getattr(annotation, "__args__", ())
    twins = tuple(_twin(argument, known) for argument in arguments)
    if twins == arguments:
        return annotation
    if isinstance(annotation, types.UnionType):
        return Union[twins]  # noqa: UP007 - a union of a computed tuple
    if hasattr(annotation, "copy_with"):
        return annotation.copy_with(twins)
    return get_origin(annotation)[twins]


def _typed_dict_twin(cls: Any, known: dict[Any, Any]) -> Any:
    hints = get_type_hints(cls, include_extras=True)
    twin: Any = types.new_class(cls.__name__, (TypedDict,))
    known[cls] = twin
    twin.__annotations__ = {name: _twin(hint, known) for name, hint in hints.items()}
    for name in ("__doc__", "__module__", "__total__", "__pydantic_config__"):
        if hasattr(cls, name):
            setattr(twin, name, getattr(cls, name))
    twin.__required_keys__ = cls.__required_keys__
    twin.__optional_keys__ = cls.__optional_keys__
    return twin
