//! An agent with a session that takes claims.

use deckwatch_protocol::{Claim, ClaimsTaken, Operation, SessionId};
use serde_json::{Value, json};

use crate::agent::Agent;
use crate::caller::Caller;
use crate::response::Response;
use crate::shape::overlay;
use crate::test_request::TestRequest;

/// An agent in its session.
#[derive(Clone)]
pub struct Holder {
    /// The agent.
    pub agent: Agent,
    /// Its session.
    pub session: SessionId,
}

impl Agent {
    /// The agent in a new session.
    pub async fn holder(&self) -> Holder {
        Holder { agent: self.clone(), session: self.started().await.session.id }
    }
}

impl Holder {
    /// The request that takes claims; `fields` adds or replaces fields of the body.
    pub fn ask_claim(&self, subjects: &[&str], fields: Value) -> TestRequest {
        let put = json!({ "session_id": self.session, "epoch": 1, "subjects": subjects });
        TestRequest::of(Operation::PutClaims).json(&overlay(put, fields))
    }

    /// Takes claims.
    pub async fn claim(&self, subjects: &[&str]) -> Response {
        self.agent.send(self.ask_claim(subjects, json!({}))).await
    }

    /// Takes claims and expects success.
    pub async fn claimed(&self, subjects: &[&str]) -> Vec<Claim> {
        self.claim(subjects).await.of::<ClaimsTaken>(200).items
    }

    /// Takes claims from a silent holder.
    pub async fn take(&self, subjects: &[&str]) -> Response {
        self.agent.send(self.ask_claim(subjects, json!({ "take": true, "reason": "The holder is gone." }))).await
    }

    /// Releases a claim.
    pub async fn release(&self, claim: &Claim) -> Response {
        self.agent.send(self.ask_release(claim)).await
    }

    /// The request that releases a claim.
    pub fn ask_release(&self, claim: &Claim) -> TestRequest {
        let query = format!("session_id={}&epoch=1", self.session);
        TestRequest::of(Operation::ReleaseClaim).with(&claim.id).query(query)
    }
}
