//! `launcher claims` and its git hooks, in real repositories and with a real server.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use deckwatch_protocol::{Claim, Page};
use deckwatch_tests::{Agent, Api, Holder};
use tokio::process::Command;

use crate::members::{ADMIN_KEY, CONTEXT_KEY, Run, Team};

/// A team whose agent holds `src/api/**` of a repository with a remote.
struct Guarded {
    team: Team,
    agent: Agent,
    holder: Holder,
}

impl Guarded {
    async fn new() -> Self {
        let team = Team::new().await;
        let api = Api::at(&team.server.url, (CONTEXT_KEY, ADMIN_KEY), Path::new("unused"));
        let agent = api.agent().await;
        let holder = agent.colleague().holder().await;
        holder.claimed(&["path:src/api/**", "issue:87"]).await;
        let guarded = Self { team, agent, holder };
        let remote = guarded.team.path("origin.git");
        for folder in ["origin.git", "clone"] {
            std::fs::create_dir_all(guarded.team.path(folder)).unwrap();
        }
        guarded.git("origin.git", &["init", "--quiet", "--bare"], &[]).await;
        guarded.git("clone", &["init", "--quiet", "-b", "main"], &[]).await;
        // The name of the repository is that of the first URL. A push goes to the other one.
        let url = format!("https://github.com/{}.git", guarded.agent.repo);
        guarded.git("clone", &["remote", "add", "origin", &url], &[]).await;
        guarded.git("clone", &["remote", "set-url", "--push", "origin", remote.to_str().unwrap()], &[]).await;
        guarded
    }

    async fn git(&self, folder: &str, args: &[&str], vars: &[(&str, &str)]) -> Output {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=Ann", "-c", "user.email=ann@example.com"]).args(args);
        git.current_dir(self.team.path(folder)).env_clear().env("HOME", self.team.path("")).envs(vars.iter().copied());
        git.env("PATH", std::env::var_os("PATH").unwrap()).env("GIT_CONFIG_NOSYSTEM", "1");
        git.output().await.unwrap()
    }

    /// Writes a file and commits it. The text is what the hooks have printed; `None` stands for a commit that was stopped.
    async fn commit(&self, folder: &str, file: &str, agent: Option<&str>) -> Result<String, String> {
        self.team.write(&format!("{folder}/{file}"), &format!("{:?}", Instant::now()));
        self.git(folder, &["add", "--all"], &[]).await;
        let vars: Vec<_> = agent.map(|agent| ("DECKWATCH_AGENT", agent)).into_iter().collect();
        result(&self.git(folder, &["commit", "--quiet", "-m", "A change"], &vars).await)
    }

    async fn push(&self, agent: Option<&str>) -> Result<String, String> {
        let vars: Vec<_> = agent.map(|agent| ("DECKWATCH_AGENT", agent)).into_iter().collect();
        result(&self.git("clone", &["push", "--quiet", "origin", "HEAD:main"], &vars).await)
    }

    async fn launcher(&self, folder: &str, args: &[&str]) -> Run {
        let mut command = self.team.launcher(args, &[("CONTEXT_API_KEY", CONTEXT_KEY)]);
        let output = command.current_dir(self.team.path(folder)).output().await.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    async fn install(&self, folder: &str) {
        let installed = self.launcher(folder, &["claims", "guard", "install"]).await;
        assert_eq!(installed.code, Some(0), "{}", installed.stderr);
        let listed = self.launcher(folder, &["claims"]).await;
        assert!(listed.stdout.contains("path:src/api/**"), "{}{}", listed.stdout, listed.stderr);
    }

    fn hook(&self, path: &str, script: &str) -> PathBuf {
        self.team.write(path, &format!("#!/bin/sh\n{script}\n"));
        let path = self.team.path(path);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.team.path(path)).unwrap_or_default()
    }
}

fn result(output: &Output) -> Result<String, String> {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(text) } else { Err(text) }
}

