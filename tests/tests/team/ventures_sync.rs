//! `launcher ventures sync` with a team's API.

use serde_json::Value;

use crate::members::{ADMIN_KEY, CONTEXT_KEY, Team};

const FILE: &str = ".config/deckwatch/ventures.json";
const SYNC: [&str; 3] = ["ventures", "sync", "--json"];

#[tokio::test]
async fn an_admin_registers_the_ventures_of_the_file_and_agents_see_them() {
    let team = Team::new().await;
    team.write(FILE, r#"{"ventures": [{"code": "alpha", "name": "Alpha", "capabilities": ["has_api"]}]}"#);
    for outcome in ["created", "unchanged"] {
        let run = team.run(&SYNC, &[("ADMIN_API_KEY", ADMIN_KEY)]).await;
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(report["ventures"][0]["outcome"], outcome);
        assert_eq!(report["api"].as_str().unwrap(), team.server.url);
    }
    assert!(!team.home_holds(ADMIN_KEY));

    std::fs::remove_file(team.path(FILE)).unwrap();
    let listed = team.run(&["--list", "--json"], &[("CONTEXT_API_KEY", CONTEXT_KEY)]).await;
    assert!(listed.stdout.contains("\"has_api\""), "{} {}", listed.stdout, listed.stderr);
}

#[tokio::test]
async fn a_key_without_admin_rights_is_refused_and_registers_nothing() {
    let team = Team::new().await;
    team.write(FILE, r#"{"ventures": [{"code": "alpha", "name": "Alpha"}, {"code": "beta", "name": "Beta"}]}"#);
    let run = team.run(&SYNC, &[("ADMIN_API_KEY", CONTEXT_KEY)]).await;
    assert_eq!(run.code, Some(18), "{}", run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["ventures"][1]["outcome"], "failed");
    let why = report["ventures"][1]["error"].as_str().unwrap();
    assert!(why.contains("admin") && !why.contains(CONTEXT_KEY), "{why}");
    assert!(run.stderr.contains("2 of the ventures could not be registered"), "{}", run.stderr);
}

#[tokio::test]
async fn a_dry_run_needs_no_admin_key() {
    let team = Team::new().await;
    team.write(FILE, r#"{"ventures": [{"code": "alpha", "name": "Alpha"}]}"#);
    let dry = ["ventures", "sync", "--json", "--dry-run"];
    for key in [("CONTEXT_API_KEY", CONTEXT_KEY), ("ADMIN_API_KEY", ADMIN_KEY)] {
        let run = team.run(&dry, &[key]).await;
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(report["ventures"][0]["outcome"], "created", "{report}");
    }
    let listed = team.run(&["--list", "--json"], &[("CONTEXT_API_KEY", CONTEXT_KEY)]).await;
    assert!(!team.home_holds(ADMIN_KEY) && listed.code == Some(0), "{}", listed.stderr);
}
