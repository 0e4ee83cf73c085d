//! `launcher github`, against a GitHub on loopback that enforces GitHub's rules.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use deckwatch_tests::github_stub::{GitHubStub, Level, Permissions, permissions};
use serde_json::{Value, json};

use crate::launching::closed_port;
use crate::world::{Run, World};

const VENTURES: &str = r#"{"ventures": [
  {"code": "alpha", "name": "Alpha", "repos": ["acme/api", "acme/web"]},
  {"code": "beta", "name": "Beta", "repos": ["acme/tools", "local/notes"]}
]}"#;
const API: &str = "https://context.example.com";
const HOOK: &str = "https://context.example.com/webhooks/github";
pub(crate) const EVENTS: [&str; 2] = ["issues", "pull_request"];

pub(crate) fn needed() -> Permissions {
    permissions(&[("issues", Level::Write), ("pull_requests", Level::Write)])
}

/// A GitHub with the repositories of the ventures.
pub(crate) fn github() -> GitHubStub {
    let github = GitHubStub::start();
    github.edit(|world| {
        for repo in ["acme/api", "acme/web", "acme/tools"] {
            world.add_repo(repo);
        }
    });
    github
}

pub(crate) fn world() -> World {
    let world = World::new();
    world.write("home/.config/deckwatch/ventures.json", VENTURES);
    world
}

pub(crate) fn launcher(world: &World, github: &GitHubStub, args: &[&str]) -> Command {
    let mut launcher = world.launcher(args);
    launcher.env("GITHUB_API_URL", github.url());
    launcher
}

/// Registers an App as a person would have, with its webhook. Returns its id and its key.
pub(crate) fn registered(github: &GitHubStub, granted: Permissions, events: &[&str]) -> (u64, String) {
    github.edit(|world| {
        let app = world.add_app("deckwatch-acme", granted, events);
        app.owner = "acme".to_owned();
        app.hook_url = Some(HOOK.to_owned());
        (app.id, app.private_key.clone())
    })
}

fn check(world: &World, github: &GitHubStub, (id, key): &(u64, String), more: &[&str]) -> Run {
    let args = [&["github", "check", "--json", "--api-url", API], more].concat();
    let mut launcher = launcher(world, github, &args);
    Run::of(launcher.env("GITHUB_APP_ID", id.to_string()).env("GITHUB_APP_PRIVATE_KEY", key))
}

/// `status name: detail` of each check that did not pass, and the names of those that did.
pub(crate) fn results(run: &Run) -> (Vec<String>, Vec<String>) {
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}{}", run.stdout, run.stderr));
    let text = |check: &Value, field: &str| check[field].as_str().unwrap().to_owned();
    let checks = report["checks"].as_array().unwrap();
    let passed = checks.iter().filter(|check| check["status"] == "ok").map(|check| text(check, "name")).collect();
    let others = checks.iter().filter(|check| check["status"] != "ok");
    let others =
        others.map(|it| format!("{} {}: {}", text(it, "status"), text(it, "name"), text(it, "detail"))).collect();
    (others, passed)
}

/// A running set-up: its lines on standard error, as they come.
struct Setup {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Setup {
    fn start(mut launcher: Command) -> Self {
        let mut child = launcher.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (send, lines) = channel();
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Self { child, lines, seen: Vec::new() }
    }

