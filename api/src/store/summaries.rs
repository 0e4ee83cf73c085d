//! The executive summaries at the start of day: which notes fit into the size limit, where the last one is cut, and
//! which are left out.

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

/// The length of the text `$text` up to the last `$mark` in it; null if it has none. It trims all characters except
/// the mark from the right.
macro_rules! length_to_last {
    ($text:expr, $mark:literal) => {
        concat!("nullif(length(rtrim(", $text, ", replace(", $text, ", ", $mark, ", ''))), 0)")
    };
}

/// A part of a note, cut at its last paragraph, else at its last line, if at least half of the part remains. Blank
/// lines are first replaced with the same number of unit separators, so that one character marks them.
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

/// Notes tagged `executive-summary` for session `s`: those of the venture, then the global ones, newest first, with
/// at most 12 KB of content in total. The 20 newest of each kind are considered. The note that exceeds the limit is
/// cut. Notes after it, or notes of which only a short part would fit, are only named.
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
            extra: ", 'left_out', json_group_array(json_object('id', shown.id, 'title', shown.title, \
                       'venture', shown.venture, 'updated_at', shown.updated_at) order by shown.rank) \
                     filter (where shown.rank is not null and shown.position is null)"
        )
    };
}
pub(super) use {cut, executive_summaries_json, fitting, length_to_last};
