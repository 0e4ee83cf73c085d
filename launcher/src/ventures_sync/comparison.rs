//! Compares the ventures of the file with those of the API. Changes nothing.

use deckwatch_machine::ventures::VentureEntry;
use deckwatch_protocol::VentureCode;

/// The ventures of the file with their differences, and the ventures that only the API has.
pub(super) struct Comparison<'a> {
    pub(super) ventures: Vec<Compared<'a>>,
    pub(super) only_in_api: Vec<VentureCode>,
}

/// A venture of the file.
pub(super) struct Compared<'a> {
    pub(super) venture: &'a VentureEntry,
    pub(super) difference: Difference,
}

/// The difference between the record in the API and the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// The API does not have the venture.
    Missing,
    /// These fields differ.
    Fields(Vec<&'static str>),
    /// There is no difference.
    None,
}

impl<'a> Comparison<'a> {
    /// Compares both lists. The result has the order of the file.
    pub(super) fn new(of_file: &'a [VentureEntry], registered: &[VentureEntry]) -> Self {
        let ventures = of_file.iter().map(|venture| {
            let known = registered.iter().find(|known| known.code == venture.code);
            Compared { venture, difference: known.map_or(Difference::Missing, |known| differing(venture, known)) }
        });
        let in_file = |code: &VentureCode| of_file.iter().any(|venture| venture.code == *code);
        let others = registered.iter().map(|venture| &venture.code).filter(|code| !in_file(code));
        Self { ventures: ventures.collect(), only_in_api: others.cloned().collect() }
    }

    /// The ventures that are missing in the API or differ from it.
    pub(super) fn to_register(&self) -> Vec<&'a VentureEntry> {
        let differs = self.ventures.iter().filter(|compared| compared.difference != Difference::None);
        differs.map(|compared| compared.venture).collect()
    }
}

/// Compares the fields that the API stores. The location of secrets is not sent to the API.
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
