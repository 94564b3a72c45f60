"""Two schemas that both hold, as one: what inlining a reference and `allOf` need.

Google reads neither `allOf` nor the siblings of `$ref`, so both are merged where that
says exactly the same. Where it does not, `allOf` stays.
"""

from typing import Any

Schema = dict[str, Any]

_NOTES = frozenset(
    {"title", "description", "default", "examples", "example", "deprecated"}
    | {"readOnly", "writeOnly", "$comment", "$id", "discriminator"}
)
_GROUPS = (
    frozenset(
        {"properties", "patternProperties", "additionalProperties", "propertyOrdering"}
    ),
    frozenset({"items", "prefixItems", "contains", "minContains", "maxContains"}),
    frozenset({"if", "then", "else"}),
)
"""Keywords that read each other inside one schema: merging must not mix them."""


def merged_from_reference(target: Any, siblings: Schema) -> Any:
    """Put what stands beside a `$ref` into the schema it refers to.

    Args:
        target: The schema referred to, possibly a boolean.
        siblings: The keywords beside the reference. Their notes (title, description,
            default) win: they are about this very place.

    Returns:
        One schema that accepts what both accept.
    """
    if not siblings:
        return target
    if target is True:
        return siblings
    if isinstance(target, dict) and (merged := conjunction(siblings, target)):
        return merged
    return {**siblings, "allOf": [target, *siblings.get("allOf", [])]}


def folded_from_all_of(schema: Schema) -> Schema:
    """Merge the members of `allOf` into the schema around them, as far as it goes.

    Args:
        schema: A schema with `allOf`.

    Returns:
        An equal schema, without `allOf` if every member could be merged.
    """
    folded = {key: value for key, value in schema.items() if key != "allOf"}
    kept: list[Any] = []
    for member in schema["allOf"]:
        if member is True or member == {}:
            continue
        merged = conjunction(folded, member) if isinstance(member, dict) else None
        if merged is None:
            kept.append(member)
        else:
            folded = merged
    # Those that were merged may have brought an `allOf` of their own.
    kept = [*folded.get("allOf", []), *kept]
    return {**folded, "allOf": kept} if kept else folded


def conjunction(outer: Schema, inner: Schema) -> Schema | None:
    """Join two schemas into one that accepts what both accept.

    Args:
        outer: The schema whose notes win.
        inner: The other.

    Returns:
        The joint schema, or None where one schema cannot say it.
    """
    if outer.keys() <= _NOTES and "$ref" not in inner:
        return {**inner, **outer}
    if "$ref" in outer or "$ref" in inner or _mixes_groups(outer, inner):
        return None
    merged = dict(inner)
    for key, value in outer.items():
        if key in _NOTES or key not in inner or inner[key] == value:
            merged[key] = value
        elif key == "properties" and not value.keys() & inner[key].keys():
            merged[key] = {**inner[key], **value}
        elif key == "required":
            merged[key] = list(dict.fromkeys([*inner[key], *value]))
        elif key == "allOf":
            merged[key] = [*value, *inner[key]]
        else:
            return None
    return merged


def _mixes_groups(outer: Schema, inner: Schema) -> bool:
    for group in _GROUPS:
        first, second = outer.keys() & group, inner.keys() & group
        if not first or not second or first == second == {"properties"}:
            continue
        if {key: outer[key] for key in first} != {key: inner[key] for key in second}:
            return True
    return any("unevaluated" in key for key in (*outer, *inner))
