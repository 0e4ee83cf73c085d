//! What the stub knows: accounts, repositories, issues, tokens and Apps. A test changes it with `GitHubStub::edit`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use deckwatch_protocol::Timestamp;

use super::app::{App, Installation};
use super::rate::Rates;
use super::token::{Token, TokenBuilder};

/// The most characters in the name of a label.
pub(super) const LABEL_CHARS: usize = 50;

/// The state of the stub.
pub struct World {
    /// The users, organisations and bots.
    pub accounts: Vec<Account>,
    /// The repositories under their current names.
    pub repos: Vec<Repo>,
    /// The registered Apps.
    pub apps: Vec<App>,
    /// The installations of all Apps.
    pub installations: Vec<Installation>,
    /// The deliveries of webhooks, with the id of their App, oldest first.
    pub(super) hook_deliveries: Vec<(u64, serde_json::Value)>,
    /// The limits and what is used of them.
    pub rates: Rates,
    pub(super) tokens: Vec<Token>,
    /// Manifests that were submitted on the web page: code and App.
    pub(super) manifests: BTreeMap<String, u64>,
    /// Earlier names of repositories, in lower case.
    pub(super) earlier_names: BTreeMap<String, u64>,
    /// The repositories as the search knows them, if it lags behind.
    pub(super) search_index: Option<Vec<Repo>>,
    ahead: Duration,
    last_id: u64,
}

/// What an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountKind {
    /// A person.
    User,
    /// An organisation.
    Organization,
    /// The account of an App.
    Bot,
}

/// A user, an organisation or a bot.
#[derive(Debug, Clone)]
pub struct Account {
    /// The id.
    pub id: u64,
    /// The name in addresses.
    pub login: String,
    /// What it is.
    pub kind: AccountKind,
}

/// What a user may do with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Reads.
    Read,
    /// Reads and pushes.
    Write,
    /// May do everything.
    Admin,
}

/// A repository.
#[derive(Debug, Clone)]
pub struct Repo {
    /// The id, which survives a new name.
    pub id: u64,
    /// The login of its owner.
    pub owner: String,
    /// The name without its owner.
    pub name: String,
    /// Whether only its collaborators see it.
    pub private: bool,
    /// Whether it can only be read.
    pub archived: bool,
    /// Whether it has issues. A fork has none at first.
    pub has_issues: bool,
    /// The repository of which it is a fork.
    pub fork_of: Option<u64>,
    /// The users with a role. Everyone reads a public repository.
    pub collaborators: BTreeMap<String, Role>,
    /// The labels that the repository has.
    pub labels: Vec<Label>,
    /// The issues and pull requests, by number.
    pub issues: Vec<Issue>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its settings changed last.
    pub updated_at: Timestamp,
}

/// A label of a repository.
#[derive(Debug, Clone)]
pub struct Label {
    /// The id.
    pub id: u64,
    /// The name. GitHub ignores its case.
    pub name: String,
    /// Six hexadecimal digits.
    pub color: String,
    /// The description.
    pub description: Option<String>,
}

/// An issue, or a pull request if `pull` is set.
#[derive(Debug, Clone)]
pub struct Issue {
    /// The id.
    pub id: u64,
    /// The number in its repository.
    pub number: u64,
    /// The title.
    pub title: String,
    /// The text.
    pub body: Option<String>,
    /// The author; `None` if the account was deleted.
    pub author: Option<String>,
    /// The logins of those who work on it.
    pub assignees: Vec<String>,
    /// The names of its labels.
    pub labels: Vec<String>,
    /// Whether it is open.
    pub open: bool,
    /// Why it was closed or opened again.
    pub state_reason: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// What a pull request has and an issue has not.
    pub pull: Option<Pull>,
}

