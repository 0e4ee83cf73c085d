//! The audit compares the documents of venture `v` with the requirements that apply to it. The start of day and the
//! audit operation use the same rows.

use deckwatch_protocol::{AuditFilter, Limit, Timestamp, TokenId};

use super::forms::{every_form, filters};
use super::list::{Conditions, List, Order};
use super::venture::{NOT_DELETED, OF_TOKEN};
use crate::database::{Param, Statement};

/// The later of the change and the confirmation of document `$doc`.
macro_rules! confirmed_at {
    ($doc:literal) => {
        concat!(
            "max(",
            $doc,
            ".updated_at, ifnull((select dc.confirmed_at from doc_confirmations dc where dc.scope = ",
            $doc,
            ".scope and dc.name = ",
            $doc,
            ".name), ''))"
        )
    };
}

/// The condition that requirement `r` applies to venture `v`. There are at most 500 requirements, and reading them all
/// costs less than finding them by venture. The `+` keeps SQLite from using the index.
macro_rules! applies {
    () => {
        "(r.venture is null or +r.venture = v.code) and (r.capability is null \
           or exists (select 1 from json_each(v.capabilities_json) had where had.value = r.capability))"
    };
}

/// The name or the pattern of the document that requirement `r` demands.
macro_rules! name {
    () => {
        "replace(r.name_pattern, '{venture}', v.code)"
    };
}

/// The columns of requirement `r` that an audit uses.
macro_rules! rule_columns {
    () => {
        concat!(
            "r.id, iif(r.scope_type = 'global', 'global', v.code) as scope, ",
            $crate::store::doc_audit::name!(),
            " as name, r.required, r.auto_generate, r.sources_json, r.staleness_days"
        )
    };
}

/// For each place, the latest time of the rows of `x` whose name matches the pattern at this place.
macro_rules! best_at {
    ($first:literal $($place:literal)*) => {
        concat!($crate::store::doc_audit::best_at!(@one $first), $(", ", $crate::store::doc_audit::best_at!(@one $place)),*)
    };
    (@one $place:literal) => {
        concat!("max(iif(x.name glob (x.texts ->> ", $place, "), x.at, null))")
    };
}

/// The first 40 documents of a scope, read once: `names` gives the time of each, `bests` the latest time of those that match
/// each of the 20 oldest patterns, and `more` says whether the scope has other documents.
macro_rules! first_docs_of {
    ($scope:literal) => {
        concat!(
            "(select json_object('names', json_group_object(x.name, x.at), 'more', count(*) > 40, 'bests', json_array(",
            $crate::store::doc_audit::best_at!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19),
            ")) from (select d.name, ",
            $crate::store::doc_audit::confirmed_at!("d"),
            " as at, y.texts from context_docs d indexed by context_docs_live_by_scope ",
            "where d.scope = ",
            $scope,
            " and d.deleted_at is null order by d.scope || '.' || d.name limit 41) x)"
        )
    };
}

/// The latest time of the documents that match the pattern `a.pattern`, among the first `$limit` that begin like it, or
/// nothing, after a `1` if there are more of them, else a `0`.
macro_rules! best_of_first {
    ($limit:literal) => {
        concat!(
            "(select (count(*) > ",
            $limit,
            ") || ifnull(max(x.at), '') from (select iif(e.name glob a.pattern and e.deleted_at is null, ",
            $crate::store::doc_audit::confirmed_at!("e"),
            ", null) as at from context_docs e where e.scope = a.scope ",
            "and e.name >= a.beginning and e.name < a.beginning || '~' order by e.name limit ",
            $limit,
            " + 1) x)"
        )
    };
}

