-- The machines of the fleet. The SSH configuration of the other machines contains a machine's user, address and key.
-- The approved values stay in use while new values wait for an admin's approval, so a row has both. Only approved
-- values are given out. The host key is the SSH key by which other machines recognise the machine; a machine can have none.
create table machines (
  id text not null primary key,
  hostname text not null collate nocase,
  os text not null,
  arch text not null,
  role text,
  meta_json text not null default '{}',
  approved_user text,
  approved_ip text,
  approved_key text,
  approved_fingerprint text,
  approved_host_key text,
  approved_host_fingerprint text,
  approved_at text,
  approved_by text,
  pending_user text,
  pending_ip text,
  pending_key text,
  pending_fingerprint text,
  pending_host_key text,
  pending_host_fingerprint text,
  pending_at text,
  pending_by text,
  created_at text not null,
  updated_at text not null,
  last_seen_at text not null,
  retired_at text,
  creation_correlation_id text not null,
  status text not null generated always as (
    case when retired_at is not null then 'retired' when pending_key is not null then 'pending' else 'approved' end
  ) virtual,
  constraint machines_hostname unique (hostname),
  constraint machines_meta_json check (json_type(meta_json) = 'object'),
  constraint machines_approved check (
    (approved_user is null) + (approved_ip is null) + (approved_key is null) + (approved_fingerprint is null)
      + (approved_at is null) in (0, 5)),
  constraint machines_pending check (
    (pending_user is null) + (pending_ip is null) + (pending_key is null) + (pending_fingerprint is null)
      + (pending_at is null) + (pending_by is null) in (0, 6)),
  constraint machines_approved_host_key check ((approved_host_key is null) = (approved_host_fingerprint is null)),
  constraint machines_pending_host_key check ((pending_host_key is null) = (pending_host_fingerprint is null)),
  constraint machines_accessible check (approved_key is not null or pending_key is not null or retired_at is not null)
) strict;

-- list_machines by status, role or both, newest first. Without a status, it does not contain retired machines.
create index machines_of_fleet on machines (id) where retired_at is null;
create index machines_by_status on machines (status, id);
create index machines_by_role on machines (role, id) where retired_at is null;
create index machines_by_role_and_status on machines (role, status, id);

-- ssh_config: the machines with an approved access.
create index machines_approved on machines (id) where approved_key is not null and retired_at is null;
