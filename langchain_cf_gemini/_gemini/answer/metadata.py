"""What an answer says about itself: usage, finish reason, ratings, grounding."""

from collections.abc import Callable, Iterable
from functools import partial
from hashlib import blake2b
from typing import Any, NamedTuple, cast

from langchain_core.messages.ai import UsageMetadata, add_usage

from langchain_cf_gemini._gemini.answer.citations import Grounding, union
from langchain_cf_gemini._gemini.answer.wire import (
    count_from,
    object_from,
    objects_from,
    text_from,
    word_from,
)
from langchain_cf_gemini._gemini.finish_reasons import (
    block_reason_from,
    finish_reason_from,
    is_final,
    verdict_from,
)
from langchain_cf_gemini._gemini.json_values import is_number, sound, sound_text
from langchain_cf_gemini._gemini.part_notes import SYNTHETIC
from langchain_cf_gemini._gemini.vocabulary import (
    PROVIDER,
    Json,
    snake_name,
)

_MODALITIES = {4: "AUDIO"}
_USED = (
    "promptTokenCount",
    "toolUsePromptTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
)

# ---- usage


def _audio_tokens(raw: Json, name: str) -> int:
    return sum(
        count_from(entry.get("tokenCount")) or 0
        for entry in (objects_from(raw[name]) if name in raw else ())
        if word_from(entry.get("modality"), _MODALITIES) == "AUDIO"
    )


def _counts_from(raw: Json) -> dict[str, int]:
    return {
        key: count
        for key, value in raw.items()
        if key.endswith("TokenCount") and (count := count_from(value)) is not None
    }


def usage_from_metadata(raw: Json) -> UsageMetadata | None:
    """Convert `usageMetadata`; None when it holds no count.

    Google's candidate count leaves thoughts out and its prompt count leaves tool use
    out (true of 1,336 of 1,341 recordings), so output is candidates + thoughts and
    input is prompt + tool use. Cached tokens are inside the prompt count. Cached audio
    counts as cache_read only: the details must not sum to more than the input.
    """
    counts = _counts_from(raw)
    if not counts:
        return None
    prompt, tools, said, thoughts = (counts.get(name, 0) for name in _USED)
    read = prompt + tools
    # What the total counts beside, nobody named: the model wrote it.
    written = max(said + thoughts, counts.get("totalTokenCount", 0) - read)
    usage: Json = {"input_tokens": read, "output_tokens": written}
    usage["total_tokens"] = read + written
    heard, cached = (
        _audio_tokens(raw, "promptTokensDetails")
        + _audio_tokens(raw, "toolUsePromptTokensDetails"),
        _audio_tokens(raw, "cacheTokensDetails"),
    )
    cache_read = min(counts.get("cachedContentTokenCount", 0), read)
    spoken = _audio_tokens(raw, "candidatesTokensDetails")
    details: dict[str, dict[str, int]] = {
        "input_token_details": {
            "cache_read": cache_read,
            "audio": min(heard - cached, read - cache_read),
        },
        "output_token_details": {
            "reasoning": thoughts,
            "audio": min(spoken, written - thoughts),
        },
    }
    for side, spent in details.items():
        if named := {kind: count for kind, count in spent.items() if count > 0}:
            usage[side] = named
    return cast("UsageMetadata", usage)


def merged_usage(known: Json, new: Json) -> Json:
    """Return what two events of a stream say of usage.

    Usage is cumulative: the last that counts anything is the answer's. What it leaves
    out and its own total counts, an earlier event has named.
    """
    is_whole = type(new.get("totalTokenCount")) is int and known.keys() <= new.keys()
    if is_whole and new["totalTokenCount"] >= 0 and None not in new.values():
        return new  # as in nearly every event
    new = {key: value for key, value in new.items() if value is not None}
    counts = _counts_from(new)
    if not counts:
        return {**new, **known}
    summed = sum(counts.get(name, 0) for name in _USED)
    missing = {k: v for k, v in known.items() if k not in new}
    is_whole = "totalTokenCount" in counts and summed >= counts["totalTokenCount"]
    return new if is_whole else {**missing, **new}


# ---- notes


def _number_from(value: Any) -> float | None:
    return value if is_number(value) and isinstance(sound(value), int | float) else None


def _object_or_none(value: Any) -> Json | None:
    return value if isinstance(value, dict) else None


