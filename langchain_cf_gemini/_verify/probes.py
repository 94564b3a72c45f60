"""Probes of endpoints, headers, errors, caches and signatures."""

from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from langchain_cf_gemini._verify.fields import (
    ASK_WEATHER,
    FORCED,
    SCHEMA,
    SHORT,
    WEATHER,
    calls_of,
)
from langchain_cf_gemini._verify.findings import (
    Finding,
    copes,
    finding,
    outcome,
    probe,
    undecided,
)
from langchain_cf_gemini._verify.lab import Lab, Reply
from langchain_cf_gemini.exceptions import CloudflareGeminiError

_LIMIT: dict[str, Any] = {"max_tokens": 400}
_NO_MODEL = "gemini-0-no-such-model"


def _answers(reply: Reply) -> bool:
    return reply.status == 200 and bool(reply.payloads)


# ---- /ai/run


@probe(tokens=(10, 60))
def run_path(lab: Lab) -> Finding:
    """`/ai/run` answers a native body."""
    reply = lab.ask("run", SHORT, **_LIMIT)
    return finding(reply, _answers(reply), outcome(reply))


@probe(tokens=(10, 60))
def gateway_metadata(lab: Lab) -> Finding:
    """`gatewayMetadata` stands beside the answer."""
    reply = lab.ask("run", SHORT, **_LIMIT)
    text = reply.last.body.decode(errors="replace") if reply.last else ""
    holds = "gatewayMetadata" in text or "gateway_metadata" in text
    return finding(reply, holds, f"{outcome(reply)}; keys {_keys(reply)}")


@probe(tokens=(10, 60))
def v4_envelope(lab: Lab) -> Finding:
    """The answer stands under `result` of the v4 envelope."""
    reply = lab.ask("run", SHORT, **_LIMIT)
    values = reply.last.values if reply.last else []
    holds = any(isinstance(v, dict) and {"result", "success"} <= v.keys()
                for v in values)  # fmt: skip
    return finding(reply, holds, f"{outcome(reply)}; keys {_keys(reply)}")


def _keys(reply: Reply) -> list[str]:
    values = reply.last.values if reply.last else []
    return sorted({key for v in values if isinstance(v, dict) for key in v})


@probe(tokens=(10, 60))
def stream_on_run(lab: Lab) -> Finding:
    """`stream` beside `contents` has no effect: the answer comes in one piece."""
    reply = lab.ask("run", SHORT, stream=True, stream_on_run=True, **_LIMIT)
    kind = reply.last.headers.get("content-type", "none") if reply.last else "none"
    is_stream = "event-stream" in kind
    return finding(reply, not is_stream, f"{outcome(reply)}; content type {kind}")


@probe(tokens=(10, 60))
def vertex_behind_run(lab: Lab) -> Finding:
    """Marks of Vertex AI are in the answer."""
    reply = lab.ask("run", SHORT, **_LIMIT)
    marks = [mark for mark in ("trafficType", "createTime")
             if reply.last and mark.encode() in reply.last.body]  # fmt: skip
    return finding(reply, bool(marks), f"{outcome(reply)}; marks {marks}")


@probe(tokens=(10, 60))
def max_tokens_thoughts(lab: Lab) -> Finding:
    """A small `maxOutputTokens` is spent on thoughts."""
    reply = lab.ask("run", "How many primes are below 100?", max_tokens=40)
    usage = reply.usage
    thoughts, text = (
        usage.get("thoughtsTokenCount", 0),
        usage.get("candidatesTokenCount", 0),
    )
    seen = f"{outcome(reply)}; {thoughts} tokens of thoughts, {text} of text"
    return finding(reply, thoughts + text <= 48 and thoughts > 0, seen)


@probe(tokens=(10, 60))
def thoughts_apart(lab: Lab) -> Finding:
    """`candidatesTokenCount` leaves thoughts out."""
    reply = lab.ask("run", "How many primes are below 30?", **_LIMIT)
    usage = reply.usage
    names = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    told = [usage.get(name, 0) for name in names]
    holds = sum(told) == usage.get("totalTokenCount") and told[2] > 0
    return finding(reply, holds, f"{outcome(reply)}; usage {usage}")


