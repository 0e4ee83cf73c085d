//! Broken networks, proxies and hostile servers in GitHub's place: a clear sentence each, in time.

use std::time::{Duration, Instant};

use deckwatch_tests::github_stub::{Fault, GitHubStub};
use serde_json::{Value, json};

use crate::github::{GitHub, TOKEN};
use crate::harness::{Machine, Mcp};

const REPO: &str = "example-org/alpha";
const REMOTE: &str = "https://github.com/example-org/alpha.git";

fn agent(machine: &Machine, github: &GitHub) -> Mcp {
    let mut command = machine.command(&machine.repository_once(REMOTE));
    command.envs([("DECKWATCH_AGENT", "mac1-claude-1"), ("GITHUB_API_URL", &github.url), ("GITHUB_TOKEN", TOKEN)]);
    Mcp::initialized(command)
}

fn answer(headers: &[(&'static str, &str)], status: u16, body: impl Into<Vec<u8>>) -> Fault {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Fault::Answer { status, headers, body: body.into() }
}

#[test]
fn every_fault_gets_its_sentence_within_two_seconds() {
    let elsewhere = GitHubStub::start();
    let there = format!("{}/graphql?token=x", elsewhere.url());
    let truncated = b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"data\":{".to_vec();
    let cases = [
        (answer(&[], 200, "{\"data\":"), "GitHub's answer is malformed (EOF while parsing"),
        (answer(&[], 200, "null"), "GitHub's answer is malformed ("),
        (answer(&[], 200, ""), "GitHub's answer is malformed ("),
        (
            answer(&[], 200, "{\"data\":{\"r0\":".to_owned() + &"[".repeat(100_000)),
            "GitHub's answer is malformed (recursion limit exceeded",
        ),
        (answer(&[("content-type", "text/html")], 200, "\n<!DOCTYPE html>"), "a web page answered in GitHub's place"),
        (answer(&[], 407, "<html>"), "GitHub's answer is malformed (status 407)"),
        (Fault::Raw(truncated), "broke off ("),
        (Fault::Raw(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), "broke off ("),
        (Fault::Raw(Vec::new()), "broke off ("),
        (answer(&[("location", &there)], 301, ""), "; the token was not sent there: "),
        (answer(&[("location", &there)], 307, ""), "; the token was not sent there: "),
        (answer(&[], 200, " ".repeat(10 * 1024 * 1024)), "is too large (the response is larger than 4096 KiB)"),
        (Fault::Drip(Duration::from_millis(100)), "GitHub did not answer within 2 s"),
        (Fault::Hang, "GitHub did not answer within 2 s"),
    ];
    let (machine, github) = (Machine::new(), GitHub::with(&[REPO], &[]));
    let mut agent = agent(&machine, &github);
    for (fault, sentence) in cases {
        let about = format!("{fault:?}").split_at_checked(80).map_or(String::new(), |(start, _)| start.to_owned());
        github.stub.misbehave(Some(fault));
        let begun = Instant::now();
        let text = agent.call("status", &json!({})).trouble();
        assert!(text.contains(sentence), "{about}: {text}");
        assert!(text.len() < 500 && !text.contains("token=x") && !text.contains(TOKEN), "{text}");
        // The limit is 2 s; the rest is for a busy machine.
        assert!(begun.elapsed() < Duration::from_secs(4), "{about}: {:?}", begun.elapsed());
    }
    assert_eq!(elsewhere.connections(), 0, "a redirect is not followed");
    github.stub.misbehave(None);
    assert_eq!(agent.call("status", &json!({})).good().facts["totals"]["p0"], 0);
}

/// A good answer about one lane, changed at random places: each gives a queue or an error, and the server goes on.
#[test]
fn damaged_answers_never_stop_the_server() {
    let person = json!({"login": "ann"});
    let item = json!({"__typename": "PullRequest", "number": 1, "title": "Down", "updatedAt": "2026-11-20T08:00:00Z",
        "isDraft": true, "author": person, "assignees": {"nodes": [person]}, "labels": {"nodes": [{"name": "needs:qa"}]}});
    let found = json!({"issueCount": 1, "pageInfo": {"hasNextPage": true}, "edges": [{"cursor": "Y3Vyc29yOjE=", "node": item}]});
    let facts = json!({"nameWithOwner": REPO, "isArchived": true, "isFork": true, "hasIssuesEnabled": false});
    let good = json!({"data": {"r0": facts, "r0s0": found}}).to_string().into_bytes();
    let (machine, github) = (Machine::new(), GitHub::with(&[REPO], &[]));
    let mut agent = agent(&machine, &github);
    let mut random = fastrand::Rng::with_seed(15);
    let (mut queues, mut errors) = (0, 0);
    for round in 0..200 {
        let mut bytes = good.clone();
        for _ in 0..random.usize(0..4) {
            let at = random.usize(0..bytes.len());
            match random.u8(0..4) {
                0 => bytes[at] = random.u8(..),
                1 => bytes.truncate(at.max(1)),
                2 => drop(bytes.splice(at..at, *b"-1e999")),
                _ => drop(bytes.remove(at)),
            }
        }
        github.stub.misbehave(Some(answer(&[], 200, bytes)));
        let id = agent.ask("tools/call", &json!({"name": "status", "arguments": {"lane": "p0"}}));
        let result: Value = agent.answer_to(id)["result"].clone();
        let text =
            result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("round {round}: {result}")).to_owned();
        assert!(!text.contains('\u{1b}') && !text.contains("panic"), "{text}");
        if result["isError"] == true { errors += 1 } else { queues += 1 }
    }
    assert!(queues > 20 && errors > 20, "{queues} queues, {errors} errors");
}
