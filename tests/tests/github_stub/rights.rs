//! Tokens: what each sees and changes.

use deckwatch_tests::github_stub::{GitHubStub, Level, TokenBuilder};
use serde_json::{Value, json};

use crate::client::{get, send};

const REPO: &str = "example-org/alpha";

fn github() -> GitHubStub {
    let github = GitHubStub::start();
    github.edit(|world| {
        world.add_repo(REPO);
        world.add_issue(REPO, "Down", &["P0"]);
        world.add_pull(REPO, "Mend it", &[]);
        world.add_repo("example-org/open").private = false;
        world.add_issue("example-org/open", "Idea", &[]);
    });
    github
}

#[tokio::test]
async fn a_token_sees_only_what_it_may_see() {
    let github = github();
    let full = github.edit(|world| world.token(TokenBuilder::classic(&["repo"])));
    let narrow = github.edit(|world| world.token(TokenBuilder::classic(&["public_repo"])));
    let foreign = github.edit(|world| world.token(TokenBuilder::classic(&["repo"]).of("eve")));
    let one = github.edit(|world| world.token(TokenBuilder::fine_grained(&[REPO], &[("issues", Level::Read)])));
    let none = github.edit(|world| world.token(TokenBuilder::fine_grained(&["example-org/open"], &[])));
    let cases = [
        (&full, 200, 200),
        (&narrow, 404, 200),
        (&foreign, 404, 200),
        (&one, 200, 200),
        (&none, 404, 200),
        (&String::new(), 404, 200),
        (&"wrong".to_owned(), 401, 401),
    ];
    for (token, private, public) in cases {
        let status = get(&github, token, "/repos/example-org/alpha/issues").await.status;
        assert_eq!(status, private, "{token}");
        assert_eq!(get(&github, token, "/repos/example-org/open/issues").await.status, public, "{token}");
    }
    let pulls = get(&github, &one, "/repos/example-org/alpha/pulls").await;
    assert_eq!((pulls.status, pulls.message()), (403, "Resource not accessible by personal access token"));
    assert_eq!(pulls.header("x-accepted-github-permissions"), "pull_requests=read");
    let labels = json!({ "labels": ["bug"] });
    let write = |token: String| {
        let github = &github;
        let labels = labels.clone();
        async move { send(github, &token, "POST", "/repos/example-org/open/issues/1/labels", &labels, &[]).await.status }
    };
    assert_eq!(write(full.clone()).await, 200);
    assert_eq!(write(foreign).await, 404);
    assert_eq!(write(none).await, 403);
    assert_eq!(write(String::new()).await, 401);
    github.edit(|world| world.revoke(&full));
    assert_eq!(get(&github, &full, "/user").await.message(), "Bad credentials");
}

#[tokio::test]
async fn a_request_needs_a_user_agent_and_a_known_version() {
    let github = github();
    let old = send(&github, "", "GET", "/meta", &Value::Null, &[("x-github-api-version", "2011-01-01")]).await;
    assert_eq!(old.status, 400);
    let silent = tokio::net::TcpStream::connect(github.url().trim_start_matches("http://")).await.unwrap();
    let (mut reader, mut writer) = silent.into_split();
    tokio::io::AsyncWriteExt::write_all(&mut writer, b"GET /meta HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut reader, &mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.contains("User-Agent"), "{answer}");
}

#[tokio::test]
async fn a_renamed_repository_redirects_and_an_archived_one_is_read_only() {
    let github = github();
    let token = github.edit(|world| {
        world.rename(REPO, "other-org/omega");
        world.token(TokenBuilder::classic(&["repo"]))
    });
    let moved = get(&github, &token, "/repos/example-org/alpha/issues?state=all").await;
    assert_eq!((moved.status, moved.message()), (301, "Moved Permanently"));
    let issues = get(&github, &token, moved.header("location")).await;
    assert_eq!((issues.status, issues.body.as_array().unwrap().len()), (200, 2));
    assert_eq!(get(&github, "", "/repos/example-org/alpha").await.status, 404, "a hidden one does not redirect");

    github.edit(|world| world.repo("other-org/omega").archived = true);
    let path = "/repos/other-org/omega/issues/1/labels";
    let refused = send(&github, &token, "POST", path, &json!({ "labels": ["x"] }), &[]).await;
    assert_eq!((refused.status, refused.message()), (403, "Repository was archived so is read-only."));
    assert_eq!(get(&github, &token, path).await.status, 200);

    github.edit(|world| world.add_fork("example-org/fork", "other-org/omega").archived = false);
    assert_eq!(get(&github, &token, "/repos/example-org/fork/issues").await.status, 410);
    let fork = get(&github, &token, "/repos/example-org/fork").await.body;
    assert_eq!((&fork["fork"], &fork["parent"]["full_name"]), (&json!(true), &json!("other-org/omega")));
}

#[tokio::test]
async fn an_enterprise_has_its_own_paths() {
    let github = github();
    let token = github.edit(|world| world.token(TokenBuilder::classic(&["repo"])));
    let repo = get(&github, &token, &format!("{}/repos/{REPO}", github.enterprise_url())).await;
    assert_eq!(repo.status, 200);
    assert!(repo.body["url"].as_str().unwrap().starts_with(&github.enterprise_url()));
}
