//! How the engine identifies itself to GitHub, and what it does without a permission.

use deckwatch_tests::github_stub::{Level, TokenBuilder, permissions};
use serde_json::json;

use super::{Lab, REPO, names};

const LABELS: [&str; 3] = ["needs:pm", "qa:1", "status:triage"];

#[tokio::test]
async fn the_token_of_an_installation_is_used_until_shortly_before_it_expires() {
    let lab = Lab::new().await;
    let minted = |lab: &Lab| {
        let is_mint = |path: &str| path.ends_with("/access_tokens");
        lab.github.requests().iter().filter(|request| is_mint(&request.path)).count()
    };
    for _ in 0..3 {
        let number = lab.issue("One", "", &[]);
        lab.issue_event("opened", number, json!({})).await;
        assert_eq!(lab.labels(number), names(&LABELS));
    }
    assert_eq!(minted(&lab), 1);
}

#[tokio::test]
async fn a_revoked_token_is_replaced_at_the_next_attempt() {
    let lab = Lab::new().await;
    let first = lab.issue("One", "", &[]);
    lab.issue_event("opened", first, json!({})).await;
    let requests = lab.github.requests();
    let token = requests.iter().rev().find_map(|request| request.headers["authorization"].split(' ').nth(1)).unwrap();
    lab.github.edit(|world| world.revoke(token));
    let second = lab.issue("Two", "", &[]);
    let delivery = lab.send(|world| world.issue_event("opened", REPO, second, &json!({}))).await;
    let (state, _, error) = lab.failed(&delivery.id).await;
    assert!(state == "waiting" && error.contains("401"), "{state} {error}");
    lab.sweep_when_due().await;
    assert_eq!(lab.ended(&delivery.id).await, "done");
    // The next delivery gets a new token too.
    let third = lab.issue("Three", "", &[]);
    lab.issue_event("opened", third, json!({})).await;
    assert_eq!((lab.labels(second), lab.labels(third)), (names(&LABELS), names(&LABELS)));
}

#[tokio::test]
async fn the_installation_is_looked_up_if_the_payload_does_not_name_it() {
    let lab = Lab::new().await;
    let number = lab.issue("One", "", &[]);
    lab.event(|world| {
        let mut delivery = world.issue_event("opened", REPO, number, &json!({}));
        delivery.payload.as_object_mut().unwrap().remove("installation");
        delivery
    })
    .await;
    assert_eq!(lab.labels(number), names(&LABELS));
}

#[tokio::test]
async fn a_token_does_without_an_app() {
    let lab = Lab::with(|github| {
        let token = github.edit(|world| world.token(TokenBuilder::classic(&["repo"])));
        vec![("GITHUB_TOKEN", token), ("GITHUB_APP_ID", String::new()), ("GITHUB_APP_PRIVATE_KEY", String::new())]
    })
    .await;
    let number = lab.issue("One", "", &[]);
    lab.issue_event("opened", number, json!({})).await;
    assert_eq!(lab.labels(number), names(&LABELS));
    // The account of the token is not a person: its own labels come back as deliveries.
    lab.issue_event("labeled", number, json!({ "label": "qa:1" })).await;
    lab.github.edit(|world| world.repo(REPO).issue(number).title = "Password".to_owned());
    lab.issue_event("edited", number, json!({ "changes": {} })).await;
    assert_eq!(lab.labels(number), names(&["needs:pm", "qa:4", "status:triage"]));
}

#[tokio::test]
async fn github_enterprise_has_another_address() {
    let lab = Lab::with(|github| vec![("GITHUB_API_URL", github.enterprise_url())]).await;
    let number = lab.issue("One", "", &[]);
    lab.issue_event("opened", number, json!({})).await;
    assert_eq!(lab.labels(number), names(&LABELS));
}

#[tokio::test]
async fn a_missing_permission_is_told_and_tried_again() {
    let lab = Lab::new().await;
    let number = lab.issue("One", "", &[]);
    let full = lab.github.edit(|world| {
        let full = world.installations[0].permissions.clone();
        world.installations[0].permissions = permissions(&[("metadata", Level::Read)]);
        full
    });
    let delivery = lab.send(|world| world.issue_event("opened", REPO, number, &json!({}))).await;
    let (state, _, error) = lab.failed(&delivery.id).await;
    assert!(state == "waiting" && error.contains("read and write access to issues"), "{state} {error}");
    lab.github.edit(|world| world.installations[0].permissions = full);
    // A token has the rights of the time when it was made, so the next attempt gets a new one.
    lab.sweep_when_due().await;
    assert_eq!(lab.ended(&delivery.id).await, "done");
    assert_eq!(lab.labels(number), names(&LABELS));
}

#[tokio::test]
async fn a_renamed_repository_is_followed() {
    let lab = Lab::new().await;
    let number = lab.issue("One", "", &[]);
    let delivery = lab.github.edit(|world| world.issue_event("opened", REPO, number, &json!({})));
    lab.github.edit(|world| world.rename(REPO, "example-org/beta"));
    assert_eq!(lab.deliver(&delivery).await, "accepted");
    assert_eq!(lab.ended(&delivery.id).await, "done");
    let labels = lab.github.edit(|world| world.repo("example-org/beta").issue(number).labels.len());
    assert_eq!(labels, 3);
}
