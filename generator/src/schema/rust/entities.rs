//! Entities of `SeaORM`: structs with `DeriveEntityModel`.

use tree_sitter::Node;

use super::super::model::{Column, Table};
use super::syntax::{attribute, has_word, with_attributes};
use crate::code::{line, source};

/// The tables of a file.
pub(super) fn tables(path: &str, text: &str, root: Node<'_>) -> Vec<Table> {
    let mut found = Vec::new();
    for (node, attributes) in with_attributes(text, root) {
        if node.kind() == "struct_item" && has_word(&attributes, "DeriveEntityModel") {
            found.extend(table(text, node, &attributes, format!("{path}:{}", line(node))));
        } else if node.kind() == "mod_item" {
            let body = node.child_by_field_name("body");
            found.extend(body.map(|body| tables(path, text, body)).unwrap_or_default());
        }
    }
    found
}

fn table(text: &str, node: Node<'_>, attributes: &str, place: String) -> Option<Table> {
    let name = attribute(attributes, "table_name")?;
    let space = attribute(attributes, "schema_name").map(|space| format!("{space}.")).unwrap_or_default();
    let style = attribute(attributes, "rename_all");
    let fields = node.child_by_field_name("body")?;
    let field = |(field, attributes): (Node<'_>, String)| {
        let part = |name| field.child_by_field_name(name).map(|part| source(text, part));
        let (name, kind) = (part("name")?.trim_start_matches("r#"), part("type")?);
        // A field of `sea_orm(ignore)` and a relation have no column.
        let is_relation = ["HasOne", "HasMany", "BelongsTo"].iter().any(|relation| kind.starts_with(relation));
        if has_word(&attributes, "ignore") || is_relation {
            return None;
        }
        let own = attribute(&attributes, "column_name").map(str::to_owned);
        let name = own.unwrap_or_else(|| styled(name, style));
        let rules = if attributes.is_empty() { Vec::new() } else { vec![attributes] };
        Some(Column { name, kind: kind.to_owned(), rules })
    };
    let columns = with_attributes(text, fields).into_iter().filter_map(field).collect();
    Some(Table { name: format!("{space}{name}"), place, columns, ..Table::default() })
}

/// A name in the style that `rename_all` asks for.
fn styled(name: &str, style: Option<&str>) -> String {
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_uppercase().chain(chars).collect::<String>()).unwrap_or_default()
    };
    let pascal = || name.split('_').map(capital).collect::<String>();
    match style {
        Some("PascalCase") => pascal(),
        Some("camelCase") => {
            let words: Vec<&str> = name.splitn(2, '_').collect();
            let rest = words.get(1).map(|rest| rest.split('_').map(capital).collect::<String>());
            format!("{}{}", words.first().copied().unwrap_or_default(), rest.unwrap_or_default())
        }
        Some("SCREAMING_SNAKE_CASE") => name.to_uppercase(),
        Some("kebab-case") => name.replace('_', "-"),
        _ => name.to_owned(),
    }
}
