// The Worker with a database that makes it panic on requests with the header `x-test-panic`. The tests run it with
// `serve.mjs --panicking`. It is never deployed; it wraps the Worker that is deployed.

import worker from "../entry.mjs";

/** The crate `worker` panics if `prepare` throws. */
class D1Database {
  prepare() {
    throw new Error("a test makes the Worker panic");
  }
}

export default {
  fetch(request, env, context) {
    const panics = request.headers.has("x-test-panic");
    return worker.fetch(request, panics ? { ...env, DB: new D1Database() } : env, context);
  },
  scheduled: worker.scheduled,
};
