-- fe96fe6a96d5bb3af261e5a6af263917e9cbc1f279384e6a2ba9eff35992388c  0001_ventures_tokens.sql
-- 07378ddd234c0b6e5f606e3d64502c3c8893c66696330d65593413268d1dd23c  0002_sessions_and_handoffs.sql
-- dc63bd83cb572e8aeb20c057799e9a60f7ea4754daf2543adcff8ff3d8a0de5a  0003_notes.sql
-- cbc24f8715ab6433a14b161cf1f0ea2f1c0e3047911cbf2335b53242b5931e51  0004_documents.sql
-- c743783d1f49ff125f452cf7f2cd7774e84b2f10b2e6a286e1f80a3c9b948514  0005_machines.sql
-- 064f4468d1597fa0e842ada4441d67ee4d5d7c42a05e29f80ae0fb0bef05fc2a  0006_requests.sql
-- b7fd901ea15b65b63d5dda7951bec9c6f9064f929150b0c2d5a86c22abcc6ac6  0007_github_classifier.sql
-- 45e971a70600eed1e0b6635e326b89134c044ebb2f2be93450904c5a1f51b916  0008_events.sql
-- 24d4b912c202c07edf8dd786fba0595a86ca75e875bbc435ee84de9aa36b2b7f  0009_agents.sql
-- e5bec775afc7fc57110b4ad70fec89478fc5b17950a51e483b9f29f9bfe57365  0010_messages.sql
-- 8a8d092e5e5ac52636615091b4b106f0464f3c35876854a504972330bad2ff1b  0011_claims_and_state.sql
-- c3a31bb14e21fb5530432aea615e8006ad5d3ebb5e8872adddc7a49ff22f028a  0012_people_and_memory.sql
-- 7e774ca12cc3857600617ca71b45fc4f2bb36295c2badf2728dbaf4aef3294d4  0013_github_changes.sql
-- 7208fb9bbb8fb1b84a2fbd7427453bcd12db655b19ae799e6755b5bea8c1595b  0014_take_over_reason.sql

CREATE TABLE agent_refusals (
  reason text not null,
  constraint agent_session_not_found check (reason <> 'session_not_found'),
  constraint agent_session_ended check (reason <> 'session_ended'),
  constraint agent_session_not_active check (reason <> 'session_not_active'),
  constraint agent_superseded check (reason <> 'superseded'),
  constraint agent_not_of_token check (reason <> 'not_of_token'),
  constraint agent_token_not_renewable check (reason <> 'token_not_renewable'),
  constraint agent_refused check (false)
) strict;

CREATE TABLE agents (
  venture text not null references ventures (code),
  agent text not null,
  owner text not null,
  machine_id text,
  taken_at text not null,
  taken_from text,
  take_over_reason text,
  last_seen_at text not null,
  constraint agents_key primary key (venture, agent),
  constraint agent_name_taken check (owner <> '')
) strict, without rowid;

CREATE TABLE archived_note_tags (
  tag text not null,
  scope text not null,
  note_id text not null references notes (id) on delete cascade,
  constraint archived_note_tags_key primary key (tag, scope, note_id)
) strict, without rowid;

CREATE INDEX archived_note_tags_by_tag on archived_note_tags (tag, note_id);

CREATE TABLE claim_refusals (
  reason text not null,
  constraint claim_held check (reason <> 'held'),
  constraint claim_not_found check (reason <> 'not_found'),
  constraint claim_too_many check (reason <> 'too_many'),
  constraint claim_other_venture check (reason <> 'other_venture'),
  constraint claim_state_changed check (reason <> 'state_changed'),
  constraint claim_state_not_found check (reason <> 'state_not_found'),
  constraint claim_state_full check (reason <> 'state_full'),
  constraint claim_refused check (false)
) strict;

CREATE TABLE claims (
  id text not null primary key,
  venture text not null references ventures (code),
  repo text not null,
  subject text not null,
  place text not null,
  session_id text not null references sessions (id),
  fence integer not null,
  taken_at text not null,
  -- Why the claim was taken from a holder that no longer answered.
  reason text
) strict;

CREATE UNIQUE INDEX claims_by_place on claims (venture, repo, place, subject);

CREATE INDEX claims_by_session on claims (session_id, venture, repo, place);

CREATE INDEX claims_by_venture on claims (venture, id);

CREATE TABLE classifications (
  id text not null primary key,
  venture text,
  repo text not null,
  number integer not null,
  grade integer,
  body_json text not null,
  state_json text not null
) strict, without rowid;

