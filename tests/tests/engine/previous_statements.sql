-- Statements from before the first release.

-- statement classification::INSERT
insert into classifications (id, venture, repo, number, grade, body_json, state_json)
        select ?1, (
          select v.code
          from (select code, repos_json from ventures where deleted_at is null order by code limit 100) v
          cross join json_each(v.repos_json) listed where lower(listed.value) = lower(?2) limit 1),
          ?2, ?3, ?4, ?5, ?6
        from github_deliveries g where g.id = ?7 and g.state = 'working' and g.due_at = ?8

-- statement classification::FORGET
delete from classifications where id in (
          select id from classifications where id < ?1 order by id limit 1000)
        returning 1 as one

-- statement doc::UNLESS_SCOPE
insert into refusals (reason) select 'scope_not_registered'
        where not exists (select 1 from ventures where code = ?1 and deleted_at is null)

-- statement doc::UNLESS_KNOWN
insert into refusals (reason) select 'doc_not_found'
        where not exists (select 1 from context_docs d where d.scope = ?1 and d.name = ?2)

-- statement doc::UNLESS_LIVE
insert into refusals (reason) select 'doc_not_found'
        where not exists (select 1 from context_docs d where d.scope = ?1 and d.name = ?2 and d.deleted_at is null)

-- statement doc::UNLESS_CONTENT
insert into refusals (reason) select 'doc_changed'
        where not exists (select 1 from context_docs d where d.scope = ?1 and d.name = ?2 and d.deleted_at is null
          and (?3 is null or d.content_hash in (select value from json_each(?3))))

-- statement doc::IF_CONTENT
insert into refusals (reason) select 'doc_changed'
        where exists (select 1 from context_docs d where d.scope = ?1 and d.name = ?2 and d.deleted_at is null
          and (?3 is null or d.content_hash in (select value from json_each(?3))))

-- statement doc::UNLESS_GENERATED
insert into refusals (reason) select 'doc_not_generated'
        where not exists (
          select 1 from (
            select *, replace(name_pattern, '{venture}', iif(?1 = 'global', '*', ?1)) as pattern from doc_requirements
            where auto_generate = 1 and scope_type = iif(?1 = 'global', 'global', 'venture')
          ) r
          where (?1 = 'global' or r.venture is null or r.venture = ?1)
            and (?1 = 'global' or r.capability is null
              or instr((select capabilities_json from ventures where code = ?1), json_quote(r.capability)) > 0)
            and case when r.pattern not glob '*[*?[]*' then ?2 = r.pattern
              when length(cast(r.pattern as blob)) <= 50 then ?2 glob r.pattern else false end)
        and not exists (
          select 1 from tokens t, json_each(t.scopes_json) j where t.id = ?3 and j.value in ('admin', 'docs:write'))

-- statement doc::PUT
insert into context_docs (scope, name, title, doc_type, content_hash, size_bytes, version, created_at, updated_at, actor_key_id, source_repo, source_path, content) values (?1, ?2, ?3, ?4, ?5, length(cast(?10 as blob)), 1, ?6, ?6, ?7, ?8, ?9, ?10) on conflict (scope, name) do update set title = excluded.title, doc_type = excluded.doc_type, source_repo = excluded.source_repo, source_path = excluded.source_path, deleted_at = null, content_hash = excluded.content_hash, size_bytes = excluded.size_bytes, content = excluded.content, version = context_docs.version + iif(context_docs.deleted_at is null and context_docs.content_hash = excluded.content_hash, 0, 1), updated_at = iif(context_docs.deleted_at is null and context_docs.content_hash = excluded.content_hash, context_docs.updated_at, excluded.updated_at), actor_key_id = iif(context_docs.deleted_at is null and context_docs.content_hash = excluded.content_hash, context_docs.actor_key_id, excluded.actor_key_id) where not (context_docs.deleted_at is null and context_docs.content_hash = excluded.content_hash) or (context_docs.title, context_docs.doc_type, ifnull(context_docs.source_repo, ''), ifnull(context_docs.source_path, '')) is not (excluded.title, excluded.doc_type, ifnull(excluded.source_repo, ''), ifnull(excluded.source_path, ''))

-- statement doc::CONFIRM
insert into doc_confirmations (scope, name, confirmed_at) values (?1, ?2, ?3)
        on conflict (scope, name) do update set confirmed_at = excluded.confirmed_at

-- statement doc::DELETE
update context_docs set version = version + 1, updated_at = ?3, deleted_at = ?3, actor_key_id = ?4, size_bytes = 0,
          content = ''
        where scope = ?1 and name = ?2 and deleted_at is null

-- statement doc::DELETE_CONFIRMATION
delete from doc_confirmations where scope = ?1 and name = ?2

-- statement doc::SELECT
select json_object('scope', d.scope, 'name', d.name, 'title', d.title, 'doc_type', d.doc_type, 'version', d.version, 'content_hash', d.content_hash, 'size_bytes', d.size_bytes, 'updated_at', d.updated_at, 'source_repo', d.source_repo, 'source_path', d.source_path, 'created_at', d.created_at, 'actor_key_id', d.actor_key_id) as body, d.content from context_docs d where d.scope = ?1 and d.name = ?2 and d.deleted_at is null

-- statement doc_version::INSERT
insert into doc_versions (scope, name, version, title, doc_type, content_hash, size_bytes, source_repo,
          source_path, created_at, actor_key_id, creation_correlation_id, change_id, content)
        select d.scope, d.name, d.version, d.title, d.doc_type, d.content_hash, d.size_bytes, d.source_repo,
          d.source_path, d.updated_at, d.actor_key_id, ?3, ?4, d.content
        from context_docs d where d.scope = ?1 and d.name = ?2
        on conflict (scope, name, version) do update set title = excluded.title, doc_type = excluded.doc_type,
          source_repo = excluded.source_repo, source_path = excluded.source_path
        where (title, doc_type, source_repo, source_path)
          is not (excluded.title, excluded.doc_type, excluded.source_repo, excluded.source_path)

-- statement doc_version::INSERT_DELETION
insert into doc_versions (scope, name, version, title, doc_type, size_bytes, source_repo, source_path, created_at,
          actor_key_id, creation_correlation_id, change_id)
        select d.scope, d.name, d.version, d.title, d.doc_type, 0, d.source_repo, d.source_path, d.updated_at,
          d.actor_key_id, ?3, ''
        from context_docs d where d.scope = ?1 and d.name = ?2

-- statement doc_version::TRIM
delete from doc_versions where scope = ?1 and name = ?2
          and version <= (select d.version - ?3 from context_docs d where d.scope = ?1 and d.name = ?2)

-- statement doc_version::SELECT
select json_object('scope', w.scope, 'name', w.name, 'title', w.title, 'doc_type', w.doc_type, 'version', w.version, 'content_hash', w.content_hash, 'size_bytes', w.size_bytes, 'updated_at', w.created_at, 'source_repo', w.source_repo, 'source_path', w.source_path, 'created_at', d.created_at, 'actor_key_id', w.actor_key_id) as body, w.content from doc_versions w join context_docs d on d.scope = w.scope and d.name = w.name where w.scope = ?1 and w.name = ?2 and w.version = ?3 and w.content is not null

-- statement event::SESSION
insert into events (venture, kind, subject, agent, session_id, at, data_json) select s.venture, ?3, s.id, s.agent, s.id, ?2, json_object('repo', s.repo, 'track', s.track, 'issue_number', s.issue_number, 'branch', iif(s.branch glob '*[^A-Za-z0-9._/+#@-]*', null, s.branch), 'end_reason', s.end_reason) from sessions s where s.id = ?1 limit changes() returning seq as event_seq

-- statement event::LOST_OR_MOVED_AT_START
insert into events (venture, kind, subject, agent, session_id, at, data_json) select s.venture, iif(s.last_heartbeat_at < ?8, 'session_lost', 'session_moved'), s.id, s.agent, s.id, ?5, json_object('repo', s.repo, 'track', s.track, 'issue_number', iif(s.last_heartbeat_at < ?8, s.issue_number, ifnull(?7, s.issue_number)), 'branch', iif(iif(s.last_heartbeat_at < ?8, s.branch, ifnull(?6, s.branch)) glob '*[^A-Za-z0-9._/+#@-]*', null, iif(s.last_heartbeat_at < ?8, s.branch, ifnull(?6, s.branch))), 'end_reason', iif(s.last_heartbeat_at < ?8, 'stale', s.end_reason)) from sessions s where s.agent = ?1 and s.venture = ?2 and s.repo = ?3 and ifnull(s.track, -1) = ifnull(?4, -1) and s.status = 'active' and (s.last_heartbeat_at < ?8 or (s.branch, s.issue_number) is not (ifnull(?6, s.branch), ifnull(?7, s.issue_number))) returning seq as event_seq

-- statement event::REACTIVATED
insert into events (venture, kind, subject, agent, session_id, at, data_json) select s.venture, 'session_started', s.id, s.agent, s.id, ?5, json_object('repo', s.repo, 'track', s.track, 'issue_number', ifnull(?7, s.issue_number), 'branch', iif(ifnull(?6, s.branch) glob '*[^A-Za-z0-9._/+#@-]*', null, ifnull(?6, s.branch)), 'end_reason', s.end_reason) from sessions s where s.agent = ?1 and s.venture = ?2 and s.repo = ?3 and ifnull(s.track, -1) = ifnull(?4, -1) and s.status = 'active' limit changes() returning seq as event_seq

-- statement event::CREATED
insert into events (venture, kind, subject, agent, session_id, at, data_json) select s.venture, 'session_started', s.id, s.agent, s.id, ?5, json_object('repo', s.repo, 'track', s.track, 'issue_number', s.issue_number, 'branch', iif(s.branch glob '*[^A-Za-z0-9._/+#@-]*', null, s.branch), 'end_reason', s.end_reason) from sessions s where s.agent = ?1 and s.venture = ?2 and s.repo = ?3 and ifnull(s.track, -1) = ifnull(?4, -1) and s.status = 'active' and substr(s.id, 16) = substr(?6, 16) returning seq as event_seq

-- statement event::MOVED_BY_UPDATE
insert into events (venture, kind, subject, agent, session_id, at, data_json) select s.venture, 'session_moved', s.id, s.agent, s.id, ?2, json_object('repo', s.repo, 'track', iif(?7, ?8, s.track), 'issue_number', iif(?5, ?6, s.issue_number), 'branch', iif(iif(?3, ?4, s.branch) glob '*[^A-Za-z0-9._/+#@-]*', null, iif(?3, ?4, s.branch)), 'end_reason', s.end_reason) from sessions s where s.id = ?1 and s.status = 'active' and (s.branch, s.issue_number, s.track) is not (iif(?3, ?4, s.branch), iif(?5, ?6, s.issue_number), iif(?7, ?8, s.track)) returning seq as event_seq

-- statement event::LOST_AFTER_START
insert into events (venture, kind, subject, agent, session_id, at, data_json) select s.venture, 'session_lost', s.id, s.agent, s.id, ?2, json_object('repo', s.repo, 'track', s.track, 'issue_number', s.issue_number, 'branch', iif(s.branch glob '*[^A-Za-z0-9._/+#@-]*', null, s.branch), 'end_reason', 'stale') from sessions s where s.id in (select id from ( select id, last_heartbeat_at from sessions indexed by sessions_by_venture where venture = ?3 and status = 'active' order by id limit 5) where last_heartbeat_at < ?1) returning seq as event_seq

-- statement event::LOST_IN_SWEEP
insert into events (venture, kind, subject, agent, session_id, at, data_json) select s.venture, 'session_lost', s.id, s.agent, s.id, ?2, json_object('repo', s.repo, 'track', s.track, 'issue_number', s.issue_number, 'branch', iif(s.branch glob '*[^A-Za-z0-9._/+#@-]*', null, s.branch), 'end_reason', 'stale') from sessions s where s.id in (select id from sessions indexed by sessions_one_live where status = 'active' and last_heartbeat_at < ?1 limit 1000) returning seq as event_seq

-- statement event::LOST_OR_MOVED_BY_MOVE
insert into events (venture, kind, subject, agent, session_id, at, data_json) select iif(o.id is null, ?3, s.venture), iif(o.id is null, 'session_moved', 'session_lost'), s.id, s.agent, s.id, ?5, json_object('repo', iif(o.id is null, ?4, s.repo), 'track', s.track, 'issue_number', s.issue_number, 'branch', iif(s.branch glob '*[^A-Za-z0-9._/+#@-]*', null, s.branch), 'end_reason', iif(o.id is null, s.end_reason, 'stale')) from sessions s left join sessions o on o.agent = s.agent and o.venture = ?3 and o.repo = ?4 and ifnull(o.track, -1) = ifnull(s.track, -1) and o.status = 'active' and o.id <> s.id where s.id in (select id from sessions indexed by sessions_by_venture_and_repo where venture = ?1 and repo = ?2 order by id desc limit 50 * (select stage = 'sessions' and ?1 || ?2 || ?3 || ?4 is not null from record_moves)) and s.status = 'active' returning seq as event_seq

-- statement event::HANDOFF
insert into events (venture, kind, subject, agent, session_id, at, data_json) 
        select h.venture, kind.value, h.id, h.from_agent, h.session_id, h.created_at,
          json_object('status', h.status_label, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number,
            'to_agent', h.to_agent)
        from handoffs h cross join json_each(case h.status_label when 'done' then '["handoff_recorded","work_done"]'
          when 'blocked' then '["handoff_recorded","agent_blocked"]' else '["handoff_recorded"]' end) kind
        where changes() > 0 and h.id = (select max(id) from handoffs where session_id = ?1) returning seq as event_seq

-- statement event::NOTE_CREATED
insert into events (venture, kind, subject, agent, session_id, at, data_json) 
        select n.venture, 'note_saved', n.id, null, null, ?1, json_object('outcome', 'created', 'version', n.version)
        from notes n where n.id = (select max(id) from notes) returning seq as event_seq

-- statement event::NOTE_ARCHIVED_OR_RESTORED
insert into events (venture, kind, subject, agent, session_id, at, data_json) 
        select n.venture, 'note_saved', n.id, null, null, ?2, json_object('outcome', ?4, 'version', n.version + 1)
        from notes n where n.id = ?1 and (n.archived_at is not null) = ?3 returning seq as event_seq

-- statement event::NOTE_UPDATED
insert into events (venture, kind, subject, agent, session_id, at, data_json) 
        select iif(?6, ?7, n.venture), 'note_saved', n.id, null, null, ?2,
          json_object('outcome', 'updated', 'version', n.version + 1)
        from notes n where n.id = ?1 and (n.title, n.content, n.tags_json, ifnull(n.venture, '')) is not (ifnull(?3, n.title), ifnull(?4, n.content), ifnull(?5, n.tags_json), ifnull(iif(?6, ?7, n.venture), '')) returning seq as event_seq

-- statement event::DOC
insert into events (venture, kind, subject, agent, session_id, at, data_json) 
        select iif(d.scope = 'global', null, d.scope), 'doc_changed', d.scope || '/' || d.name, null, null, ?4,
          json_object('version', d.version, 'deleted', json(iif(d.deleted_at is null, 'false', 'true')))
        from context_docs d cross join doc_versions w on w.scope = d.scope and w.name = d.name and w.version = d.version
        where d.scope = ?1 and d.name = ?2 and w.change_id = ?3 returning seq as event_seq

-- statement event::MACHINE
insert into events (venture, kind, subject, agent, session_id, at, data_json) 
        select null, 'machine_registered', m.hostname, null, null, ?2,
          json_object('outcome', iif(m.id = ?3, 'created', 'changed'))
        from machines m where m.hostname = ?1 limit changes() returning seq as event_seq

-- statement event::ENDS
select (select max(seq) from events) as head, (select min(seq) from events) as first

-- statement event::NEWEST_AFTER
select ev.seq, ev.venture from events ev where ev.seq > ?1 order by ev.seq desc limit 100

-- statement event::FORGET
delete from events where seq <= (
            select max(seq) from (
              select seq, at from events order by seq limit iif(exists (
                select 1 from (select at from events order by seq limit 100) where at < ?1), 1000, 0))
            where at < ?1)
          and seq < (select max(seq) from events)
        returning 1 as one

-- statement github_delivery::RECEIVE
insert into github_deliveries (id, repo, number, facts_json, state, due_at, attempts, planned_json, received_at)
        values (?1, ?2, ?3, ?4, 'waiting', ?5, 0, '[]', ?5)
        on conflict (id) do update set state = 'waiting', due_at = excluded.due_at, attempts = 0, last_error = null
        where state = 'set_aside'
        returning 1 as one

-- statement github_delivery::CLAIM
update github_deliveries set state = 'working', due_at = ?2, attempts = attempts + 1 where id = ifnull(?3, (select d.id from github_deliveries d indexed by github_deliveries_by_state where d.state in ('waiting', 'working') and d.due_at <= ?1 and not exists (select 1 from github_deliveries o indexed by github_deliveries_by_state where o.state = 'working' and o.due_at > ?1 and o.repo = d.repo and o.number = d.number) limit 1)) and state in ('waiting', 'working') and due_at <= ?1 and not exists (select 1 from github_deliveries o indexed by github_deliveries_by_state where o.state = 'working' and o.due_at > ?1 and o.repo = github_deliveries.repo and o.number = github_deliveries.number) returning id, repo, number, facts_json, attempts, planned_json, last_error, (select cl.state_json from classifications cl where cl.repo = github_deliveries.repo and cl.number = github_deliveries.number order by cl.id desc limit 1) as state_json, (select cl.body_json from classifications cl where cl.repo = github_deliveries.repo and cl.number = github_deliveries.number order by cl.id desc limit 1) as body_json

-- statement github_delivery::PLAN
update github_deliveries set planned_json = ?3
        where id = ?1 and state = 'working' and due_at = ?2
        returning 1 as one

-- statement github_delivery::FOLLOW_UP
insert into github_deliveries (id, repo, number, facts_json, state, due_at, attempts, planned_json, received_at)
        select ?1, ?2, ?3, ?4, 'waiting', ?5, 0, '[]', ?5
        from github_deliveries g where g.id = ?6 and g.state = 'working' and g.due_at = ?7
        on conflict (id) do nothing

-- statement github_delivery::RELEASE
update github_deliveries set state = ?3, due_at = ?4, last_error = ?5
        where id = ?1 and state = 'working' and due_at = ?2

-- statement github_delivery::FORGET
delete from github_deliveries where id in (
          select id from github_deliveries indexed by github_deliveries_by_state
          where state in ('done', 'set_aside') and due_at < ?1 limit 1000)
        returning 1 as one

-- statement handoff::INSERT
insert into handoffs (id, session_id, venture, repo, track, issue_number, from_agent, to_agent, status_label,
          summary, payload_json, payload_hash, payload_size_bytes, schema_version, created_at, actor_key_id,
          creation_correlation_id)
        values (ifnull(iif(?11, (select s.final_handoff_id from sessions s where s.id = ?2), null), (with a as materialized (select max(ifnull((select substr(max(id), 6, 10) from sessions), ''), ifnull((select substr(max(id), 4, 10) from handoffs), '')) as newest), b as materialized (select a.newest, 1 + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 1, 1)) - 1) << 45) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 2, 1)) - 1) << 40) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 3, 1)) - 1) << 35) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 4, 1)) - 1) << 30) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 5, 1)) - 1) << 25) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 6, 1)) - 1) << 20) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 7, 1)) - 1) << 15) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 8, 1)) - 1) << 10) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 9, 1)) - 1) << 5) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 10, 1)) - 1) << 0) as following from a) select case when substr(?1, 4, 10) > b.newest then ?1 else 'ho_' || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 45 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 40 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 35 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 30 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 25 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 20 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 15 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 10 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 5 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 0 & 31) + 1, 1) || substr(?1, 14) end from b)),
          ?2, (select s.venture from sessions s where s.id = ?2), (select s.repo from sessions s where s.id = ?2), (select s.track from sessions s where s.id = ?2), (select s.issue_number from sessions s where s.id = ?2), (select s.agent from sessions s where s.id = ?2), ?3, ?4, ?5, ?6, ?7, length(cast(?6 as blob)), 1, ?8, ?9, ?10)
        on conflict (id) do nothing

-- statement handoff::SELECT
select json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', json(h.payload_json)), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as body from handoffs h where h.id = ?1

-- statement idempotency::UNLESS_FREE
insert into refusals (reason) select 'idempotency_key_taken' where exists (select 1 from idempotency_keys where expires_on in (substr(?3, 1, 10), date(?3, '+1 day'), date(?3, '+2 days')) and actor_key_id = ?1 and idempotency_key = ?2 and expires_at > ?3)

-- statement idempotency::RECALL
select request_hash, response_status, case when payload_handoff_id is null then response_json else json_replace(response_json, payload_path, json((select payload_json from handoffs where handoffs.id = payload_handoff_id))) end as body from idempotency_keys where expires_on in (substr(?3, 1, 10), date(?3, '+1 day'), date(?3, '+2 days')) and actor_key_id = ?1 and idempotency_key = ?2 and expires_at > ?3

-- statement machine::UNLESS_MACHINE
insert into refusals (reason) select 'machine_not_found'
        where not exists (select 1 from machines where hostname = ?1)

-- statement machine::IF_RETIRED
insert into refusals (reason) select 'machine_retired'
        where exists (select 1 from machines where hostname = ?1 and retired_at is not null)