#[tokio::test]
async fn an_agents_commit_to_what_another_holds_is_stopped_and_a_person_is_warned() {
    let guarded = Guarded::new().await;
    guarded.install("clone").await;
    let (holder, other) = (guarded.holder.agent.name.clone(), guarded.agent.name.clone());
    let free = guarded.commit("clone", "src/app.rs", Some(&other)).await.unwrap();
    assert_eq!(free, "", "a commit of a free path prints nothing");
    let stopped = guarded.commit("clone", "src/api/a.rs", Some(&other)).await.unwrap_err();
    assert!(stopped.contains(&format!("src/api/a.rs is held by {holder} (path:src/api/**")), "{stopped}");
    assert!(stopped.contains("leave these paths to their holders"), "{stopped}");
    let warned = guarded.commit("clone", "src/api/a.rs", None).await.unwrap();
    assert!(warned.contains(&format!("warning: src/api/a.rs is held by {holder}")), "{warned}");
    assert!(!warned.contains("were read"), "the claims are fresh: {warned}");
    assert_eq!(guarded.commit("clone", "src/api/b.rs", Some(&holder)).await.unwrap(), "");
    // The push brings the commits with the held paths.
    let stopped = guarded.push(Some(&other)).await.unwrap_err();
    assert!(stopped.contains("src/api/b.rs is held by"), "{stopped}");
    assert!(guarded.push(None).await.unwrap().contains("src/api/a.rs is held by"));
    guarded.commit("clone", "src/app.rs", Some(&other)).await.unwrap();
    assert_eq!(guarded.push(Some(&other)).await.unwrap(), "", "only the new commits count");
}

#[tokio::test]
async fn a_copy_that_is_old_says_so_and_a_claim_that_has_run_out_stops_nobody() {
    let guarded = Guarded::new().await;
    guarded.install("clone").await;
    let folder = guarded.team.path(".local/state/deckwatch/claims");
    let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let mut copy: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let now = deckwatch_protocol::Timestamp::from_millis(
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis().try_into().unwrap(),
    );
    copy["written_at"] = serde_json::json!(now.plus_seconds(-20 * 60));
    std::fs::write(&file, copy.to_string()).unwrap();
    let old = guarded.commit("clone", "src/api/a.rs", Some("mac9-codex-1")).await.unwrap_err();
    assert!(old.contains("these claims were read 20 min ago; `launcher claims` reads them again"), "{old}");
    for claim in copy["claims"].as_array_mut().unwrap() {
        claim["until"] = serde_json::json!(now.plus_seconds(-60));
    }
    std::fs::write(&file, copy.to_string()).unwrap();
    assert_eq!(guarded.commit("clone", "src/api/a.rs", Some("mac9-codex-1")).await.unwrap(), "");
    std::fs::write(&file, "not JSON").unwrap();
    let unknown = guarded.commit("clone", "src/api/b.rs", Some("mac9-codex-1")).await.unwrap();
    assert!(unknown.contains("no claims of"), "{unknown}");
}

#[tokio::test]
async fn earlier_hooks_run_first_and_come_back() {
    let guarded = Guarded::new().await;
    let earlier = "echo earlier \"$@\" >> \"$HOME/log\"; cat >> \"$HOME/input\"; [ ! -e \"$HOME/fail\" ]";
    for hook in ["pre-commit", "pre-push"] {
        guarded.hook(&format!("clone/.git/hooks/{hook}"), earlier);
    }
    for _ in 0..2 {
        guarded.install("clone").await;
    }
    let checked = guarded.launcher("clone", &["claims", "guard", "check"]).await;
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    guarded.commit("clone", "a.rs", Some("mac9-codex-1")).await.unwrap();
    guarded.push(Some("mac9-codex-1")).await.unwrap();
    assert_eq!(guarded.read("log").lines().count(), 2);
    assert!(guarded.read("input").contains("HEAD") || guarded.read("input").contains("refs/heads/main"));
    guarded.team.write("fail", "");
    guarded.commit("clone", "b.rs", None).await.unwrap_err();
    std::fs::remove_file(guarded.team.path("fail")).unwrap();
    for _ in 0..2 {
        assert_eq!(guarded.launcher("clone", &["claims", "guard", "uninstall"]).await.code, Some(0));
    }
    assert!(guarded.read("clone/.git/hooks/pre-commit").contains("echo earlier"));
    assert_eq!(guarded.commit("clone", "src/api/a.rs", Some("mac9-codex-1")).await.unwrap(), "");
    let checked = guarded.launcher("clone", &["claims", "guard", "check"]).await;
    assert_eq!(checked.code, Some(1), "{}", checked.stdout);
    assert!(checked.stderr.contains("the repository is not guarded"), "{}", checked.stderr);
}

