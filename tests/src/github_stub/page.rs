//! Pages of a list, with the `Link` header.

use std::collections::BTreeMap;

use serde_json::Value;

use super::answer::Answer;

const DEFAULT: usize = 30;
const MOST: usize = 100;

/// One page of a list. `url` is the address of the request without its query.
pub(super) fn page<T>(all: Vec<T>, url: &str, query: &BTreeMap<String, String>) -> (Vec<T>, Option<String>) {
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok()).filter(|number| *number > 0);
    let size = number("per_page").unwrap_or(DEFAULT).min(MOST);
    let current = number("page").unwrap_or(1);
    let last = all.len().div_ceil(size).max(1);
    let link = |page: usize, relation: &str| {
        let mut query = query.clone();
        query.insert("page".to_owned(), page.to_string());
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        format!("<{url}?{query}>; rel=\"{relation}\"")
    };
    let mut links = Vec::new();
    if current > 1 {
        links.push(link(current - 1, "prev"));
    }
    if current < last {
        links.extend([link(current + 1, "next"), link(last, "last")]);
    }
    if current > 1 {
        links.push(link(1, "first"));
    }
    let shown = all.into_iter().skip((current - 1).saturating_mul(size)).take(size).collect();
    (shown, (!links.is_empty()).then(|| links.join(", ")))
}

/// A page as an answer. Only what is on the page is given its form.
pub(super) fn list<T>(all: Vec<T>, url: &str, query: &BTreeMap<String, String>, form: impl Fn(T) -> Value) -> Answer {
    let (shown, link) = page(all, url, query);
    let answer = Answer::ok(shown.into_iter().map(form).collect());
    match link {
        Some(link) => answer.with("link", link),
        None => answer,
    }
}
