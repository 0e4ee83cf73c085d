// Cloudflare's HTTP API of one D1 database, in front of a local one: what the tests ask instead of Cloudflare.
//
//   cloudflare-stub.mjs --data DIR [--stall N]
//
// --stall  leaves every request after the first N without an answer, and says so by the line `stalled`
//
// Takes any account and database, and the token in CLOUDFLARE_API_TOKEN. Parameters must be texts, as the API
// says. Prints the line `ready URL` on standard output, and ends with its standard input.

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
  const asked = body.batch ?? [body];
  if (asked.some(({ params = [] }) => params.some((param) => typeof param !== "string"))) return refuse(400, "params must be strings");
  return database.batch(asked.map(({ sql, params = [] }) => database.prepare(sql).bind(...params)));
}

function send(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

main().catch((error) => {
  process.stderr.write(`the stub can't serve: ${error.message}\n`);
  process.exit(1);
});
