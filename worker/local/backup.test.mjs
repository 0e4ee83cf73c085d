// Backups of D1 where two requests meet, and where one fails: what no test with a real server can time.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import { applyMigrations, migrationNames } from "./migrations.mjs";
import { exportRecords } from "./records.mjs";
import { restoreRecords } from "./restore.mjs";
import { sqliteDatabase } from "./sqlite-d1.mjs";
import { tablesOf } from "./tables.mjs";

const MIGRATIONS = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../migrations");
const AT = "2026-01-02T03:04:05.678Z";
const FOLDER = await mkdtemp(path.join(tmpdir(), "deckwatch-backup-"));
const quiet = () => {};
let files = 0;

after(() => rm(FOLDER, { recursive: true }));

async function migrated(watched) {
  const database = sqliteDatabase(":memory:", watched);
  await applyMigrations(database, MIGRATIONS);
  return database;
}

/** Rows of each table that has any, and sessions enough for more than one page. */
async function filled(watched) {
  const database = await migrated(watched);
  database.connection.exec(`
    insert into ventures (code, name, repos_json, capabilities_json, created_at, updated_at, deleted_at)
      values ('alpha', 'Alpha', '[]', '[]', '${AT}', '${AT}', null), ('over', 'Over', '[]', '[]', '${AT}', '${AT}', '${AT}');
    insert into notes (id, venture, title, created_at, updated_at, actor_key_id, creation_correlation_id, content, version)
      values ('note_1', 'alpha', 'A note', '${AT}', '${AT}', 'actor', 'corr', 'lines\u2028and\u2029paragraphs\r\n"😀"', 3);
    insert into note_tags values ('bird', 'alpha', 'note_1');
    insert into note_search_keys (id, note_id, head) values (7, 'note_1', ' a note ');
    insert into note_terms values (7, '+live +live:alpha', ' a note ', ' lines and paragraphs ');
    insert into note_search (note_search) values ('rebuild');
    insert into notes (id, title, created_at, updated_at, archived_at, actor_key_id, creation_correlation_id, content)
      values ('note_2', 'Of all', '${AT}', '${AT}', '${AT}', 'actor', 'corr', '');
    insert into archived_note_tags values ('bird', 'global', 'note_2');
    insert into notes_to_index values ('note_2');
    insert into context_docs
      values ('alpha', 'api.md', 'API', 'markdown', 'hash', 0, 11, '${AT}', '${AT}', null, 'actor', '', null, 'src/main.rs');
    insert into doc_versions (scope, name, version, title, doc_type, content_hash, size_bytes, created_at, actor_key_id,
        creation_correlation_id, change_id, content)
      select 'alpha', 'api.md', value, 'API', 'markdown', iif(value = 3, null, 'hash'), 0, '${AT}', 'actor', 'corr', '',
        iif(value = 3, null, 'text ' || value) from json_each('[1,2,3,4,5,6,7,8,9,10,11]');
    insert into doc_confirmations values ('alpha', 'api.md', '${AT}');
    insert into tokens (id, token_hash, actor_key_id, name, scopes_json, venture, rate_limit_per_minute, created_at, created_by,
        creation_correlation_id)
      values ('tok_1', '${"0".repeat(64)}', '${"0".repeat(16)}', 'A token', '["context"]', 'alpha', 60, '${AT}', 'actor', 'corr');
    insert into machines (id, hostname, os, arch, retired_at, created_at, updated_at, last_seen_at, creation_correlation_id)
      values ('mach_1', 'Mac1', 'linux', 'x86_64', '${AT}', '${AT}', '${AT}', '${AT}', 'corr');
    insert into sweep_runs values (1, '${AT}', null, 0, 0, 0, 0, 0);
    insert into rate_limits values ('actor', '${AT}', 1, 100);
    insert into request_log (id, correlation_id, method, status, created_at) values (41, 'corr', 'GET', 200, '${AT}');
    delete from doc_requirements where name_pattern = 'schema.md'`);
  for (let n = 10; n < 25; n += 1) begin(database, n);
  end(database, 10);
  return database;
}

function begin({ connection }, n, agent = `agent-${n}`) {
  connection.exec(`
    insert into sessions (id, agent, client, host, venture, repo, created_at, last_heartbeat_at, actor_key_id, creation_correlation_id)
      values ('sess_${n}', '${agent}', 'claude', 'mac1', 'alpha', 'example-org/alpha', '${AT}', '${AT}', 'actor', 'corr')`);
}

