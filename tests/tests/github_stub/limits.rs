//! Pages, conditional requests, rate limits and the limits of labels.

use deckwatch_tests::github_stub::{GitHubStub, TokenBuilder};
use serde_json::{Value, json};

use crate::client::{get, send};

const REPO: &str = "example-org/alpha";

fn github() -> (GitHubStub, String) {
    let github = GitHubStub::start();
    let token = github.edit(|world| {
        world.add_repo(REPO);
        for number in 1..=250 {
            world.add_issue(REPO, &format!("Issue {number}"), &[]);
        }
        world.token(TokenBuilder::classic(&["repo"]))
    });
    (github, token)
}

#[tokio::test]
async fn a_list_has_pages_of_at_most_100() {
    let (github, token) = github();
    let (mut path, mut read, mut pages) = ("/repos/example-org/alpha/issues?per_page=1000".to_owned(), 0, 0);
    loop {
        let page = get(&github, &token, &path).await;
        (read, pages) = (read + page.body.as_array().unwrap().len(), pages + 1);
        let Some(next) = page.header("link").split(", ").find(|link| link.ends_with("rel=\"next\"")) else { break };
        path = next.split(['<', '>']).nth(1).unwrap().to_owned();
    }
    assert_eq!((read, pages), (250, 3));
    let first = get(&github, &token, "/repos/example-org/alpha/issues").await;
    assert_eq!(first.body.as_array().unwrap().len(), 30);
    assert!(first.header("link").contains("page=9>; rel=\"last\""), "{}", first.header("link"));
}

#[tokio::test]
async fn an_answer_that_did_not_change_costs_nothing() {
    let (github, token) = github();
    let path = "/repos/example-org/alpha/issues?per_page=1&sort=updated";
    let first = get(&github, &token, path).await;
    let tag = first.header("etag").to_owned();
    let again = send(&github, &token, "GET", path, &Value::Null, &[("if-none-match", &tag)]).await;
    assert_eq!((again.status, &again.body), (304, &Value::Null));
    assert_eq!(github.edit(|world| world.rates.core_used(&token)), 1);
    github.edit(|world| world.add_issue(REPO, "New", &[]).number);
    let changed = send(&github, &token, "GET", path, &Value::Null, &[("if-none-match", &tag)]).await;
    assert_eq!((changed.status, github.edit(|world| world.rates.core_used(&token))), (200, 2));
    assert_eq!(github.requests().iter().map(|request| request.points).collect::<Vec<_>>(), [1, 0, 1]);
}

#[tokio::test]
async fn both_rate_limits_say_when_they_end() {
    let (github, token) = github();
    github.edit(|world| world.rates.core = 2);
    for status in [200, 200, 403] {
        let answer = get(&github, &token, "/user").await;
        assert_eq!(answer.status, status);
        let reset: i64 = answer.header("x-ratelimit-reset").parse().unwrap();
        assert!(reset > github.edit(|world| world.now().as_millis() / 1000));
    }
    let refused = get(&github, &token, "/user").await;
    assert_eq!((refused.header("x-ratelimit-remaining"), refused.header("x-ratelimit-limit")), ("0", "2"));
    assert!(refused.message().starts_with("API rate limit exceeded"));
    assert_eq!(get(&github, &token, "/rate_limit").await.body["rate"]["remaining"], 0, "this one is free");
    github.edit(|world| world.advance(std::time::Duration::from_secs(3601)));
    assert_eq!(get(&github, &token, "/user").await.status, 200);

    github.edit(|world| world.rates.secondary_until = Some(world.now().as_millis() / 1000 + 30));
    let secondary = get(&github, &token, "/user").await;
    assert_eq!(secondary.status, 403);
    assert!(secondary.message().contains("secondary rate limit"));
    assert!((1..=30).contains(&secondary.header("retry-after").parse::<i64>().unwrap()));
}

#[tokio::test]
async fn many_changes_in_a_minute_meet_the_secondary_limit() {
    let (github, token) = github();
    let mut last = 0;
    for number in 0..81 {
        let body = json!({ "labels": [format!("label {number}")] });
        last = send(&github, &token, "PUT", "/repos/example-org/alpha/issues/1/labels", &body, &[]).await.status;
    }
    assert_eq!(last, 403);
}

#[tokio::test]
async fn labels_have_limits() {
    let (github, token) = github();
    let path = "/repos/example-org/alpha/issues/1/labels";
    let post = |labels: Value| {
        let (github, token) = (&github, &token);
        async move { send(github, token, "POST", path, &json!({ "labels": labels }), &[]).await }
    };
    let long = post(json!(["x".repeat(51)])).await;
    assert_eq!((long.status, long.message()), (422, "Validation Failed"));
    assert_eq!(long.body["errors"][0]["field"], "name");
    let many: Vec<String> = (0..100).map(|number| format!("label {number}")).collect();
    assert_eq!(post(json!(many)).await.body.as_array().unwrap().len(), 100);
    assert_eq!(post(json!(["one more"])).await.status, 422);
    assert_eq!(post(json!(["LABEL 7"])).await.status, 200, "the case of a label does not matter");
    assert_eq!(send(&github, &token, "DELETE", &format!("{path}/label%207"), &Value::Null, &[]).await.status, 200);
    let gone = send(&github, &token, "DELETE", &format!("{path}/label%207"), &Value::Null, &[]).await;
    assert_eq!((gone.status, gone.message()), (404, "Label does not exist"));
    let again = json!({ "name": "Label 8", "color": "ff0000" });
    let exists = send(&github, &token, "POST", "/repos/example-org/alpha/labels", &again, &[]).await;
    assert_eq!(exists.body["errors"][0]["code"], "already_exists");
    assert_eq!(send(&github, &token, "POST", path, &json!({}), &[]).await.status, 422);
}
