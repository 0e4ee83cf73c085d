-- Tables for every request: rate limits, idempotency keys, refusals, the request log.

-- One counter for each actor and minute. The CHECK aborts the batch of a request that exceeds the limit.
create table rate_limits (
  actor_key_id text not null,
  window_start text not null,
  request_count integer not null,
  request_limit integer not null,
  constraint rate_limits_key primary key (actor_key_id, window_start),
  constraint rate_limit_exceeded check (request_count <= request_limit)
) strict, without rowid;

create index rate_limits_by_window on rate_limits (window_start);

-- One row for each idempotency key, with the answer that a replay repeats; one batch writes both. A payload of 64 KiB
-- or more is not stored in the answer: `payload_handoff_id` names its handoff, `payload_path` its place in the answer.
create table idempotency_keys (
  actor_key_id text not null,
  idempotency_key text not null,
  operation text not null,
  request_hash text not null,
  response_status integer,
  response_json text,
  payload_handoff_id text references handoffs (id),
  payload_path text,
  created_at text not null,
  expires_at text not null,
  constraint idempotency_key_taken primary key (actor_key_id, idempotency_key),
  constraint idempotency_keys_answered check ((response_status is null) = (response_json is null)),
  constraint idempotency_keys_payload check ((payload_handoff_id is null) = (payload_path is null))
) strict;

create index idempotency_keys_by_expiry on idempotency_keys (expires_at);
create index idempotency_keys_by_payload on idempotency_keys (payload_handoff_id) where payload_handoff_id is not null;

-- A batch has no conditional statements, but a failing statement aborts it. Every insert into this table violates a
-- constraint, and the name of the constraint gives the reason. The table is always empty.
create table refusals (
  reason text not null,
  constraint refused_session_not_found check (reason <> 'session_not_found'),
  constraint refused_session_ended check (reason <> 'session_ended'),
  constraint refused_venture_not_registered check (reason <> 'venture_not_registered'),
  constraint refused_reason check (false)
) strict;

-- The request log: one row per request, kept for 7 days.
create table request_log (
  id integer primary key,
  correlation_id text not null,
  actor_key_id text,
  operation text,
  method text not null,
  status integer not null,
  error_code text,
  duration_ms integer,
  created_at text not null
) strict;

create index request_log_by_time on request_log (created_at);
create index request_log_by_correlation on request_log (correlation_id);
create index request_log_by_actor on request_log (actor_key_id, id);
