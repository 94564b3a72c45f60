"""Every rule of strict mode: what it is, how well it is proven, and its source.

"recorded": a recorded exchange shows it. "reported": its error text stands in public
issues. "documented": a vendor's page, schema or code says it; the words of the error
may differ. "assumed": it follows from those, but was never seen. Nothing here has been
seen live by this project.

Of the request as a whole:

published schema | recorded | Google's discovery document of Vertex AI (see
    `_discovery.py`), read as proto JSON: both spellings of names, enums in any case
fields of one backend | documented | google-genai's converters, the Gemini API's protos

Beyond the schema, in the order they are judged:

contents | documented | discovery document: contents is required
role | recorded | recorded 400 of opentelemetry-python-contrib's tests on Vertex
empty parts | reported | vercel/ai#3775, googleapis/go-genai#444
one payload per part | reported | genkit-ai/genkit#3816, router-for-me/CLIProxyAPI#1293
media type | documented | discovery document: mimeType is required
URL may be crawled | recorded | recorded 400 of pydantic-ai's tests on Vertex, for
    www.gstatic.com
system instruction is text | documented | discovery document: systemInstruction is text
    only
call after user turn | reported | google-gemini/gemini-cli#26486, #11814,
    lobehub/lobehub#10049
response after call turn | reported | langchain-ai/langchain#27799,
    BerriAI/litellm#26755
as many responses as calls | reported | google-gemini/gemini-cli#3814, #16132,
    continuedev/continue#9562
response names | assumed | without ids, responses are matched by name
response ids | assumed | discovery document: functionResponse.id is that of the call
input tokens | recorded | recorded 400 of ruby-llm's tests on Vertex; tokens are
    estimated
function name | reported | kaitranntt/ccs#25, google-gemini/gemini-cli#7869; 128
    characters: discovery document
duplicate function | assumed | no public text at hand; a name has one declaration
number of functions | documented | discovery document: up to 512
parameters are an object | reported | diegosouzapw/OmniRoute#3360
one schema per function | documented | discovery document: the two fields exclude each
    other
parameter name | documented | discovery document: FunctionDeclaration.parameters
array has items | assumed | no public text at hand; the validator of required properties
required property exists | reported | iBUHub/AIStudioToAPI#154,
    lbjlaq/Antigravity-Manager#187
enum of strings | reported | decolua/9router#359, decolua/9router#380
allowed function names | documented | discovery document: only with mode ANY or
    VALIDATED
forced call without functions | assumed | discovery document: ANY calls one of the
    declared functions
tools together | reported | BerriAI/litellm#26682, #38650 (Vertex), symfony/ai#803
    (Gemini API)
built-in tools beside functions | reported | cloudwego/eino-ext#761, ag2ai/ag2#3145 (the
    Gemini API demands the flag, Vertex does not know it)
JSON output with tools | reported | googleapis/python-genai#867, symfony/ai#1777,
    snailyp/gemini-balance#264
google search retrieval | reported | Portkey-AI/gateway#922
streamed arguments | reported | vercel/ai#14314
temperature | recorded | recorded 400 of opentelemetry-python-contrib's tests on Vertex
topP | documented | discovery document: a probability
penalties | documented | discovery document: -2.0 to 2.0
frequency penalty | documented | discovery document: -2.0 to 2.0
candidate count | documented | Google's model pages: 1 to 8 candidates
output tokens | reported | stackblitz-labs/bolt.diy#955; 65,536: Google's model pages
stop sequences | documented | Google's reference of generateContent: up to 5
top logprobs | documented | Google's reference of generateContent: 0 to 20
logprobs | documented | discovery document: logprobs works with responseLogprobs
response MIME type | documented | Google's page on structured output
response schema | documented | discovery document: one schema, and a JSON MIME type
one thinking setting | reported | sterlp/eclipse-peon-ai#115
thinking level | reported | google-gemini/gemini-cli#14025,
    jenslys/opencode-gemini-auth#14, RooCodeInc/Roo-Code#10700; levels: Google's page on
    thinking
thinking budget | reported | lbjlaq/Antigravity-Manager#1384, RooCodeInc/Roo-Code#4399,
    ChatLunaLab/chatluna#519
thought signature missing | reported | ai.google.dev/gemini-api/docs/thought-signatures,
    Piebald-AI/piebald-issues#21, windmill-labs/windmill#7679
thought signature invalid | reported | decolua/9router#301,
    google-gemini/gemini-cli#13467; Google's own pass unverified

Of Cloudflare:

account and token at api.cloudflare.com | assumed | status and code 10000 are common
    knowledge, in no source at hand
gateway token: 401, 2009 | documented | cloudflare/ai, ai-gateway-provider
gateway exists: 400, 2001 | documented | cloudflare/ai, ai-gateway-provider
google-ai-studio and google-vertex-ai paths | documented | Cloudflare's provider pages
provider path: 400, 2008 | reported | BerriAI/litellm#11959
model exists: 404, 7003 | documented | cloudflare/ai, end-to-end tests
credit: 402, 2021 | documented | cloudflare/ai, gateway-providers.ts
route exists: 400, 7000 | reported | cloudflare/cloudflare-docs#23038
envelope of /ai/run: 400, 5006 | reported | cloudflare/cloudflare-docs#33336
v4 envelope round Gemini's answer | assumed | Cloudflare's pages show the inner answer
Google's errors unchanged on /ai/run | assumed | documented for the gateway alone
limits of cf-aig-* headers | documented | Cloudflare's pages on caching, custom
    metadata, request handling and limits; that a breach is refused is assumed
cache: HIT, MISS, ttl, key, skip | documented | Cloudflare's page on caching; for
    /ai/run Cloudflare's own package says otherwise
request timeout: 408, 3007 | assumed | Cloudflare documents the header, not the error
"""

from langchain_cf_gemini.emulator._cloudflare.refusals import google_refusal
from langchain_cf_gemini.emulator._google.rules.on_config import CONFIG_RULES
from langchain_cf_gemini.emulator._google.rules.on_contents import CONTENT_RULES
from langchain_cf_gemini.emulator._google.rules.on_signatures import SIGNATURE_RULES
from langchain_cf_gemini.emulator._google.rules.on_tools import TOOL_RULES
from langchain_cf_gemini.emulator._google.rules.rule import Judged, Rule

RULES: tuple[Rule, ...] = (
    *CONTENT_RULES,
    *TOOL_RULES,
    *CONFIG_RULES,
    *SIGNATURE_RULES,
)


def check(judged: Judged) -> None:
    """Refuse what Google would refuse, by the first rule that is broken.

    Raises:
        Refusal: In Google's words, as far as they are known.
    """
    for rule in RULES:
        for message in rule.check(judged):
            raise google_refusal(message, rule=rule.name)
