//! Full text search of notes: matches, order, and queries with any text.

use std::collections::HashSet;

use deckwatch_protocol::{ErrorCode, FoundNote, Note, NoteId, Operation, Page};
use deckwatch_tests::{Agent, Api, Caller, TestRequest, cursor_at, fresh};
use serde_json::json;

use crate::notes::{saved, update};

/// Searches among the notes of the agent's venture.
async fn search(agent: &Agent, q: &str, more: &str) -> Page<FoundNote> {
    agent.send(ask(agent, q, more)).await.of(200)
}

fn ask(agent: &Agent, q: &str, more: &str) -> TestRequest {
    let encoded = q.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    TestRequest::of(Operation::ListNotes).query(format!("venture={}&q={encoded}{more}", agent.venture))
}

async fn found(agent: &Agent, q: &str) -> Vec<NoteId> {
    search(agent, q, "").await.items.into_iter().map(|note| note.id).collect()
}

#[tokio::test]
async fn words_are_found_in_any_form_order_and_position() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let note =
        saved(&agent, json!({ "title": "Pricing", "content": "We are migrating Größe to Zürich. Café-bar." })).await;
    saved(&agent, json!({ "title": "Other", "content": "Nothing of it." })).await;
    let asked =
        ["pricing", "PRICES", "migrated migration", "zurich", "cafe", "bar café", "größe pricing", "pric migra"];
    for q in asked.into_iter().chain(["price, (migrate)!"]) {
        assert_eq!(found(&agent, q).await, std::slice::from_ref(&note.id), "{q}");
    }
    for q in ["pricing nothing", "pr", "rice", "pricingx", "gone", "😀", "\"", "---"] {
        assert_eq!(found(&agent, q).await, [], "{q}");
    }
}

#[tokio::test]
async fn a_word_is_found_in_every_spelling_of_its_accents() {
    let api = Api::start().await;
    let agent = api.agent().await;
    // Composed spelling, then decomposed as on macOS; both are the same if the script has no composed letters.
    let texts = [
        ("Latin", "Caf\u{e9}s in Z\u{fc}rich", "Cafe\u{301}s in Zu\u{308}rich"),
        ("Vietnamese", "ti\u{1ebf}ng Vi\u{1ec7}t", "tie\u{302}\u{301}ng Vie\u{323}\u{302}t"),
        ("Greek", "\u{3b5}\u{3bb}\u{3bb}\u{3ac}\u{3b4}\u{3b1}", "\u{3b5}\u{3bb}\u{3bb}\u{3b1}\u{301}\u{3b4}\u{3b1}"),
        ("Cyrillic", "\u{439}\u{43e}\u{434}", "\u{438}\u{306}\u{43e}\u{434}"),
        ("Hangul", "\u{d55c}\u{ad6d}", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}"),
        ("Japanese", "\u{30d1}\u{30bd}\u{30b3}\u{30f3}", "\u{30cf}\u{309a}\u{30bd}\u{30b3}\u{30f3}"),
        ("Arabic", "\u{623}\u{62d}\u{645}\u{62f}", "\u{627}\u{654}\u{62d}\u{645}\u{62f}"),
        (
            "Arabic with harakat",
            "\u{645}\u{64f}\u{62d}\u{64e}\u{645}\u{64e}\u{651}\u{62f}",
            "\u{645}\u{64f}\u{62d}\u{64e}\u{645}\u{651}\u{64e}\u{62f}",
        ),
        (
            "Devanagari",
            "\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940} \u{929}",
            "\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940} \u{928}\u{93c}",
        ),
    ];
    for (script, composed, apart) in texts {
        let mut both = Vec::new();
        for text in [composed, apart] {
            both.push(saved(&agent, json!({ "title": "T", "content": format!("The {text}, and more") })).await.id);
        }
        both.sort();
        for q in [composed.to_owned(), apart.to_owned(), format!("more {apart}"), format!("{composed} the")] {
            let mut found = found(&agent, &q).await;
            found.sort();
            assert_eq!(found, both, "{script}: {q}");
        }
    }
    for (q, count) in [("tieng viet", 2), ("cafe zurich", 2), ("\u{d55c}", 2)] {
        assert_eq!(found(&agent, q).await.len(), count, "{q}");
    }
}

