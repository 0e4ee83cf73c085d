//! Parses the secrets in the answers of Infisical's API and tool. Decides which value is used for a duplicate name.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Secret;

/// The secrets of one folder.
#[derive(Default)]
pub(crate) struct Listing {
    pub(crate) values: BTreeMap<String, Secret>,
    /// The names of secrets whose values the identity may not read.
    pub(crate) hidden: Vec<String>,
}

#[derive(Deserialize)]
struct Answer {
    secrets: Vec<Entry>,
    imports: Option<Vec<Import>>,
}

#[derive(Deserialize)]
struct Import {
    secrets: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "secretKey")]
    name: String,
    #[serde(rename = "secretValue")]
    value: Option<Secret>,
    #[serde(rename = "secretValueHidden", default)]
    hidden: bool,
}

#[derive(Deserialize)]
struct Exported {
    key: String,
    value: Secret,
}

impl Listing {
    /// Parses an answer of the API. `None` if it has another form. The parser's error is dropped: it could contain a secret.
    pub(super) fn from_api(body: &[u8]) -> Option<Self> {
        let answer: Answer = serde_json::from_slice(body).ok()?;
        let mut listing = Self::default();
        // As in Infisical, a later import overrides an earlier one, and the folder's own secrets override imports.
        let imported = answer.imports.into_iter().flatten().flat_map(|import| import.secrets);
        for Entry { name, value, hidden } in imported.chain(answer.secrets) {
            match value {
                Some(value) if !hidden => drop(listing.values.insert(name, value)),
                _ => {
                    listing.values.remove(&name);
                    listing.hidden.push(name);
                }
            }
        }
        listing.hidden.retain(|name| !listing.values.contains_key(name));
        listing.hidden.sort_unstable();
        listing.hidden.dedup();
        Some(listing)
    }

    /// Parses the output of `infisical export --format=json`, which has no duplicate names.
    pub(super) fn from_export(text: &str) -> Option<Self> {
        let exported: Vec<Exported> = serde_json::from_str(text).ok()?;
        let values = exported.into_iter().map(|Exported { key, value }| (key, value)).collect();
        Some(Self { values, hidden: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn own_secrets_override_imports_and_later_imports_override_earlier_ones() {
        let secret = |name: &str, value: &str| json!({ "secretKey": name, "secretValue": value });
        let body = json!({
            "secrets": [secret("A", "own")],
            "imports": [
                { "secrets": [secret("A", "first"), secret("B", "first"), secret("C", "first")] },
                { "secrets": [secret("A", "second"), secret("B", "second")] },
            ],
        });
        let listing = Listing::from_api(body.to_string().as_bytes()).unwrap();
        let values: Vec<(&str, &str)> = listing.values.iter().map(|(n, v)| (n.as_str(), v.expose())).collect();
        assert_eq!(values, [("A", "own"), ("B", "second"), ("C", "first")]);
    }

    #[test]
    fn an_unreadable_value_is_reported_as_hidden() {
        let body = json!({ "secrets": [
            { "secretKey": "A", "secretValue": "<hidden>", "secretValueHidden": true },
            { "secretKey": "B", "secretValue": null },
            { "secretKey": "C", "secretValue": "" },
        ], "imports": null });
        let listing = Listing::from_api(body.to_string().as_bytes()).unwrap();
        assert_eq!(listing.hidden, ["A", "B"]);
        assert_eq!(listing.values.keys().collect::<Vec<_>>(), ["C"]);
    }
}
