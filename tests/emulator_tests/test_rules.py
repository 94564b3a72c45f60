"""Strict mode: what Google refuses, rule by rule, and what it takes."""

import base64
from typing import Any

import pytest

from tests.support.emulated import RULES, issue_signature
from tests.support.judge import (
    Judge,
    Settings,
    function,
    message_of,
    model,
    packaged,
    user,
)

TEXT = {"type": "STRING"}
LOOKUP = [{"functionDeclarations": [function("lookup", city=TEXT)]}]
CALL = {"functionCall": {"name": "lookup", "args": {"city": "Lima"}}}
CALL_2 = {"functionCall": {"name": "other", "args": {}}}
RESPONSE = {"functionResponse": {"name": "lookup", "response": {"result": 1}}}
RESPONSE_2 = {"functionResponse": {"name": "other", "response": {}}}
SKIP = "skip_thought_signature_validator"
FOREIGN = {
    **CALL,
    "thoughtSignature": issue_signature(CALL, "seed", "gemini_api"),
}
WITH_ID = {"functionCall": {**CALL["functionCall"], "id": "1"}}
FILM = {"fileData": {"fileUri": "https://x/a.mp4", "mimeType": "video/mp4"}}
OF_VERTEX = issue_signature({"text": "b"}, "seed", "vertex")
SIGNED = {**CALL, "thoughtSignature": SKIP}
SEARCH: dict[str, Any] = {"googleSearch": {}}


def ask(*contents: Any, **rest: Any) -> dict[str, Any]:
    return {"contents": list(contents) or [user("Hi")], **rest}


def config(**settings: Any) -> dict[str, Any]:
    return ask(generationConfig=settings)


def thinking(**settings: Any) -> dict[str, Any]:
    return config(thinkingConfig=settings)


