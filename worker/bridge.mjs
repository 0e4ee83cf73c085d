// Passes requests, responses and batches between the runtime and the built Worker as texts. Each call between JavaScript
// and WebAssembly takes time, so a header, a statement or a row has no call of its own.

import { runModel, send, sign } from "./outbound.mjs";

// The built Worker queues a microtask for each step of a request. A promise that is resolved already queues one in a tenth of
// the time that the runtime's own function takes. An error reaches that function, so that it is still an `error` event.
const resolved = Promise.resolve();
const { queueMicrotask: queueSlowly } = globalThis;
globalThis.queueMicrotask = (task) => {
  resolved.then(() => {
    try {
      task();
    } catch (error) {
      queueSlowly(() => {
        throw error;
      });
    }
  });
};

/** The constant statements of the built Worker, by number. Each crosses to JavaScript once in an isolate. */
const constants = [];
const numbers = new Map();

/** What the built Worker uses of the runtime's `env`: its variables, its hub, and its database as a function of texts. */
class Bindings {
  constructor(env) {
    this.env = env;
  }

  /**
   * Runs statements as one batch. `statements` is the JSON of `[[sql, [parameter, …]], …]`, where `sql` is a text or the
   * number of a constant statement. Resolves to the JSON of the rows of each statement.
   */
  async batch(statements) {
    const database = this.env.DB;
    const prepared = JSON.parse(statements).map(([sql, parameters]) => {
      return database.prepare(typeof sql === "number" ? constants[sql] : sql).bind(...parameters);
    });
    const results = await database.batch(prepared);
    return JSON.stringify(results.map((result) => result.results));
  }

  /** Keeps a constant statement. Returns its number, which is never that of another statement. */
  keep(sql) {
    let number = numbers.get(sql);
    if (number === undefined) numbers.set(sql, (number = constants.push(shortened(sql)) - 1));
    return number;
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

/** A statement without its comments and line breaks: D1 copies and checks the text of each statement of a batch. */
function shortened(sql) {
  return sql.replace(/'[^']*'|--[^\n]*|\s+/g, (part) => (part[0] === "'" ? part : " "));
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

/** The head of a request as text: its method, its URL, and the name and the value of each header. Each has a line of its own. */
export function headOf(request) {
  let text = `${request.method}\n${request.url}\n`;
  // In workerd, `forEach` takes less time than an iterator.
  request.headers.forEach((value, name) => {
    text += `${name}\n${value}\n`;
  });
  return text;
}

/** The response that the built Worker has returned: the status, a line for each header, an empty line, and the body. */
export function responseOf(text, request) {
  const end = text.indexOf("\n\n");
  const [status, ...lines] = text.slice(0, end).split("\n");
  // No name occurs twice. The runtime reads an object in less time than pairs.
  const headers = {};
  for (const line of lines) {
    const colon = line.indexOf(": ");
    headers[line.slice(0, colon)] = line.slice(colon + 2);
  }
  const body = text.slice(end + 2);
  // Responses with the status 204 or 304 must have no body, not even an empty one.
  const webSocket = status === "101" ? sockets.get(request).webSocket : null;
  return new Response(body === "" ? null : body, { status: Number(status), headers, webSocket });
}
