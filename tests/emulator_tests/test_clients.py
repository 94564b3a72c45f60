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

from langchain_cf_gemini.emulator import Emulator, grounding
from tests.support.judge import FLASH_3, HI, Client


# One for all tests, for each takes a tenth of a second to be made.
@pytest.fixture(scope="module")
def google_client(running_emulator: Emulator) -> genai.Client:
    options = types.HttpOptions(base_url=running_emulator.url)
    return genai.Client(api_key=running_emulator.api_token, http_options=options)


@pytest.fixture
def google(emulator: Emulator, google_client: genai.Client) -> genai.Client:
    return google_client


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"18 °C in {city}"


class Joke(BaseModel):
    """A joke in two parts."""

    setup: str
    punchline: str


class TestGoogleGenai:
    def test_text(self, emulator: Emulator, google: genai.Client) -> None:
        answer = google.models.generate_content(model=FLASH_3, contents="Hi")
        assert "emulator" in (answer.text or "")
        assert answer.usage_metadata
        assert answer.usage_metadata.total_token_count
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

    def test_what_it_reads(
        self, emulator: Emulator, chat: ChatGoogleGenerativeAI
    ) -> None:
        answer = chat.invoke("Hi")
        assert "emulator" in answer.text
        assert answer.usage_metadata
        assert answer.usage_metadata["output_token_details"]["reasoning"] > 0
        emulator.reply("One two three")
        assert "".join(chunk.text for chunk in chat.stream("Hi")) == "One two three"
        assert isinstance(chat.with_structured_output(Joke).invoke("A joke"), Joke)
        emulator.assert_no_errors()
        emulator.fail(429)
        with pytest.raises(Exception, match="RESOURCE_EXHAUSTED"):
            chat.invoke("Hi")

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


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl(client: Client) -> None:
    def curl(url: str, headers: dict[str, str], body: Any) -> str:
        ((name, token),) = headers.items()
        asked = ["--header", f"{name}: {token}", "--json", json.dumps(body)]
        options = ["--silent", "--show-error", "--no-buffer", "--max-time", "10"]
        return subprocess.check_output(["curl", *options, *asked, url], text=True)

    answer = curl(
        client.account_url("ai/run"),
        client.authorized,
        {"model": "google/gemini-3-flash", "input": HI},
    )
    assert json.loads(answer)["success"] is True
    client.emulator.reply("One two")
    streamed = curl(client.gateway_url(), client.gateway_headers, HI)
    assert streamed.count("data: ") == 3
