-- The answer to SOD contains the handoffs to the agent since the agent's last ended session of the venture. These
-- indexes find both without reading the agent's handoffs and sessions of other ventures.
create index handoffs_by_venture_and_recipient on handoffs (venture, to_agent, id) where to_agent is not null;
create index sessions_ended_by_agent on sessions (venture, agent, id) where status = 'ended';

-- Without this index, a list filtered only by repository reads the newer handoffs of all other repositories.
create index handoffs_by_repo_alone on handoffs (repo, id);
