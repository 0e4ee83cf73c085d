-- People send and read messages without a session. Agents remember: a memory is a note with an author.

-- The reasons for which a request of a person is refused, as names of constraints. The table is always empty.
create table person_refusals (
  reason text not null,
  constraint person_required check (reason <> 'required'),
  constraint person_refused check (false)
) strict;

-- A memory is a note whose id begins with `mem_` instead of `note_`. So notes and memories are two ranges of every index of
-- notes and of tags, and a list of one kind reads no row of the other. The agent, its session and the commit are those of
-- the memory. Reading them of a note would read all pages of its text, because they are stored after it.
alter table notes add column agent text;
alter table notes add column session_id text
  constraint notes_author check ((session_id is not null and agent is not null) = (id < 'note_'));
alter table notes add column commit_sha text;

-- The reasons for which a memory is refused, as names of constraints. The table is always empty.
create table memory_refusals (
  reason text not null,
  constraint memory_full check (reason <> 'full'),
  constraint memory_refused check (false)
) strict;
