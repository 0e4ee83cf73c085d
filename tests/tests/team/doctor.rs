//! `launcher doctor` checks that a team's API answers and accepts the key.

use serde_json::Value;

use crate::members::{CONTEXT_KEY, Team};

#[tokio::test]
async fn the_api_its_key_and_its_clock_are_checked() {
    let team = Team::new().await;
    for (key, status, detail) in [
        (CONTEXT_KEY, "ok", "accepted; 0 ventures are registered"),
        ("0123456789abcdef0123456789abcdef", "fail", "refused"),
    ] {
        let run = team.run(&["doctor", "--json"], &[("CONTEXT_API_KEY", key)]).await;
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        let checks = report["checks"].as_array().unwrap();
        let check = |name: &str| checks.iter().find(|check| check["name"] == name).unwrap();
        for name in ["api", "clock", "versions"] {
            assert_eq!(check(name)["status"], "ok", "{report:#}");
        }
        assert_eq!(check("key")["status"], status, "{report:#}");
        assert!(check("key")["detail"].as_str().unwrap().contains(detail), "{report:#}");
        assert!(!run.stdout.contains(key) && !run.stderr.contains(key), "{}", run.stdout);
    }
}
