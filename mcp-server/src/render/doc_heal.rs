//! What came of healing documents, in our own words: no text of others stands here.

use std::time::Duration;

use super::budget::clip;
use super::clean::clean_line;
use crate::healing::outcome::{CannotHeal, HealedDoc, HealingOutcome};

/// What a cause may cost.
const CAUSE_COST: usize = 300;

/// One line for each document.
pub(crate) fn lines(healed: &[HealedDoc]) -> Vec<String> {
    healed.iter().map(|one| format!("- {}", line(one))).collect()
}

/// What was done in the background, on one line.
pub(crate) fn summary(healed: &[HealedDoc]) -> String {
    let each: Vec<String> = healed.iter().map(line).collect();
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
pub(crate) fn cannot_heal(reason: &CannotHeal) -> String {
    match reason {
        CannotHeal::NotARepository => {
            "Nothing is generated: this folder is not a git repository. Start the agent in one.".to_owned()
        }
        CannotHeal::NotInVenture(repo, venture) => format!(
            "Nothing is generated: {repo} is not among the repositories of venture {venture}. If it is one, add it to \
             `repos` of the venture."
        ),
    }
}

fn line(one: &HealedDoc) -> String {
    let cause = |text: &str| clip(&clean_line(text), CAUSE_COST);
    let what = match &one.outcome {
        HealingOutcome::Created(version) => format!("created, version {version}"),
        HealingOutcome::Updated(version) => format!("updated, version {version}"),
        HealingOutcome::Confirmed(version) => format!("unchanged and confirmed, version {version}"),
        HealingOutcome::NothingFound => "not written, nothing for it was found in this repository".to_owned(),
        HealingOutcome::ByHand => "left as it is, a person wrote or changed it; whoever did must look at it".to_owned(),
        HealingOutcome::FromAnother(repo) => format!("left as it is, it was generated from {repo}; heal it there"),
        HealingOutcome::Changed => "left as it is, somebody changed it just now".to_owned(),
        HealingOutcome::HoldsSecret(places) => {
            format!("refused, {}; take it out of the repository's files and heal again", cause(places))
        }
        HealingOutcome::NotPermitted => "not permitted to this key; ask an admin".to_owned(),
        HealingOutcome::Unreachable(why) => format!("not written, nor what comes after it: {}", cause(why)),
        HealingOutcome::Failed(why) => format!("failed: {}", cause(why)),
    };
    format!("{}: {what}", one.kind.file_name())
}
