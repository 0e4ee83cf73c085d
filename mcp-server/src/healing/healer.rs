//! Generates documents from a repository and stores them.

use std::path::PathBuf;

use deckwatch_client::DocRead;
use deckwatch_client::api::{Api, ClientError};
use deckwatch_machine::checkout::{Checkout, CheckoutKind};
use deckwatch_machine::digest::sha256_hex;
use deckwatch_protocol::{
    CommitSha, DocName, DocScope, DocText, DocType, ErrorCode, Invalid, PutDoc, RepoName, SourcePath, cut,
};
use thiserror::Error;

use super::outcome::{CannotHeal, HealedDoc, HealingOutcome};
use crate::identity::{Identity, VentureSource};
use crate::trouble::{Trouble, blocking};
use deckwatch_generator::{self as generator, Generated, GeneratorError, Kind};

/// Generates documents from one repository and stores them in its venture's scope.
pub(crate) struct Healer {
    api: Api,
    repo: RepoName,
    root: PathBuf,
    scope: DocScope,
    pub(crate) commit: Option<CommitSha>,
}

impl Healer {
    /// A healer for the agent's repository, or the reason why documents must not be generated from it.
    pub(crate) async fn of(identity: &Identity) -> Result<Result<Self, CannotHeal>, Trouble> {
        let (place, checkout) = (identity.place().await?, identity.checkout().await?);
        let Checkout { root, repo, commit_sha, kind, .. } = checkout;
        if kind == CheckoutKind::NotARepository {
            return Ok(Err(CannotHeal::NotARepository));
        }
        let code = &place.venture.code;
        let owns = match place.source {
            // The environment names only the venture. The list of ventures says whether it owns the repository.
            VentureSource::Environment => {
                let (_, known) = identity.ventures().await?;
                known.iter().any(|venture| venture.code == *code && venture.owns(&repo))
            }
            VentureSource::File(_) | VentureSource::Api | VentureSource::Repository => place.venture.owns(&repo),
        };
        if !owns {
            return Ok(Err(CannotHeal::NotInVenture(repo, code.clone())));
        }
        let (api, scope) = (identity.api().await?.clone(), DocScope::of(code));
        Ok(Ok(Self { api, repo, root, scope, commit: commit_sha }))
    }

    /// Generates these documents one after the other. Stops when the API can't be reached.
    pub(crate) async fn heal(&self, kinds: &[Kind]) -> Vec<HealedDoc> {
        let mut healed = Vec::new();
        for &kind in kinds {
            let outcome = self.heal_one(kind).await.unwrap_or_else(|fault| fault.outcome());
            let is_outage = matches!(outcome, HealingOutcome::Unreachable(_));
            healed.push(HealedDoc { kind, outcome });
            if is_outage {
                break;
            }
        }
        healed
    }

    /// 1. A stored document is kept, unless it is unchanged since it was generated from this repository.
    /// 2. The document is generated. If the repository has no source for it, nothing is stored.
    /// 3. The document is stored in place of the one that was read. Storing unchanged content confirms it.
    async fn heal_one(&self, kind: Kind) -> Result<HealingOutcome, Fault> {
        let name = kind.file_name().parse()?;
        let stored = self.stored(&name).await?;
        if let Some(reason) = stored.as_ref().and_then(|doc| self.reason_to_keep(doc, kind)) {
            return Ok(reason);
        }
        let root = self.root.clone();
        let generated = blocking(move || generator::generate(&root, kind)).await??;
        if generated.sources.is_empty() {
            return Ok(HealingOutcome::NothingFound);
        }
        let doc = self.document(kind, &generated)?;
        let put = match &stored {
            Some(stored) => self.api.replace_doc(&self.scope, &name, &stored.doc.summary.content_hash, &doc).await?,
            None => self.api.put_doc(&self.scope, &name, &doc).await?,
        };
        Ok(HealingOutcome::of(&put))
    }

    async fn stored(&self, name: &DocName) -> Result<Option<DocText>, ClientError> {
        match self.api.get_doc(&self.scope, name, None).await {
            Ok(DocRead::Read(stored)) => Ok(Some(*stored)),
            // The API answers "not modified" only to a request with a hash. This request has none.
            Ok(DocRead::NotModified) => Ok(None),
            Err(error) if error.code() == Some(ErrorCode::DocNotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn reason_to_keep(&self, stored: &DocText, kind: Kind) -> Option<HealingOutcome> {
        let doc = &stored.doc;
        let is_mark = |path: &SourcePath| path.as_str() == mark(kind, stored.content.as_str());
        let is_as_generated = doc.source_path.as_ref().is_some_and(is_mark);
        match &doc.source_repo {
            Some(repo) if is_as_generated && repo.as_str().eq_ignore_ascii_case(self.repo.as_str()) => None,
            Some(repo) if is_as_generated => Some(HealingOutcome::FromAnother(repo.clone())),
            _ => Some(HealingOutcome::ByHand),
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

/// The `source_path` of a generated document: for example `generated:api:` and the hash of its content. If somebody
/// changes the content, the hash no longer matches, and the document is not replaced.
fn mark(kind: Kind, content: &str) -> String {
    const DIGITS: usize = 16;
    format!("generated:{kind}:{}", cut::to_chars(&sha256_hex(content.as_bytes()), DIGITS))
}

/// Why one document could not be healed.
#[derive(Debug, Error)]
enum Fault {
    #[error(transparent)]
    Api(#[from] ClientError),
    #[error(transparent)]
    Generator(#[from] GeneratorError),
    #[error("the generated document is not valid: it {0}")]
    Unfit(#[from] Invalid),
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

impl Fault {
    fn outcome(&self) -> HealingOutcome {
        match self {
            Self::Api(ClientError::HoldsSecret { findings, .. }) => {
                HealingOutcome::HoldsSecret(findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
            }
            Self::Api(error) if error.is_outage() => HealingOutcome::Unreachable(error.to_string()),
            Self::Api(error) if error.code() == Some(ErrorCode::Forbidden) => HealingOutcome::NotPermitted,
            Self::Api(error) if error.code() == Some(ErrorCode::DocChanged) => HealingOutcome::Changed,
            fault => HealingOutcome::Failed(fault.to_string()),
        }
    }
}
