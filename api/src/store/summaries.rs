//! The executive summaries at the start of day: which notes fit into the size limit, after which byte the last one is
//! cut, and which are left out. `summary_cut` then cuts it at a paragraph.

/// The longest beginning of `head` with at most `room` bytes. If the limit falls inside a character, SQLite counts
/// that character as a whole one. Then one character less is taken.
macro_rules! fitting {
    () => {
        concat!(
            "substr(head, 1, ",
            $crate::store::summaries::fitting!(@count),
            " - (length(cast(substr(head, 1, ",
            $crate::store::summaries::fitting!(@count),
            ") as blob)) > room))"
        )
    };
    (@count) => {
        "length(cast(substr(cast(head as blob), 1, room) as text))"
    };
}

/// Notes tagged `executive-summary` for session `s`, without memories: those of the venture, then the global ones, newest first, with
/// at most 12 KB of content in total. The first 20 are considered. The note that exceeds the limit is
/// cut and marked with `cut_at_byte`. Notes after it, or notes of which only a short part would fit, are only named.
macro_rules! executive_summaries_json {
    () => {
        $crate::store::excerpt!(
            all: "select 1 from note_tags t where t.tag = 'executive-summary' and t.scope in (s.venture, 'global') and t.note_id > 'note_'",
            shown: concat!(
                "select id, title, venture, actor_key_id, updated_at, rank, bytes > room as truncated, \
                   case when bytes <= room or room >= 200 then rank end as position, \
                   case when bytes <= room then head when room >= 200 then ", $crate::store::summaries::fitting!(), " end as piece \
                 from ( \
                   select *, row_number() over ordered as rank, 12288 - (sum(bytes) over ordered - bytes) as room from ( \
                     select tagged.global, n.id, n.title, n.venture, n.actor_key_id, n.updated_at, \
                       substr(n.content, 1, 12288) as head, length(cast(n.content as blob)) as bytes \
                     from ( \
                       select * from (select 0 as global, note_id from note_tags \
                         where tag = 'executive-summary' and scope = s.venture and note_id > 'note_' order by note_id desc limit 20) \
                       union all \
                       select * from (select 1 as global, note_id from note_tags \
                         where tag = 'executive-summary' and scope = 'global' and note_id > 'note_' order by note_id desc limit 20) \
                       limit 20 \
                     ) tagged join notes n on n.id = tagged.note_id) \
                   window ordered as (order by global, id desc rows unbounded preceding))"
            ),
            item: "json_insert(json_object('id', shown.id, 'title', shown.title, 'content', shown.piece, \
                     'truncated', json(case when shown.truncated then 'true' else 'false' end), \
                     'venture', shown.venture, 'actor_key_id', shown.actor_key_id, 'updated_at', shown.updated_at), \
                     case when shown.truncated then '$.cut_at_byte' else '$.truncated' end, json('true'))",
            order: "shown.position",
            extra: "json_group_array(json_object('id', shown.id, 'title', shown.title, \
                       'venture', shown.venture, 'updated_at', shown.updated_at) order by shown.rank) \
                     filter (where shown.position is null)",
            members: ", 'left_out', json(extra)"
        )
    };
}
pub(super) use {executive_summaries_json, fitting};
