"""What is made of a model's fields when it is first needed, and dropped with them."""

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar, overload

_T = TypeVar("_T")
_CHANGE: Final = "_last_change"
_NAMES: Final = set[str]()


class derived(Generic[_T]):  # noqa: N801 -- a decorator, as `cached_property` is
    """A property that is made once, and anew after a field has changed.

    One thread may set a field while another makes it: what was made of the old fields
    is not kept.
    """

    def __init__(self, make: Callable[[Any], _T]) -> None:
        """Take what makes it of a model."""
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        """Take the name that a model keeps it by."""
        self._name = name
        _NAMES.add(name)

    @overload
    def __get__(self, model: None, owner: type) -> "derived[_T]": ...

    @overload
    def __get__(self, model: object, owner: type) -> _T: ...

    def __get__(self, model: Any, owner: type) -> Any:
        """Make it; from now on it is found in the model without a call."""
        if model is None:
            return self
        kept = model.__dict__
        while True:
            change = kept.get(_CHANGE)
            value = kept[self._name] = self._make(model)
            # Kept first: a change that this look misses drops it.
            if kept.get(_CHANGE) is change:
                return value
            kept.pop(self._name, None)


def forget_derived(fields: dict[str, Any]) -> None:
    """Drop what was made of a model's fields, after one of them has changed."""
    fields[_CHANGE] = object()
    for name in _NAMES:
        fields.pop(name, None)


def without_derived(fields: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a model's fields without what was made of them."""
    return {k: v for k, v in fields.items() if k not in _NAMES and k != _CHANGE}
