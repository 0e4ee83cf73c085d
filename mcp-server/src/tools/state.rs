//! `state`: the JSON values that the agents of a venture share. A change names the version that it replaces.

use std::borrow::Cow;

use deckwatch_client::api::{Api, ClientError};
use deckwatch_machine::clock::ago;
use deckwatch_protocol::{
    Cursor, ErrorCode, Fence as SessionFence, FenceQuery, GetState, ListState, PutState, StateEntry, StateKey,
    StateRead, StateValue, VentureCode, Violation, Violations,
};
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::{fence, now, offset_of};
use crate::render::budget::{clip, line_cost};
use crate::render::fence::WARNING;
use crate::render::part::Total;
use crate::render::piece::StoredText;
use crate::render::{next_page, state};
use crate::session::Keeper;
use crate::trouble::Trouble;

/// The size limit of the report.
const LIMIT: usize = 8_000;
/// The size limit of the present value in a refusal.
const PRESENT: usize = 2_000;
/// The page size. A whole page fits into the report, so that the cursor skips nothing.
const PAGE: u64 = 30;

#[derive(Debug, Deserr, JsonSchema)]
#[deserr(deny_unknown_fields, error = Violations)]
pub(super) struct Arguments {
    action: Action,
    #[deserr(default)]
    #[schemars(example = &"deploy.port")]
    key: Option<StateKey>,
    #[deserr(default)]
    #[schemars(example = &"{\"port\": 8787}")]
    value: Option<JsonText>,
    #[deserr(default)]
    version: Option<u32>,
    #[deserr(default)]
    cursor: Option<Cursor>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserr, JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[deserr(rename_all = lowercase, error = Violations)]
enum Action {
    Get,
    Set,
    Delete,
    List,
}

/// A JSON value, as text or as it is.
#[derive(Debug, Clone, PartialEq)]
struct JsonText(StateValue);

impl Deserr<Violations> for JsonText {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, at: ValuePointerRef) -> Result<Self, Violations> {
        let value = match value {
            Value::String(text) => serde_json::from_str(&text).map_err(|_| {
                let detail = "must be JSON; write a text in quotation marks";
                deserr::take_cf_content(<Violations as deserr::MergeWithError<deckwatch_protocol::Invalid>>::merge(
                    None,
                    deckwatch_protocol::Invalid::new(detail),
                    at,
                ))
            })?,
            value => serde_json::Value::from(value),
        };
        StateValue::deserialize_from_value(value.into_value(), at).map(Self)
    }
}

impl JsonSchema for JsonText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "JsonText".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Facts {
    /// The value, the keys or what happened, as text.
    pub(super) report: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    /// Absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

pub(super) async fn call(keeper: &Keeper, arguments: Arguments) -> Result<Facts, Trouble> {
    let request = arguments.request()?;
    let (api, venture) = (keeper.identity.api().await?, &keeper.identity.place().await?.venture.code);
    match request {
        StateRequest::List(cursor) => list(api, venture, cursor).await,
        StateRequest::Get { key, offset } => {
            let read = api.get_state(venture, &key, &GetState::default()).await?;
            Ok(one(&read, offset, LIMIT))
        }
        StateRequest::Set { key, value, known } => {
            let SessionFence { session_id, epoch } = keeper.fence().await?;
            let put = PutState { session_id, epoch, value };
            let written = api.put_state(venture, &key, known, &put).await;
            Ok(changed(&written_or_present(api, venture, &key, known, written).await?, "written"))
        }
        StateRequest::Delete { key, known } => {
            let SessionFence { session_id, epoch } = keeper.fence().await?;
            let deleted = api.delete_state(venture, &key, known, &FenceQuery { session_id, epoch }).await;
            Ok(changed(&written_or_present(api, venture, &key, Some(known), deleted).await?, "deleted"))
        }
    }
}

enum StateRequest {
    List(Option<Cursor>),
    Get { key: StateKey, offset: usize },
    Set { key: StateKey, value: StateValue, known: Option<u32> },
    Delete { key: StateKey, known: u32 },
}

impl Arguments {
    /// Checks the arguments of the action. The error names every missing and every extra argument.
    fn request(self) -> Result<StateRequest, Trouble> {
        let wrong = self.argument_errors();
        let request = match (self.action, self.key, self.value, self.version) {
            (Action::List, ..) => Some(StateRequest::List(self.cursor)),
            (Action::Get, Some(key), ..) => Some(StateRequest::Get { key, offset: offset_of(self.cursor.as_ref())? }),
            (Action::Set, Some(key), Some(JsonText(value)), known) => Some(StateRequest::Set { key, value, known }),
            (Action::Delete, Some(key), _, Some(known)) => Some(StateRequest::Delete { key, known }),
            _ => None,
        };
        match request {
            Some(request) if wrong.is_empty() => Ok(request),
            _ => Err(Trouble::Arguments(Violations(wrong))),
        }
    }