    /// Waits for a line with this text.
    fn line(&mut self, text: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(Duration::from_secs(30));
            let line = line.unwrap_or_else(|_| panic!("no line with {text}: {:?}", self.seen));
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// The origin and the path of the page.
    fn page(&mut self) -> (String, String) {
        let line = self.line("http://127.0.0.1:");
        let url = line.split("http://").nth(1).unwrap().trim();
        let (origin, path) = url.split_once('/').unwrap();
        (origin.to_owned(), format!("/{path}"))
    }

    fn ended(mut self) -> Run {
        let mut stdout = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        let code = self.child.wait().unwrap().code();
        self.seen.extend(self.lines.iter());
        Run { code, stdout, stderr: self.seen.join("\n") }
    }
}

/// Status and body of a page.
fn get(origin: &str, path: &str, host: &str) -> (String, String) {
    let mut stream = TcpStream::connect(origin).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().to_owned();
    (status, answer)
}

/// The manifest and the state of the page.
fn manifest(page: &str) -> (Value, String) {
    let attribute = |name: &str| {
        let text = page.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap();
        text.replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
    };
    let action = attribute("action");
    assert!(action.contains("/organizations/acme/settings/apps/new?state="), "{action}");
    let state = action.split("state=").nth(1).unwrap().to_owned();
    (serde_json::from_str(&attribute("value")).unwrap(), state)
}

/// What GitHub does when the person presses its button: the App exists, and the browser goes back with a code.
fn created(github: &GitHubStub, manifest: &Value) -> String {
    let level = |level: &Value| if level == "write" { Level::Write } else { Level::Read };
    let asked = manifest["default_permissions"].as_object().unwrap();
    let asked: Permissions = asked.iter().map(|(name, value)| (name.clone(), level(value))).collect();
    let events: Vec<&str> = manifest["default_events"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    github.edit(|world| {
        let code = world.submit_manifest("deckwatch-acme", asked, &events);
        let app = world.apps.last_mut().unwrap();
        app.hook_url = manifest["hook_attributes"]["url"].as_str().map(str::to_owned);
        app.owner = "acme".to_owned();
        world.install("deckwatch-acme", "acme", None);
        code
    })
}

const SETUP: [&str; 7] = ["github", "setup", "--org", "acme", "--api-url", API, "--no-browser"];

#[test]
fn a_setup_registers_the_app_hands_over_its_secrets_and_checks_it() {
    let (world, github) = (world(), github());
    let before = world.home_files();
    let mut setup = Setup::start(launcher(&world, &github, &[&SETUP[..], &["--print"]].concat()));
    let (origin, path) = setup.page();
    assert!(setup.line("waiting up to 15 minutes").contains("Ctrl-C"));
    let (status, page) = get(&origin, &path, &origin);
    assert_eq!(status, "200", "{page}");
    let (manifest, state) = manifest(&page);
    let expected = json!({
        "name": "deckwatch-acme", "url": API, "public": false, "hook_attributes": { "url": HOOK, "active": true },
        "default_permissions": { "issues": "write", "pull_requests": "write", "metadata": "read" },
        "default_events": EVENTS, "redirect_url": format!("http://{origin}/registered"),
        "description": manifest["description"],
    });
    assert_eq!(manifest, expected);
    let code = created(&github, &manifest);

    // Neither a website with another name for this machine nor an answer of another page gets through.
    for (path, host, status) in [
        (format!("/registered?code={code}&state={state}"), "evil.example", "404"),
        (path.clone(), "evil.example", "404"),
        ("/".to_owned(), &origin, "404"),
        (format!("/registered?code={code}"), &origin, "400"),
        (format!("/registered?code={code}&state=0{state}"), &origin, "400"),
        (format!("/registered?code=..%2F..%2Fuser&state={state}"), &origin, "400"),
        (format!("/registered?state={state}"), &origin, "400"),
    ] {
        assert_eq!(get(&origin, &path, host).0, status, "{path} {host}");
    }
    let (status, text) = get(&origin, &format!("/registered?code={code}&state={state}"), &origin);
    assert!(status == "200" && text.contains("The terminal continues"), "{text}");

    let run = setup.ended();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let (key, secret) = github.edit(|world| {
        let app = world.apps.last().unwrap();
        (app.private_key.trim_end().replace('\n', "\\n"), app.hook_secret.clone())
    });
    let id = github.edit(|world| world.apps.last().unwrap().id);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            format!("GITHUB_APP_ID={id}"),
            format!("GITHUB_WEBHOOK_SECRET='{secret}'"),
            format!("GITHUB_APP_PRIVATE_KEY='{key}'"),
        ]
    );
    for text in ["/installations/new", "ok    permission issues", "ok    webhook", "ok    repository acme/tools"] {
        assert!(run.stderr.contains(text), "{text}: {}", run.stderr);
    }
    assert!(!run.stderr.contains(&secret) && !run.stderr.contains("PRIVATE KEY"), "{}", run.stderr);
    assert_eq!(world.home_files(), before, "nothing is left on disk");
}

/// Records its arguments, environment and standard input, and fails for the word in `$FAILS`.
const WRANGLER: &str = r#"#!/bin/sh
echo "$@" >> "$RECORD.wrangler"
env >> "$RECORD.wrangler"
case "$*" in *"$FAILS"*) echo "Authentication error [code: 10000]" >&2; exit 1 ;; esac
case "$2" in list) echo '[{"name":"GITHUB_APP_ID","type":"secret_text"}]' ;; bulk) read -r line; printf '%s' "$line" > "$RECORD.input" ;; esac
"#;

