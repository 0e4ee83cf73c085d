//! A search for a letter with two Unicode spellings finds notes with either spelling.

use deckwatch_protocol::Operation;
use serde_json::json;
use unicode_normalization::UnicodeNormalization;

use crate::lab::TestApi;

/// The letters that have a composed and a decomposed spelling; only a hundred of the Hangul letters.
fn composed_letters() -> Vec<char> {
    let letters = ('\u{a0}'..=char::MAX).filter(|c| c.is_alphanumeric() && c.nfc().eq([*c]) && c.nfd().ne([*c]));
    let (hangul, others): (Vec<_>, Vec<_>) = letters.partition(|c| ('\u{ac00}'..='\u{d7a3}').contains(c));
    others.into_iter().chain(hangul.into_iter().step_by(112)).collect()
}

#[tokio::test]
async fn either_spelling_of_a_letter_finds_both() {
    let lab = TestApi::new();
    let letters = composed_letters();
    assert!(letters.len() > 1000, "{}", letters.len());
    let words = letters.iter().map(|letter| format!("Of{:x}a{letter} ", u32::from(*letter)));
    let words = words.collect::<Vec<_>>().concat();
    for content in [words.clone(), words.nfd().collect()] {
        let note = json!({ "title": "T", "content": content });
        assert_eq!(lab.ask(Operation::CreateNote, ("", ""), Some(&note)).await.status, 201);
    }
    let mut missed = Vec::new();
    for some in words.split_whitespace().collect::<Vec<_>>().chunks(8) {
        for q in [some.join(" "), some.join(" ").nfd().collect()] {
            let encoded = q.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
            let answer = lab.ask(Operation::ListNotes, ("", &format!("limit=1&q={encoded}")), None).await;
            if answer.json()["total"] != 2 {
                missed.push(q);
            }
        }
    }
    assert!(missed.is_empty(), "{missed:?}");
}
