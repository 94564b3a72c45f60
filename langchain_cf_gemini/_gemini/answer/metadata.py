"""What an answer says about itself: usage, finish reason, ratings, grounding."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from langchain_core.messages.ai import UsageMetadata

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
from langchain_cf_gemini._gemini.json_values import sound
from langchain_cf_gemini._gemini.part_notes import SYNTHETIC
from langchain_cf_gemini._gemini.vocabulary import (
    PROVIDER,
    Json,
    snake_case,
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


def _audio_tokens(details: Any) -> int:
    return sum(
        count_from(entry.get("tokenCount")) or 0
        for entry in objects_from(details)
        if word_from(entry.get("modality"), _MODALITIES) == "AUDIO"
    )


def usage_from_metadata(raw: Json) -> UsageMetadata | None:
    """Convert `usageMetadata`; None when it holds no count.

    Google's candidate count leaves thoughts out and its prompt count leaves tool use
    out (true of 1,336 of 1,341 recordings), so output is candidates + thoughts and
    input is prompt + tool use. Cached tokens are inside the prompt count. Cached audio
    counts as cache_read only: the details must not sum to more than the input.
    """
    if not _counts_anything(raw):
        return None
    prompt, tools, said, thoughts, total = (
        count_from(raw.get(name)) or 0 for name in (*_USED, "totalTokenCount")
    )
    read, written = prompt + tools, said + thoughts
    # What the total counts beside, nobody named: the model wrote it.
    written = max(written, total - read)
    usage = UsageMetadata(
        input_tokens=read, output_tokens=written, total_tokens=read + written
    )
    if details := _input_details(raw, read):
        usage["input_token_details"] = details  # type: ignore[typeddict-item]
    audio = _audio_tokens(raw.get("candidatesTokensDetails"))
    if spent := {k: n for k, n in (("reasoning", thoughts), ("audio", audio)) if n}:
        usage["output_token_details"] = spent  # type: ignore[typeddict-item]
    return usage


def _input_details(raw: Json, read: int) -> dict[str, int]:
    details = {}
    if cached := count_from(raw.get("cachedContentTokenCount")):
        details["cache_read"] = min(cached, read)
    if "promptTokensDetails" in raw or "toolUsePromptTokensDetails" in raw:
        audio = (
            _audio_tokens(raw.get("promptTokensDetails"))
            + _audio_tokens(raw.get("toolUsePromptTokensDetails"))
            - _audio_tokens(raw.get("cacheTokensDetails"))
        )
        if audio > 0:
            details["audio"] = audio
    return details


def _counts_anything(usage: Json) -> bool:
    return any(
        key.endswith("TokenCount") and count_from(value) is not None
        for key, value in usage.items()
    )


def merged_usage(known: Json, new: Json) -> Json:
    """Return what two events of a stream say of usage.

    Usage is cumulative: the last that counts anything is the answer's. What it leaves
    out and its own total counts, an earlier event has named.
    """
    is_whole = type(new.get("totalTokenCount")) is int and known.keys() <= new.keys()
    if is_whole and new["totalTokenCount"] >= 0 and None not in new.values():
        return new  # as in nearly every event
    new = {key: value for key, value in new.items() if value is not None}
    if not _counts_anything(new):
        return {**new, **known}
    total = count_from(new.get("totalTokenCount"))
    summed = sum(count_from(new.get(name)) or 0 for name in _USED)
    missing = {k: v for k, v in known.items() if k not in new}
    return {**missing, **new} if total is None or summed < total else new


# ---- notes

_Read = Callable[[Any], Any]


def _number_from(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and isinstance(sound(value), int | float) else None


def _list_from(value: Any) -> list[Any] | None:
    return value if isinstance(value, list) else None


def _object_or_none(value: Any) -> Json | None:
    return value if isinstance(value, dict) else None


_OF_ANSWER: dict[str, tuple[str, _Read]] = {
    "modelVersion": ("model_name", text_from),
    "responseId": ("response_id", text_from),
    "createTime": ("create_time", text_from),
    "promptFeedback": ("prompt_feedback", _object_or_none),
    "usageMetadata": ("gemini_usage", _object_or_none),
}
_OF_CANDIDATE: dict[str, tuple[str, _Read]] = {
    "safetyRatings": ("safety_ratings", _list_from),
    "citationMetadata": ("citation_metadata", _object_or_none),
    "urlContextMetadata": ("url_context_metadata", _object_or_none),
    "groundingMetadata": ("grounding_metadata", _object_or_none),
    "avgLogprobs": ("avg_logprobs", _number_from),
    "logprobsResult": ("logprobs", _object_or_none),
    "finishMessage": ("finish_message", text_from),
    "continuationToken": ("continuation_token", text_from),
}
_READ_APART = frozenset({"candidates", "gatewayMetadata", "content", "index"}) | {
    "finishReason"
}
UNKNOWN = "unknown_fields"
"""Where the metadata keeps what Google says under a name that means something else."""

# Names that langchain-core or this package gives a meaning in `response_metadata`.
_OURS = (
    {name for name, _ in (*_OF_ANSWER.values(), *_OF_CANDIDATE.values())}
    | {"citations", "dropped_tool_calls", "finish_reason", "gateway", UNKNOWN}
    | {"backend", "pages", "replaced_signatures"}
    | {"id", "model_provider", "output_version", "cost", "index", "headers"}
    | {"created", "timestamp", "refusal", "usage_metadata"}
    | {"requested_model", "pages", "replaced_signatures"}
)


def _notes_from(said: Json, known: dict[str, tuple[str, _Read]]) -> Json:
    """Return notes under LangChain's snake_case names, all of them."""
    notes: Json = {}
    for key, value in said.items():
        if key in _READ_APART or value is None:
            continue
        name, read = known.get(key, (snake_name(sound(key)), None))
        found = value if read is None else read(value)
        if found is None or (read is None and name in _OURS):
            notes.setdefault(UNKNOWN, {})[name] = snake_case(sound(value))
        else:
            notes[name] = snake_case(sound(found))
    return notes


