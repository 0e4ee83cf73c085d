//! The results of healing documents. The lines contain no stored text.

use std::time::Duration;

use super::budget::clip;
use super::clean::clean_line;
use crate::healing::outcome::{CannotHeal, HealedDoc, HealingOutcome};

/// The limit for a cause.
const CAUSE_COST: usize = 300;

/// One line for each document.
pub(crate) fn lines(healed: &[HealedDoc]) -> Vec<String> {
    healed.iter().map(|one| format!("- {}", line(one))).collect()
}

/// The results of healing in the background, on one line.
pub(crate) fn summary(healed: &[HealedDoc]) -> String {
    let each: Vec<String> = healed.iter().map(line).collect();
    format!("Documents healed in the background: {}.", each.join("; "))
}

/// Healing in the background reached its time limit.
pub(crate) fn too_slow(patience: Duration) -> String {
    format!(
        "Documents were not healed within {} s in the background. Call `doc_audit` with action \"heal\", which has more time.",
        patience.as_secs()
    )
}

/// Why no document was generated.
pub(crate) fn cannot_heal(reason: &CannotHeal) -> String {
    match reason {
        CannotHeal::NotARepository => {
            "No document is generated: this folder is not a git repository. Start the agent in one.".to_owned()
        }
        CannotHeal::NotInVenture(repo, venture) => format!(
            "No document is generated: {repo} is not a repository of venture {venture}. If it should be, add it to `repos` \
             of the venture."
        ),
    }
}

fn line(one: &HealedDoc) -> String {
    let cause = |text: &str| clip(&clean_line(text), CAUSE_COST);
    let what = match &one.outcome {
        HealingOutcome::Created(version) => format!("created, version {version}"),
        HealingOutcome::Updated(version) => format!("updated, version {version}"),
        HealingOutcome::Confirmed(version) => format!("unchanged and confirmed, version {version}"),
        HealingOutcome::NothingFound => "not written, because this repository has no source for it".to_owned(),
        HealingOutcome::ByHand => {
            "not changed, because a person wrote or edited it; ask that person to update it".to_owned()
        }
        HealingOutcome::FromAnother(repo) => {
            format!("not changed, because it was generated from {repo}; heal it there")
        }
        HealingOutcome::Changed => "not changed, because somebody edited it just now".to_owned(),
        HealingOutcome::HoldsSecret(places) => {
            format!("refused, {}; remove it from the repository's files and heal again", cause(places))
        }
        HealingOutcome::NotPermitted => "refused, because this key has no permission; ask an admin".to_owned(),
        HealingOutcome::Unreachable(why) => {
            format!("not written, and the documents after it are skipped: {}", cause(why))
        }
        HealingOutcome::Failed(why) => format!("failed: {}", cause(why)),
    };
    format!("{}: {what}", one.kind.file_name())
}
