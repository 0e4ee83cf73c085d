-- A blocked handoff is resolved by the next handoff of the same venture, repository and track that is not blocked. This
-- index finds it without reading the blocked ones.
create index handoffs_resolving on handoffs (venture, repo, track, id) where status_label <> 'blocked';
