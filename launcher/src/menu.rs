//! The menu that is shown if the command line names no venture.

use std::fmt;

use deckwatch_machine::ventures::VentureEntry;
use inquire::{InquireError, Select};

use crate::error::LaunchError;

struct Choice(VentureEntry);

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.0.repos.first().map(|repo| format!("  {repo}")).unwrap_or_default();
        write!(f, "{:<12} {}{first}", self.0.code.as_str(), self.0.name)
    }
}

/// Lets the user choose a venture. Typing narrows the list. The cursor starts at position `at`.
pub(crate) fn choose(ventures: Vec<VentureEntry>, at: usize) -> Result<VentureEntry, LaunchError> {
    let choices: Vec<Choice> = ventures.into_iter().map(Choice).collect();
    let chosen = Select::new("Venture", choices).with_starting_cursor(at).with_page_size(12).prompt();
    chosen.map(|choice| choice.0).map_err(unanswered)
}

/// The error for a question that the user did not answer.
pub(crate) fn unanswered(error: InquireError) -> LaunchError {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => LaunchError::Cancelled,
        other => LaunchError::Menu(other.to_string()),
    }
}
