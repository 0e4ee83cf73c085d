//! Tests of what counts as a secret. Every token is invented. It is assembled at run time, so that no scanner of this
//! repository reports it.

use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::json;

use super::*;

/// A text that looks random but is always the same.
fn noise(length: usize, alphabet: &str) -> String {
    let letters: Vec<char> = alphabet.chars().collect();
    let mut state = 0x9E37_79B9_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap()
    };
    (0..length).map(|_| letters[next() % letters.len()]).collect()
}

const MIXED: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HEX: &str = "0123456789abcdef";

fn known() -> Scan {
    Scan::new(std::iter::empty()).unwrap()
}

fn knowing(values: &[(&str, &str)]) -> Scan {
    Scan::new(values.iter().map(|(name, value)| (*name, value.as_bytes().to_vec()))).unwrap()
}

fn deckwatch_token() -> String {
    let signed = format!("dw_01JD{}_{}", noise(22, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), noise(48, HEX));
    format!("{signed}{}", &shape::hex_of_sha256(&signed)[..8])
}

fn json_web_token() -> String {
    use base64::Engine as _;
    let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part(r#"{"alg":"HS256","typ":"JWT"}"#), part(r#"{"sub":"1234567890"}"#), noise(43, MIXED))
}

fn base64_of(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// A secret of each kind, with a part of the kind's description.
fn of_each_kind() -> Vec<(&'static str, String)> {
    let prefixed = |prefix: &str, length: usize| format!("{prefix}{}", noise(length, MIXED));
    vec![
        ("AWS access key", format!("AKIA{}", noise(16, UPPER))),
        ("AWS secret access key", format!("aws_secret_access_key = {}", noise(40, MIXED))),
        ("GitHub token", prefixed("ghp_", 36)),
        ("GitHub token", prefixed("gho_", 36)),
        ("GitHub token", prefixed("ghs_", 36)),
        ("GitHub token", format!("github_pat_{}_{}", noise(22, MIXED), noise(59, MIXED))),
        ("GitLab token", prefixed("glpat-", 20)),
        ("Slack token", format!("xoxb-{}-{}-{}", noise(12, "0123456789"), noise(12, "0123456789"), noise(24, MIXED))),
        (
            "Slack webhook",
            format!("https://hooks.slack.com/services/T{}/B{}/{}", noise(9, UPPER), noise(9, UPPER), noise(24, MIXED)),
        ),
        ("Stripe live key", prefixed("sk_live_", 24)),
        ("Stripe live key", prefixed("rk_live_", 24)),
        ("Anthropic key", prefixed("sk-ant-api03-", 93)),
        ("OpenAI key", prefixed("sk-proj-", 80)),
        ("OpenAI key", prefixed("sk-", 48)),
        ("Google API key", prefixed("AIza", 35)),
        ("npm token", prefixed("npm_", 36)),
        ("PyPI token", prefixed("pypi-AgEIcHlwaS5vcmc", 120)),
        ("private key", format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n", noise(70, MIXED))),
        ("private key", format!("-----BEGIN PRIVATE KEY-----\\n{}\\n-----END", noise(64, MIXED))),
        ("JSON Web Token", json_web_token()),
        ("Deckwatch", deckwatch_token()),
        ("Infisical token", format!("st.{}.{}.{}", noise(24, HEX), noise(32, HEX), noise(32, HEX))),
        ("URL with a password", format!("postgres://app:{}@db.example.com:5432/app", noise(16, MIXED))),
        ("GitLab token", prefixed("glrt-", 20)),
        ("GitLab token", prefixed("glptt-", 40)),
        ("Stripe test key", prefixed("sk_test_", 24)),
        ("Stripe test key", prefixed("rk_test_", 24)),
        ("Stripe webhook secret", prefixed("whsec_", 32)),
        ("Hugging Face token", prefixed("hf_", 34)),
        ("SendGrid key", format!("SG.{}.{}", noise(22, MIXED), noise(43, MIXED))),
        ("DigitalOcean token", format!("dop_v1_{}", noise(64, HEX))),
        ("HashiCorp Vault token", prefixed("hvs.", 90)),
        ("Authorization header", format!("Authorization: Bearer {}", noise(32, MIXED))),
        ("Authorization header", format!("\"authorization\": \"bearer {}\"", noise(40, HEX))),
        ("Authorization header", format!("Authorization: Basic {}", base64_of("ann:tr0ub4dor&3"))),
        ("age secret key", format!("AGE-SECRET-KEY-1{}", noise(58, UPPER))),
    ]
}

#[test]
fn every_known_kind_is_found_at_every_position_of_a_text() {
    let scan = known();
    for (kind, secret) in of_each_kind() {
        for text in
            [secret.clone(), format!("export X=\"{secret}\" # new"), format!("use {secret}."), format!("({secret})")]
        {
            let found = scan.in_text(&text).unwrap_or_else(|| panic!("{kind} in {text}"));
            assert!(found.contains(kind), "{found} for {text}");
            assert!(!found.contains(&secret), "{found}");
        }
    }
}

#[test]
fn placeholders_hashes_and_names_are_accepted() {
    let scan = known();
    let sha = noise(64, HEX);
    for text in [
        "sk-...",
        "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "ghp_<your token>",
        "export GITHUB_TOKEN=ghp_yourtokenyourtokenyourtokenyourtoken1",
        "AKIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "aws_secret_access_key is read from the vault",
        &sha,
        &format!("sha256:{sha}"),
        "corr_0a0b0c0d-0000-4000-8000-000000000001",
        "sess_01JD0000000000000000000001",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
        "task-management-and-disk-usage-2024-report-final",
        "the class sk-loading-spinner-container-wrapper-2",
        "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
        "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ2hlY2tlZA\n-----END CERTIFICATE-----",
        "postgres://user:password@localhost/db",
        "postgres://postgres:postgres@localhost/db",
        "https://${USER}:${PASS}@example.com and https://<user>:<password>@example.com",
        "https://example.com/a:b@c and git@github.com:org/repo.git",
        "eyJ is how a token begins, eyJhbGciOiJIUzI1NiJ9 its header",
        "dw_token and dw_01JD0000000000000000000001_ffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "npm_config_registry and npm_lifecycle_event",
        "first. last. best.",
        "hf_... and hf_hub_download(repo_id), hf_transformers_library_of_many_models_and_more",
        "SG. is short for Singapore; SG.<id>.<secret>, SG.actors.and.others",
        "dop_v1_... is how they begin, whsec_..., hvs.<token>, hvs.the_name_of_it",
        "sk_test_yourkeyyourkeyyourkey1 and sk_test_... and rk_test_xxxxxxxxxxxxxxxxxxxxxxxx",
        "glrt-... for runners, gldt-deploy-token-of-yours-goes-here",
        "Authorization: Bearer <token>, Authorization: Bearer $CONTEXT_API_KEY, Authorization: Bearer ...",
        "Authorization: Bearer YOUR_ACCESS_TOKEN_GOES_HERE_1 and Authorization: Bearer ${{ secrets.TOKEN_2 }}",
        "authorization is checked per request; Authorization: basic authentication of all the others",
        &format!("Authorization: Basic {}", base64_of("user:password")),
        &format!("Authorization: Basic {}", base64_of("Aladdin:open sesame")),
        "pypi-simple, xoxb-..., AIza...",
    ] {
        assert_eq!(scan.in_text(text), None, "{text}");
    }
}

#[test]
fn known_kinds_are_found_in_other_notations() {
    let (key, token) = (noise(40, MIXED), format!("ghp_{}", noise(36, MIXED)));
    let google = format!("AIza{}", noise(35, MIXED));
    let bearer = format!("Bearer {}", noise(32, MIXED));
    let wrapped = |text: &str, between: &str| {
        let lines: Vec<String> = text.as_bytes().chunks(19).map(|line| String::from_utf8_lossy(line).into()).collect();
        lines.join(between)
    };
    let config = format!(r#"{{"auths":{{"ghcr.io":{{"auth":"{}"}}}}}}"#, base64_of(&format!("ann:{token}")));
    for (text, kind) in [
        (base64_of(&base64_of(&format!("token: {token}"))), "GitHub token"),
        (base64_of(&wrapped(&base64_of(&format!("token: {token}")), "\n")), "GitHub token"),
        (base64_of(&config), "GitHub token"),
        (format!("_{google}_"), "Google API key"),
        (format!("__{google}__ and {google}"), "Google API key"),
        (format!("{google}-old"), "Google API key"),
        (format!("<SecretAccessKey>{key}</SecretAccessKey>"), "AWS secret access key"),
        (format!("secretAccessKey: '{key}',"), "AWS secret access key"),
        (format!("'secret_access_key' => '{key}'"), "AWS secret access key"),
        (format!("aws_secret_access_key: `{key}`"), "AWS secret access key"),
        (format!("| AWS_SECRET_ACCESS_KEY | {key} |"), "AWS secret access key"),
        (format!("--aws-secret-access-key {key}"), "AWS secret access key"),
        (format!("**Secret access key**: {key}"), "AWS secret access key"),
        (format!("xoxc-{}-{}", noise(12, "0123456789"), noise(40, HEX)), "Slack token"),
        (format!("d=xoxd-{}%2F{}%3D", noise(12, MIXED), noise(30, MIXED)), "Slack token"),
        (format!("headers['Authorization'] = '{bearer}'"), "Authorization header"),
        (format!("| Authorization | {bearer} |"), "Authorization header"),
        (format!("**Authorization**: `{bearer}`"), "Authorization header"),
        (format!("Authorization:\u{a0}{bearer}"), "Authorization header"),
        (format!("aws_secret_access_key\n    {key}"), "AWS secret access key"),
        (format!("> {}", wrapped(&token, "\n> ")), "GitHub token"),
        (format!("> > {}", wrapped(&base64_of(&format!("token: {token}")), "\n> > ")), "GitHub token"),
    ] {
        let found = in_text(&text).unwrap_or_else(|| panic!("{kind} in {text}"));
        assert!(found.contains(kind), "{found} for {text}");
    }
    for text in [
        format!("secret access key of {} and secretAccessKey: {}", noise(40, HEX), noise(64, HEX)),
        "| AWS_SECRET_ACCESS_KEY | the key with which the backup is written |".to_owned(),
        "secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY, secret_access_key = var.secret_access_key_of_backup"
            .to_owned(),
        "the-secret-access-key-of-the-continuous-integration-user-in-the-account".to_owned(),
        "<SecretAccessKey>...</SecretAccessKey> and xoxc-... and xoxd-your-cookie-goes-here-in-full".to_owned(),
        "> words in a\n> quotation sk-\n> loading spinner".to_owned(),
        "| Authorization | Bearer <token> |, headers['Authorization'] = `Bearer ${token}`".to_owned(),
        base64_of(&base64_of("nothing but a few words that are no secret at all")),
    ] {
        assert_eq!(in_text(&text), None, "{text}");
    }
}

#[test]
fn image_digests_lists_names_and_examples_are_accepted() {
    let sha = noise(64, HEX);
    let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let of_example = part(r#"{"sub":"1234567890","name":"John Doe","iat":1516239022}"#);
    let header = part(r#"{"alg":"HS256","typ":"JWT"}"#);
    let url = |password: &str| format!("postgres://app:{password}@db.internal:5432/app");
    let mut texts = vec![
        format!("docker://alpine:3.18@sha256:{sha} and docker-image://debian:bookworm-slim@sha256:{sha}"),
        "docker://alpine:3.18@sha256:...".to_owned(),
        "Write to http://localhost:3000,ops@example.com or http://localhost:8080;ops@example.com".to_owned(),
        format!("aws_secret_access_key {}", noise(40, HEX)),
        format!("{header}.{of_example}.{}", noise(43, MIXED)),
        format!("{header}.{}.your-256-bit-signature", part(r#"{"sub":"12345"}"#)),
        "Authorization: Bearer tokens-are-rotated-every-30-days".to_owned(),
        "grep '-----BEGIN OPENSSH PRIVATE KEY-----' /home/ann/projects/deckwatch2/keys".to_owned(),
        "grep '-----BEGIN RSA PRIVATE KEY-----' /Users/ann/Projects/deckwatch2/keys".to_owned(),
        "The line -----BEGIN PRIVATE KEY----- leads to an AuthenticationFailureException there".to_owned(),
    ];
    texts.extend(
        ["REDACTED", "your_password", "placeholder", "example", "TOKEN", "DB_PASSWORD", "__PASSWORD__", "\\${PASS}"]
            .map(url),
    );
    texts.extend(["…", "ab…", "••••", "my-secret", "api_key", "xxxxxx", "<password>", "___"].map(url));
    for text in texts {
        assert_eq!(in_text(&text), None, "{text}");
    }
    // Secrets that are similar to these texts are still found.
    for text in [
        url("tr0ub4dor-key"),
        url("1234abcd,"),
        url("p4ss_word"),
        url("12345678,9"),
        format!("Authorization: Bearer {}-12-ab", noise(20, MIXED)),
        format!("Authorization: Bearer {}-1111-4b5d-8c9e-123456789012", noise(8, HEX)),
        format!("{header}.{}.{}", part(r#"{"sub":"1234567890","name":"Ann"}"#), noise(43, MIXED)),
        format!("grep '-----BEGIN PRIVATE KEY-----' /home/ann/x\n{}", noise(64, MIXED)),
        format!("-----BEGIN PRIVATE KEY-----\n/{}", noise(63, MIXED)),
    ] {
        assert!(in_text(&text).is_some(), "{text}");
    }
}

#[test]
fn invisible_characters_do_not_hide_a_secret() {
    let value = "correct horse-battery";
    let scan = knowing(&[("DB_PASSWORD", value)]);
    let token = format!("ghp_{}", noise(36, MIXED));
    for invisible in [
        "\u{200b}",
        "\u{2060}",
        "\u{ad}",
        "\u{feff}",
        "\u{200d}",
        "\u{fe0f}",
        "\u{202e}",
        "\u{e0041}",
        "\0",
        "\u{1b}[0m",
        "\u{1b}]0;title\u{7}",
        "\u{9b}1m",
        "%E2%80%8B",
        "\\u200b",
    ] {
        let split = |text: &str, at: usize| format!("It is {}{invisible}{} now.", &text[..at], &text[at..]);
        for at in [2, 4, 20] {
            let found = scan.in_text(&split(&token, at));
            assert_eq!(found.as_deref(), Some("what looks like a GitHub token"), "{invisible:?} at {at}");
        }
        let found = scan.in_text(&split(value, 9));
        assert_eq!(found.as_deref(), Some("the value of the variable DB_PASSWORD"), "{invisible:?}");
    }
    assert!(scan.in_text("correct \n\t horse-battery").is_some(), "a title is shown on one line");
    assert_eq!(scan.in_text("👩\u{200d}💻 writes \u{200b}ghp_ and\u{2060} nothing else"), None);
}

#[test]
fn a_finding_names_the_field_and_never_the_value() {
    let token = format!("ghp_{}", noise(36, MIXED));
    let mut body = json!({"session_id": "sess_x", "handoff": {"summary": "ok", "blocked": [format!("needs {token}")],
        "extra": {"a/b~c": {"n": token}}}});
    body["handoff"]["extra"][&token] = json!({"below": token});
    let found = known().in_value(&body, "");
    let mut pointers: Vec<&str> = found.iter().map(|finding| finding.pointer.as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/handoff/blocked/0", "/handoff/extra", "/handoff/extra/a~1b~0c/n"]);
    for finding in &found {
        assert!(!finding.to_string().contains(&token[4..]), "{finding}");
    }
}

#[test]
fn a_secret_in_name_and_value_or_in_the_items_of_a_list_is_found() {
    let (key, bearer) = (noise(40, MIXED), format!("Bearer {}", noise(32, MIXED)));
    let token = format!("ghp_{}", noise(36, MIXED));
    for (body, pointer, kind) in [
        (json!({"extra": {"AWS_SECRET_ACCESS_KEY": key}}), "/extra/AWS_SECRET_ACCESS_KEY", "AWS secret access key"),
        (json!({"Credentials": {"SecretAccessKey": key}}), "/Credentials/SecretAccessKey", "AWS secret access key"),
        (json!({"headers": {"Authorization": bearer}}), "/headers/Authorization", "Authorization header"),
        (json!({"headers": {"authorization": [bearer]}}), "/headers/authorization/0", "Authorization header"),
        (json!({"headers": ["Authorization", bearer]}), "/headers", "Authorization header"),
        (json!([{"name": "Authorization", "value": bearer}]), "/0/value", "Authorization header"),
        (json!({"env": [{"value": key, "name": "AWS_SECRET_ACCESS_KEY"}]}), "/env/0/value", "AWS secret access key"),
        (json!({"pem": ["-----BEGIN PRIVATE KEY-----", noise(64, MIXED), "-----END"]}), "/pem", "private key"),
        (json!({"cut": [&token[..20], &token[20..]]}), "/cut", "GitHub token"),
        (json!({"list": ["one", {"two": [token]}, 3]}), "/list/1/two/0", "GitHub token"),
        (json!({"\u{1b}]0;": token}), "/\u{1b}]0;", "GitHub token"),
    ] {
        let found = known().in_value(&body, "");
        assert_eq!(found.len(), 1, "{body}: {found:?}");
        assert_eq!(found[0].pointer, pointer);
        assert!(found[0].kind.contains(kind), "{found:?}");
    }
    for body in [
        json!({"authorization": "checked per request", "aws_secret_access_key": "read from the vault"}),
        json!({"tags": ["sk-", "loading", "spinner2"], "Authorization": "Bearer <token>"}),
        json!({"authorization": {"name": "bearer", "value": "a word"}, "lines": ["hf_", "transformers and models"]}),
        json!({"value": "x", "commits": [noise(40, HEX), noise(64, HEX)]}),
    ] {
        assert_eq!(known().in_value(&body, ""), [], "{body}");
    }
}

#[test]
fn the_number_of_findings_is_bounded() {
    let lines: Vec<String> = of_each_kind().into_iter().map(|(_, secret)| secret).collect();
    assert_eq!(known().in_value(&json!({"tags": lines}), "").len(), MAX_FINDINGS);
}

#[test]
fn the_largest_handoff_is_searched_quickly() {
    let line = "first. The task-list of sk-learn is at https://example.com/eyJ/st.html, 100% \\n done.\n";
    let text = line.repeat(800 * 1024 / line.len());
    let scan = knowing(&[("DB_PASSWORD", "correct horse battery"), ("API", "zu7hs82hs92hs8")]);
    let started = Instant::now();
    assert_eq!(scan.in_text(&text), None);
    // An optimised build needs milliseconds. A test is not optimised, and its machine may be busy.
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

/// The time is compared with that of prose, because a test is not optimised and its machine may be busy. When every
/// view of every text was searched, the time was up to twenty times as long.
#[test]
fn escapes_and_base64_take_a_few_times_as_long_as_prose() {
    const BYTES: usize = 300 * 1024;
    let escapes = "%41 \\u0025 \u{200b} \\\\ ";
    let data = noise(BYTES, &format!("{MIXED}+/"));
    let pieces = |size: usize, between: &str| {
        let pieces: Vec<&str> = (0..BYTES / size).map(|n| &data[n * size..(n + 1) * size]).collect();
        pieces.join(between)
    };
    let fastest = |text: &str| {
        let timed = || {
            let started = Instant::now();
            assert_eq!(in_text(text), None);
            started.elapsed()
        };
        (0..3).map(|_| timed()).min().unwrap()
    };
    let line = "A line of prose about nothing in particular, at https://example.com/page.html.\n";
    let prose = fastest(&line.repeat(BYTES / line.len()));
    let log = "2026-01-01T00:00:00Z GET /a%20b?x=%7B%22a%22%7D \\\"ua\\\" 200 12ms\u{1b}[0m\n";
    for (name, text) in [
        ("base64 with a few escapes", format!("{escapes}{data}{escapes}{escapes}")),
        ("base64 with many escapes", pieces(8_000, escapes)),
        ("base64 in lines", pieces(76, "\n")),
        ("a page with an image", format!("<p>100% \\ a%20b</p><img src=\"data:image/png;base64,{data}\">")),
        ("an escaped notebook", "    \"x = df[\\\"a\\\"]\\n\",\n".repeat(BYTES / 27)),
        ("a log", log.repeat(BYTES / log.len())),
        ("nothing but escapes", "%25\\u005c\u{200b}%e2".repeat(BYTES / 15)),
    ] {
        let took = fastest(&text);
        eprintln!("{name}: {took:?}, prose {prose:?}");
        assert!(took < prose * 8, "{name}: {took:?}, prose {prose:?}");
    }
}

#[test]
fn line_breaks_encodings_and_full_width_letters_do_not_hide_a_secret() {
    let token = format!("ghp_{}", noise(36, MIXED));
    let wide: String = token.chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap()).collect();
    let in_mail = base64_of(&format!("token: {token}\n"));
    let percent = |text: &str| text.bytes().fold(String::new(), |text, b| text + &format!("%{b:02X}"));
    for text in [
        wide,
        format!("{}\n    {}", &token[..20], &token[20..]),
        format!("{}\r\n{}", &token[..20], &token[20..]),
        format!("{}\\\n{}", &token[..20], &token[20..]),
        format!("{}\u{2028}{}", &token[..20], &token[20..]),
        in_mail.clone(),
        format!("key={in_mail}"),
        format!("path/{in_mail}"),
        format!("{}\n{}", &in_mail[..24], &in_mail[24..]),
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(format!("??>{token}")),
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(format!("x {token} x").as_bytes()) + "==",
        percent(&token),
        percent(&percent(&token)),
        token.replace('_', "\\u005f"),
        percent(&token.replace('_', "\\u005f")),
        format!("{}{token}", "first. last. ".repeat(40_000)),
        format!("{0}{1}{0}", "first. last. ".repeat(4_000), token.replace('_', "%5f")),
        format!("{0}{1}{0}", "first 100% \\n last. ".repeat(4_000), token.replace('_', "%5Cu005F")),
        format!("{} {}", "%41\\n".repeat(2_000), percent(&in_mail)),
    ] {
        let found = in_text(&text).unwrap_or_else(|| panic!("{}", &text[..text.len().min(80)]));
        assert!(found.contains("GitHub token"), "{found}");
    }
}

#[test]
fn a_value_that_contains_an_escape_like_text_is_found() {
    let scan = knowing(&[("A", "pa%41ss\"word-1"), ("B", "C:\\users\\b")]);
    for (text, name) in [
        (r#"{"password":"pa%41ss\"word-1"}"#, "variable A"),
        ("It is C%3A\\users\\b today.", "variable B"),
        (r"It is C:\users\b, 100%41 sure.", "variable B"),
    ] {
        assert!(scan.in_text(text).is_some_and(|found| found.contains(name)), "{text}");
    }
}

#[test]
fn words_of_neighbouring_lines_are_not_joined_to_a_secret() {
    for text in [
        "sk-loading\nspinner2\ncontainer\nwrapper",
        "hf_\ntransformers and their many models",
        "st.\nsession_token.authentication_of_2",
        "npm_\nconfig_registry",
    ] {
        assert_eq!(in_text(text), None, "{text}");
    }
}

/// Searches all files that git tracks, such as documents, sources and lock files with hashes, and the log of the
/// commits.
#[test]
fn this_repository_contains_no_secret() {
    let git = |args: &[&str]| {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let output = std::process::Command::new("git").args(args).current_dir(root).output().unwrap();
        (root, String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (root, files) = git(&["ls-files"]);
    // These tests contain invented secrets on purpose.
    let with_invented_secrets = [
        "machine/src/checkout/remote.rs",
        "machine/src/checkout/tests.rs",
        "mcp-server/tests/golden/tools/errors.txt",
        "mcp-server/tests/it/answers/errors.rs",
        "mcp-server/tests/it/github.rs",
        "mcp-server/tests/it/secrets.rs",
    ];
    let mut found = Vec::new();
    for file in files.lines().filter(|file| !with_invented_secrets.contains(file)) {
        let Ok(text) = std::fs::read_to_string(format!("{root}/{file}")) else { continue };
        found.extend(in_text(&text).map(|kind| format!("{file}: {kind}")));
    }
    found.extend(in_text(&git(&["log", "--format=%H %T %P %s %b"]).1).map(|kind| format!("the log: {kind}")));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_text_of_many_prefixes_is_searched_quickly() {
    let prefixes = RULES.iter().map(|rule| format!("-{}", rule.prefix));
    let others =
        ["-----BEGIN PRIVATE KEY-----", "%25", "\\u005c", "\u{200b}%e2", "-eyJhbGciOiJub25lIn0.", "A", "a-\n", "ｇ"];
    for piece in prefixes.chain(others.map(str::to_owned)) {
        let text = piece.repeat(100 * 1024 / piece.len());
        let started = Instant::now();
        let _ = in_text(&text);
        let took = started.elapsed();
        // A test is not optimised, and its machine may be busy. With quadratic growth, this would take minutes.
        assert!(took < Duration::from_secs(5), "{piece}: {took:?}");
        eprintln!("{piece} {took:?}");
    }
}

#[test]
fn every_kind_is_named_in_the_documentation() {
    let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/secrets.md")).unwrap();
    let docs = docs.split_whitespace().collect::<Vec<_>>().join(" ");
    for kind in kinds() {
        let name = kind.trim_start_matches("what looks like ").trim_start_matches("an ").trim_start_matches("a ");
        assert!(docs.contains(name), "{name}");
    }
}
