-- The terms of each note for the full text index: folded words, and pairs of characters for scripts without spaces. The
-- API computes the terms, and the batch that changes a note stores them here, so that SQL alone can build the index.
-- Each term is stored once, and their number is limited, so that no stored text makes a search or a write slow.
drop table if exists note_search;
drop view note_search_source;

create table note_terms (
  id integer primary key references note_search_keys (id) on delete cascade,
  -- The state, the venture and the tags of the note are terms too, so that a search with a filter does not read the
  -- matches that the filter excludes.
  filters text not null,
  title text not null,
  content text not null
) strict;

-- The columns for ranking: the terms of the title, and the most frequent words of the text. They are not in note_terms,
-- because its rows are long and each match would read another page.
alter table note_search_keys add column head text not null default '';
alter table note_search_keys add column often text not null default '';

-- Whether the text has more terms than the index contains.
alter table notes add column indexed_in_part integer not null default 0
  constraint notes_indexed_in_part check (indexed_in_part in (0, 1));

-- The notes that have no terms yet: those that were written before this migration.
create table notes_to_index (
  note_id text not null primary key references notes (id) on delete cascade
) strict, without rowid;

insert into notes_to_index (note_id) select id from notes;

-- The index stores no positions and no counts, because no query needs them. It stores prefixes of words; each prefix
-- costs as much as a word.
create virtual table note_search using fts5 (
  filters, title, content, content = 'note_terms', content_rowid = 'id', columnsize = 0, detail = none,
  prefix = '3 4 5 6 7 8 9 10 11 12', tokenize = "ascii tokenchars '+#:_-'"
);
