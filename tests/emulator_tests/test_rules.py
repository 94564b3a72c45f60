"""Strict mode: what Google refuses, rule by rule, and what it takes."""

import base64
from typing import Any

import pytest

from tests.support.emulated import RULES, Settings, issue_signature, packaged
from tests.support.judge import (
    SKIP,
    Judge,
    ask,
    call_part,
    config,
    function,
    media,
    message_of,
    model,
    response_part,
    user,
)

Json = dict[str, Any]

TEXT = {"type": "STRING"}
LOOKUP = {"functionDeclarations": [function("lookup", city=TEXT)]}
CALL = call_part("lookup", {"city": "Lima"})
SIGNED = call_part("lookup", {"city": "Lima"}, thoughtSignature=SKIP)
CALL_2 = call_part("other")
RESPONSE = response_part("lookup", {"result": 1})
RESPONSE_2 = response_part("other")
# Signed by nobody, by one backend and by the other.
UNKNOWN = "AAECAwQ="
OF_GEMINI_API = issue_signature(CALL, "seed", "gemini_api")
OF_VERTEX = issue_signature({"text": "b"}, "seed", "vertex")
FILM = {"fileData": {"fileUri": "https://x/a.mp4", "mimeType": "video/mp4"}}
PICTURE = {"fileUri": "https://www.gstatic.com/x.png", "mimeType": "image/png"}
SEARCH: Json = {"googleSearch": {}}
CIRCULATING = {"includeServerSideToolInvocations": True}
JSON = {"responseMimeType": "application/json"}


def thinking(**settings: Any) -> Json:
    return config(thinkingConfig=settings)


def said_by(role: str, *parts: Json) -> Json:
    return ask({"role": role, "parts": list(parts) or [{"text": "x"}]})


def looked_up(call: Json, *responses: Json) -> Json:
    return ask("a", model(call), user(*responses))


def tools(*items: Json, **rest: Any) -> Json:
    return ask(tools=list(items), **rest)


def functions(*items: Json, **rest: Any) -> Json:
    return tools({"functionDeclarations": list(items)}, **rest)


def parameters(**schema: Any) -> Json:
    return functions({"name": "f", "parameters": schema})


def parameter(schema: Json, name: str = "a") -> Json:
    return parameters(type="OBJECT", properties={name: schema})


def calling(**settings: Any) -> Json:
    return {"functionCallingConfig": settings}


def shown(kind: str, response: Any = None, **beside: Any) -> Json:
    """A function's response that shows a file."""
    file = {"inlineData": {"mimeType": kind, "data": "AAAA", **beside}}
    return looked_up(SIGNED, response_part("lookup", response, parts=[file]))


def section(**offsets: str) -> Json:
    return ask(user(media("video/mp4", videoMetadata=offsets)))


FLASH_3 = "google/gemini-3-flash"
PRO_25 = "google/gemini-2.5-pro"
FLASH_25 = "google/gemini-2.5-flash"
UNTAKEN = (
    *("image/jpg", "png", "image/svg+xml", "application/octet-stream"),
    *("text/x-python", "application/json", "video/x-matroska"),
)
ALONE = "should not be set in the request when using cached content."
LEVEL_AND_BUDGET = thinking(thinkingLevel="LOW", thinkingBudget=100)

