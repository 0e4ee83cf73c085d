//! The time limit for requests about notes: an optimised build answers within 50 ms, whatever the notes and the query
//! contain.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use deckwatch_protocol::Operation;
use deckwatch_server::Sqlite;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::lab::{Answered, TestApi};

/// The CPU time of this process, which other load does not increase. `None` if the system does not report it.
fn cpu_time() -> Option<Duration> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let of_task = |path: std::path::PathBuf| -> Option<u64> {
        std::fs::read_to_string(path.join("schedstat")).ok()?.split(' ').next()?.parse().ok()
    };
    Some(Duration::from_nanos(tasks.flatten().filter_map(|task| of_task(task.path())).sum()))
}

/// Sends a request; `waited` of the answer is its CPU time if the system reports it.
pub(crate) async fn timed(lab: &TestApi, operation: Operation, to: (&str, &str), body: Option<&Value>) -> Answered {
    let before = cpu_time();
    let mut answer = lab.ask(operation, to, body).await;
    if let Some((before, after)) = before.zip(cpu_time()) {
        answer.waited = after.saturating_sub(before);
    }
    answer
}

/// An unoptimised build on a busy machine may take longer. Before the index was limited, these texts took minutes.
const BOUND: Duration = Duration::from_millis(if cfg!(debug_assertions) { 2_500 } else { 50 });
const BYTES: usize = 500_000;

/// Texts that are slow to index or to search.
fn texts() -> Vec<(&'static str, String)> {
    let cut = |text: String| {
        text.chars()
            .scan(0, |bytes, c| {
                *bytes += c.len_utf8();
                (*bytes <= BYTES).then_some(c)
            })
            .collect::<String>()
    };
    let random = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11;
    let log = |n: u64| {
        format!(
            "2026-11-27T12:{:02}:{:02}.{:03}Z INFO api request id={:x} took {} ms\n",
            n / 60 % 60,
            n % 60,
            n % 1000,
            random(n),
            n % 97
        )
    };
    let bytes: Vec<u8> = (0..BYTES as u64 / 2).map(|n| random(n).to_le_bytes()[1]).collect();
    let han = |step: u32| {
        (0..170_000u32).filter_map(|n| char::from_u32(0x4e00 + n.wrapping_mul(step) % 20_000)).collect::<String>()
    };
    vec![
        ("one word", "word ".repeat(BYTES / 6)),
        ("log lines", cut((0..10_000).map(log).collect())),
        ("distinct words", cut((0..200_000).map(|n| format!("{n:x} ")).collect::<Vec<_>>().concat())),
        (
            "long distinct words",
            cut((0..20_000).map(|n| format!("abcdefghijkl{:x} ", random(n))).collect::<Vec<_>>().concat()),
        ),
        ("base64", cut(base64::engine::general_purpose::STANDARD.encode(bytes))),
        ("one long word", "x".repeat(BYTES)),
        ("punctuation", "([{<\"'`~!@#$%^&*-+=|\\:;,.?/_>}])".repeat(BYTES / 33)),
        ("marks", format!("a{}", "\u{301}".repeat(BYTES / 3))),
        ("Chinese", cut(han(7919))),
        ("two characters", "日本".repeat(BYTES / 7)),
        ("Thai", "กำลังดำเนินการ".repeat(BYTES / 43)),
        ("emoji", "🚀👩‍💻".repeat(BYTES / 16)),
        ("Arabic ligatures", "ﷺﷺ ".repeat(BYTES / 7)),
    ]
}

