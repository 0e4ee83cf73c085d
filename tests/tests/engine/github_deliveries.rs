//! A server that is killed after its answer to GitHub and before the label: the next start completes the work.

use std::ffi::OsString;
use std::time::{Duration, Instant};

use deckwatch_tests::github_stub::{Delivery, Fault, GitHubStub, TokenBuilder, signature};
use deckwatch_tests::{Api, ServerProcess};
use serde_json::json;

use crate::survival::{ADMIN_KEY, CONTEXT_KEY, TestServer};

const REPO: &str = "example-org/alpha";
const SECRET: &str = "a-webhook-secret-of-a-test";

/// A server on a folder that is kept when the server ends, and a GitHub that it works for.
struct Lab {
    server: TestServer,
    github: GitHubStub,
}

impl Lab {
    fn new() -> Self {
        let github = GitHubStub::start();
        github.edit(|world| world.add_repo(REPO).private = false);
        Self { server: TestServer::new(), github }
    }

    async fn start(&self) -> (ServerProcess, Api) {
        let token = self.github.edit(|world| world.token(TokenBuilder::classic(&["repo"])));
        let variables: Vec<(&'static str, OsString)> = vec![
            ("GITHUB_WEBHOOK_SECRET", SECRET.into()),
            ("GITHUB_TOKEN", token.into()),
            ("GITHUB_API_URL", self.github.url().into()),
        ];
        let (binary, folder) = (&self.server.binary, self.server.folder.path());
        let process = ServerProcess::start_with(binary, folder, CONTEXT_KEY, ADMIN_KEY, variables).await;
        let api = Api::at(&process.url, (CONTEXT_KEY, ADMIN_KEY), &folder.join("context.db"));
        (process, api)
    }

    fn opened(&self, title: &str) -> (u64, Delivery) {
        self.github.edit(|world| {
            let number = world.add_issue(REPO, title, &[]).number;
            let mut delivery = world.issue_event("opened", REPO, number, &json!({}));
            SECRET.clone_into(&mut delivery.secret);
            (number, delivery)
        })
    }

    fn labels(&self, number: u64) -> Vec<String> {
        let mut labels = self.github.edit(|world| world.repo(REPO).issue(number).labels.clone());
        labels.sort();
        labels
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_was_answered_before_a_kill_is_completed_after_it() {
    let lab = Lab::new();
    for round in 0..3_u64 {
        let (process, api) = lab.start().await;
        lab.github.misbehave(Some(Fault::Hang));
        let (number, delivery) = lab.opened(&format!("Round {round}"));
        assert_eq!(signature(SECRET, &delivery.body()), delivery.signature());
        let (status, body) = delivery.send(&format!("{}/webhooks/github", process.url)).await;
        assert_eq!(status, 202, "{body}");
        // At once, and while the work waits for GitHub.
        tokio::time::sleep(Duration::from_millis(100 * round)).await;
        process.kill().await;
        lab.github.misbehave(None);
        assert!(lab.labels(number).is_empty());
        // The next sweep after the end of the lease takes the work over; the server sweeps when it starts.
        api.db_execute(
            "update github_deliveries set due_at = '2026-01-01T00:00:00.000Z' where state <> 'done'",
            json!([]),
        )
        .await;
        let (process, api) = lab.start().await;
        let since = Instant::now();
        while lab.labels(number).len() < 3 {
            assert!(since.elapsed() < Duration::from_secs(10), "the delivery was lost");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(lab.labels(number), ["needs:pm", "qa:1", "status:triage"]);
        let decided = "select count(*) as n from classifications where number = ?1";
        while api.db_count(decided, json!([number])).await == 0 {
            assert!(since.elapsed() < Duration::from_secs(10), "the decision was lost");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(api.db_count(decided, json!([number])).await, 1);
        // The same delivery again does nothing.
        let (_, body) = delivery.send(&format!("{}/webhooks/github", process.url)).await;
        assert!(body.contains("repeated"), "{body}");
        process.kill().await;
    }
}
