//! Maps method and path to an operation, and an operation to its handler.

use deckwatch_protocol::{ErrorCode, Operation};
use http::Method;

use crate::call::Call;
use crate::error::ApiError;
use crate::handlers::{analytics, day, doc, handoff, machine, note, request_log, requirement, session, token, venture};
use crate::plan::Plan;

/// The operations by path, from the table in `protocol`.
pub(crate) struct Router(matchit::Router<Vec<Operation>>);

/// The operation that a request asks for.
pub(crate) struct Route {
    pub(crate) operation: Operation,
    /// The values of the parameters in the path, in order.
    pub(crate) parameters: Vec<String>,
}

impl Router {
    /// Creates the router of all operations.
    pub(crate) fn new() -> Self {
        let mut paths: Vec<(&str, Vec<Operation>)> = Vec::new();
        for operation in Operation::ALL {
            match paths.iter_mut().find(|(path, _)| *path == operation.path()) {
                Some((_, operations)) => operations.push(*operation),
                None => paths.push((operation.path(), vec![*operation])),
            }
        }
        let mut router = matchit::Router::new();
        for (path, operations) in paths {
            if let Err(error) = router.insert(path, operations) {
                // The table is constant, and a test checks every entry.
                log::error!("could not add the route {path}: {error}");
            }
        }
        Self(router)
    }

    /// Finds the operation of a method and path.
    pub(crate) fn route(&self, method: &Method, path: &str) -> Result<Route, ApiError> {
        let unknown = |_| {
            ApiError::new(
                ErrorCode::UnknownRoute,
                "The API has no such path. See GET /openapi.json for \
                                                                  the paths.",
            )
        };
        let found = self.0.at(path).map_err(unknown)?;
        let parameters = found.params.iter().map(|(_, value)| value.to_owned()).collect();
        // HEAD is handled like GET. The host program sends no body for HEAD.
        let asked = if method == Method::HEAD { Method::GET } else { method.clone() };
        if let Some(operation) = found.value.iter().find(|operation| operation.method() == asked.as_str()) {
            return Ok(Route { operation: *operation, parameters });
        }
        let allow = found.value.iter().map(|operation| operation.method()).collect::<Vec<_>>().join(", ");
        let mut error = ApiError::new(
            ErrorCode::MethodNotAllowed,
            format!(
                "This path does not support the method. \
                                                                            Use {allow}."
            ),
        );
        error.allow = Some(allow);
        Err(error)
    }
}

/// Builds the plan of an operation that needs a caller.
pub(crate) fn plan(operation: Operation, call: &Call) -> Result<Plan, ApiError> {
    match operation {
        Operation::StartDay => day::start_day(call),
        Operation::EndDay => day::end_day(call),
        Operation::ListSessions => session::list_sessions(call),
        Operation::GetSession => session::get_session(call),
        Operation::UpdateSession => session::update_session(call),
        Operation::Heartbeat => session::heartbeat(call),
        Operation::LeaveSession => session::leave_session(call),
        Operation::CreateHandoff => handoff::create_handoff(call),
        Operation::ListHandoffs => handoff::list_handoffs(call),
        Operation::LatestHandoff => handoff::latest_handoff(call),
        Operation::GetHandoff => handoff::get_handoff(call),
        Operation::CreateNote => note::create_note(call),
        Operation::ListNotes => note::list_notes(call),
        Operation::GetNote => note::get_note(call),
        Operation::UpdateNote => note::update_note(call),
        Operation::ArchiveNote => note::archive_note(call),
        Operation::RestoreNote => note::restore_note(call),
        Operation::ListDocs => doc::list_docs(call),
        Operation::GetDoc => doc::get_doc(call),
        Operation::ListDocVersions => doc::list_doc_versions(call),
        Operation::PutDoc => doc::put_doc(call),
        Operation::DeleteDoc => doc::delete_doc(call),
        Operation::ListVentures => venture::list_ventures(call),
        Operation::PutVenture => venture::put_venture(call),
        Operation::DeleteVenture => venture::delete_venture(call),
        Operation::MoveRecords => venture::move_records(call),
        Operation::RegisterMachine => machine::register_machine(call),
        Operation::ListMachines => machine::list_machines(call),
        Operation::MachineHeartbeat => machine::machine_heartbeat(call),
        Operation::ApproveMachine => machine::approve_machine(call),
        Operation::RetireMachine => machine::retire_machine(call),
        Operation::SshConfig => machine::ssh_config(call),
        Operation::AuditDocs => requirement::audit_docs(call),
        Operation::ListRequirements => requirement::list_requirements(call),
        Operation::PutRequirement => requirement::put_requirement(call),
        Operation::DeleteRequirement => requirement::delete_requirement(call),
        Operation::SessionAnalytics => analytics::session_analytics(call),
        Operation::CreateToken => token::create_token(call),
        Operation::ListTokens => token::list_tokens(call),
        Operation::RevokeToken => token::revoke_token(call),
        Operation::ListRequests => request_log::list_requests(call),
        Operation::Health | Operation::Version | Operation::Openapi => {
            Err(ApiError::internal("a public operation has no caller"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_found_at_its_path() {
        let router = Router::new();
        for operation in Operation::ALL {
            let segments =
                operation.path().split('/').map(|segment| if segment.starts_with('{') { "x" } else { segment });
            let path = segments.collect::<Vec<_>>().join("/");
            let method: Method = operation.method().parse().unwrap();
            assert_eq!(router.route(&method, &path).ok().map(|r| r.operation), Some(*operation));
        }
    }

    #[test]
    fn path_parameters_keep_their_order_and_spelling() {
        let router = Router::new();
        let route = router.route(&Method::GET, "/v1/docs/alpha/%2e%2e").ok().unwrap();
        assert_eq!((route.operation, route.parameters), (Operation::GetDoc, vec!["alpha".into(), "%2e%2e".into()]));
        let of_audit = router.route(&Method::GET, "/v1/docs/audit").ok().map(|route| route.operation);
        assert_ne!(of_audit, Some(Operation::GetDoc), "one path segment is not a document");
    }

    #[test]
    fn an_unknown_path_and_a_wrong_method_give_different_errors() {
        let router = Router::new();
        let refusal = |method: Method, path| router.route(&method, path).err().unwrap();
        assert_eq!(refusal(Method::GET, "/v1/nothing").code, ErrorCode::UnknownRoute);
        assert_eq!(refusal(Method::GET, "/v1/sessions/").code, ErrorCode::UnknownRoute);
        assert_eq!(router.route(&Method::HEAD, "/health").ok().map(|r| r.operation), Some(Operation::Health));
        let wrong = refusal(Method::DELETE, "/v1/sessions/x");
        assert_eq!((wrong.code, wrong.allow.as_deref()), (ErrorCode::MethodNotAllowed, Some("GET, PATCH")));
    }
}