function end({ connection }, n) {
  connection.exec(`
    insert into handoffs (id, session_id, venture, repo, from_agent, status_label, summary, payload_hash, payload_size_bytes,
        schema_version, created_at, actor_key_id, creation_correlation_id, payload_json)
      values ('hand_${n}', 'sess_${n}', 'alpha', 'example-org/alpha', 'agent', 'done', 'all', 'hash', 2, 1, '${AT}', 'actor', 'corr', '{}');
    insert into idempotency_keys
      values ('actor', 'key-${n}', 'end_day', 'hash', 200, '{}', 'hand_${n}', '/handoff', '${AT}', '${AT}');
    update sessions set status = 'ended', ended_at = '${AT}', end_reason = 'manual', final_handoff_id = 'hand_${n}'
      where id = 'sess_${n}'`);
}

async function exported(database) {
  const lines = [];
  await exportRecords(database, (line) => lines.push(line));
  return lines;
}

async function written(lines) {
  const file = path.join(FOLDER, `${(files += 1)}`);
  await writeFile(file, lines.map((line) => `${line}\n`).join(""));
  return file;
}

/** What a database holds, whatever the order. */
async function recordsOf(database) {
  return (await exported(database)).slice(1, -1).sort();
}

async function restored(lines) {
  const [database, said] = [sqliteDatabase(":memory:"), []];
  await restoreRecords(database, await written(lines), MIGRATIONS, (words) => said.push(words));
  return { database, said };
}

test("every column goes round, where tables refer to each other too", async () => {
  const source = await filled();
  const lines = await exported(source);
  const { database, said } = await restored(lines);
  assert.deepEqual(await recordsOf(database), lines.slice(1, -1).sort());
  assert.equal(database.connection.prepare("select final_handoff_id as id from sessions where id = 'sess_10'").get().id, "hand_10");
  assert.equal(database.connection.prepare("select deleted_at from ventures where code = 'over'").get().deleted_at, AT);
  assert.equal(database.connection.prepare("select count(*) as n from note_search where note_search match 'paragraphs'").get().n, 1);
  assert.deepEqual(said, []);
  const empty = Object.entries(JSON.parse(lines.at(-1)).end).filter(([, n]) => n === 0).map(([name]) => name);
  assert.deepEqual(empty, ["token_refusals", "refusals"]);
});

test("only what closes a circle comes late", async () => {
  const late = (await tablesOf(await migrated())).flatMap(({ name, late }) => late.map(({ from }) => `${name}.${from}`));
  assert.deepEqual(late, ["sessions.final_handoff_id"]);
});

test("a day that ends while the backup is made is there with its handoff", async () => {
  let open = true;
  const before = ([{ sql }]) => {
    if (open && / from sessions .*order by/.test(sql)) [open] = [false, end(source, 20)];
  };
  const source = await filled({ before });
  const lines = await exported(source);
  assert.equal(open, false);
  assert.equal(lines.filter((line) => line.includes('"table":"handoffs"')).length, 2);
  const { database } = await restored(lines);
  assert.equal(database.connection.prepare("select final_handoff_id as id from sessions where id = 'sess_20'").get().id, "hand_20");
});

test("an agent that began anew between two pages can be restored", async () => {
  let pages = 0;
  const before = ([{ sql }]) => {
    if (/ from sessions .*order by/.test(sql) && (pages += 1) === 2) {
      source.connection.exec(`update sessions set status = 'abandoned', ended_at = '${AT}' where id = 'sess_11'`);
      begin(source, 30, "agent-11");
    }
  };
  const source = await filled({ before });
  const { database, said } = await restored(await exported(source));
  const status = (id) => database.connection.prepare("select status from sessions where id = ?1").get(id).status;
  assert.deepEqual([status("sess_11"), status("sess_30")], ["active", "abandoned"]);
  assert.match(said.join(), /^sessions sess_30 began while the backup was made/);
});

test("a reference to what the file does not have is left empty, and said", async () => {
  const lines = (await exported(await filled())).filter((line) => !/"table":"(handoffs|idempotency_keys)"/.test(line));
  const end = { ...JSON.parse(lines.pop()).end, handoffs: 0, idempotency_keys: 0 };
  const { database, said } = await restored([...lines, JSON.stringify({ end })]);
  assert.equal(database.connection.prepare("select count(*) as n from sessions where final_handoff_id is not null").get().n, 0);
  assert.match(said.join(), /^1 of sessions.final_handoff_id lead to no record/);
});

