//! The newest build of `deckwatch-mcp`: that of this machine, or the newest that a machine has.

use std::cmp::Ordering;

use deckwatch_client::COMMIT;
use deckwatch_fleet::host::health::{Build, Reading, committed_at};

use super::report::Report;
use crate::context_api;
use crate::error::LaunchError;

/// The newest build of this machine and of the others.
pub(super) fn newest_of<'a>(reports: impl Iterator<Item = &'a Report>) -> Result<Build, LaunchError> {
    let committed_at = context_api::runtime()?.block_on(committed_at(COMMIT));
    let own = Build { version: env!("CARGO_PKG_VERSION").to_owned(), commit: COMMIT.to_owned(), committed_at };
    let builds = reports.filter_map(|report| report.mcp.as_ref().and_then(Reading::value));
    Ok(builds.fold(own, |newest, build| match age(build, &newest) {
        Some(Ordering::Greater) => build.clone(),
        _ => newest,
    }))
}

/// The order of two builds: by version, then by the time of the commit. `None` if it is not known.
pub(super) fn age(build: &Build, other: &Build) -> Option<Ordering> {
    if build.version == other.version && build.commit == other.commit {
        return Some(Ordering::Equal);
    }
    match (numbers(&build.version), numbers(&other.version)) {
        (Some(one), Some(two)) if one != two => Some(one.cmp(&two)),
        (Some(_), Some(_)) => {
            let order = build.committed_at?.cmp(&other.committed_at?);
            Some(order).filter(|order| order.is_ne())
        }
        _ => None,
    }
}

fn numbers(version: &str) -> Option<Vec<u64>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(version: &str, commit: &str, committed_at: Option<i64>) -> Build {
        Build { version: version.to_owned(), commit: commit.to_owned(), committed_at }
    }

    #[test]
    fn builds_are_ordered_by_version_then_by_the_time_of_their_commit() {
        let base = build("0.9.0", "a", Some(5));
        assert_eq!(age(&build("0.10.0", "b", None), &base), Some(Ordering::Greater));
        assert_eq!(age(&build("0.9.0", "b", Some(4)), &base), Some(Ordering::Less));
        assert_eq!(age(&build("0.9.0", "a", None), &base), Some(Ordering::Equal));
        assert_eq!(age(&build("0.9.0", "b", None), &base), None);
        assert_eq!(age(&build("\x1b[31mnew", "b", Some(9)), &base), None);
    }
}