-- statement machine::UNLESS_ACCESS
insert into refusals (reason) select 'machine_changed'
        where not exists (
          select 1 from machines where hostname = ?1
            and (ifnull(pending_user, approved_user), ifnull(pending_ip, approved_ip),
                 ifnull(pending_fingerprint, approved_fingerprint), ifnull(iif(pending_key is null, approved_host_fingerprint, pending_host_fingerprint), ''))
              = (?2, ?3, ?4, ifnull(?5, '')))

-- statement machine::FORGET_RETIRED
update machines set approved_user = null, approved_ip = null, approved_key = null, approved_fingerprint = null,
          approved_host_key = null, approved_host_fingerprint = null, approved_at = null, approved_by = null
        where hostname = ?1 and retired_at is not null

-- statement machine::REGISTER
insert into machines (id, hostname, os, arch, role, meta_json, pending_user, pending_ip, pending_key,
          pending_fingerprint, pending_at, pending_by, created_at, updated_at, last_seen_at, creation_correlation_id,
          pending_host_key, pending_host_fingerprint)
        values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?11, ?11, ?11, ?13, ?14, ?15)
        on conflict (hostname) do update set
          os = excluded.os, arch = excluded.arch, role = excluded.role, meta_json = excluded.meta_json,
          pending_user = excluded.pending_user, pending_ip = excluded.pending_ip, pending_key = excluded.pending_key,
          pending_fingerprint = excluded.pending_fingerprint, pending_host_key = excluded.pending_host_key,
          pending_host_fingerprint = excluded.pending_host_fingerprint, pending_at = excluded.pending_at,
          pending_by = excluded.pending_by, retired_at = null, updated_at = excluded.updated_at
        where retired_at is not null
          or (os, arch, ifnull(role, ''), meta_json, ifnull(pending_user, approved_user),
              ifnull(pending_ip, approved_ip), ifnull(pending_key, approved_key), ifnull(iif(pending_key is null, approved_host_key, pending_host_key), '')) is not
             (excluded.os, excluded.arch, ifnull(excluded.role, ''), excluded.meta_json, excluded.pending_user,
              excluded.pending_ip, excluded.pending_key, ifnull(excluded.pending_host_key, ''))

-- statement machine::REMOVE_APPROVED_REQUEST
update machines set pending_user = null, pending_ip = null, pending_key = null, pending_fingerprint = null,
          pending_host_key = null, pending_host_fingerprint = null, pending_at = null, pending_by = null
        where hostname = ?1 and (pending_user, pending_ip, pending_key, ifnull(pending_host_key, ''))
          = (approved_user, approved_ip, approved_key, ifnull(approved_host_key, ''))

-- statement machine::RECORD_HEARTBEAT
update machines set last_seen_at = ?2 where hostname = ?1

-- statement machine::APPROVE
update machines set approved_user = pending_user, approved_ip = pending_ip, approved_key = pending_key,
          approved_fingerprint = pending_fingerprint, approved_host_key = pending_host_key,
          approved_host_fingerprint = pending_host_fingerprint, approved_at = ?2, approved_by = ?3,
          pending_user = null, pending_ip = null, pending_key = null, pending_fingerprint = null,
          pending_host_key = null, pending_host_fingerprint = null, pending_at = null, pending_by = null, updated_at = ?2
        where hostname = ?1 and pending_key is not null

-- statement machine::RETIRE
update machines set retired_at = ?2, updated_at = ?2, pending_user = null, pending_ip = null, pending_key = null,
          pending_fingerprint = null, pending_host_key = null, pending_host_fingerprint = null, pending_at = null,
          pending_by = null
        where hostname = ?1 and retired_at is null

-- statement machine::SELECT_BEAT
select json_object('hostname', m.hostname, 'status', m.status, 'last_seen_at', m.last_seen_at,
          'next_heartbeat_at', ?2, 'heartbeat_interval_seconds', cast(?3 as integer)) as body
        from machines m where m.hostname = ?1

-- statement note::INSERT
insert into notes (id, venture, title, tags_json, created_at, updated_at, actor_key_id, creation_correlation_id,
          content, indexed_in_part)
        values ((with a as materialized (select ifnull((select substr(max(id), 6, 10) from notes), '') as newest), b as materialized (select a.newest, 1 + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 1, 1)) - 1) << 45) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 2, 1)) - 1) << 40) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 3, 1)) - 1) << 35) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 4, 1)) - 1) << 30) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 5, 1)) - 1) << 25) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 6, 1)) - 1) << 20) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 7, 1)) - 1) << 15) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 8, 1)) - 1) << 10) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 9, 1)) - 1) << 5) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 10, 1)) - 1) << 0) as following from a) select case when substr(?1, 6, 10) > b.newest then ?1 else 'note_' || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 45 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 40 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 35 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 30 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 25 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 20 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 15 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 10 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 5 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 0 & 31) + 1, 1) || substr(?1, 16) end from b),
          ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8, ?9)

-- statement note::UPDATE
update notes set title = ifnull(?3, title), content = ifnull(?4, content), tags_json = ifnull(?5, tags_json),
          venture = iif(?6, ?7, venture), indexed_in_part = ifnull(?8, indexed_in_part), version = version + 1,
          updated_at = ?2
        where id = ?1 and (title, content, tags_json, ifnull(venture, '')) is not (ifnull(?3, title), ifnull(?4, content), ifnull(?5, tags_json), ifnull(iif(?6, ?7, venture), ''))

-- statement note::ARCHIVE
update notes set archived_at = ?2, updated_at = ?2, version = version + 1 where id = ?1 and archived_at is null

-- statement note::RESTORE
update notes set archived_at = null, updated_at = ?2, version = version + 1
        where id = ?1 and archived_at is not null

-- statement note::UNTAG
delete from note_tags where (tag, scope, note_id) in (select j.value, ifnull(n.venture, 'global'), n.id from notes n, json_each(n.tags_json) j where n.id = ?1)

-- statement note::UNTAG_ARCHIVED
delete from archived_note_tags where (tag, scope, note_id) in (select j.value, ifnull(n.venture, 'global'), n.id from notes n, json_each(n.tags_json) j where n.id = ?1)

-- statement note::TAG
insert into note_tags (tag, scope, note_id)
        select j.value, ifnull(n.venture, 'global'), n.id from notes n, json_each(n.tags_json) j
        where n.id = ifnull(?1, (select max(id) from notes)) and n.archived_at is null

-- statement note::TAG_ARCHIVED
insert into archived_note_tags (tag, scope, note_id)
        select j.value, ifnull(n.venture, 'global'), n.id from notes n, json_each(n.tags_json) j
        where n.id = ?1 and n.archived_at is not null

-- statement note::SELECT
select json_object('id', n.id, 'title', n.title, 'content', n.content, 'size_bytes', length(cast(n.content as blob)), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'creation_correlation_id', n.creation_correlation_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as body from notes n where n.id = ?1

-- statement note_index::WAITING
select id, version, title, content from (
          select n.id, n.version, n.title, n.content,
            sum(octet_length(n.content)) over (order by n.id) - octet_length(n.content) as before
          from (select note_id from notes_to_index order by note_id limit 100) q cross join notes n on n.id = q.note_id)
        where before < 300000 order by id

-- statement note_index::TERMS
insert into note_terms (id, title, content, filters)
        select n.number, json_extract(j.value, '$.title'), json_extract(j.value, '$.content'), case when n.archived_at is null then '+live +live:' else '+archived +archived:' end || ifnull(n.venture, '') || ifnull((select group_concat(' #' || hex(j.value), '') from json_each(n.tags_json) j), '')
        from json_each(?1) j cross join notes_to_index q on q.note_id = json_extract(j.value, '$.id')
        cross join notes n on n.id = q.note_id and n.version = json_extract(j.value, '$.version')
        where true on conflict do nothing

-- statement note_index::RANK
insert into note_ranks (number, head, often)
        select n.number, json_extract(j.value, '$.head'), json_extract(j.value, '$.often')
        from json_each(?1) j cross join notes_to_index q on q.note_id = json_extract(j.value, '$.id')
        cross join notes n on n.id = q.note_id cross join note_terms t on t.id = n.number
        where true on conflict (number) do update set head = excluded.head, often = excluded.often

-- statement note_index::IN_PART
update notes set indexed_in_part = 1
        where id in (select value from json_each(?1)) and exists (
          select 1 from note_terms t where t.id = notes.number)

-- statement note_index::INDEX
insert into note_search (rowid, filters, title, content)
        select t.id, t.filters, t.title, t.content
        from json_each(?1) j cross join notes_to_index q on q.note_id = j.value
        cross join notes n on n.id = q.note_id cross join note_terms t on t.id = n.number

-- statement note_index::DONE
delete from notes_to_index where note_id in (select value from json_each(?1)) and exists (
          select 1 from notes n cross join note_terms t on t.id = n.number where n.id = notes_to_index.note_id)

-- statement note_search::RANK
insert into note_ranks (number, head, often)
        select n.number, ?1, ?2 from notes n where n.id = (select max(id) from notes)

-- statement note_search::TERMS
insert into note_terms (id, title, content, filters)
        select n.number, ?1, ?2, case when n.archived_at is null then '+live +live:' else '+archived +archived:' end || ifnull(n.venture, '') || ifnull((select group_concat(' #' || hex(j.value), '') from json_each(n.tags_json) j), '') from notes n where n.id = (select max(id) from notes)

-- statement note_search::CHANGE_RANK
update note_ranks set head = ifnull(?2, head), often = ifnull(?3, often)
        where number = (select n.number from notes n where n.id = ?1)

-- statement note_search::CHANGE_TERMS
update note_terms set title = ifnull(?2, title), content = ifnull(?3, content),
          filters = (select case when n.archived_at is null then '+live +live:' else '+archived +archived:' end || ifnull(n.venture, '') || ifnull((select group_concat(' #' || hex(j.value), '') from json_each(n.tags_json) j), '') from notes n where n.id = ?1)
        where id = (select n.number from notes n where n.id = ?1)

-- statement note_search::INDEX
insert into note_search (rowid, filters, title, content)
        select t.id, t.filters, t.title, t.content from note_terms t
        where t.id = (select n.number from notes n where n.id = ifnull(?1, (select max(id) from notes)))

-- statement note_search::FORGET
insert into note_search (note_search, rowid, filters, title, content)
        select 'delete', t.id, t.filters, t.title, t.content from note_terms t
        where t.id = (select n.number from notes n where n.id = ?1)

-- statement note_search::DROP_INDEX
drop table if exists note_search

-- statement note_search::CREATE_INDEX
create virtual table if not exists note_search using fts5 (
          filters, title, content, content = 'note_terms', content_rowid = 'id', columnsize = 0, detail = none,
          prefix = '3 4 5 6 7 8 9 10 11 12', tokenize = "ascii tokenchars '+#:_-'"
        )

-- statement note_search::FILL_INDEX
insert into note_search (note_search) values ('rebuild')

-- statement rate_limit::COUNT
insert into rate_limits (actor_key_id, window_start, request_count, request_limit) values (?1, ?2, 1, ?4) on conflict (actor_key_id) do update set request_count = iif(window_start between excluded.window_start and ?3, request_count + 1, 1), window_start = iif(window_start between excluded.window_start and ?3, window_start, excluded.window_start), request_limit = excluded.request_limit returning request_count, request_limit

-- statement rate_limit::USED_UP
select 1 as used_up from rate_limits
        where actor_key_id = ?1 and window_start between ?2 and ?3 and request_count >= request_limit

-- statement rate_limit::COUNT_TOKEN
insert into rate_limits (actor_key_id, window_start, request_count, request_limit) select ?1, ?2, 1, t.rate_limit_per_minute from tokens t where t.id = ?4 on conflict (actor_key_id) do update set request_count = iif(window_start between excluded.window_start and ?3, request_count + 1, 1), window_start = iif(window_start between excluded.window_start and ?3, window_start, excluded.window_start), request_limit = excluded.request_limit returning request_count, request_limit

-- statement rate_limit::COUNT_TOKEN_REFUSED
insert into rate_limits (actor_key_id, window_start, request_count, request_limit) select ?1, ?2, 1, t.rate_limit_per_minute from tokens t where t.id = ?4 on conflict (actor_key_id) do update set request_count = iif(window_start between excluded.window_start and ?3, min(request_count + 1, excluded.request_limit), 1), window_start = iif(window_start between excluded.window_start and ?3, window_start, excluded.window_start), request_limit = excluded.request_limit

-- statement rate_limit::COUNT_REFUSED
insert into rate_limits (actor_key_id, window_start, request_count, request_limit) values (?1, ?2, 1, ?4) on conflict (actor_key_id) do update set request_count = iif(window_start between excluded.window_start and ?3, min(request_count + 1, excluded.request_limit), 1), window_start = iif(window_start between excluded.window_start and ?3, window_start, excluded.window_start), request_limit = excluded.request_limit

-- statement records::BEGIN_STAGE
insert or replace into record_moves (id, stage) values (1, case when (?1, ?2) is (?3, ?4) then 'nothing' when exists (select 1 from sessions where venture = ?1 and repo = ?2) then 'sessions' when exists (select 1 from handoffs where venture = ?1 and repo = ?2) then 'handoffs' when not (?1 <> ?3 and not (exists (select 1 from sessions where venture = ?1 and repo = ?2) or exists (select 1 from handoffs where venture = ?1 and repo = ?2)) and not exists (with recursive other (repo) as ( select min(repo) from sessions indexed by sessions_by_venture_and_repo where venture = ?1 union all select (select min(repo) from sessions indexed by sessions_by_venture_and_repo where venture = ?1 and repo > other.repo) from other where other.repo is not null and (lower(other.repo) in (lower(?2), lower(?4)) or exists (select 1 from ventures v where v.code = ?3 and instr(lower(v.repos_json), json_quote(lower(other.repo))) > 0)) limit 50) select 1 from other where other.repo is not null and not (lower(other.repo) in (lower(?2), lower(?4)) or exists (select 1 from ventures v where v.code = ?3 and instr(lower(v.repos_json), json_quote(lower(other.repo))) > 0))) and not exists (with recursive other (repo) as ( select min(repo) from handoffs indexed by handoffs_by_venture_and_repo where venture = ?1 union all select (select min(repo) from handoffs indexed by handoffs_by_venture_and_repo where venture = ?1 and repo > other.repo) from other where other.repo is not null and (lower(other.repo) in (lower(?2), lower(?4)) or exists (select 1 from ventures v where v.code = ?3 and instr(lower(v.repos_json), json_quote(lower(other.repo))) > 0)) limit 50) select 1 from other where other.repo is not null and not (lower(other.repo) in (lower(?2), lower(?4)) or exists (select 1 from ventures v where v.code = ?3 and instr(lower(v.repos_json), json_quote(lower(other.repo))) > 0))) and not exists (select 1 from ventures v cross join json_each(v.repos_json) own where v.code = ?1 and v.deleted_at is null and not (lower(own.value) in (lower(?2), lower(?4)) or exists (select 1 from ventures v where v.code = ?3 and instr(lower(v.repos_json), json_quote(lower(own.value))) > 0)))) then 'nothing' when (exists (select 1 from notes where venture = ?1 and archived_at is null) or exists (select 1 from notes where venture = ?1 and archived_at is not null)) then 'notes' when exists (select * from (select page.scope, page.name, case when not exists (select 1 from doc_versions w where w.scope = ?3 and w.name = page.name) then page.name when length(?1 || '.' || page.name) <= 128 and not exists (select 1 from doc_versions w where w.scope = ?3 and w.name = ?1 || '.' || page.name) and not exists (select 1 from context_docs e where e.scope = ?1 and e.name = ?1 || '.' || page.name) then ?1 || '.' || page.name end as new_name from (select scope, name from context_docs where scope = ?1 order by name limit 50) page) where new_name is not null) then 'docs' when exists (select r.id from (select * from doc_requirements indexed by doc_requirements_by_venture where venture = ?1 and instr(name_pattern, '*') = 0 limit 100) r where not exists (select 1 from doc_requirements same where same.name_pattern = r.name_pattern and same.scope_type = r.scope_type and ifnull(same.venture, '') = ?3 and ifnull(same.capability, '') = ifnull(r.capability, ''))) or exists (select r.id from (select * from doc_requirements indexed by doc_requirements_patterns where venture = ?1 and instr(name_pattern, '*') > 0 limit 100) r where not exists (select 1 from doc_requirements same where same.name_pattern = r.name_pattern and same.scope_type = r.scope_type and ifnull(same.venture, '') = ?3 and ifnull(same.capability, '') = ifnull(r.capability, '')) and 20 > (select count(*) from (select 1 from doc_requirements indexed by doc_requirements_patterns where instr(name_pattern, '*') > 0 and venture = ?3 union all select 1 from doc_requirements indexed by doc_requirements_patterns where instr(name_pattern, '*') > 0 and venture is null limit 20))) then 'requirements' else 'nothing' end)

-- statement records::ABANDON_SECOND
update sessions set status = 'abandoned', ended_at = ?5, end_reason = 'stale'
        where id in (select id from sessions indexed by sessions_by_venture_and_repo where venture = ?1 and repo = ?2 order by id desc limit 50 * (select stage = 'sessions' and ?1 || ?2 || ?3 || ?4 is not null from record_moves) * (changes() > 0)) and status = 'active' and exists (
          select 1 from sessions o where o.agent = sessions.agent and o.venture = ?3 and o.repo = ?4 and ifnull(o.track, -1) = ifnull(sessions.track, -1) and o.status = 'active' and o.id <> sessions.id)

-- statement records::MOVE_SESSIONS
update sessions set venture = ?3, repo = ?4 where id in (select id from sessions indexed by sessions_by_venture_and_repo where venture = ?1 and repo = ?2 order by id desc limit 50 * (select stage = 'sessions' and ?1 || ?2 || ?3 || ?4 is not null from record_moves))

-- statement records::MOVE_HANDOFFS
update handoffs set venture = ?3, repo = ?4
        where id in (
          select id from handoffs indexed by handoffs_by_venture_and_repo where venture = ?1 and repo = ?2
          order by id desc limit 150 * (select stage = 'handoffs' and ?1 || ?2 || ?3 || ?4 is not null from record_moves))

-- statement records::SELECT_MOVED
select json_object(
          'more', json(iif(stage <> 'nothing', 'true', 'false')),
          'venture_in_use', json(iif(?1 <> ?3 and ((exists (select 1 from notes where venture = ?1 and archived_at is null) or exists (select 1 from notes where venture = ?1 and archived_at is not null)) or exists (select 1 from context_docs where scope = ?1) or exists (select 1 from doc_requirements where venture = ?1)) and not (exists (select 1 from sessions where venture = ?1 and repo = ?2) or exists (select 1 from handoffs where venture = ?1 and repo = ?2)) and not (?1 <> ?3 and not (exists (select 1 from sessions where venture = ?1 and repo = ?2) or exists (select 1 from handoffs where venture = ?1 and repo = ?2)) and not exists (with recursive other (repo) as ( select min(repo) from sessions indexed by sessions_by_venture_and_repo where venture = ?1 union all select (select min(repo) from sessions indexed by sessions_by_venture_and_repo where venture = ?1 and repo > other.repo) from other where other.repo is not null and (lower(other.repo) in (lower(?2), lower(?4)) or exists (select 1 from ventures v where v.code = ?3 and instr(lower(v.repos_json), json_quote(lower(other.repo))) > 0)) limit 50) select 1 from other where other.repo is not null and not (lower(other.repo) in (lower(?2), lower(?4)) or exists (select 1 from ventures v where v.code = ?3 and instr(lower(v.repos_json), json_quote(lower(other.repo))) > 0))) and not exists (with recursive other (repo) as ( select min(repo) from handoffs indexed by handoffs_by_venture_and_repo where venture = ?1 union all select (select min(repo) from handoffs indexed by handoffs_by_venture_and_repo where venture = ?1 and repo > other.repo) from other where other.repo is not null and (lower(other.repo) in (lower(?2), lower(?4)) or exists (select 1 from ventures v where v.code = ?3 and instr(lower(v.repos_json), json_quote(lower(other.repo))) > 0)) limit 50) select 1 from other where other.repo is not null and not (lower(other.repo) in (lower(?2), lower(?4)) or exists (select 1 from ventures v where v.code = ?3 and instr(lower(v.repos_json), json_quote(lower(other.repo))) > 0))) and not exists (select 1 from ventures v cross join json_each(v.repos_json) own where v.code = ?1 and v.deleted_at is null and not (lower(own.value) in (lower(?2), lower(?4)) or exists (select 1 from ventures v where v.code = ?3 and instr(lower(v.repos_json), json_quote(lower(own.value))) > 0)))), 'true', 'false')),
          'left', json(iif(?1 <> ?3 and ((exists (select 1 from notes where venture = ?1 and archived_at is null) or exists (select 1 from notes where venture = ?1 and archived_at is not null)) or exists (select 1 from context_docs where scope = ?1) or exists (select 1 from doc_requirements where venture = ?1)), 'true', 'false')),
          'docs_renamed', json(iif(?1 <> ?3 and exists (
            select 1 from context_docs d where d.scope = ?3 and d.name > ?1 || '.' and d.name < ?1 || '/'), 'true', 'false'))
        ) as body from (select case when (?1, ?2) is (?3, ?4) then 'nothing' when exists (select 1 from sessions where venture = ?1 and repo = ?2) then 'sessions' when exists (select 1 from handoffs where venture = ?1 and repo = ?2) then 'handoffs' when not (?1 <> ?3 and not (exists (select 1 from sessions where venture = ?1 and repo = ?2) or exists (select 1 from handoffs where venture = ?1 and repo = ?2)) and not exists (with recursive other (repo) as ( select min(repo) from sessions indexed by sessions_by_venture_and_repo where venture = ?1 union all select (select min(repo) from sessions indexed by sessions_by_venture_and_repo where venture = ?1 and repo > other.repo) from other where other.repo is not null and (lower(other.repo) in (lower(?2), lower(?4)) or exists (select 1 from ventures v where v.code = ?3 and instr(lower(v.repos_json), json_quote(lower(other.repo))) > 0)) limit 50) select 1 from other where other.repo is not null and not (lower(other.repo) in (lower(?2), lower(?4)) or exists (select 1 from ventures v where v.code = ?3 and instr(lower(v.repos_json), json_quote(lower(other.repo))) > 0))) and not exists (with recursive other (repo) as ( select min(repo) from handoffs indexed by handoffs_by_venture_and_repo where venture = ?1 union all select (select min(repo) from handoffs indexed by handoffs_by_venture_and_repo where venture = ?1 and repo > other.repo) from other where other.repo is not null and (lower(other.repo) in (lower(?2), lower(?4)) or exists (select 1 from ventures v where v.code = ?3 and instr(lower(v.repos_json), json_quote(lower(other.repo))) > 0)) limit 50) select 1 from other where other.repo is not null and not (lower(other.repo) in (lower(?2), lower(?4)) or exists (select 1 from ventures v where v.code = ?3 and instr(lower(v.repos_json), json_quote(lower(other.repo))) > 0))) and not exists (select 1 from ventures v cross join json_each(v.repos_json) own where v.code = ?1 and v.deleted_at is null and not (lower(own.value) in (lower(?2), lower(?4)) or exists (select 1 from ventures v where v.code = ?3 and instr(lower(v.repos_json), json_quote(lower(own.value))) > 0)))) then 'nothing' when (exists (select 1 from notes where venture = ?1 and archived_at is null) or exists (select 1 from notes where venture = ?1 and archived_at is not null)) then 'notes' when exists (select * from (select page.scope, page.name, case when not exists (select 1 from doc_versions w where w.scope = ?3 and w.name = page.name) then page.name when length(?1 || '.' || page.name) <= 128 and not exists (select 1 from doc_versions w where w.scope = ?3 and w.name = ?1 || '.' || page.name) and not exists (select 1 from context_docs e where e.scope = ?1 and e.name = ?1 || '.' || page.name) then ?1 || '.' || page.name end as new_name from (select scope, name from context_docs where scope = ?1 order by name limit 50) page) where new_name is not null) then 'docs' when exists (select r.id from (select * from doc_requirements indexed by doc_requirements_by_venture where venture = ?1 and instr(name_pattern, '*') = 0 limit 100) r where not exists (select 1 from doc_requirements same where same.name_pattern = r.name_pattern and same.scope_type = r.scope_type and ifnull(same.venture, '') = ?3 and ifnull(same.capability, '') = ifnull(r.capability, ''))) or exists (select r.id from (select * from doc_requirements indexed by doc_requirements_patterns where venture = ?1 and instr(name_pattern, '*') > 0 limit 100) r where not exists (select 1 from doc_requirements same where same.name_pattern = r.name_pattern and same.scope_type = r.scope_type and ifnull(same.venture, '') = ?3 and ifnull(same.capability, '') = ifnull(r.capability, '')) and 20 > (select count(*) from (select 1 from doc_requirements indexed by doc_requirements_patterns where instr(name_pattern, '*') > 0 and venture = ?3 union all select 1 from doc_requirements indexed by doc_requirements_patterns where instr(name_pattern, '*') > 0 and venture is null limit 20))) then 'requirements' else 'nothing' end as stage)

-- statement refusal::UNLESS_SESSION
insert into refusals (reason) select 'session_not_found' where not exists (select 1 from sessions where id = ?1)

-- statement refusal::UNLESS_SESSION_ALIVE
insert into refusals (reason) select case when status is null then 'session_not_found' else 'session_ended' end
        from (select 1) left join sessions on id = ?1 where status is null or status = 'ended'

-- statement refusal::UNLESS_VENTURE
insert into refusals (reason) select 'venture_not_registered'
        where not exists (select 1 from ventures where code = ?1 and deleted_at is null)

-- statement refusal::UNLESS_VENTURE_KNOWN
insert into refusals (reason) select 'venture_not_found' where not exists (select 1 from ventures where code = ?1)

-- statement refusal::UNLESS_NOTE
insert into refusals (reason) select 'note_not_found' where not exists (select 1 from notes where id = ?1)

-- statement refusal::UNLESS_REQUIREMENT
insert into refusals (reason) select 'requirement_not_found'
        where not exists (select 1 from doc_requirements where id = ?1)

-- statement refusal::UNLESS_NOTE_VERSION
insert into refusals (reason) select 'note_changed'
        where not exists (select 1 from notes where id = ?1 and version in (select value from json_each(?2)))

-- statement request_log::INSERT
insert into request_log (moment, correlation_id, actor_key_id, operation, method, status, error_code, duration_ms) values (replace(?8, ':', '') || '_' || printf('%06d', (select ifnull(max(substr(max(moment), 24) + 1, 0), 0) from request_log where moment >= replace(?8, ':', '') || '_' and moment < replace(?8, ':', '') || '~')), ?1, ?2, ?3, ?4, ?5, ?6, ?7)

-- statement request_log::INSERT_FROM_STORED
insert into request_log (moment, correlation_id, actor_key_id, operation, method, status) select replace(?6, ':', '') || '_' || printf('%06d', (select ifnull(max(substr(max(moment), 24) + 1, 0), 0) from request_log where moment >= replace(?6, ':', '') || '_' and moment < replace(?6, ':', '') || '~')), ?3, actor_key_id, ?4, ?5, response_status from idempotency_keys where expires_on = substr(?7, 1, 10) and actor_key_id = ?1 and idempotency_key = ?2

-- statement requirement::UNLESS_BELOW_LIMIT
insert into refusals (reason) select 'requirements_full' from (select sum(n) as n, ifnull(sum(patterns) filter (where venture is null), 0) + ifnull(max(patterns) filter (where venture = ifnull(?3, venture)), 0) as patterns from (select venture, count(*) as n, sum(instr(name_pattern, '*') > 0) as patterns from doc_requirements indexed by doc_requirements_by_venture group by venture)) where (n >= ?5 or instr(?1, '*') > 0 and patterns >= ?6) and not exists (select 1 from doc_requirements r where r.name_pattern = ?1 and r.scope_type = ?2 and ifnull(r.venture, '') = ifnull(?3, '') and ifnull(r.capability, '') = ifnull(?4, ''))

-- statement requirement::PUT
insert into doc_requirements (name_pattern, scope_type, venture, capability, id, staleness_days, required,
          auto_generate, sources_json, created_at, updated_at)
        values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)
        on conflict (name_pattern, scope_type, ifnull(venture, ''), ifnull(capability, '')) do update set
          staleness_days = excluded.staleness_days, required = excluded.required,
          auto_generate = excluded.auto_generate, sources_json = excluded.sources_json, updated_at = excluded.updated_at
        where (staleness_days, required, auto_generate, sources_json) is not
          (excluded.staleness_days, excluded.required, excluded.auto_generate, excluded.sources_json)

