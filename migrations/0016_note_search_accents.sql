-- The index now also removes the accents of letters with two accents, which are common in Vietnamese: a search for
-- `tieng` finds `tiếng`, in each Unicode normal form.
drop table if exists note_search;

create virtual table note_search using fts5 (
  title, content, content = 'note_search_source', content_rowid = 'id',
  tokenize = 'porter unicode61 remove_diacritics 2'
);

insert into note_search (note_search) values ('rebuild');
