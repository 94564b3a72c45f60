"""Function calls that came over several parts, put together.

Vertex sends arguments in pieces that name no function; the Gemini API was seen to send
a call without arguments and its arguments in a part of their own.
"""

from typing import Any, Generic, TypeVar

from pydantic_core import from_json

from langchain_cf_gemini._gemini.answer.partial_args import (
    PartialArgs,
    PartialArgsError,
)
from langchain_cf_gemini._gemini.answer.wire import objects_from, text_from
from langchain_cf_gemini._gemini.json_values import sound, unsound_from
from langchain_cf_gemini._gemini.vocabulary import Json

CUT = "The answer ended within the arguments of the call."
NOT_OBJECT = "The arguments are not a JSON object."
_ON = (True, "true")
_PARTIAL = ("partialArgs", "willContinue")

T = TypeVar("T")


def goes_on(wire: Json) -> bool:
    """Whether more of a call is to come."""
    return wire.get("willContinue") in _ON


def is_partial(wire: Json) -> bool:
    """Whether a call's arguments come in pieces."""
    return goes_on(wire) or bool(wire.get("partialArgs"))


def args_from_wire(wire: Json) -> tuple[Any, str | None]:
    """Return a call's arguments, and why it must not run with them."""
    args = wire.get("args")
    if args is None:
        return {}, None
    if not isinstance(args, dict):
        return sound(args), NOT_OBJECT
    why = unsound_from(args)
    return sound(args), f"The arguments hold {why}." if why else None


def written(pieces: PartialArgs, wire: Json) -> tuple[str, str | None]:
    """Return the text that a part adds to arguments in pieces, and what is wrong."""
    text = ""
    try:
        args, why = args_from_wire(wire)
        if args or why:
            return pieces.write_whole(args), why
        partial = wire.get("partialArgs")
        if partial is not None and not isinstance(partial, dict | list):
            raise PartialArgsError(f"partialArgs is {partial!r:.200}")
        for piece in objects_from(partial):
            text += pieces.write(piece)
    except PartialArgsError as error:
        return text, str(error)
    return text, None


class OpenCalls(Generic[T]):
    """Calls whose arguments are still coming, told apart by Google's ids."""

    def __init__(self) -> None:
        self._open: dict[str, T] = {}

    def __bool__(self) -> bool:
        """Tell whether any call is open."""
        return bool(self._open)

    def add(self, wire: Json, call: T) -> None:
        """Open a call."""
        self._open[text_from(wire.get("id")) or ""] = call

    def of(self, wire: Json) -> T | None:
        """Return the open call that a part goes on with: by its id, else the last."""
        id_ = text_from(wire.get("id"))
        if id_ is not None and (id_ in self._open or wire.get("name")):
            return self._open.get(id_)
        if wire.get("name"):
            return None
        if id_ is not None and "" not in self._open:
            return None
        return next(reversed(self._open.values()), None)

    def close(self, call: T) -> None:
        """Forget a call that has ended."""
        self._open = {id_: each for id_, each in self._open.items() if each is not call}

    def take(self, *, unnamed: bool = False) -> list[T]:
        """Return the open calls and forget them, or only the one without an id."""
        names = [""] if unnamed else list(self._open)
        return [self._open.pop(name) for name in names if name in self._open]


class JoinedPart:
    """A part of the answer; if it is a call, with all that came of it elsewhere.

    Attributes:
        part: The part, its call whole.
        came: The parts that it was made of.
        fault: Why the call must not run, if its parts say so.
    """

    def __init__(self, part: Json) -> None:
        self.part = part
        self.came = [part]
        self.pieces: PartialArgs | None = None
        self.text = ""
        self.fault: str | None = None

    @property
    def wire(self) -> Any:
        """The call."""
        return self.part.get("functionCall")

    def go_on(self, part: Json) -> None:
        """Take a piece of the arguments."""
        if self.pieces is not None and self.fault is None:
            text, self.fault = written(self.pieces, part["functionCall"])
            self.text += text

    def close(self, *, is_cut: bool) -> None:
        """Make the pieces the call's arguments."""
        if self.pieces is None:
            return
        from_pieces = self.text + self.pieces.close()
        kept = {k: v for k, v in self.wire.items() if k not in _PARTIAL}
        self.part = {
            **self.part,
            "functionCall": {**kept, "args": from_json(from_pieces)},
        }
        self.pieces = None
        if is_cut:
            self.fault = self.fault or CUT

    def supplement(self, part: Json) -> bool:
        """Take the arguments that follow a call without them, if they do."""
        more, wire = part["functionCall"], self.wire
        own, args = wire.get("args") or {}, more.get("args") or {}
        objects = isinstance(own, dict) and isinstance(args, dict)
        if not objects or is_partial(more):
            return False
        if any(key in own and own[key] != value for key, value in args.items()):
            self.fault = "The arguments came twice, and differ."
        made = {**wire, "args": {**own, **args}} if args else wire
        signature = {k: v for k, v in part.items() if k == "thoughtSignature"}
        self.part = {**signature, **self.part, "functionCall": made}
        self.came.append(part)
        return True


def joined_calls(parts: list[Json], *, is_cut: bool) -> list[JoinedPart]:
    """Return the parts of an answer with each call in one of them.

    Args:
        parts: The parts as they came.
        is_cut: Whether a call that was not closed was left in the middle.
    """
    joined: list[JoinedPart] = []
    calls: OpenCalls[JoinedPart] = OpenCalls()
    for part in parts:
        wire = part.get("functionCall")
        if wire is None:
            joined.append(JoinedPart(part))
        elif (call := calls.of(wire)) is not None:
            call.go_on(part)
            call.came.append(part)
            if not goes_on(wire):
                calls.close(call)
                call.close(is_cut=False)
        elif not ((before := _before(wire, joined)) and before.supplement(part)):
            for ended in calls.take(unnamed=True):
                ended.close(is_cut=False)
            joined.append(_opened(part, calls))
    for call in calls.take():
        call.close(is_cut=is_cut)
    return joined


def _before(wire: Json, joined: list[JoinedPart]) -> JoinedPart | None:
    """Return the call that one without a name adds to: by its id, or right before."""
    id_ = text_from(wire.get("id"))
    for each in [] if wire.get("name") else reversed(joined):
        known = each.wire or {}
        if known.get("name") and id_ in (None, text_from(known.get("id"))):
            return each
        if id_ is None:
            break
    return None


def _opened(part: Json, calls: OpenCalls[JoinedPart]) -> JoinedPart:
    made, wire = JoinedPart(part), part["functionCall"]
    if wire.get("name") and is_partial(wire):
        made.pieces = PartialArgs()
        made.go_on(part)
        if goes_on(wire):
            calls.add(wire, made)
        else:
            made.close(is_cut=False)
    return made