/// The part of a pull request that an issue has not.
#[derive(Debug, Clone)]
pub struct Pull {
    /// Whether it is a draft.
    pub draft: bool,
    /// The branch with the change.
    pub head: String,
    /// The commit of that branch.
    pub head_sha: String,
    /// The branch to be changed.
    pub base: String,
    /// When it was merged.
    pub merged_at: Option<Timestamp>,
    /// The logins of those who are asked for a review.
    pub reviewers: Vec<String>,
    /// The changed files: path, and whether it was added, modified, removed or renamed.
    pub files: Vec<(String, &'static str)>,
}

impl World {
    /// A world with the user `ann`.
    pub(super) fn new() -> Self {
        let mut world = Self {
            accounts: Vec::new(),
            repos: Vec::new(),
            apps: Vec::new(),
            installations: Vec::new(),
            hook_deliveries: Vec::new(),
            rates: Rates::default(),
            tokens: Vec::new(),
            manifests: BTreeMap::new(),
            earlier_names: BTreeMap::new(),
            search_index: None,
            ahead: Duration::ZERO,
            last_id: 1000,
        };
        world.account("ann", AccountKind::User);
        world
    }

    /// The time of the stub.
    pub fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + self.ahead;
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
    }

    /// The time of the stub, in seconds since 1970.
    pub(super) fn seconds(&self) -> i64 {
        self.now().as_millis() / 1000
    }

    /// Moves the clock of the stub forward.
    pub fn advance(&mut self, by: Duration) {
        self.ahead += by;
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The account, which is created if there is none.
    pub fn account(&mut self, login: &str, kind: AccountKind) -> u64 {
        if let Some(account) = self.find_account(login) {
            return account.id;
        }
        let id = self.next_id();
        self.accounts.push(Account { id, login: login.to_owned(), kind });
        id
    }

    pub(super) fn find_account(&self, login: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.login.eq_ignore_ascii_case(login))
    }

    /// Creates a private repository of an organisation. `ann` is its admin.
    pub fn add_repo(&mut self, full_name: &str) -> &mut Repo {
        let (owner, name) = full_name.split_once('/').unwrap();
        self.account(owner, AccountKind::Organization);
        let (id, now) = (self.next_id(), self.now());
        self.repos.push(Repo {
            id,
            owner: owner.to_owned(),
            name: name.to_owned(),
            private: true,
            archived: false,
            has_issues: true,
            fork_of: None,
            collaborators: BTreeMap::from([("ann".to_owned(), Role::Admin)]),
            labels: Vec::new(),
            issues: Vec::new(),
            created_at: now,
            updated_at: now,
        });
        self.repos.last_mut().unwrap()
    }

    /// Creates a fork, without issues of its own.
    pub fn add_fork(&mut self, full_name: &str, of: &str) -> &mut Repo {
        let original = self.repo(of).id;
        let fork = self.add_repo(full_name);
        fork.fork_of = Some(original);
        fork.has_issues = false;
        fork
    }

