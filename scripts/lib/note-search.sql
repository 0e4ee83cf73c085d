-- The full text index of the notes, built again; the same statements as in api/src/store/note_search.rs.
create virtual table if not exists note_search using fts5 (
  title, content, content = 'note_search_source', content_rowid = 'id',
  tokenize = 'porter unicode61 remove_diacritics 2'
);

insert into note_search (note_search) values ('rebuild');
