//! The stub of GitHub, filled with repositories and issues. It refuses what GitHub refuses.

use deckwatch_tests::github_stub::{AccountKind, Fault, GitHubStub, TokenBuilder};

/// The valid token.
pub(crate) const TOKEN: &str = "ghp_0123456789abcdefghijABCDEFGHIJ012345";

/// An open issue.
#[derive(Clone)]
pub(crate) struct Issue {
    pub(crate) repo: &'static str,
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) labels: Vec<&'static str>,
    pub(crate) author: Option<String>,
    pub(crate) updated_at: String,
}

pub(crate) fn issue(repo: &'static str, number: u64, title: &str, labels: &[&'static str]) -> Issue {
    let author = Some("ann".to_owned());
    let updated_at = "2026-11-20T08:00:00Z".to_owned();
    Issue { repo, number, title: title.to_owned(), labels: labels.to_vec(), author, updated_at }
}

/// A running stub.
pub(crate) struct GitHub {
    pub(crate) url: String,
    pub(crate) stub: GitHubStub,
}

impl GitHub {
    /// With these repositories and issues.
    pub(crate) fn with(repos: &[&'static str], issues: &[Issue]) -> Self {
        let stub = GitHubStub::start();
        stub.edit(|world| {
            world.token(TokenBuilder::classic(&["repo"]).with_text(TOKEN));
            for repo in repos {
                world.add_repo(repo);
            }
        });
        let github = Self { url: stub.url().to_owned(), stub };
        github.add(issues);
        github
    }

    /// Adds issues. Those of other repositories are left out.
    pub(crate) fn add(&self, issues: &[Issue]) {
        self.stub.edit(|world| {
            for issue in issues {
                if !world.repos.iter().any(|repo| repo.full_name() == issue.repo) {
                    continue;
                }
                if let Some(author) = &issue.author {
                    world.account(author, AccountKind::User);
                }
                world.account("bob", AccountKind::User);
                let added = world.add_issue(issue.repo, &issue.title, &issue.labels);
                added.number = issue.number;
                added.author.clone_from(&issue.author);
                added.assignees = vec!["bob".to_owned()];
                added.updated_at = issue.updated_at.parse().unwrap();
            }
        });
    }

    /// A stub that answers every request in this way.
    pub(crate) fn with_fault(fault: Fault) -> Self {
        let github = Self::with(&[], &[]);
        github.stub.misbehave(Some(fault));
        github
    }

    /// The number of queries so far.
    pub(crate) fn queries(&self) -> usize {
        self.stub.requests().iter().filter(|request| request.is_graphql()).count()
    }
}
