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
    chunks_from_sse,
    function,
    model,
    user,
)

TEXT = {"type": "STRING"}
NUMBER = {"type": "INTEGER"}
WEATHER = {**function("get_weather", location=TEXT), "description": "Get the weather."}
ADDER = {**function("my_adder_tool", a=NUMBER, b=NUMBER), "description": "Add two."}
FORCED = {"functionCallingConfig": {"mode": "ANY"}}


def asked(*contents: Any, **rest: Any) -> dict[str, Any]:
    return {"contents": list(contents), **rest}


def with_tools(*declared: dict[str, Any], forced: bool = False) -> dict[str, Any]:
    config: dict[str, Any] = {"toolConfig": FORCED} if forced else {}
    return {"tools": [{"functionDeclarations": list(declared)}], **config}


def parts(client: Client, body: Any, model: str = "google/gemini-3-flash") -> Any:
    answer = client.run(body, model=model)
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]["candidates"][0]["content"].get("parts")


def called(client: Client, body: Any) -> Any:
    return parts(client, body)[0]["functionCall"]


CALLS: list[tuple[str, list[dict[str, Any]], bool, dict[str, Any]]] = [
    (
        "What is the value of magic_function(3)? Use the tool.",
        [function("magic_function", input=NUMBER)],
        True,
        {"name": "magic_function", "args": {"input": 3}},
    ),
    (
        "What is the value of magic_function_no_args()? Use the tool.",
        [function("magic_function_no_args")],
        True,
        {"name": "magic_function_no_args", "args": {}},
    ),
    (
        "Hello!",
        [function("magic_function", input=NUMBER), WEATHER],
        True,
        {"name": "magic_function", "args": {"input": 1}},
    ),
    (
        "What is the weather in San Francisco, CA?",
        [ADDER, WEATHER],
        False,
        {"name": "get_weather", "args": {"location": "San Francisco, CA"}},
    ),
    (
        "What is 3 + 4",
        [ADDER],
        True,
        {"name": "my_adder_tool", "args": {"a": 3, "b": 4}},
    ),
    (
        "Create a customer named '你好啊集团' (Hello Group) - a Chinese company",
        [function("unicode_customer", customer_name=TEXT)],
        True,
        {"name": "unicode_customer", "args": {"customer_name": "你好啊集团"}},
    ),
    (
        "Create a customer named こんにちは株式会社, a Japanese company",
        [function("unicode_customer", customer_name=TEXT)],
        True,
        {"name": "unicode_customer", "args": {"customer_name": "こんにちは株式会社"}},
    ),
    (
        "Search for the best pizza",
        [function("search", query=TEXT)],
        False,
        {"name": "search", "args": {"query": "Search for the best pizza"}},
    ),
]


@pytest.mark.parametrize(("prompt", "declared", "forced", "expected"), CALLS)
def test_default_calls(
    client: Client,
    prompt: str,
    declared: list[dict[str, Any]],
    forced: bool,
    expected: dict[str, Any],
) -> None:
    body = asked(user(prompt), **with_tools(*declared, forced=forced))
    assert called(client, body) == expected
    assert called(client, body) == expected  # the same again


def test_allowed_names_are_called(client: Client) -> None:
    config = {"mode": "ANY", "allowedFunctionNames": ["my_adder_tool"]}
    body = {
        **asked(user("What is the weather in Lima?"), **with_tools(WEATHER, ADDER)),
        "toolConfig": {"functionCallingConfig": config},
    }
    assert called(client, body)["name"] == "my_adder_tool"


@pytest.mark.parametrize(
    ("prompt", "config"),
    [("Hello, how are you?", {}), ("What is the weather in Lima?", {"mode": "NONE"})],
)
def test_no_call_without_reason(
    client: Client, prompt: str, config: dict[str, Any]
) -> None:
    body = {
        **asked(user(prompt), **with_tools(WEATHER)),
        "toolConfig": {"functionCallingConfig": config},
    }
    assert "text" in parts(client, body)[0]


def test_a_loop_ends_with_text(client: Client) -> None:
    tools = with_tools(WEATHER)
    question = user("What is the weather in Lima?")
    first = parts(client, asked(question, **tools))
    result = {"functionResponse": {"name": "get_weather", "response": {"result": "18"}}}
    last = parts(client, asked(question, model(*first), user(result), **tools))
    assert 'get_weather said {"result": "18"}' in last[0]["text"]


