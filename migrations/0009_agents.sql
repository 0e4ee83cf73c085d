-- Who is who: the process that speaks for a session, its presence, mode and groups; the owner of an agent's name; tokens of
-- one agent.

-- `epoch` grows when another process of the agent goes on with the session; `start_id` is the process of this epoch. A
-- session that was started by a client without process ids has no `start_id`, and its epoch does not grow.
alter table sessions add column epoch integer not null default 1;
alter table sessions add column start_id text;
alter table sessions add column machine_id text;
alter table sessions add column public_key text;
-- The role of the agent in each of its groups.
alter table sessions add column groups_json text not null default '{}'
  constraint sessions_groups_json check (json_type(groups_json) = 'object');
alter table sessions add column mode text not null default 'push'
  constraint sessions_mode check (mode in ('push', 'inbox', 'off'));
alter table sessions add column dnd_until text;
-- What the agent does: state, detail, summary, at. Null as long as it has said nothing, and after the session.
alter table sessions add column presence_json text
  constraint sessions_presence_json check (presence_json is null or json_type(presence_json) = 'object');

-- The names of agents. A name belongs to the owner and the machine that took it first. `owner` is the tier of a configured
-- key, so that names survive a new key, and the actor of a token otherwise. A name without `machine_id` was used by clients
-- that send none: the first machine that names itself takes it. `taken_from` is the owner before the last take-over. A
-- request that can't have the name would clear `owner`, and the check refuses it.
create table agents (
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

-- A token of one agent on one machine. `owner` is the owner of the key that it was exchanged for, and `exchanged_token_id` that
-- key itself, if it is a token.
alter table tokens add column agent text;
alter table tokens add column machine_id text;
alter table tokens add column owner text;
alter table tokens add column exchanged_token_id text;

-- create_agent_token: one token for each agent, machine and key. A second exchange renews it.
create unique index tokens_of_agent on tokens (venture, agent, machine_id, created_by)
where agent is not null and revoked_at is null;

-- The reasons for which a request of an agent is refused, as names of constraints. The table is always empty.
create table agent_refusals (
  reason text not null,
  constraint agent_session_not_found check (reason <> 'session_not_found'),
  constraint agent_session_ended check (reason <> 'session_ended'),
  constraint agent_session_not_active check (reason <> 'session_not_active'),
  constraint agent_superseded check (reason <> 'superseded'),
  constraint agent_not_of_token check (reason <> 'not_of_token'),
  constraint agent_token_not_renewable check (reason <> 'token_not_renewable'),
  constraint agent_refused check (false)
) strict;