def _chained(old: list[Any], new: list[Any]) -> list[Any]:
    """Join lists of tokens, where equal items follow each other by right."""
    return new if new[: len(old)] == old else old + new


class _Field(NamedTuple):
    """What becomes of a field: its name here, how it is read, and how two of it are."""

    name: str
    read: Callable[[Any], Any]
    merge: Callable[[Any, Any], Any] = lambda _, new: new


_OF_ANSWER = {
    "modelVersion": _Field("model_name", text_from),
    "responseId": _Field("response_id", text_from),
    "createTime": _Field("create_time", text_from),
    "promptFeedback": _Field("prompt_feedback", _object_or_none, union),
    "usageMetadata": _Field("gemini_usage", _object_or_none, merged_usage),
}
_OF_CANDIDATE = {
    "safetyRatings": _Field(
        "safety_ratings", lambda value: value if isinstance(value, list) else None
    ),
    "citationMetadata": _Field("citation_metadata", _object_or_none, union),
    "urlContextMetadata": _Field("url_context_metadata", _object_or_none, union),
    "groundingMetadata": _Field("grounding_metadata", _object_or_none),
    "avgLogprobs": _Field("avg_logprobs", _number_from),
    "logprobsResult": _Field(
        "logprobs", _object_or_none, partial(union, join=_chained)
    ),
    "finishMessage": _Field("finish_message", text_from),
    "continuationToken": _Field("continuation_token", text_from),
}
_READ_APART = frozenset({"candidates", "gatewayMetadata", "content", "index"})
UNKNOWN = "unknown_fields"
"""Where the metadata keeps what Google says under a name that means something else."""

# Names that langchain-core or this package gives a meaning in `response_metadata`.
_OURS = (
    {field.name for field in (*_OF_ANSWER.values(), *_OF_CANDIDATE.values())}
    | {"citations", "dropped_tool_calls", "finish_reason", "gateway", UNKNOWN}
    | {"backend", "pages", "replaced_signatures", "requested_model"}
    | {"id", "model_provider", "output_version", "cost", "index", "headers"}
    | {"created", "timestamp", "refusal", "usage_metadata"}
)


def _name_of_note(key: str) -> str:
    return snake_name(sound_text(key))


def _note_from(value: Any) -> Any:
    """Return JSON as LangChain writes it: its keys in snake_case."""
    return sound(value, named=_name_of_note)


class _Notes(dict[str, Any]):
    """Fields as the events of an answer say them."""

    def __init__(self, known: dict[str, _Field]) -> None:
        super().__init__()
        self._known = known

    def add(self, key: str, value: Any) -> None:
        """Take a field of an event; what cannot be read replaces nothing."""
        before, field = self.get(key), self._known.get(key)
        if before is None or field is None or field.read(before) is None:
            self[key] = value
        elif field.read(value) is not None:
            self[key] = field.merge(before, value)

    def told(self) -> Json:
        """Return the notes under LangChain's snake_case names, all of them."""
        notes: Json = {}
        for key, value in self.items():
            field = self._known.get(key)
            name = field.name if field else _name_of_note(key)
            found = field.read(value) if field else value
            if found is None or (field is None and name in _OURS):
                notes.setdefault(UNKNOWN, {})[name] = _note_from(value)
            else:
                notes[name] = _note_from(found)
        return notes


def spent_in(*answers: Iterable[Json]) -> tuple[UsageMetadata | None, str | None]:
    """Return what answers cost that cannot be read, and the model that gave the last.

    Args:
        *answers: The payloads of each.
    """
    usage, model = None, None
    for payloads in answers:
        record = AnswerRecord()
        for payload in payloads:
            record.add(payload)
        spent = record.usage()
        usage = add_usage(usage, spent) if usage and spent else usage or spent
        model = record.model or model
    return usage, model


