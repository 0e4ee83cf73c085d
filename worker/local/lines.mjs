// Reads the lines of a backup and checks the file.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

import { BEFORE_FIRST_RELEASE } from "./migrations.mjs";
import { FORMAT } from "./records.mjs";

/** A limit above the JSON of any row: a row of D1 has at most 2 MB. */
const MAX_LINE_CHARACTERS = 32_000_000;

/** Returns the header, the counts and the hash of `file`. Throws unless it is complete and `known` has its migrations. */
export async function checkBackup(file, known) {
  const hash = createHash("sha256");
  let head, end, text;
  const counts = {};
  for await (const line of lines(file, (raw) => (text = raw))) {
    if (end) throw new Error(`${file} has data after its last line; nothing was changed`);
    if (!head) head = requireHead(file, line, known);
    else if (line?.end) end = line;
    else if (!line?.table || !line.row) throw damaged(file);
    else {
      counts[line.table] = (counts[line.table] ?? 0) + 1;
      hash.update(`${text}\n`);
    }
  }
  if (!head) throw new Error(`${file} is empty; nothing was changed`);
  const digest = hash.digest("hex");
  const miscounted = (table) => (end.end[table] ?? 0) !== (counts[table] ?? 0);
  if (!end || Object.keys({ ...end.end, ...counts }).some(miscounted)) throw damaged(file);
  // The first backups had no hash.
  if ((end.sha256 ?? digest) !== digest) throw damaged(file);
  return { head, counts: end.end, digest };
}

function requireHead(file, head, known) {
  const newer = (what) => new Error(`${file} was made by a newer Deckwatch (${what}): update this checkout; nothing was changed`);
  if (!/^deckwatch-records-\d+$/.test(head?.format)) throw new Error(`${file} is not a backup of D1; nothing was changed`);
  if (head.format !== FORMAT) throw newer(head.format);
  const { migrations } = head;
  if (!Array.isArray(migrations) || migrations.length === 0) throw new Error(`${file} names no migrations; nothing was changed`);
  const unknown = migrations.find((name) => !known.includes(name));
  if (BEFORE_FIRST_RELEASE.includes(unknown)) {
    throw new Error(`${file} was made by a Deckwatch from before its first release; nothing was changed: restore it with the checkout that made it`);
  }
  if (unknown) throw newer(`migration ${unknown}`);
  return head;
}

/**
 * Yields the parsed JSON of each line of `file`, after a call of `onLine(line)` with its text. It does not use readline,
 * because readline also ends a line at U+2028, which notes may contain.
 */
export async function* lines(file, onLine = () => {}) {
  const decoder = new TextDecoder();
  let [rest, number] = ["", 0];
  const parsed = (line) => {
    number += 1;
    onLine(line);
    try {
      return JSON.parse(line);
    } catch {
      throw number === 1 ? new Error(notABackup(file, line)) : damaged(file);
    }
  };
  for await (const bytes of createReadStream(file)) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = parts.pop();
    if (rest.length > MAX_LINE_CHARACTERS) throw new Error(`${file} is not a backup of D1; nothing was changed`);
    for (const line of parts) yield parsed(line);
  }
  if (rest !== "") yield parsed(rest);
}

function damaged(file) {
  return new Error(`${file} is truncated or damaged; nothing was changed`);
}

function notABackup(file, line) {
  return line.startsWith("SQLite format 3\0")
    ? `${file} is a SQLite database, a backup of the embedded engine: restore it with --engine embedded; nothing was changed`
    : `${file} is not a backup of D1; nothing was changed`;
}
