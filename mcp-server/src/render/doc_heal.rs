//! What came of healing documents, in our own words: no text of others stands here.

use std::time::Duration;

use super::budget::clip;
use super::clean::clean_line;
use crate::healing::outcome::{NoGround, Outcome, Treated};

/// What a cause may cost.
const CAUSE_COST: usize = 300;

/// One line for each document.
pub(crate) fn lines(treated: &[Treated]) -> Vec<String> {
    treated.iter().map(|one| format!("- {}", line(one))).collect()
}

/// What was done in the background, on one line.
pub(crate) fn news(treated: &[Treated]) -> String {
    let each: Vec<String> = treated.iter().map(line).collect();
    format!("Documents, healed in the background: {}.", each.join("; "))
}

/// The background gave up.
pub(crate) fn too_slow(patience: Duration) -> String {
    format!(
        "Documents were not healed within {} s in the background; `doc_audit` with action \"heal\" has more time.",
        patience.as_secs()
    )
}

/// Why nothing was generated at all.
pub(crate) fn no_ground(reason: &NoGround) -> String {
    match reason {
        NoGround::NotARepository => {
            "Nothing is generated: this folder is not a git repository. Start the agent in one.".to_owned()
        }
        NoGround::NotTheVentures(repo, venture) => format!(
            "Nothing is generated: {repo} is not among the repositories of venture {venture}. If it is one, add it to \
             `repos` of the venture."
        ),
    }
}

fn line(one: &Treated) -> String {
    let cause = |text: &str| clip(&clean_line(text), CAUSE_COST);
    let what = match &one.outcome {
        Outcome::Created(version) => format!("created, version {version}"),
        Outcome::Updated(version) => format!("updated, version {version}"),
        Outcome::Confirmed(version) => format!("unchanged and confirmed, version {version}"),
        Outcome::NothingFound => "not written, nothing for it was found in this repository".to_owned(),
        Outcome::ByHand => "left as it is, a person wrote or changed it; whoever did must look at it".to_owned(),
        Outcome::FromAnother(repo) => format!("left as it is, it was generated from {repo}; heal it there"),
        Outcome::Changed => "left as it is, somebody changed it just now".to_owned(),
        Outcome::HoldsSecret(places) => {
            format!("refused, {}; take it out of the repository's files and heal again", cause(places))
        }
        Outcome::NotPermitted => "not permitted to this key; ask an admin".to_owned(),
        Outcome::Unreachable(why) => format!("not written, nor what comes after it: {}", cause(why)),
        Outcome::Failed(why) => format!("failed: {}", cause(why)),
    };
    format!("{}: {what}", one.kind.file_name())
}
