// A Worker's `env.AI` as workerd documents and shows it, with the emulator for Cloudflare.
//
// - Options are kept on the binding, and read again after the answer is there.
// - JSON is read only if its type is exactly `application/json`.
// - Errors are thrown as Error with a name, and "code: text" for a message.
// - `gateway(id)` keeps nothing; `getLog` and `patchLog` throw by the status.
//
// What it lets through is counted, so that tests see what is left behind.

export const counts = { open: 0, aborted: 0, calls: [] };

// An answer whose end is counted: it is read, cancelled, broken or aborted.
function counted(response, signal) {
  if (response.body === null) {
    counts.open -= 1;
    return response;
  }
  const reader = response.body.getReader();
  let isOpen = true;
  const ended = () => {
    if (isOpen) counts.open -= 1;
    isOpen = false;
  };
  signal?.addEventListener("abort", ended);
  const body = new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        ended();
        controller.close();
      } catch (error) {
        ended();
        controller.error(error);
      }
    },
    cancel(reason) {
      ended();
      return reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
  const { status, headers } = response;
  return new Response(body, { status, headers });
}

async function fetched(url, init) {
  counts.open += 1;
  let response = null;
  try {
    response = await fetch(url, init);
  } catch (error) {
    if (init.signal?.aborted) counts.aborted += 1;
    throw error;
  } finally {
    if (response === null) counts.open -= 1;
  }
  return counted(response, init.signal);
}

const headerOfOption = {
  id: "gateway-id", skipCache: "skip-cache", cacheTtl: "cache-ttl", cacheKey: "cache-key",
  metadata: "metadata", collectLog: "collect-log", eventId: "event-id",
  requestTimeoutMs: "request-timeout", maxAttempts: "max-attempts",
  retryDelayMs: "retry-delay", backoff: "backoff",
};

// In ASCII, as a header has to be.
const json = (value) =>
  JSON.stringify(value).replace(/[^\0-~]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });

function headersOfGateway({ retries, ...options } = {}) {
  const headers = {};
  for (const [name, value] of Object.entries({ ...options, ...retries })) {
    const text = typeof value === "object" ? json(value) : String(value);
    headers[`cf-aig-${headerOfOption[name]}`] = text;
  }
  return headers;
}

function named(name, message) {
  const error = new Error(message);
  error.name = name;
  return error;
}

export class Ai {
  #emulator;
  #options = {};
  lastRequestId = null;
  aiGatewayLogId = null;

  constructor(emulator) {
    this.#emulator = emulator;
  }

  async run(model, inputs, options = {}) {
    counts.calls.push("run");
    this.#options = options;
    const { accountId, apiToken, baseUrl } = this.#emulator;
    const response = await fetched(`${baseUrl}/accounts/${accountId}/ai/run`, {
      method: "POST",
      headers: {
        ...options.extraHeaders,
        ...headersOfGateway(options.gateway),
        authorization: `Bearer ${apiToken}`,
        "content-type": "application/json",
      },
      body: JSON.stringify({ model, input: inputs }),
      signal: options.signal,
    });
    this.aiGatewayLogId = response.headers.get("cf-aig-log-id");
    if (this.#options.returnRawResponse) return response;
    if (!response.ok) throw await this.#error(response);
    const isJson = response.headers.get("content-type") === "application/json";
    return isJson ? response.json() : response.body;
  }

  async #error(response) {
    const content = await response.text();
    try {
      const { errors } = JSON.parse(content);
      const said = `${errors[0].code}: ${errors[0].message}`;
      return named("InferenceUpstreamError", said);
    } catch {
      return named("InferenceUpstreamError", content);
    }
  }

  gateway(id) {
    return new AiGateway(this.#emulator, id);
  }
}

class AiGateway {
  #emulator;
  #id;

  constructor(emulator, id) {
    this.#emulator = emulator;
    this.#id = id;
  }

  run(entry, options = {}) {
    counts.calls.push("gateway.run");
    const { accountId, apiToken, gatewayBaseUrl } = this.#emulator;
    const { provider, endpoint, headers, query } = entry;
    const url = `${gatewayBaseUrl}/${accountId}/${this.#id}/${provider}/${endpoint}`;
    return fetched(url, {
      method: "POST",
      headers: {
        "cf-aig-authorization": `Bearer ${apiToken}`,
        ...headersOfGateway(options.gateway),
        ...options.extraHeaders,
        ...headers,
      },
      body: JSON.stringify(query),
      signal: options.signal,
    });
  }

  async getLog(logId) {
    const { result } = await this.#log("GET", logId);
    return { ...result, created_at: new Date(result.created_at) };
  }

  async patchLog(logId, data) {
    await this.#log("PATCH", logId, JSON.stringify(data));
  }

  async #log(method, logId, body) {
    counts.calls.push(method);
    const { accountId, apiToken, baseUrl } = this.#emulator;
    const path = `ai-gateway/gateways/${this.#id}/logs/${logId}`;
    const response = await fetched(`${baseUrl}/accounts/${accountId}/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${apiToken}`,
        "content-type": "application/json",
      },
      body,
    });
    const told = await response.json();
    if (response.ok) return told;
    const isLost = response.status === 404;
    const name = isLost ? "AiGatewayLogNotFound" : "AiGatewayInternalError";
    throw named(name, told.errors[0]?.message ?? "Internal Error");
  }
}

// What calls give whose options another call has replaced while they waited: the JSON or
// an error, and the body alone where the type is not exactly that of JSON.
export class Swapped extends Ai {
  async run(model, inputs, options) {
    const { returnRawResponse, ...others } = options;
    return super.run(model, inputs, others);
  }
}

export class Headless extends Ai {
  async run(model, inputs, options) {
    return (await super.run(model, inputs, options)).body;
  }
}
