//! The known kinds of secrets: the prefix of each, and the pattern after it.

use std::ops::RangeInclusive;

use deckwatch_protocol::cut;

use crate::shape;

/// A rule for one kind of secret with one prefix.
pub(super) struct Rule {
    /// The kind of secret, worded as a part of a sentence.
    pub(super) kind: &'static str,
    /// The text that every secret of this kind starts with.
    pub(super) prefix: &'static str,
    pattern: Pattern,
}

/// The condition that the text after the prefix must meet.
enum Pattern {
    /// A random-looking run of this length in this alphabet. A character outside the alphabet must follow.
    Run(fn(u8) -> bool, RangeInclusive<usize>),
    /// A function decides. It gets the text before the prefix, and the text that starts with the prefix.
    Shape(fn(&str, &str) -> bool),
}

impl Rule {
    /// Whether a secret of this kind starts at `start`, where its prefix was found. It checks only a limited part of
    /// the text, so that a text of many prefixes does not take longer than any other.
    pub(super) fn fits(&self, text: &str, start: usize) -> bool {
        let Some((before, from)) = text.split_at_checked(start) else { return false };
        match &self.pattern {
            Pattern::Shape(fits) => fits(before, cut::to_bytes(from, MAX_SHAPE_BYTES)),
            Pattern::Run(alphabet, length) => {
                let after = from.get(self.prefix.len()..).unwrap_or_default();
                let run = shape::run(cut::to_bytes(after, MAX_RUN), *alphabet);
                shape::starts_a_word(before) && length.contains(&run.len()) && shape::is_random(run)
            }
        }
    }

    /// Whether the rule is also used on a text whose lines were joined. This is safe if two words that become
    /// neighbours can't look like a secret of this kind.
    pub(super) fn spans_lines(&self) -> bool {
        let is_strict = ["eyJ", "dw_", "SG."].contains(&self.prefix);
        is_strict || matches!(self.pattern, Pattern::Run(..))
    }
}

/// The maximum length of a run that is checked, in bytes. A longer run counts as this long.
const MAX_RUN: usize = 512;
/// The maximum size of the text that a shape function gets, in bytes.
const MAX_SHAPE_BYTES: usize = 2_048;

const fn run(
    kind: &'static str,
    prefix: &'static str,
    alphabet: fn(u8) -> bool,
    length: RangeInclusive<usize>,
) -> Rule {
    Rule { kind, prefix, pattern: Pattern::Run(alphabet, length) }
}