#[tokio::test]
async fn the_best_match_comes_first_and_has_an_excerpt() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let filler = "something else entirely ".repeat(200);
    let far = saved(&agent, json!({ "content": format!("{filler} the osprey nests {filler}") })).await;
    let often = saved(&agent, json!({ "content": "osprey osprey osprey" })).await;
    let titled = saved(&agent, json!({ "title": "Osprey", "content": "osprey osprey osprey" })).await;
    saved(&agent, json!({ "content": "a pigeon" })).await;
    let page = search(&agent, "osprey", "").await;
    let ids: Vec<&NoteId> = page.items.iter().map(|note| &note.id).collect();
    assert_eq!((ids, page.total), (vec![&titled.id, &often.id, &far.id], 3));
    let excerpt = &page.items[2].excerpt;
    assert!(excerpt.contains("the **osprey** nests") && excerpt.chars().count() <= 500, "{excerpt}");
}

#[tokio::test]
async fn every_change_updates_the_index() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let note = saved(&agent, json!({ "title": "First", "content": "heron" })).await;
    let is_found = async |q| found(&agent, q).await == [note.id.clone()];
    assert!(is_found("heron").await && is_found("first").await);
    update(&agent, &note, json!({ "content": "kestrel" })).await.of::<Note>(200);
    assert!(!is_found("heron").await && is_found("kestrel").await && is_found("first").await);
    update(&agent, &note, json!({ "title": "Second" })).await.of::<Note>(200);
    assert!(!is_found("first").await && is_found("second kestrel").await);
    update(&agent, &note, json!({ "tags": ["bird"] })).await.of::<Note>(200);
    agent.send(TestRequest::of(Operation::ArchiveNote).with(&note.id)).await.of::<Note>(200);
    assert!(!is_found("kestrel").await);
    update(&agent, &note, json!({ "content": "merlin" })).await.of::<Note>(200);
    let archived = search(&agent, "merlin", "&archived=true").await;
    assert_eq!(archived.items.len(), 1);
    agent.send(TestRequest::of(Operation::RestoreNote).with(&note.id)).await.of::<Note>(200);
    assert!(is_found("merlin").await && !is_found("kestrel").await);
    api.db_execute("insert into note_search (note_search, rank) values ('integrity-check', 1)", json!([])).await;
}

#[tokio::test]
async fn a_refused_change_does_not_change_the_index() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let note = saved(&agent, json!({ "content": "buzzard" })).await;
    let late = TestRequest::of(Operation::UpdateNote).with(&note.id).json(&json!({ "content": "falcon" }));
    agent.send(late.header("if-match", "\"7\"")).await.problem(ErrorCode::NoteChanged);
    assert_eq!(found(&agent, "buzzard").await, [note.id]);
    assert_eq!(found(&agent, "falcon").await, []);
}

#[tokio::test]
async fn pages_by_rank_contain_every_match_once_while_others_are_saved() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let mut there = Vec::new();
    for n in 0..12 {
        let content = format!("{} {}", "osprey ".repeat(n % 4 + 1), "filler ".repeat(n % 3 * 7));
        there.push(saved(&agent, json!({ "content": content })).await.id);
    }
    let at_once = found(&agent, "osprey").await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = search(&agent, "osprey", &format!("&limit=5{cursor}")).await;
        seen.extend(page.items.into_iter().map(|note| note.id));
        saved(&agent, json!({ "content": "no bird at all" })).await;
        let Some(next) = page.next_cursor else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, at_once);
    assert_eq!(seen.len(), there.len());
}

#[tokio::test]
async fn paging_continues_if_the_note_of_the_cursor_is_gone() {
    let api = Api::start().await;
    let agent = api.agent().await;
    for n in 1..=4 {
        saved(&agent, json!({ "content": format!("{} some filler to be longer", "osprey ".repeat(n)) })).await;
    }
    let all = found(&agent, "osprey").await;
    let first = search(&agent, "osprey", "&limit=2").await;
    let cursor = first.next_cursor.unwrap();
    agent.send(TestRequest::of(Operation::ArchiveNote).with(&all[1])).await.of::<Note>(200);
    let rest = search(&agent, "osprey", &format!("&limit=2&cursor={cursor}")).await;
    let rest: Vec<NoteId> = rest.items.into_iter().map(|note| note.id).collect();
    assert_eq!(rest, all[2..]);
}