-- statement requirement::DELETE
delete from doc_requirements where id = ?1

-- statement service::HEALTH
select json_object('status', 'ok', 'engine', ?1, 'time', ?2, 'writes_wait_seconds', ?3, 'notice', ?4,
          'last_sweep', json((
          select json_object('started_at', started_at, 'finished_at', finished_at,
            'more', json(iif(more, 'true', 'false')), 'sessions', sessions, 'keys', keys, 'rates', rates, 'log', log, 'events', events)
          from sweep_runs))) as body

-- statement service::VERSION
select json_object('version', ?1, 'commit', ?2, 'engine', ?3,
          'migrations', json((select json_group_array(name order by id) from d1_migrations))) as body

-- statement session::SETTLE_OWN
update sessions set
          (status, ended_at, end_reason) = (select iif(status = 'active', 'abandoned', 'active'),
            iif(status = 'active', ?2, null), iif(status = 'active', 'stale', null))
        where id = (
          select case when a.id is null then (
            select id from (
              select id, venture, repo, track, status, end_reason, last_heartbeat_at
              from sessions indexed by sessions_by_agent where agent = ?3 order by id desc limit 50)
            where status = 'abandoned' and last_heartbeat_at >= ?1 and venture = ?4 and repo = ?5
              and ifnull(track, -1) = ifnull(?6, -1) and end_reason = 'process_exit'
            order by last_heartbeat_at desc limit 1)
          when a.last_heartbeat_at < ?1 then a.id end
          from (select 1) left join sessions a on a.agent = ?3 and a.venture = ?4 and a.repo = ?5
            and ifnull(a.track, -1) = ifnull(?6, -1) and a.status = 'active')

-- statement session::ABANDON_STALE
update sessions set status = 'abandoned', ended_at = ?2, end_reason = 'stale'
        where id in (select id from ( select id, last_heartbeat_at from sessions indexed by sessions_by_venture where venture = ?3 and status = 'active' order by id limit iif(changes() > 0, 5, 0)) where last_heartbeat_at < ?1)

-- statement session::CORRECT_AHEAD
update sessions set last_heartbeat_at = ?1
        where id in (
          select id from (
            select id, last_heartbeat_at from sessions indexed by sessions_by_venture
            where venture = ?2 and status = 'active' order by id desc limit 5)
          where last_heartbeat_at > ?3)

-- statement session::START
insert into sessions (id, agent, client, client_version, client_session_id, host, venture, repo, track,
          issue_number, branch, commit_sha, status, created_at, last_heartbeat_at, actor_key_id,
          creation_correlation_id, meta_json)
        values (case when exists (select 1 from sessions where agent = ?2 and venture = ?7 and repo = ?8
            and ifnull(track, -1) = ifnull(?9, -1) and status = 'active')
          then ?1 else (with a as materialized (select max(ifnull((select substr(max(id), 6, 10) from sessions), ''), ifnull((select substr(max(id), 4, 10) from handoffs), '')) as newest), b as materialized (select a.newest, 1 + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 1, 1)) - 1) << 45) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 2, 1)) - 1) << 40) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 3, 1)) - 1) << 35) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 4, 1)) - 1) << 30) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 5, 1)) - 1) << 25) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 6, 1)) - 1) << 20) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 7, 1)) - 1) << 15) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 8, 1)) - 1) << 10) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 9, 1)) - 1) << 5) + ((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, 10, 1)) - 1) << 0) as following from a) select case when substr(?1, 6, 10) > b.newest then ?1 else 'sess_' || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 45 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 40 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 35 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 30 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 25 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 20 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 15 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 10 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 5 & 31) + 1, 1) || substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> 0 & 31) + 1, 1) || substr(?1, 16) end from b) end, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'active', ?13, ?13, ?14, ?15, ?16)
        on conflict (agent, venture, repo, ifnull(track, -1)) where status = 'active' do update set
          last_heartbeat_at = excluded.last_heartbeat_at,
          client = excluded.client,
          client_version = ifnull(excluded.client_version, client_version),
          client_session_id = ifnull(excluded.client_session_id, client_session_id),
          host = excluded.host,
          issue_number = ifnull(excluded.issue_number, issue_number),
          branch = ifnull(excluded.branch, branch),
          commit_sha = ifnull(excluded.commit_sha, commit_sha),
          meta_json = json_patch(meta_json, excluded.meta_json)

-- statement session::SELECT
select json_set(json_object('id', s.id, 'agent', s.agent, 'client', s.client, 'client_version', s.client_version, 'client_session_id', s.client_session_id, 'host', s.host, 'venture', s.venture, 'repo', s.repo, 'track', s.track, 'issue_number', s.issue_number, 'branch', s.branch, 'commit_sha', s.commit_sha, 'status', case when s.status = 'active' and s.last_heartbeat_at < ?1 then 'abandoned' else s.status end, 'created_at', s.created_at), '$.last_heartbeat_at', s.last_heartbeat_at, '$.ended_at', s.ended_at, '$.end_reason', s.end_reason, '$.final_handoff_id', s.final_handoff_id, '$.actor_key_id', s.actor_key_id, '$.creation_correlation_id', s.creation_correlation_id, '$.meta', json(s.meta_json)) as body from sessions s where s.id = ?2

-- statement session::UPDATE
update sessions set last_heartbeat_at = ?2, branch = iif(?3, ?4, branch), commit_sha = iif(?5, ?6, commit_sha), issue_number = iif(?7, ?8, issue_number), meta_json = iif(?9, ifnull(json_patch(meta_json, ?10), '{}'), meta_json) where id = ?1 and status = 'active' and (not ?11 or track is ?12)

-- statement session::UPDATE_TRACK
update sessions set track = ?12, last_heartbeat_at = ?2, branch = iif(?3, ?4, branch), commit_sha = iif(?5, ?6, commit_sha), issue_number = iif(?7, ?8, issue_number), meta_json = iif(?9, ifnull(json_patch(meta_json, ?10), '{}'), meta_json) where id = ?1 and status = 'active' and ?11 and track is not ?12

-- statement session::UPDATE_ABANDONED
update sessions set status = 'active', ended_at = null, end_reason = null, track = iif(?11, ?12, track), last_heartbeat_at = ?2, branch = iif(?3, ?4, branch), commit_sha = iif(?5, ?6, commit_sha), issue_number = iif(?7, ?8, issue_number), meta_json = iif(?9, ifnull(json_patch(meta_json, ?10), '{}'), meta_json) where id = ?1 and status = 'abandoned'

-- statement session::RECORD_HEARTBEAT
update sessions set last_heartbeat_at = ?2 where id = ?1 and status = 'active'

-- statement session::REVIVE
update sessions set status = 'active', ended_at = null, end_reason = null, last_heartbeat_at = ?2
        where id = ?1 and status = 'abandoned'

-- statement session::SELECT_BEAT
select iif(s.status = 'ended', null, json_object('session_id', s.id, 'status', s.status,
          'last_heartbeat_at', s.last_heartbeat_at, 'next_heartbeat_at', ?2, 'heartbeat_interval_seconds', cast(?3 as integer))
          ) as body, iif(s.status = 'ended', 'session_ended', null) as refused
        from sessions s where s.id = ?1

-- statement session::LEAVE
update sessions set status = 'abandoned', ended_at = ?2, end_reason = 'process_exit'
        where id = ?1 and status = 'active' and last_heartbeat_at <= ?3

-- statement session::END
update sessions set status = 'ended', ended_at = ?2, end_reason = ?3,
          final_handoff_id = (select max(id) from handoffs where session_id = ?1)
        where id = ?1 and status <> 'ended'

-- statement ssh_config::SELECT
select json_insert(json_object(
           'ssh_config', ifnull(page.blocks, ''), 'authorized_keys', json(page.lines),
           'known_hosts', json(page.known), 'total', min(counted.n, 750),
           'shown', page.shown,
           'next_cursor', iif(exists (select 1 from machines m where m.approved_key is not null and m.retired_at is null and m.hostname <> ?1 and m.id > page.last), ?3 || page.last, null)),
           case when counted.n > 750 then '$.total_is_minimum' else '$.total' end, json('true')) as body
         from (select count(*) as n from (select 1 from machines m where m.approved_key is not null and m.retired_at is null and m.hostname <> ?1 limit 750 + 1)) as counted
         cross join (
           select group_concat(block, '') as blocks, json_group_array(line) as lines,
             json_group_array(known) filter (where known is not null) as known, count(*) as shown, max(id) as last from (
             select m.id,
               'Host ' || m.hostname || char(10) || '  HostName ' || m.approved_ip || char(10)
                 || '  User ' || m.approved_user || char(10) || '  HostKeyAlias ' || m.hostname || char(10)
                 || '  IdentitiesOnly yes' || char(10) as block,
               m.approved_key || ' ' || m.hostname as line,
               m.hostname || ',' || m.approved_ip || ' ' || m.approved_host_key as known
             from machines m where m.approved_key is not null and m.retired_at is null and m.hostname <> ?1 and m.id > ?2 order by m.id limit 200)) as page

-- statement sweep::ABANDON
update sessions set status = 'abandoned', ended_at = ?2, end_reason = 'stale'
        where id in (select id from sessions indexed by sessions_one_live where status = 'active' and last_heartbeat_at < ?1 limit iif(changes() > 0, 1000, 0))
        returning 1 as one

-- statement sweep::CORRECT_AHEAD
update sessions set last_heartbeat_at = ?1
        where id in (
          select id from sessions indexed by sessions_one_live
          where status = 'active' and last_heartbeat_at > ?2 limit 1000)

-- statement sweep::FORGET_KEYS
delete from idempotency_keys where (expires_on, actor_key_id, idempotency_key) in (
          select expires_on, actor_key_id, idempotency_key from idempotency_keys
          where expires_on < substr(?1, 1, 10) order by expires_on limit 1000)
        returning 1 as one

-- statement sweep::FORGET_RATES
delete from rate_limits where actor_key_id in (
          select actor_key_id from rate_limits where window_start < ?1 limit 1000)
        returning 1 as one

-- statement sweep::FORGET_LOG
delete from request_log where moment in (
          select moment from request_log where moment < replace(?1, ':', '') order by moment limit 1000)
        returning 1 as one

