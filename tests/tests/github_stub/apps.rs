//! Apps: their JWT, their installations and the tokens of these.

use deckwatch_tests::github_stub::{GitHubStub, Level, permissions};
use serde_json::{Value, json};

use crate::client::{get, send};

const REPO: &str = "example-org/alpha";

fn github() -> GitHubStub {
    let github = GitHubStub::start();
    github.edit(|world| {
        world.add_repo(REPO);
        world.add_repo("example-org/beta");
        world.add_issue(REPO, "Down", &[]);
        world.add_app("classifier", permissions(&[("issues", Level::Write)]), &["issues"]);
        world.install("classifier", "example-org", Some(&[REPO]));
    });
    github
}

fn jwt(github: &GitHubStub, change: &Value) -> String {
    github.edit(|world| {
        let now = world.now().as_millis() / 1000;
        let app = &world.apps[0];
        let mut claims = json!({ "iss": app.client_id, "iat": now - 60, "exp": now + 540 });
        for (name, value) in change.as_object().unwrap() {
            claims[name] = if value.is_i64() { json!(now + value.as_i64().unwrap()) } else { value.clone() };
        }
        app.jwt(&claims)
    })
}

#[tokio::test]
async fn the_jwt_of_an_app_is_checked() {
    let github = github();
    let good = jwt(&github, &json!({}));
    assert_eq!(get(&github, &good, "/app").await.body["slug"], "classifier");
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (head, body) = signed.split_once('.').unwrap();
    for (wrong, status) in [
        (format!("{signed}.{}", signature.chars().rev().collect::<String>()), 401),
        (format!("{head}.{}A.{signature}", &body[..body.len() - 1]), 401),
        (jwt(&github, &json!({ "exp": -1 })), 401),
        (jwt(&github, &json!({ "exp": 700 })), 401),
        (jwt(&github, &json!({ "iat": 300 })), 401),
        (jwt(&github, &json!({ "iss": "another" })), 404),
    ] {
        assert_eq!(get(&github, &wrong, "/app").await.status, status, "{wrong}");
    }
    assert_eq!(get(&github, &good, "/user").await.status, 403, "an App is no user");
}

#[tokio::test]
async fn a_token_of_an_installation_has_its_permissions_and_its_hour() {
    let github = github();
    let key = jwt(&github, &json!({}));
    let installation = get(&github, &key, "/repos/example-org/alpha/installation").await.body;
    assert_eq!(get(&github, &key, "/repos/example-org/beta/installation").await.status, 404);
    let path = format!("/app/installations/{}/access_tokens", installation["id"]);
    let made = send(&github, &key, "POST", &path, &Value::Null, &[]).await;
    assert_eq!((made.status, &made.body["permissions"]["issues"]), (201, &json!("write")));
    let token = made.body["token"].as_str().unwrap();
    let label = json!({ "labels": ["status:triage"] });
    let labelled = send(&github, token, "POST", "/repos/example-org/alpha/issues/1/labels", &label, &[]).await;
    assert_eq!(labelled.body[0]["name"], "status:triage");
    assert_eq!(get(&github, token, "/repos/example-org/beta/issues").await.status, 404);
    let pulls = get(&github, token, "/repos/example-org/alpha/pulls").await;
    assert_eq!((pulls.status, pulls.message()), (403, "Resource not accessible by integration"));
    assert_eq!(get(&github, token, "/installation/repositories").await.body["total_count"], 1);

    let more = send(&github, &key, "POST", &path, &json!({ "permissions": { "contents": "read" } }), &[]).await;
    assert_eq!(more.status, 422);
    let read = send(&github, &key, "POST", &path, &json!({ "permissions": { "issues": "read" } }), &[]).await;
    let read = read.body["token"].as_str().unwrap();
    let refused = send(&github, read, "POST", "/repos/example-org/alpha/issues/1/labels", &label, &[]).await;
    assert_eq!((refused.status, refused.message()), (403, "Resource not accessible by integration"));

    github.edit(|world| world.advance(std::time::Duration::from_secs(3601)));
    assert_eq!(get(&github, token, "/repos/example-org/alpha").await.message(), "Bad credentials");
    github.edit(|world| world.installations[0].suspended_at = Some(world.now()));
    let key = jwt(&github, &json!({}));
    assert_eq!(send(&github, &key, "POST", &path, &Value::Null, &[]).await.status, 403);
}

#[tokio::test]
async fn the_code_of_a_manifest_becomes_an_app_once() {
    let github = github();
    let code = github.edit(|world| world.submit_manifest("deckwatch", permissions(&[("issues", Level::Write)]), &[]));
    let path = format!("/app-manifests/{code}/conversions");
    let made = send(&github, "", "POST", &path, &Value::Null, &[]).await;
    assert_eq!(made.status, 201);
    assert!(made.body["pem"].as_str().unwrap().starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    assert_eq!(send(&github, "", "POST", &path, &Value::Null, &[]).await.status, 404);
}
