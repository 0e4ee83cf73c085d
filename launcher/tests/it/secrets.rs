//! Tests of the secrets of a launch: which ones reach the agent, and what a launch does without them.

use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::golden::Transcript;
use crate::infisical::{CLIENT_ID, CLIENT_SECRET, Deviation, Infisical};
use crate::launching::closed_port;
use crate::world::{Run, World};

pub(crate) const VALUE: &str = "v4lue-0f-the-s3cret";

/// A world whose ventures have folders in `infisical`. `alpha` requires `DATABASE_URL`.
pub(crate) fn world_with(infisical: &Infisical) -> World {
    let world = World::new();
    world.write("home/.config/deckwatch/config.toml", &infisical.config());
    let ventures = world.read("home/.config/deckwatch/ventures.json");
    let ventures = ventures.replacen("\"repos\"", "\"secrets\": [\"DATABASE_URL\"], \"repos\"", 1);
    world.write("home/.config/deckwatch/ventures.json", &ventures);
    world
}

/// The launcher with the machine identity in its environment.
pub(crate) fn launcher(world: &World, args: &[&str]) -> Command {
    let mut command = world.launcher(args);
    command.env("INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", CLIENT_ID);
    command.env("INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET", CLIENT_SECRET);
    command
}

fn run(world: &World, args: &[&str]) -> Run {
    Run::of(&mut launcher(world, args))
}

/// Launches twice while Infisical deviates: the launch continues without secrets, and with `--require-secrets` it fails.
#[track_caller]
fn continues_without(transcript: &mut Transcript, about: &str, infisical: &Infisical, deviation: impl Fn(&Infisical)) {
    let world = world_with(infisical);
    deviation(infisical);
    transcript.run(about, &world, &mut launcher(&world, &["alpha"]));
    let env = world.record().env;
    assert!(!env.contains_key("DATABASE_URL") && !env.contains_key("DECKWATCH_SECRETS"));

    let world = world_with(infisical);
    deviation(infisical);
    transcript.run("", &world, &mut launcher(&world, &["alpha", "--require-secrets"]));
    assert!(!world.path("record.env").exists());
}

fn answers(status: u16, headers: &'static str, body: &str) -> impl Fn(&Infisical) {
    let body = body.to_owned();
    move |infisical| infisical.deviate_at_lists((0..3).map(|_| Deviation::Answer(status, headers, body.clone())))
}

#[test]
fn the_secrets_reach_the_agent_and_the_credential_of_the_launcher_does_not() {
    let infisical = Infisical::start();
    let multi_line = "-----BEGIN KEY-----\nline two\n\tthe end\n";
    let secrets = [("DATABASE_URL", VALUE), ("PEM", multi_line), ("BINARY", "\u{1}\u{7f}é\u{ff}"), ("EMPTY", "")];
    infisical.folder("/alpha", &secrets);
    let world = world_with(&infisical);
    let stderr = run(&world, &["alpha"]).succeeds().stderr;

    let env = world.record().env;
    assert_eq!((env["DATABASE_URL"].as_str(), env["EMPTY"].as_str()), (VALUE, ""));
    assert_eq!(env["DECKWATCH_SECRETS"], "BINARY,DATABASE_URL,EMPTY,PEM");
    let all = world.read("record.env");
    assert!(all.contains(&format!("PEM={multi_line}")) && all.contains("BINARY=\u{1}\u{7f}é\u{ff}\n"), "{all}");
    assert!(!all.contains(CLIENT_ID) && !all.contains(CLIENT_SECRET) && !all.contains("t0ken"), "{all}");
    assert!(stderr.contains("4 secrets of /alpha") && !stderr.contains(VALUE), "{stderr}");
    assert_eq!(infisical.calls(), ["POST /api/v1/auth/universal-auth/login", "GET /api/v4/secrets"]);
}

#[test]
fn own_secrets_override_imported_ones_and_both_override_the_environment() {
    let infisical = Infisical::start();
    let imports: [&[(&str, &str)]; 2] =
        [&[("A", "first"), ("B", "first"), ("C", "first")], &[("A", "second"), ("B", "second")]];
    infisical.folder_with_imports("/alpha", &[("A", "own")], &imports);
    let world = world_with(&infisical);
    Run::of(launcher(&world, &["alpha"]).env("C", "inherited")).succeeds();
    let env = world.record().env;
    assert_eq!([&env["A"], &env["B"], &env["C"]], ["own", "second", "first"]);
}

