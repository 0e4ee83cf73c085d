-- The default requirements, and the times at which documents were last confirmed.

-- A put with unchanged content does not change a document, but confirms that it is still correct. The audit uses the
-- later of the change and the confirmation. The table is separate, so that confirming a document of 1 MB writes only a
-- few bytes.
create table doc_confirmations (
  scope text not null,
  name text not null,
  confirmed_at text not null,
  constraint doc_confirmations_key primary key (scope, name),
  constraint doc_confirmations_doc foreign key (scope, name) references context_docs (scope, name) on delete cascade
) strict, without rowid;

-- A team can change these rows with put_requirement and delete them with delete_requirement.
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

-- New reasons for refusals that concern requirements. The table is always empty, so it can be dropped.
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
  constraint refused_reason check (false)
) strict;
