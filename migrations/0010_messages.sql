-- Messages between agents, and their deliveries: one row for each recipient.

-- `seq` is the order of the messages. The sweep never deletes the newest message, so a number is used once. Without
-- `autoincrement`, D1 writes one row less for each message. The message of a handoff has the ULID of the handoff, unless a
-- message is newer: ids are in the order of `seq`, also if a clock goes back.
create table messages (
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

-- get_message, and the message of a delivery.
create unique index messages_by_id on messages (id);

-- The sweep: the messages that are due.
create index messages_due on messages (due_at, seq);

-- move_records: the messages of a venture.
create index messages_by_venture on messages (venture, seq);

-- One row for each recipient of a message. The id has the first 24 characters of the message's ULID and the number of the
-- recipient, so the deliveries of a message are a range of the primary key, and ids sort in the order of the messages. The row
-- repeats what decides whether it is taken. `owner` is the owner of the agent's name when the message was sent: another owner
-- does not get the message. There is no foreign key to the message, because SQLite would search all deliveries when a message
-- is deleted.
create table deliveries (
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

-- take_inbox and list_inbox: what waits for an agent. Final deliveries have no entry.
create index deliveries_open on deliveries (venture, agent, status, later, id, expires_at)
  where status in ('queued', 'offered');

-- The messages that an agent has sent in its last minute. The CHECKs abort the batch of a message over the limit. The sweep
-- deletes the rows of agents that sent nothing for an hour.
create table message_rates (
  venture text not null,
  agent text not null,
  window_start text not null,
  sent integer not null,
  sent_to_all integer not null,
  constraint message_rates_key primary key (venture, agent),
  constraint message_rate_exceeded check (sent <= 60),
  constraint message_rate_of_all_exceeded check (sent_to_all <= 6)
) strict, without rowid;

-- The reasons for which a message is refused, as names of constraints. The table is always empty.
create table message_refusals (
  reason text not null,
  constraint message_not_found check (reason <> 'not_found'),
  constraint message_recipient_unknown check (reason <> 'recipient_unknown'),
  constraint message_no_recipient check (reason <> 'no_recipient'),
  constraint message_recipients_changed check (reason <> 'recipients_changed'),
  constraint message_inbox_of_other check (reason <> 'inbox_of_other'),
  constraint message_refused check (false)
) strict;

-- The number of messages that the last run of the sweep deleted.
alter table sweep_runs add column messages integer not null default 0;
