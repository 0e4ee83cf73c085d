// Tests backups of D1 with requests that run or fail at exact moments, which a test with a real server can't control.

import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
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

/** A database with rows in every table that can have rows, and with sessions for more than one page. */
async function filled(watched) {
  const database = await migrated(watched);
  database.connection.exec(`
    insert into ventures (code, name, repos_json, capabilities_json, created_at, updated_at, deleted_at)
      values ('alpha', 'Alpha', '[]', '[]', '${AT}', '${AT}', null), ('over', 'Over', '[]', '[]', '${AT}', '${AT}', '${AT}');
    insert into notes (id, venture, title, created_at, updated_at, actor_key_id, creation_correlation_id, content, version)
      values ('note_1', 'alpha', 'A note', '${AT}', '${AT}', 'actor', 'corr', 'lines\u2028and\u2029paragraphs\r\n"😀"', 3);
    update notes set number = 7;
    insert into note_tags (tag, scope, note_id)
      values ('bird', 'alpha', 'note_1');
    insert into note_ranks (number, head, often)
      values (7, ' a note ', '');
    insert into note_terms (id, filters, title, content)
      values (7, '+live +live:alpha', ' a note ', ' lines and paragraphs ');
    insert into note_search (note_search) values ('rebuild');
    insert into notes (id, title, created_at, updated_at, archived_at, actor_key_id, creation_correlation_id, content)
      values ('note_2', 'Of all', '${AT}', '${AT}', '${AT}', 'actor', 'corr', '');
    insert into archived_note_tags (tag, scope, note_id)
      values ('bird', 'global', 'note_2');
    insert into notes_to_index (note_id)
      values ('note_2');
    insert into context_docs (scope, name, title, doc_type, content_hash, size_bytes, version, created_at, updated_at,
        deleted_at, actor_key_id, source_repo, source_path, content)
      values ('alpha', 'api.md', 'API', 'markdown', 'hash', 0, 11, '${AT}', '${AT}', null, 'actor', null, 'src/main.rs', '');
    insert into doc_versions (scope, name, version, title, doc_type, content_hash, size_bytes, created_at, actor_key_id,
        creation_correlation_id, change_id, content)
      select 'alpha', 'api.md', value, 'API', 'markdown', iif(value = 3, null, 'hash'), 0, '${AT}', 'actor', 'corr', '',
        iif(value = 3, null, 'text ' || value) from json_each('[1,2,3,4,5,6,7,8,9,10,11]');
    insert into doc_confirmations (scope, name, confirmed_at) values ('alpha', 'api.md', '${AT}');
    insert into tokens (id, token_hash, actor_key_id, name, scopes_json, venture, rate_limit_per_minute, created_at, created_by,
        creation_correlation_id)
      values ('tok_1', '${"0".repeat(64)}', '${"0".repeat(16)}', 'A token', '["context"]', 'alpha', 60, '${AT}', 'actor', 'corr');
    insert into machines (id, hostname, os, arch, retired_at, created_at, updated_at, last_seen_at, creation_correlation_id)
      values ('mach_1', 'Mac1', 'linux', 'x86_64', '${AT}', '${AT}', '${AT}', '${AT}', 'corr');
    insert into record_moves (id, stage)
      values (1, 'nothing');
    insert into github_deliveries (id, repo, number, facts_json, state, due_at, attempts, planned_json, last_error,
        received_at)
      values ('d-1', 'example-org/alpha', 7, '{}', 'done', '${AT}', 1, '[]', null, '${AT}');
    insert into classifications (id, venture, repo, number, grade, body_json, state_json)
      values ('cls_1', 'alpha', 'example-org/alpha', 7, 2, '{}', '{}');
    insert into sweep_runs (id, started_at, finished_at, more, sessions, keys, rates, log, events, messages)
      values (1, '${AT}', null, 0, 0, 0, 0, 0, 0, 0);
    insert into events (kind, subject, at, data_json) values ('note_saved', 'note_1', '${AT}', '{}');
    insert into agents (venture, agent, owner, taken_at, last_seen_at) values ('alpha', 'agent-10', 'context', '${AT}', '${AT}');
    insert into rate_limits (actor_key_id, window_start, request_count, request_limit)
      values ('actor', '${AT}', 1, 100);
    insert into request_log (moment, correlation_id, method, status)
      values (replace('${AT}', ':', '') || '_000041', 'corr', 'GET', 200);
    delete from doc_requirements where name_pattern = 'schema.md'`);
  for (let n = 10; n < 25; n += 1) begin(database, n);
  end(database, 10);
  database.connection.exec(`
    insert into messages (id, venture, from_agent, kind, body, to_json, priority, ack_required, sent_at, expires_at, due_at,
        actor_key_id, creation_correlation_id)
      values ('msg_1', 'alpha', 'agent-11', 'note', 'text', '["agent-12"]', 'next', 0, '${AT}', '${AT}', '${AT}', 'actor', 'corr');
    insert into deliveries (id, message_id, venture, agent, later, expires_at, queued_at)
      values ('dlv_1', 'msg_1', 'alpha', 'agent-12', 1, '${AT}', '${AT}');
    insert into message_rates (venture, agent, window_start, sent, sent_to_all)
      values ('alpha', 'agent-11', '${AT}', 1, 0);
    insert into claims (id, venture, repo, subject, place, session_id, fence, taken_at)
      values ('clm_1', 'alpha', 'example-org/alpha', 'issue:7', 'issue:7', 'sess_11', 1, '${AT}');
    insert into state_entries (venture, key, version, size_bytes, updated_at, session_id)
      values ('alpha', 'bird', 1, 2, '${AT}', 'sess_11');
    insert into state_versions (venture, key, version, updated_at, session_id, value_json)
      values ('alpha', 'bird', 1, '${AT}', 'sess_11', '{}');
    insert into state_counts (venture, keys)
      values ('alpha', 1)`);
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
    insert into idempotency_keys (expires_on, actor_key_id, idempotency_key, operation, request_hash, created_at,
        expires_at, response_status, payload_handoff_id, payload_path, response_json)
      values (substr('${AT}', 1, 10), 'actor', 'key-${n}', 'end_day', 'hash', '${AT}', '${AT}', 200, 'hand_${n}', '/handoff', '{}');
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

/** The sorted records of a database. */
async function recordsOf(database) {
  return (await exported(database)).slice(1, -1).sort();
}

async function restored(lines) {
  const [database, messages] = [sqliteDatabase(":memory:"), []];
  await restoreRecords(database, await written(lines), MIGRATIONS, (message) => messages.push(message));
  return { database, messages };
}

test("a restore keeps every column, also of tables that refer to each other", async () => {
  const source = await filled();
  const lines = await exported(source);
  const { database, messages } = await restored(lines);
  assert.deepEqual(await recordsOf(database), lines.slice(1, -1).sort());
  assert.equal(database.connection.prepare("select final_handoff_id as id from sessions where id = 'sess_10'").get().id, "hand_10");
  assert.equal(database.connection.prepare("select deleted_at from ventures where code = 'over'").get().deleted_at, AT);
  assert.equal(database.connection.prepare("select count(*) as n from note_search where note_search match 'paragraphs'").get().n, 1);
  assert.deepEqual(messages, []);
  const counts = Object.entries(JSON.parse(lines.at(-1)).end);
  const empty = counts.filter(([, n]) => n === 0).map(([name]) => name);
  assert.deepEqual(empty, counts.map(([name]) => name).filter((name) => name.endsWith("refusals")), "only these can have no rows");
});

test("only a reference that closes a cycle is deferred", async () => {
  const deferred = (await tablesOf(await migrated())).flatMap(({ name, deferred }) => deferred.map(({ from }) => `${name}.${from}`));
  assert.deepEqual(deferred, ["sessions.final_handoff_id"]);
});

test("a day that ends during the export is exported with its handoff", async () => {
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

test("a session that replaced another between two pages can be restored", async () => {
  let pages = 0;
  const before = ([{ sql }]) => {
    if (/ from sessions .*order by/.test(sql) && (pages += 1) === 2) {
      source.connection.exec(`update sessions set status = 'abandoned', ended_at = '${AT}' where id = 'sess_11'`);
      begin(source, 30, "agent-11");
    }
  };
  const source = await filled({ before });
  const { database, messages } = await restored(await exported(source));
  const status = (id) => database.connection.prepare("select status from sessions where id = ?1").get(id).status;
  assert.deepEqual([status("sess_11"), status("sess_30")], ["active", "abandoned"]);
  assert.match(messages.join(), /^sessions sess_30 began during the export/);
});

test("a reference to a record that the file does not contain is left empty and reported", async () => {
  const lines = (await exported(await filled())).filter((line) => !/"table":"(handoffs|idempotency_keys)"/.test(line));
  const end = { ...JSON.parse(lines.pop()).end, handoffs: 0, idempotency_keys: 0 };
  const { database, messages } = await restored([...lines, JSON.stringify({ end })]);
  assert.equal(database.connection.prepare("select count(*) as n from sessions where final_handoff_id is not null").get().n, 0);
  assert.match(messages.join(), /^1 references in sessions.final_handoff_id point to no record/);
});

/** A database that fails once, at request number `at`, before or after it has run the request. */
function failing(moment, at) {
  const state = { left: at };
  const count = () => {
    if ((state.left -= 1) === 0) throw new Error("the network is gone");
  };
  return Object.assign(sqliteDatabase(":memory:", { [moment]: count }), { state });
}

for (const moment of ["before", "after"]) {
  test(`a restore that was interrupted ${moment} any request continues when it is repeated`, async () => {
    const source = await filled();
    const [file, records] = [await written(await exported(source)), await recordsOf(source)];
    const other = await written(await exported(await migrated()));
    for (let at = 1, interrupted = true; interrupted; at += 1) {
      const database = failing(moment, at);
      await restoreRecords(database, file, MIGRATIONS, quiet).catch(() => {});
      interrupted = database.state.left <= 0;
      database.state.left = 0;
      if (database.connection.prepare("select 1 from sqlite_master where name = 'restore_under_way'").get()) {
        await assert.rejects(restoreRecords(database, other, MIGRATIONS, quiet), /an interrupted restore of another file/);
        await assert.rejects(exported(database), /a restore into this database was interrupted/);
      }
      const again = restoreRecords(database, file, MIGRATIONS, quiet);
      await again.catch((error) => assert.match(error.message, /^the database is not empty; nothing was changed: restore into a new database$/));
      assert.deepEqual(await recordsOf(database), records, `interrupted at request ${at}`);
    }
  });
}

test("two restores at the same time add no record twice", async () => {
  const source = await filled();
  const [file, folder] = [await written(await exported(source)), path.join(FOLDER, "shared.db")];
  const race = [sqliteDatabase(folder), sqliteDatabase(folder)].map((database) => restoreRecords(database, file, MIGRATIONS, quiet));
  const ends = await Promise.allSettled(race);
  if (ends.every(({ status }) => status === "rejected")) await restoreRecords(sqliteDatabase(folder), file, MIGRATIONS, quiet);
  assert.deepEqual(await recordsOf(sqliteDatabase(folder)), await recordsOf(source));
});

test("an older backup is restored and migrated to the newest schema", async () => {
  const file = await written(await exported(await filled()));
  const newest = path.join(FOLDER, "migrations");
  await cp(MIGRATIONS, newest, { recursive: true });
  await writeFile(path.join(newest, "9999_later.sql"), "create table later (n integer); insert into later select count(*) from sessions;");
  const database = sqliteDatabase(":memory:");
  await restoreRecords(database, file, newest, quiet);
  const applied = database.connection.prepare("select name from d1_migrations order by id").all().map(({ name }) => name);
  assert.deepEqual(applied, await migrationNames(newest));
  assert.equal(database.connection.prepare("select n from later").get().n, 15);
});

test("a file that is not a backup, damaged or newer is refused with the reason and changes nothing", async () => {
  const lines = await exported(await filled());
  const head = JSON.parse(lines[0]);
  const whole = await readFile(await written(lines));
  const newer = { ...head, migrations: [...head.migrations, "9999_later.sql"] };
  const bad = [
    ["", / is empty; /],
    ["SQLite format 3\0 and more", /a backup of the embedded engine: restore it with --engine embedded; /],
    ["hello\n", / is not a backup of D1; /],
    [`${JSON.stringify({ ...head, format: "deckwatch-records-2" })}\n`, /made by a newer Deckwatch \(deckwatch-records-2\)/],
    [`${JSON.stringify(newer)}\n`, /made by a newer Deckwatch \(migration 9999_later.sql\)/],
    ...["0001_ventures.sql", "0001_ventures_and_tokens.sql"].map((first) =>
      [`${JSON.stringify({ ...head, migrations: [first] })}\n`, /from before its first release; nothing was changed/]),
    [`${JSON.stringify({ ...head, migrations: [] })}\n`, / names no migrations; /],
    [`${whole}`.replace("A note", "A mote"), / is truncated or damaged; /],
    [`${whole}{"table":"notes","row":{}}\n`, / has data after its last line; /],
    ...Array.from({ length: 40 }, (_, n) => [whole.subarray(0, ((whole.length - 2) * n) / 40), /(truncated or damaged|is empty|not a backup of D1); nothing was changed$/]),
  ];
  for (const [content, why] of bad) {
    const [file, database] = [path.join(FOLDER, "bad"), sqliteDatabase(":memory:")];
    await writeFile(file, content);
    await assert.rejects(restoreRecords(database, file, MIGRATIONS, quiet), why);
    assert.deepEqual(database.connection.prepare("select name from sqlite_master").all(), []);
  }
});
