// Applies migrations/*.sql to a D1 database. It records them in the same table as `wrangler d1 migrations apply`, so
// that each tool knows the migrations that the other has applied.

import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

const BOOKKEEPING = `create table if not exists d1_migrations (
  id integer primary key autoincrement,
  name text unique,
  applied_at timestamp default current_timestamp not null
)`;

// D1 refuses SQL that ends with a comment.
const TRAILING_COMMENTS = /(?:\s|--[^\n]*(?:\n|$)|\/\*[^]*?\*\/)*$/;

// The names of the first migration before the first release. The migrations of that time were replaced by one set, twice.
export const BEFORE_FIRST_RELEASE = ["0001_ventures.sql", "0001_ventures_and_tokens.sql"];

/** Applies, in order, the migrations that `database` does not have and `wanted` accepts. Each file is one transaction. */
export async function applyMigrations(database, folder, wanted = () => true) {
  await database.prepare(BOOKKEEPING).run();
  const applied = await database.prepare("select name from d1_migrations").all();
  const known = new Set(applied.results.map((row) => row.name));
  if (BEFORE_FIRST_RELEASE.some((name) => known.has(name))) {
    throw new Error(
      "the database was made by a Deckwatch from before its first release; nothing was changed: use a new database, or the checkout that made it",
    );
  }
  for (const name of (await migrationNames(folder)).filter((name) => !known.has(name) && wanted(name))) {
    await applyOne(database, name, await readFile(path.join(folder, name), "utf8"));
  }
}

/** The names of all migrations, in order. */
export async function migrationNames(folder) {
  return (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
}

async function applyOne(database, name, sql) {
  try {
    await database.batch([
      database.prepare(sql.replace(TRAILING_COMMENTS, "")),
      database.prepare("insert into d1_migrations (name) values (?1)").bind(name),
    ]);
  } catch (error) {
    throw new Error(`migration ${name} failed and changed nothing: ${error.message}`, { cause: error });
  }
}