#[test]
fn the_worker_gets_the_secrets_on_wranglers_standard_input() {
    let (world, github) = (world(), github());
    world.install("wrangler", WRANGLER);
    let mut command = launcher(&world, &github, &[&SETUP[..], &["--worker", "deckwatch-staging", "--json"]].concat());
    command.env("FAILS", "nothing");
    let mut setup = Setup::start(command);
    setup.line("has the secrets of an App already (GITHUB_APP_ID)");
    let (origin, path) = setup.page();
    let (manifest, state) = manifest(&get(&origin, &path, &origin).1);
    let code = created(&github, &manifest);
    get(&origin, &format!("/registered?code={code}&state={state}"), &origin);
    let run = setup.ended();
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(results(&run).1.contains(&"webhook".to_owned()), "{}", run.stdout);
    let given: Value = serde_json::from_str(world.read("record.input").trim()).unwrap();
    let (id, key, secret) = github.edit(|world| {
        let app = world.apps.last().unwrap();
        (app.id, app.private_key.clone(), app.hook_secret.clone())
    });
    let expected =
        json!({ "GITHUB_APP_ID": id.to_string(), "GITHUB_APP_PRIVATE_KEY": key, "GITHUB_WEBHOOK_SECRET": secret });
    assert_eq!(given, expected);
    let seen = world.read("record.wrangler");
    assert!(seen.contains("secret bulk --name deckwatch-staging"), "{seen}");
    assert!(!seen.contains("PRIVATE KEY") && !seen.contains(&secret), "{seen}");
    assert!(!run.stderr.contains("PRIVATE KEY") && !run.stdout.contains("PRIVATE KEY"));
}

#[test]
fn a_destination_that_does_not_work_is_reported_before_an_app_exists_and_a_later_failure_says_what_to_do() {
    let (world, github) = (world(), github());
    world.install("wrangler", WRANGLER);
    let args = [&SETUP[..], &["--worker", "deckwatch"]].concat();
    let early = Run::of(launcher(&world, &github, &args).env("FAILS", "secret list"));
    assert_eq!(early.code, Some(42));
    assert!(
        early.stderr.contains("can't be reached by wrangler") && !early.stderr.contains("http://"),
        "{}",
        early.stderr
    );

    let mut command = launcher(&world, &github, &args);
    command.env("FAILS", "secret bulk");
    let mut setup = Setup::start(command);
    let (origin, path) = setup.page();
    let (manifest, state) = manifest(&get(&origin, &path, &origin).1);
    let code = created(&github, &manifest);
    get(&origin, &format!("/registered?code={code}&state={state}"), &origin);
    let run = setup.ended();
    assert_eq!(run.code, Some(42));
    assert!(
        run.stderr.contains("its secrets could not be stored: wrangler failed: Authentication error"),
        "{}",
        run.stderr
    );
    assert!(run.stderr.contains("generate a new private key"), "{}", run.stderr);
}

#[test]
fn ctrl_c_ends_the_wait() {
    let (world, github) = (world(), github());
    let mut setup = Setup::start(launcher(&world, &github, &[&SETUP[..], &["--print"]].concat()));
    setup.line("waiting up to");
    let pid = setup.child.id().to_string();
    // The handler is set when the wait begins, just after its line.
    std::thread::sleep(Duration::from_millis(200));
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let run = setup.ended();
    assert_eq!((run.code, run.stdout.as_str()), (Some(130), ""), "{}", run.stderr);
}

#[test]
fn a_setup_refuses_an_address_that_github_cannot_reach() {
    let (world, github) = (world(), github());
    for (url, part) in [
        ("http://context.example.com", "give the https address"),
        ("https://localhost:8080", "give the https address"),
        ("https://127.0.0.1", "give the https address"),
        ("context.example.com", "can't be used"),
    ] {
        let args = ["github", "setup", "--org", "acme", "--print", "--no-browser", "--api-url", url];
        let run = Run::of(&mut launcher(&world, &github, &args));
        assert!(run.code == Some(42) && run.stderr.contains(part), "{url}: {}", run.stderr);
    }
    let without = Run::of(&mut launcher(&world, &github, &["github", "setup", "--org", "acme", "--print"]));
    assert!(without.stderr.contains("give it with --api-url"), "{}", without.stderr);
    let half = Run::of(&mut launcher(&world, &github, &["github", "setup", "--org", "acme"]));
    assert_eq!(half.code, Some(2));
}

