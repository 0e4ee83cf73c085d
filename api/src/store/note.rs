//! Notes, as far as a day needs them.

/// Notes tagged `executive-summary` for session `s`: the venture's, then global ones, newest first, in a
/// pool of 12 KB of content; the 20 newest of each are looked at. The note that overflows the pool is cut: a
/// prefix of `k` characters has at most `k` bytes plus what the whole content has beyond a byte a character.
macro_rules! executive_summaries_json {
    () => {
        $crate::store::excerpt!(
            all: "select 1 from note_tags t where t.tag = 'executive-summary' and t.scope in (s.venture, 'global')",
            shown: "select *, row_number() over (order by global, id desc) as position from ( \
                      select *, 12288 - (sum(bytes) over (order by global, id desc) - bytes) as room from ( \
                        select t.global, n.id, n.title, n.content, n.venture, n.actor_key_id, n.updated_at, \
                          length(cast(n.content as blob)) as bytes, length(n.content) as chars \
                        from ( \
                          select * from (select 0 as global, note_id from note_tags \
                            where tag = 'executive-summary' and scope = s.venture order by note_id desc limit 20) \
                          union all \
                          select * from (select 1 as global, note_id from note_tags \
                            where tag = 'executive-summary' and scope = 'global' order by note_id desc limit 20) \
                        ) t join notes n on n.id = t.note_id)) \
                    where room > 0",
            item: "json_object('id', shown.id, 'title', shown.title, \
                   'content', case when bytes <= room then content else substr(content, 1, max(0, room - (bytes - chars))) end, \
                   'truncated', json(case when bytes <= room then 'false' else 'true' end), \
                   'venture', shown.venture, 'actor_key_id', shown.actor_key_id, 'updated_at', shown.updated_at)",
            order: "shown.position"
        )
    };
}
pub(super) use executive_summaries_json;
