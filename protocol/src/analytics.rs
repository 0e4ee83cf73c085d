//! How the sessions of a window of time went.

use deserr::Deserr;
use serde::{Deserialize, Serialize};

use crate::page::{Excerpt, in_query};
use crate::text::{Agent, VentureCode};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations};

/// Which sessions `session_analytics` counts: those started, and handoffs made, within the window.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct AnalyticsFilter {
    /// The venture they worked on.
    #[deserr(default)]
    pub venture: Option<VentureCode>,
    /// The running agent.
    #[deserr(default)]
    pub agent: Option<Agent>,
    /// Where the window begins; 7 days before its end unless given.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub since: Option<Timestamp>,
    /// Where the window ends, itself not in it; now unless given.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub until: Option<Timestamp>,
}

/// How the sessions of a window went: in all, and by venture, agent and day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Analytics {
    /// Where the window begins; later than was asked when `shortened`.
    pub since: Timestamp,
    /// Where it ends, itself not in it.
    pub until: Timestamp,
    /// Whether the window as it was asked has more than 2,000 sessions or handoffs. Then `since` is later, so that what is
    /// said of the rest is exact.
    #[serde(default)]
    pub shortened: bool,
    /// Everything in it.
    pub totals: Figures,
    /// By venture, the busiest first; shows 100 at most.
    pub by_venture: Excerpt<FiguresOf>,
    /// By agent, the busiest first; shows 100 at most.
    pub by_agent: Excerpt<FiguresOf>,
    /// By day in UTC, the latest first; shows all.
    pub by_day: Excerpt<FiguresOf>,
}

impl Analytics {
    /// The longest window.
    pub const MAX_DAYS: i64 = 92;
    /// The window when none is given.
    pub const DEFAULT_DAYS: i64 = 7;
}

/// The figures of one venture, agent or day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FiguresOf {
    /// The venture's code, the agent, or the day as `2026-11-21`.
    pub key: String,
    /// Its figures.
    pub figures: Figures,
}

/// What the records say of a set of sessions and handoffs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Figures {
    /// Sessions started.
    pub sessions: u32,
    /// Of these, still alive.
    pub active: u32,
    /// Of these, ended with a handoff.
    pub ended: u32,
    /// Of these, fallen silent.
    pub abandoned: u32,
    /// Seconds from start to end of a session that is over, on average; an abandoned one ends at its last heartbeat.
    pub average_duration_seconds: Option<f64>,
    /// Of the sessions that are over, the share that left no handoff at all, from 0 to 1.
    pub share_without_handoff: Option<f64>,
    /// Handoffs made.
    pub handoffs: u32,
    /// Handoffs made for each session started.
    pub handoffs_per_session: Option<f64>,
    /// Of the handoffs, the share that say `blocked`, from 0 to 1.
    pub blocked_ratio: Option<f64>,
    /// Seconds until the next handoff of the same venture, repository and track that is not blocked, on average
    /// over the blocked ones that have one in the window, whoever made it.
    pub average_resolution_seconds: Option<f64>,
}
