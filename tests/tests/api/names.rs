//! Names in paths: each has one spelling, and a name that no path can have is refused.

use deckwatch_protocol::ErrorCode;
use deckwatch_tests::{Api, Caller, TestRequest, fresh, fresh_public_key};
use serde_json::{Value, json};

#[tokio::test]
async fn a_name_that_a_path_can_not_have_is_refused_in_one_way() {
    let api = Api::start().await;
    let admin = api.admin();
    let agent = api.agent().await;
    let put =
        |path: String, body: Value| admin.send(TestRequest::at("PUT", &path).key(&fresh("key-of-a-test")).json(&body));
    for (path, body) in [
        (format!("/v1/docs/{}/NAME", agent.venture), json!({ "content": "x" })),
        ("/v1/docs/NAME/api.md".to_owned(), json!({ "content": "x" })),
        ("/v1/ventures/NAME".to_owned(), json!({ "name": "x" })),
        ("/v1/machines/NAME".to_owned(), machine_with_key()),
    ] {
        // A browser resolves these steps, and so does the Worker's runtime: no operation has the path that is left.
        for step in [".", "..", "%2E", "%2e%2E", ".%2e"] {
            let refused = put(path.replace("NAME", step), body.clone()).await;
            assert!(matches!(refused.status, 404 | 405), "{path} {step}: {}", refused.status);
        }
        for name in ["...", ".x", "%2Ex", "a%2Fb", "a%5Cb", "a%00b", "%20", "%C3%A9", "a%252Eb"] {
            let refused = put(path.replace("NAME", name), body.clone()).await;
            assert_eq!((refused.status, refused.refusal().code), (400, ErrorCode::InvalidRequest), "{path} {name}");
        }
    }
    for name in ["SSH-CONFIG", "Ssh-Config", "%53sh-config"] {
        put(format!("/v1/machines/{name}"), machine_with_key())
            .await
            .problem_at(ErrorCode::InvalidRequest, &["/hostname"]);
    }
    put("/v1/machines/ssh-config".to_owned(), machine_with_key()).await.problem(ErrorCode::MethodNotAllowed);
}

fn machine_with_key() -> Value {
    json!({
        "os": "linux", "arch": "x86_64", "tailscale_ip": "100.64.0.7", "user": "dev", "ssh_public_key": fresh_public_key(),
    })
}
