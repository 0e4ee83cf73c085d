-- Sessions of agents, and the handoffs that they leave.
--
-- Every index is paid for with each row that changes it. The comment above an index names the queries that need it; a
-- test refuses an index that no query uses. Lists are sorted newest first, and ids sort by time, so an index for a list
-- ends with the id.
create table sessions (
  id text not null primary key,
  agent text not null,
  client text not null,
  client_version text,
  client_session_id text,
  host text not null,
  venture text not null references ventures (code),
  repo text not null,
  track integer,
  issue_number integer,
  branch text,
  commit_sha text,
  status text not null default 'active',
  created_at text not null,
  last_heartbeat_at text not null,
  ended_at text,
  end_reason text,
  final_handoff_id text references handoffs (id),
  actor_key_id text not null,
  creation_correlation_id text not null,
  meta_json text not null default '{}',
  constraint sessions_status check (status in ('active', 'ended', 'abandoned')),
  constraint sessions_end_reason check (end_reason in ('manual', 'process_exit', 'stale')),
  constraint sessions_ended_at check ((status = 'active') = (ended_at is null)),
  constraint sessions_final_handoff check (final_handoff_id is null or status = 'ended'),
  constraint sessions_meta_json check (json_type(meta_json) = 'object'),
  constraint sessions_meta_size check (length(cast(meta_json as blob)) <= 8192)
) strict;

-- start_day: one active session for each agent, venture, repository and track, also when several requests start a
-- session at the same time. Track 0 is a track; a session without a track is another line of work. SQLite treats nulls
-- as distinct in a unique index, so null is mapped to -1.
create unique index sessions_one_live on sessions (agent, venture, repo, ifnull(track, -1)) where status = 'active';

-- start_day: the other active sessions of the venture. list_sessions by venture, also with a status. A list without a
-- status merges the entries of the three statuses. A heartbeat changes no index: all active sessions are found by
-- `sessions_one_live`.
create index sessions_by_venture on sessions (venture, status, id);

-- start_day: the last ended session of the agent. list_sessions by agent.
create index sessions_by_agent on sessions (agent, id);

-- list_sessions by repository, also with its venture.
create index sessions_by_repo on sessions (repo, id);
create index sessions_by_venture_and_repo on sessions (venture, repo, id);

-- list_sessions by active_since: where the list ends. A session that has ended had its last heartbeat before its end.
create index sessions_by_end on sessions (ended_at) where ended_at is not null;

-- A handoff never changes, so a stored answer can refer to its payload instead of containing a copy.
create table handoffs (
  id text not null primary key,
  session_id text not null references sessions (id),
  venture text not null references ventures (code),
  repo text not null,
  track integer,
  issue_number integer,
  from_agent text not null,
  to_agent text,
  status_label text not null,
  summary text not null,
  payload_hash text not null,
  payload_size_bytes integer not null,
  schema_version integer not null,
  created_at text not null,
  actor_key_id text not null,
  creation_correlation_id text not null,
  -- The last column, so that reading the other columns does not read its overflow pages.
  payload_json text not null,
  constraint handoffs_status_label check (status_label in ('in_progress', 'blocked', 'ready', 'done')),
  constraint handoffs_payload_json check (json_type(payload_json) = 'object'),
  constraint handoffs_payload_size check (payload_size_bytes = length(cast(payload_json as blob)) and payload_size_bytes <= 819200)
) strict;

-- end_day and create_handoff: the newest handoff of the session. list_handoffs by session.
create index handoffs_by_session on handoffs (session_id, id);

-- start_day: the newest handoff of a repository, with and without a track. list_handoffs by venture and repository.
create index handoffs_by_venture_and_repo on handoffs (venture, repo, id);
create index handoffs_by_venture_repo_and_track on handoffs (venture, repo, track, id);

-- start_day: the handoffs to the agent on the venture. list_handoffs by recipient and venture.
create index handoffs_by_venture_and_recipient on handoffs (venture, to_agent, id) where to_agent is not null;

-- list_handoffs: by venture or sender, each also with a status; by repository or issue. A list without a status merges the
-- entries of the four statuses.
create index handoffs_by_venture on handoffs (venture, status_label, id);
create index handoffs_by_sender on handoffs (from_agent, status_label, id);
create index handoffs_by_repo on handoffs (repo, id);
create index handoffs_by_issue on handoffs (issue_number, id) where issue_number is not null;

-- list_handoffs by the status blocked. Other handoffs have no entry.
create index handoffs_blocked on handoffs (id) where status_label = 'blocked';
