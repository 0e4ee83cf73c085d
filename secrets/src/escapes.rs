//! Finds and resolves the escapes of URLs (`%41`) and of JSON (`\\u0041`, `\\n`).

/// The bytes of a passage before and after an escape. Every known kind of secret, and almost every value, is shorter.
const MARGIN: usize = 4 * 1024;

/// The kinds of escapes to resolve.
#[derive(Debug, Clone, Copy)]
pub(super) struct Escapes {
    of_urls: bool,
    of_json: bool,
}

impl Escapes {
    /// The kinds of escapes that `text` contains.
    pub(super) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        Self { of_urls: bytes.windows(3).any(is_of_url), of_json: bytes.contains(&b'\\') }
    }

    /// Each kind separately, if there are two kinds. Otherwise empty.
    pub(super) fn separately(self) -> Vec<Self> {
        if self.of_urls && self.of_json {
            vec![Self { of_json: false, ..self }, Self { of_urls: false, ..self }]
        } else {
            Vec::new()
        }
    }

    /// The text with these escapes resolved. A backslash at the end of a line joins it with the next line, as in a
    /// shell.
    pub(super) fn resolve(self, text: &str) -> String {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let Some((first, after)) = rest.split_first() {
            rest = match rest {
                [b'%', high, low, next @ ..] if self.of_urls && is_of_url(&[b'%', *high, *low]) => {
                    bytes.push(hex(*high) << 4 | hex(*low));
                    next
                }
                [b'\\', ..] if self.of_json => unescape(after, &mut bytes),
                _ => {
                    bytes.push(*first);
                    after
                }
            };
        }
        String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

fn is_of_url(bytes: &[u8]) -> bool {
    matches!(bytes, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

fn hex(digit: u8) -> u8 {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or_default()
}

/// Resolves an escape after its backslash, and returns the rest of the text.
fn unescape<'a>(rest: &'a [u8], bytes: &mut Vec<u8>) -> &'a [u8] {
    match rest {
        [b'n' | b'r' | b't', next @ ..] => {
            bytes.push(b'\n');
            next
        }
        [b'\n', next @ ..] => next,
        [b'u', a, b, c, d, next @ ..] if [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit) => {
            let code = [a, b, c, d].into_iter().fold(0, |code, digit| code << 4 | u32::from(hex(*digit)));
            let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            next
        }
        // The escaped character itself. Its other bytes, if it has any, are read as the rest.
        [first, next @ ..] => {
            bytes.push(*first);
            next
        }
        [] => rest,
    }
}

/// The passages of `text` around its escapes. Passages that overlap are merged.
pub(super) fn passages(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let is_escape = move |at: usize| match bytes.get(at) {
        Some(b'\\') => true,
        Some(b'%') => bytes.get(at..at + 3).is_some_and(is_of_url),
        _ => false,
    };
    let mut escapes = (0..bytes.len()).filter(move |at| is_escape(*at)).peekable();
    std::iter::from_fn(move || {
        let first = escapes.next()?;
        let mut last = first;
        while let Some(next) = escapes.next_if(|at| *at <= last + 2 * MARGIN) {
            last = next;
        }
        let begin = text.floor_char_boundary(first.saturating_sub(MARGIN));
        let end = text.floor_char_boundary(last + MARGIN);
        let passage = text.get(begin..end)?;
        // A word that the passage cuts is dropped, because its part could be taken for a whole word.
        let passage = if begin > 0 { passage.trim_start_matches(|c: char| c.is_ascii_alphanumeric()) } else { passage };
        let is_cut = end < text.len();
        Some(if is_cut { passage.trim_end_matches(|c: char| c.is_ascii_alphanumeric()) } else { passage })
    })
}
