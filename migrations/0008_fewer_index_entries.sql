-- Fewer index entries for each heartbeat, each change of a session and each end of a day. D1 charges for each entry that is
-- written. No release has used the removed indexes.

-- A heartbeat changes no index. The active sessions of a venture are found by `sessions_by_venture`, all active sessions by
-- `sessions_one_live`.
drop index sessions_live_by_venture;
drop index sessions_by_heartbeat;

-- A status is checked on the sessions of an agent.
drop index sessions_ended_by_agent;
drop index sessions_by_agent;

-- A track has a meaning only within a repository, and a recipient is asked for within a venture. Without these indexes, the
-- lists check the filter on the newest records.
drop index sessions_by_track;
drop index handoffs_by_track;
drop index handoffs_by_recipient;

-- A handoff is inserted as one row of values, so the insert does not look for rows that refer to its id.
drop index sessions_by_final_handoff;
drop index idempotency_keys_by_payload;

-- start_day: the last ended session of the agent. list_sessions by agent.
create index sessions_by_agent on sessions (agent, id);

-- list_sessions by active_since: where the list ends. A session that has ended had its last heartbeat before its end.
create index sessions_by_end on sessions (ended_at) where ended_at is not null;

-- start_day and audit_docs: the requirements whose name has a `*`.
create index doc_requirements_patterns on doc_requirements (id) where instr(name_pattern, '*') > 0;
