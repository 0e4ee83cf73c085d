// The Worker with a database that makes it panic on requests with the header `x-test-panic` and in runs of the cron
// `x-test-panic`. The tests run it with `serve.mjs --panicking`. It is never deployed; it wraps the Worker that is deployed.

import worker from "../entry.mjs";

/** The crate `worker` panics if `prepare` throws, which it does here after so many batches. */
function failingAfter(batches, database) {
  let run = 0;
  class D1Database {
    prepare(sql) {
      if (run >= batches) throw new Error("a test makes the Worker panic");
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
