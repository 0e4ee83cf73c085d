//! The known kinds of secrets: how each begins, and what must follow.

use std::ops::RangeInclusive;

use crate::shape;

/// One kind, by one beginning.
pub(super) struct Rule {
    /// Ready for a sentence.
    pub(super) kind: &'static str,
    /// What it begins with.
    pub(super) beginning: &'static str,
    rest: Rest,
}

/// What must follow.
enum Rest {
    /// A random run of this length in this alphabet, and then something else.
    Run(fn(u8) -> bool, RangeInclusive<usize>),
    /// What this says of the text before the beginning, and from it on.
    Shape(fn(&str, &str) -> bool),
}

impl Rule {
    /// Whether a secret of this kind begins at `start`, where its beginning stands. It looks at what is near alone, so
    /// that a text of nothing but beginnings takes no longer than any other.
    pub(super) fn fits(&self, text: &str, start: usize) -> bool {
        let Some((before, from)) = text.split_at_checked(start) else { return false };
        match &self.rest {
            Rest::Shape(fits) => fits(before, shape::first_bytes(from, NEAR)),
            Rest::Run(alphabet, length) => {
                let after = from.get(self.beginning.len()..).unwrap_or_default();
                let run = shape::run(shape::first_bytes(after, LONG), *alphabet);
                shape::starts_a_word(before) && length.contains(&run.len()) && shape::is_random(run)
            }
        }
    }

    /// Whether no two words next to each other make one: it counts also where line breaks were taken out.
    pub(super) fn spans_lines(&self) -> bool {
        let is_strict = ["eyJ", "dw_", "SG."].contains(&self.beginning);
        is_strict || matches!(self.rest, Rest::Run(..))
    }
}

/// As far as a run is looked at: one that is longer counts as this long.
const LONG: usize = 512;
/// As far as a shape is looked at.
const NEAR: usize = 2_048;

const fn run(
    kind: &'static str,
    beginning: &'static str,
    alphabet: fn(u8) -> bool,
    length: RangeInclusive<usize>,
) -> Rule {
    Rule { kind, beginning, rest: Rest::Run(alphabet, length) }
}

const fn shaped(kind: &'static str, beginning: &'static str, fits: fn(&str, &str) -> bool) -> Rule {
    Rule { kind, beginning, rest: Rest::Shape(fits) }
}

const AWS_KEY: &str = "what looks like an AWS access key";
const AWS_SECRET: &str = "what looks like an AWS secret access key";
const GITHUB: &str = "what looks like a GitHub token";
const SLACK: &str = "what looks like a Slack token";
const GITLAB: &str = "what looks like a GitLab token";
const STRIPE: &str = "what looks like a Stripe live key";
const STRIPE_TEST: &str = "what looks like a Stripe test key";
const DIGITALOCEAN: &str = "what looks like a DigitalOcean token";
const VAULT: &str = "what looks like a HashiCorp Vault token";
const LOGIN: &str = "an Authorization header with its credentials";
const OPENAI: &str = "what looks like an OpenAI key";
const CLOUDFLARE: &str = "what looks like a Cloudflare key";

