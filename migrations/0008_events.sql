-- Events: what happened, in the order in which it was written. The batch of a write appends its event by an insert with a
-- select that inserts nothing if the write changed nothing.

-- `seq` is the rowid, so a new event has the number after that of the newest one. The sweep deletes the oldest events, and
-- never the newest one. So a number is used once and there are no gaps, and D1 writes one row for each event: with
-- `autoincrement`, it would write a second one. A list reads a range of `seq` and checks the other columns, so there is no
-- index to pay for. Events without a venture concern the whole team.
create table events (
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

-- The number of events that the last run of the sweep deleted.
alter table sweep_runs add column events integer not null default 0;
