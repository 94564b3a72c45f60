"""The README's sample of a user's own test, word for word."""

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage

from langchain_cf_gemini import ChatCloudflareGemini
from langchain_cf_gemini.emulator import Emulator


def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"18 °C in {city}"


def test_agent_looks_up_the_weather(cf_gemini_emulator: Emulator) -> None:
    emulator = cf_gemini_emulator
    emulator.call("get_weather", city="Lima")
    emulator.fail(429, retry_after=0)
    emulator.reply("It is 18 °C in Lima.")

    model = ChatCloudflareGemini(model="google/gemini-3-flash", **emulator.client)
    agent = create_agent(model, tools=[get_weather])
    answer = agent.invoke({"messages": [HumanMessage("How warm is it in Lima?")]})

    assert answer["messages"][-1].text == "It is 18 °C in Lima."
    assert emulator.requests[0].function_names == ["get_weather"]
    emulator.assert_request_count(3)  # the call, the 429, the answer
    emulator.assert_function_response("get_weather", {"output": "18 °C in Lima"})
    emulator.assert_script_used()
