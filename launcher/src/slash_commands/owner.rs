//! Determines the owner of a command's file. The last line of a Deckwatch file contains the hash of the text above it.
//!
//! With this hash, the launcher recognizes a file that the user wrote, and a Deckwatch file that the user changed.

use deckwatch_machine::digest::sha256_hex;

use super::form::Comment;

const MARK: &str = "Deckwatch keeps this file up to date; without this line it is yours. sha256:";

/// The owner of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The file does not exist or is empty.
    Nobody,
    /// The file is as Deckwatch wrote it.
    Deckwatch,
    /// Deckwatch did not write the file, or the user removed the last line.
    User,
    /// Deckwatch wrote the file, and the user changed it.
    ChangedByUser,
}

impl Owner {
    /// The owner of a file with this text.
    pub(super) fn of(text: &str) -> Self {
        if text.trim().is_empty() {
            return Self::Nobody;
        }
        let Some((above, mark)) = text.rfind(MARK).and_then(|at| Some((text.get(..at)?, text.get(at..)?))) else {
            return Self::User;
        };
        // The last line begins with the characters of a comment.
        let above = above.rfind('\n').and_then(|end| above.get(..=end)).unwrap_or_default();
        if mark.contains(&sha256_hex(above.as_bytes())) && mark.trim_end().lines().count() == 1 {
            Self::Deckwatch
        } else {
            Self::ChangedByUser
        }
    }
}

/// The text with the last line that marks it as a Deckwatch file.
pub(super) fn marked(text: &str, comment: Comment) -> String {
    let text = format!("{}\n\n", text.trim_end());
    let mark = format!("{MARK}{}", sha256_hex(text.as_bytes()));
    match comment {
        Comment::Markdown => format!("{text}<!-- {mark} -->\n"),
        Comment::Hash => format!("{text}# {mark}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_belongs_to_deckwatch_until_somebody_changes_it() {
        for comment in [Comment::Markdown, Comment::Hash] {
            let ours = marked("one\ntwo\n", comment);
            assert_eq!(Owner::of(&ours), Owner::Deckwatch, "{ours}");
            assert_eq!(Owner::of(&format!("{ours}\n\n")), Owner::Deckwatch, "an editor's last line");
            assert_eq!(Owner::of(&ours.replace("two", "2")), Owner::ChangedByUser);
            assert_eq!(Owner::of(&format!("{ours}three\n")), Owner::ChangedByUser);
            assert_eq!(Owner::of(&format!("{ours}three {MARK}")), Owner::ChangedByUser);
            assert_eq!(Owner::of("one\ntwo\n"), Owner::User);
        }
        assert_eq!(Owner::of(" \n"), Owner::Nobody);
    }
}
