//! People: whether the caller is one, and what the mailbox of people is.

use deckwatch_protocol::TokenId;

use super::statements;
use crate::database::Statement;

/// Whether the token `$t` is that of a person.
macro_rules! is_person {
    ($t:literal) => {
        concat!("instr(", $t, ".scopes_json, '\"human\"') > 0")
    };
}

/// The sender of a message: the agent of session `$session`. Without a session, it is a person on the venture `$venture`: the
/// one that the token `$token` is for, or else `$name`.
macro_rules! sender {
    ($session:literal, $venture:literal, $name:literal, $token:literal) => {
        concat!(
            "(select venture, agent from sessions where id = ",
            $session,
            " union all select ",
            $venture,
            ", 'human:' || ifnull((select p.name from tokens p where p.id = ",
            $token,
            " and ",
            $crate::store::person::is_person!("p"),
            "), ",
            $name,
            ") where ",
            $session,
            " is null)"
        )
    };
}

/// Whether the sender `$from` of a message is a person.
macro_rules! is_from_person {
    ($from:literal) => {
        concat!("(", $from, ") glob 'human:*'")
    };
}
pub(super) use {is_from_person, is_person, sender};

statements! {
    /// Fails the batch unless the token `?1` is that of a person or of an admin.
    UNLESS_PERSON = concat!("
        insert into person_refusals (reason)
        select 'required' from tokens t where t.id = ?1 and not (", is_person!("t"), " or instr(t.scopes_json, '\"admin\"') > 0)");
}

/// Fails the batch unless the token is that of a person or of an admin.
pub(crate) fn unless_person(token: &TokenId) -> Statement {
    Statement::new(UNLESS_PERSON).bind(token).non_durable()
}
