-- Claims of agents on issues and paths, the state that the agents of a venture share, and the memories that agents keep.

-- A claim is held until its session ends, or has been silent for 45 minutes; no expiry is stored, so a heartbeat renews it.
-- `place` is what subjects are compared by: two claims overlap if the place of one begins with the place of the other.
-- Claims of two sessions in one repository never overlap. `fence` is the number of the event that reported the claim.
create table claims (
  id text not null primary key,
  venture text not null references ventures (code),
  repo text not null,
  subject text not null,
  place text not null,
  session_id text not null references sessions (id),
  fence integer not null,
  taken_at text not null,
  -- Why the claim was taken from a holder that no longer answered.
  reason text
) strict;

-- put_claims: the claims that overlap, and the claim of a subject. start_day: the claims in the repository.
create unique index claims_by_place on claims (venture, repo, place, subject);

-- put_claims, end_day, start_day and the sweep: the claims of a session.
create index claims_by_session on claims (session_id, venture, repo, place);

-- list_claims by venture. start_day: the newest claims of the venture.
create index claims_by_venture on claims (venture, id);

-- The reasons for which a request about claims or state is refused, as names of constraints. The table is always empty.
create table claim_refusals (
  reason text not null,
  constraint claim_held check (reason <> 'held'),
  constraint claim_not_found check (reason <> 'not_found'),
  constraint claim_too_many check (reason <> 'too_many'),
  constraint claim_other_venture check (reason <> 'other_venture'),
  constraint claim_state_changed check (reason <> 'state_changed'),
  constraint claim_state_not_found check (reason <> 'state_not_found'),
  constraint claim_state_full check (reason <> 'state_full'),
  constraint claim_refused check (false)
) strict;

-- The state that the agents of a venture share: the newest version of each key. `state_versions` has the values. A deleted
-- key keeps its version number for some time, so that a version is not used again for another value.
create table state_entries (
  venture text not null references ventures (code),
  key text not null,
  version integer not null,
  size_bytes integer not null,
  updated_at text not null,
  session_id text not null references sessions (id),
  deleted_at text,
  constraint state_entries_key primary key (venture, key)
) strict;

-- list_state: the keys that are not deleted.
create index state_entries_live on state_entries (venture, key) where deleted_at is null;

-- The sweep: the keys that were deleted long ago.
create index state_entries_deleted on state_entries (deleted_at) where deleted_at is not null;

-- The last versions of each key. A version without a value is a deletion.
create table state_versions (
  venture text not null,
  key text not null,
  version integer not null,
  updated_at text not null,
  session_id text not null references sessions (id),
  value_json text,
  constraint state_versions_key primary key (venture, key, version)
) strict;

-- The number of keys of a venture, because counting them would read 1,000 rows.
create table state_counts (
  venture text not null primary key references ventures (code),
  keys integer not null
) strict, without rowid;
