//! Runs steps through the API and compares what it answers with the model.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use deckwatch_protocol::Operation;
use deckwatch_server::Sqlite;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::model::{AGENTS, Claim, GROUPS, Life, Mode, Model, Refused, STALE_MS, SUBJECTS, Status, name};
use super::step::{By, Step};
use crate::lab::{Answered, TestApi, Trouble, day_of, handoff_of};

/// The ids of the machines.
const MACHINES: [&str; 2] = ["00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b"];
/// The kinds of events that the model knows.
const KINDS: &str = "session_started,session_lost,session_ended,message_sent,claim_taken,claim_released";
/// After so many steps, all claims and open deliveries are compared.
const CHECKED_EVERY: usize = 25;
const DAYS_30: i64 = 30 * 24 * 60 * 60 * 1000;

/// An error says what the API did and what the model expects.
pub(super) type Outcome<T = ()> = Result<T, String>;

/// What a process of an agent knows.
#[derive(Clone, Copy)]
pub(super) struct Process {
    number: u32,
    pub(super) session: usize,
    pub(super) epoch: u32,
    machine: u8,
}

/// An answer, and the time at which its request took effect.
pub(super) struct Answer {
    pub(super) result: Result<Value, String>,
    pub(super) at: i64,
    /// Whether the request was done, but its first answer was lost.
    was_lost: bool,
}

pub(super) struct Run {
    lab: Option<TestApi>,
    folder: TempDir,
    pub(super) model: Model,
    processes: [Vec<Process>; AGENTS],
    next_process: u32,
    pub(super) trouble: Option<Trouble>,
    head: u64,
    steps: usize,
}

pub(super) fn same<T: PartialEq + Debug>(what: &str, api: &T, model: &T) -> Outcome {
    if api == model { Ok(()) } else { Err(format!("{what}: the API has {api:?}, the model {model:?}")) }
}

/// Compares a refusal. Returns both results if neither refuses.
pub(super) fn both<A, M: Debug>(
    what: &str,
    api: Result<A, String>,
    model: Result<M, Refused>,
) -> Outcome<Option<(A, M)>> {
    match (api, model) {
        (Ok(api), Ok(model)) => Ok(Some((api, model))),
        (Err(api), Err(model)) => same(what, &api.as_str(), &model).map(|()| None),
        (Ok(_), Err(model)) => Err(format!("{what}: the API accepts it, the model refuses it with {model}")),
        (Err(api), Ok(model)) => Err(format!("{what}: the API refuses it with {api}, the model expects {model:?}")),
    }
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) fn items(value: &Value) -> &[Value] {
    value["items"].as_array().map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn word(status: Status) -> &'static str {
    match status {
        Status::Queued => "queued",
        Status::Offered => "offered",
        Status::Surfaced => "surfaced",
        Status::Acknowledged => "acknowledged",
        Status::Refused => "refused",
        Status::Expired => "expired",
    }
}

