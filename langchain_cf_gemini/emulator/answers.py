"""What the emulated model answers: values that a test writes down and joins with `+`.

reply("Let me look.") + call("get_weather", city="Lima")
thought("A haiku needs 17 syllables.") + reply("Old pond…")
block("SAFETY")
reply("Hello").late(1).cut(after=1)
"""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Annotated, Any

from pydantic import Field

from langchain_cf_gemini.emulator import faults as _faults
from langchain_cf_gemini.emulator._checked import check
from langchain_cf_gemini.emulator.faults import Count, Fault, Framing


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer of the model, before signatures, usage and ids are added.

    Attributes:
        parts: Gemini parts, in order, in Gemini's own JSON.
        finish_reason: Gemini's finishReason; None leaves it out.
        finish_message: Gemini's finishMessage.
        candidate: Further fields of the candidate: groundingMetadata, citationMetadata,
            safetyRatings, urlContextMetadata, avgLogprobs, logprobsResult.
        usage: Token counts that replace the counted ones, by Gemini's names
            (promptTokenCount, ...); the total follows them unless it is given too.
        response: Further fields in addition to `candidates`, or replacements.
        block_reason: Blocks the prompt: promptFeedback, and no candidate.
        finish_each_part: A stream repeats the finishReason after every part, as
            Gemini 2.5 does between rounds of code execution.
        partial_args: A stream sends arguments piece by piece, as Vertex does where
            streamFunctionCallArguments asks for it.
        json: A value that goes out as JSON: as text, or as the arguments of the one
            function that the request forces.
        exact: The whole response as it goes out; nothing is added to it.
        chunks: How streams cut a text, by the text; others are cut into words.
        pages: In how many pages it comes; each but the last ends with CONTINUATION and
            a token, which asks for the next.
        checkpoint_every: After how many chunks a stream holds a token to resume from;
            0 for never.
        faults: What spoils it on its way.
        checked: Whether its calls must fit the declared functions, and its JSON the
            schema that was asked for.
    """

    parts: Sequence[Mapping[str, Any]] = ()
    finish_reason: str | None = "STOP"
    finish_message: str | None = None
    candidate: Mapping[str, Any] = field(default_factory=dict)
    usage: Mapping[str, Count] = field(default_factory=dict)
    response: Mapping[str, Any] = field(default_factory=dict)
    block_reason: str | None = None
    finish_each_part: bool = False
    partial_args: bool = False
    json: Any = None
    exact: Mapping[str, Any] | None = None
    chunks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    pages: Annotated[int, Field(ge=1)] = 1
    checkpoint_every: Count = 0
    faults: tuple[Fault, ...] = ()
    checked: bool = True

    def __post_init__(self) -> None:
        """Refuse what no answer can hold.

        Raises:
            TypeError: If a text or a name is no str, or anything no JSON.
            ValueError: If anything is not what its attribute takes.
        """
        check(Answer, vars(self))
        for part in self.parts:
            called = part.get("functionCall") or {}
            for said in (part.get("text", ""), called.get("name", "")):
                if not isinstance(said, str):
                    raise TypeError(f"A text or a name must be a str, not {said!r}.")
        said = [self.parts, self.json, self.candidate, self.response]
        try:
            json.dumps(said, allow_nan=False)
            json.dumps(self.exact)
        except (TypeError, ValueError) as wrong:
            raise type(wrong)(
                f"An answer must be JSON: {wrong}. Pass several answers one by one."
            ) from wrong

    def __add__(self, other: "Answer") -> "Answer":
        """Both answers' parts in order; whatever the right one says otherwise wins."""
        if not isinstance(other, Answer):
            return NotImplemented
        return replace(self, **dict(_joined(self, other)))

    def streamed(
        self, *, partial_args: bool = False, finish_each_part: bool = False
    ) -> "Answer":
        """The same answer, streamed in another way; see the attributes."""
        return replace(
            self, partial_args=partial_args, finish_each_part=finish_each_part
        )

    def paged(self, pages: int = 2) -> "Answer":
        """The same answer in several pages, as Gemini 4 gives a long one."""
        return replace(self, pages=pages)

    def checkpointed(self, every: int = 1) -> "Answer":
        """The same, streamed with a token to resume from after every so many chunks."""
        return replace(self, checkpoint_every=every)

    def unchecked(self) -> "Answer":
        """The same, wrong calls and wrong JSON included, as models make them."""
        return replace(self, checked=False)

    def spoiled(self, *faults: Fault) -> "Answer":
        """The same answer with these faults in it."""
        return replace(self, faults=(*self.faults, *faults))

    def late(self, seconds: float) -> "Answer":
        """Whole and good, after so many seconds."""
        return self.spoiled(_faults.late(seconds))

    def slow(self, seconds: float = 1.0, *, piece: int = 1) -> "Answer":
        """In drops of so many bytes, with a pause of so many seconds after each."""
        return self.spoiled(_faults.slow(seconds, piece=piece))

    def stall(self, *, after: int = 0, seconds: float | None = None) -> "Answer":
        """With a silence after so many frames, for so long or until the client goes."""
        return self.spoiled(_faults.stall(after_frames=after, seconds=seconds))

    def cut(self, *, after: int = 1) -> "Answer":
        """With the connection closed after so many frames."""
        return self.spoiled(_faults.cut(after_frames=after))

    def reset(self, *, after: int | None = None) -> "Answer":
        """With the connection reset: before the first byte, or after frames."""
        return self.spoiled(_faults.reset(after_frames=after))

    def close_after(self) -> "Answer":
        """Good, and then the kept-alive connection is closed unannounced."""
        return self.spoiled(_faults.close_after())

    def malformed(self, *, after: int = 1) -> "Answer":
        """With a frame that is not JSON after so many good ones."""
        return self.spoiled(_faults.malformed(after_frames=after))

    def error_event(
        self, code: int = 503, *, after: int = 1, bare: bool = False
    ) -> "Answer":
        """A stream that ends with Google's error after so many frames."""
        return self.spoiled(_faults.error_event(code, after_frames=after, bare=bare))

    def no_finish(self) -> "Answer":
        """A stream that ends without any finishReason."""
        return self.spoiled(_faults.no_finish())

    def framing(self, style: Framing) -> "Answer":
        """A stream framed in another legal way."""
        return self.spoiled(_faults.framing(style))

    def wrong(self, path: str, value: Any = None) -> "Answer":
        """With another value at a path of the response."""
        return self.spoiled(_faults.wrong(path, value))

    def json_for_stream(self) -> "Answer":
        """Plain JSON where a stream was asked for."""
        return self.spoiled(_faults.json_for_stream())

    def stream_for_json(self) -> "Answer":
        """Server-sent events where plain JSON was asked for."""
        return self.spoiled(_faults.stream_for_json())


