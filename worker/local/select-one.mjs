// A Worker that runs `select 1` on a local D1 database: the least that a request with a query takes on this machine. At the
// path `/ok` it answers without a query: the least that any request takes.
//
//   select-one.mjs --data DIR
//
// Takes a free port on 127.0.0.1, prints the line `ready http://127.0.0.1:PORT`, and stops when standard input ends.

import path from "node:path";
import { parseArgs } from "node:util";

import { startRuntime } from "./miniflare.mjs";

const SCRIPT = `
export default {
  async fetch(request, env) {
    if (request.url.endsWith("/ok")) return new Response("ok");
    const row = await env.DB.prepare("select 1 as one").first();
    return new Response(JSON.stringify(row), { headers: { "content-type": "application/json" } });
  },
};`;

async function main() {
  const { values } = parseArgs({ options: { data: { type: "string" } } });
  if (!values.data) throw new Error("--data DIR is missing");
  const runtime = await startRuntime(path.resolve(values.data), { port: 0, modules: true, script: SCRIPT });
  process.stdin.on("end", () => void runtime.dispose().then(() => process.exit(0))).resume();
  process.stdout.write(`ready http://127.0.0.1:${(await runtime.ready).port}\n`);
}

main().catch((error) => {
  process.stderr.write(`select-one: ${error.message}\n`);
  process.exit(1);
});
