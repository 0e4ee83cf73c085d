// Every record of a D1 database as lines of JSON.
//
// The first line names the migrations, the last one has the count and the SHA-256 of the lines between: a file that was
// cut off or has changed is no backup.
// Virtual tables stay behind, so the full text index never has to be dropped; it is built again at the end.

import { createHash } from "node:crypto";

import { first, migrationsOf, restoreOf, tablesOf } from "./tables.mjs";

/** What the first line says of the form of the others. */
export const FORMAT = "deckwatch-records-1";
/** Bytes that a page of rows and a batch of inserts aim at. */
export const PAGE_BYTES = 2_000_000;
/** Most rows of a page or a batch. */
export const MOST_ROWS = 200;

/**
 * Writes the records of `database` by `write(line)` and returns how many of each table, and how many requests
 * wrote meanwhile.
 *
 * Rows that refer to others are read before those, so that what is referred to is there, whatever is written
 * meanwhile. Where tables refer to each other, what was missed is read again by its key.
 */
export async function exportRecords(database, write) {
  if (await restoreOf(database)) throw new Error("a restore of this database broke off: repeat it before an export");
  const migrations = await migrationsOf(database);
  if (migrations.length === 0) throw new Error("this database has no migrations: it is none of Deckwatch");
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
    const where = last ? `where (${keys}) > (${places(table.key)})` : "";
    const sql = `select ${table.columns.join(", ")} from ${table.name} ${where} order by ${keys} limit ${limit}`;
    const page = (await database.prepare(sql).bind(...(last ?? [])).all()).results;
    // What a row says of another table's may have come after that table was read.
    for (const row of page) await addMissed(database, table, row, file);
    let bytes = 1;
    for (const row of page) bytes += await file.add(table.name, row);
    if (page.length < limit) return;
    last = table.key.map((column) => String(page.at(-1)[column]));
    limit = Math.max(1, Math.min(MOST_ROWS, Math.floor((limit * PAGE_BYTES) / bytes)));
  }
}

async function addMissed(database, { name, late }, row, file) {
  for (const { table, from, to } of late.filter((reference) => reference.table !== name)) {
    const values = from.map((column) => row[column]);
    if (values.includes(null) || file.has({ table, to }, values)) continue;
    const sql = `select * from (${file.selects.get(table)}) where (${to.join(", ")}) = (${places(to)})`;
    const missed = await first(database, sql, ...values.map(String));
    if (missed) await file.add(table, missed);
    else for (const column of from) row[column] = null;
  }
}

function places(columns) {
  return columns.map((_, n) => `?${n + 1}`).join(", ");
}

/** What a file has so far: how many rows of each table, and the keys that a late reference may lead to. */
class Written {
  constructor(tables, write) {
    this.write = write;
    this.hash = createHash("sha256");
    this.counts = Object.fromEntries(tables.toReversed().map(({ name }) => [name, 0]));
    this.selects = new Map(tables.map(({ name, columns }) => [name, `select ${columns.join(", ")} from ${name}`]));
    this.targets = tables.flatMap(({ late }) => late.map(({ table, to }) => ({ table, to, keys: new Set() })));
  }

  has({ table, to }, values) {
    const target = this.targets.find((target) => target.table === table && target.to.join() === to.join());
    return target.keys.has(JSON.stringify(values));
  }

  /** Returns how long the line is. */
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
