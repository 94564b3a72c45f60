"""What the payloads of one answer say beside its parts, gathered as they come."""

from langchain_core.messages.ai import UsageMetadata

from langchain_cf_gemini._gemini.answer.metadata import (
    FINISHED,
    finish_reason_from,
    merged_note,
    metadata_from_answer,
    metadata_from_block,
    metadata_from_candidate,
    usage_from_metadata,
)
from langchain_cf_gemini._gemini.vocabulary import PROVIDER, Json


class AnswerRecord:
    """The notes of one answer.

    Attributes:
        id: Google's id of the answer, or nothing.
        answer: The payloads' own keys; the last that said something counts.
        candidate: The candidate's keys.
        repeated: Response metadata that every chunk of a stream carries, because
            langchain-core reads it there and leaves equal values alone.
    """

    __slots__ = ("answer", "candidate", "id", "repeated")

    def __init__(self) -> None:
        """Start with nothing said."""
        self.id = ""
        self.answer: Json = {}
        self.candidate: Json = {}
        self.repeated: Json = {"model_provider": PROVIDER}

    def add(self, payload: Json, candidate: Json) -> None:
        """Take what one payload says."""
        answer, known = self.answer, self.candidate
        usage = answer.get("usageMetadata")
        answer.update(payload)
        if usage and "totalTokenCount" not in (payload.get("usageMetadata") or {}):
            # Usage is cumulative: the last that counts anything is the answer's.
            answer["usageMetadata"] = {**(answer.get("usageMetadata") or {}), **usage}
        for key, value in candidate.items():
            if key != "content" and value is not None and value != {}:
                known[key] = merged_note(key, known.get(key), value)
        if not self.id and (id_ := payload.get("responseId")):
            self.id = self.repeated["id"] = str(id_)

    @property
    def is_finished(self) -> bool:
        """Whether a finish reason has come; another may follow."""
        return "finishReason" in self.candidate

    def failure(self, *, calls: bool = False) -> str | None:
        """Return why the calls of this answer must not be run, or None.

        With `calls`, also when it broke off in the middle of one.
        """
        reason = finish_reason_from(self.candidate.get("finishReason"))
        if reason is None or reason in FINISHED:
            return reason if calls and reason != "STOP" else None
        message = self.candidate.get("finishMessage")
        return f"{reason}: {message}" if message else reason

    def metadata(self) -> Json:
        """Return the response metadata of the whole answer."""
        metadata = {**self.repeated, **metadata_from_answer(self.answer)}
        metadata |= metadata_from_candidate(self.candidate)
        feedback = metadata.get("prompt_feedback")
        if isinstance(feedback, dict) and not self.candidate:
            metadata |= metadata_from_block(feedback)
        return metadata

    def usage(self) -> UsageMetadata | None:
        """Return the token counts, if there are any."""
        return usage_from_metadata(self.answer.get("usageMetadata"))
