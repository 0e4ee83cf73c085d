-- What resolves a blocked handoff is the next one of its series that is not blocked: found without walking through
-- those that are.
create index handoffs_resolving on handoffs (venture, repo, track, id) where status_label <> 'blocked';
