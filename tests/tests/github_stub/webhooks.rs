//! Deliveries: their headers and their signature.

use deckwatch_tests::github_stub::{GitHubStub, Level, permissions, signature};
use serde_json::json;

const REPO: &str = "example-org/alpha";

#[test]
fn a_delivery_is_signed_with_the_secret_of_its_hook() {
    let github = GitHubStub::start();
    let delivery = github.edit(|world| {
        world.add_repo(REPO);
        world.add_issue(REPO, "Down", &["bug"]);
        world.add_app("classifier", permissions(&[("issues", Level::Write)]), &["issues"]);
        world.install("classifier", "example-org", None);
        world.issue_event("labeled", REPO, 1, &json!({ "label": "bug" }))
    });
    let headers = delivery.headers();
    let header = |name: &str| headers.iter().find(|(known, _)| *known == name).unwrap().1.clone();
    assert_eq!(header("x-github-event"), "issues");
    assert_eq!(header("x-github-hook-installation-target-type"), "integration");
    let signature = header("x-hub-signature-256");
    assert!(signature.starts_with("sha256=") && signature.len() == 71, "{signature}");
    assert_eq!(delivery.payload["label"]["name"], "bug");
    let mut other = delivery.clone();
    other.secret.push('x');
    assert_ne!(other.signature(), signature);
    other = delivery.clone();
    other.payload["action"] = json!("edited");
    assert_ne!(other.signature(), signature);
}

/// The example in GitHub's documentation of signatures.
#[test]
fn a_signature_is_the_one_of_githubs_example() {
    let expected = ["sha256=757107ea0eb2509fc211221cce984b8a", "37570b6d7586c22c46f4379c8b043e17"].concat();
    assert_eq!(signature("It's a Secret to Everybody", b"Hello, World!"), expected);
}
