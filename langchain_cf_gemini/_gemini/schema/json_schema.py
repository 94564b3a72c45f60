"""Any description of a type to one standalone JSON Schema, with nothing lost.

The result is what `parametersJsonSchema` and `responseJsonSchema` take: draft 2020-12,
references inlined. Only what recurs stays behind `$ref`, under the two rules that
Google states for it (`google/ai/generativelanguage/v1beta/generative_service.proto`):
a cyclic reference lives inside a property that is not required, and has no siblings.
"""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cached_property
from typing import Any, cast
from urllib.parse import unquote
from weakref import WeakKeyDictionary

from langchain_core.utils.pydantic import is_pydantic_v1_subclass
from langchain_core.utils.pydantic import is_pydantic_v2_subclass as _is_v2
from pydantic import BaseModel, PydanticUserError, TypeAdapter
from pydantic_core import from_json, to_json

from langchain_cf_gemini._gemini.schema.conjunction import (
    folded_from_all_of,
    merged_from_reference,
)
from langchain_cf_gemini._gemini.schema.json_types import KINDS
from langchain_cf_gemini._gemini.schema.rewrites import modern_schema
from langchain_cf_gemini._gemini.schema.typed_dicts import (
    NotedJsonSchema,
    pydantic_type,
)
from langchain_cf_gemini.exceptions import UnsupportedContentError

Schema = dict[str, Any]

_ONE = frozenset(
    {"items", "additionalItems", "unevaluatedItems", "contains", "contentSchema"}
    | {"additionalProperties", "unevaluatedProperties", "propertyNames"}
    | {"not", "if", "then", "else"}
)
_LIST = frozenset({"anyOf", "oneOf", "allOf", "prefixItems", "items"})
_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas"})
_DEFINITIONS = frozenset({"$defs", "definitions"})
_DROPPED = _DEFINITIONS | {"$schema", "$anchor", "$ref"}
_DYNAMIC = frozenset({"$dynamicRef", "$recursiveRef"})
_MAX_SUBSCHEMAS = 20_000
"""Where inlining stops: references that double each other grow without bound."""

_NOWHERE = object()
_MODEL_JSON_SCHEMA = BaseModel.model_json_schema.__func__  # type: ignore[attr-defined]
# With the version that it was made of; as text, which is read faster than copied.
_of_class: WeakKeyDictionary[type, tuple[list[Any], bytes]] = WeakKeyDictionary()


def json_schema_from(schema: Any, *, at: str = "schema") -> Schema:
    """Describe a type as a standalone JSON Schema.

    Args:
        schema: A pydantic v2 or v1 class, TypedDict, dataclass, Enum class, any other
            type form that pydantic reads (`list[Item]`, unions, `Literal`), or a
            JSON Schema dict of draft 4 to 2020-12.
        at: What the schema is called in errors.

    Returns:
        The JSON Schema, the caller's own to change. What was made of a class is
        remembered until the class is rebuilt, renamed or described anew.

    Raises:
        UnsupportedContentError: If there is no JSON Schema for it, a reference leads
            nowhere, or it recurs where Google does not allow it.
    """
    if not isinstance(schema, type) or _writes_its_own(schema):
        return _Inlining(_raw_schema(schema, at), at).result()
    core = getattr(schema, "__pydantic_core_schema__", None)
    version = [schema.__name__, schema.__doc__, core]
    known, written = _of_class.get(schema, (None, b""))
    if known != version:
        made = _Inlining(_raw_schema(schema, at), at).result()
        written = to_json(made, inf_nan_mode="constants")
        _of_class[schema] = version, written
    return cast("Schema", from_json(written))


def _raw_schema(schema: Any, at: str) -> Schema:
    if isinstance(schema, Mapping):
        return dict(schema)
    if schema is None or isinstance(schema, str | int | float | list | tuple):
        raise _no_schema(schema, at)
    try:
        if isinstance(schema, type) and _is_v2(schema):
            if _writes_its_own(schema):
                return schema.model_json_schema()
            return schema.model_json_schema(schema_generator=NotedJsonSchema)
        if isinstance(schema, type) and is_pydantic_v1_subclass(schema):
            return cast("Any", schema).schema()  # type: ignore[no-any-return]
        adapter = TypeAdapter(pydantic_type(schema))
        return adapter.json_schema(schema_generator=NotedJsonSchema)
    except (PydanticUserError, NameError) as error:
        raise _no_schema(schema, at, error) from error


