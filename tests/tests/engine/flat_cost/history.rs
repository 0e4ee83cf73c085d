//! A long history, inserted directly into the database.

use deckwatch_protocol::{HandoffId, SessionId, Timestamp};
use rusqlite::{Connection, params};

/// The size of the history.
pub(super) struct Size {
    pub(super) sessions: u32,
    pub(super) handoffs: u32,
    pub(super) notes: u32,
    pub(super) docs: u32,
}

/// Inserts the history: ended sessions, handoffs, tagged notes, idempotency keys and log rows.
pub(super) fn db_fill(connection: &Connection, size: &Size) {
    let rows = "with recursive n (i) as (select 1 union all select i + 1 from n where i < ?1) ";
    let fill = |sql: &str, count: u32| {
        connection.execute(&sql.replace("ROWS ", rows), params![count]).unwrap();
    };
    fill(
        "ROWS insert into sessions (id, agent, client, host, venture, repo, track, status, created_at, last_heartbeat_at,
           ended_at, end_reason, actor_key_id, creation_correlation_id)
         select printf('sess_00%024d', i), 'agent-' || (i % 2), 'claude', 'mac1', 'alpha', 'example-org/alpha', i % 2,
           'ended', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', 'manual', 'a', 'c'
         from n",
        size.sessions,
    );
    fill(
        "ROWS insert into handoffs (id, session_id, venture, repo, track, issue_number, from_agent, to_agent, status_label,
           summary, payload_json, payload_hash, payload_size_bytes, schema_version, created_at, actor_key_id, creation_correlation_id)
         select printf('ho_00%024d', i), printf('sess_00%024d', 1 + i % 100), 'alpha', 'example-org/alpha', i % 2, 87,
           'agent-' || (i % 2), iif(i % 2, 'agent-new', 'agent-0'), 'done', 's', '{}', 'h', 2, 1,
           '2026-01-01T00:00:00.000Z', 'a', 'c' from n",
        size.handoffs,
    );
    fill(
        "ROWS insert into notes (id, venture, title, content, created_at, updated_at, actor_key_id, creation_correlation_id)
         select printf('note_00%024d', i), iif(i % 2, 'alpha', null), 't', 'some words about the business',
           '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', 'a', 'c' from n",
        size.notes,
    );
    fill(
        "ROWS insert into notes (id, venture, title, content, created_at, updated_at, archived_at, actor_key_id,
           creation_correlation_id)
         select printf('note_01%024d', i), iif(i % 2, 'alpha', null), 't', 'some words about the business',
           '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', 'a', 'c' from n",
        size.notes,
    );
    fill(
        "ROWS insert into notes (id, venture, title, content, created_at, updated_at, actor_key_id, creation_correlation_id,
           agent, session_id)
         select printf('mem_00%024d', i), 'alpha', 't', 'some words about the business', '2026-01-01T00:00:00.000Z',
           '2026-01-01T00:00:00.000Z', 'a', 'c', 'agent-0', 'sess_1' from n",
        size.notes,
    );
    connection
        .execute_batch(
            "insert into note_ranks (number, head, often) select number, ' t ', '' from notes where true on conflict do nothing;
             insert into note_terms (id, filters, title, content)
               select n.number, iif(n.id < 'note_', '+memory +memory:',
                   iif(n.archived_at is null, '+live +live:', '+archived +archived:')) || ifnull(n.venture, ''),
                 ' t ', ' some words about the business '
               from notes n where true on conflict do nothing;
             insert into note_search (note_search) values ('rebuild');",
        )
        .unwrap();
    fill(
        "ROWS insert into note_tags (tag, scope, note_id)
         select 'executive-summary', iif(i % 2, 'alpha', 'global'), printf('note_00%024d', i) from n",
        size.notes,
    );
    fill(
        "ROWS insert into note_tags (tag, scope, note_id)
         select 'executive-summary', 'alpha', printf('mem_00%024d', i) from n",
        size.notes,
    );
    fill(
        "ROWS insert into archived_note_tags (tag, scope, note_id)
         select 'strategy', iif(i % 2, 'alpha', 'global'), printf('note_01%024d', i) from n",
        size.notes,
    );
    // Blocked handoffs of two days. Nothing resolves them until the first handoff of the lab.
    db_fill_blocked(connection, "2026-10-01T00:00:00Z", 50);
    db_fill_blocked(connection, "2026-10-10T00:00:00Z", size.handoffs);
    db_fill_fleet(&fill, connection, size);
    fill(
        "ROWS insert into request_log (moment, correlation_id, method, status)
         select printf('2026-11-20T000000.000Z_%06d', i), 'corr_' || i, 'GET', 200 from n",
        size.sessions,
    );
    fill(
        "ROWS insert into idempotency_keys (expires_on, actor_key_id, idempotency_key, operation, request_hash, created_at,
           expires_at, response_status, response_json)
         select '2026-12-21', 'a', 'key-' || i, 'start_day', 'h', '2026-11-21T00:00:00.000Z', '2026-12-21T00:00:00.000Z', 200,
           '{}' from n",
        size.handoffs,
    );
}

