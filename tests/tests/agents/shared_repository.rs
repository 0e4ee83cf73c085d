//! A day of two agents of different makes on one repository, each on a machine of its own: they see the same queue, no issue is
//! worked on twice, and neither commits to a file that the other has claimed. The logs of their models decide.

use deckwatch_protocol::{EventKind, Operation};
use deckwatch_tests::github_stub::{GitHubStub, TokenBuilder};
use deckwatch_tests::scripted_model::Script;
use deckwatch_tests::{Caller as _, TestRequest};
use serde_json::{Value, json};

use crate::agent_cli::AgentCli;
use crate::machine::Machine;
use crate::office::{Desk, Office, files_named};
use crate::pane::Pane;

const REPO: &str = "example-org/alpha-console";
const IDENTITY: &str = "[user]\n\tname = Ann\n\temail = ann@example.org\n";
const COMMITTED: &str = "the commit is made";
const REFUSED: &str = "the commit is refused";

#[tokio::test]
async fn two_agents_share_a_repository_for_a_day_and_work_on_nothing_twice() {
    if !Pane::has_tmux() {
        return;
    }
    let (Some(claude), Some(codex)) = (Machine::with(AgentCli::Claude), Machine::with(AgentCli::Codex)) else { return };
    let (office, github) = (Office::open().await, queue());
    let desks = [seat(&office, &github, claude, "mac1").await, seat(&office, &github, codex, "mac2").await];
    for desk in &desks {
        let seen = call(desk, "status", json!({ "lane": "p0" })).await;
        for issue in ["#1 ", "#2 "] {
            assert!(seen.contains(issue) && !seen.contains("claimed by"), "{seen}");
        }
    }

    // Both want the same issue and the same files at the same time.
    let (first, second) = race(&desks).await;
    let _ = taken(second, json!(["2", "docs/**"])).await;
    for desk in &desks {
        let seen = call(desk, "status", json!({ "lane": "p0" })).await;
        for (issue, holder) in [("#1 ", first), ("#2 ", second)] {
            let line = seen.lines().find(|line| line.contains(issue)).unwrap();
            assert!(line.contains(&format!("claimed by {}", holder.agent)), "{seen}");
        }
    }
    for (desk, number) in [(first, 1), (second, 2)] {
        let _ = call(desk, "sod", json!({ "issue_number": number })).await;
    }

    check_refused(second, "src/login/form.rs", first).await;
    check_refused(first, "docs/guide.md", second).await;
    check_committed(first, "src/login/form.rs").await;
    check_committed(second, "docs/guide.md").await;
    // The second agent has not asked for this one. Its machine learns it from the event.
    let _ = taken(first, json!(["src/api/**"])).await;
    second.until("the copy of the claims has the new one", || copy_has(second, "src/api/**")).await;
    check_refused(second, "src/api/day.rs", first).await;

    end_day(first, "The login works.").await;
    second.until("the copy of the claims has none of the first", || !copy_has(second, &first.agent)).await;
    check_committed(second, "src/login/tests.rs").await;
    end_day(second, "The guide is written.").await;
    check_records(&office, first, second).await;
    for desk in desks {
        desk.ends().await;
    }
}

/// A GitHub with two urgent issues.
fn queue() -> GitHubStub {
    let github = GitHubStub::start();
    github.edit(|world| {
        world.add_repo(REPO);
        for title in ["The login fails", "The guide is missing"] {
            world.add_issue(REPO, title, &["P0"]);
        }
    });
    github
}

/// An agent whose repository has the git hooks.
async fn seat(office: &Office, github: &GitHubStub, machine: Machine, host: &'static str) -> Desk {
    let token = github.edit(|world| world.token(TokenBuilder::classic(&["repo"])));
    let machine = machine.and_variable("GITHUB_API_URL", github.url()).and_variable("GITHUB_TOKEN", &token);
    let machine = if Machine::can_have_host_names() { machine.on_host(host) } else { machine };
    machine.write(".gitconfig", IDENTITY);
    let mut install = machine.verb(&["claims", "guard", "install"]);
    assert!(install.current_dir(machine.repository()).status().await.unwrap().success());
    office.seat(machine).await
}

