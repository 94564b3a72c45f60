// @google/genai on the emulator: text, a stream, a tool loop, an error.
import { GoogleGenAI } from "@google/genai";

const [url, apiKey] = process.argv.slice(2);
const client = new GoogleGenAI({ apiKey, httpOptions: { baseUrl: url } });
const model = "gemini-3-flash-preview";
const script = (answers) =>
  fetch(`${url}/_emulator/script`, { method: "POST", body: JSON.stringify({ answers }) });

await script([
  { answer: "Hello from a script.", text: "Hi" },
  { answer: { call: "get_weather", args: { city: "Lima" } }, text: "Lima", turn: 0 },
  { answer: "18 °C in Lima.", result: "18" },
  { answer: { fault: "status code=404" }, text: "gone" },
]);
const hi = await client.models.generateContent({ model, contents: "Hi" });
let streamed = "";
await script([{ answer: "one two three", text: "stream" }]);
for await (const chunk of await client.models.generateContentStream({ model, contents: "stream" })) {
  streamed += chunk.text ?? "";
}
const parameters = { type: "OBJECT", properties: { city: { type: "STRING" } }, required: ["city"] };
const config = { tools: [{ functionDeclarations: [{ name: "get_weather", parameters }] }] };
const question = { role: "user", parts: [{ text: "Weather in Lima?" }] };
const called = await client.models.generateContent({ model, contents: [question], config });
const result = { functionResponse: { name: "get_weather", response: { result: "18" } } };
const told = await client.models.generateContent({
  model,
  contents: [question, called.candidates[0].content, { role: "user", parts: [result] }],
  config,
});
let refused = 0;
try {
  await client.models.generateContent({ model, contents: "gone" });
} catch (error) {
  refused = error.status;
}
console.log(JSON.stringify({ hi: hi.text, streamed, args: called.functionCalls[0].args, told: told.text, refused }));
