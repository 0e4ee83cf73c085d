// A D1 database that counts its rows, for the Workers of the tests.

/** `database`, with the meta of each batch added to `counts`. */
export function countingIn(counts, database) {
  class D1Database {
    prepare(sql) {
      return database.prepare(sql);
    }
    async batch(statements) {
      const results = await database.batch(statements);
      for (const { meta } of results) {
        counts.read += meta.rows_read;
        counts.written += meta.rows_written;
      }
      return results;
    }
  }
  return new D1Database();
}