#[test]
fn a_complete_app_passes_every_check() {
    let (world, github) = (world(), github());
    let app = registered(&github, needed(), &EVENTS);
    github.edit(|world| {
        world.install("deckwatch-acme", "acme", None);
        world.add_hook_delivery(app.0, "issues", 200);
    });
    let run = check(&world, &github, &app, &[]);
    assert_eq!((run.code, results(&run).0), (Some(0), Vec::new()), "{}", run.stderr);
    assert!(run.stderr.contains("not on GitHub, and are left out: local/notes"), "{}", run.stderr);
    let writes = github.requests().into_iter().filter(|request| request.method != "GET");
    let writes: Vec<String> = writes.map(|request| request.path).collect();
    assert!(writes.iter().all(|path| path.ends_with("/access_tokens")), "{writes:?}");
    // The same key on one line, and without a list of repositories.
    let one_line = (app.0, app.1.replace('\n', "\\n"));
    let run = check(&world, &github, &one_line, &["--venture", "alpha"]);
    assert_eq!((run.code, results(&run).0), (Some(0), Vec::new()), "{}", run.stderr);
}

#[test]
fn each_fault_of_an_app_has_its_own_check() {
    let (world, github) = (world(), github());
    let granted = permissions(&[("issues", Level::Write), ("contents", Level::Write)]);
    let app = registered(&github, granted, &["issues"]);
    github.edit(|world| {
        world.apps.last_mut().unwrap().hook_url = Some("https://old.example.com/webhooks/github".to_owned());
        world.install("deckwatch-acme", "acme", Some(&["acme/api", "acme/tools"]));
        world.repo("acme/api").archived = true;
        world.rename("acme/tools", "acme/toolbox");
        world.add_hook_delivery(app.0, "issues", 200);
        world.add_hook_delivery(app.0, "issues", 401);
    });
    let run = check(
        &world,
        &github,
        &app,
        &["--repo", "acme/api", "--repo", "acme/tools", "--repo", "acme/web", "--repo", "other/x"],
    );
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let (faults, passed) = results(&run);
    let expected = [
        "fail permission pull_requests: is none, and write is needed to label pull requests",
        "warn more permissions: the App has more than it needs: contents write",
        "fail events: the App does not get pull_request",
        "fail webhook: GitHub sends events to https://old.example.com/webhooks/github, and the Context API takes them at",
        "fail deliveries: 1 of 2 failed; the newest (issues, ",
        "fail installation other: the App is not installed there",
        "fail installation acme: has not granted pull_requests write",
        "warn repository acme/api: is archived or disabled",
        "warn repository acme/tools: is called acme/toolbox now",
        "fail repository acme/web: the App does not cover it",
    ];
    assert_eq!(faults.len(), expected.len(), "{faults:#?}");
    for (fault, expected) in faults.iter().zip(expected) {
        assert!(fault.starts_with(expected), "{fault}\n{expected}");
    }
    assert_eq!(passed, ["app", "permission issues", "permission metadata"]);
    github.edit(|world| world.installations.last_mut().unwrap().suspended_at = Some(world_time()));
    let (faults, _) = results(&check(&world, &github, &app, &["--repo", "acme/web"]));
    assert!(faults.iter().any(|fault| fault.contains("installation acme: is suspended")), "{faults:#?}");
}

fn world_time() -> deckwatch_protocol::Timestamp {
    "2026-11-27T10:00:00Z".parse().unwrap()
}

#[test]
fn a_wrong_key_a_missing_half_and_a_silent_github_are_three_messages() {
    let (world, github) = (world(), github());
    let (id, key) = registered(&github, needed(), &EVENTS);
    let (faults, _) = results(&check(&world, &github, &(id + 1, key.clone()), &[]));
    assert!(faults.len() == 1 && faults[0].starts_with("fail app: GitHub"), "{faults:?}");
    let other = check(&world, &github, &(id, "no key".to_owned()), &[]);
    assert!(other.code == Some(42) && other.stderr.contains("it is not a private key in PEM"), "{}", other.stderr);
    let half = Run::of(launcher(&world, &github, &["github", "check"]).env("GITHUB_APP_ID", "1"));
    assert!(half.code == Some(42) && half.stderr.contains("GITHUB_APP_PRIVATE_KEY is not"), "{}", half.stderr);
    let none = Run::of(&mut launcher(&world, &github, &["github", "check"]));
    assert!(none.code == Some(42) && none.stderr.contains("there is no credential for GitHub"), "{}", none.stderr);
    let mut down = launcher(&world, &github, &["github", "check", "--json"]);
    let down = down.env("GITHUB_API_URL", closed_port()).env("GITHUB_APP_ID", id.to_string());
    let (faults, _) = results(&Run::of(down.env("GITHUB_APP_PRIVATE_KEY", &key)));
    assert!(faults.len() == 1 && faults[0].contains("can't be reached"), "{faults:?}");
}
