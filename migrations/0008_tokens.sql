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

create index tokens_by_venture on tokens (venture) where venture is not null;

-- The reasons for which a token is refused, as names of constraints. The table is always empty. It is separate from
-- `refusals`, because these reasons stop a request before its operation runs.
create table token_refusals (
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
