-- When a repository moves to another venture, a request moves some of its sessions. Without this index, each request also
-- reads the sessions that have already moved, or those of the other repositories of the venture.
create index sessions_by_venture_and_repo on sessions (venture, repo, id);
