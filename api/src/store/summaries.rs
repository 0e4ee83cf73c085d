//! The executive summaries of a day: which notes fit into their pool, where the last one is cut, which are left out.

/// The beginning of `head` that has at most `room` bytes. What those bytes hold may end inside a character, which SQLite
/// counts as a whole one: then one character less is taken.
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

/// The text `$text` up to the last character of `$mark` in it, as a length; null where it has none: what is trimmed
/// from its right is all that is not the mark.
macro_rules! length_to_last {
    ($text:expr, $mark:literal) => {
        concat!("nullif(length(rtrim(", $text, ", replace(", $text, ", ", $mark, ", ''))), 0)")
    };
}

/// A piece of a note, cut back to its last paragraph, else to its last line, where that leaves at least half of it.
/// Blank lines become as many unit separators first, so that one character marks them.
macro_rules! cut {
    () => {
        concat!(
            "rtrim(substr(shown.piece, 1, length(shown.piece) / 2 + coalesce(",
            $crate::store::summaries::length_to_last!(
                concat!("replace(", $crate::store::summaries::cut!(@half), ", char(10, 10), char(31, 31))"),
                "char(31)"
            ),
            ", ",
            $crate::store::summaries::length_to_last!($crate::store::summaries::cut!(@half), "char(10)"),
            ", length(shown.piece))), char(10))"
        )
    };
    (@half) => {
        "substr(shown.piece, length(shown.piece) / 2 + 1)"
    };
}

/// Notes tagged `executive-summary` for session `s`: the venture's, then global ones, newest first, in a
/// pool of 12 KB of content; the 20 newest of each are looked at. The note that overflows the pool is cut; those
/// beyond it, or of which only a stub would fit, are named.
macro_rules! executive_summaries_json {
    () => {
        $crate::store::excerpt!(
            all: "select 1 from note_tags t where t.tag = 'executive-summary' and t.scope in (s.venture, 'global')",
            shown: concat!(
                "select id, title, venture, actor_key_id, updated_at, rank, bytes > room as truncated, \
                   case when bytes <= room or room >= 200 then rank end as position, \
                   case when bytes <= room then head when room >= 200 then ", $crate::store::summaries::fitting!(), " end as piece \
                 from ( \
                   select *, row_number() over (order by global, id desc) as rank, \
                     12288 - (sum(bytes) over (order by global, id desc) - bytes) as room from ( \
                     select t.global, n.id, n.title, n.venture, n.actor_key_id, n.updated_at, \
                       substr(n.content, 1, 12288) as head, length(cast(n.content as blob)) as bytes \
                     from ( \
                       select * from (select 0 as global, note_id from note_tags \
                         where tag = 'executive-summary' and scope = s.venture order by note_id desc limit 20) \
                       union all \
                       select * from (select 1 as global, note_id from note_tags \
                         where tag = 'executive-summary' and scope = 'global' order by note_id desc limit 20) \
                     ) t join notes n on n.id = t.note_id))"
            ),
            item: concat!(
                "json_object('id', shown.id, 'title', shown.title, \
                   'content', case when shown.truncated then ", $crate::store::summaries::cut!(), " else shown.piece end, \
                   'truncated', json(case when shown.truncated then 'true' else 'false' end), \
                   'venture', shown.venture, 'actor_key_id', shown.actor_key_id, 'updated_at', shown.updated_at)"
            ),
            order: "shown.position",
            beside: ", 'left_out', json_group_array(json_object('id', shown.id, 'title', shown.title, \
                       'venture', shown.venture, 'updated_at', shown.updated_at) order by shown.rank) \
                     filter (where shown.rank is not null and shown.position is null)"
        )
    };
}
pub(super) use {cut, executive_summaries_json, fitting, length_to_last};
