//! The decisions of the GitHub classifier.

use deckwatch_protocol::{ClassificationFilter, ClassificationId, Limit, QaGrade, Timestamp};

use super::forms::{every_form, filters};
use super::indexed_list::{Filters, Index, PageStatements};
use super::list::{List, Order};
use super::statements;
use crate::database::{Param, Statement};

/// The venture that has the repository `$repo`: its code, and the name of the repository in its entry. It is the first of at
/// most 100 ventures.
macro_rules! venture_of_repo {
    ($repo:literal) => {
        concat!(
            "select v.code, listed.value as repo from (select code, repos_json from ventures where deleted_at is null ",
            "order by code limit 100) v cross join json_each(v.repos_json) listed where lower(listed.value) = lower(",
            $repo,
            ") limit 1"
        )
    };
}
pub(super) use venture_of_repo;

statements! {
    /// While the attempt that ends at `?8` holds the delivery `?7`.
    INSERT = concat!("
        insert into classifications (id, venture, repo, number, grade, body_json, state_json)
        select ?1, (select code from (", venture_of_repo!("?2"), ")), ?2, ?3, ?4, ?5, ?6
        from github_deliveries g where g.id = ?7 and g.state = 'working' and g.due_at = ?8");

    /// The ids of old decisions are in the range before `?1`.
    FORGET = "
        delete from classifications where id in (
          select id from classifications where id < ?1 order by id limit 1000)
        returning 1 as one";
}

/// A new decision.
pub(crate) struct NewClassification<'a> {
    pub(crate) id: &'a ClassificationId,
    pub(crate) repo: &'a str,
    pub(crate) number: u32,
    pub(crate) grade: Option<u32>,
    /// The answer of the API, in which SQL sets the venture.
    pub(crate) body: String,
    /// What the next decision about the same issue must know.
    pub(crate) state: String,
}

/// Inserts a decision, if the attempt still holds its delivery.
pub(crate) fn insert(new: &NewClassification, delivery: &str, lease: Timestamp) -> Statement {
    Statement::new(INSERT)
        .bind(new.id)
        .bind(new.repo)
        .bind(new.number)
        .bind(new.grade)
        .bind(new.body.as_str())
        .bind(new.state.as_str())
        .bind(delivery)
        .bind(lease)
}

/// Deletes decisions that were made before `before`.
pub(crate) fn forget(before: Timestamp) -> Statement {
    Statement::new(FORGET).bind(&ClassificationId::mint(before, 0))
}

const LIST: List = List {
    from: "classifications cl",
    item: "json_set(cl.body_json, '$.venture', cl.venture)",
    key: "cl.id",
    order: Order::Descending,
};

/// The first index whose filters are all given serves a list. The other filters are checked.
const INDEXES: &[Index] = &[
    Index { name: Some("classifications_by_item"), serves: &["repo", "number"], by_status: false },
    Index { name: Some("classifications_by_venture"), serves: &["venture"], by_status: false },
    Index { name: None, serves: &[], by_status: false },
];

filters! {
    /// The filters of `list_classifications`.
    ClassificationFilters {
        venture: Option<Param>,
        repo: Option<Param>,
        number: Option<Param>,
        grade: Option<Param>,
        cursor: Option<Param>,
    }
}

/// The page of `list_classifications`.
pub(crate) fn list(filter: &ClassificationFilter) -> (PageStatements, Limit) {
    let filters = ClassificationFilters {
        venture: filter.venture.as_ref().map(Param::from),
        repo: filter.repo.as_ref().map(Param::from),
        number: filter.number.map(Param::from),
        grade: filter.grade.map(QaGrade::get).map(Param::from),
        cursor: filter.cursor.as_ref().map(Param::from),
    };
    let limit = filter.limit.unwrap_or_default();
    (page(&filters, limit), limit)
}

fn page(filters: &ClassificationFilters, limit: Limit) -> PageStatements {
    let named = Filters::new(("cl.grade", &[]), Vec::new())
        .when("venture", "cl.venture = ?", filters.venture.clone())
        .when("repo", "cl.repo = ?", filters.repo.clone())
        .when("number", "cl.number = ?", filters.number.clone())
        .when("grade", "cl.grade = ?", filters.grade.clone());
    LIST.filtered_page((INDEXES, "cl.id"), &named, filters.cursor.as_ref(), limit)
}

/// Every form of [`list`].
pub(super) fn composed() -> Vec<(String, String)> {
    every_form("classification::list", |filters: &ClassificationFilters| page(filters, Limit::default()).statements())
}
