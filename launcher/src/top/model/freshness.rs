//! How current the records on the screen are. Nothing is called live unless the API was heard lately.

use deckwatch_client::watch::{Link, LinkWay};
use deckwatch_protocol::Timestamp;

/// A socket that was silent for so long is not trusted: the API answers a ping every 30 seconds.
const SILENT_SECONDS: u64 = 65;

/// The age of the records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Freshness {
    /// How the watch learns of events. `None` before the first answer.
    way: Option<LinkWay>,
    /// When the API was last heard.
    heard_at: Option<Timestamp>,
    /// Why the API can't be reached.
    trouble: Option<String>,
    /// When the records were last read completely.
    read_at: Option<Timestamp>,
    /// Why records could not be read.
    not_read: Option<String>,
}

/// What the screen says about the age of the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Currency {
    /// Nothing was read yet.
    Reading,
    /// A change is shown within a moment. The API was heard so many seconds ago.
    Live(u64),
    /// There is no socket, so a change is shown within half a minute.
    Polled(u64),
    /// The records are so many seconds old, or none were read, for this cause.
    Old(Option<u64>, String),
}

impl Freshness {
    /// All records were read at this time.
    pub(crate) fn read(&mut self, at: Timestamp) {
        (self.read_at, self.not_read) = (Some(at), None);
    }

    /// Whether the records were read at least once.
    pub(crate) fn has_read(&self) -> bool {
        self.read_at.is_some()
    }

    /// Records could not be read.
    pub(crate) fn not_read(&mut self, cause: String) {
        self.not_read = Some(cause);
    }

    /// The connection of the watch, and when it was last heard by the clock of this machine.
    pub(crate) fn link(&mut self, link: &Link, heard_at: Option<Timestamp>) {
        if heard_at.is_some() {
            (self.way, self.heard_at) = (Some(link.way), heard_at);
        }
        self.trouble.clone_from(&link.trouble);
    }

    /// What to say at this time.
    pub(crate) fn at(&self, now: Timestamp) -> Currency {
        let Some(read_at) = self.read_at else {
            let cause = self.trouble.as_ref().or(self.not_read.as_ref());
            return cause.map_or(Currency::Reading, |cause| Currency::Old(None, cause.clone()));
        };
        let heard_at = self.heard_at.unwrap_or(read_at);
        let age = now.seconds_since(heard_at);
        if let Some(cause) = self.trouble.as_ref().or(self.not_read.as_ref()) {
            return Currency::Old(Some(age), cause.clone());
        }
        match self.way {
            Some(LinkWay::Polling) | None if age <= SILENT_SECONDS => Currency::Polled(age),
            Some(LinkWay::Socket | LinkWay::Database) if age <= SILENT_SECONDS => Currency::Live(age),
            _ => Currency::Old(Some(age), "the API was not heard since".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_795_248_000_000).plus_seconds(seconds)
    }

    fn link(way: LinkWay, trouble: Option<&str>) -> Link {
        let heard_at = Some(Instant::now() + Duration::ZERO);
        Link { way, heard_at, trouble: trouble.map(str::to_owned), no_socket: None }
    }

    #[test]
    fn only_records_of_a_connection_that_was_heard_lately_are_live() {
        let mut freshness = Freshness::default();
        assert_eq!(freshness.at(at(0)), Currency::Reading);
        freshness.not_read("refused".to_owned());
        assert_eq!(freshness.at(at(0)), Currency::Old(None, "refused".to_owned()));
        freshness.read(at(0));
        freshness.link(&link(LinkWay::Socket, None), Some(at(0)));
        assert_eq!(freshness.at(at(30)), Currency::Live(30));
        assert!(matches!(freshness.at(at(66)), Currency::Old(Some(66), _)));
        freshness.link(&link(LinkWay::Polling, Some("closed")), None);
        assert_eq!(freshness.at(at(40)), Currency::Old(Some(40), "closed".to_owned()));
        freshness.link(&link(LinkWay::Polling, None), Some(at(45)));
        assert_eq!(freshness.at(at(50)), Currency::Polled(5));
        freshness.not_read("no answer".to_owned());
        assert!(matches!(freshness.at(at(50)), Currency::Old(Some(5), _)), "a part of the records is old");
    }
}