def _joined(one: Answer, other: Answer) -> Iterator[tuple[str, Any]]:
    for known in fields(Answer):
        left, right = getattr(one, known.name), getattr(other, known.name)
        if known.default == ():
            yield known.name, (*left, *right)
        elif known.default is MISSING:
            yield known.name, {**left, **right}
        elif right != known.default:
            yield known.name, right


def reply(
    text: str,
    *,
    thoughts: str | None = None,
    grounding: Mapping[str, Any] | None = None,
    citations: Sequence[Mapping[str, Any]] = (),
    safety_ratings: Sequence[Mapping[str, Any]] = (),
    finish_reason: str = "STOP",
    finish_message: str | None = None,
    usage: Mapping[str, int] | None = None,
    delay: float = 0.0,
    chunks: Sequence[str] = (),
) -> Answer:
    """A text answer.

    Args:
        text: Text of the response.
        thoughts: Its thought summary; sent only if the request includes thoughts.
        grounding: groundingMetadata, see `grounding`.
        citations: Items of citationMetadata.citations.
        safety_ratings: Items of safetyRatings.
        finish_reason: STOP, MAX_TOKENS, SAFETY, RECITATION, ...
        finish_message: Why it ended so.
        usage: Token counts by Gemini's names, see `Answer.usage`.
        delay: Seconds before the first byte.
        chunks: The text in the pieces that a stream sends.

    Raises:
        ValueError: If the chunks do not add up to the text.
    """
    if chunks and "".join(chunks) != text:
        raise ValueError(f"chunks={list(chunks)} do not add up to {text!r}.")
    metadata = {
        "groundingMetadata": grounding,
        "citationMetadata": {"citations": list(citations)} if citations else None,
        "safetyRatings": list(safety_ratings) or None,
    }
    said = Answer(
        parts=({"text": text},),
        finish_reason=finish_reason,
        finish_message=finish_message,
        candidate={key: value for key, value in metadata.items() if value is not None},
        usage=dict(usage or {}),
        chunks={text: tuple(chunks)} if chunks else {},
    )
    said = said.late(delay) if delay else said
    return thought(thoughts) + said if thoughts else said


def call(name: str, /, *, _id: str | None = None, **args: Any) -> Answer:
    """A function call; join several with `+` for parallel calls.

    Args:
        name: The function.
        _id: functionCall.id; most recorded Vertex answers carry none.
        **args: Its arguments.
    """
    identified = {"id": _id} if _id else {}
    return Answer(parts=({"functionCall": {**identified, "name": name, "args": args}},))


def thought(text: str) -> Answer:
    """A part of the thought summary, sent only if the request includes thoughts."""
    return Answer(parts=({"text": text, "thought": True},))


def image(data: bytes, *, mime_type: str = "image/png") -> Answer:
    """An image, or any other media, in the answer."""
    encoded = base64.b64encode(data).decode()
    return Answer(parts=({"inlineData": {"mimeType": mime_type, "data": encoded}},))


def code(source: str, output: str, *, outcome: str = "OUTCOME_OK") -> Answer:
    """One round of Google's code execution."""
    return Answer(
        parts=(
            {"executableCode": {"language": "PYTHON", "code": source}},
            {"codeExecutionResult": {"outcome": outcome, "output": output}},
        )
    )


def block(reason: str = "SAFETY", *, message: str | None = None) -> Answer:
    """A blocked prompt: HTTP 200, promptFeedback, no candidates."""
    feedback = {"blockReasonMessage": message} if message else {}
    return Answer(block_reason=reason, response={"promptFeedback": feedback})


def finish(reason: str, *, message: str | None = None) -> Answer:
    """An answer without content, such as MALFORMED_FUNCTION_CALL or SAFETY."""
    return Answer(finish_reason=reason, finish_message=message)


def exactly(response: Mapping[str, Any]) -> Answer:
    """A response that goes out as it is; it may be as wrong as you like."""
    if not isinstance(response, Mapping):
        raise TypeError(f"exactly() takes a dict, not {response!r}.")
    return Answer(exact=response)


def grounding(text: str, *sources: tuple[str, str]) -> dict[str, Any]:
    """GroundingMetadata that credits a whole text to (title, uri) sources.

    Segment ends count UTF-8 bytes. A start of 0 is left out, as Google does.
    """
    return {
        "webSearchQueries": [text[:60]],
        "searchEntryPoint": {"renderedContent": "<div></div>"},
        "groundingChunks": [
            {"web": {"uri": uri, "title": title}} for title, uri in sources
        ],
        "groundingSupports": [
            {
                "segment": {"endIndex": len(text.encode()), "text": text},
                "groundingChunkIndices": list(range(len(sources))),
            }
        ],
    }
