//! The scanner: it splits source code into tokens by the rules of each language for strings and comments.

use super::{Lexeme, Token};

/// The maximum size of a quoted SQL name or dollar tag in bytes. A longer text is not taken for one.
const MAX_NAME_BYTES: usize = 128;

/// A language that the scanner supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// JSON, also with comments.
    Json,
    /// SQL of SQLite, `PostgreSQL` and `MySQL`.
    Sql,
}

impl Language {
    /// Whether this character starts a quoted name.
    fn quotes_names(self, quote: char) -> bool {
        self == Self::Sql && matches!(quote, '"' | '`' | '[')
    }
}

/// Splits a text into tokens.
pub(super) fn lexemes(text: &str, language: Language) -> Vec<Lexeme<'_>> {
    let mut scanner = Scanner { text, language, at: 0, line: 1, found: Vec::new() };
    while scanner.step() {}
    scanner.found
}

struct Scanner<'a> {
    text: &'a str,
    language: Language,
    at: usize,
    line: usize,
    found: Vec<Lexeme<'a>>,
}

/// The lengths of a string in bytes: the part before the content, the content, and the whole string.
struct Quoted {
    before: usize,
    content: usize,
    whole: usize,
}

impl Quoted {
    fn between(open: usize, content: usize, close: usize) -> Self {
        Self { before: open, content, whole: open + content + close }
    }
}

impl<'a> Scanner<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Reads one token, comment or whitespace character. Returns false at the end of the text.
    fn step(&mut self) -> bool {
        let rest = self.rest();
        let Some(c) = rest.chars().next() else { return false };
        if c.is_whitespace() {
            self.advance(c.len_utf8());
        } else if let Some(length) = comment(rest, self.language) {
            self.advance(length);
        } else if let Some(quoted) = self.quoted(rest, c) {
            let content = rest.get(quoted.before..quoted.before + quoted.content).unwrap_or_default();
            let token = if self.language.quotes_names(c) { Token::Word(content) } else { Token::String(content) };
            self.push(token, quoted.whole);
        } else if is_word(c) {
            let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            self.push(Token::Word(rest.get(..length).unwrap_or_default()), length);
        } else {
            self.push(Token::Punct(c), c.len_utf8());
        }
        true
    }

    fn push(&mut self, token: Token<'a>, length: usize) {
        self.found.push(Lexeme { token, line: self.line, start: self.at, end: self.at + length });
        self.advance(length);
    }

    fn advance(&mut self, length: usize) {
        self.line += self.rest().bytes().take(length).filter(|byte| *byte == b'\n').count();
        self.at += length;
    }

    fn quoted(&self, rest: &str, c: char) -> Option<Quoted> {
        match self.language {
            Language::Json if matches!(c, '"' | '\'') => one_line(rest, c),
            Language::Json => None,
            Language::Sql => sql_string(rest, c),
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// The length of the comment at the start of a text. `None` if the text does not start with one.
fn comment(rest: &str, language: Language) -> Option<usize> {
    let line = match language {
        Language::Json => "//",
        Language::Sql => "--",
    };
    if rest.starts_with(line) {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    let is_block = rest.starts_with("/*");
    is_block.then(|| rest.find("*/").map_or(rest.len(), |end| end + 2))
}

/// A string in which a backslash escapes the next character. It must end on its line, so that an apostrophe in prose is not
/// taken for the start of a string.
fn one_line(rest: &str, quote: char) -> Option<Quoted> {
    let mut at = 1;
    loop {
        let here = rest.get(at..)?;
        match here.chars().next()? {
            '\n' => return None,
            '\\' => at += 1 + here.chars().nth(1).map_or(0, char::len_utf8),
            c if c == quote => return Some(Quoted::between(1, at - 1, 1)),
            c => at += c.len_utf8(),
        }
    }
}

fn until(rest: &str, open: usize, close: &str) -> Option<Quoted> {
    let content = rest.get(open..)?.find(close)?;
    Some(Quoted::between(open, content, close.len()))
}

/// A string `'…'` with doubled quotes inside, a quoted name, or a dollar-quoted string of `PostgreSQL`.
fn sql_string(rest: &str, c: char) -> Option<Quoted> {
    match c {
        '\'' | '"' | '`' => {
            let mut at = 1;
            loop {
                at += rest.get(at..)?.find(c)?;
                if !rest.get(at + 1..)?.starts_with(c) {
                    return Some(Quoted::between(1, at - 1, 1));
                }
                at += 2;
            }
        }
        // `[]` and `[3]` are arrays of PostgreSQL, not quoted names.
        '[' => {
            let content = rest.bytes().skip(1).take(MAX_NAME_BYTES).position(|byte| byte == b']')?;
            let is_name = rest.get(1..)?.starts_with(|c: char| c.is_alphabetic() || c == '_');
            is_name.then(|| Quoted::between(1, content, 1))
        }
        '$' => {
            let end = rest.bytes().skip(1).take(MAX_NAME_BYTES).position(|byte| byte == b'$')? + 2;
            let tag = rest.get(..end)?;
            let is_tag = tag.trim_matches('$').chars().all(|c| c.is_alphanumeric() || c == '_');
            // If the quote is never closed, the whole rest of the file is the string.
            let open = || Quoted::between(tag.len(), rest.len() - tag.len(), 0);
            is_tag.then(|| until(rest, tag.len(), tag).unwrap_or_else(open))
        }
        _ => None,
    }
}
