// Exports a D1 database into a file or restores it from a file: the local database of serve.mjs, or one at Cloudflare.
//
//   backup.mjs export|restore FILE (--data DIR | --database ID)
//
// --data      the data folder of serve.mjs, which must not be running
// --database  the id of a database at Cloudflare; remote-d1.mjs says which variables name the account and the token
//
// The command never overwrites a file. It restores only into an empty database, or continues an interrupted restore of
// the same file. Exit code: 0 done, 1 failed, 2 wrong usage.

import { link, mkdir, open, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { startRuntime } from "./miniflare.mjs";
import { exportRecords } from "./records.mjs";
import { remoteDatabase } from "./remote-d1.mjs";
import { restoreRecords } from "./restore.mjs";

const PAST_TENSE = { export: "exported", restore: "restored" };
const MIGRATIONS = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../migrations");

async function main() {
  const { verb, file, data, database } = readOptions();
  if (verb === "export" && existsSync(file)) throw new Error(`${file} exists already; nothing was changed: choose another file name`);
  const counts = await withDatabase({ data, database, create: verb === "restore" }, (database) =>
    verb === "export" ? exportTo(database, file) : restoreRecords(database, file, MIGRATIONS, say),
  );
  const records = Object.values(counts).reduce((sum, n) => sum + n, 0);
  say(`${PAST_TENSE[verb]} ${records} records of ${Object.keys(counts).length} tables`);
}

function say(message) {
  process.stderr.write(`backup: ${message}\n`);
}

function readOptions() {
  const options = { data: { type: "string" }, database: { type: "string" } };
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const [verb, file] = positionals;
    if (positionals.length !== 2 || !(verb in PAST_TENSE)) throw new Error("expected two arguments: export or restore, and a file");
    if (!values.data === !values.database) throw new Error("expected either --data DIR or --database ID");
    return { verb, file: path.resolve(file), ...values };
  } catch (error) {
    say(error.message);
    process.exit(2);
  }
}

async function withDatabase({ data, database, create }, work) {
  if (database) return work(remoteDatabase(database));
  if (!create && !existsSync(path.join(data, "d1"))) throw new Error(`there is no database in ${data}: check --data`);
  await mkdir(data, { recursive: true, mode: 0o700 });
  const idle = "export default { fetch: () => new Response() }";
  const runtime = await startRuntime(path.resolve(data), { port: 0, modules: true, script: idle });
  try {
    return await work(await runtime.getD1Database("DB"));
  } catch (error) {
    // Miniflare reports a database that another process has locked only as "internal error", followed by a stack trace.
    if (!/internal error/.test(error.message)) throw error;
    const reason = error.message.split("\n")[0];
    throw new Error(`${reason}; the local Worker may be running: stop it and repeat the command`, { cause: error });
  } finally {
    await runtime.dispose();
  }
}

/** Writes a temporary file in the same folder and then gives it its name, so that `file` is always complete. */
async function exportTo(database, file) {
  const part = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid}`);
  const handle = await open(part, "wx", 0o600);
  try {
    const { counts, writes } = await exportRecords(database, (line) => handle.appendFile(`${line}\n`));
    await handle.sync();
    await link(part, file);
    if (writes > 0) say(`${writes} requests wrote during the export; the file may contain only a part of their changes`);
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
