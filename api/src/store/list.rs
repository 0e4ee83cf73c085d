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
}

impl Conditions {
    /// Every row.
    pub(crate) fn none() -> Self {
        Self { sql: "true".to_owned(), params: Vec::new() }
    }

    /// Every row. The rendering of the item uses `first` as `?1`. The condition also mentions it, because the count
    /// renders nothing, and an unused parameter can't be bound.
    pub(crate) fn rendering_with(first: impl Into<Param>) -> Self {
        Self { sql: "?1 is not null".to_owned(), params: vec![first.into()] }
    }

    /// The rows for which `condition` is true. The condition refers to `first` as `?1`.
    pub(crate) fn starting_with(condition: &'static str, first: impl Into<Param>) -> Self {
        Self { sql: condition.to_owned(), params: vec![first.into()] }
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
        let Self { from, item, key, order } = self;
        let direction = order.direction();
        let mut params = conditions.params.clone();
        let mut after = String::new();
        if let Some(cursor) = cursor {
            params.push(cursor.clone());
            after = format!(" and {key} {} ?{}", order.beyond(), params.len());
        }
        params.push(Param::from(limit.get() + 1));
        let sql = format!(
            "select {key} as key, {item} as item from {from} where {}{after} order by {key} {direction} limit ?{}",
            conditions.sql,
            params.len(),
        );
        Statement::with(sql, params)
    }

    /// The same page of the rows for which one of `arms` is true. At most one is true for each row, and they have
    /// the same parameters. Each arm uses an index of its own. `columns` names the columns of a row.
    pub(crate) fn items_of_any(
        &self,
        columns: &'static str,
        arms: &[Conditions],
        cursor: Option<&Param>,
        limit: Limit,
    ) -> Statement {
        if let [arm] = arms {
            return self.items(arm, cursor, limit);
        }
        let pages = arms.iter().map(|arm| self.items(arm, cursor, limit));
        let (pages, params): (Vec<_>, Vec<_>) =
            pages.map(|page| (format!("select * from ({})", page.sql), page.params)).unzip();
        let (all, direction) = (pages.join(" union all "), self.order.direction());
        let params = params.into_iter().next().unwrap_or_default();
        let sql = format!("select {columns} from ({all}) order by key {direction} limit ?{}", params.len());
        Statement::with(sql, params)
    }

    /// The total of [`Self::items_of_any`].
    pub(crate) fn total_of_any(&self, arms: &[Conditions]) -> Statement {
        if let [arm] = arms {
            return self.total(arm);
        }
        let counts = arms.iter().map(|arm| format!("({})", self.total(arm).sql)).collect::<Vec<_>>().join(" + ");
        let params = arms.first().map(|arm| arm.params.clone()).unwrap_or_default();
        Statement::with(format!(concat!("select min({}, ", count_limit!(), " + 1) as total"), counts), params)
    }

    /// One row with `total`. The count stops at one more than the limit.
    pub(crate) fn total(&self, conditions: &Conditions) -> Statement {
        let sql = format!(
            concat!("select count(*) as total from (select 1 from {} where {} limit ", count_limit!(), " + 1)"),
            self.from, conditions.sql,
        );
        Statement::with(sql, conditions.params.clone())
    }
}
