//! Ids in the order of the writes, independent of clocks (0024).
//!
//! An id begins with the time at which it was created. The clock of a writer may go back, and two writers have two
//! clocks. So the statement that inserts a record keeps the given id only if its time is later than that of the
//! newest record. Otherwise the new id gets the time of the newest record plus one millisecond. The random part does
//! not change in either case.

/// The value of the digit at `$place` of the time `a.newest`, shifted to its position.
macro_rules! digit_value {
    ($place:literal, $shift:literal) => {
        concat!("((instr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(a.newest, ", $place, ", 1)) - 1) << ", $shift, ")")
    };
}
pub(super) use digit_value;

/// The digit of `b.following` that begins at the bit `$shift`.
macro_rules! digit {
    ($shift:literal) => {
        concat!("substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', (b.following >> ", $shift, " & 31) + 1, 1)")
    };
}
pub(super) use digit;

/// The id to insert: `$id` or `?1`, or an id directly after the newest record. `$prefix` is the prefix of the ids, `$time`
/// the position of their time, `$random` the position of their random part. `$newest` is the time of the newest
/// record, ten digits in base 32, or an empty text.
macro_rules! next_id {
    ($prefix:literal, $time:literal, $random:literal, $newest:expr) => {
        $crate::store::next_id::next_id!($prefix, $time, $random, $newest, "?1")
    };
    ($prefix:literal, $time:literal, $random:literal, $newest:expr, $id:literal) => {
        concat!(
            "(with a as materialized (select ",
            $newest,
            " as newest), b as materialized (select a.newest, 1 + ",
            $crate::store::next_id::digit_value!(1, 45),
            " + ",
            $crate::store::next_id::digit_value!(2, 40),
            " + ",
            $crate::store::next_id::digit_value!(3, 35),
            " + ",
            $crate::store::next_id::digit_value!(4, 30),
            " + ",
            $crate::store::next_id::digit_value!(5, 25),
            " + ",
            $crate::store::next_id::digit_value!(6, 20),
            " + ",
            $crate::store::next_id::digit_value!(7, 15),
            " + ",
            $crate::store::next_id::digit_value!(8, 10),
            " + ",
            $crate::store::next_id::digit_value!(9, 5),
            " + ",
            $crate::store::next_id::digit_value!(10, 0),
            " as following from a) select case when substr(",
            $id,
            ", ",
            $time,
            ", 10) > b.newest then ",
            $id,
            " else '",
            $prefix,
            "' || ",
            $crate::store::next_id::digit!(45),
            " || ",
            $crate::store::next_id::digit!(40),
            " || ",
            $crate::store::next_id::digit!(35),
            " || ",
            $crate::store::next_id::digit!(30),
            " || ",
            $crate::store::next_id::digit!(25),
            " || ",
            $crate::store::next_id::digit!(20),
            " || ",
            $crate::store::next_id::digit!(15),
            " || ",
            $crate::store::next_id::digit!(10),
            " || ",
            $crate::store::next_id::digit!(5),
            " || ",
            $crate::store::next_id::digit!(0),
            " || substr(",
            $id,
            ", ",
            $random,
            ") end from b)"
        )
    };
}
pub(super) use next_id;

/// The time of the newest session or handoff. Both share one order, which decides which handoffs a session has seen.
macro_rules! newest_of_days {
    () => {
        "max(ifnull((select substr(max(id), 6, 10) from sessions), ''), ifnull((select substr(max(id), 4, 10) from handoffs), ''))"
    };
}
pub(super) use newest_of_days;
