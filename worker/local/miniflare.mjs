// Starts Miniflare on loopback, with its log on standard error and with workerd started by the script `workerd` in this
// folder.

import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const HERE = path.dirname(fileURLToPath(import.meta.url));

/** Starts a runtime whose D1 database `DB` lives in the folder `data`. */
export async function startRuntime(data, options) {
  // Miniflare reads the path of workerd only while it is loaded, so set it before the import.
  const require = createRequire(import.meta.url);
  process.env.DECKWATCH_WORKERD = createRequire(require.resolve("miniflare"))("workerd").default;
  process.env.MINIFLARE_WORKERD_PATH = path.join(HERE, "workerd");
  const { Log, LogLevel, Miniflare } = await import("miniflare");
  class StderrLog extends Log {
    log(message) {
      process.stderr.write(`${message}\n`);
    }
  }
  return new Miniflare({
    host: "127.0.0.1",
    cf: false,
    telemetry: { enabled: false },
    log: new StderrLog(LogLevel.WARN),
    handleRuntimeStdio: (stdout, stderr) => [stdout, stderr].forEach((stream) => stream.pipe(process.stderr)),
    d1Databases: { DB: "deckwatch" },
    d1Persist: path.join(data, "d1"),
    ...options,
  });
}
