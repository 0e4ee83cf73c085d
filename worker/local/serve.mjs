// Runs the built Worker on workerd with a local D1 database, for development and for tests.
//
//   serve.mjs --data DIR [--port N] [--control FILE] [--exit-with-stdin] [--panicking] [--counting]
//            [--workers-ai] [--probing]
//
// --data             the folder of the database
// --port             the port on 127.0.0.1 (default: 8787); 0 takes a free port
// --control          opens the control port for the tests and writes its number to FILE
// --exit-with-stdin  stops when standard input ends, and therefore when the parent process ends
// --panicking        lets requests make the Worker panic, see panicking.mjs
// --counting         adds the number of rows to each response, see counting.mjs
// --workers-ai       adds a binding of Workers AI, see workers-ai.mjs
// --probing          lets requests look into the hub of the sockets, see probing.mjs
//
// The Worker gets its settings from the environment. Prints the line `ready http://127.0.0.1:PORT` on standard output
// when it accepts requests; the Worker's log goes to standard error. Exit code: 0 stopped by a signal, 1 can't start.

import { mkdir, readFile } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { openControl } from "./control.mjs";
import { applyMigrations } from "./migrations.mjs";
import { startRuntime } from "./miniflare.mjs";
import { restoreOf } from "./tables.mjs";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const ROOT = path.resolve(HERE, "../..");
const WORKER = path.join(ROOT, "worker");
const SETTINGS = [
  "CONTEXT_API_KEY", "CONTEXT_API_KEY_PREVIOUS", "ADMIN_API_KEY", "ADMIN_API_KEY_PREVIOUS", "RATE_LIMIT_PER_MINUTE",
  "AUTO_APPROVE_MACHINES", "GITHUB_WEBHOOK_SECRET", "GITHUB_WEBHOOK_SECRET_PREVIOUS", "GITHUB_APP_ID",
  "GITHUB_APP_PRIVATE_KEY", "GITHUB_TOKEN", "GITHUB_API_URL", "GITHUB_CLASSIFIER_RULES", "CLASSIFIER_MODEL",
  "CLASSIFIER_MODEL_FORM", "CLASSIFIER_MODEL_URL", "CLASSIFIER_MODEL_KEY",
];

async function main() {
  const options = readOptions();
  await requirePort(options.port);
  const runtime = await startWorker(options);
  stopOnSignal(runtime, options);
  const url = await runtime.ready;
  const database = await runtime.getD1Database("DB");
  if (await restoreOf(database)) throw new Error("a restore into this database was interrupted: repeat that restore first");
  await applyMigrations(database, path.join(ROOT, "migrations"));
  await requireHealth(runtime, url);
  if (options.control) await openControl(runtime, options.control);
  process.stdout.write(`ready http://127.0.0.1:${url.port}\n`);
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      data: { type: "string" },
      port: { type: "string", default: "8787" },
      control: { type: "string" },
      "exit-with-stdin": { type: "boolean", default: false },
      panicking: { type: "boolean", default: false },
      counting: { type: "boolean", default: false },
      "workers-ai": { type: "boolean", default: false },
      probing: { type: "boolean", default: false },
    },
  });
  const port = Number(values.port);
  if (!values.data) throw new Error("--data DIR is missing");
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new Error("--port must be a number from 0 to 65535");
  return {
    data: path.resolve(values.data), port, control: values.control, exitWithStdin: values["exit-with-stdin"],
    panicking: values.panicking, counting: values.counting, workersAi: values["workers-ai"], probing: values.probing,
  };
}

/** Checks that the port is free, because workerd's own error does not name the port. */
async function requirePort(port) {
  await new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once("error", (error) => {
      reject(new Error(`can't open port ${port} on 127.0.0.1 (${error.code}): choose another port with --port`));
    });
    probe.listen(port, "127.0.0.1", () => probe.close(resolve));
  });
}

async function startWorker({ data, port, panicking, counting, workersAi, probing }) {
  await mkdir(data, { recursive: true, mode: 0o700 });
  return startRuntime(data, {
    port,
    compatibilityDate: await compatibilityDate(),
    modulesRoot: WORKER,
    modules: [
      ...(panicking ? [module("ESModule", "local/panicking.mjs")] : []),
      ...(counting ? [module("ESModule", "local/counting.mjs")] : []),
      ...(workersAi ? [module("ESModule", "local/workers-ai.mjs")] : []),
      ...(probing ? [module("ESModule", "local/probing.mjs")] : []),
      ...(counting || probing ? [module("ESModule", "local/counted-database.mjs")] : []),
      module("ESModule", "entry.mjs"),
      module("ESModule", "bridge.mjs"),
      module("ESModule", "hub.mjs"),
      module("ESModule", "outbound.mjs"),
      module("ESModule", "build/index.js"),
      module("CompiledWasm", "build/index_bg.wasm"),
    ],
    durableObjects: { HUB: { className: "Hub", useSQLite: true } },
    durableObjectsPersist: path.join(data, "hub"),
    // The tests fire the Cron Trigger over HTTP.
    unsafeTriggerHandlers: panicking,
    bindings: Object.fromEntries(SETTINGS.filter((name) => process.env[name]).map((name) => [name, process.env[name]])),
  });
}

function module(type, file) {
  return { type, path: path.join(WORKER, file) };
}

/** The compatibility date of the deployed Worker. */
async function compatibilityDate() {
  const wrangler = await readFile(path.join(ROOT, "wrangler.toml"), "utf8");
  const date = /^compatibility_date = "([0-9-]+)"$/m.exec(wrangler)?.[1];
  if (!date) throw new Error("wrangler.toml has no compatibility_date");
  return date;
}

async function requireHealth(runtime, url) {
  const response = await runtime.dispatchFetch(new URL("/health", url));
  if (!response.ok) throw new Error(`the Worker is not healthy: ${response.status} ${await response.text()}`);
}

function stopOnSignal(runtime, { exitWithStdin }) {
  let stopping = false;
  const stop = async () => {
    if (stopping) process.exit(1);
    stopping = true;
    await runtime.dispose();
    process.exit(0);
  };
  // Replace Miniflare's listeners, because they exit at once and do not wait for workerd.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.removeAllListeners(signal).on(signal, stop);
  if (exitWithStdin) {
    process.stdin.on("end", stop).on("error", stop);
    process.stdin.resume();
  }
}

main().catch((error) => {
  process.stderr.write(`the Worker can't start: ${error.message}\n`);
  process.exit(1);
});
