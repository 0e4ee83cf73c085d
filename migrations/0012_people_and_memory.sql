-- People send and read messages without a session.

-- The reasons for which a request of a person is refused, as names of constraints. The table is always empty.
create table person_refusals (
  reason text not null,
  constraint person_required check (reason <> 'required'),
  constraint person_refused check (false)
) strict;
