//! Names under which secrets are kept. A file so named is never opened.

use super::places;

/// Endings of key files and key stores.
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
/// Whole names.
const NAMES: [&str; 16] = [
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
];
/// Beginnings of names.
const BEGINNINGS: [&str; 6] = [".env", ".dev.vars.", "id_", "credentials", "service-account", "service_account"];
/// Words of a name whose file holds data, not code.
const WORDS: [&str; 8] =
    ["secret", "secrets", "credential", "credentials", "password", "passwords", "passwd", "apikey"];
/// Endings of code and prose: `secrets.rs` is about secrets and holds none.
const CODE: [&str; 16] =
    ["rs", "ts", "tsx", "js", "jsx", "mjs", "cjs", "mts", "cts", "py", "go", "sql", "prisma", "md", "sh", "html"];
/// Folders that hold nothing else.
const FOLDERS: [&str; 6] = [".ssh", ".gnupg", ".aws", ".azure", ".kube", ".secrets"];

/// Whether a file may hold a secret, by its name and the names of its folders.
pub(super) fn looks_secret(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let name = places::name(&path);
    NAMES.contains(&name)
        || name.starts_with(".env.")
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
        || !CODE.contains(&places::ending(&path)) && tells_of_secrets(&path)
}

/// Whether names speak of secrets, as those of code about them do too.
fn tells_of_secrets(path: &str) -> bool {
    BEGINNINGS.iter().any(|beginning| places::name(path).starts_with(beginning))
        || path.split(['/', '.', '-', '_']).any(|word| WORDS.contains(&word))
}

/// Whether a folder of this name holds secrets whatever its files are called.
pub(super) fn is_secret_folder(name: &str) -> bool {
    FOLDERS.contains(&name.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_known_in_any_case() {
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
            assert!(looks_secret(name), "{name}");
        }
    }

    #[test]
    fn code_about_secrets_is_code() {
        for name in [
            "secrets.rs",
            "credentials.ts",
            "password.py",
            "id_map.go",
            "README.md",
            "package.json",
            "env.rs",
            "src/secrets/mod.rs",
        ] {
            assert!(!looks_secret(name), "{name}");
        }
    }
}
