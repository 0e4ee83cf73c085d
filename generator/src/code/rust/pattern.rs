//! Patterns, paths and types.

use std::sync::Arc;

use tree_sitter::Node;

use super::super::parse::children;
use super::super::{Expression, Located, Pattern};
use super::{Lowering, MAX_DEPTH};

/// Types that only wrap another one.
const WRAPPERS: [&str; 9] = ["Arc", "Rc", "Box", "Option", "Result", "Mutex", "RwLock", "Cow", "Data"];

impl Lowering<'_> {
    /// The names that a pattern binds. `Some(value)` and the like bind the value itself.
    pub(super) fn pattern(&self, node: Node<'_>) -> Pattern {
        self.nested_pattern(node, 0)
    }

    fn nested_pattern(&self, node: Node<'_>, depth: usize) -> Pattern {
        let inner = |child: Node<'_>| self.nested_pattern(child, depth + 1);
        match node.kind() {
            _ if depth >= MAX_DEPTH => Pattern::Ignored,
            "identifier" | "shorthand_field_identifier" => Pattern::Name(self.source(node).to_owned()),
            "tuple_pattern" | "slice_pattern" => Pattern::List(children(node).into_iter().map(inner).collect()),
            "tuple_struct_pattern" => match children(node).get(1..) {
                Some([single]) => inner(*single),
                _ => Pattern::Ignored,
            },
            "struct_pattern" => {
                let fields = children(node).into_iter().filter(|child| child.kind() == "field_pattern");
                Pattern::Record(fields.filter_map(|field| self.field_pattern(field, depth)).collect())
            }
            "mut_pattern" | "ref_pattern" | "reference_pattern" | "match_pattern" | "or_pattern" => {
                let names = children(node).into_iter().filter(|child| child.kind() != "mutable_specifier");
                names.map(inner).next().unwrap_or(Pattern::Ignored)
            }
            _ => Pattern::Ignored,
        }
    }

    fn field_pattern(&self, node: Node<'_>, depth: usize) -> Option<(String, Pattern)> {
        let name = node.child_by_field_name("name")?;
        let key = self.source(name).to_owned();
        let pattern = match node.child_by_field_name("pattern") {
            Some(pattern) => self.nested_pattern(pattern, depth + 1),
            None => Pattern::Name(key.clone()),
        };
        Some((key, pattern))
    }

    /// A path such as `a::b::<T>::c`, without its type arguments.
    pub(super) fn path(&self, node: Node<'_>) -> Located {
        let text = self.path_text(node);
        let mut path: Option<Expression> = None;
        for name in text.split("::").filter(|name| !name.is_empty()) {
            path = Some(match path {
                None => Expression::Name(name.to_owned()),
                Some(object) => Expression::Path(Arc::new(self.at(node, object)), name.to_owned()),
            });
        }
        self.at(node, path.unwrap_or(Expression::Unknown(text)))
    }

    /// The names of a path, joined by `::`.
    pub(super) fn path_text(&self, node: Node<'_>) -> String {
        let mut names = Vec::new();
        let mut current = Some(node);
        while let Some(node) = current.filter(|_| names.len() < MAX_DEPTH) {
            current = match node.kind() {
                "scoped_identifier" | "scoped_type_identifier" => {
                    names.push(self.field(node, "name"));
                    node.child_by_field_name("path")
                }
                "generic_type" | "generic_type_with_turbofish" | "generic_function" | "qualified_type" => {
                    node.child_by_field_name("type").or_else(|| node.child_by_field_name("function"))
                }
                "bracketed_type" | "reference_type" | "pointer_type" | "dynamic_type" | "abstract_type" => {
                    children(node)
                        .into_iter()
                        .find(|child| !matches!(child.kind(), "mutable_specifier" | "lifetime" | "type_parameters"))
                }
                _ => {
                    names.push(self.source(node));
                    None
                }
            };
        }
        names.reverse();
        names.join("::")
    }

    /// The last name of a type, without references, wrappers and arguments: `Api` of `&mut Arc<a::Api<T>>`.
    pub(super) fn type_name(&self, node: Node<'_>) -> String {
        let mut node = node;
        for _ in 0..8 {
            let arguments = node.child_by_field_name("type_arguments");
            let name = self.path_text(node);
            let name = name.rsplit("::").next().unwrap_or_default();
            match (node.kind(), arguments.and_then(|arguments| children(arguments).into_iter().next())) {
                ("generic_type", Some(inner)) if WRAPPERS.contains(&name) => node = inner,
                ("reference_type", _) => match node.child_by_field_name("type") {
                    Some(inner) => node = inner,
                    None => break,
                },
                _ => break,
            }
        }
        let path = self.path_text(node);
        path.rsplit("::").next().filter(|name| name.len() < 100).unwrap_or_default().to_owned()
    }
}
