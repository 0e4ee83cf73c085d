-- The last run of the scheduled sweep. /health reports it, so that monitoring can detect a sweep that no longer runs.
create table sweep_runs (
  id integer primary key,
  started_at text not null,
  -- Null while the sweep runs, and after a run that was interrupted.
  finished_at text,
  -- Whether rows are left for the next run.
  more integer not null,
  sessions integer not null,
  keys integer not null,
  rates integer not null,
  log integer not null,
  constraint sweep_runs_last check (id = 1),
  constraint sweep_runs_more check (more in (0, 1))
) strict;
