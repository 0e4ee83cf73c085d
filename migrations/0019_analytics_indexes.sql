-- Analytics of one agent on one venture. With these indexes, they read no rows of other agents or other ventures.
create index sessions_by_venture_and_agent on sessions (venture, agent, id);
create index handoffs_by_venture_and_sender on handoffs (venture, from_agent, id);
