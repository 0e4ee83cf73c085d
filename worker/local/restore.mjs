// A D1 database again from the lines of a backup.
//
// D1 takes no transaction over many requests, so a restore goes in steps that a table of its own remembers: one
// that broke off goes on when it is repeated, and adds no row twice.

import { applyMigrations, migrationNames } from "./migrations.mjs";
import { lines, survey } from "./lines.mjs";
import { MOST_ROWS, PAGE_BYTES } from "./records.mjs";
import { UNDER_WAY, first, migrationsOf, restoreOf, tablesOf } from "./tables.mjs";

/** How far a restore has come. */
const STEP = { begun: 0, emptied: 1, filled: 2 };

/**
 * Makes the empty `database` hold the records of `file`, or goes on with that where it broke off.
 *
 * `migrations` is the folder of all migrations; `say(words)` tells of what is worth knowing.
 */
export async function restoreRecords(database, file, migrations, say) {
  const backup = await survey(file, await migrationNames(migrations));
  let step = await begin(database, backup.digest, say);
  try {
    if (step < STEP.emptied) {
      // The tables as they were; then their records, and what came since.
      await applyMigrations(database, migrations, (name) => backup.head.migrations.includes(name));
      await empty(database);
      step = STEP.emptied;
    }
    if (step < STEP.filled) await fill(database, file, backup, say);
    await applyMigrations(database, migrations);
    const indexed = await first(database, "select 1 as found from sqlite_master where name = 'note_search'");
    if (indexed) await database.prepare("insert into note_search (note_search) values ('rebuild')").run();
    await database.prepare(`drop table if exists ${UNDER_WAY}`).run();
  } catch (error) {
    if (error instanceof Unusable) throw error;
    throw new Error(`the restore broke off: ${error.message}; the same command again goes on with it`, { cause: error });
  }
  return backup.counts;
}

/** A database that holds something else than its backup. */
class Unusable extends Error {
  constructor(what) {
    super(`${what}: do not use this database; delete it, and restore into a new one`);
  }
}

/** Claims the database for the file with this digest, and returns how far it has come. */
async function begin(database, digest, say) {
  const before = await restoreOf(database);
  if (before && before.digest !== digest) {
    throw new Error("a restore of another file broke off here: repeat that one, or restore into a new database; nothing was changed");
  }
  if (before) {
    say("going on with a restore that broke off");
    return before.step;
  }
  const sql = `select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\'
    and name not like '\\_cf\\_%' escape '\\' and name <> 'd1_migrations' limit 1`;
  if ((await first(database, sql)) || (await migrationsOf(database)).length > 0) {
    throw new Error("the database is not empty; nothing was changed");
  }
  await database.batch([
    database.prepare(`create table ${UNDER_WAY} (digest text not null, step integer not null) strict`),
    database.prepare(`insert into ${UNDER_WAY} values (?1, ${STEP.begun})`).bind(digest),
  ]);
  return STEP.begun;
}

/** Migrations bring rows of their own; in a backup are those that were left of them. */
async function empty(database) {
  const begun = `(select step from ${UNDER_WAY}) = ${STEP.begun}`;
  const tables = (await tablesOf(database)).toReversed();
  await database.batch([
    ...tables.map(({ name }) => database.prepare(`delete from ${name} where ${begun}`)),
    database.prepare(`update ${UNDER_WAY} set step = ${STEP.emptied}`),
  ]);
}

async function fill(database, file, { counts }, say) {
  const tables = await tablesOf(database);
  const strange = Object.keys(counts).filter((name) => counts[name] > 0 && !tables.some((table) => table.name === name));
  for (const name of strange) say(`${name} is no table of Deckwatch, and its ${counts[name]} records are left out`);
  const expected = {};
  for (const table of tables) expected[table.name] = (counts[table.name] ?? 0) - (await restoreTable(database, table, file, say));
  for (const table of tables.filter(({ late }) => late.length > 0)) await restoreLate(database, table, file, say);
  await verify(database, expected);
  await database.prepare(`update ${UNDER_WAY} set step = ${STEP.filled}`).run();
}

/** Returns how many rows were left out. */
async function restoreTable(database, table, file, say) {
  let left = 0;
  for await (const rows of batches(table, file)) left += await insertAll(database, table, rows, say);
  return left;
}

