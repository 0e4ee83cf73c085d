-- The last versions of each document, with the content of each version, also of the newest. A version without content
-- is a deletion.
create table doc_versions (
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

alter table context_docs add column source_repo text;
alter table context_docs add column source_path text;

insert into doc_versions (scope, name, version, title, doc_type, content_hash, size_bytes, created_at, actor_key_id,
    creation_correlation_id, change_id, content)
  select scope, name, version, title, doc_type, iif(deleted_at is null, content_hash, null), size_bytes, updated_at,
    actor_key_id, '', '', iif(deleted_at is null, content, null)
  from context_docs;

-- Lists are sorted by one key and contain no deleted documents. The key is unambiguous, because a venture's code
-- contains no dot.
create index context_docs_live on context_docs (scope || '.' || name) where deleted_at is null;
create index context_docs_live_by_scope on context_docs (scope, scope || '.' || name) where deleted_at is null;

-- New reasons for refusals that concern documents. The table is always empty, so it can be dropped.
drop table refusals;

create table refusals (
  reason text not null,
  constraint refused_session_not_found check (reason <> 'session_not_found'),
  constraint refused_session_ended check (reason <> 'session_ended'),
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
