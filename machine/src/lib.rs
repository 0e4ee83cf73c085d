//! This machine: its folders and variables, its repositories and ventures, and the agents that run on it.

pub mod agent;
pub mod agent_folder;
pub mod checkout;
pub mod claims_file;
pub mod clock;
pub mod digest;
pub mod dirs;
pub mod discovery;
pub mod disk;
pub mod durable;
pub mod links;
pub mod variables;
pub mod ventures;
