//! Other readings of a text: as it is shown, with the escapes resolved that a document or a URL may carry, on one line,
//! and what its base64 says.
//!
//! The work grows with the length of the text, whatever the text is: there is a fixed number of readings. Escapes are
//! resolved only in the passages that have some.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use unicode_normalization::UnicodeNormalization as _;

use crate::SHORTEST;
use crate::clean::bare;
use crate::escapes::{Escapes, passages};

/// Shorter runs of base64 hold no secret of a known kind.
const SHORTEST_BASE64: usize = 20;
/// How much base64 is decoded that appears only once escapes are resolved. A text that has more of it is large, and
/// mostly data.
const ESCAPED_BASE64: usize = 128 * 1024;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);

/// One reading.
pub(super) struct View<'a> {
    pub(super) text: &'a str,
    /// Its line breaks are gone, and words that were apart may be one: only what no words make counts here.
    pub(super) joins_lines: bool,
}

/// What `look` finds first in the readings of `text`, beginning with `text` itself. `has_values` says whether it looks for
/// more than the known kinds.
pub(super) fn find<T>(text: &str, has_values: bool, look: &mut impl FnMut(&View) -> Option<T>) -> Option<T> {
    let mut reader = Reader { look, has_values, known: HashSet::default(), base64_left: usize::MAX };
    let seen = shown(text);
    if let Some(found) = reader.read(text, &seen) {
        return Some(found);
    }
    reader.base64_left = ESCAPED_BASE64;
    passages(&seen).find_map(|passage| reader.read_escaped(passage))
}

struct Reader<'l, L> {
    look: &'l mut L,
    has_values: bool,
    /// The hashes of the runs of base64 that were decoded.
    known: HashSet<u64, BuildHasherDefault<DefaultHasher>>,
    /// As much base64 is still decoded.
    base64_left: usize,
}

impl<L> Reader<'_, L> {
    /// Reads `passage` with its escapes resolved, of URLs and of JSON together, and then what is left once more. A value
    /// may have what looks like an escape of the other kind, so it is looked for with each kind alone as well.
    fn read_escaped<T>(&mut self, passage: &str) -> Option<T>
    where
        L: FnMut(&View) -> Option<T>,
    {
        let escapes = Escapes::of(passage);
        let alone = if self.has_values { escapes.alone() } else { Vec::new() };
        let found = alone.into_iter().find_map(|kind| {
            let resolved = kind.resolve(passage);
            self.read(&resolved, &shown(&resolved))
        });
        found.or_else(|| {
            let once = escapes.resolve(passage);
            let seen = shown(&once);
            self.read(&once, &seen).or_else(|| {
                passages(&seen).find_map(|passage| {
                    let twice = Escapes::of(passage).resolve(passage);
                    self.read(&twice, &shown(&twice))
                })
            })
        })
    }

    /// Reads one text: as it is, as it is shown, on one line, with its lines joined, and its base64.
    fn read<T>(&mut self, text: &str, seen: &str) -> Option<T>
    where
        L: FnMut(&View) -> Option<T>,
    {
        let mut plain = |text: &str| (self.look)(&View { text, joins_lines: false });
        if let Some(found) = plain(text).or_else(|| if seen == text { None } else { plain(seen) }) {
            return Some(found);
        }
        // To the known kinds, every blank is the same.
        if self.has_values {
            let on_one_line = on_one_line(seen);
            if on_one_line != seen
                && let Some(found) = plain(&on_one_line)
            {
                return Some(found);
            }
        }
        let joined = joined(seen);
        let found = joined.as_deref().and_then(|text| (self.look)(&View { text, joins_lines: true }));
        found.or_else(|| self.read_base64(joined.as_deref().unwrap_or(seen)))
    }

    /// Reads what the base64 in `text` says, and what the base64 in that says.
    fn read_base64<T>(&mut self, text: &str) -> Option<T>
    where
        L: FnMut(&View) -> Option<T>,
    {
        let once = self.in_base64(text);
        if once.is_empty() {
            return None;
        }
        (self.look)(&View { text: &once, joins_lines: false }).or_else(|| {
            let twice = self.in_base64(&joined(&once)?);
            (self.look)(&View { text: &twice, joins_lines: false })
        })
    }

    /// What the base64 in `text` says, of either alphabet, each piece between lines with a comma.
    fn in_base64(&mut self, text: &str) -> String {
        let mut said = String::new();
        for run in text.as_bytes().split(|b| !is_base64(*b)) {
            if run.len() < SHORTEST_BASE64 || run.len() > self.base64_left {
                continue;
            }
            if self.known.insert(BuildHasherDefault::<DefaultHasher>::default().hash_one(run)) {
                self.base64_left -= run.len();
                decode(run, &mut said);
            }
        }
        said
    }
}

fn is_base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_')
}

/// Where a piece of base64 begins in `run` is not known, as letters before it may be of its alphabet: each of the four
/// places is tried. What is no text is left out.
fn decode(run: &[u8], said: &mut String) {
    let of_mail = |b: &u8| match b {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    };
    let of_mail: Vec<u8> = run.iter().map(of_mail).collect();
    for from in (0..4).filter_map(|begin| of_mail.get(begin..)) {
        // A last character alone says nothing.
        let whole = from.get(..from.len() - usize::from(from.len() % 4 == 1)).unwrap_or_default();
        let bytes = BASE64.decode(whole).unwrap_or_default();
        for text in bytes.utf8_chunks().map(|chunk| chunk.valid()).filter(|text| text.len() >= SHORTEST) {
            said.push_str(text);
            said.push_str("\n,\n");
        }
    }
}

fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// What can be seen of `text`: full-width and mathematical letters read like those that they look like.
fn shown(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| matches!(b, b'\n' | b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let bare = bare(text);
    if !bare.chars().any(is_look_alike) {
        return Cow::Owned(bare);
    }
    let plain = |c: char| if is_look_alike(c) { std::iter::once(c).nfkc().collect() } else { String::from(c) };
    Cow::Owned(bare.chars().map(plain).collect())
}

fn is_look_alike(c: char) -> bool {
    matches!(c, '\u{2460}'..='\u{24ff}' | '\u{ff01}'..='\u{ff5e}' | '\u{1d400}'..='\u{1d7ff}')
}

/// Without line breaks, the blanks around them and the marks of a quotation, as a terminal or a mail may have wrapped a
/// long word.
fn joined(text: &str) -> Option<String> {
    text.contains('\n').then(|| text.split('\n').map(unquoted).collect())
}

fn unquoted(line: &str) -> &str {
    line.trim_start_matches(|c: char| c.is_whitespace() || c == '>').trim_end()
}
