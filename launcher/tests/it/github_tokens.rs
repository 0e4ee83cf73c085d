//! `launcher github` with a token, and the labels that it creates.

use std::process::Stdio;

use deckwatch_tests::github_stub::{GitHubStub, Level, TokenBuilder};
use serde_json::Value;

use crate::github::{EVENTS, github, launcher, needed, registered, results, world};
use crate::world::{Run, World};

/// Checks a token that is given on standard input.
fn token_check(world: &World, github: &GitHubStub, token: &str) -> Run {
    let mut launcher = launcher(world, github, &["github", "setup", "--token", "--json"]);
    let mut child = launcher.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    Run::write(&mut child, token);
    Run::ended(child.wait_with_output().unwrap())
}

#[test]
fn a_token_is_checked_without_writing_anything() {
    let (world, github) = (world(), github());
    let all = ["acme/api", "acme/web", "acme/tools"];
    let write = [("issues", Level::Write), ("pull_requests", Level::Write)];
    let token = github.edit(|world| world.token(TokenBuilder::fine_grained(&all, &write)));
    let run = token_check(&world, &github, &format!("{token}\n"));
    assert_eq!((run.code, results(&run).0), (Some(0), Vec::new()), "{}{}", run.stdout, run.stderr);
    github.edit(|world| {
        for repo in all {
            let repo = world.repo(repo);
            assert!(repo.issues.is_empty() && repo.labels.is_empty());
        }
    });

    let reads = [("issues", Level::Read), ("pull_requests", Level::Write)];
    let token = github.edit(|world| {
        world.add_fork("acme/fork", "acme/api");
        world.rename("acme/web", "acme/site");
        world.repo("acme/tools").archived = true;
        world.token(TokenBuilder::fine_grained(&["acme/api", "acme/site", "acme/tools", "acme/fork"], &reads))
    });
    let (faults, _) = results(&token_check(&world, &github, &token));
    let expected =
        ["warn repository acme/web: is called acme/site now", "warn repository acme/tools: is archived or disabled"];
    for expected in expected {
        assert!(faults.iter().any(|fault| fault.starts_with(expected)), "{faults:#?}");
    }
    let classic = github.edit(|world| world.token(TokenBuilder::classic(&["repo"])));
    let (faults, _) = results(&token_check(&world, &github, &classic));
    assert!(
        faults.iter().any(|fault| fault.starts_with("warn scopes: a classic token with the scopes: repo")),
        "{faults:#?}"
    );

    let narrow =
        github.edit(|world| world.token(TokenBuilder::fine_grained(&["acme/api"], &[("issues", Level::Read)])));
    let run = token_check(&world, &github, &narrow);
    assert_eq!(run.code, Some(1));
    let (faults, _) = results(&run);
    for expected in [
        "fail acme/api issues: the token may read, and not write",
        "fail repository acme/web: GitHub has no such repository",
    ] {
        assert!(faults.iter().any(|fault| fault.starts_with(expected)), "{faults:#?}");
    }
    let (faults, _) = results(&token_check(&world, &github, "wrong"));
    assert!(faults.len() == 1 && faults[0].contains("does not accept the token (401)"), "{faults:#?}");
}

fn labels(world: &World, github: &GitHubStub, token: &str, more: &[&str]) -> (Run, Value) {
    let run =
        Run::of(launcher(world, github, &[&["github", "labels", "--json"], more].concat()).env("GH_TOKEN", token));
    let report = serde_json::from_str(&run.stdout).unwrap_or_default();
    (run, report)
}

#[test]
fn labels_are_created_where_they_are_missing() {
    let (world, github) = (world(), github());
    let token = github.edit(|world| {
        world.add_issue("acme/api", "An issue", &["Status:Triage", "bug"]);
        world.token(TokenBuilder::fine_grained(&["acme/api", "acme/web", "acme/tools"], &[("issues", Level::Write)]))
    });
    let (run, report) = labels(&world, &github, &token, &["--dry-run"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(report["repositories"][0]["created"].as_array().unwrap().len(), 15);
    assert!(github.requests().iter().all(|request| request.method == "GET"));

    let (run, report) = labels(&world, &github, &token, &[]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let created = |n: usize| report["repositories"][n]["created"].as_array().unwrap().len();
    assert_eq!((created(0), created(1), created(2)), (15, 16, 16));
    github.edit(|world| {
        assert_eq!(world.repo("acme/api").labels.len(), 17);
        let p0 = world.repo("acme/web").labels.iter().find(|label| label.name == "priority:P0").unwrap();
        assert_eq!((p0.color.as_str(), p0.description.as_deref()), ("b60205", Some("Drop everything else")));
    });
    let text = Run::of(launcher(&world, &github, &["github", "labels"]).env("GH_TOKEN", &token));
    assert!(text.stdout.starts_with("acme/api: nothing created; 16 exist already\n"), "{}", text.stdout);

    // With an App, each installation has a token of its own.
    let app = registered(&github, needed(), &EVENTS);
    github.edit(|world| {
        world.add_repo("acme/new");
        world.install("deckwatch-acme", "acme", None);
    });
    let mut command = launcher(&world, &github, &["github", "labels", "--json", "--repo", "acme/new"]);
    let run = Run::of(command.env("GITHUB_APP_ID", app.0.to_string()).env("GITHUB_APP_PRIVATE_KEY", &app.1));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    github.edit(|world| assert_eq!(world.repo("acme/new").labels.len(), 16));
}

#[test]
fn a_repository_whose_labels_cannot_be_created_fails_alone() {
    let (world, github) = (world(), github());
    let token = github.edit(|world| {
        world.repo("acme/web").archived = true;
        world.rename("acme/tools", "acme/toolbox");
        let all = ["acme/api", "acme/web", "acme/toolbox"];
        world.token(TokenBuilder::fine_grained(&all, &[("issues", Level::Write)]))
    });
    let (run, report) = labels(&world, &github, &token, &[]);
    assert_eq!(run.code, Some(42));
    assert!(run.stderr.contains("1 of 3"), "{}", run.stderr);
    let rows = report["repositories"].as_array().unwrap();
    assert_eq!(rows[0]["created"].as_array().unwrap().len(), 16);
    let reason = rows[1]["failed"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("archived"), "{reason}");
    // GitHub redirects the old name, and the request follows.
    assert_eq!(rows[2]["created"].as_array().unwrap().len(), 16);
    github.edit(|world| assert_eq!(world.repo("acme/toolbox").labels.len(), 16));
}