-- statement sweep::RECORD
insert into sweep_runs (id, started_at, finished_at, more, sessions, keys, rates, log, events)
        values (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        on conflict (id) do update set started_at = excluded.started_at, finished_at = excluded.finished_at,
          more = excluded.more, sessions = excluded.sessions, keys = excluded.keys, rates = excluded.rates,
          log = excluded.log, events = excluded.events

-- statement token::ADMIT
insert into token_refusals (reason) select case when t.id is null then 'unknown' when t.revoked_at is not null then 'revoked' else 'expired' end as reason from (select 1) left join tokens t on t.id = ?1 and t.token_hash = ?2 where t.id is null or t.revoked_at is not null or t.expires_at <= ?3

-- statement token::WHY_REFUSED
select case when t.id is null then 'unknown' when t.revoked_at is not null then 'revoked' else 'expired' end as reason from (select 1) left join tokens t on t.id = ?1 and t.token_hash = ?2 where t.id is null or t.revoked_at is not null or t.expires_at <= ?3

-- statement token::UNLESS_SCOPE
insert into token_refusals (reason) select 'scope' as reason from tokens t where t.id = ?1 and not exists ( select 1 from json_each(t.scopes_json) has join json_each(?2) grants on grants.value = has.value)

-- statement token::WHY_OUT_OF_SCOPE
select 'scope' as reason from tokens t where t.id = ?1 and not exists ( select 1 from json_each(t.scopes_json) has join json_each(?2) grants on grants.value = has.value)

-- statement token::IF_RESTRICTED
insert into token_refusals (reason) select 'venture' from tokens t where t.id = ?1 and t.venture is not null

-- statement token::UNLESS_VENTURE
insert into token_refusals (reason) select 'venture' from tokens t where t.id = ?1 and t.venture <> ?2

-- statement token::UNLESS_SESSION
insert into token_refusals (reason)
        select 'session' from tokens t where t.id = ?1 and t.venture is not null
          and not exists (select 1 from sessions s where s.id = ?2 and s.venture = t.venture)

-- statement token::UNLESS_HANDOFF
insert into token_refusals (reason)
        select 'handoff' from tokens t where t.id = ?1 and t.venture is not null
          and not exists (select 1 from handoffs h where h.id = ?2 and h.venture = t.venture)

-- statement token::UNLESS_NOTE
insert into token_refusals (reason)
        select 'note' from tokens t where t.id = ?1 and t.venture is not null
          and not exists (select 1 from notes n where n.id = ?2 and (n.venture = t.venture or ?3 and n.venture is null))

-- statement token::UNLESS_REQUIREMENT
insert into refusals (reason)
        select 'requirement_not_found' from tokens t where t.id = ?1 and t.venture is not null
          and not exists (select 1 from doc_requirements r where r.id = ?2 and r.venture = t.venture)

-- statement token::TOUCH
update tokens set last_used_at = ?2 where id = ?1 and (last_used_at is null or last_used_at <= ?3)

-- statement token::SELECT_VENTURE
select json_object('venture', t.venture) as body from tokens t where t.id = ?1

-- statement token::INVALID_OF
select j.value as id from json_each(?1) j left join tokens t on t.id = j.value
        where t.id is null or t.revoked_at is not null or t.expires_at <= ?2

-- statement token::INSERT
insert into tokens (id, token_hash, actor_key_id, name, scopes_json, venture, rate_limit_per_minute, expires_at,
          created_at, created_by, creation_correlation_id)
        values (?1, ?2, substr(?2, 1, 16), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)

-- statement token::UNLESS_TOKEN
insert into token_refusals (reason) select 'missing' where not exists (select 1 from tokens where id = ?1)

-- statement token::REVOKE
update tokens set revoked_at = ?2 where id = ?1 and revoked_at is null

-- statement venture::PUT
insert into ventures (code, name, github_org, repos_json, capabilities_json, created_at, updated_at, creation_id)
        values (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)
        on conflict (code) do update set
          name = excluded.name, github_org = excluded.github_org, repos_json = excluded.repos_json,
          capabilities_json = excluded.capabilities_json, updated_at = excluded.updated_at, deleted_at = null
        where deleted_at is not null or (name, ifnull(github_org, ''), repos_json, capabilities_json) is not
          (excluded.name, ifnull(excluded.github_org, ''), excluded.repos_json, excluded.capabilities_json)

-- statement venture::DELETE
update ventures set deleted_at = ?2 where code = ?1 and deleted_at is null

-- statement venture_records::FORGET_NOTES
insert into note_search (note_search, rowid, filters, title, content)
        select 'delete', t.id, t.filters, t.title, t.content from note_terms t where t.id in (select n.number from notes n where n.id in (select id from (select id from notes where venture = ?1 and archived_at is null union all select id from notes where venture = ?1 and archived_at is not null order by id limit 4 * (select stage = 'notes' and ?1 || ?2 || ?3 || ?4 is not null from record_moves))))

-- statement venture_records::CHANGE_FILTERS
update note_terms set filters = (
          select case when n.archived_at is null then '+live +live:' else '+archived +archived:' end || ifnull(?3, '') || ifnull((select group_concat(' #' || hex(j.value), '') from json_each(n.tags_json) j), '') from notes n where n.number = note_terms.id)
        where id in (select n.number from notes n where n.id in (select id from (select id from notes where venture = ?1 and archived_at is null union all select id from notes where venture = ?1 and archived_at is not null order by id limit 4 * (select stage = 'notes' and ?1 || ?2 || ?3 || ?4 is not null from record_moves))))

-- statement venture_records::INDEX_NOTES
insert into note_search (rowid, filters, title, content)
        select t.id, t.filters, t.title, t.content from note_terms t where t.id in (select n.number from notes n where n.id in (select id from (select id from notes where venture = ?1 and archived_at is null union all select id from notes where venture = ?1 and archived_at is not null order by id limit 4 * (select stage = 'notes' and ?1 || ?2 || ?3 || ?4 is not null from record_moves))))

-- statement venture_records::MOVE_TAGS
update note_tags set scope = ?3 where (tag, scope, note_id) in (select j.value, ?1, n.id from (select id from (select id from notes where venture = ?1 and archived_at is null union all select id from notes where venture = ?1 and archived_at is not null order by id limit 4 * (select stage = 'notes' and ?1 || ?2 || ?3 || ?4 is not null from record_moves))) m cross join notes n on n.id = m.id cross join json_each(n.tags_json) j)

-- statement venture_records::MOVE_ARCHIVED_TAGS
update archived_note_tags set scope = ?3 where (tag, scope, note_id) in (select j.value, ?1, n.id from (select id from (select id from notes where venture = ?1 and archived_at is null union all select id from notes where venture = ?1 and archived_at is not null order by id limit 4 * (select stage = 'notes' and ?1 || ?2 || ?3 || ?4 is not null from record_moves))) m cross join notes n on n.id = m.id cross join json_each(n.tags_json) j)

-- statement venture_records::MOVE_NOTES
update notes set venture = ?3 where id in (select id from (select id from notes where venture = ?1 and archived_at is null union all select id from notes where venture = ?1 and archived_at is not null order by id limit 4 * (select stage = 'notes' and ?1 || ?2 || ?3 || ?4 is not null from record_moves)))

-- statement venture_records::COPY_DOCS
insert into context_docs (scope, name, title, doc_type, content_hash, size_bytes, version, created_at, updated_at,
          deleted_at, actor_key_id, content, source_repo, source_path)
        select ?3, moved.new_name, d.title, d.doc_type, d.content_hash, d.size_bytes, d.version, d.created_at, d.updated_at,
          d.deleted_at, d.actor_key_id, d.content, d.source_repo, d.source_path
        from (select * from (select page.scope, page.name, case when not exists (select 1 from doc_versions w where w.scope = ?3 and w.name = page.name) then page.name when length(?1 || '.' || page.name) <= 128 and not exists (select 1 from doc_versions w where w.scope = ?3 and w.name = ?1 || '.' || page.name) and not exists (select 1 from context_docs e where e.scope = ?1 and e.name = ?1 || '.' || page.name) then ?1 || '.' || page.name end as new_name from (select scope, name from context_docs where scope = ?1 order by name limit 50) page) where new_name is not null limit 2 * (select stage = 'docs' and ?1 || ?2 || ?3 || ?4 is not null from record_moves)) moved cross join context_docs d on d.scope = moved.scope and d.name = moved.name

-- statement venture_records::MOVE_CONFIRMATIONS
update doc_confirmations set scope = ?3, name = moved.new_name from (select * from (select page.scope, page.name, case when not exists (select 1 from doc_versions w where w.scope = ?3 and w.name = page.name) then page.name when length(?1 || '.' || page.name) <= 128 and not exists (select 1 from doc_versions w where w.scope = ?3 and w.name = ?1 || '.' || page.name) and not exists (select 1 from context_docs e where e.scope = ?1 and e.name = ?1 || '.' || page.name) then ?1 || '.' || page.name end as new_name from (select scope, name from context_docs where scope = ?1 order by name limit 50) page) where new_name is not null limit 2 * (select stage = 'docs' and ?1 || ?2 || ?3 || ?4 is not null from record_moves)) moved
        where doc_confirmations.scope = moved.scope and doc_confirmations.name = moved.name

-- statement venture_records::MOVE_VERSIONS
update doc_versions set scope = ?3, name = moved.new_name from (select * from (select page.scope, page.name, case when not exists (select 1 from doc_versions w where w.scope = ?3 and w.name = page.name) then page.name when length(?1 || '.' || page.name) <= 128 and not exists (select 1 from doc_versions w where w.scope = ?3 and w.name = ?1 || '.' || page.name) and not exists (select 1 from context_docs e where e.scope = ?1 and e.name = ?1 || '.' || page.name) then ?1 || '.' || page.name end as new_name from (select scope, name from context_docs where scope = ?1 order by name limit 50) page) where new_name is not null limit 2 * (select stage = 'docs' and ?1 || ?2 || ?3 || ?4 is not null from record_moves)) moved
        where doc_versions.scope = moved.scope and doc_versions.name = moved.name

-- statement venture_records::DELETE_ORIGINALS
delete from context_docs where scope = ?1
          and name in (select name from context_docs where scope = ?1 order by name limit 50 * (select stage = 'docs' and ?1 || ?2 || ?3 || ?4 is not null from record_moves))
          and not exists (select 1 from doc_versions w where w.scope = ?1 and w.name = context_docs.name)
          and exists (select 1 from context_docs d where d.scope = ?3 and d.name in (context_docs.name, ?1 || '.' || context_docs.name)
            and (d.content_hash, d.version, d.created_at) is (context_docs.content_hash, context_docs.version, context_docs.created_at))

-- statement venture_records::MOVE_REQUIREMENTS
update doc_requirements set venture = ?3 where id in (select r.id from (select * from doc_requirements indexed by doc_requirements_by_venture where venture = ?1 and instr(name_pattern, '*') = 0 limit 100) r where not exists (select 1 from doc_requirements same where same.name_pattern = r.name_pattern and same.scope_type = r.scope_type and ifnull(same.venture, '') = ?3 and ifnull(same.capability, '') = ifnull(r.capability, '')) limit 30 * (select stage = 'requirements' and ?1 || ?2 || ?3 || ?4 is not null from record_moves))

-- statement venture_records::MOVE_PATTERN
update doc_requirements set venture = ?3 where id in (select r.id from (select * from doc_requirements indexed by doc_requirements_patterns where venture = ?1 and instr(name_pattern, '*') > 0 limit 100) r where not exists (select 1 from doc_requirements same where same.name_pattern = r.name_pattern and same.scope_type = r.scope_type and ifnull(same.venture, '') = ?3 and ifnull(same.capability, '') = ifnull(r.capability, '')) and 20 > (select count(*) from (select 1 from doc_requirements indexed by doc_requirements_patterns where instr(name_pattern, '*') > 0 and venture = ?3 union all select 1 from doc_requirements indexed by doc_requirements_patterns where instr(name_pattern, '*') > 0 and venture is null limit 20)) limit 1 * (select stage = 'requirements' and ?1 || ?2 || ?3 || ?4 is not null from record_moves))

-- statement analytics 0
select s.id as key, json_object('venture', s.venture, 'agent', s.agent, 'status', s.status, 'created_at', s.created_at, 'last_heartbeat_at', s.last_heartbeat_at, 'ended_at', s.ended_at, 'has_handoff', json(iif(s.final_handoff_id is null, 'false', 'true'))) as item from sessions s where s.id >= ?1 and s.id < iif((select max(id) from sessions) > ?3, '~', ?2) order by key desc limit ?4

-- statement analytics 1
select h.id as key, json_object('session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'agent', h.from_agent, 'status', h.status_label, 'created_at', h.created_at, 'escalation', case when h.status_label = 'blocked' then substr(json_extract(h.payload_json, '$.extra.escalation'), 1, 20) end) as item from handoffs h where h.id >= ?1 and h.id < iif((select max(id) from handoffs) > ?3, '~', ?2) order by key desc limit ?4

-- statement analytics 2
select s.id as key, json_object('venture', s.venture, 'agent', s.agent, 'status', s.status, 'created_at', s.created_at, 'last_heartbeat_at', s.last_heartbeat_at, 'ended_at', s.ended_at, 'has_handoff', json(iif(s.final_handoff_id is null, 'false', 'true'))) as item from sessions s indexed by sessions_by_agent where s.agent = ?4 and s.id >= ?1 and s.id < iif((select max(id) from sessions) > ?3, '~', ?2) order by key desc limit ?5

-- statement analytics 3
select h.id as key, json_object('session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'agent', h.from_agent, 'status', h.status_label, 'created_at', h.created_at, 'escalation', case when h.status_label = 'blocked' then substr(json_extract(h.payload_json, '$.extra.escalation'), 1, 20) end) as item from handoffs h indexed by handoffs_by_sender where h.from_agent = ?4 and h.status_label = 'in_progress' and h.id >= ?1 and h.id < iif((select max(id) from handoffs) > ?3, '~', ?2) union all select h.id as key, json_object('session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'agent', h.from_agent, 'status', h.status_label, 'created_at', h.created_at, 'escalation', case when h.status_label = 'blocked' then substr(json_extract(h.payload_json, '$.extra.escalation'), 1, 20) end) as item from handoffs h indexed by handoffs_by_sender where h.from_agent = ?4 and h.status_label = 'blocked' and h.id >= ?1 and h.id < iif((select max(id) from handoffs) > ?3, '~', ?2) union all select h.id as key, json_object('session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'agent', h.from_agent, 'status', h.status_label, 'created_at', h.created_at, 'escalation', case when h.status_label = 'blocked' then substr(json_extract(h.payload_json, '$.extra.escalation'), 1, 20) end) as item from handoffs h indexed by handoffs_by_sender where h.from_agent = ?4 and h.status_label = 'ready' and h.id >= ?1 and h.id < iif((select max(id) from handoffs) > ?3, '~', ?2) union all select h.id as key, json_object('session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'agent', h.from_agent, 'status', h.status_label, 'created_at', h.created_at, 'escalation', case when h.status_label = 'blocked' then substr(json_extract(h.payload_json, '$.extra.escalation'), 1, 20) end) as item from handoffs h indexed by handoffs_by_sender where h.from_agent = ?4 and h.status_label = 'done' and h.id >= ?1 and h.id < iif((select max(id) from handoffs) > ?3, '~', ?2) order by key desc limit ?5

-- statement analytics 4
select s.id as key, json_object('venture', s.venture, 'agent', s.agent, 'status', s.status, 'created_at', s.created_at, 'last_heartbeat_at', s.last_heartbeat_at, 'ended_at', s.ended_at, 'has_handoff', json(iif(s.final_handoff_id is null, 'false', 'true'))) as item from sessions s indexed by sessions_by_venture where s.venture = ?4 and s.status = 'active' and s.id >= ?1 and s.id < iif((select max(id) from sessions) > ?3, '~', ?2) union all select s.id as key, json_object('venture', s.venture, 'agent', s.agent, 'status', s.status, 'created_at', s.created_at, 'last_heartbeat_at', s.last_heartbeat_at, 'ended_at', s.ended_at, 'has_handoff', json(iif(s.final_handoff_id is null, 'false', 'true'))) as item from sessions s indexed by sessions_by_venture where s.venture = ?4 and s.status = 'ended' and s.id >= ?1 and s.id < iif((select max(id) from sessions) > ?3, '~', ?2) union all select s.id as key, json_object('venture', s.venture, 'agent', s.agent, 'status', s.status, 'created_at', s.created_at, 'last_heartbeat_at', s.last_heartbeat_at, 'ended_at', s.ended_at, 'has_handoff', json(iif(s.final_handoff_id is null, 'false', 'true'))) as item from sessions s indexed by sessions_by_venture where s.venture = ?4 and s.status = 'abandoned' and s.id >= ?1 and s.id < iif((select max(id) from sessions) > ?3, '~', ?2) order by key desc limit ?5

-- statement analytics 5
select h.id as key, json_object('session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'agent', h.from_agent, 'status', h.status_label, 'created_at', h.created_at, 'escalation', case when h.status_label = 'blocked' then substr(json_extract(h.payload_json, '$.extra.escalation'), 1, 20) end) as item from handoffs h indexed by handoffs_by_venture where h.venture = ?4 and h.status_label = 'in_progress' and h.id >= ?1 and h.id < iif((select max(id) from handoffs) > ?3, '~', ?2) union all select h.id as key, json_object('session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'agent', h.from_agent, 'status', h.status_label, 'created_at', h.created_at, 'escalation', case when h.status_label = 'blocked' then substr(json_extract(h.payload_json, '$.extra.escalation'), 1, 20) end) as item from handoffs h indexed by handoffs_by_venture where h.venture = ?4 and h.status_label = 'blocked' and h.id >= ?1 and h.id < iif((select max(id) from handoffs) > ?3, '~', ?2) union all select h.id as key, json_object('session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'agent', h.from_agent, 'status', h.status_label, 'created_at', h.created_at, 'escalation', case when h.status_label = 'blocked' then substr(json_extract(h.payload_json, '$.extra.escalation'), 1, 20) end) as item from handoffs h indexed by handoffs_by_venture where h.venture = ?4 and h.status_label = 'ready' and h.id >= ?1 and h.id < iif((select max(id) from handoffs) > ?3, '~', ?2) union all select h.id as key, json_object('session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'agent', h.from_agent, 'status', h.status_label, 'created_at', h.created_at, 'escalation', case when h.status_label = 'blocked' then substr(json_extract(h.payload_json, '$.extra.escalation'), 1, 20) end) as item from handoffs h indexed by handoffs_by_venture where h.venture = ?4 and h.status_label = 'done' and h.id >= ?1 and h.id < iif((select max(id) from handoffs) > ?3, '~', ?2) order by key desc limit ?5

-- statement classification::list 0
select cl.id as key, json_set(cl.body_json, '$.venture', cl.venture) as item from classifications cl where true order by key desc limit ?1

-- statement classification::list 1
select count(*) as total from (select 1 from classifications cl where true limit 750 + 1)

-- statement classification::list 2
select cl.id as key, json_set(cl.body_json, '$.venture', cl.venture) as item from classifications cl where true and cl.id < ?1 order by key desc limit ?2

-- statement classification::list 4
with scanned as (select * from (select cl.id as row, cl.id as key, cl.grade = ?1 as matches from classifications cl where true order by key desc limit 600)), checked as materialized (select count(*) = 600 as more, min(key) as last, count(*) filter (where matches) as total, json_group_array(row) filter (where matches) as matching from scanned) select cl.id as key, json_set(cl.body_json, '$.venture', cl.venture) as item, checked.more as more, checked.last as last, checked.total as total, checked.more or false as total_is_minimum from checked left join json_each(checked.matching) as j left join classifications cl on cl.id = j.value limit ?2

-- statement classification::list 6
with scanned as (select * from (select cl.id as row, cl.id as key, cl.number = ?1 as matches from classifications cl where true order by key desc limit 600)), checked as materialized (select count(*) = 600 as more, min(key) as last, count(*) filter (where matches) as total, json_group_array(row) filter (where matches) as matching from scanned) select cl.id as key, json_set(cl.body_json, '$.venture', cl.venture) as item, checked.more as more, checked.last as last, checked.total as total, checked.more or false as total_is_minimum from checked left join json_each(checked.matching) as j left join classifications cl on cl.id = j.value limit ?2

-- statement classification::list 10
with scanned as (select * from (select cl.id as row, cl.id as key, cl.repo = ?1 as matches from classifications cl where true order by key desc limit 600)), checked as materialized (select count(*) = 600 as more, min(key) as last, count(*) filter (where matches) as total, json_group_array(row) filter (where matches) as matching from scanned) select cl.id as key, json_set(cl.body_json, '$.venture', cl.venture) as item, checked.more as more, checked.last as last, checked.total as total, checked.more or false as total_is_minimum from checked left join json_each(checked.matching) as j left join classifications cl on cl.id = j.value limit ?2

-- statement classification::list 14
select cl.id as key, json_set(cl.body_json, '$.venture', cl.venture) as item from classifications cl indexed by classifications_by_item where cl.repo = ?1 and cl.number = ?2 order by key desc limit ?3

-- statement classification::list 20
select cl.id as key, json_set(cl.body_json, '$.venture', cl.venture) as item from classifications cl indexed by classifications_by_venture where cl.venture = ?1 order by key desc limit ?2

-- statement idempotency::store_response day::STARTED
insert into idempotency_keys (response_status, response_json, payload_handoff_id, payload_path, actor_key_id, idempotency_key, operation, request_hash, created_at, expires_at, expires_on) select answer.*, ?11, ?12, ?13, ?14, ?15, ?16, substr(?16, 1, 10) from (select 1) left join (with day as materialized (select s.*, (select json_object('sessions', json_insert(json_object('total', min(n, 100), 'shown', iif(near > 20, n, min(n, 20)), 'items', json(iif(n <= 20 or near > 20, items, json_extract(items, '$[0]', '$[1]', '$[2]', '$[3]', '$[4]', '$[5]', '$[6]', '$[7]', '$[8]', '$[9]', '$[10]', '$[11]', '$[12]', '$[13]', '$[14]', '$[15]', '$[16]', '$[17]', '$[18]', '$[19]')))), iif(more, '$.total_is_minimum', '$.total'), json('true')), 'counts', json_object('same_issue', same_issue, 'same_branch', same_branch, 'same_repo', same_repo)) from (select count(*) filter (where is_other) as n, json_group_array(json_object('id', id, 'agent', agent, 'client', client, 'host', host, 'repo', repo, 'track', track, 'issue_number', issue_number, 'branch', branch, 'created_at', created_at, 'last_heartbeat_at', last_heartbeat_at) order by same_issue desc, same_branch desc, same_repo desc, last_heartbeat_at desc, id) filter (where is_other) as items, count(*) filter (where is_other and same_issue) as same_issue, count(*) filter (where is_other and same_branch) as same_branch, count(*) filter (where is_other and same_repo) as same_repo, count(*) filter (where is_other and (same_issue or same_branch)) as near, count(*) > 100 + 1 as more from (select o.*, o.last_heartbeat_at >= ?1 and o.agent <> s.agent as is_other, o.repo = s.repo as same_repo, (o.repo = s.repo and o.issue_number = s.issue_number) is true as same_issue, (o.repo = s.repo and o.branch = s.branch) is true as same_branch from sessions o indexed by sessions_by_venture where o.venture = s.venture and o.status = 'active' order by o.id desc limit 100 + 2))) as others, ifnull((select 'ho_' || substr(e.id, 6, 10) from ( select id, venture, status from sessions indexed by sessions_by_agent where agent = s.agent order by id desc limit 25) e where e.status = 'ended' and e.venture = s.venture limit 1), '') as unseen_since from sessions s where s.agent = ?6 and s.venture = ?7 and s.repo = ?8 and ifnull(s.track, -1) = ifnull(?9, -1) and s.status = 'active') select case when substr(s.id, 16) = substr(?2, 16) then 201 else 200 end, json_object('outcome', case when substr(s.id, 16) = substr(?2, 16) then 'created' else 'resumed' end, 'session', json_set(json_object('id', s.id, 'agent', s.agent, 'client', s.client, 'client_version', s.client_version, 'client_session_id', s.client_session_id, 'host', s.host, 'venture', s.venture, 'repo', s.repo, 'track', s.track, 'issue_number', s.issue_number, 'branch', s.branch, 'commit_sha', s.commit_sha, 'status', case when s.status = 'active' and s.last_heartbeat_at < ?1 then 'abandoned' else s.status end, 'created_at', s.created_at), '$.last_heartbeat_at', s.last_heartbeat_at, '$.ended_at', s.ended_at, '$.end_reason', s.end_reason, '$.final_handoff_id', s.final_handoff_id, '$.actor_key_id', s.actor_key_id, '$.creation_correlation_id', s.creation_correlation_id, '$.meta', json(s.meta_json)), 'next_heartbeat_at', ?3, 'heartbeat_interval_seconds', cast(?4 as integer), 'venture', json(json_object('code', v.code, 'name', v.name, 'github_org', v.github_org, 'repos', json(v.repos_json), 'capabilities', json(v.capabilities_json), 'created_at', v.created_at, 'updated_at', v.updated_at)), 'last_handoff', json(case when h.id is not null then json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes < 65536 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) end), 'handoffs_to_you', json((select json_insert(json_object('total', min(n, 30), 'shown', shown, 'items', json(items)), iif(n > 30, '$.total_is_minimum', '$.total'), json('true')) from (select (select count(*) from (select 1 from handoffs h where h.to_agent = s.agent and h.venture = s.venture and h.id >= s.unseen_since limit 30 + 1)) as n, count(shown.position) as shown, json_group_array(json(shown.item) order by shown.position desc) filter (where shown.position is not null) as items, '[]' as extra from (select h.id as position, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes <= 8192 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as item from handoffs h where h.to_agent = s.agent and h.venture = s.venture and h.id >= s.unseen_since order by h.id desc limit 5) as shown))), 'active_sessions', json(s.others -> '$.sessions'), 'active_counts', json(s.others -> '$.counts'), 'executive_summaries', json((select json_insert(json_object('total', min(n, 30), 'shown', shown, 'items', json(items), 'left_out', json(extra)), iif(n > 30, '$.total_is_minimum', '$.total'), json('true')) from (select (select count(*) from (select 1 from note_tags t where t.tag = 'executive-summary' and t.scope in (s.venture, 'global') limit 30 + 1)) as n, count(shown.position) as shown, json_group_array(json(json_insert(json_object('id', shown.id, 'title', shown.title, 'content', shown.piece, 'truncated', json(case when shown.truncated then 'true' else 'false' end), 'venture', shown.venture, 'actor_key_id', shown.actor_key_id, 'updated_at', shown.updated_at), case when shown.truncated then '$.cut_at_byte' else '$.truncated' end, json('true'))) order by shown.position) filter (where shown.position is not null) as items, json_group_array(json_object('id', shown.id, 'title', shown.title, 'venture', shown.venture, 'updated_at', shown.updated_at) order by shown.rank) filter (where shown.position is null) as extra from (select id, title, venture, actor_key_id, updated_at, rank, bytes > room as truncated, case when bytes <= room or room >= 200 then rank end as position, case when bytes <= room then head when room >= 200 then substr(head, 1, length(cast(substr(cast(head as blob), 1, room) as text)) - (length(cast(substr(head, 1, length(cast(substr(cast(head as blob), 1, room) as text))) as blob)) > room)) end as piece from ( select *, row_number() over ordered as rank, 12288 - (sum(bytes) over ordered - bytes) as room from ( select tagged.global, n.id, n.title, n.venture, n.actor_key_id, n.updated_at, substr(n.content, 1, 12288) as head, length(cast(n.content as blob)) as bytes from ( select * from (select 0 as global, note_id from note_tags where tag = 'executive-summary' and scope = s.venture order by note_id desc limit 20) union all select * from (select 1 as global, note_id from note_tags where tag = 'executive-summary' and scope = 'global' order by note_id desc limit 20) limit 20 ) tagged join notes n on n.id = tagged.note_id) window ordered as (order by global, id desc rows unbounded preceding))) as shown))), 'doc_index', json((select json_insert(json_object('total', min(n, 100), 'shown', min(n, 50), 'items', json(iif(n <= 50, items, rtrim(json_extract(items, '$[0]', '$[1]', '$[2]', '$[3]', '$[4]', '$[5]', '$[6]', '$[7]', '$[8]', '$[9]', '$[10]', '$[11]', '$[12]', '$[13]', '$[14]', '$[15]', '$[16]', '$[17]', '$[18]', '$[19]', '$[20]', '$[21]', '$[22]', '$[23]', '$[24]'), ']') || ',' || ltrim(json_extract(items, '$[25]', '$[26]', '$[27]', '$[28]', '$[29]', '$[30]', '$[31]', '$[32]', '$[33]', '$[34]', '$[35]', '$[36]', '$[37]', '$[38]', '$[39]', '$[40]', '$[41]', '$[42]', '$[43]', '$[44]', '$[45]', '$[46]', '$[47]', '$[48]', '$[49]'), '[')))), iif(n > 100, '$.total_is_minimum', '$.total'), json('true')) from (select count(*) as n, json_group_array(json_object('scope', listed.scope, 'name', listed.name, 'title', listed.title, 'doc_type', listed.doc_type, 'version', listed.version, 'content_hash', listed.content_hash, 'size_bytes', listed.size_bytes, 'updated_at', listed.updated_at)) as items from (select * from (select d.scope, d.name, d.title, d.doc_type, d.version, d.content_hash, d.size_bytes, d.updated_at from context_docs d where d.scope = s.venture and d.deleted_at is null order by d.scope || '.' || d.name limit 100 + 1) union all select * from (select d.scope, d.name, d.title, d.doc_type, d.version, d.content_hash, d.size_bytes, d.updated_at from context_docs d where d.scope = 'global' and d.deleted_at is null order by d.scope || '.' || d.name limit 100 + 1) limit 100 + 1) listed))), 'doc_audit', json((with budget as (select 80 as requirements, 50 as docs, 25 as scanned, 25 as lookups, 10 as matches), -- The audit: compares the documents of a venture with the requirements that apply to it.
--
-- The text continues a list of common table expressions. The query around it has the row `v` of the venture, with `code`,
-- `capabilities_json` and the current time `now`. `budget`, before this text, says how many rows the audit may read.

-- The requirements that apply: those of the venture and those of every venture, if the venture has the capability. Two
-- ranges of one index are merged, so nothing is sorted. One row more than the budget shows that others apply.
applicable as not materialized (
  select id, name_pattern, scope_type, required, auto_generate, sources_json, staleness_days
  from doc_requirements indexed by doc_requirements_by_venture
  where venture = v.code and (capability is null or instr(v.capabilities_json, json_quote(capability)) > 0)
  union all
  select id, name_pattern, scope_type, required, auto_generate, sources_json, staleness_days
  from doc_requirements indexed by doc_requirements_by_venture
  where venture is null and (capability is null or instr(v.capabilities_json, json_quote(capability)) > 0)
  order by auto_generate desc, name_pattern, id limit (select requirements + 1 from budget)
),

-- The 20 oldest patterns that apply. `put_requirement` accepts no more. A pattern of more than 50 bytes, which D1 refuses to
-- compare, matches no document.
patterns as (
  select count(*) as n, json_group_array(id) as ids, json_group_array(iif(octet_length(pattern) <= 50, pattern, '')) as globs
  from (
    select id, replace(name_pattern, '{venture}', v.code) as pattern
    from doc_requirements indexed by doc_requirements_patterns
    where venture = v.code and instr(name_pattern, '*') > 0
    union all
    select id, replace(name_pattern, '{venture}', v.code) as pattern
    from doc_requirements indexed by doc_requirements_patterns
    where venture is null and instr(name_pattern, '*') > 0
    order by id limit 20)
),

-- The first documents of each scope, read once. `names` has the time at which each was last put, `bests` the latest time of
-- those that match each pattern. `more` says whether the scope has other documents.
documents as materialized (
  select patterns.*, (
    select json_group_object(scope, json((
      select json_object('names', json_group_object(first.name, first.confirmed_at), 'more', count(*) > (select docs from budget),
        'bests', json_array(
          max(iif(first.name glob globs ->> 0, first.confirmed_at, null)), max(iif(first.name glob globs ->> 1, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 2, first.confirmed_at, null)), max(iif(first.name glob globs ->> 3, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 4, first.confirmed_at, null)), max(iif(first.name glob globs ->> 5, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 6, first.confirmed_at, null)), max(iif(first.name glob globs ->> 7, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 8, first.confirmed_at, null)), max(iif(first.name glob globs ->> 9, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 10, first.confirmed_at, null)), max(iif(first.name glob globs ->> 11, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 12, first.confirmed_at, null)), max(iif(first.name glob globs ->> 13, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 14, first.confirmed_at, null)), max(iif(first.name glob globs ->> 15, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 16, first.confirmed_at, null)), max(iif(first.name glob globs ->> 17, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 18, first.confirmed_at, null)), max(iif(first.name glob globs ->> 19, first.confirmed_at, null))))
      from (
        select name, confirmed_at from doc_confirmations where scope = scopes.scope
        order by name limit (select docs + 1 from budget)) first)))
    from (select v.code as scope union all select 'global') scopes) as of_scopes
  from patterns
),

-- If a scope has more documents than the first ones, names that are not among them are looked up: so many of the first
-- requirements. `no_lookup_from` is the place of the first requirement whose name is not looked up.
known as materialized (
  select *, case when instr(of_scopes, '"more":1') > 0 then (
      select case
        when count(*) filter (where is_unknown) > (select lookups from budget) then
          json_group_array(json(place)) filter (where is_unknown) -> (select lookups from budget)
        when count(*) > (select scanned from budget) then json_group_array(json(place)) -> (select scanned from budget) end
      from (
        select json_array(not auto_generate, name_pattern) as place, instr(name_pattern, '*') = 0 and (
            of_scopes -> iif(scope_type = 'global', 'global', v.code) -> 'names' ->> replace(name_pattern, '{venture}', v.code)
          ) is null as is_unknown
        from applicable limit (select scanned + 1 from budget)))
    end as no_lookup_from
  from documents
),

-- The documents with each verdict and their numbers, as one JSON object. It is one value of the row of `known`, so that each
-- requirement is read once and no row is copied.
lists as materialized (select (with

-- Each requirement, with the scope and the name of its document. `place` is the place of its pattern among the patterns. It
-- is null for a name without a `*`, and negative for a pattern that is not among them.
asked as (
  select a.*, n, globs, no_lookup_from, iif(scope_type = 'global', 'global', v.code) as scope,
    replace(name_pattern, '{venture}', v.code) as name,
    replace(substr(name_pattern, 1, instr(name_pattern, '*') - 1), '{venture}', v.code) as beginning,
    case when instr(name_pattern, '*') = 0 then null when instr(ids, a.id) = 0 then -1
      -- An id has 30 characters, and 33 with its quotes and comma.
      else (instr(ids, a.id) - 3) / 33 end as place,
    of_scopes -> iif(scope_type = 'global', 'global', v.code) as docs
  from applicable a limit -1
),

-- `found` is an array: the time of the latest document that meets the requirement, and whether all documents that could
-- meet it were compared.
compared as (
  select a.*, case
    when place < 0 then json_array(null, 0)
    when docs -> 'names' ->> name is not null then json_array(docs -> 'names' ->> name, 1)
    when not docs ->> 'more' then json_array(docs -> 'bests' ->> place, 1)
    when place is not null and n <= 4 then (
      select json_array(max(iif(name glob pattern, confirmed_at, null)), count(*) <= (select matches from budget))
      from (
        select name, confirmed_at, a.globs ->> a.place as pattern from doc_confirmations
        where scope = a.scope and name >= a.beginning and name < a.beginning || '~'
        order by name limit (select matches + 1 from budget)))
    when place is not null then (
      select json_array(max(iif(name glob pattern, confirmed_at, null)), count(*) <= (select matches / 5 from budget))
      from (
        select name, confirmed_at, a.globs ->> a.place as pattern from doc_confirmations
        where scope = a.scope and name >= a.beginning and name < a.beginning || '~'
        order by name limit (select matches / 5 + 1 from budget)))
    when no_lookup_from is null or (not auto_generate, name_pattern) < (no_lookup_from ->> 0, no_lookup_from ->> 1) then
      json_array((select confirmed_at from doc_confirmations c where c.scope = a.scope and c.name = a.name), 1)
    else json_array(null, 0) end as found
  from asked a limit -1
),

-- The rules. The first one that holds gives the verdict.
judged as (
  select case
      when found ->> 0 >= strftime('%Y-%m-%dT%H:%M:%fZ', v.now, '-' || staleness_days || ' days') then 'present'
      when not found ->> 1 then 'unchecked'
      when found ->> 0 is not null then 'stale'
      when required then 'missing'
      else 'optional' end as verdict,
    json_object('requirement_id', id, 'scope', scope, 'name', name, 'required', json(iif(required, 'true', 'false')),
      'auto_generate', json(iif(auto_generate, 'true', 'false')), 'sources', json(sources_json),
      'confirmed_at', found ->> 0, 'staleness_days', staleness_days) as doc
  from compared limit -1
)

-- `more` says whether other requirements apply.
select json_object('more', count(*) > (select requirements from budget),
  'missing', json_group_array(json(doc)) filter (where verdict = 'missing'), 'missing_n', count(*) filter (where verdict = 'missing'),
  'stale', json_group_array(json(doc)) filter (where verdict = 'stale'), 'stale_n', count(*) filter (where verdict = 'stale'),
  'present', json_group_array(json(doc)) filter (where verdict = 'present'), 'present_n', count(*) filter (where verdict = 'present'),
  'optional', json_group_array(json(doc)) filter (where verdict = 'optional'), 'optional_n', count(*) filter (where verdict = 'optional'),
  'unchecked', json_group_array(json(doc)) filter (where verdict = 'unchecked'), 'unchecked_n', count(*) filter (where verdict = 'unchecked'))
from judged) as lists from known)
select json_object('missing', json(iif(lists ->> 'missing_n' <= 50, lists -> 'missing', rtrim(json_extract(lists -> 'missing', '$[0]', '$[1]', '$[2]', '$[3]', '$[4]', '$[5]', '$[6]', '$[7]', '$[8]', '$[9]', '$[10]', '$[11]', '$[12]', '$[13]', '$[14]', '$[15]', '$[16]', '$[17]', '$[18]', '$[19]', '$[20]', '$[21]', '$[22]', '$[23]', '$[24]'), ']') || ',' || ltrim(json_extract(lists -> 'missing', '$[25]', '$[26]', '$[27]', '$[28]', '$[29]', '$[30]', '$[31]', '$[32]', '$[33]', '$[34]', '$[35]', '$[36]', '$[37]', '$[38]', '$[39]', '$[40]', '$[41]', '$[42]', '$[43]', '$[44]', '$[45]', '$[46]', '$[47]', '$[48]', '$[49]'), '['))), 'stale', json(iif(lists ->> 'stale_n' <= 50, lists -> 'stale', rtrim(json_extract(lists -> 'stale', '$[0]', '$[1]', '$[2]', '$[3]', '$[4]', '$[5]', '$[6]', '$[7]', '$[8]', '$[9]', '$[10]', '$[11]', '$[12]', '$[13]', '$[14]', '$[15]', '$[16]', '$[17]', '$[18]', '$[19]', '$[20]', '$[21]', '$[22]', '$[23]', '$[24]'), ']') || ',' || ltrim(json_extract(lists -> 'stale', '$[25]', '$[26]', '$[27]', '$[28]', '$[29]', '$[30]', '$[31]', '$[32]', '$[33]', '$[34]', '$[35]', '$[36]', '$[37]', '$[38]', '$[39]', '$[40]', '$[41]', '$[42]', '$[43]', '$[44]', '$[45]', '$[46]', '$[47]', '$[48]', '$[49]'), '['))), 'optional', json(iif(lists ->> 'optional_n' <= 50, lists -> 'optional', rtrim(json_extract(lists -> 'optional', '$[0]', '$[1]', '$[2]', '$[3]', '$[4]', '$[5]', '$[6]', '$[7]', '$[8]', '$[9]', '$[10]', '$[11]', '$[12]', '$[13]', '$[14]', '$[15]', '$[16]', '$[17]', '$[18]', '$[19]', '$[20]', '$[21]', '$[22]', '$[23]', '$[24]'), ']') || ',' || ltrim(json_extract(lists -> 'optional', '$[25]', '$[26]', '$[27]', '$[28]', '$[29]', '$[30]', '$[31]', '$[32]', '$[33]', '$[34]', '$[35]', '$[36]', '$[37]', '$[38]', '$[39]', '$[40]', '$[41]', '$[42]', '$[43]', '$[44]', '$[45]', '$[46]', '$[47]', '$[48]', '$[49]'), '['))), 'unchecked', json(iif(lists ->> 'unchecked_n' <= 50, lists -> 'unchecked', rtrim(json_extract(lists -> 'unchecked', '$[0]', '$[1]', '$[2]', '$[3]', '$[4]', '$[5]', '$[6]', '$[7]', '$[8]', '$[9]', '$[10]', '$[11]', '$[12]', '$[13]', '$[14]', '$[15]', '$[16]', '$[17]', '$[18]', '$[19]', '$[20]', '$[21]', '$[22]', '$[23]', '$[24]'), ']') || ',' || ltrim(json_extract(lists -> 'unchecked', '$[25]', '$[26]', '$[27]', '$[28]', '$[29]', '$[30]', '$[31]', '$[32]', '$[33]', '$[34]', '$[35]', '$[36]', '$[37]', '$[38]', '$[39]', '$[40]', '$[41]', '$[42]', '$[43]', '$[44]', '$[45]', '$[46]', '$[47]', '$[48]', '$[49]'), '['))), 'totals', json_insert(json_object('missing', lists -> 'missing_n', 'stale', lists -> 'stale_n', 'optional', lists -> 'optional_n', 'unchecked', lists -> 'unchecked_n'), iif(lists ->> 'more', '$.total_is_minimum', '$.missing'), json('true'))) from lists)), 'correlation_id', ?5), case when h.payload_size_bytes >= 65536 then h.id end, case when h.payload_size_bytes >= 65536 then '$.last_handoff.payload' end from day s join (select *, ?10 as now from ventures) v on v.code = s.venture left join handoffs h on h.id = case when s.track is null then (select id from handoffs where venture = s.venture and repo = s.repo order by id desc limit 1) else ifnull( (select id from handoffs where venture = s.venture and repo = s.repo and track = s.track order by id desc limit 1), (select id from handoffs where venture = s.venture and repo = s.repo and track is null order by id desc limit 1)) end) as answer returning response_status, case when payload_handoff_id is null then response_json else json_replace(response_json, payload_path, json((select payload_json from handoffs where handoffs.id = payload_handoff_id))) end as body

-- statement idempotency::store_response day::ENDED
insert into idempotency_keys (response_status, response_json, payload_handoff_id, payload_path, actor_key_id, idempotency_key, operation, request_hash, created_at, expires_at, expires_on) select answer.*, ?5, ?6, ?7, ?8, ?9, ?10, substr(?10, 1, 10) from (select 1) left join (select 200, json_object('session', json_set(json_object('id', s.id, 'agent', s.agent, 'client', s.client, 'client_version', s.client_version, 'client_session_id', s.client_session_id, 'host', s.host, 'venture', s.venture, 'repo', s.repo, 'track', s.track, 'issue_number', s.issue_number, 'branch', s.branch, 'commit_sha', s.commit_sha, 'status', case when s.status = 'active' and s.last_heartbeat_at < ?1 then 'abandoned' else s.status end, 'created_at', s.created_at), '$.last_heartbeat_at', s.last_heartbeat_at, '$.ended_at', s.ended_at, '$.end_reason', s.end_reason, '$.final_handoff_id', s.final_handoff_id, '$.actor_key_id', s.actor_key_id, '$.creation_correlation_id', s.creation_correlation_id, '$.meta', json(s.meta_json)), 'handoff', json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes < 65536 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id), 'correlation_id', ?4), case when h.payload_size_bytes >= 65536 then h.id end, case when h.payload_size_bytes >= 65536 then '$.handoff.payload' end from sessions s join handoffs h on h.id = ifnull(iif(?3, null, s.final_handoff_id), (select max(id) from handoffs where session_id = s.id)) where s.id = ?2) as answer returning response_status, case when payload_handoff_id is null then response_json else json_replace(response_json, payload_path, json((select payload_json from handoffs where handoffs.id = payload_handoff_id))) end as body