def test_forced_again_it_calls_another_function(client: Client) -> None:
    tools = with_tools(WEATHER, function("Answer", text=TEXT), forced=True)
    question = user("What is the weather in Lima?")
    first = parts(client, asked(question, **tools))
    result = {"functionResponse": {"name": "get_weather", "response": {"result": "18"}}}
    second = parts(client, asked(question, model(*first), user(result), **tools))
    assert first[0]["functionCall"]["name"] == "get_weather"
    assert second[0]["functionCall"]["name"] == "Answer"


JOKE = {
    "type": "object",
    "properties": {"setup": {"type": "string"}, "punchline": {"type": "string"}},
    "required": ["setup", "punchline"],
}


@pytest.mark.parametrize(
    "config",
    [
        {"responseMimeType": "application/json", "responseJsonSchema": JOKE},
        {
            "responseMimeType": "application/json",
            "responseSchema": {
                "type": "OBJECT",
                "properties": {"setup": TEXT, "punchline": TEXT},
            },
        },
        {
            "responseFormat": [
                {"text": {"mimeType": "APPLICATION_JSON", "schema": JOKE}}
            ]
        },
    ],
)
def test_json_output_fits_its_schema(client: Client, config: dict[str, Any]) -> None:
    body = asked(user("Tell me a joke about cats."), generationConfig=config)
    jsonschema.validate(json.loads(parts(client, body)[0]["text"]), JOKE)


def test_json_without_schema_has_the_quoted_keys(client: Client) -> None:
    body = asked(
        user("Return the result as a JSON with 'setup' and 'punchline' keys."),
        generationConfig={"responseMimeType": "application/json"},
    )
    assert set(json.loads(parts(client, body)[0]["text"])) == {"setup", "punchline"}


def test_enum_output(client: Client) -> None:
    schema = {"type": "STRING", "enum": ["Percussion", "String", "Woodwind"]}
    body = asked(
        user("What kind of instrument is a Woodwind oboe?"),
        generationConfig={"responseMimeType": "text/x.enum", "responseSchema": schema},
    )
    assert parts(client, body)[0]["text"] == "Woodwind"


def test_scripted_answers_in_order(client: Client) -> None:
    client.emulator.call("get_weather", city="Lima")
    client.emulator.reply("18 °C in Lima.")
    hi = asked(user("Hi"))
    assert called(client, hi) == {"name": "get_weather", "args": {"city": "Lima"}}
    assert parts(client, hi)[0]["text"] == "18 °C in Lima."
    assert "emulator" in parts(client, hi)[0]["text"]
    client.emulator.assert_script_used()


def test_matchers_come_first(client: Client) -> None:
    client.emulator.reply("anything")
    client.emulator.when("lima").then(reply("18 °C"), reply("19 °C"))
    client.emulator.when(lambda request: request.system == "Be brief.").always(
        reply("Yes.")
    )
    brief = asked(user("Hi"), systemInstruction={"parts": [{"text": "Be brief."}]})
    prompts = [asked(user("Lima?")), asked(user("Rome?")), asked(user("Lima?")), brief]
    texts = [parts(client, prompt)[0]["text"] for prompt in [*prompts, brief]]
    assert texts == ["18 °C", "anything", "19 °C", "Yes.", "Yes."]


def test_joined_answers(client: Client) -> None:
    client.emulator.script(
        thought("Two cities.")
        + reply("Let me look.")
        + call("get_weather", city="Lima")
        + call("get_weather", _id="c2", city="Rome")
    )
    config = {"thinkingConfig": {"includeThoughts": True}}
    said = parts(client, asked(user("Hi"), generationConfig=config))
    assert said[0] == {"text": "Two cities.", "thought": True}
    assert said[1] == {"text": "Let me look."}
    assert said[3]["functionCall"]["id"] == "c2"
    assert ["thoughtSignature" in part for part in said] == [False, False, True, False]


def test_thoughts_are_told_only_on_request(client: Client) -> None:
    for _ in range(2):
        client.emulator.reply("Yes.", thoughts="Hm.")
    hidden = client.run(asked(user("Hi"))).json()["result"]
    assert [p["text"] for p in hidden["candidates"][0]["content"]["parts"]] == ["Yes."]
    assert hidden["usageMetadata"]["thoughtsTokenCount"] > 0
    config = {"thinkingConfig": {"includeThoughts": True}}
    shown = parts(client, asked(user("Hi"), generationConfig=config))
    assert [p["text"] for p in shown] == ["Hm.", "Yes."]


