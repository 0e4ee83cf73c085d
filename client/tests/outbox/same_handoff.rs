//! Tests of handoffs that are sent again: which of them are the same, and which answers were lost.

use std::path::Path;

use deckwatch_client::outbox::{Bounds, DayToEnd, Delivery};
use deckwatch_client::secret_scan::ScannedHandoff;
use deckwatch_client::{ApiConfig, ContextClient};
use deckwatch_machine::clock::now;
use deckwatch_protocol::{
    DayEnded, Extra, HandoffContent, HandoffDraft, HandoffStatus, Meta, PutVenture, SessionId, SessionRequest,
    WrittenHandoff,
};
use serde_json::{Value, json};

use crate::scripted::{KEY, Scripted, folder, silent};

const AGENT: &str = "mac1-claude-1";
const ALPHA: &str = "example-org/alpha";
const BETA: &str = "example-org/beta";

/// A client of the embedded engine. Another actor does not get the answers that are stored under the keys of this one.
fn embedded(home: &Path, actor: &str) -> ContextClient {
    let config = ApiConfig::embedded(home.join("context.db"), &actor.parse().unwrap()).unwrap();
    ContextClient::connect(config, home, Bounds::default())
}

async fn with_venture(home: &Path) -> ContextClient {
    let client = embedded(home, AGENT);
    let repos = vec![ALPHA.parse().unwrap(), BETA.parse().unwrap()];
    let venture = PutVenture { name: "Alpha".parse().unwrap(), github_org: None, repos, capabilities: vec![] };
    client.api().put_venture(&"alpha".parse().unwrap(), &venture).await.unwrap();
    client
}

fn draft(summary: &str, extra: &Value) -> HandoffDraft {
    HandoffDraft {
        summary: summary.parse().unwrap(),
        status: HandoffStatus::Done,
        accomplished: vec![],
        in_progress: vec![],
        blocked: vec![],
        next_steps: vec![],
        links: vec![],
        to_agent: None,
        extra: Extra(extra.as_object().unwrap().clone()),
    }
}

fn day_of(repo: &str, session: Option<SessionId>, handoff: ScannedHandoff) -> DayToEnd {
    let start = SessionRequest {
        agent: AGENT.parse().unwrap(),
        client: "claude".parse().unwrap(),
        client_version: None,
        client_session_id: None,
        host: "mac1".parse().unwrap(),
        venture: "alpha".parse().ok(),
        repo: repo.parse().unwrap(),
        track: None,
        issue_number: None,
        branch: None,
        commit_sha: None,
        meta: Meta::default(),
        start_id: None,
        machine_id: None,
        groups: None,
        public_key: None,
        take_over: None,
    };
    DayToEnd { session, epoch: None, start, keep_open: false, handoff }
}

async fn end(client: &ContextClient, repo: &str, session: Option<SessionId>, handoff: HandoffDraft) -> DayEnded {
    let scanned = client.scan_handoff(handoff).unwrap();
    match client.deliver_day(&day_of(repo, session, scanned)).await.unwrap() {
        Delivery::Delivered(day) => day,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_handoff_that_differs_only_in_its_other_data_is_recorded_too() {
    let home = tempfile::tempdir().unwrap();
    let client = with_venture(home.path()).await;
    let first = end(&client, ALPHA, None, draft("Done.", &json!({"cost": 1}))).await;
    let session = Some(first.session.id.clone());
    let same = end(&client, ALPHA, session.clone(), draft("Done.", &json!({"cost": 1.0}))).await;
    assert_eq!(same.handoff.id, first.handoff.id, "1 and 1.0 are the same number");
    let other = end(&client, ALPHA, session, draft("Done.", &json!({"cost": 2}))).await;
    assert_ne!(other.handoff.id, first.handoff.id);
    assert_eq!(Value::Object(other.handoff.payload.unwrap().extra.0), json!({"cost": 2}));
}

#[tokio::test]
async fn a_lost_answer_is_found_although_the_agent_has_worked_elsewhere_since() {
    let home = tempfile::tempdir().unwrap();
    let client = with_venture(home.path()).await;
    let first = end(&client, ALPHA, None, draft("Done.", &json!({}))).await;
    end(&client, BETA, None, draft("Other work.", &json!({}))).await;
    let next_process = embedded(home.path(), "mac1-claude-2");
    let again = end(&next_process, ALPHA, None, draft("Done.", &json!({}))).await;
    assert_eq!(again.handoff.id, first.handoff.id);
    let other = end(&next_process, BETA, None, draft("Done.", &json!({}))).await;
    assert_ne!(other.handoff.id, first.handoff.id, "another repository");
}

#[tokio::test]
async fn the_same_text_after_an_hour_is_another_handoff() {
    let home = tempfile::tempdir().unwrap();
    let client = with_venture(home.path()).await;
    let handoff = draft("Nothing to report.", &json!({}));
    let first = end(&client, ALPHA, None, handoff.clone()).await;
    for (seconds, expected) in [(0, Some(&first.handoff)), (3_590, Some(&first.handoff)), (3_700, None)] {
        let written = WrittenHandoff {
            agent: AGENT.parse().unwrap(),
            venture: "alpha".parse().unwrap(),
            repo: ALPHA.parse().unwrap(),
            written_at: now().plus_seconds(seconds),
            content: HandoffContent::from(&handoff),
        };
        let found = client.recorded_day(&written).await.unwrap().map(|day| day.handoff);
        assert_eq!(found.as_ref(), expected, "{seconds}");
    }
}

#[tokio::test]
async fn a_scanned_handoff_is_not_scanned_again() {
    let (home, folder) = folder();
    let server = Scripted::start(silent).await;
    let client = server.api(&folder, Bounds::default());
    let handoff = draft(&format!("The key is {KEY}."), &json!({}));
    let error = client.scan_handoff(handoff.clone()).unwrap_err();
    assert!(error.to_string().starts_with("The handoff was not sent: /handoff/summary has the value of"), "{error}");
    // The embedded client does not know this key, so its scan finds nothing. A second scan would find it.
    let scanned = embedded(home.path(), AGENT).scan_handoff(handoff).unwrap();
    let delivery = client.deliver_day(&day_of(ALPHA, None, scanned)).await.unwrap();
    assert!(matches!(delivery, Delivery::Queued(_)), "{delivery:?}");
}
