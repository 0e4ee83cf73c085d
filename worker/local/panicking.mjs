// The Worker with a database that makes it panic, for requests with the header `x-test-panic` and for the cron
// `x-test-panic`. The tests serve it with `serve.mjs --panicking`; it is not deployed, and the Worker behind it is the one that is.

import worker from "../entry.mjs";

/** The binding's crate takes it for granted that a statement can be prepared. This one prepares none after so many batches. */
function failingAfter(batches, database) {
  let run = 0;
  class D1Database {
    prepare(sql) {
      if (run >= batches) throw new Error("the database of a test");
      return database.prepare(sql);
    }
    batch(statements) {
      run += 1;
      return database.batch(statements);
    }
  }
  return new D1Database();
}

export default {
  fetch(request, env, context) {
    const panics = request.headers.has("x-test-panic");
    return worker.fetch(request, panics ? { ...env, DB: failingAfter(0, env.DB) } : env, context);
  },
  scheduled(event, env, context) {
    const panics = event.cron === "x-test-panic";
    // Only once the sweep waits for its first answer does a panic leave its promise pending for ever.
    return worker.scheduled(event, panics ? { ...env, DB: failingAfter(1, env.DB) } : env, context);
  },
};
