//! The answers of `handoff` and `handoffs`.

use serde_json::json;

use super::Transcript;
use crate::between::{Between, Fate};
use crate::harness::{Machine, handoff};
use crate::outage::sent_by_another_process;
use crate::outbox::keep_open;
use crate::server::{Server, agent_by_way_of};

const AGENT: &str = "mac1-claude-1";
const OTHER: &str = "mac2-codex-1";

#[test]
fn handoffs_in_every_outcome_are_in_step() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, AGENT);
    let mut transcript = Transcript::on(&machine);
    transcript.call("without a session", &mut agent, "handoff", &handoff("No day was started."));
    let _ = agent.call("sod", &json!({})).good();
    let mut half = keep_open("Half of the parser is written.");
    half["to_agent"] = json!(OTHER);
    transcript.call("for another agent, and the session stays open", &mut agent, "handoff", &half);
    let end = handoff("All of the parser is written.");
    transcript.call("at the end of the day", &mut agent, "handoff", &end);
    transcript.call("again, with the same text", &mut agent, "handoff", &end);
    transcript.call("again, with another text", &mut agent, "handoff", &handoff("One more thing."));
    let _ = agent.call("sod", &json!({})).good();
    server.kill();
    transcript.call("while the API is down", &mut agent, "handoff", &keep_open("The API is down."));
    transcript.call("while an older one waits", &mut agent, "handoff", &handoff("It is still down."));

    let (machine, server) = (Machine::new(), Server::started());
    let between = Between::leading_to(server.address());
    let mut agent = agent_by_way_of(&machine, AGENT, &between.url);
    let _ = agent.call("sod", &json!({})).good();
    between.decides(|_| Fate::IsAnsweredElsewhere(200));
    transcript.call("in the network of a hotel", &mut agent, "handoff", &handoff("In a hotel."));

    let (answer, ..) = sent_by_another_process("handoff", "/v1/eod", &handoff("Raced."));
    transcript.write("the answer of the API was lost", "handoff", &answer.good().text);
    transcript.is_in_step("handoff");
}

#[test]
fn lists_of_handoffs_are_in_step() {
    let (machine, mut server) = (Machine::new(), Server::started());
    let mut agent = server.agent(&machine, AGENT);
    let mut transcript = Transcript::on(&machine);
    transcript.call("no handoffs", &mut agent, "handoffs", &json!({}));
    let mut rich = handoff("The sign-in page is half done.");
    rich["accomplished"] = json!(["The form works", "A password can be reset"]);
    rich["in_progress"] = json!(["The mail with the link"]);
    rich["blocked"] = json!(["The mail server has no certificate"]);
    rich["next_steps"] = json!(["Send the mail", "Test it on a phone"]);
    rich["links"] = json!(["https://github.com/example-org/alpha/pull/31"]);
    let recorded = agent.call("handoff", &rich).good();
    let mut to_other = keep_open("Review the sign-in page.");
    to_other["to_agent"] = json!(OTHER);
    let _ = agent.call("handoff", &to_other).good();
    transcript.call("all handoffs of the venture", &mut agent, "handoffs", &json!({}));
    transcript.call("those for one agent", &mut agent, "handoffs", &json!({"to_agent": OTHER}));
    let one = json!({"id": recorded.facts["handoff_id"]});
    transcript.call("one handoff", &mut agent, "handoffs", &one);
    let mut long = keep_open("A handoff that is read in pieces.");
    long["next_steps"] = (1..=120).map(|n| json!(format!("Step {n}: {}", "walk on ".repeat(10).trim()))).collect();
    let long = agent.call("handoff", &long).good().facts["handoff_id"].clone();
    let last = json!({"id": long, "offset": 10_000});
    transcript.call("the end of a long handoff", &mut agent, "handoffs", &last);
    let _ = agent.call("sod", &json!({})).good();
    server.kill();
    let _ = agent.call("handoff", &keep_open("Written while the API is down.")).good();
    transcript.call("while the API is down", &mut agent, "handoffs", &json!({}));
    transcript.is_in_step("handoffs");
}
