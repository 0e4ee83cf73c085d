//! Machines: register, approve, list and retire. `ssh_config` renders them for SSH.

use deckwatch_protocol::{
    ApproveMachine, Host, Limit, MachineFilter, MachineId, MachineStatus, RegisterMachine, SshPublicKey, Timestamp,
};

use super::event::append;
use super::forms::{every_form, filters};
use super::list::{Conditions, List, Order};
use super::responses::{SelectResponse, responses};
use super::session::NextHeartbeat;
use super::statements;
use crate::database::{Param, Statement};

/// A column of the host key of the machine's last registration, empty if that has none.
macro_rules! last_host {
    ($column:literal) => {
        concat!("ifnull(iif(pending_key is null, approved_host_", $column, ", pending_host_", $column, "), '')")
    };
}

/// The machine `m` as JSON.
macro_rules! machine_json {
    () => {
        "json_object('id', m.id, 'hostname', m.hostname, 'status', m.status, 'os', m.os, 'arch', m.arch, 'role', m.role, \
         'meta', json(m.meta_json), \
         'approved', json(case when m.approved_key is not null then json_object('user', m.approved_user, \
           'tailscale_ip', m.approved_ip, 'ssh_public_key', m.approved_key, 'fingerprint', m.approved_fingerprint, \
           'ssh_host_key', m.approved_host_key, 'host_key_fingerprint', m.approved_host_fingerprint, \
           'approved_at', m.approved_at, 'approved_by', m.approved_by) end), \
         'pending', json(case when m.pending_key is not null then json_object('user', m.pending_user, \
           'tailscale_ip', m.pending_ip, 'ssh_public_key', m.pending_key, 'fingerprint', m.pending_fingerprint, \
           'ssh_host_key', m.pending_host_key, 'host_key_fingerprint', m.pending_host_fingerprint, \
           'registered_at', m.pending_at, 'registered_by', m.pending_by) end), \
         'created_at', m.created_at, 'updated_at', m.updated_at, 'last_seen_at', m.last_seen_at, \
         'retired_at', m.retired_at, 'creation_correlation_id', m.creation_correlation_id)"
    };
}

