-- Deleted ventures. A deleted venture is in no list and accepts no new records. Its row stays, because sessions,
-- handoffs and notes refer to it. Registering the same code again restores the venture.
alter table ventures add column deleted_at text;

-- The request that created the venture: if several requests put the same new code at the same time, only one creates
-- it.
alter table ventures add column creation_id text;

create index ventures_live on ventures (code) where deleted_at is null;

-- A new reason for refusals that concern ventures. The table is always empty, so it can be dropped.
drop table refusals;

create table refusals (
  reason text not null,
  constraint refused_session_not_found check (reason <> 'session_not_found'),
  constraint refused_session_ended check (reason <> 'session_ended'),
  constraint refused_venture_not_found check (reason <> 'venture_not_found'),
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
