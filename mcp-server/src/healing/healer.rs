//! Where documents are made from, and how one is put in the place of another.

use std::path::PathBuf;

use deckwatch_client::DocRead;
use deckwatch_client::api::{Api, ClientError};
use deckwatch_client::checkout::{Checkout, CheckoutKind};
use deckwatch_client::digest::sha256_hex;
use deckwatch_protocol::{
    CommitSha, DocName, DocScope, DocText, DocType, ErrorCode, Invalid, PutDoc, RepoName, SourcePath,
};
use thiserror::Error;

use super::outcome::{CannotHeal, HealedDoc, HealingOutcome};
use crate::identity::{Identity, VentureSource};
use crate::trouble::{Trouble, blocking};
use deckwatch_generator::{self as generator, Generated, GeneratorError, Kind};

/// What documents are generated from, and where they go.
pub(crate) struct Healer {
    api: Api,
    repo: RepoName,
    root: PathBuf,
    scope: DocScope,
    pub(super) commit: Option<CommitSha>,
}

impl Healer {
    /// Where the agent stands, if documents of its venture may be made from it.
    pub(crate) async fn of(identity: &Identity) -> Result<Result<Self, CannotHeal>, Trouble> {
        let (place, checkout) = (identity.place().await?, identity.checkout().await?);
        let Checkout { root, repo, commit_sha, kind, .. } = checkout;
        if kind == CheckoutKind::NotARepository {
            return Ok(Err(CannotHeal::NotARepository));
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
            return Ok(Err(CannotHeal::NotInVenture(repo, code.clone())));
        }
        let (api, scope) = (identity.api().await?.clone(), DocScope::of(code));
        Ok(Ok(Self { api, repo, root, scope, commit: commit_sha }))
    }

    /// Generates each of these, one after the other. Nobody there for one is nobody there for the rest.
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

    /// 1. What is there is left alone unless it is as it was generated, from this repository.
    /// 2. The document is generated; without any source there is none.
    /// 3. It is put, in the place of what was looked at. Unchanged content is confirmed by that.
    async fn heal_one(&self, kind: Kind) -> Result<HealingOutcome, Fault> {
        let name = kind.file_name().parse()?;
        let there = self.there(&name).await?;
        if let Some(reason) = there.as_ref().and_then(|doc| self.left_alone(doc, kind)) {
            return Ok(reason);
        }
        let root = self.root.clone();
        let generated = blocking(move || generator::generate(&root, kind)).await??;
        if generated.sources.is_empty() {
            return Ok(HealingOutcome::NothingFound);
        }
        let doc = self.document(kind, &generated)?;
        let put = match &there {
            Some(there) => self.api.replace_doc(&self.scope, &name, &there.doc.summary.content_hash, &doc).await?,
            None => self.api.put_doc(&self.scope, &name, &doc).await?,
        };
        Ok(HealingOutcome::of(&put))
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

    fn left_alone(&self, there: &DocText, kind: Kind) -> Option<HealingOutcome> {
        let doc = &there.doc;
        let is_mark = |path: &SourcePath| path.as_str() == mark(kind, there.content.as_str());
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

/// What says of a document with this content that it may be generated anew: `generated:api:` and its hash. Of another
/// content it does not.
fn mark(kind: Kind, content: &str) -> String {
    const DIGITS: usize = 16;
    let hash: String = sha256_hex(content.as_bytes()).chars().take(DIGITS).collect();
    format!("generated:{kind}:{hash}")
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
