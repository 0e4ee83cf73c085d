//! Models of GORM: structs of Go.

use std::collections::{BTreeMap, BTreeSet};

use tree_sitter::Node;

use super::NamedSchema;
use super::gorm_names::{column as column_name, plural};
use super::model::{Column, Schema, Table};
use crate::code::{children, line, parsed, source};
use crate::paths;

/// What a file declares.
#[derive(Debug, Default)]
pub(super) struct File {
    structs: Vec<Struct>,
    /// The table of each type that has the method `TableName`.
    tables: BTreeMap<String, Option<String>>,
    /// The types that store themselves in one column: they have the method `Value`.
    valuers: BTreeSet<String>,
    /// The types that `AutoMigrate` gets.
    migrated: BTreeSet<String>,
    /// The prefix of every table, if a naming strategy sets one.
    prefix: Option<String>,
    is_singular: bool,
}

#[derive(Debug)]
struct Struct {
    name: String,
    line: usize,
    fields: Vec<Field>,
}

/// A field. An embedded struct has no name.
#[derive(Debug)]
struct Field {
    name: Option<String>,
    kind: String,
    tag: Option<String>,
}

/// Reads a file if it may declare models.
pub(super) fn read(path: &str, text: &str) -> Option<File> {
    let words = ["gorm", "TableName()", "AutoMigrate("];
    let is_generated = path.ends_with("_test.go") || path.ends_with(".pb.go");
    if is_generated || !words.iter().any(|word| text.contains(word)) && !text.contains("ID ") {
        return None;
    }
    let tree = parsed(&tree_sitter_go::LANGUAGE.into(), text)?;
    let mut file = File::default();
    for node in children(tree.root_node()) {
        match node.kind() {
            "type_declaration" => {
                let specs = children(node).into_iter().filter(|spec| spec.kind() == "type_spec");
                file.structs.extend(specs.filter_map(|spec| structure(text, spec)));
            }
            "method_declaration" => file.add_method(text, node),
            _ => {}
        }
    }
    file.add_calls(text, tree.root_node());
    let after = |name: &str| text.split_once(name).map(|(_, after)| after.trim_start());
    file.prefix = after("TablePrefix:").and_then(|after| after.strip_prefix('"')?.split('"').next()).map(str::to_owned);
    file.is_singular = after("SingularTable:").is_some_and(|after| after.starts_with("true"));
    Some(file)
}

impl File {
    fn add_method(&mut self, text: &str, node: Node<'_>) {
        let name = node.child_by_field_name("name").map(|name| source(text, name)).unwrap_or_default();
        let receiver = node.child_by_field_name("receiver").and_then(|receiver| {
            let parameter = children(receiver).into_iter().next()?;
            Some(source(text, parameter.child_by_field_name("type")?).trim_start_matches('*').to_owned())
        });
        let Some(receiver) = receiver else { return };
        if name == "TableName" {
            let body = node.child_by_field_name("body").map(|body| source(text, body)).unwrap_or_default();
            let table = body.split_once("return").map(|(_, value)| value.trim());
            let table = table.and_then(|value| value.strip_prefix('"')?.split('"').next()).map(str::to_owned);
            self.tables.insert(receiver, table);
        } else if name == "Value" {
            self.valuers.insert(receiver);
        }
    }

    /// Adds the types in calls of `AutoMigrate`.
    fn add_calls(&mut self, text: &str, node: Node<'_>) {
        for child in children(node) {
            let function = child.child_by_field_name("function").map(|function| source(text, function));
            if child.kind() == "call_expression" && function.is_some_and(|function| function.ends_with("AutoMigrate")) {
                let arguments = child.child_by_field_name("arguments").map(children).unwrap_or_default();
                let values = arguments.into_iter().map(|argument| source(text, argument));
                let types =
                    values.map(|argument| argument.trim_start_matches(['&', '*', '(']).trim_start_matches("new("));
                let migrated = types.filter_map(|name| name.split(['{', '(', ')']).next()?.rsplit('.').next());
                self.migrated.extend(migrated.map(str::to_owned));
            }
            self.add_calls(text, child);
        }
    }
}

