"""Model ids: what may be asked for, and what it is called where."""

import pytest

from langchain_cf_gemini import CloudflareNotFoundError
from tests.support.models import Cloudflare, refusal, silent


@pytest.mark.parametrize(("model", "expected", "google"), [
    ("gemini-3-flash", "gemini-3-flash", "gemini-3-flash-preview"),
    ("google/gemini-3-flash", "gemini-3-flash", "gemini-3-flash-preview"),
    ("  gemini-3-flash ", "gemini-3-flash", "gemini-3-flash-preview"),
    ("gemini-3-flash-preview", "gemini-3-flash", "gemini-3-flash-preview"),
    ("models/gemini-3.1-pro-preview", "gemini-3.1-pro", "gemini-3.1-pro-preview"),
    ("gemini-2.5-flash", "gemini-2.5-flash", "gemini-2.5-flash"),
    ("gemini-9-flash", "gemini-9-flash", "gemini-9-flash"),
    ("google/gemini-9-pro-preview", "gemini-9-pro-preview", "gemini-9-pro-preview"),
])  # fmt: skip
def test_a_model_goes_by_its_bare_id_and_by_googles(
    model: str, expected: str, google: str
) -> None:
    cloudflare = Cloudflare()
    asked = cloudflare.model(model=model)
    asked.invoke("hi", endpoint="run")
    asked.invoke("hi", endpoint="gateway")
    run, gateway = cloudflare.requests
    assert f'"google/{expected}"' in run.content.decode()
    assert f"/models/{google}:generateContent" in str(gateway.url)


@pytest.mark.parametrize("before", ["", "google/", "models/", " google/models/"])
def test_googles_id_can_be_overridden(before: str) -> None:
    cloudflare = Cloudflare()
    name = f"{before}gemini-3-flash-002"
    cloudflare.model(google_model=name, endpoint="gateway").invoke("hi")
    assert "/v1beta/models/gemini-3-flash-002:" in str(cloudflare.requests[0].url)
    with pytest.raises(ValueError, match="isn't a model ID"):
        silent(google_model="a:generateContent?x=")


REFUSED = {
    "non-empty string": ["", "   "],
    r"dynamic route.*only OpenAI's format.*v1/.*/compat": ["dynamic/support"],
    r"own router.*only OpenAI's format.*ai/v1": ["cloudflare/auto"],
    "ChatCloudflareWorkersAI": ["@cf/meta/llama-3.1-8b-instruct"],
    "Pass only the model": [
        "google-ai-studio/gemini-2.5-pro", "publishers/google/models/gemini-3-flash",
    ],
    "Pass only the model: 'gemini-3-flash'": [
        "vertex_ai/gemini-3-flash", "google_genai:gemini-3-flash",
        "cloudflare_gemini:gemini-3-flash",
    ],
    "isn't a Gemini model": ["openai/gpt-5", "anthropic/claude"],
    "creates images": ["google/imagen-4", "imagen-4", "google/nano-banana-pro"],
    "creates videos": ["models/veo-3.1-fast", "google/veo-3.1-fast"],
    "creates embeddings": ["gemini-embedding-001", "google/text-embedding-004"],
    "isn't a model ID": [
        "google/", "../../secrets", "google/..", "gemini..3",
        "gemini-3-flash:generateContent", "gemini 3", "gemini-3-flash?key=x",
        "gemini-3-flash#", "gemini-3-flash\r\nx: y", "gemini-3-%66lash", "gémini",
        "g" * 129,
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("model", "message"), [(model, said) for said in REFUSED for model in REFUSED[said]]
)
def test_other_ids_are_refused_with_what_to_use(model: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        silent(model=model)
    assert "Value error" not in str(caught.value)  # pydantic's word for each of them


@pytest.mark.parametrize(("model", "message"), [
    ("gemini-2.5-pro", "gemini-2.5-pro was replaced by gemini-3.8-flash. Use that"),
    ("gemini-3-flesh", "Similar models: gemini-3-flash"),
    ("x", r"Similar models: gemini-[^,]+, gemini-[^,]+, gemini-[^,]+\."),
])  # fmt: skip
def test_a_missing_model_comes_with_another(model: str, message: str) -> None:
    cloudflare = Cloudflare(refusal(404, 5007, "No such model"))
    with pytest.raises(CloudflareNotFoundError, match=message):
        cloudflare.model(model=model).invoke("hi")


def test_a_model_that_nothing_replaces_gets_no_other() -> None:
    cloudflare = Cloudflare(refusal(404, 5007, "No such model"))
    with pytest.raises(CloudflareNotFoundError) as caught:
        cloudflare.model(model="gemini-3-flash").invoke("hi")
    assert not hasattr(caught.value, "__notes__")
    assert "Similar" not in str(caught.value)
