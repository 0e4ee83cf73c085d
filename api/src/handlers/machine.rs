//! Machines: register and approve them, and render the SSH configuration.
//!
//! Machines belong to the team. A token for one venture can't access them.

use deckwatch_protocol::{ApproveMachine, ErrorCode, Host, MachineFilter, MachineId, RegisterMachine, SshConfigFilter};

use crate::call::Call;
use crate::database::Statement;
use crate::error::ApiError;
use crate::handlers::session::next_heartbeat;
use crate::plan::Plan;
use crate::platform::random_bits;
use crate::store;
use crate::store::machine::Registration;

/// Registers or updates a machine. If user, address or key differ from the approved ones, the new values wait for
/// approval and the approved ones stay in use. A retired machine that registers again has no approved access.
pub(crate) fn register_machine(call: &Call, hostname: Host, machine: RegisterMachine) -> Result<Plan, ApiError> {
    let id = MachineId::mint(call.now, random_bits(call.entropy));
    let new = Registration {
        id: &id,
        hostname: &hostname,
        now: call.now,
        actor: &call.caller.actor,
        correlation_id: call.correlation_id.as_str(),
    };
    let mut steps = vec![
        store::machine::forget_retired(&hostname),
        store::machine::register(&machine, &new),
        store::machine::append_event(&hostname, &id, call.now),
        store::machine::remove_approved_request(&hostname),
        store::machine::record_heartbeat(&hostname, call.now),
    ];
    steps.extend(call.auto_approve_machines.then(|| store::machine::approve(&hostname, call.now, None)));
    Ok(Plan::write(steps, store::machine::select_registered(&hostname, &id)))
}

/// Lists machines, newest first.
pub(crate) fn list_machines(_: &Call, filter: MachineFilter) -> Result<Plan, ApiError> {
    let limit = filter.limit.unwrap_or_default();
    let [items, total] = store::machine::list(&filter);
    Ok(Plan::page(items, total, limit))
}

/// Records a heartbeat of the machine.
pub(crate) fn machine_heartbeat(call: &Call, hostname: Host) -> Result<Plan, ApiError> {
    let next = next_heartbeat(call);
    let mut steps = unless_of_fleet(&hostname);
    steps.push(store::machine::record_heartbeat(&hostname, call.now));
    let select = store::machine::select_beat(&hostname, &next);
    Ok(Plan::record(select, ErrorCode::MachineNotFound).with_steps(steps))
}

/// Approves the access that the request names. If it is approved already, nothing changes.
pub(crate) fn approve_machine(call: &Call, hostname: Host, access: ApproveMachine) -> Result<Plan, ApiError> {
    let mut steps = unless_of_fleet(&hostname);
    steps.push(store::machine::unless_access(&hostname, &access));
    steps.push(store::machine::approve(&hostname, call.now, Some(&call.caller.actor)));
    Ok(Plan::write(steps, store::machine::select_response(&hostname)))
}

/// Removes a machine from the fleet. A second call returns the time of the first one.
pub(crate) fn retire_machine(call: &Call, hostname: Host) -> Result<Plan, ApiError> {
    let steps = vec![store::machine::unless_machine(&hostname), store::machine::retire(&hostname, call.now)];
    Ok(Plan::write(steps, store::machine::select_response(&hostname)))
}

/// Renders the approved machines as SSH configuration.
pub(crate) fn ssh_config(call: &Call, filter: SshConfigFilter) -> Result<Plan, ApiError> {
    Ok(Plan::record(store::ssh_config::select(&filter, &call.cursor_mark), ErrorCode::InternalError))
}

fn unless_of_fleet(hostname: &Host) -> Vec<Statement> {
    vec![store::machine::unless_machine(hostname), store::machine::if_retired(hostname)]
}