fn structure(text: &str, spec: Node<'_>) -> Option<Struct> {
    let kind = spec.child_by_field_name("type").filter(|kind| kind.kind() == "struct_type")?;
    let list = children(kind).into_iter().find(|list| list.kind() == "field_declaration_list")?;
    let mut fields = Vec::new();
    for node in children(list) {
        let Some(kind) = node.child_by_field_name("type") else { continue };
        let part = |node: Node<'_>| source(text, node).to_owned();
        let tag = node.child_by_field_name("tag").map(part);
        let mut cursor = node.walk();
        let names: Vec<_> = node.children_by_field_name("name", &mut cursor).map(part).collect();
        if names.is_empty() {
            fields.push(Field { name: None, kind: part(kind), tag });
        } else {
            let field = |name| Field { name: Some(name), kind: part(kind), tag: tag.clone() };
            fields.extend(names.into_iter().map(field));
        }
    }
    let name = source(text, spec.child_by_field_name("name")?).to_owned();
    Some(Struct { name, line: line(spec), fields })
}

impl Field {
    /// The settings of the tag `gorm:"column:name;size:64"`, in lower case before the colon.
    fn settings(&self) -> BTreeMap<String, String> {
        let tag = self.tag.as_deref().and_then(|tag| tag.split_once("gorm:\"")?.1.split('"').next());
        let settings = tag.unwrap_or_default().split(';').filter(|setting| !setting.trim().is_empty());
        let pair = |setting: &str| {
            let (name, value) = setting.split_once(':').unwrap_or((setting, ""));
            (name.trim().to_lowercase(), value.trim().to_owned())
        };
        settings.map(pair).collect()
    }
}

/// All structs of the repository.
struct Structs<'a> {
    by_name: BTreeMap<&'a str, Vec<(&'a str, &'a Struct)>>,
    valuers: BTreeSet<&'a str>,
}

impl<'a> Structs<'a> {
    fn of(files: &'a [(String, File)]) -> Self {
        let mut by_name: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for (path, file) in files {
            for structure in &file.structs {
                by_name.entry(&structure.name).or_default().push((path.as_str(), structure));
            }
        }
        let valuers = files.iter().flat_map(|(_, file)| file.valuers.iter().map(String::as_str)).collect();
        Self { by_name, valuers }
    }

    /// The struct that a type names: in the same package, or in the package that the type names.
    fn find(&self, from: &str, kind: &str) -> Option<(&'a str, &'a Struct)> {
        let kind = kind.trim_start_matches('*');
        let (package, name) = kind.rsplit_once('.').map_or((None, kind), |(package, name)| (Some(package), name));
        let candidates = self.by_name.get(name)?.iter();
        let is_near = |path: &str| match package {
            Some(package) => paths::name(paths::folder(path)) == package,
            None => paths::folder(path) == paths::folder(from),
        };
        candidates.copied().find(|(path, _)| is_near(path))
    }
}

/// How many structs may be embedded in one another.
const MAX_DEPTH: usize = 8;

/// The schema of all models. `None` if there are none.
pub(super) fn schema(files: &[(String, File)]) -> Option<NamedSchema> {
    let structs = Structs::of(files);
    let migrated: BTreeSet<&str> =
        files.iter().flat_map(|(_, file)| file.migrated.iter().map(String::as_str)).collect();
    let prefix = files.iter().find_map(|(_, file)| file.prefix.as_deref()).unwrap_or_default();
    let is_singular = files.iter().any(|(_, file)| file.is_singular);
    let embedded: BTreeSet<&str> = files
        .iter()
        .flat_map(|(_, file)| file.structs.iter().flat_map(|structure| &structure.fields))
        .filter(|field| field.name.is_none() || field.settings().contains_key("embedded"))
        .map(|field| field.kind.trim_start_matches('*').rsplit('.').next().unwrap_or_default())
        .collect();
    let mut schema = Schema::default();
    let mut used = BTreeSet::new();
    for (path, file) in files {
        let methods = files.iter().filter(|(other, _)| paths::folder(other) == paths::folder(path));
        let tables: BTreeMap<&String, &Option<String>> = methods.flat_map(|(_, file)| &file.tables).collect();
        for structure in &file.structs {
            let own = tables.get(&structure.name);
            let is_migrated = migrated.contains(structure.name.as_str());
            let has_tags =
                structure.fields.iter().any(|field| !field.settings().is_empty() || field.kind == "gorm.Model");
            let is_part = embedded.contains(structure.name.as_str());
            if !(own.is_some() || is_migrated || has_tags && !is_part && (migrated.is_empty() || has_key(structure))) {
                continue;
            }
            let singular = column_name(&structure.name);
            let default = || format!("{prefix}{}", if is_singular { singular.clone() } else { plural(&singular) });
            let name = own.and_then(|name| (*name).clone()).unwrap_or_else(default);
            let columns = columns(&structs, path, structure, 0);
            if !columns.is_empty() {
                let place = format!("{path}:{}", structure.line);
                schema.create(Table { name, place, columns, ..Table::default() });
                used.insert(path.clone());
            }
        }
    }
    (!schema.is_empty()).then(|| NamedSchema::of("GORM".to_owned(), schema, used.into_iter().collect()))
}

