-- A session says why its agent's name was taken over, so that others and people see it where they see the agent.

-- The reason of the last start of day that took the name of the agent over for this session.
alter table sessions add column take_over_reason text;