def tools(*items: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return ask(tools=list(items), **rest)


def functions(*items: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return tools({"functionDeclarations": list(items)}, **rest)


def parameters(schema: dict[str, Any]) -> dict[str, Any]:
    return functions({"name": "f", "parameters": schema})


def calling(**settings: Any) -> dict[str, Any]:
    return {"functionCallingConfig": settings}


def shown(*files: dict[str, Any], response: Any = None) -> dict[str, Any]:
    answered = {
        "functionResponse": {
            "name": "lookup",
            "response": response or {},
            "parts": [{"inlineData": file} for file in files],
        }
    }
    return ask(user("a"), model(SIGNED), user(answered))


PRO_25 = "google/gemini-2.5-pro"
FLASH_25 = "google/gemini-2.5-flash"

# rule, body, part of Google's message, Cloudflare's model id
ON_VERTEX: list[tuple[Any, ...]] = [
    ("contents", {"contents": []}, "contents is not specified"),
    ("role", ask({"role": "system", "parts": [{"text": "x"}]}), "valid role: user"),
    ("role", ask({"role": "assistant", "parts": [{"text": "x"}]}), "valid role"),
    ("role", ask({"role": "tool", "parts": [RESPONSE]}), "valid role"),
    ("role", ask({"role": "function", "parts": [RESPONSE]}), "valid role"),
    ("empty parts", ask(user()), "at least one parts field"),
    ("empty parts", ask({"role": "user"}), "at least one parts field"),
    ("empty parts", ask(user("a"), model(), user("b")), "at least one parts field"),
    ("a payload in every part", ask(user({})), "must have one initialized field"),
    ("a payload in every part", ask(user({"thought": True})), "one initialized field"),
    (
        "one payload per part",
        ask(user({"text": "a", "inlineData": {"mimeType": "i/p", "data": ""}})),
        "oneof field 'data' is already set. Cannot set 'inlineData'",
    ),
    ("type of inline data", ask(user({"inlineData": {"data": "aGk="}})), "mime_type"),
    ("type of a file", ask(user({"fileData": {"fileUri": "gs://a/b"}})), "mimeType"),
    (
        "URL may be crawled",
        ask(
            user(
                {
                    "fileData": {
                        "fileUri": "https://www.gstatic.com/x.png",
                        "mimeType": "image/png",
                    }
                }
            )
        ),
        "URL_ROBOTED-ROBOTED_DENIED",
    ),
    (
        "system instruction is text",
        ask(systemInstruction={"parts": [{"inlineData": {"mimeType": "a/b"}}]}),
        "text parts only",
    ),
    (
        "call after user turn",
        ask(model(SIGNED), user(RESPONSE)),
        "function call turn",
    ),
    ("response after call turn", ask(user(RESPONSE)), "function response turn"),
    (
        "response after call turn",
        ask(user("a"), model("b"), user(RESPONSE)),
        "immediately after a function call turn",
    ),
    ("as many responses as calls", ask(user("a"), model(SIGNED)), "equal to"),
    (
        "as many responses as calls",
        ask(user("a"), model(SIGNED, CALL_2), user(RESPONSE)),
        "number of function response parts is equal to the number of function call",
    ),
    (
        "as many responses as calls",
        ask(user("a"), model(SIGNED), user(RESPONSE, RESPONSE)),
        "equal to",
    ),
    (
        "as many responses as calls",
        ask(user("a"), model(SIGNED), user("b"), model("c"), user("d")),
        "equal to",
    ),
    (
        "response names",
        ask(user("a"), model(SIGNED), user(RESPONSE_2)),
        "names match",
    ),
    (
        "a response has a name",
        ask(user("a"), model(SIGNED), user({"functionResponse": {"response": {}}})),
        "Name cannot be empty",
    ),
    (
        "response ids",
        ask(
            user("a"),
            model(
                {
                    "functionCall": {"id": "1", "name": "lookup"},
                    "thoughtSignature": SKIP,
                }
            ),
            user({"functionResponse": {"id": "2", "name": "lookup", "response": {}}}),
        ),
        "ids match",
    ),
    (
        "input tokens",
        ask(user("word " * 900_000)),
        "exceeds the maximum number of tok",
    ),
    ("empty text", ask(user("")), "it has an empty text parameter"),
    ("empty text", ask(user("a"), model(""), user("b")), "an empty text parameter"),
    ("empty text", ask(systemInstruction={"parts": [{"text": ""}]}), "empty text"),
    *(
        (
            "media type is taken",
            ask(user({"inlineData": {"mimeType": mime, "data": "AAAA"}})),
            f"mimeType parameter with value {mime}, which is not supported",
        )
        for mime in (
            *("image/jpg", "png", "image/svg+xml", "application/octet-stream"),
            *("text/x-python", "application/json", "video/x-matroska"),
        )
    ),
    (
        "media has data",
        ask(user({"inlineData": {"mimeType": "image/png", "data": ""}})),
        "empty inlineData",
    ),
    ("media in a response", shown({"mimeType": "image/gif", "data": "AAAA"}), "gif"),
    (
        "parts of a response",
        shown({"mimeType": "image/png", "data": "AAAA"}),
        "responses with parts are not supported",
        FLASH_25,
    ),
    (
        "references in a response",
        shown(response={"schema": [{"$ref": "#/$defs/A"}]}),
        "The referenced name `#/$defs/A` does not match to a display_name",
    ),
    (
        "film offsets",
        ask(
            user(
                {
                    "inlineData": {"mimeType": "video/mp4", "data": "AAAA"},
                    "videoMetadata": {"startOffset": "1m"},
                }
            )
        ),
        "contents[0].parts[0].video_metadata.start_offset' (type.googleapis.com/goog",
    ),
    ("function name", functions({"name": "get weather"}), "Invalid function name"),
    ("function name", functions({"name": "1st"}), "Must start with a letter"),
    ("function name", functions({"name": "f" * 129}), "maximum length of 128"),
    (
        "a function has a name",
        functions({"description": "no name"}),
        "Invalid function name",
    ),
    (
        "duplicate function",
        functions({"name": "f"}, {"name": "f"}),
        "Duplicate function declaration found: f",
    ),
    (
        "number of functions",
        functions(*({"name": f"f{i}"} for i in range(513))),
        "at most 512",
    ),
    (
        "parameters are an object",
        parameters({"properties": {"a": TEXT}}),
        "`f` functionDeclaration `parameters` schema should be of type OBJECT",
    ),
    ("parameters are an object", parameters({"type": "STRING"}), "of type OBJECT"),
    (
        "one schema per function",
        functions(
            {
                "name": "f",
                "parameters": {"type": "OBJECT"},
                "parametersJsonSchema": {"type": "object"},
            }
        ),
        "only one of parameters and parametersJsonSchema",
    ),
    (
        "one response schema per function",
        functions({"name": "f", "response": TEXT, "responseJsonSchema": {}}),
        "only one of response and responseJsonSchema",
    ),
    (
        "parameter name",
        parameters({"type": "OBJECT", "properties": {"a b": TEXT}}),
        'invalid property name "a b"',
    ),
    (
        "array has items",
        parameters({"type": "OBJECT", "properties": {"a": {"type": "ARRAY"}}}),
        "parameters.properties[a].items: missing field",
    ),
    (
        "array has items",
        config(
            responseMimeType="application/json",
            responseSchema={"type": "ARRAY", "items": {"type": "ARRAY"}},
        ),
        "response_schema.items.items: missing field",
    ),
    (
        "required property exists",
        parameters({"type": "OBJECT", "required": ["a"]}),
        "parameters.required[0]: property is not defined",
    ),
    (
        "enum of strings",
        parameters({"type": "OBJECT", "properties": {"a": {"enum": ["x"]}}}),
        "enum: only allowed for STRING type",
    ),
    (
        "enum has no empty string",
        parameters(
            {
                "type": "OBJECT",
                "properties": {"a": {"anyOf": [{"type": "STRING", "enum": ["x", ""]}]}},
            }
        ),
        "any_of[0].enum[1]: cannot be empty",
    ),
    (
        "mode of allowed function names",
        ask(tools=LOOKUP, toolConfig=calling(allowedFunctionNames=["lookup"])),
        "mode is not ANY",
    ),
    (
        "allowed function names",
        ask(
            tools=LOOKUP,
            toolConfig=calling(mode="ANY", allowedFunctionNames=["other"]),
        ),
        "not declared",
    ),
    (
        "forced call without functions",
        ask(toolConfig=calling(mode="ANY")),
        "Function calling config is set without function_declarations",
    ),
    (
        "forced call without functions",
        tools(SEARCH, toolConfig=calling(mode="AUTO")),
        "Function calling config is set without function_declarations",
    ),
    (
        "tools together",
        tools(SEARCH, *LOOKUP),
        "Multiple tools are supported only when they are all search tools.",
        FLASH_25,
    ),
    ("tools together", tools(SEARCH, {"codeExecution": {}}), "all search", PRO_25),
    (
        "JSON output with tools",
        ask(tools=LOOKUP, generationConfig={"responseMimeType": "application/json"}),
        "Function calling with a response mime type: 'application/json' is unsupp",
        FLASH_25,
    ),
    (
        "JSON output with tools",
        tools(SEARCH, generationConfig={"responseMimeType": "application/json"}),
        "Tool use with a response mime type",
        FLASH_25,
    ),
    (
        "google search retrieval",
        tools({"googleSearchRetrieval": {}}),
        "use google_search",
    ),
    (
        "streamed arguments",
        ask(tools=LOOKUP, toolConfig=calling(streamFunctionCallArguments=True)),
        "streamGenerateContent only",
    ),
    (
        "temperature",
        config(temperature=1000),
        "supported range is from 0 (inclusive)",
    ),
    ("temperature", config(temperature=-0.1), "to 2.0001 (exclusive)"),
    ("topP", config(topP=1.5), "topP value of 1.5"),
    ("penalties", config(presencePenalty=3), "presencePenalty"),
    ("frequency penalty", config(frequencyPenalty=-3), "frequencyPenalty"),
    ("candidate count", config(candidateCount=9), "candidateCount"),
    ("output tokens", config(maxOutputTokens=0), "from 1 (inclusive) to 65537"),
    ("output tokens", config(maxOutputTokens=65537), "65537 (exclusive)"),
    (
        "output tokens of Gemini 4",
        config(maxOutputTokens=1_048_577),
        "value of 1048577",
        "google/gemini-4-neon",
    ),
    ("stop sequences", config(stopSequences=list("abcdef")), "at most 5"),
    ("top logprobs", config(responseLogprobs=True, logprobs=21), "logprobs value"),
    ("logprobs", config(logprobs=3), "needs responseLogprobs"),
    (
        "response MIME type",
        config(responseMimeType="text/html"),
        "allowed mimetypes",
    ),
    ("JSON for a schema", config(responseSchema=TEXT), "needs a responseMimeType"),
    (
        "one response schema",
        config(
            responseMimeType="application/json",
            responseSchema=TEXT,
            responseJsonSchema={},
        ),
        "only one of responseSchema and responseJsonSchema",
    ),
    (
        "one thinking setting",
        thinking(thinkingLevel="LOW", thinkingBudget=100),
        "thinking_budget and thinking_level are not supported together.",
    ),
    (
        "thinking level",
        thinking(thinkingLevel="LOW"),
        "thinking_level is not supported by this model",
        FLASH_25,
    ),
    (
        "thinking level of the model",
        thinking(thinkingLevel="MINIMAL"),
        "Thinking level is unsupported: THINKING_LEVEL_MINIMAL",
        "google/gemini-3.8-flash",
    ),
    (
        "thinking off",
        thinking(thinkingBudget=0),
        "Budget 0 is invalid. This model only works in thinking mode.",
        PRO_25,
    ),
    (
        "thinking budget",
        thinking(thinkingBudget=24577),
        "supported values are integers from 1 to 24576",
        FLASH_25,
    ),
    ("thinking budget", thinking(thinkingBudget=100), "from 128 to 32768", PRO_25),
    *(
        (
            "model turn last",
            ask(user("a"), model("b")),
            "Requests ending with a model turn are not supported.",
            f"google/gemini-{newer}",
        )
        for newer in ("3.5-flash-lite", "3.6-flash", "3.8-flash", "4-argon")
    ),
    (
        "penalties of newer models",
        config(frequencyPenalty=1),
        "Penalty is not enabled for this model",
        "google/gemini-3.6-flash",
    ),
    (
        "candidates of Gemini 4",
        config(candidateCount=2),
        "Multiple candidates is not enabled for this model",
        "google/gemini-4-neon",
    ),
    (
        "budget of Gemini 4",
        thinking(thinkingBudget=100),
        "Thinking budget is not supported",
        "google/gemini-4-argon",
    ),
    (
        "cache of Gemini 4",
        ask(cachedContent="c/1"),
        "Explicit caching is not supported",
        "google/gemini-4-hydrogen",
    ),
    (
        "ids of calls",
        ask(user("a"), model(WITH_ID), user(RESPONSE)),
        "Unknown name \"id\" at 'contents[1].parts[0].function_call'",
        FLASH_25,
    ),
    (
        "size of schemas",
        config(
            responseMimeType="application/json",
            responseJsonSchema={
                "properties": {"a": {"maxItems": 500}, "b": {"maxItems": 461}}
            },
        ),
        "Request contains an invalid argument.",
    ),
    (
        "thought signature of the other backend",
        ask(
            user("a"),
            model(FOREIGN),
            user(RESPONSE),
        ),
        "Invalid thought signature.",
    ),
    (
        "cached content alone",
        ask(cachedContent="c/1", systemInstruction={"parts": [{"text": "a"}]}),
        "should not be set in the request when using cached content.",
    ),
    ("cached content alone", ask(cachedContent="c/1", tools=LOOKUP), "cached content."),
    (
        "thoughts of a model that does not think",
        thinking(thinkingBudget=0, includeThoughts=True),
        "include_thoughts is only enabled",
        FLASH_25,
    ),
    (
        "thought signature missing",
        ask(user("a"), model(CALL), user(RESPONSE)),
        "function call `lookup` in the 2. content block is missing a `thought_sign",
    ),
    (
        "thought signature missing",
        ask(
            user("a"),
            model(SIGNED),
            user(RESPONSE),
            model(CALL),
            user(RESPONSE),
        ),
        "in the 4. content block",
    ),
    (
        "thought signature missing",
        ask(user("a"), model(CALL, SIGNED), user(RESPONSE, RESPONSE)),
        "missing a `thought_signature`",
    ),
    (
        "thought signature missing",
        ask(user("a"), model(SIGNED), model(CALL), user(RESPONSE, RESPONSE)),
        "in the 3. content block",
    ),
    (
        "thought signature invalid",
        ask(
            user("a"),
            model({**CALL, "thoughtSignature": "AAECAwQ="}),
            user(RESPONSE),
        ),
        "Thought signature is not valid",
    ),
]
ON_GEMINI_API: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "empty parts",
        ask(user()),
        "contents[0].parts: contents.parts must not be empty",
        "gemini-3-flash-preview",
    ),
    ("temperature", config(temperature=3), "range [0.0, 2.0]", "gemini-2.5-flash"),
    (
        "output tokens on the Gemini API",
        config(maxOutputTokens=0),
        "value of 0",
        "gemini-2.5-flash",
    ),
    (
        "role on the Gemini API",
        ask({"role": "tool", "parts": [RESPONSE]}),
        "valid role",
        "gemini-3.5-flash",
    ),
    (
        "media type is taken",
        ask(user({"inlineData": {"mimeType": "image/jpg", "data": "AAAA"}})),
        "Unsupported MIME type: image/jpg",
        "gemini-3-flash-preview",
    ),
    (
        "thinking off",
        thinking(thinkingBudget=0),
        "Budget 0 is invalid",
        "gemini-3.1-pro-preview",
    ),
    (
        "tools together",
        tools(SEARCH, *LOOKUP),
        "Tool use with function calling is unsupported",
        "gemini-2.5-flash",
    ),
    (
        "built-in tools beside functions",
        tools(SEARCH, *LOOKUP),
        "Please enable tool_config.include_server_side_tool_invocations",
        "gemini-3-flash-preview",
    ),
    (
        "circulation of tool calls",
        ask(toolConfig={"includeServerSideToolInvocations": True}),
        "Tool call context circulation is not enabled for models/gemini-2.5-flash",
        "gemini-2.5-flash",
    ),
    (
        "thinking level",
        thinking(thinkingLevel="LOW"),
        "Thinking level is not supported for this model",
        "gemini-2.5-pro",
    ),
    (
        "thinking level of the model",
        thinking(thinkingLevel="MEDIUM"),
        "Thinking level MEDIUM is not supported for this model",
        "gemini-3-pro-preview",
    ),
    (
        "thinking budget",
        thinking(thinkingBudget=52428),
        "The thinking budget (52428) is invalid.",
        "gemini-2.5-pro",
    ),
    (
        "thinking",
        thinking(thinkingBudget=1),
        "thinking is not supported by this model",
        "gemini-2.0-flash",
    ),
    (
        "candidates of newer models",
        config(candidateCount=2),
        "Multiple candidates is not enabled for this model",
        "gemini-3.5-flash",
    ),
    (
        "long answers in one piece",
        config(maxOutputTokens=32_769),
        "must not be more than 32768 without streaming",
        "gemini-4-argon",
    ),
    (
        "marks of processed media",
        ask(
            user({**FILM, "mediaProcessing": {}}),
            model({"thoughtSignature": SKIP}),
            user("a"),
        ),
        "Request contains an invalid argument.",
        "gemini-3.5-flash",
    ),
    (
        "logprobs in whole answers of Vertex AI",
        config(responseLogprobs=True),
        "Logprobs is not enabled for this model",
        "gemini-3.5-flash",
    ),
    (
        "one thinking setting",
        thinking(thinkingLevel="LOW", thinkingBudget=100),
        "You can only set only one of thinking budget and thinking level.",
        "gemini-3.5-flash",
    ),
    (
        "thought signature of the other backend",
        ask(user("a"), model({"text": "b", "thoughtSignature": OF_VERTEX}), user("c")),
        "Corrupted thought signature.",
        "gemini-3.5-flash",
    ),
    (
        "thought signature missing",
        ask(user("a"), model(CALL), user(RESPONSE)),
        "function call `default_api:lookup` , position 2.",
        "gemini-3.5-flash",
    ),
    (
        "thought signature invalid",
        ask(user("a"), model({**CALL, "thoughtSignature": "AAECAwQ="}), user(RESPONSE)),
        "Corrupted thought signature.",
        "gemini-3.5-flash",
    ),
]