def test_everything_else_that_can_be_scripted(client: Client) -> None:
    sources = grounding("Lima is in Peru. ñ", ("peru.pe", "https://peru.pe"))
    client.emulator.script(
        image(b"png") + reply("A cat."),
        code("print(1)", "1\n"),
        reply("Lima is in Peru. ñ", grounding=sources),
        reply(
            "x", citations=[{"uri": "https://a"}], safety_ratings=[{"blocked": True}]
        ),
        finish("MALFORMED_FUNCTION_CALL", message="Malformed function call: f("),
    )
    answers = [
        client.run(asked(user("Hi"))).json()["result"]["candidates"][0]
        for _ in range(5)
    ]
    data = answers[0]["content"]["parts"][0]["inlineData"]
    assert (base64.b64decode(data["data"]), data["mimeType"]) == (b"png", "image/png")
    assert [next(iter(part)) for part in answers[1]["content"]["parts"]] == [
        "executableCode",
        "codeExecutionResult",
    ]
    support = answers[2]["groundingMetadata"]["groundingSupports"][0]
    assert support["segment"]["endIndex"] == len("Lima is in Peru. ñ".encode())
    assert answers[3]["citationMetadata"] == {"citations": [{"uri": "https://a"}]}
    assert answers[3]["safetyRatings"] == [{"blocked": True}]
    assert answers[4] == {
        "content": {"role": "model"},
        "finishReason": "MALFORMED_FUNCTION_CALL",
        "finishMessage": "Malformed function call: f(",
    }


def test_a_blocked_prompt(client: Client) -> None:
    client.emulator.script(block("PROHIBITED_CONTENT", message="No."), block())
    blocked = client.run(asked(user("Hi"))).json()["result"]
    assert "candidates" not in blocked
    assert blocked["promptFeedback"] == {
        "blockReason": "PROHIBITED_CONTENT",
        "blockReasonMessage": "No.",
    }
    assert blocked["usageMetadata"] == {"trafficType": "ON_DEMAND"}
    chunks = chunks_from_sse(client.gateway(asked(user("Hi"))))
    assert [chunk["promptFeedback"] for chunk in chunks] == [{"blockReason": "SAFETY"}]


def test_an_exact_response(client: Client) -> None:
    client.emulator.script(exactly({"candidates": None, "odd": 1}))
    assert client.gateway(asked(user("Hi")), method="generateContent").json() == {
        "candidates": None,
        "odd": 1,
    }


@pytest.mark.parametrize("model_id", ["google/gemini-3-flash", "google/gemini-2.5-pro"])
def test_usage_adds_up(client: Client, model_id: str) -> None:
    body = asked(user("Hi"), generationConfig={"candidateCount": 2})
    usage = client.run(body, model=model_id).json()["result"]["usageMetadata"]
    counted = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    assert usage["totalTokenCount"] == sum(usage[name] for name in counted)


def test_scripted_usage(client: Client) -> None:
    usage = {
        "promptTokenCount": 10,
        "toolUsePromptTokenCount": 5,
        "cachedContentTokenCount": 3,
        "candidatesTokenCount": 2,
        "thoughtsTokenCount": 0,
    }
    client.emulator.reply("x", usage=usage)
    counted = client.run(asked(user("Hi"))).json()["result"]["usageMetadata"]
    assert counted["totalTokenCount"] == 17
    assert counted["cachedContentTokenCount"] == 3
    assert "thoughtsTokenCount" not in counted


@pytest.mark.parametrize(
    ("config", "text", "finish_reason"),
    [
        ({"stopSequences": ["three"]}, "one two ", "STOP"),
        ({"maxOutputTokens": 2}, "one ", "MAX_TOKENS"),
        ({"maxOutputTokens": 1}, "one ", "MAX_TOKENS"),
        ({"maxOutputTokens": 100}, "one two three", "STOP"),
    ],
)
def test_limits_are_kept(
    client: Client, config: dict[str, Any], text: str, finish_reason: str
) -> None:
    client.emulator.reply("one two three")
    body = asked(user("Hi"), generationConfig=config)
    answer = client.run(body).json()["result"]
    candidate = answer["candidates"][0]
    assert candidate["content"]["parts"][0]["text"] == text
    assert candidate["finishReason"] == finish_reason
    usage = answer["usageMetadata"]
    spent = usage["candidatesTokenCount"] + usage.get("thoughtsTokenCount", 0)
    assert spent <= config.get("maxOutputTokens", spent)


