//! The example requests of every operation, with an engine, an agent and the keys to send them.

use deckwatch_protocol::operation::Tier;
use deckwatch_protocol::{ErrorCode, Operation};
use deckwatch_tests::{Agent, Api, Caller, ExampleSender, Examples, Response, TestRequest};

/// An agent, and the records that the examples need on its venture.
pub(crate) struct ExampleRecords {
    pub(crate) api: Api,
    pub(crate) agent: Agent,
    examples: Examples,
}

/// Sends with the keys of the engine.
struct Keys<'a>(&'a Agent);

impl ExampleSender for Keys<'_> {
    async fn send_as(&self, tier: Tier, ask: TestRequest) -> Response {
        match tier {
            Tier::Public => self.0.api().anonymous().send(ask).await,
            Tier::Context => self.0.send(ask).await,
            Tier::Admin => self.0.api().admin().send(ask).await,
        }
    }
}

impl ExampleRecords {
    pub(crate) async fn new() -> Self {
        Self::on(Api::start().await).await
    }

    pub(crate) async fn on(api: Api) -> Self {
        let agent = api.agent().await;
        let examples = Examples::new(&Keys(&agent), &agent.venture).await;
        Self { api, agent, examples }
    }

    /// A valid request for `operation`.
    pub(crate) fn good(&self, operation: Operation) -> TestRequest {
        self.examples.good(operation)
    }

    /// An invalid request for `operation`, and the code of the expected problem.
    pub(crate) fn bad(&self, operation: Operation) -> (TestRequest, ErrorCode) {
        self.examples.bad(operation)
    }

    /// Checks that `response` is a successful answer of `operation` with every field.
    #[track_caller]
    pub(crate) fn check(operation: Operation, response: &Response) {
        Examples::check(operation, response);
    }

    /// Sends `ask` with the key that `operation` needs.
    pub(crate) async fn send(&self, operation: Operation, ask: TestRequest) -> Response {
        Keys(&self.agent).send_as(operation.tier(), ask).await
    }
}
