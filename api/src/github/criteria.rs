//! What the classifier reads in the text of an issue: acceptance criteria, words, and the issues that a pull request
//! closes.

/// The most issues of one pull request that follow its status.
pub(super) const MAX_CLOSED: usize = 10;

/// The words before the number of an issue that the pull request closes.
const CLOSING: [&str; 9] = ["close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved"];

/// The number of check boxes, ticked or not: each is an acceptance criterion.
pub(super) fn count(body: &str) -> usize {
    let is_box = |line: &&str| {
        let text = line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
        let item = text.strip_prefix(['-', '*', '+', '.', ')']).map(str::trim_start);
        item.is_some_and(|item| ["[ ] ", "[x] ", "[X] "].iter().any(|mark| item.starts_with(mark)))
    };
    body.lines().filter(is_box).count()
}

/// Whether `text` contains `phrase` between other characters than letters and digits. Both are in lower case.
pub(super) fn has_phrase(text: &str, phrase: &str) -> bool {
    let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(phrase).any(|(at, found)| {
        let (before, rest) = text.split_at(at);
        is_edge(before.chars().next_back()) && is_edge(rest.get(found.len()..).and_then(|rest| rest.chars().next()))
    })
}

/// The numbers of the issues in `repo` that a pull request with this text closes, as GitHub reads the text: a word such as
/// `Fixes`, and `#12`, `owner/name#12` or the address of the issue.
pub(super) fn closed_issues(body: &str, repo: &str) -> Vec<u32> {
    let body = body.to_lowercase();
    let repo = repo.to_lowercase();
    let words: Vec<&str> = body.split_whitespace().collect();
    let mut numbers = Vec::new();
    for pair in words.windows(2) {
        let [word, reference] = pair else { continue };
        let word = word.trim_end_matches(':').trim_start_matches(['(', '[', '*', '-', '_', '"']);
        if !CLOSING.contains(&word) || numbers.len() >= MAX_CLOSED {
            continue;
        }
        if let Some(number) = issue_of(reference, &repo).filter(|number| !numbers.contains(number)) {
            numbers.push(number);
        }
    }
    numbers
}

fn issue_of(reference: &str, repo: &str) -> Option<u32> {
    let (of, number) = if let Some(reference) = reference.split_once('#') {
        reference
    } else {
        let (address, number) = reference.split_once("/issues/")?;
        (address.splitn(4, '/').last()?, number)
    };
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    let number = number.get(..end)?.parse().ok().filter(|number| *number > 0)?;
    (of.trim_start_matches(['(', '[']).is_empty() || of == repo).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_boxes_are_acceptance_criteria() {
        assert_eq!(count("- [ ] a\n  * [x] b\n1. [X] c\n-[ ] d\n- [] e\n[ ] f\ntext - [ ] g"), 4);
    }

    #[test]
    fn a_phrase_is_found_between_other_characters() {
        assert!(has_phrase("the api key: lost", "api key") && has_phrase("xss", "xss"));
        assert!(!has_phrase("the author", "auth") && !has_phrase("éxss", "xss") && !has_phrase("", "xss"));
    }

    #[test]
    fn closing_words_are_read_as_github_reads_them() {
        let closed = |body: &str| closed_issues(body, "Example-Org/alpha");
        assert_eq!(closed("Fixes #12, closes: #13. Resolved example-org/alpha#14"), [12, 13, 14]);
        assert_eq!(closed("fix https://github.com/example-org/alpha/issues/15\nFixes #15"), [15]);
        assert_eq!(closed("see #1, prefixes #2, fixes #x, fixes other/repo#3, fixes #0, fixes"), [] as [u32; 0]);
        assert_eq!(closed(&"fixes #1 fixes #2 ".repeat(9)), [1, 2]);
        let many: Vec<String> = (1..40).map(|n| format!("fixes #{n}")).collect();
        assert_eq!(closed(&many.join(" ")).len(), MAX_CLOSED);
    }
}
