//! Figures about the sessions and handoffs of a time window.

use deserr::Deserr;
use serde::{Deserialize, Serialize};

use crate::escalation::Escalations;
use crate::page::{Excerpt, in_query};
use crate::text::{Agent, VentureCode};
use crate::time::Timestamp;
use crate::violation::{Invalid, Violations};

/// Selects what `session_analytics` counts: the sessions started and the handoffs created within a time window.
#[derive(Debug, Clone, Default, Serialize, Deserr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
#[deserr(deny_unknown_fields, error = Violations)]
pub struct AnalyticsFilter {
    /// Count only this venture.
    #[deserr(default)]
    pub venture: Option<VentureCode>,
    /// Count only this agent.
    #[deserr(default)]
    pub agent: Option<Agent>,
    /// The start of the window. The default is 7 days before its end.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub since: Option<Timestamp>,
    /// The end of the window, exclusive. The default is now.
    #[deserr(default, try_from(String) = in_query -> Invalid)]
    pub until: Option<Timestamp>,
}

/// Figures about the sessions and handoffs of a window: in total, by venture, by agent and by day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Analytics {
    /// The start of the window. It is later than the requested start if `shortened` is true.
    pub since: Timestamp,
    /// The end of the window, exclusive.
    pub until: Timestamp,
    /// Whether the requested window has more than 300 sessions or handoffs. If so, `since` is later than requested,
    /// and the figures are exact for the shorter window.
    #[serde(default)]
    pub shortened: bool,
    /// The figures of the whole window.
    pub totals: Figures,
    /// The figures of each venture, the busiest first. At most 100 ventures are shown.
    pub by_venture: Excerpt<FiguresOf>,
    /// The figures of each agent, the busiest first. At most 100 agents are shown.
    pub by_agent: Excerpt<FiguresOf>,
    /// The figures of each day in UTC, the latest first. All days are shown.
    pub by_day: Excerpt<FiguresOf>,
}

impl Analytics {
    /// The length of the longest window, in days.
    pub const MAX_DAYS: i64 = 92;
    /// The length of the default window, in days.
    pub const DEFAULT_DAYS: i64 = 7;
}

/// The figures of one venture, agent or day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FiguresOf {
    /// The code of the venture, the name of the agent, or the day, such as `2026-11-21`.
    pub key: String,
    /// The figures of this venture, agent or day.
    pub figures: Figures,
}

/// Figures about a set of sessions and handoffs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Figures {
    /// The number of sessions started.
    pub sessions: u32,
    /// The number of these sessions that are still active.
    pub active: u32,
    /// The number of these sessions that ended with a handoff.
    pub ended: u32,
    /// The number of these sessions that were abandoned, because their heartbeats stopped.
    pub abandoned: u32,
    /// The average duration, in seconds, of the sessions that are over. An abandoned session ends at its last
    /// heartbeat.
    pub average_duration_seconds: Option<f64>,
    /// The share of the sessions that are over and left no handoff, from 0 to 1.
    pub share_without_handoff: Option<f64>,
    /// The number of handoffs created.
    pub handoffs: u32,
    /// The number of handoffs created per session started.
    pub handoffs_per_session: Option<f64>,
    /// The share of the handoffs that have the status `blocked`, from 0 to 1.
    pub blocked_ratio: Option<f64>,
    /// The number of these handoffs with which an agent escalated, by reason. An older API does not count them.
    #[serde(default)]
    pub escalations: Escalations,
    /// The average time, in seconds, from a blocked handoff to the next handoff of the same venture, repository and
    /// track that is not blocked. Any agent may have created it. Blocked handoffs without such a handoff in the window
    /// don't count. With the filter `agent`, only the newest 300 handoffs of all agents are looked at.
    pub average_resolution_seconds: Option<f64>,
}
