// A SQLite database with the methods of a D1 database, for tests that read every record or run code between two
// requests.
//
//   sqlite-d1.mjs FILE    prints the records of the embedded engine's database in the format of a backup of D1

import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";

import { exportRecords } from "./records.mjs";

/** Calls `before(statements)` and `after(statements)` around each request; either may throw. */
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
  // SQL without parameters may contain several statements, such as a migration.
  if (params.length === 0 && !/^\s*(select|pragma)/i.test(sql)) return connection.exec(sql) ?? [];
  return connection.prepare(sql).all(...params);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await exportRecords(sqliteDatabase(process.argv[2]), (line) => process.stdout.write(`${line}\n`));
}
