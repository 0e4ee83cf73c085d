-- Accents come off letters that have two of them as well, as most of Vietnamese has: `tiếng` is found as `tieng`, and
-- however its accents are spelled.
drop table if exists note_search;

create virtual table note_search using fts5 (
  title, content, content = 'note_search_source', content_rowid = 'id',
  tokenize = 'porter unicode61 remove_diacritics 2'
);

insert into note_search (note_search) values ('rebuild');