REFUSED = [
    *(("vertex", *case, "google/gemini-3-flash")[:5] for case in ON_VERTEX),
    *(("gemini_api", *case) for case in ON_GEMINI_API),
]


@pytest.mark.parametrize(
    ("backend", "rule", "body", "words", "model_id"),
    REFUSED,
    ids=[f"{number}-{case[1]}" for number, case in enumerate(REFUSED)],
)
def test_what_is_refused(
    judge: Judge, backend: str, rule: str, body: Any, words: str, model_id: str
) -> None:
    refused = getattr(judge, backend)(body, model=model_id)
    assert refused.status == 400
    assert words in message_of(refused)
    assert f"refused by rule {rule}" in next(iter(judge.service.journal)).notes


def test_every_rule_is_shown_to_refuse() -> None:
    shown = {case[1] for case in REFUSED}
    assert shown == {rule.name for rule in RULES}


def test_every_rule_has_a_row_of_its_own() -> None:
    proofs = {"recorded", "reported", "documented", "assumed"}
    assert {rule.proof for rule in RULES} == proofs
    assert [rule.name for rule in RULES] == list(packaged("rules"))
    for rule in RULES:
        assert rule.source
        assert "|" not in rule.name + rule.source


TAKEN = {
    "a role left out": ask({"parts": [{"text": "Hi"}]}),
    "user after user": ask(user("a"), user("b")),
    "model after model": ask(user("a"), model("b"), model("c"), user("d")),
    "ends with the model": ask(user("a"), model("b")),
    "an empty text that is signed": ask(
        user("a"), model({"text": "", "thoughtSignature": "AAECAwQ="}), user("b")
    ),
    "empty media that the model wrote": ask(
        user("a"),
        model({"inlineData": {"mimeType": "image/png", "data": ""}}),
        user("b"),
    ),
    "only a signature": ask(
        user("a"), model({"thoughtSignature": "AAECAwQ="}), user("b")
    ),
    "a call and its response": ask(user("a"), model(SIGNED), user(RESPONSE)),
    "the dummy as base64": ask(
        user("a"),
        model({**CALL, "thoughtSignature": base64.b64encode(SKIP.encode()).decode()}),
        user(RESPONSE),
    ),
    "parallel calls, the first signed": ask(
        user("a"), model(SIGNED, CALL_2), user(RESPONSE_2, RESPONSE)
    ),
    "calls of one turn in two contents": ask(
        user("a"),
        model(SIGNED),
        model({**CALL_2, "thoughtSignature": SKIP}),
        user(RESPONSE, RESPONSE_2),
    ),
    "responses in two contents": ask(
        user("a"), model(SIGNED, CALL_2), user(RESPONSE), user(RESPONSE_2)
    ),
    "no signature in an earlier turn": ask(
        user("a"), model(CALL), user(RESPONSE), model("done"), user("b")
    ),
    "a foreign signature on text": ask(
        user("a"), model({"text": "b", "thoughtSignature": "AAECAwQ="}), user("c")
    ),
    "search beside functions": tools(SEARCH, *LOOKUP),
    "JSON beside functions": ask(
        tools=LOOKUP, generationConfig={"responseMimeType": "application/json"}
    ),
    "an integer enum": parameters(
        {
            "type": "OBJECT",
            "properties": {"a": {"type": "INTEGER", "format": "enum", "enum": ["1"]}},
        }
    ),
    "cached content alone": ask(cachedContent="cachedContents/1"),
    "media of many types": ask(
        user(
            *(
                {"inlineData": {"mimeType": mime, "data": "AAAA"}}
                for mime in (
                    *("image/png", "image/gif", "audio/mpeg", "audio/L16;rate=24000"),
                    *("video/mp4", "application/pdf", "text/plain"),
                )
            )
        )
    ),
    "a section of a film": ask(
        user(
            {
                "inlineData": {"mimeType": "video/mp4", "data": "AAAA"},
                "videoMetadata": {"startOffset": "1.5s", "endOffset": "20s"},
            }
        )
    ),
    "a response that names what it shows": ask(
        user("a"),
        model(SIGNED),
        user(
            {
                "functionResponse": {
                    "name": "lookup",
                    "response": {"image": {"$ref": "map.png"}},
                    "parts": [
                        {
                            "inlineData": {
                                "mimeType": "image/png",
                                "data": "AAAA",
                                "displayName": "map.png",
                            }
                        }
                    ],
                }
            }
        ),
    ),
    "a budget on Gemini 3": thinking(thinkingBudget=0),
    "every limit reached": config(
        temperature=2,
        topP=1,
        candidateCount=8,
        maxOutputTokens=65536,
        stopSequences=list("abcde"),
        responseLogprobs=True,
        logprobs=20,
    ),
}


