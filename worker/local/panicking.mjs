// The Worker with a database that makes it panic, for requests with the header `x-test-panic`. The tests serve it
// with `serve.mjs --panicking`; it is not deployed, and the Worker behind it is the one that is.

import worker from "../entry.mjs";

/** The binding's crate takes it for granted that a statement can be prepared. */
class D1Database {
  prepare() {
    throw new Error("the database of a test");
  }
}

export default {
  fetch(request, env, context) {
    const panics = request.headers.has("x-test-panic");
    return worker.fetch(request, panics ? { ...env, DB: new D1Database() } : env, context);
  },
  scheduled: worker.scheduled,
};
