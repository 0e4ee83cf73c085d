//! `launcher notices` with real receivers on loopback: ntfy, a webhook, and the program of a desktop.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Child;

use crate::members::CONTEXT_KEY;
use crate::stage::Stage;

const TOKEN: &str = "tk_of_ntfy";
const WEBHOOK_KEY: &str = "key-of-the-webhook";
const TIMEOUT: Duration = Duration::from_secs(30);

/// A request that a receiver got.
#[derive(Debug, Clone)]
struct Received {
    head: String,
    body: String,
}

impl Received {
    /// The value of a header.
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            line.split_once(": ").filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        })
    }
}

/// A receiver on loopback that answers with these statuses, one after the other. The last one stays.
struct HttpReceiver {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl HttpReceiver {
    async fn answering(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/topic", listener.local_addr().unwrap());
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let (all, mut statuses) = (Arc::clone(&received), statuses.to_vec());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let request = read(&mut stream).await;
                all.lock().unwrap().push(request);
                let status = if statuses.len() > 1 { statuses.remove(0) } else { statuses[0] };
                let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                // A client that has left needs no answer.
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { url, received }
    }

    fn all(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Waits until so many requests have arrived.
    async fn gets(&self, count: usize) -> Vec<Received> {
        let started = Instant::now();
        while self.all().len() < count {
            assert!(started.elapsed() < TIMEOUT, "only {:?} arrived", self.all());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.all()
    }
}

async fn read(stream: &mut TcpStream) -> Received {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let received = Received { head: head.replace("\r\n", "\n"), body: body.to_owned() };
            let length = received.header("content-length").map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return received;
            }
        }
        let count = stream.read(&mut chunk).await.unwrap();
        assert!(count > 0, "the request ended early: {text}");
        bytes.extend_from_slice(&chunk[..count]);
    }
}

/// `launcher notices`, which runs until this is dropped. Its messages go to a file.
struct Running {
    child: Child,
}

impl Stage {
    fn configure(&self, notices: &str) {
        self.team.write(".config/deckwatch/config.toml", notices);
    }