CREATE INDEX classifications_by_item on classifications (repo, number, id);

CREATE INDEX classifications_by_venture on classifications (venture, id);

CREATE TABLE context_docs (
  scope text not null,
  name text not null,
  title text not null,
  doc_type text not null,
  content_hash text not null,
  size_bytes integer not null,
  version integer not null,
  created_at text not null,
  updated_at text not null,
  deleted_at text,
  actor_key_id text not null,
  source_repo text,
  source_path text,
  -- The last column, so that reading the other columns does not read its overflow pages.
  content text not null,
  constraint context_docs_key primary key (scope, name),
  constraint context_docs_type check (doc_type in ('markdown', 'json'))
) strict;

CREATE INDEX context_docs_live on context_docs (scope || '.' || name) where deleted_at is null;

CREATE INDEX context_docs_live_by_scope on context_docs (scope, scope || '.' || name) where deleted_at is null;

CREATE TABLE deliveries (
  id text not null primary key,
  message_id text not null,
  venture text not null,
  agent text not null,
  owner text,
  -- 0 for the priority `now`, 1 for `next`.
  later integer not null,
  expires_at text not null,
  status text not null default 'queued',
  -- Who has taken it: the session with its epoch, and the machine.
  session_id text,
  epoch integer,
  machine text,
  redelivered integer not null default 0,
  partial integer not null default 0,
  reason text,
  queued_at text not null,
  offered_at text,
  surfaced_at text,
  acknowledged_at text,
  -- When it was refused or expired.
  ended_at text,
  -- Whether the sender was told that it was refused or has expired.
  told integer not null default 0,
  constraint deliveries_too_many check (agent <> ''),
  constraint deliveries_status check (status in ('queued', 'offered', 'surfaced', 'acknowledged', 'refused', 'expired')),
  constraint deliveries_flags check (later in (0, 1) and redelivered in (0, 1) and partial in (0, 1) and told in (0, 1))
) strict, without rowid;

CREATE INDEX deliveries_open on deliveries (venture, agent, status, later, id, expires_at)
  where status in ('queued', 'offered');

CREATE TABLE doc_confirmations (
  scope text not null,
  name text not null,
  confirmed_at text not null,
  constraint doc_confirmations_key primary key (scope, name),
  constraint doc_confirmations_doc foreign key (scope, name) references context_docs (scope, name) on delete cascade
) strict, without rowid;

CREATE TABLE doc_requirements (
  id text not null primary key,
  name_pattern text not null,
  scope_type text not null,
  venture text references ventures (code),
  capability text,
  staleness_days integer not null default 90,
  required integer not null default 1,
  auto_generate integer not null default 0,
  sources_json text not null default '[]',
  created_at text not null,
  updated_at text not null,
  constraint doc_requirements_scope_type check (scope_type in ('global', 'venture')),
  constraint doc_requirements_staleness check (staleness_days between 1 and 3650),
  constraint doc_requirements_flags check (required in (0, 1) and auto_generate in (0, 1)),
  constraint doc_requirements_sources_json check (json_type(sources_json) = 'array')
) strict;

CREATE INDEX doc_requirements_by_venture on doc_requirements (venture, auto_generate desc, name_pattern, id);

CREATE UNIQUE INDEX doc_requirements_one_rule
  on doc_requirements (name_pattern, scope_type, ifnull(venture, ''), ifnull(capability, ''));

CREATE INDEX doc_requirements_patterns on doc_requirements (venture, id) where instr(name_pattern, '*') > 0;

CREATE TABLE doc_versions (
  scope text not null,
  name text not null,
  version integer not null,
  title text not null,
  doc_type text not null,
  content_hash text,
  size_bytes integer not null,
  source_repo text,
  source_path text,
  created_at text not null,
  actor_key_id text not null,
  creation_correlation_id text not null,
  change_id text not null,
  content text,
  constraint doc_versions_key primary key (scope, name, version),
  constraint doc_versions_doc foreign key (scope, name) references context_docs (scope, name) on delete cascade,
  constraint doc_versions_type check (doc_type in ('markdown', 'json')),
  constraint doc_versions_text check ((content is null) = (content_hash is null))
) strict;

CREATE TABLE events (
  seq integer primary key,
  venture text,
  kind text not null,
  subject text not null,
  agent text,
  session_id text,
  at text not null,
  data_json text not null,
  constraint events_data_json check (json_type(data_json) = 'object'),
  constraint events_data_size check (length(cast(data_json as blob)) <= 2048)
) strict;

