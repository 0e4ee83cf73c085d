//! The tools: the definition, the arguments and the answer of each.
//!
//! An answer has a text and structured content. Some CLIs show a model only the text, and others only the structured
//! content, so the structured content includes the text. A text that somebody else wrote appears only inside the fences
//! of the text.

mod arguments;
mod background_healing;
mod context;
mod day_extras;
mod doc;
mod doc_audit;
mod doc_cursor;
mod handoff;
mod handoffs;
mod note;
mod notes;
mod plan;
mod preflight;
mod remedy;
mod scope;
mod secret_names;
mod sod;
mod sod_snapshot;
mod status;
mod ventures;

use std::sync::Arc;
use std::time::Instant;

use deckwatch_client::api::ClientError;
use deckwatch_client::outbox::{QueueStatus, Queued};
pub(crate) use deckwatch_machine::clock::now;
use deckwatch_protocol::{ErrorCode, Violations};
use deserr::Deserr;
use rmcp::model::{CallToolResult, ContentBlock, JsonObject, Tool as Definition, ToolAnnotations};
use serde::Serialize;
use serde_json::Value;

pub(crate) use self::arguments::call::parse_call;
use self::arguments::explain::explained;
use self::secret_names::SecretNames;
use crate::progress::Head;
use crate::render::fence::Fence;
use crate::schema;
use crate::session::Keeper;
use crate::trouble::Trouble;

/// Starts the day, and returns its report in at most `bytes`.
pub(crate) async fn day_at_opening(keeper: &Arc<Keeper>, bytes: usize) -> Result<String, Trouble> {
    sod::at_opening(keeper, bytes).await
}

/// Declares the tools. A row has the description, the tool, its module, its title and the hints that are true of it.
///
/// The name of a tool is the name of its module. The module has the types `Arguments` and `Facts` (the answer, with the
/// field `report` for its text) and the function `call`.
macro_rules! tools {
    ($($(#[doc = $description:literal])+ $tool:ident $module:ident $title:literal [$($hint:ident)*],)+) => {
        /// A tool of this server.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Tool {
            $($(#[doc = $description])+ $tool,)+
        }

        impl Tool {
            /// Every tool, in the order in which an agent needs them.
            pub(crate) const ALL: &[Self] = &[$(Self::$tool,)+];

            /// The name: of the tool and of its module.
            pub(crate) const fn name(self) -> &'static str {
                match self { $(Self::$tool => stringify!($module),)+ }
            }

            const fn title(self) -> &'static str {
                match self { $(Self::$tool => $title,)+ }
            }

            const fn description(self) -> &'static str {
                match self { $(Self::$tool => concat!($($description,)+).trim_ascii(),)+ }
            }

            /// What is true of the tool. The other hints are false.
            fn hints(self) -> ToolAnnotations {
                let none = ToolAnnotations::new().read_only(false).destructive(false).idempotent(false).open_world(false);
                match self { $(Self::$tool => none$(.$hint(true))*,)+ }
            }

            fn arguments_schema(self) -> JsonObject {
                match self { $(Self::$tool => schema::of_arguments::<$module::Arguments>(),)+ }
            }

            fn answer_schema(self) -> JsonObject {
                match self { $(Self::$tool => schema::of_answer::<$module::Facts>(),)+ }
            }

            async fn run(self, keeper: &Arc<Keeper>, arguments: JsonObject) -> Result<CallToolResult, Trouble> {
                match self {
                    $(Self::$tool => {
                        let facts = $module::call(keeper, decode(arguments)?).await?;
                        Ok(answer(&facts, &facts.report))
                    })+
                }
            }
        }
    };
}

tools! {
    /// Begin or resume your session: where the last one left off, P0 issues, the weekly plan, other active agents, notes and
    /// documents. Call it first.
    Sod sod "Start of day" [idempotent],
    /// Save progress and hand over to the next session or agent: done, in progress, blocked, next steps. Ends your day unless
    /// `keep_open` is set. Write no secrets.
    Handoff handoff "Handoff, end of day" [],
    /// List the handoffs that earlier sessions and agents left, also those queued on this machine, or read one by its id.
    Handoffs handoffs "Read handoffs" [read_only],
    /// Open GitHub issues (tasks) and pull requests by lane, with totals.
    Status status "Work queue" [read_only open_world],
    /// The weekly plan of this repository: priorities, the venture that comes first.
    Plan plan "Weekly plan" [read_only],
    /// Save, change, archive or restore a note: knowledge or a decision that outlives a session. Only when a human asks.
    /// Write no secrets.
    Note note "Write notes" [destructive],
    /// Search the team's knowledge and decisions by words, tag or scope, list notes, or read one by its id.
    Notes notes "Read notes" [read_only],
    /// List the documentation (docs) of the project, or read a document by its name.
    Doc doc "Read documents" [read_only],
    /// Which documentation (docs) is missing or stale. `heal` generates it from this repository, where a requirement allows
    /// it. It never replaces a person's text.
    DocAudit doc_audit "Document health" [idempotent],
    /// The team's ventures (products, projects): code, name, repositories, and the folder on this machine or how to clone it.
    Ventures ventures "Ventures" [read_only],
    /// Where you are: agent, venture, repository, branch, session, engine. Who else is working: all other active agents.
    Context context "Where am I" [read_only],
    /// Check the setup and diagnose problems, each with a fix: git, repository, slot, API, key, versions, clock, outbox,
    /// venture, session, GitHub.
    Preflight preflight "Preflight checks" [read_only],
}

