"""What is made of a model's fields when it is first needed, and dropped with them."""

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar, overload

_T = TypeVar("_T")
# Where a model keeps it, in one place: while one thread reads the fields one by one, as
# serialization does, another must not add to them.
KEPT: Final = "_derived"


class derived(Generic[_T]):  # noqa: N801 -- a decorator, as `cached_property` is
    """A property that is made once, and anew after a field has changed.

    One thread may set a field while another makes it: what was made of the old fields
    goes where nobody looks any more.
    """

    def __init__(self, make: Callable[[Any], _T]) -> None:
        """Take what makes it of a model."""
        self._make = make
        self._name = make.__name__
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, model: None, owner: type) -> "derived[_T]": ...

    @overload
    def __get__(self, model: object, owner: type) -> _T: ...

    def __get__(self, model: Any, owner: type) -> Any:
        """Return it, made or kept."""
        if model is None:
            return self
        try:
            return model.__dict__[KEPT][self._name]
        except KeyError:
            kept = model.__dict__.setdefault(KEPT, {})
        made = kept[self._name] = self._make(model)
        return made


def forget_derived(fields: dict[str, Any]) -> None:
    """Drop what was made of a model's fields, after one of them has changed."""
    fields[KEPT] = {}


def without_derived(fields: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a model's fields without what was made of them."""
    return {name: value for name, value in fields.items() if name != KEPT}
