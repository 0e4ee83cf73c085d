-- Figures of one agent on one venture read what both did, and nothing that either did elsewhere.
create index sessions_by_venture_and_agent on sessions (venture, agent, id);
create index handoffs_by_venture_and_sender on handoffs (venture, from_agent, id);
