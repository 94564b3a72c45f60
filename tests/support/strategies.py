"""What property tests draw from."""

from typing import Any

from hypothesis import strategies as st

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


def some(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with some of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


# ---- answers of Gemini's, as the wire may bring them

_ODD = (
    st.none()
    | st.booleans()
    | st.sampled_from([0, 7, -1, 2**70, 1.5, float("inf"), float("nan")])
    | st.sampled_from(["", "x", "7", "NaN", "\ud83d", "\ude00", "a\x00b"])
    | st.lists(st.none() | st.integers(0, 3), max_size=2)
    | st.dictionaries(st.sampled_from(["a", "text", "tokenCount"]), st.none())
)
_SAID = st.sampled_from(["", "a", "Hi. ", "é🌍\n", "\ud83d", "\ude00b", '{"a": 1}'])
_NAMES = st.sampled_from(["f", "g", "look"])
_MAYBE = some(
    thoughtSignature=st.just("c2ln"),
    thought=st.booleans() | st.none(),
    inlineData=st.none(),
)
_ARGS = st.none() | st.dictionaries(st.sampled_from("ab"), JSON | _ODD, max_size=2)
_PIECES = st.lists(
    st.builds(
        dict,
        jsonPath=st.sampled_from(["$.a", "$.b", "$.c[0]", "$.c[1].d", "$", "a["]),
        stringValue=_SAID,
        willContinue=st.booleans(),
    )
    | st.builds(
        lambda path, key, value: {"jsonPath": path, key: value},
        st.sampled_from(["$.a", "$.b"]),
        st.sampled_from(["numberValue", "boolValue", "nullValue", "stringValue"]),
        _ODD,
    ),
    max_size=3,
)
_CALLS = some(
    name=_NAMES | st.none(),
    args=_ARGS,
    id=st.sampled_from(["i1", "i2", 7, None]),
    partialArgs=_PIECES | st.none(),
    willContinue=st.booleans() | st.none(),
)
_PAYLOADS = (
    st.builds(lambda text: {"text": text}, _SAID | _SAID | _ODD)
    | st.builds(lambda call: {"functionCall": call}, _CALLS)
    | st.builds(
        lambda mime, data: {"inlineData": {"mimeType": mime, "data": data}},
        st.sampled_from(["image/png", "audio/L16;rate=24000", None]),
        st.sampled_from(["aW1n", "YQ==", "YQ", 5]),
    )
    | st.just({"fileData": {"mimeType": "image/png", "fileUri": "https://b/o"}})
    | st.builds(
        lambda code: {"executableCode": {"language": "PYTHON", "code": code}}, _SAID
    )
    | st.builds(
        lambda outcome, output: {
            "codeExecutionResult": {"outcome": outcome, "output": output}
        },
        st.sampled_from(["OUTCOME_OK", "OUTCOME_FAILED", 1, None]),
        _SAID | st.none(),
    )
)
PARTS = st.builds(lambda payload, beside: {**beside, **payload}, _PAYLOADS, _MAYBE)
"""Parts of an answer, good ones and odd ones."""

GOOD_PARTS = st.sampled_from(
    [
        {"text": "a"},
        {"text": "b🌍"},
        {"text": "c", "thoughtSignature": "c2ln"},
        {"text": "", "thoughtSignature": "ZW5k"},
        {"text": "t", "thought": True},
        {"text": "u", "thought": True, "thoughtSignature": "dGhv"},
        {"functionCall": {"name": "f", "args": {"x": 1}}},
        {"functionCall": {"name": "g", "args": {}}, "thoughtSignature": "Y2FsbA=="},
        {"inlineData": {"mimeType": "image/png", "data": "aW1n"}},
        {"executableCode": {"language": "PYTHON", "code": "1"}},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}},
    ]
)
"""Parts as Google sends them."""

_FINISH = st.sampled_from(
    ["STOP", "MAX_TOKENS", "SAFETY", "MALFORMED_FUNCTION_CALL", "NEW", 1, 3, 0, None]
)
_PLACES = some(
    startIndex=_ODD, endIndex=_ODD | st.integers(0, 5), partIndex=_ODD, text=_SAID
)
_SUPPORTS = some(
    segment=_ODD | _PLACES,
    groundingChunkIndices=_ODD | st.just([0, 1, "0", 9]),
    confidenceScores=_ODD,
)
_GROUNDINGS = st.fixed_dictionaries(
    {
        "groundingChunks": st.just([{"web": {"uri": "https://r/1"}}, None, 3]),
        "groundingSupports": _ODD | st.lists(_SUPPORTS, max_size=2),
    }
)
_CITATIONS = st.just({"citations": [{"endIndex": 1, "uri": 3}, None]})
_NOTES = some(
    **dict.fromkeys(["finishMessage", "safetyRatings", "avgLogprobs", "id"], _ODD),
    **dict.fromkeys(["logprobsResult", "modelProvider", "brandNew"], _ODD),
    groundingMetadata=_ODD | _GROUNDINGS,
    citationMetadata=_ODD | _CITATIONS,
)
_COUNTS = [f"{of}TokenCount" for of in ("prompt", "candidates", "thoughts", "total")]
_USAGE = st.sampled_from([*_COUNTS, "promptTokensDetails", "trafficType"])
_BESIDE = some(
    **dict.fromkeys(["modelVersion", "responseId", "createTime", "id"], _ODD),
    **dict.fromkeys(["finishReason", "outputVersion", "gateway"], _ODD),
    usageMetadata=_ODD | st.dictionaries(_USAGE, _ODD),
    promptFeedback=_ODD | some(blockReason=_ODD | st.sampled_from(["SAFETY", 4])),
)


def events_of(parts: Any) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Events of a stream that ends, or a whole answer if there is one of them."""
    event = st.builds(
        lambda said, notes, beside: {
            "candidates": [{"content": {"role": "model", "parts": said}, **notes}],
            **beside,
        },
        st.lists(parts, min_size=1, max_size=4),
        _NOTES,
        _BESIDE,
    )
    end = st.builds(
        lambda event, finish: {
            **event,
            "candidates": [{**event["candidates"][0], "finishReason": finish}],
        },
        event,
        _FINISH,
    )
    return st.builds(
        lambda events, last: [*events, last], st.lists(event, max_size=3), end
    )
