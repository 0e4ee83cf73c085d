//! Asks one machine for its health.

use std::time::{Duration, Instant};

use deckwatch_fleet::host::health::{Finding, Health};
use deckwatch_fleet::members::Member;
use deckwatch_fleet::remote::{Event, Exchange, Failure, Remote};
use deckwatch_fleet::status;
use deckwatch_machine::clock;
use deckwatch_machine::dirs::Dirs;
use deckwatch_machine::ventures::VentureEntry;
use deckwatch_protocol::Timestamp;

use super::report::{Report, Skew};

// The sum of the three is less than 10 s, so that a whole fleet is examined in that time.
/// How long a machine may take to be connected.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(5_500);
/// How long the checks on a machine may take.
const CHECKS_TIMEOUT: Duration = Duration::from_millis(3_300);
/// How long the findings may be on their way.
const ANSWER_GRACE: Duration = Duration::from_millis(700);

/// What is known about a machine.
pub(super) struct Examination {
    pub(super) report: Report,
    /// Why the report is empty or incomplete.
    pub(super) failure: Option<Failure>,
}

/// Asks a machine for its health, unless it was unreachable several times just before.
pub(super) async fn examine(remote: &Remote, member: &Member, ventures: &[VentureEntry], dirs: &Dirs) -> Examination {
    let within_millis = u64::try_from(CHECKS_TIMEOUT.as_millis()).unwrap_or(u64::MAX);
    let request = Health { within_millis, ventures: ventures.to_vec() };
    let mut report = Report::default();
    let failure = match status::guarded(member, dirs, remote.open(member, &request, CONNECT_TIMEOUT)).await {
        Ok(exchange) => {
            let limit = CHECKS_TIMEOUT + ANSWER_GRACE;
            let received = tokio::time::timeout(limit, receive(exchange, &mut report)).await;
            received.unwrap_or_else(|_| Err(incomplete(&report, limit))).err()
        }
        Err(failure) => Some(failure),
    };
    Examination { report, failure }
}

async fn receive(mut exchange: Exchange<Health>, report: &mut Report) -> Result<(), Failure> {
    let (sent, sent_at) = (Instant::now(), clock::now());
    loop {
        match exchange.next().await? {
            Event::Item(Finding::Clock(theirs)) => report.clock = Some(skew(sent_at, sent.elapsed(), theirs)),
            Event::Item(finding) => report.add(finding),
            Event::Done(()) => return Ok(()),
        }
    }
}

/// The failure of a machine that did not complete its answer.
fn incomplete(report: &Report, limit: Duration) -> Failure {
    match report.clock {
        None => Failure::TimedOut(limit),
        Some(_) => Failure::Lost(format!("it did not complete its answer within {} s", limit.as_secs())),
    }
}

/// The difference between the clock of a machine and this one's. The machine is taken to have read its clock in the middle
/// between the request and the arrival of its answer.
fn skew(sent_at: Timestamp, round_trip: Duration, theirs: Timestamp) -> Skew {
    let half = i64::try_from(round_trip.as_millis() / 2).unwrap_or(i64::MAX);
    let middle = sent_at.as_millis().saturating_add(half);
    Skew { millis: theirs.as_millis().saturating_sub(middle), uncertainty_millis: half }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_round_trip_is_not_a_difference_of_clocks() {
        let at = Timestamp::from_millis;
        let round_trip = Duration::from_millis(800);
        let same = skew(at(10_000), round_trip, at(10_400));
        assert_eq!(same, Skew { millis: 0, uncertainty_millis: 400 });
        assert_eq!(skew(at(10_000), round_trip, at(5_400)).millis, -5_000);
    }
}
