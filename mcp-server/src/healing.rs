//! Heals documents: what is missing or stale, may be generated, and can be from this repository, is written anew.
//!
//! It never overwrites what a person wrote: a document that it may replace says in its `source_path` that it was
//! generated, with the hash of what was, and in `source_repo` from which repository. One that a person changed and put
//! back with that mark has another hash. It asks for what it replaces with `If-Match`, so that a change in between
//! stands. Only a repository of the venture is used.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deckwatch_client::DocRead;
use deckwatch_client::api::{Api, ClientError};
use deckwatch_client::checkout::{Checkout, CheckoutKind};
use deckwatch_client::digest::sha256_hex;
use deckwatch_protocol::{
    AuditedDoc, CommitSha, DocAudit, DocName, DocOutcome, DocPut, DocScope, DocText, DocType, ErrorCode, Invalid,
    PutDoc, RepoName, SourcePath, VentureCode,
};
use thiserror::Error;

use crate::generator::{self, Generated, GeneratorError, Kind};
use crate::identity::{Identity, VentureSource};
use crate::render::doc_heal;
use crate::session::Keeper;
use crate::trouble::{Trouble, blocking};

/// How long the background may take for all documents of a venture.
const PATIENCE: Duration = Duration::from_secs(30);

/// A document that was to be healed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Treated {
    pub(crate) kind: Kind,
    pub(crate) outcome: Outcome,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was not there; this is its version.
    Created(u32),
    /// It says something else now.
    Updated(u32),
    /// It says what it said, and is confirmed.
    Confirmed(u32),
    /// The repository has nothing that it could say.
    NothingFound,
    /// What is there was not generated, or somebody changed it since.
    ByHand,
    /// What is there was generated from another repository of the venture.
    FromAnother(RepoName),
    /// Somebody changed it at the same moment.
    Changed,
    /// It would have carried a secret; where, and of which kind.
    HoldsSecret(String),
    /// The key of this agent may not.
    NotPermitted,
    /// Nobody was there to take it.
    Unreachable(String),
    /// Something else went wrong.
    Failed(String),
}

/// What documents are generated from, and where they go.
pub(crate) struct Ground {
    api: Api,
    repo: RepoName,
    root: PathBuf,
    scope: DocScope,
    commit: Option<CommitSha>,
}

/// Why nothing is generated from where the agent stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoGround {
    /// It is no repository: a home folder would be read.
    NotARepository,
    /// Its repository belongs to another venture, or to none.
    NotTheVentures(RepoName, VentureCode),
}

impl Ground {
    /// Where the agent stands, if documents of its venture may be made from it.
    pub(crate) async fn of(identity: &Identity) -> Result<Result<Self, NoGround>, Trouble> {
        let (place, checkout) = (identity.place().await?, identity.checkout().await?);
        let Checkout { root, repo, commit_sha, kind, .. } = checkout;
        if kind == CheckoutKind::NotARepository {
            return Ok(Err(NoGround::NotARepository));
        }
        let code = &place.venture.code;
        let owns = match place.source {
            // The environment names the venture; whether it has this repository, others say.
            VentureSource::Environment => {
                let (_, known) = identity.ventures().await?;
                known.iter().any(|venture| venture.code == *code && venture.owns(&repo))
            }
            VentureSource::File(_) | VentureSource::Api | VentureSource::Repository => place.venture.owns(&repo),
        };
        if !owns {
            return Ok(Err(NoGround::NotTheVentures(repo, code.clone())));
        }
        let (api, scope) = (identity.api().await?.clone(), DocScope::of(code));
        Ok(Ok(Self { api, repo, root, scope, commit: commit_sha }))
    }

    /// Generates each of these, one after the other. Nobody there for one is nobody there for the rest.
    pub(crate) async fn heal(&self, kinds: &[Kind]) -> Vec<Treated> {
        let mut treated = Vec::new();
        for &kind in kinds {
            let outcome = self.heal_one(kind).await.unwrap_or_else(|fault| fault.outcome());
            let is_outage = matches!(outcome, Outcome::Unreachable(_));
            treated.push(Treated { kind, outcome });
            if is_outage {
                break;
            }
        }
        treated
    }

    /// 1. What is there is left alone unless it is as it was generated, from this repository.
    /// 2. The document is generated; without any source there is none.
    /// 3. It is put, in the place of what was looked at. Unchanged content is confirmed by that.
    async fn heal_one(&self, kind: Kind) -> Result<Outcome, Fault> {
        let name = kind.file_name().parse()?;
        let there = self.there(&name).await?;
        if let Some(reason) = there.as_ref().and_then(|doc| self.left_alone(doc, kind)) {
            return Ok(reason);
        }
        let root = self.root.clone();
        let generated = blocking(move || generator::generate(&root, kind)).await??;
        if generated.sources.is_empty() {
            return Ok(Outcome::NothingFound);
        }
        let doc = self.document(kind, &generated)?;
        let put = match &there {
            Some(there) => self.api.replace_doc(&self.scope, &name, &there.doc.summary.content_hash, &doc).await?,
            None => self.api.put_doc(&self.scope, &name, &doc).await?,
        };
        Ok(Outcome::of(&put))
    }

