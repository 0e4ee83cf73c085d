//! Lists with filters. An index serves some of the filters, and the others are checked on the rows that it finds.
//!
//! If the index serves every filter, a page reads about as many rows as it returns. Otherwise it reads at most
//! 600 rows in the order of the list. Then it may be shorter than its limit, and its cursor continues after
//! the last row that was read. So no combination of filters reads more rows when more are stored.

use deckwatch_protocol::Limit;

use super::count_limit;
use super::list::{List, Order};
use crate::database::{Param, Statement};

/// The maximum number of rows that a page checks.
macro_rules! scan_limit {
    () => {
        "600"
    };
}
pub(crate) use scan_limit;

/// The statements of one page.
pub(crate) struct PageStatements {
    pub(crate) items: Statement,
    /// The number of rows of the list. `None` if the rows of `items` also have it.
    pub(crate) total: Option<Statement>,
}

impl PageStatements {
    /// All of them.
    pub(crate) fn statements(self) -> impl Iterator<Item = Statement> {
        std::iter::once(self.items).chain(self.total)
    }
}

/// An index whose last column is the key of the list.
pub(crate) struct Index {
    /// The name; `None` for the primary key.
    pub(crate) name: Option<&'static str>,
    /// The filters that it serves if all of them are given.
    pub(crate) serves: &'static [&'static str],
    /// Whether the column before the key is the status. Then a list without a status merges the entries of all.
    pub(crate) by_status: bool,
}

/// The rows with one status, and the condition on them that no index serves.
#[derive(Clone)]
pub(crate) struct StatusRows {
    pub(crate) status: &'static str,
    pub(crate) rest: Option<&'static str>,
}