OLDER: list[tuple[str, dict[str, Any], str]] = [
    ("vertex", thinking(thinkingBudget=128), PRO_25),
    ("vertex", thinking(thinkingBudget=-1), PRO_25),
    ("vertex", thinking(thinkingBudget=0), FLASH_25),
    ("vertex", thinking(thinkingBudget=1), FLASH_25),
    ("vertex", thinking(thinkingBudget=512), "google/gemini-2.5-flash-lite"),
    ("vertex", ask(user("a"), model(CALL), user(RESPONSE)), FLASH_25),
    ("gemini_api", config(maxOutputTokens=100_000), "gemini-2.5-flash"),
    ("gemini_api", thinking(thinkingBudget=0), "gemini-2.0-flash"),
    (
        "gemini_api",
        parameters({"type": "OBJECT", "properties": {"a-b": TEXT}}),
        "gemini-2.5-pro",
    ),
    (
        "gemini_api",
        ask(
            tools=[SEARCH, *LOOKUP],
            toolConfig={"includeServerSideToolInvocations": True},
        ),
        "gemini-3.5-flash",
    ),
    ("gemini_api", tools(SEARCH, {"urlContext": {}}), "gemini-2.5-flash"),
    (
        "gemini_api",
        ask(user("a"), model(SIGNED), {"role": "function", "parts": [RESPONSE]}),
        "gemini-3.5-flash",
    ),
]