/// Reads all matches in pages of `limit`. Calls `between` after each page, with the number of the page and its ids.
async fn read_all_pages(agent: &Agent, q: &str, limit: u32, between: impl AsyncFn(usize, &[NoteId])) -> Vec<NoteId> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for n in 0.. {
        assert!(n < 100, "the list does not end after {} notes", seen.len());
        let page = search(agent, q, &format!("&limit={limit}{cursor}")).await;
        let shown: Vec<NoteId> = page.items.into_iter().map(|note| note.id).collect();
        assert!(!shown.is_empty());
        between(n, &shown).await;
        seen.extend(shown);
        let Some(next) = page.next_cursor else { break };
        cursor = format!("&cursor={next}");
    }
    seen
}

/// Notes with the same words, which therefore have the same rank.
async fn save_equal_notes(agent: &Agent, count: usize) -> Vec<Note> {
    let mut notes = Vec::new();
    for _ in 0..count {
        notes.push(saved(agent, json!({ "content": "osprey and the fish" })).await);
    }
    notes
}

#[tokio::test]
async fn pages_contain_every_match_once_while_notes_on_earlier_pages_change() {
    let api = Api::start().await;
    let agent = api.agent().await;
    // A better match, a worse match, no match, a match in the title. Notes on later pages are archived.
    let patches = [
        json!({ "content": "osprey osprey osprey" }),
        json!({ "content": format!("osprey {}", "and other birds ".repeat(50)) }),
        json!({ "content": "a pigeon" }),
        json!({ "title": "Osprey" }),
    ];
    let notes = save_equal_notes(&agent, 40).await;
    let seen = read_all_pages(&agent, "osprey", 6, async |n, shown| {
        let last = notes.iter().find(|note| Some(&note.id) == shown.last()).unwrap();
        match patches.get(n) {
            Some(patch) => drop(update(&agent, last, patch.clone()).await.of::<Note>(200)),
            None => drop(agent.send(TestRequest::of(Operation::ArchiveNote).with(&last.id)).await.of::<Note>(200)),
        }
        saved(&agent, json!({ "content": "osprey, saved in between" })).await;
    })
    .await;
    let newest_first: Vec<NoteId> = notes.into_iter().rev().map(|note| note.id).collect();
    assert_eq!(seen, newest_first);
}

#[tokio::test]
async fn paging_ends_although_the_last_note_of_each_page_changes() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let notes = save_equal_notes(&agent, 20).await;
    for text in ["osprey osprey osprey osprey", "osprey and much that is said beside it, again and again and again"] {
        let seen = read_all_pages(&agent, "osprey", 3, async |n, shown| {
            let last = notes.iter().find(|note| Some(&note.id) == shown.last()).unwrap();
            update(&agent, last, json!({ "content": format!("{text} {n}") })).await.of::<Note>(200);
        })
        .await;
        let distinct: HashSet<&NoteId> = seen.iter().collect();
        assert_eq!((seen.len(), distinct.len()), (20, 20), "{text}");
    }
}

#[tokio::test]
async fn a_match_that_changes_before_its_page_is_returned_once_with_the_change() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let notes = save_equal_notes(&agent, 12).await;
    // One after the other, the last notes become the best matches, and the notes that follow become the worst.
    let seen = read_all_pages(&agent, "osprey", 4, async |n, shown| {
        let waiting: Vec<&Note> = notes.iter().filter(|note| !shown.contains(&note.id)).collect();
        update(&agent, waiting[n], json!({ "content": "osprey osprey" })).await.of::<Note>(200);
        let long = format!("osprey {}", "fish ".repeat(30));
        update(&agent, waiting[n + 1], json!({ "content": long })).await.of::<Note>(200);
    })
    .await;
    let distinct: HashSet<&NoteId> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), (12, 12));
}

#[tokio::test]
async fn any_text_is_a_valid_query() {
    let api = Api::start().await;
    let agent = api.agent().await;
    saved(&agent, json!({ "content": "and or not near title content" })).await;
    let long = ["word ".repeat(200), "\"".repeat(1000), "x".repeat(1000), "😀".repeat(1000), "a b-c ".repeat(166)];
    let short = [
        "\"",
        "\"\"",
        "'",
        "*",
        "^",
        "a*",
        "a OR",
        "AND",
        "NOT",
        "NEAR(",
        "NEAR(a b, 2)",
        "title:and",
        "{title} : a",
        "-a",
        "+a",
        "(",
        ")",
        "a AND (b",
        "; drop table notes",
        "\\",
        "%",
        "_",
        "\u{301}",
        "\u{200d}",
        "日本語",
        "🏴‍☠️",
        "²",
        "½",
        "ⅷ",
        "\u{e000}",
        "\u{fdd0}",
        "\u{7f}",
        "a\nb\tc",
        "?1",
        ":a",
        "@a",
        "$a",
        "\u{202e}x",
        "İ",
        "ﬁ",
        "٣",
    ];
    for q in short.into_iter().map(str::to_owned).chain(long) {
        let page: Page<FoundNote> = agent.send(ask(&agent, &q, "")).await.of(200);
        assert!(page.items.len() <= 1);
    }
    assert_eq!(found(&agent, "title: NOT near").await.len(), 1, "operators must be treated as words");
    agent.send(ask(&agent, "a\0b", "")).await.problem(ErrorCode::InvalidRequest);
    for refused in ["x".repeat(1001), "é".repeat(1001), "word ".repeat(2000), "é".repeat(5000)] {
        agent.send(ask(&agent, &refused, "")).await.problem_at(ErrorCode::InvalidRequest, &["/q"]);
    }
}

