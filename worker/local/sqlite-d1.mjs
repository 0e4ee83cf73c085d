// A SQLite file, or one in memory, with the methods of a D1 database: for tests that look at every record, or that
// stand between two requests.
//
//   sqlite-d1.mjs FILE    prints the records of the embedded engine's database, as a backup of D1 would have them

import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";

import { exportRecords } from "./records.mjs";

/** Each request is told of `before(statements)` and `after(statements)` it is done; either may throw. */
export function sqliteDatabase(file, { before = () => {}, after = () => {} } = {}) {
  const connection = new DatabaseSync(file);
  connection.exec("pragma foreign_keys = on");
  const batch = async (statements) => {
    await before(statements);
    connection.exec("begin immediate");
    let results;
    try {
      results = statements.map((statement) => ({ results: run(connection, statement) }));
      connection.exec("commit");
    } catch (error) {
      connection.exec("rollback");
      throw error;
    }
    await after(statements);
    return results;
  };
  const statement = (sql, params) => {
    const all = async () => (await batch([{ sql, params }]))[0];
    return { sql, params, all, run: all, bind: (...params) => statement(sql, params) };
  };
  return { prepare: (sql) => statement(sql, []), batch, connection };
}

function run(connection, { sql, params }) {
  // A text without parameters may be many statements, as a migration is.
  if (params.length === 0 && !/^\s*(select|pragma)/i.test(sql)) return connection.exec(sql) ?? [];
  return connection.prepare(sql).all(...params);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await exportRecords(sqliteDatabase(process.argv[2]), (line) => process.stdout.write(`${line}\n`));
}
