//! Counts characters like the strictest client, cuts text, and divides a budget.

use deckwatch_protocol::cut;

/// The cost of a text: its UTF-16 units, including the escapes inside a JSON string. An agent gives its model either
/// the text or the JSON. This is an upper bound for both.
pub(crate) fn cost(text: &str) -> usize {
    text.chars().map(cost_of).sum()
}

/// The cost of a line and its line break.
pub(crate) fn line_cost(line: &str) -> usize {
    cost(line) + cost_of('\n')
}

/// The cost of a character.
pub(crate) fn cost_of(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' => 2,
        c if c.is_control() => 6,
        c => c.len_utf16(),
    }
}

/// `text` if it costs at most `limit`, or else its beginning and an ellipsis. It is cut after a word, if that loses
/// less than half. Empty when the ellipsis does not fit.
pub(crate) fn clip(text: &str, limit: usize) -> String {
    if cost(text) <= limit {
        return text.to_owned();
    }
    let Some(room) = limit.checked_sub(1) else { return String::new() };
    format!("{}{}", cut::at_word(cut::to_cost(text, room, cost_of)).trim_end(), cut::ELLIPSIS)
}

/// Divides `total` among the claims. First, each claim gets its first lines, the highest rank first. Then a claim that
/// needs less than its share gets what it needs, and the others share the rest in proportion to their weights.
pub(crate) fn share(total: usize, claims: &[Claim]) -> Vec<usize> {
    let firsts = first_of_each(total, claims);
    let left = total.saturating_sub(firsts.iter().sum());
    let rests: Vec<Claim> = claims
        .iter()
        .zip(&firsts)
        .map(|(claim, first)| Claim { need: claim.need.saturating_sub(*first), ..*claim })
        .collect();
    firsts.iter().zip(share_by_weight(left, &rests)).map(|(first, rest)| first + rest).collect()
}

fn first_of_each(total: usize, claims: &[Claim]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..claims.len()).collect();
    order.sort_by_key(|n| claims.get(*n).map(|claim| std::cmp::Reverse(claim.rank)));
    let (mut left, mut firsts) = (total, vec![0; claims.len()]);
    for n in order {
        if let (Some(claim), Some(first)) = (claims.get(n), firsts.get_mut(n)) {
            *first = claim.first.min(left);
            left -= *first;
        }
    }
    firsts
}

fn share_by_weight(total: usize, claims: &[Claim]) -> Vec<usize> {
    let mut grants: Vec<Option<usize>> = vec![None; claims.len()];
    loop {
        let granted: usize = grants.iter().flatten().sum();
        let left = total.saturating_sub(granted);
        let open = || claims.iter().zip(&grants).filter(|(_, grant)| grant.is_none()).map(|(claim, _)| claim);
        let weight: usize = open().map(|claim| claim.weight).sum();
        let share_of = |claim: &Claim| left * claim.weight / weight.max(1);
        if open().all(|claim| claim.need > share_of(claim)) {
            return claims.iter().zip(grants).map(|(claim, grant)| grant.unwrap_or_else(|| share_of(claim))).collect();
        }
        grants = claims
            .iter()
            .zip(grants)
            .map(|(claim, grant)| grant.or_else(|| (claim.need <= share_of(claim)).then_some(claim.need)))
            .collect();
    }
}

/// What one part of a report needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    /// The cost of its first lines.
    pub(crate) first: usize,
    /// The priority of its first lines.
    pub(crate) rank: usize,
    /// The cost of the whole part.
    pub(crate) need: usize,
    /// Its share of a budget that is too small, relative to the other claims.
    pub(crate) weight: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(need: usize, weight: usize) -> Claim {
        Claim { first: 0, rank: weight, need, weight }
    }

    #[test]
    fn cost_is_never_less_than_the_text_or_its_json() {
        for text in ["plain", "a\n\"b\"\\c", "😀😀", "漢字", "\u{1}\u{7f}", ""] {
            let json: usize = serde_json::to_string(text).unwrap().encode_utf16().count();
            assert!(cost(text) + 2 >= json, "{text:?}");
            assert!(cost(text) >= text.encode_utf16().count(), "{text:?}");
        }
    }

    #[test]
    fn a_clipped_text_fits_and_ends_at_a_word() {
        assert_eq!(clip("short", 5), "short");
        assert_eq!(clip("one two three four", 12), "one two…");
        assert_eq!(clip("😀😀😀", 4), "😀…");
        assert_eq!(clip("x", 0), "");
        for limit in 0..40 {
            assert!(cost(&clip("a \"quoted\" text\nwith 😀 and more", limit)) <= limit);
        }
    }

    #[test]
    fn small_claims_are_met_and_the_rest_is_shared() {
        assert_eq!(share(100, &[claim(10, 1), claim(20, 1)]), [10, 20]);
        assert_eq!(share(100, &[claim(10, 1), claim(1_000, 1), claim(1_000, 2)]), [10, 30, 60]);
        assert_eq!(share(0, &[claim(5, 1), claim(0, 1)]), [0, 0]);
        let first = Claim { first: 50, ..claim(1_000, 1) };
        assert_eq!(share(100, &[first, claim(1_000, 1)]), [75, 25]);
        assert_eq!(share(60, &[first, Claim { rank: 2, ..first }]), [10, 50]);
        assert!(share(7, &[]).is_empty());
    }
}
