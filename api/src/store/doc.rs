//! Documents, as far as a day needs them. Their audit is in `doc_audit`.

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
pub(super) use doc_index_json;