def test_all_tokens_spent_on_thoughts(client: Client) -> None:
    client.emulator.reply("one", thoughts="a long thought " * 10)
    body = asked(user("Hi"), generationConfig={"maxOutputTokens": 20})
    candidate = client.run(body).json()["result"]["candidates"][0]
    assert candidate == {"content": {"role": "model"}, "finishReason": "MAX_TOKENS"}


def test_candidates_have_an_index_when_there_are_many(client: Client) -> None:
    body = asked(user("Hi"), generationConfig={"candidateCount": 3})
    candidates = client.run(body).json()["result"]["candidates"]
    assert [candidate["index"] for candidate in candidates] == [0, 1, 2]
    one = client.run(asked(user("Hi"))).json()["result"]["candidates"]
    assert "index" not in one[0]


class TestSignatures:
    """Issued with an answer, wanted back, and recognised when tampered with."""

    RESULT = user({"functionResponse": {"name": "f", "response": {"result": 1}}})

    def issued(self, judge: Judge) -> dict[str, Any]:
        declared = with_tools(function("f"), forced=True)
        answer = judge.vertex(asked(user("Hi"), **declared))
        content = json.loads(answer.body)["result"]["candidates"][0]["content"]
        part: dict[str, Any] = content["parts"][0]
        return part

    def status(self, judge: Judge, part: dict[str, Any]) -> int:
        return judge.vertex(asked(user("Hi"), model(part), self.RESULT)).status

    def test_the_issued_one_is_taken(self, judge: Judge) -> None:
        part = self.issued(judge)
        assert self.status(judge, part) == 200
        assert Judge().vertex(asked(user("Hi"), model(part), self.RESULT)).status == 200

    def test_url_safe_base64_is_taken(self, judge: Judge) -> None:
        part = self.issued(judge)
        safe = part["thoughtSignature"].replace("+", "-").replace("/", "_")
        assert self.status(judge, {**part, "thoughtSignature": safe}) == 200

    def test_a_missing_one_is_refused(self, judge: Judge) -> None:
        part = self.issued(judge)
        assert self.status(judge, {"functionCall": part["functionCall"]}) == 400

    def test_an_altered_one_is_refused(self, judge: Judge) -> None:
        part = self.issued(judge)
        raw = bytearray(base64.b64decode(part["thoughtSignature"]))
        raw[-1] ^= 1
        altered = base64.b64encode(raw).decode()
        assert self.status(judge, {**part, "thoughtSignature": altered}) == 400

    def test_one_from_another_function_is_refused(self, judge: Judge) -> None:
        part = self.issued(judge)
        moved = {**part, "functionCall": {"name": "g", "args": {}}}
        result = user({"functionResponse": {"name": "g", "response": {}}})
        assert judge.vertex(asked(user("Hi"), model(moved), result)).status == 400

    def test_one_from_a_text_is_refused(self, judge: Judge) -> None:
        answer = judge.vertex(asked(user("Hi")))
        said = json.loads(answer.body)["result"]["candidates"][0]["content"]["parts"]
        part = {**self.issued(judge), "thoughtSignature": said[0]["thoughtSignature"]}
        assert self.status(judge, part) == 400

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
    def test_googles_own_pass_unverified(
        self, judge: Judge, framed: bytes, status: int
    ) -> None:
        encoded = base64.b64encode(framed).decode()
        part = {"functionCall": {"name": "f"}, "thoughtSignature": encoded}
        assert self.status(judge, part) == status

    def test_arguments_may_be_edited(self, judge: Judge) -> None:
        part = self.issued(judge)
        edited = {**part, "functionCall": {"name": "f", "args": {"a": 1}}}
        assert self.status(judge, edited) == 200

    def test_only_gemini_3_signs_text(self, client: Client) -> None:
        hi = asked(user("Hi"))
        assert "thoughtSignature" in parts(client, hi)[0]
        older = parts(client, hi, model="google/gemini-2.5-flash")
        assert "thoughtSignature" not in older[0]


def test_requests_are_kept_without_secrets(client: Client) -> None:
    client.run(asked(user("Hi"), systemInstruction={"parts": [{"text": "Be brief."}]}))
    request = client.emulator.requests[0]
    assert request.headers["authorization"] == "***"
    assert request.body["input"]["contents"] == [user("Hi")]
    assert (request.text, request.system) == ("Hi", "Be brief.")
    assert (request.model, request.status) == ("google/gemini-3-flash", 200)
    assert client.emulator.api_token not in repr(request)
    assert client.emulator.api_token not in client.emulator.log


