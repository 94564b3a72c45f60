"""Scripts: what is answered, to which request, and how often."""

import inspect
import json
import re
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol, TypedDict, Unpack

from pydantic import Field

from langchain_cf_gemini.emulator._checked import check
from langchain_cf_gemini.emulator._exchange import Exchange, shown_response
from langchain_cf_gemini.emulator.answers import Answer, reply
from langchain_cf_gemini.emulator.faults import Fault, status

_PACKAGE = str(Path(__file__).parent)
_SHOWN = 60


class Model(Protocol):
    """A value that writes itself as JSON, such as one of pydantic's models."""

    def model_dump_json(self) -> str:
        """Its JSON."""
        ...


# A text, a status, a fault, a message of LangChain, or anything that is JSON.
Said = Answer | Fault | str | int | Mapping[str, Any] | Sequence[Any] | Model
Sayable = (
    Said | Callable[[Exchange], Said] | Callable[[Exchange], Coroutine[Any, Any, Said]]
)
Pattern = str | re.Pattern[str]
Matcher = Pattern | Callable[[Exchange], bool]


class Match(TypedDict, total=False):
    """Which requests an answer is for; all that is given must hold.

    Strings are looked for in any case, compiled patterns are searched.

    Attributes:
        text: In the latest prompt.
        system: In the system instruction.
        result: In what a function answered last; or one whole `response`.
        turn: How often the model has spoken before; 0 for a first question.
        model: In the name of the model.
        when: Anywhere in the current turn; or a function of the exchange.
    """

    text: Pattern | None
    system: Pattern | None
    result: Pattern | Mapping[str, Any] | None
    turn: Annotated[int, Field(ge=0)] | None
    model: Pattern | None
    when: Matcher | None


class ScriptError(AssertionError):
    """What is wrong with a script; never Cloudflare's fault."""

    __module__ = "langchain_cf_gemini.emulator"


@dataclass(slots=True, eq=False)
class Entry:
    """One scripted answer.

    Attributes:
        said: The answer, the fault, or the function that makes either.
        match: The requests it is for.
        times: How many it still answers; None is for ever.
        where: The line that scripted it.
    """

    said: Sayable
    match: Match
    times: int | None
    where: str

    def misses(self, asked: Exchange) -> list[str]:
        """The conditions that a request does not meet."""
        return [
            name
            for name, wanted in self.match.items()
            if not _HOLDS[name](asked, wanted)
        ]

    def __str__(self) -> str:
        """For a report: what it says, to whom, and where it stands."""
        said = getattr(self.said, "__name__", None) or shown(self.said)
        given = (
            f"{name} {_shown_condition(value)}" for name, value in self.match.items()
        )
        for_whom = f" for {', '.join(given)}" if self.match else ""
        more = f", {self.times} times" if (self.times or 1) > 1 else ""
        return f"{said}{for_whom}{more} ({self.where})"


def shown(said: Any) -> str:
    """An answer in a few words."""
    told = _told(said) if isinstance(said, Answer) else said
    text = str(told) if isinstance(told, Fault) else repr(told)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _told(answer: Answer) -> Any:
    if answer.json is not None:
        return answer.json
    words = [str(part["text"]) for part in answer.parts if "text" in part]
    calls = [part["functionCall"] for part in answer.parts if "functionCall" in part]
    words += [f"{c['name']}({', '.join(c.get('args') or {})})" for c in calls]
    return " ".join(words) or answer.block_reason or answer.finish_reason


def entry_from(
    said: Sayable, times: int | None = 1, where: str = "", **match: Unpack[Match]
) -> Entry:
    """An answer for the requests that match, checked.

    Raises:
        TypeError: If this is no answer, or no condition.
        ValueError: If a condition or `times` is none of its kind.
    """
    given: Any = {name: it for name, it in match.items() if it is not None}
    if unknown := given.keys() - _HOLDS.keys():
        known = ", ".join(_HOLDS)
        raise TypeError(f"Unknown condition {unknown.pop()!r}. Known: {known}.")
    check(Match, given)
    if inspect.iscoroutinefunction(given.get("when")):
        name = given["when"].__name__
        raise TypeError(f"when must be a plain function, not the coroutine {name}.")
    if times is not None and (type(times) is not int or times < 1):
        raise ValueError(
            f"times must be a whole number from 1, or None, not {times!r}."
        )
    if callable(said) and (
        isinstance(said, type) or getattr(said, "__module__", "") == reply.__module__
    ):
        raise TypeError(f"{said.__name__} isn't called. Write {said.__name__}(...).")
    checked = said if callable(said) else answer_from(said)
    return Entry(checked, given, times, where or _caller())


def _shown_condition(wanted: Any) -> str:
    if isinstance(wanted, re.Pattern):
        return f"/{wanted.pattern}/"
    return getattr(wanted, "__name__", None) or repr(wanted)


def _found(wanted: Pattern, text: str) -> bool:
    if isinstance(wanted, str):
        return wanted.lower() in text.lower()
    return wanted.search(text) is not None


