//! The errors of requests to GitHub. Each has its own message and fix, and none contains a token.

use deckwatch_tests::github_stub::Fault;
use serde_json::json;

use super::Transcript;
use crate::github::{GitHub, TOKEN};
use crate::harness::{Machine, Mcp};
use crate::status::command;

const REPO: &str = "example-org/alpha";

/// Adds the error of `status` with this GitHub.
fn with(all: &mut Transcript, about: &str, github: &GitHub, token: Option<&str>) {
    let machine = Machine::new();
    let mut command = command(&machine, &github.url);
    command.envs(token.map(|token| ("GITHUB_TOKEN", token)));
    let mut one = Transcript::on(&machine);
    one.fails(about, &mut Mcp::initialized(command), "status", &json!({}));
    assert!(!one.text.contains(TOKEN), "{}", one.text);
    all.append(&one);
}

#[test]
fn errors_of_github_are_in_step() {
    let used_up = [("x-ratelimit-remaining", "0".to_owned()), ("x-ratelimit-reset", "1795248000".to_owned())];
    let saml = json!({"data": {"r0": null}, "errors": [{"type": "FORBIDDEN", "path": ["r0"],
        "message": "Resource protected by organization SAML enforcement."}]});
    let hidden = json!({"data": null, "errors": [{"message": "Parse error"}]});
    let partial = json!({"data": {"r0": {"nameWithOwner": "example-org/alpha", "isArchived": false, "isFork": false,
        "hasIssuesEnabled": true}}});
    let mut all = Transcript::on(&Machine::new());
    for (about, status, headers, body) in [
        ("the token is not known", 401, &[][..], r#"{"message": "Bad credentials"}"#.to_owned()),
        ("the token has too few rights", 403, &[], r#"{"message": "Resource not accessible"}"#.to_owned()),
        (
            "the rate limit is used up until a known time",
            403,
            &used_up,
            r#"{"message": "API rate limit exceeded"}"#.to_owned(),
        ),
        ("the rate limit is used up", 429, &[], "{}".to_owned()),
        (
            "too many requests came in a short time",
            403,
            &[("retry-after", "60".to_owned())],
            r#"{"message": "You have exceeded a secondary rate limit."}"#.to_owned(),
        ),
        ("the query costs too much", 200, &[], r#"{"errors": [{"type": "RATE_LIMITED", "message": "x"}]}"#.to_owned()),
        ("the address is not the one for queries", 404, &[], r#"{"message": "Not Found"}"#.to_owned()),
        ("GitHub fails", 502, &[], "<html>".to_owned()),
        (
            "the address redirects",
            301,
            &[("location", "https://example.com/graphql?token=x".to_owned())],
            String::new(),
        ),
        ("the answer is a page", 200, &[], "<html>".to_owned()),
        ("the answer lacks fields", 200, &[], partial.to_string()),
        ("GitHub refuses the query", 200, &[], hidden.to_string()),
        ("the organisation has single sign-on", 200, &[], saml.to_string()),
    ] {
        let fault = Fault::Answer { status, headers: headers.to_vec(), body: body.into_bytes() };
        with(&mut all, about, &GitHub::with_fault(fault), Some(TOKEN));
    }
    with(&mut all, "GitHub does not answer", &GitHub::with_fault(Fault::Hang), Some(TOKEN));
    with(&mut all, "the repository does not exist", &GitHub::with(&[], &[]), Some(TOKEN));
    with(&mut all, "there is no token", &GitHub::with(&[REPO], &[]), None);
    let machine = Machine::new();
    let mut plain = machine.command(&machine.folder("notes"));
    plain.envs([("DECKWATCH_AGENT", "mac1-claude-1"), ("GITHUB_TOKEN", TOKEN)]);
    all.fails("the folder has no remote", &mut Mcp::initialized(plain), "status", &json!({}));
    all.is_in_step("errors-of-github");
}
