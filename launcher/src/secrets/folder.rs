//! The location of a venture's secrets in Infisical.

use std::fmt;

use serde::Serialize;

/// A folder of secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Folder {
    pub(crate) project: String,
    pub(crate) environment: String,
    pub(crate) path: String,
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "folder {}, environment {}, project {}", self.path, self.environment, self.project)
    }
}
