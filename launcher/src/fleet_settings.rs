//! The settings in `[fleet]` of `config.toml`.

use deckwatch_fleet::runs::Limits;
use serde::Deserialize;

/// The settings of the commands of the fleet.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FleetSettings {
    /// How many agents may run on this machine. By default, 4 for each core and one for each 512 MiB of memory, whichever
    /// is less.
    pub(crate) max_agents: Option<u32>,
    /// How many agents may run for each venture on this machine. By default, as many as on the machine.
    pub(crate) max_agents_per_venture: Option<u32>,
    /// When a value is a problem.
    pub(crate) health: HealthLimits,
}

/// The values from which `launcher fleet health` warns, and those that it calls bad.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HealthLimits {
    pub(crate) disk_free_percent: Limit,
    pub(crate) memory_available_percent: Limit,
    pub(crate) load_per_cpu: Limit,
    pub(crate) clock_skew_seconds: Limit,
    pub(crate) pending_updates: Limit,
    pub(crate) security_updates: Limit,
    /// Of the checkout of Deckwatch.
    pub(crate) commits_behind: Limit,
}

/// Two limits. Both are written: `{ warn = 15, bad = 5 }`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limit {
    pub(crate) warn: f64,
    pub(crate) bad: f64,
}

const fn limit(warn: f64, bad: f64) -> Limit {
    Limit { warn, bad }
}

impl Default for HealthLimits {
    fn default() -> Self {
        Self {
            disk_free_percent: limit(15.0, 5.0),
            memory_available_percent: limit(10.0, 3.0),
            load_per_cpu: limit(2.0, 8.0),
            clock_skew_seconds: limit(2.0, 60.0),
            pending_updates: limit(50.0, 1000.0),
            security_updates: limit(1.0, 200.0),
            commits_behind: limit(1.0, 200.0),
        }
    }
}

impl FleetSettings {
    /// How many agents may run on this machine.
    pub(crate) fn limits(&self) -> Limits {
        Limits { max_agents: self.max_agents, max_agents_per_venture: self.max_agents_per_venture }
    }

    /// What is wrong with the settings: a limit that is no number from 0 on, or limits in the wrong order.
    pub(crate) fn error(&self) -> Option<String> {
        let health = &self.health;
        let falling = [
            ("disk_free_percent", health.disk_free_percent),
            ("memory_available_percent", health.memory_available_percent),
        ];
        let rising = [
            ("load_per_cpu", health.load_per_cpu),
            ("clock_skew_seconds", health.clock_skew_seconds),
            ("pending_updates", health.pending_updates),
            ("security_updates", health.security_updates),
            ("commits_behind", health.commits_behind),
        ];
        let is_number = |limit: &Limit| [limit.warn, limit.bad].iter().all(|value| value.is_finite() && *value >= 0.0);
        let all = falling.iter().chain(&rising);
        if let Some((name, _)) = all.into_iter().find(|(_, limit)| !is_number(limit)) {
            return Some(format!("[fleet.health] {name}: warn and bad must be numbers from 0 on"));
        }
        let falling = falling.iter().find(|(_, limit)| limit.warn < limit.bad);
        let rising = rising.iter().find(|(_, limit)| limit.warn > limit.bad);
        falling.or(rising).map(|(name, _)| format!("[fleet.health] {name}: bad must be the worse of the two limits"))
    }
}