/// The common table expression `judged`. It has a row for each requirement that applies to venture `v`, with its
/// `verdict` at `$now` and what its document needs to be rendered.
///
/// D1 counts each row that is read, also in a temporary table (0042). So the first 40 documents of each scope are read once,
/// and every name and pattern is compared with them. Only if the scope has more, a name is looked up, and a pattern with a
/// `*`, up to the 50 bytes of D1, is compared with the first documents that begin like it: with 40 if up to 5 patterns apply,
/// with 20 if up to 10 do, else with 10. `put_requirement` accepts at most 20 patterns. If a database has more, the 20 oldest
/// are compared. The next 50 have a row that says that they are not checked, and `uncounted` is the number of the others.
///
/// `limit -1` keeps SQLite from computing the same expression several times.
macro_rules! judged {
    ($now:literal) => {
        concat!(
            "patterns as materialized (select count(*) as n, json_group_array(id) as ids, json_group_array(text) as texts ",
            "from (select r.id, iif(length(cast(",
            $crate::store::doc_audit::name!(),
            " as blob)) <= 50, ",
            $crate::store::doc_audit::name!(),
            ", '') as text from doc_requirements r indexed by doc_requirements_patterns ",
            "where instr(r.name_pattern, '*') > 0 and ",
            $crate::store::doc_audit::applies!(),
            " order by r.id limit 70)), ",
            "docs as materialized (select y.ids, y.n, iif(y.n < 70, 0, (select count(*) ",
            "from doc_requirements r indexed by doc_requirements_patterns where instr(r.name_pattern, '*') > 0 and ",
            $crate::store::doc_audit::applies!(),
            ") - 70) as uncounted, ",
            $crate::store::doc_audit::first_docs_of!("v.code"),
            " as own, ",
            $crate::store::doc_audit::first_docs_of!("'global'"),
            " as everywhere from patterns y), ",
            // An id has 30 characters, and 33 with its quotes and comma.
            "asked as (select iif(instr(r.name_pattern, '*') > 0, (instr(y.ids, r.id) - 3) / 33, -1) as place, y.n, y.uncounted, ",
            "y.own, y.everywhere, ",
            $crate::store::doc_audit::rule_columns!(),
            " from docs y cross join doc_requirements r where (instr(r.name_pattern, '*') = 0 or instr(y.ids, r.id) > 0) and ",
            $crate::store::doc_audit::applies!(),
            "), ",
            "compared as (select a.*, iif(a.scope = 'global', a.everywhere, a.own) as docs, ",
            "iif(length(cast(a.name as blob)) <= 50, a.name, '') as pattern, ",
            "substr(a.name, 1, instr(a.name, '*') - 1) as beginning from asked a limit -1), ",
            "found as (select a.*, case when a.place >= 20 then '1' ",
            "when a.place < 0 then '0' || coalesce(a.docs -> 'names' ->> a.name, iif(a.docs ->> 'more', (select ",
            $crate::store::doc_audit::confirmed_at!("d"),
            " from context_docs d where d.scope = a.scope and d.name = a.name and d.deleted_at is null), null), '') ",
            "when not (a.docs ->> 'more') then '0' || ifnull(a.docs -> 'bests' ->> a.place, '') when a.n > 10 then ",
            $crate::store::doc_audit::best_of_first!(10),
            " when a.n > 5 then ",
            $crate::store::doc_audit::best_of_first!(20),
            " else ",
            $crate::store::doc_audit::best_of_first!(40),
            " end as best from compared a limit -1), ",
            "judged as (select id, name, scope, uncounted, required, auto_generate, sources_json, staleness_days, ",
            "nullif(substr(best, 2), '') as confirmed_at, ",
            "case when substr(best, 2) >= strftime('%Y-%m-%dT%H:%M:%fZ', ",
            $now,
            ", '-' || staleness_days || ' days') then 'present' when best >= '1' then 'unchecked' ",
            "when best > '0' then 'stale' when required then 'missing' else 'optional' end as verdict from found limit -1)"
        )
    };
}

/// The columns of the documents with a verdict: an array in `$order`, and their number.
macro_rules! of_verdict {
    ($verdict:literal, $order:literal) => {
        concat!(
            "json_group_array(json_object('requirement_id', id, 'scope', scope, 'name', name, ",
            "'required', json(iif(required, 'true', 'false')), 'auto_generate', json(iif(auto_generate, 'true', 'false')), ",
            "'sources', json(sources_json), 'confirmed_at', confirmed_at, 'staleness_days', staleness_days) order by ",
            $order,
            ") filter (where verdict = '",
            $verdict,
            "') as ",
            $verdict,
            "_docs, count(*) filter (where verdict = '",
            $verdict,
            "') as ",
            $verdict,
            "_n"
        )
    };
}

/// The number of documents with a verdict.
macro_rules! total_of {
    ($verdict:literal) => {
        concat!("(lists.", $verdict, "_n + iif('", $verdict, "' = 'unchecked', lists.uncounted, 0))")
    };
}

/// The first `$most` documents of the array with a verdict, by name.
macro_rules! first_of {
    ($verdict:literal, $most:literal) => {
        concat!(
            "json((select json_group_array(json(j.value) order by j.value ->> 'name', j.value ->> 'scope', ",
            "j.value ->> 'requirement_id') from (select value from json_each(lists.",
            $verdict,
            "_docs) limit ",
            $most,
            ") j))"
        )
    };
}

