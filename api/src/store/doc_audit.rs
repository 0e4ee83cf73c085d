//! The audit: the documents of venture `v` against the requirements that hold for it. A day and the
//! operation by itself judge by the same rows.

use deckwatch_protocol::{AuditFilter, Timestamp, TokenId};

use super::list::{Conditions, List, Order};
use super::venture::{NOT_DELETED, OF_TOKEN};
use crate::database::Statement;

/// The documents under the name of requirement `a`, each with the later of its change and its confirmation.
macro_rules! confirmed {
    ($of:literal, $name:literal) => {
        concat!(
            "(select ",
            $of,
            "(max(d.updated_at, ifnull(dc.confirmed_at, ''))) from context_docs d ",
            "left join doc_confirmations dc on dc.scope = d.scope and dc.name = d.name ",
            "where d.scope = a.scope and d.deleted_at is null and ",
            $name,
            ")"
        )
    };
}

/// The common table expression `judged`: a row for each requirement that holds for venture `v`, with its
/// `verdict` at `$now` and the document as JSON in `doc`. Only a name with a `*` is matched, and only
/// up to the 50 bytes of D1: for every other name there is one document to look up.
macro_rules! judged {
    ($now:literal) => {
        concat!(
            "asked as materialized (",
            "select r.id, iif(r.scope_type = 'global', 'global', v.code) as scope, ",
            "replace(r.name_pattern, '{venture}', v.code) as name, ",
            "r.required, r.auto_generate, r.sources_json, r.staleness_days from doc_requirements r ",
            "where (r.venture is null or r.venture = v.code) and (r.capability is null ",
            "or exists (select 1 from json_each(v.capabilities_json) had where had.value = r.capability))), ",
            "found as materialized (select a.*, case when instr(a.name, '*') > 0 then ",
            $crate::store::doc_audit::confirmed!("max", "d.name glob iif(length(cast(a.name as blob)) <= 50, a.name, '')"),
            " else ",
            $crate::store::doc_audit::confirmed!("", "d.name = a.name"),
            " end as confirmed_at from asked a), ",
            "judged as materialized (select f.id, f.name, f.scope, ",
            "case when f.confirmed_at is null then iif(f.required, 'missing', 'optional') ",
            "when f.confirmed_at < strftime('%Y-%m-%dT%H:%M:%fZ', ",
            $now,
            ", '-' || f.staleness_days || ' days') then 'stale' else 'present' end as verdict, ",
            "json_object('requirement_id', f.id, 'scope', f.scope, 'name', f.name, ",
            "'required', json(iif(f.required, 'true', 'false')), 'auto_generate', json(iif(f.auto_generate, 'true', 'false')), ",
            "'sources', json(f.sources_json), 'confirmed_at', f.confirmed_at, 'staleness_days', f.staleness_days) as doc ",
            "from found f)"
        )
    };
}

/// Every document of one verdict, for an answer about one venture: requirements are few.
macro_rules! all_of {
    ($verdict:literal) => {
        concat!("json_group_array(json(doc) order by name, scope, id) filter (where verdict = '", $verdict, "')")
    };
}

/// What is not in order with the documents of venture `v` at `$now`.
macro_rules! doc_audit_json {
    ($now:literal) => {
        concat!(
            "(with ",
            $crate::store::doc_audit::judged!($now),
            " select json_object('missing', ",
            $crate::store::doc_audit::all_of!("missing"),
            ", 'stale', ",
            $crate::store::doc_audit::all_of!("stale"),
            ", 'optional', ",
            $crate::store::doc_audit::all_of!("optional"),
            ") from judged)"
        )
    };
}
pub(super) use {all_of, confirmed, doc_audit_json, judged};

/// The documents of one verdict, counted, and 50 of them: an answer may be about 100 ventures.
macro_rules! excerpt_of {
    ($verdict:literal) => {
        concat!(
            "json_object('total', count(*) filter (where verdict = '",
            $verdict,
            "'), ",
            "'shown', count(*) filter (where verdict = '",
            $verdict,
            "' and position <= 50), ",
            "'items', json_group_array(json(doc) order by position) filter (where verdict = '",
            $verdict,
            "' and position <= 50))"
        )
    };
}

/// How every document of venture `v` stands at `?1`.
macro_rules! venture_audit_json {
    () => {
        concat!(
            "(with ", $crate::store::doc_audit::judged!("?1"), ", placed as materialized (",
            "select verdict, doc, row_number() over (partition by verdict order by name, scope, id) as position from judged) ",
            "select json_object('venture', v.code, 'missing', ", excerpt_of!("missing"), ", 'stale', ", excerpt_of!("stale"),
            ", 'present', ", excerpt_of!("present"), ", 'optional', ", excerpt_of!("optional"), ") from placed)"
        )
    };
}

const LIST: List = List { from: "ventures v", item: venture_audit_json!(), key: "v.code", order: Order::Ascending };

/// The page and the total of `audit_docs`; a token that is for one venture sees that one.
pub(crate) fn list(filter: &AuditFilter, now: Timestamp, token: Option<&TokenId>) -> (Statement, Statement) {
    let conditions = Conditions::rendering_with(now)
        .only(NOT_DELETED, true)
        .when("v.code = ?", filter.venture.as_ref())
        .when(OF_TOKEN, token);
    (LIST.items(&conditions, filter.cursor.as_ref(), filter.limit.unwrap_or_default()), LIST.total(&conditions))
}

/// The forms of [`list`].
pub(super) fn composed() -> Vec<(String, String)> {
    let now = Timestamp::from_millis(0);
    let token = "tok_00000000000000000000000000".parse().ok();
    let one = AuditFilter { venture: "a".parse().ok(), ..AuditFilter::default() };
    let next = AuditFilter { cursor: "a".parse().ok(), ..AuditFilter::default() };
    let forms = [list(&one, now, None), list(&next, now, None), list(&next, now, token.as_ref())];
    let statements = forms.into_iter().flat_map(|(items, total)| [items, total]).enumerate();
    statements.map(|(n, s)| (format!("doc_audit::list {n}"), s.sql.into_owned())).collect()
}