async function* batches({ name, columns }, file) {
  let [batch, bytes] = [[], 0];
  for await (const { table, row } of lines(file)) {
    if (table !== name) continue;
    const strange = Object.keys(row).find((column) => !columns.includes(column));
    if (strange) throw new Unusable(`the file has ${name}.${strange}, which is no column`);
    batch.push(row);
    bytes += Object.values(row).reduce((sum, value) => sum + String(value).length, 0);
    if (batch.length < MOST_ROWS && bytes < PAGE_BYTES) continue;
    yield batch;
    [batch, bytes] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}

async function insertAll(database, table, rows, say) {
  try {
    await database.batch(rows.map((row) => insert(database, table, row)));
    return 0;
  } catch (error) {
    if (!isTaken(error)) throw error;
  }
  let left = 0;
  for (const row of rows) left += await insertOne(database, table, row, say);
  return left;
}

/**
 * Two rows of one page are of one moment, those of two pages are not: a session may have ended after it was read as
 * active, and another of the same agent have begun before that was read. The later one stands then as abandoned, as
 * records may refer to it. Other rows that lost their place that way are left out.
 */
async function insertOne(database, table, row, say) {
  try {
    await insert(database, table, row).run();
    return 0;
  } catch (error) {
    if (!isTaken(error)) throw error;
  }
  const place = `${table.name} ${table.key.map((column) => row[column]).join(" ")}`;
  if (table.name === "sessions" && row.status === "active") {
    const abandoned = { ...row, status: "abandoned", ended_at: row.last_heartbeat_at, end_reason: "stale" };
    await insert(database, table, abandoned).run();
    say(`${place} began while the backup was made, and is restored as abandoned`);
    return 0;
  }
  say(`${place} was made anew while the backup was made, and is left out`);
  return 1;
}

function isTaken(error) {
  return /UNIQUE constraint failed/.test(error.message);
}

/**
 * Adds a row unless it is there, without what it refers to late. Values are bound as texts, as the HTTP API takes no
 * others; the tables are strict and convert whole numbers.
 */
function insert(database, { name, key, late }, row) {
  const later = late.flatMap(({ from }) => from);
  const known = Object.entries(row).filter(([column, value]) => value !== null && !later.includes(column));
  const [columns, places] = [known.map(([column]) => column), known.map((_, n) => `?${n + 1}`)];
  const sql = `insert into ${name} (${columns.join(", ")}) values (${places.join(", ")}) on conflict (${key.join(", ")}) do nothing`;
  return database.prepare(sql).bind(...known.map(([, value]) => String(value)));
}

/** What closes a circle of references, now that all rows are there. */
async function restoreLate(database, table, file, say) {
  for (const reference of table.late) {
    let expected = 0;
    for await (const rows of batches(table, file)) {
      const links = rows.filter((row) => reference.from.every((column) => row[column] !== null));
      expected += links.length;
      if (links.length > 0) await database.batch(links.map((row) => link(database, table, reference, row)));
    }
    const set = reference.from.map((column) => `${column} is not null`).join(" and ");
    const { n } = await first(database, `select count(*) as n from ${table.name} where ${set}`);
    const of = `${table.name}.${reference.from.join(", ")}`;
    if (n !== expected) say(`${expected - n} of ${of} lead to no record of the file, and are left empty`);
  }
}

function link(database, { name, key }, { table, from, to }, row) {
  const [values, at] = [from.map((_, n) => `?${n + 1}`), key.map((column, n) => `${column} = ?${from.length + n + 1}`)];
  const found = `select 1 from ${table} where (${to.join(", ")}) = (${values.join(", ")})`;
  const sql = `update ${name} set (${from.join(", ")}) = (${values.join(", ")})
    where ${at.join(" and ")} and (${from.join(", ")}) is not (${values.join(", ")}) and exists (${found})`;
  return database.prepare(sql).bind(...[...from, ...key].map((column) => String(row[column])));
}

async function verify(database, expected) {
  const stray = await first(database, "pragma foreign_key_check");
  if (stray) throw new Unusable(`a record of ${stray.table} points at nothing`);
  for (const [name, records] of Object.entries(expected)) {
    const { n } = await first(database, `select count(*) as n from ${name}`);
    if (n !== records) throw new Unusable(`${name} has ${n} records, not ${records}`);
  }
}