/// The problems with the documents of venture `v` at `$now`. If there are more than 50, the 50 include those that
/// can be generated, because the agent that starts the day may generate them.
macro_rules! doc_audit_json {
    ($now:literal) => {
        concat!(
            "(with ",
            $crate::store::doc_audit::judged!($now),
            ", lists as materialized (select ifnull(max(uncounted), 0) as uncounted, ",
            $crate::store::doc_audit::of_verdict!("missing", "auto_generate desc, name, scope, id"),
            ", ",
            $crate::store::doc_audit::of_verdict!("stale", "auto_generate desc, name, scope, id"),
            ", ",
            $crate::store::doc_audit::of_verdict!("optional", "auto_generate desc, name, scope, id"),
            ", ",
            $crate::store::doc_audit::of_verdict!("unchecked", "auto_generate desc, name, scope, id"),
            " from judged) select json_object('missing', ",
            $crate::store::doc_audit::first_of!("missing", "50"),
            ", 'stale', ",
            $crate::store::doc_audit::first_of!("stale", "50"),
            ", 'optional', ",
            $crate::store::doc_audit::first_of!("optional", "50"),
            ", 'unchecked', ",
            $crate::store::doc_audit::first_of!("unchecked", "50"),
            ", 'totals', json_object('missing', ",
            $crate::store::doc_audit::total_of!("missing"),
            ", 'stale', ",
            $crate::store::doc_audit::total_of!("stale"),
            ", 'optional', ",
            $crate::store::doc_audit::total_of!("optional"),
            ", 'unchecked', ",
            $crate::store::doc_audit::total_of!("unchecked"),
            ")) from lists)"
        )
    };
}
pub(super) use {
    applies, best_at, best_of_first, confirmed_at, doc_audit_json, first_docs_of, first_of, judged, name, of_verdict,
    rule_columns, total_of,
};

/// The number of documents with one verdict, and the first `$most` of them.
macro_rules! excerpt_of {
    ($verdict:literal, $most:literal) => {
        concat!(
            "json_object('total', ",
            $crate::store::doc_audit::total_of!($verdict),
            ", 'shown', min(lists.",
            $verdict,
            "_n, ",
            $most,
            "), 'items', ",
            $crate::store::doc_audit::first_of!($verdict, $most),
            ")"
        )
    };
}

/// The state of the documents of venture `v` at `?1`, with the first `$most` of each state.
macro_rules! venture_audit_json {
    ($most:literal) => {
        concat!(
            "(with ",
            $crate::store::doc_audit::judged!("?1"),
            ", lists as materialized (select ifnull(max(uncounted), 0) as uncounted, ",
            $crate::store::doc_audit::of_verdict!("missing", "name, scope, id"),
            ", ",
            $crate::store::doc_audit::of_verdict!("stale", "name, scope, id"),
            ", ",
            $crate::store::doc_audit::of_verdict!("present", "name, scope, id"),
            ", ",
            $crate::store::doc_audit::of_verdict!("optional", "name, scope, id"),
            ", ",
            $crate::store::doc_audit::of_verdict!("unchecked", "name, scope, id"),
            " from judged) select json_object('venture', v.code, 'missing', ",
            excerpt_of!("missing", $most),
            ", 'stale', ",
            excerpt_of!("stale", $most),
            ", 'present', ",
            excerpt_of!("present", $most),
            ", 'optional', ",
            excerpt_of!("optional", $most),
            ", 'unchecked', ",
            excerpt_of!("unchecked", $most),
            ") from lists)"
        )
    };
}

/// The most ventures on a page of an audit of all ventures. A page reads the requirements once for each venture, and once
/// more for the venture that begins the next page.
const VENTURES_PER_PAGE: u64 = 2;

/// The number of ventures on a page.
pub(crate) fn page_limit(filter: &AuditFilter) -> Limit {
    let limit = filter.limit.unwrap_or_default();
    VENTURES_PER_PAGE.try_into().map_or(limit, |most| limit.min(most))
}

/// A response can cover several ventures, so it shows the first 50 documents of each state.
const LIST: List = List { from: "ventures v", item: venture_audit_json!("50"), key: "v.code", order: Order::Ascending };

/// One venture, with all its documents: a deployment has at most 500 requirements.
const LIST_OF_ONE: List = List { item: venture_audit_json!("500"), ..LIST };

filters! {
    /// The filters of `audit_docs`.
    AuditFilters {
        venture: Option<Param>,
        token: Option<Param>,
        cursor: Option<Param>,
    }
}

/// The page and the total of `audit_docs`. A token for one venture sees only that venture.
pub(crate) fn list(filter: &AuditFilter, now: Timestamp, token: Option<&TokenId>) -> [Statement; 2] {
    let filters = AuditFilters {
        venture: filter.venture.as_ref().map(Param::from),
        token: token.map(Param::from),
        cursor: filter.cursor.as_ref().map(Param::from),
    };
    page(&filters, now, page_limit(filter))
}

fn page(filters: &AuditFilters, now: Timestamp, limit: Limit) -> [Statement; 2] {
    let conditions = Conditions::rendering_with(now)
        .only(NOT_DELETED, true)
        .when("v.code = ?", filters.venture.as_ref())
        .when(OF_TOKEN, filters.token.as_ref());
    let list = if filters.venture.is_some() { LIST_OF_ONE } else { LIST };
    list.page(&conditions, filters.cursor.as_ref(), limit)
}

/// Every form of [`list`].
pub(super) fn composed() -> Vec<(String, String)> {
    every_form("doc_audit::list", |filters| page(filters, Timestamp::from_millis(0), Limit::default()))
}