def _chain(old: Any, new: Any) -> Any:
    """Merge token lists, where equal items follow each other by right."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{k: _chain(old.get(k), v) for k, v in new.items()}}
    if isinstance(old, list) and isinstance(new, list):
        return new if new[: len(old)] == old else old + new
    return new


# Other notes say the last word in the last event.
_MERGE: dict[str, Callable[[Any, Any], Any]] = {
    "promptFeedback": union,
    "usageMetadata": merged_usage,
    "citationMetadata": union,
    "urlContextMetadata": union,
    "logprobsResult": _chain,
}


def _keep(
    notes: Json, key: str, value: Any, known: dict[str, tuple[str, _Read]]
) -> None:
    """Store what an event says under a key; what cannot be read replaces nothing."""
    before = notes.get(key)
    read = known[key][1] if key in known else None
    if before is None or read is None or read(before) is None:
        notes[key] = value
    elif read(value) is not None:
        merge = _MERGE.get(key)
        notes[key] = merge(before, value) if merge else value


class AnswerRecord:
    """What the payloads of one answer say beside its parts, gathered as they come.

    Attributes:
        id: Google's id of the answer, or nothing.
        repeated: Response metadata that every chunk of a stream carries, because
            langchain-core reads it there and leaves equal values alone.
        grounding: The sources of what is said.
    """

    __slots__ = (
        "_answer",
        "_blocked",
        "_candidate",
        "_has_candidate",
        "_reason",
        "grounding",
        "id",
        "repeated",
    )

    def __init__(self) -> None:
        """Start with nothing said."""
        self.id = ""
        self.repeated: Json = {"model_provider": PROVIDER}
        self.grounding = Grounding()
        self._answer: Json = {}
        self._candidate: Json = {}
        self._reason: str | None = None
        self._blocked: str | None = None
        self._has_candidate = False

    def add(self, payload: Json, candidate: Json) -> None:
        """Take what one payload says."""
        known = self._answer
        for key, value in payload.items():
            # In nearly every event but the usage all is as it was before.
            if key != "candidates" and value is not None and known.get(key) != value:
                if key == "promptFeedback":
                    self._blocked = block_reason_from(value) or self._blocked
                _keep(known, key, value, _OF_ANSWER)
        self._has_candidate = self._has_candidate or bool(candidate)
        for key, value in candidate.items():
            if key != "content" and value is not None and value != {}:
                self._add_note(key, value)
        if not self.id and (id_ := text_from(payload.get("responseId"))):
            self.id = self.repeated["id"] = id_

    def _add_note(self, key: str, value: Any) -> None:
        if key == "finishReason":
            reason = finish_reason_from(value)
            # A reason that forbids is never taken back.
            if reason is not None and not is_final(self._reason):
                self._reason = reason
        elif key == "groundingMetadata" and isinstance(value, dict):
            self.grounding.add(value)
        elif self._candidate.get(key) != value:
            _keep(self._candidate, key, value, _OF_CANDIDATE)

    def fix_id(self, seed: Callable[[], str]) -> None:
        """Give the answer an id of its own if its first words came without any."""
        if not self.id and (id_ := seed()):
            self.id = self.repeated["id"] = id_

    @property
    def created(self) -> str | None:
        """When Google made the answer."""
        return text_from(self._answer.get("createTime"))

    def call_id(self, ordinal: int, name: str | None, candidate: int) -> str:
        """Return an id for a call without one: the same for the same answer."""
        seed = f"{self.id}|{self.created}|{ordinal}|{name}"
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
        notes = _notes_from(self._answer, _OF_ANSWER)
        of_candidate = _notes_from(self._candidate, _OF_CANDIDATE)
        unknown = {**notes.pop(UNKNOWN, {}), **of_candidate.pop(UNKNOWN, {})}
        notes = {**self.repeated, **notes, **of_candidate}
        if backend is not None:
            notes["backend"] = backend
        if grounding := self.grounding.metadata():
            notes["grounding_metadata"] = snake_case(sound(grounding))
        if self._reason is not None:
            notes["finish_reason"] = self._reason
        feedback = notes.get("prompt_feedback")
        if feedback and (self._blocked is not None or not self._has_candidate):
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

    def usage(self) -> UsageMetadata | None:
        """Return the token counts, if there are any."""
        return usage_from_metadata(object_from(self._answer.get("usageMetadata")))
