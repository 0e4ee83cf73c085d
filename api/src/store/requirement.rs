//! Requirements: which document must exist, for which ventures, and how fresh it must be.

use deckwatch_protocol::{Limit, PutRequirement, Requirement, RequirementFilter, RequirementId, Timestamp, TokenId};

use super::forms::{every_form, filters};
use super::list::{Conditions, List, Order};
use super::responses::{SelectResponse, responses};
use super::statements;
use crate::database::{Param, Statement};

/// The requirement `r` as JSON.
macro_rules! requirement_json {
    () => {
        "json_object('id', r.id, 'name_pattern', r.name_pattern, 'scope_type', r.scope_type, 'venture', r.venture, \
         'capability', r.capability, 'staleness_days', r.staleness_days, 'required', json(iif(r.required, 'true', 'false')), \
         'auto_generate', json(iif(r.auto_generate, 'true', 'false')), 'sources', json(r.sources_json), \
         'created_at', r.created_at, 'updated_at', r.updated_at)"
    };
}

/// The requirement with pattern `?1`, scope type `?2`, venture `?3` and capability `?4`. The schema allows only one.
macro_rules! same_rule {
    () => {
        "r.name_pattern = ?1 and r.scope_type = ?2 and ifnull(r.venture, '') = ifnull(?3, '') \
         and ifnull(r.capability, '') = ifnull(?4, '')"
    };
}

statements! {
    /// Fails if the requirement would be more than `?5`, or if it has a `*` and would be more than `?6` that apply
    /// to one venture (those that name the venture and those that name none). A change of an existing requirement
    /// adds none.
    UNLESS_BELOW_LIMIT = concat!(
        "insert into refusals (reason) select 'requirements_full' from (select sum(n) as n, ",
        "ifnull(sum(patterns) filter (where venture is null), 0) + ",
        "ifnull(max(patterns) filter (where venture = ifnull(?3, venture)), 0) as patterns ",
        "from (select venture, count(*) as n, sum(instr(name_pattern, '*') > 0) as patterns ",
        "from doc_requirements indexed by doc_requirements_by_venture group by venture)) ",
        "where (n >= ?5 or instr(?1, '*') > 0 and patterns >= ?6) ",
        "and not exists (select 1 from doc_requirements r where ", same_rule!(), ")"
    );

    PUT = "
        insert into doc_requirements (name_pattern, scope_type, venture, capability, id, staleness_days, required,
          auto_generate, sources_json, created_at, updated_at)
        values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)
        on conflict (name_pattern, scope_type, ifnull(venture, ''), ifnull(capability, '')) do update set
          staleness_days = excluded.staleness_days, required = excluded.required,
          auto_generate = excluded.auto_generate, sources_json = excluded.sources_json, updated_at = excluded.updated_at
        where (staleness_days, required, auto_generate, sources_json) is not
          (excluded.staleness_days, excluded.required, excluded.auto_generate, excluded.sources_json)";

    DELETE = "delete from doc_requirements where id = ?1";
}

responses! {
    /// If this request created the requirement, with the id `?5`, the status is 201.
    SELECT_RESPONSE = concat!(
        "select case when r.id = ?5 then 201 else 200 end, ", requirement_json!(), ", null, null ",
        "from doc_requirements r where ", same_rule!()
    );

    /// It reads no row, because the row is deleted.
    SELECT_DELETED = "select 200, json_object('id', ?1, 'deleted_at', ?2), null, null";
}

/// `sql` with the four fields that identify a requirement as `?1` to `?4`.
fn bind_rule(sql: &'static str, requirement: &PutRequirement) -> Statement {
    Statement::new(sql)
        .bind(&requirement.name_pattern)
        .bind(requirement.scope_type.as_str())
        .bind(requirement.venture.as_ref())
        .bind(requirement.capability.as_ref())
}

/// Fails the batch if it would create one requirement too many.
pub(crate) fn unless_below_limit(requirement: &PutRequirement) -> Statement {
    bind_rule(UNLESS_BELOW_LIMIT, requirement).bind(Requirement::MAX).bind(Requirement::MAX_PATTERNS)
}

pub(crate) fn put(requirement: &PutRequirement, new_id: &RequirementId, now: Timestamp) -> Statement {
    let sources: serde_json::Value = requirement.sources.iter().map(|source| source.as_str()).collect();
    bind_rule(PUT, requirement)
        .bind(new_id)
        .bind(requirement.staleness_days.get())
        .bind(requirement.required)
        .bind(requirement.auto_generate)
        .bind(sources.to_string())
        .bind(now)
}

pub(crate) fn select_response(requirement: &PutRequirement, new_id: &RequirementId) -> SelectResponse {
    SELECT_RESPONSE
        .select()
        .bind(&requirement.name_pattern)
        .bind(requirement.scope_type.as_str())
        .bind(requirement.venture.as_ref())
        .bind(requirement.capability.as_ref())
        .bind(new_id)
}

pub(crate) fn delete(id: &RequirementId) -> Statement {
    Statement::new(DELETE).bind(id)
}

pub(crate) fn select_deleted(id: &RequirementId, now: Timestamp) -> SelectResponse {
    SELECT_DELETED.select().bind(id).bind(now)
}

const LIST: List =
    List { from: "doc_requirements r", item: requirement_json!(), key: "r.id", order: Order::Descending };

/// The requirements that apply to the token's venture. For a token without a venture, all requirements.
const OF_TOKEN: &str =
    "(r.venture is null or r.venture = ifnull((select t.venture from tokens t where t.id = ?), r.venture))";

filters! {
    /// The filters of `list_requirements`.
    RequirementFilters {
        venture: Option<Param>,
        token: Option<Param>,
        cursor: Option<Param>,
    }
}

/// The page and the total of `list_requirements`.
pub(crate) fn list(filter: &RequirementFilter, token: Option<&TokenId>) -> [Statement; 2] {
    let filters = RequirementFilters {
        venture: filter.venture.as_ref().map(Param::from),
        token: token.map(Param::from),
        cursor: filter.cursor.as_ref().map(Param::from),
    };
    page(&filters, filter.limit.unwrap_or_default())
}

fn page(filters: &RequirementFilters, limit: Limit) -> [Statement; 2] {
    let conditions = Conditions::none()
        .when("(r.venture is null or r.venture = ?)", filters.venture.as_ref())
        .when(OF_TOKEN, filters.token.as_ref());
    LIST.page(&conditions, filters.cursor.as_ref(), limit)
}

/// Every form of [`list`].
pub(super) fn composed() -> Vec<(String, String)> {
    every_form("requirement::list", |filters| page(filters, Limit::default()))
}
