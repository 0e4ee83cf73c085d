-- Ventures, and the tokens of their agents and workflows. All other records belong to a venture, so these tables are
-- created first.

-- A deleted venture is in no list and accepts no new records. Its row stays, because sessions, handoffs and notes refer
-- to it. Registering the same code again restores the venture.
create table ventures (
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

-- list_ventures and audit_docs: the ventures that are not deleted.
create index ventures_live on ventures (code) where deleted_at is null;

-- Tokens that an admin creates. They have fewer rights than the engine's keys and can be revoked. The table stores the
-- SHA-256 of a token; only the answer that creates the token contains the secret.
create table tokens (
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
  revoked_at text,
  constraint tokens_hash check (length(token_hash) = 64 and actor_key_id = substr(token_hash, 1, 16)),
  constraint tokens_scopes_json check (json_type(scopes_json) = 'array'),
  constraint tokens_rate_limit check (rate_limit_per_minute between 1 and 1000000)
) strict;