    fn argument_errors(&self) -> Vec<Violation> {
        use Action::{Delete, Get, List, Set};
        let action = self.action;
        let fields = [
            ("/key", self.key.is_some(), action != List, action != List),
            ("/value", self.value.is_some(), action == Set, action == Set),
            ("/version", self.version.is_some(), action == Delete, matches!(action, Set | Delete)),
            ("/cursor", self.cursor.is_some(), false, matches!(action, Get | List)),
        ];
        let wrong = fields.into_iter().filter_map(|(field, given, needed, allowed)| {
            let detail = match (given, needed, allowed) {
                (false, true, _) => "is required for this action",
                (true, _, false) => "is not allowed for this action",
                _ => return None,
            };
            Some(Violation { pointer: field.to_owned(), detail: detail.to_owned() })
        });
        wrong.collect()
    }
}

/// The result of a write. If the key has another version, the error shows the present one.
async fn written_or_present(
    api: &Api,
    venture: &VentureCode,
    key: &StateKey,
    known: Option<u32>,
    written: Result<StateEntry, ClientError>,
) -> Result<StateEntry, Trouble> {
    let error = match written {
        Err(error) if error.code() == Some(ErrorCode::StateChanged) => error,
        written => return Ok(written?),
    };
    let expected = known.map_or("expected no such key".to_owned(), |version| format!("named version {version}"));
    let present = match api.get_state(venture, key, &GetState::default()).await {
        Ok(read) => {
            let version = read.entry.version;
            let value = one(&read, 0, PRESENT).report;
            format!(
                "It has version {version} now. Decide from the present value, then call again with version {version}.\n{value}"
            )
        }
        Err(gone) if gone.code() == Some(ErrorCode::StateNotFound) => {
            "The key does not exist now. To write it again, leave out `version`.".to_owned()
        }
        Err(_) => return Err(error.into()),
    };
    Err(Trouble::StateChanged(format!(
        "nothing was changed: your call {expected}, but {key} was changed meanwhile. {present}"
    )))
}

fn changed(entry: &StateEntry, what: &str) -> Facts {
    let StateEntry { key, version, size_bytes, .. } = entry;
    let size = if *size_bytes == 0 { String::new() } else { format!(", {size_bytes} bytes") };
    Facts { report: format!("{key} is {what}: version {version}{size}."), version: Some(*version), ..Facts::default() }
}

fn one(read: &StateRead, offset: usize, limit: usize) -> Facts {
    let (fence, now) = (fence(), now());
    let entry = &read.entry;
    let value = serde_json::to_string_pretty(&read.value.0).unwrap_or_default();
    let stored = StoredText {
        holds: "a shared value",
        above: Vec::new(),
        text: &value,
        again: format!("`state` with action get, key {} and", entry.key),
    };
    let about = |characters: usize| {
        let (by, at) = (clip(&fence.line(entry.by.as_str()), 80), ago(entry.updated_at, now));
        format!("## {}, version {}, by {by}, {at}: {characters} characters of JSON", entry.key, entry.version)
    };
    let piece = stored.piece_for(
        &next_page::cursor_argument,
        about,
        offset,
        &fence,
        limit.saturating_sub(line_cost(WARNING) + 2),
    );
    Facts {
        report: format!("{WARNING}\n\n{}", piece.lines.join("\n")),
        version: Some(entry.version),
        next_cursor: piece.next_offset.map(|offset| offset.to_string()),
    }
}

async fn list(api: &Api, venture: &VentureCode, cursor: Option<Cursor>) -> Result<Facts, Trouble> {
    let page = api.list_state(venture, &ListState { limit: PAGE.try_into().ok(), cursor }).await?;
    if page.items.is_empty() {
        return Ok(Facts { report: format!("Venture {venture} has no shared values here."), ..Facts::default() });
    }
    let count = usize::try_from(page.total).unwrap_or(usize::MAX);
    let total = Total { count, at_least: page.total_is_minimum };
    let (fence, next) = (fence(), page.next_cursor.as_ref().map(Cursor::as_str));
    let part = state::list_part(&page.items, total, now(), &fence, next).fit(&fence, LIMIT);
    let report = format!("{WARNING}\n\n{}", part.lines.join("\n"));
    Ok(Facts { report, next_cursor: page.next_cursor.map(|cursor| cursor.to_string()), ..Facts::default() })
}
