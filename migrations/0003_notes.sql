-- Notes, their tags, and their full text index.

-- Notes are enterprise knowledge. A note without a venture is global. A client that changes a note names the version it
-- has read, so that a change since then is detected. The full text index needs an integer for each note that VACUUM and
-- an export do not change; `number` is the rowid, so it costs no further row.
create table notes (
  number integer primary key,
  id text not null,
  venture text references ventures (code),
  title text not null,
  tags_json text not null default '[]',
  created_at text not null,
  updated_at text not null,
  archived_at text,
  actor_key_id text not null,
  creation_correlation_id text not null,
  version integer not null default 1,
  -- Whether the text has more terms than the full text index contains.
  indexed_in_part integer not null default 0,
  -- The last column, so that reading the other columns does not read its overflow pages.
  content text not null,
  constraint notes_id unique (id),
  constraint notes_tags_json check (json_type(tags_json) = 'array'),
  constraint notes_indexed_in_part check (indexed_in_part in (0, 1))
) strict;

-- list_notes: all notes, those of a venture or the global ones. Archived notes have their own list.
create index notes_live on notes (id) where archived_at is null;
create index notes_live_by_venture on notes (venture, id) where archived_at is null;
create index notes_archived on notes (id) where archived_at is not null;
create index notes_archived_by_venture on notes (venture, id) where archived_at is not null;

-- start_day: the executive summaries. list_notes by tag and venture. The tags of notes that are not archived, one row
-- per tag and note. `scope` is the venture's code or 'global'.
create table note_tags (
  tag text not null,
  scope text not null,
  note_id text not null references notes (id) on delete cascade,
  constraint note_tags_key primary key (tag, scope, note_id)
) strict, without rowid;

-- list_notes by tag alone.
create index note_tags_by_tag on note_tags (tag, note_id);

-- The same for the tags of archived notes, so that neither list reads the rows of the other.
create table archived_note_tags (
  tag text not null,
  scope text not null,
  note_id text not null references notes (id) on delete cascade,
  constraint archived_note_tags_key primary key (tag, scope, note_id)
) strict, without rowid;

-- list_notes by tag alone.
create index archived_note_tags_by_tag on archived_note_tags (tag, note_id);

-- The columns for ranking: the terms of the title, and the most frequent words of the text. They are not in note_terms,
-- because its rows are long and each match would read another page.
create table note_ranks (
  number integer primary key references notes (number) on delete cascade,
  head text not null,
  often text not null
) strict;

-- The terms of each note for the full text index: folded words, and pairs of characters for scripts without spaces. The
-- API computes the terms, and the batch that changes a note stores them here, so that SQL alone can build the index.
-- Each term is stored once, and their number is limited, so that no stored text makes a search or a write slow.
create table note_terms (
  id integer primary key references notes (number) on delete cascade,
  -- The state, the venture and the tags of the note are terms too, so that a search with a filter does not read the
  -- matches that the filter excludes.
  filters text not null,
  title text not null,
  content text not null
) strict;

-- The notes that have no terms yet, for a change of the rules by which terms are made. The program that opens the
-- database, or the sweep, indexes them.
create table notes_to_index (
  note_id text not null primary key references notes (id) on delete cascade
) strict, without rowid;

-- The index stores no text of its own: it can be dropped for an export and built again from the terms. It stores no
-- positions and no counts, because no query needs them. It stores prefixes of words; each prefix costs as much as a word.
create virtual table note_search using fts5 (
  filters, title, content, content = 'note_terms', content_rowid = 'id', columnsize = 0, detail = none,
  prefix = '3 4 5 6 7 8 9 10 11 12', tokenize = "ascii tokenchars '+#:_-'"
);
