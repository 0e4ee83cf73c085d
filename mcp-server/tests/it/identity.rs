//! What a server tells the API about itself: its process, its machine, its groups; and the token of its agent.

use deckwatch_client::outbox::Bounds;
use deckwatch_client::{ApiConfig, ContextClient, actor_of};
use deckwatch_protocol::{CreateAgentToken, Session, SessionFilter, SessionStatus, Timestamp, Token};
use serde_json::json;

use crate::harness::{Machine, handoff};
use crate::server::{KEY, REMOTE, Server, wait};

const NAME: &str = "mac1-claude-1";

/// The active session of the agent.
fn session(server: &Server) -> Session {
    let filter =
        SessionFilter { status: Some(SessionStatus::Active), agent: NAME.parse().ok(), ..SessionFilter::default() };
    let page = wait(async { server.api().list_sessions(&filter).await }).unwrap();
    page.items.into_iter().next().unwrap()
}

#[test]
fn a_second_start_keeps_the_epoch_and_a_new_process_takes_the_next() {
    let (server, machine) = (Server::started(), Machine::new());
    let mut first = server.agent(&machine, NAME);
    for _ in 0..2 {
        let _ = first.call("sod", &json!({})).good();
        assert_eq!(session(&server).epoch.get(), 1);
    }
    let mut second = server.agent(&machine, NAME);
    let _ = second.call("sod", &json!({})).good();
    assert_eq!(session(&server).epoch.get(), 2);
    // The end of the first process records its handoff, and the session goes on.
    let _ = first.call("handoff", &handoff("From the first process.")).good();
    assert_eq!((server.handoffs(), session(&server).epoch.get()), (vec!["From the first process.".to_owned()], 2));
    let _ = second.call("handoff", &handoff("From the second process.")).good();
    assert_eq!((server.handoffs().len(), server.active_sessions()), (2, 0));
}

#[test]
fn an_agent_of_another_machine_is_told_that_its_name_is_taken_and_what_to_do() {
    let server = Server::started();
    let (here, there) = (Machine::new(), Machine::new());
    let mut first = server.agent(&here, NAME);
    let _ = first.call("sod", &json!({})).good();
    let taken = server.agent(&there, NAME).call("sod", &json!({})).trouble();
    for expected in ["belongs to another machine", "launcher <venture> --as"] {
        assert!(taken.contains(expected), "{expected}: {taken}");
    }
    let repository = there.repository_once(REMOTE);
    let mut moved = server.agent_with(&there, NAME, &repository, |command| {
        command.env("DECKWATCH_TAKE_OVER", "mac1 is in repair").env("DECKWATCH_GROUPS", "frontend:lead,reviewers");
    });
    let _ = moved.call("sod", &json!({})).good();
    let session = session(&server);
    assert_eq!(session.epoch.get(), 2);
    assert_eq!(session.groups.to_string(), "frontend:lead,reviewers:member");
    assert!(first.call("sod", &json!({})).trouble().contains("belongs to another machine"));
    // The process takes the name over once. If a person gives it back, it stays there.
    let back = server.agent_with(&here, NAME, &here.repository_once(REMOTE), |command| {
        command.env("DECKWATCH_TAKE_OVER", "mac1 is back");
    });
    let mut back = back;
    let _ = back.call("sod", &json!({})).good();
    assert!(moved.call("sod", &json!({})).trouble().contains("belongs to another machine"));
}

#[test]
fn the_instructions_name_the_agent_with_its_groups_and_roles() {
    let machine = Machine::new();
    let mut command = machine.command(&machine.repository(REMOTE));
    command.env("DECKWATCH_AGENT", NAME).env("DECKWATCH_GROUPS", "frontend:lead,reviewers:member");
    let mut agent = crate::harness::Mcp::spawn(command);
    let hello =
        json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}});
    let instructions = agent.request("initialize", &hello)["result"]["instructions"].clone();
    let expected = "know you as mac1-claude-1, and you are in @frontend as lead, @reviewers as member.";
    assert!(instructions.as_str().unwrap().ends_with(expected), "{instructions}");
}

#[test]
fn an_agent_works_with_its_own_token_and_renews_it() {
    let (server, machine) = (Server::started(), Machine::new());
    let repository = machine.repository_once(REMOTE);
    // The first start makes the id of the machine.
    let _ = server.agent(&machine, NAME).call("sod", &json!({})).good();
    let folder = machine.home().join(".local/state/deckwatch/machines");
    let id = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let id = id.into_iter().find(|path| path.extension().is_some_and(|end| end == "id")).unwrap();
    let request = CreateAgentToken {
        venture: "alpha".parse().unwrap(),
        agent: NAME.parse().unwrap(),
        machine_id: std::fs::read_to_string(id).unwrap().trim().parse().unwrap(),
    };
    let token = wait(async { server.api().create_agent_token(&request).await }).unwrap();
    let first_end = token.record.expires_at.unwrap();
    // The token says that it was exchanged two days ago.
    let soon = first_end.plus_seconds(-2 * 24 * 60 * 60).to_string();
    let mut agent = server.agent_with(&machine, NAME, &repository, |command| {
        command.env("CONTEXT_API_KEY", &token.token).env("DECKWATCH_TOKEN_EXPIRES_AT", soon);
        command.env("DECKWATCH_KEY_ACTOR", actor_of(KEY));
    });
    for (tool, arguments) in
        [("sod", json!({})), ("context", json!({})), ("status", json!({})), ("preflight", json!({}))]
    {
        let answer = agent.call(tool, &arguments);
        assert!(
            !answer.text.contains("403") && !answer.text.to_lowercase().contains("forbidden"),
            "{tool}: {}",
            answer.text
        );
    }
    assert_eq!(session(&server).agent.as_str(), NAME);
    let end = || -> Timestamp {
        let list =
            wait(async { server.admin().list_tokens(&deckwatch_protocol::ListTokens::default()).await }).unwrap();
        list.items.into_iter().find(|token: &Token| token.agent.is_some()).unwrap().expires_at.unwrap()
    };
    let since = std::time::Instant::now();
    while end() <= first_end {
        assert!(since.elapsed().as_secs() < 30, "the token was not renewed");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    // `launcher log` shows the last answer with the shared key.
    let data = machine.home().join(".local/share/deckwatch");
    let shared = ContextClient::connect(ApiConfig::remote(&server.url(), KEY).unwrap(), &data, Bounds::default());
    std::fs::remove_dir_all(data.join("snapshots")).unwrap();
    let _ = agent.call("sod", &json!({})).good();
    assert!(wait(shared.last_snapshot(&"example-org/alpha".parse().unwrap(), None)).is_some());
    let _ = agent.call("handoff", &handoff("With the token.")).good();
    assert_eq!(server.handoffs(), ["With the token."]);
    assert!(!machine.holds_text(&token.token), "a file has the token");
}
