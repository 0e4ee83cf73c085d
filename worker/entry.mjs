// The entry point of the Worker. It calls the built Worker and answers requests that were interrupted by a panic.
//
// A panic ends the WebAssembly instance, so the promises of its requests never settle, and the runtime would report a
// hanging script. The built Worker creates a new instance for the next request. The interrupted requests of the same
// isolate get the answer of an internal error. The built Worker logs the panic's message and source location.

import { bindingsOf, headOf, responseOf } from "./bridge.mjs";
import Built from "./build/index.js";
import { hubClass } from "./hub.mjs";

const CORRELATION_ID = /^corr_[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The built Worker. It gets the bindings and the context of a request with each call. */
const built = new Built({}, {});
const { handle } = built;

/** Resolves the result of each request in progress, called when the instance has panicked. */
const inProgress = new Set();

watchForPanics(globalThis.__worker_init_state);

export default {
  async fetch(request, env, context) {
    try {
      const answer = await unlessPanicked(() => handle(headOf(request), request, bindingsOf(env), context));
      return answer === undefined ? internalError(request) : responseOf(answer, request);
    } catch (error) {
      console.error(error);
      return internalError(request);
    }
  },

  async scheduled(_event, env) {
    const swept = unlessPanicked(async () => {
      await built.sweep(bindingsOf(env));
      return true;
    });
    if (await swept) return;
    const error = new Error("the sweep panicked; the next one continues where it stopped");
    console.error(error.message);
    // The runtime counts a sweep that throws as failed.
    throw error;
  },
};

/** The Durable Object with the open sockets. */
export const Hub = hubClass(async (work) => {
  try {
    return await unlessPanicked(async () => work(built));
  } catch (error) {
    console.error(error);
    return undefined;
  }
});

/** Resolves to the result of `work`, or to nothing if the instance panics, because `work` never settles then. */
function unlessPanicked(work) {
  return new Promise((resolve, reject) => {
    const end = (settle, result) => {
      inProgress.delete(resolve);
      settle(result);
    };
    inProgress.add(resolve);
    try {
      work().then((result) => end(resolve, result), (error) => end(reject, error));
    } catch (error) {
      end(reject, error);
    }
  });
}

/** Calls the callbacks when the panic hook of the built Worker sets `criticalError`, before the instance ends. */
function watchForPanics(state) {
  let criticalError = state.criticalError;
  Object.defineProperty(state, "criticalError", {
    get: () => criticalError,
    set(value) {
      criticalError = value;
      if (!value) return;
      inProgress.forEach((resolve) => resolve());
      inProgress.clear();
    },
  });
}

/** The same `internal_error` response as in the crate `api`. */
function internalError(request) {
  const given = request.headers.get("x-correlation-id") ?? "";
  const id = CORRELATION_ID.test(given) ? given : `corr_${crypto.randomUUID()}`;
  console.error(`${id} internal_error: the Worker panicked`);
  const problem = {
    type: "urn:deckwatch:error:internal_error",
    title: "Internal error",
    status: 500,
    detail: "The API failed because of an internal error. Report it to the operator with the correlation id.",
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
