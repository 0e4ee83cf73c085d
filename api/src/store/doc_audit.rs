//! The audit compares the documents of venture `v` with the requirements that apply to it. The start of day and the
//! audit operation use the same rows.

use deckwatch_protocol::{AuditFilter, Timestamp, TokenId};

use super::list::{Conditions, List, Order};
use super::venture::{NOT_DELETED, OF_TOKEN};
use crate::database::Statement;

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

/// The common table expression `judged`. It has a row for each requirement that applies to venture `v`, with its
/// `verdict` at `$now` and the document as JSON in `doc`. A name without a `*` is looked up. A name with a `*` is
/// matched, up to the 50 bytes of D1, against the first 1,000 documents with the same beginning. Only the 20 oldest
/// of these requirements are matched. `put_requirement` accepts no more. So the cost of an audit is limited, and the
/// audit says what it did not check: in `best`, the time follows a `1` if not every document was compared, else a
/// `0`.
macro_rules! judged {
    ($now:literal) => {
        concat!(
            "asked as materialized (select rule.*, ",
            "iif(length(cast(rule.name as blob)) <= 50, rule.name, '') as pattern, substr(rule.name, 1, instr(rule.name, '*') - 1) as prefix, ",
            "iif(instr(rule.name, '*') > 0, row_number() over (partition by instr(rule.name, '*') > 0 order by rule.id), null) as place ",
            "from (select r.id, iif(r.scope_type = 'global', 'global', v.code) as scope, ",
            "replace(r.name_pattern, '{venture}', v.code) as name, ",
            "r.required, r.auto_generate, r.sources_json, r.staleness_days from doc_requirements r ",
            "where (r.venture is null or r.venture = v.code) and (r.capability is null ",
            "or exists (select 1 from json_each(v.capabilities_json) had where had.value = r.capability))) rule), ",
            "found as materialized (select a.*, case when a.place is null then '0' || ifnull((select ",
            $crate::store::doc_audit::confirmed_at!("d"),
            " from context_docs d where d.scope = a.scope and d.name = a.name and d.deleted_at is null), '') ",
            "when a.place > 20 then '1' else (select (count(*) > 1000) || ifnull(max(iif(x.name glob a.pattern, (select ",
            $crate::store::doc_audit::confirmed_at!("d"),
            " from context_docs d where d.scope = a.scope and d.name = x.name and d.deleted_at is null), null)), '') ",
            "from (select e.name from context_docs e where e.scope = a.scope and e.name >= a.prefix ",
            "and e.name < a.prefix || '~' order by e.name limit 1001) x) end as best from asked a), ",
            "dated as materialized (select f.*, nullif(substr(f.best, 2), '') as confirmed_at, f.best >= '1' as in_part, ",
            "strftime('%Y-%m-%dT%H:%M:%fZ', ",
            $now,
            ", '-' || f.staleness_days || ' days') as fresh_since from found f), ",
            "judged as materialized (select f.id, f.name, f.scope, f.auto_generate, ",
            "case when f.confirmed_at >= f.fresh_since then 'present' when f.in_part then 'unchecked' ",
            "when f.confirmed_at is not null then 'stale' when f.required then 'missing' else 'optional' end as verdict, ",
            "json_object('requirement_id', f.id, 'scope', f.scope, 'name', f.name, ",
            "'required', json(iif(f.required, 'true', 'false')), 'auto_generate', json(iif(f.auto_generate, 'true', 'false')), ",
            "'sources', json(f.sources_json), 'confirmed_at', f.confirmed_at, 'staleness_days', f.staleness_days) as doc ",
            "from dated f)"
        )
    };
}

/// The number of documents with a verdict.
macro_rules! total_of {
    ($verdict:literal) => {
        concat!("count(*) filter (where verdict = '", $verdict, "')")
    };
}

/// The first documents with a verdict: 50, or `$most`.
macro_rules! first_of {
    ($verdict:literal) => {
        $crate::store::doc_audit::first_of!($verdict, "50")
    };
    ($verdict:literal, $most:literal) => {
        concat!(
            "json_group_array(json(doc) order by name, scope, id) filter (where verdict = '",
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
            ", placed as materialized (select verdict, doc, name, scope, id, ",
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
pub(super) use {confirmed_at, doc_audit_json, first_of, judged, total_of};

/// The number of documents with one verdict, and the first `$most` of them.
macro_rules! excerpt_of {
    ($verdict:literal, $most:literal) => {
        concat!(
            "json_object('total', ",
            total_of!($verdict),
            ", 'shown', min(",
            total_of!($verdict),
            ", ",
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
            "(with ", $crate::store::doc_audit::judged!("?1"), ", placed as materialized (",
            "select verdict, doc, name, scope, id, row_number() over (partition by verdict order by name, scope, id) as position from judged) ",
            "select json_object('venture', v.code, 'missing', ", excerpt_of!("missing", $most), ", 'stale', ", excerpt_of!("stale", $most),
            ", 'present', ", excerpt_of!("present", $most), ", 'optional', ", excerpt_of!("optional", $most),
            ", 'unchecked', ", excerpt_of!("unchecked", $most), ") from placed)"
        )
    };
}

/// A response can cover 100 ventures, so it shows the first 50 documents of each state.
const LIST: List = List { from: "ventures v", item: venture_audit_json!("50"), key: "v.code", order: Order::Ascending };

/// One venture, with all its documents: a deployment has at most 500 requirements ([`Requirement::MAX`]).
const LIST_OF_ONE: List = List { item: venture_audit_json!("500"), ..LIST };

/// The page and the total of `audit_docs`. A token for one venture sees only that venture.
pub(crate) fn list(filter: &AuditFilter, now: Timestamp, token: Option<&TokenId>) -> (Statement, Statement) {
    let conditions = Conditions::rendering_with(now)
        .only(NOT_DELETED, true)
        .when("v.code = ?", filter.venture.as_ref())
        .when(OF_TOKEN, token);
    let list = if filter.venture.is_some() { LIST_OF_ONE } else { LIST };
    (list.items(&conditions, filter.cursor.as_ref(), filter.limit.unwrap_or_default()), list.total(&conditions))
}

/// The variants of [`list`].
pub(super) fn composed() -> Vec<(String, String)> {
    let now = Timestamp::from_millis(0);
    let token = "tok_00000000000000000000000000".parse().ok();
    let one = AuditFilter { venture: "a".parse().ok(), ..AuditFilter::default() };
    let next = AuditFilter { cursor: "a".parse().ok(), ..AuditFilter::default() };
    let forms = [list(&one, now, None), list(&next, now, None), list(&next, now, token.as_ref())];
    let statements = forms.into_iter().flat_map(|(items, total)| [items, total]).enumerate();
    statements.map(|(n, s)| (format!("doc_audit::list {n}"), s.sql.into_owned())).collect()
}
