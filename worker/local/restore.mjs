// Restores a D1 database from the lines of a backup.
//
// A transaction in D1 can't span several requests. A restore therefore records its progress in a table of its own: an
// interrupted restore continues when it is repeated, and adds no row twice.

import { applyMigrations, migrationNames } from "./migrations.mjs";
import { checkBackup, lines } from "./lines.mjs";
import { MAX_ROWS, PAGE_BYTES } from "./records.mjs";
import { UNDER_WAY, first, migrationsOf, restoreOf, tablesOf } from "./tables.mjs";

/** The steps of a restore. */
const STEP = { begun: 0, emptied: 1, filled: 2 };

/**
 * Restores the records of `file` into the empty `database`, or continues an interrupted restore of it.
 *
 * `migrations` is the folder of all migrations; `say(message)` reports progress and omitted records.
 */
export async function restoreRecords(database, file, migrations, say) {
  const backup = await checkBackup(file, await migrationNames(migrations));
  let step = await begin(database, backup.digest, say);
  try {
    if (step < STEP.emptied) {
      // Create the tables as they were at the export; fill them; then apply the newer migrations.
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
    if (error instanceof UnusableDatabase) throw error;
    throw new Error(`the restore was interrupted: ${error.message}; repeat the same command to continue`, { cause: error });
  }
  return backup.counts;
}

/** The database does not contain the records of its backup. */
class UnusableDatabase extends Error {
  constructor(reason) {
    super(`${reason}: do not use this database; delete it, and restore into a new one`);
  }
}

/** Reserves the database for the file with this digest, and returns the step that the restore has reached. */
async function begin(database, digest, say) {
  const earlier = await restoreOf(database);
  if (earlier && earlier.digest !== digest) {
    throw new Error(
      "this database has an interrupted restore of another file; nothing was changed: repeat that restore, or restore into a new database",
    );
  }
  if (earlier) {
    say("continuing an interrupted restore");
    return earlier.step;
  }
  const sql = `select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\'
    and name not like '\\_cf\\_%' escape '\\' and name <> 'd1_migrations' limit 1`;
  if ((await first(database, sql)) || (await migrationsOf(database)).length > 0) {
    throw new Error("the database is not empty; nothing was changed: restore into a new database");
  }
  await database.batch([
    database.prepare(`create table ${UNDER_WAY} (digest text not null, step integer not null) strict`),
    database.prepare(`insert into ${UNDER_WAY} values (?1, ${STEP.begun})`).bind(digest),
  ]);
  return STEP.begun;
}

/** Deletes the rows that the migrations have inserted: the backup contains those that still existed. */
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
  const unknown = Object.keys(counts).filter((name) => counts[name] > 0 && !tables.some((table) => table.name === name));
  for (const name of unknown) say(`${name} is not a table of Deckwatch; its ${counts[name]} records were not restored`);
  const expected = {};
  for (const table of tables) expected[table.name] = (counts[table.name] ?? 0) - (await restoreTable(database, table, file, say));
  for (const table of tables.filter(({ deferred }) => deferred.length > 0)) await restoreDeferred(database, table, file, say);
  await verify(database, expected);
  await database.prepare(`update ${UNDER_WAY} set step = ${STEP.filled}`).run();
}

/** Returns the number of rows that were not restored. */
async function restoreTable(database, table, file, say) {
  let omitted = 0;
  for await (const rows of batches(table, file)) omitted += await insertAll(database, table, rows, say);
  return omitted;
}

async function* batches({ name, columns }, file) {
  let [batch, bytes] = [[], 0];
  for await (const { table, row } of lines(file)) {
    if (table !== name) continue;
    const unknown = Object.keys(row).find((column) => !columns.includes(column));
    if (unknown) throw new UnusableDatabase(`the file has a value for ${name}.${unknown}, but the table has no such column`);
    batch.push(row);
    bytes += Object.values(row).reduce((sum, value) => sum + String(value).length, 0);
    if (batch.length < MAX_ROWS && bytes < PAGE_BYTES) continue;
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
    if (!isConflict(error)) throw error;
  }
  let omitted = 0;
  for (const row of rows) omitted += await insertOne(database, table, row, say);
  return omitted;
}

/**
 * Inserts a row that may conflict with a row of another page. The rows of one page are consistent, but two pages were
 * read at different times: a session may have ended after it was exported as active, and the next session of its agent
 * may have begun before that one was exported. The later session is then restored as abandoned, because other records
 * may refer to it. Other rows with a conflict are omitted.
 */
async function insertOne(database, table, row, say) {
  try {
    await insert(database, table, row).run();
    return 0;
  } catch (error) {
    if (!isConflict(error)) throw error;
  }
  const name = `${table.name} ${table.key.map((column) => row[column]).join(" ")}`;
  if (table.name === "sessions" && row.status === "active") {
    const abandoned = { ...row, status: "abandoned", ended_at: row.last_heartbeat_at, end_reason: "stale" };
    await insert(database, table, abandoned).run();
    say(`${name} began during the export; it was restored as abandoned`);
    return 0;
  }
  say(`${name} was replaced during the export; it was not restored`);
  return 1;
}

function isConflict(error) {
  return /UNIQUE constraint failed/.test(error.message);
}

/**
 * Adds a row unless it exists, without its deferred references. Values are bound as strings, because the HTTP API
 * accepts nothing else; the tables are strict and convert them to integers.
 */
function insert(database, { name, key, deferred }, row) {
  const later = deferred.flatMap(({ from }) => from);
  const known = Object.entries(row).filter(([column, value]) => value !== null && !later.includes(column));
  const [columns, placeholders] = [known.map(([column]) => column), known.map((_, n) => `?${n + 1}`)];
  const sql = `insert into ${name} (${columns.join(", ")}) values (${placeholders.join(", ")}) on conflict (${key.join(", ")}) do nothing`;
  return database.prepare(sql).bind(...known.map(([, value]) => String(value)));
}

/** Sets the deferred references of a table, after all rows have been inserted. */
async function restoreDeferred(database, table, file, say) {
  for (const reference of table.deferred) {
    let expected = 0;
    for await (const rows of batches(table, file)) {
      const links = rows.filter((row) => reference.from.every((column) => row[column] !== null));
      expected += links.length;
      if (links.length > 0) await database.batch(links.map((row) => link(database, table, reference, row)));
    }
    const set = reference.from.map((column) => `${column} is not null`).join(" and ");
    const { n } = await first(database, `select count(*) as n from ${table.name} where ${set}`);
    const columns = `${table.name}.${reference.from.join(", ")}`;
    if (n !== expected) say(`${expected - n} references in ${columns} point to no record of the file; they were left empty`);
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
  const violation = await first(database, "pragma foreign_key_check");
  if (violation) throw new UnusableDatabase(`a record of ${violation.table} refers to a record that does not exist`);
  for (const [name, records] of Object.entries(expected)) {
    const { n } = await first(database, `select count(*) as n from ${name}`);
    if (n !== records) throw new UnusableDatabase(`${name} has ${n} records, but should have ${records}`);
  }
}
