-- A day begins with the handoffs that were made to its agent since the last day which it ended on the venture. Both are
-- found without reading what the agent has got or done elsewhere.
create index handoffs_by_venture_and_recipient on handoffs (venture, to_agent, id) where to_agent is not null;
create index sessions_ended_by_agent on sessions (venture, agent, id) where status = 'ended';

-- A list by repository alone read past every newer handoff of other repositories.
create index handoffs_by_repo_alone on handoffs (repo, id);
