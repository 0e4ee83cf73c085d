//! The far side: what a member does when it is asked. SSH runs it as `launcher fleet host`.
//!
//! A request comes on standard input, the answer leaves on standard output. So no argument, text or key of a request is on
//! a command line, where other users of the machine could read it.

mod connection;
pub mod deploy;
mod follow;
mod git;
pub mod health;
pub mod hello;
pub mod mesh;
mod program;
mod runs;
mod settings;
pub mod tmux;

use serde_json::Value;

pub use self::connection::Connection;
use self::deploy::Deploy;
use self::health::Health;
use self::hello::Hello;
use self::mesh::{Authorize, DeployConfig, Inspect, MakeKey, TryLogins};
use self::tmux::SetUpTmux;
use crate::runs::Limits;
use crate::runs::requests::{AskPlace, AttachRun, ListRuns, OpenSession, StartRun, StopRun};
use crate::wire::{Envelope, Frame, Refusal, RefusalKind, Request, VERSION};

/// A request that this machine can answer.
pub trait Answers: Request {
    /// Does what is asked. Items go to `connection`.
    fn answer(self, connection: &mut Connection) -> impl Future<Output = Result<Self::Answer, Refusal>>;
}

/// Answers one request from standard input on standard output. `limits` says how many agents may run here;
/// requests that start no agent don't need it.
pub async fn serve(limits: Result<Limits, String>) -> std::io::Result<()> {
    let mut connection = Connection::of_this_process(limits).await?;
    let result = match connection.envelope().await {
        Ok(envelope) => dispatch(envelope, &mut connection).await,
        Err(refusal) => Err(refusal),
    };
    connection.send(&result.map_or_else(Frame::Failed, Frame::Done)).await
}

/// Every request of the far side has a line here.
async fn dispatch(envelope: Envelope, connection: &mut Connection) -> Result<Value, Refusal> {
    if envelope.version != VERSION {
        let message = format!("this machine speaks version {VERSION}, the request is of version {}", envelope.version);
        return Err(Refusal::new(RefusalKind::BadRequest, message));
    }
    match envelope.request.as_str() {
        Hello::NAME => answer::<Hello>(envelope.body, connection).await,
        SetUpTmux::NAME => answer::<SetUpTmux>(envelope.body, connection).await,
        Inspect::NAME => answer::<Inspect>(envelope.body, connection).await,
        MakeKey::NAME => answer::<MakeKey>(envelope.body, connection).await,
        Authorize::NAME => answer::<Authorize>(envelope.body, connection).await,
        DeployConfig::NAME => answer::<DeployConfig>(envelope.body, connection).await,
        TryLogins::NAME => answer::<TryLogins>(envelope.body, connection).await,
        Health::NAME => answer::<Health>(envelope.body, connection).await,
        Deploy::NAME => answer::<Deploy>(envelope.body, connection).await,
        StartRun::NAME => answer::<StartRun>(envelope.body, connection).await,
        AttachRun::NAME => answer::<AttachRun>(envelope.body, connection).await,
        ListRuns::NAME => answer::<ListRuns>(envelope.body, connection).await,
        StopRun::NAME => answer::<StopRun>(envelope.body, connection).await,
        AskPlace::NAME => answer::<AskPlace>(envelope.body, connection).await,
        OpenSession::NAME => answer::<OpenSession>(envelope.body, connection).await,
        other => {
            let message = format!("this machine does not know the request `{other}`; update Deckwatch there");
            Err(Refusal::new(RefusalKind::BadRequest, message))
        }
    }
}

async fn answer<R: Answers>(body: Value, connection: &mut Connection) -> Result<Value, Refusal> {
    let request: R = serde_json::from_value(body).map_err(|error| {
        Refusal::new(RefusalKind::BadRequest, format!("the request {} is malformed: {error}", R::NAME))
    })?;
    let answer = request.answer(connection).await?;
    serde_json::to_value(answer).map_err(|error| Refusal::machine(format!("the answer can't be sent: {error}")))
}