-- statement idempotency::store_response handoff::SELECT_RESPONSE
insert into idempotency_keys (response_status, response_json, payload_handoff_id, payload_path, actor_key_id, idempotency_key, operation, request_hash, created_at, expires_at, expires_on) select answer.*, ?2, ?3, ?4, ?5, ?6, ?7, substr(?7, 1, 10) from (select 1) left join (select 201, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes < 65536 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id), case when h.payload_size_bytes >= 65536 then h.id end, case when h.payload_size_bytes >= 65536 then '$.payload' end from handoffs h where h.id = (select max(id) from handoffs where session_id = ?1)) as answer returning response_status, case when payload_handoff_id is null then response_json else json_replace(response_json, payload_path, json((select payload_json from handoffs where handoffs.id = payload_handoff_id))) end as body

-- statement idempotency::store_response note::SELECT_RESPONSE
insert into idempotency_keys (response_status, response_json, payload_handoff_id, payload_path, actor_key_id, idempotency_key, operation, request_hash, created_at, expires_at, expires_on) select answer.*, ?2, ?3, ?4, ?5, ?6, ?7, substr(?7, 1, 10) from (select 1) left join (select 200, json_object('id', n.id, 'title', n.title, 'content', case when length(cast(n.content as blob)) < 65536 then n.content end, 'size_bytes', length(cast(n.content as blob)), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'creation_correlation_id', n.creation_correlation_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))), null, null from notes n where n.id = ?1) as answer returning response_status, case when payload_handoff_id is null then response_json else json_replace(response_json, payload_path, json((select payload_json from handoffs where handoffs.id = payload_handoff_id))) end as body

