// A Worker that runs `select 1` on a local D1 database: the least that a request with a query takes on this machine. At the
// path `/ok` it answers without a query: the least that any request takes. At the path `/write` it runs a batch that counts a
// request and writes the time into a row, as a heartbeat does: the least that a heartbeat takes.
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
    if (request.url.endsWith("/write")) {
      const at = new Date().toISOString();
      const rows = await env.DB.batch([
        env.DB.prepare("insert into rates values (?, ?, 1) on conflict do update set used = used + 1 returning used")
          .bind("actor", at.slice(0, 16)),
        env.DB.prepare("update beats set at = ?2 where id = ?1 returning json_object('id', id, 'at', at) as body")
          .bind("session", at),
      ]);
      return new Response(rows[1].results[0].body, { headers: { "content-type": "application/json" } });
    }
    const row = await env.DB.prepare("select 1 as one").first();
    return new Response(JSON.stringify(row), { headers: { "content-type": "application/json" } });
  },
};`;

async function main() {
  const { values } = parseArgs({ options: { data: { type: "string" } } });
  if (!values.data) throw new Error("--data DIR is missing");
  const runtime = await startRuntime(path.resolve(values.data), { port: 0, modules: true, script: SCRIPT });
  const database = await runtime.getD1Database("DB");
  await database.exec("create table rates (actor text, minute text, used integer, primary key (actor, minute)) strict");
  await database.exec("create table beats (id text primary key, at text not null) strict");
  await database.exec("insert into beats values ('session', '')");
  process.stdin.on("end", () => void runtime.dispose().then(() => process.exit(0))).resume();
  process.stdout.write(`ready http://127.0.0.1:${(await runtime.ready).port}\n`);
}

main().catch((error) => {
  process.stderr.write(`select-one: ${error.message}\n`);
  process.exit(1);
});
