//! `note`: saves, changes, archives and restores notes. `notes` reads them.
//!
//! An update names the version that the agent read, so that it can't overwrite a newer text.

use deckwatch_client::ContextClient;
use deckwatch_client::api::ClientError;
use deckwatch_client::outbox::{Delivery, LostResponse, NoteWrite, Queued};
use deckwatch_protocol::{
    Change, CreateNote, ErrorCode, Note, NoteContent, NoteId, NoteTag, NoteTitle, UpdateNote, Violation, Violations,
};
use deserr::Deserr;
use schemars::JsonSchema;
use serde::Serialize;

use super::scope::Scope;
use super::sent_later;
use crate::identity::is_embedded;
use crate::render::clean::clean_line;
use crate::session::Keeper;
use crate::trouble::Trouble;

#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
pub(super) struct Arguments {
    /// `archive` hides it from lists; `restore` undoes that.
    action: Action,
    /// Not for `create`.
    #[deserr(default)]
    #[schemars(example = &"note_01JDZK3V8Q6T5W2Y4A7B9C0DEF")]
    id: Option<NoteId>,
    /// For `update`: the one that you read.
    #[deserr(default)]
    version: Option<u32>,
    /// An `update` keeps what you leave out.
    #[deserr(default)]
    title: Option<NoteTitle>,
    #[deserr(default)]
    content: Option<NoteContent>,
    #[deserr(default)]
    #[schemars(description = tags_description())]
    tags: Option<Vec<NoteTag>>,
    /// A venture's code or `global`. Default: your venture.
    #[deserr(default)]
    scope: Option<Scope>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserr, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[deserr(rename_all = lowercase, error = Violations)]
enum Action {
    Create,
    Update,
    Archive,
    Restore,
}

/// The change that the arguments describe.
enum NoteChange {
    Create { title: NoteTitle, content: NoteContent, tags: Vec<NoteTag>, scope: Option<Scope> },
    Write(NoteWrite),
}

#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Facts {
    /// What happened, as text.
    pub(super) report: String,
    /// True when it waits on this machine and is not saved yet.
    queued: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    note_id: Option<NoteId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    archived: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(skip)]
    size_bytes: Option<u32>,
}

fn tags_description() -> String {
    format!("An `update` replaces all. Recommended: {}.", Note::RECOMMENDED_TAGS.join(", "))
}

pub(super) async fn call(keeper: &Keeper, arguments: Arguments) -> Result<Facts, Trouble> {
    let action = arguments.action;
    let facts = match apply(keeper, arguments.change()?).await? {
        Delivery::Delivered(note) => facts(action, &note),
        Delivery::ResponseLost(lost) => Facts { report: recorded_report(&lost), ..Facts::default() },
        Delivery::Queued(queued) => {
            keeper.pending.notify();
            Facts { report: queued_report(action, &queued), queued: true, ..Facts::default() }
        }
    };
    Ok(facts)
}

/// Sends the change, or queues it on this machine.
async fn apply(keeper: &Keeper, change: NoteChange) -> Result<Delivery<Note>, Trouble> {
    let client = keeper.identity.client().await?;
    let write = match change {
        NoteChange::Create { title, content, tags, scope } => {
            let note = CreateNote { tags, ..CreateNote::new(title, content) };
            return created(keeper, client, about(keeper, note, scope).await?).await;
        }
        NoteChange::Write(write) => write,
    };
    Ok(client.deliver_note(&write).await?)
}

/// The new note with its venture. Without a scope, the note is about the venture of the repository.
async fn about(keeper: &Keeper, note: CreateNote, scope: Option<Scope>) -> Result<NoteWrite, Trouble> {
    let venture = match scope {
        Some(Scope::Global) => None,
        Some(Scope::Venture(code)) => Some(code),
        None => match keeper.identity.place().await {
            Ok(place) => Some(place.venture.code.clone()),
            Err(Trouble::Api(error)) if error.is_outage() => {
                return Ok(NoteWrite::CreateAbout(keeper.identity.checkout().await?.repo, note));
            }
            Err(trouble) => return Err(trouble),
        },
    };
    Ok(NoteWrite::Create(CreateNote { venture, ..note }))
}

/// Saves a new note. On the embedded engine, registers the venture if no start of day has registered it yet.
async fn created(keeper: &Keeper, client: &ContextClient, write: NoteWrite) -> Result<Delivery<Note>, Trouble> {
    let saved = client.deliver_note(&write).await;
    let (Err(ClientError::Refused(problem)), NoteWrite::Create(note)) = (&saved, &write) else { return Ok(saved?) };
    if problem.code == ErrorCode::VentureNotRegistered && is_embedded(client.api()) {
        let own = &keeper.identity.place().await?.venture;
        if note.venture.as_ref() == Some(&own.code) {
            client.api().put_venture(&own.code, &own.registration()).await?;
            return Ok(client.deliver_note(&write).await?);
        }
    }
    Ok(saved?)
}

