// The entry of the Worker: the built one, with an answer to requests that it can't answer any more.
//
// A panic ends the WebAssembly instance, and the promise of the request that was being answered with it: the runtime
// would say that the script hangs. The instance is made anew for the next request; this one, and any other that was
// under way in the same isolate, is told what every failure on our side is told. The panic's message and place are
// logged by the built Worker itself.

import Built from "./build/index.js";

const CORRELATION_ID = /^corr_[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Called when the instance has panicked. */
const underWay = new Set();

watch(globalThis.__worker_init_state);

export default {
  async fetch(request, env, context) {
    try {
      return (await unlessPanicked(() => new Built(context, env).fetch(request))) ?? failure(request);
    } catch (error) {
      console.error(error);
      return failure(request);
    }
  },

  async scheduled(event, env, context) {
    const swept = unlessPanicked(async () => {
      await new Built(context, env).scheduled(event);
      return true;
    });
    if (await swept) return;
    const error = new Error("the sweep panicked; the next one continues where it stopped");
    console.error(error.message);
    // The runtime counts a sweep that throws as failed.
    throw error;
  },
};

/** What `work` resolves to, or nothing once the instance has panicked: then `work` never ends. */
async function unlessPanicked(work) {
  let giveUp;
  const panicked = new Promise((resolve) => (giveUp = resolve));
  underWay.add(giveUp);
  try {
    return await Promise.race([work(), panicked]);
  } finally {
    underWay.delete(giveUp);
  }
}

/** Notices when the built Worker notes that it has panicked, which its panic hook does before the instance ends. */
function watch(state) {
  let criticalError = state.criticalError;
  Object.defineProperty(state, "criticalError", {
    get: () => criticalError,
    set(value) {
      criticalError = value;
      if (value) underWay.forEach((giveUp) => giveUp());
    },
  });
}

/** The answer to an `internal_error`, as `api` gives it. */
function failure(request) {
  const given = request.headers.get("x-correlation-id") ?? "";
  const id = CORRELATION_ID.test(given) ? given : `corr_${crypto.randomUUID()}`;
  console.error(`${id} internal_error: the Worker panicked`);
  const problem = {
    type: "urn:deckwatch:error:internal_error",
    title: "Internal error",
    status: 500,
    detail: "Something failed on our side. Quote the correlation id.",
    code: "internal_error",
    correlation_id: id,
  };
  const headers = {
    "content-type": "application/problem+json",
    "x-correlation-id": id,
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
  };
  return new Response(JSON.stringify(problem), { status: 500, headers });
}
