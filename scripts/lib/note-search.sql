-- Creates and fills the full text index of the notes. The statements are the same as in api/src/store/note_search.rs.
create virtual table if not exists note_search using fts5 (
  filters, title, content, content = 'note_terms', content_rowid = 'id', columnsize = 0, detail = none,
  prefix = '3 4 5 6 7 8 9 10 11 12', tokenize = "ascii tokenchars '+#:_-'"
);

insert into note_search (note_search) values ('rebuild');
