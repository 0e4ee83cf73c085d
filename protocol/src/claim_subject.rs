//! The format of the subject of a claim.

use crate::number::IssueNumber;
use crate::violation::Invalid;

/// Refuses a text that is not the subject of a claim.
pub(crate) fn subject(text: &str) -> Result<(), Invalid> {
    if let Some(number) = text.strip_prefix("issue:") {
        let canonical = !number.starts_with('0') && number.parse::<IssueNumber>().is_ok();
        return canonical.then_some(()).ok_or(Invalid::new("must have the number of an issue after `issue:`"));
    }
    let path = text.strip_prefix("path:").ok_or(Invalid::new("must begin with `issue:` or `path:`"))?;
    let segments = path.strip_suffix('/').unwrap_or(path).split('/');
    let is_named = |segment: &str| !matches!(segment, "" | "." | "..");
    if path.contains(|c: char| c.is_control() || c == '\\') || !segments.into_iter().all(is_named) {
        return Err(Invalid::new(
            "must have a path relative to the root of the repository after `path:`, with / between its segments, without \
             empty segments, `.` and `..`",
        ));
    }
    Ok(())
}
