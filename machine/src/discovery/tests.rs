//! Tests with real repositories below a dev root.

use std::ffi::OsString;

use super::*;

struct DevRoot(tempfile::TempDir);

impl DevRoot {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, inner: &str) -> PathBuf {
        self.0.path().join(inner)
    }

    fn repository(&self, inner: &str, url: &str) -> PathBuf {
        let dir = self.path(inner);
        std::fs::create_dir_all(&dir).unwrap();
        git(&dir, &["init", "--quiet"]);
        git(&dir, &["remote", "add", "origin", url]);
        dir
    }

    fn find(&self, repos: &[&str]) -> Result<PathBuf, DiscoveryError> {
        let repos = repos.iter().map(|repo| repo.parse().unwrap()).collect();
        let mut venture = VentureEntry::of_repo(&"local/alpha".parse().unwrap()).unwrap();
        venture.repos = repos;
        Repositories::below(self.0.path())?.of_venture(&venture)
    }
}

fn git(dir: &Path, args: &[&str]) {
    let identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"].map(OsString::from);
    let status = Command::new("git").current_dir(dir).args(identity).args(args).status().unwrap();
    assert!(status.success(), "git {args:?}");
}

#[test]
fn a_repository_is_found_by_its_remote_up_to_three_levels_deep() {
    let dev = DevRoot::new();
    let deep = dev.repository("work/clients/whatever", "git@github.com:o/a.js.git");
    dev.repository("work/clients/too/deep", "git@github.com:o/b.git");
    assert_eq!(dev.find(&["O/A.js"]).unwrap(), deep);
    assert!(matches!(dev.find(&["o/b"]), Err(DiscoveryError::NotFound { .. })));
}

#[test]
fn the_first_listed_repository_on_this_machine_is_selected() {
    let dev = DevRoot::new();
    let api = dev.repository("api", "https://github.com/o/api");
    let web = dev.repository("web", "https://github.com/o/web");
    assert_eq!(dev.find(&["o/not-here", "o/web", "o/api"]).unwrap(), web);
    assert_eq!(dev.find(&["o/api", "o/web"]).unwrap(), api);
}

#[test]
fn the_folder_name_selects_a_clone_or_the_error_lists_all() {
    let dev = DevRoot::new();
    let one = dev.repository("one", "https://github.com/o/web");
    let two = dev.repository("two", "https://github.com/o/web");
    let Err(DiscoveryError::Several { paths, .. }) = dev.find(&["o/web"]) else { panic!("one was chosen") };
    assert_eq!(paths, [one, two]);

    let by_code = dev.repository("alpha", "https://github.com/o/web");
    assert_eq!(dev.find(&["o/web"]).unwrap(), by_code);
    let by_name = dev.repository("x/web", "https://github.com/o/web");
    assert_eq!(dev.find(&["o/web"]).unwrap(), by_name);
}

#[test]
fn the_repository_is_preferred_to_its_worktrees() {
    let dev = DevRoot::new();
    let main = dev.repository("main", "https://github.com/o/web");
    git(&main, &["commit", "--quiet", "--allow-empty", "--message=first"]);
    git(&main, &["worktree", "add", "--quiet", "../fix"]);
    assert_eq!(dev.find(&["o/web"]).unwrap(), main);
}

#[test]
fn hidden_generated_and_linked_folders_are_not_entered() {
    let dev = DevRoot::new();
    for folder in [".cache/x", "app/node_modules/x", "app/target/x"] {
        dev.repository(folder, "https://github.com/o/web");
    }
    let elsewhere = DevRoot::new();
    let outside = elsewhere.repository("web", "https://github.com/o/web");
    std::os::unix::fs::symlink(&outside, dev.path("link")).unwrap();
    assert!(matches!(dev.find(&["o/web"]), Err(DiscoveryError::NotFound { .. })));
}

#[test]
fn git_is_run_if_the_configuration_file_is_not_enough() {
    let dev = DevRoot::new();
    let repository = dev.repository("x", "mine:web");
    git(&repository, &["config", "url.https://github.com/o/.insteadOf", "mine:"]);
    assert_eq!(dev.find(&["o/web"]).unwrap(), repository);
    let without_remote = dev.path("notes");
    std::fs::create_dir(&without_remote).unwrap();
    git(&without_remote, &["init", "--quiet"]);
    assert_eq!(dev.find(&["local/notes"]).unwrap(), without_remote);
}

#[test]
fn a_missing_dev_root_is_empty_and_a_file_is_an_error() {
    let dev = DevRoot::new();
    let missing = Repositories::below(&dev.path("missing")).unwrap();
    assert!(missing.found.is_empty());
    std::fs::write(dev.path("file"), "").unwrap();
    assert!(matches!(Repositories::below(&dev.path("file")), Err(DiscoveryError::DevRoot { .. })));
}

#[test]
fn a_venture_without_repositories_gets_the_one_of_its_organisation() {
    let dev = DevRoot::new();
    let of_org = |code: &str| {
        let mut venture = VentureEntry::of_repo(&format!("Example-Org/{code}").parse().unwrap()).unwrap();
        venture.repos.clear();
        Repositories::below(dev.0.path()).unwrap().of_venture(&venture)
    };
    dev.repository("other", "https://github.com/other/alpha");
    assert!(matches!(of_org("alpha"), Err(DiscoveryError::NoneOfOrganisation { .. })));
    let console = dev.repository("console", "https://github.com/example-org/alpha-console");
    assert_eq!(of_org("alpha").unwrap(), console, "the name begins with the code");
    assert_eq!(of_org("beta").unwrap(), console, "it is the only one");
    let beta = dev.repository("beta", "https://github.com/example-org/beta");
    assert_eq!((of_org("alpha").unwrap(), of_org("beta").unwrap()), (console, beta));
    dev.repository("api", "https://github.com/example-org/alpha-api");
    let Err(DiscoveryError::SeveralOfOrganisation { paths, .. }) = of_org("alpha") else { panic!("one was chosen") };
    assert_eq!(paths.len(), 2);
}