def _no_schema(
    schema: Any, at: str, error: Exception | None = None
) -> UnsupportedContentError:
    """Return the error of what is no schema; pydantic's says it for its own users."""
    why = str(getattr(error, "message", error) or "")
    unknown = re.match(r"Unable to generate pydantic-core schema for (.*?)\. Set", why)
    if unknown:
        why = f"{unknown[1]:.80} has no JSON Schema"
    place = "" if at == "schema" else f" for {at}"
    return UnsupportedContentError(
        f"Can't build a JSON Schema{place} from {schema!r:.80}"
        + (f": {why.rstrip('.')}" if why else "")
        + ". Pass a Pydantic class, TypedDict, dataclass or JSON Schema dict."
    )


def _writes_its_own(cls: Any) -> bool:
    """Whether a model has a method of its own, which may say another each time."""
    method = getattr(cls, "model_json_schema", None)
    return getattr(method, "__func__", _MODEL_JSON_SCHEMA) is not _MODEL_JSON_SCHEMA


def subschemas(
    schema: Mapping[str, Any], *, definitions: bool = False
) -> Iterator[Any]:
    """Yield the schemas directly inside a schema.

    Args:
        schema: The schema; values that are data (`default`, `enum`) are not entered.
        definitions: Whether definitions count as inside.
    """
    named = _NAMED | _DEFINITIONS if definitions else _NAMED
    for key, value in schema.items():
        if key in _LIST and isinstance(value, list):
            yield from value
        elif key in _ONE:
            yield value
        elif key in named and isinstance(value, Mapping):
            yield from value.values()