#[test]
fn reserved_and_invalid_names_are_left_out_and_are_in_step() {
    let infisical = Infisical::start();
    let huge = "x".repeat(200_000);
    infisical.folder(
        "/alpha",
        &[
            ("DATABASE_URL", VALUE),
            ("PATH", "/evil"),
            ("LD_PRELOAD", "/evil.so"),
            ("CLAUDE_CONFIG_DIR", "/evil"),
            ("DECKWATCH_AGENT", "evil"),
            ("not-a-name", "x"),
            ("N\u{1b}[31mUL", "x"),
            ("NUL", "a\0b"),
            ("HUGE", &huge),
        ],
    );
    let world = world_with(&infisical);
    let mut transcript = Transcript::new();
    transcript.run("", &world, &mut launcher(&world, &["alpha"]));
    transcript.is_in_step("secrets-left-out");
    let env = world.record().env;
    assert_eq!(env["PATH"], world.path("bin").to_str().unwrap());
    assert_eq!(env["DECKWATCH_SECRETS"], "DATABASE_URL");
    assert!(!env.contains_key("LD_PRELOAD") && env["DECKWATCH_AGENT"].ends_with("-claude-1"));
}

#[test]
fn a_launch_without_its_secrets_is_in_step() {
    let mut transcript = Transcript::new();
    let infisical = Infisical::start();
    infisical.folder("/alpha", &[("DATABASE_URL", VALUE)]);
    let world = world_with(&infisical);
    let mut wrong = launcher(&world, &["alpha", "--require-secrets"]);
    wrong.env("INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET", "wr0ng-value");
    transcript.run("a wrong credential", &world, &mut wrong);
    let revoked = |it: &Infisical| it.deviate_at_lists([Deviation::Revoke]);
    continues_without(&mut transcript, "a token that is refused at once", &infisical, revoked);
    let unknown = r#"{"statusCode": 404, "error": "NotFound", "message": "identity not found"}"#;
    for (about, body) in [("an unknown identity", unknown), ("a server without logins", "<html>")] {
        infisical.deviate_at_logins([Deviation::Answer(404, "", body.into())]);
        transcript.run(about, &world, &mut launcher(&world, &["alpha", "--require-secrets"]));
    }
    let mut unreachable = launcher(&world, &["alpha"]);
    transcript.run("it can't be reached", &world, unreachable.env("INFISICAL_DOMAIN", closed_port()));
    let mut in_clear = launcher(&world, &["alpha", "--require-secrets"]);
    transcript.run("without TLS", &world, in_clear.env("INFISICAL_DOMAIN", "http://vault.example"));

    infisical.folder("/alpha", &[("OTHER", VALUE)]);
    let world = world_with(&infisical);
    transcript.run("a secret is missing", &world, &mut launcher(&world, &["alpha"]));
    assert_eq!(world.record().env["OTHER"], VALUE);
    transcript.run("", &world, &mut launcher(&world, &["alpha", "--require-secrets"]));

    continues_without(&mut transcript, "the folder is missing", &Infisical::start(), |_| {});
    let (fails, forbidden) = (answers(500, "", "no"), answers(403, "", "{}"));
    continues_without(&mut transcript, "it fails three times", &Infisical::start(), fails);
    continues_without(&mut transcript, "the identity may not read the folder", &Infisical::start(), forbidden);
    transcript.is_in_step("secrets-missing");
}

#[test]
fn answers_that_are_not_from_infisical_are_in_step_without_their_text() {
    let mut transcript = Transcript::new();
    let with_value = format!("{{\"secrets\": [{{\"secretKey\": \"A\", \"secretValue\": 7, \"x\": \"{VALUE}\"}}]}}");
    let huge = format!("{{\"secrets\": [], \"x\": \"{}\"}}", "x".repeat(5 * 1024 * 1024));
    let bodies = [
        ("a value of another type", with_value.as_str()),
        ("text", VALUE),
        ("nothing", ""),
        ("a list", "[]"),
        ("5 MiB", &huge),
    ];
    for (about, body) in bodies {
        continues_without(&mut transcript, about, &Infisical::start(), answers(200, "", body));
    }
    transcript.lacks(VALUE);
    transcript.is_in_step("secrets-unknown-format");
}

