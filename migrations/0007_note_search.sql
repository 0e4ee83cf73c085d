-- Changes of notes, and full text search. A client that changes a note names the version it has read, so that a change
-- since then is detected.
alter table notes add column version integer not null default 1;

-- Lists are sorted newest first; archived notes have their own list. The first index of each pair also covers the
-- columns that a search reads for each match, so that it does not read the note itself.
create index notes_live on notes (id, venture, archived_at) where archived_at is null;
create index notes_live_by_venture on notes (venture, id) where archived_at is null;
create index notes_archived on notes (id, venture, archived_at) where archived_at is not null;
create index notes_archived_by_venture on notes (venture, id) where archived_at is not null;
create index note_tags_by_tag on note_tags (tag, note_id);

-- The tags of archived notes. note_tags has only the others, so neither list reads the rows of the other.
create table archived_note_tags (
  tag text not null,
  scope text not null,
  note_id text not null references notes (id) on delete cascade,
  constraint archived_note_tags_key primary key (tag, scope, note_id)
) strict, without rowid;

create index archived_note_tags_by_note on archived_note_tags (note_id);
create index archived_note_tags_by_tag on archived_note_tags (tag, note_id);

insert into archived_note_tags (tag, scope, note_id)
  select distinct j.value, ifnull(n.venture, 'global'), n.id from notes n, json_each(n.tags_json) j
  where n.archived_at is not null;

-- The full text index needs an integer key for each note that VACUUM and an export do not change.
create table note_search_keys (
  id integer primary key,
  note_id text not null references notes (id) on delete cascade,
  constraint note_search_keys_note unique (note_id)
) strict;

insert into note_search_keys (note_id) select id from notes order by id;

create view note_search_source (id, title, content) as
  select k.id, n.title, n.content from note_search_keys k join notes n on n.id = k.note_id;

-- The index stores no text of its own. It can be dropped for an export and built again from the notes.
create virtual table note_search using fts5 (
  title, content, content = 'note_search_source', content_rowid = 'id', tokenize = 'porter unicode61'
);

insert into note_search (note_search) values ('rebuild');

-- New reasons for refusals that concern notes. The table is always empty, so it can be dropped.
drop table refusals;

create table refusals (
  reason text not null,
  constraint refused_session_not_found check (reason <> 'session_not_found'),
  constraint refused_session_ended check (reason <> 'session_ended'),
  constraint refused_venture_not_registered check (reason <> 'venture_not_registered'),
  constraint refused_note_not_found check (reason <> 'note_not_found'),
  constraint refused_note_changed check (reason <> 'note_changed'),
  constraint refused_reason check (false)
) strict;