# ---- errors


def _error(reply: Reply, holds: bool) -> Finding:
    """Judge a request that should fail: the client copes with a typed error."""
    error = reply.error
    typed = isinstance(error, CloudflareGeminiError)
    seen = f"{outcome(reply)} -> {type(error).__name__}"
    return Finding("proven" if holds else "disproved", seen, typed)


@probe(tokens=(10, 0))
def unknown_model_on_run(lab: Lab) -> Finding:
    """404 with code 7003."""
    reply = lab.ask("run", SHORT, model=_NO_MODEL)
    code = getattr(reply.error, "code", None)
    return _error(reply, reply.status == 404 and code == 7003)


@probe(tokens=(10, 0))
def unknown_model_on_gateway(lab: Lab) -> Finding:
    """404 in Google's form."""
    reply = lab.ask("gateway", SHORT, model=_NO_MODEL, google_model=_NO_MODEL)
    return _error(reply, reply.status == 404)


@probe(requests=0)
def bad_token(lab: Lab) -> Finding:
    """401 or 403 in the v4 form."""
    reply = lab.ask("run", SHORT, api_token="not-a-token-of-anybody")
    v4 = "errors" in _keys(reply)
    return _error(reply, reply.status in (400, 401, 403) and v4)


@probe(requests=0)
def unknown_gateway(lab: Lab) -> Finding:
    """400 or 404 with code 2001."""
    reply = lab.ask("gateway", SHORT, gateway="no-such-gateway-0000")
    code = getattr(reply.error, "code", None)
    return _error(reply, reply.status in (400, 404) and code == 2001)


@probe(tokens=(10, 0))
def bad_argument_on_run(lab: Lab) -> Finding:
    """Google's 400 comes through."""
    reply = lab.ask("run", SHORT, generation_config={"noSuchField": 1})
    return _error(reply, reply.status == 400)


# ---- the gateway


@probe(tokens=(10, 60))
def gateway_path(lab: Lab) -> Finding:
    """Google's path below the gateway answers."""
    reply = lab.ask("gateway", SHORT, **_LIMIT)
    return finding(reply, _answers(reply), outcome(reply))


@probe(tokens=(10, 60))
def unary_on_gateway(lab: Lab) -> Finding:
    """`:generateContent` answers whole."""
    reply = lab.ask("gateway", SHORT, **_LIMIT)
    whole = reply.last is not None and ":generateContent" in reply.last.url
    return finding(reply, whole and _answers(reply), outcome(reply))


@probe(tokens=(10, 60))
def gateway_authorization(lab: Lab) -> Finding:
    """The token in `cf-aig-authorization` is enough, without a key of Google's."""
    reply = lab.ask("gateway", SHORT, **_LIMIT)
    sent = reply.last.request_headers if reply.last else {}
    holds = _answers(reply) and "cf-aig-authorization" in sent
    if reply.status in (400, 401, 403):
        return Finding("disproved", outcome(reply), copes(reply))
    return finding(reply, holds, outcome(reply))


@probe(tokens=(10, 60))
def google_ids(lab: Lab) -> Finding:
    """The packaged table's id of the model is known there."""
    reply = lab.ask("gateway", SHORT, **_LIMIT)
    name = reply.last.url.rpartition("/")[2].partition(":")[0] if reply.last else ""
    return finding(reply, _answers(reply), f"{outcome(reply)}; asked for {name}")


@probe(tokens=(10, 60))
def stream_path(lab: Lab) -> Finding:
    """`:streamGenerateContent?alt=sse` streams."""
    reply = lab.ask("gateway", SHORT, stream=True, **_LIMIT)
    kind = reply.last.headers.get("content-type", "none") if reply.last else "none"
    holds = _answers(reply) and "event-stream" in kind
    return finding(reply, holds, f"{outcome(reply)}; content type {kind}")


