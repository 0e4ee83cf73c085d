//! What the file and the API say of the same ventures. Decides, changes nothing.

use deckwatch_client::ventures::VentureEntry;
use deckwatch_protocol::VentureCode;

/// Every venture of the file beside what the API has, and those that only the API has.
pub(super) struct Comparison<'a> {
    pub(super) ventures: Vec<Compared<'a>>,
    pub(super) only_in_api: Vec<VentureCode>,
}

/// One venture of the file.
pub(super) struct Compared<'a> {
    pub(super) venture: &'a VentureEntry,
    pub(super) difference: Difference,
}

/// How the API's record differs from the file's.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// The API has none.
    Missing,
    /// These fields are others.
    Fields(Vec<&'static str>),
    /// There is none.
    None,
}

impl<'a> Comparison<'a> {
    /// Puts both side by side, in the file's order.
    pub(super) fn new(of_file: &'a [VentureEntry], registered: &[VentureEntry]) -> Self {
        let ventures = of_file.iter().map(|venture| {
            let known = registered.iter().find(|known| known.code == venture.code);
            Compared { venture, difference: known.map_or(Difference::Missing, |known| differing(venture, known)) }
        });
        let in_file = |code: &VentureCode| of_file.iter().any(|venture| venture.code == *code);
        let others = registered.iter().map(|venture| &venture.code).filter(|code| !in_file(code));
        Self { ventures: ventures.collect(), only_in_api: others.cloned().collect() }
    }

    /// The ventures that the API does not know as the file has them.
    pub(super) fn to_put(&self) -> Vec<&'a VentureEntry> {
        let differs = self.ventures.iter().filter(|compared| compared.difference != Difference::None);
        differs.map(|compared| compared.venture).collect()
    }
}

/// Compares what the API stores; where secrets are is not told to it.
fn differing(venture: &VentureEntry, known: &VentureEntry) -> Difference {
    let (ours, theirs) = (venture.registration(), known.registration());
    let fields = [
        ("name", ours.name != theirs.name),
        ("github_org", ours.github_org != theirs.github_org),
        ("repos", ours.repos != theirs.repos),
        ("capabilities", ours.capabilities != theirs.capabilities),
    ];
    let others: Vec<_> = fields.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect();
    if others.is_empty() { Difference::None } else { Difference::Fields(others) }
}