# Refused by Gemini 3 on Vertex AI: rule, body, part of Google's message.
ON_VERTEX: list[tuple[str, Json, str]] = [
    ("contents", {"contents": []}, "contents is not specified"),
    ("role", said_by("system"), "valid role: user"),
    ("role", said_by("assistant"), "valid role"),
    ("role", said_by("tool", RESPONSE), "valid role"),
    ("role", said_by("function", RESPONSE), "valid role"),
    ("empty parts", ask(user()), "at least one parts field"),
    ("empty parts", ask({"role": "user"}), "at least one parts field"),
    ("empty parts", ask("a", model(), "b"), "at least one parts field"),
    ("a payload in every part", ask(user({})), "must have one initialized field"),
    ("a payload in every part", ask(user({"thought": True})),
     "one initialized field"),
    ("one payload per part", ask(user(media("i/p", "", text="a"))),
     "oneof field 'data' is already set. Cannot set 'inlineData'"),
    ("type of inline data", ask(user({"inlineData": {"data": "aGk="}})),
     "mime_type"),
    ("type of a file", ask(user({"fileData": {"fileUri": "gs://a/b"}})),
     "mimeType"),
    ("URL may be crawled", ask(user({"fileData": PICTURE})),
     "URL_ROBOTED-ROBOTED_DENIED"),
    ("system instruction is text",
     ask(systemInstruction={"parts": [{"inlineData": {"mimeType": "a/b"}}]}),
     "text parts only"),
    ("call after user turn", ask(model(SIGNED), user(RESPONSE)),
     "function call turn"),
    ("response after call turn", ask(user(RESPONSE)), "function response turn"),
    ("response after call turn", looked_up({"text": "b"}, RESPONSE),
     "immediately after a function call turn"),
    ("as many responses as calls", ask("a", model(SIGNED)), "equal to"),
    ("as many responses as calls",
     ask("a", model(SIGNED, CALL_2), user(RESPONSE)),
     "number of function response parts is equal to the number of function call"),
    ("as many responses as calls", looked_up(SIGNED, RESPONSE, RESPONSE),
     "equal to"),
    ("as many responses as calls", ask("a", model(SIGNED), "b", model("c"), "d"),
     "equal to"),
    ("response names", looked_up(SIGNED, RESPONSE_2), "names match"),
    ("a response has a name",
     looked_up(SIGNED, {"functionResponse": {"response": {}}}),
     "Name cannot be empty"),
    ("response ids",
     looked_up({"functionCall": {"id": "1", "name": "lookup"},
                "thoughtSignature": SKIP}, response_part("lookup", id="2")),
     "ids match"),
    ("input tokens", ask("word " * 900_000), "exceeds the maximum number of tok"),
    ("empty text", ask(""), "it has an empty text parameter"),
    ("empty text", ask("a", model(""), "b"), "an empty text parameter"),
    ("empty text", ask(systemInstruction={"parts": [{"text": ""}]}), "empty text"),
    *(("media type is taken", ask(user(media(kind))),
       f"mimeType parameter with value {kind}, which is not supported")
      for kind in UNTAKEN),
    ("media has data", ask(user(media(data=""))), "empty inlineData"),
    ("media in a response", shown("image/gif"), "gif"),
    ("references in a response",
     looked_up(SIGNED, response_part(
         "lookup", {"schema": [{"$ref": "#/$defs/A"}]}, parts=[])),
     "The referenced name `#/$defs/A` does not match to a display_name"),
    ("film offsets", section(startOffset="1m"),
     "contents[0].parts[0].video_metadata.start_offset' (type.googleapis.com/goog"),
    ("function name", functions({"name": "get weather"}), "Invalid function name"),
    ("function name", functions({"name": "1st"}), "Must start with a letter"),
    ("function name", functions({"name": "f" * 129}), "maximum length of 128"),
    ("a function has a name", functions({"description": "no name"}),
     "Invalid function name"),
    ("duplicate function", functions({"name": "f"}, {"name": "f"}),
     "Duplicate function declaration found: f"),
    ("number of functions", functions(*({"name": f"f{i}"} for i in range(513))),
     "at most 512"),
    ("parameters are an object", parameters(properties={"a": TEXT}),
     "`f` functionDeclaration `parameters` schema should be of type OBJECT"),
    ("parameters are an object", parameters(type="STRING"), "of type OBJECT"),
    ("one schema per function",
     functions({"name": "f", "parameters": {"type": "OBJECT"},
                "parametersJsonSchema": {"type": "object"}}),
     "only one of parameters and parametersJsonSchema"),
    ("one response schema per function",
     functions({"name": "f", "response": TEXT, "responseJsonSchema": {}}),
     "only one of response and responseJsonSchema"),
    ("parameter name", parameter(TEXT, "a b"), 'invalid property name "a b"'),
    ("array has items", parameter({"type": "ARRAY"}),
     "parameters.properties[a].items: missing field"),
    ("array has items",
     config(**JSON, responseSchema={"type": "ARRAY", "items": {"type": "ARRAY"}}),
     "response_schema.items.items: missing field"),
    ("required property exists", parameters(type="OBJECT", required=["a"]),
     "parameters.required[0]: property is not defined"),
    ("enum of strings", parameter({"enum": ["x"]}),
     "enum: only allowed for STRING type"),
    ("enum has no empty string",
     parameter({"anyOf": [{"type": "STRING", "enum": ["x", ""]}]}),
     "any_of[0].enum[1]: cannot be empty"),
    ("mode of allowed function names",
     tools(LOOKUP, toolConfig=calling(allowedFunctionNames=["lookup"])),
     "mode is not ANY"),
    ("allowed function names",
     tools(LOOKUP, toolConfig=calling(mode="ANY", allowedFunctionNames=["other"])),
     "not declared"),
    ("forced call without functions", ask(toolConfig=calling(mode="ANY")),
     "Function calling config is set without function_declarations"),
    ("forced call without functions",
     tools(SEARCH, toolConfig=calling(mode="AUTO")),
     "Function calling config is set without function_declarations"),
    ("google search retrieval", tools({"googleSearchRetrieval": {}}),
     "use google_search"),
    ("streamed arguments",
     tools(LOOKUP, toolConfig=calling(streamFunctionCallArguments=True)),
     "streamGenerateContent only"),
    ("temperature", config(temperature=1000),
     "supported range is from 0 (inclusive)"),
    ("temperature", config(temperature=-0.1), "to 2.0001 (exclusive)"),
    ("topP", config(topP=1.5), "topP value of 1.5"),
    ("penalties", config(presencePenalty=3), "presencePenalty"),
    ("frequency penalty", config(frequencyPenalty=-3), "frequencyPenalty"),
    ("candidate count", config(candidateCount=9), "candidateCount"),
    ("output tokens", config(maxOutputTokens=0), "from 1 (inclusive) to 65537"),
    ("output tokens", config(maxOutputTokens=65537), "65537 (exclusive)"),
    ("stop sequences", config(stopSequences=list("abcdef")), "at most 5"),
    ("top logprobs", config(responseLogprobs=True, logprobs=21), "logprobs value"),
    ("logprobs", config(logprobs=3), "needs responseLogprobs"),
    ("response MIME type", config(responseMimeType="text/html"),
     "allowed mimetypes"),
    ("JSON for a schema", config(responseSchema=TEXT), "needs a responseMimeType"),
    ("one response schema",
     config(**JSON, responseSchema=TEXT, responseJsonSchema={}),
     "only one of responseSchema and responseJsonSchema"),
    ("one thinking setting", LEVEL_AND_BUDGET,
     "thinking_budget and thinking_level are not supported together."),
    ("size of schemas",
     config(**JSON, responseJsonSchema={
         "properties": {"a": {"maxItems": 500}, "b": {"maxItems": 461}}}),
     "Request contains an invalid argument."),
    ("thought signature of the other backend",
     looked_up({**CALL, "thoughtSignature": OF_GEMINI_API}, RESPONSE),
     "Invalid thought signature."),
    ("cached content alone",
     ask(cachedContent="c/1", systemInstruction={"parts": [{"text": "a"}]}), ALONE),
    ("cached content alone", tools(LOOKUP, cachedContent="c/1"), "cached content."),
    ("thought signature missing", looked_up(CALL, RESPONSE),
     "function call `lookup` in the 2. content block is missing a `thought_sign"),
    ("thought signature missing",
     ask("a", model(SIGNED), user(RESPONSE), model(CALL), user(RESPONSE)),
     "in the 4. content block"),
    ("thought signature missing",
     ask("a", model(CALL, SIGNED), user(RESPONSE, RESPONSE)),
     "missing a `thought_signature`"),
    ("thought signature missing",
     ask("a", model(SIGNED), model(CALL), user(RESPONSE, RESPONSE)),
     "in the 3. content block"),
    ("thought signature invalid",
     looked_up({**CALL, "thoughtSignature": UNKNOWN}, RESPONSE),
     "Thought signature is not valid"),
]  # fmt: skip

