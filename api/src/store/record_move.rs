//! What the statements that move records share. `?1` and `?2` are the old venture and repository, `?3` and `?4` the new ones.

use deckwatch_protocol::{MoveRecords, VentureCode};

use crate::database::Statement;

/// Whether sessions or handoffs are left under the old names.
macro_rules! repo_has_records {
    () => {
        "(exists (select 1 from sessions where venture = ?1 and repo = ?2) \
          or exists (select 1 from handoffs where venture = ?1 and repo = ?2))"
    };
}
pub(super) use repo_has_records;

/// A number of rows if this batch moves records of kind `$stage`, else 0. As a part of a limit, it is evaluated once and not
/// for each row. It mentions all parameters, so that all statements have the same parameters.
macro_rules! if_stage {
    ($stage:literal, $rows:literal) => {
        concat!($rows, " * (select stage = '", $stage, "' and ?1 || ?2 || ?3 || ?4 is not null from record_moves)")
    };
}
pub(super) use if_stage;

/// A statement with the old and the new names as its first four parameters.
pub(super) fn names(sql: &'static str, from: &VentureCode, records: &MoveRecords) -> Statement {
    Statement::new(sql).bind(from).bind(&records.repo).bind(&records.to_venture).bind(&records.to_repo)
}
