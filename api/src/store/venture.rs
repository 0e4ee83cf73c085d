//! Ventures.

use deckwatch_protocol::{Cursor, Limit, PutVenture, Timestamp, TokenId, VentureCode};

use super::forms::{every_form, filters};
use super::list::{Conditions, List, Order};
use super::responses::{SelectResponse, responses};
use super::statements;
use crate::database::{Param, Statement};

/// The venture `v` as JSON.
macro_rules! venture_json {
    () => {
        "json_object('code', v.code, 'name', v.name, 'github_org', v.github_org, 'repos', json(v.repos_json), \
         'capabilities', json(v.capabilities_json), 'created_at', v.created_at, 'updated_at', v.updated_at)"
    };
}
pub(super) use venture_json;

statements! {
    PUT = "
        insert into ventures (code, name, github_org, repos_json, capabilities_json, created_at, updated_at, creation_id)
        values (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7)
        on conflict (code) do update set
          name = excluded.name, github_org = excluded.github_org, repos_json = excluded.repos_json,
          capabilities_json = excluded.capabilities_json, updated_at = excluded.updated_at, deleted_at = null
        where deleted_at is not null or (name, ifnull(github_org, ''), repos_json, capabilities_json) is not
          (excluded.name, ifnull(excluded.github_org, ''), excluded.repos_json, excluded.capabilities_json)";

    /// The row stays, because sessions, handoffs and notes refer to it. A second deletion changes nothing.
    DELETE = "update ventures set deleted_at = ?2 where code = ?1 and deleted_at is null";
}

responses! {
    /// If this request created the venture, the status is 201.
    SELECT_RESPONSE = concat!(
        "select iif(v.creation_id is ?2, 201, 200), ", venture_json!(),
        ", null, null from ventures v where v.code = ?1"
    );

    SELECT_DELETED = "
        select 200, json_object('code', v.code, 'deleted_at', v.deleted_at), null, null from ventures v where v.code = ?1";
}

/// `new_id` identifies this request, if it creates the venture.
pub(crate) fn put(code: &VentureCode, venture: &PutVenture, new_id: &str, now: Timestamp) -> Statement {
    let list = |values: Vec<&str>| serde_json::Value::from(values).to_string();
    Statement::new(PUT)
        .bind(code)
        .bind(&venture.name)
        .bind(venture.github_org.as_ref())
        .bind(list(venture.repos.iter().map(AsRef::as_ref).collect()))
        .bind(list(venture.capabilities.iter().map(AsRef::as_ref).collect()))
        .bind(now)
        .bind(new_id)
}

pub(crate) fn select_response(code: &VentureCode, new_id: &str) -> SelectResponse {
    SELECT_RESPONSE.select().bind(code).bind(new_id)
}

pub(crate) fn delete(code: &VentureCode, now: Timestamp) -> Statement {
    Statement::new(DELETE).bind(code).bind(now)
}

pub(crate) fn select_deleted(code: &VentureCode) -> SelectResponse {
    SELECT_DELETED.select().bind(code)
}

/// The condition for ventures that are not deleted.
pub(super) const NOT_DELETED: &str = "v.deleted_at is null";

const LIST: List = List { from: "ventures v", item: venture_json!(), key: "v.code", order: Order::Ascending };

/// The ventures that the token may see, as a range of codes, so that the index scan is as short as the result.
pub(super) const OF_TOKEN: &str = "v.code >= ifnull((select t.venture from tokens t where t.id = ?), '') \
                        and v.code <= ifnull((select t.venture from tokens t where t.id = ?), '~')";

filters! {
    /// The filters of `list_ventures`.
    VentureFilters {
        token: Option<Param>,
        cursor: Option<Param>,
    }
}

/// The page and the total of `list_ventures`. A token for one venture sees only that venture.
pub(crate) fn list(limit: Limit, cursor: Option<&Cursor>, token: Option<&TokenId>) -> [Statement; 2] {
    page(&VentureFilters { token: token.map(Param::from), cursor: cursor.map(Param::from) }, limit)
}

fn page(filters: &VentureFilters, limit: Limit) -> [Statement; 2] {
    let all = Conditions::none().only(NOT_DELETED, true).when(OF_TOKEN, filters.token.as_ref());
    LIST.page(&all, filters.cursor.as_ref(), limit)
}

/// Every form of [`list`].
pub(super) fn composed() -> Vec<(String, String)> {
    every_form("venture::list", |filters| page(filters, Limit::default()))
}