/** A database that fails once, at its request number `at`, before or after that is done. */
function failing(moment, at) {
  const state = { left: at };
  const count = () => {
    if ((state.left -= 1) === 0) throw new Error("the network is gone");
  };
  return Object.assign(sqliteDatabase(":memory:", { [moment]: count }), { state });
}

for (const moment of ["before", "after"]) {
  test(`a restore that broke off ${moment} any request was done goes on when it is repeated`, async () => {
    const source = await filled();
    const [file, records] = [await written(await exported(source)), await recordsOf(source)];
    const other = await written(await exported(await migrated()));
    for (let at = 1, broke = true; broke; at += 1) {
      const database = failing(moment, at);
      await restoreRecords(database, file, MIGRATIONS, quiet).catch(() => {});
      broke = database.state.left <= 0;
      database.state.left = 0;
      if (database.connection.prepare("select 1 from sqlite_master where name = 'restore_under_way'").get()) {
        await assert.rejects(restoreRecords(database, other, MIGRATIONS, quiet), /a restore of another file broke off here/);
        await assert.rejects(exported(database), /a restore of this database broke off/);
      }
      const again = restoreRecords(database, file, MIGRATIONS, quiet);
      await again.catch((error) => assert.match(error.message, /^the database is not empty; nothing was changed$/));
      assert.deepEqual(await recordsOf(database), records, `broken off at request ${at}`);
    }
  });
}

test("two restores at once add no record twice", async () => {
  const source = await filled();
  const [file, folder] = [await written(await exported(source)), path.join(FOLDER, "shared.db")];
  const race = [sqliteDatabase(folder), sqliteDatabase(folder)].map((database) => restoreRecords(database, file, MIGRATIONS, quiet));
  const ends = await Promise.allSettled(race);
  if (ends.every(({ status }) => status === "rejected")) await restoreRecords(sqliteDatabase(folder), file, MIGRATIONS, quiet);
  assert.deepEqual(await recordsOf(sqliteDatabase(folder)), await recordsOf(source));
});

test("an older backup is restored and brought to the newest migration", async () => {
  const old = sqliteDatabase(":memory:");
  await applyMigrations(old, MIGRATIONS, (name) => name < "0012");
  old.connection.exec(`insert into ventures (code, name, repos_json, capabilities_json, created_at, updated_at)
    values ('alpha', 'Alpha', '[]', '[]', '${AT}', '${AT}')`);
  const { database } = await restored(await exported(old));
  const applied = database.connection.prepare("select name from d1_migrations order by id").all().map(({ name }) => name);
  assert.deepEqual(applied, await migrationNames(MIGRATIONS));
  assert.equal(database.connection.prepare("select count(*) as n from doc_requirements").get().n, 3);
});

test("a file that is none, damaged or newer changes nothing and says why", async () => {
  const lines = await exported(await filled());
  const head = JSON.parse(lines[0]);
  const whole = await readFile(await written(lines));
  const newer = { ...head, migrations: [...head.migrations, "9999_later.sql"] };
  const bad = [
    ["", / is empty; /],
    ["SQLite format 3\0 and more", /a backup of the embedded engine: restore it with --engine embedded; /],
    ["hello\n", / is no backup of D1; /],
    [`${JSON.stringify({ ...head, format: "deckwatch-records-2" })}\n`, /made by a newer Deckwatch \(deckwatch-records-2\)/],
    [`${JSON.stringify(newer)}\n`, /made by a newer Deckwatch \(migration 9999_later.sql\)/],
    [`${JSON.stringify({ ...head, migrations: [] })}\n`, / names no migrations; /],
    [`${whole}`.replace("A note", "A mote"), / is cut off or damaged; /],
    [`${whole}{"table":"notes","row":{}}\n`, / goes on after its end; /],
    ...Array.from({ length: 40 }, (_, n) => [whole.subarray(0, ((whole.length - 2) * n) / 40), /(cut off or damaged|is empty|no backup of D1); nothing was changed$/]),
  ];
  for (const [content, why] of bad) {
    const [file, database] = [path.join(FOLDER, "bad"), sqliteDatabase(":memory:")];
    await writeFile(file, content);
    await assert.rejects(restoreRecords(database, file, MIGRATIONS, quiet), why);
    assert.deepEqual(database.connection.prepare("select name from sqlite_master").all(), []);
  }
});
