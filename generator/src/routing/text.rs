//! Texts of which some parts are known only to the running program.

use std::fmt;

/// A text. Literals that follow each other are one part.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Text(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Part {
    Literal(String),
    /// The source text of an expression whose value is not known.
    Unknown(String),
}

impl Text {
    pub(crate) fn literal(text: &str) -> Self {
        let mut new = Self::default();
        new.push_literal(text);
        new
    }

    pub(crate) fn unknown(source: &str) -> Self {
        Self(vec![Part::Unknown(source.to_owned())])
    }

    /// The text, if all of it is known.
    pub(crate) fn as_literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether no part is known.
    pub(crate) fn is_unknown(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|part| matches!(part, Part::Unknown(_)))
    }

    /// Whether the text is a variable of which nothing is known, such as one of a loop over a list that is not known.
    pub(crate) fn is_variable(&self) -> bool {
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        matches!(self.0.as_slice(), [Part::Unknown(source)] if !source.is_empty() && source.chars().all(is_name))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the text begins as a path does: with a slash, a wildcard or an unknown part.
    pub(crate) fn is_path(&self) -> bool {
        match self.0.first() {
            Some(Part::Literal(text)) => text.starts_with(['/', '*']),
            Some(Part::Unknown(_)) => self.0.len() > 1,
            None => true,
        }
    }

    /// The method and the path of a pattern: `GET /items`.
    pub(crate) fn split_method(&self, methods: &[&str]) -> (Option<String>, Self) {
        let Some(Part::Literal(first)) = self.0.first() else { return (None, self.clone()) };
        let Some((method, rest)) = first.split_once(' ').filter(|(method, _)| methods.contains(method)) else {
            return (None, self.clone());
        };
        let mut path = Self::literal(rest.trim_start());
        self.0.iter().skip(1).for_each(|part| path.push(&Self(vec![part.clone()])));
        (Some(method.to_owned()), path)
    }

    /// The text as a path that begins with a host: `example.org/items`.
    pub(crate) fn with_host(&self) -> Self {
        let mut text = Self::literal(HOST);
        text.push(self);
        text
    }

    /// The text with each known part changed.
    pub(crate) fn map_literals(&self, change: impl Fn(&str) -> String) -> Self {
        let mut text = Self::default();
        for part in &self.0 {
            match part {
                Part::Literal(literal) => text.push_literal(&change(literal)),
                unknown @ Part::Unknown(_) => text.0.push(unknown.clone()),
            }
        }
        text
    }

    fn push_literal(&mut self, text: &str) {
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some(Part::Literal(last)) => last.push_str(text),
            _ => self.0.push(Part::Literal(text.to_owned())),
        }
    }

    pub(crate) fn push(&mut self, other: &Self) {
        for part in &other.0 {
            match part {
                Part::Literal(text) => self.push_literal(text),
                unknown @ Part::Unknown(_) => self.0.push(unknown.clone()),
            }
        }
    }

    fn ends_with_slash(&self) -> bool {
        matches!(self.0.last(), Some(Part::Literal(text)) if text.ends_with('/'))
    }

    fn starts_with_slash(&self) -> bool {
        matches!(self.0.first(), Some(Part::Literal(text)) if text.starts_with('/'))
    }

    fn without_first_slash(&self) -> Self {
        let mut text = self.clone();
        if let Some(Part::Literal(first)) = text.0.first_mut()
            && first.starts_with('/')
        {
            first.remove(0);
        }
        text.0.retain(|part| !matches!(part, Part::Literal(text) if text.is_empty()));
        text
    }

    pub(crate) fn without_last_slash(&self) -> Self {
        let mut text = self.clone();
        if let Some(Part::Literal(last)) = text.0.last_mut() {
            while last.ends_with('/') {
                last.pop();
            }
        }
        text.0.retain(|part| !matches!(part, Part::Literal(text) if text.is_empty()));
        text
    }

    /// The text before a question mark.
    pub(crate) fn without_query(&self) -> Self {
        let mut text = Self::default();
        for part in &self.0 {
            match part {
                Part::Literal(literal) => match literal.split_once('?') {
                    Some((before, _)) => {
                        text.push_literal(before);
                        break;
                    }
                    None => text.push_literal(literal),
                },
                unknown @ Part::Unknown(_) => text.0.push(unknown.clone()),
            }
        }
        text
    }

    /// Joins a prefix and a path with one slash. A path that is only a slash adds nothing, unless `keeps_slash`.
    pub(crate) fn joined(&self, path: &Self, keeps_slash: bool) -> Self {
        let rest = path.without_first_slash();
        if rest.is_empty() && !(keeps_slash && path.starts_with_slash()) {
            return if self.is_empty() && path.starts_with_slash() { path.clone() } else { self.clone() };
        }
        let mut joined = self.without_last_slash();
        let begins_unknown = joined.is_empty() && matches!(rest.0.first(), Some(Part::Unknown(_)));
        if !begins_unknown || path.starts_with_slash() {
            joined.push_literal("/");
        }
        joined.push(&rest);
        joined
    }

    /// The path of a route: it begins with a slash or an unknown part.
    pub(crate) fn as_path(&self) -> String {
        let text = self.to_string();
        if let Some(host) = text.trim_start_matches('/').strip_prefix(HOST) {
            return host.to_owned();
        }
        // In Rails, a part that may be missing has the slash before it.
        if let Some(rest) = text.strip_prefix("/(/") {
            let is_whole = rest.split(')').nth(1) == Some("");
            return if is_whole { format!("/({rest}") } else { format!("(/{rest}") };
        }
        if text.starts_with(['/', '{'])
            && (self.starts_with_slash() || matches!(self.0.first(), Some(Part::Unknown(_))))
        {
            text
        } else {
            format!("/{text}")
        }
    }

    /// Whether the text is a folder of the repository, as [`Text::folder`] made it.
    pub(crate) fn as_folder(&self) -> Option<&str> {
        self.as_literal()?.strip_prefix(FOLDER)
    }

    /// The path of a folder of the repository, such as `__dirname`.
    pub(crate) fn folder(path: &str) -> Self {
        Self::literal(&format!("{FOLDER}{path}"))
    }

    /// Joins the parts of a file path, as `path.join` does.
    pub(crate) fn joined_file_path(&self, part: &Self) -> Self {
        let mut joined = self.without_last_slash();
        if !joined.is_empty() && !joined.ends_with_slash() {
            joined.push_literal("/");
        }
        joined.push(&part.without_first_slash());
        joined
    }
}

/// Begins a path with a host. No path in source code contains this character.
const HOST: &str = "\u{2}";
/// Begins the path of a folder. No path in source code contains this character.
const FOLDER: &str = "\u{1}";

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Literal(text) => f.write_str(text)?,
                Part::Unknown(source) => write!(f, "{{{source}}}")?,
            }
        }
        Ok(())
    }
}