/// The filters of a request as SQL, by name.
pub(crate) struct Filters {
    named: Vec<(&'static str, String)>,
    params: Vec<Param>,
    /// A condition on the key that holds for every row of the list. Every index serves it.
    range: Option<String>,
    /// A statement that selects the smallest key that a row of the list can have.
    floor: Option<String>,
    /// The statuses to show; empty for all.
    statuses: Vec<StatusRows>,
    /// The column of the status, and all its values.
    status_column: (&'static str, &'static [&'static str]),
}

impl Filters {
    /// No filter yet. The values of `params` are `?1` and so on.
    pub(crate) fn new(status_column: (&'static str, &'static [&'static str]), params: Vec<Param>) -> Self {
        Self { named: Vec::new(), params, range: None, floor: None, statuses: Vec::new(), status_column }
    }

    /// Adds the filter `name` if there is a value for the `?` of its condition.
    #[must_use]
    pub(crate) fn when(mut self, name: &'static str, condition: &str, value: Option<impl Into<Param>>) -> Self {
        if let Some(value) = value {
            self.params.push(value.into());
            self.named.push((name, condition.replace('?', &format!("?{}", self.params.len()))));
        }
        self
    }

    /// Shows only these statuses, if there are any.
    #[must_use]
    pub(crate) fn with_statuses(mut self, statuses: Vec<StatusRows>) -> Self {
        self.statuses = statuses;
        self
    }

    /// Adds a condition on the key that holds for every row of the list.
    #[must_use]
    pub(crate) fn with_range(mut self, range: &str) -> Self {
        self.range = Some(range.to_owned());
        self
    }

    /// Adds a statement that selects the smallest key that a row of the list can have. Only for lists with a filter that
    /// no index serves.
    #[must_use]
    pub(crate) fn with_floor(mut self, floor: Option<String>) -> Self {
        self.floor = floor;
        self
    }

    fn has(&self, name: &str) -> bool {
        match name.split_once('=') {
            // One status, of a partial index.
            Some(("status", status)) => matches!(self.statuses.as_slice(), [only] if only.status == status),
            _ => self.named.iter().any(|(given, _)| *given == name),
        }
    }

    /// The ranges of the first index that serves given filters, which select all rows of the list. At most one range
    /// contains a row.
    fn ranges(&self, indexes: &'static [Index]) -> Vec<Range> {
        let index = indexes.iter().find(|index| index.serves.iter().all(|name| self.has(name)));
        let (name, serves, by_status) = index.map_or((None, &[][..], false), |i| (i.name, i.serves, i.by_status));
        let of = |served: bool| {
            self.named.iter().filter(move |(name, _)| serves.contains(name) == served).map(|(_, sql)| sql.clone())
        };
        let range = |status: Option<String>, rest: Option<String>| Range {
            index: name,
            served: of(true).chain(status).chain(self.range.clone()).collect(),
            rest: of(false).chain(rest).collect(),
        };
        let (column, all) = self.status_column;
        let is = |status: &str| format!("{column} = '{status}'");
        let is_served = by_status || serves.iter().any(|name| name.starts_with("status="));
        match (is_served, self.statuses.as_slice()) {
            (true, []) => all.iter().map(|status| range(Some(is(status)), None)).collect(),
            (true, statuses) => {
                statuses.iter().map(|rows| range(Some(is(rows.status)), rows.rest.map(str::to_owned))).collect()
            }
            (false, []) => vec![range(None, None)],
            (false, statuses) => {
                let each =
                    statuses.iter().map(|rows| [is(rows.status)].into_iter().chain(rows.rest.map(str::to_owned)));
                let any = each.map(|both| both.collect::<Vec<_>>().join(" and ")).collect::<Vec<_>>().join(" or ");
                vec![range(None, Some(format!("({any})")))]
            }
        }
    }
}

/// A range of an index in the order of the key, and the conditions that are checked on its rows.
#[derive(Clone)]
struct Range {
    index: Option<&'static str>,
    served: Vec<String>,
    rest: Vec<String>,
}

impl Range {
    fn from(&self, list: &List) -> String {
        self.index.map_or_else(|| list.from.to_owned(), |index| format!("{} indexed by {index}", list.from))
    }

    fn served(&self) -> String {
        all_of(&self.served)
    }

    /// The same range for rows behind a cursor, which is in the range. SQLite begins a range at one bound only, so a bound
    /// before the cursor would make it read the rows between the two.
    fn behind_cursor(mut self, list: &List) -> Self {
        let bound = format!("{} {} ", list.key, list.order.beyond());
        for condition in &mut self.served {
            if let Some(param) = condition.strip_prefix(&bound) {
                // The parameter must still be used.
                *condition = format!("{param} is not null");
            }
        }
        self
    }
}

fn all_of(conditions: &[String]) -> String {
    if conditions.is_empty() { "true".to_owned() } else { conditions.join(" and ") }
}

impl List {
    /// The page and the total of a filtered list. `row` is the column that finds a row again: the rowid, or the primary
    /// key of a table without one.
    pub(crate) fn filtered_page(
        &self,
        (indexes, row): (&'static [Index], &'static str),
        filters: &Filters,
        cursor: Option<&Param>,
        limit: Limit,
    ) -> PageStatements {
        let ranges = filters.ranges(indexes);
        let mut params = filters.params.clone();
        let beyond = cursor.map_or_else(String::new, |cursor| {
            params.push(cursor.clone());
            format!(" and {} {} ?{}", self.key, self.order.beyond(), params.len())
        });
        params.push(Param::from(limit.get() + 1));
        let place = params.len();
        let counted = ranges.clone();
        let ranges: Vec<Range> = match cursor {
            Some(_) => ranges.into_iter().map(|range| range.behind_cursor(self)).collect(),
            None => ranges,
        };
        if ranges.iter().any(|range| !range.rest.is_empty()) {
            let sql = self.checked(&ranges, row, (&beyond, cursor.is_some()), (filters.floor.as_deref(), place));
            return PageStatements { items: Statement::with(sql, params), total: None };
        }
        let items = Statement::with(self.found(&ranges, &beyond, place), params);
        PageStatements { items, total: Some(self.total_of(&counted, filters.params.clone())) }
    }

    /// The first rows of a list whose filters an index serves, as `key` and `item`.
    pub(crate) fn rows(&self, indexes: &'static [Index], filters: &Filters, limit: u32) -> Statement {
        let mut params = filters.params.clone();
        params.push(Param::from(limit));
        Statement::with(self.found(&filters.ranges(indexes), "", params.len()), params)
    }

    /// The first rows of the ranges, as `key` and `item`. Each range is read in the order of the list, so they are
    /// merged without a sort.
    fn found(&self, ranges: &[Range], beyond: &str, place: usize) -> String {
        let Self { item, key, .. } = self;
        let arm = |range: &Range| {
            format!("select {key} as key, {item} as item from {} where {}{beyond}", range.from(self), range.served())
        };
        format!("{} order by key {} limit ?{place}", union(ranges.iter().map(arm)), self.order.direction())
    }

    /// The newest row that matches, as `body`. If none of the rows that were read matches, and there are more, `more` is
    /// 1.
    pub(crate) fn newest(&self, (indexes, row): (&'static [Index], &'static str), filters: &Filters) -> Statement {
        let ranges = filters.ranges(indexes);
        let mut params = filters.params.clone();
        params.push(Param::Integer(1));
        let place = params.len();
        let page = if ranges.iter().any(|range| !range.rest.is_empty()) {
            self.checked(&ranges, row, ("", false), (filters.floor.as_deref(), place))
        } else {
            let Self { item, key, .. } = self;
            let arm = |range: &Range| {
                format!(
                    "select {key} as key, {item} as item, 0 as more from {} where {}",
                    range.from(self),
                    range.served()
                )
            };
            format!("{} order by key {} limit ?{place}", union(ranges.iter().map(arm)), self.order.direction())
        };
        Statement::with(format!("select iif(key is null, null, item) as body, more from ({page})"), params)
    }

    /// One row with `total`. The count stops at one more than the limit.
    fn total_of(&self, ranges: &[Range], params: Vec<Param>) -> Statement {
        // The item may use a parameter that the count does not need.
        let used = if self.item.contains("?1") { "?1 is not null and " } else { "" };
        let arms =
            ranges.iter().map(|range| format!("select 1 from {} where {used}{}", range.from(self), range.served()));
        let sql = format!(concat!("select count(*) as total from ({} limit ", count_limit!(), " + 1)"), union(arms));
        Statement::with(sql, params)
    }

    /// The rows of one page after the check of at most `scan_limit!` rows: `key` and `item`; `more` if rows were left
    /// unread after the row with the key `last`; `total`, the number of rows that matched, and whether it is a minimum.
    /// If no row matches, there is one row without a key.
    ///
    /// `checked` collects the rows that match in the order of the list, so that all of this needs one scan.
    fn checked(
        &self,
        ranges: &[Range],
        row: &str,
        (beyond, is_continued): (&str, bool),
        (floor, place): (Option<&str>, usize),
    ) -> String {
        let Self { from, item, key, order } = self;
        // Each range compares with the floor, which is selected once.
        let above = floor.map_or_else(String::new, |_| format!(" and {key} >= (select id from floor)"));
        let floor = floor.map_or_else(String::new, |floor| format!("floor (id) as materialized ({floor}), "));
        let arm = |range: &Range| {
            format!(
                "select {row} as row, {key} as key, {} as matches from {} where {}{above}{beyond}",
                all_of(&range.rest),
                range.from(self),
                range.served(),
            )
        };
        let last = if *order == Order::Descending { "min" } else { "max" };
        format!(
            concat!(
                "with {floor}scanned as (select * from ({arms} order by key {direction} limit ",
                scan_limit!(),
                ")), checked as materialized (select count(*) = ",
                scan_limit!(),
                " as more, {last}(key) as last, count(*) filter (where matches) as total, ",
                "json_group_array(row) filter (where matches) as matching from scanned) ",
                "select {key} as key, {item} as item, checked.more as more, checked.last as last, checked.total as total, ",
                "checked.more or {continued} as total_is_minimum from checked left join json_each(checked.matching) as j ",
                "left join {from} on {row} = j.value limit ?{place}"
            ),
            floor = floor,
            arms = union(ranges.iter().map(arm)),
            direction = order.direction(),
            last = last,
            key = key,
            item = item,
            continued = is_continued,
            from = from,
            row = row,
            place = place,
        )
    }
}

fn union(arms: impl Iterator<Item = String>) -> String {
    arms.collect::<Vec<_>>().join(" union all ")
}