@probe(tokens=(10, 60))
def event_frames(lab: Lab) -> Finding:
    """Events without `[DONE]`, the last with a finish reason."""
    reply = lab.ask("gateway", "Count from 1 to 20.", stream=True, **_LIMIT)
    text = reply.last.body.decode(errors="replace") if reply.last else ""
    ended = any("finishReason" in c for p in reply.payloads[-1:]
                for c in p.get("candidates", []))  # fmt: skip
    holds = _answers(reply) and "[DONE]" not in text and ended
    return finding(reply, holds, f"{outcome(reply)}; {len(reply.payloads)} events")


@probe(tokens=(10, 60))
def cumulative_usage(lab: Lab) -> Finding:
    """Counts of a stream only grow, and the last one's are the whole's."""
    reply = lab.ask("gateway", "Count from 1 to 20.", stream=True, **_LIMIT)
    counts = [p["usageMetadata"].get("totalTokenCount", 0) for p in reply.payloads
              if "usageMetadata" in p]  # fmt: skip
    holds = bool(counts) and counts[-1] > 0 and counts == sorted(counts)
    return finding(reply, holds, f"{outcome(reply)}; totals {counts}")


@probe(tokens=(60, 60))
def json_schema(lab: Lab) -> Finding:
    """`parametersJsonSchema` and `responseJsonSchema` are taken on the gateway."""
    reply = lab.ask("gateway", ASK_WEATHER, tools=[WEATHER], **FORCED, **_LIMIT)
    if reply.is_undecided:
        return undecided(reply)
    second = lab.ask("gateway", "Name a city.", response_schema=SCHEMA, **_LIMIT)
    holds = bool(calls_of(reply)) and second.status == 200
    found = finding(second, holds, f"{outcome(reply)}; {outcome(second)}")
    return Finding(found.verdict, found.seen, bool(found.copes and copes(reply)))


@probe(tokens=(10, 60))
def gateway_options(lab: Lab) -> Finding:
    """An event id that is sent comes back."""
    options = {"event_id": "verify-event", "metadata": {"verify": True}}
    reply = lab.ask("gateway", SHORT, gateway=_gateway(lab, options), **_LIMIT)
    back = reply.last.headers.get("cf-aig-event-id") if reply.last else None
    return finding(reply, back is not None, f"{outcome(reply)}; cf-aig-event-id {back}")


def _gateway(lab: Lab, options: dict[str, Any]) -> dict[str, Any]:
    """The lab's gateway with further options."""
    return {**lab.model().gateway.as_dict(), **options}


@probe(tokens=(10, 60))
def log_ids(lab: Lab) -> Finding:
    """`cf-aig-log-id` comes back on both endpoints."""
    replies = [lab.ask(endpoint, SHORT, **_LIMIT) for endpoint in ("run", "gateway")]
    heads = [reply.last.headers if reply.last else {} for reply in replies]
    had = ["cf-aig-log-id" in head for head in heads]
    worst = next((r for r in replies if r.is_undecided), replies[0])
    return finding(worst, all(had), f"on run {had[0]}, on the gateway {had[1]}")


def _cache(lab: Lab, endpoint: str) -> tuple[Reply, list[str]]:
    options = _gateway(lab, {"cache_ttl": 300, "cache_key": f"verify-{endpoint}"})
    replies = [lab.ask(endpoint, SHORT, gateway=options, **_LIMIT) for _ in range(2)]
    told = [(r.last.headers if r.last else {}).get("cf-aig-cache-status", "none")
            for r in replies]  # fmt: skip
    return replies[1], told


@probe(requests=2)
def cache_on_run(lab: Lab) -> Finding:
    """The second of two identical requests is a HIT."""
    reply, told = _cache(lab, "run")
    return finding(reply, told[1] == "HIT", f"cache status {told}")


@probe(requests=2)
def cache_on_gateway(lab: Lab) -> Finding:
    """The second of two identical requests is a HIT."""
    reply, told = _cache(lab, "gateway")
    return finding(reply, told[1] == "HIT", f"cache status {told}")


@probe(requests=2)
def cached_usage(lab: Lab) -> Finding:
    """A HIT carries the first response's counts."""
    reply, told = _cache(lab, "gateway")
    if told[1] != "HIT":
        return Finding("open", f"no HIT: cache status {told}", copes(reply))
    return finding(reply, bool(reply.usage), f"usage {reply.usage}")


