//! What is a token in each language, and how tokens hang together.

use super::*;

/// Every word and string of a text, strings in quotes.
fn pieces(text: &str, language: Language) -> Vec<String> {
    let tokens = Tokens::of(text, language);
    let piece =
        |at: usize| tokens.word(at).map(str::to_owned).or_else(|| tokens.text(at).map(|text| format!("'{text}'")));
    (0..tokens.len()).filter_map(piece).collect()
}

#[test]
fn comments_and_strings_hide_what_is_in_them() {
    let rust = r##"a /* x /* y */ z */ b // c
        "d \" e" r#"f " g"# 'h' '\'' &'i j b"k" r#type"##;
    assert_eq!(pieces(rust, Language::Rust), ["a", "b", r#"'d \" e'"#, "'f \" g'", "i", "j", "'k'", "r", "type"]);
    let javascript = "a // b\n'c' /* d */ `e ${f(`g ${h}`)} i` j / k / l; m = /n'\"[/]/g, don't\no";
    let expected = ["a", "'c'", "'e ${f(`g ${h}`)} i'", "j", "k", "l", "m", "g", "don", "t", "o"];
    assert_eq!(pieces(javascript, Language::JavaScript), expected);
    let python = "a # b\n'''c ' d\n''' rb'e' f\"g\" format('h')";
    assert_eq!(pieces(python, Language::Python), ["a", "'c ' d\n'", "'e'", "'g'", "format", "'h'"]);
    assert_eq!(pieces("a `b\n\"` // c\n\"d\" 'e'", Language::Go), ["a", "'b\n\"'", "'d'", "'e'"]);
    let sql = "a -- b\n'c''d' \"e f\" [g h] `i` /* j */ $$k; l$$ $m$n$$o$m$ p[] $1";
    let expected = ["a", "'c''d'", "e f", "g h", "i", "'k; l'", "'n$$o'", "p", "$1"];
    assert_eq!(pieces(sql, Language::Sql), expected);
}

#[test]
fn lines_are_counted_in_strings_and_comments_too() {
    let tokens = Tokens::of("a\n/* \n */ \"b\nc\"\nd", Language::Rust);
    assert_eq!([tokens.line(0), tokens.line(1), tokens.line(2), tokens.line(99)], [1, 3, 5, 1]);
}

#[test]
fn a_chain_of_calls_starts_where_it_starts() {
    let tokens = Tokens::of("let x = A::<B>::new().c(d.e())?.f(g); h.i", Language::Rust);
    let end = (0..tokens.len()).find(|at| tokens.is(*at, ";")).unwrap() - 1;
    assert_eq!(tokens.word(tokens.expression_start(end)), Some("A"));
    assert_eq!(tokens.word(tokens.expression_start(tokens.len() - 1)), Some("h"));
}

#[test]
fn a_place_knows_its_function() {
    let tokens = Tokens::of("fn a(x: fn(u8)) -> B { c } func (r *T) d() { e } f", Language::Rust);
    let function =
        |word: &str| (0..tokens.len()).find(|at| tokens.is_word(*at, word)).and_then(|at| tokens.function(at));
    assert_eq!((function("c"), function("e"), function("f")), (Some("a"), Some("d"), None));
}

#[test]
fn arguments_are_split_at_their_own_commas_and_broken_brackets_have_none() {
    let tokens = Tokens::of("a(b, [c, d], e(f, g),)", Language::Rust);
    let arguments: Vec<String> = tokens.arguments(1).into_iter().map(|range| tokens.source(range)).collect();
    assert_eq!(arguments, ["b", "[c, d]", "e(f, g)"]);
    let broken = Tokens::of("a(b, (c] d", Language::Rust);
    assert!(broken.arguments(1).is_empty());
}

#[test]
fn any_text_has_tokens() {
    for language in [Language::Rust, Language::JavaScript, Language::Python, Language::Go, Language::Sql] {
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
