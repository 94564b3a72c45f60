"""Types and JSON for schemas: what accepts what."""

import dataclasses
import enum
import typing
from decimal import Decimal
from typing import Annotated, Any, Literal, NotRequired, Optional

from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel, v1
from typing_extensions import TypedDict

Json = dict[str, Any]


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(9, ge=1, le=9, description="How many are left")


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str] = []


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


class Point(TypedDict):
    """A point.

    Args:
        x: From the left.
    """

    x: int
    y: Annotated[int, 0, "From the top."]
    label: NotRequired[Annotated[str | None, None, "What it is called."]]


class OldPoint(typing.TypedDict):
    x: Annotated[int, ..., "From the left."]
    before: NotRequired["OldPoint"]


class Documented(TypedDict):
    """Summary.

    More of it.

    Attributes:
        first (str): One line
            and: another.
        second: Short.

    Returns:
        third: not an argument.
    """

    first: str
    second: int
    third: int


@dataclasses.dataclass
class Line:
    """From here to there."""

    start: tuple[int, int]
    end: tuple[int, int] = (0, 0)


class Node(BaseModel):
    """A tree."""

    name: str
    children: list["Node"] = []
    parent: Optional["Node"] = None


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: int = Field(alias="theId")


class Everything(BaseModel):
    color: Color = Field(Color.RED, description="Which one")
    size: Size
    pet: Pet
    either: int | str
    maybe: float | None = None
    one: Literal[1]
    mixed: Literal["a", 2, None]
    pair: tuple[int, str]
    counts: dict[str, int]
    tags: set[str] = Field(max_length=3)
    ratio: float = Field(gt=0, lt=1, multiple_of=0.25)
    code: str = Field(pattern="^[a-z]+$", min_length=2, max_length=4)
    anything: Any = None


class OldInner(v1.BaseModel):
    a: int = 1


class Old(v1.BaseModel):
    """Written for pydantic 1."""

    pair: tuple[int, str]
    inner: OldInner = v1.Field(OldInner(), description="Inside")
    size: Size
    amount: v1.conint(gt=3, lt=10)  # type: ignore[valid-type]


EVERYTHING: Json = {
    "size": 1,
    "pet": {"kind": "cat"},
    "either": "x",
    "one": 1,
    "mixed": None,
    "pair": [1, "a"],
    "counts": {"a": 1},
    "tags": ["a"],
    "ratio": 0.25,
    "code": "abc",
}

# Type, values that are valid, values that are not.
CASES: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "string enum": (Color, ["red"], ["green", 1]),
    "int enum": (Size, [1], [3, "1"]),
    "literal": (Literal["a", "b"], ["a"], ["c"]),
    "int literal": (Literal[1], [1], [2, "1"]),
    "bool literal": (Literal[True], [True], [False, 1]),
    "mixed literal": (Literal["a", 2, None], ["a", 2, None], ["b", 3]),
    "optional": (Optional[int], [1, None], ["a"]),  # noqa: UP045 - the old form
    "union": (int | str, [1, "a"], [None, 1.5]),
    "discriminated union": (
        Pet,
        [{"kind": "cat", "lives": 3}, {"kind": "dog", "tricks": ["sit"]}],
        [{"kind": "cow"}, {"kind": "cat", "lives": 0}, {"lives": 1}]),
    "list": (list[Cat], [[], [{"kind": "cat"}]], [{}, [{"kind": "dog"}]]),
    "tuple": (tuple[int, str], [[1, "a"]], [[1], [1, 2], [1, "a", 3]]),
    "open tuple": (tuple[int, ...], [[], [1, 2]], [["a"]]),
    "set": (set[int], [[1, 2]], [[1, 1]]),
    "typed dict values": (dict[str, int], [{"a": 1}], [{"a": "b"}, []]),
    "nested dict": (dict[str, list[Cat]], [{"a": []}], [{"a": [{}]}]),
    "alias, closed": (Closed, [{"theId": 1}], [{"id": 1}, {"theId": 1, "x": 2}]),
    "typed dict": (Point, [{"x": 1}, {"x": 1, "label": None}], [{}, {"x": "a"}]),
    "old typed dict": (OldPoint, [{"x": 1, "before": {"x": 2}}], [{"before": {}}]),
    "old typed dicts within": (list[OldPoint] | dict[str, OldPoint] | None,
                               [None, [], [{"x": 1}], {"a": {"x": 1}}],
                               [[{}], {"a": {}}]),
    "dataclass": (Line, [{"start": [1, 2]}], [{}, {"start": [1]}]),
    "root model": (RootModel[list[int]], [[1]], [["a"]]),
    "recursive": (Node, [{"name": "a", "children": [{"name": "b", "children": []}]}],
                  [{"name": "a", "children": [{}]},
                   {"name": "a", "parent": {"name": 1}}]),
    "everything": (
        Everything,
        [EVERYTHING, EVERYTHING | {"maybe": None, "size": 2, "ratio": 0.5}],
        [EVERYTHING | change for change in typing.cast(
             "list[Json]",
             [{"size": 3}, {"color": "green"}, {"either": []}, {"one": 2}, {"mixed": 3},
              {"pair": [1]}, {"counts": {"a": "b"}}, {"tags": ["a", "b", "c", "d"]},
              {"tags": ["a", "a"]}, {"ratio": 1}, {"ratio": 0.3}, {"code": "ABC"},
              {"code": "a"}, {"code": "abcde"}, {"maybe": "x"}])]),
    "decimal": (Decimal, ["1.5", 1.5], [[]]),
    "pydantic 1": (Old, [{"pair": [1, "a"], "size": 2, "amount": 4}],
                   [{"pair": ["a", 1], "size": 2, "amount": 4},
                    {"pair": [1, "a"], "size": 3, "amount": 4},
                    {"pair": [1, "a"], "size": 2, "amount": 3},
                    {"pair": [1, "a"], "size": 2, "amount": 4, "inner": {"a": "b"}}]),
}  # fmt: skip


def places(schema: Any) -> typing.Iterator[Json]:
    """Every object inside a schema, wherever it stands."""
    if isinstance(schema, list):
        for each in schema:
            yield from places(each)
    if isinstance(schema, dict):
        yield schema
        yield from places(list(schema.values()))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "ab"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=6,
)
