"""Answers: by default, by script, signed and counted."""

import base64
import json
from typing import Any

import jsonschema
import pytest

from langchain_cf_gemini.emulator import (
    Emulator,
    block,
    call,
    code,
    exactly,
    faults,
    finish,
    grounding,
    image,
    reply,
    thought,
)
from tests.support.emulated import published_schema
from tests.support.judge import (
    Client,
    Judge,
    ask,
    call_part,
    config,
    function,
    model,
    response_part,
    told,
    user,
)

Json = dict[str, Any]

TEXT = {"type": "STRING"}
NUMBER = {"type": "INTEGER"}
WEATHER = {**function("get_weather", location=TEXT), "description": "Get the weather."}
ADDER = {**function("my_adder_tool", a=NUMBER, b=NUMBER), "description": "Add two."}
MAGIC = function("magic_function", input=NUMBER)
CUSTOMER = function("unicode_customer", customer_name=TEXT)
LIMA = "What is the weather in Lima?"
RESULT = user(response_part("get_weather", {"result": "18"}))


def with_tools(*declared: Json, **calling: Any) -> Json:
    tools = {"tools": [{"functionDeclarations": list(declared)}]}
    return {**tools, "toolConfig": {"functionCallingConfig": calling}}


def called(client: Client, body: Json) -> Any:
    return client.parts(body)[0]["functionCall"]


# A prompt, the functions that are declared, the mode, and what is called.
CALLS: list[tuple[str, list[Json], str, str, Json]] = [
    ("What is the value of magic_function(3)? Use the tool.", [MAGIC], "ANY",
     "magic_function", {"input": 3}),
    ("What is the value of magic_function_no_args()? Use the tool.",
     [function("magic_function_no_args")], "ANY", "magic_function_no_args", {}),
    ("Hello!", [MAGIC, WEATHER], "ANY", "magic_function", {"input": 1}),
    ("What is the weather in San Francisco, CA?", [ADDER, WEATHER], "AUTO",
     "get_weather", {"location": "San Francisco, CA"}),
    ("What is 3 + 4", [ADDER], "ANY", "my_adder_tool", {"a": 3, "b": 4}),
    ("Create a customer named '你好啊集团' (Hello Group) - a Chinese company",
     [CUSTOMER], "ANY", "unicode_customer", {"customer_name": "你好啊集团"}),
    ("Create a customer named こんにちは株式会社, a Japanese company", [CUSTOMER],
     "ANY", "unicode_customer", {"customer_name": "こんにちは株式会社"}),
    ("Search for the best pizza", [function("search", query=TEXT)], "AUTO",
     "search", {"query": "Search for the best pizza"}),
]  # fmt: skip


@pytest.mark.parametrize(("prompt", "declared", "mode", "name", "args"), CALLS)
def test_default_calls(
    client: Client, prompt: str, declared: list[Json], mode: str, name: str, args: Json
) -> None:
    body = ask(prompt, **with_tools(*declared, mode=mode))
    assert called(client, body) == {"name": name, "args": args}
    assert called(client, body) == {"name": name, "args": args}  # the same again


def test_allowed_names_are_called(client: Client) -> None:
    allowed = {"mode": "ANY", "allowedFunctionNames": ["my_adder_tool"]}
    body = ask("What is the weather?", **with_tools(WEATHER, ADDER, **allowed))
    assert called(client, body)["name"] == "my_adder_tool"


@pytest.mark.parametrize(
    ("prompt", "calling"), [("Hello, how are you?", {}), (LIMA, {"mode": "NONE"})]
)
def test_no_call_without_reason(client: Client, prompt: str, calling: Json) -> None:
    assert "text" in client.parts(ask(prompt, **with_tools(WEATHER, **calling)))[0]


def test_a_loop_ends_with_text(client: Client) -> None:
    tools = with_tools(WEATHER)
    first = model(*client.parts(ask(LIMA, **tools)))
    last = client.text(ask(LIMA, first, RESULT, **tools))
    assert 'get_weather said {"result": "18"}' in last


def test_forced_again_it_calls_another_function(client: Client) -> None:
    tools = with_tools(WEATHER, function("Answer", text=TEXT), mode="ANY")
    first = client.parts(ask(LIMA, **tools))
    assert first[0]["functionCall"]["name"] == "get_weather"
    second = called(client, ask(LIMA, model(*first), RESULT, **tools))
    assert second["name"] == "Answer"


JOKE = {
    "type": "object",
    "properties": {"setup": {"type": "string"}, "punchline": {"type": "string"}},
    "required": ["setup", "punchline"],
}
OPEN_JOKE = {"type": "OBJECT", "properties": {"setup": TEXT, "punchline": TEXT}}
JSON = {"responseMimeType": "application/json"}


