//! Information about the service.

use deckwatch_protocol::Timestamp;

use super::statements;
use crate::database::Statement;

statements! {
    /// The health check reads the database and returns the time of the last sweep.
    HEALTH = "
        select json_object('status', 'ok', 'engine', ?1, 'time', ?2, 'writes_wait_seconds', ?3, 'notice', ?4,
          'last_sweep', json((
          select json_object('started_at', started_at, 'finished_at', finished_at,
            'more', json(iif(more, 'true', 'false')), 'sessions', sessions, 'keys', keys, 'rates', rates, 'log', log, 'events', events)
          from sweep_runs))) as body";

    VERSION = "
        select json_object('version', ?1, 'commit', ?2, 'engine', ?3,
          'migrations', json((select json_group_array(name order by id) from d1_migrations))) as body";
}

pub(crate) fn health(
    engine: &'static str,
    now: Timestamp,
    writes_wait_seconds: Option<u32>,
    notice: Option<String>,
) -> Statement {
    Statement::new(HEALTH).bind(engine).bind(now).bind(writes_wait_seconds).bind(notice)
}

pub(crate) fn version(version: &'static str, commit: &'static str, engine: &'static str) -> Statement {
    Statement::new(VERSION).bind(version).bind(commit).bind(engine)
}
