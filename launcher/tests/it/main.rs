//! Tests of the launcher: they run the real program, with a separate home folder and stubs of the agent CLIs.

#[cfg(test)]
mod agent_tokens;
#[cfg(test)]
mod background_server;
#[cfg(test)]
mod branches;
#[cfg(test)]
mod conversations;
#[cfg(test)]
mod dev_session;
#[cfg(test)]
mod docs_cache;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod dry_run;
#[cfg(test)]
mod github;
#[cfg(test)]
mod github_tokens;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod healing;
#[cfg(test)]
mod hooks;
#[cfg(test)]
mod infisical;
#[cfg(test)]
mod init;
#[cfg(test)]
mod keyring;
#[cfg(test)]
mod launching;
#[cfg(test)]
mod list;
#[cfg(test)]
mod mcp_doctor;
#[cfg(test)]
mod menu;
#[cfg(test)]
mod offline;
#[cfg(test)]
mod records;
#[cfg(test)]
mod refusing;
#[cfg(test)]
mod registering;
#[cfg(test)]
mod remote;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod secrets_sources;
#[cfg(test)]
mod secrets_traces;
#[cfg(test)]
mod secrets_verbs;
#[cfg(test)]
mod self_update;
#[cfg(test)]
mod shell;
#[cfg(test)]
mod slash_commands;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod terminal;
#[cfg(test)]
mod ventures_sync;
#[cfg(test)]
mod world;