/// Every known kind.
pub(super) const RULES: &[Rule] = &[
    run(AWS_KEY, "AKIA", shape::upper, 16..=16),
    run(AWS_KEY, "ASIA", shape::upper, 16..=16),
    shaped(AWS_SECRET, "secret_access_key", shape::aws_secret),
    shaped(AWS_SECRET, "SECRET_ACCESS_KEY", shape::aws_secret),
    shaped(AWS_SECRET, "secret-access-key", shape::aws_secret),
    shaped(AWS_SECRET, "secret access key", shape::aws_secret),
    shaped(AWS_SECRET, "Secret access key", shape::aws_secret),
    shaped(AWS_SECRET, "secretAccessKey", shape::aws_secret),
    shaped(AWS_SECRET, "SecretAccessKey", shape::aws_secret),
    run(GITHUB, "ghp_", shape::alphanumeric, 36..=LONG),
    run(GITHUB, "gho_", shape::alphanumeric, 36..=LONG),
    run(GITHUB, "ghu_", shape::alphanumeric, 36..=LONG),
    run(GITHUB, "ghs_", shape::alphanumeric, 36..=LONG),
    run(GITHUB, "ghr_", shape::alphanumeric, 36..=LONG),
    run(GITHUB, "github_pat_", shape::word, 60..=LONG),
    run(GITLAB, "glpat-", shape::base64url, 20..=LONG),
    run(GITLAB, "glrt-", shape::base64url, 20..=LONG),
    run(GITLAB, "gldt-", shape::base64url, 20..=LONG),
    run(GITLAB, "glptt-", shape::base64url, 20..=LONG),
    run(GITLAB, "glsoat-", shape::base64url, 20..=LONG),
    run(GITLAB, "glcbt-", shape::base64url, 20..=LONG),
    run(GITLAB, "glimt-", shape::base64url, 20..=LONG),
    run(GITLAB, "glft-", shape::base64url, 20..=LONG),
    run(GITLAB, "glagent-", shape::base64url, 20..=LONG),
    run(GITLAB, "gloas-", shape::base64url, 20..=LONG),
    run(SLACK, "xoxa-", shape::slack, 20..=LONG),
    run(SLACK, "xoxb-", shape::slack, 20..=LONG),
    run(SLACK, "xoxc-", shape::slack, 20..=LONG),
    run(SLACK, "xoxd-", shape::slack_cookie, 20..=LONG),
    run(SLACK, "xoxe-", shape::slack, 20..=LONG),
    run(SLACK, "xoxp-", shape::slack, 20..=LONG),
    run(SLACK, "xoxr-", shape::slack, 20..=LONG),
    run(SLACK, "xoxs-", shape::slack, 20..=LONG),
    run(SLACK, "xapp-", shape::slack, 20..=LONG),
    shaped("what looks like a Slack webhook", "hooks.slack.com/services/", shape::slack_webhook),
    run(STRIPE, "sk_live_", shape::alphanumeric, 16..=LONG),
    run(STRIPE, "rk_live_", shape::alphanumeric, 16..=LONG),
    run(STRIPE_TEST, "sk_test_", shape::alphanumeric, 16..=LONG),
    run(STRIPE_TEST, "rk_test_", shape::alphanumeric, 16..=LONG),
    run("what looks like a Stripe webhook secret", "whsec_", shape::base64, 32..=LONG),
    run("what looks like an Anthropic key", "sk-ant-", shape::base64url, 20..=LONG),
    run(OPENAI, "sk-proj-", shape::base64url, 20..=LONG),
    run(OPENAI, "sk-svcacct-", shape::base64url, 20..=LONG),
    run(OPENAI, "sk-admin-", shape::base64url, 20..=LONG),
    shaped(OPENAI, "sk-", shape::openai),
    run("what looks like a Google API key", "AIza", shape::base64url, 35..=LONG),
    run("what looks like a Hugging Face token", "hf_", shape::alphanumeric, 34..=40),
    shaped("what looks like a SendGrid key", "SG.", shape::sendgrid),
    run(DIGITALOCEAN, "dop_v1_", shape::hex, 64..=64),
    run(DIGITALOCEAN, "doo_v1_", shape::hex, 64..=64),
    run(DIGITALOCEAN, "dor_v1_", shape::hex, 64..=64),
    run(VAULT, "hvs.", shape::base64url, 24..=LONG),
    run(VAULT, "hvb.", shape::base64url, 24..=LONG),
    run(VAULT, "hvr.", shape::base64url, 24..=LONG),
    run("what looks like an npm token", "npm_", shape::alphanumeric, 36..=36),
    run("what looks like a PyPI token", "pypi-A", shape::base64url, 40..=LONG),
    shaped("a private key", "-----BEGIN ", shape::private_key),
    shaped("what looks like a JSON Web Token", "eyJ", shape::json_web_token),
    shaped("a token of Deckwatch", "dw_", shape::deckwatch),
    shaped("what looks like an Infisical token", "st.", shape::infisical),
    run(CLOUDFLARE, "v1.0-", shape::hex_and_dash, 150..=LONG),
    run(CLOUDFLARE, "cfut_", shape::alphanumeric, 40..=LONG),
    run(CLOUDFLARE, "cfat_", shape::alphanumeric, 40..=LONG),
    run(CLOUDFLARE, "cfk_", shape::alphanumeric, 40..=LONG),
    shaped(LOGIN, "Authorization", shape::authorization),
    shaped(LOGIN, "authorization", shape::authorization),
    shaped(LOGIN, "AUTHORIZATION", shape::authorization),
    shaped("a URL with a password", "://", shape::password_in_url),
    run("what looks like an age secret key", "AGE-SECRET-KEY-1", shape::upper, 58..=58),
];
