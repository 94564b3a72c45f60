// @ai-sdk/google on the emulator: text, a stream, a tool loop.
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";

const [url, apiKey] = process.argv.slice(2);
const google = createGoogleGenerativeAI({ apiKey, baseURL: `${url}/v1beta` });
const model = google("gemini-3-flash-preview");
const script = (answers) =>
  fetch(`${url}/_emulator/script`, { method: "POST", body: JSON.stringify({ answers }) });

await script([
  { answer: "Hello from a script.", text: "Hi" },
  { answer: "one two three", text: "stream" },
  { answer: { call: "get_weather", args: { city: "Lima" } }, text: "Lima", turn: 0 },
  { answer: "18 °C in Lima.", result: "18" },
]);
const hi = (await generateText({ model, prompt: "Hi" })).text;
let streamed = "";
for await (const text of streamText({ model, prompt: "stream" }).textStream) streamed += text;
const inputSchema = jsonSchema({ type: "object", properties: { city: { type: "string" } }, required: ["city"] });
const get_weather = tool({ description: "Get the weather.", inputSchema, execute: async () => "18" });
const told = (
  await generateText({ model, prompt: "Weather in Lima?", tools: { get_weather }, stopWhen: stepCountIs(3) })
).text;
console.log(JSON.stringify({ hi, streamed, told }));
