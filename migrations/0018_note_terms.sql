-- What is indexed of a note is made outside of SQL: folded words, and pairs of characters of scripts without spaces. The
-- batch that changes a note keeps them here, so that SQL alone can build the index from them. Each term stands once and
-- their number has a limit, so that nothing that is stored makes a search or a write take long.
drop table if exists note_search;
drop view note_search_source;

create table note_terms (
  id integer primary key references note_search_keys (id) on delete cascade,
  -- Whether the note is live, the venture it belongs to and its tags are terms too, so that a search for what few of many
  -- matches have does not look at the others.
  filters text not null,
  title text not null,
  content text not null
) strict;

-- What matches are ranked by: the title, and the words that stand most often in the text. Beside the long terms, each
-- match would cost a page.
alter table note_search_keys add column head text not null default '';
alter table note_search_keys add column often text not null default '';

-- Whether the text has more terms than are indexed.
alter table notes add column indexed_in_part integer not null default 0
  constraint notes_indexed_in_part check (indexed_in_part in (0, 1));

-- The notes whose terms are still to be made: those that were there before this table was.
create table notes_to_index (
  note_id text not null primary key references notes (id) on delete cascade
) strict, without rowid;

insert into notes_to_index (note_id) select id from notes;

-- Without places and counts, which nothing asks for; with the beginnings of words, each of which costs as much as a word.
create virtual table note_search using fts5 (
  filters, title, content, content = 'note_terms', content_rowid = 'id', columnsize = 0, detail = none,
  prefix = '3 4 5 6 7 8 9 10 11 12', tokenize = "ascii tokenchars '+#:_-'"
);