CREATE TABLE github_deliveries (
  id text not null primary key,
  repo text not null,
  number integer not null,
  -- What the work needs of the payload: event, action, label, sender, installation, time.
  facts_json text not null,
  state text not null,
  due_at text not null,
  attempts integer not null,
  -- The labels that an attempt was about to add. If it was interrupted, the next one knows that they are its own.
  planned_json text not null,
  last_error text,
  received_at text not null, change_id text,
  constraint github_deliveries_state check (state in ('waiting', 'working', 'done', 'set_aside'))
) strict, without rowid;

CREATE INDEX github_deliveries_by_change on github_deliveries (change_id) where change_id is not null;

CREATE INDEX github_deliveries_by_state on github_deliveries (state, due_at, repo, number);

CREATE TABLE handoffs (
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

CREATE INDEX handoffs_blocked on handoffs (id) where status_label = 'blocked';

CREATE INDEX handoffs_by_issue on handoffs (issue_number, id) where issue_number is not null;

CREATE INDEX handoffs_by_repo on handoffs (repo, id);

CREATE INDEX handoffs_by_sender on handoffs (from_agent, status_label, id);

CREATE INDEX handoffs_by_session on handoffs (session_id, id);

CREATE INDEX handoffs_by_venture on handoffs (venture, status_label, id);

CREATE INDEX handoffs_by_venture_and_recipient on handoffs (venture, to_agent, id) where to_agent is not null;

CREATE INDEX handoffs_by_venture_and_repo on handoffs (venture, repo, id);

CREATE INDEX handoffs_by_venture_repo_and_track on handoffs (venture, repo, track, id);

CREATE TABLE idempotency_keys (
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

CREATE TABLE machines (
  id text not null primary key,
  hostname text not null collate nocase,
  os text not null,
  arch text not null,
  role text,
  meta_json text not null default '{}',
  approved_user text,
  approved_ip text,
  approved_key text,
  approved_fingerprint text,
  approved_host_key text,
  approved_host_fingerprint text,
  approved_at text,
  approved_by text,
  pending_user text,
  pending_ip text,
  pending_key text,
  pending_fingerprint text,
  pending_host_key text,
  pending_host_fingerprint text,
  pending_at text,
  pending_by text,
  created_at text not null,
  updated_at text not null,
  last_seen_at text not null,
  retired_at text,
  creation_correlation_id text not null,
  status text not null generated always as (
    case when retired_at is not null then 'retired' when pending_key is not null then 'pending' else 'approved' end
  ) virtual,
  constraint machines_hostname unique (hostname),
  constraint machines_meta_json check (json_type(meta_json) = 'object'),
  constraint machines_approved check (
    (approved_user is null) + (approved_ip is null) + (approved_key is null) + (approved_fingerprint is null)
      + (approved_at is null) in (0, 5)),
  constraint machines_pending check (
    (pending_user is null) + (pending_ip is null) + (pending_key is null) + (pending_fingerprint is null)
      + (pending_at is null) + (pending_by is null) in (0, 6)),
  constraint machines_approved_host_key check ((approved_host_key is null) = (approved_host_fingerprint is null)),
  constraint machines_pending_host_key check ((pending_host_key is null) = (pending_host_fingerprint is null)),
  constraint machines_accessible check (approved_key is not null or pending_key is not null or retired_at is not null)
) strict;

CREATE INDEX machines_approved on machines (id) where approved_key is not null and retired_at is null;

CREATE INDEX machines_by_role on machines (role, id) where retired_at is null;

CREATE INDEX machines_by_role_and_status on machines (role, status, id);

CREATE INDEX machines_by_status on machines (status, id);

CREATE INDEX machines_of_fleet on machines (id) where retired_at is null;

CREATE TABLE memory_refusals (
  reason text not null,
  constraint memory_full check (reason <> 'full'),
  constraint memory_refused check (false)
) strict;

CREATE TABLE message_rates (
  venture text not null,
  agent text not null,
  window_start text not null,
  sent integer not null,
  sent_to_all integer not null,
  constraint message_rates_key primary key (venture, agent),
  constraint message_rate_exceeded check (sent <= 60),
  constraint message_rate_of_all_exceeded check (sent_to_all <= 6)
) strict, without rowid;

CREATE TABLE message_refusals (
  reason text not null,
  constraint message_not_found check (reason <> 'not_found'),
  constraint message_recipient_unknown check (reason <> 'recipient_unknown'),
  constraint message_no_recipient check (reason <> 'no_recipient'),
  constraint message_recipients_changed check (reason <> 'recipients_changed'),
  constraint message_inbox_of_other check (reason <> 'inbox_of_other'),
  constraint message_refused check (false)
) strict;

CREATE TABLE messages (
  seq integer primary key,
  id text not null,
  venture text not null references ventures (code),
  from_agent text not null,
  kind text not null,
  subject text,
  body text,
  to_json text not null,
  reply_to text,
  priority text not null,
  ack_required integer not null,
  sealed_json text,
  handoff_id text,
  sent_at text not null,
  expires_at text not null,
  -- When the sweep looks at the row: at once if the sender must be told of a refusal, at the expiry, and 30 days after the last
  -- final status of its deliveries, to delete it.
  due_at text not null,
  actor_key_id text not null,
  creation_correlation_id text not null,
  constraint messages_kind check (kind in ('note', 'question', 'answer', 'request', 'decline', 'status', 'alert')),
  constraint messages_priority check (priority in ('next', 'now')),
  constraint messages_text check ((body is null) = (sealed_json is not null)),
  constraint messages_to_json check (json_type(to_json) = 'array'),
  constraint messages_sealed_json check (sealed_json is null or json_type(sealed_json) = 'object')
) strict;

CREATE UNIQUE INDEX messages_by_id on messages (id);

CREATE INDEX messages_by_venture on messages (venture, seq);

CREATE INDEX messages_due on messages (due_at, seq);

CREATE TABLE note_ranks (
  number integer primary key references notes (number) on delete cascade,
  head text not null,
  often text not null
) strict;

CREATE VIRTUAL TABLE note_search using fts5 (
  filters, title, content, content = 'note_terms', content_rowid = 'id', columnsize = 0, detail = none,
  prefix = '3 4 5 6 7 8 9 10 11 12', tokenize = "ascii tokenchars '+#:_-'"
);

CREATE TABLE 'note_search_config'(k PRIMARY KEY, v) WITHOUT ROWID;

CREATE TABLE 'note_search_data'(id INTEGER PRIMARY KEY, block BLOB);

CREATE TABLE 'note_search_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;

CREATE TABLE note_tags (
  tag text not null,
  scope text not null,
  note_id text not null references notes (id) on delete cascade,
  constraint note_tags_key primary key (tag, scope, note_id)
) strict, without rowid;

CREATE INDEX note_tags_by_tag on note_tags (tag, note_id);

CREATE TABLE note_terms (
  id integer primary key references notes (number) on delete cascade,
  -- The state, the venture and the tags of the note are terms too, so that a search with a filter does not read the
  -- matches that the filter excludes.
  filters text not null,
  title text not null,
  content text not null
) strict;

CREATE TABLE notes (
  number integer primary key,
  id text not null,
  venture text references ventures (code),
  title text not null,
  tags_json text not null default '[]',
  created_at text not null,
  updated_at text not null,
  archived_at text,
  actor_key_id text not null,
  creation_correlation_id text not null,
  version integer not null default 1,
  -- Whether the text has more terms than the full text index contains.
  indexed_in_part integer not null default 0,
  -- The last column, so that reading the other columns does not read its overflow pages.
  content text not null, agent text, session_id text
  constraint notes_author check ((session_id is not null and agent is not null) = (id < 'note_')), commit_sha text,
  constraint notes_id unique (id),
  constraint notes_tags_json check (json_type(tags_json) = 'array'),
  constraint notes_indexed_in_part check (indexed_in_part in (0, 1))
) strict;

CREATE INDEX notes_archived on notes (id) where archived_at is not null;

CREATE INDEX notes_archived_by_venture on notes (venture, id) where archived_at is not null;

CREATE INDEX notes_live on notes (id) where archived_at is null;

CREATE INDEX notes_live_by_venture on notes (venture, id) where archived_at is null;

CREATE TABLE notes_to_index (
  note_id text not null primary key references notes (id) on delete cascade
) strict, without rowid;

CREATE TABLE person_refusals (
  reason text not null,
  constraint person_required check (reason <> 'required'),
  constraint person_refused check (false)
) strict;

CREATE TABLE rate_limits (
  actor_key_id text not null primary key,
  window_start text not null,
  request_count integer not null,
  request_limit integer not null,
  constraint rate_limit_exceeded check (request_count <= request_limit)
) strict, without rowid;

CREATE TABLE record_moves (
  id integer primary key,
  stage text not null,
  constraint record_moves_one check (id = 1)
) strict;

CREATE TABLE refusals (
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

CREATE TABLE request_log (
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

CREATE TABLE sessions (
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
  meta_json text not null default '{}', epoch integer not null default 1, start_id text, machine_id text, public_key text, groups_json text not null default '{}'
  constraint sessions_groups_json check (json_type(groups_json) = 'object'), mode text not null default 'push'
  constraint sessions_mode check (mode in ('push', 'inbox', 'off')), dnd_until text, presence_json text
  constraint sessions_presence_json check (presence_json is null or json_type(presence_json) = 'object'), take_over_reason text,
  constraint sessions_status check (status in ('active', 'ended', 'abandoned')),
  constraint sessions_end_reason check (end_reason in ('manual', 'process_exit', 'stale')),
  constraint sessions_ended_at check ((status = 'active') = (ended_at is null)),
  constraint sessions_final_handoff check (final_handoff_id is null or status = 'ended'),
  constraint sessions_meta_json check (json_type(meta_json) = 'object'),
  constraint sessions_meta_size check (length(cast(meta_json as blob)) <= 8192)
) strict;

CREATE INDEX sessions_by_agent on sessions (agent, id);

CREATE INDEX sessions_by_end on sessions (ended_at) where ended_at is not null;

CREATE INDEX sessions_by_repo on sessions (repo, id);

CREATE INDEX sessions_by_venture on sessions (venture, status, id);

CREATE INDEX sessions_by_venture_and_repo on sessions (venture, repo, id);

CREATE UNIQUE INDEX sessions_one_live on sessions (agent, venture, repo, ifnull(track, -1)) where status = 'active';

CREATE TABLE state_counts (
  venture text not null primary key references ventures (code),
  keys integer not null
) strict, without rowid;

CREATE TABLE state_entries (
  venture text not null references ventures (code),
  key text not null,
  version integer not null,
  size_bytes integer not null,
  updated_at text not null,
  session_id text not null references sessions (id),
  deleted_at text,
  constraint state_entries_key primary key (venture, key)
) strict;

CREATE INDEX state_entries_deleted on state_entries (deleted_at) where deleted_at is not null;

CREATE INDEX state_entries_live on state_entries (venture, key) where deleted_at is null;

CREATE TABLE state_versions (
  venture text not null,
  key text not null,
  version integer not null,
  updated_at text not null,
  session_id text not null references sessions (id),
  value_json text,
  constraint state_versions_key primary key (venture, key, version)
) strict;

CREATE TABLE sweep_runs (
  id integer primary key,
  started_at text not null,
  -- Null while the sweep runs, and after a run that was interrupted.
  finished_at text,
  -- Whether rows are left for the next run.
  more integer not null,
  sessions integer not null,
  keys integer not null,
  rates integer not null,
  log integer not null, events integer not null default 0, messages integer not null default 0,
  constraint sweep_runs_last check (id = 1),
  constraint sweep_runs_more check (more in (0, 1))
) strict;

CREATE TABLE token_refusals (
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

CREATE TABLE tokens (
  id text not null primary key,
  token_hash text not null,
  actor_key_id text not null,
  name text not null,
  scopes_json text not null,
  venture text references ventures (code),
  rate_limit_per_minute integer not null,
  expires_at text,
  created_at text not null,
  created_by text not null,
  creation_correlation_id text not null,
  last_used_at text,
  revoked_at text, agent text, machine_id text, owner text, exchanged_token_id text,
  constraint tokens_hash check (length(token_hash) = 64 and actor_key_id = substr(token_hash, 1, 16)),
  constraint tokens_scopes_json check (json_type(scopes_json) = 'array'),
  constraint tokens_rate_limit check (rate_limit_per_minute between 1 and 1000000)
) strict;

CREATE UNIQUE INDEX tokens_of_agent on tokens (venture, agent, machine_id, created_by)
where agent is not null and revoked_at is null;

CREATE INDEX tokens_of_agents_by_expiry on tokens (expires_at) where agent is not null;

CREATE TABLE ventures (
  code text not null primary key,
  name text not null,
  github_org text,
  repos_json text not null,
  capabilities_json text not null,
  created_at text not null,
  updated_at text not null,
  deleted_at text,
  -- The request that created the venture: if several requests put the same new code at the same time, only one creates
  -- it.
  creation_id text,
  constraint ventures_repos_json check (json_type(repos_json) = 'array'),
  constraint ventures_capabilities_json check (json_type(capabilities_json) = 'array')
) strict;

CREATE INDEX ventures_live on ventures (code) where deleted_at is null;
