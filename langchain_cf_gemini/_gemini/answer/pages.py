"""One long answer in several pages: which token to ask on with, and what is new in it.

An answer that reaches the limit of one request ends with `finishReason: CONTINUATION`
and a token; the same request with the token gives the next page
(https://ai.google.dev/gemini-api/docs/generate-content/long-decode). In a stream tokens
also come in between, as checkpoints: what came after the last one comes again, and is
given once.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from langchain_cf_gemini._gemini.answer.metadata import merged_usage
from langchain_cf_gemini._gemini.answer.wire import (
    candidates_from_payload,
    count_from,
    object_from,
    objects_from,
    parts_from_candidate,
    text_from,
)
from langchain_cf_gemini._gemini.finish_reasons import finish_reason_from
from langchain_cf_gemini._gemini.vocabulary import Json

MOST_PAGES: Final = 64
"""Pages after which an answer is given as it is: twice 1,048,576 tokens in 32,768."""
_MOST_WITHOUT_PROGRESS: Final = 3
_CONTINUATION: Final = "CONTINUATION"
_ENDS: Final = frozenset({"finishReason", "continuationToken"})
_SIGNATURE: Final = "thoughtSignature"
_SIGNED: Final = object()  # the end of a text that was signed


class DivergedError(Exception):
    """What came again after a checkpoint is not what was given before."""


def summed_usage(known: Json, new: Json) -> Json:
    """Add the usage of two pages, each of which Google bills for itself."""
    summed = {**known, **new}
    for key in known.keys() & new.keys():
        if key.endswith("TokenCount"):
            summed[key] = (count_from(known[key]) or 0) + (count_from(new[key]) or 0)
        elif key.endswith("Details"):
            summed[key] = _summed_details(known[key], new[key])
    return summed


def _summed_details(known: Any, new: Any) -> list[Json]:
    counts: Counter[Any] = Counter()
    for entry in (*objects_from(known), *objects_from(new)):
        counts[entry.get("modality")] += count_from(entry.get("tokenCount")) or 0
    return [{"modality": m, "tokenCount": count} for m, count in counts.items()]


class Pages:
    """Turns the payloads of all pages into those of one answer.

    Attributes:
        count: How many requests the answer took so far.
        token: What to ask on with; None for the first request.
    """

    def __init__(self, *, follows: bool, token: str | None = None) -> None:
        """Begin an answer.

        Args:
            follows: Whether its further pages are asked for.
            token: The token that the caller asks on with.
        """
        self.count = 1
        self.token = token
        self._follows = follows
        self._asked_with = token
        self._spent: Json = {}
        self._usage: Json = {}
        self._reason: str | None = None
        self._goes_on = False
        self._without_progress = 0
        self._given: list[Json] = []
        self._again: list[Any] = []  # the tokens that come again
        self._place = 0

    def take(self, payload: Json) -> Json:
        """Return what a payload adds to the answer.

        Raises:
            DivergedError: If what comes again is not what was given.
            ResponseFormatError: If the payload does not have the promised shape.
        """
        if not self._follows or (self.token is None and _is_plain(payload)):
            return payload
        if len(objects_from(payload.get("candidates"))) > 1:
            self._follows = False  # whose token would it be?
            return payload
        candidate = candidates_from_payload(payload).get(0, {})
        if usage := object_from(payload.get("usageMetadata")):
            self._usage = merged_usage(self._usage, usage)
        reason = finish_reason_from(candidate.get("finishReason"))
        self._reason = reason or self._reason
        token = text_from(candidate.get("continuationToken"))
        if self._spent:
            usage = summed_usage(self._spent, self._usage)
            payload = {**payload, "usageMetadata": usage}
        if self._place < len(self._again):
            new = list(self._new_parts(parts_from_candidate(candidate)))
            content = {**object_from(candidate.get("content")), "parts": new}
            candidate = {**candidate, "content": content}
            payload = {**payload, "candidates": [candidate]}
        if token is not None:
            payload = self._checked(payload, candidate, token, reason)
        elif self.token is not None:
            self._given += parts_from_candidate(candidate)
        return payload

    def _checked(
        self, payload: Json, candidate: Json, token: str, reason: str | None
    ) -> Json:
        """Keep a checkpoint, and leave it out of what the answer says of itself."""
        self._goes_on = (
            reason == _CONTINUATION
            and token != self._asked_with
            and self.count < MOST_PAGES
        )
        if reason is not None and not self._goes_on:
            return payload
        self.token, self._given = token, []
        self._again, self._place = self._again[self._place :], 0
        kept = {k: v for k, v in candidate.items() if k != "continuationToken"}
        if self._goes_on:
            kept.pop("finishReason", None)
            kept.pop("finishMessage", None)
        return {**payload, "candidates": [kept]}

    def _new_parts(self, parts: list[Json]) -> Iterator[Json]:
        """Return what of parts that come again was not given yet."""
        for part in parts:
            new = [token for token in _tokens(part) if not self._was_given(token)]
            if new and "text" in part:
                text = "".join(token[1] for token in new if token is not _SIGNED)
                yield {**part, "text": text}
            elif new:
                yield part

    def _was_given(self, token: Any) -> bool:
        while self._place < len(self._again):
            given = self._again[self._place]
            self._place += 1
            if given == token:
                return True
            if (
                given is not _SIGNED
            ):  # which may come with a text that was cut elsewhere
                raise DivergedError
        return False

    def next_page(self) -> bool:
        """Tell at the end of a page whether there is another, and begin it."""
        if not self._goes_on:
            return False
        self._begin()
        self._without_progress = 0
        return True

    def resumes(self) -> bool:
        """Tell after a break whether the answer can go on, and begin to.

        Three times in a row without a new checkpoint is where Google's own client gives
        up, too.
        """
        if not self._follows or self.token is None or self._reason is not None:
            return False
        stands_still = self.token == self._asked_with
        self._without_progress = self._without_progress + 1 if stands_still else 0
        if self._without_progress > _MOST_WITHOUT_PROGRESS:
            return False
        self._begin()
        return True

    def _begin(self) -> None:
        self.count += 1
        self._asked_with = self.token
        self._spent = summed_usage(self._spent, self._usage)
        self._again += (token for part in self._given for token in _tokens(part))
        self._place, self._given, self._usage = 0, [], {}
        self._reason, self._goes_on = None, False


def _is_plain(payload: Json) -> bool:
    """Whether an event only adds content, as nearly every one does."""
    candidates = payload.get("candidates")
    if type(candidates) is not list or len(candidates) != 1:
        return False
    first = candidates[0]
    return type(first) is dict and _ENDS.isdisjoint(first)


def _tokens(part: Json) -> list[Any]:
    """Return what can be told apart of a part that may come again in other pieces."""
    if "text" not in part:
        return [{key: value for key, value in part.items() if key != _SIGNATURE}]
    characters = [(bool(part.get("thought")), each) for each in part["text"]]
    return [*characters, *([_SIGNED] if _SIGNATURE in part else [])]