@pytest.mark.parametrize(
    "settings",
    [
        {**JSON, "responseJsonSchema": JOKE},
        {**JSON, "responseSchema": OPEN_JOKE},
        {
            "responseFormat": [
                {"text": {"mimeType": "APPLICATION_JSON", "schema": JOKE}}
            ]
        },
    ],
    ids=["JSON Schema", "OpenAPI", "output format"],
)
def test_json_output_fits_its_schema(client: Client, settings: Json) -> None:
    jsonschema.validate(json.loads(client.text(config(**settings))), JOKE)


@pytest.mark.parametrize(
    ("modality", "kinds"),
    [("IMAGE", ["text", "inlineData"]), ("AUDIO", ["inlineData"]), ("TEXT", ["text"])],
)
def test_media_where_they_are_asked_for(
    client: Client, modality: str, kinds: list[str]
) -> None:
    parts = client.parts(config(responseModalities=[modality]))
    assert [next(iter(part)) for part in parts] == kinds


def said(*parts: Json, finish: str = "STOP", **beside: Any) -> Json:
    """The part of a response that tells these parts."""
    content = {"role": "model", "parts": list(parts) or None}
    return {"candidates": [{"content": content, "finishReason": finish, **beside}]}


INSTRUMENTS = {"type": "STRING", "enum": ["Percussion", "String", "Woodwind"]}
ENUM = {"responseMimeType": "text/x.enum", "responseSchema": INSTRUMENTS}
OBOE = ask("What kind of instrument is a Woodwind oboe?", generationConfig=ENUM)
THINKING = config(thinkingConfig={"includeThoughts": True})
COUNTED = reply("one two three")
PERU = "Lima is in Peru. ñ"
GROUNDED = grounding(PERU, ("peru.pe", "https://peru.pe"))
ODD = {"candidates": None, "odd": 1}
USED = {
    "promptTokenCount": 10,
    "toolUsePromptTokenCount": 5,
    "cachedContentTokenCount": 3,
    "candidatesTokenCount": 2,
    "thoughtsTokenCount": 0,
}
# What is scripted, how it is asked, and what is told; None stands for what is not.
TOLD: dict[str, tuple[Any, Json, Json]] = {
    "one of an enum": (None, OBOE, said({"text": "Woodwind"})),
    "a stop sequence": (
        COUNTED, config(stopSequences=["three"]), said({"text": "one two "})),
    "two tokens": (COUNTED, config(maxOutputTokens=2),
                   said({"text": "one "}, finish="MAX_TOKENS")),
    "one token": (COUNTED, config(maxOutputTokens=1),
                  said({"text": "one "}, finish="MAX_TOKENS")),
    "enough tokens": (
        COUNTED, config(maxOutputTokens=100), said({"text": "one two three"})),
    "all tokens spent on thoughts": (
        reply("one", thoughts="a long thought " * 10), config(maxOutputTokens=20),
        said(finish="MAX_TOKENS")),
    "an index of each": (None, config(candidateCount=3),
                         {"candidates": [{"index": 0}, {"index": 1}, {"index": 2}]}),
    "no index of one": (None, ask(), {"candidates": [{"index": None}]}),
    "joined": (
        thought("Two cities.") + reply("Let me look.")
        + call("get_weather", city="Lima") + call("get_weather", _id="c2", city="Rome"),
        THINKING,
        said({"text": "Two cities.", "thought": True, "thoughtSignature": None},
             {"text": "Let me look.", "thoughtSignature": None},
             {"functionCall": {"id": None, "args": {"city": "Lima"}}},
             {"functionCall": {"id": "c2"}, "thoughtSignature": None})),
    "thoughts": (reply("Yes.", thoughts="Hm."), THINKING,
                 said({"text": "Hm.", "thought": True}, {"text": "Yes."})),
    "thoughts that nobody asked for": (
        reply("Yes.", thoughts="Hm."), ask(), said({"text": "Yes.", "thought": None})),
    "log probabilities": (
        reply("One two"), config(responseLogprobs=True, logprobs=1),
        {"candidates": [{"avgLogprobs": 0, "logprobsResult": {
            "chosenCandidates": [{"token": "One "}, {"token": "two"}],
            "topCandidates": [{}, {}]}}]}),
    "an image": (
        image(b"png") + reply("A cat."), ask(),
        said({"inlineData": {"data": "cG5n", "mimeType": "image/png"}},
             {"text": "A cat."})),
    "code": (code("print(1)", "1\n"), ask(),
             said({"executableCode": {}}, {"codeExecutionResult": {}})),
    "grounding, in bytes": (
        reply(PERU, grounding=GROUNDED), ask(),
        {"candidates": [{"groundingMetadata": {
            "groundingSupports": [{"segment": {"endIndex": 19}}]}}]}),
    "citations and ratings": (
        reply("x", citations=[{"uri": "u"}], safety_ratings=[{"blocked": True}]), ask(),
        said({"text": "x"}, citationMetadata={"citations": [{"uri": "u"}]},
             safetyRatings=[{"blocked": True}])),
    "an end without content": (
        finish("MALFORMED_FUNCTION_CALL", message="Malformed function call: f("), ask(),
        said(finish="MALFORMED_FUNCTION_CALL",
             finishMessage="Malformed function call: f(")),
    "a blocked prompt": (
        block("PROHIBITED_CONTENT", message="No."), ask(),
        {"candidates": None, "usageMetadata": {
            "trafficType": "ON_DEMAND", "promptTokenCount": None,
            "totalTokenCount": None},
         "promptFeedback": {"blockReason": "PROHIBITED_CONTENT",
                            "blockReasonMessage": "No."}}),
    "usage": (
        reply("x", usage=USED), ask(),
        {"usageMetadata": {"totalTokenCount": 17, "cachedContentTokenCount": 3,
                           "thoughtsTokenCount": None}}),
    "an exact response": (exactly(ODD), ask(), ODD),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "body", "expected"), TOLD.values(), ids=TOLD)