impl Arguments {
    /// Checks the arguments of the action. The error names every missing and every extra argument.
    fn change(self) -> Result<NoteChange, Trouble> {
        let mut wrong = self.argument_errors();
        let change = match (self.action, self.id, self.version, self.title, self.content) {
            (Action::Create, _, _, Some(title), Some(content)) => {
                Some(NoteChange::Create { title, content, tags: self.tags.unwrap_or_default(), scope: self.scope })
            }
            (Action::Update, Some(id), Some(version), title, content) => {
                let venture = match self.scope {
                    None => Change::Keep,
                    Some(Scope::Global) => Change::Clear,
                    Some(Scope::Venture(code)) => Change::Set(code),
                };
                let patch = UpdateNote { title, content, tags: self.tags, venture };
                let empty = patch.title.is_none() && patch.content.is_none() && patch.tags.is_none();
                if empty && patch.venture.is_keep() {
                    wrong.push(missing("", "an update needs title, content, tags or scope"));
                }
                Some(NoteChange::Write(NoteWrite::Update { id, version, patch }))
            }
            (Action::Archive, Some(id), ..) => Some(NoteChange::Write(NoteWrite::Archive(id))),
            (Action::Restore, Some(id), ..) => Some(NoteChange::Write(NoteWrite::Restore(id))),
            _ => None,
        };
        // Without a change, an argument is missing, so `wrong` names it.
        match change {
            Some(change) if wrong.is_empty() => Ok(change),
            _ => Err(Trouble::Arguments(Violations(wrong))),
        }
    }

    fn argument_errors(&self) -> Vec<Violation> {
        use Action::{Create, Update};
        let fields = [
            ("/id", self.id.is_some(), self.action != Create, self.action != Create),
            ("/version", self.version.is_some(), self.action == Update, self.action == Update),
            ("/title", self.title.is_some(), self.action == Create, matches!(self.action, Create | Update)),
            ("/content", self.content.is_some(), self.action == Create, matches!(self.action, Create | Update)),
            ("/tags", self.tags.is_some(), false, matches!(self.action, Create | Update)),
            ("/scope", self.scope.is_some(), false, matches!(self.action, Create | Update)),
        ];
        let wrong = fields.into_iter().filter_map(|(field, given, needed, allowed)| match (given, needed, allowed) {
            (false, true, _) => Some(missing(field, "is required for this action")),
            (true, _, false) => Some(missing(field, "is not allowed for this action")),
            _ => None,
        });
        wrong.collect()
    }
}

fn missing(pointer: &str, detail: &str) -> Violation {
    Violation { pointer: pointer.to_owned(), detail: detail.to_owned() }
}

fn recorded_report(lost: &LostResponse) -> String {
    let cause = clean_line(&lost.cause);
    format!("This is saved. Do not repeat it. `notes` finds it.\nThe id and the version are not known: {cause}.")
}

fn queued_report(action: Action, queued: &Queued) -> String {
    let (what, then) = match action {
        Action::Create => ("note", "It gets its id when it is saved."),
        Action::Update => {
            ("change", "If the note has another version by then, the change is refused, and a later `sod` says so.")
        }
        Action::Archive | Action::Restore => ("change", "The note does not change until then."),
    };
    let (cause, later) = (clean_line(&queued.cause), sent_later(queued));
    format!("The {what} is QUEUED on this machine and not saved yet: {cause}.\n{later} {then}")
}

fn facts(action: Action, note: &Note) -> Facts {
    let about = note.venture.as_ref().map_or("global".to_owned(), |code| format!("about venture {code}"));
    let (id, version, size) = (&note.id, note.version, note.size_bytes);
    let report = match action {
        Action::Create => format!("Note {id} is saved: version {version}, {size} bytes, {about}."),
        Action::Update => format!("Note {id} is updated: version {version}, {size} bytes, {about}."),
        Action::Archive => {
            format!(
                "Note {id} is archived (version {version}). Lists, searches and `sod` do not show it. `restore` undoes this."
            )
        }
        Action::Restore => format!("Note {id} is restored (version {version})."),
    };
    let archived = Some(note.archived_at.is_some());
    let (note_id, version, size_bytes) = (Some(id.clone()), Some(version), Some(size));
    Facts { report, queued: false, note_id, version, archived, size_bytes }
}
