-- The SSH host key of a machine, by which other machines recognise it when they log in there. It is part of the machine's
-- access, so it is approved together with user, address and key. Machines that were registered before have none.
--
-- An older Deckwatch on this schema does not clear these columns. So they count only while the key of the same access is
-- set, and the constraints don't compare them with it.
alter table machines add column approved_host_key text;
alter table machines add column approved_host_fingerprint text
  constraint machines_approved_host_key check ((approved_host_key is null) = (approved_host_fingerprint is null));
alter table machines add column pending_host_key text;
alter table machines add column pending_host_fingerprint text
  constraint machines_pending_host_key check ((pending_host_key is null) = (pending_host_fingerprint is null));
