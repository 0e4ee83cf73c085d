// The Worker with a binding `AI` whose models answer at the address CLASSIFIER_MODEL_URL. The tests run it with
// `serve.mjs --workers-ai`. It is never deployed; it wraps the Worker that is deployed.

import worker from "../entry.mjs";

/** The bindings with `AI`: the same object for each request, as in the deployed Worker. */
const known = new WeakMap();

function withModels(env) {
  let bindings = known.get(env);
  if (!bindings) known.set(env, (bindings = { ...env, AI: new Models(env.CLASSIFIER_MODEL_URL) }));
  return bindings;
}

class Models {
  constructor(url) {
    this.url = url;
  }

  async run(model, input) {
    const response = await fetch(this.url, { method: "POST", body: JSON.stringify({ model, ...input }) });
    return response.json();
  }
}

export default {
  fetch: (request, env, context) => worker.fetch(request, withModels(env), context),
  scheduled: (event, env, context) => worker.scheduled(event, withModels(env), context),
};