# The same with the model, whose id says the backend: Google's own, or Cloudflare's.
REFUSED: list[tuple[str, str, Json, str]] = [
    *((FLASH_3, *row) for row in ON_VERTEX),
    (FLASH_25, "parts of a response", shown("image/png"),
     "responses with parts are not supported"),
    (FLASH_25, "tools together", tools(SEARCH, LOOKUP),
     "Multiple tools are supported only when they are all search tools."),
    (PRO_25, "tools together", tools(SEARCH, {"codeExecution": {}}), "all search"),
    (FLASH_25, "JSON output with tools", tools(LOOKUP, generationConfig=JSON),
     "Function calling with a response mime type: 'application/json' is unsupp"),
    (FLASH_25, "JSON output with tools", tools(SEARCH, generationConfig=JSON),
     "Tool use with a response mime type"),
    (FLASH_25, "thinking level", thinking(thinkingLevel="LOW"),
     "thinking_level is not supported by this model"),
    (FLASH_25, "thinking budget", thinking(thinkingBudget=24577),
     "supported values are integers from 1 to 24576"),
    (PRO_25, "thinking budget", thinking(thinkingBudget=100), "from 128 to 32768"),
    (PRO_25, "thinking off", thinking(thinkingBudget=0),
     "Budget 0 is invalid. This model only works in thinking mode."),
    (FLASH_25, "ids of calls",
     looked_up({"functionCall": {**CALL["functionCall"], "id": "1"}}, RESPONSE),
     "Unknown name \"id\" at 'contents[1].parts[0].function_call'"),
    (FLASH_25, "thoughts of a model that does not think",
     thinking(thinkingBudget=0, includeThoughts=True),
     "include_thoughts is only enabled"),
    *((f"google/gemini-{newer}", "model turn last", ask("a", model("b")),
       "Requests ending with a model turn are not supported.")
      for newer in ("3.5-flash-lite", "3.6-flash", "3.8-flash", "4-argon")),
    ("google/gemini-3.6-flash", "penalties of newer models",
     config(frequencyPenalty=1), "Penalty is not enabled for this model"),
    ("google/gemini-3.8-flash", "thinking level of the model",
     thinking(thinkingLevel="MINIMAL"),
     "Thinking level is unsupported: THINKING_LEVEL_MINIMAL"),
    ("google/gemini-4-neon", "output tokens of Gemini 4",
     config(maxOutputTokens=1_048_577), "value of 1048577"),
    ("google/gemini-4-neon", "candidates of Gemini 4", config(candidateCount=2),
     "Multiple candidates is not enabled for this model"),
    ("google/gemini-4-argon", "budget of Gemini 4", thinking(thinkingBudget=100),
     "Thinking budget is not supported"),
    ("google/gemini-4-hydrogen", "cache of Gemini 4", ask(cachedContent="c/1"),
     "Explicit caching is not supported"),
    ("gemini-3-flash-preview", "empty parts", ask(user()),
     "contents[0].parts: contents.parts must not be empty"),
    ("gemini-3-flash-preview", "media type is taken", ask(user(media("image/jpg"))),
     "Unsupported MIME type: image/jpg"),
    ("gemini-3-flash-preview", "built-in tools beside functions",
     tools(SEARCH, LOOKUP),
     "Please enable tool_config.include_server_side_tool_invocations"),
    ("gemini-2.5-flash", "temperature", config(temperature=3), "range [0.0, 2.0]"),
    ("gemini-2.5-flash", "output tokens on the Gemini API", config(maxOutputTokens=0),
     "value of 0"),
    ("gemini-2.5-flash", "tools together", tools(SEARCH, LOOKUP),
     "Tool use with function calling is unsupported"),
    ("gemini-2.5-flash", "circulation of tool calls", ask(toolConfig=CIRCULATING),
     "Tool call context circulation is not enabled for models/gemini-2.5-flash"),
    ("gemini-3.1-pro-preview", "thinking off", thinking(thinkingBudget=0),
     "Budget 0 is invalid"),
    ("gemini-2.5-pro", "thinking level", thinking(thinkingLevel="LOW"),
     "Thinking level is not supported for this model"),
    ("gemini-3-pro-preview", "thinking level of the model",
     thinking(thinkingLevel="MEDIUM"),
     "Thinking level MEDIUM is not supported for this model"),
    ("gemini-2.5-pro", "thinking budget", thinking(thinkingBudget=52428),
     "The thinking budget (52428) is invalid."),
    ("gemini-2.0-flash", "thinking", thinking(thinkingBudget=1),
     "thinking is not supported by this model"),
    ("gemini-4-argon", "long answers in one piece", config(maxOutputTokens=32_769),
     "must not be more than 32768 without streaming"),
    ("gemini-3.5-flash", "role on the Gemini API", said_by("tool", RESPONSE),
     "valid role"),
    ("gemini-3.5-flash", "candidates of newer models", config(candidateCount=2),
     "Multiple candidates is not enabled for this model"),
    ("gemini-3.5-flash", "marks of processed media",
     ask(user({**FILM, "mediaProcessing": {}}), model({"thoughtSignature": SKIP}), "a"),
     "Request contains an invalid argument."),
    ("gemini-3.5-flash", "logprobs in whole answers of Vertex AI",
     config(responseLogprobs=True), "Logprobs is not enabled for this model"),
    ("gemini-3.5-flash", "one thinking setting", LEVEL_AND_BUDGET,
     "You can only set only one of thinking budget and thinking level."),
    ("gemini-3.5-flash", "thought signature of the other backend",
     ask("a", model({"text": "b", "thoughtSignature": OF_VERTEX}), "c"),
     "Corrupted thought signature."),
    ("gemini-3.5-flash", "thought signature missing", looked_up(CALL, RESPONSE),
     "function call `default_api:lookup` , position 2."),
    ("gemini-3-flash-preview", "thought signature missing", looked_up(CALL, RESPONSE),
     "missing a thought_signature in functionCall parts"),
    ("gemini-3.5-flash", "thought signature invalid",
     looked_up({**CALL, "thoughtSignature": UNKNOWN}, RESPONSE),
     "Corrupted thought signature."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("model_id", "rule", "body", "words"),
    REFUSED,
    ids=[f"{number}-{row[1]}-{row[0]}" for number, row in enumerate(REFUSED)],
)
def test_what_is_refused(
    judge: Judge, model_id: str, rule: str, body: Json, words: str
) -> None:
    refused = judge.ask(body, model=model_id)
    assert refused.status == 400
    assert words in message_of(refused)
    assert f"refused by rule {rule}" in next(iter(judge.service.journal)).notes


def test_every_rule_is_shown_to_refuse() -> None:
    assert {rule for _, rule, _, _ in REFUSED} == {rule.name for rule in RULES}


def test_every_rule_has_a_row_of_its_own() -> None:
    proofs = {"recorded", "reported", "documented", "assumed"}
    assert {rule.proof for rule in RULES} == proofs
    assert [rule.name for rule in RULES] == list(packaged("rules"))
    for rule in RULES:
        assert rule.source
        assert "|" not in rule.name + rule.source


KINDS = (
    *("image/png", "image/gif", "audio/mpeg", "audio/L16;rate=24000"),
    *("video/mp4", "application/pdf", "text/plain"),
)
TAKEN: dict[str, Json] = {
    "a role left out": ask({"parts": [{"text": "Hi"}]}),
    "user after user": ask("a", "b"),
    "model after model": ask("a", model("b"), model("c"), "d"),
    "ends with the model": ask("a", model("b")),
    "an empty text that is signed": ask(
        "a", model({"text": "", "thoughtSignature": UNKNOWN}), "b"),
    "empty media that the model wrote": ask("a", model(media(data="")), "b"),
    "only a signature": ask("a", model({"thoughtSignature": UNKNOWN}), "b"),
    "a call and its response": looked_up(SIGNED, RESPONSE),
    "the dummy as base64": looked_up(
        {**CALL, "thoughtSignature": base64.b64encode(SKIP.encode()).decode()},
        RESPONSE),
    "parallel calls, the first signed": ask(
        "a", model(SIGNED, CALL_2), user(RESPONSE_2, RESPONSE)),
    "calls of one turn in two contents": ask(
        "a", model(SIGNED), model({**CALL_2, "thoughtSignature": SKIP}),
        user(RESPONSE, RESPONSE_2)),
    "responses in two contents": ask(
        "a", model(SIGNED, CALL_2), user(RESPONSE), user(RESPONSE_2)),
    "no signature in an earlier turn": ask(
        "a", model(CALL), user(RESPONSE), model("done"), "b"),
    "a foreign signature on text": ask(
        "a", model({"text": "b", "thoughtSignature": UNKNOWN}), "c"),
    "search beside functions": tools(SEARCH, LOOKUP),
    "JSON beside functions": tools(LOOKUP, generationConfig=JSON),
    "an integer enum": parameter({"type": "INTEGER", "format": "enum", "enum": ["1"]}),
    "cached content alone": ask(cachedContent="cachedContents/1"),
    "media of many types": ask(user(*map(media, KINDS))),
    "a section of a film": section(startOffset="1.5s", endOffset="20s"),
    "a response that names what it shows": shown(
        "image/png", {"image": {"$ref": "map.png"}}, displayName="map.png"),
    "a budget on Gemini 3": thinking(thinkingBudget=0),
    "every limit reached": config(
        temperature=2, topP=1, candidateCount=8, maxOutputTokens=65536,
        stopSequences=list("abcde"), responseLogprobs=True, logprobs=20),
}  # fmt: skip
OTHERS_TAKE: list[tuple[str, str, Json]] = [
    (PRO_25, "the smallest budget", thinking(thinkingBudget=128)),
    (PRO_25, "a budget of its own choice", thinking(thinkingBudget=-1)),
    (FLASH_25, "no budget", thinking(thinkingBudget=0)),
    (FLASH_25, "the smallest budget", thinking(thinkingBudget=1)),
    ("google/gemini-2.5-flash-lite", "its smallest", thinking(thinkingBudget=512)),
    (FLASH_25, "an unsigned call", looked_up(CALL, RESPONSE)),
    ("gemini-2.5-flash", "more tokens than it has", config(maxOutputTokens=100_000)),
    ("gemini-2.0-flash", "no budget", thinking(thinkingBudget=0)),
    ("gemini-2.5-pro", "a dash in a name", parameter(TEXT, "a-b")),
    ("gemini-3.5-flash", "circulation",
     tools(SEARCH, LOOKUP, toolConfig=CIRCULATING)),
    ("gemini-2.5-flash", "two built-in tools", tools(SEARCH, {"urlContext": {}})),
    ("gemini-3.5-flash", "the role function",
     ask("a", model(SIGNED), {"role": "function", "parts": [RESPONSE]})),
]  # fmt: skip


@pytest.mark.parametrize(
    ("model_id", "body"),
    [
        *(pytest.param(FLASH_3, body, id=name) for name, body in TAKEN.items()),
        *(pytest.param(m, body, id=f"{name}-{m}") for m, name, body in OTHERS_TAKE),
    ],
)
def test_what_is_taken(judge: Judge, model_id: str, body: Json) -> None:
    assert message_of(judge.ask(body, model=model_id)) == ""


def test_foreign_signatures_pass_on_request() -> None:
    judge = Judge(Settings(foreign_signatures=True))
    foreign = looked_up({**CALL, "thoughtSignature": UNKNOWN}, RESPONSE)
    assert message_of(judge.vertex(foreign)) == ""
    assert "missing" in message_of(judge.vertex(looked_up(CALL, RESPONSE)))


def test_lenient_takes_almost_everything() -> None:
    judge = Judge(Settings(strict=False))
    for _, _, body, _ in REFUSED:
        assert judge.vertex(body).status == 200
    assert judge.vertex(ask(nonsense=1)).status == 200


def test_the_first_broken_rule_speaks(judge: Judge) -> None:
    assert "temperature" in message_of(judge.vertex(config(temperature=1000, topP=7)))
