//! The views of a text that are searched for secrets: as it is, as it is displayed, with its escapes resolved, on one
//! line, with its lines joined, and with its base64 decoded.
//!
//! The number of views is fixed, so the time grows in proportion to the length of any text. Escapes are resolved only
//! in the passages that contain some.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use unicode_normalization::UnicodeNormalization as _;

use crate::MIN_SECRET_BYTES;
use crate::clean::clean_without_joiners;
use crate::escapes::{Escapes, passages};

/// The minimum length of base64 that is decoded. Shorter runs can't contain a secret of a known kind.
const MIN_BASE64: usize = 20;
/// The maximum amount of base64 that is decoded if it only appears after escapes are resolved. A text with more of it
/// is large and consists mostly of data.
const MAX_ESCAPED_BASE64: usize = 128 * 1024;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);

/// One view of a text.
pub(super) struct View<'a> {
    pub(super) text: &'a str,
    /// Whether line breaks were removed. Words from two lines may then have become one word, so only rules that can't
    /// match such words are used.
    pub(super) joins_lines: bool,
}

/// The first result of `search` in the views of `text`. The first view is the text itself. `has_values` says whether
/// `search` also searches for values, not only for the known kinds.
pub(super) fn find<T>(text: &str, has_values: bool, search: &mut impl FnMut(&View) -> Option<T>) -> Option<T> {
    let mut reader = Reader { search, has_values, decoded_runs: HashSet::default(), base64_left: usize::MAX };
    let displayed = displayed(text);
    if let Some(found) = reader.read(text, &displayed) {
        return Some(found);
    }
    reader.base64_left = MAX_ESCAPED_BASE64;
    passages(&displayed).find_map(|passage| reader.read_escaped(passage))
}

struct Reader<'l, L> {
    search: &'l mut L,
    has_values: bool,
    /// The hashes of the runs of base64 that were already decoded.
    decoded_runs: HashSet<u64, BuildHasherDefault<DefaultHasher>>,
    /// How many more bytes of base64 may be decoded.
    base64_left: usize,
}

impl<L> Reader<'_, L> {
    /// Searches `passage` with its escapes resolved, those of URLs and JSON together, and then once more if escapes are
    /// left. A value can contain text that looks like an escape of the other kind. So values are also searched for with
    /// each kind of escapes resolved separately.
    fn read_escaped<T>(&mut self, passage: &str) -> Option<T>
    where
        L: FnMut(&View) -> Option<T>,
    {
        let escapes = Escapes::of(passage);
        let kinds = if self.has_values { escapes.separately() } else { Vec::new() };
        let found = kinds.into_iter().find_map(|kind| {
            let resolved = kind.resolve(passage);
            self.read(&resolved, &displayed(&resolved))
        });
        found.or_else(|| {
            let once = escapes.resolve(passage);
            let displayed_once = displayed(&once);
            self.read(&once, &displayed_once).or_else(|| {
                passages(&displayed_once).find_map(|passage| {
                    let twice = Escapes::of(passage).resolve(passage);
                    self.read(&twice, &displayed(&twice))
                })
            })
        })
    }

    /// Searches one text: as it is, as it is displayed, on one line, with its lines joined, and its decoded base64.
    fn read<T>(&mut self, text: &str, displayed: &str) -> Option<T>
    where
        L: FnMut(&View) -> Option<T>,
    {
        let mut search = |text: &str| (self.search)(&View { text, joins_lines: false });
        if let Some(found) = search(text).or_else(|| if displayed == text { None } else { search(displayed) }) {
            return Some(found);
        }
        // The rules for known kinds treat all whitespace alike, so only values need this view.
        if self.has_values {
            let on_one_line = on_one_line(displayed);
            if on_one_line != displayed
                && let Some(found) = search(&on_one_line)
            {
                return Some(found);
            }
        }
        let joined = joined(displayed);
        let found = joined.as_deref().and_then(|text| (self.search)(&View { text, joins_lines: true }));
        found.or_else(|| self.read_base64(joined.as_deref().unwrap_or(displayed)))
    }

    /// Searches the decoded base64 of `text`, and the base64 in it once more.
    fn read_base64<T>(&mut self, text: &str) -> Option<T>
    where
        L: FnMut(&View) -> Option<T>,
    {
        let once = self.decoded_base64(text);
        if once.is_empty() {
            return None;
        }
        (self.search)(&View { text: &once, joins_lines: false }).or_else(|| {
            let twice = self.decoded_base64(&joined(&once)?);
            (self.search)(&View { text: &twice, joins_lines: false })
        })
    }

    /// The decoded base64 of `text`, of both alphabets. A line with a comma separates the pieces.
    fn decoded_base64(&mut self, text: &str) -> String {
        let mut decoded = String::new();
        for run in text.as_bytes().split(|b| !is_base64(*b)) {
            if run.len() < MIN_BASE64 || run.len() > self.base64_left {
                continue;
            }
            if self.decoded_runs.insert(BuildHasherDefault::<DefaultHasher>::default().hash_one(run)) {
                self.base64_left -= run.len();
                decode(run, &mut decoded);
            }
        }
        decoded
    }
}

fn is_base64(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_')
}

/// Decodes a run and appends the texts in it. The letters before the base64 may belong to its alphabet, so its start in
/// the run is not known, and all four alignments are tried. Bytes that are not text are left out.
fn decode(run: &[u8], decoded: &mut String) {
    let to_standard = |b: &u8| match b {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    };
    let standard: Vec<u8> = run.iter().map(to_standard).collect();
    for from in (0..4).filter_map(|begin| standard.get(begin..)) {
        // A single character at the end does not contain a whole byte.
        let whole = from.get(..from.len() - usize::from(from.len() % 4 == 1)).unwrap_or_default();
        let bytes = BASE64.decode(whole).unwrap_or_default();
        for text in bytes.utf8_chunks().map(|chunk| chunk.valid()).filter(|text| text.len() >= MIN_SECRET_BYTES) {
            decoded.push_str(text);
            decoded.push_str("\n,\n");
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

/// The text as a reader sees it: without invisible characters, and with full-width, mathematical and circled letters
/// replaced by normal ones.
fn displayed(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| matches!(b, b'\n' | b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let visible = clean_without_joiners(text);
    if !visible.chars().any(is_look_alike) {
        return Cow::Owned(visible);
    }
    let plain = |c: char| if is_look_alike(c) { std::iter::once(c).nfkc().collect() } else { String::from(c) };
    Cow::Owned(visible.chars().map(plain).collect())
}

fn is_look_alike(c: char) -> bool {
    matches!(c, '\u{2460}'..='\u{24ff}' | '\u{ff01}'..='\u{ff5e}' | '\u{1d400}'..='\u{1d7ff}')
}

/// The text with its lines joined, without the whitespace and the quote markers `>` around the line breaks. A terminal
/// or a mail program may have wrapped a long word. `None` if the text has one line.
fn joined(text: &str) -> Option<String> {
    text.contains('\n').then(|| text.split('\n').map(unquoted).collect())
}

fn unquoted(line: &str) -> &str {
    line.trim_start_matches(|c: char| c.is_whitespace() || c == '>').trim_end()
}
