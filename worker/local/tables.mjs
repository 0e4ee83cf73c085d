// Reads the tables of a D1 database from its schema, in an order in which they can be filled.

/** A table that exists during a restore, so that an interrupted restore can be detected. */
export const UNDER_WAY = "restore_under_way";

/**
 * The tables that store records, each after the tables that its rows refer to.
 *
 * Where tables refer to each other in a cycle, no such order exists. `deferred` contains the references that close the
 * cycle: they are nullable, and they point to rows that are inserted later.
 */
export async function tablesOf(database) {
  const names = await ownTables(database);
  const pragmas = names.flatMap((name) => [`pragma table_xinfo(${name})`, `pragma foreign_key_list(${name})`]);
  const answers = names.length > 0 ? await database.batch(pragmas.map((sql) => database.prepare(sql))) : [];
  return inOrder(names.map((name, n) => tableOf(name, answers[2 * n].results, answers[2 * n + 1].results)));
}

async function ownTables(database) {
  const sql = `select name, sql from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\'
    and name not like '\\_cf\\_%' escape '\\' and name not in ('d1_migrations', '${UNDER_WAY}') order by name`;
  const tables = (await database.prepare(sql).all()).results;
  const virtual = tables.filter((table) => /^create virtual/i.test(table.sql)).map((table) => table.name);
  // The shadow tables of a virtual table are named after it.
  const shadows = virtual.flatMap((name) => ["config", "content", "data", "docsize", "idx"].map((part) => `${name}_${part}`));
  return tables.map((table) => table.name).filter((name) => ![...virtual, ...shadows].includes(name));
}

function tableOf(name, columns, keys) {
  const stored = columns.filter((column) => column.hidden === 0).map((column) => column.name);
  const key = columns.filter((column) => column.pk > 0).sort((a, b) => a.pk - b.pk).map((column) => column.name);
  const required = (column) => columns.find(({ name }) => name === column).notnull === 1;
  const references = [...new Set(keys.map((row) => row.id))].map((id) => {
    const parts = keys.filter((row) => row.id === id).sort((a, b) => a.seq - b.seq);
    const from = parts.map((row) => row.from);
    return { table: parts[0].table, from, to: parts.map((row) => row.to), required: from.every(required) };
  });
  // A table without a primary key has SQLite's rowid.
  return { name, columns: stored, key: key.length > 0 ? key : ["rowid"], references, deferred: [] };
}

function inOrder(tables) {
  const placed = [];
  while (placed.length < tables.length) {
    const left = tables.filter((table) => !placed.includes(table));
    const open = (table) => table.references.filter(({ table: to }) => left.some(({ name }) => name === to));
    const next =
      left.find((table) => open(table).length === 0) ??
      left.find((table) => open(table).every(({ required }) => !required) && leadsTo(table, table.name, left));
    if (!next) throw new Error(`no order exists in which the tables ${left.map(({ name }) => name).join(", ")} can be filled`);
    next.deferred = open(next);
    placed.push(next);
  }
  return placed;
}

/** Whether references lead from `table`, directly or through others of `tables`, to the table with this name. */
function leadsTo(table, name, tables, seen = new Set()) {
  return table.references.some((reference) => {
    const next = tables.find((other) => other.name === reference.table);
    if (!next || seen.has(next)) return false;
    return next.name === name || leadsTo(next, name, tables, seen.add(next));
  });
}

/** The names of the migrations that were applied to a database, in order. */
export async function migrationsOf(database) {
  const known = await first(database, "select 1 as found from sqlite_master where name = 'd1_migrations'");
  if (!known) return [];
  return (await database.prepare("select name from d1_migrations order by id").all()).results.map((row) => row.name);
}

/** The restore that is in progress or was interrupted in a database, if any. */
export async function restoreOf(database) {
  const known = await first(database, "select 1 as found from sqlite_master where name = ?1", UNDER_WAY);
  return known && first(database, `select digest, step from ${UNDER_WAY}`);
}

/** The first row of the result of `sql`, if any. */
export async function first(database, sql, ...params) {
  return (await database.prepare(sql).bind(...params).all()).results[0];
}