#[test]
fn a_request_that_is_repeated_after_a_pause_is_in_step() {
    let infisical = Infisical::start();
    infisical.folder("/alpha", &[("DATABASE_URL", VALUE)]);
    infisical.deviate_at_logins([Deviation::Answer(500, "", "oops".into())]);
    infisical.deviate_at_lists([
        Deviation::Answer(429, "retry-after: 1\r\n", "{}".into()),
        Deviation::Answer(503, "", String::new()),
    ]);
    let world = world_with(&infisical);
    let started = Instant::now();
    let mut transcript = Transcript::new();
    transcript.run("", &world, &mut launcher(&world, &["alpha", "--require-secrets"]));
    assert_eq!(world.record().env["DATABASE_URL"], VALUE);
    assert!(started.elapsed() >= Duration::from_secs(1));
    transcript.is_in_step("secrets-busy");
    assert_eq!(infisical.calls().len(), 5);
}

#[test]
fn a_long_requested_pause_is_not_waited_for_and_is_in_step() {
    let infisical = Infisical::start();
    let started = Instant::now();
    let mut transcript = Transcript::new();
    continues_without(&mut transcript, "", &infisical, answers(429, "retry-after: 3600\r\n", ""));
    assert!(started.elapsed() < Duration::from_secs(30));
    transcript.is_in_step("secrets-long-pause");
}

