"""The function calls of an answer: whole, in pieces, or with arguments that come apart.

Vertex sends arguments in pieces that name no function; the Gemini API was seen to send
a call without arguments and its arguments in a part of their own.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json

from langchain_cf_gemini._gemini.answer.partial_args import (
    PartialArgs,
    PartialArgsError,
    goes_on,
)
from langchain_cf_gemini._gemini.answer.wire import objects_from, text_from
from langchain_cf_gemini._gemini.json_values import sound, unsound_from
from langchain_cf_gemini._gemini.schema.json_types import (
    kinds_of_schema,
    type_from_value,
)
from langchain_cf_gemini._gemini.vocabulary import Json

_CUT = "The response ended within the arguments of the tool call."


def name_from(wire: Json) -> str | None:
    """Return the function that a call names, if it names any."""
    name = text_from(wire.get("name"))
    return name if name and not name.isspace() else None


def declared_name(name: str | None, functions: Collection[str]) -> str | None:
    """Return the declared name of the function that a call means.

    Models were seen to write `default_api:` or the like before it (mastra#12895).
    """
    if name is None or name in functions:
        return name
    meant = (each for each in functions if name.endswith((f":{each}", f".{each}")))
    return max(meant, key=len, default=name)


def is_partial(wire: Json) -> bool:
    """Whether a call's arguments come in pieces."""
    return goes_on(wire) or bool(wire.get("partialArgs"))


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """One function call of the answer.

    Attributes:
        id: Google's id, or one made up here.
        name: The function; None if Google named none, and the call cannot run.
        ordinal: Its place among the calls.
        index: Its block.
        beside: What else stood in its part.
        schema: What its arguments are to be; nothing if nobody declared it.
        fault: Why it must not run, whatever the end of the answer says.
        is_live: Whether its arguments are handed over while they come.
        in_content: Whether it is a block of content.
    """

    id: str
    name: str | None
    ordinal: int
    index: str
    beside: Json
    schema: Json
    fault: str | None = None
    is_live: bool = False
    in_content: bool = False
    _args: Any = field(default_factory=dict)
    _pieces: PartialArgs | None = None
    _texts: list[str] = field(default_factory=list)

    @property
    def args(self) -> Any:
        """What it is called with, once all has come."""
        return self._args if self._pieces is None else from_json("".join(self._texts))

    def begin(self, wire: Json) -> bool:
        """Take arguments that came whole; tell whether they come in pieces instead."""
        if self.name and is_partial(wire):
            self._pieces = PartialArgs()
            return True
        self._args, why = _args_from(wire, self.schema)
        self.fault = why if self.name else "The call names no function."
        return False

    def go_on(self, wire: Json) -> str:
        """Take a part that holds pieces; return the JSON text that it writes."""
        texts: list[str] = []
        if self._pieces is not None and self.fault is None:
            try:
                self._write(self._pieces, wire, texts)
            except PartialArgsError as error:
                self.fault = str(error)
        self._texts += texts
        return "".join(texts)

    def _write(self, pieces: PartialArgs, wire: Json, texts: list[str]) -> None:
        args, self.fault = _args_from(wire, self.schema)
        if args and isinstance(args, dict):
            texts.append(pieces.write_whole(args))
        partial = wire.get("partialArgs")
        if partial is not None and not isinstance(partial, dict | list):
            raise PartialArgsError(f"isn't a list of objects: {partial!r:.200}")
        for piece in objects_from(partial):
            texts.append(pieces.write(piece))

    def end(self, *, is_cut: bool = False) -> str:
        """Return the JSON text that ends the pieces; whether they were all is told."""
        if is_cut or (self._pieces is not None and self._pieces.in_string):
            self.fault = self.fault or _CUT
        text = "" if self._pieces is None else self._pieces.close()
        self._texts.append(text)
        return text


def _args_from(wire: Json, schema: Json) -> tuple[Any, str | None]:
    """Return a call's arguments, and why it must not run with them."""
    args = wire.get("args")
    if args is None:
        return {}, None
    if not isinstance(args, dict):
        return sound(args), "The arguments aren't a JSON object."
    args = _with_containers(args, schema)
    why = unsound_from(args)
    return sound(args), f"The arguments hold {why}." if why else None


def _with_containers(value: Any, schema: Any) -> Any:
    """Return a value with lists and objects in place of their JSON text.

    Gemini was seen to write it where no text is allowed (langchain-google#1819).
    """
    if not isinstance(schema, dict):
        return value
    if isinstance(value, str):
        value = _container_from(value, schema)
    if isinstance(value, dict):
        of = schema.get("properties") or {}
        return {key: _with_containers(each, of.get(key)) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_containers(each, schema.get("items")) for each in value]
    return value


def _container_from(text: str, schema: Json) -> Any:
    """Return what a text holds, if that is what the schema asks for, and no text is."""
    kinds = {kind.lower() for kind in kinds_of_schema(schema)}
    if "string" in kinds:
        return text
    try:
        told = from_json(text)
    except ValueError:
        return text
    return told if type_from_value(told) in kinds & {"array", "object"} else text


class OpenCalls:
    """Calls whose arguments are still coming, told apart by Google's ids."""

    def __init__(self) -> None:
        self._open: dict[str, Call] = {}

    def begin(self, wire: Json, call: Call) -> str:
        """Take a call's first part; return the JSON text that it writes."""
        if not call.begin(wire):
            return ""
        self._open[text_from(wire.get("id")) or ""] = call
        return self.go_on(wire, call)

    def go_on(self, wire: Json, call: Call) -> str:
        """Take a part that holds pieces; return the JSON text that it writes."""
        text = call.go_on(wire)
        if goes_on(wire):
            return text
        self._open = {id_: each for id_, each in self._open.items() if each is not call}
        return text + call.end()

    def of(self, wire: Json) -> Call | None:
        """Return the open call that a part goes on with: by its id, else the last."""
        id_ = text_from(wire.get("id"))
        if id_ in self._open:
            return self._open[id_]
        is_another = wire.get("name") or (id_ is not None and "" not in self._open)
        return None if is_another else next(reversed(self._open.values()), None)

    def unnamed(self) -> Call | None:
        """Return the call that no id tells from what comes next, and forget it."""
        return self._open.pop("", None)

    def rest(self) -> list[Call]:
        """Return the calls that nothing ended."""
        return list(self._open.values())


# ---- arguments in a part of their own


def joined_calls(parts: list[Json]) -> list[Json]:
    """Return the parts of an answer with the arguments of each call in its own."""
    joined: list[Json] = []
    for part in parts:
        at = _call_before(part, joined)
        if at is None:
            joined.append(part)
        else:
            joined[at] = _joined(joined[at], part)
    return joined


def _call_before(part: Json, joined: list[Json]) -> int | None:
    """Return the place of the call that one without a name adds to.

    That is the call of its id, or without an id the one right before; other parts may
    stand between it and a call that still lacks its arguments.
    """
    wire = part.get("functionCall")
    if wire is None or name_from(wire) or is_partial(wire):
        return None
    id_ = text_from(wire.get("id"))
    for at in reversed(range(len(joined))):
        known = joined[at].get("functionCall")
        if known is None or id_ not in (None, text_from(known.get("id"))):
            continue
        is_next = id_ is not None or at == len(joined) - 1
        return at if _takes_more(known, wire, is_next=is_next) else None
    return None


def _takes_more(known: Json, more: Json, *, is_next: bool) -> bool:
    """Whether a call can be given arguments that came apart."""
    own = known.get("args") or {}
    is_whole = name_from(known) is not None and not is_partial(known)
    are_objects = isinstance(own, dict) and isinstance(more.get("args") or {}, dict)
    return is_whole and are_objects and (is_next or not own)


def _joined(part: Json, more: Json) -> Json:
    wire, args = part["functionCall"], more["functionCall"].get("args") or {}
    own = wire.get("args") or {}
    signature = {k: v for k, v in more.items() if k == "thoughtSignature"}
    if any(key in own and own[key] != value for key, value in args.items()):
        wire = {**wire, "args": [own, args]}  # they differ: neither may be run
    elif args:
        wire = {**wire, "args": {**own, **args}}
    return {**signature, **part, "functionCall": wire}
