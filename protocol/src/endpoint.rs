//! The types of each operation. The table of operations gives them; see [`operation_table!`](crate::operation_table).

use std::str::FromStr;

use deserr::Deserr;
use serde::Serialize;
use serde::de::DeserializeOwned;

#[cfg_attr(
    not(test),
    expect(clippy::wildcard_imports, reason = "the table of operations can name any type of this crate")
)]
use crate::*;

/// An operation with its types.
pub trait Endpoint {
    /// The operation.
    const OPERATION: Operation;
    /// The parameters of the path, in order.
    type Path: PathParameters;
    /// The query: [`Empty`] if the operation takes none.
    type Query: RequestPart;
    /// The body: [`Empty`] if the operation takes none.
    type Body: RequestPart;
    /// The body of a successful response.
    type Answer: Serialize + DeserializeOwned + Described;
}

/// Code that is generic over the types of an operation. [`Operation::visit`] calls it with the types of one operation.
pub trait EndpointVisitor {
    /// The result.
    type Output;

    /// Runs with the types of `E`.
    fn visit<E: Endpoint>(self) -> Self::Output;
}

/// A query or a body.
pub trait RequestPart: Serialize + Deserr<Violations> + Described {}

impl<T: Serialize + Deserr<Violations> + Described> RequestPart for T {}

/// A type that has a JSON schema, if the feature `schema` is on.
#[cfg(feature = "schema")]
pub trait Described: schemars::JsonSchema {}

#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> Described for T {}

/// A type that has a JSON schema, if the feature `schema` is on.
#[cfg(not(feature = "schema"))]
pub trait Described {}

#[cfg(not(feature = "schema"))]
impl<T> Described for T {}

/// A query or body without fields. Any field is refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct Empty {}

/// A parameter of a path.
pub trait PathParameter: FromStr<Err = Invalid> + AsRef<str> + Described {}

impl<T: FromStr<Err = Invalid> + AsRef<str> + Described> PathParameter for T {}

/// The parameters of a path.
pub trait PathParameters: Sized {
    /// Parses the values in the path of `operation`. The error names every parameter that is not valid.
    fn parse(operation: Operation, values: &[String]) -> Result<Self, Violations>;

    /// The schemas of the parameters.
    #[cfg(feature = "schema")]
    fn schemas() -> Vec<schemars::Schema>;
}

impl PathParameters for () {
    fn parse(_: Operation, _: &[String]) -> Result<Self, Violations> {
        Ok(())
    }

    #[cfg(feature = "schema")]
    fn schemas() -> Vec<schemars::Schema> {
        Vec::new()
    }
}

impl<A: PathParameter> PathParameters for (A,) {
    fn parse(operation: Operation, values: &[String]) -> Result<Self, Violations> {
        parse_one(operation, values, 0).map(|one| (one,))
    }

    #[cfg(feature = "schema")]
    fn schemas() -> Vec<schemars::Schema> {
        vec![schema_alone::<A>()]
    }
}

impl<A: PathParameter, B: PathParameter> PathParameters for (A, B) {
    fn parse(operation: Operation, values: &[String]) -> Result<Self, Violations> {
        match (parse_one(operation, values, 0), parse_one(operation, values, 1)) {
            (Ok(first), Ok(second)) => Ok((first, second)),
            (Err(first), Err(second)) => Err(Violations([first.0, second.0].concat())),
            (Err(one), Ok(_)) | (Ok(_), Err(one)) => Err(one),
        }
    }

    #[cfg(feature = "schema")]
    fn schemas() -> Vec<schemars::Schema> {
        vec![schema_alone::<A>(), schema_alone::<B>()]
    }
}

fn parse_one<T: PathParameter>(operation: Operation, values: &[String], at: usize) -> Result<T, Violations> {
    let value = values.get(at).map(String::as_str).unwrap_or_default();
    value.parse().map_err(|invalid| invalid_parameter(operation, at, invalid))
}

fn invalid_parameter(operation: Operation, at: usize, invalid: Invalid) -> Violations {
    let name = operation.path_parameters().get(at).copied().unwrap_or_default();
    Violations::at(format!("/{name}"), invalid.0)
}

/// The schema of a type, with its definitions inside.
#[cfg(feature = "schema")]
pub fn schema_alone<T: schemars::JsonSchema + ?Sized>() -> schemars::Schema {
    schemars::generate::SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>()
}

macro_rules! endpoints {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident = $id:ident($($param:ident: $param_type:ident),*) $(query($query:ident))? $(body($body:ident))? -> $answer:ty {
            $($facts:tt)*
        }
    )*) => {
        /// One type for each operation, with the name of the operation. It stands for the operation where code needs the
        /// types.
        pub mod marker {
            $($(#[doc = $doc])+ #[derive(Debug, Clone, Copy)] pub struct $name;)*
        }

        $(
            impl Endpoint for marker::$name {
                const OPERATION: Operation = Operation::$name;
                type Path = ($($param_type,)*);
                type Query = given_or_empty!($($query)?);
                type Body = given_or_empty!($($body)?);
                type Answer = $answer;
            }
        )*

        impl Operation {
            /// Calls `visitor` with the types of this operation.
            pub fn visit<V: EndpointVisitor>(self, visitor: V) -> V::Output {
                match self { $(Self::$name => visitor.visit::<marker::$name>(),)* }
            }
        }
    };
}

macro_rules! given_or_empty {
    () => {
        Empty
    };
    ($given:ident) => {
        $given
    };
}

crate::operation_table!(endpoints);
