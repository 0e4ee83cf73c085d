//! The audit compares the documents of venture `v` with the requirements that apply to it. `doc_audit.sql` has the
//! comparison and the rules. The start of day and the audit operation differ in how many rows they may read, and in how many
//! documents they show.

use deckwatch_protocol::{AuditFilter, Timestamp, TokenId};

use super::forms::{every_form, filters};
use super::list::Conditions;
use super::venture::{NOT_DELETED, OF_TOKEN};
use crate::database::{Param, Statement};

/// The number of requirements, of documents of a scope, of requirements whose names may be looked up, of looked-up names and
/// of documents for a pattern that an audit reads.
macro_rules! audit {
    (requirements: $requirements:literal, docs: $docs:literal, scanned: $scanned:literal, lookups: $lookups:literal,
     matches: $matches:literal, answer: $answer:expr) => {
        concat!(
            "(with budget as (select ",
            $requirements,
            " as requirements, ",
            $docs,
            " as docs, ",
            $scanned,
            " as scanned, ",
            $lookups,
            " as lookups, ",
            $matches,
            " as matches), ",
            include_str!("doc_audit.sql"),
            $answer,
            " from lists)"
        )
    };
}

/// The problems with the documents of venture `v`: the first 50 of each list, and the numbers of all.
macro_rules! doc_audit_json {
    () => {
        $crate::store::doc_audit::audit!(
            requirements: 80, docs: 50, scanned: 25, lookups: 25, matches: 10,
            answer: concat!(
                "select json_object('missing', ", $crate::store::doc_audit::first_of!("missing"),
                ", 'stale', ", $crate::store::doc_audit::first_of!("stale"),
                ", 'optional', ", $crate::store::doc_audit::first_of!("optional"),
                ", 'unchecked', ", $crate::store::doc_audit::first_of!("unchecked"),
                ", 'totals', json_insert(json_object('missing', lists -> 'missing_n', 'stale', lists -> 'stale_n', ",
                "'optional', lists -> 'optional_n', 'unchecked', lists -> 'unchecked_n'), ",
                "iif(lists ->> 'more', '$.total_is_minimum', '$.missing'), json('true')))"
            )
        )
    };
}

/// The first 50 documents of a list.
macro_rules! first_of {
    ($list:literal) => {
        concat!(
            "json(iif(lists ->> '", $list, "_n' <= 50, lists -> '", $list, "', ",
            $crate::store::first_items!(50 of concat!("lists -> '", $list, "'")), "))"
        )
    };
}
pub(super) use {audit, doc_audit_json, first_of};

/// A list with its number.
macro_rules! list_json {
    ($list:literal) => {
        concat!(
            "'",
            $list,
            "', json_insert(json_object('total', lists -> '",
            $list,
            "_n', 'shown', lists -> '",
            $list,
            "_n', 'items', ",
            "lists -> '",
            $list,
            "'), iif(lists ->> 'more', '$.total_is_minimum', '$.total'), json('true'))"
        )
    };
}

/// The state of all documents of venture `v`.
macro_rules! venture_audit_json {
    () => {
        audit!(
            requirements: 500, docs: 90, scanned: 140, lookups: 50, matches: 20,
            answer: concat!(
                "select json_object('venture', v.code, ", list_json!("missing"), ", ", list_json!("stale"), ", ",
                list_json!("present"), ", ", list_json!("optional"), ", ", list_json!("unchecked"), ")"
            )
        )
    };
}

filters! {
    /// The filters of `audit_docs`.
    AuditFilters {
        venture: Option<Param>,
        token: Option<Param>,
        cursor: Option<Param>,
    }
}

/// The page and the total of `audit_docs`. A page has one venture, because its audit reads up to 900 rows. A token for one
/// venture sees only that venture.
pub(crate) fn list(filter: &AuditFilter, now: Timestamp, token: Option<&TokenId>) -> [Statement; 2] {
    let filters = AuditFilters {
        venture: filter.venture.as_ref().map(Param::from),
        token: token.map(Param::from),
        cursor: filter.cursor.as_ref().map(Param::from),
    };
    page(&filters, now)
}

fn page(filters: &AuditFilters, now: Timestamp) -> [Statement; 2] {
    let all = Conditions::rendering_with(now)
        .only(NOT_DELETED, true)
        .when("v.code = ?", filters.venture.as_ref())
        .when(OF_TOKEN, filters.token.as_ref());
    let total = format!(
        "select min(count(*), 50) as total, count(*) > 50 as total_is_minimum \
         from (select 1 from ventures v where {} limit 51)",
        all.sql
    );
    let total = Statement::with(total, all.params.clone());
    let rest = all.when("v.code > ?", filters.cursor.as_ref());
    // The second venture only shows that there is a next page.
    let items = format!(
        concat!(
            "select v.code as key, v.more, v.code as last, {} as item from (
               select min(code) as code, capabilities_json, ?1 as now, count(*) > 1 as more from (
                 select v.code, v.capabilities_json from ventures v where {} order by v.code limit 2)) v
             where v.code is not null",
        ),
        venture_audit_json!(),
        rest.sql
    );
    [Statement::with(items, rest.params), total]
}

/// Every form of [`list`].
pub(super) fn composed() -> Vec<(String, String)> {
    every_form("doc_audit::list", |filters| page(filters, Timestamp::from_millis(0)))
}
