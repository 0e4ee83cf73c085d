//! `launcher log`, `handoff` and `notes` with a team's API.

use serde_json::{Value, json};

use crate::members::{ADMIN_KEY, CONTEXT_KEY, Team};

const VENTURES: &str = r#"{"ventures": [{"code": "alpha", "name": "Alpha", "org": "example-org"}]}"#;

#[tokio::test]
async fn the_records_of_a_team_are_read_without_an_agent() {
    let team = Team::new().await;
    team.write(".config/deckwatch/ventures.json", VENTURES);
    let synced = team.run(&["ventures", "sync"], &[("ADMIN_API_KEY", ADMIN_KEY)]).await;
    assert_eq!(synced.code, Some(0), "{}", synced.stderr);
    team.start_day("mac1-claude-1", "alpha").await;
    let key = [("CONTEXT_API_KEY", CONTEXT_KEY)];

    let log = team.run(&["log"], &key).await;
    assert!(log.stdout.contains("mac1-claude-1  session active  alpha, example-org/alpha"), "{}", log.stdout);
    assert!(log.stdout.contains("The only record of all ventures, from http://127.0.0.1"), "{}", log.stdout);
    let log: Value =
        serde_json::from_str(&team.run(&["log", "--venture", "alpha", "--json"], &key).await.stdout).unwrap();
    assert_eq!(log["items"][0]["agent"], "mac1-claude-1");
    let notes: Value = serde_json::from_str(&team.run(&["notes", "--json"], &key).await.stdout).unwrap();
    assert_eq!([&notes["items"], &notes["total"]], [&json!([]), &json!(0)]);
    let none = team.run(&["handoff"], &key).await;
    assert!(none.code == Some(20) && none.stderr.contains("there is no handoff in http://"), "{}", none.stderr);

    let local = team.run(&["log", "--local"], &[]).await;
    assert!(local.stdout.contains("There are no records yet"), "{}", local.stdout);
    assert!(local.stderr.contains("is not used"), "{}", local.stderr);
}

#[tokio::test]
async fn a_key_that_the_api_does_not_know_is_said_with_what_to_do() {
    let team = Team::new().await;
    for command in ["log", "handoff", "notes"] {
        let refused = team.run(&[command], &[("CONTEXT_API_KEY", "0123456789abcdef0123456789abcdef")]).await;
        assert_eq!(refused.code, Some(18), "{}", refused.stderr);
        assert!(refused.stderr.contains("The API key is not known."), "{}", refused.stderr);
        assert!(refused.stderr.contains("ask the API's admin for a key"), "{}", refused.stderr);
    }
}
