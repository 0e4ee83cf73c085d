//! Reads Prisma schema files line by line: models, views and enums.

use super::model::{Column, ObjectKind, Schema, Table};

/// The block that contains the current line.
enum Block {
    Outside,
    Table(Table),
    Enum(String, Vec<String>),
    Other,
}

/// The schema that a file declares.
pub(super) fn read(path: &str, text: &str) -> Schema {
    let mut schema = Schema::default();
    let mut block = Block::Outside;
    for (number, line) in text.lines().enumerate() {
        let line = without_comment(line);
        block = match block {
            Block::Outside => open(line, &format!("{path}:{}", number + 1)),
            Block::Table(table) if line == "}" => {
                schema.create(table);
                Block::Outside
            }
            Block::Enum(name, values) if line == "}" => {
                schema.add(ObjectKind::Enum, &name, values.join(", "));
                Block::Outside
            }
            Block::Other if line == "}" => Block::Outside,
            Block::Table(mut table) => {
                add_line(&mut table, line);
                Block::Table(table)
            }
            Block::Enum(name, mut values) => {
                values
                    .extend(line.split_whitespace().next().filter(|value| !value.starts_with('@')).map(str::to_owned));
                Block::Enum(name, values)
            }
            Block::Other => Block::Other,
        };
    }
    schema
}

fn open(line: &str, place: &str) -> Block {
    let mut words = line.split_whitespace();
    let (kind, name) = (words.next(), words.next().unwrap_or_default().trim_end_matches('{').to_owned());
    match kind {
        Some("model" | "view" | "type") => Block::Table(Table { name, place: place.to_owned(), ..Table::default() }),
        Some("enum") => Block::Enum(name, Vec::new()),
        Some(_) if line.ends_with('{') => Block::Other,
        _ => Block::Outside,
    }
}

fn add_line(table: &mut Table, line: &str) {
    if line.starts_with("@@") {
        table.constraints.push(line.to_owned());
        return;
    }
    let mut parts = line.splitn(2, char::is_whitespace);
    let (Some(name), Some(rest)) = (parts.next().filter(|name| !name.is_empty()), parts.next()) else { return };
    let (kind, rules) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
    let rules = if rules.trim().is_empty() { Vec::new() } else { vec![rules.trim().to_owned()] };
    table.columns.push(Column { name: name.to_owned(), kind: kind.to_owned(), rules });
}

/// The line without its comment, trimmed.
fn without_comment(line: &str) -> &str {
    let mut in_string = false;
    let mut last = ' ';
    for (at, c) in line.char_indices() {
        match c {
            '"' if last != '\\' => in_string = !in_string,
            '/' if !in_string && last == '/' => return line.get(..at - 1).unwrap_or(line).trim(),
            _ => {}
        }
        last = c;
    }
    line.trim()
}
