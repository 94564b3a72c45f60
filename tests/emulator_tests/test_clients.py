"""Other people's clients: google-genai, langchain-google-genai, curl."""

import json
import shutil
import subprocess
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_google_genai import ChatGoogleGenerativeAI
from pydantic import BaseModel

from langchain_cf_gemini.emulator import Emulator, grounding, reply
from tests.support.judge import FLASH_3


@pytest.fixture
def google(emulator: Emulator) -> genai.Client:
    options = types.HttpOptions(base_url=emulator.url)
    return genai.Client(api_key=emulator.api_token, http_options=options)


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"18 °C in {city}"


class Joke(BaseModel):
    """A joke in two parts."""

    setup: str
    punchline: str


class TestGoogleGenai:
    def test_text(self, google: genai.Client) -> None:
        answer = google.models.generate_content(model=FLASH_3, contents="Hi")
        assert "emulator" in (answer.text or "")
        assert answer.usage_metadata
        assert answer.usage_metadata.total_token_count

    def test_stream(self, emulator: Emulator, google: genai.Client) -> None:
        emulator.reply("One two three")
        stream = google.models.generate_content_stream(model=FLASH_3, contents="Hi")
        assert "".join(chunk.text or "" for chunk in stream) == "One two three"

    # google-genai subclasses aiohttp's session, of which aiohttp disapproves.
    @pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")
    async def test_async_stream(self, emulator: Emulator, google: genai.Client) -> None:
        emulator.reply("One two three")
        stream = await google.aio.models.generate_content_stream(
            model=FLASH_3, contents="Hi"
        )
        texts = [chunk.text or "" async for chunk in stream]
        assert "".join(texts) == "One two three"
        await google.aio.aclose()

    def test_a_chat_with_tools(self, emulator: Emulator, google: genai.Client) -> None:
        def get_weather(city: str) -> str:
            """Get the weather in a city."""
            return f"18 °C in {city}"

        config = types.GenerateContentConfig(tools=[get_weather])
        chat = google.chats.create(model=FLASH_3, config=config)
        answer = chat.send_message("What is the weather in Lima?")
        assert "18 °C in Lima" in (answer.text or "")
        emulator.assert_function_response("get_weather", {"result": "18 °C in Lima"})
        assert "Bye" in (chat.send_message("Bye").text or "")

    def test_structured_output(self, google: genai.Client) -> None:
        answer = google.models.generate_content(
            model=FLASH_3,
            contents="Tell me a joke.",
            config=types.GenerateContentConfig(
                response_mime_type="application/json", response_schema=Joke
            ),
        )
        assert isinstance(answer.parsed, Joke)

    def test_grounding(self, emulator: Emulator, google: genai.Client) -> None:
        sources = grounding("Lima.", ("Peru", "https://peru.pe"))
        emulator.reply("Lima.", grounding=sources)
        answer = google.models.generate_content(model=FLASH_3, contents="Hi")
        metadata = (answer.candidates or [])[0].grounding_metadata
        assert metadata
        assert metadata.grounding_chunks
        assert metadata.grounding_chunks[0].web
        assert metadata.grounding_chunks[0].web.title == "Peru"

    def test_errors(self, emulator: Emulator, google: genai.Client) -> None:
        with pytest.raises(errors.ClientError) as missing:
            google.models.generate_content(model="gemini-9", contents="Hi")
        assert missing.value.code == 404
        emulator.fail(503)
        with pytest.raises(errors.ServerError, match="UNAVAILABLE"):
            google.models.generate_content(model=FLASH_3, contents="Hi")

    def test_a_lost_signature(self, google: genai.Client) -> None:
        call = types.FunctionCall(name="f", args={})
        response = types.FunctionResponse(name="f", response={})
        contents: Any = [
            types.Content(role="user", parts=[types.Part(text="Hi")]),
            types.Content(role="model", parts=[types.Part(function_call=call)]),
            types.Content(role="user", parts=[types.Part(function_response=response)]),
        ]
        with pytest.raises(errors.ClientError, match="missing a thought_signature"):
            google.models.generate_content(model=FLASH_3, contents=contents)

    def test_tokens_and_models(self, google: genai.Client) -> None:
        counted = google.models.count_tokens(model=FLASH_3, contents="a" * 40)
        assert counted.total_tokens == 10
        assert f"models/{FLASH_3}" in [model.name for model in google.models.list()]
        assert google.models.get(model=FLASH_3).input_token_limit == 1_048_576


