// The lines of a backup, and what the file says of itself.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";

import { FORMAT } from "./records.mjs";

/** Longer than any row of D1, which has 2 MB, as JSON. */
const LONGEST_LINE = 32_000_000;

/** What a file says of itself; throws unless it is whole and `known` has all of its migrations. */
export async function survey(file, known) {
  const hash = createHash("sha256");
  let head, end, text;
  const counts = {};
  for await (const line of lines(file, (raw) => (text = raw))) {
    if (end) throw new Error(`${file} goes on after its end; nothing was changed`);
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
  const off = (table) => (end.end[table] ?? 0) !== (counts[table] ?? 0);
  if (!end || Object.keys({ ...end.end, ...counts }).some(off)) throw damaged(file);
  // The first backups had no sum.
  if ((end.sha256 ?? digest) !== digest) throw damaged(file);
  return { head, counts: end.end, digest };
}

function requireHead(file, head, known) {
  const newer = (what) => new Error(`${file} was made by a newer Deckwatch (${what}): update this checkout; nothing was changed`);
  if (!/^deckwatch-records-\d+$/.test(head?.format)) throw new Error(`${file} is no backup of D1; nothing was changed`);
  if (head.format !== FORMAT) throw newer(head.format);
  const { migrations } = head;
  if (!Array.isArray(migrations) || migrations.length === 0) throw new Error(`${file} names no migrations; nothing was changed`);
  const unknown = migrations.find((name) => !known.includes(name));
  if (unknown) throw newer(`migration ${unknown}`);
  return head;
}

/**
 * What each line of `file` says; `see(line)` gets the line itself before. Not by readline, which ends a line also at
 * U+2028, and notes have that.
 */
export async function* lines(file, see = () => {}) {
  const decoder = new TextDecoder();
  let [rest, number] = ["", 0];
  const parsed = (line) => {
    number += 1;
    see(line);
    try {
      return JSON.parse(line);
    } catch {
      throw number === 1 ? new Error(refusalOf(file, line)) : damaged(file);
    }
  };
  for await (const bytes of createReadStream(file)) {
    const parts = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = parts.pop();
    if (rest.length > LONGEST_LINE) throw new Error(`${file} is no backup of D1; nothing was changed`);
    for (const line of parts) yield parsed(line);
  }
  if (rest !== "") yield parsed(rest);
}

function damaged(file) {
  return new Error(`${file} is cut off or damaged; nothing was changed`);
}

function refusalOf(file, line) {
  return line.startsWith("SQLite format 3\0")
    ? `${file} is a SQLite database, a backup of the embedded engine: restore it with --engine embedded; nothing was changed`
    : `${file} is no backup of D1; nothing was changed`;
}
