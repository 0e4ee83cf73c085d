//! The scanner: it splits source code into tokens by the rules of each language for strings and comments.

use super::{Lexeme, Token};

/// The maximum size of a regular expression in bytes. A longer text is not taken for one.
const MAX_REGEX_BYTES: usize = 300;
/// The maximum size of a quoted SQL name or dollar tag in bytes. A longer text is not taken for one.
const MAX_NAME_BYTES: usize = 128;

/// A language that the scanner supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// Rust.
    Rust,
    /// JavaScript, TypeScript, JSX and JSON.
    JavaScript,
    /// Python.
    Python,
    /// Go.
    Go,
    /// SQL of SQLite, `PostgreSQL` and `MySQL`.
    Sql,
}

impl Language {
    /// The language of files with this extension.
    pub(crate) fn of(extension: &str) -> Option<Self> {
        match extension {
            "rs" => Some(Self::Rust),
            "ts" | "tsx" | "js" | "jsx" | "mjs" | "cjs" | "mts" | "cts" => Some(Self::JavaScript),
            "py" => Some(Self::Python),
            "go" => Some(Self::Go),
            _ => None,
        }
    }

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
        } else if let Some(length) = self.literal_to_skip(rest, c) {
            self.advance(length);
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
            Language::Rust => rust_string(rest),
            Language::Python => python_string(rest),
            Language::Go if c == '`' => until(rest, 1, "`"),
            Language::JavaScript if c == '`' => Some(template(rest)),
            Language::Go | Language::JavaScript if matches!(c, '"' | '\'') => one_line(rest, 1, c),
            Language::Sql => sql_string(rest, c),
            Language::Go | Language::JavaScript => None,
        }
    }

    /// The length of a literal that gives no token: a character or the tick of a lifetime in Rust, a regular expression
    /// in JavaScript.
    fn literal_to_skip(&self, rest: &str, c: char) -> Option<usize> {
        match (self.language, c) {
            (Language::Rust, '\'') => Some(character(rest)),
            (Language::JavaScript, '/') if self.may_start_regex() => regex(rest),
            _ => None,
        }
    }

    /// Whether a slash can start a regular expression here. After an operand, it is a division.
    fn may_start_regex(&self) -> bool {
        match self.found.last().map(|lexeme| lexeme.token) {
            None => true,
            Some(Token::Word(word)) => matches!(word, "return" | "typeof" | "case" | "in" | "of" | "delete" | "void"),
            Some(Token::String(_)) => false,
            Some(Token::Punct(punct)) => !matches!(punct, ')' | ']' | '}' | '<'),
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// The length of the comment at the start of a text. `None` if the text does not start with one.
fn comment(rest: &str, language: Language) -> Option<usize> {
    let line = match language {
        Language::Python => "#",
        Language::Sql => "--",
        Language::Rust | Language::JavaScript | Language::Go => "//",
    };
    if rest.starts_with(line) {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if language == Language::Python || !rest.starts_with("/*") {
        return None;
    }
    let end = if language == Language::Rust { nested_comment(rest) } else { rest.find("*/").map(|end| end + 2) };
    Some(end.unwrap_or(rest.len()))
}

fn nested_comment(rest: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(found) = rest.get(at..)?.find(['/', '*']) {
        at += found;
        let here = rest.get(at..)?;
        if here.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if here.starts_with("*/") {
            depth = depth.saturating_sub(1);
            at += 2;
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += 1;
        }
    }
    None
}

/// A string up to its closing quote, in which a backslash escapes the next character. `open` is the length of the
/// opening quote with its prefix.
fn escaped(rest: &str, open: usize, quote: &str, over_lines: bool) -> Option<Quoted> {
    let body = rest.get(open..)?;
    let mut at = 0;
    loop {
        let here = body.get(at..)?;
        if here.starts_with(quote) {
            return Some(Quoted::between(open, at, quote.len()));
        }
        match here.chars().next()? {
            '\n' if !over_lines => return None,
            '\\' => at += 1 + here.chars().nth(1).map_or(0, char::len_utf8),
            c => at += c.len_utf8(),
        }
    }
}

/// A string that must end on its line. So an apostrophe in prose is not taken for the start of a string.
fn one_line(rest: &str, open: usize, quote: char) -> Option<Quoted> {
    escaped(rest, open, quote.encode_utf8(&mut [0; 4]), false)
}

fn until(rest: &str, open: usize, close: &str) -> Option<Quoted> {
    let content = rest.get(open..)?.find(close)?;
    Some(Quoted::between(open, content, close.len()))
}

/// `"…"`, `b"…"`, `c"…"`, `r"…"`, `r#"…"#` and their combinations.
fn rust_string(rest: &str) -> Option<Quoted> {
    let prefix = rest.find(|c| !matches!(c, 'b' | 'c' | 'r')).filter(|length| *length <= 2)?;
    let after = rest.get(prefix..)?;
    let hashes = after.find(|c| c != '#')?;
    let is_raw = rest.get(..prefix)?.contains('r');
    if !after.get(hashes..)?.starts_with('"') || hashes > 0 && !is_raw {
        return None;
    }
    let open = prefix + hashes + 1;
    if is_raw {
        until(rest, open, &format!("\"{}", "#".repeat(hashes.min(255))))
    } else {
        escaped(rest, open, "\"", true)
    }
}

/// The length of a character literal, or of the tick of a lifetime.
fn character(rest: &str) -> usize {
    let mut chars = rest.chars().skip(1);
    match (chars.next(), chars.next()) {
        (Some('\\'), _) => rest.get(3..).and_then(|tail| tail.find('\'')).map_or(1, |end| (end + 4).min(16)),
        (Some(c), Some('\'')) => 2 + c.len_utf8(),
        _ => 1,
    }
}

fn python_string(rest: &str) -> Option<Quoted> {
    let prefix = rest.find(|c: char| !matches!(c.to_ascii_lowercase(), 'r' | 'b' | 'f' | 'u' | 't'))?;
    let quote = rest.get(prefix..)?.chars().next().filter(|c| prefix <= 2 && matches!(c, '"' | '\''))?;
    let long = quote.to_string().repeat(3);
    if rest.get(prefix..)?.starts_with(&long) {
        escaped(rest, prefix + 3, &long, true)
    } else {
        one_line(rest, prefix + 1, quote)
    }
}

/// A template string of JavaScript. The code in it may contain more template strings.
fn template(rest: &str) -> Quoted {
    // For each open `${`, the number of braces that are open in its code. Empty in the text of the outermost template.
    let mut code: Vec<usize> = Vec::new();
    let mut templates = 1_usize;
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        let in_text = templates > code.len();
        match c {
            '\\' => drop(chars.next()),
            '`' if in_text && templates == 1 => return Quoted::between(1, at - 1, 1),
            '`' if in_text => templates -= 1,
            '`' => templates += 1,
            '$' if in_text && chars.peek().is_some_and(|(_, next)| *next == '{') => {
                chars.next();
                code.push(0);
            }
            '{' if !in_text => code.iter_mut().last().into_iter().for_each(|open| *open += 1),
            '}' if !in_text => match code.pop() {
                Some(open) if open > 0 => code.push(open - 1),
                _ => {}
            },
            _ => {}
        }
    }
    Quoted::between(1, rest.len() - 1, 0)
}

/// The length of a regular expression. It must end on its line.
fn regex(rest: &str) -> Option<usize> {
    let mut in_class = false;
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next().filter(|(at, _)| *at < MAX_REGEX_BYTES) {
        match c {
            '\n' => return None,
            '\\' => drop(chars.next()),
            '[' => in_class = true,
            ']' => in_class = false,
            '/' if !in_class => return Some(at + 1),
            _ => {}
        }
    }
    None
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
