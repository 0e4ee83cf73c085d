//! Documents and their requirements, as far as a day needs them.

/// The documents for session `s`: the venture's, then global ones, by name; 50 are shown.
macro_rules! doc_index_json {
    () => {
        $crate::store::excerpt!(
            all: "select 1 from context_docs d where d.scope in (s.venture, 'global') and d.deleted_at is null",
            shown: "select d.scope, d.name, d.title, d.doc_type, d.version, d.content_hash, d.size_bytes, d.updated_at, \
                      row_number() over (order by d.scope = 'global', d.name) as position \
                    from context_docs d where d.scope in (s.venture, 'global') and d.deleted_at is null \
                    order by position limit 50",
            item: "json_object('scope', shown.scope, 'name', shown.name, 'title', shown.title, 'doc_type', shown.doc_type, \
                   'version', shown.version, 'content_hash', shown.content_hash, 'size_bytes', shown.size_bytes, \
                   'updated_at', shown.updated_at)",
            order: "shown.position"
        )
    };
}

/// The documents of venture `v` against its requirements: those missing, and those older than they may
/// be at `$now`. A pattern may hold `{venture}` and the wildcards of GLOB, up to the 50 bytes of D1.
macro_rules! doc_audit_json {
    ($now:literal) => {
        concat!(
            "(with asked as materialized (",
            "select iif(r.scope_type = 'global', 'global', v.code) as scope, replace(r.name_pattern, '{venture}', v.code) as name, ",
            "r.required, r.auto_generate, r.staleness_days from doc_requirements r ",
            "where (r.venture is null or r.venture = v.code) and (r.capability is null ",
            "or exists (select 1 from json_each(v.capabilities_json) c where c.value = r.capability))), ",
            "found as materialized (",
            "select a.*, case when a.name glob '*[*?[]*' ",
            "then (select max(d.updated_at) from context_docs d where d.scope = a.scope and d.deleted_at is null ",
            "and length(cast(a.name as blob)) <= 50 and d.name glob a.name) ",
            "else (select d.updated_at from context_docs d where d.scope = a.scope and d.name = a.name and d.deleted_at is null) ",
            "end as changed_at from asked a), ",
            "said as (",
            "select f.name, f.changed_at, f.staleness_days, json_object('scope', f.scope, 'name', f.name, ",
            "'required', json(iif(f.required, 'true', 'false')), 'auto_generate', json(iif(f.auto_generate, 'true', 'false')), ",
            "'updated_at', f.changed_at, 'staleness_days', f.staleness_days) as problem from found f) ",
            "select json_object(",
            "'missing', json_group_array(json(problem) order by name) filter (where changed_at is null), ",
            "'stale', json_group_array(json(problem) order by name) filter (where changed_at < ",
            "strftime('%Y-%m-%dT%H:%M:%fZ', ", $now, ", '-' || staleness_days || ' days'))) from said)"
        )
    };
}
pub(super) use {doc_audit_json, doc_index_json};