impl Run {
    pub(super) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let lab = TestApi::on(Arc::new(Sqlite::open(&folder.path().join("context.db")).unwrap()));
        lab.register_alpha().await;
        let (model, processes) = (Model::default(), std::array::from_fn(|_| Vec::new()));
        Self { lab: Some(lab), folder, model, processes, next_process: 1, trouble: None, head: 0, steps: 0 }
    }

    pub(super) fn lab(&self) -> &TestApi {
        self.lab.as_ref().unwrap()
    }

    pub(super) fn now(&self) -> i64 {
        self.lab().now().as_millis()
    }

    fn process(&self, by: By) -> Option<Process> {
        let of_agent = &self.processes[by.agent];
        of_agent.len().checked_sub(1 + usize::from(by.older)).map(|n| of_agent[n])
    }

    /// Does a step. An error says what differs.
    pub(super) async fn step(&mut self, step: Step) -> Outcome {
        self.model.events.clear();
        let by = match step {
            Step::Beat(by)
            | Step::Update(by, _)
            | Step::End(by)
            | Step::Send { by, .. }
            | Step::Take { by, .. }
            | Step::Report { by, .. }
            | Step::Claim { by, .. }
            | Step::Release { by, .. } => Some(by),
            _ => None,
        };
        let process = by.map(|by| self.process(by));
        match (step, process.flatten()) {
            (Step::Start { agent, is_new, machine, takes_over }, _) => {
                self.start(agent, is_new, machine, takes_over).await?;
            }
            (Step::Beat(_), Some(process)) => self.beat(process).await?,
            (Step::Update(_, n), Some(process)) => self.update(process, n).await?,
            (Step::End(_), Some(process)) => self.end(process).await?,
            (Step::Send { to, is_urgent, minutes, .. }, Some(process)) => {
                self.send(process, to, is_urgent, minutes).await?;
            }
            (Step::Take { limit, again, .. }, Some(process)) => self.take(process, limit.into(), again).await?,
            (Step::Report { of, status, minutes_ago, .. }, Some(process)) => {
                self.report(process, of, status, minutes_ago).await?;
            }
            (Step::Claim { subjects, takes, .. }, Some(process)) => self.claim(process, subjects, takes).await?,
            (Step::Release { of, .. }, Some(process)) => self.release(process, of).await?,
            (Step::Pass { seconds }, _) => self.lab().pass_seconds(seconds),
            (Step::Sweep, _) => self.sweep().await?,
            (Step::Crash, _) => self.crash(),
            (Step::Trouble { is_done }, _) => {
                self.trouble = Some(if is_done { Trouble::BreaksAfterCommit } else { Trouble::Unreachable });
            }
            (_, None) => return Ok(()),
        }
        self.steps += 1;
        self.check_events().await?;
        let touches_claims = self.model.events.iter().any(|(kind, _)| kind.starts_with("claim_"));
        if touches_claims || self.steps.is_multiple_of(CHECKED_EVERY) {
            self.check_claims().await?;
        }
        if self.steps.is_multiple_of(CHECKED_EVERY) {
            self.check_deliveries(|status| matches!(status, Status::Queued | Status::Offered)).await?;
        }
        Ok(())
    }

    fn answer(answered: &Answered, was_lost: bool, at: i64) -> Answer {
        let json: Value = serde_json::from_str(&answered.text).unwrap_or_default();
        let result = if answered.status < 300 { Ok(json) } else { Err(text(&json["code"])) };
        Answer { result, at, was_lost }
    }

    /// Sends a request that changes nothing twice if it has no key.
    pub(super) async fn ask(&self, operation: Operation, to: (&str, &str), body: Option<&Value>) -> Answer {
        let answered = self.lab().ask(operation, to, body).await;
        Self::answer(&answered, false, self.now())
    }

    /// Sends a write. If the next trouble is due, its first answer is an error, and it is sent again.
    pub(super) async fn write(&mut self, operation: Operation, to: (&str, &str), body: Option<&Value>) -> Answer {
        let key = self.lab().fresh_key();
        let trouble = self.trouble.take();
        if let Some(trouble) = trouble {
            self.lab().expect_trouble(trouble);
        }
        let first = self.lab().ask_with(operation, to, body, &key).await;
        self.lab().trouble_ends();
        let at = self.now();
        let (Some(trouble), 503) = (trouble, first.status) else { return Self::answer(&first, false, at) };
        let was_lost = trouble == Trouble::BreaksAfterCommit;
        let again = self.lab().ask_with(operation, to, body, &key).await;
        Self::answer(&again, was_lost, if was_lost { at } else { self.now() })
    }

    async fn start(&mut self, agent: usize, is_new: bool, machine: u8, takes_over: bool) -> Outcome {
        let last = self.processes[agent].last().copied();
        // The process that runs stays on its machine.
        let (number, machine) = last.filter(|_| !is_new).map_or_else(
            || {
                self.next_process += 1;
                (self.next_process, machine)
            },
            |last| (last.number, last.machine),
        );
        let mut body = day_of(&name(agent));
        body["start_id"] = json!(format!("00000000-0000-4000-8000-{number:012x}"));
        body["machine_id"] = json!(MACHINES[usize::from(machine)]);
        body["groups"] = json!(GROUPS[agent].iter().copied().collect::<BTreeMap<_, _>>());
        if takes_over {
            body["take_over"] = json!("the agent goes on here");
        }
        let answer = self.write(Operation::StartDay, ("", ""), Some(&body)).await;
        let model = self.model.start(agent, (number, machine), takes_over, answer.at);
        let Some((day, (session, is_created))) = both("start_day", answer.result, model)? else { return Ok(()) };
        if !answer.was_lost {
            self.model.after_start(answer.at);
        }
        if is_created {
            self.model.sessions[session].id = text(&day["session"]["id"]);
        }
        let expected = &self.model.sessions[session];
        let outcome = if is_created { "created" } else { "resumed" };
        same("the outcome of a start", &text(&day["outcome"]).as_str(), &outcome)?;
        same("the session of a start", &text(&day["session"]["id"]), &expected.id)?;
        same("the epoch of a start", &day["session"]["epoch"].as_u64(), &Some(expected.epoch.into()))?;
        let process = Process { number, session, epoch: expected.epoch, machine };
        self.processes[agent].push(process);
        Ok(())
    }

    async fn beat(&mut self, process: Process) -> Outcome {
        let id = self.model.sessions[process.session].id.clone();
        let answer = self.ask(Operation::Heartbeat, (&id, ""), None).await;
        let model = self.model.beat(process.session, answer.at);
        both("heartbeat", answer.result, model).map(drop)
    }

    async fn update(&mut self, process: Process, n: u8) -> Outcome {
        let id = self.model.sessions[process.session].id.clone();
        let (mode, of_mode) = match n % 8 {
            0..6 => (Mode::Push, "push"),
            6 => (Mode::Inbox, "inbox"),
            _ => (Mode::Off, "off"),
        };
        let dnd_until = (n / 8).is_multiple_of(4).then(|| self.lab().now().plus_seconds(600));
        let body = json!({ "epoch": process.epoch, "mode": of_mode, "dnd_until": dnd_until });
        let answer = self.write(Operation::UpdateSession, (&id, ""), Some(&body)).await;
        let until = dnd_until.map(deckwatch_protocol::Timestamp::as_millis);
        let model = self.model.update((process.session, process.epoch), mode, until, answer.at);
        both("update_session", answer.result, model).map(drop)
    }

    async fn end(&mut self, process: Process) -> Outcome {
        let mut body = handoff_of(&self.model.sessions[process.session].id);
        body["epoch"] = json!(process.epoch);
        let answer = self.write(Operation::EndDay, ("", ""), Some(&body)).await;
        self.model.end(process.session, process.epoch);
        both("end_day", answer.result, Ok(())).map(drop)
    }

    async fn claim(&mut self, process: Process, subjects: [u8; 2], takes: bool) -> Outcome {
        let mut subjects: Vec<usize> = subjects.into_iter().map(|n| usize::from(n) % SUBJECTS.len()).collect();
        subjects.dedup();
        let body = json!({
            "session_id": self.model.sessions[process.session].id, "epoch": process.epoch, "take": takes,
            "subjects": subjects.iter().map(|n| SUBJECTS[*n]).collect::<Vec<_>>(),
            "reason": takes.then_some("its holder is silent"),
        });
        let answer = self.write(Operation::PutClaims, ("", ""), Some(&body)).await;
        let model = self.model.claim((process.session, process.epoch), &subjects, takes, answer.at);
        let Some((claimed, places)) = both("put_claims", answer.result, model)? else { return Ok(()) };
        same("the number of claims", &items(&claimed).len(), &places.len())?;
        let before = self.model.last_fence;
        for (item, place) in items(&claimed).iter().zip(places) {
            let (id, fence) = (text(&item["id"]), item["fence"].as_u64().unwrap_or_default());
            let claim = &mut self.model.claims[place];
            same("the subject of a claim", &item["subject"].as_str(), &Some(SUBJECTS[claim.subject]))?;
            if claim.id.is_empty() {
                same("whether the fence of a claim grows", &(fence > before), &true)?;
                (claim.id, claim.fence) = (id, fence);
                self.model.last_fence = self.model.last_fence.max(fence);
            } else {
                same("a claim that was held before", &(&id, fence), &(&claim.id, claim.fence))?;
            }
        }
        Ok(())
    }

    async fn release(&mut self, process: Process, of: u8) -> Outcome {
        let claims = &self.model.claims;
        let Some(claim) = claims.get(usize::from(of) % claims.len().max(1)) else { return Ok(()) };
        let id = claim.id.clone();
        let query = format!("session_id={}&epoch={}", self.model.sessions[process.session].id, process.epoch);
        let answer = self.write(Operation::ReleaseClaim, (&id, &query), None).await;
        let model = self.model.release((process.session, process.epoch), &id, answer.at);
        both("release_claim", answer.result, model).map(drop)
    }

    async fn sweep(&mut self) -> Outcome {
        let now = self.now();
        self.lab().app().sweep().await.map_err(|error| format!("the sweep failed: {error}"))?;
        for failed in self.model.sweep(now) {
            let Some(sender) = self.model.messages[failed].from else { continue };
            self.model.post(None, [name(sender)].into(), (false, DAYS_30), now);
            self.model.events.push(("message_sent", format!("deckwatch {}", self.model.messages[failed].id)));
        }
        Ok(())
    }

    /// Kills the engine: it goes on with the files that are on the disk at this moment.
    fn crash(&mut self) {
        let copy = TempDir::new().unwrap();
        for file in ["context.db", "context.db-wal"] {
            std::fs::copy(self.folder.path().join(file), copy.path().join(file)).unwrap();
        }
        let database = Sqlite::open(&copy.path().join("context.db")).unwrap();
        self.lab = self.lab.take().map(|lab| lab.restarted(Arc::new(database)));
        self.folder = copy;
    }

    /// Compares the events since the last check. A message of the engine gets the ids of the API.
    async fn check_events(&mut self) -> Outcome {
        let query = format!("after={}&limit=100&kinds={KINDS}", self.head);
        let page = self
            .ask(Operation::ListEvents, ("", &query), None)
            .await
            .result
            .map_err(|code| format!("list_events: {code}"))?;
        let mut events = Vec::new();
        for event in items(&page) {
            let (kind, mut agent) = (text(&event["kind"]), text(&event["agent"]));
            if kind == "message_sent" && agent == "deckwatch" {
                agent = format!("deckwatch {}", self.adopt(&text(&event["subject"])).await?);
            }
            events.push((kind, agent));
        }
        self.head = page["next_after"].as_u64().unwrap_or_default();
        let mut expected: Vec<_> =
            self.model.events.iter().map(|(kind, agent)| ((*kind).to_owned(), agent.clone())).collect();
        expected.sort();
        events.sort();
        same("the events", &events, &expected)
    }

    /// Gives the first message of the engine without an id the id `id`. Returns which message it is about.
    async fn adopt(&mut self, id: &str) -> Outcome<String> {
        let message = self.ask(Operation::GetMessage, (id, ""), None).await.result?;
        let adopting = self.model.messages.iter_mut().find(|message| message.id.is_empty());
        let adopting =
            adopting.ok_or(format!("the engine has sent a message that the model does not know: {message}"))?;
        id.clone_into(&mut adopting.id);
        same("the recipients of a message of the engine", &message["deliveries"].as_array().map(Vec::len), &Some(1))?;
        adopting.deliveries[0].id = text(&message["deliveries"][0]["id"]);
        Ok(text(&message["reply_to"]))
    }

    async fn check_claims(&mut self) -> Outcome {
        let page = self.ask(Operation::ListClaims, ("", "venture=alpha&limit=100"), None).await;
        let page = page.result.map_err(|code| format!("list_claims: {code}"))?;
        let claim = |item: &Value| Claim {
            id: text(&item["id"]),
            subject: SUBJECTS
                .iter()
                .position(|subject| Some(*subject) == item["subject"].as_str())
                .unwrap_or(usize::MAX),
            session: self
                .model
                .sessions
                .iter()
                .position(|s| Some(&*s.id) == item["session_id"].as_str())
                .unwrap_or(usize::MAX),
            fence: item["fence"].as_u64().unwrap_or_default(),
        };
        let mut claims: Vec<Claim> = items(&page).iter().map(claim).collect();
        claims.sort();
        self.model.claims.sort();
        same("the claims", &claims, &self.model.claims)
    }

    async fn check_deliveries(&self, is_checked: impl Fn(Status) -> bool) -> Outcome {
        for message in &self.model.messages {
            if !message.deliveries.iter().any(|delivery| is_checked(delivery.status)) {
                continue;
            }
            let found = self.ask(Operation::GetMessage, (&message.id, ""), None).await.result?;
            let api: Vec<_> = found["deliveries"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|delivery| (text(&delivery["agent"]), text(&delivery["status"]), delivery["redelivered"] == true))
                .collect();
            let model: Vec<_> = message
                .deliveries
                .iter()
                .map(|delivery| (delivery.to.clone(), word(delivery.status).to_owned(), delivery.redelivered))
                .collect();
            same(&format!("the deliveries of {}", message.id), &api, &model)?;
        }
        Ok(())
    }

    /// Compares all sessions, claims and deliveries.
    pub(super) async fn check_everything(&mut self) -> Outcome {
        self.check_claims().await?;
        self.check_deliveries(|_| true).await?;
        for session in &self.model.sessions {
            let found = self.ask(Operation::GetSession, (&session.id, ""), None).await;
            let is_stale = session.heartbeat < found.at - STALE_MS;
            let status = match session.life {
                Life::Active if !is_stale => "active",
                Life::Ended => "ended",
                _ => "abandoned",
            };
            let found = found.result?;
            same(
                "a session",
                &(found["status"].as_str(), found["epoch"].as_u64()),
                &(Some(status), Some(session.epoch.into())),
            )?;
        }
        Ok(())
    }
}
