-- Notes: enterprise knowledge. A note without a venture is global.
create table notes (
  id text not null primary key,
  venture text references ventures (code),
  title text not null,
  tags_json text not null default '[]',
  created_at text not null,
  updated_at text not null,
  archived_at text,
  actor_key_id text not null,
  creation_correlation_id text not null,
  content text not null,
  constraint notes_tags_json check (json_type(tags_json) = 'array')
) strict;

create index notes_by_venture on notes (venture, id);

-- The tags of notes that are not archived, one row per tag and note. To find the newest notes of a tag, a query reads
-- only the rows of these notes. `scope` is the venture's code or 'global'.
create table note_tags (
  tag text not null,
  scope text not null,
  note_id text not null references notes (id) on delete cascade,
  constraint note_tags_key primary key (tag, scope, note_id)
) strict, without rowid;

create index note_tags_by_note on note_tags (note_id);
