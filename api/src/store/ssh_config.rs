//! The SSH configuration: the approved access of every machine of the fleet except one.
//!
//! The values need no quotes, because `protocol` allows only one plain word for a hostname, user, address or key.

use deckwatch_protocol::SshConfigFilter;

use super::{count_limit, statements};
use crate::cursor::CursorMark;
use crate::database::Statement;

/// Machines per response. Each takes less than 7.3 KB, so the response stays below the 2 MB of a value.
macro_rules! page_size {
    () => {
        200
    };
}

/// The fleet without the machine `?1`, which need not exist.
macro_rules! others {
    () => {
        "machines m where m.approved_key is not null and m.retired_at is null and m.hostname <> ?1"
    };
}

statements! {
    /// `?1` is the excluded hostname, `?2` the id after which the page starts. Both may be empty. `?3` is the prefix
    /// of a cursor.
    ///
    /// `HostKeyAlias` binds a machine's host key to its name. So a machine can't impersonate a host that is already
    /// known by that name, even if it takes the address of that host.
    SELECT = concat!(
        "select json_insert(json_object(
           'ssh_config', ifnull(page.blocks, ''), 'authorized_keys', json(page.lines),
           'known_hosts', json(page.known), 'total', min(counted.n, ", count_limit!(), "),
           'shown', page.shown,
           'next_cursor', iif(exists (select 1 from ", others!(), " and m.id > page.last), ?3 || page.last, null)),
           case when counted.n > ", count_limit!(), " then '$.total_is_minimum' else '$.total' end, json('true')) as body
         from (select count(*) as n from (select 1 from ", others!(), " limit ", count_limit!(), " + 1)) as counted
         cross join (
           select group_concat(block, '') as blocks, json_group_array(line) as lines,
             json_group_array(known) filter (where known is not null) as known, count(*) as shown, max(id) as last from (
             select m.id,
               'Host ' || m.hostname || char(10) || '  HostName ' || m.approved_ip || char(10)
                 || '  User ' || m.approved_user || char(10) || '  HostKeyAlias ' || m.hostname || char(10)
                 || '  IdentitiesOnly yes' || char(10) as block,
               m.approved_key || ' ' || m.hostname as line,
               m.hostname || ',' || m.approved_ip || ' ' || m.approved_host_key as known
             from ", others!(), " and m.id > ?2 order by m.id limit ", page_size!(), ")) as page"
    );
}

/// One page of `ssh_config`.
pub(crate) fn select(filter: &SshConfigFilter, mark: &CursorMark) -> Statement {
    let host = filter.host.as_ref().map(AsRef::as_ref).unwrap_or_default();
    let cursor = filter.cursor.as_ref().map(AsRef::as_ref).unwrap_or_default();
    Statement::new(SELECT).bind(host).bind(cursor).bind(mark.cursor(""))
}
