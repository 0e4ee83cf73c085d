//! The fleet: the machines of a team, how one of them reaches the others, and what a machine does when it is asked.
//!
//! The *near side* runs on the machine of the person: [`members`] says which machines there are, [`ssh`] reaches them,
//! and [`remote`] sends requests. The *far side* is [`host`]: the program that SSH runs on a member. [`wire`] has the
//! lines that they exchange. [`runs`] has the agents that are started on a member.

pub mod host;
mod lines;
pub mod members;
pub mod remote;
pub mod runs;
pub mod ssh;
pub mod wire;
