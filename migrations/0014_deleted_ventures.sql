-- A venture that is deleted leaves the lists and takes nothing new. Sessions, handoffs and notes refer to it, so its row
-- stays, and registering the code again brings it back.
alter table ventures add column deleted_at text;

-- Which request made it: of several that put a new code at the same moment one has.
alter table ventures add column creation_id text;

create index ventures_live on ventures (code) where deleted_at is null;

-- A batch refuses what concerns ventures by one more reason. The table is empty for ever.
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