def _result(asked: Exchange, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        return any(answered.response == wanted for answered in asked.results)
    shown_ones = (shown_response(answered.response) for answered in asked.results)
    return any(_found(wanted, text) for text in shown_ones)


def _when(asked: Exchange, wanted: Matcher) -> bool:
    return wanted(asked) if callable(wanted) else _found(wanted, asked.told)


_HOLDS: Mapping[str, Callable[[Exchange, Any], bool]] = {
    "text": lambda asked, wanted: _found(wanted, asked.text),
    "system": lambda asked, wanted: _found(wanted, asked.system),
    "result": _result,
    "turn": lambda asked, wanted: asked.turn == wanted,
    "model": lambda asked, wanted: _found(wanted, asked.model or ""),
    "when": _when,
}


@dataclass(frozen=True, slots=True)
class Step:
    """What a request gets: an answer, or none, and what spoils it."""

    said: Sayable | None = None
    faults: tuple[Fault, ...] = ()
    where: str = ""


class Script:
    """All that is scripted.

    A request gets the newest entry that matches, with two exceptions: entries for the
    same requests are a sequence, given in order; and what is said for ever stands
    behind what is said a number of times, what is for any request behind what is for
    some.
    """

    def __init__(self) -> None:
        """Start with nothing scripted."""
        self._lock = threading.RLock()
        self._entries: list[Entry] = []
        self.used = False

    def add(self, *entries: Entry) -> None:
        """Script answers."""
        with self._lock:
            self.used = True
            self._entries += entries

    def take(self, asked: Exchange, *faults: Fault) -> Step | None:
        """What this request gets; an answer that a fault keeps back stays for later.

        A scripted fault that spoils says nothing itself: it spoils what comes next.

        Args:
            asked: The request.
            faults: What nobody scripted for this answer, and spoils it.
        """
        where = ""
        if faults and faults[0].replaces:
            return Step(None, faults)
        with self._lock:
            for entry in self._in_order(asked):
                arrives = all(fault.delivers for fault in faults)
                if arrives:
                    self._use(entry)
                if not isinstance(entry.said, Fault):
                    return Step(entry.said, faults, where or entry.where)
                if arrives:
                    faults, where = (*faults, entry.said), where or entry.where
        return Step(None, faults, where) if faults else None

    def _in_order(self, asked: Exchange) -> Iterator[Entry]:
        """What matches, as one request after the other would get it."""
        matching = [entry for entry in self._entries if not entry.misses(asked)]
        while matching:
            # Of several of the same rank the newest.
            best = max(reversed(matching), key=_rank)
            first = next(entry for entry in matching if _alike(entry, best))
            matching.remove(first)
            yield first

    def _use(self, entry: Entry) -> None:
        if entry.times is not None:
            entry.times -= 1
            if not entry.times:
                self._entries.remove(entry)

    def left(self) -> list[Entry]:
        """What nobody asked for yet."""
        with self._lock:
            return [entry for entry in self._entries if entry.times is not None]

    def near_misses(self, asked: Exchange) -> list[str]:
        """What is left, and why it was not for this request."""
        with self._lock:
            left = [(entry, entry.misses(asked)) for entry in self._entries]
        return [f"{entry}: not its {' and '.join(missed)}" for entry, missed in left]

    def clear(self) -> None:
        """Forget everything that is scripted."""
        with self._lock:
            self._entries.clear()
            self.used = False


def _rank(entry: Entry) -> tuple[bool, bool]:
    return entry.times is not None, bool(entry.match)


def _alike(entry: Entry, best: Entry) -> bool:
    """Whether two entries are a sequence: counted, and for the same requests."""
    if entry.times is None or best.times is None:
        return entry is best
    return entry.match == best.match


@dataclass(frozen=True, slots=True)
class Queue:
    """Answers for some requests, one each, in order: what `when` returns."""

    script: Script
    match: Match

    def then(self, *said: Sayable) -> "Queue":
        """Add answers; a fault takes one request of its own."""
        for item in said:
            self.script.add(entry_from(item, **self.match))
        return self

    def always(self, said: Sayable) -> "Queue":
        """Give the same to every matching request from then on."""
        self.script.add(entry_from(said, None, **self.match))
        return self


def answer_from(said: Any) -> Said:
    """An answer, or a fault, as it was written or as its shorter form means it.

    Raises:
        TypeError: If it is neither.
        ValueError: If it is a value that JSON cannot hold.
    """
    if isinstance(said, Answer | Fault):
        return said
    if isinstance(said, str):
        return reply(said)
    if isinstance(said, int) and not isinstance(said, bool):
        return status(said)
    if any(kind.__name__ == "BaseMessage" for kind in type(said).__mro__):
        return _answer_from_message(said)
    if hasattr(said, "model_dump_json"):
        return Answer(json=json.loads(said.model_dump_json()))
    if isinstance(said, dict | list | tuple):
        return Answer(json=said)
    raise TypeError(
        f"{type(said).__name__} is no answer: {said!r:.200}. Pass a text, "
        "an Answer, a dict, an AIMessage, a status, a fault, or a function of these."
    )


def _answer_from_message(message: Any) -> Answer:
    """The text and the calls of LangChain's AIMessage."""
    if not hasattr(message, "tool_calls"):
        raise TypeError(f"{type(message).__name__} is no answer. Pass an AIMessage.")
    texts = [{"text": str(message.text)}] if message.text else []
    calls = [
        {"functionCall": {"name": called["name"], "args": called["args"]}}
        for called in message.tool_calls
    ]
    return Answer(parts=(*texts, *calls))


def _caller() -> str:
    """The line outside of the emulator that scripts."""
    for frame, line in traceback.walk_stack(sys._getframe()):
        path = frame.f_code.co_filename
        if not path.startswith(_PACKAGE):
            return f"{Path(path).name}:{line}"
    return "nowhere"
