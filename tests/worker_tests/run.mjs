// Run in_worker.py on Pyodide, and print what each of its tests came to as JSON.
//
// usage: node run.mjs SITE PACKAGE SHIMS TESTS EXAMPLE EMULATOR (JSON) [ONLY]
import crypto from "node:crypto";
import { loadPyodide } from "pyodide";
import { Ai, Headless, Swapped, counts } from "./ai.mjs";

const [site, packaged, shims, tests, example, emulator, only] = process.argv.slice(2);

// Pyodide is one line of a million characters, which node would show.
process.on("uncaughtException", (error) => {
  const told = String(error?.stack ?? error).split("\n").filter((line) => line.length < 500);
  console.error(told.join("\n"));
  process.exit(1);
});

// How often random numbers are drawn: Workers refuse that while they import.
let drawn = 0;
const draw = crypto.randomFillSync;
crypto.randomFillSync = (...given) => {
  drawn += 1;
  return draw(...given);
};

// Timers that have not come to their end.
const timers = new Set();
const { setTimeout: set, clearTimeout: clear } = globalThis;
globalThis.setTimeout = (done, delay, ...given) => {
  const timer = set(() => {
    timers.delete(timer);
    done(...given);
  }, delay);
  timers.add(timer);
  return timer;
};
globalThis.clearTimeout = (timer) => {
  timers.delete(timer);
  clear(timer);
};

const told = JSON.parse(emulator);
const env = { AI: new Ai(told), HEADLESS: new Headless(told), SWAPPED: new Swapped(told) };
const begun = performance.now();
const python = await loadPyodide({
  jsglobals: globalThis,
  env: { HOME: "/", LANGSMITH_TRACING: "false" },
});
const megabytes = () => Math.round(python._module.HEAP8.length / 1e5) / 10;
const facts = { python: python.version, before_mb: megabytes() };
for (const [name, folder] of Object.entries({ site, packaged, shims, tests, example })) {
  python.FS.mkdirTree(`/${name}`);
  python.mountNodeFS(`/${name}`, folder);
}
const left = {
  drawn: () => drawn,
  timers: () => timers.size,
  proxies: () => python._module._hiwire_num_refs(),
  open: () => counts.open,
  forget: () => (counts.open = 0),
  aborted: () => counts.aborted,
  calls: () => counts.calls.splice(0),
};
// What the Workers SDK wants of the runtime.
python.registerJsModule("_pyodide_entrypoint_helper", {
  patchWaitUntil: () => undefined,
  cloudflareWorkersModule: { env },
});
python.registerJsModule("_cloudflare_compat_flags", {});
python.registerJsModule("worker_side", { env, emulator: told, left, megabytes });
facts.start_ms = Math.round(performance.now() - begun);
try {
  const outcome = await python.runPythonAsync(`
import sys
sys.path[:0] = ["/shims", "/packaged", "/site", "/tests", "/example"]
import in_worker
await in_worker.main(${JSON.stringify(only ?? "")})
`);
  console.log(JSON.stringify({ ...facts, ...JSON.parse(outcome) }));
} catch (error) {
  console.error(String(error.message ?? error).slice(-4000));
  process.exitCode = 1;
}
process.exit();