statements! {
    UNLESS_MACHINE = "
        insert into refusals (reason) select 'machine_not_found'
        where not exists (select 1 from machines where hostname = ?1)";

    IF_RETIRED = "
        insert into refusals (reason) select 'machine_retired'
        where exists (select 1 from machines where hostname = ?1 and retired_at is not null)";

    /// `?2`, `?3`, `?4` and `?5` are the access of the machine's last registration. `?5` is null without a host key.
    UNLESS_ACCESS = concat!("
        insert into refusals (reason) select 'machine_changed'
        where not exists (
          select 1 from machines where hostname = ?1
            and (ifnull(pending_user, approved_user), ifnull(pending_ip, approved_ip),
                 ifnull(pending_fingerprint, approved_fingerprint), ", last_host!("fingerprint"), ")
              = (?2, ?3, ?4, ifnull(?5, '')))");

    /// An approval from before a retirement is not valid after it.
    FORGET_RETIRED = "
        update machines set approved_user = null, approved_ip = null, approved_key = null, approved_fingerprint = null,
          approved_host_key = null, approved_host_fingerprint = null, approved_at = null, approved_by = null
        where hostname = ?1 and retired_at is not null";

    /// Every registered access waits for approval. `REMOVE_APPROVED_REQUEST` then removes an access that is approved
    /// already. If the values are the same, nothing changes.
    REGISTER = concat!("
        insert into machines (id, hostname, os, arch, role, meta_json, pending_user, pending_ip, pending_key,
          pending_fingerprint, pending_at, pending_by, created_at, updated_at, last_seen_at, creation_correlation_id,
          pending_host_key, pending_host_fingerprint)
        values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?11, ?11, ?11, ?13, ?14, ?15)
        on conflict (hostname) do update set
          os = excluded.os, arch = excluded.arch, role = excluded.role, meta_json = excluded.meta_json,
          pending_user = excluded.pending_user, pending_ip = excluded.pending_ip, pending_key = excluded.pending_key,
          pending_fingerprint = excluded.pending_fingerprint, pending_host_key = excluded.pending_host_key,
          pending_host_fingerprint = excluded.pending_host_fingerprint, pending_at = excluded.pending_at,
          pending_by = excluded.pending_by, retired_at = null, updated_at = excluded.updated_at
        where retired_at is not null
          or (os, arch, ifnull(role, ''), meta_json, ifnull(pending_user, approved_user),
              ifnull(pending_ip, approved_ip), ifnull(pending_key, approved_key), ", last_host!("key"), ") is not
             (excluded.os, excluded.arch, ifnull(excluded.role, ''), excluded.meta_json, excluded.pending_user,
              excluded.pending_ip, excluded.pending_key, ifnull(excluded.pending_host_key, ''))");

    /// An approved access does not wait.
    REMOVE_APPROVED_REQUEST = "
        update machines set pending_user = null, pending_ip = null, pending_key = null, pending_fingerprint = null,
          pending_host_key = null, pending_host_fingerprint = null, pending_at = null, pending_by = null
        where hostname = ?1 and (pending_user, pending_ip, pending_key, ifnull(pending_host_key, ''))
          = (approved_user, approved_ip, approved_key, ifnull(approved_host_key, ''))";

    RECORD_HEARTBEAT = "update machines set last_seen_at = ?2 where hostname = ?1";

    APPROVE = "
        update machines set approved_user = pending_user, approved_ip = pending_ip, approved_key = pending_key,
          approved_fingerprint = pending_fingerprint, approved_host_key = pending_host_key,
          approved_host_fingerprint = pending_host_fingerprint, approved_at = ?2, approved_by = ?3,
          pending_user = null, pending_ip = null, pending_key = null, pending_fingerprint = null,
          pending_host_key = null, pending_host_fingerprint = null, pending_at = null, pending_by = null, updated_at = ?2
        where hostname = ?1 and pending_key is not null";

    /// A second retirement changes nothing.
    RETIRE = "
        update machines set retired_at = ?2, updated_at = ?2, pending_user = null, pending_ip = null, pending_key = null,
          pending_fingerprint = null, pending_host_key = null, pending_host_fingerprint = null, pending_at = null,
          pending_by = null
        where hostname = ?1 and retired_at is null";

    SELECT_BEAT = "
        select json_object('hostname', m.hostname, 'status', m.status, 'last_seen_at', m.last_seen_at,
          'next_heartbeat_at', ?2, 'heartbeat_interval_seconds', cast(?3 as integer)) as body
        from machines m where m.hostname = ?1";

    /// The machine `?1`, which the statement before may have changed. `?3` is the id of a new machine.
    APPEND_EVENT = append!("
        select null, 'machine_registered', m.hostname, null, null, ?2,
          json_object('outcome', iif(m.id = ?3, 'created', 'changed'))
        from machines m where m.hostname = ?1 limit changes()");
}

responses! {
    /// If this request created the machine, with the id `?2`, the status is 201.
    SELECT_REGISTERED = concat!(
        "select iif(m.id = ?2, 201, 200), ", machine_json!(), ", null, null from machines m where m.hostname = ?1"
    );

    SELECT_RESPONSE = concat!("select 200, ", machine_json!(), ", null, null from machines m where m.hostname = ?1");
}

/// Fails the batch unless the machine is known. A retired machine is known.
pub(crate) fn unless_machine(hostname: &Host) -> Statement {
    Statement::new(UNLESS_MACHINE).bind(hostname)
}

/// Fails the batch if the machine is retired.
pub(crate) fn if_retired(hostname: &Host) -> Statement {
    Statement::new(IF_RETIRED).bind(hostname)
}

/// Fails the batch unless this access is that of the machine's last registration.
pub(crate) fn unless_access(hostname: &Host, access: &ApproveMachine) -> Statement {
    Statement::new(UNLESS_ACCESS)
        .bind(hostname)
        .bind(&access.user)
        .bind(&access.tailscale_ip)
        .bind(&access.fingerprint)
        .bind(access.host_key_fingerprint.as_ref())
}

/// The fields of a registration that the machine does not set.
pub(crate) struct Registration<'a> {
    /// The id for a new machine.
    pub(crate) id: &'a MachineId,
    pub(crate) hostname: &'a Host,
    pub(crate) now: Timestamp,
    pub(crate) actor: &'a str,
    pub(crate) correlation_id: &'a str,
}

pub(crate) fn forget_retired(hostname: &Host) -> Statement {
    Statement::new(FORGET_RETIRED).bind(hostname)
}

pub(crate) fn register(machine: &RegisterMachine, new: &Registration) -> Statement {
    Statement::new(REGISTER)
        .bind(new.id)
        .bind(new.hostname)
        .bind(&machine.os)
        .bind(&machine.arch)
        .bind(machine.role.as_ref())
        .bind(serde_json::Value::from(machine.meta.0.clone()).to_string())
        .bind(&machine.user)
        .bind(&machine.tailscale_ip)
        .bind(&machine.ssh_public_key)
        .bind(&machine.ssh_public_key.fingerprint())
        .bind(new.now)
        .bind(new.actor)
        .bind(new.correlation_id)
        .bind(machine.ssh_host_key.as_ref())
        .bind(machine.ssh_host_key.as_ref().map(SshPublicKey::fingerprint).as_ref())
}

pub(crate) fn remove_approved_request(hostname: &Host) -> Statement {
    Statement::new(REMOVE_APPROVED_REQUEST).bind(hostname)
}

pub(crate) fn record_heartbeat(hostname: &Host, now: Timestamp) -> Statement {
    Statement::new(RECORD_HEARTBEAT).bind(hostname).bind(now).non_durable()
}

/// Approves the waiting access. `actor` is `None` if the engine approves automatically.
pub(crate) fn approve(hostname: &Host, now: Timestamp, actor: Option<&str>) -> Statement {
    Statement::new(APPROVE).bind(hostname).bind(now).bind(actor)
}

pub(crate) fn retire(hostname: &Host, now: Timestamp) -> Statement {
    Statement::new(RETIRE).bind(hostname).bind(now)
}

/// Appends an event if the statement before has created or changed the machine.
pub(crate) fn append_event(hostname: &Host, new_id: &MachineId, now: Timestamp) -> Statement {
    Statement::new(APPEND_EVENT).bind(hostname).bind(now).bind(new_id)
}

pub(crate) fn select_registered(hostname: &Host, id: &MachineId) -> SelectResponse {
    SELECT_REGISTERED.select().bind(hostname).bind(id)
}

pub(crate) fn select_response(hostname: &Host) -> SelectResponse {
    SELECT_RESPONSE.select().bind(hostname)
}

pub(crate) fn select_beat(hostname: &Host, next: &NextHeartbeat) -> Statement {
    Statement::new(SELECT_BEAT).bind(hostname).bind(next.at).bind(next.interval_seconds)
}

const LIST: List = List { from: "machines m", item: machine_json!(), key: "m.id", order: Order::Descending };

filters! {
    /// The filters of `list_machines`. Retired machines are shown only if the status asks for them.
    MachineFilters {
        retired: bool,
        status: Option<Param>,
        role: Option<Param>,
        cursor: Option<Param>,
    }
}

/// The page and the total of `list_machines`.
pub(crate) fn list(filter: &MachineFilter) -> [Statement; 2] {
    let filters = MachineFilters {
        retired: filter.status == Some(MachineStatus::Retired),
        status: filter.status.map(MachineStatus::as_str).map(Param::from),
        role: filter.role.as_ref().map(Param::from),
        cursor: filter.cursor.as_ref().map(Param::from),
    };
    page(&filters, filter.limit.unwrap_or_default())
}

fn page(filters: &MachineFilters, limit: Limit) -> [Statement; 2] {
    let conditions = Conditions::none()
        .only("m.retired_at is null", !filters.retired)
        .when("m.status = ?", filters.status.as_ref())
        .when("m.role = ?", filters.role.as_ref());
    LIST.page(&conditions, filters.cursor.as_ref(), limit)
}

/// Every form of [`list`].
pub(super) fn composed() -> Vec<(String, String)> {
    every_form("machine::list", |filters| page(filters, Limit::default()))
}