@probe(tokens=(10, 60))
def feedback(lab: Lab) -> Finding:
    """Feedback on the response's log entry is accepted."""
    reply = lab.ask("gateway", SHORT, **_LIMIT)
    if reply.message is None:
        return undecided(reply)
    start = len(lab.recorder.exchanges)
    error = None
    try:
        lab.model().send_feedback(reply.message, feedback=1)
    except (CloudflareGeminiError, ValueError) as raised:
        error = raised
    sent = lab.recorder.exchanges[start:]
    second = Reply(message=None, error=error, exchanges=sent)
    if error is not None:
        return Finding("open", f"{outcome(second)} -> {error}"[:300], True)
    return Finding("proven", outcome(second), True)


@probe(requests=0)
def model_list(lab: Lab) -> Finding:
    """The account's list has Gemini models."""
    models = lab.model().list_models()
    own = [info.id for info in models if not info.packaged]
    listed = lab.recorder.exchanges[-1]
    seen = f"HTTP {listed.status}; {len(own)} Gemini models of the account's own list"
    return Finding("proven" if own else "disproved", seen, bool(models))


# ---- signatures


def _turn(lab: Lab, endpoint: str) -> Reply:
    return lab.ask(endpoint, ASK_WEATHER, tools=[WEATHER], **FORCED)


def _go_on(lab: Lab, endpoint: str, message: AIMessage) -> Reply:
    results = [ToolMessage("18 degrees", tool_call_id=call["id"])
               for call in message.tool_calls]  # fmt: skip
    history = [HumanMessage(ASK_WEATHER), message, *results]
    return lab.ask(endpoint, history, tools=[WEATHER])


def _signed(reply: Reply) -> AIMessage | None:
    has_call = reply.message is not None and bool(reply.message.tool_calls)
    signed = any(call["signature"] for call in calls_of(reply))
    return reply.message if has_call and signed else None


@probe(requests=2, tokens=(120, 120))
def signature_returned(lab: Lab) -> Finding:
    """A signature goes back to the endpoint that made it."""
    first = _turn(lab, "run")
    message = _signed(first)
    if message is None:
        return Finding("open", f"no signed call: {outcome(first)}", copes(first))
    reply = _go_on(lab, "run", message)
    return finding(reply, reply.status == 200, outcome(reply))


@probe(requests=2, tokens=(120, 120))
def signature_crosses(lab: Lab) -> Finding:
    """A signature of `/ai/run` is refused by the gateway's backend."""
    first = _turn(lab, "run")
    if _signed(first) is None or first.message is None:
        return Finding("open", f"no signed call: {outcome(first)}", copes(first))
    content = {"role": "model", "parts": first.parts}
    response = {
        "functionResponse": {"name": "get_weather", "response": {"output": "18"}}
    }
    body = {
        "contents": [
            {"role": "user", "parts": [{"text": ASK_WEATHER}]},
            content,
            {"role": "user", "parts": [response]},
        ],
        "tools": [{"functionDeclarations": [{"name": "get_weather"}]}],
    }
    crossing = lab.raw("gateway", body)
    if crossing.is_undecided:
        return undecided(crossing)
    through_client = _go_on(lab, "gateway", first.message)
    verdict = finding(crossing, crossing.status == 400, outcome(crossing)).verdict
    seen = f"as it is: {outcome(crossing)}; by the client: {outcome(through_client)}"
    signatures = [call["signature"].encode() for call in calls_of(first)
                  if call["signature"]]  # fmt: skip
    sent = through_client.last.request_body if through_client.last else b""
    harmless = verdict == "disproved" or not any(s in sent for s in signatures)
    return Finding(verdict, seen, harmless and copes(through_client))


@probe(tokens=(120, 120))
def dummy_signature(lab: Lab) -> Finding:
    """A call of another model's history passes with Google's dummy."""
    call = {"name": "get_weather", "args": {"city": "Lima"}, "id": "other-model-1"}
    message = AIMessage("", tool_calls=[{**call, "type": "tool_call"}])
    reply = _go_on(lab, "run", message)
    return finding(reply, reply.status == 200, outcome(reply))
