//! Reads Prisma schema files line by line: models and enums. The files of a folder are one schema.

use std::collections::BTreeSet;

use super::model::{Column, ObjectKind, Schema, Table};

/// A block of a schema file.
#[derive(Debug)]
pub(super) struct Block {
    kind: String,
    name: String,
    line: usize,
    lines: Vec<String>,
}

/// The blocks of a file.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in text.lines().enumerate() {
        let line = without_comment(line);
        match &mut open {
            None => open = block(line, number + 1),
            Some(_) if line == "}" => found.extend(open.take()),
            Some(block) => block.lines.push(line.to_owned()),
        }
    }
    found
}

fn block(line: &str, number: usize) -> Option<Block> {
    let mut words = line.strip_suffix('{')?.split_whitespace();
    let (kind, name) = (words.next()?.to_owned(), words.next().unwrap_or_default().to_owned());
    Some(Block { kind, name, line: number, lines: Vec::new() })
}

/// The schema that the files of a folder declare.
pub(super) fn schema(files: &[(String, Vec<Block>)]) -> Schema {
    let all = || files.iter().flat_map(|(path, blocks)| blocks.iter().map(move |block| (path, block)));
    let is_model = |block: &Block| matches!(block.kind.as_str(), "model" | "view");
    let models: BTreeSet<&str> =
        all().filter(|(_, block)| is_model(block)).map(|(_, block)| block.name.as_str()).collect();
    let mut schema = Schema::default();
    for (path, block) in all() {
        let mapped = block.lines.iter().find_map(|line| line.strip_prefix("@@map(").and_then(quoted));
        let name = mapped.unwrap_or(&block.name);
        match block.kind.as_str() {
            "model" => schema.create(table(block, name, &models, &format!("{path}:{}", block.line))),
            "view" => schema.add(ObjectKind::View, name, format!("{path}:{}", block.line)),
            "enum" => schema.add(ObjectKind::Enum, name, values(block).join(", ")),
            _ => {}
        }
    }
    schema
}

fn table(block: &Block, name: &str, models: &BTreeSet<&str>, place: &str) -> Table {
    let space = block.lines.iter().find_map(|line| line.strip_prefix("@@schema(").and_then(quoted));
    let name = space.map_or_else(|| name.to_owned(), |space| format!("{space}.{name}"));
    let mut table = Table { name, place: place.to_owned(), ..Table::default() };
    for line in &block.lines {
        if line.starts_with("@@") {
            table.constraints.push(line.clone());
        } else {
            table.columns.extend(column(line, models));
        }
    }
    table
}

/// The column of a line. `None` for a relation, which other columns store.
fn column(line: &str, models: &BTreeSet<&str>) -> Option<Column> {
    let (name, rest) = line.split_once(char::is_whitespace)?;
    let (kind, rules) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
    let is_relation = models.contains(kind.trim_end_matches(['?', '[', ']']));
    if is_relation || kind.is_empty() {
        return None;
    }
    let mapped =
        rules.split_once("@map(").filter(|(before, _)| !before.ends_with('@')).and_then(|(_, map)| quoted(map));
    let rules = Some(rules.trim().to_owned()).filter(|rules| !rules.is_empty());
    Some(Column { name: mapped.unwrap_or(name).to_owned(), kind: kind.to_owned(), rules: rules.into_iter().collect() })
}

/// The values of an enum.
fn values(block: &Block) -> Vec<&str> {
    let names = block.lines.iter().filter_map(|line| line.split_whitespace().next());
    names.filter(|name| !name.starts_with('@')).collect()
}

/// The text in the first quotes.
fn quoted(text: &str) -> Option<&str> {
    text.split('"').nth(1)
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
