//! The GitHub classifier: it grades issues and pull requests, and moves their status.
//!
//! A delivery of the webhook is only a reason to look. The work reads the issue from GitHub as it is now, so that
//! deliveries may arrive late, twice or in another order. [`rules`] decides the grade, [`status`] the status, [`labels`]
//! what is added and removed, and [`work`] runs one delivery from its claim to its end.

mod access;
mod app_key;
mod change;
mod client;
mod criteria;
mod decision;
mod event;
mod glob;
mod item;
mod labels;
mod model;
mod rules;
mod settings;
mod signature;
mod status;
mod work;

pub(crate) use event::{Event, read as read_event};
pub(crate) use settings::GithubSettings;
pub(crate) use signature::is_signed;
pub(crate) use work::{Classifier, KEEP_SECONDS};
