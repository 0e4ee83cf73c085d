//! The name of an API in paths.

use std::path::Path;

use deckwatch_protocol::cut;
use url::Url;

use crate::digest::sha256_hex;
use crate::dirs::Dirs;
use crate::variables;

/// The name of an API in paths: a short hash of its URL, or of the path of the embedded engine's database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiName(String);

impl ApiName {
    /// The API that the environment selects. Without a URL, it is the embedded engine in the data folder of `dirs`.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>, dirs: &Dirs) -> Self {
        match var(variables::API_URL).map(|url| url.trim().to_owned()).filter(|url| !url.is_empty()) {
            Some(url) => Self::of_url(&url),
            None => Self::of_database(&dirs.data.join("context.db")),
        }
    }

    /// The API at this URL. Two spellings of a URL have one name.
    pub fn of_url(url: &str) -> Self {
        Self::of(&Url::parse(url).map_or_else(|_| url.to_owned(), |url| url.to_string()))
    }

    /// The embedded engine on this database.
    pub fn of_database(path: &Path) -> Self {
        Self::of(&path.display().to_string())
    }

    fn of(text: &str) -> Self {
        Self(cut::to_chars(&sha256_hex(text.as_bytes()), 16).to_owned())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_url_have_one_name_and_apis_have_different_names() {
        let name = |url: &str| ApiName::of_url(url);
        assert_eq!(name("https://api.example.com"), name("HTTPS://API.example.com:443/"));
        assert_ne!(name("https://api.example.com"), name("https://api.example.org"));
        let dirs = Dirs::from_vars(|name| (name == "HOME").then(|| "/home/ann".into())).unwrap();
        let embedded = ApiName::from_vars(|_| Some(" ".to_owned()), &dirs);
        assert_eq!(embedded, ApiName::of_database(Path::new("/home/ann/.local/share/deckwatch/context.db")));
        assert_eq!(embedded.as_str().len(), 16);
    }
}
