//! The fleet: the machines of a team, how one of them reaches the others, and what a machine does when it is asked.
//!
//! The *near side* runs on the machine of the person: [`members`] says which machines there are, [`ssh`] reaches them,
//! and [`remote`] sends requests. The *far side* is [`host`]: the program that SSH runs on a member. [`wire`] has the
//! lines that they exchange. [`status`] asks for the state of a member, or gives its last answer. [`runs`] has the agents
//! that are started on a member. [`installation`] is the checkout that Deckwatch was installed from.

pub mod host;
pub mod installation;
mod lines;
pub mod members;
pub mod remote;
pub mod runs;
pub mod ssh;
pub mod status;
pub mod wire;
