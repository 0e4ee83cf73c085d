//! `launcher --list` with a team's API shows the active agents and the last session of each venture.

use serde_json::{Value, json};

use crate::members::{ADMIN_KEY, CONTEXT_KEY, Team};

#[tokio::test]
async fn the_list_shows_the_active_agents_and_the_last_session() {
    let team = Team::new().await;
    let ventures = r#"{"ventures": [{"code": "alpha", "name": "Alpha"}, {"code": "beta", "name": "Beta"}]}"#;
    team.write(".config/deckwatch/ventures.json", ventures);
    let synced = team.run(&["ventures", "sync"], &[("ADMIN_API_KEY", ADMIN_KEY)]).await;
    assert_eq!(synced.code, Some(0), "{}", synced.stderr);
    for agent in ["mac1-claude-1", "mac2-codex-1"] {
        team.start_day(agent, "alpha").await;
    }

    let key = [("CONTEXT_API_KEY", CONTEXT_KEY)];
    let list: Value = serde_json::from_str(&team.run(&["--list", "--json"], &key).await.stdout).unwrap();
    let [alpha, beta] = [0, 1].map(|number| &list["ventures"][number]);
    assert_eq!(alpha["active_agents"], json!(["mac2-codex-1", "mac1-claude-1"]));
    assert_eq!(alpha["last_session"]["agent"], "mac2-codex-1");
    assert_eq!(alpha["last_session"]["status"], "active");
    assert_eq!([&beta["active_agents"], &beta["last_session"]], [&json!([]), &Value::Null]);

    let table = team.run(&["--list"], &key).await;
    assert!(table.stdout.contains("now           mac2-codex-1, mac1-claude-1"), "{}", table.stdout);
    let refused = team.run(&["--list"], &[("CONTEXT_API_KEY", "0123456789abcdef0123456789abcdef")]).await;
    assert!(refused.stderr.contains("sessions are unknown: the Context API refused"), "{}", refused.stderr);
    assert!(refused.stdout.contains("unknown       unknown"), "{}", refused.stdout);
}