#[test]
fn an_infisical_that_hangs_delays_a_start_by_fifteen_seconds_at_most() {
    let infisical = Infisical::start();
    let world = world_with(&infisical);
    infisical.deviate_at_lists([Deviation::Hang]);
    let started = Instant::now();
    let stderr = run(&world, &["alpha"]).succeeds().stderr;
    assert!(stderr.contains("did not answer"), "{stderr}");
    // The message is printed even without a terminal.
    assert!(stderr.contains("launcher: waiting for Infisical at 127.0.0.1"), "{stderr}");
    assert!(stderr.contains(", for at most 15 s …"), "{stderr}");
    assert!((14..30).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
}

#[test]
fn a_requested_pause_extends_the_time_limit() {
    let infisical = Infisical::start();
    infisical.folder("/alpha", &[("DATABASE_URL", VALUE)]);
    let asks = |seconds| Deviation::Answer(429, seconds, "{}".into());
    infisical.deviate_at_lists([asks("retry-after: 8\r\n"), asks("retry-after: 9\r\n")]);
    let world = world_with(&infisical);
    let started = Instant::now();
    let said = run(&world, &["alpha", "--require-secrets"]).succeeds().stderr;
    assert_eq!(world.record().env["DATABASE_URL"], VALUE);
    assert!((17..30).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    assert!(said.contains("trying again in 8 s") && said.contains("trying again in 9 s"), "{said}");
}

#[test]
fn a_network_that_drops_packets_delays_a_start_by_five_seconds() {
    // The listener accepts no connections. When its queue is full, a connection gets no answer, as with a firewall that
    // drops packets.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let patience = Duration::from_millis(300);
    let queue: Vec<_> = std::iter::from_fn(|| TcpStream::connect_timeout(&address, patience).ok()).collect();
    assert!(!queue.is_empty());
    let world = world_with(&Infisical::start());
    let mut command = launcher(&world, &["alpha"]);
    let started = Instant::now();
    let stderr = Run::of(command.env("INFISICAL_DOMAIN", format!("http://{address}"))).succeeds().stderr;
    assert!(stderr.contains("can't be reached: it did not answer in time"), "{stderr}");
    assert!((4..10).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
}

#[test]
fn redirects_get_no_credential_and_are_in_step() {
    let (infisical, elsewhere) = (Infisical::start(), Infisical::start());
    elsewhere.folder("/alpha", &[("DATABASE_URL", VALUE)]);
    let to: &'static str = Box::leak(format!("location: {}/api/v4/secrets\r\n", elsewhere.url).into_boxed_str());
    let mut transcript = Transcript::new();
    continues_without(&mut transcript, "the list redirects", &infisical, answers(307, to, ""));
    infisical.deviate_at_logins([Deviation::Answer(308, to, String::new())]);
    let world = world_with(&infisical);
    transcript.run("the login redirects", &world, &mut launcher(&world, &["alpha", "--require-secrets"]));
    assert_eq!(elsewhere.calls(), [""; 0]);
    transcript.is_in_step("secrets-redirect");
}

#[test]
fn an_empty_folder_is_accepted_and_reported() {
    let infisical = Infisical::start();
    infisical.folder("/beta", &[]);
    let world = world_with(&infisical);
    world.repository("home/dev/beta", "git@github.com:example-org/beta.git");
    let stderr = run(&world, &["beta", "--require-secrets"]).succeeds().stderr;
    assert!(stderr.contains("0 secrets of /beta"), "{stderr}");
    assert!(!world.record().env.contains_key("DECKWATCH_SECRETS"));
}

#[test]
fn launches_without_a_request_to_infisical_are_in_step() {
    let infisical = Infisical::start();
    let world = world_with(&infisical);
    run(&world, &["alpha", "--no-secrets"]).succeeds();
    let mut transcript = Transcript::new();
    transcript.run("the plan", &world, &mut launcher(&world, &["alpha", "--dry-run"]));
    assert_eq!(infisical.calls(), [""; 0]);

    let bare = World::new();
    transcript.run("no project is configured", &bare, &mut bare.launcher(&["alpha"]));
    transcript.run("", &bare, &mut bare.launcher(&["alpha", "--require-secrets"]));
    transcript.lacks(CLIENT_SECRET);
    transcript.is_in_step("secrets-not-requested");
}

#[test]
fn secrets_of_another_launch_are_not_passed_on() {
    let world = World::new();
    let mut command = world.launcher(&["alpha", "--no-secrets"]);
    command.env("DECKWATCH_SECRETS", "STRIPE_KEY,PATH,HOME").env("STRIPE_KEY", VALUE);
    Run::of(&mut command).succeeds();
    let env = world.record().env;
    assert!(!env.contains_key("STRIPE_KEY") && !env.contains_key("DECKWATCH_SECRETS"));
    assert!(env.contains_key("PATH") && env.contains_key("HOME"));
}

#[test]
fn settings_files_contain_names_of_secrets_and_no_values() {
    let infisical = Infisical::start();
    infisical.folder("/alpha", &[("DATABASE_URL", VALUE), ("STRIPE_API_KEY", VALUE)]);
    let world = world_with(&infisical);
    run(&world, &["alpha", "--codex"]).succeeds();
    let codex = world.read("home/.codex/config.toml");
    assert!(
        codex.contains(r#""DECKWATCH_SECRETS""#) && codex.contains(r#""DATABASE_URL", "STRIPE_API_KEY""#),
        "{codex}"
    );

    run(&world, &["alpha", "--gemini"]).succeeds();
    let gemini: serde_json::Value = serde_json::from_str(&world.read("home/.gemini/settings.json")).unwrap();
    let env = &gemini["mcpServers"]["deckwatch"]["env"];
    for name in ["DECKWATCH_SECRETS", "DATABASE_URL", "STRIPE_API_KEY"] {
        assert_eq!(env[name], format!("${name}"));
    }
    for (path, bytes) in world.home_files() {
        assert!(!String::from_utf8_lossy(&bytes).contains(VALUE), "{}", path.display());
    }
    let before = world.read("home/.gemini/settings.json");
    run(&world, &["alpha", "--gemini"]).succeeds();
    assert_eq!(world.read("home/.gemini/settings.json"), before);
}

#[test]
fn the_settings_of_a_venture_override_the_general_ones() {
    let infisical = Infisical::start();
    infisical.folder("/team/alpha", &[("DATABASE_URL", VALUE)]);
    let world = world_with(&infisical);
    let own = "environment = \"prod\"\n[infisical.ventures.alpha]\nenvironment = \"dev\"\npath = \"team/alpha/\"\n";
    world.write("home/.config/deckwatch/config.toml", &format!("{}{own}", infisical.config()));
    run(&world, &["alpha", "--require-secrets"]).succeeds();
    let mut command = launcher(&world, &["alpha", "--require-secrets"]);
    Run::of(command.env("INFISICAL_ENVIRONMENT", "prod")).refuses(27, &["environment prod"]);
}
