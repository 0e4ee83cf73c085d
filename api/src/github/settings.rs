//! The settings of the classifier.

use super::app_key;
use super::rules::Rules;

/// The address of GitHub's API, unless `GITHUB_API_URL` names another.
const GITHUB: &str = "https://api.github.com";

/// The settings of the webhook and of the work behind it.
pub(crate) struct GithubSettings {
    /// The webhook's secret; during a change, also the previous one.
    pub(crate) secrets: Vec<String>,
    pub(super) credentials: Credentials,
    /// The address of GitHub's API, without a slash at its end.
    pub(super) api: String,
    pub(super) rules: Rules,
    pub(super) model: Option<ModelSettings>,
}

/// How the engine identifies itself to GitHub.
pub(super) enum Credentials {
    /// As a GitHub App: its id, and its private key as PKCS#8.
    App { id: String, key: Vec<u8> },
    /// With a token of a machine's account.
    Token(String),
}

/// A language model that refines grades.
pub(super) struct ModelSettings {
    pub(super) form: ModelForm,
    pub(super) name: String,
    pub(super) url: String,
    pub(super) key: Option<String>,
}

/// How a model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ModelForm {
    Anthropic,
    Openai,
    WorkersAi,
}

impl GithubSettings {
    /// Reads the settings through `var`; `None` without a webhook secret. The error says what to do, and shows no value.
    pub(crate) fn from_vars(var: &impl Fn(&str) -> Option<String>) -> Option<Result<Self, String>> {
        let var = |name: &str| var(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let secret = var("GITHUB_WEBHOOK_SECRET")?;
        let secrets = std::iter::once(secret).chain(var("GITHUB_WEBHOOK_SECRET_PREVIOUS")).collect();
        Some(Self::with_secrets(secrets, &var))
    }

    fn with_secrets(secrets: Vec<String>, var: &impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        if secrets.iter().any(|secret| secret.len() < 16) {
            return Err(
                "GITHUB_WEBHOOK_SECRET must have at least 16 characters; make one with `openssl rand -hex 32`".into()
            );
        }
        let api = var("GITHUB_API_URL").unwrap_or_else(|| GITHUB.to_owned());
        if !api.starts_with("https://") && !is_loopback(&api) {
            return Err("GITHUB_API_URL must begin with https://, because requests to it carry the credentials".into());
        }
        let rules = Rules::read(var("GITHUB_CLASSIFIER_RULES").as_deref())
            .map_err(|error| format!("GITHUB_CLASSIFIER_RULES are not valid: {error}"))?;
        let (credentials, model) = (credentials(var)?, model(var)?);
        Ok(Self { secrets, credentials, api: api.trim_end_matches('/').to_owned(), rules, model })
    }
}

fn credentials(var: &impl Fn(&str) -> Option<String>) -> Result<Credentials, String> {
    match (var("GITHUB_APP_ID"), var("GITHUB_APP_PRIVATE_KEY"), var("GITHUB_TOKEN")) {
        (Some(id), Some(pem), _) => {
            let key =
                app_key::pkcs8(&pem).ok_or("GITHUB_APP_PRIVATE_KEY is not the text of a PEM file with an RSA key")?;
            if id.len() > 100 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.') {
                return Err("GITHUB_APP_ID must be the id or the client id of the GitHub App".into());
            }
            Ok(Credentials::App { id, key })
        }
        (Some(_), None, _) => Err("GITHUB_APP_ID needs GITHUB_APP_PRIVATE_KEY beside it".into()),
        (None, Some(_), _) => Err("GITHUB_APP_PRIVATE_KEY needs GITHUB_APP_ID beside it".into()),
        (None, None, Some(token)) if token.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Credentials::Token(token)),
        (None, None, Some(_)) => Err("GITHUB_TOKEN contains other than visible ASCII characters".into()),
        (None, None, None) => {
            Err("GITHUB_WEBHOOK_SECRET needs GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY, or GITHUB_TOKEN, \
                                   to write labels"
                .into())
        }
    }
}

fn model(var: &impl Fn(&str) -> Option<String>) -> Result<Option<ModelSettings>, String> {
    let Some(name) = var("CLASSIFIER_MODEL") else { return Ok(None) };
    let form = match var("CLASSIFIER_MODEL_FORM").as_deref() {
        Some("anthropic") => ModelForm::Anthropic,
        Some("openai") => ModelForm::Openai,
        Some("workers-ai") => ModelForm::WorkersAi,
        _ => return Err("CLASSIFIER_MODEL needs CLASSIFIER_MODEL_FORM: anthropic, openai or workers-ai".into()),
    };
    let url = match (form, var("CLASSIFIER_MODEL_URL")) {
        (ModelForm::WorkersAi, _) => String::new(),
        (_, Some(url)) if url.starts_with("https://") || is_loopback(&url) => url,
        _ => return Err("CLASSIFIER_MODEL needs CLASSIFIER_MODEL_URL, an address that begins with https://".into()),
    };
    Ok(Some(ModelSettings { form, name, url, key: var("CLASSIFIER_MODEL_KEY") }))
}

/// Whether the address is on this machine, where TLS protects nothing.
fn is_loopback(url: &str) -> bool {
    let Some(host) = url.strip_prefix("http://") else { return false };
    let host = host.split(['/', ':']).next().unwrap_or_default();
    host == "127.0.0.1" || host == "localhost"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(vars: &[(&str, &str)]) -> Option<Result<(), String>> {
        let var = |name: &str| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Some(GithubSettings::from_vars(&var)?.map(drop))
    }

    const SECRET: (&str, &str) = ("GITHUB_WEBHOOK_SECRET", "a-secret-of-a-test");
    const TOKEN: (&str, &str) = ("GITHUB_TOKEN", "a-token-of-a-test");

    #[test]
    fn without_a_secret_there_is_no_webhook() {
        assert!(read(&[TOKEN]).is_none());
        assert_eq!(read(&[SECRET, TOKEN]), Some(Ok(())));
    }

    #[test]
    fn settings_that_are_not_valid_say_what_to_do_and_show_no_value() {
        for vars in [
            &[SECRET][..],
            &[("GITHUB_WEBHOOK_SECRET", "short"), TOKEN],
            &[SECRET, ("GITHUB_APP_ID", "1")],
            &[SECRET, ("GITHUB_APP_PRIVATE_KEY", "a-key-of-a-test")],
            &[SECRET, ("GITHUB_APP_ID", "1"), ("GITHUB_APP_PRIVATE_KEY", "a-key-of-a-test")],
            &[SECRET, TOKEN, ("GITHUB_API_URL", "http://127.0.0.1.evil.example")],
            &[SECRET, TOKEN, ("GITHUB_CLASSIFIER_RULES", "{}")],
            &[SECRET, TOKEN, ("CLASSIFIER_MODEL", "m")],
            &[SECRET, TOKEN, ("CLASSIFIER_MODEL", "m"), ("CLASSIFIER_MODEL_FORM", "openai")],
        ] {
            let error = read(vars).unwrap().unwrap_err();
            assert!(!error.contains("-of-a-test") && error.contains('_'), "{error}");
        }
    }
}
