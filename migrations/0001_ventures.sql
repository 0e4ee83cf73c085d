-- Ventures. Sessions, handoffs, notes and documents belong to a venture, so this table is created first.
create table ventures (
  code text not null primary key,
  name text not null,
  github_org text,
  repos_json text not null,
  capabilities_json text not null,
  created_at text not null,
  updated_at text not null,
  constraint ventures_repos_json check (json_type(repos_json) = 'array'),
  constraint ventures_capabilities_json check (json_type(capabilities_json) = 'array')
) strict;
