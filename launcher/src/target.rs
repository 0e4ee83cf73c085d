//! The argument that says what to work on: a venture code, or `.` for the current repository.

use std::str::FromStr;

use deckwatch_machine::checkout::{Checkout, CheckoutError};
use deckwatch_protocol::{Invalid, VentureCode};

use crate::error::LaunchError;
use crate::process_env::ProcessEnv;

/// What to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// The repository that the current directory is in.
    Here,
    /// A venture by its code.
    Venture(VentureCode),
}

impl FromStr for Target {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text == "." { Ok(Self::Here) } else { text.parse().map(Self::Venture) }
    }
}

/// The checkout of the current directory. If git can't read it, this is an error only for the target `.`.
pub(crate) fn here(target: Option<&Target>, env: &ProcessEnv) -> Result<Option<Checkout>, LaunchError> {
    match Checkout::at(&env.cwd) {
        Err(error) if matches!(error, CheckoutError::GitNotInstalled) => Err(error.into()),
        Err(error) if target == Some(&Target::Here) => Err(error.into()),
        here => Ok(here.ok()),
    }
}