class _Inlining:
    """One pass over one document.

    `_open` holds the recurring definitions being written around the current place,
    each with the number of optional properties above it; `_optional` is that number
    here.
    """

    def __init__(self, document: Schema, at: str) -> None:
        self._document = document
        self._at = at
        self._recurring = self._recurring_references()
        self._names: dict[str, str] = {}
        self._open: dict[str, int] = {}
        self._optional = 0
        self._base = 0
        self._count = 0

    def result(self) -> Schema:
        if "#" in self._recurring:
            self._open["#"] = 0
        root = cast("Schema", self._node(self._document, self._at))
        self._open.clear()
        definitions: Schema = {}
        while pending := [
            ref for ref in self._names if self._names[ref] not in definitions
        ]:
            for reference in pending:
                definitions[self._names[reference]] = self._definition(reference)
        return {**root, "$defs": definitions} if definitions else root

    def _definition(self, reference: str) -> Any:
        self._base = self._optional
        self._open = {reference: self._optional}
        at = f"{self._at}.$defs.{self._names[reference]}"
        return self._node(self._resolved(reference, at), at)

    def _node(self, schema: Any, at: str) -> Any:
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, Mapping):
            raise UnsupportedContentError(f"{at} must be a schema, not {schema!r:.80}.")
        schema = modern_schema(schema)
        _check_type(schema.get("type", []), at)
        self._count += 1
        if self._count > _MAX_SUBSCHEMAS:
            raise UnsupportedContentError(
                f"{self._at} has more than {_MAX_SUBSCHEMAS} subschemas. Simplify it."
            )
        required = _required_in(schema, at)
        walked = {
            key: self._value(key, value, f"{at}.{key}", required)
            for key, value in schema.items()
            if key not in _DROPPED
        }
        if "required" in walked:
            walked["required"] = required
        if "allOf" in walked:
            walked = folded_from_all_of(walked)
        if (reference := schema.get("$ref")) is None:
            return walked
        return self._referenced(unquote(str(reference)), walked, at)

    def _value(self, key: str, value: Any, at: str, required: list[str]) -> Any:
        if key in _LIST and isinstance(value, list):
            return [self._node(each, f"{at}[{i}]") for i, each in enumerate(value)]
        if key in _ONE:
            return self._node(value, at)
        if key in _NAMED:
            if not isinstance(value, Mapping):
                raise UnsupportedContentError(
                    f"{at} must be a dict of schemas, not {value!r:.80}."
                )
            return self._named(value, at, required if key == "properties" else [])
        if key in _DYNAMIC:
            raise UnsupportedContentError(
                f"{at} isn't supported. Use $ref, or write the schema out."
            )
        return deepcopy(value)  # data, which stays the caller's own

    def _named(
        self, schemas: Mapping[str, Any], at: str, required: list[str]
    ) -> Schema:
        """Write properties; those that recur are taken out of `required`.

        Google takes recursion in optional properties only. Answers are read back by
        the schema as it was, so one without the property fails there.
        """
        found: Schema = {}
        for name, schema in schemas.items():
            place = f"{at}.{name}"
            if name in required:
                try:
                    found[name] = self._node(schema, place)
                    continue
                except _RecursionError:
                    required.remove(name)
            self._optional += 1
            try:
                found[name] = self._node(schema, place)
            finally:
                self._optional -= 1
        return found

    def _referenced(self, reference: str, siblings: Schema, at: str) -> Any:
        if reference not in self._recurring:
            return merged_from_reference(
                self._node(self._resolved(reference, at), at), siblings
            )
        opened = self._open.get(reference)
        if opened is None and self._optional == self._base:
            self._open[reference] = self._optional
            try:
                inlined = self._node(self._resolved(reference, at), at)
            finally:
                del self._open[reference]
            return merged_from_reference(inlined, siblings)
        if opened == self._optional:
            raise _RecursionError(
                f"{at}.$ref: {reference} is recursive. Google supports recursion only "
                "in optional properties: make the property optional."
            )
        kept = {"$ref": f"#/$defs/{self._name(reference)}"}
        wrapper = "allOf" if "anyOf" in siblings else "anyOf"
        return {wrapper: [kept], **siblings} if siblings else kept

    def _name(self, reference: str) -> str:
        if reference not in self._names:
            title = self._document.get("title") or "Root"
            wish = str(title) if reference == "#" else reference.rsplit("/", 1)[-1]
            wish = name = re.sub(r"[^A-Za-z0-9_.-]", "_", wish)
            taken, number = set(self._names.values()), 2
            while name in taken:
                name, number = f"{wish}_{number}", number + 1
            self._names[reference] = name
        return self._names[reference]

    def _resolved(self, reference: str, at: str) -> Any:
        if (found := self._target(reference)) is _NOWHERE:
            raise UnsupportedContentError(
                f"{at}.$ref: {reference} doesn't exist. Only references within the "
                "document (`#/...`) are supported."
            )
        return found

    def _target(self, reference: str) -> Any:
        fragment = reference.removeprefix(str(self._document.get("$id", "")))
        found: Any = self._document
        if fragment and not fragment.startswith("#/") and fragment != "#":
            return self._marked.get(fragment, _NOWHERE)
        for step in _steps(fragment):
            try:
                found = found[int(step) if isinstance(found, list) else step]
            except (LookupError, ValueError, TypeError):
                return _NOWHERE
        return found

    @cached_property
    def _marked(self) -> Mapping[str, Any]:
        """The schemas that have a name of their own, as references write it."""
        found: Schema = {}
        pending = [self._document]
        while pending:
            each = pending.pop()
            if not isinstance(each, Mapping):
                continue
            if "$anchor" in each:
                found[f"#{each['$anchor']}"] = each
            if "$id" in each:
                found[str(each["$id"])] = each
            pending.extend(subschemas(each, definitions=True))
        return found

    def _recurring_references(self) -> frozenset[str]:
        """Find one reference of every cycle: where a walk from the root comes back."""
        seen: dict[str, bool] = {"#": True}
        recurring: set[str] = set()
        work: list[tuple[str, Iterator[str]]] = [("#", _references(self._document))]
        while work:
            owner, ahead = work[-1]
            if (reference := next(ahead, None)) is None:
                seen[owner] = False
                work.pop()
            elif seen.get(reference):
                recurring.add(reference)
            elif reference not in seen:
                seen[reference] = True
                work.append((reference, _references(self._target(reference))))
        return frozenset(recurring)


def _check_type(said: Any, at: str) -> None:
    if not {*(said if isinstance(said, list) else [said])} <= KINDS:
        raise UnsupportedContentError(
            f"{at}.type must be one of {', '.join(sorted(KINDS))}, or a list of them, "
            f"not {said!r:.80}."
        )


def _required_in(schema: Mapping[str, Any], at: str) -> list[str]:
    required = schema.get("required") or []
    if not isinstance(required, list | tuple):
        raise UnsupportedContentError(
            f"{at}.required must be a list of names, not {required!r:.80}."
        )
    return list(required)


class _RecursionError(UnsupportedContentError):
    """A schema contains itself, and no optional property is between."""


def _references(schema: Any) -> Iterator[str]:
    pending = [schema]
    while pending:
        each = pending.pop()
        if not isinstance(each, Mapping):
            continue
        if "$ref" in each:
            yield unquote(str(each["$ref"]))
        pending.extend(subschemas(modern_schema(each)))


def _steps(fragment: str) -> list[str]:
    if fragment in ("#", ""):
        return []
    steps = fragment[2:].split("/")
    return [step.replace("~1", "/").replace("~0", "~") for step in steps]