#[tokio::test]
async fn the_hooks_work_in_worktrees_and_with_a_shared_folder_of_hooks() {
    let guarded = Guarded::new().await;
    guarded.commit("clone", "a.rs", None).await.unwrap();
    // A folder of hooks like that of husky, with its own wrapper.
    guarded.hook("clone/.husky/_/pre-commit", "echo husky >> \"$HOME/log\"");
    guarded.git("clone", &["config", "core.hooksPath", ".husky/_"], &[]).await;
    guarded.install("clone").await;
    guarded.commit("clone", "src/api/a.rs", Some("mac9-codex-1")).await.unwrap_err();
    assert_eq!(guarded.read("log"), "husky\n");
    guarded.launcher("clone", &["claims", "guard", "uninstall"]).await;
    assert!(guarded.read("clone/.husky/_/pre-commit").contains("echo husky"));
    guarded.git("clone", &["config", "--unset", "core.hooksPath"], &[]).await;
    guarded.install("clone").await;
    guarded.git("clone", &["worktree", "add", "--quiet", "../tree", "-b", "fix"], &[]).await;
    guarded.commit("tree", "src/api/a.rs", Some("mac9-codex-1")).await.unwrap_err();
    // Another repository that shares the folder of the hooks is not guarded.
    std::fs::create_dir_all(guarded.team.path("other")).unwrap();
    guarded.git("other", &["init", "--quiet", "-b", "main"], &[]).await;
    let hooks = guarded.team.path("clone/.git/hooks");
    guarded.git("other", &["config", "core.hooksPath", hooks.to_str().unwrap()], &[]).await;
    assert_eq!(guarded.commit("other", "src/api/a.rs", Some("mac9-codex-1")).await.unwrap(), "");
}

#[tokio::test]
async fn a_hook_needs_no_api_and_less_than_50_ms() {
    let guarded = Guarded::new().await;
    guarded.install("clone").await;
    guarded.commit("clone", "src/app.rs", None).await.unwrap();
    // The environment of the hooks names no API.
    guarded.commit("clone", "src/api/a.rs", Some("mac9-codex-1")).await.unwrap_err();
    let mut best = Duration::MAX;
    for _ in 0..20 {
        let mut hook = Command::new(guarded.team.path("clone/.git/hooks/pre-commit"));
        hook.current_dir(guarded.team.path("clone")).env_clear().env("HOME", guarded.team.path(""));
        hook.env("PATH", std::env::var_os("PATH").unwrap()).env("DECKWATCH_AGENT", "mac9-codex-1");
        let begin = Instant::now();
        assert!(!hook.output().await.unwrap().status.success());
        best = best.min(begin.elapsed());
    }
    println!("a hook takes {best:?}");
    // The programs of the tests are not optimised, and the machine is busy.
    assert!(best < Duration::from_millis(50), "{best:?}");
}

#[tokio::test]
async fn the_claims_of_a_venture_are_listed_also_without_the_api() {
    let guarded = Guarded::new().await;
    let json = guarded.launcher("clone", &["claims", "--json"]).await;
    let page: Page<Claim> = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((page.total, page.items.len()), (2, 2));
    let table = guarded.launcher("clone", &["claims"]).await.stdout;
    for part in ["issue:87", &guarded.holder.agent.name, "held for 4", "2 of 2 claims of repository"] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let mut command = guarded.team.launcher(&["claims"], &[("CONTEXT_API_KEY", CONTEXT_KEY)]);
    command.current_dir(guarded.team.path("clone")).env("CONTEXT_API_URL", "http://127.0.0.1:9");
    let output = command.output().await.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let kept = Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
    assert_eq!(kept.code, Some(18), "{}", kept.stderr);
    assert!(
        kept.stdout.contains("issue:87") && kept.stdout.contains("STALE: these are the 2 claims"),
        "{}",
        kept.stdout
    );
}
