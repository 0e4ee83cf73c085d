//! Stems English words with the algorithm of Porter (1980): `migrating` and `migration` both become `migrat`.
//!
//! It is implemented here because the available packages would add tables of twenty to thirty languages to the
//! Worker.

/// Minimum length of a word that has a stem.
const SHORTEST: usize = 3;
/// Maximum length. Longer words are not English words.
const LONGEST: usize = 32;

/// Endings of the second, third and fourth step, with their replacements.
const SECOND: [(&str, &str); 20] = [
    ("ational", "ate"),
    ("tional", "tion"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("abli", "able"),
    ("alli", "al"),
    ("entli", "ent"),
    ("eli", "e"),
    ("ousli", "ous"),
    ("ization", "ize"),
    ("ation", "ate"),
    ("ator", "ate"),
    ("alism", "al"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("biliti", "ble"),
];
const THIRD: [(&str, &str); 7] =
    [("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", "")];
const FOURTH: [&str; 18] = [
    "ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ism", "ate", "iti", "ous", "ive", "ize", "al",
    "er", "ic", "ou",
];

/// Whether a lowercase word may be English, and so has a stem.
pub(super) fn has_stem(word: &str) -> bool {
    (SHORTEST..=LONGEST).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// The stem of a lowercase word; `None` if the word can't be English.
pub(super) fn stem(word: &str) -> Option<String> {
    has_stem(word).then(|| {
        let mut stem = word.to_owned();
        plural(&mut stem);
        remove_past_ending(&mut stem);
        // This is the rule of the second version of the algorithm: `deploy` keeps its `y`, like `deployment`.
        if let Some(rest) = stem.strip_suffix('y').filter(|rest| rest.len() > 1 && ends_in_consonant(rest)) {
            stem = format!("{rest}i");
        }
        replace_first(&mut stem, &SECOND, 0);
        replace_first(&mut stem, &THIRD, 0);
        fourth(&mut stem);
        last(&mut stem);
        stem
    })
}

fn plural(stem: &mut String) {
    if stem.ends_with("sses") || stem.ends_with("ies") {
        stem.truncate(stem.len() - 2);
    } else if stem.ends_with('s') && !stem.ends_with("ss") {
        stem.pop();
    }
}

fn remove_past_ending(stem: &mut String) {
    if stem.ends_with("eed") {
        if measure(before(stem, "eed")) > 0 {
            stem.pop();
        }
        return;
    }
    let ending = ["ed", "ing"].into_iter().find(|ending| stem.ends_with(ending) && has_vowel(before(stem, ending)));
    let Some(ending) = ending else { return };
    stem.truncate(stem.len() - ending.len());
    if ["at", "bl", "iz"].iter().any(|end| stem.ends_with(end)) {
        stem.push('e');
    } else if ends_twice(stem) && !stem.ends_with(['l', 's', 'z']) {
        stem.pop();
    } else if measure(stem) == 1 && ends_short(stem) {
        stem.push('e');
    }
}

/// Replaces the first ending that matches, if the part before it is long enough.
fn replace_first(stem: &mut String, endings: &[(&str, &str)], least: usize) {
    let Some((ending, by)) = endings.iter().find(|(ending, _)| stem.ends_with(ending)) else { return };
    if measure(before(stem, ending)) > least {
        stem.truncate(stem.len() - ending.len());
        stem.push_str(by);
    }
}

fn fourth(stem: &mut String) {
    let after_s_or_t = stem.ends_with("sion") || stem.ends_with("tion");
    let ending = if after_s_or_t { Some("ion") } else { FOURTH.into_iter().find(|ending| stem.ends_with(ending)) };
    if let Some(ending) = ending.filter(|ending| measure(before(stem, ending)) > 1) {
        stem.truncate(stem.len() - ending.len());
    }
}

fn last(stem: &mut String) {
    if let Some(rest) = stem.strip_suffix('e')
        && (measure(rest) > 1 || measure(rest) == 1 && !ends_short(rest))
    {
        stem.pop();
    }
    if stem.ends_with("ll") && measure(stem) > 1 {
        stem.pop();
    }
}

fn before<'a>(word: &'a str, ending: &str) -> &'a str {
    word.strip_suffix(ending).unwrap_or(word)
}

/// Says for each letter whether it is a consonant. A `y` is a consonant at the start and after a vowel.
fn consonants(word: &str) -> impl Iterator<Item = bool> + '_ {
    word.bytes().scan(false, |consonant, byte| {
        *consonant = match byte {
            b'a' | b'e' | b'i' | b'o' | b'u' => false,
            b'y' => !*consonant,
            _ => true,
        };
        Some(*consonant)
    })
}

fn has_vowel(word: &str) -> bool {
    consonants(word).any(|consonant| !consonant)
}

/// The number of consonants that follow a vowel.
fn measure(word: &str) -> usize {
    consonants(word).zip(consonants(word).skip(1)).filter(|(first, second)| !first && *second).count()
}

fn ends_twice(word: &str) -> bool {
    let mut letters = word.bytes().rev();
    letters.next() == letters.next() && ends_in_consonant(word)
}

fn ends_in_consonant(word: &str) -> bool {
    consonants(word).last() == Some(true)
}

/// Whether a word ends with consonant, vowel, consonant, and the last one is not `w`, `x` or `y`.
fn ends_short(word: &str) -> bool {
    let end = word.len().saturating_sub(3);
    consonants(word).skip(end).eq([true, false, true]) && !word.ends_with(['w', 'x', 'y'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_word_have_one_stem() {
        let groups: [&[&str]; 9] = [
            &["migrate", "migrates", "migrated", "migrating", "migration", "migrations"],
            &["wader", "waders"],
            &["price", "prices", "priced", "pricing"],
            &["deploy", "deploys", "deployed", "deploying", "deployment", "deployments"],
            &["policy", "policies"],
            &["hop", "hopping", "hopped", "hops"],
            &["relational", "relate", "relates"],
            &["agree", "agreed", "agrees"],
            &["nation", "nations"],
        ];
        for words in groups {
            let stems: Vec<_> = words.iter().map(|word| stem(word).unwrap()).collect();
            assert!(stems.iter().all(|other| *other == stems[0]), "{words:?}: {stems:?}");
        }
    }

    #[test]
    fn stems_are_those_of_the_algorithm() {
        let stems = [
            ("caresses", "caress"),
            ("ponies", "poni"),
            ("feed", "feed"),
            ("plastered", "plaster"),
            ("sing", "sing"),
            ("conflated", "conflat"),
            ("failing", "fail"),
            ("filing", "file"),
            ("happy", "happi"),
            ("sky", "ski"),
            ("conditional", "condit"),
            ("vietnamization", "vietnam"),
            ("hopefulness", "hope"),
            ("electrical", "electr"),
            ("adjustment", "adjust"),
            ("adoption", "adopt"),
            ("probate", "probat"),
            ("rate", "rate"),
            ("controlling", "control"),
            ("universities", "univers"),
        ];
        for (word, expected) in stems {
            assert_eq!(stem(word).as_deref(), Some(expected), "{word}");
        }
    }

    #[test]
    fn a_word_that_is_not_english_has_no_stem() {
        for word in ["as", "größe", "k8s", "Plan", &"s".repeat(33)] {
            assert_eq!(stem(word), None, "{word}");
        }
    }
}
