-- The deliveries that GitHub has sent to the webhook, and what the classifier has decided about them.

-- One row for each delivery about an issue or a pull request. The row is written before GitHub gets its answer, and is
-- `done` only when the labels are written, so that no failure loses a delivery. A repeated delivery finds its row. The row
-- has no text of the issue, because the work reads the current text from GitHub. `due_at` says when the sweep looks at the
-- row: it tries a waiting row again, takes over one whose process has ended, and deletes a finished one.
create table github_deliveries (
  id text not null primary key,
  repo text not null,
  number integer not null,
  -- What the work needs of the payload: event, action, label, sender, installation, time.
  facts_json text not null,
  state text not null,
  due_at text not null,
  attempts integer not null,
  -- The labels that an attempt was about to add. If it was interrupted, the next one knows that they are its own.
  planned_json text not null,
  last_error text,
  received_at text not null,
  constraint github_deliveries_state check (state in ('waiting', 'working', 'done', 'set_aside'))
) strict, without rowid;

-- The sweep: the deliveries that are due, and those to delete. The work after a delivery: whether another one of the same
-- issue is in work.
create index github_deliveries_by_state on github_deliveries (state, due_at, repo, number);

-- One row for each decision, kept for a year. `state_json` says which labels of the issue are the classifier's own, and
-- what a person has decided: the newest row of an issue holds.
create table classifications (
  id text not null primary key,
  venture text,
  repo text not null,
  number integer not null,
  grade integer,
  body_json text not null,
  state_json text not null
) strict, without rowid;

-- list_classifications by repo and number. The work on a delivery: the newest decision about the issue.
create index classifications_by_item on classifications (repo, number, id);
-- list_classifications by venture.
create index classifications_by_venture on classifications (venture, id);
