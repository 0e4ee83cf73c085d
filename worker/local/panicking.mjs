// The Worker with a runtime that makes it panic on requests with the header `x-test-panic` and in runs of the cron
// `x-test-panic`. The tests run it with `serve.mjs --panicking`. It is never deployed; it wraps the Worker that is deployed.

import worker from "../entry.mjs";

export { Hub } from "../entry.mjs";

/** The log rows of earlier requests are written after this time. Only then does a request call `waitUntil` for its own. */
const LOGGED_AFTER_MS = 200;

/** The crate `worker` panics if `waitUntil` throws. Each request with a valid key leaves work for after its response. */
const PANICKING = {
  waitUntil() {
    throw new Error("a test makes the Worker panic");
  },
};

/** `database`, which answers only the first batch, and the time at which the second one waits. */
function stoppingAfterOne(database) {
  let second;
  const waits = new Promise((resolve) => (second = resolve));
  let run = 0;
  class D1Database {
    prepare(sql) {
      return database.prepare(sql);
    }
    batch(statements) {
      run += 1;
      if (run === 1) return database.batch(statements);
      second();
      return new Promise(() => {});
    }
  }
  return { stopping: new D1Database(), waits };
}

async function panic(request, env) {
  await new Promise((resolve) => setTimeout(resolve, LOGGED_AFTER_MS));
  return worker.fetch(request, env, PANICKING);
}

export default {
  fetch(request, env, context) {
    return request.headers.has("x-test-panic") ? panic(request, env) : worker.fetch(request, env, context);
  },
  async scheduled(event, env, context) {
    if (event.cron !== "x-test-panic") return worker.scheduled(event, env, context);
    // Only while the sweep waits for an answer does a panic leave its promise pending for ever.
    const { stopping, waits } = stoppingAfterOne(env.DB);
    const swept = worker.scheduled(event, { ...env, DB: stopping }, context);
    await Promise.race([waits, swept]);
    const headers = { authorization: `Bearer ${env.ADMIN_API_KEY}` };
    await panic(new Request("http://localhost/v1/ventures", { headers }), env);
    return swept;
  },
};
