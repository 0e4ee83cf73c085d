//! Clocks that are wrong: records stay in the order of their writes, and a session goes stale in time (0024).

use deckwatch_protocol::Operation;
use serde_json::{Value, json};

use crate::lab::{TestApi, day_of, handoff_of};

const HOUR: i64 = 60 * 60;
/// 70 years: a clock without a battery, or one that somebody set.
const FAR: i64 = 70 * 365 * 24 * HOUR;

/// What a test asks of its lab.
struct Team(TestApi);

impl Team {
    async fn new() -> Self {
        let lab = TestApi::new();
        lab.register_alpha().await;
        Self(lab)
    }

    async fn read(&self, operation: Operation, query: &str) -> Value {
        let answer = self.0.ask(operation, ("", query), None).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()
    }

    async fn write(&self, operation: Operation, body: &Value) -> Value {
        let answer = self.0.ask(operation, ("", ""), Some(body)).await;
        assert!((200..300).contains(&answer.status), "{}", answer.text);
        answer.json()
    }

    /// The id of a new handoff of `session`.
    async fn hand_over(&self, session: &str) -> String {
        id(&self.write(Operation::CreateHandoff, &handoff_of(session)).await)
    }

    async fn end(&self, session: &str) -> Value {
        self.write(Operation::EndDay, &handoff_of(session)).await
    }

    /// The ids of a whole list, read page by page.
    async fn every_id(&self, operation: Operation) -> Vec<String> {
        let (mut ids, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.read(operation, &format!("venture=alpha&limit=2{cursor}")).await;
            ids.extend(page["items"].as_array().unwrap().iter().map(id));
            let Some(next) = page["next_cursor"].as_str() else { return ids };
            cursor = format!("&cursor={next}");
        }
    }
}

fn id(record: &Value) -> String {
    record["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_clock_that_goes_back_hides_no_handoff_note_or_session() {
    for back in [1, HOUR, FAR] {
        let team = Team::new().await;
        let (mut sessions, mut handoffs, mut notes) = (Vec::new(), Vec::new(), Vec::new());
        for (n, step) in [0, -back, -back, 2 * back, 0, -back / 2].into_iter().enumerate() {
            team.0.pass_seconds(step);
            let session = team.0.start(&format!("agent-{n}")).await;
            let handoff = team.hand_over(&session).await;
            assert_eq!(id(&team.read(Operation::LatestHandoff, "venture=alpha").await), handoff, "back {back} s");
            let note =
                json!({ "title": "a note", "content": "zanzibar", "tags": ["executive-summary"], "venture": "alpha" });
            notes.insert(0, id(&team.write(Operation::CreateNote, &note).await));
            let day = team.write(Operation::StartDay, &day_of("agent-reader")).await;
            assert_eq!(id(&day["last_handoff"]), handoff, "back {back} s");
            assert_eq!(id(&day["executive_summaries"]["items"][0]), notes[0], "back {back} s");
            sessions.insert(0, session);
            if n == 0 {
                sessions.insert(0, id(&day["session"]));
            }
            handoffs.insert(0, handoff);
        }
        assert_eq!(team.every_id(Operation::ListHandoffs).await, handoffs, "back {back} s");
        assert_eq!(team.every_id(Operation::ListNotes).await, notes, "back {back} s");
        let listed = team.every_id(Operation::ListSessions).await;
        assert!(sessions.iter().filter(|id| listed.contains(id)).eq(listed.iter().filter(|id| sessions.contains(id))));
        let found = team.read(Operation::ListNotes, "q=zanzibar").await;
        assert_eq!(found["items"].as_array().unwrap().iter().map(id).collect::<Vec<_>>(), notes);
    }
}

#[tokio::test]
async fn a_handoff_to_an_agent_is_shown_until_the_agent_has_ended_a_later_day_whatever_the_clock_says() {
    for back in [HOUR, FAR] {
        let team = Team::new().await;
        let sender = team.0.start("sender").await;
        let mut body = handoff_of(&sender);
        body["handoff"]["to_agent"] = json!("reader");
        let shown = async || team.write(Operation::StartDay, &day_of("reader")).await;
        let first = shown().await;
        team.end(first["session"]["id"].as_str().unwrap()).await;
        team.0.pass_seconds(-back);
        let handoff = id(&team.write(Operation::CreateHandoff, &body).await);
        let day = shown().await;
        assert_eq!(day["handoffs_to_you"]["items"].as_array().unwrap().iter().map(id).collect::<Vec<_>>(), [handoff]);
        team.end(day["session"]["id"].as_str().unwrap()).await;
        assert_eq!(shown().await["handoffs_to_you"]["total"], 0, "back {back} s");
    }
}

#[tokio::test]
async fn a_day_ends_with_its_own_handoff_whatever_the_clock_says() {
    let team = Team::new().await;
    let session = team.0.start("agent-1").await;
    team.hand_over(&session).await;
    team.0.pass_seconds(-HOUR);
    let mut body = handoff_of(&session);
    body["handoff"]["summary"] = json!("the last word");
    let ended = team.write(Operation::EndDay, &body).await;
    assert_eq!(ended["handoff"]["summary"], "the last word");
    assert_eq!(ended["session"]["final_handoff_id"], ended["handoff"]["id"]);
    let next = team.write(Operation::StartDay, &day_of("agent-1")).await;
    assert_eq!((&next["outcome"], &next["last_handoff"]["summary"]), (&json!("created"), &json!("the last word")));
}

#[tokio::test]
async fn a_session_is_live_for_45_minutes_after_its_last_heartbeat_although_the_clock_went_back() {
    for back in [HOUR, FAR] {
        let team = Team::new().await;
        let before = team.0.start("agent-before").await;
        team.0.pass_seconds(-back);
        let after = team.0.start("agent-after").await;
        let active = async || {
            let page = team.read(Operation::ListSessions, "venture=alpha&status=active").await;
            page["items"].as_array().unwrap().iter().map(id).collect::<Vec<_>>()
        };
        assert_eq!(active().await, [after.clone(), before.clone()], "back {back} s");
        team.0.pass_seconds(44 * 60);
        assert_eq!(active().await, [after, before], "back {back} s");
        team.0.pass_seconds(2 * 60);
        assert_eq!(active().await, [""; 0], "back {back} s");
    }
}

#[tokio::test]
async fn the_sweep_corrects_a_heartbeat_from_the_future() {
    let team = Team::new().await;
    team.0.start("agent-1").await;
    team.0.pass_seconds(-FAR);
    team.0.app().sweep().await.unwrap();
    team.0.pass_seconds(46 * 60);
    assert_eq!(team.read(Operation::ListSessions, "venture=alpha&status=active").await["total"], 0);
}

#[tokio::test]
async fn figures_count_what_was_made_after_a_clock_went_back() {
    for back in [HOUR, FAR] {
        let team = Team::new().await;
        let session = team.0.start("agent-1").await;
        team.hand_over(&session).await;
        team.0.pass_seconds(-back);
        let session = team.0.start("agent-2").await;
        team.hand_over(&session).await;
        team.end(&session).await;
        let figures = team.read(Operation::SessionAnalytics, "venture=alpha").await;
        let agents: Vec<_> = figures["by_agent"]["items"].as_array().unwrap().iter().map(|one| &one["key"]).collect();
        assert_eq!(agents, ["agent-2"], "the window ends now, and the first session began after that: {figures}");
        assert_eq!(figures["totals"]["handoffs"], 2, "back {back} s");
    }
}
