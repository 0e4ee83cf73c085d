//! The sections of a queue: each lane, divided at the agent's track.

use deckwatch_protocol::Track;

use super::lane::Lane;

/// A lane, or the part of a lane that is on the agent's track or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) lane: Lane,
    /// The agent's track, and whether the section has its items or all others. `None` for the whole lane.
    track: Option<(Track, bool)>,
}

impl Section {
    /// The sections of these lanes. Those of the agent's track come first.
    pub(super) fn of(lanes: &[Lane], track: Option<Track>) -> Vec<Self> {
        let of_lane = |lane: &Lane| match track {
            None => vec![Self { lane: *lane, track: None }],
            Some(track) => [true, false].map(|on| Self { lane: *lane, track: Some((track, on)) }).to_vec(),
        };
        lanes.iter().flat_map(of_lane).collect()
    }

    /// Whether every item of the section is on the agent's track.
    pub(crate) fn is_on_track(self) -> bool {
        matches!(self.track, Some((_, true)))
    }

    /// The section as qualifiers of GitHub's search.
    pub(super) fn qualifiers(self) -> String {
        let track = match self.track {
            None => String::new(),
            Some((track, true)) => format!(" label:\"track:{track}\""),
            Some((track, false)) => format!(" -label:\"track:{track}\""),
        };
        self.lane.qualifiers() + &track
    }

    /// A text that differs for every section of every track.
    pub(super) fn key(self) -> String {
        match self.track {
            None => self.lane.name().to_owned(),
            Some((track, on)) => format!("{}:{track}:{on}", self.lane.name()),
        }
    }
}
