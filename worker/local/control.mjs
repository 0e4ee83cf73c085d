// A control port for the tests: runs SQL on the Worker's database and fires its Cron Trigger. The Worker itself must
// not offer this. The port is on loopback only, and serve.mjs opens it only with --control.

import { rename, writeFile } from "node:fs/promises";
import http from "node:http";

/** Serves `runtime` on a free port of 127.0.0.1 and writes the port to `portFile`. */
export async function openControl(runtime, portFile) {
  const server = http.createServer((request, response) => {
    answer(runtime, request).then(
      (body) => send(response, 200, body),
      (error) => send(response, 400, { error: error.message }),
    );
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  await writeFile(`${portFile}.new`, `${server.address().port}\n`);
  await rename(`${portFile}.new`, portFile);
  return server;
}

async function answer(runtime, request) {
  switch (`${request.method} ${request.url}`) {
    case "POST /sql":
      return runSql(runtime, await readJson(request));
    case "POST /scheduled":
      return (await runtime.getWorker()).scheduled();
    default:
      throw new Error(`unknown request ${request.method} ${request.url}: use POST /sql {sql, params} or POST /scheduled`);
  }
}

async function runSql(runtime, { sql, params = [] }) {
  const database = await runtime.getD1Database("DB");
  const { results, meta } = await database.prepare(sql).bind(...params).all();
  return { rows: results, changes: meta.changes };
}

async function readJson(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

function send(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
