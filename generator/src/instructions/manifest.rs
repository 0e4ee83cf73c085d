//! Reads manifests: Cargo.toml, package.json, pyproject.toml, go.mod.

use serde_json::Value;

use crate::paths;

/// The maximum number of workspace members that are listed.
const MAX_MEMBERS: usize = 12;

/// A package or workspace that a manifest declares.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) path: String,
    pub(super) kind: &'static str,
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    /// The folders of the workspace members, or patterns for them.
    pub(super) members: Vec<String>,
    /// The scripts: names and commands.
    pub(super) scripts: Vec<(String, String)>,
}

/// The manifest can't be parsed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Package {
    /// A description on one line, with the workspace members.
    pub(super) fn summary(&self) -> String {
        let mut summary: Vec<String> = self.description.iter().cloned().collect();
        if !self.members.is_empty() {
            let more = self.members.len().saturating_sub(MAX_MEMBERS);
            let names: Vec<&str> = self.members.iter().take(MAX_MEMBERS).map(String::as_str).collect();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            summary.push(format!("Workspace of {}{more}.", names.join(", ")));
        }
        summary.join(" ")
    }
}

/// Whether a file is a manifest.
pub(super) fn is_manifest(path: &str) -> bool {
    matches!(paths::name(path), "Cargo.toml" | "package.json" | "pyproject.toml" | "go.mod")
}

/// The package that a manifest declares. `None` if it declares none.
pub(super) fn parse(path: &str, text: &str) -> Result<Option<Package>, Malformed> {
    let toml = || toml_edit::de::from_str::<Value>(text).map_err(|_| Malformed);
    let package = match paths::name(path) {
        "Cargo.toml" => cargo(&toml()?),
        "pyproject.toml" => python(&toml()?),
        "package.json" => node(&serde_json::from_str(text).map_err(|_| Malformed)?),
        _ => go(text),
    };
    Ok(package.map(|package| Package { path: path.to_owned(), ..package }))
}

fn cargo(manifest: &Value) -> Option<Package> {
    let package = manifest.get("package");
    let members = strings(manifest.pointer("/workspace/members"));
    (package.is_some() || !members.is_empty()).then(|| Package {
        path: String::new(),
        kind: if package.is_some() { "Rust crate" } else { "Rust workspace" },
        name: text(package.and_then(|package| package.get("name"))),
        description: text(package.and_then(|package| package.get("description"))),
        members,
        scripts: Vec::new(),
    })
}

fn node(manifest: &Value) -> Option<Package> {
    let workspaces = manifest.get("workspaces");
    let members = strings(workspaces.and_then(|list| list.get("packages")).or(workspaces));
    let package = Package {
        path: String::new(),
        kind: "npm package",
        name: text(manifest.get("name")),
        description: text(manifest.get("description")),
        members,
        scripts: pairs(manifest.get("scripts")),
    };
    let is_package = package.name.is_some() || !package.members.is_empty() || !package.scripts.is_empty();
    is_package.then_some(package)
}

fn python(manifest: &Value) -> Option<Package> {
    let project = manifest.get("project").or_else(|| manifest.pointer("/tool/poetry"))?;
    let scripts = project.get("scripts");
    Some(Package {
        path: String::new(),
        kind: "Python project",
        name: text(project.get("name")),
        description: text(project.get("description")),
        members: strings(manifest.pointer("/tool/uv/workspace/members")),
        scripts: pairs(scripts),
    })
}

fn go(manifest: &str) -> Option<Package> {
    let module = manifest.lines().find_map(|line| line.trim().strip_prefix("module "))?;
    Some(Package {
        path: String::new(),
        kind: "Go module",
        name: Some(module.trim().trim_matches('"').to_owned()),
        description: None,
        members: Vec::new(),
        scripts: Vec::new(),
    })
}

fn text(value: Option<&Value>) -> Option<String> {
    value?.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The members of an object that are strings, sorted by name.
fn pairs(value: Option<&Value>) -> Vec<(String, String)> {
    let entries = value.and_then(Value::as_object).into_iter().flatten();
    let mut pairs: Vec<_> =
        entries.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect();
    pairs.sort_unstable();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(path: &str, text: &str) -> Package {
        parse(path, text).unwrap().unwrap()
    }

    #[test]
    fn the_name_and_members_of_each_kind_of_manifest_are_read() {
        let rust = parsed(
            "Cargo.toml",
            "[workspace]\nmembers = [\"a\", \"b\"]\n[package]\nname = \"x\"\ndescription = \"D.\"",
        );
        assert_eq!((rust.name.as_deref(), rust.summary().as_str()), (Some("x"), "D. Workspace of a, b."));
        let inherited = parsed("Cargo.toml", "[package]\nname = \"x\"\ndescription.workspace = true");
        assert_eq!(inherited.description, None);
        let node = parsed(
            "web/package.json",
            r#"{"workspaces":{"packages":["p/*"]},"scripts":{"test":"vitest","build":"tsc"}}"#,
        );
        assert_eq!((node.path.as_str(), node.summary().as_str()), ("web/package.json", "Workspace of p/*."));
        assert_eq!(node.scripts, [("build".into(), "tsc".into()), ("test".into(), "vitest".into())]);
        let python = parsed("pyproject.toml", "[project]\nname = \"p\"\n[project.scripts]\nserve = \"p.main:run\"");
        assert_eq!((python.kind, python.scripts.len()), ("Python project", 1));
        assert_eq!(parsed("go.mod", "// x\nmodule example.org/m\n\ngo 1.24\n").name.as_deref(), Some("example.org/m"));
    }

    #[test]
    fn a_malformed_manifest_is_an_error_and_one_without_a_package_is_none() {
        assert_eq!(parse("package.json", "{"), Err(Malformed));
        assert_eq!(parse("Cargo.toml", "[package"), Err(Malformed));
        assert_eq!(parse("pyproject.toml", "[tool.ruff]\nline-length = 9"), Ok(None));
        assert_eq!(parse("package.json", &"[".repeat(100_000)), Err(Malformed));
        assert_eq!(parse("Cargo.toml", &format!("a = {}", "[".repeat(100_000))), Err(Malformed));
    }
}
