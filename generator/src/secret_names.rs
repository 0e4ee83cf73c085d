//! Recognizes the names of files and folders that usually contain secrets. Such a file is never opened.

use super::paths;

/// Name endings of key files and key stores.
const ENDINGS: [&str; 17] = [
    ".pem",
    ".key",
    ".p12",
    ".pfx",
    ".p8",
    ".jks",
    ".keystore",
    ".kdbx",
    ".ppk",
    ".asc",
    ".gpg",
    ".pgp",
    ".ovpn",
    ".tfstate",
    ".tfvars",
    ".htpasswd",
    ".mobileprovision",
];
/// Complete file names.
const NAMES: [&str; 17] = [
    ".npmrc",
    ".netrc",
    "_netrc",
    ".pypirc",
    ".pgpass",
    ".my.cnf",
    ".git-credentials",
    ".dockercfg",
    ".envrc",
    ".dev.vars",
    ".boto",
    ".s3cfg",
    ".htpasswd",
    "kubeconfig",
    ".vault-token",
    ".yarnrc.yml",
    "secret_token.rb",
];
/// Beginnings of file names. The names of SSH keys contain their kind, since `id_ID.json` is an Indonesian translation.
const BEGINNINGS: [&str; 10] = [
    ".env",
    ".dev.vars.",
    "credentials",
    "service-account",
    "service_account",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "id_xmss",
];
/// Words in the path of a file that contains data, not code.
const WORDS: [&str; 8] =
    ["secret", "secrets", "credential", "credentials", "password", "passwords", "passwd", "apikey"];
/// Extensions of code and prose. Code about secrets, such as `secrets.rs`, contains none.
const CODE: [&str; 27] = [
    "rs", "ts", "tsx", "js", "jsx", "mjs", "cjs", "mts", "cts", "py", "go", "rb", "php", "java", "kt", "kts", "cs",
    "swift", "vue", "svelte", "graphql", "gql", "sql", "prisma", "md", "sh", "html",
];
/// Files that describe a package to its tools, which read them from any folder. Their text is public with the package.
const MANIFESTS: [&str; 18] = [
    "cargo.toml",
    "package.json",
    "tsconfig.json",
    "deno.json",
    "pyproject.toml",
    "setup.cfg",
    "go.mod",
    "go.sum",
    "go.work",
    "gemfile",
    "rakefile",
    "makefile",
    "justfile",
    "dockerfile",
    "composer.json",
    "pom.xml",
    "wrangler.toml",
    "wrangler.jsonc",
];
/// Names of folders that contain only secrets.
const FOLDERS: [&str; 6] = [".ssh", ".gnupg", ".aws", ".azure", ".kube", ".secrets"];

/// Whether the path of a file suggests that it contains a secret.
pub(super) fn may_contain_secret(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let name = paths::name(&path);
    NAMES.contains(&name)
        || name.starts_with(".env.")
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
        || !CODE.contains(&paths::extension(&path)) && mentions_secrets(&path)
}

/// Whether a path contains a word for secrets. Code about secrets may have such a path too.
fn mentions_secrets(path: &str) -> bool {
    let name = paths::name(path);
    let begins = || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning));
    let has_word = || path.split(['/', '.', '-', '_']).any(|word| WORDS.contains(&word));
    !MANIFESTS.contains(&name) && (begins() || has_word())
}

/// Whether a folder of this name contains secrets, regardless of the names of its files.
pub(super) fn is_secret_folder(name: &str) -> bool {
    FOLDERS.contains(&name.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_files_are_recognized_in_upper_and_lower_case() {
        for name in [
            ".env",
            ".env.local",
            ".ENV.production",
            ".env.ts",
            ".envrc",
            "server.pem",
            "Server.KEY",
            "id_rsa",
            "id_ed25519",
            "id_ed25519.pub",
            "id_ed25519_work",
            "id_rsa2",
            "config/initializers/secret_token.rb",
            "keys/id_ecdsa-backup.txt",
            "credentials/production.json",
            "crates/credentials/token.toml",
            "credentials",
            "credentials.json",
            "aws-credentials.yml",
            "cert.p12",
            ".npmrc",
            ".netrc",
            ".dev.vars",
            "client_secret.json",
            "secrets.yaml",
            "terraform.tfstate",
            "prod.tfvars",
            "service-account-prod.json",
            "openapi.secret.yaml",
            "passwords.txt",
            "deploy/secrets/openapi.json",
        ] {
            assert!(may_contain_secret(name), "{name}");
        }
    }

    #[test]
    fn code_about_secrets_is_not_taken_for_a_secret() {
        for name in [
            "secrets.rs",
            "credentials.ts",
            "password.py",
            "id_map.go",
            "README.md",
            "package.json",
            "env.rs",
            "src/secrets/mod.rs",
            "crates/credentials/Cargo.toml",
            "packages/secrets/package.json",
            "internal/credentials/go.mod",
            "app/models/credential.rb",
            "src/main/java/app/secret/SecretController.java",
            "locales/id_ID.json",
            "config/locales/id_ID.yml",
            "id_map.json",
        ] {
            assert!(!may_contain_secret(name), "{name}");
        }
    }
}