/// Queries with the most common words, and with as many words as allowed.
fn queries() -> Vec<String> {
    let mut queries = vec![
        "word",
        "w",
        "wor",
        "info api request took ms id",
        "a",
        "0",
        "1 2 3",
        "abc",
        "abcdefghijkl",
        "x",
        "日",
        "日本",
        "本日",
        "กำ",
        "🚀",
        "2026-11-27T12:00:00.000Z",
        "???",
        "nothing-of-it",
        "c++",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect::<Vec<_>>();
    queries.push("info api request took ms id 0 1 2 3 4 5 6 7 8 9 ".repeat(20).trim().to_owned());
    queries.push("日本".repeat(500));
    queries.push((0..1000).filter_map(|n| char::from_u32(0x4e00 + n * 7919 % 20_000)).collect());
    queries.push("x".repeat(1000));
    queries.push("a b c d e f g h i j k l m n o p".to_owned());
    queries
}

fn encoded(q: &str) -> String {
    q.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat()
}

/// The slowest request so far.
#[derive(Default)]
struct Slowest(Duration, String);

impl Slowest {
    fn record(&mut self, answer: &Answered, name: String) {
        assert!((200..300).contains(&answer.status), "{name}: {}", answer.text);
        if answer.waited > self.0 {
            *self = Self(answer.waited, name);
        }
    }

    fn assert_bounded(&self, what: &str) {
        assert!(self.0 < BOUND, "{what}: {:?} for {}", self.0, self.1);
    }
}

fn note(name: &str, content: &str) -> Value {
    json!({ "title": name, "content": content, "tags": ["attack", name] })
}

/// The fastest of three equal requests for a list of notes, because the machine may be busy.
async fn fastest(lab: &TestApi, query: &str) -> Answered {
    let mut best: Option<Answered> = None;
    for _ in 0..3 {
        let answer = timed(lab, Operation::ListNotes, ("", query), None).await;
        best = Some(best.filter(|best| best.waited < answer.waited).unwrap_or(answer));
    }
    best.unwrap()
}

async fn ask_everything(lab: &TestApi, filters: &[&str]) -> Slowest {
    let mut slowest = Slowest::default();
    for q in queries() {
        for filter in filters {
            let answer = fastest(lab, &format!("q={}{filter}", encoded(&q))).await;
            slowest.record(&answer, format!("{q:.40} {filter}"));
        }
    }
    slowest
}

#[tokio::test]
async fn no_text_makes_saving_or_finding_it_take_long() {
    let folder = tempfile::TempDir::new().unwrap();
    let lab = TestApi::on(Arc::new(Sqlite::open(&folder.path().join("context.db")).unwrap()));
    lab.register_alpha().await;
    let mut writing = Slowest::default();
    for (name, text) in texts() {
        let mut id = String::new();
        for n in 0..20 {
            let answer = timed(&lab, Operation::CreateNote, ("", ""), Some(&note(&format!("{name} {n}"), &text))).await;
            id = answer.json()["id"].as_str().unwrap().to_owned();
            writing.record(&answer, format!("saving {name}"));
        }
        let other = json!({ "content": format!("changed {text}") });
        writing.record(&timed(&lab, Operation::UpdateNote, (&id, ""), Some(&other)).await, format!("changing {name}"));
        writing.record(&timed(&lab, Operation::ArchiveNote, (&id, ""), None).await, format!("archiving {name}"));
        writing.record(&timed(&lab, Operation::RestoreNote, (&id, ""), None).await, format!("restoring {name}"));
    }
    let asked = ask_everything(&lab, &["", "&limit=100", "&tag=one+word", "&archived=true"]).await;
    asked.assert_bounded("finding");
    writing.assert_bounded("writing");
}

/// Inserts short notes with the same sixteen words each. Every second note has one word more, and three belong to a
/// venture.
fn db_fill(connection: &Connection, count: u32) {
    connection.execute_batch(&format!("
        begin;
        insert into ventures (code, name, repos_json, capabilities_json, created_at, updated_at) values ('few', 'F', '[]', '[]', 'c', 'u');
        with recursive n (i) as (select 1 union all select i + 1 from n where i < {count})
          insert into notes (id, venture, title, content, created_at, updated_at, actor_key_id, creation_correlation_id)
          select printf('note_00%024d', i), iif(i in (1, 7, 4000), 'few', null), 'info', 'info api request took ms id', 'c', 'u', 'a', 'c' from n;
        insert into note_ranks (number, head, often) select number, ' info ', ' api ' from notes;
        insert into note_terms (id, filters, title, content)
          select n.number, '+live +live:' || ifnull(n.venture, '') || iif(n.number % 9000 = 1, ' #72617265', ''), 'info',
            'api request took ms id word 0 1 2 3 4 5 6 7 8 9 a x 日 本 日本 本日 abcdefghijkl' || n.number
              || iif(n.number % 2, ' odd', ' even')
          from notes n;
        insert into note_search (note_search) values ('rebuild');
        commit;
    ")).unwrap();
}

/// Texts whose excerpts are slow to compute. Some repeat a word that begins like the eight words of the query.
fn windows() -> Vec<(&'static str, String)> {
    vec![
        ("full-width", "ａｂｌｉｃａｔｉｏｎ ".repeat(1000)),
        ("stems", "ablication ".repeat(1000)),
        ("marks behind letters", "a\u{301}blication ".repeat(1000)),
        ("emoji", "🚀👩\u{200d}💻".repeat(2100)),
        ("Arabic ligatures", "ﷺﷺ ".repeat(3000)),
        ("dashes", "—".repeat(8200)),
        ("short words", "a ".repeat(4200)),
    ]
}

#[tokio::test]
async fn no_text_makes_a_page_of_excerpts_take_long() {
    const QUERY: &str = "ablated ablaze ableism abloom ablution abnegate abode abolition";
    let lab = TestApi::new();
    lab.register_alpha().await;
    let mut slowest = Slowest::default();
    for (name, window) in windows() {
        let text = format!("{window}{QUERY}");
        for n in 0..100 {
            let note = json!({ "title": format!("{n}"), "content": text, "tags": [name.replace(' ', "-")] });
            assert_eq!(lab.ask(Operation::CreateNote, ("", ""), Some(&note)).await.status, 201);
        }
        for limit in [20, 100] {
            let query = format!("limit={limit}&tag={}&q={}", name.replace(' ', "-"), encoded(QUERY));
            let answer = fastest(&lab, &query).await;
            assert_eq!(answer.json()["items"].as_array().unwrap().len(), limit, "{name}");
            slowest.record(&answer, format!("{limit} of {name}"));
        }
    }
    slowest.assert_bounded("excerpts");
}

#[tokio::test]
async fn no_number_of_notes_makes_finding_them_take_long() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("context.db");
    let database = Sqlite::open(&path).unwrap();
    db_fill(&Connection::open(&path).unwrap(), if cfg!(debug_assertions) { 10_000 } else { 50_000 });
    let lab = TestApi::on(Arc::new(database));
    let few = lab.ask(Operation::ListNotes, ("", "q=info+api&venture=few"), None).await.json();
    assert_eq!((&few["total"], &few["items"].as_array().unwrap().len()), (&json!(3), &3), "{few}");
    let none = timed(&lab, Operation::ListNotes, ("", "q=odd+even"), None).await;
    assert_eq!(none.json()["total"], 0);
    assert!(none.waited < BOUND, "{:?}", none.waited);
    let filters = ["", "&limit=100", "&venture=few", "&scope=global", "&tag=rare", "&tag=none", "&archived=true"];
    ask_everything(&lab, &filters).await.assert_bounded("finding");
}
