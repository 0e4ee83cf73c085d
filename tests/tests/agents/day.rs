//! The second day starts with the handoff of the first; two active agents see each other.

use deckwatch_tests::scripted_model::{Script, ScriptedModel};
use serde_json::json;

use crate::machine::Machine;

crate::with_every_agent![
    the_second_day_sees_the_handoff_of_the_first,
    two_agents_at_once_see_each_other,
    a_crashed_agent_gets_its_name_and_its_session_back,
];

async fn the_second_day_sees_the_handoff_of_the_first(machine: Machine) {
    let handoff = json!({
        "summary": "The login page works with passkeys", "status": "in_progress",
        "accomplished": ["registration of a passkey"], "next_steps": ["test it on a phone"],
    });
    let first = ScriptedModel::start(Script::default().call("sod", json!({})).call("handoff", handoff)).await;
    machine.launch(&first).success().await;
    let text = first.heard().into_iter().map(|heard| heard.text).collect::<String>();
    assert!(text.contains("Call `sod` when you start"), "the server's instructions did not reach the model");
    let results = first.results(2).await;
    assert!(results[0].contains("Last handoff: none for this repository"), "{}", results[0]);
    assert!(results[1].contains("is recorded"), "{}", results[1]);

    let second = ScriptedModel::start(Script::default().call("sod", json!({}))).await;
    machine.launch(&second).success().await;
    let seen = &second.results(1).await[0];
    for text in ["The login page works with passkeys", "registration of a passkey", "test it on a phone"] {
        assert!(seen.contains(text), "{text} is not in {seen}");
    }
    // The agent ended and started again on the same slot, so it has the same name.
    assert!(seen.contains(&format!("-{}-1 ", machine.cli.program())), "{seen}");
}

async fn two_agents_at_once_see_each_other(machine: Machine) {
    machine.git(&["worktree", "add", "--quiet", "-b", "dev/two", "../alpha-console-two"]);
    let stays = Script::default().call("sod", json!({})).wait().call("context", json!({}));
    let first = ScriptedModel::start(stays).await;
    let repository = machine.repository();
    let first_agent = machine.launch_with(&first, &["--issue", "87", "--repo", repository.to_str().unwrap()]);
    let alone = &first.results(1).await[0];
    assert!(alone.contains("Other active agents: none"), "{alone}");

    let second = ScriptedModel::start(Script::default().call("sod", json!({})).wait()).await;
    let worktree = machine.path("dev/alpha-console-two");
    let second_agent = machine.launch_with(&second, &["--issue", "88", "--repo", worktree.to_str().unwrap()]);
    let seen = &second.results(1).await[0];
    let named = |number: u32| format!("-{}-{number} ", machine.cli.program());
    for text in [named(1), named(2), "#87".to_owned(), "branch main".to_owned(), "branch dev/two".to_owned()] {
        assert!(seen.contains(&text), "{text} is not in {seen}");
    }

    first.release();
    let seen = &first.results(2).await[1];
    for text in [named(2), "#88".to_owned(), "branch dev/two".to_owned()] {
        assert!(seen.contains(&text), "{text} is not in {seen}");
    }
    second.release();
    first_agent.success().await;
    second_agent.success().await;
}

async fn a_crashed_agent_gets_its_name_and_its_session_back(machine: Machine) {
    let crashes = ScriptedModel::start(Script::default().call("sod", json!({})).wait()).await;
    let agent = machine.launch_with(&crashes, &["--issue", "87"]);
    let _ = crashes.results(1).await;
    agent.signal_group("KILL");
    assert!(!agent.output().await.status.success());

    let back = ScriptedModel::start(Script::default().call("sod", json!({}))).await;
    machine.launch(&back).success().await;
    let seen = &back.results(1).await[0];
    for text in ["your day continues", &format!("-{}-1 ", machine.cli.program()), "#87"] {
        assert!(seen.contains(text), "{text} is not in {seen}");
    }
}
