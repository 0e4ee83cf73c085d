-- Operational documents. The key is the scope ('global' or a venture's code) and the name.
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
  content text not null,
  constraint context_docs_key primary key (scope, name),
  constraint context_docs_type check (doc_type in ('markdown', 'json'))
) strict;

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

create unique index doc_requirements_one_rule
  on doc_requirements (name_pattern, scope_type, ifnull(venture, ''), ifnull(capability, ''));
create index doc_requirements_by_venture on doc_requirements (venture);
