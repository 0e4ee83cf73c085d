// A stub of Cloudflare's HTTP API for D1 in front of a local database. The tests use it instead of Cloudflare.
//
//   cloudflare-stub.mjs --data DIR [--stall N]
//
// --stall  answers only the first N requests, and prints the line `stalled` for each later request
//
// Accepts any account and any database id, but only the token in CLOUDFLARE_API_TOKEN. Like the API, it accepts only
// strings as parameters. Prints the line `ready URL` on standard output and exits when its standard input ends.

import http from "node:http";
import { parseArgs } from "node:util";

import { startRuntime } from "./miniflare.mjs";

const PATH = /^\/accounts\/[^/]+\/d1\/database\/[^/]+\/query$/;

async function main() {
  const { values } = parseArgs({ options: { data: { type: "string" }, stall: { type: "string" } } });
  let left = values.stall ? Number(values.stall) : Infinity;
  const idle = "export default { fetch: () => new Response() }";
  const runtime = await startRuntime(values.data, { port: 0, modules: true, script: idle });
  const database = await runtime.getD1Database("DB");
  const server = http.createServer((request, response) => {
    if (left === 0) return process.stdout.write("stalled\n");
    left -= 1;
    answer(database, request).then(
      (result) => send(response, 200, { success: true, errors: [], messages: [], result }),
      ({ status = 400, message }) => send(response, status, { success: false, errors: [{ code: 7500, message }], result: null }),
    );
  });
  server.listen(0, "127.0.0.1", () => process.stdout.write(`ready http://127.0.0.1:${server.address().port}\n`));
  process.stdin.resume().on("end", async () => {
    await runtime.dispose();
    process.exit(0);
  });
}

async function answer(database, request) {
  const refuse = (status, message) => Promise.reject(Object.assign(new Error(message), { status }));
  if (request.headers.authorization !== `Bearer ${process.env.CLOUDFLARE_API_TOKEN}`) return refuse(401, "Authentication error");
  if (request.method !== "POST" || !PATH.test(request.url)) return refuse(404, "No route for that URI");
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  const queries = body.batch ?? [body];
  if (queries.some(({ params = [] }) => params.some((param) => typeof param !== "string"))) return refuse(400, "params must be strings");
  return database.batch(queries.map(({ sql, params = [] }) => database.prepare(sql).bind(...params)));
}

function send(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

main().catch((error) => {
  process.stderr.write(`the stub of Cloudflare's API failed: ${error.message}\n`);
  process.exit(1);
});
