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

/// The notes tagged `executive-summary` in `$scope`, newest first. The id of a memory is less than `note_`.
macro_rules! tagged {
    ($scope:literal) => {
        concat!(
            "select * from (select note_id from note_tags where tag = 'executive-summary' and note_id > 'note_' and scope = ",
            $scope,
            " order by note_id desc limit ",
            $crate::store::excerpt_limit!(),
            " + 1)"
        )
    };
}

/// Notes tagged `executive-summary` for session `s`: those of the venture, then the global ones, newest first, with
/// at most 12 KB of content in total. The first 20 are considered. The note that exceeds the limit is
/// cut and marked with `cut_at_byte`. Notes after it, or notes of which only a short part would fit, are only named.
///
/// Each note is read once: a row of `considered` has the room that the notes before it have left. A window would read each row
/// twice more. With its limit, `shown` is computed once and not for each of its members.
macro_rules! executive_summaries_json {
    () => {
        concat!(
            "(select json_insert(json_object('total', min(n, ", $crate::store::excerpt_limit!(), "), ",
            "'shown', shown -> 'shown', 'items', shown -> 'items', 'left_out', shown -> 'left_out'), ",
            "iif(n > ", $crate::store::excerpt_limit!(), ", '$.total_is_minimum', '$.total'), json('true')) from (select n, (",
            "with recursive considered (at, id, title, venture, actor_key_id, updated_at, head, bytes, room) as ( \
               select -1, null, null, null, null, null, null, 0, 12288 \
               union all \
               select at + 1, n.id, n.title, n.venture, n.actor_key_id, n.updated_at, substr(n.content, 1, 12288), \
                 length(cast(n.content as blob)), room - bytes \
               from considered cross join notes n on n.id = ids ->> (at + 1) where at < 19) \
             select json_object('shown', count(*) filter (where piece is not null), 'items', json_group_array(json_insert( \
                 json_object('id', id, 'title', title, 'content', piece, \
                   'truncated', json(iif(bytes > room, 'true', 'false')), \
                   'venture', venture, 'actor_key_id', actor_key_id, 'updated_at', updated_at), \
                 iif(bytes > room, '$.cut_at_byte', '$.truncated'), json('true'))) filter (where piece is not null), \
               'left_out', json_group_array(json_object('id', id, 'title', title, \
                 'venture', venture, 'updated_at', updated_at)) filter (where piece is null)) \
             from (select *, case when bytes <= room then head when room >= 200 then ", $crate::store::summaries::fitting!(),
            " end as piece from considered where at >= 0)) as shown ",
            "from (select count(*) as n, json_group_array(note_id) as ids from (",
            $crate::store::summaries::tagged!("s.venture"), " union all ", $crate::store::summaries::tagged!("'global'"), " limit ",
            $crate::store::excerpt_limit!(), " + 1)) limit 1))"
        )
    };
}
pub(super) use {executive_summaries_json, fitting, tagged};