    async fn there(&self, name: &DocName) -> Result<Option<DocText>, ClientError> {
        match self.api.get_doc(&self.scope, name, None).await {
            Ok(DocRead::Read(stored)) => Ok(Some(*stored)),
            // Only who names what it has is told that nothing changed.
            Ok(DocRead::NotModified) => Ok(None),
            Err(error) if error.code() == Some(ErrorCode::DocNotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn left_alone(&self, there: &DocText, kind: Kind) -> Option<Outcome> {
        let doc = &there.doc;
        let is_mark = |path: &SourcePath| path.as_str() == mark(kind, there.content.as_str());
        let is_as_generated = doc.source_path.as_ref().is_some_and(is_mark);
        match &doc.source_repo {
            Some(repo) if is_as_generated && repo.as_str().eq_ignore_ascii_case(self.repo.as_str()) => None,
            Some(repo) if is_as_generated => Some(Outcome::FromAnother(repo.clone())),
            _ => Some(Outcome::ByHand),
        }
    }

    fn document(&self, kind: Kind, generated: &Generated) -> Result<PutDoc, Invalid> {
        Ok(PutDoc {
            content: generated.content.parse()?,
            doc_type: DocType::Markdown,
            title: generated.title.parse().ok(),
            source_repo: Some(self.repo.clone()),
            source_path: Some(mark(kind, &generated.content).parse()?),
        })
    }
}

/// What says of a document with this content that it may be generated anew: `generated:api:` and its hash. Of another
/// content it does not.
fn mark(kind: Kind, content: &str) -> String {
    const DIGITS: usize = 16;
    let hash: String = sha256_hex(content.as_bytes()).chars().take(DIGITS).collect();
    format!("generated:{kind}:{hash}")
}

impl Outcome {
    fn of(put: &DocPut) -> Self {
        let version = put.doc.summary.version;
        match put.outcome {
            DocOutcome::Created => Self::Created(version),
            DocOutcome::Updated => Self::Updated(version),
            DocOutcome::Unchanged => Self::Confirmed(version),
        }
    }

    /// One word, for facts.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Created(_) => "created",
            Self::Updated(_) => "updated",
            Self::Confirmed(_) => "confirmed",
            Self::NothingFound => "nothing_found",
            Self::ByHand | Self::FromAnother(_) | Self::Changed => "left",
            Self::HoldsSecret(_) => "holds_secret",
            Self::NotPermitted => "not_permitted",
            Self::Unreachable(_) => "unreachable",
            Self::Failed(_) => "failed",
        }
    }
}

/// Why one document could not be healed.
#[derive(Debug, Error)]
enum Fault {
    #[error(transparent)]
    Api(#[from] ClientError),
    #[error(transparent)]
    Generator(#[from] GeneratorError),
    #[error("what was generated is no document: it {0}")]
    Unfit(#[from] Invalid),
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

impl Fault {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Api(ClientError::HoldsSecret { findings, .. }) => {
                Outcome::HoldsSecret(findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
            }
            Self::Api(error) if error.is_outage() => Outcome::Unreachable(error.to_string()),
            Self::Api(error) if error.code() == Some(ErrorCode::Forbidden) => Outcome::NotPermitted,
            Self::Api(error) if error.code() == Some(ErrorCode::DocChanged) => Outcome::Changed,
            fault => Outcome::Failed(fault.to_string()),
        }
    }
}

/// Which of these requirements of a venture can be healed: those that may be, under a name that the generator knows.
pub(crate) fn healable<'a>(scope: &str, audited: impl IntoIterator<Item = &'a AuditedDoc>) -> Vec<Kind> {
    let may_be = |doc: &&AuditedDoc| doc.auto_generate && doc.scope == scope;
    let names: HashSet<&str> = audited.into_iter().filter(may_be).map(|doc| doc.name.as_str()).collect();
    Kind::ALL.into_iter().filter(|kind| names.contains(kind.file_name().as_str())).collect()
}

/// What the background has done, and has yet to tell.
#[derive(Default)]
pub(crate) struct Healing {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Each venture and commit is healed once by this process, and never two at a time.
    begun: HashSet<Occasion>,
    untold: Option<String>,
    /// Told already: the same is no news.
    told: Option<String>,
}

/// A venture's documents at one commit of a repository.
type Occasion = (VentureCode, Option<CommitSha>);

impl Healing {
    /// What was done since somebody asked last: one line.
    pub(crate) fn news(&self) -> Option<String> {
        let mut state = self.state();
        let news = state.untold.take().filter(|news| state.told.as_ref() != Some(news));
        state.told = news.clone().or(state.told.take());
        news
    }

    fn begin(&self, occasion: &Occasion) -> bool {
        self.state().begun.insert(occasion.clone())
    }

    fn tell(&self, line: String) {
        self.state().untold = Some(line);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Heals what a day found missing or stale, while the agent works. Nobody waits for it; what it did is told later.
pub(crate) fn in_background(keeper: &Arc<Keeper>, venture: &VentureCode, audit: &DocAudit) {
    let kinds = healable(venture.as_str(), audit.missing.iter().chain(&audit.stale));
    if kinds.is_empty() {
        return;
    }
    let (keeper, venture) = (Arc::clone(keeper), venture.clone());
    tokio::spawn(async move {
        match tokio::time::timeout(PATIENCE, once(&keeper, venture, &kinds)).await {
            Ok(Ok(())) => {}
            Ok(Err(trouble)) => log::info!("documents were not healed: {trouble}"),
            Err(_) => keeper.healing.tell(doc_heal::too_slow(PATIENCE)),
        }
    });
}

async fn once(keeper: &Keeper, venture: VentureCode, kinds: &[Kind]) -> Result<(), Trouble> {
    let Ok(ground) = Ground::of(&keeper.identity).await? else { return Ok(()) };
    let occasion = (venture, ground.commit.clone());
    if keeper.healing.begin(&occasion) {
        let treated = ground.heal(kinds).await;
        if treated.iter().any(|one| matches!(one.outcome, Outcome::Unreachable(_))) {
            keeper.healing.state().begun.remove(&occasion);
        }
        keeper.healing.tell(doc_heal::news(&treated));
    }
    Ok(())
}