/// Inserts requirements whose pattern matches no document, and documents of `alpha`.
pub(super) fn db_fill_patterns(connection: &Connection, patterns: u32, docs: u32) {
    let rows = "with recursive n (i) as (select 1 union all select i + 1 from n where i < ?1) ";
    let requirements = "insert into doc_requirements (id, name_pattern, scope_type, created_at, updated_at)
        select printf('req_01%024d', i), printf('*-%04d.txt', i), 'venture', '2026-01-01T00:00:00.000Z',
          '2026-01-01T00:00:00.000Z' from n";
    connection.execute(&format!("{rows}{requirements}"), params![patterns]).unwrap();
    let documents =
        "insert into context_docs (scope, name, title, doc_type, content_hash, size_bytes, version, created_at,
          updated_at, actor_key_id, content)
        select 'alpha', printf('of-pattern-%06d.md', i), 't', 'markdown', 'h', 1, 1, '2026-01-01T00:00:00.000Z',
          '2026-01-01T00:00:00.000Z', 'a', 'c' from n";
    connection.execute(&format!("{rows}{documents}"), params![docs]).unwrap();
    let confirmations = "insert into doc_confirmations (scope, name, confirmed_at)
        select scope, name, updated_at from context_docs where name like 'of-pattern-%'";
    connection.execute(confirmations, []).unwrap();
}

/// Inserts `count` blocked handoffs with the same time.
pub(super) fn db_fill_blocked(connection: &Connection, moment: &str, count: u32) {
    let id = HandoffId::mint(moment.parse().unwrap(), 0);
    let sql = "with recursive n (i) as (select 1 union all select i + 1 from n where i < ?1)
        insert into handoffs (id, session_id, venture, repo, track, from_agent, status_label, summary, payload_json,
          payload_hash, payload_size_bytes, schema_version, created_at, actor_key_id, creation_correlation_id)
        select substr(?2, 1, 23) || printf('%06d', i), printf('sess_00%024d', 1), 'alpha', 'example-org/alpha', nullif(i % 3, 0),
          'agent-' || (i % 2), 'blocked', 's', '{}', 'h', 2, 1, ?3, 'a', 'c' from n";
    connection.execute(sql, params![count, id.as_str(), moment]).unwrap();
}

/// Inserts `count` sessions of ten agents with a handoff each, one per second, up to `end`.
pub(super) fn db_fill_busy(connection: &Connection, end: Timestamp, count: i64) {
    let session = "insert into sessions (id, agent, client, host, venture, repo, status, created_at, last_heartbeat_at, ended_at,
          end_reason, actor_key_id, creation_correlation_id)
        values (?1, 'busy-' || (?3 % 10), 'claude', 'mac1', 'alpha', 'example-org/alpha', 'ended', ?2, ?2, ?2, 'manual', 'a', 'c')";
    let handoff = "insert into handoffs (id, session_id, venture, repo, from_agent, status_label, summary, payload_json, payload_hash,
          payload_size_bytes, schema_version, created_at, actor_key_id, creation_correlation_id)
        values (?1, ?4, 'alpha', 'example-org/alpha', 'busy-' || (?3 % 10), iif(?3 % 3, 'done', 'blocked'), 's', '{}', 'h', 2, 1,
          ?2, 'a', 'c')";
    for n in 1..=count {
        let at = end.plus_seconds(n - count);
        let id = SessionId::mint(at, u128::from(n.unsigned_abs()));
        let of_handoff = HandoffId::mint(at, u128::from(n.unsigned_abs()));
        let at = at.to_string();
        connection.prepare_cached(session).unwrap().execute(params![id.as_str(), at, n]).unwrap();
        connection.prepare_cached(handoff).unwrap().execute(params![of_handoff.as_str(), at, n, id.as_str()]).unwrap();
    }
}

