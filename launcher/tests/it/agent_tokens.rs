//! The token that an agent gets in the place of the shared key, and the name, groups and role that a launch gives it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use deckwatch_client::outbox::{Bounds, DayToEnd, Delivery};
use deckwatch_client::{ApiConfig, ContextClient};
use deckwatch_protocol::{
    DayStarted, ErrorCode, Extra, Handoff, HandoffDraft, HandoffStatus, Operation, Page, SessionRequest,
};
use deckwatch_tests::{Api, Caller as _, KeyCaller, TestRequest, fresh};
use serde_json::json;

use crate::launching::closed_port;
use crate::world::{Record, Run, World};

/// An API with the venture `alpha`.
async fn api() -> Api {
    let api = Api::start().await;
    let body = json!({ "name": "Alpha", "repos": ["example-org/alpha.js"] });
    let put = TestRequest::of(Operation::PutVenture).with("alpha").json(&body);
    let _: deckwatch_protocol::Venture = api.admin().send(put).await.of(201);
    api
}

/// Launches an agent that uses the API, and returns what the agent got.
fn launched(world: &World, api: &Api, args: &[&str]) -> (Record, Run) {
    let mut launcher = world.launcher(args);
    launcher.env("CONTEXT_API_URL", api.url()).env("CONTEXT_API_KEY", api.context_key());
    let run = Run::of(&mut launcher).succeeds();
    (world.record(), run)
}

/// The id of a machine, as its agents send it.
fn machine_id(world: &World) -> String {
    let ids: Vec<_> =
        world.home_files().into_iter().filter(|(path, _)| path.extension().is_some_and(|end| end == "id")).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    String::from_utf8(ids[0].1.clone()).unwrap().trim().to_owned()
}

