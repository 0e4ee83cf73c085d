//! The launcher as people run it: the real program, a home of its own, agents that only record.

#[cfg(test)]
mod branches;
#[cfg(test)]
mod conversations;
#[cfg(test)]
mod dev_session;
#[cfg(test)]
mod dry_run;
#[cfg(test)]
mod launching;
#[cfg(test)]
mod mcp_doctor;
#[cfg(test)]
mod menu;
#[cfg(test)]
mod offline;
#[cfg(test)]
mod refusing;
#[cfg(test)]
mod registering;
#[cfg(test)]
mod world;
