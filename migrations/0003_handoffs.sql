-- Handoffs from one session to the next. A handoff never changes, so a stored answer can refer to its payload instead
-- of containing a copy.
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

-- For the newest handoff of a repository, with and without a track.
create index handoffs_by_repo on handoffs (venture, repo, id);
create index handoffs_by_repo_and_track on handoffs (venture, repo, track, id);

-- For lists with one filter, newest first.
create index handoffs_by_venture on handoffs (venture, id);
create index handoffs_by_track on handoffs (track, id) where track is not null;
create index handoffs_by_session on handoffs (session_id, id);
create index handoffs_by_sender on handoffs (from_agent, id);
create index handoffs_by_recipient on handoffs (to_agent, id) where to_agent is not null;
create index handoffs_by_issue on handoffs (issue_number, id) where issue_number is not null;
create index handoffs_by_status on handoffs (status_label, id);