impl Tool {
    /// The tool of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|tool| tool.name() == name)
    }

    /// The definition that clients get. An agent pays for it with its context in every session, so it has only what an
    /// agent needs for a correct call, and what a program needs to read the answer.
    pub(crate) fn definition(self) -> Definition {
        Definition::new(self.name(), self.description(), schema::for_clients(self.arguments_schema()))
            .with_title(self.title())
            .with_raw_output_schema(self.answer_schema().into())
            .with_annotations(needed(self.hints()))
    }

    /// Runs the tool. An error is an answer too, so that the agent can read what to do.
    pub(crate) async fn call(self, keeper: &Arc<Keeper>, arguments: JsonObject) -> CallToolResult {
        let secret_names = SecretNames::of(&arguments);
        let schema = self.arguments_schema();
        let arguments = arguments::read(arguments, &schema);
        let sent = arguments.clone();
        // `preflight` reports a foreign launch itself.
        if self != Self::Preflight
            && let Err(trouble) = keeper.identity.of_this_launch().await
        {
            return self.failed(&trouble, &QueueStatus::NotNeeded);
        }
        let result = match self.run(keeper, arguments).await {
            Ok(result) => result,
            Err(Trouble::Arguments(violations)) => {
                let explained = explained(violations, &sent, &schema);
                self.failed(&Trouble::Arguments(secret_names.masked(explained)), &QueueStatus::NotNeeded)
            }
            Err(trouble @ Trouble::Api(_)) => self.failed(&trouble, &keeper.queue_status().await),
            Err(trouble) => self.failed(&trouble, &QueueStatus::NotNeeded),
        };
        let client = keeper.identity.me().await.ok().map(|me| &me.client);
        let notices = [keeper.build.update_notice(client), self.reminder(keeper, &result).await];
        notices.into_iter().flatten().fold(result, |result, notice| with_notice(result, &notice))
    }

    /// The reminder to escalate, if the call shows that the work makes no progress.
    async fn reminder(self, keeper: &Keeper, result: &CallToolResult) -> Option<String> {
        if result.is_error == Some(true) {
            return keeper.progress.failed(&format!("{} {:?}", self.name(), result.content));
        }
        keeper.progress.succeeded();
        let now = Instant::now();
        if !matches!(self, Self::Sod | Self::Handoff) && !keeper.progress.is_due(now) {
            return None;
        }
        let checkout = keeper.identity.checkout().await.ok()?;
        let head = Head { branch: checkout.branch, commit_sha: checkout.commit_sha };
        match self {
            Self::Sod => keeper.progress.begun(head, now),
            Self::Handoff => keeper.progress.recorded(head, now),
            _ => return keeper.progress.look(head, now),
        }
        None
    }

    /// `queue_status` says whether writes can be queued on this machine while the API is down.
    fn failed(self, trouble: &Trouble, queue_status: &QueueStatus) -> CallToolResult {
        let mut text = format!("{} failed: {trouble}", self.name());
        let advice = match trouble {
            Trouble::Api(error) => self.advice(error, queue_status),
            _ => String::new(),
        };
        if !advice.is_empty() {
            text.push_str(if text.ends_with(['.', ']']) { "\n" } else { ".\n" });
            text.push_str(&advice);
        }
        let text = crate::render::clean::clean(&text);
        CallToolResult::error(vec![ContentBlock::text(text)])
    }

    /// What the agent can do after a failed call to the API, if the error does not say it.
    fn advice(self, error: &ClientError, queue_status: &QueueStatus) -> String {
        let is_unknown_outcome = matches!(
            error,
            ClientError::Unreachable { .. } | ClientError::NotTheApi { .. } | ClientError::Failed { .. }
        );
        match self {
            Self::Handoff if is_unknown_outcome => {
                "It is not known whether the handoff is recorded. Keep its text and \
                call handoff again with the same arguments: it is recorded only once."
                    .to_owned()
            }
            Self::Doc if error.is_outage() => "This machine has no copy of it. While the API answers, `launcher docs \
                cache` saves copies for such times."
                .to_owned(),
            Self::Sod if error.is_outage() => without_the_api(queue_status),
            _ if matches!(error, ClientError::Failed { correlation_id: Some(_), .. }) => {
                "Try again in a minute. If it fails again, give the id in brackets to the API's operator.".to_owned()
            }
            _ => match error.code() {
                Some(ErrorCode::NoteNotFound) => "`notes` lists the notes with their ids.".to_owned(),
                Some(ErrorCode::HandoffNotFound) => "`handoffs` lists the handoffs with their ids.".to_owned(),
                _ => String::new(),
            },
        }
    }
}