-- statement idempotency::store_response doc::SELECT_RESPONSE
insert into idempotency_keys (response_status, response_json, payload_handoff_id, payload_path, actor_key_id, idempotency_key, operation, request_hash, created_at, expires_at, expires_on) select answer.*, ?4, ?5, ?6, ?7, ?8, ?9, substr(?9, 1, 10) from (select 1) left join (select iif(w.change_id is ?3 and p.version is null, 201, 200), json_object('outcome', case when w.change_id is not ?3 then 'unchanged' when p.version is null then 'created' else 'updated' end, 'scope', d.scope, 'name', d.name, 'title', d.title, 'doc_type', d.doc_type, 'version', d.version, 'content_hash', d.content_hash, 'size_bytes', d.size_bytes, 'updated_at', d.updated_at, 'source_repo', d.source_repo, 'source_path', d.source_path, 'created_at', d.created_at, 'actor_key_id', d.actor_key_id), null, null from context_docs d left join doc_versions w on w.scope = d.scope and w.name = d.name and w.version = d.version left join doc_versions p on p.scope = d.scope and p.name = d.name and p.version = d.version - 1 and p.content is not null where d.scope = ?1 and d.name = ?2) as answer returning response_status, case when payload_handoff_id is null then response_json else json_replace(response_json, payload_path, json((select payload_json from handoffs where handoffs.id = payload_handoff_id))) end as body

-- statement idempotency::store_response doc_version::SELECT_RESPONSE
insert into idempotency_keys (response_status, response_json, payload_handoff_id, payload_path, actor_key_id, idempotency_key, operation, request_hash, created_at, expires_at, expires_on) select answer.*, ?3, ?4, ?5, ?6, ?7, ?8, substr(?8, 1, 10) from (select 1) left join (select 200, json_object('scope', w.scope, 'name', w.name, 'version', w.version, 'deleted', json(iif(w.content is null, 'true', 'false')), 'title', w.title, 'doc_type', w.doc_type, 'content_hash', w.content_hash, 'size_bytes', w.size_bytes, 'source_repo', w.source_repo, 'source_path', w.source_path, 'created_at', w.created_at, 'actor_key_id', w.actor_key_id, 'creation_correlation_id', w.creation_correlation_id), null, null from context_docs d join doc_versions w on w.scope = d.scope and w.name = d.name and w.version = d.version where d.scope = ?1 and d.name = ?2) as answer returning response_status, case when payload_handoff_id is null then response_json else json_replace(response_json, payload_path, json((select payload_json from handoffs where handoffs.id = payload_handoff_id))) end as body

-- statement idempotency::store_response venture::SELECT_RESPONSE
insert into idempotency_keys (response_status, response_json, payload_handoff_id, payload_path, actor_key_id, idempotency_key, operation, request_hash, created_at, expires_at, expires_on) select answer.*, ?3, ?4, ?5, ?6, ?7, ?8, substr(?8, 1, 10) from (select 1) left join (select iif(v.creation_id is ?2, 201, 200), json_object('code', v.code, 'name', v.name, 'github_org', v.github_org, 'repos', json(v.repos_json), 'capabilities', json(v.capabilities_json), 'created_at', v.created_at, 'updated_at', v.updated_at), null, null from ventures v where v.code = ?1) as answer returning response_status, case when payload_handoff_id is null then response_json else json_replace(response_json, payload_path, json((select payload_json from handoffs where handoffs.id = payload_handoff_id))) end as body

-- statement idempotency::store_response venture::SELECT_DELETED
insert into idempotency_keys (response_status, response_json, payload_handoff_id, payload_path, actor_key_id, idempotency_key, operation, request_hash, created_at, expires_at, expires_on) select answer.*, ?2, ?3, ?4, ?5, ?6, ?7, substr(?7, 1, 10) from (select 1) left join (
        select 200, json_object('code', v.code, 'deleted_at', v.deleted_at), null, null from ventures v where v.code = ?1) as answer returning response_status, case when payload_handoff_id is null then response_json else json_replace(response_json, payload_path, json((select payload_json from handoffs where handoffs.id = payload_handoff_id))) end as body

-- statement idempotency::store_response token::SELECT_MINTED
insert into idempotency_keys (response_status, response_json, payload_handoff_id, payload_path, actor_key_id, idempotency_key, operation, request_hash, created_at, expires_at, expires_on) select answer.*, ?3, ?4, ?5, ?6, ?7, ?8, substr(?8, 1, 10) from (select 1) left join (select 201, json_set(json_object('id', t.id, 'name', t.name, 'scopes', json(t.scopes_json), 'venture', t.venture, 'rate_limit_per_minute', t.rate_limit_per_minute, 'expires_at', t.expires_at, 'created_at', t.created_at, 'last_used_at', t.last_used_at, 'revoked_at', t.revoked_at, 'actor_key_id', t.actor_key_id, 'created_by', t.created_by), '$.token', ?2), null, null from tokens t where t.id = ?1) as answer returning response_status, case when payload_handoff_id is null then response_json else json_replace(response_json, payload_path, json((select payload_json from handoffs where handoffs.id = payload_handoff_id))) end as body

-- statement idempotency::store_response machine::SELECT_REGISTERED
insert into idempotency_keys (response_status, response_json, payload_handoff_id, payload_path, actor_key_id, idempotency_key, operation, request_hash, created_at, expires_at, expires_on) select answer.*, ?3, ?4, ?5, ?6, ?7, ?8, substr(?8, 1, 10) from (select 1) left join (select iif(m.id = ?2, 201, 200), json_object('id', m.id, 'hostname', m.hostname, 'status', m.status, 'os', m.os, 'arch', m.arch, 'role', m.role, 'meta', json(m.meta_json), 'approved', json(case when m.approved_key is not null then json_object('user', m.approved_user, 'tailscale_ip', m.approved_ip, 'ssh_public_key', m.approved_key, 'fingerprint', m.approved_fingerprint, 'ssh_host_key', m.approved_host_key, 'host_key_fingerprint', m.approved_host_fingerprint, 'approved_at', m.approved_at, 'approved_by', m.approved_by) end), 'pending', json(case when m.pending_key is not null then json_object('user', m.pending_user, 'tailscale_ip', m.pending_ip, 'ssh_public_key', m.pending_key, 'fingerprint', m.pending_fingerprint, 'ssh_host_key', m.pending_host_key, 'host_key_fingerprint', m.pending_host_fingerprint, 'registered_at', m.pending_at, 'registered_by', m.pending_by) end), 'created_at', m.created_at, 'updated_at', m.updated_at, 'last_seen_at', m.last_seen_at, 'retired_at', m.retired_at, 'creation_correlation_id', m.creation_correlation_id), null, null from machines m where m.hostname = ?1) as answer returning response_status, case when payload_handoff_id is null then response_json else json_replace(response_json, payload_path, json((select payload_json from handoffs where handoffs.id = payload_handoff_id))) end as body

-- statement idempotency::store_response requirement::SELECT_RESPONSE
insert into idempotency_keys (response_status, response_json, payload_handoff_id, payload_path, actor_key_id, idempotency_key, operation, request_hash, created_at, expires_at, expires_on) select answer.*, ?6, ?7, ?8, ?9, ?10, ?11, substr(?11, 1, 10) from (select 1) left join (select case when r.id = ?5 then 201 else 200 end, json_object('id', r.id, 'name_pattern', r.name_pattern, 'scope_type', r.scope_type, 'venture', r.venture, 'capability', r.capability, 'staleness_days', r.staleness_days, 'required', json(iif(r.required, 'true', 'false')), 'auto_generate', json(iif(r.auto_generate, 'true', 'false')), 'sources', json(r.sources_json), 'created_at', r.created_at, 'updated_at', r.updated_at), null, null from doc_requirements r where r.name_pattern = ?1 and r.scope_type = ?2 and ifnull(r.venture, '') = ifnull(?3, '') and ifnull(r.capability, '') = ifnull(?4, '')) as answer returning response_status, case when payload_handoff_id is null then response_json else json_replace(response_json, payload_path, json((select payload_json from handoffs where handoffs.id = payload_handoff_id))) end as body

-- statement session::list 0
select s.id as key, json_set(json_object('id', s.id, 'agent', s.agent, 'client', s.client, 'client_version', s.client_version, 'client_session_id', s.client_session_id, 'host', s.host, 'venture', s.venture, 'repo', s.repo, 'track', s.track, 'issue_number', s.issue_number, 'branch', s.branch, 'commit_sha', s.commit_sha, 'status', case when s.status = 'active' and s.last_heartbeat_at < ?1 then 'abandoned' else s.status end, 'created_at', s.created_at), '$.last_heartbeat_at', s.last_heartbeat_at, '$.ended_at', s.ended_at, '$.end_reason', s.end_reason, '$.final_handoff_id', s.final_handoff_id, '$.actor_key_id', s.actor_key_id, '$.creation_correlation_id', s.creation_correlation_id, '$.meta', json(s.meta_json)) as item from sessions s where true order by key desc limit ?2

-- statement session::list 1
select count(*) as total from (select 1 from sessions s where ?1 is not null and true limit 750 + 1)

-- statement session::list 4
with floor (id) as materialized (select iif(count(*) <= 75, ifnull(min(id), '~'), '') from (select id from sessions indexed by sessions_one_live where status = 'active' limit 76)), scanned as (select * from (select s.rowid as row, s.id as key, (s.status = 'active' and s.last_heartbeat_at >= ?1) as matches from sessions s where true and s.id >= (select id from floor) order by key desc limit 600)), checked as materialized (select count(*) = 600 as more, min(key) as last, count(*) filter (where matches) as total, json_group_array(row) filter (where matches) as matching from scanned) select s.id as key, json_set(json_object('id', s.id, 'agent', s.agent, 'client', s.client, 'client_version', s.client_version, 'client_session_id', s.client_session_id, 'host', s.host, 'venture', s.venture, 'repo', s.repo, 'track', s.track, 'issue_number', s.issue_number, 'branch', s.branch, 'commit_sha', s.commit_sha, 'status', case when s.status = 'active' and s.last_heartbeat_at < ?1 then 'abandoned' else s.status end, 'created_at', s.created_at), '$.last_heartbeat_at', s.last_heartbeat_at, '$.ended_at', s.ended_at, '$.end_reason', s.end_reason, '$.final_handoff_id', s.final_handoff_id, '$.actor_key_id', s.actor_key_id, '$.creation_correlation_id', s.creation_correlation_id, '$.meta', json(s.meta_json)) as item, checked.more as more, checked.last as last, checked.total as total, checked.more or false as total_is_minimum from checked left join json_each(checked.matching) as j left join sessions s on s.rowid = j.value limit ?2

-- statement session::list 6
with scanned as (select * from (select s.rowid as row, s.id as key, (s.status = 'ended') as matches from sessions s where true order by key desc limit 600)), checked as materialized (select count(*) = 600 as more, min(key) as last, count(*) filter (where matches) as total, json_group_array(row) filter (where matches) as matching from scanned) select s.id as key, json_set(json_object('id', s.id, 'agent', s.agent, 'client', s.client, 'client_version', s.client_version, 'client_session_id', s.client_session_id, 'host', s.host, 'venture', s.venture, 'repo', s.repo, 'track', s.track, 'issue_number', s.issue_number, 'branch', s.branch, 'commit_sha', s.commit_sha, 'status', case when s.status = 'active' and s.last_heartbeat_at < ?1 then 'abandoned' else s.status end, 'created_at', s.created_at), '$.last_heartbeat_at', s.last_heartbeat_at, '$.ended_at', s.ended_at, '$.end_reason', s.end_reason, '$.final_handoff_id', s.final_handoff_id, '$.actor_key_id', s.actor_key_id, '$.creation_correlation_id', s.creation_correlation_id, '$.meta', json(s.meta_json)) as item, checked.more as more, checked.last as last, checked.total as total, checked.more or false as total_is_minimum from checked left join json_each(checked.matching) as j left join sessions s on s.rowid = j.value limit ?2

-- statement session::list 10
with floor (id) as materialized (select iif(max(n) <= 75, ifnull(min(first), '~'), '') from (select count(*) as n, min(id) as first from (select id from sessions indexed by sessions_one_live where status = 'active' limit 76) union all select count(*), min(id) from (select id from sessions indexed by sessions_by_end where ended_at >= strftime('%Y-%m-%dT%H:%M:%fZ', ?2, '-5 minutes') limit 76))), scanned as (select * from (select s.rowid as row, s.id as key, s.last_heartbeat_at >= ?2 as matches from sessions s where true and s.id >= (select id from floor) order by key desc limit 600)), checked as materialized (select count(*) = 600 as more, min(key) as last, count(*) filter (where matches) as total, json_group_array(row) filter (where matches) as matching from scanned) select s.id as key, json_set(json_object('id', s.id, 'agent', s.agent, 'client', s.client, 'client_version', s.client_version, 'client_session_id', s.client_session_id, 'host', s.host, 'venture', s.venture, 'repo', s.repo, 'track', s.track, 'issue_number', s.issue_number, 'branch', s.branch, 'commit_sha', s.commit_sha, 'status', case when s.status = 'active' and s.last_heartbeat_at < ?1 then 'abandoned' else s.status end, 'created_at', s.created_at), '$.last_heartbeat_at', s.last_heartbeat_at, '$.ended_at', s.ended_at, '$.end_reason', s.end_reason, '$.final_handoff_id', s.final_handoff_id, '$.actor_key_id', s.actor_key_id, '$.creation_correlation_id', s.creation_correlation_id, '$.meta', json(s.meta_json)) as item, checked.more as more, checked.last as last, checked.total as total, checked.more or false as total_is_minimum from checked left join json_each(checked.matching) as j left join sessions s on s.rowid = j.value limit ?3

-- statement session::list 34
select s.id as key, json_set(json_object('id', s.id, 'agent', s.agent, 'client', s.client, 'client_version', s.client_version, 'client_session_id', s.client_session_id, 'host', s.host, 'venture', s.venture, 'repo', s.repo, 'track', s.track, 'issue_number', s.issue_number, 'branch', s.branch, 'commit_sha', s.commit_sha, 'status', case when s.status = 'active' and s.last_heartbeat_at < ?1 then 'abandoned' else s.status end, 'created_at', s.created_at), '$.last_heartbeat_at', s.last_heartbeat_at, '$.ended_at', s.ended_at, '$.end_reason', s.end_reason, '$.final_handoff_id', s.final_handoff_id, '$.actor_key_id', s.actor_key_id, '$.creation_correlation_id', s.creation_correlation_id, '$.meta', json(s.meta_json)) as item from sessions s indexed by sessions_by_agent where s.agent = ?2 order by key desc limit ?3

-- statement session::list 68
select s.id as key, json_set(json_object('id', s.id, 'agent', s.agent, 'client', s.client, 'client_version', s.client_version, 'client_session_id', s.client_session_id, 'host', s.host, 'venture', s.venture, 'repo', s.repo, 'track', s.track, 'issue_number', s.issue_number, 'branch', s.branch, 'commit_sha', s.commit_sha, 'status', case when s.status = 'active' and s.last_heartbeat_at < ?1 then 'abandoned' else s.status end, 'created_at', s.created_at), '$.last_heartbeat_at', s.last_heartbeat_at, '$.ended_at', s.ended_at, '$.end_reason', s.end_reason, '$.final_handoff_id', s.final_handoff_id, '$.actor_key_id', s.actor_key_id, '$.creation_correlation_id', s.creation_correlation_id, '$.meta', json(s.meta_json)) as item from sessions s indexed by sessions_by_repo where s.repo = ?2 order by key desc limit ?3

-- statement session::list 134
select s.id as key, json_set(json_object('id', s.id, 'agent', s.agent, 'client', s.client, 'client_version', s.client_version, 'client_session_id', s.client_session_id, 'host', s.host, 'venture', s.venture, 'repo', s.repo, 'track', s.track, 'issue_number', s.issue_number, 'branch', s.branch, 'commit_sha', s.commit_sha, 'status', case when s.status = 'active' and s.last_heartbeat_at < ?1 then 'abandoned' else s.status end, 'created_at', s.created_at), '$.last_heartbeat_at', s.last_heartbeat_at, '$.ended_at', s.ended_at, '$.end_reason', s.end_reason, '$.final_handoff_id', s.final_handoff_id, '$.actor_key_id', s.actor_key_id, '$.creation_correlation_id', s.creation_correlation_id, '$.meta', json(s.meta_json)) as item from sessions s indexed by sessions_by_venture where s.venture = ?2 and s.status = 'active' union all select s.id as key, json_set(json_object('id', s.id, 'agent', s.agent, 'client', s.client, 'client_version', s.client_version, 'client_session_id', s.client_session_id, 'host', s.host, 'venture', s.venture, 'repo', s.repo, 'track', s.track, 'issue_number', s.issue_number, 'branch', s.branch, 'commit_sha', s.commit_sha, 'status', case when s.status = 'active' and s.last_heartbeat_at < ?1 then 'abandoned' else s.status end, 'created_at', s.created_at), '$.last_heartbeat_at', s.last_heartbeat_at, '$.ended_at', s.ended_at, '$.end_reason', s.end_reason, '$.final_handoff_id', s.final_handoff_id, '$.actor_key_id', s.actor_key_id, '$.creation_correlation_id', s.creation_correlation_id, '$.meta', json(s.meta_json)) as item from sessions s indexed by sessions_by_venture where s.venture = ?2 and s.status = 'ended' union all select s.id as key, json_set(json_object('id', s.id, 'agent', s.agent, 'client', s.client, 'client_version', s.client_version, 'client_session_id', s.client_session_id, 'host', s.host, 'venture', s.venture, 'repo', s.repo, 'track', s.track, 'issue_number', s.issue_number, 'branch', s.branch, 'commit_sha', s.commit_sha, 'status', case when s.status = 'active' and s.last_heartbeat_at < ?1 then 'abandoned' else s.status end, 'created_at', s.created_at), '$.last_heartbeat_at', s.last_heartbeat_at, '$.ended_at', s.ended_at, '$.end_reason', s.end_reason, '$.final_handoff_id', s.final_handoff_id, '$.actor_key_id', s.actor_key_id, '$.creation_correlation_id', s.creation_correlation_id, '$.meta', json(s.meta_json)) as item from sessions s indexed by sessions_by_venture where s.venture = ?2 and s.status = 'abandoned' order by key desc limit ?3

-- statement session::list 202
select s.id as key, json_set(json_object('id', s.id, 'agent', s.agent, 'client', s.client, 'client_version', s.client_version, 'client_session_id', s.client_session_id, 'host', s.host, 'venture', s.venture, 'repo', s.repo, 'track', s.track, 'issue_number', s.issue_number, 'branch', s.branch, 'commit_sha', s.commit_sha, 'status', case when s.status = 'active' and s.last_heartbeat_at < ?1 then 'abandoned' else s.status end, 'created_at', s.created_at), '$.last_heartbeat_at', s.last_heartbeat_at, '$.ended_at', s.ended_at, '$.end_reason', s.end_reason, '$.final_handoff_id', s.final_handoff_id, '$.actor_key_id', s.actor_key_id, '$.creation_correlation_id', s.creation_correlation_id, '$.meta', json(s.meta_json)) as item from sessions s indexed by sessions_by_venture_and_repo where s.venture = ?2 and s.repo = ?3 order by key desc limit ?4

-- statement handoff::list 0
select h.id as key, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes <= 32768 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as item from handoffs h where true order by key desc limit ?1

