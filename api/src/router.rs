//! Maps method and path to an operation, and an operation to its handler.

use deckwatch_protocol::endpoint::marker;
use deckwatch_protocol::{ErrorCode, Operation, operation_table};
use http::Method;

use crate::call::{Call, PublicCall};
use crate::error::ApiError;
use crate::handlers;
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

/// Generates the functions that call the handler of an operation, from the table in `protocol`.
macro_rules! plans {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident = $id:ident($($param:ident: $param_type:ident),*) $(query($query:ident))? $(body($body:ident))? -> $answer:ty {
            $method:ident $path:literal, $tier:ident, $($facts:tt)*
        }
    )*) => {
        /// Decodes the request of an operation that needs a caller, and builds its plan.
        pub(crate) fn plan(call: &Call) -> Result<Plan, ApiError> {
            match call.operation {
                $(Operation::$name => caller_plan!($tier call $name $id ($($param),*) ($($query)?) ($($body)?)),)*
            }
        }

        /// Builds the plan of a public operation.
        pub(crate) fn public_plan(operation: Operation, call: &PublicCall) -> Result<Plan, ApiError> {
            match operation { $(Operation::$name => public_plan!($tier call $id),)* }
        }
    };
}

macro_rules! caller_plan {
    (Public $($row:tt)*) => {
        Err(ApiError::internal("a public operation has no caller"))
    };
    ($tier:ident $call:ident $name:ident $id:ident ($($param:ident),*) ($($query:ident)?) ($($body:ident)?)) => {{
        let request = $call.request::<marker::$name>()?;
        let ($($param,)*) = request.path;
        handlers::$id($call $(, $param)* $(, argument!($query request.query))? $(, argument!($body request.body))?)
    }};
}

macro_rules! public_plan {
    (Public $call:ident $id:ident) => {
        Ok(handlers::$id($call))
    };
    ($tier:ident $call:ident $id:ident) => {
        Err(ApiError::internal("the operation needs a caller"))
    };
}

/// The value, for an argument that the row may leave out.
macro_rules! argument {
    ($given:ident $value:expr) => {
        $value
    };
}

operation_table!(plans);

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