const fn shaped(kind: &'static str, prefix: &'static str, fits: fn(&str, &str) -> bool) -> Rule {
    Rule { kind, prefix, pattern: Pattern::Shape(fits) }
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
const AUTHORIZATION: &str = "an Authorization header with its credentials";
const OPENAI: &str = "what looks like an OpenAI key";
const CLOUDFLARE: &str = "what looks like a Cloudflare key";

/// The rules for all known kinds.
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
    run(GITHUB, "ghp_", shape::alphanumeric, 36..=MAX_RUN),
    run(GITHUB, "gho_", shape::alphanumeric, 36..=MAX_RUN),
    run(GITHUB, "ghu_", shape::alphanumeric, 36..=MAX_RUN),
    run(GITHUB, "ghs_", shape::alphanumeric, 36..=MAX_RUN),
    run(GITHUB, "ghr_", shape::alphanumeric, 36..=MAX_RUN),
    run(GITHUB, "github_pat_", shape::word, 60..=MAX_RUN),
    run(GITLAB, "glpat-", shape::base64url, 20..=MAX_RUN),
    run(GITLAB, "glrt-", shape::base64url, 20..=MAX_RUN),
    run(GITLAB, "gldt-", shape::base64url, 20..=MAX_RUN),
    run(GITLAB, "glptt-", shape::base64url, 20..=MAX_RUN),
    run(GITLAB, "glsoat-", shape::base64url, 20..=MAX_RUN),
    run(GITLAB, "glcbt-", shape::base64url, 20..=MAX_RUN),
    run(GITLAB, "glimt-", shape::base64url, 20..=MAX_RUN),
    run(GITLAB, "glft-", shape::base64url, 20..=MAX_RUN),
    run(GITLAB, "glagent-", shape::base64url, 20..=MAX_RUN),
    run(GITLAB, "gloas-", shape::base64url, 20..=MAX_RUN),
    run(SLACK, "xoxa-", shape::slack, 20..=MAX_RUN),
    run(SLACK, "xoxb-", shape::slack, 20..=MAX_RUN),
    run(SLACK, "xoxc-", shape::slack, 20..=MAX_RUN),
    run(SLACK, "xoxd-", shape::slack_cookie, 20..=MAX_RUN),
    run(SLACK, "xoxe-", shape::slack, 20..=MAX_RUN),
    run(SLACK, "xoxp-", shape::slack, 20..=MAX_RUN),
    run(SLACK, "xoxr-", shape::slack, 20..=MAX_RUN),
    run(SLACK, "xoxs-", shape::slack, 20..=MAX_RUN),
    run(SLACK, "xapp-", shape::slack, 20..=MAX_RUN),
    shaped("what looks like a Slack webhook", "hooks.slack.com/services/", shape::slack_webhook),
    run(STRIPE, "sk_live_", shape::alphanumeric, 16..=MAX_RUN),
    run(STRIPE, "rk_live_", shape::alphanumeric, 16..=MAX_RUN),
    run(STRIPE_TEST, "sk_test_", shape::alphanumeric, 16..=MAX_RUN),
    run(STRIPE_TEST, "rk_test_", shape::alphanumeric, 16..=MAX_RUN),
    run("what looks like a Stripe webhook secret", "whsec_", shape::base64, 32..=MAX_RUN),
    run("what looks like an Anthropic key", "sk-ant-", shape::base64url, 20..=MAX_RUN),
    run(OPENAI, "sk-proj-", shape::base64url, 20..=MAX_RUN),
    run(OPENAI, "sk-svcacct-", shape::base64url, 20..=MAX_RUN),
    run(OPENAI, "sk-admin-", shape::base64url, 20..=MAX_RUN),
    shaped(OPENAI, "sk-", shape::openai),
    run("what looks like a Google API key", "AIza", shape::base64url, 35..=MAX_RUN),
    run("what looks like a Hugging Face token", "hf_", shape::alphanumeric, 34..=40),
    shaped("what looks like a SendGrid key", "SG.", shape::sendgrid),
    run(DIGITALOCEAN, "dop_v1_", shape::hex, 64..=64),
    run(DIGITALOCEAN, "doo_v1_", shape::hex, 64..=64),
    run(DIGITALOCEAN, "dor_v1_", shape::hex, 64..=64),
    run(VAULT, "hvs.", shape::base64url, 24..=MAX_RUN),
    run(VAULT, "hvb.", shape::base64url, 24..=MAX_RUN),
    run(VAULT, "hvr.", shape::base64url, 24..=MAX_RUN),
    run("what looks like an npm token", "npm_", shape::alphanumeric, 36..=36),
    run("what looks like a PyPI token", "pypi-A", shape::base64url, 40..=MAX_RUN),
    shaped("a private key", "-----BEGIN ", shape::private_key),
    shaped("what looks like a JSON Web Token", "eyJ", shape::json_web_token),
    shaped("a token of Deckwatch", "dw_", shape::deckwatch),
    shaped("what looks like an Infisical token", "st.", shape::infisical),
    run(CLOUDFLARE, "v1.0-", shape::hex_and_dash, 150..=MAX_RUN),
    run(CLOUDFLARE, "cfut_", shape::alphanumeric, 40..=MAX_RUN),
    run(CLOUDFLARE, "cfat_", shape::alphanumeric, 40..=MAX_RUN),
    run(CLOUDFLARE, "cfk_", shape::alphanumeric, 40..=MAX_RUN),
    shaped(AUTHORIZATION, "Authorization", shape::authorization),
    shaped(AUTHORIZATION, "authorization", shape::authorization),
    shaped(AUTHORIZATION, "AUTHORIZATION", shape::authorization),
    shaped("a URL with a password", "://", shape::password_in_url),
    run("what looks like an age secret key", "AGE-SECRET-KEY-1", shape::upper, 58..=58),
];
