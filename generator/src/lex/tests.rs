//! Tests of the tokens of each language and of their structure.

use super::*;

/// All words and strings of a text. Strings are in quotes.
fn pieces(text: &str, language: Language) -> Vec<String> {
    let tokens = Tokens::of(text, language);
    let piece =
        |at: usize| tokens.word(at).map(str::to_owned).or_else(|| tokens.string(at).map(|text| format!("'{text}'")));
    (0..tokens.len()).filter_map(piece).collect()
}

#[test]
fn comments_give_no_tokens_and_strings_give_one() {
    let json = "a /* b // */ \"c \\\" d\" // e\n'f' don't\ng";
    assert_eq!(pieces(json, Language::Json), ["a", r#"'c \" d'"#, "'f'", "don", "t", "g"]);
    let sql = "a -- b\n'c''d' \"e f\" [g h] `i` /* j */ $$k; l$$ $m$n$$o$m$ p[] $1";
    let expected = ["a", "'c''d'", "e f", "g h", "i", "'k; l'", "'n$$o'", "p", "$1"];
    assert_eq!(pieces(sql, Language::Sql), expected);
}

#[test]
fn lines_in_strings_and_comments_are_counted() {
    let tokens = Tokens::of("a\n/* \n */ \"b\nc\"\nd", Language::Sql);
    assert_eq!([tokens.line(0), tokens.line(1), tokens.line(2), tokens.line(99)], [1, 3, 5, 1]);
}

#[test]
fn arguments_are_split_at_the_outer_commas_and_unmatched_brackets_have_none() {
    let tokens = Tokens::of("a(b, [c, d], e(f, g),)", Language::Json);
    let arguments: Vec<String> = tokens.arguments(1).into_iter().map(|range| tokens.source(range)).collect();
    assert_eq!(arguments, ["b", "[c, d]", "e(f, g)"]);
    let broken = Tokens::of("a(b, (c] d", Language::Json);
    assert!(broken.arguments(1).is_empty());
}

#[test]
fn any_text_can_be_scanned() {
    for language in [Language::Json, Language::Sql] {
        for text in [
            "", "'", "\"", "`", "'\\", "\"\\", "r#", "r#\"", "/*", "/", "$", "$$", "[", "${", "`${", "'''", "é'é",
            "\u{0}", "}])(",
        ] {
            for suffix in ["", "\n", "é", "\\", "x'\"`"] {
                let tokens = Tokens::of(&format!("{text}{suffix}"), language).len();
                assert!(tokens <= 12);
            }
        }
    }
}
