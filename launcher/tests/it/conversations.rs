//! Tests of the agent's conversation: a new one gets an id, and a resumed one gets its old slot.

use crate::world::{Run, World};

const OTHER: &str = "11111111-2222-4333-8444-555555555555";

/// Starts Claude Code with these arguments. Returns the ids of its conversation and the name of its agent.
fn claude(world: &World, args: &[&str]) -> (String, String) {
    let line: Vec<&str> = ["alpha", "--claude", "--"].iter().chain(args).copied().collect();
    world.run(&line).succeeds();
    let env = world.record().env;
    (env["DECKWATCH_CONVERSATION"].clone(), env["DECKWATCH_AGENT"].clone())
}

/// Two conversations whose agents have ended: the newer one on slot 1, the older one on slot 2.
fn two_ended(world: &World) -> (String, String) {
    let blocker = world.start("one", &["alpha"]);
    let (second, agent) = claude(world, &["-p", "hi"]);
    assert!(agent.ends_with("-claude-2"), "{agent}");
    let first = blocker.record.env["DECKWATCH_CONVERSATION"].clone();
    drop(blocker);
    (first, second)
}

#[test]
fn a_new_conversation_of_claude_gets_an_id_from_the_launcher() {
    let world = World::new();
    let (id, _) = claude(&world, &["-p", "hi"]);
    assert_eq!(world.record().args[1..], [format!("--session-id={id}"), "-p".into(), "hi".into()]);
    let (given, _) = claude(&world, &["--session-id", OTHER]);
    assert_eq!(given, OTHER);
    assert_eq!(world.record().args[1..], ["--session-id", OTHER]);
}

#[test]
fn a_resumed_conversation_gets_its_earlier_agent_name() {
    let world = World::new();
    let (first, second) = two_ended(&world);
    for (id, slot) in [(&second, "-claude-2"), (&first, "-claude-1"), (&second, "-claude-2")] {
        let (resumed, agent) = claude(&world, &["--resume", id]);
        assert!(resumed == *id && agent.ends_with(slot), "{agent}");
        assert_eq!(world.record().args[1..], ["--resume", id.as_str()]);
    }
}

#[test]
fn a_resumed_conversation_stays_on_its_track() {
    let world = World::new();
    world.run(&["alpha", "--track", "3"]).succeeds();
    let id = world.record().env["DECKWATCH_CONVERSATION"].clone();
    claude(&world, &["-r", &id]);
    assert_eq!(world.record().env["DECKWATCH_TRACK"], "3");
}

#[test]
fn continue_selects_the_conversation_that_claude_would_continue() {
    let world = World::new();
    let (first, second) = two_ended(&world);
    assert_eq!(claude(&world, &["--continue"]).0, second, "the last that was started here");

    let place: String =
        world.path("home/dev/alpha").to_str().unwrap().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    world.write(&format!("home/.claude/projects/{place}/{first}.jsonl"), "{}\n");
    let (continued, agent) = claude(&world, &["-c"]);
    assert!(continued == first && agent.ends_with("-claude-1"), "{agent}");
}

#[test]
fn a_fork_is_another_agent_with_its_own_conversation() {
    let world = World::new();
    let (id, agent) = claude(&world, &["-p", "hi"]);
    let (fork, forked) = claude(&world, &["--resume", &id, "--fork-session"]);
    assert!(agent.ends_with("-claude-1") && forked.ends_with("-claude-2") && fork != id, "{agent} {forked}");
    assert!(world.record().args.contains(&format!("--session-id={fork}")));
    assert!(claude(&world, &["--resume", &fork]).1.ends_with("-claude-2"));
    assert!(claude(&world, &["--resume", &id]).1.ends_with("-claude-1"));
}

#[test]
fn a_conversation_whose_agent_still_runs_is_resumed_by_another_agent_with_a_message() {
    let world = World::new();
    let busy = world.start("one", &["alpha"]);
    let id = &busy.record.env["DECKWATCH_CONVERSATION"];
    let run = world.run(&["alpha", "--", "--resume", id]).succeeds();
    assert!(run.stderr.contains("still at work on slot 1"), "{}", run.stderr);
    assert!(world.record().env["DECKWATCH_AGENT"].ends_with("-claude-2"));
}

#[test]
fn a_conversation_that_is_unknown_or_of_another_venture_does_not_select_a_slot() {
    let world = World::new();
    world.repository("home/dev/beta", "git@github.com:example-org/beta.git");
    let _busy = world.start("one", &["alpha"]);
    let (id, _) = claude(&world, &[]);
    world.run(&["beta", "--", "--resume", &id]).succeeds();
    assert!(world.record().env["DECKWATCH_AGENT"].ends_with("-claude-2"), "the first that is free");
    assert!(claude(&world, &["--resume", OTHER]).1.ends_with("-claude-2"));
}

#[test]
fn codex_and_gemini_conversations_are_resumed_by_their_own_ids() {
    let world = World::new();
    let busy = world.start("one", &["alpha", "--gemini"]);
    world.run(&["alpha", "--gemini", "--", "--session-id", OTHER]).succeeds();
    drop(busy);
    world.run(&["alpha", "--gemini", "--", "--resume", OTHER]).succeeds();
    assert!(world.record().env["DECKWATCH_AGENT"].ends_with("-gemini-2"));
    world.run(&["alpha", "--codex", "--", "exec", "resume", OTHER]).succeeds();
    assert_eq!(world.record().env["DECKWATCH_CONVERSATION"], OTHER);
    assert_eq!(world.record().own_args(), ["exec", "resume", OTHER]);
}

#[test]
fn commands_without_a_conversation_get_no_id() {
    let world = World::new();
    for args in [&["mcp", "list"][..], &["--version"], &["--resume"]] {
        let mut launcher = world.launcher(&["alpha", "--"]);
        Run::of(launcher.args(args).env("DECKWATCH_CONVERSATION", OTHER)).succeeds();
        let record = world.record();
        assert!(!record.env.contains_key("DECKWATCH_CONVERSATION"), "{args:?}");
        assert_eq!(record.args[1..], *args);
    }
}