class AnswerRecord:
    """What the payloads of one answer say beside its parts, gathered as they come.

    Attributes:
        id: Google's id of the answer, or nothing.
        repeated: Response metadata that every chunk of a stream carries, because
            langchain-core reads it there and leaves equal values alone.
        grounding: The sources of what is said.
    """

    def __init__(self) -> None:
        """Start with nothing said."""
        self.id = ""
        self.repeated: Json = {"model_provider": PROVIDER}
        self.grounding = Grounding()
        self._answer = _Notes(_OF_ANSWER)
        self._candidate = _Notes(_OF_CANDIDATE)
        self._reason: str | None = None
        self._blocked: str | None = None
        self._has_candidate = False

    def add(self, payload: Json) -> None:
        """Take what one payload says beside its candidates."""
        known = self._answer
        for key, value in payload.items():
            # In nearly every event but the usage all is as it was before.
            if value is None or key in _READ_APART or known.get(key) == value:
                continue
            if key == "promptFeedback":
                self._blocked = block_reason_from(value) or self._blocked
            known.add(key, value)
        if not self.id and (id_ := text_from(payload.get("responseId"))):
            self.id = self.repeated["id"] = id_

    def add_candidate(self, candidate: Json) -> None:
        """Take what one payload says of the candidate beside its parts."""
        self._has_candidate = self._has_candidate or bool(candidate)
        for key, value in candidate.items():
            if key not in _READ_APART and value is not None and value != {}:
                self._add_note(key, value)

    def _add_note(self, key: str, value: Any) -> None:
        if key == "finishReason":
            reason = finish_reason_from(value)
            # A reason that forbids is never taken back.
            if reason is not None and not is_final(self._reason):
                self._reason = reason
        elif key == "groundingMetadata" and isinstance(value, dict):
            self.grounding.add(value)
        elif self._candidate.get(key) != value:
            self._candidate.add(key, value)

    def fix_id(self, seed: Callable[[], str]) -> None:
        """Give the answer an id of its own if its first words came without any."""
        if not self.id and (id_ := seed()):
            self.id = self.repeated["id"] = id_

    def call_id(self, ordinal: int, name: str | None, candidate: int) -> str:
        """Return an id for a call without one: the same for the same answer."""
        created = text_from(self._answer.get("createTime"))
        seed = f"{self.id}|{created}|{ordinal}|{name}"
        if candidate:
            seed += f"|{candidate}"
        return SYNTHETIC + blake2b(seed.encode(), digest_size=9).hexdigest()

    @property
    def citations(self) -> list[Json]:
        """The recitations that Google names."""
        cited = object_from(self._candidate.get("citationMetadata"))
        # Vertex says `citations`, the Gemini API `citationSources`.
        return objects_from(cited.get("citations") or cited.get("citationSources"))

    @property
    def is_cut(self) -> bool:
        """Whether what is still open was left in the middle."""
        return self._reason != "STOP"

    def verdict(self) -> str | None:
        """Return why the calls of this answer must not be run, or None."""
        message = text_from(self._candidate.get("finishMessage"))
        return verdict_from(self._reason, self._blocked, message)

    def metadata(self, backend: str | None = None) -> Json:
        """Return the response metadata of the whole answer that a backend gave."""
        notes, of_candidate = self._answer.told(), self._candidate.told()
        unknown = {**notes.pop(UNKNOWN, {}), **of_candidate.pop(UNKNOWN, {})}
        notes = {**self.repeated, **notes, **of_candidate}
        if backend is not None:
            notes["backend"] = backend
        if grounding := self.grounding.metadata():
            notes["grounding_metadata"] = _note_from(grounding)
        if self._reason is not None:
            notes["finish_reason"] = self._reason
        feedback = notes.get("prompt_feedback") or {}
        if self._blocked is not None or (feedback and not self._has_candidate):
            notes |= self._notes_of_block(feedback)
        return {**notes, UNKNOWN: unknown} if unknown else notes

    def _notes_of_block(self, feedback: Json) -> Json:
        """Return the finish notes of an answer whose prompt was refused.

        A refused prompt has no candidate and so no finish reason of its own; Google's
        word for the block stands in for it, so that whoever looks there sees it.
        """
        made: Json = {}
        if self._blocked is not None:
            made["finish_reason"] = feedback["block_reason"] = self._blocked
        if message := text_from(feedback.get("block_reason_message")):
            made["finish_message"] = message
        if ratings := feedback.get("safety_ratings"):
            made["safety_ratings"] = ratings
        return made

    @property
    def model(self) -> str | None:
        """The model that answers."""
        return text_from(self._answer.get("modelVersion"))

    def usage(self) -> UsageMetadata | None:
        """Return the token counts, if there are any."""
        raw = _object_or_none(self._answer.get("usageMetadata"))
        return usage_from_metadata(raw or {})

    def spent(self) -> tuple[UsageMetadata | None, str | None]:
        """Return the token counts so far, and the model that they are of."""
        return self.usage(), self.model
