//! Makes an error a sentence of a report.

/// The text with a full stop at its end and a capital letter at its beginning. A name, such as that of a repository,
/// keeps its letter.
pub(crate) fn as_sentence(text: &str) -> String {
    let end = if text.ends_with(['.', ']']) { "" } else { "." };
    let first_word = text.split(' ').next().unwrap_or_default();
    if !first_word.chars().all(|c| c.is_ascii_alphabetic() || c == '\'') {
        return format!("{text}{end}");
    }
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}{end}", letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_letters() {
        for (text, sentence) in [
            ("can't reach GitHub", "Can't reach GitHub."),
            ("This part took longer than 2 s. Try again.", "This part took longer than 2 s. Try again."),
            ("local/notes is not on GitHub", "local/notes is not on GitHub."),
            ("refused [corr_1]", "Refused [corr_1]"),
        ] {
            assert_eq!(as_sentence(text), sentence);
        }
    }
}
