//! Copies of the API's records on this machine, for times when the API does not answer: documents, and the last start
//! of day. Reports show them with their age.

use deckwatch_client::doc_copies::{DocCopies, DocCopy};
use deckwatch_client::snapshot::Snapshot;
use deckwatch_machine::dirs::Dirs;
use deckwatch_protocol::{DocName, DocScope, Handoff, HandoffId, Timestamp};

use crate::identity::Identity;
use crate::trouble::{Trouble, blocking};

/// The scope of the repository's venture, if it is known without the API, and then `global`.
pub(crate) async fn scopes_without_api(identity: &Identity) -> Result<Vec<DocScope>, Trouble> {
    let own = identity.place_without_api().await?.map(|place| DocScope::of(&place.venture.code));
    Ok(own.into_iter().chain([DocScope::global()]).collect())
}

/// The copy of a document from the first scope that has one.
pub(crate) async fn copy_of(scopes: &[DocScope], name: &DocName) -> Result<Option<(DocScope, DocCopy)>, Trouble> {
    let (copies, name) = (copies_in(scopes)?, name.clone());
    let read = move || copies.into_iter().find_map(|copies| Some((copies.scope.clone(), copies.read(&name)?)));
    blocking(read).await
}

/// Every copy in these scopes, with the time when it was last equal to the API's document.
pub(crate) async fn copies(scopes: &[DocScope]) -> Result<Vec<(DocScope, DocName, Timestamp)>, Trouble> {
    let copies = copies_in(scopes)?;
    let list = move || {
        let of_scope = |copies: DocCopies| {
            let named = copies.names().into_iter();
            named.filter_map(|name| Some((copies.scope.clone(), copies.confirmed_at(&name)?, name))).collect::<Vec<_>>()
        };
        copies.into_iter().flat_map(of_scope).map(|(scope, at, name)| (scope, name, at)).collect()
    };
    blocking(list).await
}

fn copies_in(scopes: &[DocScope]) -> Result<Vec<DocCopies>, Trouble> {
    let root = DocCopies::root(&Dirs::from_env()?);
    Ok(scopes.iter().map(|scope| DocCopies::of(&root, scope.clone())).collect())
}

/// The handoffs in the API's last answer, the repository's handoff first.
pub(crate) fn handoffs_in(snapshot: &Snapshot) -> Vec<&Handoff> {
    let (last, to_you) = (&snapshot.day.last_handoff, &snapshot.day.handoffs_to_you.items);
    let others = to_you.iter().filter(|handoff| last.as_ref().is_none_or(|last| last.id != handoff.id));
    last.iter().chain(others).collect()
}

/// The handoff with this id in the API's last answer.
pub(crate) fn handoff_in<'a>(snapshot: &'a Snapshot, id: &HandoffId) -> Option<&'a Handoff> {
    handoffs_in(snapshot).into_iter().find(|handoff| handoff.id == *id)
}