-- statement handoff::list 1
select iif(key is null, null, item) as body, more from (select h.id as key, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', json(h.payload_json)), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as item, 0 as more from handoffs h where true order by key desc limit ?1)

-- statement handoff::list 2
select count(*) as total from (select 1 from handoffs h where true limit 750 + 1)

-- statement handoff::list 3
select h.id as key, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes <= 32768 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as item from handoffs h where true and h.id < ?1 order by key desc limit ?2

-- statement handoff::list 6
select h.id as key, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes <= 32768 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as item from handoffs h indexed by handoffs_by_session where h.session_id = ?1 order by key desc limit ?2

-- statement handoff::list 12
with scanned as (select * from (select h.rowid as row, h.id as key, (h.status_label = 'in_progress') as matches from handoffs h where true order by key desc limit 600)), checked as materialized (select count(*) = 600 as more, min(key) as last, count(*) filter (where matches) as total, json_group_array(row) filter (where matches) as matching from scanned) select h.id as key, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes <= 32768 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as item, checked.more as more, checked.last as last, checked.total as total, checked.more or false as total_is_minimum from checked left join json_each(checked.matching) as j left join handoffs h on h.rowid = j.value limit ?1

-- statement handoff::list 20
select h.id as key, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes <= 32768 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as item from handoffs h indexed by handoffs_blocked where h.status_label = 'blocked' order by key desc limit ?1

-- statement handoff::list 30
with scanned as (select * from (select h.rowid as row, h.id as key, (h.status_label = 'ready') as matches from handoffs h where true order by key desc limit 600)), checked as materialized (select count(*) = 600 as more, min(key) as last, count(*) filter (where matches) as total, json_group_array(row) filter (where matches) as matching from scanned) select h.id as key, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes <= 32768 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as item, checked.more as more, checked.last as last, checked.total as total, checked.more or false as total_is_minimum from checked left join json_each(checked.matching) as j left join handoffs h on h.rowid = j.value limit ?1

-- statement handoff::list 38
with scanned as (select * from (select h.rowid as row, h.id as key, (h.status_label = 'done') as matches from handoffs h where true order by key desc limit 600)), checked as materialized (select count(*) = 600 as more, min(key) as last, count(*) filter (where matches) as total, json_group_array(row) filter (where matches) as matching from scanned) select h.id as key, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes <= 32768 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as item, checked.more as more, checked.last as last, checked.total as total, checked.more or false as total_is_minimum from checked left join json_each(checked.matching) as j left join handoffs h on h.rowid = j.value limit ?1

-- statement handoff::list 86
select h.id as key, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes <= 32768 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as item from handoffs h indexed by handoffs_by_sender where h.from_agent = ?1 and h.status_label = 'in_progress' union all select h.id as key, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes <= 32768 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as item from handoffs h indexed by handoffs_by_sender where h.from_agent = ?1 and h.status_label = 'blocked' union all select h.id as key, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes <= 32768 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as item from handoffs h indexed by handoffs_by_sender where h.from_agent = ?1 and h.status_label = 'ready' union all select h.id as key, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes <= 32768 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as item from handoffs h indexed by handoffs_by_sender where h.from_agent = ?1 and h.status_label = 'done' order by key desc limit ?2

-- statement handoff::list 176
select h.id as key, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes <= 32768 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as item from handoffs h indexed by handoffs_by_issue where h.issue_number = ?1 order by key desc limit ?2

-- statement handoff::list 658
select h.id as key, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes <= 32768 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as item from handoffs h indexed by handoffs_by_repo where h.repo = ?1 order by key desc limit ?2

-- statement handoff::list 1300
select h.id as key, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes <= 32768 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as item from handoffs h indexed by handoffs_by_venture where h.venture = ?1 and h.status_label = 'in_progress' union all select h.id as key, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes <= 32768 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as item from handoffs h indexed by handoffs_by_venture where h.venture = ?1 and h.status_label = 'blocked' union all select h.id as key, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes <= 32768 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as item from handoffs h indexed by handoffs_by_venture where h.venture = ?1 and h.status_label = 'ready' union all select h.id as key, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes <= 32768 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as item from handoffs h indexed by handoffs_by_venture where h.venture = ?1 and h.status_label = 'done' order by key desc limit ?2

-- statement handoff::list 1350
select h.id as key, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes <= 32768 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as item from handoffs h indexed by handoffs_by_venture_and_recipient where h.venture = ?1 and h.to_agent = ?2 order by key desc limit ?3

-- statement handoff::list 1952
select h.id as key, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes <= 32768 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as item from handoffs h indexed by handoffs_by_venture_and_repo where h.venture = ?1 and h.repo = ?2 order by key desc limit ?3

-- statement handoff::list 2274
select h.id as key, json_set(json_object('id', h.id, 'session_id', h.session_id, 'venture', h.venture, 'repo', h.repo, 'track', h.track, 'issue_number', h.issue_number, 'from_agent', h.from_agent, 'to_agent', h.to_agent, 'status', h.status_label, 'summary', h.summary, 'payload', case when h.payload_size_bytes <= 32768 then json(h.payload_json) end), '$.payload_hash', h.payload_hash, '$.payload_size_bytes', h.payload_size_bytes, '$.schema_version', h.schema_version, '$.created_at', h.created_at, '$.actor_key_id', h.actor_key_id, '$.creation_correlation_id', h.creation_correlation_id) as item from handoffs h indexed by handoffs_by_venture_repo_and_track where h.venture = ?1 and h.repo = ?2 and h.track = ?3 order by key desc limit ?4

-- statement note::list 0
select n.id as key, cast(substr(cast(n.content as blob), 1, 2000) as text) as opening, json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as item from notes n where true and n.archived_at is null order by key desc limit ?1

-- statement note::list 1
select count(*) as total from (select 1 from notes n where true and n.archived_at is null limit 750 + 1)

-- statement note::list 4
select n.id as key, cast(substr(cast(n.content as blob), 1, 2000) as text) as opening, json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as item from tokens token cross join notes n where token.id = ?1 and token.venture is null and n.archived_at is null union all select n.id as key, cast(substr(cast(n.content as blob), 1, 2000) as text) as opening, json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as item from tokens token cross join notes n indexed by notes_live_by_venture where token.id = ?1 and token.venture is not null and n.venture is null and n.archived_at is null union all select n.id as key, cast(substr(cast(n.content as blob), 1, 2000) as text) as opening, json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as item from tokens token cross join notes n indexed by notes_live_by_venture where token.id = ?1 and n.venture = token.venture and n.archived_at is null order by key desc limit ?2

-- statement note::list 12
select n.id as key, cast(substr(cast(n.content as blob), 1, 2000) as text) as opening, json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as item from tokens token cross join notes n where token.id = ?1 and token.venture is null and n.archived_at is not null union all select n.id as key, cast(substr(cast(n.content as blob), 1, 2000) as text) as opening, json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as item from tokens token cross join notes n indexed by notes_archived_by_venture where token.id = ?1 and token.venture is not null and n.venture is null and n.archived_at is not null union all select n.id as key, cast(substr(cast(n.content as blob), 1, 2000) as text) as opening, json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as item from tokens token cross join notes n indexed by notes_archived_by_venture where token.id = ?1 and n.venture = token.venture and n.archived_at is not null order by key desc limit ?2

-- statement note::list 64
select t.note_id as key, cast(substr(cast(n.content as blob), 1, 2000) as text) as opening, json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as item from note_tags t cross join notes n on n.id = t.note_id where true and t.tag = ?1 order by key desc limit ?2

-- statement note::list 68
select t.note_id as key, cast(substr(cast(n.content as blob), 1, 2000) as text) as opening, json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as item from tokens token cross join note_tags t cross join notes n on n.id = t.note_id where token.id = ?1 and token.venture is null and t.tag = ?2 union all select t.note_id as key, cast(substr(cast(n.content as blob), 1, 2000) as text) as opening, json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as item from tokens token cross join note_tags t indexed by sqlite_autoindex_note_tags_1 cross join notes n on n.id = t.note_id where token.id = ?1 and token.venture is not null and t.scope = 'global' and t.tag = ?2 union all select t.note_id as key, cast(substr(cast(n.content as blob), 1, 2000) as text) as opening, json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as item from tokens token cross join note_tags t indexed by sqlite_autoindex_note_tags_1 cross join notes n on n.id = t.note_id where token.id = ?1 and t.scope = token.venture and t.tag = ?2 order by key desc limit ?3

-- statement note::list 72
select t.note_id as key, cast(substr(cast(n.content as blob), 1, 2000) as text) as opening, json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as item from archived_note_tags t cross join notes n on n.id = t.note_id where true and t.tag = ?1 order by key desc limit ?2

-- statement note::list 76
select t.note_id as key, cast(substr(cast(n.content as blob), 1, 2000) as text) as opening, json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as item from tokens token cross join archived_note_tags t cross join notes n on n.id = t.note_id where token.id = ?1 and token.venture is null and t.tag = ?2 union all select t.note_id as key, cast(substr(cast(n.content as blob), 1, 2000) as text) as opening, json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as item from tokens token cross join archived_note_tags t indexed by sqlite_autoindex_archived_note_tags_1 cross join notes n on n.id = t.note_id where token.id = ?1 and token.venture is not null and t.scope = 'global' and t.tag = ?2 union all select t.note_id as key, cast(substr(cast(n.content as blob), 1, 2000) as text) as opening, json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as item from tokens token cross join archived_note_tags t indexed by sqlite_autoindex_archived_note_tags_1 cross join notes n on n.id = t.note_id where token.id = ?1 and t.scope = token.venture and t.tag = ?2 order by key desc limit ?3

-- statement note_search::list 0
with ranked as materialized (select count(*) as total, max(number) as newest, json_group_array(number order by score desc, number desc) as numbers from (select f.number, f.whole as score from (select * from (select number, 2 as whole from (select rowid as number from note_search where note_search match ?1 order by rowid desc limit 250)) limit 250) f cross join note_ranks k on k.number = f.number)) select n.id as key, n.number as number, ranked.newest as newest, ranked.total as total, ranked.total >= 250 as total_is_minimum, exists (select 1 from notes_to_index) as unindexed, json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as item, substr(n.content, 1, 8192) as opening, octet_length(n.content) as bytes from ranked left join json_each(ranked.numbers) j left join notes n on n.number = j.value limit ?2

-- statement note_search::list 1
with ranked as materialized (select count(*) as total, max(number) as newest, json_group_array(number order by score desc, number desc) filter (where instr(?3, ',' || number || ',') = 0) as numbers from (select f.number, f.whole as score from (select * from (select number, 2 as whole from (select rowid as number from note_search where note_search match ?1 and rowid <= cast(?2 as integer) order by rowid desc limit 250)) limit 250) f cross join note_ranks k on k.number = f.number)) select n.id as key, n.number as number, ranked.newest as newest, ranked.total as total, ranked.total >= 250 as total_is_minimum, exists (select 1 from notes_to_index) as unindexed, json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as item, substr(n.content, 1, 8192) as opening, octet_length(n.content) as bytes from ranked left join json_each(ranked.numbers) j left join notes n on n.number = j.value limit ?4

-- statement note_search::list 32
with ranked as materialized (select count(*) as total, max(number) as newest, json_group_array(number order by score desc, number desc) as numbers from (select f.number, f.whole + case when instr(k.head, ?2) then 8 when instr(k.often, ?2) then 3 else 0 end as score from (select * from (select number, 2 as whole from (select rowid as number from note_search where note_search match ?1 order by rowid desc limit 250)) limit 250) f cross join note_ranks k on k.number = f.number)) select n.id as key, n.number as number, ranked.newest as newest, ranked.total as total, ranked.total >= 250 as total_is_minimum, exists (select 1 from notes_to_index) as unindexed, json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as item, substr(n.content, 1, 8192) as opening, octet_length(n.content) as bytes from ranked left join json_each(ranked.numbers) j left join notes n on n.number = j.value limit ?3

-- statement note_search::list 34
with ranked as materialized (select count(*) as total, max(number) as newest, json_group_array(number order by score desc, number desc) as numbers from (select f.number, f.whole + case when instr(k.head, ?3) then 8 when instr(k.often, ?3) then 3 else 0 end as score from (select * from (select number, 2 as whole from (select rowid as number from note_search where note_search match (?1 || (select iif(t.venture is null, '', ' AND ("+live:" OR "+live:' || t.venture || '")') from tokens t where t.id = ?2)) order by rowid desc limit 250)) limit 250) f cross join note_ranks k on k.number = f.number)) select n.id as key, n.number as number, ranked.newest as newest, ranked.total as total, ranked.total >= 250 as total_is_minimum, exists (select 1 from notes_to_index) as unindexed, json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as item, substr(n.content, 1, 8192) as opening, octet_length(n.content) as bytes from ranked left join json_each(ranked.numbers) j left join notes n on n.number = j.value limit ?4

-- statement note_search::list 38
with ranked as materialized (select count(*) as total, max(number) as newest, json_group_array(number order by score desc, number desc) as numbers from (select f.number, f.whole + case when instr(k.head, ?3) then 8 when instr(k.often, ?3) then 3 else 0 end as score from (select * from (select number, 2 as whole from (select rowid as number from note_search where note_search match (?1 || (select iif(t.venture is null, '', ' AND ("+archived:" OR "+archived:' || t.venture || '")') from tokens t where t.id = ?2)) order by rowid desc limit 250)) limit 250) f cross join note_ranks k on k.number = f.number)) select n.id as key, n.number as number, ranked.newest as newest, ranked.total as total, ranked.total >= 250 as total_is_minimum, exists (select 1 from notes_to_index) as unindexed, json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as item, substr(n.content, 1, 8192) as opening, octet_length(n.content) as bytes from ranked left join json_each(ranked.numbers) j left join notes n on n.number = j.value limit ?4

-- statement note_search::list 40
with ranked as materialized (select count(*) as total, max(number) as newest, json_group_array(number order by score desc, number desc) as numbers from (select f.number, f.whole + case when instr(k.head, ?3) then 8 when instr(k.head, ?4) then 6 when instr(k.often, ?3) then 3 else 0 end as score from (select * from (select number, 2 as whole from (select rowid as number from note_search where note_search match ?1 order by rowid desc limit 250) union all select number, 0 as whole from (select rowid as number from note_search where note_search match ?2 order by rowid desc limit 250)) limit 250) f cross join note_ranks k on k.number = f.number)) select n.id as key, n.number as number, ranked.newest as newest, ranked.total as total, ranked.total >= 250 as total_is_minimum, exists (select 1 from notes_to_index) as unindexed, json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as item, substr(n.content, 1, 8192) as opening, octet_length(n.content) as bytes from ranked left join json_each(ranked.numbers) j left join notes n on n.number = j.value limit ?5

-- statement note_search::list 48
with ranked as materialized (select count(*) as total, max(number) as newest, json_group_array(number order by score desc, number desc) as numbers from (select f.number, f.whole + case when instr(k.head, ?2) or instr(k.head, ?3) then 8 when instr(k.often, ?2) or instr(k.often, ?3) then 3 else 0 end as score from (select * from (select number, 2 as whole from (select rowid as number from note_search where note_search match ?1 order by rowid desc limit 250)) limit 250) f cross join note_ranks k on k.number = f.number)) select n.id as key, n.number as number, ranked.newest as newest, ranked.total as total, ranked.total >= 250 as total_is_minimum, exists (select 1 from notes_to_index) as unindexed, json_object('id', n.id, 'title', n.title, 'size_bytes', octet_length(n.content), 'tags', json(n.tags_json), 'venture', n.venture, 'version', n.version, 'archived_at', n.archived_at, 'created_at', n.created_at, 'updated_at', n.updated_at, 'actor_key_id', n.actor_key_id, 'indexed_in_part', json(iif(n.indexed_in_part, 'true', 'false'))) as item, substr(n.content, 1, 8192) as opening, octet_length(n.content) as bytes from ranked left join json_each(ranked.numbers) j left join notes n on n.number = j.value limit ?4

-- statement doc::list 0
select d.scope || '.' || d.name as key, json_object('scope', d.scope, 'name', d.name, 'title', d.title, 'doc_type', d.doc_type, 'version', d.version, 'content_hash', d.content_hash, 'size_bytes', d.size_bytes, 'updated_at', d.updated_at, 'source_repo', d.source_repo, 'source_path', d.source_path, 'created_at', d.created_at, 'actor_key_id', d.actor_key_id) as item from context_docs d where true and d.deleted_at is null order by key asc limit ?1

-- statement doc::list 1
select count(*) as total from (select 1 from context_docs d where true and d.deleted_at is null limit 750 + 1)

-- statement doc_version::list 0
select printf('%010d', w.version) as key, json_object('scope', w.scope, 'name', w.name, 'version', w.version, 'deleted', json(iif(w.content is null, 'true', 'false')), 'title', w.title, 'doc_type', w.doc_type, 'content_hash', w.content_hash, 'size_bytes', w.size_bytes, 'source_repo', w.source_repo, 'source_path', w.source_path, 'created_at', w.created_at, 'actor_key_id', w.actor_key_id, 'creation_correlation_id', w.creation_correlation_id) as item from doc_versions w where true and w.scope = ?1 and w.name = ?2 order by key desc limit ?3

-- statement doc_version::list 1
select count(*) as total from (select 1 from doc_versions w where true and w.scope = ?1 and w.name = ?2 limit 750 + 1)

-- statement venture::list 0
select v.code as key, json_object('code', v.code, 'name', v.name, 'github_org', v.github_org, 'repos', json(v.repos_json), 'capabilities', json(v.capabilities_json), 'created_at', v.created_at, 'updated_at', v.updated_at) as item from ventures v where true and v.deleted_at is null order by key asc limit ?1

-- statement venture::list 1
select count(*) as total from (select 1 from ventures v where true and v.deleted_at is null limit 750 + 1)

-- statement venture::list 4
select v.code as key, json_object('code', v.code, 'name', v.name, 'github_org', v.github_org, 'repos', json(v.repos_json), 'capabilities', json(v.capabilities_json), 'created_at', v.created_at, 'updated_at', v.updated_at) as item from ventures v where true and v.deleted_at is null and v.code >= ifnull((select t.venture from tokens t where t.id = ?1), '') and v.code <= ifnull((select t.venture from tokens t where t.id = ?1), '~') order by key asc limit ?2

-- statement token::list 0
select t.id as key, json_object('id', t.id, 'name', t.name, 'scopes', json(t.scopes_json), 'venture', t.venture, 'rate_limit_per_minute', t.rate_limit_per_minute, 'expires_at', t.expires_at, 'created_at', t.created_at, 'last_used_at', t.last_used_at, 'revoked_at', t.revoked_at, 'actor_key_id', t.actor_key_id, 'created_by', t.created_by) as item from tokens t where true order by key desc limit ?1

-- statement token::list 1
select count(*) as total from (select 1 from tokens t where true limit 750 + 1)

-- statement token::list 2
select t.id as key, json_object('id', t.id, 'name', t.name, 'scopes', json(t.scopes_json), 'venture', t.venture, 'rate_limit_per_minute', t.rate_limit_per_minute, 'expires_at', t.expires_at, 'created_at', t.created_at, 'last_used_at', t.last_used_at, 'revoked_at', t.revoked_at, 'actor_key_id', t.actor_key_id, 'created_by', t.created_by) as item from tokens t where true and t.id < ?1 order by key desc limit ?2

-- statement request_log::list 0
select l.moment as key, json_object('correlation_id', l.correlation_id, 'actor_key_id', l.actor_key_id, 'operation', l.operation, 'method', l.method, 'status', l.status, 'error_code', l.error_code, 'duration_ms', l.duration_ms, 'created_at', l.created_at) as item from request_log l where true order by key desc limit ?1

-- statement request_log::list 1
select count(*) as total from (select 1 from request_log l where true limit 750 + 1)

-- statement request_log::list 2
select l.moment as key, json_object('correlation_id', l.correlation_id, 'actor_key_id', l.actor_key_id, 'operation', l.operation, 'method', l.method, 'status', l.status, 'error_code', l.error_code, 'duration_ms', l.duration_ms, 'created_at', l.created_at) as item from request_log l where true and l.moment < ?1 order by key desc limit ?2

-- statement request_log::list 6
select l.moment as key, json_object('correlation_id', l.correlation_id, 'actor_key_id', l.actor_key_id, 'operation', l.operation, 'method', l.method, 'status', l.status, 'error_code', l.error_code, 'duration_ms', l.duration_ms, 'created_at', l.created_at) as item from request_log l where ?1 is not null and l.moment < ?2 order by key desc limit ?3

-- statement request_log::list 16
with scanned as (select * from (select l.moment as row, l.moment as key, l.status = ?1 as matches from request_log l where true order by key desc limit 600)), checked as materialized (select count(*) = 600 as more, min(key) as last, count(*) filter (where matches) as total, json_group_array(row) filter (where matches) as matching from scanned) select l.moment as key, json_object('correlation_id', l.correlation_id, 'actor_key_id', l.actor_key_id, 'operation', l.operation, 'method', l.method, 'status', l.status, 'error_code', l.error_code, 'duration_ms', l.duration_ms, 'created_at', l.created_at) as item, checked.more as more, checked.last as last, checked.total as total, checked.more or false as total_is_minimum from checked left join json_each(checked.matching) as j left join request_log l on l.moment = j.value limit ?2

-- statement machine::list 0
select m.id as key, json_object('id', m.id, 'hostname', m.hostname, 'status', m.status, 'os', m.os, 'arch', m.arch, 'role', m.role, 'meta', json(m.meta_json), 'approved', json(case when m.approved_key is not null then json_object('user', m.approved_user, 'tailscale_ip', m.approved_ip, 'ssh_public_key', m.approved_key, 'fingerprint', m.approved_fingerprint, 'ssh_host_key', m.approved_host_key, 'host_key_fingerprint', m.approved_host_fingerprint, 'approved_at', m.approved_at, 'approved_by', m.approved_by) end), 'pending', json(case when m.pending_key is not null then json_object('user', m.pending_user, 'tailscale_ip', m.pending_ip, 'ssh_public_key', m.pending_key, 'fingerprint', m.pending_fingerprint, 'ssh_host_key', m.pending_host_key, 'host_key_fingerprint', m.pending_host_fingerprint, 'registered_at', m.pending_at, 'registered_by', m.pending_by) end), 'created_at', m.created_at, 'updated_at', m.updated_at, 'last_seen_at', m.last_seen_at, 'retired_at', m.retired_at, 'creation_correlation_id', m.creation_correlation_id) as item from machines m where true and m.retired_at is null order by key desc limit ?1

-- statement machine::list 1
select count(*) as total from (select 1 from machines m where true and m.retired_at is null limit 750 + 1)

-- statement requirement::list 0
select r.id as key, json_object('id', r.id, 'name_pattern', r.name_pattern, 'scope_type', r.scope_type, 'venture', r.venture, 'capability', r.capability, 'staleness_days', r.staleness_days, 'required', json(iif(r.required, 'true', 'false')), 'auto_generate', json(iif(r.auto_generate, 'true', 'false')), 'sources', json(r.sources_json), 'created_at', r.created_at, 'updated_at', r.updated_at) as item from doc_requirements r where true order by key desc limit ?1

-- statement requirement::list 1
select count(*) as total from (select 1 from doc_requirements r where true limit 750 + 1)

-- statement requirement::list 2
select r.id as key, json_object('id', r.id, 'name_pattern', r.name_pattern, 'scope_type', r.scope_type, 'venture', r.venture, 'capability', r.capability, 'staleness_days', r.staleness_days, 'required', json(iif(r.required, 'true', 'false')), 'auto_generate', json(iif(r.auto_generate, 'true', 'false')), 'sources', json(r.sources_json), 'created_at', r.created_at, 'updated_at', r.updated_at) as item from doc_requirements r where true and r.id < ?1 order by key desc limit ?2

-- statement requirement::list 4
select r.id as key, json_object('id', r.id, 'name_pattern', r.name_pattern, 'scope_type', r.scope_type, 'venture', r.venture, 'capability', r.capability, 'staleness_days', r.staleness_days, 'required', json(iif(r.required, 'true', 'false')), 'auto_generate', json(iif(r.auto_generate, 'true', 'false')), 'sources', json(r.sources_json), 'created_at', r.created_at, 'updated_at', r.updated_at) as item from doc_requirements r where true and (r.venture is null or r.venture = ifnull((select t.venture from tokens t where t.id = ?1), r.venture)) order by key desc limit ?2

-- statement doc_audit::list 0
select v.code as key, v.more, v.code as last, (with budget as (select 500 as requirements, 90 as docs, 140 as scanned, 50 as lookups, 20 as matches), -- The audit: compares the documents of a venture with the requirements that apply to it.
--
-- The text continues a list of common table expressions. The query around it has the row `v` of the venture, with `code`,
-- `capabilities_json` and the current time `now`. `budget`, before this text, says how many rows the audit may read.

-- The requirements that apply: those of the venture and those of every venture, if the venture has the capability. Two
-- ranges of one index are merged, so nothing is sorted. One row more than the budget shows that others apply.
applicable as not materialized (
  select id, name_pattern, scope_type, required, auto_generate, sources_json, staleness_days
  from doc_requirements indexed by doc_requirements_by_venture
  where venture = v.code and (capability is null or instr(v.capabilities_json, json_quote(capability)) > 0)
  union all
  select id, name_pattern, scope_type, required, auto_generate, sources_json, staleness_days
  from doc_requirements indexed by doc_requirements_by_venture
  where venture is null and (capability is null or instr(v.capabilities_json, json_quote(capability)) > 0)
  order by auto_generate desc, name_pattern, id limit (select requirements + 1 from budget)
),

-- The 20 oldest patterns that apply. `put_requirement` accepts no more. A pattern of more than 50 bytes, which D1 refuses to
-- compare, matches no document.
patterns as (
  select count(*) as n, json_group_array(id) as ids, json_group_array(iif(octet_length(pattern) <= 50, pattern, '')) as globs
  from (
    select id, replace(name_pattern, '{venture}', v.code) as pattern
    from doc_requirements indexed by doc_requirements_patterns
    where venture = v.code and instr(name_pattern, '*') > 0
    union all
    select id, replace(name_pattern, '{venture}', v.code) as pattern
    from doc_requirements indexed by doc_requirements_patterns
    where venture is null and instr(name_pattern, '*') > 0
    order by id limit 20)
),

-- The first documents of each scope, read once. `names` has the time at which each was last put, `bests` the latest time of
-- those that match each pattern. `more` says whether the scope has other documents.
documents as materialized (
  select patterns.*, (
    select json_group_object(scope, json((
      select json_object('names', json_group_object(first.name, first.confirmed_at), 'more', count(*) > (select docs from budget),
        'bests', json_array(
          max(iif(first.name glob globs ->> 0, first.confirmed_at, null)), max(iif(first.name glob globs ->> 1, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 2, first.confirmed_at, null)), max(iif(first.name glob globs ->> 3, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 4, first.confirmed_at, null)), max(iif(first.name glob globs ->> 5, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 6, first.confirmed_at, null)), max(iif(first.name glob globs ->> 7, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 8, first.confirmed_at, null)), max(iif(first.name glob globs ->> 9, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 10, first.confirmed_at, null)), max(iif(first.name glob globs ->> 11, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 12, first.confirmed_at, null)), max(iif(first.name glob globs ->> 13, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 14, first.confirmed_at, null)), max(iif(first.name glob globs ->> 15, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 16, first.confirmed_at, null)), max(iif(first.name glob globs ->> 17, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 18, first.confirmed_at, null)), max(iif(first.name glob globs ->> 19, first.confirmed_at, null))))
      from (
        select name, confirmed_at from doc_confirmations where scope = scopes.scope
        order by name limit (select docs + 1 from budget)) first)))
    from (select v.code as scope union all select 'global') scopes) as of_scopes
  from patterns
),

-- If a scope has more documents than the first ones, names that are not among them are looked up: so many of the first
-- requirements. `no_lookup_from` is the place of the first requirement whose name is not looked up.
known as materialized (
  select *, case when instr(of_scopes, '"more":1') > 0 then (
      select case
        when count(*) filter (where is_unknown) > (select lookups from budget) then
          json_group_array(json(place)) filter (where is_unknown) -> (select lookups from budget)
        when count(*) > (select scanned from budget) then json_group_array(json(place)) -> (select scanned from budget) end
      from (
        select json_array(not auto_generate, name_pattern) as place, instr(name_pattern, '*') = 0 and (
            of_scopes -> iif(scope_type = 'global', 'global', v.code) -> 'names' ->> replace(name_pattern, '{venture}', v.code)
          ) is null as is_unknown
        from applicable limit (select scanned + 1 from budget)))
    end as no_lookup_from
  from documents
),

-- The documents with each verdict and their numbers, as one JSON object. It is one value of the row of `known`, so that each
-- requirement is read once and no row is copied.
lists as materialized (select (with

-- Each requirement, with the scope and the name of its document. `place` is the place of its pattern among the patterns. It
-- is null for a name without a `*`, and negative for a pattern that is not among them.
asked as (
  select a.*, n, globs, no_lookup_from, iif(scope_type = 'global', 'global', v.code) as scope,
    replace(name_pattern, '{venture}', v.code) as name,
    replace(substr(name_pattern, 1, instr(name_pattern, '*') - 1), '{venture}', v.code) as beginning,
    case when instr(name_pattern, '*') = 0 then null when instr(ids, a.id) = 0 then -1
      -- An id has 30 characters, and 33 with its quotes and comma.
      else (instr(ids, a.id) - 3) / 33 end as place,
    of_scopes -> iif(scope_type = 'global', 'global', v.code) as docs
  from applicable a limit -1
),

-- `found` is an array: the time of the latest document that meets the requirement, and whether all documents that could
-- meet it were compared.
compared as (
  select a.*, case
    when place < 0 then json_array(null, 0)
    when docs -> 'names' ->> name is not null then json_array(docs -> 'names' ->> name, 1)
    when not docs ->> 'more' then json_array(docs -> 'bests' ->> place, 1)
    when place is not null and n <= 4 then (
      select json_array(max(iif(name glob pattern, confirmed_at, null)), count(*) <= (select matches from budget))
      from (
        select name, confirmed_at, a.globs ->> a.place as pattern from doc_confirmations
        where scope = a.scope and name >= a.beginning and name < a.beginning || '~'
        order by name limit (select matches + 1 from budget)))
    when place is not null then (
      select json_array(max(iif(name glob pattern, confirmed_at, null)), count(*) <= (select matches / 5 from budget))
      from (
        select name, confirmed_at, a.globs ->> a.place as pattern from doc_confirmations
        where scope = a.scope and name >= a.beginning and name < a.beginning || '~'
        order by name limit (select matches / 5 + 1 from budget)))
    when no_lookup_from is null or (not auto_generate, name_pattern) < (no_lookup_from ->> 0, no_lookup_from ->> 1) then
      json_array((select confirmed_at from doc_confirmations c where c.scope = a.scope and c.name = a.name), 1)
    else json_array(null, 0) end as found
  from asked a limit -1
),

-- The rules. The first one that holds gives the verdict.
judged as (
  select case
      when found ->> 0 >= strftime('%Y-%m-%dT%H:%M:%fZ', v.now, '-' || staleness_days || ' days') then 'present'
      when not found ->> 1 then 'unchecked'
      when found ->> 0 is not null then 'stale'
      when required then 'missing'
      else 'optional' end as verdict,
    json_object('requirement_id', id, 'scope', scope, 'name', name, 'required', json(iif(required, 'true', 'false')),
      'auto_generate', json(iif(auto_generate, 'true', 'false')), 'sources', json(sources_json),
      'confirmed_at', found ->> 0, 'staleness_days', staleness_days) as doc
  from compared limit -1
)

-- `more` says whether other requirements apply.
select json_object('more', count(*) > (select requirements from budget),
  'missing', json_group_array(json(doc)) filter (where verdict = 'missing'), 'missing_n', count(*) filter (where verdict = 'missing'),
  'stale', json_group_array(json(doc)) filter (where verdict = 'stale'), 'stale_n', count(*) filter (where verdict = 'stale'),
  'present', json_group_array(json(doc)) filter (where verdict = 'present'), 'present_n', count(*) filter (where verdict = 'present'),
  'optional', json_group_array(json(doc)) filter (where verdict = 'optional'), 'optional_n', count(*) filter (where verdict = 'optional'),
  'unchecked', json_group_array(json(doc)) filter (where verdict = 'unchecked'), 'unchecked_n', count(*) filter (where verdict = 'unchecked'))
from judged) as lists from known)
select json_object('venture', v.code, 'missing', json_insert(json_object('total', lists -> 'missing_n', 'shown', lists -> 'missing_n', 'items', lists -> 'missing'), iif(lists ->> 'more', '$.total_is_minimum', '$.total'), json('true')), 'stale', json_insert(json_object('total', lists -> 'stale_n', 'shown', lists -> 'stale_n', 'items', lists -> 'stale'), iif(lists ->> 'more', '$.total_is_minimum', '$.total'), json('true')), 'present', json_insert(json_object('total', lists -> 'present_n', 'shown', lists -> 'present_n', 'items', lists -> 'present'), iif(lists ->> 'more', '$.total_is_minimum', '$.total'), json('true')), 'optional', json_insert(json_object('total', lists -> 'optional_n', 'shown', lists -> 'optional_n', 'items', lists -> 'optional'), iif(lists ->> 'more', '$.total_is_minimum', '$.total'), json('true')), 'unchecked', json_insert(json_object('total', lists -> 'unchecked_n', 'shown', lists -> 'unchecked_n', 'items', lists -> 'unchecked'), iif(lists ->> 'more', '$.total_is_minimum', '$.total'), json('true'))) from lists) as item from (
               select min(code) as code, capabilities_json, ?1 as now, count(*) > 1 as more from (
                 select v.code, v.capabilities_json from ventures v where ?1 is not null and v.deleted_at is null order by v.code limit 2)) v
             where v.code is not null

-- statement doc_audit::list 1
select min(count(*), 50) as total, count(*) > 50 as total_is_minimum from (select 1 from ventures v where ?1 is not null and v.deleted_at is null limit 51)

-- statement doc_audit::list 4
select v.code as key, v.more, v.code as last, (with budget as (select 500 as requirements, 90 as docs, 140 as scanned, 50 as lookups, 20 as matches), -- The audit: compares the documents of a venture with the requirements that apply to it.
--
-- The text continues a list of common table expressions. The query around it has the row `v` of the venture, with `code`,
-- `capabilities_json` and the current time `now`. `budget`, before this text, says how many rows the audit may read.

-- The requirements that apply: those of the venture and those of every venture, if the venture has the capability. Two
-- ranges of one index are merged, so nothing is sorted. One row more than the budget shows that others apply.
applicable as not materialized (
  select id, name_pattern, scope_type, required, auto_generate, sources_json, staleness_days
  from doc_requirements indexed by doc_requirements_by_venture
  where venture = v.code and (capability is null or instr(v.capabilities_json, json_quote(capability)) > 0)
  union all
  select id, name_pattern, scope_type, required, auto_generate, sources_json, staleness_days
  from doc_requirements indexed by doc_requirements_by_venture
  where venture is null and (capability is null or instr(v.capabilities_json, json_quote(capability)) > 0)
  order by auto_generate desc, name_pattern, id limit (select requirements + 1 from budget)
),

-- The 20 oldest patterns that apply. `put_requirement` accepts no more. A pattern of more than 50 bytes, which D1 refuses to
-- compare, matches no document.
patterns as (
  select count(*) as n, json_group_array(id) as ids, json_group_array(iif(octet_length(pattern) <= 50, pattern, '')) as globs
  from (
    select id, replace(name_pattern, '{venture}', v.code) as pattern
    from doc_requirements indexed by doc_requirements_patterns
    where venture = v.code and instr(name_pattern, '*') > 0
    union all
    select id, replace(name_pattern, '{venture}', v.code) as pattern
    from doc_requirements indexed by doc_requirements_patterns
    where venture is null and instr(name_pattern, '*') > 0
    order by id limit 20)
),

-- The first documents of each scope, read once. `names` has the time at which each was last put, `bests` the latest time of
-- those that match each pattern. `more` says whether the scope has other documents.
documents as materialized (
  select patterns.*, (
    select json_group_object(scope, json((
      select json_object('names', json_group_object(first.name, first.confirmed_at), 'more', count(*) > (select docs from budget),
        'bests', json_array(
          max(iif(first.name glob globs ->> 0, first.confirmed_at, null)), max(iif(first.name glob globs ->> 1, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 2, first.confirmed_at, null)), max(iif(first.name glob globs ->> 3, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 4, first.confirmed_at, null)), max(iif(first.name glob globs ->> 5, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 6, first.confirmed_at, null)), max(iif(first.name glob globs ->> 7, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 8, first.confirmed_at, null)), max(iif(first.name glob globs ->> 9, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 10, first.confirmed_at, null)), max(iif(first.name glob globs ->> 11, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 12, first.confirmed_at, null)), max(iif(first.name glob globs ->> 13, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 14, first.confirmed_at, null)), max(iif(first.name glob globs ->> 15, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 16, first.confirmed_at, null)), max(iif(first.name glob globs ->> 17, first.confirmed_at, null)),
          max(iif(first.name glob globs ->> 18, first.confirmed_at, null)), max(iif(first.name glob globs ->> 19, first.confirmed_at, null))))
      from (
        select name, confirmed_at from doc_confirmations where scope = scopes.scope
        order by name limit (select docs + 1 from budget)) first)))
    from (select v.code as scope union all select 'global') scopes) as of_scopes
  from patterns
),

-- If a scope has more documents than the first ones, names that are not among them are looked up: so many of the first
-- requirements. `no_lookup_from` is the place of the first requirement whose name is not looked up.
known as materialized (
  select *, case when instr(of_scopes, '"more":1') > 0 then (
      select case
        when count(*) filter (where is_unknown) > (select lookups from budget) then
          json_group_array(json(place)) filter (where is_unknown) -> (select lookups from budget)
        when count(*) > (select scanned from budget) then json_group_array(json(place)) -> (select scanned from budget) end
      from (
        select json_array(not auto_generate, name_pattern) as place, instr(name_pattern, '*') = 0 and (
            of_scopes -> iif(scope_type = 'global', 'global', v.code) -> 'names' ->> replace(name_pattern, '{venture}', v.code)
          ) is null as is_unknown
        from applicable limit (select scanned + 1 from budget)))
    end as no_lookup_from
  from documents
),

-- The documents with each verdict and their numbers, as one JSON object. It is one value of the row of `known`, so that each
-- requirement is read once and no row is copied.
lists as materialized (select (with

-- Each requirement, with the scope and the name of its document. `place` is the place of its pattern among the patterns. It
-- is null for a name without a `*`, and negative for a pattern that is not among them.
asked as (
  select a.*, n, globs, no_lookup_from, iif(scope_type = 'global', 'global', v.code) as scope,
    replace(name_pattern, '{venture}', v.code) as name,
    replace(substr(name_pattern, 1, instr(name_pattern, '*') - 1), '{venture}', v.code) as beginning,
    case when instr(name_pattern, '*') = 0 then null when instr(ids, a.id) = 0 then -1
      -- An id has 30 characters, and 33 with its quotes and comma.
      else (instr(ids, a.id) - 3) / 33 end as place,
    of_scopes -> iif(scope_type = 'global', 'global', v.code) as docs
  from applicable a limit -1
),

-- `found` is an array: the time of the latest document that meets the requirement, and whether all documents that could
-- meet it were compared.
compared as (
  select a.*, case
    when place < 0 then json_array(null, 0)
    when docs -> 'names' ->> name is not null then json_array(docs -> 'names' ->> name, 1)
    when not docs ->> 'more' then json_array(docs -> 'bests' ->> place, 1)
    when place is not null and n <= 4 then (
      select json_array(max(iif(name glob pattern, confirmed_at, null)), count(*) <= (select matches from budget))
      from (
        select name, confirmed_at, a.globs ->> a.place as pattern from doc_confirmations
        where scope = a.scope and name >= a.beginning and name < a.beginning || '~'
        order by name limit (select matches + 1 from budget)))
    when place is not null then (
      select json_array(max(iif(name glob pattern, confirmed_at, null)), count(*) <= (select matches / 5 from budget))
      from (
        select name, confirmed_at, a.globs ->> a.place as pattern from doc_confirmations
        where scope = a.scope and name >= a.beginning and name < a.beginning || '~'
        order by name limit (select matches / 5 + 1 from budget)))
    when no_lookup_from is null or (not auto_generate, name_pattern) < (no_lookup_from ->> 0, no_lookup_from ->> 1) then
      json_array((select confirmed_at from doc_confirmations c where c.scope = a.scope and c.name = a.name), 1)
    else json_array(null, 0) end as found
  from asked a limit -1
),

-- The rules. The first one that holds gives the verdict.
judged as (
  select case
      when found ->> 0 >= strftime('%Y-%m-%dT%H:%M:%fZ', v.now, '-' || staleness_days || ' days') then 'present'
      when not found ->> 1 then 'unchecked'
      when found ->> 0 is not null then 'stale'
      when required then 'missing'
      else 'optional' end as verdict,
    json_object('requirement_id', id, 'scope', scope, 'name', name, 'required', json(iif(required, 'true', 'false')),
      'auto_generate', json(iif(auto_generate, 'true', 'false')), 'sources', json(sources_json),
      'confirmed_at', found ->> 0, 'staleness_days', staleness_days) as doc
  from compared limit -1
)

-- `more` says whether other requirements apply.
select json_object('more', count(*) > (select requirements from budget),
  'missing', json_group_array(json(doc)) filter (where verdict = 'missing'), 'missing_n', count(*) filter (where verdict = 'missing'),
  'stale', json_group_array(json(doc)) filter (where verdict = 'stale'), 'stale_n', count(*) filter (where verdict = 'stale'),
  'present', json_group_array(json(doc)) filter (where verdict = 'present'), 'present_n', count(*) filter (where verdict = 'present'),
  'optional', json_group_array(json(doc)) filter (where verdict = 'optional'), 'optional_n', count(*) filter (where verdict = 'optional'),
  'unchecked', json_group_array(json(doc)) filter (where verdict = 'unchecked'), 'unchecked_n', count(*) filter (where verdict = 'unchecked'))
from judged) as lists from known)
select json_object('venture', v.code, 'missing', json_insert(json_object('total', lists -> 'missing_n', 'shown', lists -> 'missing_n', 'items', lists -> 'missing'), iif(lists ->> 'more', '$.total_is_minimum', '$.total'), json('true')), 'stale', json_insert(json_object('total', lists -> 'stale_n', 'shown', lists -> 'stale_n', 'items', lists -> 'stale'), iif(lists ->> 'more', '$.total_is_minimum', '$.total'), json('true')), 'present', json_insert(json_object('total', lists -> 'present_n', 'shown', lists -> 'present_n', 'items', lists -> 'present'), iif(lists ->> 'more', '$.total_is_minimum', '$.total'), json('true')), 'optional', json_insert(json_object('total', lists -> 'optional_n', 'shown', lists -> 'optional_n', 'items', lists -> 'optional'), iif(lists ->> 'more', '$.total_is_minimum', '$.total'), json('true')), 'unchecked', json_insert(json_object('total', lists -> 'unchecked_n', 'shown', lists -> 'unchecked_n', 'items', lists -> 'unchecked'), iif(lists ->> 'more', '$.total_is_minimum', '$.total'), json('true'))) from lists) as item from (
               select min(code) as code, capabilities_json, ?1 as now, count(*) > 1 as more from (
                 select v.code, v.capabilities_json from ventures v where ?1 is not null and v.deleted_at is null and v.code >= ifnull((select t.venture from tokens t where t.id = ?2), '') and v.code <= ifnull((select t.venture from tokens t where t.id = ?2), '~') order by v.code limit 2)) v
             where v.code is not null

-- statement event::list 0
select ev.seq, json_object('seq', ev.seq, 'venture', ev.venture, 'kind', ev.kind, 'subject', ev.subject, 'agent', ev.agent, 'session_id', ev.session_id, 'at', ev.at, 'data', json(ev.data_json)) as item from events ev where ev.seq < (select min(seq) from events) + 900 order by ev.seq limit ?1

-- statement event::list 1
select ev.seq, json_object('seq', ev.seq, 'venture', ev.venture, 'kind', ev.kind, 'subject', ev.subject, 'agent', ev.agent, 'session_id', ev.session_id, 'at', ev.at, 'data', json(ev.data_json)) as item from events ev where ev.seq > ?2 and ev.seq <= ?2 + 900 order by ev.seq limit ?1

-- statement event::list 2
select ev.seq, json_object('seq', ev.seq, 'venture', ev.venture, 'kind', ev.kind, 'subject', ev.subject, 'agent', ev.agent, 'session_id', ev.session_id, 'at', ev.at, 'data', json(ev.data_json)) as item from events ev where instr(?2, ',' || ev.kind || ',') > 0 and ev.seq < (select min(seq) from events) + 900 order by ev.seq limit ?1
