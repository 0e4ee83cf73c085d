// Sends the requests of the built Worker to GitHub and to a language model, and signs with the key of a GitHub App. Texts
// cross between JavaScript and WebAssembly, as in bridge.mjs.

/** The same limit as in the crate `api`. */
const MAX_RESPONSE_BYTES = 8 * 1024 * 1024;

/**
 * Sends a request. `request` is the JSON of `{method, url, headers: [[name, value], …], body, timeout}`, the time in
 * milliseconds. Resolves to the JSON of `{status, headers, body}`, or of `{error}`: `timed_out`, `too_large` or a message.
 */
export async function send(request) {
  const { method, url, headers, body, timeout } = JSON.parse(request);
  try {
    const signal = AbortSignal.timeout(timeout);
    const response = await fetch(url, { method, headers, body, signal, redirect: "manual" });
    const text = await limited(response);
    if (text === undefined) return JSON.stringify({ error: "too_large" });
    return JSON.stringify({ status: response.status, headers: [...response.headers], body: text });
  } catch (error) {
    return JSON.stringify({ error: error.name === "TimeoutError" ? "timed_out" : error.message });
  }
}

/** The text of a response; nothing if it is larger than the limit. */
async function limited(response) {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_RESPONSE_BYTES) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Signs `message` with RSA PKCS#1 v1.5 and SHA-256. `key` is PKCS#8. */
export async function sign(key, message) {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  const imported = await crypto.subtle.importKey("pkcs8", key, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign(algorithm, imported, message));
}

/** Runs a model of Workers AI with `input`, which is JSON. Resolves as `send` does, with the result as the body. */
export async function runModel(ai, model, input, timeout) {
  if (!ai) return JSON.stringify({ error: "the Worker has no binding AI; add it to wrangler.toml" });
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve({ error: "timed_out" }), timeout);
  });
  const run = ai.run(model, JSON.parse(input)).then(
    (result) => ({ status: 200, headers: [], body: JSON.stringify(result) }),
    (error) => ({ error: error.message }),
  );
  const result = await Promise.race([run, late]);
  clearTimeout(timer);
  return JSON.stringify(result);
}
