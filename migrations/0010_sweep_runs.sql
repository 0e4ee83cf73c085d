-- The last run of the scheduled sweep, for whoever watches: a sweep that stopped running is seen in /health.
create table sweep_runs (
  id integer primary key,
  started_at text not null,
  -- Null while it runs, and for ever after a run that was cut off.
  finished_at text,
  -- Whether something was left for the next run.
  more integer not null,
  sessions integer not null,
  keys integer not null,
  rates integer not null,
  log integer not null,
  constraint sweep_runs_last check (id = 1),
  constraint sweep_runs_more check (more in (0, 1))
) strict;
