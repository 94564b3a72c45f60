"""The sample of a user's own test, as the README shows it."""

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage

from langchain_cf_gemini import ChatCloudflareGemini
from langchain_cf_gemini.emulator import Emulator


def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"18 °C in {city}"


def test_agent(cf_gemini_emulator: Emulator) -> None:
    cf_gemini_emulator.call("get_weather", city="Lima")  # the model's first answer,
    cf_gemini_emulator.fail(429, retry_after=0)  # a rate limit on the way,
    cf_gemini_emulator.reply("It is 18 °C in Lima.")  # and its last answer

    settings = cf_gemini_emulator.client
    model = ChatCloudflareGemini(model="google/gemini-3-flash", **settings)
    agent = create_agent(model, tools=[get_weather])
    answer = agent.invoke({"messages": [HumanMessage("How warm is it in Lima?")]})

    assert answer["messages"][-1].text == "It is 18 °C in Lima."
    cf_gemini_emulator.assert_function_response("get_weather")
    cf_gemini_emulator.assert_request_count(3)