    /// The repository of this name.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn repo(&mut self, full_name: &str) -> &mut Repo {
        let found = self.repos.iter_mut().find(|repo| repo.full_name().eq_ignore_ascii_case(full_name));
        found.unwrap_or_else(|| panic!("the stub has no repository {full_name}"))
    }

    pub(super) fn repo_by_id(&self, id: u64) -> Option<&Repo> {
        self.repos.iter().find(|repo| repo.id == id)
    }

    pub(super) fn repo_by_id_mut(&mut self, id: u64) -> &mut Repo {
        self.repos.iter_mut().find(|repo| repo.id == id).unwrap()
    }

    /// Renames a repository, or transfers it if the owner differs. The old name redirects.
    pub fn rename(&mut self, old: &str, new: &str) {
        let (owner, name) = new.split_once('/').unwrap();
        self.account(owner, AccountKind::Organization);
        let now = self.now();
        let repo = self.repo(old);
        (repo.owner, repo.name, repo.updated_at) = (owner.to_owned(), name.to_owned(), now);
        let id = repo.id;
        self.earlier_names.insert(old.to_ascii_lowercase(), id);
    }

    /// Creates an issue by `ann`, with these labels.
    pub fn add_issue(&mut self, repo: &str, title: &str, labels: &[&str]) -> &mut Issue {
        let (issue_id, now) = (self.next_id(), self.now());
        let ids: Vec<u64> = labels.iter().map(|_| self.next_id()).collect();
        let repo = self.repo(repo);
        for (label, id) in labels.iter().zip(ids) {
            repo.ensure_label(label, id);
        }
        let number = repo.next_number();
        repo.issues.push(Issue {
            id: issue_id,
            number,
            title: title.to_owned(),
            body: None,
            author: Some("ann".to_owned()),
            assignees: Vec::new(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            open: true,
            state_reason: None,
            created_at: now,
            updated_at: now,
            closed_at: None,
            pull: None,
        });
        repo.issues.last_mut().unwrap()
    }

    /// Creates a pull request from the branch `change` into `main`.
    pub fn add_pull(&mut self, repo: &str, title: &str, labels: &[&str]) -> &mut Issue {
        let issue = self.add_issue(repo, title, labels);
        issue.pull = Some(Pull {
            draft: false,
            head: "change".to_owned(),
            head_sha: format!("{:040x}", issue.id),
            base: "main".to_owned(),
            merged_at: None,
            reviewers: Vec::new(),
            files: vec![("src/lib.rs".to_owned(), "modified")],
        });
        issue
    }

    /// Issues a token of the user `ann`.
    pub fn token(&mut self, token: TokenBuilder) -> String {
        let login = token.login.clone();
        self.account(&login, AccountKind::User);
        let id = self.next_id();
        let repos = token.repos.as_ref().map(|names| names.iter().map(|name| self.repo(name).id).collect());
        let token = token.issue(id, repos);
        let text = token.text.clone();
        self.tokens.push(token);
        text
    }

    /// Lets the search lag behind: until it is called with `false`, searches find what is there now. GitHub's index needs
    /// some seconds to follow a change.
    pub fn delay_search(&mut self, delayed: bool) {
        self.search_index = delayed.then(|| self.repos.clone());
    }

    /// Revokes a token.
    pub fn revoke(&mut self, token: &str) {
        self.tokens.retain(|known| known.text != token);
    }

    pub(super) fn repos_named(&mut self, names: &[&str]) -> BTreeSet<u64> {
        names.iter().map(|name| self.repo(name).id).collect()
    }
}

impl Repo {
    /// Owner and name.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// The issue or pull request of this number.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn issue(&mut self, number: u64) -> &mut Issue {
        let found = self.issues.iter_mut().find(|issue| issue.number == number);
        found.unwrap_or_else(|| panic!("the stub has no issue {number}"))
    }

    pub(super) fn next_number(&self) -> u64 {
        self.issues.iter().map(|issue| issue.number).max().unwrap_or(0) + 1
    }

    pub(super) fn find_label(&self, name: &str) -> Option<&Label> {
        self.labels.iter().find(|label| label.name.eq_ignore_ascii_case(name))
    }

    /// The name of the label as the repository writes it. The label is created under this id if there is none.
    pub(super) fn ensure_label(&mut self, name: &str, id: u64) -> String {
        if let Some(label) = self.find_label(name) {
            return label.name.clone();
        }
        self.labels.push(Label { id, name: name.to_owned(), color: "ededed".to_owned(), description: None });
        name.to_owned()
    }

    /// What this user may do; `None` if the repository is hidden from the user.
    pub(super) fn role(&self, login: &str) -> Option<Role> {
        let given = self.collaborators.iter().find(|(name, _)| name.eq_ignore_ascii_case(login)).map(|(_, role)| *role);
        given.or_else(|| (!self.private).then_some(Role::Read))
    }
}

impl Issue {
    pub(super) fn has_label(&self, name: &str) -> bool {
        self.labels.iter().any(|label| label.eq_ignore_ascii_case(name))
    }
}
