-- Operational documents with their last versions, and the rules about which documents must exist.

-- The key is the scope ('global' or a venture's code) and the name.
create table context_docs (
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

-- list_docs and start_day: the documents that are not deleted, also of one scope. Lists are sorted by one key. The key is
-- unambiguous, because a venture's code contains no dot.
create index context_docs_live on context_docs (scope || '.' || name) where deleted_at is null;
create index context_docs_live_by_scope on context_docs (scope, scope || '.' || name) where deleted_at is null;

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

-- When each existing document was last put. A put with unchanged content does not change the document, but confirms that
-- it is still correct. The audit reads only this table: a document costs it one row. The table is separate, so that
-- confirming a document of 1 MB writes only a few bytes. A deleted document has no row.
create table doc_confirmations (
  scope text not null,
  name text not null,
  confirmed_at text not null,
  constraint doc_confirmations_key primary key (scope, name),
  constraint doc_confirmations_doc foreign key (scope, name) references context_docs (scope, name) on delete cascade
) strict, without rowid;

-- Rules about which documents must exist, for which ventures, and how fresh they must be. A null venture means every
-- venture. SQLite treats nulls as distinct in a unique index, so the index below maps null to ''.
create table doc_requirements (
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

-- put_requirement: one rule for each name pattern, scope, venture and capability.
create unique index doc_requirements_one_rule
  on doc_requirements (name_pattern, scope_type, ifnull(venture, ''), ifnull(capability, ''));

-- start_day and audit_docs: the rules of a venture, and those of every venture. Rules whose documents can be generated come
-- first, then the order is that of the names. put_requirement: the number of rules of each venture.
create index doc_requirements_by_venture on doc_requirements (venture, auto_generate desc, name_pattern, id);

-- start_day and audit_docs: the oldest rules whose name has a `*`.
create index doc_requirements_patterns on doc_requirements (venture, id) where instr(name_pattern, '*') > 0;

-- The default rules. A team can change them with put_requirement and delete them with delete_requirement.
insert into doc_requirements
  (id, name_pattern, scope_type, capability, auto_generate, sources_json, created_at, updated_at)
values
  ('req_00000000000000000000000001', 'project-instructions.md', 'venture', null, 1,
   '["claude_md","readme","manifests","layout","workflows"]', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'),
  ('req_00000000000000000000000002', 'api.md', 'venture', 'has_api', 1,
   '["routes","openapi","tests"]', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'),
  ('req_00000000000000000000000003', 'schema.md', 'venture', 'has_database', 1,
   '["migrations","schema_files"]', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z')
on conflict do nothing;