/// What works without the API and without an earlier answer.
fn without_the_api(queue_status: &QueueStatus) -> String {
    const NO_ANSWER: &str = "This machine has no earlier answer for this repository, so there is nothing to show.";
    match queue_status {
        QueueStatus::Available => format!(
            "{NO_ANSWER} You can work without the API. `handoff` works too: the handoff waits on this machine and is sent \
             later. Your session starts automatically when the API is back."
        ),
        QueueStatus::Unavailable(why) => format!(
            "{NO_ANSWER} This machine can't queue writes either: {why}. Until that is repaired, keep the text of a handoff \
             yourself. Your session starts automatically when the API is back."
        ),
        QueueStatus::NotNeeded => {
            "This machine's own database does not work, so nothing is recorded or queued. Keep the text of a handoff \
             until `sod` works again."
                .to_owned()
        }
    }
}

/// Decodes arguments. The error names every field that is not valid.
fn decode<T: Deserr<Violations>>(arguments: JsonObject) -> Result<T, Trouble> {
    deserr::deserialize(Value::Object(arguments)).map_err(Trouble::Arguments)
}

/// An answer with this structured content, which includes the report.
fn answer(facts: &impl Serialize, report: &str) -> CallToolResult {
    let mut result = CallToolResult::success(vec![ContentBlock::text(report)]);
    result.structured_content = serde_json::to_value(facts).ok();
    result
}

/// The answer with a notice below its text, in both forms.
fn with_notice(mut result: CallToolResult, notice: &str) -> CallToolResult {
    let text =
        result.content.first().and_then(ContentBlock::as_text).map(|block| format!("{}\n\n{notice}", block.text));
    if let (Some(first), Some(text)) = (result.content.first_mut(), text) {
        if let Some(Value::Object(facts)) = &mut result.structured_content {
            facts.insert("report".to_owned(), Value::String(text.clone()));
        }
        *first = ContentBlock::text(text);
    }
    result
}

/// Sentences about when and how a queued write is sent.
fn sent_later(queued: &Queued) -> String {
    let again = queued.again_at.map_or(String::new(), |at| format!(" The next try is at {at}, or at the next `sod`."));
    let before = match queued.before {
        0 => String::new(),
        1 => " One older write is sent first.".to_owned(),
        older => format!(" {older} older writes are sent first."),
    };
    let place = venture_note(queued);
    format!("Deckwatch sends it once, as soon as the API answers. Do not repeat it.{again}{before}{place}")
}

/// A sentence about a queued write whose venture is not known yet; empty when it is known.
fn venture_note(queued: &Queued) -> String {
    queued.venture_of.as_ref().map_or(String::new(), |repo| {
        format!(
            " The venture of {repo} is not known on this machine. It is looked up when the write is sent; if there is none, \
             a later `sod` says so."
        )
    })
}

/// A fence with a random marker.
pub(crate) fn fence() -> Fence {
    // Without randomness, the bar before every stored line still marks it.
    Fence::new(getrandom::u64().unwrap_or_default())
}

/// The hints that clients get: all that are true, and those that are false where MCP assumes the opposite. It does that for
/// a tool that changes something: without `destructive` and `open_world`, Codex asks the user before each call. Claude Code
/// assumes that a missing hint is false.
fn needed(mut hints: ToolAnnotations) -> ToolAnnotations {
    let changes = hints.read_only_hint != Some(true);
    for hint in [&mut hints.read_only_hint, &mut hints.idempotent_hint] {
        *hint = hint.filter(|is_true| *is_true);
    }
    for hint in [&mut hints.destructive_hint, &mut hints.open_world_hint] {
        *hint = hint.filter(|is_true| *is_true || changes);
    }
    hints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_machine_with_a_queue_promises_to_queue() {
        let full = || ClientError::Failed {
            detail: "The database is full.".to_owned(),
            status: Some(503),
            correlation_id: None,
            retry_after_seconds: Some(300),
        };
        let text = |queue_status: QueueStatus| {
            serde_json::to_string(&Tool::Sod.failed(&Trouble::Api(full()), &queue_status)).unwrap()
        };
        assert!(text(QueueStatus::Available).contains("the handoff waits on this machine and is sent later"));
        for (queue_status, part) in [
            (QueueStatus::NotNeeded, "nothing is recorded or queued"),
            (
                QueueStatus::Unavailable("the disk is full".to_owned()),
                "This machine can't queue writes either: the disk is full.",
            ),
        ] {
            let text = text(queue_status);
            assert!(text.contains(part) && !text.contains("is sent later"), "{text}");
        }
    }
}
