//! `launcher docs cache` on this machine's own database, and without any API.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use deckwatch_client::dirs::Dirs;
use deckwatch_client::{Api, ApiConfig, ClientError};
use deckwatch_protocol::{DocScope, DocType, PutDoc, SessionFilter};
use serde_json::{Value, json};

use crate::launching::closed_port;
use crate::world::{Run, World};

const CACHE: &str = "home/.cache/deckwatch/docs";

/// The database of the world's home, as a person with every right uses it.
fn at_the_api<T>(world: &World, work: impl AsyncFnOnce(Api) -> Result<T, ClientError>) -> T {
    let home = world.path("home").into_os_string();
    let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| home.clone())).unwrap();
    let config = ApiConfig::from_vars(|_| None, &dirs, &"ann-test-1".parse().unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { work(Api::connect(config)).await }).unwrap()
}

fn put(world: &World, scope: &str, name: &str, content: &str) {
    let (scope, name): (DocScope, _) = (scope.parse().unwrap(), name.parse().unwrap());
    let doc = PutDoc {
        content: content.parse().unwrap(),
        doc_type: DocType::Markdown,
        title: None,
        source_repo: None,
        source_path: None,
    };
    at_the_api(world, async |api| api.put_doc(&scope, &name, &doc).await);
}

fn delete(world: &World, scope: &str, name: &str) {
    at_the_api(world, async |api| api.delete_doc(&scope.parse().unwrap(), &name.parse().unwrap()).await);
}

/// A world whose database knows the ventures and has these documents.
fn with_docs(docs: &[(&str, &str, &str)]) -> World {
    let world = World::new();
    let _ = world.run(&["ventures", "sync"]).succeeds();
    for (scope, name, content) in docs {
        put(&world, scope, name, content);
    }
    world
}

fn cache(world: &World) -> Value {
    serde_json::from_str(&world.run(&["docs", "cache", "alpha", "--json"]).succeeds().stdout).unwrap()
}

fn outcomes(report: &Value) -> Vec<String> {
    let word = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    let rows = report["docs"].as_array().unwrap().iter();
    rows.map(|row| format!("{}/{} {}", word(row, "scope"), word(row, "name"), word(row, "outcome"))).collect()
}

#[test]
fn the_copies_are_what_the_api_has_and_two_scopes_are_two_files() {
    let world =
        with_docs(&[("alpha", "api.md", "Alpha's."), ("global", "api.md", "Everyone's."), ("beta", "b.md", "x")]);
    assert_eq!(outcomes(&cache(&world)), ["alpha/api.md created", "global/api.md created"]);
    assert_eq!(world.read(&format!("{CACHE}/alpha/api.md")), "Alpha's.");
    assert_eq!(world.read(&format!("{CACHE}/global/api.md")), "Everyone's.");
    let mode = world.path(CACHE).join("alpha/api.md").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(world.path(CACHE)).unwrap().count(), 2, "no other venture's");
    assert_eq!(std::fs::read_dir(world.path(CACHE).join("alpha")).unwrap().count(), 1, "nothing unfinished is left");
}

#[test]
fn what_changed_is_fetched_what_is_gone_is_removed_and_the_rest_is_confirmed() {
    let world = with_docs(&[("alpha", "a.md", "one"), ("alpha", "b.md", "two"), ("alpha", "c.md", "three")]);
    cache(&world);
    put(&world, "alpha", "b.md", "two, again");
    delete(&world, "alpha", "c.md");
    world.write(&format!("{CACHE}/alpha/a.md"), "written over by hand");
    world.write(&format!("{CACHE}/alpha/.mine"), "no document's name");
    let second = cache(&world);
    assert_eq!(outcomes(&second), ["alpha/a.md updated", "alpha/b.md updated", "alpha/c.md removed"]);
    assert_eq!(world.read(&format!("{CACHE}/alpha/a.md")), "one");
    assert!(!world.path(CACHE).join("alpha/c.md").exists() && world.path(CACHE).join("alpha/.mine").exists());
    assert_eq!(outcomes(&cache(&world)), ["alpha/a.md unchanged", "alpha/b.md unchanged"]);
}

#[test]
fn no_session_is_started_and_no_database_is_made() {
    let world = World::new();
    let said = world.run(&["docs", "cache", "alpha"]).succeeds().stdout;
    assert!(said.starts_with("0 documents in ~/.cache/deckwatch/docs"), "{said}");
    assert!(!world.path("home/.local/share/deckwatch/context.db").exists());

    let world = with_docs(&[("alpha", "a.md", "one")]);
    cache(&world);
    let sessions = at_the_api(&world, async |api| api.list_sessions(&SessionFilter::default()).await);
    assert_eq!(sessions.total, 0);
}

#[test]
fn without_the_api_the_copies_stay_and_say_how_old_they_are() {
    let world = with_docs(&[("alpha", "a.md", "one"), ("global", "g.md", "all")]);
    cache(&world);
    let old = SystemTime::now() - Duration::from_hours(3);
    let copy = std::fs::File::options().write(true).open(world.path(CACHE).join("alpha/a.md")).unwrap();
    copy.set_modified(old).unwrap();
    let offline = |args: &[&str]| {
        let mut launcher = world.launcher(args);
        launcher.env("CONTEXT_API_URL", closed_port());
        launcher.env("CONTEXT_API_KEY", "0123456789abcdef0123456789abcdef");
        Run::of(&mut launcher)
    };
    let said = offline(&["docs", "cache", "alpha"]).succeeds().stdout;
    assert!(said.contains("can't reach the Context API"), "{said}");
    assert!(said.contains("alpha/a.md   stale, as it was 3 h ago"), "{said}");
    let report: Value =
        serde_json::from_str(&offline(&["docs", "cache", "alpha", "--json"]).succeeds().stdout).unwrap();
    assert_eq!(outcomes(&report), ["alpha/a.md stale", "global/g.md stale"]);
    assert!(report["docs"][0]["age_seconds"].as_u64().unwrap() >= 3 * 3600);
    assert_eq!(report["docs"][0]["error"], json!(null));
    assert_eq!(world.read(&format!("{CACHE}/alpha/a.md")), "one");

    let beta = offline(&["docs", "cache", "beta", "--json"]).succeeds().stdout;
    assert_eq!(outcomes(&serde_json::from_str(&beta).unwrap()), ["global/g.md stale"]);
    std::fs::remove_dir_all(world.path(CACHE)).unwrap();
    let nothing = offline(&["docs", "cache", "alpha"]);
    assert_eq!(nothing.code, Some(18), "{}", nothing.stderr);
    assert!(nothing.stderr.contains("can't reach the Context API"), "{}", nothing.stderr);
}

#[test]
fn without_a_name_it_is_the_venture_of_the_repository_one_stands_in() {
    let world = with_docs(&[("alpha", "a.md", "one")]);
    let mut launcher = world.launcher(&["docs", "cache"]);
    launcher.current_dir(world.path("home/dev/alpha"));
    let said = Run::of(&mut launcher).succeeds().stdout;
    assert!(said.starts_with("alpha/a.md  created\n1 document in"), "{said}");
    let nowhere = world.run(&["docs", "cache"]);
    assert_ne!(nowhere.code, Some(0), "{}", nowhere.stdout);
}
