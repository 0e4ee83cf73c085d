//! The measured figures, their bounds, and how they are printed.

use std::io::Write as _;

use serde_json::{Value, json};

/// A measured figure.
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) bound: Option<Bound>,
    /// Whether it differs little between machines: a quotient of two times of this run, or a count.
    is_portable: bool,
}

/// A limit of a figure.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit, bound: None, is_portable: false }
    }

    /// A quotient of two times of this run, or a count.
    pub(crate) fn portable(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { is_portable: true, ..Self::new(name, value, unit) }
    }

    pub(crate) fn at_most(self, bound: f64) -> Self {
        Self { bound: Some(Bound::AtMost(bound)), ..self }
    }

    pub(crate) fn at_least(self, bound: f64) -> Self {
        Self { bound: Some(Bound::AtLeast(bound)), ..self }
    }

    /// Whether the figure keeps its bound.
    pub(crate) fn is_good(&self) -> bool {
        match self.bound {
            Some(Bound::AtMost(bound)) => self.value <= bound,
            Some(Bound::AtLeast(bound)) => self.value >= bound,
            None => true,
        }
    }

    fn describe_bound(&self) -> String {
        let rounded = |bound: f64| (bound * 100.0).round() / 100.0;
        match self.bound {
            Some(Bound::AtMost(bound)) => format!("at most {}", rounded(bound)),
            Some(Bound::AtLeast(bound)) => format!("at least {}", rounded(bound)),
            None => String::new(),
        }
    }

    fn as_json(&self) -> Value {
        let (at_most, at_least) = match self.bound {
            Some(Bound::AtMost(bound)) => (Some(bound), None),
            Some(Bound::AtLeast(bound)) => (None, Some(bound)),
            None => (None, None),
        };
        json!({
            "name": self.name, "value": self.value, "unit": self.unit,
            "at_most": at_most, "at_least": at_least, "good": self.is_good(),
        })
    }
}

/// Prints the figures. Returns whether all keep their bounds. With `only_ratios`, the bounds of other figures are printed,
/// but do not count.
pub(crate) fn print(figures: &[Figure], as_json: bool, only_ratios: bool) -> bool {
    let mut lines = Vec::new();
    if as_json {
        let figures: Vec<Value> = figures.iter().map(Figure::as_json).collect();
        lines.push(format!("{:#}", json!({ "figures": figures })));
    } else {
        let width = figures.iter().map(|figure| figure.name.len()).max().unwrap_or(0);
        for figure in figures {
            let mark = if figure.is_good() { "" } else { "  NOT KEPT" };
            lines.push(format!(
                "{:width$}  {:>9.2} {:<12} {}{mark}",
                figure.name,
                figure.value,
                figure.unit,
                figure.describe_bound()
            ));
        }
    }
    std::io::stdout().write_all((lines.join("\n") + "\n").as_bytes()).unwrap();
    figures.iter().filter(|figure| figure.is_portable || !only_ratios).all(Figure::is_good)
}
