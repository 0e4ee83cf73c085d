//! What the service says of itself.

use super::statements;
use crate::database::Statement;

statements! {
    /// Any answer will do: health is that the database answers.
    PROBE = "select 1 as one";

    VERSION = "
        select json_object('version', ?1, 'commit', ?2, 'engine', ?3,
          'migrations', json((select json_group_array(name order by id) from d1_migrations))) as body";
}

pub(crate) fn probe() -> Statement {
    Statement::new(PROBE)
}

pub(crate) fn version(version: &'static str, commit: &'static str, engine: &'static str) -> Statement {
    Statement::new(VERSION).bind(version).bind(commit).bind(engine)
}
