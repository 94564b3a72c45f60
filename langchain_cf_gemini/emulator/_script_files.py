"""Scripts as data: over HTTP, in files, from recorded exchanges and cassettes.

    {"answers": [
        {"answer": "18 °C", "text": "Lima", "times": null},
        {"answer": {"call": "get_weather", "args": {"city": "Lima"}}, "turn": 0},
        {"answer": {"json": {"vendor": "ACME"}}, "spoil": ["late seconds=1"]},
        {"answer": {"fault": "status code=429 retry_after=1"}},
        {"answer": {"response": {"candidates": []}}}
    ]}

An answer's other keys are the options of `reply`, `thought`, `code`, `block`, `finish`.

A condition in slashes, such as "/^Lima/", is a regular expression.
"""

import json
import operator
import re
from collections.abc import Callable, Mapping
from functools import reduce
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from langchain_cf_gemini.emulator import answers
from langchain_cf_gemini.emulator._exchange import Exchange
from langchain_cf_gemini.emulator._google.proto_json import canonical_body
from langchain_cf_gemini.emulator._google.streams import response_from_chunks
from langchain_cf_gemini.emulator._journal import note_answer
from langchain_cf_gemini.emulator._messages import Outgoing
from langchain_cf_gemini.emulator._script import Entry, Script, answer_from, entry_from
from langchain_cf_gemini.emulator.faults import fault_from_words

_BESIDE = ("answer", "times", "spoil")


def script_file(script: Script, path: str | Path) -> int:
    """Script what a file says: our JSON, or a cassette of vcrpy.

    Raises:
        ValueError: If the file is neither.
    """
    name = Path(path).name
    try:
        text = Path(path).read_text("utf-8-sig")
        if Path(path).suffix in (".yaml", ".yml"):
            return add_entries(script, entries_from_cassette(text), name)
        return add_entries(script, json.loads(text), name)
    except (TypeError, ValueError) as error:
        is_no_json = isinstance(error, json.JSONDecodeError)
        why = f"it isn't JSON ({error})" if is_no_json else str(error).rstrip(".")
        raise ValueError(f"The script {name} can't be read: {why}.") from error


def add_entries(script: Script, told: Any, name: str = "the script") -> int:
    """Script what `{"answers": [...]}` says; how many that were.

    Raises:
        TypeError, ValueError: If an entry is none; then nothing is scripted.
    """
    entries = told.get("answers") if isinstance(told, Mapping) else told
    if not isinstance(entries, list):
        raise TypeError(
            f'A script must be {{"answers": [...]}}, not {json.dumps(told)[:100]}.'
        )
    read = [
        _entry(entry, f"{name}, answer {number}")
        for number, entry in enumerate(entries, 1)
    ]
    script.add(*read)
    return len(read)


def _entry(entry: Any, where: str) -> Entry:
    if not isinstance(entry, Mapping) or "answer" not in entry:
        raise TypeError(
            f'An entry needs the key "answer", but is {json.dumps(entry)[:100]}.'
        )
    said, spoil = _said(entry["answer"]), entry.get("spoil") or ()
    words = [spoil] if isinstance(spoil, str) else spoil
    if isinstance(said, answers.Answer):
        said = said.spoiled(*map(fault_from_words, words))
    elif words:
        raise TypeError("Only an answer can have 'spoil', not a fault.")
    match: Any = {
        key: _condition(it) for key, it in entry.items() if key not in _BESIDE
    }
    return entry_from(said, entry.get("times", 1), where, **match)


def _condition(wanted: Any) -> Any:
    if isinstance(wanted, str) and re.fullmatch(r"/.+/", wanted, re.DOTALL):
        try:
            return re.compile(wanted[1:-1])
        except re.error as wrong:
            raise ValueError(
                f"{wanted} isn't a regular expression: {wrong}."
            ) from wrong
    return wanted


def _said(answer: Any) -> Any:
    if isinstance(answer, list):
        if not answer:
            raise TypeError("An answer must not be an empty list.")
        return reduce(operator.add, map(_said, answer))
    if not isinstance(answer, Mapping):
        return answer_from(answer)
    verbs = [verb for verb in _VERBS if verb in answer]
    if len(verbs) != 1:
        known = ", ".join(_VERBS)
        raise TypeError(
            f"An answer must be a text, or an object with one of {known}, not "
            f"{json.dumps(answer)[:100]}."
        )
    options = {key: value for key, value in answer.items() if key != verbs[0]}
    return _VERBS[verbs[0]](answer[verbs[0]], **options)


def _call(
    name: str, *, args: Mapping[str, Any] | None = None, id: Any = None
) -> answers.Answer:
    return answers.call(name, _id=id, **(args or {}))


# What an answer may be, by the name of its Python twin; its options are the twin's.
_VERBS: Mapping[str, Callable[..., Any]] = {
    "text": answers.reply,
    "call": _call,
    "json": lambda value: answers.Answer(json=value),
    "fault": fault_from_words,
    "response": answers.exactly,
    "thought": answers.thought,
    "code": answers.code,
    "block": answers.block,
    "finish": answers.finish,
}


def entry_from_exchange(exchange: Exchange) -> dict[str, Any]:
    """A recorded exchange as an entry for the same question in the same turn."""
    asked = {"text": exchange.text, "turn": exchange.turn}
    if exchange.status != 200:
        return {**asked, "answer": {"fault": f"status code={exchange.status}"}}
    response = exchange.response
    if isinstance(response, list):
        response = response_from_chunks(response)
    elif isinstance(response, Mapping) and "result" in response:
        response = response["result"]
    return {**asked, "answer": {"response": response}}


def entries_from_cassette(text: str) -> list[dict[str, Any]]:
    """The entries of a cassette, in the order it was recorded.

    Raises:
        ValueError: If it is none.
    """
    # Here, because a script of our own needs no YAML.
    import yaml

    try:
        interactions = enumerate(yaml.safe_load(text)["interactions"], 1)
        return [_entry_from_interaction(number, told) for number, told in interactions]
    except (AttributeError, LookupError, TypeError, yaml.YAMLError) as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"it isn't a cassette of vcrpy ({why})") from error


def _entry_from_interaction(number: int, told: Any) -> dict[str, Any]:
    body = json.loads(told["request"]["body"])
    held = told["response"]["body"]
    kinds = {k.lower(): v for k, v in told["response"]["headers"].items()}
    sent = held.get("string", "")
    outgoing = Outgoing(
        status=told["response"]["status"]["code"],
        headers={"content-type": "".join(kinds.get("content-type") or ())},
        frames=[sent if isinstance(sent, bytes) else sent.encode()],
    )
    uri = urlsplit(told["request"]["uri"])
    exchange = Exchange(number=number, method="POST", path=uri.path, headers={})
    exchange.generation = canonical_body(body.get("input", body), lenient=True)
    note_answer(exchange, outgoing)
    return entry_from_exchange(exchange)
