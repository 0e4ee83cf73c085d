// Exports a D1 database into a file, and restores one from it: the local one of serve.mjs, or one at Cloudflare.
//
//   backup.mjs export|restore FILE (--data DIR | --database ID)
//
// --data      the folder of serve.mjs, which must not be running
// --database  the id of a database at Cloudflare; see remote-d1.mjs for whose
//
// Nothing is written over, and a database is restored only when it is empty or a restore of the same file broke off
// in it. Exits with 0 when done, with 1 when not, with 2 on wrong usage.

import { link, mkdir, open, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { startRuntime } from "./miniflare.mjs";
import { exportRecords } from "./records.mjs";
import { remoteDatabase } from "./remote-d1.mjs";
import { restoreRecords } from "./restore.mjs";

const DONE = { export: "exported", restore: "restored" };
const MIGRATIONS = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../migrations");

async function main() {
  const { verb, file, data, database } = readOptions();
  if (verb === "export" && existsSync(file)) throw new Error(`${file} is there already; nothing was changed`);
  const counts = await withDatabase({ data, database, create: verb === "restore" }, (database) =>
    verb === "export" ? exportTo(database, file) : restoreRecords(database, file, MIGRATIONS, say),
  );
  const records = Object.values(counts).reduce((sum, n) => sum + n, 0);
  say(`${records} records of ${Object.keys(counts).length} tables ${DONE[verb]}`);
}

function say(words) {
  process.stderr.write(`backup: ${words}\n`);
}

function readOptions() {
  const options = { data: { type: "string" }, database: { type: "string" } };
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const [verb, file] = positionals;
    if (positionals.length !== 2 || !(verb in DONE)) throw new Error("say export or restore, and a file");
    if (!values.data === !values.database) throw new Error("say --data DIR or --database ID");
    return { verb, file: path.resolve(file), ...values };
  } catch (error) {
    say(error.message);
    process.exit(2);
  }
}

async function withDatabase({ data, database, create }, work) {
  if (database) return work(remoteDatabase(database));
  if (!create && !existsSync(path.join(data, "d1"))) throw new Error(`there is no database in ${data}`);
  await mkdir(data, { recursive: true, mode: 0o700 });
  const idle = "export default { fetch: () => new Response() }";
  const runtime = await startRuntime(path.resolve(data), { port: 0, modules: true, script: idle });
  try {
    return await work(await runtime.getD1Database("DB"));
  } catch (error) {
    // All that is heard of a database that another process has locked; the lines below are Miniflare's own.
    if (!/internal error/.test(error.message)) throw error;
    throw new Error(`${error.message.split("\n")[0]}; does the local Worker run? It must not meanwhile`, { cause: error });
  } finally {
    await runtime.dispose();
  }
}

/** Writes beside the file first: what has its name is whole. */
async function exportTo(database, file) {
  const part = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}`);
  const handle = await open(part, "wx", 0o600);
  try {
    const { counts, writes } = await exportRecords(database, (line) => handle.appendFile(`${line}\n`));
    await handle.sync();
    await link(part, file);
    if (writes > 0) say(`${writes} requests wrote meanwhile; what they changed may be there in part`);
    return counts;
  } finally {
    await handle.close();
    await rm(part, { force: true });
  }
}

main().catch((error) => {
  say(error.message);
  process.exit(1);
});
