//! Lists of notes: filters, pages, the fields of an item.

use std::collections::BTreeSet;

use deckwatch_protocol::{ErrorCode, FoundNote, Note, NoteId, Operation, Page};
use deckwatch_tests::{Api, Caller, TestRequest, a_moment_later, fresh};
use serde_json::json;

use crate::notes::saved;

async fn page(agent: &impl Caller, query: &str) -> Page<FoundNote> {
    agent.send(TestRequest::of(Operation::ListNotes).query(query)).await.of(200)
}

#[tokio::test]
async fn every_filter_works() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let (tag, other, venture) = (fresh("tag"), fresh("tag"), &agent.venture);
    let mut ids: Vec<NoteId> = Vec::new();
    for fields in [
        json!({ "tags": [tag] }),
        json!({ "tags": [tag, other] }),
        json!({ "tags": [tag], "venture": null }),
        json!({ "tags": [tag] }),
        json!({ "tags": [tag, other], "venture": null }),
    ] {
        ids.push(saved(&agent, fields).await.id);
        a_moment_later().await;
    }
    for archived in &ids[3..] {
        agent.send(TestRequest::of(Operation::ArchiveNote).with(archived)).await.of::<Note>(200);
    }
    let queries = [
        (format!("tag={tag}"), vec![0, 1, 2]),
        (format!("tag={tag}&archived=false"), vec![0, 1, 2]),
        (format!("tag={other}"), vec![1]),
        (format!("tag={tag}&venture={venture}"), vec![0, 1]),
        (format!("tag={tag}&scope=global"), vec![2]),
        (format!("venture={venture}"), vec![0, 1]),
        (format!("venture={venture}&archived=true"), vec![3]),
        (format!("tag={tag}&archived=true"), vec![3, 4]),
        (format!("tag={other}&archived=true&scope=global"), vec![4]),
        (format!("venture={venture}&scope=global"), vec![]),
        (format!("tag={tag}&venture={venture}&scope=global"), vec![]),
        (format!("tag={}", fresh("no")), vec![]),
    ];
    for (query, expected) in queries {
        for query in [query.clone(), format!("{query}&q=slowly")] {
            let page = page(&agent, &query).await;
            assert!(query.contains("q=") || page.items.is_sorted_by(|newer, older| newer.id > older.id), "{query}");
            assert_eq!(usize::try_from(page.total).unwrap(), expected.len(), "{query}");
            let shown: BTreeSet<&NoteId> = page.items.iter().map(|note| &note.id).collect();
            assert_eq!(shown, expected.iter().map(|n| &ids[*n]).collect(), "{query}");
        }
    }
}

#[tokio::test]
async fn pages_contain_every_note_once_while_others_are_saved() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let mut there = BTreeSet::new();
    for _ in 0..7 {
        there.insert(saved(&agent, json!({ "tags": ["walk"] })).await.id);
    }
    for filter in [format!("venture={}", agent.venture), format!("venture={}&tag=walk", agent.venture)] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = page(&agent, &format!("{filter}&limit=2{cursor}")).await;
            seen.extend(page.items.into_iter().map(|note| note.id));
            saved(&agent, json!({ "tags": ["walk"] })).await;
            let Some(next) = page.next_cursor else { break };
            cursor = format!("&cursor={next}");
        }
        assert!(
            seen.is_sorted_by(|newer, older| newer > older),
            "the list has a duplicate, or is not sorted newest first"
        );
        assert!(there.iter().all(|id| seen.contains(id)));
    }
}

#[tokio::test]
async fn an_item_has_the_beginning_and_the_size_of_the_text() {
    let api = Api::start().await;
    let agent = api.agent().await;
    let content = "é".repeat(200_000);
    let note = saved(&agent, json!({ "content": content, "tags": ["a", "b"] })).await;
    let page = page(&agent, &format!("venture={}", agent.venture)).await;
    let [item] = page.items.as_slice() else { panic!("{} notes", page.items.len()) };
    assert_eq!((item.excerpt.chars().count(), item.size_bytes), (500, 400_000));
    assert_eq!((&item.tags, &item.venture, item.version), (&note.tags, &note.venture, 1));
}

#[tokio::test]
async fn an_excerpt_ends_after_a_whole_character_of_any_size() {
    let api = Api::start().await;
    for (character, before) in [("a", ""), ("é", "a"), ("語", "a"), ("😀", ""), ("😀", "a"), ("😀", "éé")] {
        let agent = api.agent().await;
        let content = format!("{before}{}", character.repeat(3_000));
        let _ = saved(&agent, json!({ "content": content })).await;
        let page = page(&agent, &format!("venture={}", agent.venture)).await;
        let beginning: String = content.chars().take(500).collect();
        assert_eq!(page.items[0].excerpt, beginning, "{before}{character}");
    }
}

#[tokio::test]
async fn an_invalid_filter_is_refused() {
    let api = Api::start().await;
    let agent = api.agent().await;
    for (query, named) in [
        ("archived=yes", "/archived"),
        ("scope=alpha", "/scope"),
        ("tag=", "/tag"),
        ("q=", "/q"),
        ("q=%20", "/q"),
        ("q=%09%0A+", "/q"),
        ("archived=", "/archived"),
        ("venture=", "/venture"),
        ("limit=", "/limit"),
        ("limit=%205", "/limit"),
        ("limit=101", "/limit"),
        ("cursor=%20", "/cursor"),
        ("q=a&cursor=note_00000000000000000000000000", "/cursor"),
        ("q=a&cursor=note_00000000000000000000000000.12", "/cursor"),
        ("q=a&cursor=s.", "/cursor"),
        ("q=a&cursor=s.B", "/cursor"),
        ("q=a&cursor=s.BC", "/cursor"),
        ("cursor=s.CBB", "/cursor"),
        ("q=a&q=b", "/q"),
        ("text=a", "/text"),
    ] {
        let response = agent.send(TestRequest::of(Operation::ListNotes).query(query)).await;
        response.problem_at(ErrorCode::InvalidRequest, &[named]);
    }
}