/// Both agents claim the first issue. Returns who got it, and who did not and was told who has it.
async fn race(desks: &[Desk; 2]) -> (&Desk, &Desk) {
    let take = || Script::default().call("claim", json!({ "action": "take", "subjects": ["1", "src/login/**"] }));
    let [one, other] = desks;
    let before = (one.results().len(), other.results().len());
    tokio::join!(one.does(take()), other.does(take()));
    let (of_one, of_other) = tokio::join!(one.result_after(before.0), other.result_after(before.1));
    for desk in desks {
        desk.until("the agent is idle", || desk.is_idle()).await;
    }
    let (first, second, refusal) =
        if of_one.contains("You hold") { (one, other, &of_other) } else { (other, one, &of_one) };
    assert_eq!(
        [&of_one, &of_other].iter().filter(|result| result.contains("You hold")).count(),
        1,
        "{of_one} {of_other}"
    );
    assert!(refusal.contains("nothing was taken, because others hold some of it"), "{refusal}");
    assert!(refusal.contains(&format!("| issue:1: {}", first.agent)), "{refusal}");
    (first, second)
}

async fn taken(desk: &Desk, subjects: Value) -> String {
    let result = call(desk, "claim", json!({ "action": "take", "subjects": subjects })).await;
    assert!(result.contains("You hold"), "{result}");
    result
}

async fn check_refused(desk: &Desk, path: &str, holder: &Desk) {
    let result = commit(desk, path).await;
    assert!(result.contains(REFUSED) && !result.contains(COMMITTED), "{result}");
    assert!(result.contains(&format!("{path} is held by {}", holder.agent)), "{result}");
}

async fn check_committed(desk: &Desk, path: &str) {
    let result = commit(desk, path).await;
    assert!(result.contains(COMMITTED), "{result}");
    assert!(desk.machine.git(&["show", "--name-only", "--format="]).lines().eq([path]), "{result}");
}

/// The agent commits one new file. Nothing of it stays if the commit is refused.
async fn commit(desk: &Desk, path: &str) -> String {
    let command = format!(
        "mkdir -p $(dirname {path}) && echo text > {path} && git add {path} && if git commit -q -m 'Add {path}'; \
         then echo {COMMITTED}; else git rm -q --cached {path}; rm {path}; echo {REFUSED}; fi"
    );
    run(desk, Script::default().shell(&command)).await
}

async fn end_day(desk: &Desk, summary: &str) {
    let result = call(desk, "handoff", json!({ "summary": summary, "status": "done" })).await;
    assert!(result.contains("is recorded"), "{result}");
}

async fn call(desk: &Desk, tool: &str, arguments: Value) -> String {
    run(desk, Script::default().call(tool, arguments)).await
}

/// The result of the only call of a script.
async fn run(desk: &Desk, script: Script) -> String {
    let before = desk.results().len();
    desk.does(script).await;
    let result = desk.result_after(before).await;
    desk.until("the agent is idle", || desk.is_idle()).await;
    result
}

/// Whether the copy of the claims on the machine of the agent has this text.
fn copy_has(desk: &Desk, text: &str) -> bool {
    files_named(&desk.machine.path(".local/state/deckwatch/claims"), ".json")
        .iter()
        .any(|(_, copy)| copy.contains(text))
}

/// Each issue was claimed once and handed over by the agent that had claimed it, and no claim is left.
async fn check_records(office: &Office, first: &Desk, second: &Desk) {
    let events = office.api.events_after(0).await;
    let claims = events.iter().filter(|event| event.kind == EventKind::ClaimTaken);
    let issues: Vec<(String, String)> = claims
        .filter_map(|event| Some((event.data["subject"].as_str()?.to_owned(), event.agent.as_ref()?.to_string())))
        .filter(|(subject, _)| subject.starts_with("issue:"))
        .collect();
    let expected = [("issue:1", first), ("issue:2", second)];
    assert_eq!(issues, expected.map(|(subject, desk)| (subject.to_owned(), desk.agent.clone())));

    let admin = office.api.admin();
    let list = |operation| admin.send(TestRequest::of(operation).query("venture=alpha"));
    let handoffs: Value = list(Operation::ListHandoffs).await.of(200);
    let handoffs = handoffs["items"].as_array().unwrap().iter().rev();
    let by: Vec<(Value, Value)> =
        handoffs.map(|handoff| (handoff["issue_number"].clone(), handoff["from_agent"].clone())).collect();
    assert_eq!(by, [(json!(1), json!(first.agent)), (json!(2), json!(second.agent))]);
    let claims: Value = list(Operation::ListClaims).await.of(200);
    assert_eq!(claims["total"], 0, "{claims:#}");
}