def test_functions_are_inspected(client: Client) -> None:
    tools = with_tools(WEATHER)
    response = {"functionResponse": {"name": "get_weather", "response": {"t": 18}}}
    signed = {
        "functionCall": {"name": "get_weather", "args": {}},
        "thoughtSignature": "skip_thought_signature_validator",
    }
    client.run(asked(user("Hi"), model(signed), user(response), **tools))
    request = client.emulator.requests[0]
    assert request.function_names == ["get_weather"]
    assert request.function_responses == {"get_weather": {"t": 18}}
    client.emulator.assert_function_response("get_weather")
    client.emulator.assert_function_response("get_weather", {"t": 18})
    with pytest.raises(AssertionError, match="'get_weather' returned"):
        client.emulator.assert_function_response("get_weather", {"t": 19})


FAILING_ASSERTIONS: dict[str, Any] = {
    "No prompt contains 'Rome'": lambda e: e.assert_asked("Rome"),
    "Expected 2 requests to a model, got 1": lambda e: e.assert_request_count(2),
    "No response of function 'f'": lambda e: e.assert_function_response("f"),
    "1 scripted answer was not used": lambda e: e.assert_script_used(),
    "1 answer was an error": lambda e: e.assert_no_errors(),
}


@pytest.mark.parametrize("message", FAILING_ASSERTIONS)
def test_failing_assertions_show_the_log(client: Client, message: str) -> None:
    client.run(asked(user("Lima?"), nonsense=1))
    client.emulator.reply("never asked for")
    with pytest.raises(AssertionError, match=message) as failure:
        FAILING_ASSERTIONS[message](client.emulator)
    assert "#1 POST" in str(failure.value).replace(
        f"#{client.emulator.requests[0].number} POST", "#1 POST"
    )


def test_assertions_that_hold(client: Client) -> None:
    emulator: Emulator = client.emulator
    emulator.assert_script_used()
    emulator.assert_no_errors()
    client.run(asked(user("What about Lima?")))
    emulator.assert_asked("lima")
    emulator.assert_request_count(1)
    emulator.reset()
    assert emulator.exchanges == []


def test_the_log_reads_well(client: Client) -> None:
    client.emulator.script(reply("Let me look.") + call("get_weather", city="Lima"))
    client.run(asked(user("Weather in Lima?")))
    client.gateway(asked(user("Hi")))
    client.run(asked(user("x" * 200), nonsense=1))
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
    for _ in range(2):
        client.run(asked(user("Hi")))
    assert [request.answer for request in client.emulator.requests] == ["", ""]
    client.emulator.script(exactly({"error": ["text"]}), faults.html())
    for _ in range(2):
        client.gateway(asked(user("Hi")), method="generateContent")
        assert client.emulator.requests[-1].answer == ""


def test_an_output_format_that_is_not_json(client: Client) -> None:
    body = asked(user("Hi"), generationConfig={"responseFormat": [{"text": {}}]})
    assert "emulator" in parts(client, body)[0]["text"]


@pytest.mark.parametrize(
    ("modality", "kinds"),
    [("IMAGE", ["text", "inlineData"]), ("AUDIO", ["inlineData"]), ("TEXT", ["text"])],
)
def test_media_where_they_are_asked_for(
    client: Client, modality: str, kinds: list[str]
) -> None:
    body = asked(user("Draw"), generationConfig={"responseModalities": [modality]})
    assert [next(iter(part)) for part in parts(client, body)] == kinds


def test_log_probabilities_on_request(client: Client) -> None:
    client.emulator.reply("One two")
    config = {"responseLogprobs": True, "logprobs": 1}
    answer = client.run(asked(user("Hi"), generationConfig=config)).json()["result"]
    chosen = answer["candidates"][0]["logprobsResult"]["chosenCandidates"]
    assert [token["token"] for token in chosen] == ["One ", "two"]
    assert answer["candidates"][0]["avgLogprobs"] == 0
    assert len(answer["candidates"][0]["logprobsResult"]["topCandidates"]) == 2


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
    config = {
        "thinkingConfig": {"includeThoughts": True},
        "responseLogprobs": True,
        "candidateCount": 2,
    }
    body = asked(user("Hi"), generationConfig=config)
    client.emulator.script(answer, answer)
    older = "gemini-2.5-flash"
    whole = client.gateway(body, method="generateContent", model=older).json()
    for payload in [whole, *chunks_from_sse(client.gateway(body, model=older))]:
        response_schema.validate(payload)
