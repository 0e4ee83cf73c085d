-- Sessions of agents. The unique index below allows one active session for each agent, venture, repository and track,
-- also when several requests start a session at the same time.
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

-- Track 0 is a track; a session without a track is another line of work. SQLite treats nulls as distinct in a unique
-- index, so null is mapped to -1.
create unique index sessions_one_live on sessions (agent, venture, repo, ifnull(track, -1)) where status = 'active';

-- For the active sessions of a venture, and for the sessions whose heartbeats have stopped.
create index sessions_live_by_venture on sessions (venture, last_heartbeat_at) where status = 'active';
create index sessions_live_by_heartbeat on sessions (last_heartbeat_at) where status = 'active';

-- Lists are sorted newest first. Ids sort by time.
create index sessions_by_venture on sessions (venture, id);
create index sessions_by_repo on sessions (repo, id);
create index sessions_by_agent on sessions (agent, id);
create index sessions_by_track on sessions (track, id) where track is not null;
create index sessions_by_status on sessions (status, id);
create index sessions_by_heartbeat on sessions (last_heartbeat_at);

-- Finds the session of a final handoff, so that deleting handoffs does not scan the sessions.
create index sessions_by_final_handoff on sessions (final_handoff_id) where final_handoff_id is not null;
