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

/// The columns of requirement `r` that an audit uses.
macro_rules! rule_columns {
    () => {
        "r.id, iif(r.scope_type = 'global', 'global', v.code) as scope, replace(r.name_pattern, '{venture}', v.code) as name, \
         r.required, r.auto_generate, r.sources_json, r.staleness_days"
    };
}

/// The time at which a document that matches the pattern `a.name` was last confirmed, or nothing, after a `1` if the
/// pattern was not compared with every document of its beginning, else a `0`. It is compared with the first `$limit`.
macro_rules! best_of_first {
    ($limit:literal) => {
        concat!(
            "(select (count(*) > ",
            $limit,
            ") || ifnull(max(iif(x.name glob a.pattern, (select ",
            $crate::store::doc_audit::confirmed_at!("d"),
            " from context_docs d where d.scope = a.scope and d.name = x.name and d.deleted_at is null), null)), '') ",
            "from (select e.name from context_docs e where e.scope = a.scope ",
            "and e.name >= a.beginning and e.name < a.beginning || '~' order by e.name limit ",
            $limit,
            " + 1) x)"
        )
    };
}

/// The common table expression `judged`. It has a row for each requirement that applies to venture `v`, with its
/// `verdict` at `$now` and what its document needs to be rendered. A name without a `*` is looked up. A name with a
/// `*` is matched, up to the 50 bytes of D1, against the first documents with the same beginning.
///
/// The cost is limited, so that an audit with many patterns costs what it costs with 5 (0037): each of up to 5 patterns
/// is compared with 1,000 documents, each of up to 10 with 400, each of up to 20 with 150. `put_requirement` accepts no
/// more. If a database has more, the 20 oldest are compared. The next 50 have a row that says that they are not checked,
/// and `uncounted.n` is the number of the others.
macro_rules! judged {
    ($now:literal) => {
        concat!(
            "patterns as materialized (select id, row_number() over (order by id) as place, count(*) over () as n ",
            "from (select r.id from doc_requirements r where instr(r.name_pattern, '*') > 0 and ",
            $crate::store::doc_audit::applies!(),
            " order by r.id limit 70)), ",
            "uncounted as materialized (select iif((select count(*) from patterns) < 70, 0, ",
            "(select count(*) from doc_requirements r where instr(r.name_pattern, '*') > 0 and ",
            $crate::store::doc_audit::applies!(),
            ") - 70) as n), ",
            "asked as materialized (select rule.*, iif(length(cast(name as blob)) <= 50, name, '') as pattern, ",
            "substr(name, 1, instr(name, '*') - 1) as beginning from (select 0 as place, 0 as n, ",
            $crate::store::doc_audit::rule_columns!(),
            " from doc_requirements r where instr(r.name_pattern, '*') = 0 and ",
            $crate::store::doc_audit::applies!(),
            " union all select y.place, y.n, ",
            $crate::store::doc_audit::rule_columns!(),
            " from patterns y cross join doc_requirements r on r.id = y.id) rule), ",
            "found as materialized (select a.*, case when a.place = 0 then '0' || ifnull((select ",
            $crate::store::doc_audit::confirmed_at!("d"),
            " from context_docs d where d.scope = a.scope and d.name = a.name and d.deleted_at is null), '') ",
            "when a.place > 20 then '1' when a.n > 10 then ",
            $crate::store::doc_audit::best_of_first!(150),
            " when a.n > 5 then ",
            $crate::store::doc_audit::best_of_first!(400),
            " else ",
            $crate::store::doc_audit::best_of_first!(1000),
            " end as best from asked a), ",
            "judged as (select id, name, scope, required, auto_generate, sources_json, staleness_days, ",
            "nullif(substr(best, 2), '') as confirmed_at, ",
            "case when substr(best, 2) >= strftime('%Y-%m-%dT%H:%M:%fZ', ",
            $now,
            ", '-' || staleness_days || ' days') then 'present' when best >= '1' then 'unchecked' ",
            "when best > '0' then 'stale' when required then 'missing' else 'optional' end as verdict from found)"
        )
    };
}

/// The document of a row of `judged` as JSON.
macro_rules! audited_doc_json {
    () => {
        "json_object('requirement_id', id, 'scope', scope, 'name', name, \
         'required', json(iif(required, 'true', 'false')), 'auto_generate', json(iif(auto_generate, 'true', 'false')), \
         'sources', json(sources_json), 'confirmed_at', confirmed_at, 'staleness_days', staleness_days)"
    };
}

/// The number of documents with a verdict.
macro_rules! total_of {
    ($verdict:literal) => {
        concat!(
            "(count(*) filter (where verdict = '",
            $verdict,
            "') + iif('",
            $verdict,
            "' = 'unchecked', (select n from uncounted), 0))"
        )
    };
}

/// The first documents with a verdict: 50, or `$most`.
macro_rules! first_of {
    ($verdict:literal) => {
        $crate::store::doc_audit::first_of!($verdict, "50")
    };
    ($verdict:literal, $most:literal) => {
        concat!(
            "json_group_array(",
            $crate::store::doc_audit::audited_doc_json!(),
            " order by name, scope, id) filter (where verdict = '",
            $verdict,
            "' and position <= ",
            $most,
            ")"
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
            ", placed as materialized (select *, ",
            "row_number() over (partition by verdict order by auto_generate desc, name, scope, id) as position from judged) ",
            "select json_object('missing', ",
            $crate::store::doc_audit::first_of!("missing"),
            ", 'stale', ",
            $crate::store::doc_audit::first_of!("stale"),
            ", 'optional', ",
            $crate::store::doc_audit::first_of!("optional"),
            ", 'unchecked', ",
            $crate::store::doc_audit::first_of!("unchecked"),
            ", 'totals', json_object('missing', ",
            $crate::store::doc_audit::total_of!("missing"),
            ", 'stale', ",
            $crate::store::doc_audit::total_of!("stale"),
            ", 'optional', ",
            $crate::store::doc_audit::total_of!("optional"),
            ", 'unchecked', ",
            $crate::store::doc_audit::total_of!("unchecked"),
            ")) from placed)"
        )
    };
}
pub(super) use {
    applies, audited_doc_json, best_of_first, confirmed_at, doc_audit_json, first_of, judged, rule_columns, total_of,
};

/// The number of documents with one verdict, and the first `$most` of them.
macro_rules! excerpt_of {
    ($verdict:literal, $most:literal) => {
        concat!(
            "json_object('total', ",
            total_of!($verdict),
            ", 'shown', count(*) filter (where verdict = '",
            $verdict,
            "' and position <= ",
            $most,
            "), 'items', ",
            first_of!($verdict, $most),
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
            ", placed as materialized (",
            "select *, row_number() over (partition by verdict order by name, scope, id) as position from judged) ",
            "select json_object('venture', v.code, 'missing', ",
            excerpt_of!("missing", $most),
            ", 'stale', ",
            excerpt_of!("stale", $most),
            ", 'present', ",
            excerpt_of!("present", $most),
            ", 'optional', ",
            excerpt_of!("optional", $most),
            ", 'unchecked', ",
            excerpt_of!("unchecked", $most),
            ") from placed)"
        )
    };
}

/// A response can cover 100 ventures, so it shows the first 50 documents of each state.
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
    page(&filters, now, filter.limit.unwrap_or_default())
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
