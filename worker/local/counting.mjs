// The Worker with a database that counts rows. Each response has the rows that D1 has read and written for its request,
// also after the answer, in the headers `x-rows-read` and `x-rows-written`. The tests run it with `serve.mjs --counting`.
// It is never deployed; it wraps the Worker that is deployed.

import worker from "../entry.mjs";
import { countingIn } from "./counted-database.mjs";

export { Hub } from "../entry.mjs";

// The log row of a request does not wait for those of other requests, so that each request has its own rows.
const { setTimeout } = globalThis;
globalThis.setTimeout = (callback) => setTimeout(callback, 0);

export default {
  async fetch(request, env, context) {
    const counts = { read: 0, written: 0 };
    const deferred = [];
    const waitUntil = context.waitUntil.bind(context);
    Object.defineProperty(context, "waitUntil", {
      value: (promise) => {
        deferred.push(promise);
        waitUntil(promise);
      },
    });
    const answer = await worker.fetch(request, { ...env, DB: countingIn(counts, env.DB) }, context);
    await Promise.all(deferred);
    const response = new Response(answer.body, answer);
    response.headers.set("x-rows-read", counts.read);
    response.headers.set("x-rows-written", counts.written);
    return response;
  },
  scheduled: (event, env, context) => worker.scheduled(event, env, context),
};
