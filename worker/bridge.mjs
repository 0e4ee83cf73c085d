// Passes requests, responses and batches between the runtime and the built Worker as texts. Each call between JavaScript
// and WebAssembly takes time, so a header, a statement or a row has no call of its own.

import { runModel, send, sign } from "./outbound.mjs";

/** What the built Worker uses of the runtime's `env`: its variables, its hub, and its database as a function of texts. */
class Bindings {
  constructor(env) {
    this.env = env;
  }

  /**
   * Runs statements as one batch. `statements` is the JSON of `[[sql, [parameter, …]], …]`. Resolves to the JSON of the
   * rows of each statement.
   */
  async batch(statements) {
    const database = this.env.DB;
    const prepared = JSON.parse(statements).map(([sql, parameters]) => database.prepare(sql).bind(...parameters));
    const results = await database.batch(prepared);
    return JSON.stringify(results.map((result) => result.results));
  }

  /** Tells the hub that events were appended. It rejects instead of throwing, because WebAssembly catches no exception. */
  async poke() {
    await hubOf(this.env).poke();
  }

  /** Asks the hub for a socket. Resolves to the status of its response, which waits for `responseOf`. */
  async openSocket(request, watcher) {
    const headers = { upgrade: "websocket", "x-watcher": watcher };
    const response = await hubOf(this.env).fetch("https://hub/", { headers });
    sockets.set(request, response);
    return response.status;
  }

  send(request) {
    return send(request);
  }

  sign(key, message) {
    return sign(key, message);
  }

  runModel(model, input, timeout) {
    return runModel(this.env.AI, model, input, timeout);
  }
}

/** The only hub of the database of `env`. */
function hubOf(env) {
  return env.HUB.get(env.HUB.idFromName("hub"));
}

/** The responses of the hub with the sockets of requests. */
const sockets = new WeakMap();

const known = new WeakMap();

/** The bindings of `env`: the same object for each request, because the built Worker keeps what it derives from them. */
export function bindingsOf(env) {
  let bindings = known.get(env);
  if (!bindings) known.set(env, (bindings = new Bindings(env)));
  return bindings;
}

/** The headers as text: the name and the value of each, one per line. A header has no line break. */
export function headersOf(request) {
  let text = "";
  for (const [name, value] of request.headers) text += `${name}\n${value}\n`;
  return text;
}

/** The response that the built Worker has returned: the status, a line for each header, an empty line, and the body. */
export function responseOf(text, request) {
  const end = text.indexOf("\n\n");
  const [status, ...lines] = text.slice(0, end).split("\n");
  const headers = lines.map((line) => {
    const colon = line.indexOf(": ");
    return [line.slice(0, colon), line.slice(colon + 2)];
  });
  const body = text.slice(end + 2);
  // Responses with the status 204 or 304 must have no body, not even an empty one.
  const webSocket = status === "101" ? sockets.get(request).webSocket : null;
  return new Response(body === "" ? null : body, { status: Number(status), headers, webSocket });
}
