// Exports every record of a D1 database as lines of JSON.
//
// The first line names the migrations. The last line has the counts and the SHA-256 of the lines between, so that a
// restore can refuse a truncated or changed file.
// Virtual tables are not exported. The full text index therefore never has to be dropped; a restore builds it again.

import { createHash } from "node:crypto";

import { first, migrationsOf, restoreOf, tablesOf } from "./tables.mjs";

/** The format of the lines, named in the first line. */
export const FORMAT = "deckwatch-records-1";
/** The target size of a page of rows and of a batch of inserts, in bytes. */
export const PAGE_BYTES = 2_000_000;
/** The largest number of rows in a page or a batch. */
export const MAX_ROWS = 200;

/**
 * Writes the records of `database` with `write(line)`. Returns the number of records of each table, and the number of
 * requests that wrote during the export.
 *
 * A table is read before the tables that it refers to, so that each referenced row is exported even if it was written
 * during the export. Where tables refer to each other in a cycle, a row that was missed is read by its key.
 */
export async function exportRecords(database, write) {
  if (await restoreOf(database)) throw new Error("a restore into this database was interrupted: repeat that restore before you export");
  const migrations = await migrationsOf(database);
  if (migrations.length === 0) throw new Error("this is not a database of Deckwatch: it has no migrations");
  const since = (await first(database, "select strftime('%Y-%m-%dT%H:%M:%fZ') as now")).now;
  await write(JSON.stringify({ format: FORMAT, taken_at: since, migrations }));
  const tables = await tablesOf(database);
  const file = new Written(tables, write);
  for (const table of tables.toReversed()) await exportTable(database, table, file);
  await write(JSON.stringify({ end: file.counts, sha256: file.hash.digest("hex") }));
  const written = "select count(*) as n from idempotency_keys where created_at >= ?1";
  return { counts: file.counts, writes: (await first(database, written, since)).n };
}

async function exportTable(database, table, file) {
  const keys = table.key.join(", ");
  let [last, limit] = [undefined, 10];
  for (;;) {
    const where = last ? `where (${keys}) > (${placeholders(table.key)})` : "";
    const sql = `select ${table.columns.join(", ")} from ${table.name} ${where} order by ${keys} limit ${limit}`;
    const page = (await database.prepare(sql).bind(...(last ?? [])).all()).results;
    // A row may refer to a row that was written after its table had been read.
    for (const row of page) await addMissed(database, table, row, file);
    let bytes = 1;
    for (const row of page) bytes += await file.add(table.name, row);
    if (page.length < limit) return;
    last = table.key.map((column) => String(page.at(-1)[column]));
    limit = Math.max(1, Math.min(MAX_ROWS, Math.floor((limit * PAGE_BYTES) / bytes)));
  }
}

async function addMissed(database, { name, deferred }, row, file) {
  for (const { table, from, to } of deferred.filter((reference) => reference.table !== name)) {
    const values = from.map((column) => row[column]);
    if (values.includes(null) || file.has({ table, to }, values)) continue;
    const sql = `select * from (${file.selects.get(table)}) where (${to.join(", ")}) = (${placeholders(to)})`;
    const missed = await first(database, sql, ...values.map(String));
    if (missed) await file.add(table, missed);
    else for (const column of from) row[column] = null;
  }
}

function placeholders(columns) {
  return columns.map((_, n) => `?${n + 1}`).join(", ");
}

/** The state of the file: the number of rows of each table, and the keys that a deferred reference may point to. */
class Written {
  constructor(tables, write) {
    this.write = write;
    this.hash = createHash("sha256");
    this.counts = Object.fromEntries(tables.toReversed().map(({ name }) => [name, 0]));
    this.selects = new Map(tables.map(({ name, columns }) => [name, `select ${columns.join(", ")} from ${name}`]));
    this.targets = tables.flatMap(({ deferred }) => deferred.map(({ table, to }) => ({ table, to, keys: new Set() })));
  }

  has({ table, to }, values) {
    const target = this.targets.find((target) => target.table === table && target.to.join() === to.join());
    return target.keys.has(JSON.stringify(values));
  }

  /** Returns the length of the line. */
  async add(table, row) {
    const line = JSON.stringify({ table, row });
    await this.write(line);
    this.hash.update(`${line}\n`);
    this.counts[table] += 1;
    for (const target of this.targets.filter((target) => target.table === table)) {
      target.keys.add(JSON.stringify(target.to.map((column) => row[column])));
    }
    return line.length;
  }
}