def test_what_is_told(client: Client, answer: Any, body: Json, expected: Json) -> None:
    if answer:
        client.emulator.script(answer)
    result = client.result(body)
    assert told(expected, result) == expected
    usage = result.get("usageMetadata", {})
    spent = usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0)
    assert spent <= body.get("generationConfig", {}).get("maxOutputTokens", spent)


def test_json_and_texts_without_a_schema(client: Client) -> None:
    keys = ask("A JSON with 'setup' and 'punchline' keys.", generationConfig=JSON)
    assert set(json.loads(client.text(keys))) == {"setup", "punchline"}
    assert "emulator" in client.text(config(responseFormat=[{"text": {}}]))


@pytest.mark.parametrize("model_id", ["google/gemini-3-flash", "google/gemini-2.5-pro"])
def test_usage_adds_up(client: Client, model_id: str) -> None:
    usage = client.result(config(candidateCount=2), model=model_id)["usageMetadata"]
    assert usage["thoughtsTokenCount"] > 0
    counted = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    assert usage["totalTokenCount"] == sum(usage[name] for name in counted)


class TestSignatures:
    """Issued with an answer, wanted back, and recognised when tampered with."""

    def status(self, part: Json) -> int:
        result = user(response_part(part["functionCall"]["name"], {"result": 1}))
        return Judge().vertex(ask("Hi", model(part), result)).status

    def issued(self, judge: Judge, body: Json) -> Any:
        answer = json.loads(judge.vertex(body).body)["result"]
        return answer["candidates"][0]["content"]["parts"][0]["thoughtSignature"]

    def test_its_own_are_verified(self, judge: Judge) -> None:
        signature = self.issued(judge, ask(**with_tools(function("f"), mode="ANY")))
        raw = bytearray(base64.b64decode(signature))
        raw[-1] ^= 1
        altered = base64.b64encode(raw).decode()
        of_a_text = self.issued(judge, ask())
        url_safe = signature.replace("+", "-").replace("/", "_")
        presented = {
            "as issued": (call_part("f", thoughtSignature=signature), 200),
            "url-safe": (call_part("f", thoughtSignature=url_safe), 200),
            "arguments edited": (
                call_part("f", {"a": 1}, thoughtSignature=signature),
                200,
            ),
            "missing": (call_part("f"), 400),
            "altered": (call_part("f", thoughtSignature=altered), 400),
            "another function's": (call_part("g", thoughtSignature=signature), 400),
            "a text's": (call_part("f", thoughtSignature=of_a_text), 400),
        }
        statuses = {name: self.status(part) for name, (part, _) in presented.items()}
        assert statuses == {name: status for name, (_, status) in presented.items()}

    @pytest.mark.parametrize(
        ("framed", "status"),
        [
            (b"\x01" + bytes(40), 200),
            (b"\x0a\x29\x01" + bytes(40), 200),
            (b"\x12\x2b\x0a\x29\x01" + bytes(40) + b"more", 200),
            (b"\x12\x84\x01\x0a\x81\x01\x01" + bytes(128), 200),
            (b"\x01" + bytes(10), 400),
            (b"\x02" + bytes(40), 400),
            (b"\x0a\x70\x01" + bytes(40), 400),
            (b"\x0a\xff\xff\xff\xff\xff\x01" + bytes(40), 400),
            (b"\x0a\x29\x0a\x27\x0a\x25\x01" + bytes(40), 400),
            (b"signature_REDACTED_1", 400),
        ],
    )
    def test_googles_own_pass_unverified(self, framed: bytes, status: int) -> None:
        signature = base64.b64encode(framed).decode()
        assert self.status(call_part("f", thoughtSignature=signature)) == status

    def test_only_gemini_3_signs_text(self, client: Client) -> None:
        assert "thoughtSignature" in client.parts()[0]
        older = client.parts(model="google/gemini-2.5-flash")
        assert "thoughtSignature" not in older[0]