@pytest.mark.parametrize(
    ("backend", "body", "model_id"),
    [*(("vertex", body, "google/gemini-3-flash") for body in TAKEN.values()), *OLDER],
    ids=[*TAKEN, *map(str, range(len(OLDER)))],
)
def test_what_is_taken(judge: Judge, backend: str, body: Any, model_id: str) -> None:
    assert message_of(getattr(judge, backend)(body, model=model_id)) == ""


def test_foreign_signatures_pass_on_request() -> None:
    judge = Judge(Settings(foreign_signatures=True))
    signed = {**CALL, "thoughtSignature": "AAECAwQ="}
    body = ask(user("a"), model(signed), user(RESPONSE))
    assert message_of(judge.vertex(body)) == ""
    unsigned = ask(user("a"), model(CALL), user(RESPONSE))
    assert "missing" in message_of(judge.vertex(unsigned))


def test_lenient_takes_almost_everything() -> None:
    judge = Judge(Settings(strict=False))
    for case in ON_VERTEX:
        assert judge.vertex(case[1]).status == 200
    assert judge.vertex({"contents": [user("Hi")], "nonsense": 1}).status == 200


def test_the_first_broken_rule_speaks(judge: Judge) -> None:
    body = config(temperature=1000, topP=7)
    assert "temperature" in message_of(judge.vertex(body))