fn has_key(structure: &Struct) -> bool {
    structure.fields.iter().any(|field| {
        let settings = field.settings();
        field.kind == "gorm.Model"
            || field.name.as_deref() == Some("ID")
            || settings.contains_key("primarykey")
            || settings.contains_key("primary_key")
    })
}

fn columns(structs: &Structs<'_>, path: &str, structure: &Struct, depth: usize) -> Vec<Column> {
    let mut found = Vec::new();
    if depth >= MAX_DEPTH {
        return found;
    }
    for field in &structure.fields {
        let settings = field.settings();
        if settings.contains_key("-") || field.name.as_deref().is_some_and(|name| name.starts_with(char::is_lowercase))
        {
            continue;
        }
        if field.kind == "gorm.Model" {
            let names = [("id", "uint"), ("created_at", "time.Time"), ("updated_at", "time.Time")];
            let names = names.into_iter().chain([("deleted_at", "gorm.DeletedAt")]);
            found.extend(names.map(|(name, kind)| Column {
                name: name.to_owned(),
                kind: kind.to_owned(),
                rules: Vec::new(),
            }));
            continue;
        }
        let inner = structs.find(path, &field.kind);
        if field.name.is_none() || settings.contains_key("embedded") {
            let prefix = settings.get("embeddedprefix").map(String::as_str).unwrap_or_default();
            let inner = inner.map(|(path, inner)| columns(structs, path, inner, depth + 1)).unwrap_or_default();
            found.extend(inner.into_iter().map(|column| Column { name: format!("{prefix}{}", column.name), ..column }));
            continue;
        }
        found.extend(column(structs, path, field, &settings));
    }
    let mut names = BTreeSet::new();
    found.retain(|column| names.insert(column.name.clone()));
    found
}

/// The column of a field. `None` for an association, which other columns store.
fn column(structs: &Structs<'_>, path: &str, field: &Field, settings: &BTreeMap<String, String>) -> Option<Column> {
    let is_stored = ["serializer", "type"].iter().any(|name| settings.contains_key(*name));
    let kind = field.kind.trim_start_matches('*');
    let element = kind.trim_start_matches(|c: char| c == '[' || c == ']' || c == '*' || c.is_ascii_digit());
    let is_valuer = structs.valuers.contains(element.rsplit('.').next().unwrap_or(element));
    let is_association = structs.find(path, element).is_some() && !is_valuer;
    let is_list = kind.starts_with('[') && !matches!(element, "byte" | "uint8") || kind.starts_with("map[");
    let names = ["foreignkey", "many2many", "references", "polymorphic"];
    let is_reference = names.iter().any(|name| settings.contains_key(*name));
    if !is_stored
        && (is_association || is_list || is_reference || kind.starts_with("func(") || kind.starts_with("struct"))
    {
        return None;
    }
    let own = settings.get("column").filter(|name| !name.is_empty()).cloned();
    let name = own.or_else(|| field.name.as_deref().map(column_name))?;
    let rule = |(name, value): (&String, &String)| match (name.as_str(), value.is_empty()) {
        ("column", _) => None,
        (_, true) => Some(name.clone()),
        (_, false) => Some(format!("{name}:{value}")),
    };
    Some(Column { name, kind: field.kind.clone(), rules: settings.iter().filter_map(rule).collect() })
}