/// Inserts the other records: machines, ventures, documents.
fn db_fill_fleet(fill: &impl Fn(&str, u32), connection: &Connection, size: &Size) {
    for (n, retired_at, [approved, pending]) in [
        (0, "null", ["'x', 'x', 'x', 'x', 'x', 'x'", "null, null, null, null, null, null"]),
        (1, "null", ["null, null, null, null, null, null", "'x', 'x', 'x', 'x', 'x', 'x'"]),
        (2, "'x'", ["null, null, null, null, null, null", "null, null, null, null, null, null"]),
    ] {
        let sql = format!(
            "ROWS insert into machines (id, hostname, os, arch, role, approved_user, approved_ip, approved_key,
               approved_fingerprint, approved_at, approved_by, pending_user, pending_ip, pending_key, pending_fingerprint,
               pending_at, pending_by, created_at, updated_at, last_seen_at, retired_at, creation_correlation_id)
             select printf('mach_0{n}%024d', i), 'host-{n}-' || i, 'linux', 'x86_64', 'role-' || (i % 2), {approved}, {pending},
               'x', 'x', 'x', {retired_at}, 'c' from n"
        );
        fill(&sql, size.handoffs);
    }
    fill(
        "ROWS insert into context_docs (scope, name, title, doc_type, content_hash, size_bytes, version, created_at,
           updated_at, actor_key_id, content)
         select 'other-' || (i % 50), 'doc-' || i || '.md', 't', 'markdown', 'h', 1, 1, '2026-01-01T00:00:00.000Z',
           '2026-01-01T00:00:00.000Z', 'a', 'c' from n",
        size.notes,
    );
    fill(
        "ROWS insert into doc_confirmations (scope, name, confirmed_at)
         select 'other-' || (i % 50), 'doc-' || i || '.md', '2026-11-01T00:00:00.000Z' from n",
        size.notes,
    );
    // The codes of the deleted ventures come first.
    for (name, deleted) in [("other", "null"), ("gone", "'2026-01-01T00:00:00.000Z'")] {
        let sql = format!(
            "ROWS insert into ventures (code, name, repos_json, capabilities_json, created_at, updated_at, deleted_at)
             select '{name}-' || i, 'Other', '[]', '[]', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', {deleted} from n"
        );
        fill(&sql, size.notes);
    }
    // The agents' sessions and handoffs in another venture, which are newer than all of this venture: 200 s after the
    // start of the test's clock.
    fill(
        "ROWS insert into sessions (id, agent, client, host, venture, repo, status, created_at, last_heartbeat_at, ended_at,
           end_reason, actor_key_id, creation_correlation_id)
         select printf('sess_01M7YJ36A0%016d', i), iif(i % 2, 'agent-new', 'agent-0'), 'claude', 'mac1', 'other-1', 'example-org/other',
           'ended', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', 'manual', 'a', 'c'
         from n",
        size.handoffs,
    );
    fill(
        "ROWS insert into handoffs (id, session_id, venture, repo, from_agent, to_agent, status_label, summary, payload_json,
           payload_hash, payload_size_bytes, schema_version, created_at, actor_key_id, creation_correlation_id)
         select printf('ho_01M7YJ36A0%016d', i), printf('sess_01M7YJ36A0%016d', i), 'other-1', 'example-org/other', 'agent-1',
           iif(i % 2, 'agent-new', 'agent-0'), 'done', 's', '{}', 'h', 2, 1, '2026-01-01T00:00:00.000Z', 'a', 'c' from n",
        size.handoffs,
    );
    // Half of the documents are not deleted, in the venture and in the global scope; each has its current version.
    for (name, deleted) in [("doc", "null"), ("gone", "'2026-01-01T00:00:00.000Z'")] {
        let sql = format!(
            "ROWS insert into context_docs (scope, name, title, doc_type, content_hash, size_bytes, version, created_at,
               updated_at, deleted_at, actor_key_id, content)
             select iif(i % 2, 'alpha', 'global'), printf('{name}-%08d.md', i), 't', 'markdown', 'h', 1, 1,
               '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', {deleted}, 'a', 'x' from n"
        );
        fill(&sql, size.docs);
    }
    connection
        .execute(
            "insert into doc_versions (scope, name, version, title, doc_type, content_hash, size_bytes, created_at, actor_key_id,
               creation_correlation_id, change_id, content)
             select scope, name, version, title, doc_type, content_hash, size_bytes, created_at, actor_key_id, 'c', '', content
             from context_docs where true on conflict do nothing",
            [],
        )
        .unwrap();
}