def test_requests_are_kept_without_secrets(client: Client) -> None:
    client.run(ask(systemInstruction={"parts": [{"text": "Be brief."}]}))
    request = client.emulator.requests[0]
    assert request.headers["authorization"] == "***"
    assert request.body["input"]["contents"] == [user("Hi")]
    assert (request.text, request.system) == ("Hi", "Be brief.")
    assert (request.model, request.status) == ("google/gemini-3-flash", 200)
    assert client.emulator.api_token not in repr(request)
    assert client.emulator.api_token not in client.emulator.log


FAILING_ASSERTIONS: dict[str, Any] = {
    "No prompt contains 'Rome';": lambda e: e.assert_asked("Rome"),
    "'In Rome.'; the nearest is 'In Lima[?]'": lambda e: e.assert_asked("In Rome."),
    "Expected 2 requests to a model, got 1": lambda e: e.assert_request_count(2),
    "No response of function 'f'": lambda e: e.assert_function_response("f"),
    "1 scripted answer was not used": lambda e: e.assert_script_used(),
    "1 answer was an error": lambda e: e.assert_no_errors(),
}


@pytest.mark.parametrize("message", FAILING_ASSERTIONS)
def test_failing_assertions_show_the_log(client: Client, message: str) -> None:
    client.run(ask("In Lima?", nonsense=1))
    client.emulator.reply("never asked for")
    with pytest.raises(AssertionError, match=message) as failure:
        FAILING_ASSERTIONS[message](client.emulator)
    assert "#1 POST" in str(failure.value)


def test_a_log_of_nothing(emulator: Emulator) -> None:
    with pytest.raises(AssertionError, match=r"exchanges so far:\n\(none\)$"):
        emulator.assert_request_count(1)


def test_assertions_that_hold(client: Client) -> None:
    client.emulator.assert_script_used()
    client.emulator.assert_no_errors()
    client.run(ask("What about Lima?"))
    client.emulator.assert_asked("lima")
    client.emulator.assert_request_count(1)


def test_the_log_reads_well(client: Client) -> None:
    client.emulator.script(reply("Let me look.") + call("get_weather", city="Lima"))
    client.run(ask("Weather in Lima?"))
    client.gateway()
    client.run(ask("x" * 200, nonsense=1))
    client.http.get(f"{client.emulator.url}/nowhere")
    one, two, three, four = client.emulator.log.splitlines()
    assert "google/gemini-3-flash" in one
    assert '"Weather in Lima?" -> 200' in one
    assert r'"Let me look.get_weather({\"city\": \"Lima\"})"' in one
    assert one.endswith(" ms (scripted)")
    assert '"Hi" -> 200 "This answer comes from' in two
    assert "…" in three
    assert "-> 400" in three
    assert "Unknown name" in three
    assert '-> 400 "No route for that URI. The emulator serves' in four


def test_answers_are_inspected(client: Client) -> None:
    client.emulator.script(exactly({"candidates": [{"content": None}]}), exactly({}))
    client.emulator.script(exactly({"error": ["text"]}), faults.html())
    for _ in range(2):
        client.run()
    for _ in range(2):
        client.gateway(method="generateContent")
    assert [request.answer for request in client.emulator.requests] == [""] * 4


EVERYTHING = [
    reply("x", grounding=grounding("x", ("a", "https://a")), citations=[{"uri": "u"}]),
    call("f", a=[1, {"b": None}]) + call("g"),
    thought("t") + reply("x", finish_reason="MAX_TOKENS", finish_message="m"),
    image(b"x") + code("1", "1"),
    block(message="m"),
    finish("SAFETY"),
]


@pytest.fixture(scope="module")
def response_schema() -> Any:
    """Checks a payload; the schema is too large to be read for each."""
    name = "#/$defs/GoogleCloudAiplatformV1beta1GenerateContentResponse"
    schema = {**published_schema(), "$ref": name}
    return jsonschema.validators.validator_for(schema)(schema)


@pytest.mark.parametrize("answer", EVERYTHING)
def test_answers_fit_the_published_schema(
    client: Client, response_schema: Any, answer: Any
) -> None:
    thinking = {"includeThoughts": True}
    body = config(thinkingConfig=thinking, responseLogprobs=True, candidateCount=2)
    client.emulator.script(answer, answer)
    older = "gemini-2.5-flash"
    whole = client.gateway(body, method="generateContent", model=older).json()
    for payload in [whole, *client.chunks(body, model=older)]:
        response_schema.validate(payload)