#[tokio::test]
async fn the_longest_query_and_the_longest_cursor_fit_in_one_request() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let encoded = |text: String| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    let (q, tag) = (encoded("\u{20000}".repeat(1000)), encoded("\u{20000}".repeat(50)));
    let filters = format!("venture={}&archived=true&limit=100&q={q}&tag={tag}", agent.venture);
    let cursor = cursor_at("/v1/notes", &filters, &format!("s.---------B{}B", "------B".repeat(248)));
    let query = format!("{filters}&cursor={cursor}");
    assert!(cursor.len() < 3000 && query.len() < 15_800, "{} {}", cursor.len(), query.len());
    let page: Page<FoundNote> = agent.send(TestRequest::of(Operation::ListNotes).query(query)).await.of(200);
    assert_eq!((page.total, page.next_cursor), (0, None));
}

/// Copies a note `count` times directly in the database.
async fn db_copy(api: &Api, agent: &Agent, note: &Note, count: u32) {
    let copy = "
        with recursive n (i) as (select 1 union all select i + 1 from n where i < cast(?2 as integer))
        insert into notes (id, venture, title, content, created_at, updated_at, actor_key_id, creation_correlation_id)
        select substr(s.id, 1, 25) || printf('%06d', n.i), s.venture, s.title, s.content, s.created_at, s.updated_at,
          s.actor_key_id, s.creation_correlation_id from notes s, n where s.id = ?1";
    api.db_execute(copy, json!([note.id, count])).await;
    let ranks = "insert into note_ranks (number, head, often)
                 select n.number, k.head, k.often from notes n, note_ranks k
                 where n.venture = ?1 and n.id <> ?2 and k.number = (select number from notes where id = ?2)";
    api.db_execute(ranks, json!([agent.venture, note.id])).await;
    let terms = "insert into note_terms (id, filters, title, content)
                 select n.number, t.filters, t.title, t.content from notes n, note_terms t
                 where n.venture = ?1 and n.id <> ?2 and t.id = (select number from notes where id = ?2)";
    api.db_execute(terms, json!([agent.venture, note.id])).await;
    let index = "insert into note_search (rowid, filters, title, content)
                 select t.id, t.filters, t.title, t.content from notes n join note_terms t on t.id = n.number
                 where n.venture = ?1 and n.id <> ?2";
    api.db_execute(index, json!([agent.venture, note.id])).await;
}

#[tokio::test]
async fn a_count_of_matches_is_exact_below_250_and_then_a_minimum() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let word = fresh("word").replace(|c: char| !c.is_ascii_alphanumeric(), "");
    let note = saved(&agent, json!({ "content": word })).await;
    db_copy(&api, &agent, &note, 248).await;
    let page = search(&agent, &word, "&limit=1").await;
    assert_eq!((page.items.len(), page.total, page.total_is_minimum), (1, 249, false));
    saved(&agent, json!({ "content": word })).await;
    let page = search(&agent, &word, "&limit=1").await;
    assert_eq!((page.items.len(), page.total, page.total_is_minimum), (1, 250, true));
}

#[tokio::test]
async fn paging_ends_after_250_matches() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let word = fresh("word").replace(|c: char| !c.is_ascii_alphanumeric(), "");
    let note = saved(&agent, json!({ "content": word })).await;
    db_copy(&api, &agent, &note, 300).await;
    let seen = read_all_pages(&agent, &word, 100, async |_, _| {}).await;
    let distinct: HashSet<&NoteId> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), (250, 250));
    assert!(!distinct.contains(&note.id), "the oldest note must not be among the matches shown");
}
