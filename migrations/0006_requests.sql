-- The tables that a request writes to, whatever its operation: its rate counter, its idempotency key and its log row.
-- D1 charges for each row and each index entry that is written, so each of these is one row without an index entry.

-- The counter of each actor for its last minute. The CHECK aborts the batch of a request that exceeds the limit. The
-- sweep deletes the counters of actors that sent nothing for an hour, so it reads only the actors of the last hour.
create table rate_limits (
  actor_key_id text not null primary key,
  window_start text not null,
  request_count integer not null,
  request_limit integer not null,
  constraint rate_limit_exceeded check (request_count <= request_limit)
) strict, without rowid;

-- One row for each idempotency key, with the answer that a replay repeats. The batch that does the work inserts it with
-- the answer; its first statement refuses a key that has a row. The primary key begins with the day on which the row
-- expires, so that the sweep deletes a range of it. A payload of 64 KiB or more is not stored in the answer:
-- `payload_handoff_id` names its handoff, `payload_path` its place in the answer.
create table idempotency_keys (
  expires_on text not null,
  actor_key_id text not null,
  idempotency_key text not null,
  operation text not null,
  request_hash text not null,
  created_at text not null,
  expires_at text not null,
  response_status integer not null,
  payload_handoff_id text references handoffs (id),
  payload_path text,
  response_json text not null,
  constraint idempotency_keys_key primary key (expires_on, actor_key_id, idempotency_key),
  constraint idempotency_keys_expiry check (expires_on = substr(expires_at, 1, 10)),
  constraint idempotency_keys_payload check ((payload_handoff_id is null) = (payload_path is null))
) strict, without rowid;

-- The request log: one row per request, kept for 7 days. `moment` is the time without its colons and the number of the
-- request in its millisecond: a time window is a range of it, and a cursor is one of its values.
create table request_log (
  moment text not null primary key,
  correlation_id text not null,
  actor_key_id text,
  operation text,
  method text not null,
  status integer not null,
  error_code text,
  duration_ms integer,
  created_at text not null generated always as (
    substr(moment, 1, 13) || ':' || substr(moment, 14, 2) || ':' || substr(moment, 16, 7)) virtual,
  constraint request_log_moment check (moment glob '????-??-??T??????.???Z_*')
) strict, without rowid;

-- A batch has no conditional statements, but a failing statement aborts it. Every insert into this table violates a
-- constraint, and the name of the constraint gives the reason. The table is always empty.
create table refusals (
  reason text not null,
  constraint idempotency_key_taken check (reason <> 'idempotency_key_taken'),
  constraint refused_session_not_found check (reason <> 'session_not_found'),
  constraint refused_session_ended check (reason <> 'session_ended'),
  constraint refused_venture_not_found check (reason <> 'venture_not_found'),
  constraint refused_venture_not_registered check (reason <> 'venture_not_registered'),
  constraint refused_note_not_found check (reason <> 'note_not_found'),
  constraint refused_note_changed check (reason <> 'note_changed'),
  constraint refused_machine_not_found check (reason <> 'machine_not_found'),
  constraint refused_machine_retired check (reason <> 'machine_retired'),
  constraint refused_machine_changed check (reason <> 'machine_changed'),
  constraint refused_requirement_not_found check (reason <> 'requirement_not_found'),
  constraint refused_requirements_full check (reason <> 'requirements_full'),
  constraint refused_scope_not_registered check (reason <> 'scope_not_registered'),
  constraint refused_doc_not_found check (reason <> 'doc_not_found'),
  constraint refused_doc_changed check (reason <> 'doc_changed'),
  constraint refused_doc_not_generated check (reason <> 'doc_not_generated'),
  constraint refused_reason check (false)
) strict;

-- The reasons for which a token is refused, as names of constraints. The table is always empty. It is separate from
-- `refusals`, because these reasons stop a request before its operation runs.
create table token_refusals (
  reason text not null,
  constraint token_unknown check (reason <> 'unknown'),
  constraint token_revoked check (reason <> 'revoked'),
  constraint token_expired check (reason <> 'expired'),
  constraint token_scope check (reason <> 'scope'),
  constraint token_venture check (reason <> 'venture'),
  constraint token_session check (reason <> 'session'),
  constraint token_handoff check (reason <> 'handoff'),
  constraint token_note check (reason <> 'note'),
  constraint token_missing check (reason <> 'missing'),
  constraint token_refused check (false)
) strict;

-- The last run of the scheduled sweep. /health reports it, so that monitoring can detect a sweep that no longer runs.
create table sweep_runs (
  id integer primary key,
  started_at text not null,
  -- Null while the sweep runs, and after a run that was interrupted.
  finished_at text,
  -- Whether rows are left for the next run.
  more integer not null,
  sessions integer not null,
  keys integer not null,
  rates integer not null,
  log integer not null,
  constraint sweep_runs_last check (id = 1),
  constraint sweep_runs_more check (more in (0, 1))
) strict;

-- What the batch of a move_records moves: sessions, handoffs, notes, docs, requirements or nothing. The first statement of the
-- batch sets it, so that the others need not find out again.
create table record_moves (
  id integer primary key,
  stage text not null,
  constraint record_moves_one check (id = 1)
) strict;
