//! Lists: conditions selected at run time from constant texts, a keyset cursor, and a count with a limit.

use deckwatch_protocol::Limit;

use super::count_limit;
use crate::database::{Param, Statement};

/// One list: its table, the rendering of an item, and the order of its key.
pub(crate) struct List {
    /// A table with its alias, such as `sessions s`.
    pub(crate) from: &'static str,
    /// The item as JSON text. Other columns may precede it.
    pub(crate) item: &'static str,
    /// The column that orders the list and gives the cursor.
    pub(crate) key: &'static str,
    /// Newest first, or alphabetical.
    pub(crate) order: Order,
}

/// The direction of a list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// From the smallest key up.
    Ascending,
    /// From the largest key down.
    Descending,
}

impl Order {
    pub(super) fn direction(self) -> &'static str {
        match self {
            Self::Ascending => "asc",
            Self::Descending => "desc",
        }
    }

    /// The operator that selects the keys after the cursor.
    pub(super) fn beyond(self) -> &'static str {
        match self {
            Self::Ascending => ">",
            Self::Descending => "<",
        }
    }
}

/// Conditions joined by `and`. Each is a constant text with `?` for its parameter.
pub(crate) struct Conditions {
    pub(super) sql: String,
    pub(super) params: Vec<Param>,
    /// The index of the first table that serves them, if SQLite could choose another one.
    index: Option<&'static str>,
    /// A table that is read first, with its alias. Without a row of it, no other row is read.
    first: Option<&'static str>,
}

impl Conditions {
    /// Every row.
    pub(crate) fn none() -> Self {
        Self { sql: "true".to_owned(), params: Vec::new(), index: None, first: None }
    }

    /// Every row. The rendering of the item uses `first` as `?1`. The condition also mentions it, because the count
    /// renders nothing, and an unused parameter can't be bound.
    pub(crate) fn rendering_with(first: impl Into<Param>) -> Self {
        Self { sql: "?1 is not null".to_owned(), params: vec![first.into()], index: None, first: None }
    }

    /// The rows for which `condition` is true. The condition refers to `first` as `?1`.
    pub(crate) fn starting_with(condition: &'static str, first: impl Into<Param>) -> Self {
        Self { sql: condition.to_owned(), params: vec![first.into()], index: None, first: None }
    }

    /// The rows for which `condition` is true. It refers to `params` as `?1` and so on.
    pub(crate) fn of_params(condition: &'static str, params: Vec<Param>) -> Self {
        Self { sql: condition.to_owned(), params, index: None, first: None }
    }

    /// Names the index that serves the conditions.
    #[must_use]
    pub(crate) fn served_by(mut self, index: &'static str) -> Self {
        self.index = Some(index);
        self
    }

    /// Names a table that is read first. The conditions select at most one row of it.
    #[must_use]
    pub(crate) fn joining_first(mut self, table: &'static str) -> Self {
        self.first = Some(table);
        self
    }

    /// Adds `condition` if there is a value to compare with.
    #[must_use]
    pub(crate) fn when(mut self, condition: &'static str, value: Option<&Param>) -> Self {
        if let Some(value) = value {
            self.params.push(value.clone());
            self.sql.push_str(" and ");
            self.sql.push_str(&condition.replace('?', &format!("?{}", self.params.len())));
        }
        self
    }

    /// Adds `condition`, which has no parameter, if `holds` is true.
    #[must_use]
    pub(crate) fn only(mut self, condition: &'static str, holds: bool) -> Self {
        if holds {
            self.sql.push_str(" and ");
            self.sql.push_str(condition);
        }
        self
    }
}

impl List {
    /// The page and the total of the rows for which the conditions are true.
    pub(crate) fn page(&self, conditions: &Conditions, cursor: Option<&Param>, limit: Limit) -> [Statement; 2] {
        [self.items(conditions, cursor, limit), self.total(conditions)]
    }

    /// The rows of one page as (`key`, `item`). If there is a next page, there is one row more than `limit`.
    pub(crate) fn items(&self, conditions: &Conditions, cursor: Option<&Param>, limit: Limit) -> Statement {
        self.items_of_any(std::slice::from_ref(conditions), cursor, limit)
    }

    /// The same page of the rows for which one of `arms` is true. At most one is true for each row, and they have
    /// the same parameters. Each arm uses an index of its own, in the order of the list, so they are merged without a sort.
    pub(crate) fn items_of_any(&self, arms: &[Conditions], cursor: Option<&Param>, limit: Limit) -> Statement {
        let Self { item, key, order, .. } = self;
        let mut params = arms.first().map(|arm| arm.params.clone()).unwrap_or_default();
        let mut after = String::new();
        if let Some(cursor) = cursor {
            params.push(cursor.clone());
            after = format!(" and {key} {} ?{}", order.beyond(), params.len());
        }
        params.push(Param::from(limit.get() + 1));
        let arm = |arm: &Conditions| {
            format!("select {key} as key, {item} as item from {} where {}{after}", self.indexed_table(arm), arm.sql)
        };
        let arms = arms.iter().map(arm).collect::<Vec<_>>().join(" union all ");
        let sql = format!("{arms} order by key {} limit ?{}", order.direction(), params.len());
        Statement::with(sql, params)
    }

    /// The total of [`Self::items_of_any`].
    pub(crate) fn total_of_any(&self, arms: &[Conditions]) -> Statement {
        let all = arms.iter().map(|arm| format!("select 1 from {} where {}", self.indexed_table(arm), arm.sql));
        let all = all.collect::<Vec<_>>().join(" union all ");
        let sql = format!(concat!("select count(*) as total from ({} limit ", count_limit!(), " + 1)"), all);
        Statement::with(sql, arms.first().map(|arm| arm.params.clone()).unwrap_or_default())
    }

    /// The table, with the index that serves the conditions.
    fn indexed_table(&self, conditions: &Conditions) -> String {
        let first = conditions.first.map_or_else(String::new, |table| format!("{table} cross join "));
        let Some(index) = conditions.index else { return format!("{first}{}", self.from) };
        // The first two words are the table and its alias.
        let end = self.from.match_indices(' ').nth(1).map_or(self.from.len(), |(end, _)| end);
        let (table, rest) = self.from.split_at(end);
        format!("{first}{table} indexed by {index}{rest}")
    }

    /// One row with `total`. The count stops at one more than the limit.
    pub(crate) fn total(&self, conditions: &Conditions) -> Statement {
        self.total_of_any(std::slice::from_ref(conditions))
    }
}