/// Starts the day of the agent of a launch, as its MCP server does.
async fn started(api: &Api, record: &Record, machine: &str) -> deckwatch_tests::Response {
    let env = &record.env;
    let mut body = json!({
        "agent": env["DECKWATCH_AGENT"], "client": env["DECKWATCH_CLIENT"], "host": "mac1", "venture": "alpha",
        "repo": "example-org/alpha.js", "machine_id": machine, "start_id": deckwatch_tests::fresh_uuid(),
    });
    if let Some(reason) = env.get("DECKWATCH_TAKE_OVER") {
        body["take_over"] = json!(reason);
    }
    let own = KeyCaller::of(api, env["CONTEXT_API_KEY"].clone());
    own.send(TestRequest::of(Operation::StartDay).json(&body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shared_key_enters_no_agent() {
    let api = api().await;
    let world = World::new();
    // The shared key has a variable of its own, too.
    let settings = format!("[api]\nurl = \"{}\"\nkey_env = \"TEAM_KEY\"\n", api.url());
    world.write("home/.config/deckwatch/config.toml", &settings);
    for cli in ["--claude", "--gemini", "--codex"] {
        let mut launcher = world.launcher(&["alpha", cli]);
        let run = Run::of(launcher.env("TEAM_KEY", api.context_key())).succeeds();
        let record = world.record();
        let token = &record.env["CONTEXT_API_KEY"];
        assert!(token.starts_with("dw_"), "{cli}");
        let seen = [format!("{:?}", record.env), record.args.join(" "), run.stdout, run.stderr].concat();
        assert!(!seen.contains(api.context_key()), "{cli}: the agent or its terminal sees the shared key");
        assert!(record.env["DECKWATCH_TOKEN_EXPIRES_AT"].ends_with('Z'));
        assert_eq!(record.env["DECKWATCH_SECRETS"], "CONTEXT_API_KEY");
        for (path, bytes) in world.home_files() {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            assert!(!text.contains(api.context_key()) && !text.contains(token.as_str()), "{}", path.display());
        }
        let session = started(&api, &record, &machine_id(&world)).await.of::<DayStarted>(201).session;
        assert_eq!(session.agent.as_str(), record.env["DECKWATCH_AGENT"]);
        // The next launch of the agent renews the same token.
        let _ = Run::of(launcher.env("TEAM_KEY", api.context_key())).succeeds();
        assert_eq!(world.record().env["CONTEXT_API_KEY"], *token);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_a_launch_is_for_its_agent_only() {
    let api = api().await;
    let world = World::new();
    let (first, _) = launched(&world, &api, &["alpha"]);
    let own = KeyCaller::of(&api, first.env["CONTEXT_API_KEY"].clone());
    let body = json!({
        "agent": "mac9-claude-9", "client": "claude", "host": "mac9", "venture": "alpha", "repo": "example-org/alpha.js",
    });
    own.send(TestRequest::of(Operation::StartDay).json(&body)).await.problem(ErrorCode::Forbidden);
}

/// An API without tokens of agents: it answers every request like an older one.
fn older_api() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(mut stream), mut read) = (stream, [0; 4096]) else { continue };
            let _ = stream.read(&mut read);
            let body = deckwatch_protocol::Problem::new(ErrorCode::UnknownRoute, "no such path", "corr_old");
            let body = serde_json::to_string(&body).unwrap();
            let _ = write!(
                stream,
                "HTTP/1.1 404 Not Found\r\ncontent-type: application/problem+json\r\nconnection: close\r\nx-correlation-id: corr_0b8f2f4e-7c1d-4b6a-9a53-2f1c7a9d0e11\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
        }
    });
    url
}

#[test]
fn an_agent_gets_the_shared_key_with_a_warning_if_the_api_is_down_or_older() {
    let key = "k".repeat(64);
    for (url, cause) in [(closed_port(), "can't reach the Context API"), (older_api(), "older than this launcher")] {
        let world = World::new();
        let mut launcher = world.launcher(&["alpha"]);
        let run = Run::of(launcher.env("CONTEXT_API_URL", &url).env("CONTEXT_API_KEY", &key)).succeeds();
        for expected in ["the agent gets the shared key", cause, "token_required = true"] {
            assert!(run.stderr.contains(expected), "{expected}: {}", run.stderr);
        }
        assert!(!run.stderr.contains(&key));
        let env = world.record().env;
        assert_eq!(env["CONTEXT_API_KEY"], key);
        assert!(!env.contains_key("DECKWATCH_TOKEN_EXPIRES_AT"));
        let settings = format!("[api]\nurl = \"{url}\"\ntoken_required = true\n");
        world.write("home/.config/deckwatch/config.toml", &settings);
        world.remove("record.env");
        Run::of(world.launcher(&["alpha"]).env("CONTEXT_API_KEY", &key)).refuses(18, &[cause]);
        assert!(!world.path("record.env").exists(), "the agent was started");
    }
}

#[test]
fn the_database_of_this_machine_needs_no_token() {
    let world = World::new();
    let run = world.run(&["alpha"]).succeeds();
    assert!(!run.stderr.contains("token"), "{}", run.stderr);
    assert!(!world.record().env.contains_key("CONTEXT_API_KEY"));
}

/// Passes on each connection to `address` to the API.
fn forward(address: SocketAddr, api: &Api) {
    let listener = TcpListener::bind(address).unwrap();
    let api: SocketAddr = api.url().strip_prefix("http://").unwrap().parse().unwrap();
    std::thread::spawn(move || {
        for near in listener.incoming().map(Result::unwrap) {
            let far = TcpStream::connect(api).unwrap();
            for (mut from, mut to) in [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)] {
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            }
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_sends_what_waits_in_the_queue_of_the_shared_key() {
    let api = api().await;
    let world = World::new();
    let url = closed_port();
    // While the API was down, an agent with the shared key ended its day.
    let config = ApiConfig::remote(&url, api.context_key()).unwrap();
    let client = ContextClient::connect(config, &world.path("home/.local/share/deckwatch"), Bounds::default());
    let handoff = HandoffDraft {
        summary: "written offline".parse().unwrap(),
        status: HandoffStatus::Ready,
        accomplished: Vec::new(),
        in_progress: Vec::new(),
        blocked: Vec::new(),
        next_steps: Vec::new(),
        links: Vec::new(),
        to_agent: None,
        extra: Extra::default(),
    };
    let start = SessionRequest {
        venture: "alpha".parse().ok(),
        ..SessionRequest::new(
            fresh("mac1-claude").parse().unwrap(),
            "claude".parse().unwrap(),
            "mac1".parse().unwrap(),
            "example-org/alpha.js".parse().unwrap(),
        )
    };
    let handoff = client.scan_handoff(handoff).unwrap();
    let day = DayToEnd { session: None, epoch: None, start, keep_open: false, handoff };
    assert!(matches!(client.deliver_day(&day).await.unwrap(), Delivery::Queued(_)));

    forward(url.strip_prefix("http://").unwrap().parse().unwrap(), &api);
    let mut launcher = world.launcher(&["alpha"]);
    launcher.env("CONTEXT_API_URL", &url).env("CONTEXT_API_KEY", api.context_key());
    Run::of(&mut launcher).succeeds();
    assert!(world.record().env["CONTEXT_API_KEY"].starts_with("dw_"));
    let list = TestRequest::of(Operation::ListHandoffs).query("venture=alpha");
    let page: Page<Handoff> = api.admin().send(list).await.of(200);
    assert_eq!(page.items.iter().map(|handoff| handoff.summary.as_str()).collect::<Vec<_>>(), ["written offline"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn as_goes_on_as_an_agent_of_another_machine() {
    let api = api().await;
    let (first, second) = (World::new(), World::new());
    let (record, _) = launched(&first, &api, &["alpha"]);
    let name = record.env["DECKWATCH_AGENT"].clone();
    let session = started(&api, &record, &machine_id(&first)).await.of::<DayStarted>(201).session;
    // The worlds have one host name, so the second one would use the name by chance: its machine is another one.
    let (by_chance, _) = launched(&second, &api, &["alpha"]);
    assert!(!by_chance.env.contains_key("DECKWATCH_TAKE_OVER"));
    started(&api, &by_chance, &machine_id(&second)).await.problem(ErrorCode::AgentNameTaken);
    let (moved, run) = launched(&second, &api, &["alpha", "--as", &name]);
    assert!(run.stderr.contains(&format!("as {name}")), "{}", run.stderr);
    assert_eq!(moved.env["DECKWATCH_AGENT"], name);
    assert!(moved.env["DECKWATCH_TAKE_OVER"].starts_with("started with --as on "));
    let taken = started(&api, &moved, &machine_id(&second)).await.of::<DayStarted>(200).session;
    assert_eq!((taken.id, taken.epoch.get()), (session.id, 2));
    started(&api, &record, &machine_id(&first)).await.problem(ErrorCode::AgentNameTaken);
    // A name of another machine has no slot here.
    let other = fresh("mac7-claude-1");
    let (moved, _) = launched(&second, &api, &["alpha", "--as", &other]);
    assert_eq!(moved.env["DECKWATCH_AGENT"], other);
}

#[test]
fn the_name_of_an_agent_that_runs_here_is_refused() {
    let world = World::new();
    let running = world.start("running", &["alpha"]);
    let run = world.run(&["alpha", "--as", running.name()]);
    run.refuses(17, &["is at work on this machine", "open its terminal"]);
    let plan = world.run(&["alpha", "--as", "mac7-claude-1", "--dry-run"]).succeeds().stdout;
    assert!(plan.contains("mac7-claude-1, also if another machine has the name"), "{plan}");
}

#[test]
fn groups_and_roles_reach_the_agent_and_wrong_ones_are_refused() {
    let world = World::new();
    world.run(&["alpha", "--groups", "frontend:lead,reviewers"]).succeeds();
    assert_eq!(world.record().env["DECKWATCH_GROUPS"], "frontend:lead,reviewers:member");
    world.run(&["alpha", "--groups", "a,b:lead", "--role", "reviewer"]).succeeds();
    assert_eq!(world.record().env["DECKWATCH_GROUPS"], "a:reviewer,b:lead");
    // They are those of this launch, not of the one that it was started from.
    let mut inner = world.launcher(&["alpha"]);
    Run::of(inner.env("DECKWATCH_GROUPS", "outer:lead").env("DECKWATCH_TAKE_OVER", "outer")).succeeds();
    let env = world.record().env;
    assert!(!env.contains_key("DECKWATCH_GROUPS") && !env.contains_key("DECKWATCH_TAKE_OVER"));
    world.run(&["alpha", "--groups", "Front end"]).refuses(2, &["--groups:", "frontend:lead,reviewers"]);
    assert_eq!(world.run(&["alpha", "--role", "lead"]).code, Some(2));
}