class TestLangchainGoogleGenai:
    @pytest.fixture
    def chat(self, emulator: Emulator) -> ChatGoogleGenerativeAI:
        return ChatGoogleGenerativeAI(
            model=FLASH_3, api_key=emulator.api_token, base_url=emulator.url, retries=1
        )

    def test_text_and_usage(self, chat: ChatGoogleGenerativeAI) -> None:
        answer = chat.invoke("Hi")
        assert "emulator" in answer.text
        assert answer.usage_metadata
        assert answer.usage_metadata["output_token_details"]["reasoning"] > 0

    def test_stream(self, emulator: Emulator, chat: ChatGoogleGenerativeAI) -> None:
        emulator.reply("One two three")
        assert "".join(chunk.text for chunk in chat.stream("Hi")) == "One two three"

    def test_a_tool_loop(
        self, emulator: Emulator, chat: ChatGoogleGenerativeAI
    ) -> None:
        bound = chat.bind_tools([get_weather])
        question = HumanMessage("What is the weather in Lima?")
        called = bound.invoke([question])
        result = get_weather.invoke(called.tool_calls[0])
        assert isinstance(result, ToolMessage)
        answer = bound.invoke([question, called, result])
        assert "18 °C in Lima" in answer.text
        emulator.assert_no_errors()

    def test_structured_output(self, chat: ChatGoogleGenerativeAI) -> None:
        assert isinstance(chat.with_structured_output(Joke).invoke("A joke"), Joke)

    def test_an_error(self, emulator: Emulator, chat: ChatGoogleGenerativeAI) -> None:
        emulator.fail(429)
        with pytest.raises(Exception, match="RESOURCE_EXHAUSTED"):
            chat.invoke("Hi")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
class TestCurl:
    def curl(self, *arguments: str) -> str:
        command = ["curl", "--silent", "--show-error", "--max-time", "10", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout

    def test_ai_run(self, emulator: Emulator) -> None:
        prompt = "What are the three laws of thermodynamics?"
        contents = [{"role": "user", "parts": [{"text": prompt}]}]
        body = {"model": "google/gemini-3-flash", "input": {"contents": contents}}
        answer = self.curl(
            f"{emulator.base_url}/accounts/{emulator.account_id}/ai/run",
            "--header",
            f"Authorization: Bearer {emulator.api_token}",
            "--json",
            json.dumps(body),
        )
        assert "Zeroth" in answer
        assert json.loads(answer)["success"] is True

    def test_a_stream(self, emulator: Emulator) -> None:
        emulator.script(reply("One two"))
        path = f"google-ai-studio/v1beta/models/{FLASH_3}:streamGenerateContent"
        answer = self.curl(
            f"{emulator.gateway_base_url}/{emulator.account_id}/default/{path}?alt=sse",
            "--no-buffer",
            "--header",
            f"cf-aig-authorization: Bearer {emulator.api_token}",
            "--json",
            '{"contents": [{"parts": [{"text": "Hi"}]}]}',
        )
        assert answer.count("data: ") == 3

    def test_a_tool_loop(self, emulator: Emulator) -> None:
        question = {"role": "user", "parts": [{"text": "The weather in Lima?"}]}
        schema = {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}
        declared = {"name": "get_weather", "parameters": schema}
        tools = [{"functionDeclarations": [declared]}]

        def ask(*contents: Any) -> Any:
            answer = self.curl(
                f"{emulator.url}/v1beta/models/{FLASH_3}:generateContent",
                "--header",
                f"x-goog-api-key: {emulator.api_token}",
                "--json",
                json.dumps({"contents": contents, "tools": tools}),
            )
            return json.loads(answer)["candidates"][0]["content"]

        called = ask(question)
        assert called["parts"][0]["functionCall"]["args"] == {"city": "Lima"}
        response = {"name": "get_weather", "response": {"result": "18 °C"}}
        result = {"role": "user", "parts": [{"functionResponse": response}]}
        assert "18 °C" in ask(question, called, result)["parts"][0]["text"]

    def test_an_error(self, emulator: Emulator) -> None:
        answer = self.curl(f"{emulator.base_url}/accounts/x/ai/run", "--json", "{}")
        assert json.loads(answer)["errors"][0]["message"] == "Authentication error"