    /// Starts `launcher notices` and waits until it follows the events.
    async fn notices(&self) -> Running {
        let keys = [("CONTEXT_API_KEY", CONTEXT_KEY), ("NTFY_TOKEN", TOKEN), ("WEBHOOK_KEY", WEBHOOK_KEY)];
        let mut command = self.team.launcher(&["notices", "--venture", "alpha"], &keys);
        let path = std::env::join_paths(
            std::iter::once(self.team.path("bin")).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
        );
        let log = std::fs::File::options().create(true).append(true).open(self.team.path("notices.log")).unwrap();
        command.env("PATH", path.unwrap()).stdout(Stdio::null()).stderr(log);
        let before = self.log().matches("notices about").count();
        let running = Running { child: command.spawn().unwrap() };
        self.logs("notices about", before + 1).await;
        // The place in the events is remembered when the program follows them.
        self.remembers().await;
        running
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.team.path("notices.log")).unwrap_or_default()
    }

    /// Waits until the messages have this text so many times.
    async fn logs(&self, text: &str, count: usize) -> String {
        let started = Instant::now();
        while self.log().matches(text).count() < count {
            assert!(started.elapsed() < TIMEOUT, "{text:?} is missing: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.log()
    }

    async fn remembers(&self) {
        let started = Instant::now();
        let folder = self.team.path(".local/state/deckwatch/notices");
        let is_there = || {
            let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            files.filter(|file| file.path().extension().is_some_and(|end| end == "json")).count() == 1
        };
        while !is_there() {
            assert!(started.elapsed() < TIMEOUT, "{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Running {
    async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// The command line, as other users of the machine see it.
    fn command_line(&self) -> String {
        std::fs::read_to_string(format!("/proc/{}/cmdline", self.child.id().unwrap())).unwrap_or_default()
    }
}

fn is_signed(received: &Received) -> bool {
    let mut mac = Hmac::<Sha256>::new_from_slice(WEBHOOK_KEY.as_bytes()).unwrap();
    mac.update(received.body.as_bytes());
    let tag = base16ct::lower::encode_string(&mac.finalize().into_bytes());
    received.header("deckwatch-signature") == Some(&format!("sha256={tag}"))
}

#[tokio::test]
async fn a_change_is_sent_once_to_each_receiver_also_over_a_restart() {
    let stage = Stage::new().await;
    let (ntfy, webhook) = (HttpReceiver::answering(&[200]).await, HttpReceiver::answering(&[204]).await);
    stage.configure(&format!(
        "[notices.ntfy]\nurl = \"{}\"\nsecret_env = \"NTFY_TOKEN\"\n[notices.webhook]\nurl = \"{}\"\nsecret_env = \"WEBHOOK_KEY\"\n",
        ntfy.url, webhook.url
    ));
    // What happened before the first start is not sent.
    stage.claude.said("blocked", Some("before the start")).await;
    let running = stage.notices().await;
    stage.codex.said("working", None).await;
    stage.codex.said("waiting", Some("may I run the \u{202e}migration?")).await;
    let pushed = ntfy.gets(1).await;
    assert_eq!(pushed[0].header("title"), Some("mac2-codex-1 waits for you"));
    assert_eq!(pushed[0].body, "alpha #91: may I run the migration?");
    assert_eq!(pushed[0].header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    let posted = webhook.gets(1).await;
    assert!(is_signed(&posted[0]), "{:?}", posted[0]);
    let body: Value = serde_json::from_str(&posted[0].body).unwrap();
    assert_eq!(body["notice"]["kind"], "agent_waiting");
    assert_eq!(body["notice"]["agent"], "mac2-codex-1");
    assert_eq!(body["id"].as_str(), posted[0].header("deckwatch-delivery"));
    assert!(!running.command_line().contains(TOKEN) && !running.command_line().contains(WEBHOOK_KEY));
    stage.logs("webhook: mac2-codex-1 waits for you", 1).await;
    running.kill().await;
    // What happens meanwhile is sent after the restart, and nothing a second time.
    stage.codex.said("working", None).await;
    stage.claude.said("waiting", Some("which table?")).await;
    let running = stage.notices().await;
    assert_eq!(webhook.gets(2).await[1].body.matches("which table?").count(), 1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((ntfy.all().len(), webhook.all().len()), (2, 2), "{:?}", ntfy.all());
    running.kill().await;
    assert!(!stage.log().contains(TOKEN) && !stage.log().contains(WEBHOOK_KEY), "{}", stage.log());
}

#[tokio::test]
async fn a_receiver_that_fails_is_tried_again_within_bounds_and_reported() {
    let stage = Stage::new().await;
    let (busy, refuses) = (HttpReceiver::answering(&[503, 200]).await, HttpReceiver::answering(&[403]).await);
    stage.configure(&format!(
        "[notices.ntfy]\nurl = \"{}\"\n[notices.webhook]\nurl = \"{}\"\nsecret_env = \"WEBHOOK_KEY\"\n",
        busy.url, refuses.url
    ));
    let running = stage.notices().await;
    stage.codex.said("blocked", Some("CI is red")).await;
    let twice = busy.gets(2).await;
    assert_eq!(twice[0].body, twice[1].body);
    let log = stage.logs("webhook: not sent: mac2-codex-1 is blocked: it answered 403", 1).await;
    assert!(log.contains("ntfy: mac2-codex-1 is blocked"), "{log}");
    assert_eq!(refuses.all().len(), 1, "a refusal is not tried again");
    running.kill().await;
}

#[tokio::test]
async fn many_changes_in_a_minute_become_one_notice() {
    let stage = Stage::new().await;
    let ntfy = HttpReceiver::answering(&[200]).await;
    stage.configure(&format!(
        "[notices]\nper_minute = 2\nkinds = [\"agent_idle\", \"agent_working\"]\n[notices.ntfy]\nurl = \"{}\"\n",
        ntfy.url
    ));
    let running = stage.notices().await;
    running.kill().await;
    // Both are known at once after a restart.
    for state in ["working", "idle", "working", "idle", "working"] {
        stage.codex.said(state, None).await;
    }
    let running = stage.notices().await;
    let sent = ntfy.gets(2).await;
    assert_eq!(sent[0].header("title"), Some("mac2-codex-1: agent working"));
    assert_eq!(sent[1].header("title"), Some("Deckwatch: 4 changes"));
    stage.codex.said("idle", None).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(ntfy.all().len(), 2, "the third one waits for its minute");
    running.kill().await;
}

/// The arguments with which a program of the desktop shows a notice. A stub stands in its place.
async fn shown_by(stage: &Stage, name: &str) -> (Running, Vec<String>) {
    let program = stage.team.path(&format!("bin/{name}"));
    stage.team.write(&format!("bin/{name}"), "#!/bin/sh\nprintf '%s\\n' \"$@\" >>\"$HOME/shown\"\n");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    stage.configure("[notices]\ndesktop = true\n");
    let running = stage.notices().await;
    stage.codex.said("waiting", Some("$(touch pwned) <b>now</b>; `id`")).await;
    stage.logs("desktop: mac2-codex-1 waits for you", 1).await;
    let shown = std::fs::read_to_string(stage.team.path("shown")).unwrap();
    (running, shown.lines().map(str::to_owned).collect())
}

/// The stub only records its arguments: on a Mac, `osascript` runs these lines with the title and the text.
#[tokio::test]
async fn without_notify_send_osascript_gets_the_text_as_arguments() {
    let path = std::env::var_os("PATH").unwrap();
    if std::env::split_paths(&path).any(|folder| folder.join("notify-send").exists()) {
        println!("skipped: notify-send is installed here");
        return;
    }
    let stage = Stage::new().await;
    let (running, shown) = shown_by(&stage, "osascript").await;
    let script = ["on run argv", "display notification (item 2 of argv) with title (item 1 of argv)", "end run"];
    let mut expected: Vec<&str> = script.iter().flat_map(|line| ["-e", line]).collect();
    expected.extend(["--", "mac2-codex-1 waits for you", "alpha #91: $(touch pwned) <b>now</b>; `id`"]);
    assert_eq!(shown, expected);
    running.kill().await;
}

#[tokio::test]
async fn the_desktop_gets_the_text_as_arguments_without_a_shell() {
    let stage = Stage::new().await;
    let (running, shown) = shown_by(&stage, "notify-send").await;
    let text = "alpha #91: $(touch pwned) &lt;b&gt;now&lt;/b&gt;; `id`";
    assert_eq!(shown, ["--app-name=Deckwatch", "--", "mac2-codex-1 waits for you", text]);
    // A second process would send the same notices.
    let key = [("CONTEXT_API_KEY", CONTEXT_KEY)];
    let path = format!("{}:{}", stage.team.path("bin").display(), std::env::var("PATH").unwrap());
    let second = stage.team.run(&["notices", "--venture", "alpha"], &[key[0], ("PATH", &path)]).await;
    assert!(second.code != Some(0) && second.stderr.contains("already sends notices"), "{}", second.stderr);
    running.kill().await;
}

#[tokio::test]
async fn a_test_notice_says_what_arrives_and_what_does_not() {
    let stage = Stage::new().await;
    let unconfigured = stage.team.run(&["notices"], &[("CONTEXT_API_KEY", CONTEXT_KEY)]).await;
    assert_eq!(unconfigured.code, Some(10), "{}", unconfigured.stderr);
    assert!(unconfigured.stderr.contains("[notices] names no receiver"), "{}", unconfigured.stderr);
    let (ntfy, webhook) = (HttpReceiver::answering(&[200]).await, HttpReceiver::answering(&[404]).await);
    stage.configure(&format!(
        "[notices.ntfy]\nurl = \"{}\"\n[notices.webhook]\nurl = \"{}\"\nsecret_command = [\"printf\", \"{WEBHOOK_KEY}\"]\n",
        ntfy.url, webhook.url
    ));
    let tested = stage.team.run(&["notices", "--test"], &[]).await;
    assert_eq!(tested.code, Some(1), "{}", tested.stderr);
    assert!(
        tested.stderr.contains("ntfy: sent") && tested.stderr.contains("webhook: not sent: it answered 404"),
        "{}",
        tested.stderr
    );
    assert!(is_signed(&webhook.all()[0]));
}
