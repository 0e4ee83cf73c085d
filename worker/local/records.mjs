// Every record of a D1 database as lines of JSON, and a database again from such lines.
//
// The first line names the migrations, the last one counts the records: a file that was cut off is no backup.
// Virtual tables stay behind, so the full text index never has to be dropped; it is built again at the end.

import { createReadStream } from "node:fs";
import readline from "node:readline";

import { applyMigrations } from "./migrations.mjs";

const FORMAT = "deckwatch-records-1";
/** Bytes that a page of rows and a batch of inserts aim at. */
const PAGE_BYTES = 2_000_000;
const MOST_ROWS = 200;

/**
 * Writes the records of `database` by `write(line)` and returns how many of each table, and how many requests
 * wrote meanwhile.
 *
 * Rows that refer to others are read before those, so that what is referred to is there, whatever is written
 * meanwhile.
 */
export async function exportRecords(database, write) {
  const since = (await first(database, "select strftime('%Y-%m-%dT%H:%M:%fZ') as now")).now;
  await write(JSON.stringify({ format: FORMAT, taken_at: since, migrations: await migrationsOf(database) }));
  const counts = {};
  for (const table of (await tablesOf(database)).reverse()) {
    counts[table.name] = await exportTable(database, table, write);
  }
  await write(JSON.stringify({ end: counts }));
  const written = "select count(*) as n from idempotency_keys where created_at >= ?1";
  return { counts, writes: (await first(database, written, since)).n };
}

async function exportTable(database, { name, columns, key }, write) {
  const [keys, after] = [key.join(", "), key.map((_, n) => `?${n + 1}`).join(", ")];
  let [last, rows, limit] = [undefined, 0, 10];
  for (;;) {
    const where = last ? `where (${keys}) > (${after})` : "";
    const sql = `select ${columns.join(", ")} from ${name} ${where} order by ${keys} limit ${limit}`;
    const page = (await database.prepare(sql).bind(...(last ?? [])).all()).results;
    const lines = page.map((row) => JSON.stringify({ table: name, row }));
    for (const line of lines) await write(line);
    rows += page.length;
    if (page.length < limit) return rows;
    last = key.map((column) => String(page.at(-1)[column]));
    const bytes = lines.reduce((sum, line) => sum + line.length, 0);
    limit = Math.max(1, Math.min(MOST_ROWS, Math.floor((limit * PAGE_BYTES) / bytes)));
  }
}

/** Makes the empty `database` hold the records of `file`. `migrations` is the folder of all migrations. */
export async function restoreRecords(database, file, migrations) {
  const { head, counts } = await survey(file);
  if ((await migrationsOf(database)).length > 0) throw new Error("the database is not empty; nothing was changed");
  // The tables as they were, their records, then what came since.
  await applyMigrations(database, migrations, (name) => head.migrations.includes(name));
  const tables = await tablesOf(database);
  for (const { name } of tables.toReversed()) await database.prepare(`delete from ${name}`).run();
  for (const { name } of tables) await restoreTable(database, name, file);
  await applyMigrations(database, migrations);
  const source = await first(database, "select 1 as found from sqlite_master where name = 'note_search'");
  if (source) await database.prepare("insert into note_search (note_search) values ('rebuild')").run();
  await verify(database, tables, counts);
  return counts;
}

/** What a file says of itself; throws unless it is whole. */
async function survey(file) {
  let head, end;
  const counts = {};
  for await (const line of lines(file)) {
    if (end) throw new Error(`${file} goes on after its end`);
    if (!head) head = line;
    else if (line.end) end = line.end;
    else counts[line.table] = (counts[line.table] ?? 0) + 1;
  }
  if (head?.format !== FORMAT) throw new Error(`${file} is no backup of records`);
  const off = end && Object.keys({ ...end, ...counts }).find((table) => (end[table] ?? 0) !== (counts[table] ?? 0));
  if (!end || off) throw new Error(`${file} is cut off or damaged; nothing was changed`);
  return { head, counts: end };
}

async function restoreTable(database, name, file) {
  let [batch, bytes] = [[], 0];
  const flush = async () => {
    if (batch.length > 0) await database.batch(batch);
    [batch, bytes] = [[], 0];
  };
  for await (const { table, row } of lines(file)) {
    if (table !== name) continue;
    batch.push(insert(database, table, row));
    bytes += Object.values(row).reduce((sum, value) => sum + String(value).length, 0);
    if (batch.length >= MOST_ROWS || bytes >= PAGE_BYTES) await flush();
  }
  await flush();
}

/** Values are bound as texts, as the HTTP API takes no others; the tables are strict and convert whole numbers. */
function insert(database, table, row) {
  const known = Object.entries(row).filter(([, value]) => value !== null);
  const [columns, places] = [known.map(([column]) => column), known.map((_, n) => `?${n + 1}`)];
  const sql = `insert into ${table} (${columns.join(", ")}) values (${places.join(", ")})`;
  return database.prepare(sql).bind(...known.map(([, value]) => String(value)));
}

async function verify(database, tables, counts) {
  const stray = await first(database, "pragma foreign_key_check");
  if (stray) throw new Error(`a record of ${stray.table} points at nothing: do not use this database`);
  for (const { name } of tables) {
    const { n } = await first(database, `select count(*) as n from ${name}`);
    if (n !== (counts[name] ?? 0)) throw new Error(`${name} has ${n} records, not ${counts[name]}: do not use this database`);
  }
}

/** The tables with records of their own, each after those that it refers to. */
async function tablesOf(database) {
  const sql = `select name from sqlite_master where type = 'table' and sql not like 'create virtual%'
    and name not like 'sqlite\\_%' escape '\\' and name not like '\\_cf\\_%' escape '\\' and name <> 'd1_migrations' order by name`;
  const names = (await database.prepare(sql).all()).results.map((row) => row.name);
  const virtual = (await database.prepare("select name from sqlite_master where sql like 'create virtual%'").all()).results;
  // What a virtual table keeps for itself is named after it.
  const shadow = (name) => virtual.some((table) => ["config", "content", "data", "docsize", "idx"].some((part) => name === `${table.name}_${part}`));
  const tables = new Map();
  const visit = async (name) => {
    if (tables.has(name)) return;
    tables.set(name, undefined);
    const parents = (await database.prepare(`pragma foreign_key_list(${name})`).all()).results.map((row) => row.table);
    for (const parent of parents) await visit(parent);
    tables.delete(name);
    tables.set(name, await columnsOf(database, name));
  };
  for (const name of names.filter((name) => !shadow(name))) await visit(name);
  return [...tables.values()];
}

async function columnsOf(database, name) {
  const columns = (await database.prepare(`pragma table_xinfo(${name})`).all()).results;
  const key = columns.filter((column) => column.pk > 0).sort((a, b) => a.pk - b.pk);
  const stored = columns.filter((column) => column.hidden === 0).map((column) => column.name);
  // A table without a key of its own has SQLite's.
  return { name, columns: stored, key: key.length > 0 ? key.map((column) => column.name) : ["rowid"] };
}

async function migrationsOf(database) {
  const known = await first(database, "select 1 as found from sqlite_master where name = 'd1_migrations'");
  if (!known) return [];
  return (await database.prepare("select name from d1_migrations order by id").all()).results.map((row) => row.name);
}

async function first(database, sql, ...params) {
  return (await database.prepare(sql).bind(...params).all()).results[0];
}

async function* lines(file) {
  const reader = readline.createInterface({ input: createReadStream(file, "utf8"), crlfDelay: Infinity });
  for await (const line of reader) yield JSON.parse(line);
}
