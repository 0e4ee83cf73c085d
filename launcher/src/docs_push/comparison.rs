//! Compares the files with the documents of the API, and decides what happens to each. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use deckwatch_protocol::{Doc, DocType, PutDoc, RepoName, SourcePath};

use super::mapping::{DocKey, Mapping};
use super::tree::{Tree, TreeFile};

/// What is compared.
pub(super) struct Comparison<'a> {
    pub(super) tree: &'a Tree,
    pub(super) mapping: &'a Mapping,
    /// Only these paths count. `None` means every path.
    pub(super) changed: Option<&'a BTreeSet<String>>,
    /// Every document in the scopes of the mapping.
    pub(super) listed: &'a [Doc],
    /// Whether documents that a person or another repository wrote are replaced too.
    pub(super) adopt: bool,
}

/// What happens to one file or document.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) path: String,
    /// `None` if the file has no possible name.
    pub(super) key: Option<DocKey>,
    pub(super) action: Action,
}

#[derive(Debug)]
pub(super) enum Action {
    Create(PutDoc),
    /// `known` is the hash of the content that is replaced.
    Update {
        known: String,
        put: PutDoc,
    },
    Unchanged,
    /// `known` is the hash of the content that is deleted.
    Delete {
        known: String,
    },
    /// The document stays, for this reason.
    Keep(String),
    /// The file can't be stored, for this reason.
    Fail(String),
}

/// The files that become each document. More than one is an error.
type Wanted<'a> = BTreeMap<DocKey, Vec<&'a TreeFile>>;

impl Comparison<'_> {
    /// The steps in the order in which they are carried out: nothing is deleted before everything new is stored.
    pub(super) fn steps(&self) -> Vec<Step> {
        let known: BTreeMap<DocKey, &Doc> = self.listed.iter().filter_map(|doc| Some((key_of(doc)?, doc))).collect();
        let mut wanted = Wanted::new();
        let mut steps = Vec::new();
        for file in &self.tree.files {
            match self.mapping.key(&file.path) {
                Some(Ok(key)) => wanted.entry(key).or_default().push(file),
                Some(Err(why)) if self.counts(&file.path) => {
                    steps.push(Step { path: file.path.clone(), key: None, action: Action::Fail(why) });
                }
                Some(Err(_)) | None => {}
            }
        }
        for (key, files) in &wanted {
            for file in files.iter().filter(|file| self.counts(&file.path)) {
                let action = match self.put(file, key, files, known.get(key).copied()) {
                    Ok(action) => action,
                    Err(why) => Action::Fail(why),
                };
                steps.push(Step { path: file.path.clone(), key: Some(key.clone()), action });
            }
        }
        let left = known.iter().filter(|(key, _)| !wanted.contains_key(key));
        steps.extend(left.filter_map(|(key, doc)| self.without_file(key, doc)));
        steps
    }

    fn counts(&self, path: &str) -> bool {
        self.changed.is_none_or(|changed| changed.contains(path))
    }

    /// What happens to the document of a file that exists.
    fn put(&self, file: &TreeFile, key: &DocKey, same: &[&TreeFile], doc: Option<&Doc>) -> Result<Action, String> {
        if let Some(other) = same.iter().find(|other| other.path != file.path) {
            return Err(format!("{} would have the same name", other.path));
        }
        if let Some(doc) = doc.filter(|doc| !self.adopt && !self.is_own(doc)) {
            return Err(format!("{}; {}", foreign(doc), how_to_replace(file, doc)));
        }
        let source_path: SourcePath = file.path.parse().map_err(|why| format!("the path {why}"))?;
        let is_json = Path::new(&file.path).extension().is_some_and(|extension| extension == "json");
        let put = PutDoc {
            content: self.tree.content(file)?,
            doc_type: if is_json { DocType::Json } else { DocType::Markdown },
            title: None,
            source_repo: Some(self.tree.repo.clone()),
            source_path: Some(source_path),
        };
        let Some(doc) = doc else { return Ok(Action::Create(put)) };
        Ok(if is_same(&put, key, doc) {
            Action::Unchanged
        } else {
            Action::Update { known: doc.summary.content_hash.clone(), put }
        })
    }

    /// What happens to a document that no file has. `None` if it is none of this run's business.
    fn without_file(&self, key: &DocKey, doc: &Doc) -> Option<Step> {
        let step = |path: &str, action| Some(Step { path: path.to_owned(), key: Some(key.clone()), action });
        let Some(path) = doc.source_path.as_ref().filter(|_| self.is_own(doc)).map(SourcePath::as_str) else {
            let path = self.deleted_path_of(key)?;
            return step(path, Action::Keep(foreign(doc)));
        };
        if !self.counts(path) {
            return None;
        }
        match self.mapping.key(path) {
            Some(_) => step(path, Action::Delete { known: doc.summary.content_hash.clone() }),
            None => step(path, Action::Keep("no entry of the docs file matches its path".to_owned())),
        }
    }

    /// The path that was deleted and would be this document.
    fn deleted_path_of(&self, key: &DocKey) -> Option<&str> {
        let deleted = self.changed?.iter().find(|path| matches!(self.mapping.key(path), Some(Ok(of)) if of == *key))?;
        Some(deleted)
    }

    /// Whether the document was made from a file of this repository.
    fn is_own(&self, doc: &Doc) -> bool {
        let repo = doc.source_repo.as_ref().filter(|_| doc.source_path.is_some());
        repo.is_some_and(|repo| self.mapping.is_own(repo, &self.tree.repo))
    }
}

fn key_of(doc: &Doc) -> Option<DocKey> {
    Some(DocKey { scope: doc.summary.scope.parse().ok()?, name: doc.summary.name.parse().ok()? })
}

/// Whether a put would change nothing.
fn is_same(put: &PutDoc, key: &DocKey, doc: &Doc) -> bool {
    let hash = deckwatch_machine::digest::sha256_hex(put.content.as_str().as_bytes());
    hash == doc.summary.content_hash
        && put.title_under(&key.name) == doc.summary.title
        && put.doc_type.as_str() == doc.summary.doc_type
        && is_same_repo(put.source_repo.as_ref(), doc.source_repo.as_ref())
        && put.source_path == doc.source_path
}

/// Git hosts ignore the case of names, and two clones can spell it differently.
fn is_same_repo(one: Option<&RepoName>, other: Option<&RepoName>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.as_str().eq_ignore_ascii_case(other.as_str()),
        (one, other) => one == other,
    }
}

/// What a person can do about a document that is not from this repository. The same path in another repository is usually the
/// same file, before its repository was renamed or transferred.
fn how_to_replace(file: &TreeFile, doc: &Doc) -> String {
    let same_path = doc.source_path.as_ref().is_some_and(|path| path.as_str() == file.path);
    let former = doc.source_repo.as_ref().filter(|_| same_path).map(|former| {
        format!(
            "if this repository had that name before, add `former_repos = [\"{former}\"]` to the docs file; otherwise "
        )
    });
    format!("{}give the file another name, or replace it with --adopt", former.unwrap_or_default())
}

/// Says who wrote a document that is not from this repository.
fn foreign(doc: &Doc) -> String {
    match (&doc.source_repo, &doc.source_path) {
        (Some(repo), Some(path)) => format!("the document was made from {path} of {repo}"),
        _ => "the document was not made from a file of a repository".to_owned(),
    }
}
